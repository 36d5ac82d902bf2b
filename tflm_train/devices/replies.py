"""What a device may answer: the form of every reply, declared once and checked before anything is used."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..converters.options import DEVICE_OPTIONS
from ..errors import DeviceError
from .protocol import FIRST_PROTOCOL_STATUS, Command, Status

SHORTEST_PAYLOAD = 128  # bytes, that every device takes
LONGEST_TEXT = 200  # characters
LARGEST_TRAINER = 1 << 20  # bytes of the object, far more than any build has
ADVICE = "build and upload its firmware again"


@dataclass(frozen=True)
class Field:
    """A number of fixed size.

    Attributes
    ----------
    name : str
    code : str
        Of ``struct``.
    least, most : float
        Range of the value; floats are finite whatever the range.
    """

    name: str
    code: str
    least: float = -math.inf
    most: float = math.inf


def u8(name: str, most: int = 0xFF) -> Field:
    return Field(name, "B", 0, most)


def u32(name: str, least: int = 0, most: int = 0xFFFFFFFF) -> Field:
    return Field(name, "I", least, most)


def u64(name: str) -> Field:
    return Field(name, "Q")


def f32(name: str) -> Field:
    return Field(name, "f")


class Form:
    """Fields, and what may follow them.

    Parameters
    ----------
    *fields : Field
    text : bool
        The rest is a text for people, as ``text``.
    data : bool
        The rest are as many bytes as the last word of the request says, as ``data``.
    finite : bool
        They are f32, none of them NaN or infinite.
    """

    def __init__(self, *fields: Field, text: bool = False, data: bool = False, finite: bool = False) -> None:
        self._fields, self._text, self._data, self._finite = fields, text, data, finite
        self._struct = struct.Struct("<" + "".join(field.code for field in fields))

    def write(self, values: dict[str, Any]) -> bytes:
        """The fields as a payload, for requests of the same form."""
        return self._struct.pack(*(values[field.name] for field in self._fields))

    def read(self, payload: bytes, request: bytes) -> dict[str, Any]:
        """Values by the fields' names, and ``text`` or ``data``.

        Raises
        ------
        ValueError
            The payload has another form; the text says in what.
        """
        expected = self._struct.size + (int.from_bytes(request[-4:], "little") if self._data else 0)
        if len(payload) < expected or (len(payload) > expected and not self._text):
            least = "at least " if self._text else ""
            raise ValueError(f"it has {len(payload):,} bytes, expected {least}{expected:,}")
        found: dict[str, Any] = dict(zip((f.name for f in self._fields), self._struct.unpack_from(payload)))
        for field in self._fields:
            value = found[field.name]
            if not (math.isfinite(value) and field.least <= value <= field.most):
                raise ValueError(f"its {field.name.replace('_', ' ')} cannot be {value}")
        rest = payload[self._struct.size :]
        if self._text:
            found["text"] = readable(rest)
        if self._data:
            found["data"] = rest
            if self._finite and not np.isfinite(np.frombuffer(rest, "<f4")).all():
                raise ValueError("a value is NaN or infinite")
        return found


def readable(text: bytes) -> str:
    """A device's text without what a terminal would take for commands, and not too long."""
    characters = text[:LONGEST_TEXT].decode("ascii", "replace")
    return "".join(c if c.isprintable() else "?" for c in characters)


EMPTY = Form()
RESULT = f32("loss"), u32("correct")
STEP = *RESULT, u32("flags", most=3)  # trained 1, clipped 2
OPTIONS = Form(*((f32 if option.code == "<f4" else u32)(option.name) for option in DEVICE_OPTIONS.values()))
COUNTERS = Form(
    *(u64(f"work_{phase}") for phase in ("forward", "input_error", "weight_gradient", "update", "selection")),
    *(u64(f"cost_{phase}") for phase in ("forward", "loss", "selection", "backward", "total")),
    u32("steps"),
)

# of every command; docs/protocol.md says what the fields mean
REPLIES: dict[Command, Form] = {
    Command.HELLO: Form(
        u32("flags"),
        u32("longest_payload", least=SHORTEST_PAYLOAD),
        u32("memory"),
        u32("built_in_bytes"),
        u32("built_in_crc"),
        text=True,
    ),
    Command.DESCRIBE: Form(
        u32("inputs"),
        u32("outputs"),
        u32("parameters"),
        u32("arena_bytes"),
        u32("trainer_bytes", most=LARGEST_TRAINER),
        u32("model_bytes"),
        u32("model_crc"),
        u32("input_type"),
        u32("input_bytes"),
        u32("output_type"),
        u32("output_bytes"),
    ),
    Command.STATUS_TEXT: Form(text=True),
    Command.LOAD_BEGIN: EMPTY,
    Command.LOAD_DATA: EMPTY,
    Command.LOAD_END: EMPTY,
    Command.USE_BUILT_IN: EMPTY,
    Command.STAGE: EMPTY,
    Command.STEP: Form(*STEP),
    Command.EVALUATE: Form(*RESULT),
    Command.INFER: EMPTY,
    Command.READ_OUTPUT: Form(data=True, finite=True),
    Command.FLUSH: EMPTY,
    Command.RESET: EMPTY,
    Command.SCHEDULE: EMPTY,
    Command.NEXT_EPOCH: Form(data=True),
    Command.REMEMBER: Form(u32("slot")),
    Command.REPLAY: Form(*STEP),
    Command.DRAW: Form(u32("slot"), u32("used")),
    Command.FORGET: EMPTY,
    Command.MEASURE: Form(u32("measured", least=1)),
    Command.JUDGE: Form(u32("decisions"), u32("before"), u32("after")),
    Command.ALIGN: Form(u32("accepted", most=1)),
    Command.TEACH: EMPTY,
    Command.PARAMETER: Form(u32("tensor"), u32("elements"), u32("type"), u32("bytes")),
    Command.READ_PARAMETER: Form(data=True),  # an update can overflow: whoever trains looks for it
    Command.WRITE_PARAMETER: EMPTY,
    Command.READ_STATE: Form(data=True),
    Command.WRITE_STATE: EMPTY,
    Command.COUNTERS: COUNTERS,
    Command.RESET_COUNTERS: EMPTY,
    Command.OPTIONS: OPTIONS,
    Command.SET_OPTIONS: EMPTY,
}
NO_MEMORY = Form(u32("free_bytes"))
REFUSED_MODEL = Form(u32("required_bytes"), u32("step"), text=True)


def read_reply(device: str, command: Command, request: bytes, payload: bytes) -> dict[str, Any]:
    """The content of a reply: see ``Form.read``.

    Parameters
    ----------
    device : str
        For messages.
    command : Command
    request, payload : bytes
        Payloads of both frames.

    Raises
    ------
    DeviceError
        The reply does not have the form that ``REPLIES`` declares.
    """
    return _read(REPLIES[command], device, command, request, payload)


def read_refusal(device: str, command: Command, status: int, payload: bytes) -> dict[str, Any]:
    """What a device says about a refusal besides its status.

    Raises
    ------
    DeviceError
        As for ``read_reply``.
    """
    form = EMPTY
    if status == Status.NO_MEMORY:
        form = NO_MEMORY
    elif status < FIRST_PROTOCOL_STATUS and command in (Command.LOAD_END, Command.USE_BUILT_IN):
        form = REFUSED_MODEL
    return _read(form, device, command, b"", payload)


def _read(form: Form, device: str, command: Command, request: bytes, payload: bytes) -> dict[str, Any]:
    try:
        return form.read(payload, request)
    except ValueError as error:
        name = command.name.lower().replace("_", " ")
        raise DeviceError(f"device {device} answers {name!r} with a reply that is none: {error}; {ADVICE}") from None
