"""The workload ``conv``: the backward step of one convolution, called without a network around it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .. import sources
from ..devices import build, qemu
from ..errors import DeviceError
from ..measure.block_counts import Cost, plugin_arguments, read_cost
from ..measure.disassembly import disassemble

TIMEOUT = 120.0  # seconds
# selector and part of the elements that is selected -> argument of pio_project/bench/convolution
CASES: dict[tuple[str, float | None], str] = {
    ("dense-noskip", None): "dense-noskip",
    ("dense", None): "dense",
    ("static-topk", 0.1): "static-topk-10",
    ("static-topk", 0.3): "static-topk-30",
    ("tinyprop", 0.1): "tinyprop-10",
    ("tinyprop", 0.3): "tinyprop-30",
}


@dataclass(frozen=True)
class ConvolutionMeasurement:
    """Of one backward step.

    Attributes
    ----------
    instructions : dict
        By phase; those that do not run are 0.
    cost : Cost or None
        Blocks and modelled cycles; None without a plugin.
    ram_bytes : int
        Input, weights, both errors and the selector's list.
    """

    instructions: dict[str, int]
    cost: Cost | None
    ram_bytes: int


def program_files() -> list[Path]:
    """C++ sources of the measuring program."""
    project = sources.pio_project()
    agent = project / "src" / "agent" / "qemu"
    main = project / "bench" / "convolution" / "main.cpp"
    return [main, agent / "instruction_meter.cpp", agent / "semihosting_stream.cpp"]


def program(board: str, variant: str) -> Path:
    """The measuring program (an ELF file).

    Raises
    ------
    MissingToolError
        A tool is not installed.
    """
    return build.emulated_program("convolution", board, variant, program_files())


def measure(
    board: str, variant: str, selector: str, ratio: float | None, plugin: Path | None, folder: Path
) -> ConvolutionMeasurement:
    """Run one of ``CASES`` on an emulated board.

    Parameters
    ----------
    board, variant, plugin, folder
        See ``session.measure``.
    selector, ratio
        A key of ``CASES``.
    """
    firmware = program(board, variant)
    command = qemu.command(board, firmware, argument=CASES[selector, ratio])
    counts = folder / "counts"
    listing = disassemble(firmware)
    if plugin is not None:
        command += plugin_arguments(plugin, counts, listing, 1)
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"qemu:{board}: the convolution does not end ({TIMEOUT:g} s); try again") from None
    numbers = run.stdout.split()
    if run.returncode or len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        reason = " ".join((run.stderr or run.stdout).split())[-300:]
        raise DeviceError(f"qemu:{board}: the convolution ended with status {run.returncode}: {reason}")
    selection, backward, ram_bytes = map(int, numbers)
    instructions = {"forward": 0, "loss": 0, "selection": selection, "backward": backward}
    instructions["total"] = selection + backward
    executed = read_cost(counts, listing) if plugin is not None else None
    return ConvolutionMeasurement(instructions, executed, ram_bytes)
