"""What trained int8 weights are beyond their integers, kept in a ``.tflite``: training goes on where it stopped.

A metadata entry of its own, which every runtime skips: a header and the remainders of all parameters that have such,
one signed byte each in 1/256 of their unit, in the order of the plan.
"""

from __future__ import annotations

import zlib

import numpy as np

from .flatbuffer import load
from .model_writer import stored_entry, with_entry, without_entry
from .plan_format import NONE_OFFSET, Plan

NAME = "TFLM_TRAIN_REMAINDERS"
_HEADER = np.dtype([("weights_crc", "<u4"), ("remainders_crc", "<u4")])


def _places(plan: Plan) -> list[slice]:
    """Where in the training state they lie."""
    found = [p for p in plan.parameters if p["remainder_offset"] != NONE_OFFSET]
    return [slice(int(p["remainder_offset"]), int(p["remainder_offset"]) + int(p["elements"])) for p in found]


def has_remainders(plan: Plan) -> bool:
    """Whether any weight of a plan has one."""
    return bool(_places(plan))


def without_remainders(data: bytes) -> bytes:
    """A file that goes on from its integers."""
    return without_entry(data, NAME)


def add_remainders(data: bytes, plan: Plan, state: bytes) -> bytes:
    """A trained file with the remainders of a training state.

    Parameters
    ----------
    data : bytes
        With the weights of that state.
    plan : Plan
        Of ``data``.
    state : bytes
        The part of the arena that training changes.
    """
    kept = b"".join(state[place] for place in _places(plan))
    header = np.array((plan.weights_crc, zlib.crc32(kept)), _HEADER)
    return with_entry(load(data), NAME, header.tobytes() + kept)


def read_remainders(data: bytes, plan: Plan) -> bytes | None:
    """The remainders of a file's weights; None where it has none, or those of other weights."""
    entry = stored_entry(load(data), NAME)
    size = sum(place.stop - place.start for place in _places(plan))
    if entry is None or not size or len(entry) < _HEADER.itemsize + size:
        return None
    header, kept = np.frombuffer(entry, _HEADER, 1)[0], entry[_HEADER.itemsize :][:size]
    sound = (int(header["weights_crc"]), int(header["remainders_crc"])) == (plan.weights_crc, zlib.crc32(kept))
    return kept if sound else None


def with_remainders(state: bytes, plan: Plan, kept: bytes) -> bytes:
    """A training state with the remainders of a file."""
    changed = bytearray(state)
    for place in _places(plan):
        length = place.stop - place.start
        changed[place], kept = kept[:length], kept[length:]
    return bytes(changed)
