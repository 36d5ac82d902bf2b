"""``tflm-train evaluate``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import options as opt
from .output import percent, print_json, print_pairs


def evaluate(
    file: opt.Model,
    data: opt.Data,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime", metavar="R", help="native (this library), litert (ai-edge-litert) or tflm (tflite-micro)."
        ),
    ] = "native",
    as_json: opt.Json = False,
) -> None:
    """Loss and accuracy of a model on x_test and y_test, or on x and y without them."""
    from ..data import load_npz
    from ..errors import UserError
    from ..model import read_file
    from ..reports import report
    from ..runtimes import RUNTIMES, evaluate_file

    if runtime not in RUNTIMES:
        raise UserError(f"there is no runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    arrays = load_npz(data)
    x, y = arrays.held_out
    if runtime == "native":
        result = _evaluate_natively(file, x, y)
    else:
        result = evaluate_file(read_file(file), file.name, runtime, x, y)
    content = report("evaluate", runtime=runtime, evaluated_on="x" if arrays.x_test is None else "x_test", **result)
    if as_json:
        print_json(content)
        return
    print_pairs(
        f"{file} in {runtime}",
        [
            (f"samples of {content['evaluated_on']}", f"{content['samples']:,}"),
            ("accuracy", percent(content["accuracy"])),
            ("loss", f"{content['loss']:.4f}"),
        ],
    )


def _evaluate_natively(file: Any, x: Any, y: Any) -> dict[str, Any]:
    from ..trainer import Trainer

    with Trainer(file) as trainer:
        values = trainer.evaluate(x, y)
        return {
            "samples": len(x),
            "accuracy": values.get("accuracy"),
            "metric": trainer.metric(y),
            "loss": values["loss"],
        }
