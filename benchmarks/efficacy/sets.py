"""Data sets of a folder, by the names of their files.

A file is ``NAME.npz`` with the arrays that a task reads (``tasks.py`` names them). Images may be stored as residuals of
the predictor left + up - up-left, modulo 256, which compress better: ``graypred_X`` [..., h, w] and ``rgbpred_X``
[3, n, h, w], red and blue minus green.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np


def _images(residuals: np.ndarray) -> np.ndarray:
    return np.cumsum(np.cumsum(residuals, -1, dtype=np.uint8), -2, dtype=np.uint8)


def _colours(residuals: np.ndarray) -> np.ndarray:
    images = _images(residuals).transpose(1, 2, 3, 0).copy()
    for channel in (0, 2):
        images[..., channel] += images[..., 1]
    return images


def load(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of a set.

    Raises
    ------
    FileNotFoundError
        The folder does not have it.
    """
    decoders = {"rgbpred_": _colours, "graypred_": _images}
    arrays = {}
    with np.load(folder / f"{name}.npz") as stored:
        for key in stored.files:
            prefix = next((p for p in decoders if key.startswith(p)), "")
            arrays[key.removeprefix(prefix)] = decoders[prefix](stored[key]) if prefix else stored[key]
    return arrays
