"""``tflm-train demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from . import options as opt
from .output import macs, percent, print_json, print_table


def demo(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Where plot, models and data go.")] = Path(
        "demo_output"
    ),
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the model's weights and the data.")] = 0,
    as_json: opt.Json = False,
) -> None:
    """A model loses accuracy on shifted digits and wins it back by training in the device runtime."""
    from ..demo.run import run_demo

    content = run_demo(output, seed)
    if as_json:
        print_json(content)
        return
    print_table(_table(content))
    print(f"plot: {content['plot']}")


def _table(content: dict[str, Any]) -> Table:
    title = (
        f"A CNN trained on clean digits ({percent(content['accuracy_clean'])}) meets rotated and dimmed ones; "
        f"{content['samples']} samples x {content['epochs']} epochs on the device, "
        f"{content['test_samples']} test samples"
    )
    table = Table(title=title, title_justify="left")
    columns = ("training", "accuracy before", "after", "work", "dense / work", "dense without zero-skip / work")
    for column in columns:
        table.add_column(column, justify="left" if column == "training" else "right")
    dense = sum(content["results"][0]["macs"].values())
    for result in content["results"]:
        work, without_skipping = sum(result["macs"].values()), sum(result["dense_macs"].values())
        table.add_row(
            result["selector"],
            percent(result["accuracy_before"]),
            percent(result["accuracy_after"]),
            macs(work),
            f"{dense / work:.2f}",
            f"{without_skipping / work:.2f}",
        )
    return table
