"""Files that keep constants in fewer bits than they compute with become float32 ones that give the same outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import networks
import numpy as np
import pytest
import stock_runtimes
from bodies import quantised
from command_line import assert_refused
from model_compare import differences
from tflite_builder import ModelBuilder
from tflm_train.converters.dequantize import dequantize_constants
from tflm_train.converters.flatbuffer import TENSOR_TYPE_NAMES, buffer_bytes, builtin_name, dump, load, schema, text
from tflm_train.converters.model_reader import read_graph
from tflm_train.converters.model_writer import METADATA_NAME

import tflm_train as tt

RNG = np.random.default_rng


def dequantized(data: bytes) -> tuple[Any, list[str]]:
    model = load(data)
    return model, dequantize_constants(model)


def outputs(data: bytes, x: np.ndarray) -> np.ndarray:
    return stock_runtimes.run("litert", data, x)


def kinds(model: Any) -> list[str]:
    return [builtin_name(model, op) for op in model.subgraphs[0].operators]


# Files of TFLiteConverter


def wide() -> tuple[Any, tuple[int, ...], str]:
    """Layers of more than 1,024 weights each, so that the converter quantises them."""
    import keras

    layers = keras.layers
    return (
        keras.Sequential(
            [
                keras.Input((12, 12, 3)),
                layers.Conv2D(40, 3, padding="same", activation="relu", name="wide_conv"),
                layers.DepthwiseConv2D(6, activation="relu", depth_multiplier=1, name="depthwise"),
                layers.Conv2D(48, 1, name="pointwise"),
                layers.PReLU(shared_axes=[1, 2], name="slopes"),
                layers.Conv2DTranspose(16, 3, name="transposed"),
                layers.Flatten(name="flatten"),
                layers.Dense(32, activation="relu", name="hidden"),
                layers.Dense(40, activation="softmax", name="scores"),
            ]
        ),
        (12, 12, 3),
        "float32",
    )


def embedding() -> tuple[Any, tuple[int, ...], str]:
    import keras

    layers = keras.layers
    return (
        keras.Sequential(
            [
                keras.Input((10,), dtype="int32"),
                layers.Embedding(200, 32, name="table"),
                layers.Conv1D(64, 3, activation="relu", name="conv"),
                layers.GlobalAveragePooling1D(name="mean"),
                layers.Dense(40, activation="softmax", name="scores"),
            ]
        ),
        (10,),
        "int32",
    )


def attention() -> tuple[Any, tuple[int, ...], str]:
    import keras

    x = keras.Input((12, 32))
    y = keras.layers.MultiHeadAttention(2, 32, name="heads")(x, x)
    return keras.Model(x, keras.layers.Dense(40, name="scores")(y)), (12, 32), "float32"


BUILDERS: dict[str, Callable[[], tuple[Any, tuple[int, ...], str]]] = {
    builder.__name__: builder for builder in (wide, embedding, attention)
}


@functools.cache
def exported(name: str, optimization: str) -> bytes:
    """A model of ``BUILDERS``, or of ``models.BUILDERS``, with a batch size of 1."""
    import tensorflow as tf

    if name in BUILDERS:
        model, shape, dtype = BUILDERS[name]()
        models.set_weights(model)
    else:
        model, dtype = models.keras_model(name), "float32"
        shape = model.input_shape[1:]
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec([1, *shape], dtype))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if optimization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if optimization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def inputs(data: bytes, count: int = 5) -> np.ndarray:
    tensor = load(data).subgraphs[0].tensors[load(data).subgraphs[0].inputs[0]]
    shape = (count, *tensor.shape[1:])
    if tensor.type == schema.TensorType.INT32:
        return RNG(1).integers(0, 200, shape).astype(np.int32)
    return RNG(1).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("name", [*models.BUILDERS, *BUILDERS])
def test_exported_float16_files_keep_every_bit_of_their_outputs(name: str) -> None:
    pytest.importorskip("tensorflow")
    data = exported(name, "float16")
    model, edits = dequantized(data)
    before = load(data)
    count = kinds(before).count("DEQUANTIZE")
    assert count > 2 and kinds(model) == [kind for kind in kinds(before) if kind != "DEQUANTIZE"]
    assert edits[0].startswith(f"{count} constants stored in float16 became float32 (")
    assert f" bytes more), without the {count} DEQUANTIZE operators that expanded" in edits[0] and len(edits) == 1
    assert {TENSOR_TYPE_NAMES[t.type] for t in model.subgraphs[0].tensors} <= {"float32", "int32", "bool"}
    x = inputs(data)
    assert np.array_equal(outputs(dump(model), x), outputs(data, x))


@pytest.mark.parametrize("name", BUILDERS)
def test_an_exported_float16_file_becomes_the_float32_one(name: str) -> None:
    """The same operators, options and constants, as far as float16 holds these."""
    pytest.importorskip("tensorflow")
    model, plain = dequantized(exported(name, "float16"))[0], load(exported(name, "none"))
    assert kinds(model) == kinds(plain)
    for op, other in zip(model.subgraphs[0].operators, plain.subgraphs[0].operators):
        assert not differences(op.builtinOptions, other.builtinOptions)
        for t, u in zip(op.inputs, other.inputs):
            ours, theirs = (m.subgraphs[0].tensors[i] for m, i in ((model, t), (plain, u)))
            stored = [buffer_bytes(m, tensor.buffer) for m, tensor in ((model, ours), (plain, theirs))]
            if t >= 0 and ours.type == schema.TensorType.FLOAT32 and stored[1]:
                rounded = np.frombuffer(stored[1], "<f4").astype(np.float16).astype("<f4")
                assert stored[0] == rounded.tobytes()


@pytest.mark.parametrize("name", BUILDERS)
def test_exported_hybrid_files_become_float_models_of_their_weights(name: str) -> None:
    """The reference: the same model exported in float32, its weights replaced by scale * integer."""
    pytest.importorskip("tensorflow")
    data = exported(name, "dynamic")
    hybrid, reference = load(data), load(exported(name, "none"))
    pairs = zip(
        (op for op in hybrid.subgraphs[0].operators if builtin_name(hybrid, op) != "DEQUANTIZE"),
        reference.subgraphs[0].operators,
    )
    count = 0
    for op, plain in pairs:
        for t, u in zip(op.inputs, plain.inputs):
            tensor, raw = hybrid.subgraphs[0].tensors[t], buffer_bytes(hybrid, hybrid.subgraphs[0].tensors[t].buffer)
            if t >= 0 and tensor.type == schema.TensorType.INT8 and raw:
                q, axis = tensor.quantization, tensor.quantization.quantizedDimension
                scale = q.scale.reshape([-1 if a == axis else 1 for a in range(len(tensor.shape))])
                values = np.frombuffer(raw, np.int8).reshape(tensor.shape) * scale.astype(np.float32)
                buffer = reference.buffers[reference.subgraphs[0].tensors[u].buffer]
                assert len(buffer.data) == values.nbytes
                buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
                count += 1
    assert count >= 3
    model, edits = dequantized(data)
    assert edits[0].startswith(f"{count} constants stored in int8 became float32 (") and len(edits) == 1
    assert edits[0].endswith("; activations are no longer rounded to int8 on the fly")
    x = inputs(data)
    ours, theirs = outputs(dump(model), x), outputs(dump(reference), x)
    assert np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max()
    # what the kernels of hybrid files round on the fly: .5 to 2.3 % of the largest output
    original = outputs(data, x)
    assert 0 < np.abs(ours - original).max() <= 0.03 * np.abs(original).max()


@pytest.mark.parametrize("optimization", ["float16", "dynamic"])
def test_an_exported_file_trains_as_the_float32_one(optimization: str, tmp_path: Path, run: Any) -> None:
    pytest.importorskip("tensorflow")
    data = exported("wide", optimization)
    (tmp_path / "m.tflite").write_bytes(data)
    content = run("convert", tmp_path / "m.tflite", "-o", tmp_path / "out.tflite", "--layers", "last:2", "--json").json
    assert "became float32" in content["edits"][0]
    model = tt.load_model(tmp_path / "out.tflite")
    names = [text(t.name) for t in load(model.data).subgraphs[0].tensors]
    assert not [name for name in names if "dequantize" in name.lower()]
    inspected = [run("inspect", tmp_path / name, "--json").json for name in ("m.tflite", "out.tflite")]
    assert [o["name"] for o in inspected[0]["operators"]] == [o["name"] for o in inspected[1]["operators"]]
    trainer = tt.Trainer(model)
    x, y = inputs(data, 40), RNG(2).integers(0, 40, 40)
    history = trainer.fit(x, y, epochs=4, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    trainer.save(tmp_path / "trained.tflite")
    trained = (tmp_path / "trained.tflite").read_bytes()
    np.testing.assert_allclose(outputs(trained, x), trainer.predict(x), atol=1e-5)
    assert np.array_equal(tt.convert(trained).data, tt.convert(tt.convert(trained).data).data)
    assert not [edit for edit in tt.convert(trained).edits if "became float32" in edit]
    # a stock runtime is given the file as it is
    np.savez(tmp_path / "d.npz", x=x, y=y)
    evaluated = run("evaluate", tmp_path / "m.tflite", "--data", tmp_path / "d.npz", "--runtime", "litert", "--json")
    losses = -np.log(outputs(data, x)[np.arange(40), y])
    assert evaluated.json["loss"] == pytest.approx(losses.mean(), rel=1e-5)


# Every way to store a constant, operator by operator

BITS = {"int2": 2, "int4": 4, "uint4": 4, "int8": 8, "uint8": 8, "int16": 16}


def packed(values: np.ndarray, dtype: str) -> bytes:
    """Bytes of integers, the first of several in a byte in its lowest bits."""
    if BITS[dtype] >= 8:
        return values.astype(dtype).tobytes()
    each = 8 // BITS[dtype]
    fields = np.zeros(-(-values.size // each) * each, np.uint8)
    fields[: values.size] = values.ravel().astype(np.int64) & (2 ** BITS[dtype] - 1)
    parts = fields.reshape(-1, each) << np.arange(0, 8, BITS[dtype], dtype=np.uint8)
    return np.bitwise_or.reduce(parts, axis=1).astype(np.uint8).tobytes()


def constant(
    b: ModelBuilder, values: np.ndarray, dtype: str, scale: Any = 0.5, zero_point: Any = 0, axis: int = 0
) -> int:
    """A constant of integers; ``values`` are those that the file stores."""
    t = b.constant(np.zeros(values.shape, np.float32))
    quantised(b, t, dtype, scale, zero_point)
    b.graph.tensors[t].quantization.quantizedDimension = axis
    b.model.buffers[b.graph.tensors[t].buffer].data = np.frombuffer(packed(values, dtype), np.uint8)
    return t


def integers(dtype: str, *shape: int) -> np.ndarray:
    signed = not dtype.startswith("u")
    low, high = (-(2 ** (BITS[dtype] - 1)), 2 ** (BITS[dtype] - 1)) if signed else (0, 2 ** BITS[dtype])
    return RNG(3).integers(low, high, shape)


def stored_floats(model: Any, operator: int = 0, position: int = 1) -> np.ndarray:
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].operators[operator].inputs[position]]
    assert tensor.type == schema.TensorType.FLOAT32 and tensor.quantization is None
    return np.frombuffer(buffer_bytes(model, tensor.buffer), "<f4").reshape(tensor.shape)


def whole_inputs(rows: int, *shape: int, low: int = -127) -> np.ndarray:
    """Activations that the kernels of hybrid files do not round: whole numbers, from ``low`` to 127 in each row."""
    x = RNG(4).integers(low, 128, (rows, int(np.prod(shape)))).astype(np.float32)
    x[:, 0], x[:, 1] = 127, low
    return x.reshape(rows, *shape)


@pytest.mark.parametrize(
    ("dtype", "form"),
    [
        (dtype, form)
        for dtype in BITS
        for form in ("tensor", "zero point", "channel")
        if dtype != "int16" or form == "tensor"  # LiteRT's int16 has one scale and no zero point
    ],
)
def test_integers_behind_dequantize(dtype: str, form: str) -> None:
    scale, zero_point = {"tensor": (0.3, 0), "zero point": (0.3, 2), "channel": ([0.5, 0.3, 1.7], [0] * 3)}[form]
    b = ModelBuilder()
    w = constant(b, integers(dtype, 3, 7), dtype, scale, zero_point)
    y = b.op("FULLY_CONNECTED", [b.input(1, 7), b.op("DEQUANTIZE", [w], (3, 7)), -1], (1, 3))
    data = b.finish(y)
    model, edits = dequantized(data)
    expected = (integers(dtype, 3, 7) - np.reshape(zero_point, (-1, 1))) * np.float32(np.reshape(scale, (-1, 1)))
    assert np.array_equal(stored_floats(model), expected.astype(np.float32))
    saved = 84 - len(packed(integers(dtype, 3, 7), dtype))
    assert edits == [
        f"1 constant stored in {dtype} became float32 ({saved} bytes more), without the 1 DEQUANTIZE operator that "
        "expanded what was stored"
    ]
    x = RNG(5).normal(size=(4, 7)).astype(np.float32)
    assert np.array_equal(outputs(dump(model), x), outputs(data, x))


@pytest.mark.parametrize("dtype", ["int2", "int4", "int8", "uint8"])
@pytest.mark.parametrize("form", ["tensor", "channel"])
def test_integer_weights_of_a_dense_layer(dtype: str, form: str) -> None:
    """Kernels read the bytes of uint8 weights, which old converters wrote, as int8."""
    scale = 0.25 if form == "tensor" else [0.5, 0.25, 2.0]
    b = ModelBuilder()
    w = constant(b, integers(dtype, 3, 8), dtype, scale, 0 if form == "tensor" else [0] * 3)
    data = b.finish(b.op("FULLY_CONNECTED", [b.input(1, 8), w, b.constant(np.ones(3))], (1, 3)))
    model, _ = dequantized(data)
    signed = integers(dtype, 3, 8).astype(np.int8) if dtype == "uint8" else integers(dtype, 3, 8)
    assert np.array_equal(stored_floats(model), signed * np.reshape(scale, (-1, 1)))
    x = whole_inputs(4, 8)
    np.testing.assert_allclose(outputs(dump(model), x), outputs(data, x), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "BATCH_MATMUL"])
def test_integer_weights_of_other_operators(kind: str) -> None:
    b, whole = ModelBuilder(), whole_inputs(3, 5, 5, 2, low=-128)  # kernels of convolutions choose a zero point too
    scales, zeros = [0.5, 0.25, 1.5, 0.75], [0] * 4
    shape, axis, position = {
        "CONV_2D": ((4, 3, 3, 2), 0, 1),
        "DEPTHWISE_CONV_2D": ((1, 3, 3, 4), 3, 1),
        "TRANSPOSE_CONV": ((4, 3, 3, 2), 0, 1),
        "BATCH_MATMUL": ((2, 4), 0, 1),
    }[kind]
    values = integers("int8", *shape)
    if kind == "BATCH_MATMUL":
        x, whole = b.input(1, 3, 2), whole_inputs(9, 2).reshape(3, 3, 2)  # each row has a scale of its own
        y = b.op(kind, [x, constant(b, values, "int8", 0.5)], (1, 3, 4))
        scales = [0.5]
    elif kind == "TRANSPOSE_CONV":
        w = constant(b, values, "int8", scales, zeros, axis)
        y = b.op(kind, [b.constant(np.array([1, 5, 5, 4])), w, b.input(1, 5, 5, 2)], (1, 5, 5, 4), strideH=1, strideW=1)
    else:
        x = b.input(1, 5, 5, 2)
        y = b.conv(x, np.zeros(shape), np.ones(4), multiplier=2 if kind.startswith("DEPTH") else 0)
        b.graph.operators[0].inputs[1] = constant(b, values, "int8", scales, zeros, axis)
    data = b.finish(y)
    model, edits = dequantized(data)
    along = np.reshape(scales, [-1 if a == axis else 1 for a in range(len(shape))])
    assert np.array_equal(stored_floats(model, 0, position), values * along) and "activations" in edits[0]
    ours, theirs = outputs(dump(model), whole), outputs(data, whole)
    assert np.abs(ours - theirs).max() <= 1e-6 * np.abs(theirs).max()
    read_graph(model, "m")


def test_a_table_whose_rows_are_expanded() -> None:
    """As the converter writes Keras' Embedding; here read twice, once with two DEQUANTIZE operators behind."""
    b = ModelBuilder()
    table = constant(b, integers("int8", 9, 4), "int8", 0.3, 5)
    x = b.input(1, 3, dtype="int32")
    first, second = (quantised(b, b.op("GATHER", [table, x], (1, 3, 4)), "int8", 0.3, 5) for _ in range(2))
    rows = [b.op("DEQUANTIZE", [t], (1, 3, 4)) for t in (first, first, second)]
    y = b.op("ADD", [b.op("MUL", rows[:2], (1, 3, 4)), rows[2]], (1, 3, 4))
    data = b.finish(y)
    model, edits = dequantized(data)
    assert kinds(model) == ["GATHER", "GATHER", "MUL", "ADD"] and "3 DEQUANTIZE operators" in edits[0]
    x_values = RNG(6).integers(0, 9, (5, 3)).astype(np.int32)
    assert np.array_equal(outputs(dump(model), x_values), outputs(data, x_values))


def lstm() -> bytes:
    b = ModelBuilder()
    x = b.input(1, 4, 3)
    shapes = [(5, 3)] * 4 + [(5, 5)] * 4
    weights = [constant(b, integers("int8", *shape) // 2, "int8", 0.01 + 0.002 * i) for i, shape in enumerate(shapes)]
    biases = [b.constant(RNG(i).normal(size=5)) for i in range(4)]
    states = [b.tensor((1, 5), name=f"state_{i}") for i in range(2)]
    for state in states:
        b.graph.tensors[state].isVariable = True
    inputs = [x, *weights, -1, -1, -1, *biases, -1, -1, *states, -1, -1, -1, -1]
    y = b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1, 4, 5), fusedActivationFunction=4, cellClip=10.0)
    return b.finish(b.dense(b.reshape(y, 1, 20), RNG(7).normal(size=(3, 20)), None))


def test_a_hybrid_body_computes_in_float32_as_the_head_behind_it() -> None:
    """TensorFlow Lite Micro runs no hybrid LSTM."""
    data = lstm()
    model = tt.convert(data)
    assert model.has_external_body and "8 constants stored in int8" in model.edits[0]
    x = RNG(8).normal(size=(4, 4, 3)).astype(np.float32)
    original, ours = outputs(data, x), outputs(model.data, x)
    assert 0 < np.abs(original - ours).max() < 0.02 * np.abs(original).max()
    np.testing.assert_allclose(stock_runtimes.run("tflite-micro", model.data, x), ours, atol=1e-5)


# What the rest of the file becomes


def two_layers(share: str, scale: float = 0.5) -> ModelBuilder:
    """Dense layers whose weights share a tensor or a buffer."""
    b = ModelBuilder()
    w = constant(b, integers("int8", 4, 4), "int8", 0.5)
    other = w if share == "tensor" else constant(b, integers("int8", 4, 4), "int8", scale)
    if other != w:
        assert b.graph.tensors[other].buffer == len(b.model.buffers) - 1
        b.model.buffers.pop()
        b.graph.tensors[other].buffer = b.graph.tensors[w].buffer
    y = b.op("FULLY_CONNECTED", [b.input(1, 4), w, -1], (1, 4))
    b.op("FULLY_CONNECTED", [y, other, -1], (1, 4))
    return b


def weights_of(model: Any) -> list[Any]:
    graph = model.subgraphs[0]
    return [graph.tensors[op.inputs[1]] for op in graph.operators]


@pytest.mark.parametrize("share", ["tensor", "buffer"])
def test_what_was_shared_stays_shared(share: str) -> None:
    b = two_layers(share)
    model, edits = dequantized(b.finish(len(b.graph.tensors) - 1))
    first, second = weights_of(model)
    assert first.buffer == second.buffer and (first is second) == (share == "tensor")
    assert edits[0].startswith(f"{1 if share == 'tensor' else 2} constant") and "(48 bytes more)" in edits[0]
    converted = tt.convert(b.finish(len(b.graph.tensors) - 1))  # each layer trains its own
    assert sum("now has its own copy" in edit for edit in converted.edits) == 1


def test_a_buffer_that_stands_for_two_things_becomes_two() -> None:
    b = two_layers("buffer", scale=2.0)
    model, _ = dequantized(b.finish(len(b.graph.tensors) - 1))
    first, second = weights_of(model)
    assert first.buffer != second.buffer
    assert np.array_equal(stored_floats(model, 0), 0.5 * integers("int8", 4, 4))
    assert np.array_equal(stored_floats(model, 1), 2.0 * integers("int8", 4, 4))


def float16_file() -> ModelBuilder:
    """A float16 constant behind DEQUANTIZE, beside one in float32, with metadata and a signature."""
    b = ModelBuilder()
    x = b.input(1, 4)
    w = b.op("DEQUANTIZE", [b.constant(RNG(9).normal(size=(4, 4)).astype(np.float16))], (4, 4))
    y = b.op("FULLY_CONNECTED", [x, w, b.constant(np.ones(4))], (1, 4))
    y = b.dense(y, np.eye(4), None)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(b"kept", np.uint8)
    b.model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"notes", len(b.model.buffers) - 1
    b.model.metadata = [entry]
    signature = schema.SignatureDefT()
    ends = [schema.TensorMapT() for _ in range(2)]
    (ends[0].name, ends[0].tensorIndex), (ends[1].name, ends[1].tensorIndex) = (b"in", x), (b"out", y)
    signature.inputs, signature.outputs, signature.signatureKey = ends[:1], ends[1:], b"serving_default"
    b.model.signatureDefs = [signature]
    return b


def test_all_else_stays_and_nothing_is_left_over() -> None:
    b = float16_file()
    before = load(b.finish(len(b.graph.tensors) - 1))
    model, _ = dequantized(dump(before))
    graph = model.subgraphs[0]
    assert [text(t.name) for t in graph.tensors] == ["input", "tensor_1", "tensor_3", "fully_connected_1"] + [
        "tensor_5",
        "fully_connected_2",
    ]
    assert [builtin_name(model, op) for op in graph.operators] == ["FULLY_CONNECTED"] * 2
    assert len(model.operatorCodes) == 1 and len(before.operatorCodes) == 2
    (signature,), (entry,) = model.signatureDefs, model.metadata
    assert signature.inputs[0].tensorIndex == graph.inputs[0] == 0
    assert signature.outputs[0].tensorIndex == graph.outputs[0] == len(graph.tensors) - 1
    assert buffer_bytes(model, entry.buffer) == b"kept"
    referred = {0, entry.buffer, *(t.buffer for t in graph.tensors)}
    assert referred == set(range(len(model.buffers)))
    read_graph(load(dump(model)), "m")


@pytest.mark.parametrize("name", networks.ALL)
def test_a_float32_file_is_not_touched(name: str) -> None:
    before = load(networks.ALL[name]())
    model, edits = dequantized(networks.ALL[name]())
    assert edits == [] and differences(before, model) == []


# What stays, and is refused by name


def hybrid(**changes: Any) -> bytes:
    """A dense layer with int8 weights, some of it changed."""
    b = ModelBuilder()
    w = constant(b, integers("int8", 3, 8), "int8", changes.get("scale", 0.5), changes.get("zero_point", 0))
    y = b.op("FULLY_CONNECTED", [b.input(1, 8), w, -1], (1, 3))
    if "details" in changes:
        q = b.graph.tensors[w].quantization
        q.detailsType = schema.QuantizationDetails.BlockwiseQuantization
        q.details = schema.BlockwiseQuantizationT()
        q.details.blockSize = 4
    if "sparsity" in changes:
        b.graph.tensors[w].sparsity = schema.SparsityParametersT()
    if "integers too" in changes:
        z = quantised(b, b.op("QUANTIZE", [y], (1, 3)), "int8", 0.1)
        w3 = b.op("TRANSPOSE", [w, b.constant(np.array([1, 0]))], (8, 3))
        quantised(b, w3, "int8", 0.5)
        y = quantised(b, b.op("FULLY_CONNECTED", [z, w3, -1], (1, 8)), "int8", 0.1)
        y = b.op("DEQUANTIZE", [y], (1, 8))
    return b.finish(y)


REFUSED = {
    "a zero point": (
        hybrid(zero_point=3),
        "is hybrid: FULLY_CONNECTED 'fully_connected_0' has int8 weights .*zero point",
    ),
    "blocks": (hybrid(details=True), "is hybrid: .*one for each block.*without optimisations"),
    "no scale": (hybrid(scale=np.zeros(0)), "is hybrid: .*lack a scale"),
    "a scale that is none": (hybrid(scale=np.nan), "is hybrid: .*lack a scale"),
    "scales for other channels": (hybrid(scale=[1, 1], zero_point=[0, 0]), "is hybrid"),
    "integers too": (hybrid(**{"integers too": True}), "is hybrid: .*integer arithmetic reads them too"),
    "sparse": (hybrid(sparsity=True), "stores tensor .* sparsely"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_expanded_is_refused_by_name(kind: str, run: Any, tmp_path: Path) -> None:
    data, message = REFUSED[kind]
    before, (model, edits) = load(data), dequantized(data)
    assert edits == [] and differences(before, model) == []
    with pytest.raises(tt.ConversionError, match=message):
        tt.convert(data)
    (tmp_path / "m.tflite").write_bytes(data)
    assert_refused(run("convert", tmp_path / "m.tflite", "-o", tmp_path / "out.tflite"), "m.tflite")


def test_activations_in_float16_are_refused() -> None:
    b = ModelBuilder()
    w = b.constant(np.ones((3, 8), np.float16))
    y = b.op("FULLY_CONNECTED", [b.input(1, 8, dtype="float16"), w, -1], (1, 3))
    b.graph.tensors[y].type = schema.TensorType.FLOAT16
    with pytest.raises(tt.ConversionError, match="computes in float16 .*export it in float32"):
        tt.convert(b.finish(y))


def test_a_damaged_constant_is_refused() -> None:
    b = float16_file()
    b.model.buffers[1].data = b.model.buffers[1].data[:-2]
    with pytest.raises(tt.ConversionError, match="damaged: tensor 1 .* holds 30 bytes"):
        tt.convert(b.finish(len(b.graph.tensors) - 1))


def test_the_plan_of_such_a_file_is_for_what_was_written() -> None:
    b = float16_file()
    model = tt.convert(b.finish(len(b.graph.tensors) - 1))
    assert [text(entry.name) for entry in load(model.data).metadata] == ["notes", METADATA_NAME]
    x = RNG(10).normal(size=(6, 4)).astype(np.float32)
    np.testing.assert_allclose(tt.Trainer(model).predict(x), outputs(model.data, x), atol=1e-6)
