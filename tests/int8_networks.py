"""Whole int8 networks."""

from __future__ import annotations

import numpy as np
from int8_builder import Int8Builder

SHAPE, CLASSES = (8, 7, 2), 4


def cnn(seed: int = 0, per_channel: bool = True, softmax: bool = True) -> bytes:
    """Convolution with max-pool, depthwise, a residual 1x1 convolution, average pool, dense layer [, softmax]."""
    b = Int8Builder(np.random.default_rng(seed))
    options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    x = b.int8_input(1, *SHAPE, scale=0.03, zero_point=-5)
    x = b.int8_op("CONV_2D", [x, *b.weights(x, (6, 3, 3, 2), 0, per_channel)], (1, 8, 7, 6), **options)
    window = dict(strideH=2, strideW=2, filterHeight=2, filterWidth=2, padding=0)
    x = b.same_scale(b.int8_op("MAX_POOL_2D", [x], (1, 4, 4, 6), **window), x)
    inputs = [x, *b.weights(x, (1, 3, 3, 6), 3, per_channel)]
    x = b.int8_op("DEPTHWISE_CONV_2D", inputs, (1, 4, 4, 6), depthMultiplier=1, fusedActivationFunction=3, **options)
    b.quantise(x, 0.015, -128)
    y = b.int8_op("CONV_2D", [x, *b.weights(x, (6, 1, 1, 6), 0, per_channel)], (1, 4, 4, 6), **options)
    x = b.quantise(b.int8_op("ADD", [x, y], (1, 4, 4, 6), fusedActivationFunction=1), 0.02, -128)
    window = dict(strideH=2, strideW=2, filterHeight=2, filterWidth=2, padding=1)
    x = b.same_scale(b.int8_op("AVERAGE_POOL_2D", [x], (1, 2, 2, 6), **window), x)
    x = b.same_scale(b.int8_op("RESHAPE", [x, b.constant(np.array([1, 24], np.int32))], (1, 24)), x)
    x = b.int8_dense(x, CLASSES, per_channel=False)
    return b.finish(b.quantise(b.int8_op("SOFTMAX", [x], (1, CLASSES), beta=1.0), 1 / 256, -128) if softmax else x)
