"""A Keras layer trains with the bias that it has: ``use_bias`` decides, not what the TFLite converter writes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tflm_train as tt
from tflm_train.inspection import inspect_report

keras = pytest.importorskip("keras")
layers = keras.layers


def _trained(model: Any, **options: Any) -> tuple[tt.TrainableModel, dict[str, bool]]:
    """The converted model, and by layer (its whole path) whether a bias trains."""
    converted = tt.convert(model, tt.TrainingConfig(**options))
    names = [operator["name"] for operator in inspect_report(converted.data, "m")["operators"]]
    return converted, {
        names[int(layer["operator"])].rsplit("/", 1)[0]: bool(layer["bias"] != 0xFFFF)
        for layer in converted.plan.layers
    }


def _sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, use_bias=False, activation="relu", name="bare"),
            layers.Conv2D(3, 3, activation="relu", name="biased"),
            layers.SeparableConv2D(4, 2, name="separable"),
            layers.DepthwiseConv2D(1, use_bias=False, name="depthwise"),
            layers.Flatten(),
            layers.Dense(8, use_bias=False, activation="relu", name="bare_dense"),
            layers.Dense(2, activation="softmax", name="head"),
        ]
    )


def test_layers_without_bias_train_without() -> None:
    model, biases = _trained(_sequential())
    assert [biases[name] for name in ("bare", "biased", "depthwise", "bare_dense", "head")] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert sum(biases.values()) == 3, "the separable convolution has its bias in the second half"
    assert model.plan.parameters["elements"].sum() == _sequential().count_params()


def test_add_bias_gives_all_of_them_one() -> None:
    assert all(_trained(_sequential(), add_bias=True)[1].values())


def test_the_bias_that_the_file_has_in_its_place_stays() -> None:
    model, _ = _trained(_sequential(), learning_rate=0.1)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6, 6, 2)), rng.integers(0, 2, 20)
    trainer = tt.Trainer(model)
    before = trainer.predict(x)
    trainer.fit(x, y, epochs=2, verbose=0)
    assert not np.allclose(trainer.predict(x), before)
    trained = {int(record["tensor"]) for record in model.plan.parameters}
    assert {tensor for tensor, _ in trainer.device.parameters()} == trained
    assert len(trained) == 7 + 3, "seven weights, three biases"


def test_the_model_is_left_as_it_was() -> None:
    model = _sequential()
    before = [variable.numpy().copy() for variable in model.variables]
    tt.convert(model)
    assert all((a == b.numpy()).all() for a, b in zip(before, model.variables))


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}], ids=str)
def test_a_batch_normalisation_is_a_bias(options: dict[str, Any]) -> None:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(3, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(**options),
            layers.ReLU(),
            layers.Conv2D(2, 1, use_bias=False, name="bare"),
            layers.GlobalAveragePooling2D(),
        ]
    )
    biases = _trained(model)[1]
    assert len(biases) == 2 and biases.pop("bare") is False and list(biases.values()) == [True]


def test_nested_and_functional_models() -> None:
    inner = keras.Sequential(
        [keras.Input((8,)), layers.Dense(8, use_bias=False, activation="relu", name="a"), layers.Dense(8, name="b")],
        name="inner",
    )
    x = keras.Input((8,))
    y = layers.Dense(8, use_bias=False, name="left")(x)
    z = layers.Dense(8, activation="tanh", name="right")(inner(x))
    biases = _trained(keras.Model(x, layers.Dense(2, use_bias=False, name="out")(layers.Add()([y, z]))))[1]
    assert biases == {"left": False, "inner/a": False, "inner/b": True, "right": True, "out": False}


def test_a_trained_model_needs_no_second_look() -> None:
    model = _sequential()
    for variable in model.variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    assert sum(_trained(model)[1].values()) == 3


def test_a_file(tmp_path) -> None:
    _sequential().save(tmp_path / "m.keras")
    assert sum(_trained(tmp_path / "m.keras")[1].values()) == 3
