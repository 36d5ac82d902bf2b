"""Workspaces hold what the kernels use: test_fast_convolution.cpp and test_fast_s8 have the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
from tflm_train.converters.operators import KERNELS
from tflm_train.converters.operators.columns import conv_workspace, dense_workspace, depthwise_workspace
from tflm_train.converters.operators.pairs import conv_int16_workspace, depthwise_int16_workspace
from tflm_train.converters.operators.strip import backward_strip, forward_strip, window_strip
from tflm_train.converters.plan_format import MAX_STRIP, NONE_INDEX, Phase, ProgramKind

import tflm_train as tt
from tflm_train.bench.workloads import cnn

POOL = dict(filter_h=2, filter_w=2, pool_stride_h=2, pool_stride_w=2, pool_pad_top=0, pool_pad_left=0)


def words(stride: int, pad: int, **others: int) -> dict[str, Any]:
    return dict(stride_h=stride, stride_w=stride, dilation_h=1, dilation_w=1, pad_top=pad, pad_left=pad) | others


@pytest.mark.parametrize(
    ("x", "w", "y", "step", "forward", "backward"),
    [
        ((14, 14, 4), (8, 3, 3, 4), (7, 7, 8), words(1, 1, map_h=14, map_w=14, **POOL), 256, 256),
        ((28, 28, 1), (4, 3, 3, 1), (14, 14, 4), words(1, 1, map_h=28, map_w=28, **POOL), 120, 120),
        ((6, 7, 4), (3, 3, 3, 4), (6, 7, 3), words(1, 1), 160, 108),
        ((6, 7, 4), (3, 3, 3, 4), (4, 5, 3), words(1, 0), 128, 0),  # all windows inside
        ((9, 9, 3), (8, 3, 3, 3), (5, 5, 8), words(2, 1), 0, 99),
        ((8, 8, 3), (5, 1, 1, 3), (8, 8, 5), words(1, 0), 0, 0),
        ((10, 6, 2), (4, 5, 5, 2), (10, 6, 4), words(1, 2), 0, 100),
        ((16, 16, 16), (16, 3, 3, 16), (16, 16, 16), words(1, 1), 0, 0),  # too long
        ((9, 9, 4), (3, 3, 3, 4), (9, 9, 3), words(1, 1) | {"dilation_w": 2}, 0, 0),
    ],
)
def test_strips_of_convolutions(x, w, y, step, forward, backward):
    shapes = {"x": (1, *x), "w": w, "y": (1, *y)}
    assert (forward_strip(shapes, step), backward_strip(shapes, step)) == (forward, backward)
    assert max(forward, backward) <= MAX_STRIP


def test_workspaces_hold_strips_and_rows_of_the_gradient():
    model = tt.convert(cnn(0).network, tt.TrainingConfig(layers="all"))
    plan = model.plan
    program = plan.program(ProgramKind.TRAIN)
    found = []
    for step in plan.steps(program):
        kernel = KERNELS[int(step["kernel"])]
        arguments = kernel.forward_arguments if step["phase"] == Phase.FORWARD else kernel.backward_arguments
        names = [argument.name for argument in arguments]
        if "workspace" in names:
            value = plan.step_values(step)[names.index("workspace")]
            assert value != NONE_INDEX
            found.append(int(plan.values(program)[value]["bytes"]) // 4)
    # forward; then backward with all rows: the second layer's 8 x 36, the first one's 4 x 9
    assert found == [120, 256, 256 + 288, 120 + 36]


@pytest.mark.parametrize(
    ("rule", "w", "y", "step", "elements"),
    [
        (dense_workspace, (7, 27), (7,), {}, 28),
        (conv_workspace, (16, 3, 3, 3), (32, 32, 16), words(1, 1), 70),
        (conv_workspace, (64, 1, 1, 64), (25, 5, 64), words(1, 0), 128),
        (conv_workspace, (64, 1, 1, 64), (13, 3, 64), words(2, 0), 160),
        (depthwise_workspace, (1, 3, 3, 64), (25, 5, 64), words(1, 1), 834),  # two blocks of channels
        (depthwise_workspace, (1, 3, 3, 17), (25, 5, 17), words(1, 1), 528),
        (depthwise_workspace, (1, 3, 3, 6), (4, 200, 6), words(1, 1), 1290),  # no channels fit, so four
        (depthwise_workspace, (1, 3, 2, 5), (2, 8, 5), words(2, 0) | {"dilation_h": 3, "dilation_w": 2}, 584),
        (depthwise_workspace, (1, 25, 25, 8), (1, 1, 8), words(1, 0), 5024),
    ],
)
def test_workspaces_of_int8_layers(rule, w, y, step, elements):
    assert rule({"w": w, "y": (1, *y)}, step) == elements


@pytest.mark.parametrize(
    ("rule", "x", "w", "y", "step", "elements"),
    [
        (conv_int16_workspace, (32, 32, 3), (16, 3, 3, 3), (32, 32, 16), words(1, 1), 1123),
        (conv_int16_workspace, (49, 10, 1), (64, 10, 4, 1), (25, 5, 64), words(2, 1), 1346),
        (conv_int16_workspace, (25, 5, 64), (64, 1, 1, 64), (25, 5, 64), words(1, 0), 1744),
        (conv_int16_workspace, (16, 16, 32), (64, 1, 1, 32), (8, 8, 64), words(2, 0), 1152),
        (conv_int16_workspace, (8, 8, 64), (64, 3, 3, 64), (8, 8, 64), words(1, 1), 5088),
        (conv_int16_workspace, (9, 12, 7), (5, 3, 3, 7), (9, 12, 5), words(1, 2) | {"dilation_w": 2}, 1018),
        (conv_int16_workspace, (4, 40, 70), (5, 3, 3, 70), (2, 20, 5), words(2, 0), 3990),
        (depthwise_int16_workspace, (25, 5, 64), (1, 3, 3, 64), (25, 5, 64), words(1, 1), 82),
        (depthwise_int16_workspace, (25, 5, 2), (1, 25, 5, 2), (1, 1, 2), words(1, 0), 500),
    ],
)
def test_workspaces_of_int16_errors(rule, x, w, y, step, elements):
    assert rule({"x": (1, *x), "w": w, "y": (1, *y)}, step) == elements


@pytest.mark.parametrize(
    ("x", "w", "y", "step", "elements"),
    [
        ((28, 28, 1), (4, 3, 3, 1), (13, 13, 4), words(1, 0, map_h=26, map_w=26, **POOL), 112),
        ((14, 14, 4), (8, 3, 3, 4), (7, 7, 8), words(1, 1, map_h=14, map_w=14, **POOL), 256),
        ((32, 32, 16), (16, 3, 3, 16), (32, 32, 16), words(1, 1), 240),
        ((16, 16, 64), (32, 3, 3, 64), (8, 8, 32), words(2, 1), 576),
        ((25, 5, 64), (64, 1, 1, 64), (25, 5, 64), words(1, 0), 256),
        ((9, 17, 5), (4, 3, 2, 5), (2, 8, 4), words(2, 0) | {"dilation_h": 3, "dilation_w": 2}, 245),
    ],
)
def test_floats_of_windows_in_workspaces_of_int8_convolutions(x, w, y, step, elements):
    assert window_strip({"x": (1, *x), "w": w, "y": (1, *y)}, step) == elements
