"""What a training run did."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import UserError

PHASES = ("forward", "input_error", "weight_gradient", "update", "selection")


@dataclass(frozen=True)
class AlignmentOutcome:
    """What became of an alignment.

    Attributes
    ----------
    accepted : bool
        The weights have taken the correction over; else none has changed.
    accuracy_before, accuracy_after : float
        Of the samples held back, without the correction and with it. Both are 0 where the correction gave NaN or
        infinity.
    margin : float
        Accepted where accuracy rises by more.
    samples, held_back : int
        That it was measured with, and judged by.
    layers : tuple of str
        That are aligned.
    forward_passes : int
        Those that measure end behind the last of these layers.
    work : dict of int
        By phase, as ``History.counters``.
    """

    accepted: bool
    accuracy_before: float
    accuracy_after: float
    margin: float
    samples: int
    held_back: int
    layers: tuple[str, ...]
    forward_passes: int
    work: dict[str, int]

    @property
    def macs(self) -> int:
        """All of its work."""
        return sum(self.work.values())


@dataclass(repr=False)
class History:
    """Result of ``Trainer.fit``.

    Attributes
    ----------
    history : dict of list
        Per completed epoch: ``loss`` (mean, each sample before its update and times its weight; of one that sat the
        epoch out its latest), and with validation ``val_loss``; ``accuracy`` and ``val_accuracy`` where labels are
        classes.
    epoch : list of int
        Epochs in ``history``, from 0.
    counters : dict of int
        Work of the training steps by phase: multiplications (forward, input_error, weight_gradient), parameters
        changed (update), elements examined (selection). Evaluations do not count.
    steps : int
        Samples seen: forward passes.
    search_steps : int
        Forward passes of the search for a learning rate, whose work is in ``counters`` too.
    search_macs : int
        That work.
    alignment : AlignmentOutcome or None
        What aligning in front of the run has done, whose work is in ``counters`` too; None: it was not asked for.
    learning_rate : float or None
        The rate that the run began with.
    tried : list of dict
        Of the search: ``learning_rate``, and ``loss`` of the samples held back, infinite where it diverged.
    recipe : list of dict
        What ``recipe="auto"`` decided, each with ``option``, ``value`` and ``reason``; empty without.
    left_out : int
        Samples that the schedule left out, or that replay does not keep: they had no forward pass. Of a run that came
        to its end, these and ``steps`` are epochs times samples.
    replayed : int
        Of the samples seen those that came from activations that were kept: steps of the layers behind the cut.
    remembered : int
        Forward passes, up to the cut, whose activations were to be kept; not among ``steps``.
    skipped : int
        Of the samples seen those without a backward pass: their weight is 0, or the gate left them out.
    clipped : int or None
        Of the samples that trained those whose error at the output was clipped; None where the option ``clip`` is 0.
    instructions : dict of int
        On devices that count them: instructions of the training steps by phase, and ``total``; where the device counts
        work too, that counting is in them (``Trainer.step_cost`` measures without it). Empty elsewhere.
    stopped : str or None
        Why training ended early, and what was done about it; None where a callback ended it.
    interrupted : bool
        By Ctrl-C.
    noticed : str or None
        That the loss rose, or that it stood still at outputs that are the same for all samples, and what to do; None if
        neither was so.
    saturated : str or None
        That int8 weights or activations were driven to the ends of their range, and what to do; None if they were not.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    steps: int = 0
    search_steps: int = 0
    search_macs: int = 0
    alignment: AlignmentOutcome | None = None
    learning_rate: float | None = None
    tried: list[dict[str, float]] = field(default_factory=list)
    recipe: list[dict[str, Any]] = field(default_factory=list)
    left_out: int = 0
    replayed: int = 0
    remembered: int = 0
    skipped: int = 0
    clipped: int | None = None
    instructions: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None
    interrupted: bool = False
    noticed: str | None = None
    saturated: str | None = None

    def __repr__(self) -> str:
        series = ", ".join(f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.history.items())
        return f"<History of {self.completed} epochs: {series or 'nothing'}{'; stopped' if self.stopped else ''}>"

    @property
    def completed(self) -> int:
        """Epochs that came to their end. Where the first one did not, ``history`` holds it with a loss of NaN."""
        return sum(not math.isnan(loss) for loss in self.history.get("loss", []))

    def require_end(self, message: Callable[[str], str] = str) -> None:
        """For what cannot go on with a run that ended early.

        Parameters
        ----------
        message : callable
            Takes the reason and gives the text of the error.

        Raises
        ------
        KeyboardInterrupt
            The run was interrupted.
        UserError
            It stopped for another reason.
        """
        if self.interrupted:
            raise KeyboardInterrupt
        if self.stopped:
            raise UserError(message(self.stopped))

    @property
    def latest(self) -> dict[str, float]:
        """The results of the latest epoch."""
        return {name: series[-1] for name, series in self.history.items() if series}

    def add_epoch(self, values: dict[str, float]) -> None:
        """Append the results of one epoch."""
        self.epoch.append(len(self.epoch))
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)

    def keep_epochs(self, count: int) -> None:
        """Drop all but the first epochs."""
        del self.epoch[count:]
        for series in self.history.values():
            del series[count:]
        if not count:
            self.history.clear()

    def add_work(self, counters: dict[str, int]) -> None:
        """Add the work of some steps."""
        for phase in PHASES:
            self.counters[phase] += int(counters[phase])

    def add_search(self, steps: int, counters: dict[str, int]) -> None:
        """Add some steps of the search for a learning rate, and their work."""
        self.search_steps += steps
        self.search_macs += sum(int(counters[phase]) for phase in PHASES)
        self.add_work(counters)

    def add_alignment(self, outcome: AlignmentOutcome) -> None:
        """Add what aligning has done, and its work."""
        self.alignment = outcome
        self.add_work(outcome.work)

    @property
    def extra_macs(self) -> int:
        """Work that is none of the run's steps: of aligning, and of the search for a learning rate."""
        return self.search_macs + (0 if self.alignment is None else self.alignment.macs)

    @property
    def training_passes(self) -> int:
        """Forward passes of steps that train, of the run and of the search for its learning rate."""
        return self.steps + self.search_steps

    @property
    def forward_passes(self) -> int:
        """Those, and of aligning."""
        return self.training_passes + (0 if self.alignment is None else self.alignment.forward_passes)

    @property
    def clipped_fraction(self) -> float | None:
        """``clipped`` / samples that trained."""
        trained = self.steps - self.skipped
        return None if self.clipped is None else self.clipped / trained if trained else 0.0

    def add_instructions(self, instructions: dict[str, int]) -> None:
        """Add the instructions of some steps."""
        for phase, count in instructions.items():
            self.instructions[phase] = self.instructions.get(phase, 0) + count
