"""Whether samples lie far outside what a model can have seen, told from what it makes of them.

No file says on what numbers its model was trained, so nothing is said by the numbers alone: images of 0 to 255 are
right for one model and wrong for the next. Some samples are run as they are and scaled down, and a warning is due only
where the scaled ones clearly suit the model better: they are recognised far more often (and more often than by
guessing), or the others saturate the outputs at a larger loss, or their squared error is beyond all measure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .converters.plan_format import Loss
from .errors import NonFiniteError
from .losses import Objective

PROBES = 64  # samples
HARMLESS = 2.0  # largest magnitude of x that needs no look: a factor of two is nothing to any model
GAIN = 0.2  # of accuracy
STEEP = 85.0  # a difference of logits beyond: the smaller probability vanishes
VANISHED = 1e-37  # such a probability
SATURATED, HEALTHY = 0.5, 0.1  # parts of the outputs
BEYOND = 100.0  # factor of a squared error
BYTE = 255.0

Infer = Callable[[np.ndarray], np.ndarray]


def range_warning(infer: Infer, x: np.ndarray, labels: np.ndarray, objective: Objective, name: str = "x") -> str | None:
    """One sentence, or None.

    Parameters
    ----------
    infer : callable
        Samples float32 [k, inputs] to outputs [k, outputs].
    x : ndarray, float32 [n, inputs]
    labels : ndarray
        As ``Objective.check`` gives them.
    objective : Objective
    name : str
        For the message.
    """
    largest = float(np.abs(x).max())
    if largest <= HARMLESS:
        return None
    chosen = np.unique(np.linspace(0, len(x) - 1, PROBES).astype(int))  # all over the set, which may be sorted
    probes, targets = x[chosen], labels[chosen]
    raw = _outputs(infer, probes)
    for text, scaled in _scalings(probes, largest):
        reason = _compare(raw, _outputs(infer, scaled.astype(np.float32)), targets, objective, text)
        if reason is not None:
            return (
                f"{name} reaches {largest:g}, which seems far outside what the model was trained on: {reason}; "
                "scale the data as for the model's training"
            )
    return None


def _scalings(x: np.ndarray, largest: float) -> list[tuple[str, np.ndarray]]:
    if x.min() >= 0 and BYTE / 2 < largest <= BYTE:
        return [("x / 255", x / BYTE), ("x / 127.5 - 1", x / (BYTE / 2) - 1)]
    return [(f"x / {largest:g}", x / largest)]


def _outputs(infer: Infer, x: np.ndarray) -> np.ndarray | None:
    try:
        return infer(x)
    except NonFiniteError:
        return None


def _compare(
    raw: np.ndarray | None, scaled: np.ndarray | None, labels: np.ndarray, objective: Objective, text: str
) -> str | None:
    if scaled is None:
        return None
    if raw is None:
        return f"an output becomes NaN or infinite, with {text} none does"
    if objective.is_classification(labels):
        right, better = (objective.accuracy(objective.count_correct(p, labels), labels) or 0.0 for p in (raw, scaled))
        if right >= better + GAIN:
            return None
        if better >= max(right, _guess(labels, objective)) + GAIN:
            return f"{100 * right:.0f} % of {len(labels)} samples come out right, with {text} {100 * better:.0f} %"
        saturated = _saturation(raw, labels, objective) >= SATURATED
        healthy = _saturation(scaled, labels, objective) <= HEALTHY
        if saturated and healthy and objective.mean_loss(raw, labels) > objective.mean_loss(scaled, labels):
            return f"it saturates the outputs (softmax or sigmoid gives exactly 0 or 1), {text} does not"
        return None
    error, smaller = objective.mean_loss(raw, labels), objective.mean_loss(scaled, labels)
    if error > BEYOND * max(smaller, float(labels.var())):
        return f"the mean squared error of {len(labels)} samples is {error:.3g}, with {text} {smaller:.3g}"
    return None


def _guess(labels: np.ndarray, objective: Objective) -> float:
    """Accuracy of the best answer that is the same for all samples."""
    constant = objective.vectors(labels).mean(axis=0)
    if objective.resolve(labels) == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
        constant = constant - 0.5
    guesses = np.broadcast_to(constant, (len(labels), objective.outputs))
    return objective.accuracy(objective.count_correct(guesses, labels), labels) or 0.0


def _saturation(outputs: np.ndarray, labels: np.ndarray, objective: Objective) -> float:
    """Part of the outputs at which softmax or sigmoid has no slope left."""
    loss = objective.resolve(labels)
    if loss == Loss.SOFTMAX_CROSS_ENTROPY:
        rows = np.sort(outputs.reshape(-1, objective.classes), axis=1)[:, :-1]
        return float((rows < VANISHED).mean()) if rows.size else 0.0
    if loss == Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS:
        rows = np.sort(outputs.reshape(-1, objective.classes), axis=1)
        return float((rows[:, -1:] - rows[:, :-1] > STEEP).mean()) if objective.classes > 1 else 0.0
    if loss == Loss.BINARY_CROSS_ENTROPY:
        return float(((outputs < VANISHED) | (outputs >= 1)).mean())
    if loss == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
        return float((np.abs(outputs) > STEEP).mean())
    return 0.0
