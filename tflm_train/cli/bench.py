"""``tflm-train bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from . import options as opt
from .output import percent, print_json, print_table

NAMES = ("mlp", "cnn", "conv")
PHASES = ("forward", "loss", "selection", "backward", "total")


def bench(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(metavar="[mlp] [cnn] [conv] [model FILE ...]", help="What to measure; default: mlp cnn conv."),
    ] = None,
    device: Annotated[str, typer.Option("--device", metavar="D", help="qemu:m4 or another emulation.")] = "qemu:m4",
    builds: Annotated[
        list[str] | None, typer.Option("--build", metavar="B", help="tuned, portable or parity; may be repeated.")
    ] = None,
    selectors: Annotated[
        list[str] | None,
        typer.Option("--selector", metavar="S", help="dense-noskip, dense, static-topk or tinyprop; may be repeated."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="The first one is measured.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of weights, data split and order.")] = 0,
    mnist: Annotated[
        Path | None, typer.Option("--mnist", metavar="D.npz", help="cnn trains on MNIST instead of scaled digits.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="D.npz", help="Data for model FILE; default: random numbers.")
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Say which functions the instructions go to.")] = False,
    as_json: opt.Json = False,
) -> None:
    """Instructions, modelled cycles, memory and accuracy of training on an emulated Cortex-M."""
    from ..bench.run import Settings, run_bench

    names, files = _split(workloads or list(NAMES))
    settings = Settings(
        names, files, device, builds or (), selectors or (), epochs, seed, mnist=mnist, data=data, profile=profile
    )
    content = run_bench(settings)
    if as_json:
        print_json(content)
        return
    print_table(_table(content))
    for result in content["results"]:
        if "profile" in result:
            print_table(_profile_table(result))


def _split(words: list[str]) -> tuple[list[str], list[Path]]:
    """Names of workloads, and the files after the word ``model``."""
    from ..errors import UserError

    position = words.index("model") if "model" in words else len(words)
    names, files = words[:position], words[position + 1 :]
    for name in names:
        if name not in NAMES:
            raise UserError(f"there is no workload {name!r}; there are {', '.join(NAMES)} and model FILE")
    if position < len(words) and not files:
        raise UserError("model needs a file: tflm-train bench model FILE.tflite")
    return list(dict.fromkeys(names)), [Path(file) for file in dict.fromkeys(files)]


def _kilobytes(value: int | None) -> str:
    return "-" if value is None else f"{value / 1024:.1f}"


def _table(content: dict[str, Any]) -> Table:
    title = (
        f"One training step, mean of the first epoch; accuracy after {content['epochs']} epochs; KB = 1024 B.\n"
        "conv: one backward step. RAM: arena and trainer; conv: the values. Flash: kernels and trainer."
    )
    table = Table(title=title, title_justify="left")
    for column in ("workload", "selector", "build", "device"):
        table.add_column(column)
    for column in (*PHASES, "M4 cycles (model)", "RAM KB", "flash KB", "accuracy"):
        table.add_column(column, justify="right")
    latest = None
    for result in content["results"]:
        if latest not in (None, result["workload"]):
            _add_peers(table, content, latest)
        latest = result["workload"]
        cycles = result["cycles_model"]
        table.add_row(
            result["workload"],
            result["selector"] + (f" {100 * result['ratio']:.0f} %" if result["ratio"] is not None else ""),
            result["build"],
            result["device"],
            *(f"{result['instructions'][phase]:,}" for phase in PHASES),
            "-" if cycles is None else f"{cycles:,}",
            _kilobytes(result["ram_bytes"]),
            _kilobytes(result["flash_bytes"]),
            percent(result["accuracy"]),
        )
    _add_peers(table, content, latest)
    return table


def _add_peers(table: Table, content: dict[str, Any], workload: str | None) -> None:
    for peer in content["peers"].get(workload, []):
        unknown = [""] * (PHASES.index("total") + 2)  # build, device, phases
        total, ram = f"{peer['instructions']:,}", _kilobytes(peer["ram_bytes"])
        table.add_row("", peer["name"], *unknown, total, "", ram, style="dim")
    table.add_section()


def _profile_table(result: dict[str, Any]) -> Table:
    table = Table(title=f"{result['workload']}, {result['selector']}, {result['build']}", title_justify="left")
    table.add_column("function", overflow="ellipsis", no_wrap=True)
    table.add_column("instructions", justify="right")
    table.add_column("M4 cycles (model)", justify="right")
    for row in result["profile"]:
        table.add_row(row["function"], f"{row['instructions']:,}", f"{row['cycles_model']:,}")
    return table
