"""Whether samples lie far outside what a model can have seen, told from what it makes of them.

No file says on what numbers its model was trained, so nothing is said by the numbers alone: images of 0 to 255 are
right for one model and wrong for the next. Some samples are run as they are and scaled (large ones down, those within
-1 to 1 up to 0 to 255), and a warning is due only where the scaled ones clearly suit the model better: they are
recognised far more often (and more often than by guessing), or their squared error is of another order. Large ones also
where they saturate the outputs at a larger loss, unless they are recognised and the scaled ones leave the model
undecided, as one does that was trained on large numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .converters.policies import Loss
from .errors import NonFiniteError
from .losses import Objective

PROBES = 64  # samples
HARMLESS = 2.0  # largest magnitude of x that needs no look: a factor of two is nothing to any model
UNIT = 1.0  # largest magnitude of x that may come from scaling images
GAIN = 0.2  # of accuracy, for PROBES samples
CHANCE = 1.6  # of fewer samples, in units of 1 / sqrt(samples): what is no chance
UNDECIDED = 0.97  # entropy of outputs over that of guessing
STEEP = 85.0  # a difference of logits beyond: the smaller probability vanishes
VANISHED = 1e-37  # such a probability
SATURATED, HEALTHY = 0.5, 0.1  # parts of the outputs
BEYOND = 100.0  # factor of a squared error
EXPLAINED, UNEXPLAINED = 0.05, 0.5  # squared errors over the labels' variance
FEW = 16  # samples, whose variance says little
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
    if not needs_look(largest):
        return None
    chosen = np.unique(np.linspace(0, len(x) - 1, PROBES).astype(int))  # all over the set, which may be sorted
    probes, targets = x[chosen], labels[chosen]
    raw, is_large = _outputs(infer, probes), largest > HARMLESS
    if not is_large and (raw is None or _is_known(raw, targets, objective)):
        return None
    scalings = _scalings(probes, largest) if is_large else _enlargements(probes)
    scaled = [(text, _outputs(infer, x.astype(np.float32))) for text, x in scalings]
    reasons = [_better(raw, outputs, targets, objective, text, is_large) for text, outputs in scaled]
    if is_large:
        reasons.append(_saturates(raw, scaled[0][1], targets, objective, scaled[0][0]))
    reason = next(filter(None, reasons), None)
    if reason is None:
        return None
    reaches = f"{'' if is_large else 'only '}reaches {largest:g}"
    return (
        f"{name} {reaches}, which seems far outside what the model was trained on: {reason}; scale the data as for the "
        "model's training"
    )


def needs_look(largest: float) -> bool:
    """Whether numbers up to this magnitude may be those of another scale."""
    return largest > HARMLESS or 0 < largest <= UNIT


def _enlargements(x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [("255 * x", BYTE * x)] if x.min() >= 0 else [("127.5 * (x + 1)", BYTE / 2 * (x + 1))]


def _gain(samples: int) -> float:
    return max(GAIN, CHANCE / np.sqrt(samples))


def _is_known(raw: np.ndarray, labels: np.ndarray, objective: Objective) -> bool:
    """Whether no scaling could be much better."""
    if objective.is_classification(labels):
        return _accuracy(raw, labels, objective) > 1 - _gain(len(labels))
    return objective.judge(raw, labels)[0] < UNEXPLAINED * _variance(labels)


def _recognised(raw: np.ndarray, scaled: np.ndarray, labels: np.ndarray, objective: Objective, text: str) -> str | None:
    """Whether scaled samples come out right far more often, and more often than by guessing."""
    right, better = _accuracy(raw, labels, objective), _accuracy(scaled, labels, objective)
    if better < max(right, _guess(labels, objective)) + _gain(len(labels)):
        return None
    return f"{100 * right:.0f} % of {len(labels)} samples come out right, with {text} {100 * better:.0f} %"


def _accuracy(outputs: np.ndarray, labels: np.ndarray, objective: Objective) -> float:
    return objective.accuracy(objective.judge(outputs, labels)[1], labels) or 0.0


def _variance(labels: np.ndarray) -> float:
    return float(labels.astype(np.float64).var(axis=0).mean())


def _scalings(x: np.ndarray, largest: float) -> list[tuple[str, np.ndarray]]:
    if x.min() >= 0 and BYTE / 2 < largest <= BYTE:
        return [("x / 255", x / BYTE), ("x / 127.5 - 1", x / (BYTE / 2) - 1)]
    return [(f"x / {largest:g}", x / largest)]


def _outputs(infer: Infer, x: np.ndarray) -> np.ndarray | None:
    try:
        return infer(x)
    except NonFiniteError:
        return None


def _better(
    raw: np.ndarray | None,
    scaled: np.ndarray | None,
    labels: np.ndarray,
    objective: Objective,
    text: str,
    is_large: bool,
) -> str | None:
    """Whether the model makes far more of scaled samples."""
    if scaled is None:
        return None
    if raw is None:
        return f"an output becomes NaN or infinite, with {text} none does"
    if objective.is_classification(labels):
        return _recognised(raw, scaled, labels, objective, text)
    error, smaller, variance = objective.judge(raw, labels)[0], objective.judge(scaled, labels)[0], _variance(labels)
    if is_large:
        worse = error > BEYOND * max(smaller, float(labels.var()))
    else:
        worse = len(labels) >= FEW and error > UNEXPLAINED * variance and smaller < EXPLAINED * variance
    if not worse:
        return None
    return f"the mean squared error of {len(labels)} samples is {error:.3g}, with {text} {smaller:.3g}"


def _saturates(
    raw: np.ndarray | None, scaled: np.ndarray | None, labels: np.ndarray, objective: Objective, text: str
) -> str | None:
    """Whether samples leave the outputs no slope, which scaled ones do not, and the model is not made for that."""
    if raw is None or scaled is None or not objective.is_classification(labels):
        return None
    right, gain = _accuracy(raw, labels, objective), _gain(len(labels))
    if right >= _accuracy(scaled, labels, objective) + gain:
        return None
    if right >= _guess(labels, objective) + gain and _entropy(scaled, labels, objective) >= UNDECIDED:
        return None
    saturated = _saturation(raw, labels, objective) >= SATURATED
    healthy = _saturation(scaled, labels, objective) <= HEALTHY
    if saturated and healthy and objective.judge(raw, labels)[0] > objective.judge(scaled, labels)[0]:
        return f"it saturates the outputs (softmax or sigmoid gives exactly 0 or 1), {text} does not"
    return None


def _guess(labels: np.ndarray, objective: Objective) -> float:
    """Accuracy of the best answer that is the same for all samples."""
    constant = objective.vectors(labels).mean(axis=0)
    if objective.resolve(labels) == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
        constant = constant - 0.5
    guesses = np.broadcast_to(constant, (len(labels), objective.outputs))
    return _accuracy(guesses, labels, objective)


def _entropy(outputs: np.ndarray, labels: np.ndarray, objective: Objective) -> float:
    """Mean entropy of the classes' probabilities, 1 where all are equally likely."""
    values, loss = outputs.astype(np.float64).reshape(-1, objective.classes), objective.resolve(labels)
    if loss in (Loss.SOFTMAX_CROSS_ENTROPY, Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS):
        if loss == Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS:
            values = np.exp(values - values.max(axis=1, keepdims=True))
        p = values / values.sum(axis=1, keepdims=True)
    elif loss in (Loss.BINARY_CROSS_ENTROPY, Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS):
        if loss == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
            values = 1 / (1 + np.exp(-np.clip(values, -STEEP, STEEP)))
        p = np.stack([values.reshape(-1), 1 - values.reshape(-1)], axis=1)
    else:
        return 0.0
    return float(-(p * np.log(np.maximum(p, VANISHED))).sum(axis=1).mean() / np.log(max(p.shape[1], 2)))


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
