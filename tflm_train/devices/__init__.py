"""Where models train: one interface, one module per kind of device."""

from __future__ import annotations

from ..errors import UserError
from ..model import TrainableModel
from .device import Device, StepLog
from .native import MODULES, NativeDevice

__all__ = ["Device", "StepLog", "device_names", "open_device"]


def device_names() -> list[str]:
    """The names that ``open_device`` takes."""
    return list(MODULES)


def open_device(name: str, model: TrainableModel, arena_bytes: int | None = None) -> Device:
    """Start a device and load a model.

    Parameters
    ----------
    name : str
        One of ``device_names()``.
    model : TrainableModel
    arena_bytes : int, optional
        Size of the arena; default: exactly what the plan needs.

    Raises
    ------
    UserError
        Unknown name.
    DeviceError
        The device refuses the model.
    """
    if name in MODULES:
        return NativeDevice(model, arena_bytes, name)
    raise UserError(f"there is no device {name!r}; there are {', '.join(device_names())}")
