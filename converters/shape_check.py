"""The shapes stored in a file must be the shapes that its operators compute: memory is planned from them."""

from __future__ import annotations

import math

from .errors import ConversionError
from .graph import Graph, Operator
from .operators import OPERATORS
from .operators.shapes import Wrong, require

MAX_ELEMENTS = 1 << 28  # 1 GB of float32: no device of this project's kind has more


def _check(graph: Graph, op: Operator) -> None:
    inputs = [graph.tensors[t] if t >= 0 else None for t in op.inputs]
    require(bool(op.outputs), "no output")
    spec = OPERATORS[op.type]
    require(len(op.outputs) == 1 or spec.has_several_outputs, "several outputs")
    require(len(op.inputs) <= spec.most_inputs, f"{len(op.inputs)} inputs where it takes {spec.most_inputs}")
    expected = spec.shape(op, inputs)
    if expected is None:
        expected = [graph.tensors[t].shape for t in op.outputs]
    shapes = expected if isinstance(expected, list) else [expected]
    require(len(shapes) == len(op.outputs), f"{len(op.outputs)} outputs where it computes {len(shapes)}")
    for t, shape in zip(op.outputs, shapes):
        output = graph.tensors[t]
        if spec.is_view and inputs[0] is not None:
            same_size = math.prod(inputs[0].shape) == math.prod(output.shape)
            require(same_size, "an output of another size than its input")
        require(
            shape == output.shape,
            f"an output of shape {list(output.shape)} where it computes {list(shape)}",
        )


def check_shapes(graph: Graph) -> None:
    """Check the operators that this project runs; others are left alone.

    Raises
    ------
    ConversionError
        A stored shape differs from the computed one, or a tensor is empty or too large for any device.
    """
    for op in graph.operators:
        if op.index in graph.folded:
            continue
        for t in (*op.inputs, *op.outputs):
            elements = math.prod(graph.tensors[t].shape) if t >= 0 else 1
            if elements > MAX_ELEMENTS or (elements == 0 and t in op.outputs):
                raise ConversionError(
                    f"{graph.name}: tensor {t} ({graph.tensors[t].name}) has {elements} elements; a device's "
                    f"tensors have 1 to {MAX_ELEMENTS}"
                )
        if op.type in OPERATORS:
            try:
                _check(graph, op)
            except Wrong as error:
                raise ConversionError(
                    f"{graph.name} is damaged: operator {op.index} ({op.type}) has {error}; export it again"
                ) from None
