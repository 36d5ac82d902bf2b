"""Rows of a table by indices (Keras' Embedding), and the casts in front of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from .constraints import rank_fits
from .shapes import no_words, require, same, shape_of
from .spec import KernelSpec, OperatorSpec, OptionField, Options, Shape

MOST_ROWS = 1 << 24  # a float holds all whole numbers up to here


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    table, indices = shape_of(inputs, 0), shape_of(inputs, 1)
    if op.options["axis"] or op.options["batch_dims"]:
        return None
    require(math.prod(table) > 0 and len(table) > 1, "a table without rows")
    return (*indices, *table[1:])


def table_is_constant(graph: Graph, op: Operator) -> bool:
    """its table is a float32 constant of the file with at most 2^24 rows, which it reads along the first axis"""
    table = graph.tensors[op.inputs[0]]
    along_rows = not op.options["axis"] and not op.options["batch_dims"]
    return table.data is not None and table.dtype == "float32" and along_rows and table.shape[0] <= MOST_ROWS


def indices_are_the_input(graph: Graph, op: Operator) -> bool:
    """its indices are the model's input as int32 (or cast to it)"""
    tensor = graph.same.get(op.inputs[1], op.inputs[1])
    producer = graph.producers.get(tensor)
    if producer is not None and producer.type == "CAST":
        return producer.inputs[0] == graph.inputs[0]
    return tensor == graph.inputs[0] and graph.tensors[tensor].dtype == "int32"


GATHER = OperatorSpec(
    name="GATHER",
    kernel=KernelSpec(name="GATHER", number=49, forward="x w y!", backward="x w dy!", words="", macs=None),
    options=Options("GatherOptions", (OptionField("axis", 0, 4), OptionField("batchDims", 1, 4))),
    shape=_shape,
    words=no_words,
    constraints=(rank_fits, table_is_constant, indices_are_the_input),
    keeps_bounds=False,
    limits="a constant table, by the model's input (Keras: Embedding); no selection",
    order=(1, 0),
    hands_rows=True,
)


def casts_the_input(graph: Graph, op: Operator) -> bool:
    """it casts the model's input between float32 and int32"""
    types = {graph.tensors[t].dtype for t in (op.inputs[0], op.outputs[0])}
    return types <= {"float32", "int32"} and op.inputs[0] == graph.inputs[0]


CAST = OperatorSpec(
    name="CAST",
    kernel=KernelSpec(name="CAST", number=50, forward="x y!", backward="", words="", macs=None),
    options=Options("CastOptions", (OptionField("inDataType", 0, 1), OptionField("outDataType", 1, 1))),
    shape=same,
    words=no_words,
    constraints=(rank_fits, casts_the_input),
    keeps_bounds=True,
    limits="the model's float32 input, to the indices of a GATHER",
)


def input_limit(graph: Graph) -> int:
    """The rows of the smallest table that is read by the model's input; 0 if none is."""
    rows = [graph.tensors[op.inputs[0]].shape[0] for op in graph.operators if _looks_up(graph, op)]
    return min(rows, default=0)


def _looks_up(graph: Graph, op: Operator) -> bool:
    return op.type == "GATHER" and op.index not in graph.folded
