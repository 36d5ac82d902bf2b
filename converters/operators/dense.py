"""FULLY_CONNECTED."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..graph import Graph, Operator, Tensor
from ..plan_format import Phase
from ..quantization import stated
from . import int16_errors
from .columns import dense_workspace
from .constraints import FUSED, weights_are_constant
from .fixed_point import layer_words
from .shapes import check_bias, require, shape_of
from .spec import Int8, Int16Errors, KernelSpec, OperatorSpec, OptionField, Options, Shape, Word
from .window import activation


def _words(graph: Graph, op: Operator) -> list[Word]:
    outputs, inputs = graph.tensors[op.inputs[1]].shape
    return [graph.tensors[op.inputs[0]].elements // inputs, inputs, outputs, int(activation(op))]


def _int8_words(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    x, w = (graph.tensors[t] for t in op.inputs[:2])
    return [*_words(graph, op)[:-1], *layer_words(graph, op, x, w, phase, float_product=len(_scales(w)) == 1)]


def _int16_words(graph: Graph, op: Operator) -> list[Word]:
    x, w = (graph.tensors[t] for t in op.inputs[:2])
    batch, inputs, outputs, _ = _words(graph, op)
    return [batch, inputs, outputs, *int16_errors.layer_words(graph, op, x, w, int(outputs), int(batch))]


def keeps_precision(graph: Graph, op: Operator) -> bool:
    """its sums leave its errors the bits that they need"""
    batch, _, outputs, _ = _words(graph, op)
    return int16_errors.keeps_precision(int(outputs), int(batch))


def _int16_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return shapes["w"][1]


def _scales(w: Tensor) -> Sequence[float]:
    found = stated(w)
    return [] if found is None else found.scales.tolist()


def _shape(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, w = shape_of(inputs, 0), shape_of(inputs, 1)
    require(len(w) == 2 and w[1] > 0 and math.prod(x) % w[1] == 0, "weights that do not fit its input")
    check_bias(inputs, w[0])
    if op.options["keep_num_dims"]:
        require(bool(x) and x[-1] == w[1], "weights that do not fit its input")
        return (*x[:-1], w[0])
    return (math.prod(x) // w[1], w[0])


def _macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["x"]) * shapes["w"][0]


def _one_sample(words: Mapping[str, Word]) -> bool:
    return words["batch"] == 1


def default_weights_format(graph: Graph, op: Operator) -> bool:
    """its weights are stored in the default format (not shuffled)"""
    return op.options.get("weights_format", "DEFAULT") in ("DEFAULT", 0)


FULLY_CONNECTED = OperatorSpec(
    name="FULLY_CONNECTED",
    kernel=KernelSpec(
        name="FULLY_CONNECTED",
        number=5,
        forward="x w b? y!",
        backward="x? w y? dy! dx!? scratch!?",
        words="batch inputs outputs activation",
        macs=_macs,
        one_pass=_one_sample,
    ),
    options=Options(
        "FullyConnectedOptions",
        (
            OptionField("fusedActivationFunction", 0, 1),
            OptionField("weightsFormat", 1, 1),
            OptionField("keepNumDims", 2, 1),
            OptionField("asymmetricQuantizeInputs", 3, 1),
            OptionField("quantizedBiasType", 4, 1),
        ),
    ),
    shape=_shape,
    words=_words,
    constraints=(*FUSED, weights_are_constant, default_weights_format),
    keeps_bounds=False,
    limits="default weights format",
    channel_axis=0,
    hands_rows=True,
    int8=Int8(
        KernelSpec(
            name="FULLY_CONNECTED_INT8",
            number=53,
            forward="x w b? y! workspace!?",
            backward="x? w y dy! dx!? scratch!? workspace!?",
            words="batch inputs outputs low high x_zero y_zero x_scale:f32 factors*",
            macs=_macs,
            workspace=dense_workspace,
        ),
        _int8_words,
        errors=Int16Errors(
            KernelSpec(
                name="FULLY_CONNECTED_INT16_ERRORS",
                number=81,
                forward="x w b? y! workspace!?",
                backward=int16_errors.LAYER,
                words=f"batch inputs outputs {int16_errors.LAYER_WORDS}",
                macs=_macs,
                workspace=_int16_workspace,
            ),
            _int16_words,
            keeps_precision,
        ),
    ),
)
