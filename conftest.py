"""Tests use the installed package: the checkout's folder on the import path must not shadow it."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def _is_installed() -> bool:
    try:
        importlib.metadata.distribution("tflm-train")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if _is_installed():
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
