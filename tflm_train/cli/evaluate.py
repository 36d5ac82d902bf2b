"""``tflm-train evaluate``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import options as opt
from .output import metric_label, percent, print_json, print_pairs, told_warnings


def evaluate(
    file: opt.AnyModel,
    data: opt.Data,
    labels: opt.Labels = None,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime", metavar="R", help="native (this library), litert (ai-edge-litert) or tflm (tflite-micro)."
        ),
    ] = "native",
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="For native: native, native-parity, qemu:BOARD or serial:PORT.")
    ] = "native",
    as_json: opt.Json = False,
) -> None:
    """Loss and accuracy of a model on x_test and y_test, or on x and y without them."""
    from ..data_files import load_data
    from ..errors import UserError
    from ..reports import report
    from ..runtimes import RUNTIMES, evaluate_file

    if runtime not in RUNTIMES:
        raise UserError(f"there is no runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    if runtime != "native" and device != "native":
        raise UserError(f"--device {device} is for --runtime native; {runtime} runs on this machine")
    arrays = load_data(data, labels)
    x, y = arrays.held_out
    with told_warnings() as sentences:
        if runtime == "native":
            result = _evaluate_natively(file, device, x, y)
        else:
            result = evaluate_file(file, runtime, x, y)
    evaluated_on = "x" if arrays.x_test is None else "x_test"
    content = report("evaluate", runtime=runtime, evaluated_on=evaluated_on, **result, warnings=sentences)
    if as_json:
        print_json(content)
        return
    print_pairs(
        f"{file} in {content.get('device', runtime)}",
        [
            (f"samples of {content['evaluated_on']}", f"{content['samples']:,}"),
            (metric_label(content["metric"]), percent(content["accuracy"])),
            ("loss", f"{content['loss']:.4f}"),
        ],
    )


def _evaluate_natively(file: Any, device: str, x: Any, y: Any) -> dict[str, Any]:
    from ..trainer import Trainer

    with Trainer(file, device=device) as trainer:
        values = trainer.evaluate(x, y)
        return {
            "device": device,
            "samples": len(x),
            "accuracy": values.get("accuracy"),
            "metric": trainer.metric(y),
            "loss": values["loss"],
        }
