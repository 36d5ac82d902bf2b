"""Options that commands share; those of training stand in the table of ``converters/options.py``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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
    """Type of a parameter for an option of the table; not given, it is None."""
    option = OPTIONS[name]
    return Annotated[
        option.type | None, typer.Option(*option.flags, metavar=option.metavar, help=option.help, show_default=False)
    ]


def with_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command options of the table as parameters; as ``options`` it gets those that the user gave.

    Parameters
    ----------
    *names : str
        In the table.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {name: arguments.pop(name) for name in names}
            command(options={name: value for name, value in values.items() if value is not None}, **arguments)

        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command, eval_str=True).parameters.values():
            if parameter.name != "options":
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            parameters += [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(name))
                for name in names
            ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate
