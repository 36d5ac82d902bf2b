"""Losses of a model's outputs in NumPy: for runtimes that only infer, and the names of metrics."""

from __future__ import annotations

import numpy as np

from .converters.plan_format import Loss

SMALLEST = float(np.finfo(np.float32).tiny)  # arguments of logarithms are clamped here, as on the device

_NAMES = {
    Loss.SOFTMAX_CROSS_ENTROPY: "cross-entropy",
    Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS: "cross-entropy",
    Loss.BINARY_CROSS_ENTROPY: "binary-cross-entropy",
    Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS: "binary-cross-entropy",
    Loss.MEAN_SQUARED_ERROR: "mse",
}


def resolve(loss: Loss, labels: np.ndarray) -> Loss:
    """The loss that labels of this kind get (AUTO_LINEAR depends on it)."""
    if loss != Loss.AUTO_LINEAR:
        return loss
    return Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS if labels.ndim == 1 else Loss.MEAN_SQUARED_ERROR


def is_classification(loss: Loss, labels: np.ndarray, outputs: int) -> bool:
    """Whether accuracy means something: not for a squared error towards vectors or single numbers."""
    if resolve(loss, labels) != Loss.MEAN_SQUARED_ERROR:
        return True
    return labels.ndim == 1 and outputs > 1


def metric_name(loss: Loss, labels: np.ndarray, outputs: int) -> str:
    """``accuracy``, or the loss's name for regression."""
    return "accuracy" if is_classification(loss, labels, outputs) else _NAMES[resolve(loss, labels)]


def option_name(loss: Loss) -> str:
    """The word of ``TrainingConfig.loss`` that chooses this loss."""
    return _NAMES.get(loss, "auto")


def class_count(loss: Loss, outputs: int) -> int | None:
    """Number of classes that class labels choose from; None when a label is a number to predict."""
    if outputs > 1:
        return outputs
    if loss in (Loss.BINARY_CROSS_ENTROPY, Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS):
        return 2
    return None if loss in (Loss.MEAN_SQUARED_ERROR, Loss.AUTO_LINEAR) else 1


def _vectors(labels: np.ndarray, outputs: int) -> np.ndarray:
    if labels.ndim == 2:
        return labels.astype(np.float64)
    if outputs == 1:
        return labels.astype(np.float64)[:, None]
    return np.eye(outputs)[labels]


def mean_loss(loss: Loss, outputs: np.ndarray, labels: np.ndarray) -> float:
    """Mean loss over samples.

    Parameters
    ----------
    loss : Loss
    outputs : ndarray, float [n, outputs]
    labels : ndarray, int [n] or float [n, outputs]
    """
    p = outputs.astype(np.float64)
    t = _vectors(labels, p.shape[1])
    loss = resolve(loss, labels)
    if loss == Loss.SOFTMAX_CROSS_ENTROPY:
        per_sample = -(t * np.log(np.maximum(p, SMALLEST))).sum(axis=1)
    elif loss == Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS:
        shifted = p - p.max(axis=1, keepdims=True)
        per_sample = (t * (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted)).sum(axis=1)
    elif loss == Loss.BINARY_CROSS_ENTROPY:
        per_sample = -(t * np.log(np.maximum(p, SMALLEST)) + (1 - t) * np.log(np.maximum(1 - p, SMALLEST))).mean(axis=1)
    elif loss == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS:
        per_sample = (np.maximum(p, 0) - p * t + np.log1p(np.exp(-np.abs(p)))).mean(axis=1)
    else:
        per_sample = ((p - t) ** 2).mean(axis=1)
    return float(per_sample.mean())


def count_correct(loss: Loss, outputs: np.ndarray, labels: np.ndarray) -> int:
    """Samples whose largest output (first on ties) is the label's; with one output: the same side of the threshold."""
    if outputs.shape[1] == 1:
        from_logits = resolve(loss, labels) == Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS
        threshold = 0.0 if from_logits else 0.5
        return int(((outputs[:, 0] > threshold) == (labels.reshape(-1) > 0.5)).sum())
    target = labels if labels.ndim == 1 else labels.argmax(axis=1)
    return int((outputs.argmax(axis=1) == target).sum())
