"""Progress on stderr: stdout belongs to results."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .errors import UserError


class TrainingProgress:
    """A bar over all steps of a training run; silent unless `verbose` is 1, or ``auto`` on a terminal."""

    def __init__(self, verbose: str | int, epochs: int, samples: int, description: str = "training") -> None:
        if verbose not in ("auto", 0, 1):
            raise UserError(f"verbose={verbose!r} is out of range: 'auto', 0 or 1")
        shown = sys.stderr.isatty() if verbose == "auto" else bool(verbose)
        self._description = description
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
            console=Console(file=sys.stderr),
            disable=not shown,
            transient=verbose == "auto",
        )
        self._task = self._progress.add_task(description, total=epochs * samples, metrics="")

    def __enter__(self) -> "TrainingProgress":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def describe(self, text: str) -> None:
        """What is done now."""
        self._progress.update(self._task, description=text)

    def advance(self, steps: int) -> None:
        """Some more samples are done."""
        self._progress.update(self._task, advance=steps)

    def end_epoch(self, values: dict[str, float]) -> None:
        """Show the results of an epoch."""
        self._progress.update(self._task, metrics="  ".join(f"{k} {v:.3f}" for k, v in values.items()))
