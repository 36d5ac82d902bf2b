"""On-device training for TensorFlow Lite Micro.

>>> import tflm_train as tt
>>> model = tt.convert("model.tflite", tt.TrainingConfig(selector="tinyprop"))
>>> trainer = tt.Trainer(model, device="native")
>>> history = trainer.fit(x, y, epochs=5)
>>> trainer.save("trained.tflite")
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any


def _search_path(found: list[str]) -> list[str]:
    """Where submodules lie: an installed copy before a checkout that happens to be the current folder."""
    here = Path(__file__).resolve().parent
    checkout = here.parent
    if not (checkout / "converters" / "plan_format.py").exists():
        return found
    installed = [p for p in pkgutil.extend_path(found, __name__) if Path(p).resolve() != here]
    return [*installed, *found, str(checkout)]


__path__ = _search_path(__path__)

if TYPE_CHECKING:
    from .config import TrainingConfig
    from .devices import Device, open_device
    from .errors import (
        ConversionError,
        DataWarning,
        DeviceError,
        MissingToolError,
        NonFiniteError,
        PlanError,
        TrainingWarning,
        UserError,
    )
    from .history import History
    from .model import TrainableModel, convert, load_model
    from .trainer import Trainer
    from .version import __version__

# name -> module that defines it, imported on first use: the converter alone takes half a second to import
_EXPORTS = {
    "ConversionError": "errors",
    "DataWarning": "errors",
    "Device": "devices",
    "DeviceError": "errors",
    "History": "history",
    "MissingToolError": "errors",
    "NonFiniteError": "errors",
    "PlanError": "errors",
    "TrainableModel": "model",
    "Trainer": "trainer",
    "TrainingConfig": "config",
    "TrainingWarning": "errors",
    "UserError": "errors",
    "__version__": "version",
    "convert": "model",
    "load_model": "model",
    "open_device": "devices",
}

__all__ = [
    "ConversionError",
    "DataWarning",
    "Device",
    "DeviceError",
    "History",
    "MissingToolError",
    "NonFiniteError",
    "PlanError",
    "TrainableModel",
    "Trainer",
    "TrainingConfig",
    "TrainingWarning",
    "UserError",
    "__version__",
    "convert",
    "load_model",
    "open_device",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
