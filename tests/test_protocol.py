"""Frames and requests, against a device in this process."""

from __future__ import annotations

import random
import zlib

import pytest

from tflm_train.devices import protocol
from tflm_train.devices.protocol import Command, Link, ProtocolError, TransportClosed
from tflm_train.errors import DeviceError


def test_the_layout_on_the_wire() -> None:
    body = bytes([2, 0x21, 0, 0, 1, 0, 0, 0]) + b"A"
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert 0 not in crc
    assert protocol.encode(0x21, 1, b"A") == b"\x00\x03\x02\x21\x01\x02\x01\x01\x01\x06A" + crc + b"\x00"


def test_frames_come_back() -> None:
    rng = random.Random(1)
    for _ in range(200):
        payload = rng.randbytes(rng.randrange(600))
        command, sequence = rng.randrange(256), rng.randrange(1 << 32)
        wire = protocol.encode(command, sequence, payload, status=3)
        assert wire.count(0) == 2
        frame = protocol.decode(wire.strip(b"\0"))
        assert frame == protocol.Frame(protocol.VERSION, command, 3, sequence, payload)


def test_every_damaged_bit_is_noticed() -> None:
    wire = protocol.encode(0x21, 77, b"some payload").strip(b"\0")
    for position in range(len(wire)):
        for bit in range(8):
            damaged = bytearray(wire)
            damaged[position] ^= 1 << bit
            assert protocol.decode(bytes(damaged)) is None


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x05ab", b"\x03ab\x01", bytes(range(1, 200))])
def test_foreign_bytes_are_no_frame(data: bytes) -> None:
    assert protocol.decode(data) is None


class Echo:
    """Answers with the request's payload; `plan` names what happens to the answers, one after the other."""

    lossless = False

    def __init__(self, *plan: str) -> None:
        self.plan = list(plan)
        self.seen: list[int] = []
        self.answers = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        frame = protocol.decode(data.strip(b"\0"))
        assert frame is not None
        self.seen.append(frame.sequence)
        fault = self.plan.pop(0) if self.plan else "answer"
        status = protocol.Status.NO_MODEL if fault == "refuse" else 0
        answer = protocol.encode(frame.command | protocol.REPLY, frame.sequence, frame.payload, status)
        stale = protocol.encode(frame.command | protocol.REPLY, frame.sequence - 1, b"stale")
        noisy = b"\x07noise\x00" + stale + answer
        broken = answer[:5] + bytes([answer[5] ^ 1]) + answer[6:]
        self.answers += {"lose": b"", "break": broken, "noise": noisy, "close": b""}.get(fault, answer)
        self.closed = fault == "close"

    def read(self, seconds: float) -> bytes:
        if self.closed:
            raise TransportClosed("unplugged")
        data, self.answers = self.answers[:7], self.answers[7:]
        return data

    def close(self) -> None:
        self.closed = True


def link(echo: Echo, answer_seconds: float = 5.0) -> Link:
    return Link(echo, "echo", answer_seconds, retry_seconds=0.01)


@pytest.mark.parametrize("faults", [(), ("lose",), ("break", "lose", "break"), ("noise",)])
def test_a_request_is_repeated_until_it_is_answered(faults: tuple[str, ...]) -> None:
    echo = Echo(*faults)
    device = link(echo)
    assert device.request(Command.STEP, b"hello") == b"hello"
    assert len(set(echo.seen)) == 1
    retries = sum(fault != "noise" for fault in faults)
    assert len(echo.seen) == retries + 1 and device.retries == retries
    assert device.request(Command.STEP, b"again") == b"again"
    assert echo.seen[-1] == (echo.seen[0] + 1) % (1 << 32)


def test_silence_ends_with_an_error() -> None:
    with pytest.raises(DeviceError, match=r"echo does not answer \(0.1 s\)"):
        link(Echo(*["lose"] * 100), 0.1).request(Command.STEP)


def test_a_closed_transport_is_an_error_with_its_reason() -> None:
    with pytest.raises(DeviceError, match="device echo is gone: unplugged"):
        link(Echo("close")).request(Command.STEP)


def test_a_refusal_is_an_error_with_status_and_payload() -> None:
    with pytest.raises(ProtocolError, match="no model is loaded") as caught:
        link(Echo("refuse")).request(Command.STEP, b"why")
    assert caught.value.status == protocol.Status.NO_MODEL
    assert caught.value.payload == b"why"
