"""What int8 training says when it has run into the ends of int8: its loss alone does not tell."""

from __future__ import annotations

import numpy as np

from .samples import Samples

MOST = 0.1  # by which the part of the weights at an end of their range may rise
PROBES = 32  # samples


def probes(samples: Samples) -> Samples:
    """Some samples, evenly spaced, as files are often sorted by class."""
    part = np.linspace(0, len(samples) - 1, min(PROBES, len(samples))).astype(int)
    return samples[part]


def saturation(before: float, after: float, labels: np.ndarray, outputs: np.ndarray) -> str | None:
    """One sentence if training has driven weights or activations to the ends of their range.

    Parameters
    ----------
    before, after : float
        Part of the int8 weights that lies at an end of the range, before and after training.
    labels, outputs : ndarray [n, ...]
        Of some samples, after training.
    """
    if len(np.unique(labels, axis=0)) > 1 and (outputs == outputs[0]).all():
        return (
            f"the outputs of {len(outputs)} samples with different labels are all the same: int8 weights or "
            "activations are at the ends of their range; train again from the file, with a smaller learning rate"
        )
    if after - before > MOST:
        return (
            f"{after:.0%} of the int8 weights lie at an end of their range (before training {before:.0%}), where they "
            "cannot grow, as scales never change; train again from the file, with a smaller learning rate, if the "
            "accuracy is not what you need"
        )
    return None
