"""Flash that the library takes in a firmware which trains one model."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .. import sources
from ..converters.operators_header import operators_header
from ..converters.plan_format import Plan
from ..devices import build
from ..errors import MissingToolError

_KEPT = "Linker script and memory map"
_SECTION = re.compile(r"^ \.(?:text|rodata|ARM\.ex)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S+)$", re.MULTILINE)
_MATHEMATICS = re.compile(r"lib(?:m|gcc)\.a\(")


@dataclass(frozen=True)
class Footprint:
    """Bytes of code and constants in flash.

    Attributes
    ----------
    library : int
        Of this project's kernels, trainer, plan reader and checks.
    mathematics : int
        Of the compiler's own libraries for mathematics (exp, log) and arithmetic.
    """

    library: int
    mathematics: int


def footprint(plan: Plan, board: str, variant: str, folder: Path) -> Footprint:
    """Link a firmware with the kernels that a plan needs, and sum what the linker kept of the library.

    Parameters
    ----------
    plan : Plan
    board, variant : str
        Keys of ``devices.build.BOARDS`` and ``BUILDS``.
    folder : Path
        For temporary files.

    Raises
    ------
    MissingToolError
        The toolchain is missing or incomplete.
    """
    library = build.emulated_library(board, variant, count_work=False)
    (folder / "operators.h").write_text(operators_header(plan))
    return link([sources.pio_project() / "bench" / "footprint" / "main.cpp"], library, board, variant, folder)


def link(files: list[Path], library: Path, board: str, variant: str, folder: Path) -> Footprint:
    """The footprint of a program; `folder` is searched for headers first."""
    target = build.target_module()
    map_file = folder / "program.map"
    own = [folder, *sorted({file.parent for file in files})]
    includes = [*own, sources.micro_kernels() / "src", Path(target.SUPPORT)]
    command = [
        build.arm_compiler(),
        *build.emulated_flags(board, variant, count_work=False),
        *(f"-I{include}" for include in includes),
        *map(str, files),
        *map(str, sorted(Path(target.SUPPORT).glob("*.cpp"))),
        str(library),
        *target.link_flags(target.load_board(build.BOARDS[board])),
        f"-Wl,-Map,{map_file}",
        "-o",
        str(folder / "program.elf"),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = " ".join(result.stderr.split())[-300:]
        raise MissingToolError(f"the firmware cannot be linked ({reason}); install a whole toolchain")
    return sum_sections(map_file.read_text(), library.name)


def sum_sections(text: str, library: str) -> Footprint:
    """Of a linker's map: the sections of an archive, and of those for mathematics."""
    own = mathematics = 0
    for size, file in _SECTION.findall(text[text.index(_KEPT) :]):
        if f"{library}(" in file:
            own += int(size, 16)
        elif _MATHEMATICS.search(file):
            mathematics += int(size, 16)
    return Footprint(own, mathematics)
