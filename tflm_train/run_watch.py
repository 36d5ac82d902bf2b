"""What a run says while it goes wrong without NaN or infinity: a loss that rises, outputs that are the same for all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .errors import NonFiniteError
from .samples import Samples
from .saturation import probes

RISES = 2  # epochs that follow each other
FACTOR = 1.5  # of the least loss of an epoch
STILL_EPOCHS, STILL = 3, 0.05  # over which a loss does not move, by this part of it
CONSTANT = 1e-3  # spread of the outputs over that of the targets


class RunWatch:
    """Tells the first of these in one sentence, once.

    Parameters
    ----------
    samples : Samples
        As the device takes them.
    predict : callable
        Samples float32 [k, inputs] to outputs [k, outputs].
    vectors : callable
        Labels to targets [k, outputs].
    advice : str
        What to do about a rate that is too large.
    """

    def __init__(
        self,
        samples: Samples,
        predict: Callable[[np.ndarray], np.ndarray],
        vectors: Callable[[np.ndarray], np.ndarray],
        advice: str,
    ) -> None:
        self._probes, self._predict, self._vectors, self._advice = probes(samples), predict, vectors, advice
        self._losses: list[float] = []
        self._told = False

    def end_epoch(self, loss: float) -> str | None:
        """The sentence, if it is due after an epoch of this mean loss."""
        self._losses.append(loss)
        if self._told:
            return None
        sentence = self._rising() or self._still()
        self._told = sentence is not None
        return sentence

    def _rising(self) -> str | None:
        losses = self._losses
        latest, least = losses[-RISES - 1 :], min(losses)
        if len(latest) <= RISES or any(after <= before for before, after in zip(latest, latest[1:])):
            return None
        if latest[-1] <= FACTOR * least:
            return None
        return (
            f"the loss has risen for {RISES} epochs, to {latest[-1]:.3g} in epoch {len(losses)} from {least:.3g} in "
            f"epoch {losses.index(least) + 1}: training diverges; {self._advice}"
        )

    def _still(self) -> str | None:
        latest = self._losses[-STILL_EPOCHS:]
        if len(latest) < STILL_EPOCHS or max(latest) - min(latest) > STILL * max(latest):
            return None
        targets = self._vectors(self._probes.labels)
        try:
            outputs = self._predict(self._probes.x)
        except NonFiniteError:  # which the run meets itself
            return None
        spread = float(np.ptp(targets, axis=0).max())
        if spread == 0 or float(np.ptp(outputs, axis=0).max()) > CONSTANT * spread:
            return None
        return (
            f"the loss has not moved for {STILL_EPOCHS} epochs, and the outputs of {len(outputs)} samples with "
            "different labels are all the same: nothing of the samples reaches them any more; train again from the "
            "file, with a smaller learning rate or with targets and x scaled to about 1"
        )
