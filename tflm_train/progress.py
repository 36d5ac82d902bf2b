"""Progress on stderr: stdout belongs to results."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .errors import UserError


class TrainingProgress:
    """A bar over all steps of a training run (`verbose` 1), or a line for each epoch (2)."""

    def __init__(self, verbose: str | int, epochs: int, samples: int, description: str = "training") -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise UserError(f"verbose={verbose!r} is out of range: 'auto', 0, 1 or 2")
        shown = sys.stderr.isatty() if verbose == "auto" else verbose == 1
        self._lines = verbose == 2 or (verbose == "auto" and not shown and _in_notebook())
        self._epochs, self._epoch = epochs, 0
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
        metrics = "  ".join(f"{k} {v:.4f}" for k, v in values.items())
        self._progress.update(self._task, metrics=metrics)
        self._epoch += 1
        if self._lines:
            print(f"epoch {self._epoch}/{self._epochs}  {metrics}", flush=True)


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this program."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
