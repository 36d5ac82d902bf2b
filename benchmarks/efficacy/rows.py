"""The lines of the study: one for each run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

Row = dict[str, Any]
WORDS = ("task", "method", "stopped")
NUMBERS = ("learning_rate", "before", "after")
COUNTS = ("seed", "forward_passes", "forward", "work", "dense_forward", "dense_work", "arena_bytes", "replay_bytes")
COLUMNS = ("task", "method", *COUNTS, *NUMBERS, "stopped")


def read_rows(file: Path) -> list[Row]:
    """Of a file of an earlier run, none if there is no such file."""
    if not file.exists():
        return []
    kinds = {**dict.fromkeys(WORDS, str), **dict.fromkeys(NUMBERS, float), **dict.fromkeys(COUNTS, int)}
    with file.open(newline="") as lines:
        return [{name: kinds[name](value) for name, value in line.items()} for line in csv.DictReader(lines)]


def best_rate(rows: list[Row], task: str, method: str, seeds: tuple[int, ...]) -> float | None:
    """The learning rate with the best mean accuracy of some seeds, the smallest of equals; None if none was tried."""
    tried: dict[float, list[float]] = {}
    for row in rows:
        if (row["task"], row["method"]) == (task, method) and row["seed"] in seeds:
            tried.setdefault(row["learning_rate"], []).append(row["after"])
    return min(tried, key=lambda rate: (-sum(tried[rate]) / len(tried[rate]), rate)) if tried else None
