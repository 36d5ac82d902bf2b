"""The epochs of one ``Trainer.fit``, and the way back when they diverge."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .data_range import HARMLESS
from .devices import Device
from .errors import NonFiniteError
from .history import History
from .progress import TrainingProgress

CHUNKS = 64  # calls of the device per epoch: progress is shown and Ctrl-C answered between them


def order_generator(seed: int | None) -> np.random.Generator | None:
    """Of the orders of samples, one per epoch; None keeps the order."""
    return None if seed is None else np.random.Generator(np.random.PCG64(seed))


def sample_order(samples: int, generator: np.random.Generator | None) -> np.ndarray:
    """Indices of all samples for one epoch, uint32."""
    order = np.arange(samples) if generator is None else generator.permutation(samples)
    return order.astype(np.uint32)


def _advice(x: np.ndarray) -> str:
    largest = float(np.abs(x).max())
    if largest <= HARMLESS:
        return "try a smaller learning rate"
    return f"x reaches {largest:g}: scale it as for the model's training, or try a smaller learning rate"


class TrainingRun:
    """Trains on a device and writes the history.

    Parameters
    ----------
    device : Device
    metrics : callable
        (mean loss, correct samples, labels) -> values by name.
    history : History
    progress : TrainingProgress
    """

    def __init__(
        self,
        device: Device,
        metrics: Callable[[float, int, np.ndarray], dict[str, float]],
        history: History,
        progress: TrainingProgress,
    ) -> None:
        self._device, self._metrics = device, metrics
        self._history, self._progress = history, progress

    def train(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        held_out: tuple[np.ndarray, np.ndarray] | None,
        epochs: int,
        seed: int | None,
    ) -> None:
        """Train for some epochs, or until NaN or infinity appears.

        Parameters
        ----------
        x : ndarray, float32 [n, inputs]
        labels : ndarray, int32 [n] or [n, rows], or float32 [n, outputs]
        held_out : tuple of ndarray, optional
            Samples and labels to evaluate on after every epoch.
        epochs : int
        seed : int or None
            Of the order; None keeps it.
        """
        generator = order_generator(seed)
        good = [self._device.state()]  # before training, then after the latest epochs
        for epoch in range(epochs):
            try:
                values = self._epoch(x, labels, sample_order(len(x), generator))
            except BaseException:
                # no later call finds half a group: its samples count, as those before them do
                self._device.flush()
                raise
            if values is not None and held_out is not None:
                values = self._add_validation(values, held_out)
            if values is None or not all(np.isfinite(w).all() for _, w in self._device.parameters()):
                self._restore(good, x, labels, epoch)
                return
            self._history.add_epoch(values)
            self._progress.end_epoch(values)
            good = [good[0], *good[1:][-1:], self._device.state()]

    def _epoch(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        order: np.ndarray,
    ) -> dict[str, float] | None:
        """Mean loss and accuracy of one pass, None if it met NaN or infinity."""
        total, correct = 0.0, 0
        for chunk in np.array_split(order, min(CHUNKS, len(order))):
            self._device.reset_counters()
            log = self._device.train(x, labels, chunk)
            self._collect_work()
            self._history.steps += log.done
            if log.non_finite:
                return None
            total += float(log.losses.sum(dtype=np.float64))
            correct += int(log.correct.sum())
            self._progress.advance(log.done)
        self._device.reset_counters()
        self._device.flush()
        self._collect_work()
        return self._metrics(total / len(order), correct, labels)

    def _collect_work(self) -> None:
        self._history.add_work(self._device.counters())
        if self._device.counts_instructions:
            self._history.add_instructions(self._device.instructions()[0])

    def _add_validation(
        self, values: dict[str, float], held_out: tuple[np.ndarray, np.ndarray]
    ) -> dict[str, float] | None:
        try:
            loss, correct = self._device.evaluate(*held_out)
        except NonFiniteError:
            return None
        return values | {f"val_{k}": v for k, v in self._metrics(loss, correct, held_out[1]).items()}

    def _restore(self, good: list[bytes], x: np.ndarray, labels: np.ndarray, epoch: int) -> None:
        """Go back to the latest state that gives finite outputs, and tell it in the history."""
        for position in reversed(range(len(good))):
            self._device.set_state(good[position])
            if position == 0 or self._can_evaluate(x, labels):
                break
        done = self._history.completed
        epochs = 0 if position == 0 else done - (len(good) - 1 - position)
        self._history.keep_epochs(epochs)
        if not epochs:  # whoever asks for the loss gets an answer
            self._history.add_epoch({"loss": math.nan})
        kept = f"the weights of epoch {epochs}" if epochs else "the weights from before training"
        self._history.stopped = (
            f"epoch {epoch + 1}: an output, loss or weight became NaN or infinite; {kept} are restored; {_advice(x)}"
        )

    def _can_evaluate(self, x: np.ndarray, labels: np.ndarray) -> bool:
        try:
            self._device.evaluate(x, labels)
        except NonFiniteError:
            return False
        return True
