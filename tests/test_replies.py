"""Devices that answer with a right checksum and a wrong content: an error with a reason, or no harm."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import networks
import numpy as np
import pytest
from lossy_wire import FaultyTransport
from tflm_train.converters.options import DEVICE_OPTIONS

import tflm_train as tt
from tflm_train.devices import build, protocol, replies
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Command, Frame, Link
from tflm_train.devices.remote import RemoteDevice

Answer = Callable[[Frame], "Frame | None"]  # what a device says in place of a reply; None: nothing
SAMPLES = 3
# not asked for in a session without faults: a built-in model, samples that are too long for a frame, refusals
UNUSED = {Command.USE_BUILT_IN, Command.STAGE, Command.STATUS_TEXT}


@pytest.fixture(scope="module")
def agent() -> Iterator[ProcessTransport]:
    transport = ProcessTransport([str(build.native_agent())])
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def model() -> tt.TrainableModel:
    config = tt.TrainingConfig(selector="tinyprop", replay="latent", slots=SAMPLES, align="guarded", spare_classes=1)
    return tt.convert(networks.mlp(), config, statistics=networks.samples(networks.mlp(), 20)[0])


def tampered(frame: bytes, answer: Answer) -> bytes:
    """The bytes of another reply in its place."""
    good = protocol.decode(frame)
    assert good is not None
    reply = answer(good)
    if reply is None:
        return b""
    return protocol.encode(reply.command, reply.sequence, reply.payload, reply.status, reply.version).strip(b"\0")


class Session:
    """Everything that the host asks of a device, with a device that answers as it likes.

    Attributes
    ----------
    requests : list of int
        Commands that reached the device.
    """

    def __init__(self, agent: ProcessTransport, model: tt.TrainableModel, answer: Answer) -> None:
        self._agent, self._model, self._answer = agent, model, answer
        self.requests: list[int] = []

    def _note(self, frame: bytes, number: int) -> bytes:
        request = protocol.decode(frame)
        assert request is not None
        self.requests.append(request.command)
        return frame

    def connect(self, answer_seconds: float) -> RemoteDevice:
        """Say hello and load the model."""
        transport = FaultyTransport(self._agent, self._note, lambda frame, number: tampered(frame, self._answer))
        transport.close = lambda: None  # type: ignore[method-assign]  # the process serves the next session
        return RemoteDevice(Link(transport, "scripted", answer_seconds, 0.02), self._model, "scripted")

    def run(self, answer_seconds: float = 0.05) -> list[np.ndarray]:
        """Connect, load, train, evaluate, infer, read and write weights; the weights afterwards."""
        x = np.random.default_rng(0).normal(size=(SAMPLES, 64)).astype(np.float32)
        device = self.connect(answer_seconds)
        trainer = tt.Trainer(self._model, device)
        trainer.set_options(learning_rate=0.02)
        trainer.fit(x, np.arange(SAMPLES), epochs=1, verbose=0, schedule="remembered-loss", align="none")
        trainer.remember(x, np.arange(SAMPLES))
        trainer.replay(SAMPLES)
        device.forget()
        trainer.align(x, (x, np.arange(SAMPLES)))
        device.teach(x[:1], np.array([10], np.int32))
        trainer.evaluate(x, np.arange(SAMPLES))
        trainer.predict(x)
        values = [array for _, array in device.parameters()]
        device.set_parameters(values)
        device.set_state(device.state())
        if device.counts_instructions:
            device.instructions()
        device.reset()
        return values


@pytest.fixture(scope="module")
def honest(agent: ProcessTransport, model: tt.TrainableModel) -> dict[int, list[bytes]]:
    """Replies of a session without faults, by command."""
    seen: dict[int, list[bytes]] = {}

    def note(reply: Frame) -> Frame:
        seen.setdefault(reply.command & ~protocol.REPLY, []).append(reply.payload)
        return reply

    Session(agent, model, note).run(10.0)
    assert set(seen) == set(Command) - UNUSED
    return seen


def instead(command: Command, change: Callable[[Frame], Frame | None]) -> Answer:
    """Replies to one command are changed, all others are right."""
    return lambda reply: change(reply) if reply.command == command | protocol.REPLY else reply


def test_every_command_has_a_form() -> None:
    assert set(replies.REPLIES) == set(Command)


@pytest.mark.parametrize("command", sorted(set(Command) - UNUSED), ids=lambda c: c.name.lower())
def test_replies_of_a_wrong_length(
    command: Command, agent: ProcessTransport, model: tt.TrainableModel, honest: dict[int, list[bytes]]
) -> None:
    right = len(honest[command][0])
    lengths = {0, 1, 2, 3, 4, 7, 8, right - 4, right - 1, right + 1, right + 4, 2 * right, 2048} - {right}
    for length in sorted(length for length in lengths if length >= 0):
        if command == Command.HELLO and length >= 20:
            continue  # its end is a name
        padded = instead(command, lambda r, n=length: replace(r, payload=r.payload[:n].ljust(n, b"\x01")))
        with pytest.raises(tt.DeviceError, match="a reply that is none: it has .* bytes, expected") as caught:
            Session(agent, model, padded).run()
        assert command.name.lower().replace("_", " ") in str(caught.value) and "scripted" in str(caught.value)


WORD = struct.Struct("<I")


@pytest.mark.parametrize("value", [0, 1, 5, 127, 2**31, 2**32 - 1])
@pytest.mark.parametrize(("command", "words"), [(Command.DESCRIBE, range(11)), (Command.PARAMETER, range(4))])
def test_numbers_that_are_not_the_models_are_refused(
    command: Command, words: range, value: int, agent: ProcessTransport, model: tt.TrainableModel, honest: dict
) -> None:
    right = struct.unpack(f"<{len(words)}I", honest[command][0])
    for word in words:
        trainer_bytes = command == Command.DESCRIBE and word == 4  # depends on the build
        if value == right[word] or (trainer_bytes and value <= replies.LARGEST_TRAINER):
            continue

        def change(reply: Frame, word: int = word) -> Frame:
            begin, end = WORD.size * word, WORD.size * (word + 1)
            return replace(reply, payload=reply.payload[:begin] + WORD.pack(value) + reply.payload[end:])

        session = Session(agent, model, instead(command, change))
        with pytest.raises(tt.DeviceError, match=f"reports .* {value}, the file has|cannot be {value}"):
            session.run()
        assert session.requests.count(Command.PARAMETER) <= len(model.plan.parameters)


def hello(longest_payload: int) -> Answer:
    return instead(
        Command.HELLO, lambda r: replace(r, payload=r.payload[:4] + WORD.pack(longest_payload) + r.payload[8:])
    )


@pytest.mark.parametrize("longest", [0, 1, 4, 127])
def test_frames_too_short_for_any_request_are_refused(
    longest: int, agent: ProcessTransport, model: tt.TrainableModel
) -> None:
    with pytest.raises(tt.DeviceError, match=f"longest payload cannot be {longest}"):
        Session(agent, model, hello(longest)).run()


def test_frames_as_long_as_the_device_says(agent: ProcessTransport, model: tt.TrainableModel) -> None:
    plain = Session(agent, model, hello(2048)).run(10.0)
    short = Session(agent, model, hello(128)).run(10.0)
    assert all(np.array_equal(a, b) for a, b in zip(plain, short))


def _option(name: str) -> int:
    """Its place in the reply."""
    return 4 * list(DEVICE_OPTIONS).index(name)


NOT_FINITE = struct.pack("<f", float("nan"))


@pytest.mark.parametrize(
    ("command", "begin", "content", "text"),
    [
        (Command.STEP, 0, NOT_FINITE, "its loss cannot be nan"),
        (Command.EVALUATE, 0, struct.pack("<f", float("inf")), "its loss cannot be inf"),
        (Command.STEP, 4, WORD.pack(12), "its correct cannot be 12"),
        (Command.STEP, 8, WORD.pack(4), "its flags cannot be 4"),
        (Command.READ_OUTPUT, 4, NOT_FINITE, "a value is NaN or infinite"),
        (Command.OPTIONS, _option("learning_rate"), NOT_FINITE, "its learning rate cannot be nan"),
        (Command.OPTIONS, _option("learning_rate"), struct.pack("<f", -1), "learning_rate=-1.0 is out of range"),
        (Command.OPTIONS, _option("selector"), WORD.pack(9), "selector=9 .*one of dense"),
        (Command.OPTIONS, _option("output_sparse"), WORD.pack(2), "output_sparse=2 .*True or False"),
        (Command.OPTIONS, _option("accumulate"), WORD.pack(0), "accumulate=0 is out of range"),
        (Command.OPTIONS, _option("accumulate"), WORD.pack(2**32 - 1), "accumulate=4294967295 is out of range"),
    ],
)
def test_values_that_cannot_be_are_refused(
    command: Command, begin: int, content: bytes, text: str, agent: ProcessTransport, model: tt.TrainableModel
) -> None:
    def change(reply: Frame) -> Frame:
        return replace(reply, payload=reply.payload[:begin] + content + reply.payload[begin + len(content) :])

    with pytest.raises(tt.DeviceError, match=text):
        Session(agent, model, instead(command, change)).run()


def test_weights_may_overflow(agent: ProcessTransport, model: tt.TrainableModel) -> None:
    """Infinity in a weight is no fault of the device: training notices it and says so."""
    change = instead(Command.READ_PARAMETER, lambda r: replace(r, payload=struct.pack("<f", np.inf) + r.payload[4:]))
    device = Session(agent, model, change).connect(10.0)
    assert [np.isinf(values).sum() for _, values in device.parameters()][:2] == [1 + (64 * 32 - 1) // 512, 1]


def test_a_device_of_another_version_is_refused(agent: ProcessTransport, model: tt.TrainableModel) -> None:
    with pytest.raises(tt.DeviceError, match="does not speak protocol version .* speaks version 77"):
        Session(agent, model, lambda reply: replace(reply, version=77)).run()


@pytest.mark.parametrize("change", [{"command": 0x21}, {"sequence": 5}], ids=["request", "sequence"])
def test_replies_to_nothing_that_was_asked_are_no_reply(
    change: dict[str, int], agent: ProcessTransport, model: tt.TrainableModel
) -> None:
    with pytest.raises(tt.DeviceError, match=r"does not answer \(0.05 s\)"):
        Session(agent, model, lambda reply: replace(reply, **change)).run()


GARBAGE = [b"", b"\xff\xfe\x80", b"\x1b[2J\x07\r\n", b"\x00" * 40, b"a" * 2000, "\u2028é".encode()]


@pytest.mark.parametrize("text", GARBAGE)
def test_texts_of_a_device_are_harmless(text: bytes, agent: ProcessTransport, model: tt.TrainableModel) -> None:
    def refuse(reply: Frame) -> Frame:
        if reply.command == Command.LOAD_END | protocol.REPLY:
            return replace(reply, status=7, payload=WORD.pack(0) + WORD.pack(1) + text)
        return replace(reply, payload=text) if reply.command == Command.STATUS_TEXT | protocol.REPLY else reply

    with pytest.raises(tt.DeviceError) as caught:
        Session(agent, model, refuse).run()
    message = str(caught.value)
    assert message.replace("\ufffd", "").isprintable() and model.name in message and len(message) < 500


@pytest.mark.parametrize("status", [1, 132, 200, 65535])
@pytest.mark.parametrize("command", sorted(set(Command) - UNUSED), ids=lambda c: c.name.lower())
def test_refusals_of_every_command(
    command: Command, status: int, agent: ProcessTransport, model: tt.TrainableModel
) -> None:
    """With and without what may come with a refusal, and with what may not."""
    for payload in (b"", WORD.pack(2**32 - 1), WORD.pack(2**32 - 1) * 2 + b"name", b"\x01"):
        refuse = instead(command, lambda r, p=payload: replace(r, status=status, payload=p))
        with pytest.raises(tt.DeviceError) as caught:
            Session(agent, model, refuse).run()
        assert len(str(caught.value)) < 500


def test_a_refused_request_for_the_reason_ends(agent: ProcessTransport, model: tt.TrainableModel) -> None:
    session = Session(agent, model, lambda reply: replace(reply, status=3, payload=b""))
    with pytest.raises(tt.DeviceError, match="status 3"):
        session.run()
    assert len(session.requests) <= 2


def test_random_replies_are_errors_or_do_no_harm(
    agent: ProcessTransport, model: tt.TrainableModel, honest: dict[int, list[bytes]]
) -> None:
    rng = random.Random(20)
    most = sum(map(len, honest.values())) + 3 * SAMPLES
    outcomes = {"error": 0, "success": 0}

    def mutate(reply: Frame) -> Frame:
        payload = bytearray(reply.payload)
        kind = rng.randrange(6)
        if kind == 0 or not payload:
            payload = bytearray(rng.randbytes(rng.choice((0, 1, 4, 8, 28, rng.randrange(2048)))))
        elif kind == 1:
            payload = payload[: rng.randrange(len(payload))]
        elif kind == 2:
            payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
        elif kind == 3 and len(payload) >= 4:
            begin = rng.randrange(len(payload) // 4) * 4
            payload[begin : begin + 4] = WORD.pack(rng.choice((0, 1, 2**31, 2**32 - 1, 0x7FC00000, 0x7F800000)))
        elif kind == 4:
            return replace(reply, status=rng.choice((1, 14, 132, 135, rng.randrange(1 << 16))))
        else:
            payload += rng.randbytes(rng.randrange(1, 16))
        return replace(reply, payload=bytes(payload))

    for trial in range(300):
        position = rng.randrange(most)  # of the first reply that is changed
        probability = rng.choice((0.0, 0.1, 1.0))  # that later ones are
        count = 0

        def answer(reply: Frame, position: int = position, probability: float = probability) -> Frame:
            nonlocal count
            count += 1
            chosen = count == position + 1 or (count > position and rng.random() < probability)
            return mutate(reply) if chosen else reply

        session = Session(agent, model, answer)
        try:
            session.run(5.0)
            outcomes["success"] += 1
        except tt.UserError as error:
            assert isinstance(error, tt.DeviceError), f"trial {trial}: {error!r}"
            outcomes["error"] += 1
        assert len(session.requests) <= 3 * most, f"trial {trial}"
    print(outcomes, most)
    assert min(outcomes.values()) > 20


class Stream:
    """Sends the same bytes for ever."""

    lossless = False

    def __init__(self, data: bytes) -> None:
        self._data = data

    def write(self, data: bytes) -> None:
        pass

    def read(self, seconds: float) -> bytes:
        return self._data

    def close(self) -> None:
        pass


ENDLESS = {
    "noise": b"\x55" * 65536,
    "separators": b"\0" * 65536,
    "short frames": b"\0\x01\x02\x03" * 16384,
    "stale replies": protocol.encode(Command.HELLO | protocol.REPLY, 1, b"x" * 24) * 1000,
}


@pytest.mark.parametrize("data", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_stream_ends_with_an_error(data: bytes, model: tt.TrainableModel) -> None:
    link = Link(Stream(data), "flood", 0.3, 0.05)
    started = time.monotonic()
    with pytest.raises(tt.DeviceError, match="flood does not answer"):
        RemoteDevice(link, model, "flood")
    assert time.monotonic() - started < 5.0
    assert len(link._received) <= protocol.LONGEST_FRAME + len(data)
