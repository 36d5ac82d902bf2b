"""Keras layers that become more than one operator: convert, train, and predict as the stock runtime does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import stock_runtimes
from harness import compare_gradients
from tflm_train.converters.keras_export import export_keras

import tflm_train as tt

keras = pytest.importorskip("keras")
L = keras.layers


def _sequential(shape: tuple[int, ...], *layers: Any, dtype: str = "float32") -> Any:
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers, L.Flatten(), L.Dense(3, activation="softmax")])


def _attention() -> Any:
    x = keras.Input((6, 8))
    y = L.MultiHeadAttention(2, 4)(x, x)
    y = L.GlobalAveragePooling1D()(L.LayerNormalization()(L.Add()([x, y])))
    return keras.Model(x, L.Dense(3, activation="softmax")(y))


def _transformer(dtype: str) -> Any:
    tokens = keras.Input((6,), dtype=dtype)
    x = L.Embedding(20, 8)(tokens)
    x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))
    x = L.LayerNormalization()(L.Add()([x, L.Dense(8)(L.Dense(16, activation="gelu")(x))]))
    return keras.Model(tokens, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(x)))


def _two_tables() -> Any:
    tokens = keras.Input((5,), dtype="int32")
    x = L.Flatten()(L.Add()([L.Embedding(20, 4)(tokens), L.Embedding(30, 4)(tokens)]))
    return keras.Model(tokens, L.Dense(3, activation="softmax")(x))


MODELS: dict[str, Callable[[], Any]] = {
    "attention": _attention,
    "transformer of int32 tokens": lambda: _transformer("int32"),
    "transformer of float32 tokens": lambda: _transformer("float32"),
    "embedding": lambda: _sequential((5,), L.Embedding(20, 4), dtype="int32"),
    "two embeddings of the same tokens": _two_tables,
    "gelu": lambda: _sequential((8,), L.Dense(8, activation="gelu")),
    "prelu": lambda: _sequential((8,), L.Dense(8), L.PReLU(alpha_initializer="uniform")),
    "prelu of channels": lambda: _sequential((6, 6, 2), L.Conv2D(3, 3), L.PReLU("uniform", shared_axes=[1, 2])),
    "transposed convolution": lambda: _sequential((4, 4, 2), L.Conv2DTranspose(3, 3, strides=2, padding="same")),
    "transposed convolution, valid": lambda: _sequential((4, 4, 2), L.Conv2DTranspose(3, 3, 2, activation="relu")),
    "transposed convolution of a series": lambda: _sequential((4, 2), L.Conv1DTranspose(3, 3, strides=2)),
    "groups": lambda: _sequential((8, 8, 4), L.Conv2D(6, 3, groups=2, activation="relu"), L.MaxPooling2D()),
    "unrolled LSTM": lambda: _sequential((4, 3), L.LSTM(4, unroll=True)),
    "unrolled GRU": lambda: _sequential((4, 3), L.GRU(4, unroll=True)),
    "one dense layer for each step": lambda: _sequential((5, 3), L.TimeDistributed(L.Dense(4))),
}


def _samples(model: Any, rng: np.random.Generator, count: int) -> np.ndarray:
    shape = model.input_shape[1:]
    if any(isinstance(layer, L.Embedding) for layer in model.layers):
        return rng.integers(0, 20, (count, *shape))
    return rng.normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", MODELS)
def test_layers_train(name):
    keras.utils.set_random_seed(3)
    rng, model = np.random.default_rng(4), MODELS[name]()
    x, y = _samples(model, rng, 24), rng.integers(0, 3, 24)
    data = export_keras(model)[0]
    comparison = compare_gradients(data, x[0], np.int64(y[0]), "cross-entropy")
    print(f"{name}: largest gradient difference {comparison.worst:.1e}")
    assert comparison.worst <= 1e-4, comparison.errors
    trainer = tt.Trainer(tt.convert(model, tt.TrainingConfig(learning_rate=0.05)))
    history = trainer.fit(x, y, epochs=25, verbose=0)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0], "nothing was learned"
    inputs = x.astype(model.inputs[0].dtype)
    found = stock_runtimes.run("litert", trainer.trained_model().data, inputs)
    assert np.abs(found - trainer.predict(x)).max() <= 1e-5


@pytest.mark.parametrize("selection", [{"selector": "tinyprop"}, {"selector": "static-topk", "ratio": 0.5}])
@pytest.mark.parametrize("name", ["transformer of int32 tokens", "prelu of channels", "groups"])
def test_layers_without_selection_train_beside_selecting_ones(name, selection):
    keras.utils.set_random_seed(3)
    rng, model = np.random.default_rng(4), MODELS[name]()
    x, y = _samples(model, rng, 24), rng.integers(0, 3, 24)
    trainer = tt.Trainer(tt.convert(model, tt.TrainingConfig(learning_rate=0.05, **selection)))
    history = trainer.fit(x, y, epochs=25, verbose=0)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0], "nothing was learned"
    assert history.counters["selection"] > 0


def test_tokens_that_are_none():
    trainer = tt.Trainer(tt.convert(MODELS["embedding"]()))
    y = np.zeros(2, int)
    for wrong, shown in ((20, "20"), (-1, "-1"), (0.5, "0.5")):
        x = np.zeros((2, 5), float if wrong == 0.5 else int)
        x[1, 3] = wrong
        with pytest.raises(tt.UserError, match=rf"x\[1, 3\] is {shown}.*whole numbers from 0 to 19"):
            trainer.fit(x, y)
        # the library itself refuses what is outside the table, whoever calls it
        if wrong != 0.5:
            with pytest.raises(tt.DeviceError, match="no index of the model's table"):
                trainer.device.predict(x.astype(np.float32))
    trainer.fit(np.zeros((2, 5), np.uint8), y)
    trainer.fit(np.zeros((2, 5)), y)
