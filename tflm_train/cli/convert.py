"""``tflm-train convert``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ..converters.options import OPTIONS
from . import options as opt
from .output import print_json, print_pairs


@opt.with_options(*OPTIONS)
def convert(
    *,
    model: opt.AnyModel,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.tflite", help="Where the result goes.")],
    options: dict[str, Any],
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="P", help="paper: TinyProp's constants as its authors ran it.")
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            "--quantize",
            metavar="int8",
            help="Make int8 of a float32 model first (needs TensorFlow, --representative).",
        ),
    ] = None,
    representative: Annotated[
        Path | None,
        typer.Option(
            "--representative",
            metavar="D.npz",
            help="For --quantize: samples x of D.npz, D.csv or X.npy; labels are left aside.",
        ),
    ] = None,
    probe: Annotated[
        Path | None,
        typer.Option("--probe", metavar="D.npz", help="For --layers auto:BYTES: labelled samples."),
    ] = None,
    statistics: Annotated[
        Path | None,
        typer.Option(
            "--statistics", metavar="D.npz", help="For --align: samples x, whose statistics others are brought back to."
        ),
    ] = None,
    operators_header: Annotated[
        Path | None,
        typer.Option(
            "--operators-header", metavar="PATH", help="Also write a C++ header that names the kernels needed."
        ),
    ] = None,
    c_array: Annotated[
        Path | None,
        typer.Option("--c-array", metavar="PATH", help="Also write the file as a C array, named after PATH."),
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """Add a training plan to a model."""
    from ..channel_statistics import check_statistics
    from ..config import TrainingConfig
    from ..converters.c_array import c_array as array_text
    from ..converters.files import check_different, write_together
    from ..converters.model_source import check_model_name
    from ..converters.operators_header import operators_header as header_text
    from ..converters.options import refuse_idle
    from ..data_files import load_data, load_inputs
    from ..errors import UserError
    from ..model import convert as add_plan
    from ..plan_lines import option_lines, size_lines
    from ..recipe import with_alignment
    from ..reports import convert_report
    from ..representative import check_quantize

    check_model_name(output)
    check_different(*(path for path in (output, operators_header, c_array) if path is not None))
    if preset not in (None, "paper"):
        raise UserError(f"--preset {preset}: there is only 'paper'")
    config = TrainingConfig.paper(**options) if preset else TrainingConfig(**options)
    refuse_idle(options, vars(config))
    check_quantize(quantize, representative)
    config = with_alignment(config, statistics is not None)
    check_statistics(config, statistics)
    samples = None if representative is None else load_inputs(representative)
    result = add_plan(
        model,
        config,
        quantize,
        samples,
        None if probe is None else load_data(probe).train,
        None if statistics is None else load_inputs(statistics),
    )
    files: dict[str | os.PathLike[str], bytes] = {output: result.data}
    if operators_header is not None:
        files[operators_header] = header_text(result.plan, result.name).encode()
    if c_array is not None:
        files[c_array] = array_text(result.data, c_array.stem, f"{output.name}, made from {result.name}").encode()
    write_together(files)
    content = convert_report(result, str(output))
    if as_json:
        print_json(content)
        return
    print_pairs(f"{model} -> {output}", option_lines(result.plan) + size_lines(content))
    for edit in result.edits:
        print(f"edit: {edit}")
    for note in result.notes:
        print(f"note: {note}")
