"""QUANTIZE and DEQUANTIZE: where numbers become integers, and integers numbers."""

from __future__ import annotations

from ..graph import Graph, Operator
from ..quantization import stated
from .constraints import rank_fits
from .fixed_point import scale_of, zero_point_of
from .function import LOOKUP_INT8
from .int8_tables import table
from .shapes import same
from .spec import Int8, KernelSpec, OperatorSpec, Word

_BYTES = ("int8", "uint8")


def quantize_words(graph: Graph, tensor: int) -> list[Word]:
    """Constants of a step that writes or reads a quantised tensor."""
    found = graph.tensors[tensor]
    return [float(scale_of(found)), zero_point_of(found)]


def _quantize_words(graph: Graph, op: Operator) -> list[Word]:
    return quantize_words(graph, op.outputs[0])


def _dequantize_words(graph: Graph, op: Operator) -> list[Word]:
    return quantize_words(graph, op.inputs[0])


def makes_bytes(graph: Graph, op: Operator) -> bool:
    """it makes int8 or uint8 of float32, int8 or uint8"""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    known = x.dtype == "float32" or (x.dtype in _BYTES and stated(x) is not None)
    return known and y.dtype in _BYTES and stated(y) is not None


def dequantizes_bytes(graph: Graph, op: Operator) -> bool:
    """it makes float32 of int8 or uint8"""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return y.dtype == "float32" and x.dtype in _BYTES and stated(x) is not None


QUANTIZE = OperatorSpec(
    name="QUANTIZE",
    kernel=KernelSpec(
        name="QUANTIZE", number=51, forward="x y!", backward="y dy! dx!", words="scale:f32 zero_point", macs=None
    ),
    options=None,
    shape=same,
    words=_quantize_words,
    constraints=(rank_fits, makes_bytes),
    keeps_bounds=True,
    limits="float32, int8 and uint8 to int8 and uint8",
    shares=("x",),
    int8=Int8(LOOKUP_INT8, table),
)

DEQUANTIZE = OperatorSpec(
    name="DEQUANTIZE",
    kernel=KernelSpec(
        name="DEQUANTIZE", number=52, forward="x y!", backward="dy! dx!", words="scale:f32 zero_point", macs=None
    ),
    options=None,
    shape=same,
    words=_dequantize_words,
    constraints=(rank_fits, dequantizes_bytes),
    keeps_bounds=True,
    limits="int8 and uint8 to float32",
    shares=("x",),
    passes_on=True,
)
