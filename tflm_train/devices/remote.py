"""A device behind the protocol: the same methods as the runtime in this process."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..converters.options import checked, device_numbers, read_device_options
from ..converters.plan_format import ScalarType
from ..converters.policies import Schedule
from ..errors import DeviceError, NonFiniteError, UserError
from ..history import PHASES
from ..model import TrainableModel
from ..sizes import native_arena_bytes
from .device import NO_SLOT, StepLog, stored_dtype, stored_values
from .protocol import FIRST_PROTOCOL_STATUS, Command, Link, ProtocolError, Status
from .refusals import refusal
from .replies import ADVICE, OPTIONS, read_refusal, read_reply

SAMPLE = struct.Struct("<BBHi")  # label kind, source, optional fields, class
WEIGHT = struct.Struct("<f")
STATE_HEADER_BYTES = 8  # checksum of the plan, waiting samples
WORD = struct.Struct("<I")
NUMBER = np.dtype("<f4")  # of samples and outputs
NO_LABEL, CLASS_LABEL, VECTOR_LABEL, CLASSES_LABEL = 0, 1, 2, 3
INLINE, STAGED = 0, 1
HAS_WEIGHT, HAS_NUMBER = 1, 2
TRAINED, CLIPPED = 1, 2
WHOLE, FROM_CUT = 0, 1  # programs
FORGET, ACCEPT = 0, 1  # of an alignment
COUNTS_INSTRUCTIONS = 2
LONGEST_PAYLOAD = 1 << 16  # bytes that are sent at once, however many a device takes
COST_PHASES = ("forward", "loss", "selection", "backward", "total")
ALIGNMENT = 16  # bytes, of what lies in a device's memory


class RemoteDevice:
    """See ``Device``.

    Parameters
    ----------
    link : Link
        Closed when the device refuses the model.
    model : TrainableModel
    name : str
    arena_bytes : int, optional
    from_cut : bool
        See ``open_device``.
    """

    def __init__(
        self, link: Link, model: TrainableModel, name: str, arena_bytes: int | None = None, from_cut: bool = False
    ) -> None:
        self.name = name
        self._from_cut = from_cut or model.has_external_body
        self.arena_bytes = native_arena_bytes(model.plan, self._from_cut) if arena_bytes is None else arena_bytes
        self._link = link
        self._model_name = model.name
        self._fewer_layers = lambda: model.convert_again(layers="last:1")
        self._needs: dict[str, int] = {}  # bytes of the device's memory, by what they are for
        self._scheduled = False
        self.memory_bytes = 0
        try:
            self._open(model)
        except BaseException:
            link.close()
            raise

    def _open(self, model: TrainableModel) -> None:
        hello = self._request(Command.HELLO)
        self._payload = min(hello["longest_payload"], LONGEST_PAYLOAD)
        self.memory_bytes = hello["memory"]
        self.firmware = hello["text"]
        self.counts_instructions = bool(hello["flags"] & COUNTS_INSTRUCTIONS)
        checksum = zlib.crc32(model.data)
        built_in = (hello["built_in_bytes"], hello["built_in_crc"]) == (len(model.data), checksum)
        self._load(model, built_in)
        self._parameters = model.plan.parameters
        self._state_bytes = STATE_HEADER_BYTES + int(model.plan.defaults["constants_offset"])
        self._inputs = int(np.prod(model.cut_shape if self._from_cut else model.input_shape, dtype=np.int64))
        self._outputs = int(np.prod(model.output_shape, dtype=np.int64))
        self.trainer_bytes = self._confirm(
            Command.DESCRIBE,
            inputs=self._inputs,
            outputs=self._outputs,
            parameters=len(self._parameters),
            arena_bytes=self.arena_bytes,
            model_bytes=len(model.data),
            model_crc=checksum,
            input_type=ScalarType.FLOAT32,
            input_bytes=self._inputs * NUMBER.itemsize,
            output_type=ScalarType.FLOAT32,
            output_bytes=self._outputs * NUMBER.itemsize,
        )["trainer_bytes"]
        for index, parameter in enumerate(self._parameters):
            fields = {name: int(parameter[name]) for name in ("tensor", "elements", "type")}
            size = fields["elements"] * stored_dtype(parameter).itemsize
            self._confirm(Command.PARAMETER, WORD.pack(index), **fields, bytes=size)
        self._needs["sample"] = (self._inputs + self._outputs) * NUMBER.itemsize  # used if one exceeds a frame

    def _confirm(self, command: Command, payload: bytes = b"", **expected: int) -> dict[str, Any]:
        """A reply about the model that was loaded: the device must say what the file says."""
        reply = self._request(command, payload)
        for name, value in expected.items():
            if reply[name] != value:
                raise DeviceError(
                    f"device {self.name} has not loaded {self._model_name}: it reports {name.replace('_', ' ')} "
                    f"{reply[name]}, the file has {value}; {ADVICE}"
                )
        return reply

    def _load(self, model: TrainableModel, built_in: bool) -> None:
        data = model.data
        self._needs = {"arena": self.arena_bytes} if built_in else {"file": len(data), "arena": self.arena_bytes}
        for name, size in (("replay", model.plan.replay_bytes), ("alignment", model.plan.align_bytes)):
            if size and not self._from_cut:
                self._needs[name] = size
        start = struct.pack("<2I", self.arena_bytes, FROM_CUT if self._from_cut else WHOLE)
        if built_in:
            self._request(Command.USE_BUILT_IN, start)
            return
        self._request(Command.LOAD_BEGIN, struct.pack("<2I", len(data), zlib.crc32(data)))
        chunk = self._payload - WORD.size
        for begin in range(0, len(data), chunk):
            self._request(Command.LOAD_DATA, WORD.pack(begin) + data[begin : begin + chunk])
        self._request(Command.LOAD_END, start)

    def _request(self, command: Command, payload: bytes = b"") -> dict[str, Any]:
        """The checked content of a reply, by the names of ``replies``."""
        try:
            return read_reply(self.name, command, payload, self._link.request(command, payload))
        except ProtocolError as error:
            raise self._translate(command, error) from None

    def _translate(self, command: Command, error: ProtocolError) -> DeviceError:
        details = read_refusal(self.name, command, error.status, error.payload)
        if error.status == Status.NO_MEMORY and self._needs:
            parts = {name: -(-size // ALIGNMENT) * ALIGNMENT for name, size in self._needs.items()}
            listed = ", ".join(f"{name} {size:,}" for name, size in parts.items())
            remedy = f"train fewer layers: `{self._fewer_layers()}`"
            if command == Command.SCHEDULE:
                remedy = "leave the schedule out (--schedule none), which takes a byte for each sample"
            return DeviceError(
                f"device {self.name}: {self._model_name} does not fit: it needs {sum(parts.values()):,} bytes "
                f"({listed}), the device has {self.memory_bytes:,}; choose a larger device, or {remedy}"
            )
        if error.status >= FIRST_PROTOCOL_STATUS or command == Command.STATUS_TEXT:
            return error
        text = self._request(Command.STATUS_TEXT, WORD.pack(error.status))["text"].rstrip(".")
        subject = f" ({details['text']})" if details.get("text") else ""
        required = f"; {details['required_bytes']} bytes are needed" if details.get("required_bytes") else ""
        return refusal(error.status, f"{self._model_name}: {text or f'status {error.status}'}{subject}{required}")

    def train(self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, weights: np.ndarray | None = None) -> StepLog:
        def step(index: int) -> dict[str, Any]:
            weight = None if weights is None else float(weights[index])
            number = index if self._scheduled else None
            return self._run(Command.STEP, self._sample(x[index], labels[index], weight, number))

        return self._steps(step, order.tolist())

    @staticmethod
    def _steps(step: Callable[[int], dict[str, Any]], indices: list[int]) -> StepLog:
        results: list[dict[str, Any]] = []
        non_finite = False
        for index in indices:
            try:
                results.append(step(index))
            except NonFiniteError:
                non_finite = True
                break
        losses = np.array([result["loss"] for result in results], np.float32)
        correct = np.array([result["correct"] for result in results], np.uint32)
        flags = np.array([result["flags"] for result in results], np.uint32)
        return StepLog(losses, correct, flags & TRAINED != 0, flags & CLIPPED != 0, non_finite)

    def teach(self, x: np.ndarray, labels: np.ndarray) -> None:
        for sample, label in zip(x, labels):
            self._request(Command.TEACH, self._sample(sample, label))

    def remember(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        counts = [None] * len(x) if weights is None else weights.tolist()
        payloads = (self._sample(*sample) for sample in zip(x, labels, counts))
        return np.array([self._request(Command.REMEMBER, payload)["slot"] for payload in payloads], np.uint32)

    def replay(self, slots: np.ndarray, numbers: np.ndarray | None = None) -> StepLog:
        named = np.full(len(slots), NO_SLOT, np.uint32) if numbers is None else numbers
        requests = [struct.pack("<2I", *pair) for pair in zip(slots.tolist(), named.tolist())]
        return self._steps(lambda index: self._run(Command.REPLAY, requests[index]), list(range(len(requests))))

    def draw(self, count: int) -> np.ndarray:
        drawn: list[int] = []
        while len(drawn) < count:
            reply = self._request(Command.DRAW)
            if reply["slot"] == NO_SLOT:
                break
            if reply["slot"] >= reply["used"]:
                raise DeviceError(f"device {self.name} draws slot {reply['slot']} of {reply['used']}; {ADVICE}")
            drawn.append(reply["slot"])
        return np.array(drawn, np.uint32)

    def forget(self) -> None:
        self._request(Command.FORGET)

    def measure(self, x: np.ndarray) -> None:
        for sample in x:
            self._request(Command.MEASURE, self._sample(sample, None))

    def judge_alignment(self, x: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
        reply = {"decisions": 0, "before": 0, "after": 0}
        for sample, label in zip(x, labels):
            reply = self._request(Command.JUDGE, self._sample(sample, label))
        if max(reply["before"], reply["after"]) > reply["decisions"]:
            raise DeviceError(f"device {self.name} finds more correct than it has judged; {ADVICE}")
        return reply["before"], reply["after"]

    def accept_alignment(self, margin: float) -> bool:
        return bool(self._request(Command.ALIGN, struct.pack("<If", ACCEPT, margin))["accepted"])

    def forget_alignment(self) -> None:
        self._request(Command.ALIGN, struct.pack("<If", FORGET, 0.0))

    def begin_schedule(self, samples: int, threshold: float) -> None:
        kind = Schedule.REMEMBERED_LOSS if samples else Schedule.NONE
        self._scheduled, before = False, dict(self._needs)
        self._needs["schedule"] = samples
        try:
            self._request(Command.SCHEDULE, struct.pack("<2If", kind, samples, threshold))
        finally:
            self._needs = before
        self._scheduled = samples > 0

    def next_epoch(self, samples: int) -> np.ndarray:
        flags = np.frombuffer(self._read(Command.NEXT_EPOCH, b"", samples), np.uint8)
        if (flags > 1).any():
            raise DeviceError(f"device {self.name} answers with a schedule that is none; {ADVICE}")
        return flags.astype(bool)

    def flush(self) -> None:
        self._request(Command.FLUSH)

    def evaluate(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, int]:
        results = [self._run(Command.EVALUATE, self._sample(*sample)) for sample in zip(x, labels)]
        counts = np.ones(len(results), np.float32) if weights is None else weights
        loss = sum(result["loss"] * float(weight) for result, weight in zip(results, counts))
        return loss / len(results), sum(result["correct"] for result in results)

    def predict(self, x: np.ndarray) -> np.ndarray:
        outputs = np.empty((len(x), self._outputs), np.float32)
        for row, sample in zip(outputs, x):
            self._request(Command.INFER, self._sample(sample, None))
            row[:] = np.frombuffer(self._read(Command.READ_OUTPUT, b"", row.nbytes), NUMBER)
        return outputs

    def _run(self, command: Command, payload: bytes) -> dict[str, Any]:
        """The result of a step or an evaluation."""
        result = self._request(command, payload)
        if result["correct"] > self._outputs:  # a decision is about one output at least
            raise DeviceError(
                f"device {self.name} answers with a reply that is none: its correct cannot be {result['correct']}; "
                f"{ADVICE}"
            )
        return result

    def _sample(self, sample: np.ndarray, label: Any, weight: float | None = None, number: int | None = None) -> bytes:
        """Payload of a command on one sample; what is too long for a frame is staged first."""
        kind, class_number = NO_LABEL, 0
        fields, optional = (0, b"") if weight is None else (HAS_WEIGHT, WEIGHT.pack(weight))
        if number is not None:
            fields, optional = fields | HAS_NUMBER, optional + WORD.pack(number)
        data = np.ascontiguousarray(sample, NUMBER).tobytes()
        if label is not None and np.ndim(label) > 0:
            classes = np.asarray(label).dtype.kind == "i"
            kind = CLASSES_LABEL if classes else VECTOR_LABEL
            data += np.ascontiguousarray(label, "<i4" if classes else NUMBER).tobytes()
        elif label is not None:
            kind, class_number = CLASS_LABEL, int(label)
        if SAMPLE.size + len(optional) + len(data) <= self._payload:
            return SAMPLE.pack(kind, INLINE, fields, class_number) + optional + data
        self._write(Command.STAGE, b"", data)
        return SAMPLE.pack(kind, STAGED, fields, class_number) + optional

    def _pieces(self, total: int, header: int) -> list[tuple[int, int]]:
        """Pieces (begin, count) of `total` bytes, each with a header's bytes short enough for a frame. Numbers of up to
        four bytes are whole in one piece."""
        most = (self._payload - header) // NUMBER.itemsize * NUMBER.itemsize
        return [(begin, min(most, total - begin)) for begin in range(0, total, most)]

    def _read(self, command: Command, of: bytes, total: int) -> bytes:
        """`total` bytes of what a command reads; `of` says of what."""
        requests = (of + struct.pack("<2I", *piece) for piece in self._pieces(total, 0))
        return b"".join(self._request(command, request)["data"] for request in requests)

    def _write(self, command: Command, of: bytes, data: bytes) -> None:
        for begin, count in self._pieces(len(data), len(of) + WORD.size):
            self._request(command, of + WORD.pack(begin) + data[begin : begin + count])

    def parameters(self) -> list[tuple[int, np.ndarray]]:
        return [(int(p["tensor"]), self._parameter(i, p)) for i, p in enumerate(self._parameters)]

    def _parameter(self, index: int, parameter: np.ndarray) -> np.ndarray:
        dtype = stored_dtype(parameter)
        data = self._read(Command.READ_PARAMETER, WORD.pack(index), int(parameter["elements"]) * dtype.itemsize)
        return np.frombuffer(data, dtype).copy()

    def set_parameters(self, values: list[np.ndarray]) -> None:
        for index, array in enumerate(stored_values(self._parameters, values, self._model_name)):
            self._write(Command.WRITE_PARAMETER, WORD.pack(index), array.tobytes())

    def state(self) -> bytes:
        return self._read(Command.READ_STATE, b"", self._state_bytes)

    def set_state(self, state: bytes) -> None:
        if len(state) != self._state_bytes:
            raise DeviceError(f"{self._model_name}: the state is not of this model")
        self._write(Command.WRITE_STATE, b"", state)

    def counters(self) -> dict[str, int]:
        counts = self._request(Command.COUNTERS)
        return {phase: counts[f"work_{phase}"] for phase in PHASES}

    def instructions(self) -> tuple[dict[str, int], int]:
        """Instructions by phase since the last ``reset_counters``, and the steps that they were counted in.

        Raises
        ------
        DeviceError
            The device cannot count them.
        """
        if not self.counts_instructions:
            raise DeviceError(f"device {self.name} does not count instructions")
        counts = self._request(Command.COUNTERS)
        if counts["steps"] and not counts["cost_total"]:
            raise DeviceError(f"device {self.name} says that it counts instructions, and counts none; {ADVICE}")
        return {phase: counts[f"cost_{phase}"] for phase in COST_PHASES}, counts["steps"]

    def reset_counters(self) -> None:
        self._request(Command.RESET_COUNTERS)

    def options(self) -> dict[str, Any]:
        reply = self._request(Command.OPTIONS)
        try:
            return checked(read_device_options(reply))
        except UserError as error:
            raise DeviceError(f"device {self.name} has options that it cannot have: {error}; {ADVICE}") from None

    def set_options(self, **changes: Any) -> None:
        self._request(Command.SET_OPTIONS, OPTIONS.write(device_numbers({**self.options(), **changes})))

    def reset(self) -> None:
        self._scheduled = False
        self._request(Command.RESET)

    def close(self) -> None:
        self._link.close()
