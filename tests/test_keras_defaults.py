"""Loss and trainable layers of a Keras model are what `convert` takes where no option says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
from tflm_train.converters.policies import Loss

import tflm_train as tt

keras = pytest.importorskip("keras")
layers, losses = keras.layers, keras.losses


def net(*stack: Any, shape: tuple[int, ...] = (6,)) -> Any:
    return models.set_weights(keras.Sequential([keras.Input(shape), *stack], name="net"))


def loss_of(model: tt.TrainableModel) -> Loss:
    return Loss(int(model.plan.defaults["loss"]))


def own_loss(y: Any, p: Any) -> Any:
    return keras.ops.mean(p, axis=-1)


SOFTMAX, SIGMOID, LINEAR = "softmax", "sigmoid", None


@pytest.mark.parametrize(
    ("end", "compiled", "expected", "note"),
    [
        (SOFTMAX, "sparse_categorical_crossentropy", Loss.SOFTMAX_CROSS_ENTROPY, "loss cross-entropy"),
        (SOFTMAX, "mse", Loss.MEAN_SQUARED_ERROR, "loss mse: the Keras model was compiled with mse"),
        (SIGMOID, losses.MeanSquaredError(), Loss.MEAN_SQUARED_ERROR, "compiled with mean_squared_error"),
        (SIGMOID, ["binary_crossentropy"], Loss.BINARY_CROSS_ENTROPY, "compiled with binary_crossentropy"),
        (LINEAR, losses.BinaryCrossentropy(from_logits=True), Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS, "binary-cross"),
        (LINEAR, losses.CategoricalCrossentropy(True), Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS, "loss cross-entropy"),
        (LINEAR, losses.mean_squared_error, Loss.MEAN_SQUARED_ERROR, "compiled with mean_squared_error"),
        (LINEAR, "mae", Loss.MEAN_ABSOLUTE_ERROR, "loss mae: the Keras model was compiled with mae"),
        (SIGMOID, losses.MeanAbsoluteError(), Loss.MEAN_ABSOLUTE_ERROR, "compiled with mean_absolute_error"),
        (LINEAR, "huber", Loss.HUBER, "loss huber: the Keras model was compiled with huber"),
        (LINEAR, losses.Huber(), Loss.HUBER, "compiled with huber"),
        # what does not train here is said, and the end chooses
        (SOFTMAX, "kl_divergence", Loss.SOFTMAX_CROSS_ENTROPY, "kl_divergence, which does not train here"),
        (LINEAR, losses.Huber(delta=2.0), Loss.AUTO_LINEAR, "huber with delta=2, which does not train here"),
        (LINEAR, own_loss, Loss.AUTO_LINEAR, "own_loss, which does not train here"),
        (SOFTMAX, losses.CategoricalCrossentropy(label_smoothing=0.1), Loss.SOFTMAX_CROSS_ENTROPY, "smoothing=0.1"),
        (SOFTMAX, "binary_crossentropy", Loss.SOFTMAX_CROSS_ENTROPY, "needs a LOGISTIC or linear end"),
    ],
)
def test_the_compiled_loss_is_the_default(end: str | None, compiled: Any, expected: Loss, note: str) -> None:
    model = net(layers.Dense(3, activation=end))
    assert tt.convert(model).notes == []
    model.compile("sgd", compiled)
    converted = tt.convert(model)
    assert loss_of(converted) == expected
    assert len(converted.notes) == 1 and note in converted.notes[0]
    chosen = tt.convert(model, tt.TrainingConfig(loss="mse"))
    assert loss_of(chosen) == Loss.MEAN_SQUARED_ERROR and chosen.notes == []


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_keep_what_they_were_compiled_with(run: Any, tmp_path: Path, suffix: str) -> None:
    model, path, out = (
        net(layers.Dense(4, name="base"), layers.Dense(3)),
        tmp_path / f"m{suffix}",
        tmp_path / "o.tflite",
    )
    model.get_layer("base").trainable = False
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.save(path)
    notes = run("convert", path, "-o", out, "--json").json["notes"]
    assert len(notes) == 2 and "compiled with sparse_categorical_crossentropy" in "".join(notes)
    assert "note: not trained, as trainable=False in the Keras model: base/" in run("convert", path, "-o", out).out
    assert loss_of(tt.load_model(out)) == Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS
    assert run("convert", path, "-o", out, "--loss", "mse", "--layers", "all", "--json").json["notes"] == []
    assert loss_of(tt.load_model(out)) == Loss.MEAN_SQUARED_ERROR and tt.load_model(out).plan.layers.size == 2


def test_a_loss_that_nobody_else_knows_does_not_stop_a_file(tmp_path: Path) -> None:
    model = net(layers.Dense(3, activation="softmax"))
    model.compile("sgd", own_loss)
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        assert loss_of(tt.convert(tmp_path / f"m{suffix}")) == Loss.SOFTMAX_CROSS_ENTROPY


def trained_layers(model: Any, **options: Any) -> list[int]:
    return tt.convert(model, tt.TrainingConfig(**options)).plan.layers["operator"].tolist()


def test_frozen_layers_stay_frozen() -> None:
    stack = [layers.Dense(5, name="a"), layers.Dense(5, name="b", use_bias=False), layers.Dense(2, name="c")]
    model = net(*stack)
    assert trained_layers(model) == [0, 1, 2]
    weights = model.get_weights()
    stack[1].trainable = False
    assert trained_layers(model) == [0, 2]
    assert trained_layers(model, layers="all") == [0, 1, 2]
    assert trained_layers(model, layers=["b"]) == [1]
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))  # looking has changed nothing
    model.trainable = False
    with pytest.raises(tt.ConversionError, match="net: all layers have trainable=False .*--layers all"):
        tt.convert(model)
    assert trained_layers(model, layers="last:1") == [2]


def test_a_frozen_base_inside_a_model() -> None:
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU()],
        name="base",
    )
    model = net(base, layers.Flatten(), layers.Dense(3, activation="softmax", name="scores"), shape=(8, 8, 1))
    base.trainable = False
    assert trained_layers(model) == [2]


@pytest.mark.parametrize("alpha", ["zeros", "uniform"])
@pytest.mark.parametrize("frozen", [(), ("slopes",), ("first",), ("slopes", "last"), ("first", "slopes")])
def test_slopes_are_frozen_by_their_own_layer(frozen: tuple[str, ...], alpha: str) -> None:
    stack = [layers.Dense(8, name="first"), layers.PReLU(alpha, name="slopes"), layers.Dense(3, name="last")]
    model = keras.Sequential([keras.Input((6,)), *stack])
    for name in frozen:
        model.get_layer(name).trainable = False
    expected = [name for name in ("first", "slopes", "last") if name not in frozen]
    assert list(tt.Trainer(tt.convert(model)).layer_weights()) == expected


def test_layers_of_zeros_are_frozen_too() -> None:
    for name in ("first", "last"):
        stack = [
            layers.Dense(8, activation="relu", name="first", kernel_initializer="zeros"),
            layers.Dense(3, name="last", kernel_initializer="zeros"),
        ]
        model = keras.Sequential([keras.Input((6,)), *stack])
        model.get_layer(name).trainable = False
        assert list(tt.Trainer(tt.convert(model)).layer_weights()) == [{"first": "last", "last": "first"}[name]]
    stack = [layers.Dense(8, name="own"), layers.BatchNormalization(gamma_initializer="zeros", name="norm")]
    model = keras.Sequential([keras.Input((6,)), *stack, layers.ReLU(), layers.Dense(3, name="last")])
    model.get_layer("last").trainable = False
    assert list(tt.Trainer(tt.convert(model)).layer_weights()) == ["own"]


def test_frozen_layers_behind_a_cut() -> None:
    names = ("body", "frozen", "head")
    model = net(*(layers.Dense(5, activation="relu", name=name) for name in names), layers.Softmax())
    model.get_layer("frozen").trainable = False
    cut = tt.convert(model, tt.TrainingConfig(cut="body"))
    assert list(tt.Trainer(cut).layer_weights()) == ["head"] and "frozen" in cut.notes[0]
    behind = tt.convert(model, tt.TrainingConfig(cut="frozen"))
    assert list(tt.Trainer(behind).layer_weights()) == ["head"] and behind.notes == []
    model.get_layer("head").trainable = False
    with pytest.raises(tt.ConversionError, match="all layers behind --cut body have trainable=False"):
        tt.convert(model, tt.TrainingConfig(cut="body"))


def test_a_table_is_frozen_by_its_own_layer() -> None:
    stack = [layers.Embedding(20, 4, name="words"), layers.Flatten(), layers.Dense(8), layers.Dense(3)]
    model = keras.Sequential([keras.Input((6,), dtype="int32"), *stack])
    model.get_layer("words").trainable = False
    converted = tt.convert(model)
    assert len(converted.plan.layers) == 2
    assert converted.notes[0].startswith("not trained, as trainable=False in the Keras model: words/")


@pytest.mark.parametrize(("frozen", "trains"), [("conv", False), ("norm", True)])
def test_a_convolution_is_frozen_by_its_own_layer(frozen: str, trains: bool) -> None:
    """A frozen normalisation, folded into it, is the usual way to tune; one that trains cannot train alone."""
    stack = [
        layers.Conv2D(4, 3, name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.Flatten(),
        layers.Dense(3, name="scores"),
    ]
    model = net(*stack, shape=(8, 8, 1))
    model.get_layer(frozen).trainable = False
    assert (0 in trained_layers(model)) == trains
