"""What measured: versions that figures depend on."""

from __future__ import annotations

import subprocess

from ..devices.build import arm_compiler
from ..devices.qemu import QEMU
from ..version import __version__


def versions() -> dict[str, str]:
    """Of this package, the compiler and the emulator, as they name themselves.

    Raises
    ------
    MissingToolError
        The compiler is not installed.
    """
    return {"package": __version__, "compiler": _first_line(arm_compiler()), "qemu": _first_line(QEMU)}


def _first_line(program: str) -> str:
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return text.partition("\n")[0].strip()
