"""Quantised files of older converters: what they state otherwise than today's, and what cannot be read any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import stock_runtimes
from bodies import quantised
from int8_builder import Int8Builder
from tflite_builder import ModelBuilder
from tflm_train.converters.flatbuffer import builtin_name, dump, load

import tflm_train as tt

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def network(per_channel: bool) -> bytes:
    """A convolution, a depthwise one, a dense layer."""
    b = Int8Builder(np.random.default_rng(1))
    x = b.int8_input(1, 6, 6, 2)
    window = dict(padding=0, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=1)
    x = b.int8_op("CONV_2D", [x, *b.weights(x, (4, 3, 3, 2), 0, per_channel)], (1, 6, 6, 4), **window)
    weights = b.weights(x, (1, 3, 3, 4), 3, per_channel)
    x = b.int8_op("DEPTHWISE_CONV_2D", [x, *weights], (1, 6, 6, 4), depthMultiplier=1, **window)
    flat = b.op("RESHAPE", [x, b.constant(np.array([1, 144]))], (1, 144), newShape=np.array([1, 144], np.int32))
    b.graph.tensors[flat].type = b.graph.tensors[x].type
    return b.finish(b.int8_dense(b.same_scale(flat, x), 3, per_channel=False))


def changed(data: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """``change`` is told weights and bias of each layer."""
    model = load(data)
    graph = model.subgraphs[0]
    for op in graph.operators:
        if builtin_name(model, op) in LAYERS:
            change(graph.tensors[op.inputs[1]], graph.tensors[op.inputs[2]])
    return dump(model)


def _bias_dimension(weights: Any, bias: Any) -> None:
    bias.quantization.quantizedDimension = 3  # as person_detect.tflite has it


def _bias_without_scale(weights: Any, bias: Any) -> None:
    bias.quantization = None


def _bias_without_zero_point(weights: Any, bias: Any) -> None:
    bias.quantization.zeroPoint = None


def _dimension_of_one_scale(weights: Any, bias: Any) -> None:
    if len(weights.quantization.scale) == 1:
        weights.quantization.quantizedDimension = 2


CHANGES = (_bias_dimension, _bias_without_scale, _bias_without_zero_point, _dimension_of_one_scale)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("per_channel", [False, True])
def test_what_older_files_state_otherwise_changes_nothing(
    per_channel: bool, change: Callable[[Any, Any], None]
) -> None:
    data = network(per_channel)
    x = np.random.default_rng(2).integers(-128, 128, (6, 6, 6, 2)).astype(np.int8)
    results = []
    for file in (data, changed(data, change)):
        trainer = tt.Trainer(tt.convert(file, tt.TrainingConfig(loss="cross-entropy")))
        outputs = [trainer.predict(x)]
        trainer.fit(x, np.arange(6) % 3, epochs=2, verbose=0)
        results.append([*outputs, trainer.predict(x)])
    assert np.array_equal(results[0][0], results[1][0]) and np.array_equal(results[0][1], results[1][1])
    assert not np.array_equal(results[0][0], results[0][1])
    stored = stock_runtimes.run("litert", data, x).astype(np.float32)
    q = load(data).subgraphs[0].tensors[load(data).subgraphs[0].outputs[0]].quantization
    assert np.array_equal(results[1][0].reshape(6, 3), (stored - np.float32(q.zeroPoint[0])) * np.float32(q.scale[0]))


@pytest.mark.parametrize("layers", [1, 2])
def test_uint8_files_are_refused_with_the_way_out(layers: int) -> None:
    b = ModelBuilder()
    x = quantised(b, b.input(1, 8), "uint8", 0.05, 128)
    for _ in range(layers):
        w = quantised(b, b.constant(np.zeros((8, 8), np.int8)), "uint8", 0.02, 117)
        x = quantised(b, b.op("FULLY_CONNECTED", [x, w, -1], (1, 8)), "uint8", 0.1, 100)
    message = "model was quantised to uint8 .FULLY_CONNECTED .*TensorFlow 1.*float32 model .*, with --quantize int8$"
    with pytest.raises(tt.ConversionError, match=message):
        tt.convert(b.finish(x))
