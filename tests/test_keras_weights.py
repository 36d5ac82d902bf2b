"""Trained weights back in the Keras model that was converted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tflm_train as tt

keras = pytest.importorskip("keras", reason="needs TensorFlow")
L = keras.layers


def sequential(shape: tuple[int, ...], *layers: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


def plain() -> Any:
    return sequential(
        (10, 10, 2),
        L.Conv2D(4, (3, 2), activation="relu", name="conv"),
        L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="depthwise"),
        L.SeparableConv2D(5, 3, activation="relu", name="separable"),
        L.MaxPooling2D(),
        L.Flatten(),
        L.Dense(8, activation="relu", use_bias=False, name="without_bias"),
        keras.Sequential([L.Dense(6, activation="tanh", name="inner")], name="nested"),
        L.Dense(3, activation="softmax", name="head"),
    )


def one_dimensional() -> Any:
    return sequential(
        (20, 3),
        L.Conv1D(4, 3, activation="relu"),
        L.DepthwiseConv1D(3, activation="relu"),
        L.SeparableConv1D(5, 3, use_bias=False, activation="relu"),
        L.GlobalAveragePooling1D(),
        L.Dense(3, activation="softmax"),
    )


def normalised() -> Any:
    return sequential(
        (10, 10, 2),
        L.Conv2D(4, 3, use_bias=False, name="conv"),
        L.BatchNormalization(name="bn_conv"),
        L.ReLU(),
        L.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
        L.BatchNormalization(name="bn_depthwise", scale=False),
        L.ReLU(6),
        L.Conv2D(5, 1, name="pointwise"),
        L.BatchNormalization(name="bn_pointwise", center=False),
        L.ReLU(),
        L.GlobalAveragePooling2D(),
        L.Dense(8, use_bias=False, name="dense"),
        L.BatchNormalization(name="bn_dense"),
        L.ReLU(),
        L.Dense(3, activation="softmax", name="head"),
    )


def normalised_before() -> Any:
    """Folded into the dense layer that follows, one of them together with the one behind it; in front of a convolution
    not folded."""
    return sequential(
        (6, 6, 2),
        L.Conv2D(4, 3, activation="relu"),
        L.BatchNormalization(),
        L.Conv2D(3, 2, activation="relu"),
        L.GlobalAveragePooling2D(),
        L.Dense(6, activation="relu"),
        L.BatchNormalization(),
        L.Dense(5, use_bias=False),
        L.BatchNormalization(),
        L.ReLU(),
        L.Dense(4, activation="relu"),
        L.BatchNormalization(),
        L.Dense(3, activation="softmax"),
    )


def transposed() -> Any:
    """Transposed and grouped convolutions and slopes, one of them with normalisation behind it."""
    return sequential(
        (5, 4, 2),
        L.Conv2D(4, 3, groups=2, padding="same"),
        L.PReLU(shared_axes=[1, 2]),
        L.Conv2DTranspose(3, (3, 2), strides=2, use_bias=False),
        L.BatchNormalization(),
        L.ReLU(),
        L.Flatten(),
        L.Dense(6),
        L.PReLU(),
        L.Dense(3, activation="softmax"),
    )


def embedded() -> Any:
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            L.Embedding(20, 4),
            L.Conv1D(5, 3, activation="relu"),
            L.GlobalAveragePooling1D(),
            L.Dense(3, activation="softmax"),
        ]
    )


def filled(model: Any) -> Any:
    """With numbers that are not those of a fresh model: biases that are not 0, variances that are not 1."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        values = []
        for w in layer.get_weights():
            if len(w.shape) > 1:
                values.append(rng.normal(size=w.shape) / np.sqrt(np.prod(w.shape[:-1])))
            else:
                values.append(rng.uniform(0.5, 1.5, w.shape))
        layer.set_weights(values)
    return model


def trained(model: Any, **config: Any) -> tuple[tt.Trainer, np.ndarray]:
    rng = np.random.default_rng(2)
    x: np.ndarray = rng.normal(size=(40, *model.input_shape[1:])).astype(np.float32)
    if isinstance(model.layers[0], L.Embedding):
        x = rng.integers(0, 20, x.shape)
    trainer = tt.Trainer(tt.convert(model, tt.TrainingConfig(learning_rate=0.02, **config)))
    trainer.fit(x, rng.integers(0, 3, 40), epochs=2, verbose=0)
    return trainer, x


@pytest.mark.parametrize("layers", ["all", "last:2"])
@pytest.mark.parametrize("build", [plain, one_dimensional, normalised, normalised_before, transposed, embedded])
def test_the_model_predicts_what_the_device_does(build: Any, layers: str) -> None:
    model = filled(build())
    trainer, x = trained(model, layers=layers)
    expected = trainer.predict(x)
    assert np.abs(model.predict(x, verbose=0) - expected).max() > 1e-3
    trainer.to_keras(model)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)


def test_kernels_and_biases_are_the_trainers() -> None:
    model = filled(plain())
    trainer, _ = trained(model)
    trainer.to_keras(model)
    weights = trainer.layer_weights()
    for name in ("conv", "depthwise", "head"):
        for found, expected in zip(model.get_layer(name).get_weights(), weights[name]):
            np.testing.assert_array_equal(found, expected)


def test_a_file_that_was_trained_before_goes_back_too(tmp_path: Any) -> None:
    model = filled(normalised())
    first, x = trained(model)
    first.save(tmp_path / "m.tflite")
    again = tt.Trainer(tmp_path / "m.tflite")
    again.fit(x, np.arange(40) % 3)
    again.to_keras(model)
    np.testing.assert_allclose(model.predict(x, verbose=0), again.predict(x), atol=1e-5)


def refused(trainer: tt.Trainer, model: Any, words: str) -> None:
    before = model.get_weights()
    with pytest.raises(tt.UserError, match=words):
        trainer.to_keras(model)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_shared_layer_is_refused() -> None:
    x = keras.Input((6,))
    shared = L.Dense(6, activation="relu", name="shared")
    model = filled(keras.Model(x, L.Dense(3, activation="softmax")(shared(shared(x)))))
    refused(trained(model)[0], model, "layer shared is used more than once")


def test_one_layer_for_each_step_is_refused() -> None:
    model = filled(sequential((4, 3), L.TimeDistributed(L.Dense(5)), L.Flatten(), L.Dense(3, activation="softmax")))
    refused(trained(model)[0], model, "layer time_distributed.* is used more than once")


def test_attention_is_refused_by_its_layer() -> None:
    x = keras.Input((6, 8))
    y = L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 4, name="attention")(x, x))
    model = filled(keras.Model(x, L.Dense(3, activation="softmax")(y)))
    refused(trained(model)[0], model, "MultiHeadAttention attention of the Keras model has none of that shape")


def test_a_head_trained_from_activations_goes_back() -> None:
    model = filled(sequential((6,), L.Dense(5, activation="relu"), L.Dense(3, activation="softmax", name="head")))
    rng = np.random.default_rng(3)
    with tt.Trainer(tt.convert(model, tt.TrainingConfig(cut=0)), from_cut=True) as trainer:
        trainer.fit(rng.uniform(size=(20, 5)), rng.integers(0, 3, 20), verbose=0)
        trainer.to_keras(model)
        for found, expected in zip(model.get_layer("head").get_weights(), trainer.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_what_was_folded_into_another_layer_is_refused() -> None:
    model = filled(sequential((6,), L.Dense(5), L.Dense(3, activation="softmax")))
    trainer = trained(model)[0]
    refused(trainer, model, "outputs differ|no place")


def test_a_normalisation_that_hides_an_output_is_refused() -> None:
    model = filled(normalised())
    model.get_layer("bn_dense").gamma.assign([1, 1, 0, 1, 1, 1, 1, 1])
    refused(trained(model)[0], model, "layer dense: the batch normalisation bn_dense scales by 0")


def test_other_models_are_refused() -> None:
    model = filled(plain())
    trainer, _ = trained(model, layers="last:1")
    other = plain()  # with other frozen weights
    refused(trainer, other, "it is not the model that was converted")
    refused(trainer, filled(normalised_before()), "no layer for head with a kernel of shape")
    with pytest.raises(tt.UserError, match="a Keras model is expected, not str"):
        trainer.to_keras("model.keras")
