"""Bounds check of a ``.tflite`` file's bytes, before anything else reads them.

The tables that carry the model are described here; what options and the like refer to is asked of the schema. The walk
visits each part as often as it is referred to, within a budget that is linear in the file's size, so that hostile files
cannot make it, or a reader behind it, run for long.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ai_edge_litert import schema_py_generated as schema

WORK_PER_BYTE = 4  # honest files need 1.2: each part once, and a vtable for each table that uses it
SEARCH_PER_BYTE = 32  # tensors x buffers, which the device searches without memory; honest files need 0.3
_UINT16, _UINT32 = 2, 4


class Damaged(ValueError):
    """The bytes are no well-formed flatbuffer."""


class Scalar(NamedTuple):
    size: int


class Vector(NamedTuple):
    """Of scalars."""

    size: int


class Child(NamedTuple):
    table: str


class Children(NamedTuple):
    """Vector of tables."""

    table: str


class Union(NamedTuple):
    """A table whose kind stands in another slot as a number of ``enumeration``."""

    type_slot: int
    enumeration: str


Field = Scalar | Vector | Child | Children | Union

_STRING = Vector(1)

TABLES: dict[str, dict[int, Field]] = {
    "Model": {
        0: Scalar(4),
        1: Children("OperatorCode"),
        2: Children("SubGraph"),
        3: _STRING,
        4: Children("Buffer"),
        5: Vector(4),
        6: Children("Metadata"),
        7: Children("SignatureDef"),
        8: Children("ExternalBufferGroup"),
        9: Children("ExternalBuffer"),
    },
    "OperatorCode": {0: Scalar(1), 1: _STRING, 2: Scalar(4), 3: Scalar(4)},
    "SubGraph": {0: Children("Tensor"), 1: Vector(4), 2: Vector(4), 3: Children("Operator"), 4: _STRING, 5: Scalar(4)},
    "Tensor": {
        0: Vector(4),
        1: Scalar(1),
        2: Scalar(4),
        3: _STRING,
        4: Child("Quantization"),
        5: Scalar(1),
        6: Child("SparsityParameters"),
        7: Vector(4),
        8: Scalar(1),
        9: Children("VariantSubType"),
        10: Scalar(4),
    },
    "Quantization": {
        0: Vector(4),
        1: Vector(4),
        2: Vector(4),
        3: Vector(8),
        4: Scalar(1),
        5: Union(4, "QuantizationDetails"),
        6: Scalar(4),
    },
    "Operator": {
        0: Scalar(4),
        1: Vector(4),
        2: Vector(4),
        3: Scalar(1),
        4: Union(3, "BuiltinOptions"),
        5: Vector(1),
        6: Scalar(1),
        7: Vector(1),
        8: Vector(4),
        9: Scalar(8),
        10: Scalar(8),
        11: Scalar(1),
        12: Union(11, "BuiltinOptions2"),
        13: Scalar(4),
    },
    "Buffer": {0: Vector(1), 1: Scalar(8), 2: Scalar(8)},
    "Metadata": {0: _STRING, 1: Scalar(4)},
    "SignatureDef": {0: Children("TensorMap"), 1: Children("TensorMap"), 2: _STRING, 4: Scalar(4)},
    "SparsityParameters": {0: Vector(4), 1: Vector(4), 2: Children("DimensionMetadata")},
    "DimensionMetadata": {
        0: Scalar(1),
        1: Scalar(4),
        3: Union(2, "SparseIndexVector"),
        5: Union(4, "SparseIndexVector"),
    },
    "TensorMap": {0: _STRING, 1: Scalar(4)},
}


class _Slots:
    """Stands in for a builder, to learn the slots of a table's fields from the schema's own functions."""

    def __init__(self) -> None:
        self.slot: int | None = None  # of a field that refers to something

    def __getattr__(self, name: str) -> Callable[..., None]:
        def prepend(slot: int, *ignored: object) -> None:
            self.slot = slot if name == "PrependUOffsetTRelativeSlot" else None

        return prepend


@cache
def fields_of(table: str) -> dict[int, Field]:
    """What a table refers to, by slot; of a table that is not in ``TABLES`` only vectors of scalars and strings, whose
    elements count as bytes. The schema's options hold nothing else, and what it does not know is not read."""
    if table in TABLES:
        return TABLES[table]
    reader = getattr(schema, table, None)
    found: dict[int, Field] = {}
    for name in dir(schema) if reader is not None else ():
        if name.startswith(f"{table}Add"):
            builder = _Slots()
            getattr(schema, name)(builder, 0)
            field = getattr(reader, name[len(table) + 3 :] + "Type", None)
            if builder.slot is not None and field is None:
                found[builder.slot] = Vector(1)
    return found


@cache
def _members(enumeration: str) -> dict[int, str]:
    return {n: name for name, n in vars(getattr(schema, enumeration)).items() if isinstance(n, int)}


class _Walker:
    """Reads at checked positions, and counts what it is led to: each time, not once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = WORK_PER_BYTE * len(data)

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Damaged("its tables refer to the same parts again and again")

    def unsigned(self, position: int, size: int) -> int:
        if position < 0 or position + size > len(self.data):
            raise Damaged(f"offset {position} lies outside the file")
        return int.from_bytes(self.data[position : position + size], "little")

    def follow(self, position: int) -> int:
        distance = self.unsigned(position, _UINT32)
        if distance == 0:
            raise Damaged(f"the offset at {position} is zero")
        return position + distance

    def vector(self, position: int, size: int) -> tuple[int, int]:
        """Position of the first element and number of elements."""
        start = self.follow(position)
        count = self.unsigned(start, _UINT32)
        if start + _UINT32 + count * size > len(self.data):
            raise Damaged(f"the vector at {start} reaches beyond the end of the file")
        self.spend(_UINT32 + count * size)
        return start + _UINT32, count

    def fields(self, table: int) -> list[int]:
        """Position of each field that the table stores, by slot; 0 for an omitted one."""
        distance = self.unsigned(table, _UINT32)
        vtable = table - (distance - (1 << 32) if distance >> 31 else distance)
        vtable_size = self.unsigned(vtable, _UINT16)
        table_size = self.unsigned(vtable + _UINT16, _UINT16)
        if vtable_size < 4 or vtable_size % 2 or table_size < 4 or table + table_size > len(self.data):
            raise Damaged(f"the table at {table} has impossible sizes")
        self.unsigned(vtable, vtable_size)
        self.spend(table_size + vtable_size)
        offsets = [self.unsigned(p, _UINT16) for p in range(vtable + 4, vtable + vtable_size, _UINT16)]
        if any(offset >= table_size or 0 < offset < 4 for offset in offsets):
            raise Damaged(f"a field of the table at {table} lies outside it")
        return [table + offset if offset else 0 for offset in offsets]


def verify(data: bytes) -> int:
    """Check that every table, vector and string of a model lies inside the bytes, and that reading them is linear work.

    Parts of a flatbuffer may be referred to several times, and a reader visits them each time: thousands of tensors can
    share one table whose shape has thousands of elements. Bytes are counted at every visit, and a file has
    ``WORK_PER_BYTE`` visits for each of its own; what is read from it is then linear in its size, too.

    Returns
    -------
    int
        Bytes visited.

    Raises
    ------
    Damaged
        With what is wrong and where.
    """
    walker = _Walker(data)
    pending = [("Model", walker.follow(0))]
    searched = {"Tensor": 0, "Buffer": 0}
    while pending:
        kind, table = pending.pop()
        if kind in searched:
            searched[kind] += 1
        positions = walker.fields(table)
        for slot, field in fields_of(kind).items():
            position = positions[slot] if slot < len(positions) else 0
            if not position:
                continue
            if isinstance(field, Scalar):
                walker.unsigned(position, field.size)
            elif isinstance(field, Vector):
                walker.vector(position, field.size)
            elif isinstance(field, Child):
                pending.append((field.table, walker.follow(position)))
            elif isinstance(field, Union):
                type_position = positions[field.type_slot]
                number = walker.unsigned(type_position, 1) if type_position else 0
                pending.append((_members(field.enumeration).get(number, ""), walker.follow(position)))
            else:
                first, count = walker.vector(position, _UINT32)
                pending += [(field.table, walker.follow(first + _UINT32 * i)) for i in range(count)]
    if searched["Tensor"] * searched["Buffer"] > SEARCH_PER_BYTE * len(data):
        raise Damaged(f"it has {searched['Tensor']} tensors and {searched['Buffer']} buffers in {len(data)} bytes")
    return WORK_PER_BYTE * len(data) - walker.left
