"""Gradients of every operator against TensorFlow's GradientTape on the rebuilt ``.tflite`` graph.

Bound: 1e-4 by max|a - b| / max(max|b|, 1e-12) per tensor; the largest difference is printed (``pytest -rP``).
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from harness import compare_gradients
from tflite_builder import ACTIVATIONS, PADDINGS, ModelBuilder

TOLERANCE = 1e-4
worst_of_all: dict[str, float] = {}


@pytest.fixture(scope="module", autouse=True)
def print_largest_differences():
    yield
    for name, value in sorted(worst_of_all.items()):
        print(f"largest gradient difference, {name}: {value:.2e}")


def rng_for(*key: object) -> np.random.Generator:
    """A generator that depends on the test's parameters alone."""
    return np.random.default_rng(list(str(key).encode()))


def check(name: str, data: bytes, shape: tuple[int, ...], label, kind: str, rng: np.random.Generator, **config) -> None:
    x = rng.normal(size=shape).astype(np.float32)
    comparison = compare_gradients(data, x, label, kind, **config)
    assert comparison.errors, "nothing trained"
    assert abs(comparison.loss - comparison.reference_loss) <= 1e-5 * max(1.0, abs(comparison.reference_loss))
    worst_of_all[name] = max(worst_of_all.get(name, 0.0), comparison.worst)
    assert comparison.worst <= TOLERANCE, comparison.errors


def head(builder: ModelBuilder, x: int, rng: np.random.Generator, classes: int = 4) -> int:
    """Flatten, dense, softmax: what makes any map trainable on cross entropy."""
    shape = tuple(builder.graph.tensors[x].shape.tolist())
    features = int(np.prod(shape))
    flat = builder.reshape(x, 1, features)
    w = rng.normal(size=(classes, features)) / np.sqrt(features)
    return builder.op("SOFTMAX", [builder.dense(flat, w, rng.normal(size=classes))], (1, classes), beta=1.0)


def filters(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) * np.sqrt(2.0 / np.prod(shape[1:]))


CONVOLUTIONS = [
    # input, filters, window, stride, dilation, padding
    *[
        ((7, 6, 3), 4, (3, 3), stride, (1, 1), padding)
        for stride in ((1, 1), (2, 2), (1, 2), (3, 2))
        for padding in ("SAME", "VALID")
    ],
    *[
        ((9, 8, 2), 3, (3, 2), (1, 1), dilation, padding)
        for dilation in ((2, 2), (1, 3))
        for padding in ("SAME", "VALID")
    ],
    ((5, 5, 4), 6, (1, 1), (1, 1), (1, 1), "VALID"),
    ((5, 5, 4), 6, (1, 1), (2, 2), (1, 1), "SAME"),
    ((1, 12, 3), 5, (1, 3), (1, 2), (1, 1), "SAME"),
    ((8, 3, 1), 4, (8, 3), (1, 1), (1, 1), "VALID"),
    ((4, 4, 2), 3, (5, 5), (1, 1), (1, 1), "SAME"),
]


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_conv_2d(case, activation):
    size, count, window, stride, dilation, padding = CONVOLUTIONS[case]
    rng = rng_for("conv", case, activation)
    b = ModelBuilder()
    first = b.conv(
        b.input(1, *size), filters(rng, 3, 3, 3, size[2]), rng.normal(size=3), activation="RELU"
    )  # something below
    y = b.conv(
        first, filters(rng, count, *window, 3) * 2, rng.normal(size=count), stride, padding, dilation, activation
    )
    check("CONV_2D", b.finish(head(b, y, rng)), size, 2, "cross-entropy", rng)


@pytest.mark.parametrize("groups,count", [(2, 4), (3, 3), (6, 12), (2, 6)])
@pytest.mark.parametrize("stride,padding", [((1, 1), "SAME"), ((2, 1), "VALID")])
@pytest.mark.parametrize("activation", ["NONE", "RELU"])
def test_grouped_conv_2d(groups, count, stride, padding, activation):
    rng = rng_for("grouped", groups, count, stride, padding, activation)
    b = ModelBuilder()
    x = b.conv(b.input(1, 6, 5, 2), filters(rng, 6, 3, 3, 2), rng.normal(size=6), activation="RELU")
    w = filters(rng, count, 3, 2, 6 // groups)
    y = b.conv(x, w, rng.normal(size=count), stride, padding, activation=activation)
    y = b.pool("MAX", y, (2, 2), (2, 2))  # not fused with a grouped convolution
    check("grouped CONV_2D", b.finish(head(b, y, rng)), (6, 5, 2), 1, "cross-entropy", rng)


def transposed(b, x, w, bias, size, stride, padding, activation="NONE"):
    inputs = [b.constant(np.array([1, *size, w.shape[0]], np.int32)), b.constant(w), x]
    inputs += [] if bias is None else [b.constant(bias)]
    options = dict(padding=PADDINGS[padding], fusedActivationFunction=ACTIVATIONS[activation])
    return b.op("TRANSPOSE_CONV", inputs, (1, *size, w.shape[0]), strideH=stride[0], strideW=stride[1], **options)


@pytest.mark.parametrize("activation", ["NONE", "RELU"])
@pytest.mark.parametrize(
    "window,stride,padding,size",
    [
        ((3, 3), (2, 2), "SAME", (8, 6)),
        ((3, 3), (2, 2), "SAME", (7, 5)),
        ((3, 2), (1, 1), "SAME", (4, 3)),
        ((3, 3), (2, 2), "VALID", (9, 7)),
        ((3, 4), (2, 3), "VALID", (10, 11)),
        ((2, 2), (3, 3), "SAME", (12, 9)),
        ((1, 1), (2, 1), "VALID", (7, 3)),
        ((5, 5), (1, 1), "VALID", (8, 7)),
    ],
)
@pytest.mark.parametrize("layers", ["all", "0", "last:2"])
def test_transpose_conv(window, stride, padding, size, activation, layers):
    rng = rng_for("transposed", window, stride, padding, size, activation)
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 3, 2), filters(rng, 3, 3, 3, 2), rng.normal(size=3), activation="RELU")
    bias = None if layers == "0" else rng.normal(size=4)
    y = transposed(b, x, filters(rng, 4, *window, 3), bias, size, stride, padding, activation)
    check("TRANSPOSE_CONV", b.finish(head(b, y, rng)), (4, 3, 2), 1, "cross-entropy", rng, layers=layers)


@pytest.mark.parametrize("multiplier", [1, 2, 3])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("case", range(len(CONVOLUTIONS)))
def test_depthwise_conv_2d(case, activation, multiplier):
    size, _, window, stride, dilation, padding = CONVOLUTIONS[case]
    rng = rng_for("depthwise", case, activation, multiplier)
    b = ModelBuilder()
    first = b.conv(b.input(1, *size), filters(rng, 3, 3, 3, size[2]), rng.normal(size=3), activation="RELU")
    w = rng.normal(size=(1, *window, 3 * multiplier)) * 2 / np.sqrt(np.prod(window))
    y = b.conv(first, w, rng.normal(size=3 * multiplier), stride, padding, dilation, activation, multiplier)
    check("DEPTHWISE_CONV_2D", b.finish(head(b, y, rng)), size, 1, "cross-entropy", rng)


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("batch", [1, 3])
def test_fully_connected(batch, activation):
    rng = rng_for("dense", batch, activation)
    b = ModelBuilder()
    x = b.input(batch, 7) if batch == 1 else b.reshape(b.input(1, batch * 7), batch, 7)
    y = b.dense(
        b.dense(x, filters(rng, 9, 7) * 2, rng.normal(size=9), activation, batch),
        filters(rng, 5, 9),
        rng.normal(size=5),
        "RELU",
        batch,
    )
    check("FULLY_CONNECTED", b.finish(head(b, y, rng)), (batch * 7,), 0, "cross-entropy", rng)


@pytest.mark.parametrize("kind", ["MAX", "AVERAGE"])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
@pytest.mark.parametrize(
    "window,stride,padding",
    [
        ((2, 2), (2, 2), "VALID"),
        ((2, 2), (2, 2), "SAME"),
        ((3, 3), (2, 2), "SAME"),
        ((3, 2), (1, 2), "VALID"),
        ((2, 2), (3, 3), "SAME"),
        ((7, 5), (1, 1), "VALID"),
    ],
)
@pytest.mark.parametrize("between", [False, True])
def test_pooling(kind, activation, window, stride, padding, between):
    """``between``: an operator separates convolution and pool, so the pool is not fused into it."""
    rng = rng_for(kind, activation, window, stride, padding, between)
    b = ModelBuilder()
    y = b.conv(
        b.input(1, 7, 5, 2), filters(rng, 4, 3, 3, 2), rng.normal(size=4), activation="RELU6" if not between else "NONE"
    )
    if between:
        y = b.op("TANH", [y], (1, 7, 5, 4))
    check(
        f"{kind}_POOL_2D",
        b.finish(head(b, b.pool(kind, y, window, stride, padding, activation), rng)),
        (7, 5, 2),
        3,
        "cross-entropy",
        rng,
    )


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6"])
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(
    "pool", [((2, 2), (2, 2), "VALID"), ((2, 2), (2, 2), "SAME"), ((3, 3), (1, 1), "SAME"), ((3, 3), (2, 2), "VALID")]
)
def test_convolution_with_max_pool(stride, activation, depthwise, pool):
    rng = rng_for("fused", stride, activation, depthwise, pool)
    b = ModelBuilder()
    y = b.conv(b.input(1, 11, 9, 2), filters(rng, 4, 3, 3, 2), rng.normal(size=4), activation="RELU")
    w = rng.normal(size=(1, 3, 3, 8)) if depthwise else filters(rng, 5, 3, 3, 4)
    y = b.conv(
        y, w, rng.normal(size=w.shape[3] if depthwise else 5), stride, "SAME", (1, 1), activation, 2 if depthwise else 0
    )
    check(
        "convolution + max-pool", b.finish(head(b, b.pool("MAX", y, *pool), rng)), (11, 9, 2), 1, "cross-entropy", rng
    )


@pytest.mark.parametrize(
    "activation",
    "LOGISTIC TANH RELU RELU6 RELU_N1_TO_1 LEAKY_RELU HARD_SWISH EXP ELU NEG ABS SQUARE LOG_SOFTMAX".split(),
)
@pytest.mark.parametrize("reused", [False, True])
def test_activation_operators(activation, reused):
    """``reused``: another operator reads the same input, so the error cannot stay in place."""
    rng = rng_for(activation, reused)
    b = ModelBuilder()
    scale = 1 if activation in ("EXP", "SQUARE") else 3  # a saturated loss would hide the difference of two ones
    x = b.dense(b.input(1, 6), filters(rng, 8, 6) * scale, rng.normal(size=8))
    options = {"alpha": 0.3} if activation == "LEAKY_RELU" else {}
    y = b.op(activation, [x], (1, 8), **options)
    if reused:
        y = b.op("ADD", [y, b.op("TANH", [x], (1, 8))], (1, 8))
    check(activation, b.finish(head(b, b.dense(y, filters(rng, 5, 8), None), rng)), (6,), 3, "cross-entropy", rng)


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate):
    rng = rng_for("gelu", approximate)
    b = ModelBuilder()
    x = b.dense(b.input(1, 6), filters(rng, 40, 6) * 2, rng.normal(size=40))
    y = b.op("GELU", [x], (1, 40), approximate=approximate)
    check("GELU", b.finish(head(b, b.dense(y, filters(rng, 5, 40), None), rng)), (6,), 3, "cross-entropy", rng)


@pytest.mark.parametrize("slopes", [(3,), (1, 1, 3), (4, 5, 3), (1, 5, 3), (1, 1, 1), ()])
@pytest.mark.parametrize("layers", ["all", [1], [0, 2]])
def test_prelu(slopes, layers):
    """Its slopes train: alone, with what lies below, or they stay and pass the error on."""
    rng = rng_for("prelu", slopes, layers)
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 5, 2), filters(rng, 3, 3, 3, 2), rng.normal(size=3))
    y = b.op("PRELU", [x, b.constant(rng.normal(size=slopes))], (1, 4, 5, 3))
    y = b.conv(y, filters(rng, 3, 3, 3, 3), rng.normal(size=3))
    check("PRELU", b.finish(head(b, y, rng)), (4, 5, 2), 3, "cross-entropy", rng, layers=layers)


@pytest.mark.parametrize("function", ["SQRT", "RSQRT", "LOG"])
def test_functions_of_positive_numbers(function):
    """As in a layer normalisation: of a variance and a little more."""
    rng = rng_for(function)
    b = ModelBuilder()
    x = b.dense(b.input(1, 6), filters(rng, 8, 6), rng.normal(size=8))
    positive = b.op("ADD", [b.op("SQUARE", [x], (1, 8)), b.constant(np.float32(0.05))], (1, 8))
    y = b.dense(b.op(function, [positive], (1, 8)), filters(rng, 5, 8), None)
    check(function, b.finish(head(b, y, rng)), (6,), 3, "cross-entropy", rng)


SHAPES = [
    ((1, 4, 3, 2), (1, 4, 3, 2)),
    ((1, 4, 3, 2), (1, 1, 1, 2)),
    ((1, 4, 1, 2), (1, 1, 3, 2)),
    ((1, 4, 3, 2), (1, 4, 3, 1)),
]


def smaller(b: ModelBuilder, kind: str, y: int, shape: tuple[int, ...]) -> int:
    """Quotients, squares and sums of products scaled down, so that the loss does not saturate."""
    large = kind in ("DIV", "SQUARED_DIFFERENCE", "BATCH_MATMUL")
    return b.op("MUL", [y, b.constant(np.float32(0.1))], shape) if large else y


ARITHMETIC = ["ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM"]


@pytest.mark.parametrize("kind", ARITHMETIC)
@pytest.mark.parametrize("activation", ["NONE", "RELU"])
@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("swapped", [False, True])
def test_arithmetic_of_two_tensors(kind, activation, shapes, swapped):
    if activation != "NONE" and kind not in ("ADD", "SUB", "MUL", "DIV"):
        return  # has no fused activation
    rng = rng_for(kind, activation, shapes, swapped)
    b = ModelBuilder()
    x = b.input(1, 5)
    tensors = []
    for shape in shapes[:: -1 if swapped else 1]:
        n = int(np.prod(shape))
        tensors.append(b.reshape(b.dense(x, filters(rng, n, 5), rng.normal(size=n)), *shape))
    out = tuple(np.broadcast_shapes(*shapes))
    if kind == "DIV":  # by numbers that are not near zero
        tensors[1] = b.op("EXP", [tensors[1]], shapes[:: -1 if swapped else 1][1])
    options = {"fusedActivationFunction": 1} if activation == "RELU" else {}
    y = smaller(b, kind, b.op(kind, tensors, out, **options), out)
    check(kind, b.finish(head(b, y, rng)), (5,), 0, "cross-entropy", rng)


@pytest.mark.parametrize("kind", ARITHMETIC)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 1, 1, 3), (1, 2, 4, 3), (4, 1)])
@pytest.mark.parametrize("constant_first", [False, True])
def test_arithmetic_with_a_constant(kind, shape, constant_first):
    rng = rng_for(kind, shape, constant_first)
    b = ModelBuilder()
    x = b.conv(b.input(1, 2, 4, 2), filters(rng, 3, 1, 1, 2), rng.normal(size=3))
    constant = rng.normal(size=shape)
    if kind == "DIV":
        constant = np.exp(constant)
        x = b.op("EXP", [x], (1, 2, 4, 3))
    inputs = [x, b.constant(constant)]
    y = smaller(b, kind, b.op(kind, inputs[:: -1 if constant_first else 1], (1, 2, 4, 3)), (1, 2, 4, 3))
    check(f"{kind} constant", b.finish(head(b, y, rng)), (2, 4, 2), 2, "cross-entropy", rng)


@pytest.mark.parametrize("adj_x", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
@pytest.mark.parametrize("batches", [((), ()), ((3,), (3,)), ((1, 2), (1, 2)), ((2, 1), (3,)), ((), (2,))])
@pytest.mark.parametrize("constant", [None, 0, 1])
def test_batch_matmul(adj_x, adj_y, batches, constant):
    rng = rng_for("matmul", adj_x, adj_y, batches, constant)
    b = ModelBuilder()
    x = b.input(1, 5)
    operands = []
    for i, (size, turned) in enumerate((((4, 2), adj_x), ((2, 3), adj_y))):
        shape = (*batches[i], *size[:: -1 if turned else 1])
        n = int(np.prod(shape))
        if constant == i:
            operands.append(b.constant(rng.normal(size=shape)))
        else:
            operands.append(b.reshape(b.dense(x, filters(rng, n, 5), rng.normal(size=n)), *shape))
    out = (*np.broadcast_shapes(*batches), 4, 3)
    y = smaller(b, "BATCH_MATMUL", b.op("BATCH_MATMUL", operands, out, adjX=adj_x, adjY=adj_y), out)
    check("BATCH_MATMUL", b.finish(head(b, y, rng)), (5,), 0, "cross-entropy", rng)


def test_batch_matmul_of_one_tensor():
    rng, b = rng_for("gram"), ModelBuilder()
    x = b.reshape(b.dense(b.input(1, 5), filters(rng, 12, 5), rng.normal(size=12)), 1, 4, 3)
    y = b.op("BATCH_MATMUL", [x, x], (1, 4, 4), adjY=True)
    check("BATCH_MATMUL of one tensor", b.finish(head(b, y, rng)), (5,), 0, "cross-entropy", rng)


@pytest.mark.parametrize("kind", ["ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM"])
def test_both_operands_are_one_tensor(kind):
    rng = rng_for(kind, "same")
    b = ModelBuilder()
    x = b.dense(b.input(1, 6), filters(rng, 8, 6), rng.normal(size=8))
    y = b.dense(b.op(kind, [x, x], (1, 8)), filters(rng, 7, 8), rng.normal(size=7), "RELU")
    data = b.finish(head(b, b.op("ADD", [y, b.dense(x, filters(rng, 7, 8), None)], (1, 7)), rng))
    check(f"{kind} of one tensor", data, (6,), 3, "cross-entropy", rng)


@pytest.mark.parametrize("kind", ["MEAN", "SUM", "REDUCE_MAX"])
def test_mean_sum_and_maximum_over_space_and_time(kind):
    for axes, keep in itertools.product(([1, 2], [1], [2]), (False, True)):
        rng = rng_for("mean", axes, keep)
        b = ModelBuilder()
        x = b.conv(b.input(1, 6, 5, 2), filters(rng, 4, 3, 3, 2), rng.normal(size=4))
        full = [1, 6, 5, 4]
        shape = tuple(1 if i in axes else n for i, n in enumerate(full) if keep or i not in axes)
        y = b.op(kind, [x, b.constant(np.array(axes, np.int32))], shape, keepDims=keep)
        check(kind, b.finish(head(b, y, rng)), (6, 5, 2), 1, "cross-entropy", rng)


def test_pad_transpose_concatenation_views():
    rng = rng_for("shapes")
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 3, 2), filters(rng, 3, 3, 3, 2), rng.normal(size=3), activation="RELU")
    padded = b.op("PAD", [x, b.constant(np.array([[0, 0], [1, 0], [2, 1], [0, 1]], np.int32))], (1, 5, 6, 4))
    turned = b.op("TRANSPOSE", [padded, b.constant(np.array([0, 2, 3, 1], np.int32))], (1, 6, 4, 5))
    back = b.op("TRANSPOSE", [turned, b.constant(np.array([0, 3, 1, 2], np.int32))], (1, 5, 6, 4))
    other = b.conv(back, filters(rng, 2, 2, 2, 4), rng.normal(size=2))
    joined = b.op("CONCATENATION", [back, other, back], (1, 5, 6, 10), axis=-1)
    squeezed = b.op("SQUEEZE", [joined], (5, 6, 10), squeezeDims=np.array([0], np.int32))
    rows = b.op("CONCATENATION", [squeezed, squeezed], (10, 6, 10), axis=0)
    wide = b.op("EXPAND_DIMS", [rows, b.constant(np.array(0, np.int32))], (1, 10, 6, 10))
    check("PAD, TRANSPOSE, CONCATENATION, views", b.finish(head(b, wide, rng)), (4, 3, 2), 1, "cross-entropy", rng)


def test_equal_maxima_share_the_error():
    """As TensorFlow's gradient of a maximum: where ReLU has made all of a channel zero, for example."""
    rng = rng_for("ties")
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 4, 2), filters(rng, 6, 1, 1, 2) * 0, rng.normal(size=6))
    y = b.op("REDUCE_MAX", [x, b.constant(np.array([1, 2], np.int32))], (1, 6))
    check("REDUCE_MAX", b.finish(head(b, y, rng)), (4, 4, 2), 1, "cross-entropy", rng)


SLICES = [
    # begin, end, strides, masks, shape of the result
    ((0, 1, 0, 0), (1, 5, 3, 2), (1, 1, 1, 1), {}, (1, 4, 3, 2)),
    ((0, -1, 0, 0), (1, 0, 3, 2), (1, -2, 1, 1), {}, (1, 3, 3, 2)),
    ((0, 5, 2), (0, 0, 9), (1, -1, 2), {"beginMask": 1, "endMask": 3}, (1, 6, 1, 2)),
    ((0, -2, 1, 0), (1, 9, 2, 2), (1, 1, 1, 1), {"shrinkAxisMask": 6}, (1, 2)),
    ((0, 0, 0, 1), (1, 6, 3, 2), (1, 3, 2, 1), {"shrinkAxisMask": 9}, (2, 2)),
]


@pytest.mark.parametrize("case", range(len(SLICES)))
@pytest.mark.parametrize("reused", [False, True])
def test_strided_slice(case, reused):
    begin, end, strides, masks, shape = SLICES[case]
    rng = rng_for("slice", case)
    b = ModelBuilder()
    x = b.conv(b.input(1, 6, 3, 2), filters(rng, 2, 3, 3, 2), rng.normal(size=2))
    bounds = [b.constant(np.array(v, np.int32)) for v in (begin, end, strides)]
    y = b.reshape(b.op("STRIDED_SLICE", [x, *bounds], shape, **masks), 1, int(np.prod(shape)))
    if reused:
        y = b.op("CONCATENATION", [y, b.reshape(x, 1, 36)], (1, int(np.prod(shape)) + 36), axis=1)
    check("STRIDED_SLICE", b.finish(head(b, y, rng)), (6, 3, 2), 1, "cross-entropy", rng)


PARTS = [
    # operator, settings (None: the input), sizes or number of the parts, axis
    ("SPLIT", [1, None], [2, 2, 2], 1),
    ("SPLIT", [-1, None], [2, 2], 3),
    ("SPLIT_V", [None, [1, 3, 2], 1], [1, 3, 2], 1),
    ("SPLIT_V", [None, [2, -1], -2], [2, 1], 2),
    ("UNPACK", [None], None, 1),
    ("UNPACK", [None], None, -1),
]


@pytest.mark.parametrize("case", range(len(PARTS)))
@pytest.mark.parametrize("used", ["all", "some", "whole too"])
def test_parts(case, used):
    """Errors of all parts, of some (the others are zero), and added to one that is there already."""
    kind, settings, sizes, axis = PARTS[case]
    rng, b, full = rng_for("parts", case), ModelBuilder(), (1, 6, 3, 4)
    x = b.conv(b.input(1, 6, 3, 2), filters(rng, 4, 3, 3, 2), rng.normal(size=4))
    inputs = [x if s is None else b.constant(np.array(s, np.int32)) for s in settings]
    if kind == "UNPACK":
        shapes = [tuple(n for i, n in enumerate(full) if i != axis % 4)] * full[axis]
        parts = b.ops(kind, inputs, shapes, num=full[axis], axis=axis)
    else:
        shapes = [(*full[:axis], size, *full[axis + 1 :]) for size in sizes]
        parts = b.ops(kind, inputs, shapes, numSplits=len(sizes))
    kept = parts[1:] if used == "some" else parts
    flat = [b.reshape(b.op("TANH", [t], s), 1, int(np.prod(s))) for t, s in zip(parts, shapes) if t in kept]
    flat += [b.reshape(x, 1, 72)] if used == "whole too" else []
    sizes = [int(b.graph.tensors[t].shape[1]) for t in flat]
    y = b.op("CONCATENATION", flat, (1, sum(sizes)), axis=1)
    check(kind, b.finish(head(b, y, rng)), (6, 3, 2), 1, "cross-entropy", rng)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_pack(axis):
    rng, b = rng_for("pack", axis), ModelBuilder()
    x = b.input(1, 5)
    parts = [b.reshape(b.dense(x, filters(rng, 12, 5), rng.normal(size=12)), 3, 4) for _ in range(2)]
    shape = [3, 4]
    shape.insert(axis % 3, 3)
    y = b.op("PACK", [*parts, parts[0]], tuple(shape), valuesCount=3, axis=axis)
    check("PACK", b.finish(head(b, y, rng)), (5,), 1, "cross-entropy", rng)


@pytest.mark.parametrize("begin,size", [((0, 1, 0, 1), (1, 3, 3, 1)), ((0, 2, 1, 0), (-1, -1, 1, 2))])
def test_slice(begin, size):
    rng, b = rng_for("part", begin), ModelBuilder()
    x = b.conv(b.input(1, 6, 3, 2), filters(rng, 2, 3, 3, 2), rng.normal(size=2))
    shape = tuple(d - at if n < 0 else n for d, at, n in zip((1, 6, 3, 2), begin, size))
    y = b.op("SLICE", [x, b.constant(np.array(begin)), b.constant(np.array(size))], shape)
    check("SLICE", b.finish(head(b, y, rng)), (6, 3, 2), 1, "cross-entropy", rng)


@pytest.mark.parametrize("source", ["int32", "float32"])
@pytest.mark.parametrize("layers", ["all", "last:1", [0]])
def test_gather(source, layers):
    """Rows that are read several times, and others that are not."""
    rng, b = rng_for("gather", source), ModelBuilder()
    x = b.input(1, 6, dtype=source)
    if source == "float32":
        layers = [1] if layers == [0] else layers
        x = b.op("CAST", [x], (1, 6), inDataType=0, outDataType=2)
        b.graph.tensors[x].type = 2
    y = b.op("GATHER", [b.constant(rng.normal(size=(9, 20))), x], (1, 6, 20))
    data = b.finish(head(b, b.op("TANH", [y], (1, 6, 20)), rng))
    comparison = compare_gradients(data, np.array([3, 0, 3, 8, 3, 0]), 1, "cross-entropy", layers=layers)
    worst_of_all["GATHER"] = max(worst_of_all.get("GATHER", 0.0), comparison.worst)
    assert comparison.errors and comparison.worst <= TOLERANCE, comparison.errors


@pytest.mark.parametrize("multiples", [(1, 2, 2, 1), (1, 1, 3, 1), (1, 1, 1, 2), (2, 1, 2, 3)])
@pytest.mark.parametrize("reused", [False, True])
def test_tile(multiples, reused):
    rng = rng_for("tile", multiples)
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 3, 2), filters(rng, 2, 3, 3, 2), rng.normal(size=2))
    shape = tuple(int(n) for n in np.multiply((1, 4, 3, 2), multiples))
    y = b.reshape(b.op("TILE", [x, b.constant(np.array(multiples, np.int32))], shape), 1, int(np.prod(shape)))
    if reused:
        y = b.op("CONCATENATION", [y, b.reshape(x, 1, 24)], (1, int(np.prod(shape)) + 24), axis=1)
    check("TILE", b.finish(head(b, y, rng)), (4, 3, 2), 1, "cross-entropy", rng)


@pytest.mark.parametrize("rule", ["", "alignCorners", "halfPixelCenters"])
@pytest.mark.parametrize("size", [(8, 6), (4, 3), (7, 5), (1, 1), (2, 9)])
def test_resize_nearest_neighbor(size, rule):
    rng = rng_for("resize", size, rule)
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 3, 2), filters(rng, 3, 3, 3, 2), rng.normal(size=3))
    options = {rule: True} if rule else {}
    size_of = b.constant(np.array(size, np.int32))
    y = b.op("RESIZE_NEAREST_NEIGHBOR", [x, size_of], (1, *size, 3), **options)
    check("RESIZE_NEAREST_NEIGHBOR", b.finish(head(b, y, rng)), (4, 3, 2), 1, "cross-entropy", rng)


def test_a_view_read_twice_adds_its_errors():
    rng = rng_for("views")
    b = ModelBuilder()
    x = b.dense(b.input(1, 6), filters(rng, 12, 6), rng.normal(size=12))
    a = b.conv(b.reshape(x, 1, 2, 2, 3), filters(rng, 2, 2, 2, 3), rng.normal(size=2), activation="RELU")
    c = b.dense(x, filters(rng, 8, 12), rng.normal(size=8), "RELU")
    y = b.op("ADD", [b.reshape(a, 1, 8), c], (1, 8))
    check("views read twice", b.finish(head(b, y, rng)), (6,), 1, "cross-entropy", rng)


@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_softmax_in_the_middle(beta):
    rng = rng_for("softmax", beta)
    b = ModelBuilder()
    x = b.reshape(b.dense(b.input(1, 5), filters(rng, 12, 5) * 2, rng.normal(size=12)), 1, 3, 4)
    y = b.op("SOFTMAX", [x], (1, 3, 4), beta=beta)
    check("SOFTMAX", b.finish(head(b, y, rng)), (5,), 2, "cross-entropy", rng)


ENDS = [
    # last operator, loss option, reference loss, labels
    ("SOFTMAX", "auto", "cross-entropy", [2, "soft"]),
    ("SOFTMAX", "mse", "mse", [2, "vector"]),
    ("LOGISTIC", "auto", "binary-cross-entropy", ["bits"]),
    ("LOGISTIC", "mse", "mse", ["vector"]),
    (None, "auto", "cross-entropy-logits", [3]),
    (None, "auto", "mse", ["vector"]),
    (None, "cross-entropy", "cross-entropy-logits", [1, "soft"]),
    (None, "binary-cross-entropy", "binary-cross-entropy-logits", ["bits"]),
    (None, "mse", "mse", ["vector", 1]),
    ("TANH", "auto", "mse", ["vector"]),
    *((end, loss, loss, ["vector", 1]) for loss in ("mae", "huber") for end in ("SOFTMAX", "TANH", None)),
]


@pytest.mark.parametrize("end,loss,kind,labels", ENDS)
@pytest.mark.parametrize("outputs", [4, 1])
def test_losses(end, loss, kind, labels, outputs):
    if outputs == 1 and kind.startswith("cross-entropy"):
        return
    for label in labels:
        rng = rng_for(end, loss, str(label), outputs)
        b = ModelBuilder()
        y = b.dense(
            b.dense(b.input(1, 6), filters(rng, 8, 6), rng.normal(size=8), "RELU"),
            filters(rng, outputs, 8),
            rng.normal(size=outputs),
        )
        if end:
            y = b.op(end, [y], (1, outputs), **({"beta": 1.3} if end == "SOFTMAX" else {}))
        values = {
            "soft": rng.dirichlet(np.ones(outputs)),
            "vector": rng.normal(size=outputs),
            "bits": rng.integers(0, 2, outputs).astype(float),
        }
        target = values[label] if isinstance(label, str) else np.int64(label)
        check(f"loss {loss} after {end}", b.finish(y), (6,), target, kind, rng, loss=loss)


@pytest.mark.parametrize("layers,trained", [("all", 3), ("last:1", 1), ("last:2", 2), ([0], 1), ([0, 3], 2)])
def test_frozen_layers(layers, trained):
    """Any subset: frozen operators above a trained one pass the error on and keep their weights."""
    rng = rng_for("frozen", layers)
    b = ModelBuilder()
    y = b.conv(b.input(1, 6, 6, 2), filters(rng, 4, 3, 3, 2), rng.normal(size=4), activation="RELU")
    y = b.pool("MAX", b.conv(y, filters(rng, 5, 3, 3, 4), rng.normal(size=5), activation="RELU"), (2, 2), (2, 2))
    data = b.finish(head(b, y, rng))
    layers = [i if i == 0 else 4 for i in layers] if isinstance(layers, list) else layers
    check("frozen layers", data, (6, 6, 2), 1, "cross-entropy", rng, layers=layers)


@pytest.mark.parametrize("build", ["release", "parity"])
def test_residual_block(build):
    rng = rng_for("residual")
    b = ModelBuilder()
    x = b.conv(b.input(1, 8, 8, 3), filters(rng, 4, 3, 3, 3), rng.normal(size=4), activation="RELU")
    y = b.conv(
        b.conv(x, filters(rng, 4, 3, 3, 4), rng.normal(size=4), activation="RELU"), filters(rng, 4, 3, 3, 4), None
    )
    x = b.op("ADD", [x, y], (1, 8, 8, 4), fusedActivationFunction=1)
    y = b.conv(
        b.conv(x, filters(rng, 8, 3, 3, 4), rng.normal(size=8), (2, 2), activation="RELU"),
        filters(rng, 8, 3, 3, 8),
        None,
    )
    short = b.conv(x, filters(rng, 8, 1, 1, 4), None, (2, 2))
    x = b.op("ADD", [short, y], (1, 4, 4, 8), fusedActivationFunction=1)
    y = b.pool("AVERAGE", x, (4, 4), (4, 4))
    check("residual blocks", b.finish(head(b, y, rng)), (8, 8, 3), 2, "cross-entropy", rng, build=build)
