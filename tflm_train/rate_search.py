"""``learning_rate="auto"``: short runs from the same state at some rates, judged on samples that are held back.

From the middle a decade up, then decades down until one is clearly worse or does nothing, then the halves of a decade
on both sides of the best: five rates, mostly. Where the start is bad, a rate that makes the outputs the same for all
samples lowers the loss most, so what is clearly less accurate than another does not count. A short run favours large
rates, which a long one may not survive: of those that gain nearly as much as the best the smallest is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .converters.options import stored
from .devices import Device
from .errors import NonFiniteError, UserError
from .history import History
from .samples import Samples

FIRST, LARGEST, SMALLEST = 1e-2, 1e-1, 1e-7
CLEARLY, NOTHING = 1.1, 0.98  # times the best loss, times the loss before training
DIVERGED = 2.0  # times the loss before training
DECADE, HALF = 10.0, math.sqrt(10.0)
NEARLY = 0.97  # part of the best gain that is as good
HELD_BACK, MOST_HELD_BACK = 0.2, 256  # part of the samples, samples
FEWEST = 10  # samples
PART = 0.01  # of the whole run that one rate takes
LEAST_STEPS, MOST_STEPS = 32, 256
ENOUGH_STEPS = 80  # tell rates apart, where that is no larger part of the run than MOST_PART
MOST_PART = 1 / 32


class RateSearch:
    """Finds a learning rate for a run; what it tries is written into the run's history.

    Parameters
    ----------
    device : Device
        Its state and options are afterwards as they were.
    samples : Samples
        Of the run, as the device takes them.
    epochs : int
        Of the run: a rate takes a hundredth of its samples, 32 to 256; up to 80 where that is a thirty-second.
    seed : int
        Of what is held back and of the order.
    history : History
        Gets the work, ``tried`` and ``learning_rate``.

    Raises
    ------
    UserError
        There are too few samples.
    """

    def __init__(self, device: Device, samples: Samples, epochs: int, seed: int, history: History) -> None:
        if len(samples) < FEWEST:
            raise UserError(
                f"learning_rate='auto' holds samples back to compare rates, and of {len(samples)} too few remain: give "
                f"{FEWEST} or more, or a number"
            )
        self._device, self._history = device, history
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(samples))
        held_back = min(int(len(samples) * HELD_BACK), MOST_HELD_BACK)
        self._held_back, self._samples = samples[order[:held_back]], samples[order[held_back:]]
        total = epochs * len(samples)
        least = max(min(ENOUGH_STEPS, round(total * MOST_PART)), LEAST_STEPS)
        steps = min(max(round(total * PART), least), MOST_STEPS, len(self._samples))
        self._order = np.arange(steps, dtype=np.uint32)

    def run(self, describe: Callable[[str], None]) -> float:
        """The rate to train with, as the device keeps it.

        Parameters
        ----------
        describe : callable
            Is told in words what is being tried.
        """
        self._state, before = self._device.state(), self._device.options()["learning_rate"]
        try:
            start = self._judge()[0]
            self._correct: dict[float, int] = {}
            tried = {FIRST: self._try(FIRST, describe)}
            if tried[FIRST] <= DIVERGED * start:
                tried[LARGEST] = self._try(LARGEST, describe)
            rate = FIRST
            while rate > SMALLEST and not min(CLEARLY * min(tried.values()), NOTHING * start) < tried[rate] <= start:
                rate /= DECADE
                tried[rate] = self._try(rate, describe)
            best = min(self._accurate(tried), key=lambda rate: tried[rate])
            for rate in (best / HALF, best * HALF):
                tried[rate] = self._try(rate, describe)
        finally:
            self._device.set_state(self._state)
            self._device.set_options(learning_rate=before)
            self._device.reset_counters()
        self._history.tried = [{"learning_rate": rate, "loss": tried[rate]} for rate in sorted(tried)]
        gains = {rate: start - tried[rate] for rate in self._accurate(tried)}
        enough = NEARLY * max(gains.values())
        return min(rate for rate, gain in gains.items() if gain >= enough) if enough > 0 else min(tried)

    def _accurate(self, tried: dict[float, float]) -> list[float]:
        """Rates whose accuracy lies within a standard deviation of the best; all where labels have none."""
        most = max(self._correct.values())
        samples = max(len(self._held_back), most)
        return [rate for rate in tried if self._correct[rate] >= most - math.sqrt(most * (1 - most / samples))]

    def _try(self, rate: float, describe: Callable[[str], None]) -> float:
        """Loss of the samples held back after a short run, infinite if that diverged."""
        describe(f"trying learning rate {rate:.2g}")
        self._correct[rate] = 0
        given, rate = rate, stored(rate)
        self._device.set_state(self._state)
        self._device.set_options(learning_rate=rate)
        self._device.reset_counters()
        samples = self._samples
        log = self._device.train(samples.x, samples.labels, self._order, samples.weights)
        if not log.non_finite:
            self._device.flush()
        self._history.add_search(log.done, self._device.counters())
        if self._device.counts_instructions:
            self._history.add_instructions(self._device.instructions()[0])
        if log.non_finite:
            return math.inf
        loss, self._correct[given] = self._judge()
        return loss

    def _judge(self) -> tuple[float, int]:
        """Loss and correct decisions of the samples held back, infinite and none where an output is not finite."""
        try:
            loss, correct = self._device.evaluate(self._held_back.x, self._held_back.labels, self._held_back.weights)
        except NonFiniteError:
            return math.inf, 0
        return (float(loss), int(correct)) if math.isfinite(loss) else (math.inf, 0)
