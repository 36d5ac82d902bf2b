"""A board on a serial port that runs the agent firmware."""

from __future__ import annotations

import os
from typing import Any

from ..converters.install_hint import install_command
from ..errors import DeviceError, MissingToolError
from ..model import TrainableModel
from .protocol import Link, TransportClosed
from .remote import RemoteDevice

BAUD = 115200


class SerialTransport:
    """See ``Transport``.

    Parameters
    ----------
    port : str
        ``/dev/ttyACM0``, ``COM3`` or any URL of pyserial.
    baud : int

    Raises
    ------
    MissingToolError
        pyserial is not installed.
    DeviceError
        The port cannot be opened.
    """

    lossless = False

    def __init__(self, port: str, baud: int = BAUD) -> None:
        try:
            import serial
        except ImportError:
            raise MissingToolError("serial devices need pyserial: " + install_command()) from None
        self._error = serial.SerialException
        self._late = serial.SerialTimeoutException
        try:
            self._serial: Any = serial.serial_for_url(port, baudrate=baud, timeout=0, write_timeout=5)
        except (serial.SerialException, ValueError, OSError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number else str(error)
            raise DeviceError(f"serial port {port}: {reason}; check the name and the cable") from None

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except self._late:
            return  # it does not read: the missing answer will tell
        except (self._error, OSError) as error:
            raise TransportClosed(f"the serial port failed ({error})") from None

    def read(self, seconds: float) -> bytes:
        try:
            self._serial.timeout = max(0.0, seconds)
            first = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        except (self._error, OSError, TypeError) as error:
            raise TransportClosed(f"the serial port failed ({error})") from None

    def close(self) -> None:
        self._serial.close()


class SerialDevice(RemoteDevice):
    """See ``Device``.

    Parameters
    ----------
    name : str
        ``serial:PORT``.
    model : TrainableModel
    arena_bytes : int, optional
    from_cut : bool
        See ``open_device``.
    answer_seconds, retry_seconds : float
        See ``Link``.
    """

    def __init__(
        self,
        name: str,
        model: TrainableModel,
        arena_bytes: int | None = None,
        from_cut: bool = False,
        *,
        answer_seconds: float = 30.0,
        retry_seconds: float = 0.5,
    ) -> None:
        transport = SerialTransport(name.removeprefix("serial:"))
        super().__init__(Link(transport, name, answer_seconds, retry_seconds), model, name, arena_bytes, from_cut)
