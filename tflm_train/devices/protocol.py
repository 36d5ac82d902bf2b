"""The device protocol (docs/protocol.md): frames, and requests that are repeated until they are answered."""

from __future__ import annotations

import enum
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from typing import Protocol

from cobs import cobs

from ..errors import DeviceError

VERSION = 2
REPLY = 0x80
HEADER = struct.Struct("<BBHI")  # version, command, status, sequence
CRC = struct.Struct("<I")
MASK = 0xFFFFFFFF
LONGEST_RETRY = 5.0  # seconds
LONGEST_FRAME = 1 << 20  # bytes as received: what is longer is noise
FIRST_PROTOCOL_STATUS = 128


class Command(enum.IntEnum):
    HELLO = 0x01
    DESCRIBE = 0x02
    STATUS_TEXT = 0x03
    LOAD_BEGIN = 0x10
    LOAD_DATA = 0x11
    LOAD_END = 0x12
    USE_BUILT_IN = 0x13
    STAGE = 0x20
    STEP = 0x21
    EVALUATE = 0x22
    INFER = 0x23
    READ_OUTPUT = 0x24
    FLUSH = 0x25
    RESET = 0x26
    SCHEDULE = 0x27
    NEXT_EPOCH = 0x28
    REMEMBER = 0x29
    REPLAY = 0x2A
    DRAW = 0x2B
    FORGET = 0x2C
    MEASURE = 0x2D
    JUDGE = 0x2E
    ALIGN = 0x2F
    PARAMETER = 0x30
    READ_PARAMETER = 0x31
    WRITE_PARAMETER = 0x32
    READ_STATE = 0x33
    WRITE_STATE = 0x34
    COUNTERS = 0x40
    RESET_COUNTERS = 0x41
    OPTIONS = 0x42
    SET_OPTIONS = 0x43
    TEACH = 0x50


class Status(enum.IntEnum):
    """Statuses that the PC acts on; below 128 they are the C++ library's."""

    OK = 0
    NON_FINITE = 14
    UNKNOWN_COMMAND = 128
    BAD_LENGTH = 129
    OUT_OF_ORDER = 130
    NO_MODEL = 131
    NO_MEMORY = 132
    MODEL_DAMAGED = 133
    OUT_OF_RANGE = 134
    VERSION = 135


STATUS_TEXTS = {
    Status.UNKNOWN_COMMAND: "its firmware does not know a command; build and upload it again",
    Status.BAD_LENGTH: "it expected a request of another form; build and upload its firmware again",
    Status.OUT_OF_ORDER: "it was restarted or is used by another program; open it again",
    Status.NO_MODEL: "no model is loaded; open it again",
    Status.NO_MEMORY: "it has not enough memory",
    Status.MODEL_DAMAGED: "the model arrived damaged; open it again",
    Status.OUT_OF_RANGE: "an index is out of range; build and upload its firmware again",
    Status.VERSION: f"its firmware does not speak protocol version {VERSION}; build and upload it again",
}


class TransportClosed(Exception):
    """The other side is gone; the text says why, if it is known."""


class Transport(Protocol):
    """Bytes to and from a device.

    Attributes
    ----------
    lossless : bool
        Nothing is lost on the way, once the device has answered: requests need not be repeated.
    """

    lossless: bool

    def write(self, data: bytes) -> None:
        """Send bytes, as many as can be taken in a short time.

        Raises
        ------
        TransportClosed
        """
        ...

    def read(self, seconds: float) -> bytes:
        """What has come, after waiting for it at most so long.

        Raises
        ------
        TransportClosed
        """
        ...

    def close(self) -> None:
        """Release the device and end its process, if it has one."""
        ...


@dataclass(frozen=True)
class Frame:
    """Header and payload of a frame whose checksum was right."""

    version: int
    command: int
    status: int
    sequence: int
    payload: bytes


class ProtocolError(DeviceError):
    """A device answered a request with another status than OK.

    Attributes
    ----------
    status : int
    payload : bytes
        Of the reply.
    """

    def __init__(self, message: str, status: int, payload: bytes) -> None:
        super().__init__(message)
        self.status = status
        self.payload = payload


def encode(command: int, sequence: int, payload: bytes = b"", status: int = 0, version: int = VERSION) -> bytes:
    """A frame as it goes over the wire, separators included."""
    body = HEADER.pack(version, command, status, sequence) + payload
    return b"\0" + cobs.encode(body + CRC.pack(zlib.crc32(body))) + b"\0"


def decode(data: bytes) -> Frame | None:
    """The frame between two separators; None if it is damaged or of another kind."""
    try:
        body = cobs.decode(data)
    except cobs.DecodeError:
        return None
    if len(body) < HEADER.size + CRC.size or CRC.unpack(body[-CRC.size :])[0] != zlib.crc32(body[: -CRC.size]):
        return None
    version, command, status, sequence = HEADER.unpack_from(body)
    return Frame(version, command, status, sequence, body[HEADER.size : -CRC.size])


class Link:
    """Requests and replies, one at a time.

    A request is sent again until its reply comes. The device executes a sequence number once and answers its repetition
    with the reply of the first time, so a lost reply does no harm.

    Parameters
    ----------
    transport : Transport
    name : str
        Of the device, for messages.
    answer_seconds : float
        How long a request may stay unanswered.
    retry_seconds : float
        First wait before a request is sent again; doubles up to 5 s.
    """

    def __init__(
        self, transport: Transport, name: str, answer_seconds: float = 60.0, retry_seconds: float = 0.5
    ) -> None:
        self._transport = transport
        self._name = name
        self._answer_seconds = answer_seconds
        self._retry_seconds = retry_seconds
        self._received = b""
        self._sequence = secrets.randbits(32)
        self.retries = 0

    def request(self, command: Command, payload: bytes = b"") -> bytes:
        """The payload of the reply.

        Raises
        ------
        ProtocolError
            The device refuses.
        DeviceError
            It is gone, or does not answer.
        """
        self._sequence = (self._sequence + 1) & MASK
        data = encode(command, self._sequence, payload)
        try:
            reply = self._exchange(command, data)
        except TransportClosed as error:
            raise DeviceError(f"device {self._name} is gone: {error}") from None
        if reply.version != VERSION:
            text = f"{STATUS_TEXTS[Status.VERSION]} (it speaks version {reply.version})"
            raise ProtocolError(f"device {self._name}: {text}", Status.VERSION, b"")
        if reply.status != Status.OK:
            text = STATUS_TEXTS.get(reply.status, f"it reports status {reply.status}")  # type: ignore[call-overload]
            raise ProtocolError(f"device {self._name}: {text}", reply.status, reply.payload)
        return reply.payload

    def close(self) -> None:
        """Release the transport."""
        self._transport.close()

    def _exchange(self, command: Command, data: bytes) -> Frame:
        deadline = time.monotonic() + self._answer_seconds
        patience = self._retry_seconds
        repeats = command == Command.HELLO or not self._transport.lossless
        while True:
            self._transport.write(data)
            until = min(time.monotonic() + patience, deadline) if repeats else deadline
            reply = self._reply(command, until)
            if reply is not None:
                return reply
            if time.monotonic() >= deadline:
                raise DeviceError(
                    f"device {self._name} does not answer ({self._answer_seconds:g} s); "
                    "check that it runs the agent firmware, or reset it"
                )
            self.retries += 1
            patience = min(2 * patience, LONGEST_RETRY)

    def _reply(self, command: Command, until: float) -> Frame | None:
        while True:
            *pieces, self._received = self._received.split(b"\0")
            for position, piece in enumerate(pieces):
                frame = decode(piece) if piece else None
                if frame and frame.sequence == self._sequence and frame.command == command | REPLY:
                    self._received = b"\0".join([*pieces[position + 1 :], self._received])
                    return frame
            if len(self._received) > LONGEST_FRAME:
                self._received = self._received[-1:]  # noise: what is left of it has no right checksum
            seconds = until - time.monotonic()
            if seconds <= 0:
                return None
            self._received += self._transport.read(seconds)
