"""Options that commands share; their names and ranges are those of ``TrainingConfig``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

Model = Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite file.")]
Data = Annotated[Path, typer.Option("--data", metavar="D.npz", help="Arrays x, y and optionally x_test, y_test.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
LearningRate = Annotated[Optional[float], typer.Option("--lr", "--learning-rate", metavar="F", help="Learning rate.")]
Selector = Annotated[
    Optional[str],
    typer.Option("--selector", metavar="S", help="dense, static-topk or tinyprop: which elements of an error go on."),
]
Ratio = Annotated[Optional[float], typer.Option("--ratio", metavar="F", help="static-topk: part that is kept.")]
SMin = Annotated[Optional[float], typer.Option("--s-min", metavar="F", help="tinyprop: part kept at no error.")]
SMax = Annotated[Optional[float], typer.Option("--s-max", metavar="F", help="tinyprop: part kept at the largest error.")]
Damping = Annotated[Optional[float], typer.Option("--damping", metavar="F", help="tinyprop: factor per layer below the loss.")]
Decay = Annotated[Optional[float], typer.Option("--decay", metavar="F", help="tinyprop: factor of the running maximum.")]
OutputSparse = Annotated[
    Optional[bool],
    typer.Option("--output-sparse/--output-dense", show_default=False, help="Select in the output layer too."),
]
ZeroSkip = Annotated[
    Optional[bool],
    typer.Option("--zero-skip/--no-zero-skip", show_default=False, help="Errors that are exactly zero cost nothing."),
]
Accumulate = Annotated[Optional[int], typer.Option("--accumulate", metavar="N", help="Samples per update.")]
Seed = Annotated[Optional[int], typer.Option("--seed", metavar="N", help="Of the sample order.")]


def given(**options: Any) -> dict[str, Any]:
    """The options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}
