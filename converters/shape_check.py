"""The shapes stored in a file must be the shapes that its operators compute: memory is planned from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .errors import ConversionError
from .graph import Graph, Operator, Tensor

MAX_ELEMENTS = 1 << 28  # 1 GB of float32: no device of this project's kind has more

Shape = tuple[int, ...]


class _Wrong(ValueError):
    """The operator's inputs do not fit together; the text says how."""


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise _Wrong(what)


def _window(size: int, filter_size: int, stride: int, dilation: int, padding: str) -> int:
    _require(stride >= 1 and dilation >= 1 and filter_size >= 1, "a stride, dilation or filter size below 1")
    if padding == "SAME":
        return -(-size // stride)
    reach = (filter_size - 1) * dilation + 1
    _require(size >= reach, "a filter larger than its input")
    return -(-(size - reach + 1) // stride)


def _check_bias(inputs: Sequence[Tensor | None], channels: int) -> None:
    bias = inputs[2] if len(inputs) > 2 else None
    _require(bias is None or bias.elements == channels, f"a bias that has not {channels} elements")


def _convolution(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, w = _shape(inputs, 0), _shape(inputs, 1)
    _require(len(x) == len(w) == 4, "an input or filter that has not four dimensions")
    depthwise = op.type == "DEPTHWISE_CONV_2D"
    channels = w[3] if depthwise else w[0]
    if depthwise:
        _require(w[0] == 1 and x[3] > 0 and channels % x[3] == 0, "a filter that does not fit its input's channels")
        multiplier = op.options["depth_multiplier"]
        _require(multiplier in (0, channels // x[3]), "a depth multiplier that does not fit its filter")
    else:
        _require(w[3] > 0 and x[3] % w[3] == 0, "a filter that does not fit its input's channels")
    o = op.options
    height = _window(x[1], w[1], o["stride_h"], o["dilation_h_factor"], o["padding"])
    width = _window(x[2], w[2], o["stride_w"], o["dilation_w_factor"], o["padding"])
    _check_bias(inputs, channels)
    return (x[0], height, width, channels)


def _pool(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, o = _shape(inputs, 0), op.options
    _require(len(x) == 4, "an input that has not four dimensions")
    height = _window(x[1], o["filter_height"], o["stride_h"], 1, o["padding"])
    width = _window(x[2], o["filter_width"], o["stride_w"], 1, o["padding"])
    return (x[0], height, width, x[3])


def _fully_connected(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    x, w = _shape(inputs, 0), _shape(inputs, 1)
    _require(len(w) == 2 and w[1] > 0 and math.prod(x) % w[1] == 0, "weights that do not fit its input")
    _check_bias(inputs, w[0])
    if op.options["keep_num_dims"]:
        _require(bool(x) and x[-1] == w[1], "weights that do not fit its input")
        return (*x[:-1], w[0])
    return (math.prod(x) // w[1], w[0])


def _mean(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, axes = _shape(inputs, 0), _constant(inputs, 1)
    if axes is None:
        return None
    _require(all(-len(x) <= a < len(x) for a in axes.ravel().tolist()), "an axis outside its input")
    reduced = {a % len(x) for a in axes.ravel().tolist()}
    if op.options["keep_dims"]:
        return tuple(1 if i in reduced else d for i, d in enumerate(x))
    return tuple(d for i, d in enumerate(x) if i not in reduced)


def _arithmetic(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    try:
        return np.broadcast_shapes(_shape(inputs, 0), _shape(inputs, 1))
    except ValueError:
        raise _Wrong("inputs that cannot be broadcast") from None


def _pad(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, paddings = _shape(inputs, 0), _constant(inputs, 1)
    if paddings is None:
        return None
    _require(paddings.shape == (len(x), 2), "paddings that do not fit its input")
    return tuple(int(d + before + after) for d, (before, after) in zip(x, paddings.tolist()))


def _concatenation(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    shapes = [_shape(inputs, i) for i in range(len(inputs))]
    rank, axis = len(shapes[0]), op.options["axis"]
    _require(-rank <= axis < rank, "an axis outside its input")
    axis %= rank
    others = {(*s[:axis], *s[axis + 1 :]) for s in shapes}
    _require(len(others) == 1 and all(len(s) == rank for s in shapes), "inputs that cannot be joined")
    return (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])


def _transpose(op: Operator, inputs: Sequence[Tensor | None]) -> Shape | None:
    x, order = _shape(inputs, 0), _constant(inputs, 1)
    if order is None:
        return None
    _require(sorted(order.ravel().tolist()) == list(range(len(x))), "a permutation that does not fit its input")
    return tuple(x[i] for i in order.ravel().tolist())


def _same(op: Operator, inputs: Sequence[Tensor | None]) -> Shape:
    return _shape(inputs, 0)


_RULES: dict[str, tuple[int, Callable[[Operator, Sequence[Tensor | None]], Shape | None]]] = {
    "CONV_2D": (2, _convolution),
    "DEPTHWISE_CONV_2D": (2, _convolution),
    "FULLY_CONNECTED": (2, _fully_connected),
    "MAX_POOL_2D": (1, _pool),
    "AVERAGE_POOL_2D": (1, _pool),
    "MEAN": (2, _mean),
    "ADD": (2, _arithmetic),
    "SUB": (2, _arithmetic),
    "MUL": (2, _arithmetic),
    "PAD": (2, _pad),
    "CONCATENATION": (1, _concatenation),
    "TRANSPOSE": (2, _transpose),
    **{
        name: (1, _same)
        for name in ("SOFTMAX", "LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH")
    },
}
_RESHAPES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})


def _shape(inputs: Sequence[Tensor | None], position: int) -> Shape:
    tensor = inputs[position]
    if tensor is None:
        raise _Wrong(f"no input {position}")
    return tensor.shape


def _constant(inputs: Sequence[Tensor | None], position: int) -> np.ndarray | None:
    tensor = inputs[position]
    if tensor is None:
        raise _Wrong(f"no input {position}")
    _require(tensor.dtype in ("int32", "int64"), f"an input {position} that is not integer")
    return tensor.data


def _check(graph: Graph, op: Operator) -> None:
    inputs = [graph.tensors[t] if t >= 0 else None for t in op.inputs]
    output = graph.tensors[op.outputs[0]] if op.outputs else None
    if output is None:
        raise _Wrong("no output")
    if op.type in _RESHAPES:
        _require(bool(inputs), "no input")
        _require(math.prod(_shape(inputs, 0)) == math.prod(output.shape), "an output of another size than its input")
        return
    count, rule = _RULES[op.type]
    _require(len(inputs) >= count and len(op.outputs) == 1, f"fewer than {count} inputs or several outputs")
    expected = rule(op, inputs)
    _require(
        expected is None or expected == output.shape,
        f"an output of shape {list(output.shape)} where it computes {list(expected or ())}",
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
        if op.type in _RULES or op.type in _RESHAPES:
            try:
                _check(graph, op)
            except _Wrong as error:
                raise ConversionError(
                    f"{graph.name} is damaged: operator {op.index} ({op.type}) has {error}; export it again"
                ) from None
