"""``tflm-train bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..bench.selectors import SELECTORS
from . import options as opt
from .bench_tables import notes, tables
from .output import print_json, print_table

NAMES = ("mlp", "cnn", "conv", "mlp-int8", "cnn-int8", "ds-cnn", "resnet8", "ds-cnn-int8", "resnet8-int8")
DEFAULT = NAMES[:3]  # the others are quantised with TensorFlow


@opt.with_options("learning_rate", "layers", "errors")
def bench(
    *,
    workloads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[mlp] [cnn] [conv] [ds-cnn] [resnet8] [NAME-int8] [model FILE ...]",
            help="What to measure; default: mlp cnn conv.",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", metavar="D", help="qemu:m4 or another emulation.")] = "qemu:m4",
    builds: Annotated[
        list[str] | None, typer.Option("--build", metavar="B", help="tuned, portable or parity; may be repeated.")
    ] = None,
    selectors: Annotated[
        list[str] | None,
        typer.Option("--selector", metavar="S", help=f"{', '.join(SELECTORS)}; may be repeated."),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="The first one is measured.")] = 5,
    options: dict[str, Any],
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of weights, data split and order.")] = 0,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", help="So many, from --seed on: means and 95 % intervals.")
    ] = 1,
    mnist: Annotated[
        Path | None, typer.Option("--mnist", metavar="D.npz", help="cnn trains on MNIST instead of scaled digits.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="D.npz", help="Data for model FILE; default: random numbers.")
    ] = None,
    labels: opt.Labels = None,
    profile: Annotated[bool, typer.Option("--profile", help="Say which functions the instructions go to.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="PATH", help="Also write a line per result.")] = None,
    as_json: opt.Json = False,
) -> None:
    """Instructions, modelled cycles, memory and accuracy of training on an emulated Cortex-M."""
    from ..bench.csv_report import csv_report
    from ..bench.jobs import Settings
    from ..bench.run import run_bench
    from ..converters.files import check_writable, write_atomically

    if csv is not None:
        check_writable(csv)
    names, files = _split(workloads or list(DEFAULT))
    settings = Settings(
        names,
        files,
        device,
        builds or (),
        selectors or (),
        epochs,
        seed,
        seeds,
        learning_rate=options.get("learning_rate"),
        layers=options.get("layers"),
        errors=options.get("errors"),
        mnist=mnist,
        data=data,
        labels=labels,
        profile=profile,
    )
    content = run_bench(settings)
    if csv is not None:
        write_atomically(csv, csv_report(content).encode())
    if as_json:
        print_json(content)
        return
    for table in tables(content):
        print_table(table)
        print()
    print("\n".join(notes(content)))


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
