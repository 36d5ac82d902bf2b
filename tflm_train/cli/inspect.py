"""``tflm-train inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from . import options as opt
from .output import macs, print_json, print_pairs, print_table


def inspect(
    file: opt.AnyModel,
    why: Annotated[
        bool, typer.Option("--why", help="What each layer would gain, by a pass over the labelled samples of --data.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="D.npz", help="For --why: D.npz, D.csv or X.npy (with --labels).")
    ] = None,
    labels: opt.Labels = None,
    as_json: opt.Json = False,
) -> None:
    """Show a model's layers, what of it trains, and what training needs."""
    from ..commands import convert_command
    from ..contribution import contributions_of
    from ..data_files import load_data
    from ..errors import UserError
    from ..inspection import inspect_report
    from ..plan_lines import size_lines

    if why and data is None:
        raise UserError("--why needs labelled samples: give them with --data D.npz")
    if data is not None and not why:
        raise UserError("--data has no effect without --why, which shows what each layer would gain on its samples")
    content = inspect_report(file)
    if why and data is not None:
        content["contributions"] = contributions_of(file, load_data(data, labels).train)
    if as_json:
        print_json(content)
        return
    print_table(_operator_table(content))
    if why:
        print_table(_contribution_table(content["contributions"]))
    if content["has_plan"]:
        print_pairs("Training plan", _cut_lines(content["cut"]) + _spare_lines(content) + size_lines(content))
    else:
        print(f"{file.name} has no training plan: `{convert_command(str(file))}` adds one")


def _contribution_table(contributions: list[dict[str, Any]]) -> Table:
    total = sum(layer["weights"] + layer["bias"] for layer in contributions) or 1.0
    title = "What training a layer gains (its part of the gradient's squared norm), and the RAM for it alone"
    table = Table(title=title, title_justify="left")
    for column in ("#", "name"):
        table.add_column(column)
    for column in ("weights", "bias", "RAM B", "RAM B, bias"):
        table.add_column(column, justify="right")
    for layer in contributions:
        parts = (f"{layer[part] / total:.1%}" for part in ("weights", "bias"))
        sizes = (f"{layer[part]:,}" for part in ("weights_ram_bytes", "bias_ram_bytes"))
        table.add_row(str(layer["operator"]), escape(layer["name"]), *parts, *sizes)
    return table


def _cut_lines(cut: dict[str, Any] | None) -> list[tuple[str, str]]:
    if cut is None:
        return []
    where = f"in front of operator {cut['first_operator']}: {cut['name']}, {'x'.join(map(str, cut['shape']))}"
    body = "TensorFlow Lite Micro, on a PC ai-edge-litert" if cut["external_body"] else "this library"
    return [("cut", where), ("  what lies in front runs in", body)]


def _spare_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    untaught = content["untaught_classes"]
    listed = f"{len(untaught)}: {', '.join(map(str, untaught))}"
    return [("classes that can be taught", listed)] if untaught else []


def _operator_table(content: dict[str, Any]) -> Table:
    heading = "trains" if content["has_plan"] else "can train"
    table = Table(title=f"{content['model']}, {content['file_bytes']:,} B", title_justify="left")
    for column in ("#", "name", "type", "output"):
        table.add_column(column)
    for column in ("parameters", "forward", "input error", "weight gradient", "keeps"):
        table.add_column(column, justify="right")
    table.add_column(heading)
    for op in content["operators"]:
        work = op["macs"]
        table.add_row(
            str(op["index"]),
            escape(op["name"]),
            op["type"],
            " ".join("x".join(map(str, tensor["shape"])) for tensor in op["outputs"]),
            f"{op['parameters']:,}" if op["parameters"] else "",
            *(macs(work[phase]) if work[phase] else "" for phase in ("forward", "input_error", "weight_gradient")),
            f"{op['saved_bytes']:,} B" if op["saved_bytes"] else "",
            ("yes" if op["gradient"] == "exact" else op["gradient"])
            if op["trainable"]
            else escape(op["reason"] or "no"),
        )
    return table
