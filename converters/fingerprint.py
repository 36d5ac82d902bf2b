"""What a plan was made for: a checksum of the model's structure and frozen constants, computed alike on the device.

The checksum is CRC-32 over a stream of little-endian 32-bit words (constants: their raw bytes)::

    tensors:    count; each: type, rank, dims, buffer, scale count, scales (float bits),
                zero point count, zero points (low 32 bits), quantized dimension
    operators:  count; each: builtin code, input count, inputs, output count, outputs,
                options type, option fields (``OPTION_FIELDS``, in slot order)
    subgraph:   input count, inputs, output count, outputs
    constants:  each buffer with data that a tensor refers to and that no parameter uses,
                ascending: index, length, bytes

Names, signatures and metadata are left out: they do not change what is computed. Option types outside
``OPTION_FIELDS`` contribute nothing. The C++ header ``fingerprint_fields.h`` is generated from this module.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .constant_folding import FOLDED_OPTIONS
from .cpp_text import HEAD
from .flatbuffer import buffer_bytes
from .operators import OPERATORS
from .operators.spec import OptionField

OPTION_FIELDS: dict[str, tuple[OptionField, ...]] = {
    options.table: options.fields
    for options in (*(spec.options for spec in OPERATORS.values()), *FOLDED_OPTIONS.values())
    if options is not None and options.fields
}

_FIELDS_BY_TYPE = {getattr(schema.BuiltinOptions, name): fields for name, fields in OPTION_FIELDS.items()}


def _words(*values: int) -> bytes:
    return np.asarray([value & 0xFFFFFFFF for value in values], "<u4").tobytes()


def _counted(values: Sequence[int] | np.ndarray | None) -> bytes:
    items = np.asarray([] if values is None else values, np.int64)
    return _words(len(items)) + items.astype("<u4").tobytes()


def _tensor_words(tensor: Any) -> bytes:
    q = tensor.quantization
    scales = np.asarray([] if q is None or q.scale is None else q.scale, "<f4")
    return b"".join(
        (
            _words(tensor.type),
            _counted(tensor.shape),
            _words(tensor.buffer, len(scales)),
            scales.tobytes(),
            _counted(None if q is None else q.zeroPoint),
            _words(0 if q is None else q.quantizedDimension),
        )
    )


def _option_words(operator: Any) -> bytes:
    out = b""
    for field in _FIELDS_BY_TYPE.get(operator.builtinOptionsType, ()):
        value = field.default if operator.builtinOptions is None else getattr(operator.builtinOptions, field.name)
        if isinstance(field.default, float):
            out += np.asarray(value, "<f4").tobytes()
        else:
            out += _words(int(value) & (0xFF if field.width == 1 else 0xFFFFFFFF))
    return out


def _operator_words(model: Any, operator: Any) -> bytes:
    code = model.operatorCodes[operator.opcodeIndex]
    return b"".join(
        (
            _words(max(code.deprecatedBuiltinCode, code.builtinCode)),
            _counted(operator.inputs),
            _counted(operator.outputs),
            _words(operator.builtinOptionsType),
            _option_words(operator),
        )
    )


def fingerprint(model: Any, parameter_tensors: Iterable[int]) -> int:
    """Checksum of what must not change between conversion and training.

    Parameters
    ----------
    model : ModelT
        As ``flatbuffer.load`` returns it.
    parameter_tensors : iterable of int
        Tensors that train; their buffers' bytes are left out.

    Returns
    -------
    int
        CRC-32, 0 to 2**32 - 1.
    """
    graph = model.subgraphs[0]
    parameters = {graph.tensors[t].buffer for t in parameter_tensors}
    constants = {tensor.buffer for tensor in graph.tensors} - parameters
    operators = graph.operators or ()
    crc = zlib.crc32(_words(len(graph.tensors)))
    for tensor in graph.tensors:
        crc = zlib.crc32(_tensor_words(tensor), crc)
    crc = zlib.crc32(_words(len(operators)), crc)
    for operator in operators:
        crc = zlib.crc32(_operator_words(model, operator), crc)
    crc = zlib.crc32(_counted(graph.inputs) + _counted(graph.outputs), crc)
    for index in sorted(constants):
        data = buffer_bytes(model, index)
        if data:
            crc = zlib.crc32(data, zlib.crc32(_words(index, len(data)), crc))
    return crc


def weights_crc(model: Any, parameter_tensors: Iterable[int]) -> int:
    """CRC-32 over the bytes of the parameters' buffers, in the given order of tensors."""
    crc = 0
    for index in parameter_tensors:
        crc = zlib.crc32(buffer_bytes(model, model.subgraphs[0].tensors[index].buffer), crc)
    return crc


# What else of the model is read, in this order, as (slot, kind, name) by table. Kinds are those of FingerprintField.
_NUMBER, _NUMBER8, _NUMBERS, _NUMBERS64 = 0x20, 0x00, 0x60, 0x70
_STRUCTURE = {
    "kTensorFields": (
        (1, _NUMBER8, "Tensor.type"),
        (0, _NUMBERS, "Tensor.shape"),
        (2, _NUMBER, "Tensor.buffer"),
    ),
    "kQuantizationFields": (
        (2, _NUMBERS, "QuantizationParameters.scale"),
        (3, _NUMBERS64, "QuantizationParameters.zeroPoint"),
        (6, _NUMBER, "QuantizationParameters.quantizedDimension"),
    ),
    "kOperatorFields": (
        (1, _NUMBERS, "Operator.inputs"),
        (2, _NUMBERS, "Operator.outputs"),
        (3, _NUMBER8, "Operator.builtinOptionsType"),
    ),
    "kSubgraphFields": ((1, _NUMBERS, "SubGraph.inputs"), (2, _NUMBERS, "SubGraph.outputs")),
}
_FIRST_OWNER = 252  # of _STRUCTURE: no options type of the schema is that high
_ABSENT_ONE = 0x80


def _option_bits(field: OptionField) -> int:
    if field.slot > 15 or field.default_bits > 1:
        raise ValueError(f"{field.name}: fingerprint_fields.h has room for 16 slots and the defaults 0 and 1")
    return field.slot | (_NUMBER8 if field.width == 1 else _NUMBER) | field.default_bits * _ABSENT_ONE


def cpp_header() -> str:
    """``fingerprint_fields.h``: what the device reads of the model, in one table."""
    options = sorted(
        (getattr(schema.BuiltinOptions, name), field.slot, _option_bits(field), f"{name}.{field.name}")
        for name, fields in OPTION_FIELDS.items()
        for field in fields
    )
    rows = [f"    {{{owner}, 0x{bits:02x}}},  // {name}" for owner, _, bits, name in options]
    for owner, fields in _STRUCTURE.items():
        rows += [f"    {{{owner}, 0x{slot | kind:02x}}},  // {name}" for slot, kind, name in fields]
    owners = [f"  {name} = {number}," for number, name in enumerate(_STRUCTURE, _FIRST_OWNER)]
    lines = [
        HEAD,
        "// The fields that a model's fingerprint covers; the rule is written in converters/fingerprint.py.",
        "#ifndef TFLM_TRAIN_PLAN_FINGERPRINT_FIELDS_H_",
        "#define TFLM_TRAIN_PLAN_FINGERPRINT_FIELDS_H_",
        "",
        "#include <cstdint>",
        "",
        "namespace tflm_train {",
        "",
        "/// A field of a table: a number of 1 (zero-extended) or 4 bytes, or a vector of numbers of 4 or 8 bytes.",
        "struct FingerprintField {",
        "  uint8_t owner;  // type of an options table, or one of FieldOwner",
        "  uint8_t bits;   // from the lowest: 4 slot, 2 log2 of a number's bytes, 1 vector, 1 absent reads as 1",
        "",
        "  uint32_t slot() const { return bits & 15u; }",
        "  uint32_t bytes() const { return 1u << (bits >> 4 & 3u); }",
        "  bool is_vector() const { return (bits & 0x40u) != 0; }",
        "  uint32_t absent() const { return bits >> 7; }",
        "};",
        "",
        "enum FieldOwner : uint8_t {",
        *owners,
        "};",
        "",
        "/// In the order of reading.",
        "inline constexpr FingerprintField kFingerprintFields[] = {",
        *rows,
        "};",
        "",
        "}  // namespace tflm_train",
        "",
        "#endif  // TFLM_TRAIN_PLAN_FINGERPRINT_FIELDS_H_",
    ]
    return "\n".join(lines) + "\n"
