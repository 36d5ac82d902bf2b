"""``.tflite`` to ``Graph``: what it holds, what is folded, what is refused and how."""

from __future__ import annotations

import models
import numpy as np
import pytest
from tflite_builder import ModelBuilder
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.flatbuffer import dump, load, schema
from tflm_train.converters.graph import Graph
from tflm_train.converters.model_reader import read_graph


def read(data: bytes, name: str = "a.tflite") -> Graph:
    return read_graph(load(data, name), name)


def small_builder() -> tuple[ModelBuilder, int]:
    b = ModelBuilder()
    x = b.conv(b.input(1, 6, 6, 2), np.ones((3, 3, 3, 2)), np.ones(3), (2, 1), "VALID", (1, 2), "RELU6")
    return b, x


def test_tensors_operators_and_options():
    b, x = small_builder()
    graph = read(b.finish(x))
    op = graph.operators[0]
    assert (graph.name, graph.inputs, graph.outputs) == ("a.tflite", (0,), (x,))
    assert (op.type, op.inputs, op.outputs) == ("CONV_2D", (0, 1, 2), (3,))
    options = {k: v for k, v in op.options.items() if k != "quantized_bias_type"}
    assert options == {
        "padding": "VALID",
        "stride_h": 2,
        "stride_w": 1,
        "dilation_h_factor": 1,
        "dilation_w_factor": 2,
        "fused_activation_function": "RELU6",
    }
    weights = graph.tensors[1]
    assert (weights.shape, weights.dtype, weights.data.dtype) == ((3, 3, 3, 2), "float32", np.float32)
    assert (weights.data == 1).all() and not weights.data.flags.writeable
    assert graph.tensors[0].data is None and graph.tensors[3].data is None


def test_absent_options_have_their_defaults():
    b = ModelBuilder()
    y = b.dense(b.input(1, 2), np.ones((3, 2)), None)
    model = load(b.finish(y))
    operator = model.subgraphs[0].operators[0]
    operator.builtinOptions, operator.builtinOptionsType = None, 0
    options = read(dump(model)).operators[0].options
    assert options["fused_activation_function"] == "NONE" and options["weights_format"] == "DEFAULT"


def test_operators_that_the_project_does_not_know_are_listed():
    b = ModelBuilder()
    x = b.op("POW", [b.input(1, 2), b.constant(np.ones(2))], (1, 2))
    graph = read(b.finish(x))
    assert [op.type for op in graph.operators] == ["POW"]


def test_quantisation_is_read():
    b, x = small_builder()
    model = load(b.finish(x))
    q = schema.QuantizationParametersT()
    q.scale, q.quantizedDimension = np.array([0.5, 0.25, 2], np.float32), 3
    model.subgraphs[0].tensors[1].quantization = q
    assert read(dump(model)).tensors[1].quantization is None  # scales alone say nothing
    q.zeroPoint = np.zeros(3, np.int64)
    found = read(dump(model)).tensors[1].quantization
    assert found.scales.tolist() == [0.5, 0.25, 2] and found.zero_points.tolist() == [0, 0, 0] and found.axis == 3


# Shape arithmetic


def flatten_with_free_batch() -> bytes:
    b = ModelBuilder()
    x = b.input(1, 2, 3)
    y = b.flatten(x)
    b.graph.tensors[x].shapeSignature = np.array([-1, 2, 3], np.int32)
    b.graph.tensors[y].shapeSignature = np.array([-1, 6], np.int32)
    return b.finish(b.dense(y, np.ones((2, 6)), np.zeros(2)))


def test_shape_arithmetic_is_folded():
    graph = read(flatten_with_free_batch())
    assert [op.type for op in graph.operators] == ["SHAPE", "STRIDED_SLICE", "PACK", "RESHAPE", "FULLY_CONNECTED"]
    assert graph.folded == {0, 1, 2}
    target = graph.tensors[graph.operators[3].inputs[1]]
    assert target.data.tolist() == [1, 6] and target.data.dtype == np.int32


def test_exported_flatten_with_free_batch_is_folded():
    tf = pytest.importorskip("tensorflow")
    model = models.keras_model("cnn")
    free = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([None, 12, 12, 1]))
    graph = read(tf.lite.TFLiteConverter.from_concrete_functions([free]).convert())
    assert {graph.operators[i].type for i in graph.folded} == {"SHAPE", "STRIDED_SLICE", "PACK"}
    reshape = next(op for op in graph.operators if op.type == "RESHAPE")
    assert graph.tensors[reshape.inputs[1]].data.tolist() == [1, 72]


def test_a_folded_shape_that_contradicts_the_file_is_refused():
    model = load(flatten_with_free_batch())
    model.subgraphs[0].tensors[int(model.subgraphs[0].operators[0].outputs[0])].shape = np.array([4], np.int32)
    with pytest.raises(ConversionError, match=r"a.tflite is damaged: operator 0 \(SHAPE\) computes shape \[3\]"):
        read(dump(model))


# Refusals


def with_change(change) -> bytes:
    b, x = small_builder()
    model = load(b.finish(b.dense(b.reshape(x, 1, 12), np.ones((2, 12)), np.zeros(2))))
    change(model, model.subgraphs[0])
    return dump(model)


def _signature(model, graph, tensor, signature):
    graph.tensors[tensor].shapeSignature = np.array(signature, np.int32)


def _integer_weights(model, graph):
    weights = graph.operators[0].inputs[1]
    graph.tensors[weights].type = schema.TensorType.INT8
    model.buffers[graph.tensors[weights].buffer].data = np.ones(54, np.uint8)


def _half_weights(model, graph):
    weights = graph.operators[0].inputs[1]
    graph.tensors[weights].type = schema.TensorType.FLOAT16
    model.buffers[graph.tensors[weights].buffer].data = np.ones(108, np.uint8)


def _operator_code(model, graph, operator, name, options="NONE"):
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    model.operatorCodes.append(code)
    graph.operators[operator].opcodeIndex = len(model.operatorCodes) - 1
    graph.operators[operator].builtinOptionsType = getattr(schema.BuiltinOptions, options)
    graph.operators[operator].builtinOptions = None


def _compiled(model, graph):
    _operator_code(model, graph, 1, "CUSTOM")
    model.operatorCodes[-1].customCode = b"ethos-u"
    # the quantised file that such a compiler was given must not be what the message is about
    graph.tensors[0].type = schema.TensorType.INT8


REFUSED = {
    "compiled": (_compiled, "was compiled by Vela, for an Ethos-U .*convert the .tflite that the compiler was given"),
    "dynamic width": (lambda m, g: _signature(m, g, 0, [-1, 6, -1, 2]), "has dynamic shapes.*fixed input shapes"),
    "batch of three": (
        lambda m, g: setattr(g.tensors[0], "shape", np.array([3, 6, 6, 2], np.int32)),
        "takes batches of 3.*batch size 1",
    ),
    "half floats": (_half_weights, "computes in float16 .*export it in float32"),
    "hybrid": (_integer_weights, "is hybrid: CONV_2D .*without optimisations"),
    "int16": (
        lambda m, g: setattr(g.tensors[int(g.outputs[0])], "type", schema.TensorType.INT16),
        "is quantised to int16 .*this release trains float32 and int8",
    ),
    "sparse": (
        lambda m, g: setattr(g.tensors[1], "sparsity", schema.SparsityParametersT()),
        "stores tensor .* sparsely.*without the sparsity",
    ),
    "space to batch": (
        lambda m, g: _operator_code(m, g, 1, "SPACE_TO_BATCH_ND"),
        "holds SPACE_TO_BATCH_ND.*dilated convolution.*batch size 1",
    ),
    "while": (lambda m, g: _operator_code(m, g, 1, "WHILE"), "has control flow .WHILE.*unroll=True in Keras.*Conv1D"),
    "recurrent": (
        lambda m, g: _operator_code(m, g, 2, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        "holds .*SEQUENCE_LSTM.*: recurrent layers .*unroll=True in Keras.*Conv1D",
    ),
    "variables": (lambda m, g: _operator_code(m, g, 1, "READ_VARIABLE"), "keeps its weights in variables.*frozen"),
    "states": (
        lambda m, g: setattr(g.tensors[int(g.operators[0].outputs[0])], "isVariable", True),
        "keeps a state .*variable tensor.*without state",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refusals_name_the_file_the_reason_and_the_way_out(kind):
    change, message = REFUSED[kind]
    with pytest.raises(ConversionError, match=f"^a.tflite {message}"):
        read(with_change(change))


def test_what_a_frozen_body_may_hold_is_read():
    """Recurrent and quantised operators in front of a float32 layer."""
    read(with_change(lambda m, g: _operator_code(m, g, 1, "UNIDIRECTIONAL_SEQUENCE_LSTM")))
    read(with_change(lambda m, g: setattr(g.tensors[0], "type", schema.TensorType.INT8)))


def test_a_free_batch_with_stored_size_1_is_accepted():
    assert read(with_change(lambda m, g: _signature(m, g, 0, [-1, 6, 6, 2]))).inputs == (0,)


def test_exported_dilated_conv1d_with_free_batch_is_refused_with_an_explanation():
    tf = pytest.importorskip("tensorflow")
    model = models.keras_model("conv1d")
    free = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([None, 24, 3]))
    with pytest.raises(ConversionError, match="SPACE_TO_BATCH_ND.*convert the Keras model itself"):
        read(tf.lite.TFLiteConverter.from_concrete_functions([free]).convert())


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "cast",
            r"computes in float32 but takes uint8 \(input .*, converted by CAST\); export it with a float32 input",
        ),
        ("dequantize", r"takes uint8 .*DEQUANTIZE.*had the number n, the float32 input is 0.5 \* \(n - 3\)"),
        ("output", "computes in float32 but gives uint8 .*inference_output_type"),
    ],
)
def test_integers_at_the_ends_are_told_from_quantised_models(kind, message):
    with pytest.raises(ConversionError, match=message):
        read(with_integer_ends(kind))


@pytest.mark.parametrize("kind", ["quantize", "uint8 quantize"])
def test_integers_at_the_ends_of_int8_models_are_read(kind):
    assert [op.type for op in read(with_integer_ends(kind)).operators][1] == "FULLY_CONNECTED"


def with_integer_ends(kind):
    """A dense layer, float32 or int8, behind operators that convert its input or output."""
    b, quantised = ModelBuilder(), "quantize" in kind.split()
    before, after = {
        "cast": ("CAST", ""),
        "dequantize": ("DEQUANTIZE", ""),
        "output": ("", "CAST"),
        "quantize": ("QUANTIZE", "DEQUANTIZE"),
        "uint8 quantize": ("QUANTIZE", "QUANTIZE"),
    }[kind]
    x = b.input(1, 4)
    y = b.op(before, [x], (1, 4)) if before else x
    scores = b.dense(y, np.ones((2, 4), np.int8 if quantised else np.float32), None)
    output = b.op(after, [scores], (1, 2)) if after else scores
    integers = {x: kind in ("cast", "dequantize", "uint8 quantize"), output: kind in ("output", "uint8 quantize")}
    for tensor, is_integer in integers.items():
        if is_integer:
            b.graph.tensors[tensor].type = schema.TensorType.UINT8
    for tensor in (y, scores) if quantised else ():
        b.graph.tensors[tensor].type = schema.TensorType.INT8
    q = schema.QuantizationParametersT()
    q.scale, q.zeroPoint = np.array([0.5], np.float32), np.array([3], np.int64)
    b.graph.tensors[x].quantization = q
    return b.finish(output)


def test_keras_models_of_whole_numbers_are_told_what_they_are():
    keras = pytest.importorskip("keras")
    layers = keras.layers
    stack = [keras.Input((4, 4, 1), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)]
    with pytest.raises(ConversionError, match="computes in float32 but takes uint8 .*CAST.*keras.Input without dtype"):
        read(models.export_keras(keras.Sequential(stack))[0])


def _first_options(**values):
    def change(model, graph):
        for key, value in values.items():
            assert hasattr(graph.operators[0].builtinOptions, key)
            setattr(graph.operators[0].builtinOptions, key, value)

    return change


def _field(part, index, key, value):
    """Sets a field of graph.tensors[index] or graph.operators[index]; lists become int32 arrays."""
    value = np.array(value, np.int32) if isinstance(value, list) else value
    return lambda model, graph: setattr(getattr(graph, part)[index], key, value)


def _short_bias(model, graph):
    graph.tensors[2].shape = np.array([1], np.int32)
    model.buffers[2].data = np.zeros(4, np.uint8)


def _options_of_a_pool(model, graph):
    graph.operators[0].builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    graph.operators[0].builtinOptions = schema.Pool2DOptionsT()


DAMAGED = {
    "constant too short": (lambda m, g: setattr(m.buffers[1], "data", np.zeros(4, np.uint8)), "holds 4 bytes"),
    "options of another operator": (_options_of_a_pool, "has Pool2DOptions"),
    "unknown activation": (_first_options(fusedActivationFunction=77), "unknown fused_activation_function 77"),
    "read before computed": (lambda m, g: g.operators.reverse(), "before it is computed"),
    "computed twice": (_field("operators", 2, "outputs", [3]), "tensor 3 .* is computed twice"),
    "output never computed": (lambda m, g: setattr(g, "outputs", np.array([1], np.int32)), "computed by no operator"),
    "wrong output shape": (_field("tensors", 3, "shape", [1, 2, 3, 3]), r"output of shape \[1, 2, 3, 3\]"),
    "stride zero": (_first_options(strideH=0), "stride"),
    "filter larger than image": (_first_options(dilationWFactor=9), "filter larger"),
    "bias of another length": (_short_bias, "bias that has not 3"),
    "no weights": (_field("operators", 0, "inputs", [0]), "fewer than 2 inputs"),
    "weights omitted": (_field("operators", 0, "inputs", [0, -1, 2]), "no input 1"),
    "reshape to another size": (_field("operators", 1, "inputs", [0, 4]), "another size"),
    "no output": (_field("operators", 2, "outputs", []), "no output"),
    "huge": (_field("tensors", 3, "shape", [1, 2**30, 2**30, 3]), "elements"),
    "empty": (_field("tensors", 3, "shape", [1, 0, 2, 3]), "has 0 elements"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_graphs_are_refused(kind):
    change, message = DAMAGED[kind]
    with pytest.raises(ConversionError, match=f"^a.tflite.*({message})"):
        read(with_change(change))


@pytest.mark.parametrize("name", models.BUILDERS)
def test_exported_models_are_read_whole(name):
    graph = read(models.tflite(name))
    assert len(graph.inputs) == len(graph.outputs) == 1 and not graph.folded
    weights = [op for op in graph.operators if op.type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
    assert all(graph.tensors[op.inputs[1]].data is not None for op in weights) and len(weights) >= 3
