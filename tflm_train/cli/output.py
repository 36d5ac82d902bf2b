"""Results on stdout: one JSON object, or tables for people."""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from ..errors import DataWarning, TrainingWarning
from ..losses import BINARY_ACCURACY


@contextlib.contextmanager
def told_warnings() -> Iterator[list[str]]:
    """Warnings about the data as lines on stderr; the list holds their sentences afterwards, each once."""
    sentences: list[str] = []

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, TrainingWarning):
            return  # the command says itself what it does about it
        if not issubclass(category, DataWarning):
            show(message, category, *place, **more)
        elif str(message) not in sentences:
            sentences.append(str(message))
            print(f"warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        show, warnings.showwarning = warnings.showwarning, tell
        yield sentences


def print_json(content: dict[str, Any]) -> None:
    """The only thing on stdout with ``--json``."""
    print(json.dumps(content, indent=2, allow_nan=False))


def print_pairs(title: str, pairs: list[tuple[str, str]]) -> None:
    """A table of labels and values."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, value in pairs:
        table.add_row(label, value)
    print_table(table)


def print_table(table: Table) -> None:
    """A table, as wide as its content when stdout is no terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table, crop=False)


def metric_label(metric: str) -> str:
    """What a table calls the accuracies: ``binary accuracy`` where they count elements."""
    return metric.replace("-", " ") if metric == BINARY_ACCURACY else "accuracy"


def percent(value: float | None) -> str:
    """An accuracy for people."""
    return "-" if value is None else f"{100 * value:.1f} %"


def macs(value: int) -> str:
    """A count of multiplications for people."""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit:
            return f"{value / limit:.2f} {unit}"
    return str(value)
