"""Which trained convolutions have another gradient than the exact one, and why others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import ConversionError
from .gradients import Form, parse_gradients
from .graph import Graph, Operator
from .layer_names import layer_names, named_operator
from .operators import KERNELS, OPERATORS
from .operators.convolution import is_grouped
from .operators.surrogate import Surrogate
from .plan_format import NONE_INDEX, Phase, Plan
from .policies import Gradient
from .trainability import TrainedLayers

if TYPE_CHECKING:
    from ..config import TrainingConfig

LARGEST_STRIDE = 1 << 22  # patches of 64 of them span less than 2^29 rows
_CONVOLUTIONS = tuple(name for name, spec in OPERATORS.items() if spec.surrogate is not None)


def _why_not(graph: Graph, op: Operator, gradient: Gradient) -> str | None:
    """Why a convolution cannot have a gradient, None if it can."""
    if OPERATORS[op.type].computes_int8(graph, op):
        return "is for float32 layers, and this one is int8"
    if op.type == "CONV_2D" and is_grouped(graph, op):
        return "is for convolutions of one group"
    dilated = op.options.get("dilation_h_factor", 1) != 1 or op.options.get("dilation_w_factor", 1) != 1
    if gradient is Gradient.FILTER and dilated:
        return "is for convolutions without dilation"
    if dilated and any(size % 2 == 0 for size in graph.tensors[op.inputs[1]].shape[1:3]):
        return "is for dilated filters with an odd number of taps, which have one in the middle"
    if max(op.options["stride_h"], op.options["stride_w"]) >= LARGEST_STRIDE:
        return f"is for strides below {LARGEST_STRIDE:,}"
    return None


def choose_surrogates(graph: Graph, layers: TrainedLayers, config: "TrainingConfig") -> dict[int, Surrogate]:
    """Trained operator -> how its gradient is formed, of those whose gradient is not the exact one.

    Raises
    ------
    ConversionError
        No such layer, one that does not train, or one that cannot have this gradient; the message names the layer,
        the reason and the way out.
    """
    trained = sorted(layers.weights)
    convolutions = [i for i in trained if graph.operators[i].type in _CONVOLUTIONS]
    names, forms = layer_names(graph), dict[int, Form]()
    for layer, form in parse_gradients(config.gradient):
        if layer is None:
            forms |= dict.fromkeys(convolutions, form)
            continue
        index, item = named_operator(graph, layer, trained), f"--gradient {layer}={form.word}"
        if index is None:
            raise ConversionError(f"{item}: {graph.name} has no such layer; `tflm-train inspect` lists them")
        if index not in layers.weights:
            raise ConversionError(f"{item}: layer {names[index]} does not train; leave it out, or name it in --layers")
        if graph.operators[index].type not in _CONVOLUTIONS:
            raise ConversionError(
                f"{item}: layer {names[index]} is a {graph.operators[index].type}, and only "
                f"{' and '.join(_CONVOLUTIONS)} have another gradient than the exact one; leave it out"
            )
        forms[index] = form
    found = {}
    for index, form in forms.items():
        if form.gradient is Gradient.EXACT:
            continue
        reason = _why_not(graph, graph.operators[index], form.gradient)
        if reason is not None:
            raise ConversionError(
                f"{graph.name}: gradient {form.gradient.word} of layer {names[index]}: it {reason}; add "
                f"{names[index]}=exact to --gradient"
            )
        size = config.filter_size if form.size is None else form.size
        found[index] = Surrogate(
            form.gradient, size if form.gradient is Gradient.FILTER else 1, config.stride_normalised
        )
    return found


def surrogates_of(plan: Plan) -> dict[int, Surrogate]:
    """What ``choose_surrogates`` found when the plan was made."""
    found = {}
    for program in plan.programs:
        for step in plan.steps(program):
            kernel = KERNELS[int(step["kernel"])]
            if (
                int(step["phase"]) != Phase.BACKWARD
                or int(step["layer"]) == NONE_INDEX
                or "first_tap" not in kernel.words
            ):
                continue
            words = kernel.named_words(plan.step_words(step).view("<i4").tolist())
            pixels = words["taps"] == words["window_h"] == words["window_w"] == words["patch"] == 1
            window = int(words["window_h"]) * int(words["window_w"])
            scale = float(np.int32(words["scale"]).view(np.float32))
            index = int(plan.layers[int(step["layer"])]["operator"])
            found[index] = Surrogate(
                Gradient.CENTRE_TAP if pixels else Gradient.FILTER,
                int(words["patch"]),
                scale != 1 or window == int(words["patch"]) ** 2,
            )
    return found
