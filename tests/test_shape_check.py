"""Stored shapes against computed ones, operator by operator: the right shape passes, any other is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_builder import ModelBuilder
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.flatbuffer import dump, load, schema
from tflm_train.converters.model_reader import read_graph

IMAGE = (1, 7, 6, 4)


def _image_op(kind, inputs, shape, **options):
    def build(b):
        return b.op(kind, [b.input(*IMAGE), *(b.constant(np.asarray(c)) for c in inputs)], shape, **options)

    return build


def _window(kind, **options):
    stride, padding, dilation = options.pop("stride", (1, 1)), options.pop("padding", "SAME"), (1, 1)
    dilation = options.pop("dilation", dilation)

    def build(b):
        x = b.input(*IMAGE)
        if kind == "CONV_2D":
            return b.conv(x, np.ones((5, 3, 2, 4)), np.ones(5), stride, padding, dilation)
        if kind == "DEPTHWISE_CONV_2D":
            return b.conv(x, np.ones((1, 3, 2, 8)), np.ones(8), stride, padding, dilation, multiplier=2)
        return b.pool(kind, x, (3, 2), stride, padding)

    return build


def _joined(b):
    x = b.input(*IMAGE)
    return b.op("CONCATENATION", [x, b.constant(np.ones((1, 7, 6, 3), np.float32)), x], (1, 7, 6, 11), axis=-1)


def _kept_dims(b):
    x = b.input(1, 5, 3)
    w, bias = b.constant(np.ones((2, 3))), b.constant(np.ones(2))
    return b.op("FULLY_CONNECTED", [x, w, bias], (1, 5, 2), keepNumDims=True)


def _rows(b):
    return b.reshape(b.dense(b.input(1, 5, 3), np.ones((2, 3)), np.ones(2), batch=5), 1, 5, 2)


CASES = {
    **{
        f"{kind} {padding} stride {stride} dilation {dilation}": _window(
            kind, padding=padding, stride=stride, dilation=dilation
        )
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
        for padding in ("SAME", "VALID")
        for stride, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 3)))
    },
    **{
        f"{kind} {padding} stride {stride}": _window(kind, padding=padding, stride=stride)
        for kind in ("MAX", "AVERAGE")
        for padding in ("SAME", "VALID")
        for stride in ((1, 1), (3, 2))
    },
    "FULLY_CONNECTED": lambda b: b.dense(b.input(1, 6), np.ones((3, 6)), np.ones(3)),
    "FULLY_CONNECTED on an image": lambda b: b.dense(b.input(1, 1, 2, 3), np.ones((3, 6)), np.ones(3)),
    "FULLY_CONNECTED on rows": _rows,
    "FULLY_CONNECTED kept dimensions": _kept_dims,
    "MEAN": _image_op("MEAN", [np.array([1, 2], np.int32)], (1, 4)),
    "MEAN negative axes": _image_op("MEAN", [np.array([-3, -2], np.int32)], (1, 4)),
    "MEAN kept dimensions": _image_op("MEAN", [np.array([1, 2], np.int32)], (1, 1, 1, 4), keepDims=True),
    "SUM": _image_op("SUM", [np.array([1], np.int32)], (1, 6, 4)),
    "REDUCE_MAX": _image_op("REDUCE_MAX", [np.array([1, 2], np.int32)], (1, 1, 1, 4), keepDims=True),
    "DIV": _image_op("DIV", [np.ones((6, 1), np.float32)], IMAGE),
    "MAXIMUM": _image_op("MAXIMUM", [np.ones((7, 1, 4), np.float32)], IMAGE),
    "TILE": _image_op("TILE", [np.array([1, 2, 1, 3], np.int32)], (1, 14, 6, 12)),
    "RESIZE_NEAREST_NEIGHBOR": _image_op("RESIZE_NEAREST_NEIGHBOR", [np.array([9, 3], np.int32)], (1, 9, 3, 4)),
    "STRIDED_SLICE": _image_op(
        "STRIDED_SLICE",
        [np.array(values, np.int32) for values in ((0, 5, -1), (1, 0, 0), (1, 1, -2))],
        (1, 3, 4),
        shrinkAxisMask=2,
    ),
    "SLICE": _image_op("SLICE", [np.array([0, 1, 2, 0]), np.array([1, 5, -1, 4])], (1, 5, 4, 4)),
    "SPLIT_V": _image_op("SPLIT_V", [np.array([7]), np.array(1)], IMAGE, numSplits=1),
    "UNPACK": lambda b: b.op("UNPACK", [b.input(1, 7, 6, 1)], (1, 7, 6), num=1, axis=-1),
    "PACK": lambda b: b.op("PACK", [b.input(*IMAGE)] * 3, (1, 7, 3, 6, 4), valuesCount=3, axis=2),
    "GATHER": lambda b: b.op("GATHER", [b.constant(np.ones((9, 3))), b.input(1, 6, dtype="int32")], (1, 6, 3)),
    "CONV_2D grouped": lambda b: b.conv(b.input(*IMAGE), np.ones((6, 3, 2, 2)), np.ones(6)),
    "TRANSPOSE_CONV": lambda b: b.op(
        "TRANSPOSE_CONV",
        [b.constant(np.array([1, 13, 18, 3])), b.constant(np.ones((3, 3, 2, 4))), b.input(*IMAGE)],
        (1, 13, 18, 3),
        strideH=2,
        strideW=3,
    ),
    "BATCH_MATMUL": _image_op("BATCH_MATMUL", [np.ones((3, 4), np.float32)], (1, 7, 6, 3), adjY=True),
    "PRELU": _image_op("PRELU", [np.ones((1, 1, 4), np.float32)], IMAGE),
    "GELU": _image_op("GELU", [], IMAGE),
    "EXP": _image_op("EXP", [], IMAGE),
    "LOG_SOFTMAX": _image_op("LOG_SOFTMAX", [], IMAGE),
    "ADD": _image_op("ADD", [np.ones(IMAGE, np.float32)], IMAGE),
    "MUL by channels": _image_op("MUL", [np.ones(4, np.float32)], IMAGE),
    "SUB a scalar": _image_op("SUB", [np.float32(1)], IMAGE),
    "PAD": _image_op("PAD", [np.array([[0, 0], [1, 2], [0, 3], [0, 0]], np.int32)], (1, 10, 9, 4)),
    "CONCATENATION": _joined,
    "RESHAPE": lambda b: b.reshape(b.input(*IMAGE), 1, 42, 4),
    "TRANSPOSE": _image_op("TRANSPOSE", [np.array([0, 3, 1, 2], np.int32)], (1, 4, 7, 6)),
    "SOFTMAX": _image_op("SOFTMAX", [], IMAGE),
    "LEAKY_RELU": _image_op("LEAKY_RELU", [], IMAGE),
    "HARD_SWISH": _image_op("HARD_SWISH", [], IMAGE),
}


def read(model):
    return read_graph(load(dump(model), "a.tflite"), "a.tflite")


def build(case):
    b = ModelBuilder()
    return load(b.finish(CASES[case](b)))


@pytest.mark.parametrize("case", CASES)
def test_the_right_shape_passes(case):
    assert read(build(case)).operators


@pytest.mark.parametrize("case", CASES)
def test_every_other_shape_is_refused(case):
    model = build(case)
    output = model.subgraphs[0].tensors[int(model.subgraphs[0].operators[0].outputs[0])]
    shape = output.shape.tolist()
    wrong = [[*shape[:i], shape[i] + 1, *shape[i + 1 :]] for i in range(len(shape))]
    for other in wrong + ([] if case == "RESHAPE" else [[*shape, 1], [1, *shape], shape[:-1]]):
        output.shape = np.array(other, np.int32)
        with pytest.raises(ConversionError, match=r"^a.tflite is damaged: operator 0 \(\w+\) has an output of"):
            read(model)


@pytest.mark.parametrize(
    ("kind", "constant", "shape", "message"),
    [
        ("MEAN", np.array([4], np.int32), (1, 4), "axis outside"),
        ("MEAN", np.array([1.0], np.float32), (1, 4), "not integer"),
        ("PAD", np.array([[0, 0], [1, 1]], np.int32), IMAGE, "paddings that do not fit"),
        ("TRANSPOSE", np.array([0, 1, 2, 2], np.int32), IMAGE, "permutation"),
        ("ADD", np.ones(3, np.float32), IMAGE, "cannot be broadcast"),
        ("BATCH_MATMUL", np.ones((3, 5), np.float32), IMAGE, "cannot be multiplied"),
        ("BATCH_MATMUL", np.ones(4, np.float32), IMAGE, "no matrix"),
        ("PRELU", np.ones(3, np.float32), IMAGE, "slopes that do not fit"),
        ("SPLIT_V", np.array([3, 4], np.int32), IMAGE, "fewer than 3 inputs"),
    ],
)
def test_constants_that_do_not_fit(kind, constant, shape, message):
    b = ModelBuilder()
    with pytest.raises(ConversionError, match=message):
        read(load(b.finish(_image_op(kind, [constant], shape)(b))))


@pytest.mark.parametrize(
    ("kind", "filter_shape", "options", "message"),
    [
        ("CONV_2D", (5, 3, 3, 3), {}, "filter that does not fit"),
        ("CONV_2D", (5, 3, 3), {}, "four dimensions"),
        ("CONV_2D", (5, 3, 3, 2), {}, "filters that do not fit its groups"),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 6), {}, "filter that does not fit"),
        ("DEPTHWISE_CONV_2D", (2, 3, 3, 4), {}, "filter that does not fit"),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 8), {"depthMultiplier": 1}, "depth multiplier"),
        ("FULLY_CONNECTED", (3, 5), {}, "weights that do not fit"),
        ("FULLY_CONNECTED", (3, 8, 1), {}, "weights that do not fit"),
    ],
)
def test_weights_that_do_not_fit(kind, filter_shape, options, message):
    b = ModelBuilder()
    strides = {} if kind == "FULLY_CONNECTED" else {"strideH": 1, "strideW": 1}
    inputs = [b.input(*IMAGE), b.constant(np.ones(filter_shape, np.float32)), -1]
    with pytest.raises(ConversionError, match=message):
        read(load(b.finish(b.op(kind, inputs, (1, 7, 6, filter_shape[0]), **strides, **options))))


def test_parts_that_cannot_be_joined():
    b = ModelBuilder()
    parts = [b.input(*IMAGE), b.constant(np.ones((1, 7, 5, 4), np.float32))]
    with pytest.raises(ConversionError, match="cannot be joined"):
        read(load(b.finish(b.op("CONCATENATION", parts, (1, 7, 6, 8), axis=3))))


def test_operators_that_the_project_does_not_run_are_left_alone():
    b = ModelBuilder()
    model = load(b.finish(b.op("POW", [b.input(1, 4), b.constant(np.ones(4, np.float32))], (1, 9))))
    assert model.operatorCodes[0].builtinCode == schema.BuiltinOperator.POW
    assert read(model).operators[0].type == "POW"
