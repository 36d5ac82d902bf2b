"""Forward steps of a graph: the library's own kernels (fused where it pays), or TFLM's operators with hooks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .constraints import VIEW_OPERATORS, mean_axes
from .errors import ConversionError
from .graph import Graph, Operator
from .plan_format import MAX_RANK, Activation, ForwardKind, Kernel, Phase, Place, Role, ScalarType
from .program import Step, Value

CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
FUSED_POOL = {"CONV_2D": Kernel.CONV_2D_MAX_POOL, "DEPTHWISE_CONV_2D": Kernel.DEPTHWISE_MAX_POOL}
ELEMENT_WISE = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "TANH"})
_TYPES = {
    "float32": ScalarType.FLOAT32, "int8": ScalarType.INT8, "uint8": ScalarType.UINT8, "bool": ScalarType.UINT8,
    "uint16": ScalarType.UINT16, "uint32": ScalarType.UINT32, "int32": ScalarType.INT32,
}  # fmt: skip


def activation(op: Operator) -> Activation:
    """The fused activation."""
    return Activation[op.options.get("fused_activation_function", "NONE")]


def _pads(op: Operator, size: tuple[int, int], window: tuple[int, int], output: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of padding before the image (TensorFlow's SAME puts the odd one behind)."""
    if op.options["padding"] != "SAME":
        return 0, 0
    stride = op.options["stride_h"], op.options["stride_w"]
    total = [max((output[i] - 1) * stride[i] + window[i] - size[i], 0) for i in (0, 1)]
    return total[0] // 2, total[1] // 2


def _conv_words(graph: Graph, op: Operator) -> list[int | float]:
    x, w, y = (graph.tensors[t].shape for t in (op.inputs[0], op.inputs[1], op.outputs[0]))
    options = op.options
    dilation = options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1)
    window = (w[1] - 1) * dilation[0] + 1, (w[2] - 1) * dilation[1] + 1
    pads = _pads(op, (x[1], x[2]), window, (y[1], y[2]))
    words: list[int | float] = [options["stride_h"], options["stride_w"], *dilation, *pads, int(activation(op))]
    return words + ([y[3] // x[3]] if op.type == "DEPTHWISE_CONV_2D" else [])


def _pool_words(graph: Graph, op: Operator) -> list[int | float]:
    x, y = graph.tensors[op.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    options = op.options
    window = options["filter_height"], options["filter_width"]
    pads = _pads(op, (x[1], x[2]), window, (y[1], y[2]))
    return [*window, options["stride_h"], options["stride_w"], *pads, int(activation(op))]


def words(graph: Graph, op: Operator) -> list[int | float]:
    """The constants of the operator's step, in the order written at ``Kernel``."""
    if op.type in CONVOLUTIONS:
        return _conv_words(graph, op)
    if op.type in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return _pool_words(graph, op)
    x = graph.tensors[op.inputs[0]]
    rank = len(x.shape)
    if op.type == "MEAN":
        axes = mean_axes(graph, op)
        parts = x.shape[: axes[0]], x.shape[axes[0] : axes[-1] + 1], x.shape[axes[-1] + 1 :]
        return [int(np.prod(part, dtype=np.int64)) for part in parts]
    if op.type == "FULLY_CONNECTED":
        outputs, inputs = graph.tensors[op.inputs[1]].shape
        return [x.elements // inputs, inputs, outputs, int(activation(op))]
    if op.type in ("ADD", "SUB", "MUL"):
        return [int(activation(op))]
    if op.type == "PAD":
        return [int(before) for before in _constant(graph, op.inputs[1])[:, 0]]
    if op.type == "TRANSPOSE":
        return [int(axis) % rank for axis in _constant(graph, op.inputs[1])]
    if op.type == "CONCATENATION":
        axis = int(op.options["axis"]) % rank
        return [axis, *(graph.tensors[t].shape[axis] for t in op.inputs)]
    if op.type == "SOFTMAX":
        columns = x.shape[-1] if x.shape else 1
        return [x.elements // columns, columns, float(op.options["beta"])]
    if op.type == "LEAKY_RELU":
        return [float(op.options["alpha"])]
    return []


def _constant(graph: Graph, tensor: int) -> np.ndarray:
    data = graph.tensors[tensor].data
    assert data is not None
    return data


def pool_after(graph: Graph, op: Operator) -> Operator | None:
    """The max-pool that is the only reader of a convolution's output, if there is one."""
    if op.type not in CONVOLUTIONS or op.outputs[0] in graph.outputs:
        return None
    readers = graph.consumers.get(op.outputs[0], ())
    if len(readers) != 1 or readers[0].type != "MAX_POOL_2D" or activation(readers[0]) != Activation.NONE:
        return None
    options = readers[0].options
    return readers[0] if options["filter_height"] * options["filter_width"] <= 256 else None


def fused_words(graph: Graph, conv: Operator, pool: Operator) -> list[int | float]:
    """Constants of a convolution fused with its max-pool."""
    y = graph.tensors[conv.outputs[0]].shape
    return [*_conv_words(graph, conv), y[1], y[2], *_pool_words(graph, pool)[:-1]]


def _windows_are_disjoint(pool: Operator) -> bool:
    o: dict[str, Any] = pool.options
    return bool(o["stride_h"] >= o["filter_height"] and o["stride_w"] >= o["filter_width"])


class ForwardPass:
    """Builds the forward steps and knows the value of every tensor.

    Attributes
    ----------
    steps : list of Step
    values : dict
        Tensor index -> Value.
    argmax : dict
        Index of a max-pool operator -> saved winners, for those in ``save_argmax``.
    """

    def __init__(
        self, graph: Graph, kind: ForwardKind, parameters: dict[int, int], save_argmax: frozenset[int]
    ) -> None:
        self.graph = graph
        self.kind = kind
        self.parameters = parameters
        self.save_argmax = save_argmax
        self.steps: list[Step] = []
        self.values: dict[int, Value] = {}
        self.argmax: dict[int, Value] = {}
        self._constants: dict[int, Value] = {}
        source = graph.tensors[graph.inputs[0]]
        place = Place.INPUT if kind == ForwardKind.NATIVE else Place.ARENA
        self.input = self.values[source.index] = Value(self._dims(source.shape), place=place, tensor=source.index)
        build = self._native if kind == ForwardKind.NATIVE else self._tflm
        done: set[int] = set()
        for op in graph.operators:
            if op.index not in done:
                done.update(build(op))
        self.output = self.values[graph.outputs[0]]

    @staticmethod
    def _dims(shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) > MAX_RANK:
            return (int(np.prod(shape, dtype=np.int64)),)
        return shape or (1,)

    def operand(self, tensor: int) -> Value | None:
        """Value of an input: computed, constant in the file, or a trainable parameter (None for an omitted one)."""
        if tensor < 0:
            return None
        if tensor in self.values:
            return self.values[tensor]
        if tensor not in self._constants:
            info = self.graph.tensors[tensor]
            parameter = self.parameters.get(tensor)
            place, offset = (Place.CONSTANT, tensor) if parameter is None else (Place.PARAMETER, parameter)
            self._constants[tensor] = Value(
                self._dims(info.shape), _TYPES[info.dtype], place, Role.WEIGHT, tensor, offset
            )
        return self._constants[tensor]

    def _new(self, tensor: int) -> Value:
        info = self.graph.tensors[tensor]
        if info.dtype not in _TYPES:
            raise ConversionError(
                f"{self.graph.name}: tensor {info.name} has type {info.dtype}, unknown to the training plan"
            )
        self.values[tensor] = Value(self._dims(info.shape), _TYPES[info.dtype], tensor=tensor)
        return self.values[tensor]

    def _winners(self, pool: Operator) -> Value | None:
        if pool.index not in self.save_argmax:
            return None
        self.argmax[pool.index] = Value(self.graph.tensors[pool.outputs[0]].shape, ScalarType.UINT8, role=Role.SAVED)
        return self.argmax[pool.index]

    def _native(self, op: Operator) -> list[int]:
        """Appends the step of an operator; returns the operators that it covers."""
        graph = self.graph
        if op.index in graph.folded:
            return [op.index]
        if op.type in VIEW_OPERATORS:
            source = self.operand(op.inputs[0])
            assert source is not None
            tensor = op.outputs[0]
            self.values[tensor] = source.view(self._dims(graph.tensors[tensor].shape), tensor=tensor)
            return [op.index]
        pool = pool_after(graph, op)
        if pool is not None and _windows_are_disjoint(pool):
            values = [
                self.operand(op.inputs[0]),
                self.operand(op.inputs[1]),
                self.operand(op.input(2)),
                self._new(pool.outputs[0]),
            ]
            covered = [op.index, pool.index]
            self.steps.append(
                Step(
                    FUSED_POOL[op.type],
                    Phase.FORWARD,
                    [*values, self._winners(pool)],
                    fused_words(graph, op, pool),
                    covered,
                )
            )
            return covered
        inputs: list[Value | None]
        if op.type in CONVOLUTIONS or op.type == "FULLY_CONNECTED":
            inputs = [self.operand(op.inputs[0]), self.operand(op.inputs[1]), self.operand(op.input(2))]
        elif op.type in ("ADD", "SUB", "MUL"):
            inputs = [self.operand(t) for t in op.inputs[:2]]
        elif op.type == "CONCATENATION":
            inputs = [self.operand(t) for t in op.inputs]
        else:
            inputs = [self.operand(op.inputs[0])]
        output = self._new(op.outputs[0])
        values = [output, *inputs] if op.type == "CONCATENATION" else [*inputs, output]
        if op.type == "MAX_POOL_2D":
            values.append(self._winners(op))
        self.steps.append(Step(Kernel[op.type], Phase.FORWARD, values, words(graph, op), [op.index]))
        return [op.index]

    def _tflm(self, op: Operator) -> list[int]:
        """TFLM runs the operator; what the backward pass needs besides its tensors is saved by a hook."""
        inputs = [self.values[t] for t in op.inputs if t in self.values]
        outputs = []
        for tensor in op.outputs:
            if op.type == "RESHAPE" and op.inputs[0] in self.values:  # TFLM leaves the data where it is
                view = self.values[op.inputs[0]].view(self._dims(self.graph.tensors[tensor].shape), tensor=tensor)
                self.values[tensor] = view
                outputs.append(view)
            else:
                outputs.append(self._new(tensor))
        self.steps.append(Step(Kernel.EXTERNAL, Phase.FORWARD, [*inputs, *outputs], operators=[op.index]))
        if op.type == "MAX_POOL_2D" and op.index in self.save_argmax:
            hook = [self.values[op.inputs[0]], self.values[op.outputs[0]], self._winners(op)]
            self.steps.append(Step(Kernel.MAX_POOL_ARGMAX, Phase.HOOK, hook, _pool_words(self.graph, op), [op.index]))
        return [op.index]


def in_place_steps(steps: list[Step]) -> list[int]:
    """Indices of forward steps whose kernel may write over its input (RELU and the like)."""
    return [i for i, step in enumerate(steps) if step.kernel.name in ELEMENT_WISE]
