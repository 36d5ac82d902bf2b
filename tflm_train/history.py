"""What a training run did."""

from __future__ import annotations

from dataclasses import dataclass, field

PHASES = ("forward", "input_error", "weight_gradient", "update", "selection")


@dataclass
class History:
    """Result of ``Trainer.fit``.

    Attributes
    ----------
    history : dict of list
        Per completed epoch: ``loss`` (mean, each sample before its update), and with ``validation_data`` ``val_loss``;
        ``accuracy`` and ``val_accuracy`` where labels are classes.
    epoch : list of int
        Completed epochs, from 0.
    counters : dict of int
        Work of the training steps by phase: multiplications (forward, input_error, weight_gradient), parameters
        changed (update), elements examined (selection). Evaluations do not count.
    steps : int
        Samples trained on.
    instructions : dict of int
        On devices that count them: instructions of the training steps by phase, and ``total``; where the device counts
        work too, that counting is in them (``Trainer.step_cost`` measures without it). Empty elsewhere.
    stopped : str or None
        Why training ended early, and what was done about it.
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PHASES, 0))
    steps: int = 0
    instructions: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None

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

    def add_work(self, counters: dict[str, int]) -> None:
        """Add the work of some steps."""
        for phase in PHASES:
            self.counters[phase] += int(counters[phase])

    def add_instructions(self, instructions: dict[str, int]) -> None:
        """Add the instructions of some steps."""
        for phase, count in instructions.items():
            self.instructions[phase] = self.instructions.get(phase, 0) + count
