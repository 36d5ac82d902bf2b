"""A ``tf.data.Dataset`` as arrays: batched or not, read once, without importing TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import without_ones
from .errors import UserError

INFINITE = -1  # tf.data.INFINITE_CARDINALITY


def as_arrays(x: Any, y: Any, shape: tuple[int, ...], name: str = "x") -> tuple[Any, Any, Any]:
    """Samples, labels and weights of the samples; what is no dataset comes back as it is, without weights.

    Parameters
    ----------
    x : array_like or tf.data.Dataset
        A dataset of ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, each for one sample or for a batch. It is read
        once, and all of it has to fit into memory.
    y : array_like or None
        None with a dataset, which brings its labels.
    shape : tuple of int
        Of one sample.
    name : str
        For messages.

    Raises
    ------
    UserError
        Labels are given twice, the dataset repeats forever, is empty, or holds something else.
    """
    if not is_dataset(x):
        return x, y, None
    if y is not None:
        raise UserError(f"{name} is a dataset, which brings its labels: leave y out")
    if int(x.cardinality()) == INFINITE:
        raise UserError(f"{name} is a dataset that repeats forever; leave out repeat(), or take(n) samples of it")
    elements = [_parts(element, name) for element in x.as_numpy_iterator()]
    if not elements:
        raise UserError(f"{name} is a dataset without elements; give at least one sample")
    join = np.concatenate if _is_batch(elements[0], shape) else np.stack
    try:
        columns = [join(column) for column in zip(*elements)]
    except ValueError:
        raise UserError(
            f"{name} is a dataset whose elements differ in shape; all samples must have one shape"
        ) from None
    return tuple(columns + [None] * (3 - len(columns)))  # type: ignore[return-value]


def is_dataset(x: Any) -> bool:
    """Whether something is a ``tf.data.Dataset``."""
    return hasattr(x, "element_spec") and hasattr(x, "as_numpy_iterator")


def _parts(element: Any, name: str) -> tuple[np.ndarray, ...]:
    parts = element if isinstance(element, tuple) else (element,)
    if len(parts) > 3 or not all(isinstance(part, (np.ndarray, np.generic)) for part in parts):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise UserError(
            f"{name} is a dataset of ({kinds}); give x, (x, y) or (x, y, sample_weight), each of them one tensor"
        )
    return tuple(np.asarray(part) for part in parts)


def _is_batch(element: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> bool:
    """Whether an element holds several samples along its first axis, told from its shapes."""
    first = element[0]
    if first.shape == shape or any(part.ndim == 0 for part in element):
        return False
    if without_ones(first.shape[1:]) == without_ones(shape):
        return True
    elements = int(np.prod(shape, dtype=np.int64))
    return first.ndim == 2 and first.shape[1] == elements
