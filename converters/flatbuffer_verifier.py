"""Bounds check of a ``.tflite`` file's bytes, before anything else reads them.

Only the tables that carry the model are described; options of operators are checked as tables of unknown content.
The walk visits each table at most as often as it is referred to, up to a limit, so that hostile files cannot make it
run for long.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_TABLES = 1_000_000
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


Field = Scalar | Vector | Child | Children

_STRING = Vector(1)
_ANY = Child("any")  # content unknown: only the table itself is checked

TABLES: dict[str, dict[int, Field]] = {
    "any": {},
    "Model": {
        0: Scalar(4),
        1: Children("OperatorCode"),
        2: Children("SubGraph"),
        3: _STRING,
        4: Children("Buffer"),
        5: Vector(4),
        6: Children("Metadata"),
        7: Children("SignatureDef"),
        8: Children("any"),
        9: Children("any"),
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
        6: _ANY,
        7: Vector(4),
        8: Scalar(1),
        9: Children("any"),
        10: Scalar(4),
    },
    "Quantization": {0: Vector(4), 1: Vector(4), 2: Vector(4), 3: Vector(8), 4: Scalar(1), 5: _ANY, 6: Scalar(4)},
    "Operator": {
        0: Scalar(4),
        1: Vector(4),
        2: Vector(4),
        3: Scalar(1),
        4: _ANY,
        5: Vector(1),
        6: Scalar(1),
        7: Vector(1),
        8: Vector(4),
        9: Scalar(8),
        10: Scalar(8),
        11: Scalar(1),
        12: _ANY,
        13: Scalar(4),
    },
    "Buffer": {0: Vector(1), 1: Scalar(8), 2: Scalar(8)},
    "Metadata": {0: _STRING, 1: Scalar(4)},
    "SignatureDef": {0: Children("TensorMap"), 1: Children("TensorMap"), 2: _STRING, 4: Scalar(4)},
    "TensorMap": {0: _STRING, 1: Scalar(4)},
}


class _Walker:
    def __init__(self, data: bytes) -> None:
        self.data = data

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
        offsets = [self.unsigned(p, _UINT16) for p in range(vtable + 4, vtable + vtable_size, _UINT16)]
        if any(offset >= table_size or 0 < offset < 4 for offset in offsets):
            raise Damaged(f"a field of the table at {table} lies outside it")
        return [table + offset if offset else 0 for offset in offsets]


def verify(data: bytes) -> None:
    """Check that every table, vector and string of a model lies inside the bytes.

    Raises
    ------
    Damaged
        With what is wrong and where.
    """
    walker = _Walker(data)
    pending = [("Model", walker.follow(0))]
    visited = 0
    while pending:
        kind, table = pending.pop()
        visited += 1
        if visited + len(pending) > MAX_TABLES:
            raise Damaged("it refers to too many tables")
        positions = walker.fields(table)
        for slot, field in TABLES[kind].items():
            position = positions[slot] if slot < len(positions) else 0
            if not position:
                continue
            if isinstance(field, Scalar):
                walker.unsigned(position, field.size)
            elif isinstance(field, Vector):
                walker.vector(position, field.size)
            elif isinstance(field, Child):
                pending.append((field.table, walker.follow(position)))
            else:
                first, count = walker.vector(position, _UINT32)
                if visited + len(pending) + count > MAX_TABLES:
                    raise Damaged("it refers to too many tables")
                pending += [(field.table, walker.follow(first + _UINT32 * i)) for i in range(count)]
