"""Plans and trained weights into ``.tflite`` files."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import ConversionError, PlanError
from .fingerprint import weights_crc
from .flatbuffer import TENSOR_TYPE_NAMES, buffer_bytes, dump, load, schema, text
from .plan_format import HEADER, METADATA_NAME, Plan, decode


def _entry(model: Any, name: str) -> Any | None:
    return next((entry for entry in model.metadata or () if text(entry.name) == name), None)


def _buffer(data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    return buffer


def _is_shared(model: Any, entry: Any) -> bool:
    others = [e.buffer for e in model.metadata if e is not entry]
    others += [tensor.buffer for tensor in model.subgraphs[0].tensors]
    return entry.buffer == 0 or entry.buffer in others


def add_plan(model: Any, plan: bytes) -> bytes:
    """Write a model with a training plan.

    Parameters
    ----------
    model : ModelT
        Not changed. A plan that it has already is replaced.
    plan : bytes
        As ``plan_format.encode`` returns it.

    Returns
    -------
    bytes
        The augmented ``.tflite``.
    """
    return with_entry(model, METADATA_NAME, plan)


def with_entry(model: Any, name: str, content: bytes) -> bytes:
    """The same with any metadata entry; one of that name is replaced."""
    out = copy.copy(model)
    out.buffers = list(model.buffers)
    out.metadata = [copy.copy(entry) for entry in model.metadata or ()]
    entry = _entry(out, name)
    if entry is not None and not _is_shared(out, entry):
        out.buffers[entry.buffer] = _buffer(content)
        return dump(out)
    if entry is None:
        entry = schema.MetadataT()
        entry.name = name.encode()
        out.metadata.append(entry)
    out.buffers.append(_buffer(content))
    entry.buffer = len(out.buffers) - 1
    return dump(out)


def read_plan(data: bytes) -> bytes | None:
    """The training plan of a ``.tflite`` file, None if it has none.

    Raises
    ------
    ConversionError
        The file cannot be read.
    """
    return stored_plan(load(data))


def stored_plan(model: Any) -> bytes | None:
    """The training plan of a model that is read already, None if it has none."""
    return stored_entry(model, METADATA_NAME)


def stored_entry(model: Any, name: str) -> bytes | None:
    """The content of a metadata entry, None if there is none."""
    entry = _entry(model, name)
    return None if entry is None else buffer_bytes(model, entry.buffer)


def strip_plan(data: bytes) -> bytes:
    """The same model without a training plan; other buffers keep their indices.

    Raises
    ------
    ConversionError
        The file cannot be read.
    """
    return without_entry(data, METADATA_NAME)


def without_entry(data: bytes, name: str) -> bytes:
    """The same without any metadata entry."""
    model = load(data)
    entry = _entry(model, name)
    if entry is None:
        return bytes(data)
    if not _is_shared(model, entry):
        if entry.buffer == len(model.buffers) - 1:
            model.buffers.pop()
        else:
            model.buffers[entry.buffer] = schema.BufferT()
    model.metadata = [e for e in model.metadata if e is not entry] or None
    return dump(model)


def load_plan(data: bytes, name: str) -> Plan | None:
    """The training plan of a file, None if it has none.

    Parameters
    ----------
    data : bytes
    name : str
        For messages.

    Raises
    ------
    ConversionError
        The file cannot be read.
    PlanError
        The plan is damaged or of another release.
    """
    return decode_plan(stored_plan(load(data, name)), name)


def decode_plan(encoded: bytes | None, name: str) -> Plan | None:
    """A training plan from its bytes, None if there are none.

    Raises
    ------
    PlanError
        The plan is damaged or of another release; ``name`` says of what.
    """
    try:
        return None if encoded is None else decode(encoded)
    except PlanError as error:
        raise PlanError(f"{name}: {error}") from None


def write_parameters(data: bytes, values: Iterable[tuple[int, np.ndarray]]) -> bytes:
    """Put trained values into a ``.tflite`` file.

    Parameters
    ----------
    data : bytes
        Augmented or ordinary file.
    values : iterable of (int, ndarray)
        Index of a constant tensor and its new values, of the stored type and number of elements.

    Returns
    -------
    bytes
        The same file but for the values and, if it has a plan, the plan's checksum of the weights: it stays trainable.

    Raises
    ------
    ConversionError
        The file cannot be read, or a value does not fit its tensor.
    """
    model = load(data)
    tensors = model.subgraphs[0].tensors
    written: set[int] = set()
    for index, value in values:
        if not 0 <= index < len(tensors):
            raise ConversionError(f"tensor {index} does not exist; the model has tensors 0 to {len(tensors) - 1}")
        tensor = tensors[index]
        raw = np.ascontiguousarray(value).tobytes()
        expected = TENSOR_TYPE_NAMES[tensor.type]
        if np.asarray(value).dtype.name != expected or len(raw) != len(buffer_bytes(model, tensor.buffer)):
            raise ConversionError(
                f"the values for tensor {index} ({text(tensor.name)}) are {np.asarray(value).size} of type "
                f"{np.asarray(value).dtype.name}; it holds {len(buffer_bytes(model, tensor.buffer))} bytes of "
                f"{expected}"
            )
        if tensor.buffer in written:
            raise ConversionError(
                f"tensor {index} ({text(tensor.name)}) shares its memory with another that is written"
            )
        written.add(tensor.buffer)
        model.buffers[tensor.buffer] = _buffer(raw)
    plan = stored_plan(model)
    if plan is None:
        return dump(model)
    header = np.frombuffer(plan, HEADER, 1).copy()
    header["weights_crc"] = weights_crc(model, decode(plan).parameters["tensor"].tolist())
    return add_plan(model, header.tobytes() + plan[HEADER.itemsize :])
