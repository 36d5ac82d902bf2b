"""The epochs of one ``Trainer.fit``, and the way back when they diverge."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np

from .callbacks import Callbacks
from .data_range import HARMLESS
from .devices import Device, StepLog
from .devices.device import NO_SLOT
from .errors import NonFiniteError, TrainingWarning
from .history import History
from .progress import TrainingProgress
from .run_watch import RunWatch
from .samples import Samples
from .sampling import Sampling

CHUNKS = 64  # calls of the device per epoch without callbacks on batches: progress is shown and Ctrl-C answered between


def order_generator(seed: int | None) -> np.random.Generator | None:
    """Of the orders of samples, one per epoch; None keeps the order."""
    return None if seed is None else np.random.Generator(np.random.PCG64(seed))


def sample_order(samples: int, generator: np.random.Generator | None) -> np.ndarray:
    """Indices of all samples for one epoch, uint32."""
    order = np.arange(samples) if generator is None else generator.permutation(samples)
    return order.astype(np.uint32)


def advice(largest: float) -> str:
    if largest <= HARMLESS:
        return "try a smaller learning rate"
    return f"x reaches {largest:g}: scale it as for the model's training, or try a smaller learning rate"


class KeptSamples:
    """Which samples' activations a device keeps, and where.

    Parameters
    ----------
    samples : int
    """

    def __init__(self, samples: int) -> None:
        self._slot = np.full(samples, NO_SLOT, np.uint32)
        self._sample: dict[int, int] = {}

    @property
    def kept(self) -> np.ndarray:
        """bool [samples]"""
        return self._slot != NO_SLOT

    def of(self, samples: np.ndarray) -> np.ndarray:
        """Slots of some samples that are kept."""
        return self._slot[samples]

    def add(self, samples: np.ndarray, slots: np.ndarray) -> None:
        """Samples and their slots, NO_SLOT of those that were left; what was in a slot is so no more."""
        for sample, slot in zip(samples.tolist(), slots.tolist()):
            if slot != NO_SLOT:
                before = self._sample.get(slot)
                if before is not None:
                    self._slot[before] = NO_SLOT
                self._slot[sample], self._sample[slot] = slot, sample


class TrainingRun:
    """Trains on a device and writes the history.

    Parameters
    ----------
    device : Device
    metrics : callable
        (mean loss, correct samples, labels) -> values by name.
    history : History
    progress : TrainingProgress
    callbacks : Callbacks
    stopping : callable
        Whether a callback has asked for the end of training.
    largest : float
        Magnitude among the samples as the user gave them.
    watch : RunWatch
    """

    def __init__(
        self,
        device: Device,
        metrics: Callable[[float, int, np.ndarray], dict[str, float]],
        history: History,
        progress: TrainingProgress,
        callbacks: Callbacks,
        stopping: Callable[[], bool],
        largest: float,
        watch: RunWatch,
    ) -> None:
        self._device, self._metrics = device, metrics
        self._history, self._progress, self._largest = history, progress, largest
        self._callbacks, self._stopping, self._watch = callbacks, stopping, watch

    def train(
        self, samples: Samples, held_out: Samples | None, epochs: int, seed: int | None, sampling: Sampling
    ) -> None:
        """Train for some epochs, or until a callback asks for the end or NaN or infinity appears.

        Parameters
        ----------
        samples : Samples
        held_out : Samples, optional
            To evaluate on after every epoch.
        epochs : int
        seed : int or None
            Of the order; None keeps it.
        sampling : Sampling
        """
        self._sampling = sampling
        self._slots: KeptSamples | None = None  # once layers are frozen
        if sampling.threshold is None:
            self._train(samples, held_out, epochs, seed)
            return
        self._device.begin_schedule(len(samples), sampling.threshold)
        try:
            self._train(samples, held_out, epochs, seed)
        finally:
            self._device.begin_schedule(0, sampling.threshold)

    def _train(self, samples: Samples, held_out: Samples | None, epochs: int, seed: int | None) -> None:
        generator = order_generator(seed)
        self._latest = np.zeros(len(samples), np.float32), np.zeros(len(samples), np.uint32)
        good = [self._device.state()]  # before training, then after the latest epochs
        for epoch in range(epochs):
            try:
                self._callbacks.call("on_epoch_begin", epoch, {})
                order = sample_order(len(samples), generator)
                if epoch == self._sampling.freeze:
                    self._slots = self._remember(samples, order)
                values = self._epoch(samples, order, self._present(len(samples))[order])
            except BaseException:
                # no later call finds half a group: its samples count, as those before them do
                self._device.flush()
                raise
            if values is not None and held_out is not None:
                values = self._add_validation(values, held_out)
            if values is None or not all(np.isfinite(w).all() for _, w in self._device.parameters()):
                self._restore(good, samples, epoch)
                return
            self._history.add_epoch(values)
            self._progress.end_epoch(values)
            self._notice(values["loss"])
            self._callbacks.call("on_epoch_end", epoch, dict(values))
            if self._stopping():
                return
            good = [good[0], *good[1:][-1:], self._device.state()]

    def _notice(self, loss: float) -> None:
        sentence = self._watch.end_epoch(loss)
        if sentence is not None:
            self._history.noticed = sentence
            warnings.warn(sentence, TrainingWarning, stacklevel=6)  # where fit was called

    def _present(self, samples: int) -> np.ndarray:
        """Who takes part in an epoch."""
        everybody = np.ones(samples, bool)
        present = everybody if self._sampling.threshold is None else self._device.next_epoch(samples)
        return present if self._slots is None else present & self._slots.kept

    def _remember(self, samples: Samples, order: np.ndarray) -> KeptSamples:
        """Keep the activations of all samples: what computes them does not train any more."""
        kept = KeptSamples(len(samples))
        self._device.forget()
        self._device.reset_counters()
        for chunk in np.array_split(order, min(CHUNKS, len(order))):
            part = samples[chunk]
            kept.add(chunk, self._device.remember(part.x, part.labels, part.weights))
            self._history.remembered += len(chunk)
        self._collect_work()
        return kept

    def _steps(self, samples: Samples, chunk: np.ndarray) -> StepLog:
        if self._slots is None:
            return self._device.train(samples.x, samples.labels, chunk, samples.weights)
        log = self._device.replay(self._slots.of(chunk), None if self._sampling.threshold is None else chunk)
        self._history.replayed += log.done
        return log

    def _epoch(self, samples: Samples, order: np.ndarray, present: np.ndarray) -> dict[str, float] | None:
        """Mean loss and accuracy of one pass over those that are present, None if it met NaN or infinity. The others
        count with their latest loss."""
        losses, decisions = self._latest
        absent = order[~present]
        total, correct = float(losses[absent].sum(dtype=np.float64)), int(decisions[absent].sum())
        known = len(absent)
        values = self._metrics(total / known, correct, samples.labels[:known]) if known else {}
        watched = self._callbacks.watch_batches
        next_places = np.append(np.flatnonzero(present), len(order))  # of the sample that follows so many others
        seen, left_out = 0, self._history.left_out
        self._history.left_out += int(next_places[0])
        self._progress.advance(known)
        for batch, chunk in enumerate(self._chunks(order[present], watched)):
            if watched:
                self._callbacks.call("on_train_batch_begin", batch, {})
            self._device.reset_counters()
            log = self._steps(samples, chunk)
            self._collect_work()
            seen += log.done
            self._history.steps += log.done
            self._history.left_out = left_out + int(next_places[seen]) - seen
            self._history.skipped += log.done - int(log.trained.sum())
            if self._history.clipped is not None:
                self._history.clipped += int((log.clipped & log.trained).sum())
            if log.non_finite:
                return None
            losses[chunk], decisions[chunk] = log.losses, log.correct
            total += float(log.losses.sum(dtype=np.float64))
            correct += int(log.correct.sum())
            known += log.done
            values = self._metrics(total / known, correct, samples.labels[:known])
            self._progress.advance(log.done)
            if watched:
                self._callbacks.call("on_train_batch_end", batch, dict(values))
            if self._stopping():
                break
        self._device.reset_counters()
        self._device.flush()
        self._collect_work()
        return values

    def _chunks(self, order: np.ndarray, watched: bool) -> list[np.ndarray]:
        """The parts of an epoch: with callbacks on batches one for each update."""
        if not len(order):
            return []
        if not watched:
            return np.array_split(order, min(CHUNKS, len(order)))
        batch = int(self._device.options()["accumulate"])
        return np.split(order, range(batch, len(order), batch))

    def _collect_work(self) -> None:
        self._history.add_work(self._device.counters())
        if self._device.counts_instructions:
            self._history.add_instructions(self._device.instructions()[0])

    def _add_validation(self, values: dict[str, float], held_out: Samples) -> dict[str, float] | None:
        try:
            loss, correct = self._device.evaluate(held_out.x, held_out.labels, held_out.weights)
        except NonFiniteError:
            return None
        return values | {f"val_{k}": v for k, v in self._metrics(loss, correct, held_out.labels).items()}

    def _restore(self, good: list[bytes], samples: Samples, epoch: int) -> None:
        """Go back to the latest state that gives finite outputs, and tell it in the history."""
        if self._sampling.freeze is not None:
            self._device.forget()  # activations of other weights
        for position in reversed(range(len(good))):
            self._device.set_state(good[position])
            if position == 0 or self._can_evaluate(samples):
                break
        done = self._history.completed
        epochs = 0 if position == 0 else done - (len(good) - 1 - position)
        self._history.keep_epochs(epochs)
        if not epochs:  # whoever asks for the loss gets an answer
            self._history.add_epoch({"loss": math.nan})
        kept = f"the weights of epoch {epochs}" if epochs else "the weights from before training"
        self._history.stopped = (
            f"epoch {epoch + 1}: an output, loss or weight became NaN or infinite; {kept} are restored; "
            f"{advice(self._largest)}"
        )

    def _can_evaluate(self, samples: Samples) -> bool:
        try:
            self._device.evaluate(samples.x, samples.labels)
        except NonFiniteError:
            return False
        return True
