"""The demo's small CNN, trained with Keras on clean digits."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..converters.install_hint import install_command
from ..converters.keras_export import quiet
from ..errors import MissingToolError

EPOCHS = 25


def train_on_clean_digits(x: np.ndarray, y: np.ndarray, seed: int) -> Any:
    """A Keras model [8, 8, 1] -> 10 classes, quietly.

    Parameters
    ----------
    x : ndarray, float32 [n, 8, 8, 1]
    y : ndarray, int [n]
    seed : int
        Of weights and sample order.

    Raises
    ------
    MissingToolError
        TensorFlow is not installed.
    """
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with quiet():
        return _train(x, y, seed)


def _train(x: np.ndarray, y: np.ndarray, seed: int) -> Any:
    try:
        import keras
        import tensorflow  # noqa: F401
    except ImportError:
        raise MissingToolError("the demo needs TensorFlow: " + install_command("demo")) from None
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), batch_size=None),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(name="pool1"),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(name="pool2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(32, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=EPOCHS, verbose=0)
    return model
