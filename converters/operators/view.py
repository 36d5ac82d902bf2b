"""Views: the same memory under another shape. They have no steps."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph, Operator, Tensor
from .constraints import COMMON
from .int8_tables import one_scale
from .shapes import no_words, shape_of
from .spec import KernelSpec, OperatorSpec, Options, Shape


def _any_shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    """What the file says; a view's elements are counted by ``shape_check``."""
    shape_of(inputs, 0)
    return None


def keeps_scale(graph: Graph, op: Operator) -> bool:
    """its int8 output has the scale and the zero point of its input"""
    return graph.tensors[op.inputs[0]].dtype == "float32" or one_scale(graph, op)


def _view(name: str, options: Options | None, settings: int) -> OperatorSpec:
    return OperatorSpec(
        name=name,
        kernel=None,
        options=options,
        shape=_any_shape,
        words=no_words,
        constraints=(*COMMON, keeps_scale),
        keeps_bounds=True,
        limits="costs nothing: the same memory",
        shares=("x",),
        passes_on=True,
        settings=settings,
    )


RESHAPE = _view("RESHAPE", Options("ReshapeOptions"), settings=1)
SQUEEZE = _view("SQUEEZE", Options("SqueezeOptions"), settings=0)
EXPAND_DIMS = _view("EXPAND_DIMS", None, settings=1)

# adds the error of a view to one that is there already
COPY = KernelSpec(name="COPY", number=22, forward="x y!", backward="dy! dx!", words="", macs=None)
