"""Results on stdout: one JSON object, or tables for people."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table


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


def percent(value: float | None) -> str:
    """An accuracy for people."""
    return "-" if value is None else f"{100 * value:.1f} %"


def macs(value: int) -> str:
    """A count of multiplications for people."""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit:
            return f"{value / limit:.2f} {unit}"
    return str(value)
