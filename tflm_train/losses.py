"""What a loss makes of a model's outputs: the labels it takes, its value, and what accuracy means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .converters.plan_format import Plan
from .converters.policies import Loss, Targets
from .data import check_labels
from .errors import PlanOptionError
from .native_modules import load_module

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
    def with_end(self) -> "Objective":
        """The same of outputs behind the softmax or sigmoid that is part of the loss."""
        loss = next((loss for loss in Loss if loss.end and loss.word == self.loss.word), self.loss)
        return replace(self, loss=loss)

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

    def is_cross_entropy(self, labels: np.ndarray) -> bool:
        """Whether exp(-loss) is the probability of the label."""
        return self._targets(labels) != Targets.NUMBERS

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

    def judge(self, outputs: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """Mean loss of samples, by the library's own loss, and number of correct decisions: rows whose largest output
        (first on ties) is the label's, or elements on the label's side of the threshold.

        Parameters
        ----------
        outputs : ndarray [n, outputs]
        labels : ndarray
            As ``check`` gives them.
        """
        values = np.ascontiguousarray(outputs, np.float32)
        loss, correct = load_module("native").judge(int(self.loss), values, labels, self.classes)
        return float(loss), int(correct)
