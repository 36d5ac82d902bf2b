"""Guarded alignment: statistics of activations brought back to those of conversion, where held-back samples gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .channel_statistics import aligned_names
from .devices import Device
from .errors import NonFiniteError
from .history import PHASES, AlignmentOutcome
from .losses import Objective
from .model import TrainableModel
from .samples import Samples


@dataclass(frozen=True)
class Alignment:
    """How a run is aligned.

    Attributes
    ----------
    samples : int
        To measure with, and as many others to judge by.
    margin : float
        Accepted where accuracy rises by more.
    """

    samples: int
    margin: float

    def parts(self, samples: Samples, seed: int) -> tuple[np.ndarray, Samples]:
        """Samples of a run to measure with, without labels, and others to judge by: both drawn by the seed."""
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(samples))
        return samples.x[order[: self.samples]], samples[order[self.samples : 2 * self.samples]]


def align(
    device: Device, model: TrainableModel, x: np.ndarray, held_back: Samples, objective: Objective, margin: float
) -> AlignmentOutcome:
    """Measure, judge, and accept or not. Counters start from zero; gradients that wait for their update are applied.

    Parameters
    ----------
    device : Device
    model : TrainableModel
        That of the device, with a plan that aligns.
    x : ndarray [n, inputs]
        As the device takes them.
    held_back : Samples
        Likewise.
    objective : Objective
    margin : float

    Raises
    ------
    NonFiniteError
        NaN or infinity in front of the correction. Behind it, it is refused.
    """
    device.flush()
    device.reset_counters()
    device.forget_alignment()
    accepted, decisions = False, (0, 0)
    try:
        device.measure(x)
        decisions = device.judge_alignment(held_back.x, held_back.labels)
        accepted = device.accept_alignment(margin)
    except NonFiniteError:
        device.forget_alignment()
        device.evaluate(held_back.x, held_back.labels)  # where the model itself gives such numbers, says so
    work = device.counters()
    before, after = (objective.accuracy(correct, held_back.labels) or 0.0 for correct in decisions)
    return AlignmentOutcome(
        accepted=accepted,
        accuracy_before=before,
        accuracy_after=after,
        margin=float(f"{margin:g}"),  # the plan's is of float32
        samples=len(x),
        held_back=len(held_back),
        layers=aligned_names(model),
        forward_passes=len(x) + 2 * len(held_back),
        work={phase: int(work[phase]) for phase in PHASES},
    )
