"""What a loss makes of a model's outputs: the labels it takes, what accuracy means, and its value in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .converters.plan_format import Plan
from .converters.policies import Loss, Targets
from .data import check_labels
from .errors import PlanOptionError

SMALLEST = float(np.finfo(np.float32).tiny)  # arguments of logarithms are clamped here, as on the device
BINARY_ACCURACY = "binary-accuracy"
ROUNDING = 1e-3  # of a row of probabilities' sum


def are_classes(labels: np.ndarray) -> bool:
    """Whether checked labels are class numbers, not vectors."""
    return labels.dtype.kind == "i"


@dataclass(frozen=True)
class Objective:
    """A loss of outputs of one shape. Labels are class numbers (int32 [n], or [n, rows] for outputs of several rows) or
    vectors (float32 [n, outputs]), as ``check`` gives them.

    Attributes
    ----------
    loss : Loss
        Of the plan; with AUTO_LINEAR the labels choose.
    output_shape : tuple of int
        Of one sample.
    classes : int
        Outputs of one row: what one class number chooses from.
    """

    loss: Loss
    output_shape: tuple[int, ...]
    classes: int

    @classmethod
    def of_plan(cls, plan: Plan, output_shape: tuple[int, ...]) -> "Objective":
        return cls(plan.loss, output_shape, int(plan.defaults["classes"]))

    @property
    def outputs(self) -> int:
        return int(np.prod(self.output_shape, dtype=np.int64))

    @property
    def rows(self) -> int:
        return self.outputs // self.classes

    @property
    def class_count(self) -> int | None:
        """Number of classes that class numbers choose from; None when a label is a number to predict."""
        if self.classes > 1:
            return self.classes
        return {Targets.CLASSES: 1, Targets.PARTS: 2}.get(self.loss.targets)

    def check(self, y: Any, samples: int, name: str = "y") -> np.ndarray:
        """Labels in the form that devices take.

        Raises
        ------
        UserError
            As ``check_labels``; targets of a cross entropy outside 0 to 1.
        """
        labels = check_labels(y, samples, self.output_shape, name, self.class_count, self.classes)
        if are_classes(labels) and self.outputs == 1 and self.loss.targets in (Targets.NUMBERS, Targets.BY_LABEL):
            return labels.astype(np.float32)[:, None]  # one linear output: the number itself is the target
        if not are_classes(labels) and self._targets(labels) != Targets.NUMBERS:
            wrong = (labels < 0) | (labels > 1)
            if wrong.any():
                first, element = np.argwhere(wrong)[0]
                raise PlanOptionError(
                    f"{name}[{first}] holds {labels[first, element]:g}, but targets of the loss "
                    f"{self.loss.word} lie in 0 to 1; scale them, or convert with --loss mse",
                    loss="mse",
                )
        return labels

    def label_warning(self, labels: np.ndarray, name: str = "y") -> str | None:
        """One sentence on vectors that are no distribution over softmax' classes."""
        if are_classes(labels) or self._targets(labels) != Targets.CLASSES:
            return None
        sums = labels.reshape(-1, self.classes).sum(axis=1)
        odd = int((np.abs(sums - 1) > ROUNDING)[sums != 0].sum())  # zeros leave a row out
        if not odd:
            return None
        return (
            f"{odd:,} of {len(sums):,} label rows of {name} do not sum to 1: each weighs as much as its sum; where "
            "several classes are true at once, use sigmoid outputs and --loss binary-cross-entropy"
        )

    def resolve(self, labels: np.ndarray) -> Loss:
        """The loss that labels of this kind get (AUTO_LINEAR depends on it)."""
        if self.loss != Loss.AUTO_LINEAR:
            return self.loss
        return Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS if are_classes(labels) else Loss.MEAN_SQUARED_ERROR

    def _targets(self, labels: np.ndarray) -> Targets:
        return self.resolve(labels).targets

    def is_classification(self, labels: np.ndarray) -> bool:
        """Whether accuracy means something: not for the distance to vectors or single numbers."""
        if self._targets(labels) != Targets.NUMBERS:
            return True
        return are_classes(labels) and self.classes > 1

    def _by_element(self, labels: np.ndarray) -> bool:
        return self.classes == 1 or (self._targets(labels) == Targets.PARTS and not are_classes(labels))

    def metric_name(self, labels: np.ndarray) -> str:
        """``accuracy`` of rows (or of a single output), ``binary-accuracy`` of elements, or the loss's name for
        regression."""
        if not self.is_classification(labels):
            return self.resolve(labels).word
        return BINARY_ACCURACY if self.outputs > 1 and self._by_element(labels) else "accuracy"

    def accuracy(self, correct: int, labels: np.ndarray) -> float | None:
        """Part of the decisions that were correct (0 to 1), None for regression."""
        if not self.is_classification(labels):
            return None
        return correct / (len(labels) * (self.outputs if self._by_element(labels) else self.rows))

    def vectors(self, labels: np.ndarray) -> np.ndarray:
        """Targets as float64 [n, outputs]."""
        if not are_classes(labels):
            return labels.astype(np.float64)
        if self.classes == 1:
            return labels.astype(np.float64).reshape(len(labels), self.outputs)
        return np.eye(self.classes)[labels].reshape(len(labels), self.outputs)

    def mean_loss(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """Mean loss of samples whose outputs are float [n, outputs]."""
        p = outputs.astype(np.float64).reshape(len(outputs), self.rows, self.classes)
        t = self.vectors(labels).reshape(p.shape)
        loss = self.resolve(labels)
        if loss == Loss.SOFTMAX_CROSS_ENTROPY:
            values = -(t * np.log(np.maximum(p, SMALLEST))).sum(axis=2)
        elif loss == Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS:
            shifted = p - p.max(axis=2, keepdims=True)
            values = (t * (np.log(np.exp(shifted).sum(axis=2, keepdims=True)) - shifted)).sum(axis=2)
        elif loss == Loss.BINARY_CROSS_ENTROPY:
            values = -(t * np.log(np.maximum(p, SMALLEST)) + (1 - t) * np.log(np.maximum(1 - p, SMALLEST)))
        elif loss == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
            values = np.maximum(p, 0) - p * t + np.log1p(np.exp(-np.abs(p)))
        else:
            values = (p - t) ** 2
        return float(values.mean())

    def count_correct(self, outputs: np.ndarray, labels: np.ndarray) -> int:
        """Correct decisions: rows whose largest output (first on ties) is the label's, or elements on the label's side
        of the threshold."""
        t = self.vectors(labels)
        if self._by_element(labels):
            from_logits = self.resolve(labels) == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS
            return int(((outputs > (0.0 if from_logits else 0.5)) == (t > 0.5)).sum())
        shape = len(outputs), self.rows, self.classes
        return int((outputs.reshape(shape).argmax(axis=2) == t.reshape(shape).argmax(axis=2)).sum())
