"""Options that commands share; those of training stand in the table of ``converters/options.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..converters.options import OPTIONS

Model = Annotated[Path, typer.Argument(metavar="FILE", help="A .tflite file with a training plan.")]
AnyModel = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A .tflite, .keras or .h5 file, a SavedModel folder, or a C file with a .tflite's bytes."
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="D.npz",
        help="Arrays x, y and optionally x_test, y_test; or D.csv (a line for each sample, its label last, or in the "
        "column that the first line calls label); or X.npy with --labels.",
    ),
]
Labels = Annotated[Path | None, typer.Option("--labels", metavar="Y.npy", help="Of --data X.npy.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _option(name: str) -> Any:
    """A command-line option from the table of options; not given, it is None."""
    option = OPTIONS[name]
    return typer.Option(*option.flags, metavar=option.metavar, help=option.help, show_default=False)


Layers = Annotated[str | None, _option("layers")]
Cut = Annotated[str | None, _option("cut")]
Loss = Annotated[str | None, _option("loss")]
Selector = Annotated[str | None, _option("selector")]
Ratio = Annotated[float | None, _option("ratio")]
SMin = Annotated[float | None, _option("s_min")]
SMax = Annotated[float | None, _option("s_max")]
Damping = Annotated[float | None, _option("damping")]
Decay = Annotated[float | None, _option("decay")]
OutputSparse = Annotated[bool | None, _option("output_sparse")]
LearningRate = Annotated[float | None, _option("learning_rate")]
Accumulate = Annotated[int | None, _option("accumulate")]
ZeroSkip = Annotated[bool | None, _option("zero_skip")]
AddBias = Annotated[bool | None, _option("add_bias")]
Seed = Annotated[int | None, _option("seed")]


def given(**options: Any) -> dict[str, Any]:
    """The options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}
