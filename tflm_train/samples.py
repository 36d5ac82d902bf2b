"""Samples with their labels, and how much each of them counts."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .data import finite_float32, number_array
from .errors import UserError
from .losses import Objective, are_classes


@dataclass(frozen=True)
class Samples:
    """What devices take, checked.

    Attributes
    ----------
    x : ndarray, float32 [n, inputs]
    labels : ndarray, int32 [n] or [n, rows], or float32 [n, outputs]
    weights : ndarray, float32 [n], or None
        What each sample's loss is multiplied by; None: 1.
    raw : bool
        ``x`` holds the stored numbers of a quantised input, not those that they stand for.
    """

    x: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None
    raw: bool = False

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, part: slice | np.ndarray) -> "Samples":
        weights = None if self.weights is None else self.weights[part]
        return replace(self, x=self.x[part], labels=self.labels[part], weights=weights)


def split(samples: Samples, fraction: Any) -> tuple[Samples, Samples]:
    """The samples to train on, and the last `fraction` of them to validate with.

    Raises
    ------
    UserError
        No fraction between 0 and 1, or one of the parts is empty.
    """
    number = isinstance(fraction, numbers.Real) and not isinstance(fraction, (bool, np.bool_))
    if not (number and 0 < float(fraction) < 1):
        raise UserError(f"validation_split={fraction!r} is out of range: a part of the samples between 0 and 1")
    count = math.floor(len(samples) * (1.0 - float(fraction)))
    if count in (0, len(samples)):
        raise UserError(
            f"validation_split={fraction!r} of {len(samples)} samples leaves none to "
            f"{'train on' if count == 0 else 'validate with'}; give more samples or another part"
        )
    return samples[:count], samples[count:]


def check_sample_weight(sample_weight: Any, samples: int, name: str = "sample_weight") -> np.ndarray:
    """Weights as float32 [n].

    Parameters
    ----------
    sample_weight : array_like
        Shape (n,), not negative.
    samples : int
        Expected n.
    name : str
        For messages.

    Raises
    ------
    UserError
        Wrong shape or type; a weight that is negative, NaN or infinite.
    """
    array = number_array(sample_weight, name)
    if array.size != samples or len(array) != samples:
        raise UserError(f"{name} has shape {array.shape}, expected ({samples},): one weight for each sample")
    weights = finite_float32(array.reshape(samples), name)
    if (weights < 0).any():
        first = int(np.argmax(weights < 0))
        raise UserError(f"{name}[{first}] is {weights[first]:g}: weights are not negative; 0 leaves a sample out")
    return weights


def class_weights(class_weight: Any, labels: np.ndarray, objective: Objective) -> np.ndarray:
    """The weight of each sample's class, float32 [n]; 1 for classes that are not named, as in Keras.

    Parameters
    ----------
    class_weight : mapping
        Class number -> weight, not negative.
    labels : ndarray
        As ``Objective.check`` gives them.
    objective : Objective

    Raises
    ------
    UserError
        No mapping, a class that the model does not have, a weight that is negative, NaN or infinite; labels that do
        not name one class for each sample.
    """
    if not isinstance(class_weight, Mapping):
        raise UserError(f"class_weight={class_weight!r} is of the wrong type: a dict of class number -> weight")
    last = None if objective.class_count is None else max(objective.class_count, 2) - 1
    for number in class_weight:
        whole = isinstance(number, numbers.Real) and float(number).is_integer()
        if not whole or number < 0 or (last is not None and number > last):
            known = "are whole numbers from 0" if last is None else f"of this model go from 0 to {last}"
            raise UserError(f"class_weight names class {number!r}, but classes {known}")
    numbers_of_classes = [int(number) for number in class_weight]
    if not numbers_of_classes:
        return np.ones(len(labels), np.float32)
    weights = check_sample_weight(list(class_weight.values()), len(numbers_of_classes), "class_weight")
    by_class = dict(zip(numbers_of_classes, weights.tolist()))
    return np.array([by_class.get(number, 1.0) for number in _classes(labels)], np.float32)


def _classes(labels: np.ndarray) -> list[int]:
    """The class of every sample."""
    reason = None
    if are_classes(labels):
        if labels.ndim == 1:
            return [int(label) for label in labels]
        reason = "the labels name a class for each of several rows"
    elif labels.shape[1] == 1:
        if (labels == np.floor(labels)).all():
            return [int(label) for label in labels[:, 0]]
        reason = "the labels are numbers to predict"
    elif ((labels > 0.5).sum(axis=1) == 1).all():
        return [int(label) for label in labels.argmax(axis=1)]
    else:
        reason = "a label vector has not exactly one element above 0.5"
    raise UserError(f"class_weight needs one class for each sample, but {reason}; give sample_weight instead")
