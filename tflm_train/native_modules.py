"""The C++ library as compiled modules of this process."""

from __future__ import annotations

import importlib
from types import ModuleType

from .converters.install_hint import install_command
from .errors import MissingToolError

MODULES = {"native": "_native", "native-parity": "_native_parity"}


def load_module(name: str) -> ModuleType:
    """The module of a device of this process.

    Raises
    ------
    MissingToolError
        It was not built.
    """
    try:
        return importlib.import_module(f"tflm_train.{MODULES[name]}")
    except ImportError as error:
        raise MissingToolError(
            f"device {name}: the compiled module is missing ({error}); "
            "install tflm-train with a C++17 compiler at hand: " + install_command()
        ) from None
