"""``tflm-train inspect``."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from . import options as opt
from .output import macs, print_json, print_pairs, print_table


def inspect(file: opt.AnyModel, as_json: opt.Json = False) -> None:
    """Show a model's layers, what of it trains, and what training needs."""
    from ..commands import convert_command
    from ..inspection import inspect_report
    from ..plan_lines import size_lines

    content = inspect_report(file)
    if as_json:
        print_json(content)
        return
    print_table(_operator_table(content))
    if content["has_plan"]:
        print_pairs("Training plan", _cut_lines(content["cut"]) + size_lines(content))
    else:
        print(f"{file.name} has no training plan: `{convert_command(str(file))}` adds one")


def _cut_lines(cut: dict[str, Any] | None) -> list[tuple[str, str]]:
    if cut is None:
        return []
    where = f"in front of operator {cut['first_operator']}: {cut['name']}, {'x'.join(map(str, cut['shape']))}"
    body = "TensorFlow Lite Micro, on a PC ai-edge-litert" if cut["external_body"] else "this library"
    return [("cut", where), ("  what lies in front runs in", body)]


def _operator_table(content: dict[str, Any]) -> Table:
    heading = "trains" if content["has_plan"] else "can train"
    table = Table(title=f"{content['model']}, {content['file_bytes']:,} B", title_justify="left")
    for column in ("#", "name", "type", "output"):
        table.add_column(column)
    for column in ("parameters", "forward", "input error", "weight gradient"):
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
            "yes" if op["trainable"] else escape(op["reason"] or "no"),
        )
    return table
