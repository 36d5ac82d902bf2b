"""Integer arithmetic on shapes, evaluated at conversion as the runtimes evaluate it."""

from __future__ import annotations

import numpy as np
import pytest
from tflm_train.converters.constant_folding import fold_shapes
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.graph import Operator, Tensor

SHAPE = np.array([2, 3, 4, 5], np.int32)
SLICE = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0, offset=False)
PLAIN = dict(fused_activation_function="NONE")


def fold(kind, inputs, shape, dtype="int32", **options):
    """(value or None) of one operator on constants; None as input stands for a computed tensor."""
    tensors = [
        Tensor(i, f"t{i}", (4,) if v is None else np.shape(v), "int32" if v is None else np.asarray(v).dtype.name, i, v)
        for i, v in enumerate(inputs)
    ]
    tensors.append(Tensor(len(inputs), "out", shape, dtype, 0))
    op = Operator(0, kind, tuple(range(len(inputs))), (len(inputs),), options)
    folded_tensors, folded = fold_shapes("a.tflite", tensors, [op])
    assert (folded == {0}) == (folded_tensors[-1].data is not None)
    return folded_tensors[-1].data


def numbers(*values):
    return np.array(values, np.int32)


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "expected"),
    [
        ("STRIDED_SLICE", [SHAPE, numbers(1), numbers(3), numbers(1)], SLICE, [3, 4]),
        ("STRIDED_SLICE", [SHAPE, numbers(1), numbers(2), numbers(1)], SLICE | dict(shrink_axis_mask=1), 3),
        ("STRIDED_SLICE", [SHAPE, numbers(-1), numbers(0), numbers(1)], SLICE | dict(shrink_axis_mask=1), 5),
        ("STRIDED_SLICE", [SHAPE, numbers(9), numbers(2), numbers(1)], SLICE | dict(begin_mask=1), [2, 3]),
        ("STRIDED_SLICE", [SHAPE, numbers(1), numbers(0), numbers(2)], SLICE | dict(end_mask=1), [3, 5]),
        ("STRIDED_SLICE", [SHAPE, numbers(-1), numbers(-9), numbers(-1)], SLICE, [5, 4, 3, 2]),
        ("PACK", [np.int32(1), np.int32(6)], dict(axis=0), [1, 6]),
        ("CONCATENATION", [numbers(1), numbers(2, 3)], dict(axis=0), [1, 2, 3]),
        ("GATHER", [SHAPE, numbers(3, 1)], dict(axis=0, batch_dims=0), [5, 3]),
        ("REDUCE_PROD", [SHAPE, numbers(0)], dict(keep_dims=False), 120),
        ("REDUCE_PROD", [SHAPE, numbers(0)], dict(keep_dims=True), [120]),
        ("CAST", [SHAPE], {}, [2, 3, 4, 5]),
        ("RESHAPE", [SHAPE, numbers(2, 2)], {}, [[2, 3], [4, 5]]),
        ("EXPAND_DIMS", [SHAPE, np.int32(0)], {}, [[2, 3, 4, 5]]),
        ("SQUEEZE", [numbers(7)], {}, 7),
        ("SQUEEZE", [np.array([[7, 8]], np.int32)], dict(squeeze_dims=(0,)), [7, 8]),
        ("ADD", [SHAPE, np.int32(1)], PLAIN, [3, 4, 5, 6]),
        ("SUB", [SHAPE, numbers(1, 1, 1, 1)], PLAIN, [1, 2, 3, 4]),
        ("MUL", [SHAPE, SHAPE], PLAIN, [4, 9, 16, 25]),
    ],
)
def test_values(kind, inputs, options, expected):
    value = fold(kind, inputs, np.shape(expected), **options)
    assert value is not None and value.dtype == np.int32 and value.tolist() == expected
    assert not value.flags.writeable


def test_shape_needs_no_value():
    assert fold("SHAPE", [None], (1,)).tolist() == [4]
    assert fold("SHAPE", [None], (1,), "int64").dtype == np.int64


@pytest.mark.parametrize(
    ("kind", "inputs", "shape", "dtype", "options"),
    [
        ("ADD", [SHAPE, None], (4,), "int32", PLAIN),
        ("ADD", [SHAPE, SHAPE], (4,), "int32", dict(fused_activation_function="RELU")),
        ("ADD", [np.ones(4, np.float32), np.ones(4, np.float32)], (4,), "float32", PLAIN),
        ("CAST", [SHAPE], (4,), "float32", {}),
        ("CAST", [np.ones(4, np.float32)], (4,), "int32", {}),
        ("STRIDED_SLICE", [SHAPE, numbers(0), numbers(1), numbers(0)], (1,), "int32", SLICE),
        ("STRIDED_SLICE", [SHAPE, numbers(0), numbers(1), numbers(1)], (1,), "int32", SLICE | dict(new_axis_mask=1)),
        ("GATHER", [SHAPE, numbers(1)], (1,), "int32", dict(axis=0, batch_dims=1)),
        ("ARG_MAX", [SHAPE, np.int32(0)], (), "int32", {}),
    ],
)
def test_what_is_not_integer_arithmetic_on_constants_stays(kind, inputs, shape, dtype, options):
    assert fold(kind, inputs, shape, dtype, **options) is None


@pytest.mark.parametrize(
    ("kind", "inputs", "shape", "options", "message"),
    [
        ("PACK", [np.int32(1), np.int32(6)], (3,), dict(axis=0), r"computes shape \[2\], the file says \[3\]"),
        ("PACK", [numbers(1), numbers(1, 2)], (2,), dict(axis=0), "cannot be computed"),
        ("GATHER", [SHAPE, numbers(4)], (1,), dict(axis=0, batch_dims=0), "cannot be computed"),
        ("CONCATENATION", [SHAPE, SHAPE], (8,), dict(axis=1), "cannot be computed"),
        ("RESHAPE", [SHAPE, numbers(3, 2)], (3, 2), {}, "cannot be computed"),
    ],
)
def test_contradictions_are_refused(kind, inputs, shape, options, message):
    with pytest.raises(ConversionError, match=f"^a.tflite is damaged: operator 0 .{kind}. .*{message}"):
        fold(kind, inputs, shape, **options)


def test_chains_are_folded_in_order():
    tensors = [
        Tensor(0, "x", (1, 2, 3), "float32", 0),
        Tensor(1, "shape", (3,), "int32", 0),
        Tensor(2, "one", (1,), "int32", 0, numbers(0)),
        Tensor(3, "product", (), "int32", 0),
    ]
    operators = [
        Operator(0, "SHAPE", (0,), (1,)),
        Operator(1, "REDUCE_PROD", (1, 2), (3,), dict(keep_dims=False)),
    ]
    after, folded = fold_shapes("a.tflite", tensors, operators)
    assert folded == {0, 1} and after[3].data == 6 and tensors[3].data is None
