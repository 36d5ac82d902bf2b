"""Constants that a file keeps in fewer bits than it computes with, as the float32 that they stand for.

Two kinds of file have them. Where the converter was told to store float16, a DEQUANTIZE operator expands each constant
at run time. In hybrid files (dynamic range quantisation) integer weights meet float32 activations, which the kernels
round to int8 on the fly; a table that is looked up in integers is followed by a DEQUANTIZE of the rows. Both become
files that compute in float32 throughout.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from .flatbuffer import TENSOR_TYPE_NAMES, add_buffer, buffer_bytes, builtin_name, schema
from .graph import Quantization, Tensor
from .model_limits import WEIGHT_OPERATORS
from .quantization import stated, stored_quantization

_BITS = {"int2": 2, "int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "int16": 16}


class _Use(enum.Enum):
    """How an operator reads a constant."""

    EXPANDED = enum.auto()  # by DEQUANTIZE
    LOOKED_UP = enum.auto()  # by GATHER, whose rows DEQUANTIZE expands
    HYBRID = enum.auto()  # as weights of float32 activations


class _Readers(NamedTuple):
    """Operators by the tensors that they read, and what computes the tensors."""

    readers: dict[int, list[int]]
    computed: frozenset[int]
    outputs: frozenset[int]


def dequantize_constants(model: Any) -> list[str]:
    """Make float32 of constants that the model keeps in float16, or in integers for float32 activations.

    Parameters
    ----------
    model : ModelT
        Changed in place: DEQUANTIZE operators of constants go, with their tensors, so that indices change. What cannot
        be expanded stays as it is: values in blocks, sparse ones, weights with a zero point, constants that integer
        arithmetic reads too.

    Returns
    -------
    list of str
        One sentence, if there are such constants.
    """
    found = _constants(model)
    if not found:
        return []
    kinds = sorted({TENSOR_TYPE_NAMES[model.subgraphs[0].tensors[t].type] for t in found})
    bytes_before = _constant_bytes(model)
    same, needless = _without_dequantize(model, found)
    _store(model, {t: values for t, (_, values) in found.items()})
    _remove(model, needless, same)
    sentence = (
        f"{_count(len(found), 'constant')} stored in {' and '.join(kinds)} became float32 "
        f"({_constant_bytes(model) - bytes_before:,} bytes more)"
    )
    if needless:
        sentence += f", without the {_count(len(needless), 'DEQUANTIZE operator')} that expanded what was stored"
    if any(use is _Use.HYBRID for use, _ in found.values()):
        sentence += "; activations are no longer rounded to int8 on the fly"
    return [sentence]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def _constants(model: Any) -> dict[int, tuple[_Use, np.ndarray]]:
    """Tensors that can be expanded: how they are used, and their values in float32."""
    graph = model.subgraphs[0]
    around = _readers(graph)
    found = {}
    for t, operators in around.readers.items():
        if t in around.computed or graph.tensors[t].isVariable or t in around.outputs:
            continue
        uses = {_use(model, i, t, around) for i in operators}
        use = uses.pop()
        values = _values(model, t, use) if use is not None and not uses else None
        if use is not None and values is not None:
            found[t] = (use, values)
    return found


def _readers(graph: Any) -> _Readers:
    readers: dict[int, list[int]] = defaultdict(list)
    computed = {*_indices(graph.inputs)}
    for i, op in enumerate(graph.operators or ()):
        computed.update(_indices(op.outputs))
        for t in dict.fromkeys(_indices(op.inputs)):
            if t >= 0:
                readers[t].append(i)
    return _Readers(dict(readers), frozenset(computed), frozenset(_indices(graph.outputs)))


def _indices(values: Any) -> list[int]:
    return [] if values is None else [int(v) for v in values]


def _use(model: Any, operator: int, tensor: int, around: _Readers) -> _Use | None:
    graph = model.subgraphs[0]
    op = graph.operators[operator]
    kind, inputs, outputs = builtin_name(model, op), _indices(op.inputs), _indices(op.outputs)
    if not outputs:
        return None
    is_float = graph.tensors[outputs[0]].type == schema.TensorType.FLOAT32
    if kind == "DEQUANTIZE":
        return _Use.EXPANDED if is_float and outputs[0] not in around.outputs else None
    if kind in WEIGHT_OPERATORS:
        return _Use.HYBRID if is_float else None
    if kind != "GATHER" or inputs[0] != tensor or tensor in inputs[1:] or outputs[0] in around.outputs:
        return None
    rows = graph.tensors[outputs[0]]
    following = [builtin_name(model, graph.operators[i]) for i in around.readers.get(outputs[0], ())]
    expanded = bool(following) and set(following) == {"DEQUANTIZE"}
    return _Use.LOOKED_UP if expanded and _same_numbers(rows, graph.tensors[tensor]) else None


def _same_numbers(a: Any, b: Any) -> bool:
    """Whether two tensors' stored integers stand for the same numbers."""
    first, second = stored_quantization(a), stored_quantization(b)
    if a.type != b.type or first is None or second is None or len(first.scales) != 1:
        return False
    return np.array_equal(first.scales, second.scales) and np.array_equal(first.zero_points, second.zero_points)


def _values(model: Any, index: int, use: _Use) -> np.ndarray | None:
    """What a constant stands for, None if that cannot be said."""
    stored = model.subgraphs[0].tensors[index]
    kind, shape, raw = TENSOR_TYPE_NAMES[stored.type], tuple(_indices(stored.shape)), buffer_bytes(model, stored.buffer)
    elements = math.prod(shape)
    if stored.sparsity is not None or not raw:
        return None
    if kind == "float16":
        whole = use is _Use.EXPANDED and len(raw) == 2 * elements
        return np.frombuffer(raw, "<f2").astype(np.float32).reshape(shape) if whole else None
    if kind not in _BITS or len(raw) != -(-elements * _BITS[kind] // 8):
        return None
    if use is _Use.HYBRID:
        if kind not in ("int2", "int4", "int8", "uint8"):
            return None
        kind = "int8" if kind == "uint8" else kind  # the kernels read the bytes of either as signed numbers
    q = _quantization(stored, kind, shape)
    if q is None or (use is _Use.HYBRID and q.zero_points.any()):  # the kernels leave a zero point aside
        return None
    scales = q.scales.reshape([-1 if axis == q.axis else 1 for axis in range(len(shape))]) if shape else q.scales[0]
    return np.asarray((_integers(raw, kind, elements).reshape(shape) - q.zero_points[0]) * scales, np.float32)


def _quantization(stored: Any, kind: str, shape: tuple[int, ...]) -> Quantization | None:
    if stored.quantization is not None and stored.quantization.detailsType != schema.QuantizationDetails.NONE:
        return None
    whole_bytes = kind if _BITS[kind] >= 8 else f"{kind.rstrip('24')}8"
    return stated(Tensor(0, "", shape, whole_bytes, 0, None, stored_quantization(stored)))


def _integers(raw: bytes, kind: str, elements: int) -> np.ndarray:
    """Float32 [elements]; several that share a byte begin with its lowest bits."""
    bits = _BITS[kind]
    if bits >= 8:
        return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).astype(np.float32)
    parts = (np.frombuffer(raw, np.uint8)[:, None] >> np.arange(0, 8, bits, dtype=np.uint8)) & (2**bits - 1)
    values = parts.reshape(-1)[:elements].astype(np.float32)
    return values if kind.startswith("u") else np.where(values >= 2 ** (bits - 1), values - 2**bits, values)


def _constant_bytes(model: Any) -> int:
    return sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)


def _without_dequantize(model: Any, found: Collection[int]) -> tuple[dict[int, int], set[int]]:
    """Tensors that equal another one once constants are expanded, and the operators that computed them."""
    graph = model.subgraphs[0]
    first = [next(iter(_indices(op.inputs)), -1) for op in graph.operators]
    expanded = set(found)
    for op, table in zip(graph.operators, first):
        if builtin_name(model, op) == "GATHER" and table in expanded:
            rows = graph.tensors[op.outputs[0]]
            rows.type, rows.quantization = schema.TensorType.FLOAT32, None
            expanded.add(int(op.outputs[0]))
    same: dict[int, int] = {}
    needless = set()
    for i, (op, constant) in enumerate(zip(graph.operators, first)):
        if builtin_name(model, op) == "DEQUANTIZE" and constant in expanded:
            same |= {t: constant for t in _indices(op.outputs) if t not in expanded}
            needless.add(i)
    return same, needless


def _store(model: Any, values: dict[int, np.ndarray]) -> None:
    """Float32 in place of what tensors hold; those that shared a buffer and stand for the same go on sharing one."""
    written: dict[tuple[int, bytes], int] = {}
    for t, array in values.items():
        tensor = model.subgraphs[0].tensors[t]
        key = (tensor.buffer, array.tobytes())
        if key not in written:
            written[key] = add_buffer(model, array)
        tensor.buffer, tensor.type, tensor.quantization = written[key], schema.TensorType.FLOAT32, None


def _remove(model: Any, needless: Collection[int], same: dict[int, int]) -> None:
    """Take out operators, with the tensors that they computed and the buffers and operator codes that nothing needs."""
    graph = model.subgraphs[0]
    graph.operators = [op for i, op in enumerate(graph.operators) if i not in needless]
    places = _places(set(range(len(graph.tensors))) - same.keys())
    graph.tensors = [graph.tensors[t] for t in places]
    places |= {-1: -1, **{t: places[other] for t, other in same.items()}}
    for part in (graph, *graph.operators):
        for field in ("inputs", "outputs", "intermediates"):
            if getattr(part, field, None) is not None:
                setattr(part, field, np.array([places[t] for t in _indices(getattr(part, field))], np.int32))
    for signature in model.signatureDefs or ():
        for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
            entry.tensorIndex = places[entry.tensorIndex]

    named = (*graph.tensors, *(model.metadata or ()))
    others = [b for b in _indices(model.metadataBuffer) if 0 <= b < len(model.buffers)]
    places = _places({0, *others, *(part.buffer for part in named)})
    model.buffers = [model.buffers[b] for b in places]
    for part in named:
        part.buffer = places[part.buffer]
    if model.metadataBuffer is not None:
        model.metadataBuffer = np.array([places[b] for b in others], np.int32)

    places = _places({op.opcodeIndex for op in graph.operators})
    model.operatorCodes = [model.operatorCodes[c] for c in places]
    for op in graph.operators:
        op.opcodeIndex = places[op.opcodeIndex]


def _places(used: Collection[int]) -> dict[int, int]:
    """Where each of the used has its place among them."""
    return {old: new for new, old in enumerate(sorted(used))}
