"""The stack that a firmware needs to train one model, measured on an emulated board."""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import sources
from ..body import FrozenBody
from ..converters.c_array import c_array
from ..converters.operators_header import operators_header
from ..devices import build, qemu
from ..errors import DeviceError
from ..model import TrainableModel
from .footprint import link

TIMEOUT = 120.0  # seconds
SAMPLES = 3


@dataclass(frozen=True)
class Stack:
    """Bytes below the caller's frame on the deepest path of each call, interrupts aside."""

    init: int
    train: int
    infer: int


def measure_stack(board: str, variant: str, model: TrainableModel, x: np.ndarray, folder: Path) -> Stack:
    """Paint the stack of a firmware that trains ``model``, let it run, and see how far the paint is gone.

    Parameters
    ----------
    board, variant : str
        Keys of ``devices.build.BOARDS`` and ``BUILDS``.
    model : TrainableModel
    x : ndarray, float32 [n, ...]
        Samples, of which the first ``SAMPLES`` are learnt: from the cut, where the library cannot run what lies in
        front of it.
    folder : Path
        For temporary files.

    Raises
    ------
    MissingToolError
        A tool is not installed.
    DeviceError
        The program fails, as where the board has too little memory.
    """
    samples = x[:SAMPLES].reshape(len(x[:SAMPLES]), -1).astype(np.float32)
    if model.has_external_body:
        samples = FrozenBody(model)(samples)
    (folder / "stack_model.h").write_text(_given(model, samples))
    (folder / "operators.h").write_text(operators_header(model.plan))
    library = build.emulated_library(board, variant, count_work=False)
    link([sources.pio_project() / "bench" / "stack" / "main.cpp"], library, board, variant, folder)
    command = qemu.command(board, folder / "program.elf")
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"qemu:{board}: measuring the stack does not end ({TIMEOUT:g} s); try again") from None
    numbers = run.stdout.split()
    if run.returncode or len(numbers) != 3:
        reason = " ".join((run.stderr or run.stdout).split())[-300:]
        raise DeviceError(f"qemu:{board}: measuring the stack ended with status {run.returncode}: {reason}")
    return Stack(*map(int, numbers))


def _given(model: TrainableModel, samples: np.ndarray) -> str:
    """C++ source of the model and the samples, float32 [n, inputs]."""
    rows = ("{" + ", ".join(f"{float(value).hex()}f" for value in row) + "}" for row in samples)
    return (
        c_array(model.data, "stack_model", model.name)
        + "\n#include <cstdint>\n\n"
        + f"static constexpr bool kFromCut = {str(model.has_external_body).lower()};\n"
        + f"static constexpr uint32_t kOutputs = {math.prod(model.output_shape)};\n"
        + f"static constexpr uint32_t kClasses = {int(model.plan.defaults['classes'])};  // outputs of one row\n"
        + f"static const float kSamples[][{samples.shape[1]}] = {{{', '.join(rows)}}};\n"
    )
