"""The checksum that ties a plan to its model."""

from __future__ import annotations

import inspect
import re
import struct
import zlib

import models
import numpy as np
import pytest
from tflite_builder import ModelBuilder
from tflm_train.converters.fingerprint import OPTION_FIELDS, fingerprint, weights_crc
from tflm_train.converters.flatbuffer import load, schema

WEIGHTS, BIAS = 1, 2  # tensors of small_model


def small_model():
    """[1, 2] -> FULLY_CONNECTED RELU6 without bias -> SOFTMAX beta 2; one frozen table that nothing reads."""
    b = ModelBuilder()
    x = b.input(1, 2)
    y = b.dense(x, np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), None, "RELU6")
    y = b.op("SOFTMAX", [y], (1, 3), beta=2.0)
    b.constant(np.array([7, 8], np.int32), "table")
    model = load(b.finish(y))
    q = schema.QuantizationParametersT()
    q.scale, q.zeroPoint, q.quantizedDimension = np.array([0.5], np.float32), np.array([-3], np.int64), 1
    model.subgraphs[0].tensors[WEIGHTS].quantization = q
    return model


def float_bits(value: float) -> int:
    return struct.unpack("<I", struct.pack("<f", value))[0]


def test_the_stream_is_what_the_documentation_says():
    stream = [
        5,  # tensors: type, rank, dims, buffer, scales, zero points, quantised dimension
        0, 2, 1, 2, 0, 0, 0, 0,
        0, 2, 3, 2, 1, 1, float_bits(0.5), 1, 2**32 - 3, 1,
        0, 2, 1, 3, 0, 0, 0, 0,
        0, 2, 1, 3, 0, 0, 0, 0,
        2, 1, 2, 2, 0, 0, 0,
        2,  # operators: code, inputs, outputs, options type, options
        9, 3, 0, 1, 2**32 - 1, 1, 2, 8, 3, 0, 0, 0, 0,
        25, 1, 2, 1, 3, 9, float_bits(2.0),
        1, 0, 1, 3,  # inputs and outputs of the subgraph
        2, 8, 7, 8,  # buffer 2: 8 bytes
    ]  # fmt: skip
    assert fingerprint(small_model(), [WEIGHTS]) == zlib.crc32(np.array(stream, "<u4").tobytes())


def test_frozen_weights_count_as_constants():
    expected = fingerprint(small_model(), [])
    model = small_model()
    model.buffers[1].data = model.buffers[1].data.copy()
    model.buffers[1].data[3] ^= 1
    assert fingerprint(model, []) != expected
    assert fingerprint(model, [WEIGHTS]) == fingerprint(small_model(), [WEIGHTS])


def _set_option(operator, key, value):
    setattr(operator.builtinOptions, key, value)


STRUCTURE = {
    "tensor type": lambda g, m: setattr(g.tensors[0], "type", 9),
    "dimension": lambda g, m: setattr(g.tensors[0], "shape", np.array([1, 3], np.int32)),
    "rank": lambda g, m: setattr(g.tensors[0], "shape", np.array([1, 2, 1], np.int32)),
    "buffer index": lambda g, m: setattr(g.tensors[0], "buffer", 1),
    "scale": lambda g, m: setattr(g.tensors[1].quantization, "scale", np.array([0.25], np.float32)),
    "zero point": lambda g, m: setattr(g.tensors[1].quantization, "zeroPoint", np.array([3], np.int64)),
    "quantised dimension": lambda g, m: setattr(g.tensors[1].quantization, "quantizedDimension", 0),
    "builtin code": lambda g, m: setattr(m.operatorCodes[0], "builtinCode", 100),
    "operator input": lambda g, m: setattr(g.operators[0], "inputs", np.array([0, 1], np.int32)),
    "operator output": lambda g, m: setattr(g.operators[1], "outputs", np.array([2], np.int32)),
    "activation": lambda g, m: _set_option(g.operators[0], "fusedActivationFunction", 1),
    "keep_num_dims": lambda g, m: _set_option(g.operators[0], "keepNumDims", True),
    "beta": lambda g, m: _set_option(g.operators[1], "beta", 1.0),
    "options dropped": lambda g, m: setattr(g.operators[1], "builtinOptions", None),
    "options type": lambda g, m: setattr(g.operators[1], "builtinOptionsType", 0),
    "inputs": lambda g, m: setattr(g, "inputs", np.array([2], np.int32)),
    "outputs": lambda g, m: setattr(g, "outputs", np.array([2], np.int32)),
    "constant": lambda g, m: setattr(m.buffers[2], "data", np.arange(8, dtype=np.uint8)),
    "operator removed": lambda g, m: g.operators.pop(),
    "tensor added": lambda g, m: g.tensors.append(schema.TensorT()),
}


@pytest.mark.parametrize("change", STRUCTURE)
def test_every_structural_change_is_noticed(change):
    model = small_model()
    STRUCTURE[change](model.subgraphs[0], model)
    assert fingerprint(model, [WEIGHTS]) != fingerprint(small_model(), [WEIGHTS])


@pytest.mark.parametrize(
    "change",
    [
        lambda g, m: setattr(g.tensors[0], "name", b"other"),
        lambda g, m: setattr(m, "description", b"other"),
        lambda g, m: setattr(m, "metadata", [schema.MetadataT()]),
        lambda g, m: setattr(m.buffers[1], "data", np.zeros(24, np.uint8)),
        lambda g, m: setattr(m.operatorCodes[0], "deprecatedBuiltinCode", 0),
    ],
)
def test_what_does_not_change_the_computation_is_left_out(change):
    model = small_model()
    change(model.subgraphs[0], model)
    assert fingerprint(model, [WEIGHTS]) == fingerprint(small_model(), [WEIGHTS])


def test_weights_crc_follows_the_order_of_parameters():
    model = load(models.tflite("mlp"))
    tensors = [int(t) for t in model.subgraphs[0].operators[0].inputs[1:]]
    raw = [model.buffers[model.subgraphs[0].tensors[t].buffer].data.tobytes() for t in tensors]
    assert weights_crc(model, tensors) == zlib.crc32(raw[0] + raw[1])
    assert weights_crc(model, tensors[::-1]) == zlib.crc32(raw[1] + raw[0])


@pytest.mark.parametrize("name", OPTION_FIELDS)
def test_option_fields_are_the_schema_s(name):
    """All scalars of the options table, with the slot, width and default that the schema's own writer uses."""
    widths = {"Int8": 1, "Bool": 1, "Int32": 4, "Float32": 4}
    expected = set()
    for function_name, function in inspect.getmembers(schema, inspect.isfunction):
        match = re.fullmatch(rf"{name}Add(\w+)", function_name)
        call = re.search(r"Prepend(\w+)Slot\((\d+), \w+, ([\d.]+)\)", inspect.getsource(function)) if match else None
        if match and call:
            field = match[1][0].lower() + match[1][1:]
            expected.add((field, int(call[2]), widths[call[1]], float(call[3])))
    assert {(f.name, f.slot, f.width, float(f.default)) for f in OPTION_FIELDS[name]} == expected
