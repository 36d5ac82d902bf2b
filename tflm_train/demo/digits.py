"""Handwritten digits as the factory saw them, and as the device meets them: rotated and dimmed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..converters.install_hint import install_command
from ..errors import MissingToolError

ROTATION = 50.0  # degrees
BRIGHTNESS = 0.5
FACTORY, DEVICE = 600, 380  # samples for the Keras model and for the device; the rest (817) is for tests


@dataclass(frozen=True)
class Digits:
    """Images are float32 [n, 8, 8, 1] from 0 to 1, labels int64 [n].

    Attributes
    ----------
    factory_x, factory_y : ndarray
        Clean, for the model's first training.
    x, y : ndarray
        Shifted, what the device trains on.
    clean_test, x_test, y_test : ndarray
        Test images before and after the shift.
    """

    factory_x: np.ndarray
    factory_y: np.ndarray
    x: np.ndarray
    y: np.ndarray
    clean_test: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def shift(images: np.ndarray) -> np.ndarray:
    """Rotate by ROTATION degrees (bilinear) and dim to BRIGHTNESS.

    Parameters
    ----------
    images : ndarray, float32 [n, 8, 8, 1]
    """
    from scipy.ndimage import rotate

    turned = rotate(images, ROTATION, axes=(2, 1), reshape=False, order=1, mode="constant", cval=0.0)
    return (np.clip(turned, 0.0, 1.0) * BRIGHTNESS).astype(np.float32)


def load_digits(seed: int) -> Digits:
    """scikit-learn's digits, split at random.

    Raises
    ------
    MissingToolError
        scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingToolError("the demo needs scikit-learn: " + install_command("demo")) from None
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(labels))
    x = (images[order] / 16.0).astype(np.float32).reshape(-1, 8, 8, 1)
    y = labels[order].astype(np.int64)
    device, test = slice(FACTORY, FACTORY + DEVICE), slice(FACTORY + DEVICE, None)
    return Digits(x[:FACTORY], y[:FACTORY], shift(x[device]), y[device], x[test], shift(x[test]), y[test])
