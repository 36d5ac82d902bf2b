"""Options that commands share; their names and ranges are those of ``TrainingConfig``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Model = Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite file.")]
Data = Annotated[Path, typer.Option("--data", metavar="D.npz", help="Arrays x, y and optionally x_test, y_test.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
LearningRate = Annotated[float | None, typer.Option("--lr", "--learning-rate", metavar="F", help="Learning rate.")]
Selector = Annotated[
    str | None,
    typer.Option("--selector", metavar="S", help="dense, static-topk or tinyprop: which elements of an error go on."),
]
Ratio = Annotated[float | None, typer.Option("--ratio", metavar="F", help="static-topk: part that is kept.")]
SMin = Annotated[float | None, typer.Option("--s-min", metavar="F", help="tinyprop: part kept at no error.")]
SMax = Annotated[float | None, typer.Option("--s-max", metavar="F", help="tinyprop: part kept at the largest error.")]
Damping = Annotated[
    float | None, typer.Option("--damping", metavar="F", help="tinyprop: factor per layer below the loss.")
]
Decay = Annotated[float | None, typer.Option("--decay", metavar="F", help="tinyprop: factor of the running maximum.")]
OutputSparse = Annotated[
    bool | None,
    typer.Option("--output-sparse/--output-dense", show_default=False, help="Select in the output layer too."),
]
ZeroSkip = Annotated[
    bool | None,
    typer.Option("--zero-skip/--no-zero-skip", show_default=False, help="Errors that are exactly zero cost nothing."),
]
Accumulate = Annotated[int | None, typer.Option("--accumulate", metavar="N", help="Samples per update.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Of the sample order.")]


def given(**options: Any) -> dict[str, Any]:
    """The options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}
