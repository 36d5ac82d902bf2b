"""``tflm-train teach``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from . import options as opt
from .output import percent, print_json, print_pairs, told_warnings


def teach(
    file: opt.Model,
    data: opt.Data,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="TAUGHT.tflite", help="Where the taught model goes.")
    ],
    labels: opt.Labels = None,
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="native, native-parity, qemu:BOARD or serial:PORT.")
    ] = "native",
    as_json: opt.Json = False,
) -> None:
    """Set the weights of new classes by their first samples: of a model that was converted with --spare-classes."""
    from ..converters.files import check_writable, write_atomically
    from ..converters.model_source import check_model_name
    from ..data_files import load_data
    from ..reports import report
    from ..trainer import Trainer

    check_model_name(output)
    check_writable(output)
    arrays = load_data(data, labels)
    with told_warnings() as sentences, Trainer(file, device=device) as trainer:
        taught = trainer.teach(arrays.x, arrays.y)
        after = trainer.evaluate(*arrays.held_out)
        write_atomically(output, trainer.trained_model().data)
        content = report(
            "teach",
            device=device,
            samples={str(label): count for label, count in taught.items()},
            untaught_classes=list(trainer.untaught),
            evaluated_on="x" if arrays.x_test is None else "x_test",
            accuracy=after["accuracy"],
            loss=after["loss"],
            output=str(output),
            warnings=sentences,
        )
    if as_json:
        print_json(content)
    else:
        print_pairs(f"{file} on {device} -> {output}", _lines(content))


def _lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    untaught = content["untaught_classes"]
    return [
        *((f"class {label}", f"{count:,} sample{'s' * (count > 1)}") for label, count in content["samples"].items()),
        ("classes that can be taught", ", ".join(map(str, untaught)) or "none are left"),
        (f"accuracy on {content['evaluated_on']}", percent(content["accuracy"])),
        ("loss", f"{content['loss']:.4f}"),
    ]
