"""Where the C++ library and the PlatformIO project lie, in an install and in a checkout."""

from __future__ import annotations

from pathlib import Path

from .errors import MissingToolError

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str, landmark: str) -> Path:
    for parent in (_PACKAGE, _PACKAGE.parent):
        folder = parent / name
        if (folder / landmark).exists():
            return folder
    raise MissingToolError(f"the folder {name} is missing from this installation; install tflm-train again")


def micro_kernels() -> Path:
    """The C++ library: its headers and sources are under ``src``.

    Raises
    ------
    MissingToolError
        The installation is incomplete.
    """
    return _folder("micro_kernels", "src")


def pio_project() -> Path:
    """The PlatformIO project; it expects the C++ library beside it.

    Raises
    ------
    MissingToolError
        The installation is incomplete.
    """
    return _folder("pio_project", "platformio.ini")
