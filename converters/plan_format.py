"""The training plan's binary format, defined once.

A plan is a header, a table of sections and the sections themselves, all little-endian. Each section is
an array of one record type. ``generate`` writes the same for C++.

Shapes are NHWC, filters OHWI, as in TensorFlow Lite.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import PlanError
from .graph import Quantization
from .options import DEVICE_OPTIONS, read_device_options
from .policies import (
    KINDS,
    Accumulation,
    Align,
    Clipping,
    Loss,
    Optimizer,
    Policy,
    Recipe,
    Replay,
    Schedule,
    Storage,
    Update,
)

METADATA_NAME = "TFLM_TRAIN"
MAGIC = 0x52544654  # "TFTR"
FORMAT_VERSION = 3
NONE_INDEX = 0xFFFF  # "no value", "no layer", "no parameter" in 16-bit fields
NONE_OFFSET = 0xFFFFFFFF  # "no buffer" in 32-bit offsets
ADDRESS_BITS = 30  # of an address's offset; its Base is above
NONE_ADDRESS = 0xFFFFFFFF  # of an absent argument
MAX_RANK = 5
ALIGNMENT = 16  # of the arena, of every value and of every buffer in the file
MAX_OPERATOR_VALUES = 24  # arguments of one step
# The Trainer object on 32 and 64 bit (trainer.h asserts it), a multiple of 8: its options and the rest.
TRAINER_BYTES = (276 + 4 * len(DEVICE_OPTIONS) + 7) // 8 * 8
REPLAY_HEADER_BYTES, REPLAY_CLASS_BYTES, REPLAY_SLOT_BYTES = 8, 8, 12  # of the memory that keeps activations
ALIGN_CHANNEL_BYTES = 8  # of the memory that measures statistics: two sums
SPARE_CLASS_BYTES = 20  # of the training state, for each spare class
MAX_STRIP = 256  # floats of a strip (operators/strip.py) in a step's workspace


class SectionKind(enum.IntEnum):
    DEFAULTS = 1
    PARAMETERS = 2
    LAYERS = 3
    PROGRAMS = 4
    VALUES = 5
    STEPS = 6
    INDICES = 7  # uint16: arguments of steps, operators covered by steps
    WORDS = 8  # 32-bit addresses and constants of steps, scales of QUANTIZATION
    QUANTIZATION = 9  # what the integers of values and parameters stand for


class Activation(enum.IntEnum):
    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3


class ScalarType(enum.IntEnum):
    """Of the elements of values and parameters. A file's bool is UINT8."""

    FLOAT32 = 0
    INT8 = 1
    UINT8 = 2
    UINT16 = 3
    UINT32 = 4
    INT32 = 5
    INT16 = 6

    @property
    def dtype(self) -> np.dtype:
        """The same in NumPy."""
        return np.dtype(self.name.lower())

    @classmethod
    def of(cls, name: str) -> "ScalarType | None":
        """By the name of a tensor's type, None for one that no plan holds."""
        return cls.__members__.get("UINT8" if name == "bool" else name.upper())


class Place(enum.IntEnum):
    ARENA = 0  # offset: bytes from the program's start in the arena
    INPUT = 1  # the caller's input buffer
    CONSTANT = 2  # offset: number of the constant, see DEFAULTS; read where it lies in the file
    PARAMETER = 3  # offset: index of the parameter


class Base(enum.IntEnum):
    """What the offset of an address counts from. Before a step's constants lie the addresses of its arguments, the last
    one first: where the device finds them without a look at the values."""

    PROGRAM = 0  # the program's start in the arena
    PERSISTENT = 1  # the arena's start, where the parameters are
    INPUT = 2  # the caller's input buffer
    FILE = 3  # number of the constant, see DEFAULTS


class Role(enum.IntEnum):
    ACTIVATION = 0
    ERROR = 1
    SAVED = 2  # what the forward pass keeps for the backward pass besides activations, of any type
    SCRATCH = 3  # a selector's keys
    WEIGHT = 4
    WINNERS = 5  # positions of maxima, which kernels follow: only those that write or read such may have them


class Phase(enum.IntEnum):
    FORWARD = 0
    HOOK = 1  # saves something between EXTERNAL steps; runs a kernel's forward function
    BACKWARD = 2


class ProgramKind(enum.IntEnum):
    INFER = 0
    TRAIN = 1
    TRAIN_FROM_CUT = 2  # its input is the last tensor of a frozen body
    INFER_FROM_CUT = 3
    ALIGN = 4  # the whole model, with a step behind each layer whose statistics are brought back


class ForwardKind(enum.IntEnum):
    NATIVE = 0
    TFLM = 1


class ParameterKind(enum.IntEnum):
    WEIGHT = 0
    BIAS = 1


SECTION_REQUIRED = 1
LAYER_OUTPUT = 1  # flag: the operator next to the loss, dense by default
LAYER_DENSE = 2  # flag: no selector chooses among its errors
LAYER_CHANNEL_LAST = 4  # flag: its weights have the output channel as their last axis, not as their first
MANY_TERMS = 0xFFFF

HEADER = np.dtype(
    [
        ("magic", "<u4"),
        ("format_version", "<u2"),
        ("header_bytes", "<u2"),
        ("total_bytes", "<u4"),
        ("weights_crc", "<u4"),  # CRC-32 of the trainable buffers' bytes in order of the parameters
        ("plan_crc", "<u4"),  # CRC-32 of the plan's bytes from the next field to the end
        ("fingerprint", "<u4"),  # of the model's structure and frozen constants (fingerprint.py)
        ("section_count", "<u4"),
        ("reserved", "<u4"),
    ]
)
PLAN_CRC_BEGIN = 20

SECTION = np.dtype([("kind", "<u2"), ("flags", "<u2"), ("offset", "<u4"), ("bytes", "<u4"), ("record_bytes", "<u4")])

DEFAULTS = np.dtype(
    [
        ("loss", "<u2"),
        ("optimizer", "<u2"),
        ("update", "<u2"),
        ("schedule", "<u2"),
        ("schedule_threshold", "<f4"),
        ("replay", "<u1"),
        ("recipe", "<u1"),
        ("replay_type", "<u2"),  # of a kept activation's elements
        ("slots", "<u4"),  # kept activations
        ("freeze_epoch", "<u4"),  # epochs that train all layers before those behind the cut train alone; 0: a quarter
        ("loss_scale", "<f4"),  # softmax beta: factor of (p - t) in the fused cross entropy
        ("seed", "<u4"),
        (
            "persistent_bytes",
            "<u4",
        ),  # of the arena, before the programs' part: the state of training (the gate's and the update's at
        # its end), then
        ("constants_offset", "<u4"),  # a table of the constants' places in the file, which Init fills: <u4 each
        ("constant_count", "<u4"),  # their tensors are the first of WORDS
        ("classes", "<u4"),  # outputs of one row: what one class number chooses from
        ("input_limit", "<u4"),  # inputs are indices below it; 0: any numbers
        ("optimizer_offset", "<u4"),  # its shared state; that of the weight at `at` follows `at` * state_floats on
        ("row_elements", "<u4"),  # floats of a row of a gradient, the last of persistent_bytes; 0 without a state
        ("gate_state_bytes", "<u4"),
        ("align", "<u2"),
        ("align_samples", "<u2"),
        ("align_margin", "<f4"),
        *((option.name, option.code) for option in DEVICE_OPTIONS.values()),  # those that training starts with
        ("spare_classes", "<u4"),  # the last so many of `classes` were silent at conversion (spare_classes.py)
        ("spare_layer", "<u4"),  # index into LAYERS: whose rows and biases those of the classes are
        ("spare_offset", "<u4"),  # of their state, between the layers' states and the gate's
    ]
)

PARAMETER = np.dtype(
    [
        ("tensor", "<u4"),  # index in the .tflite
        ("elements", "<u4"),
        ("arena_offset", "<u4"),
        ("gradient_offset", "<u4"),  # float32, NONE_OFFSET without accumulation
        ("remainder_offset", "<u4"),  # second plane: int8 each, in 1/256 of the values' unit; NONE_OFFSET without it
        ("operator", "<u2"),
        ("layer", "<u2"),
        ("kind", "<u1"),
        ("type", "<u1"),
        ("quantization", "<u2"),  # index, NONE_INDEX: numbers as they are
    ]
)

QUANTIZATION = np.dtype(  # number = scale * (stored - zero_point)
    [
        ("type", "<u2"),  # of the integers
        ("axis", "<u2"),
        ("zero_point", "<i4"),
        ("scale_begin", "<u4"),  # into WORDS, behind those of the record in front: float32 each
        ("scale_count", "<u4"),  # 1, or the elements along the axis
    ]
)

LAYER = np.dtype(
    [
        ("operator", "<u2"),
        ("distance", "<u2"),  # fewest trainable operators between this one and the loss
        ("weight", "<u2"),  # parameter indices
        ("bias", "<u2"),
        ("candidates", "<u4"),  # elements that the selector chooses from
        ("max_selected", "<u4"),  # capacity of the scratch, in candidates
        ("state_offset", "<u4"),  # arena offset of the layer's state: float32 running maximum
        ("flags", "<u2"),
        ("terms", "<u2"),  # weights of an output channel, MANY_TERMS for as many or more; 0 without a bias
        ("channels", "<u4"),  # of the output, which are its last axis
    ]
)

PROGRAM = np.dtype(
    [
        ("kind", "<u2"),
        ("forward_kind", "<u2"),
        ("value_begin", "<u4"),
        ("value_count", "<u4"),
        ("step_begin", "<u4"),
        ("forward_count", "<u4"),  # forward steps, EXTERNAL steps and hooks
        ("backward_count", "<u4"),
        ("input", "<u2"),
        ("output", "<u2"),
        ("loss_error", "<u2"),
        ("loss_input", "<u2"),  # what the loss reads: as many numbers as the output has
        ("arena_bytes", "<u4"),  # of the program's part of the arena
        ("first_operator", "<u2"),  # of the model, those in front lie in front of the cut
        ("last_operator", "<u2"),
        ("input_address", "<u4"),  # of the four values above, see Base
        ("output_address", "<u4"),
        ("loss_error_address", "<u4"),
        ("loss_input_address", "<u4"),
        ("input_elements", "<u4"),
        ("output_elements", "<u4"),
    ]
)

VALUE = np.dtype(
    [
        ("tensor", "<i4"),  # index in the .tflite, -1 for errors, masks, scratch
        ("offset", "<u4"),
        ("bytes", "<u4"),
        ("first_step", "<u2"),  # steps count from 0: forward, then the loss as one step, then backward
        ("last_step", "<u2"),
        ("alias", "<u2"),  # the value whose memory this one shares, NONE_INDEX if it has its own
        ("type", "u1"),
        ("place", "u1"),
        ("role", "u1"),
        ("rank", "u1"),
        ("quantization", "<u2"),  # index, NONE_INDEX: numbers as they are
        ("dims", "<i4", (MAX_RANK,)),
    ]
)

STEP = np.dtype(
    [
        ("kernel", "<u2"),
        ("phase", "u1"),
        ("value_count", "u1"),
        ("value_begin", "<u4"),  # into INDICES
        ("operator_begin", "<u4"),  # into INDICES
        ("operator_count", "<u2"),
        ("word_count", "<u2"),
        ("word_begin", "<u4"),  # into WORDS: the constants; the addresses of its arguments end there
        ("layer", "<u2"),  # index into LAYERS or NONE_INDEX
        ("reserved", "<u2"),
        ("accumulate_mask", "<u4"),
    ]
)

SECTION_DTYPES: dict[SectionKind, np.dtype] = {
    SectionKind.DEFAULTS: DEFAULTS,
    SectionKind.PARAMETERS: PARAMETER,
    SectionKind.LAYERS: LAYER,
    SectionKind.PROGRAMS: PROGRAM,
    SectionKind.VALUES: VALUE,
    SectionKind.STEPS: STEP,
    SectionKind.INDICES: np.dtype("<u2"),
    SectionKind.WORDS: np.dtype("<u4"),
    SectionKind.QUANTIZATION: QUANTIZATION,
}


@dataclass
class Plan:
    """A decoded plan: one record array per section.

    Attributes
    ----------
    sections : dict
        Record array (dtype ``SECTION_DTYPES[kind]``) of every section.
    fingerprint, weights_crc : int
        See the header's fields.
    """

    sections: dict[SectionKind, np.ndarray] = field(default_factory=dict)
    fingerprint: int = 0
    weights_crc: int = 0

    @property
    def defaults(self) -> np.ndarray:
        return self.sections[SectionKind.DEFAULTS][0]

    @property
    def options(self) -> dict[str, Any]:
        """The training options that a device starts with."""
        return read_device_options({name: self.defaults[name].item() for name in DEVICE_OPTIONS})

    @property
    def policies(self) -> list[Policy]:
        """Those that it names, one of each kind."""
        named = [kind for kind in KINDS if kind.field() in (DEFAULTS.names or ())]
        return [kind(int(self.defaults[kind.field()])) for kind in named]

    @property
    def implied_policies(self) -> list[Policy]:
        """Those that its records need, one of each kind that it does not name."""
        accumulates = bool((self.parameters["gradient_offset"] != NONE_OFFSET).any())
        return [
            Accumulation.MEAN if accumulates else Accumulation.NONE,
            Clipping.NORM if float(self.defaults["clip"]) > 0 else Clipping.NONE,
            Storage.QUANTIZED if len(self.sections[SectionKind.QUANTIZATION]) else Storage.PLAIN,
        ]

    @property
    def loss(self) -> Loss:
        return next(policy for policy in self.policies if isinstance(policy, Loss))

    @property
    def optimizer(self) -> Optimizer:
        return next(policy for policy in self.policies if isinstance(policy, Optimizer))

    @property
    def update(self) -> Update:
        return next(policy for policy in self.policies if isinstance(policy, Update))

    @property
    def run_options(self) -> dict[str, Any]:
        """Those of a run that names no others, above the trainer.

        Raises
        ------
        PlanError
            It names a policy that this release does not know.
        """
        found: dict[str, Any] = {}
        for kind in (Schedule, Replay, Recipe, Align):
            number = int(self.defaults[kind.field()])
            if number not in list(kind):
                raise PlanError(
                    f"the training plan names {kind.field()} {number}, unknown to this release; upgrade tflm-train"
                )
            found[kind.field()] = kind(number).word
        names = "schedule_threshold", "freeze_epoch", "align_samples", "align_margin"
        return found | {name: self.defaults[name].item() for name in names}

    @property
    def replay_options(self) -> dict[str, Any]:
        """What shapes the memory of replay, empty without."""
        if self.run_options["replay"] == Replay.NONE.word:
            return {}
        number = int(self.defaults["replay_type"])
        if number not in (ScalarType.INT8, ScalarType.FLOAT32):
            raise PlanError(f"the training plan keeps activations of type {number}; convert the model again")
        return {"slots": int(self.defaults["slots"]), "replay_type": ScalarType(number).dtype.name}

    @property
    def replay_bytes(self) -> int:
        """Of the memory that keeps activations, apart from the arena (LatentReplay::Bytes in C++); 0 without."""
        options = self.replay_options
        program = self.find(ProgramKind.TRAIN_FROM_CUT)
        if not options or program is None:
            return 0
        elements, integers = int(program["input_elements"]), options["replay_type"] == "int8"
        slot = REPLAY_SLOT_BYTES + (-(-elements // 4) * 4 if integers else 4 * elements)
        classes = max(2, int(self.defaults["classes"]))
        numbers = 4 * elements if integers else 0
        return REPLAY_HEADER_BYTES + REPLAY_CLASS_BYTES * classes + numbers + options["slots"] * slot

    @property
    def aligned(self) -> list[np.ndarray]:
        """Steps of the program ALIGN that bring statistics back, in execution order; empty without it."""
        program = self.find(ProgramKind.ALIGN)
        steps = () if program is None else self.steps(program)
        return [step for step in steps if int(step["phase"]) == Phase.FORWARD and int(step["layer"]) != NONE_INDEX]

    @property
    def align_bytes(self) -> int:
        """Of the memory that measures statistics, apart from the arena (Alignment::Bytes in C++); 0 without."""
        return sum(ALIGN_CHANNEL_BYTES * (int(step["word_count"]) // 2) for step in self.aligned)

    @property
    def errors(self) -> str:
        """What the errors of int8 layers are, as the option says it."""
        values = self.sections[SectionKind.VALUES]
        integers = (values["role"] == Role.ERROR) & (values["type"] == ScalarType.INT16)
        return ScalarType.INT16.dtype.name if integers.any() else ScalarType.FLOAT32.dtype.name

    @property
    def parameters(self) -> np.ndarray:
        return self.sections[SectionKind.PARAMETERS]

    @property
    def layers(self) -> np.ndarray:
        return self.sections[SectionKind.LAYERS]

    @property
    def programs(self) -> np.ndarray:
        return self.sections[SectionKind.PROGRAMS]

    def find(self, kind: ProgramKind, forward: ForwardKind = ForwardKind.NATIVE) -> np.ndarray | None:
        """The program of this kind, None if there is none."""
        return next((p for p in self.programs if (p["kind"], p["forward_kind"]) == (kind, forward)), None)

    @property
    def has_external_body(self) -> bool:
        """Whether the library cannot run the whole model itself, only what lies behind the cut."""
        return self.find(ProgramKind.TRAIN) is None and self.find(ProgramKind.TRAIN_FROM_CUT) is not None

    @property
    def cut(self) -> tuple[int, int] | None:
        """Tensor of the cut and first operator behind it, None in a plan without a cut."""
        program = self.find(ProgramKind.TRAIN_FROM_CUT)
        if program is None:
            return None
        return int(self.values(program)[int(program["input"])]["tensor"]), int(program["first_operator"])

    def program(self, kind: ProgramKind, forward: ForwardKind = ForwardKind.NATIVE) -> np.ndarray:
        """The program of this kind.

        Raises
        ------
        PlanError
            The plan has no such program.
        """
        found = self.find(kind, forward)
        if found is not None:
            return found
        raise PlanError(
            f"the plan has no {forward.name.lower()} program '{kind.name.lower()}'; convert the model again"
        )

    def values(self, program: np.ndarray) -> np.ndarray:
        begin = int(program["value_begin"])
        return self.sections[SectionKind.VALUES][begin : begin + int(program["value_count"])]

    def steps(self, program: np.ndarray) -> np.ndarray:
        begin = int(program["step_begin"])
        count = int(program["forward_count"]) + int(program["backward_count"])
        return self.sections[SectionKind.STEPS][begin : begin + count]

    def step_values(self, step: np.ndarray) -> list[int]:
        begin = int(step["value_begin"])
        return self.sections[SectionKind.INDICES][begin : begin + int(step["value_count"])].tolist()

    def step_operators(self, step: np.ndarray) -> list[int]:
        begin = int(step["operator_begin"])
        return self.sections[SectionKind.INDICES][begin : begin + int(step["operator_count"])].tolist()

    def step_words(self, step: np.ndarray) -> np.ndarray:
        begin = int(step["word_begin"])
        return self.sections[SectionKind.WORDS][begin : begin + int(step["word_count"])]

    @staticmethod
    def parameter_bytes(parameter: np.ndarray) -> int:
        """Of a parameter's values and of its remainders, where it has them."""
        elements = int(parameter["elements"])
        remainders = 0 if parameter["remainder_offset"] == NONE_OFFSET else elements
        return elements * ScalarType(int(parameter["type"])).dtype.itemsize + remainders

    def quantization(self, record: np.ndarray) -> Quantization | None:
        """What the integers of a value or parameter stand for, None for numbers as they are."""
        index = int(record["quantization"])
        if index == NONE_INDEX:
            return None
        found = self.sections[SectionKind.QUANTIZATION][index]
        begin, count = int(found["scale_begin"]), int(found["scale_count"])
        scales = self.sections[SectionKind.WORDS][begin : begin + count].view("<f4")
        return Quantization(scales, np.full(count, found["zero_point"], np.int64), int(found["axis"]))

    def arena_bytes(self, kind: ProgramKind, forward: ForwardKind = ForwardKind.NATIVE) -> int:
        """Whole arena that a device needs to run the program, persistent part included."""
        return int(self.defaults["persistent_bytes"]) + int(self.program(kind, forward)["arena_bytes"])


def encode(plan: Plan) -> bytes:
    """Serialise a plan (length a multiple of 4)."""
    kinds = sorted(plan.sections)
    table = np.zeros(len(kinds), SECTION)
    offset = HEADER.itemsize + table.nbytes
    bodies = []
    for row, kind in zip(table, kinds):
        records = np.ascontiguousarray(plan.sections[kind])
        if records.dtype != SECTION_DTYPES[kind]:
            raise PlanError(f"section {kind.name} holds {records.dtype}, expected {SECTION_DTYPES[kind]}")
        body = records.tobytes()
        row["kind"], row["flags"], row["offset"], row["bytes"] = kind, SECTION_REQUIRED, offset, len(body)
        row["record_bytes"] = records.dtype.itemsize
        body += b"\0" * (-len(body) % 4)
        bodies.append(body)
        offset += len(body)
    header = np.zeros(1, HEADER)
    header["magic"], header["format_version"], header["header_bytes"] = MAGIC, FORMAT_VERSION, HEADER.itemsize
    header["total_bytes"], header["section_count"] = offset, len(kinds)
    header["weights_crc"], header["fingerprint"] = plan.weights_crc, plan.fingerprint
    tail = header.tobytes()[PLAN_CRC_BEGIN:] + table.tobytes() + b"".join(bodies)
    header["plan_crc"] = zlib.crc32(tail)
    return header.tobytes()[:PLAN_CRC_BEGIN] + tail


def decode(data: bytes) -> Plan:
    """Read a plan.

    Raises
    ------
    PlanError
        The bytes are no plan, of another version, damaged, or hold an unknown required section.
    """
    data = bytes(data)
    if len(data) < HEADER.itemsize:
        raise PlanError("the training plan is truncated; convert the model again")
    header = np.frombuffer(data, HEADER, 1)[0]
    if header["magic"] != MAGIC:
        raise PlanError("the training plan does not start with its magic number; convert the model again")
    if header["format_version"] != FORMAT_VERSION:
        raise PlanError(
            f"the training plan has format version {header['format_version']}, this release reads {FORMAT_VERSION}; "
            "convert the model again"
        )
    total, count = int(header["total_bytes"]), int(header["section_count"])
    if (
        header["header_bytes"] != HEADER.itemsize
        or total > len(data)
        or HEADER.itemsize + count * SECTION.itemsize > total
    ):
        raise PlanError("the training plan's sizes do not fit; convert the model again")
    if zlib.crc32(data[PLAN_CRC_BEGIN:total]) != header["plan_crc"]:
        raise PlanError("the training plan is damaged (its checksum differs); convert the model again")
    plan = Plan(fingerprint=int(header["fingerprint"]), weights_crc=int(header["weights_crc"]))
    for row in np.frombuffer(data, SECTION, count, HEADER.itemsize):
        offset, size = int(row["offset"]), int(row["bytes"])
        if offset + size > total:
            raise PlanError("a section lies outside the training plan; convert the model again")
        try:
            kind = SectionKind(int(row["kind"]))
        except ValueError:
            if row["flags"] & SECTION_REQUIRED:
                raise PlanError(
                    f"the training plan needs section {row['kind']}, unknown to this release; upgrade tflm-train"
                ) from None
            continue
        dtype = SECTION_DTYPES[kind]
        if row["record_bytes"] != dtype.itemsize or size % dtype.itemsize:
            raise PlanError(f"section {kind.name} of the training plan has records of a wrong size")
        plan.sections[kind] = np.frombuffer(data, dtype, size // dtype.itemsize, offset).copy()
    missing = [kind.name for kind in SectionKind if kind not in plan.sections]
    if missing:
        raise PlanError(f"the training plan lacks {', '.join(missing)}; convert the model again")
    return plan
