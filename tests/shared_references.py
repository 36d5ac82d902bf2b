"""Files whose vectors refer to one table many times: small, and endless work for a reader that follows each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import networks
import numpy as np
from ai_edge_litert import schema_py_generated as schema

import tflm_train as tt


class Shared:
    """Is written once, and referred to from wherever it stands."""

    def __init__(self, thing: Any) -> None:
        self._thing, self._offset = thing, None

    def Pack(self, builder: flatbuffers.Builder) -> Any:
        if self._offset is None:
            self._offset = self._thing.Pack(builder)
        return self._offset


def _tensor(shape: np.ndarray, name: bytes = b"t", buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.shape, tensor.name, tensor.buffer = shape, name, buffer
    return tensor


def long_shapes(model: Any, count: int) -> None:
    model.subgraphs[0].tensors += [Shared(_tensor(np.ones(count, np.int32)))] * count


def long_names(model: Any, count: int) -> None:
    model.subgraphs[0].tensors += [Shared(_tensor(np.ones(1, np.int32), b"n" * count))] * count


def many_scales(model: Any, count: int) -> None:
    scales = schema.QuantizationParametersT()
    scales.scale = np.ones(count, np.float32)
    quantization = Shared(scales)
    tensors = [_tensor(np.ones(1, np.int32)) for _ in range(count)]
    for tensor in tensors:
        tensor.quantization = quantization
    model.subgraphs[0].tensors += tensors


def many_inputs(model: Any, count: int) -> None:
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = np.zeros(count, np.int32), np.zeros(1, np.int32)
    model.subgraphs[0].operators += [Shared(operator)] * count


def long_options(model: Any, count: int) -> None:
    options = schema.ReshapeOptionsT()
    options.newShape = np.ones(count, np.int32)
    shared = Shared(options)
    for _ in range(count):
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = np.zeros(1, np.int32), np.zeros(1, np.int32)
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.ReshapeOptions, shared
        model.subgraphs[0].operators.append(operator)


def large_buffers(model: Any, count: int) -> None:
    buffer = schema.BufferT()
    buffer.data = np.ones(4 * count, np.uint8)
    first = len(model.buffers)
    model.buffers += [Shared(buffer)] * count
    model.subgraphs[0].tensors += [_tensor(np.array([count], np.int32), buffer=first + i) for i in range(count)]


def tensors_and_buffers(model: Any, count: int) -> None:
    """Little to read, and much to search: which of the buffers belong to which of the tensors."""
    model.subgraphs[0].tensors += [Shared(_tensor(np.ones(1, np.int32)))] * count
    model.buffers += [Shared(schema.BufferT())] * count


KINDS: dict[str, Callable[[Any, int], None]] = {
    kind.__name__: kind
    for kind in (
        long_shapes,
        long_names,
        many_scales,
        many_inputs,
        long_options,
        large_buffers,
        tensors_and_buffers,
    )
}


def hostile(kind: str, count: int) -> bytes:
    """A small network with its training plan, and `count` references of a kind."""
    model = schema.ModelT.InitFromPackedBuf(tt.convert(networks.mlp(sizes=(4, 3, 2))).data, 0)
    KINDS[kind](model, count)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
