"""Where models train: one interface, one module per kind of device."""

from __future__ import annotations

from ..errors import UserError
from ..model import TrainableModel
from ..native_modules import MODULES
from .device import Device, StepLog
from .native import NativeDevice

__all__ = ["Device", "StepLog", "device_names", "open_device"]


def device_names() -> list[str]:
    """The names that ``open_device`` takes; ``serial:PORT`` stands for every port."""
    from .build import BOARDS

    return [*MODULES, *(f"qemu:{board}" for board in BOARDS), "serial:PORT"]


def open_device(name: str, model: TrainableModel, arena_bytes: int | None = None, from_cut: bool = False) -> Device:
    """Start a device and load a model.

    Parameters
    ----------
    name : str
        ``native`` (this process), ``native-parity``, ``qemu:m4`` and other boards that QEMU emulates (each also with
        ``-portable`` or ``-parity``), or ``serial:PORT`` for a board that runs the agent firmware.
    model : TrainableModel
    arena_bytes : int, optional
        Size of the arena; default: exactly what the plan needs.
    from_cut : bool
        Samples are activations at the plan's cut; always so where the library cannot run what lies in front of it.

    Raises
    ------
    UserError
        Unknown name.
    MissingToolError
        A tool for this device is not installed.
    DeviceError
        The device refuses the model, is gone or does not answer.
    """
    if name in MODULES:
        return NativeDevice(model, arena_bytes, name, from_cut)
    if name.startswith("qemu:"):
        from .qemu import QemuDevice

        return QemuDevice(name, model, arena_bytes, from_cut)
    if name.startswith("serial:") and len(name) > len("serial:"):
        from .serial import SerialDevice

        return SerialDevice(name, model, arena_bytes, from_cut)
    raise UserError(f"there is no device {name!r}; there are {', '.join(device_names())}")
