"""``--quantize int8 --representative D.npz``: what TensorFlow makes of a float32 model, and what mistakes are told."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bodies
import models
import networks
import numpy as np
import pytest
import stock_runtimes
from command_line import assert_refused
from model_compare import differences
from tflite_builder import ModelBuilder
from tflm_train.converters import quantize as quantization
from tflm_train.converters.flatbuffer import TENSOR_TYPE_NAMES, buffer_bytes, builtin_name, dump, load, schema, text
from tflm_train.converters.model_source import ModelSource, read_model
from tflm_train.converters.operators import PARAMETER_OPERATORS
from tflm_train.converters.quantize import MOST_SAMPLES, float_graph, quantize

import tflm_train as tt
from tflm_train.data_files import load_inputs
from tflm_train.representative import representative_samples

pytest.importorskip("tensorflow")


@pytest.fixture
def own_process() -> None:
    """For tests that run TensorFlow as users do."""


@pytest.fixture(autouse=True)
def in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow is imported here already; a process of its own takes ten seconds for that."""
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr(quantization, "_in_own_process", quantization.process.quantize_file)


def quantised(model: Any, x: Any, add_bias: bool = False) -> ModelSource:
    source = read_model(model)
    return quantize(source, representative_samples(float_graph(source), x), add_bias)


def tensors(data: bytes) -> list[Any]:
    return load(data).subgraphs[0].tensors


def types(data: bytes) -> dict[str, set[str]]:
    """Types of what is computed, of weights and of biases."""
    model = load(data)
    graph = model.subgraphs[0]
    found: dict[str, set[str]] = {"ends": set(), "computed": set(), "w": set(), "b": set()}
    name = lambda t: TENSOR_TYPE_NAMES[graph.tensors[t].type]  # noqa: E731
    found["ends"] = {name(t) for t in (*graph.inputs, *graph.outputs)}
    for op in graph.operators:
        found["computed"] |= {name(t) for t in op.outputs}
        if builtin_name(model, op) in PARAMETER_OPERATORS:
            found["w"].add(name(op.inputs[1]))
            found["b"] |= {name(t) for t in op.inputs[2:]}
    return found


def kinds(data: bytes) -> list[str]:
    model = load(data)
    return [builtin_name(model, op) for op in model.subgraphs[0].operators]


def weighted_names(data: bytes) -> list[str]:
    model = load(data)
    graph = model.subgraphs[0]
    found = (op for op in graph.operators if builtin_name(model, op) in PARAMETER_OPERATORS)
    return [text(graph.tensors[op.outputs[0]].name) for op in found]


def converters_own(model: Any, x: np.ndarray) -> bytes:
    """The int8 file of TFLiteConverter."""
    import tensorflow as tf

    spec = tf.TensorSpec([1, *model.input_shape[1:]])
    function = tf.function(lambda v: model(v, training=False)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.representative_dataset = lambda: ([sample[None]] for sample in x)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
@pytest.mark.parametrize("name", models.BUILDERS)
def test_a_keras_model_becomes_what_tflite_converter_makes_of_it(name: str) -> None:
    model, x = models.keras_model(name), models.inputs(name, 50)
    ours, theirs = load(quantised(model, x).data), load(converters_own(model, x))
    assert differences(ours.subgraphs[0].operators, theirs.subgraphs[0].operators) == []
    for one, other in zip(ours.subgraphs[0].tensors, theirs.subgraphs[0].tensors):
        assert differences(one.quantization, other.quantization) == [] and one.type == other.type
        assert buffer_bytes(ours, one.buffer) == buffer_bytes(theirs, other.buffer)


@functools.cache
def digits() -> tuple[Any, Any]:
    """The demo's Keras model and its data."""
    pytest.importorskip("sklearn")
    from tflm_train.demo.digits import load_digits
    from tflm_train.demo.network import train_on_clean_digits

    data = load_digits(0)
    return train_on_clean_digits(data.factory_x, data.factory_y, 0), data


def accuracy(data: bytes, x: np.ndarray, y: np.ndarray) -> float:
    """In LiteRT's reference kernels."""
    graph = load(data).subgraphs[0]
    first = graph.tensors[graph.inputs[0]]
    if first.type == schema.TensorType.INT8:
        q = first.quantization
        x = np.clip(np.round(x / q.scale[0]) + q.zeroPoint[0], -128, 127).astype(np.int8)
    return float((stock_runtimes.run("litert", data, x).argmax(axis=1) == y).mean())


def test_digits_lose_less_than_a_point() -> None:
    model, data = digits()
    source = read_model(model)
    result = quantised(model, data.factory_x)
    assert types(result.data) == {"ends": {"int8"}, "computed": {"int8"}, "w": {"int8"}, "b": {"int32"}}
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(kinds(result.data))
    weights = [t for t in tensors(result.data) if t.type == schema.TensorType.INT8 and len(t.quantization.scale) > 1]
    assert [len(t.quantization.scale) for t in weights] == [16, 8]  # one for each channel of a convolution
    before, after = (accuracy(d, data.clean_test, data.y_test) for d in (source.data, result.data))
    print(f"float32 {before:.4f}, int8 {after:.4f}")
    assert before > 0.94 and after > before - 0.01
    assert weighted_names(result.data) == weighted_names(source.data)
    assert result.edits[-1].startswith("quantised to int8 by TensorFlow ")
    assert result.edits[-1].endswith(f", with the ranges of {MOST_SAMPLES} samples")


@pytest.mark.parametrize("name", networks.ALL)
def test_float32_files(name: str) -> None:
    data = networks.ALL[name]()
    x, _ = networks.samples(data, 40)
    result = quantised(data, x)
    assert types(result.data) == {"ends": {"int8"}, "computed": {"int8"}, "w": {"int8"}, "b": {"int32"}}
    assert weighted_names(result.data) == weighted_names(data)
    expected = stock_runtimes.run("litert", data, x).argmax(axis=1)
    assert accuracy(result.data, x, expected) > 0.85  # of random networks, whose outputs lie close together


def test_float16_and_hybrid_files_are_quantised_too() -> None:
    b = ModelBuilder()
    w = b.op("DEQUANTIZE", [b.constant(np.random.default_rng(0).normal(size=(3, 8)).astype(np.float16))], (3, 8))
    data = b.finish(b.op("FULLY_CONNECTED", [b.input(1, 8), w, b.constant(np.ones(3))], (1, 3)))
    result = quantised(data, np.random.default_rng(1).normal(size=(20, 8)))
    assert types(result.data)["w"] == {"int8"} and kinds(result.data) == ["FULLY_CONNECTED"]
    assert [edit.split()[0] for edit in result.edits] == ["1", "quantised"]


def test_indices_stay_whole_numbers() -> None:
    import keras

    layers = keras.layers
    stack = [keras.Input((6,), dtype="int32"), layers.Embedding(20, 4, name="table"), layers.Flatten()]
    model = models.set_weights(keras.Sequential([*stack, layers.Dense(3, name="scores")]))
    x = np.random.default_rng(2).integers(0, 20, (30, 6))
    result = quantised(model, x)
    assert types(result.data)["ends"] == {"int32", "int8"}
    assert "table" in weighted_names(result.data)[0]
    with pytest.raises(tt.UserError, match=r"the representative x\[0, 0\] is 20, but this model looks its input up"):
        quantised(model, np.full((1, 6), 20))


# Biases and frozen layers


def biases(data: bytes) -> list[bool]:
    """Whether operators with weights have a bias."""
    model = load(data)
    found = (op for op in model.subgraphs[0].operators if builtin_name(model, op) in PARAMETER_OPERATORS)
    return [len(op.inputs) > 2 and op.inputs[2] >= 0 for op in found]


def unbiased() -> bytes:
    """Layers without bias; the converter would have written a bias of zeros for the convolution."""
    rng, b = np.random.default_rng(3), ModelBuilder()
    x = b.conv(b.input(1, 5, 5, 2), rng.normal(size=(4, 3, 3, 2)), None, (2, 2), "VALID")
    x = b.dense(b.reshape(x, 1, 16), rng.normal(size=(6, 16)), rng.normal(size=6))
    return b.finish(b.dense(x, rng.normal(size=(3, 6)), None))


def test_biases_of_a_file() -> None:
    """Of those that the quantiser needs none trains unless that is asked for."""
    data, x = unbiased(), np.random.default_rng(4).normal(size=(20, 5, 5, 2))
    result = quantised(data, x)
    places = [i for i, kind in enumerate(kinds(result.data)) if kind in PARAMETER_OPERATORS]
    assert result.with_bias == {places[1]} and len(result.edits) == 1
    assert biases(quantised(data, x, add_bias=True).data) == [True] * 3
    assert sum("zeros was added" in edit for edit in quantised(data, x, add_bias=True).edits) == 2


def test_layers_of_a_keras_model_have_the_biases_that_they_say() -> None:
    import keras

    layers = keras.layers
    stack = [
        keras.Input((5, 5, 2)),
        layers.Conv2D(4, 3, use_bias=False, name="without"),
        layers.Flatten(),
        layers.Dense(4, activation="relu", name="zero"),
        layers.Dense(4, activation="relu", name="frozen", trainable=False),
        layers.Dense(3, name="scores"),
    ]
    result = quantised(
        models.set_weights(keras.Sequential(stack), "zero"), np.random.default_rng(5).normal(size=(20, 50))
    )
    places = [i for i, kind in enumerate(kinds(result.data)) if kind in PARAMETER_OPERATORS]
    assert result.with_bias == set(places[1:]) and result.frozen == {places[2]}
    assert biases(result.data) == [True] * 4
    assert [name.split("/")[0] for name in weighted_names(result.data)] == ["without", "zero", "frozen", "scores"]


def test_all_else_of_a_file_stays() -> None:
    model = load(networks.mlp(sizes=(8, 6, 4)))
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(b"kept", np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"notes", len(model.buffers) - 1
    model.metadata = [entry]
    signature = schema.SignatureDefT()
    ends = [schema.TensorMapT() for _ in range(2)]
    graph = model.subgraphs[0]
    ends[0].name, ends[0].tensorIndex, ends[1].name, ends[1].tensorIndex = (
        b"in",
        graph.inputs[0],
        b"out",
        graph.outputs[0],
    )
    signature.inputs, signature.outputs, signature.signatureKey = ends[:1], ends[1:], b"serving_default"
    model.signatureDefs = [signature]
    after = load(quantised(dump(model), np.random.default_rng(6).normal(size=(20, 8))).data)
    kept = {text(found.name): buffer_bytes(after, found.buffer) for found in after.metadata}
    assert kept["notes"] == b"kept" and text(after.description) == text(model.description)
    (found,) = after.signatureDefs
    assert (found.inputs[0].name, found.inputs[0].tensorIndex) == (b"in", after.subgraphs[0].inputs[0])
    assert (found.outputs[0].name, found.outputs[0].tensorIndex) == (b"out", after.subgraphs[0].outputs[0])


# Samples


def test_of_many_samples_some_are_used_from_all_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[np.ndarray] = []

    def note(data: bytes, samples: np.ndarray, name: str) -> tuple[bytes, str]:
        used.append(samples)
        raise InterruptedError

    monkeypatch.setattr(quantization, "_run", note)
    for count in (MOST_SAMPLES - 1, MOST_SAMPLES, 10 * MOST_SAMPLES):
        with pytest.raises(InterruptedError):
            quantised(networks.mlp(sizes=(2, 2, 2)), np.repeat(np.arange(count)[:, None], 2, axis=1))
    short, exact, long = (values[:, 0, 0] for values in used)
    assert len(short) == MOST_SAMPLES - 1 and len(exact) == MOST_SAMPLES
    assert len(long) == MOST_SAMPLES and (long[0], long[-1]) == (0, 10 * MOST_SAMPLES - 1)
    assert set(np.diff(long)) == {10, 11} or set(np.diff(long)) == {10}


def test_the_ranges_are_those_of_the_samples() -> None:
    x = np.random.default_rng(7).uniform(-1, 1, size=(30, 8)).astype(np.float32)
    scales = [
        tensors(quantised(networks.mlp(sizes=(8, 6, 4)), factor * x).data)[0].quantization.scale[0] for factor in (1, 4)
    ]
    assert scales[1] == pytest.approx(4 * scales[0])
    assert scales[0] == pytest.approx((x.max() - x.min()) / 255, rel=1e-5)


@pytest.mark.parametrize("suffix", ["npz", "npz without labels", "npy", "csv", "dataset"])
def test_samples_come_as_training_data_do(tmp_path: Path, suffix: str) -> None:
    x = np.random.default_rng(8).normal(size=(20, 8)).astype(np.float32)
    path = tmp_path / f"d.{suffix.split()[0]}"
    if suffix == "npz":
        np.savez(path, x=x, y=np.zeros(20, int))
    elif suffix == "npz without labels":
        np.savez(path, x=x)
    elif suffix == "npy":
        np.save(path, x)
    elif suffix == "csv":
        np.savetxt(path, np.hstack([x, np.zeros((20, 1))]), delimiter=",", header=",".join("abcdefgh") + ",label",
                   comments="")  # fmt: skip
    graph = float_graph(read_model(networks.mlp(sizes=(8, 6, 4))))
    if suffix == "dataset":
        import tensorflow as tf

        given: Any = tf.data.Dataset.from_tensor_slices(x).batch(7)
    else:
        given = load_inputs(path)
    found = representative_samples(graph, given)
    assert found.shape == (20, 1, 8) and found.dtype == np.float32
    np.testing.assert_allclose(found.reshape(20, 8), x, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((5, 7)), r"the representative x has shape \(5, 7\), expected \(n, 8\)"),
        (np.zeros((0, 8)), "the representative x is empty"),
        (np.full((3, 8), np.nan), "the representative x has 24 value"),
        (np.zeros((3, 8)), "the representative x holds nothing but the number 0, whose range gives no scale"),
        (np.array([["a"] * 8]), "the representative x holds"),
    ],
)
def test_samples_that_do_not_fit(x: np.ndarray, message: str) -> None:
    with pytest.raises(tt.UserError, match=message):
        tt.convert(networks.mlp(sizes=(8, 6, 4)), quantize="int8", representative=x)


# Mistakes, by Python and by the command line

X = np.random.default_rng(9).normal(size=(20, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int8"}, r"quantize='int8' \(--quantize\) needs samples.*--representative D.npz"),
        ({"representative": X}, "has no effect alone; give quantize='int8'"),
        ({"quantize": "int4", "representative": X}, "quantize='int4' is out of range: int8"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(tt.UserError, match=message):
        tt.convert(networks.mlp(sizes=(8, 6, 4)), **options)


def no_int8_form() -> bytes:
    b = ModelBuilder()
    x = b.dense(b.input(1, 8), np.ones((8, 8)), np.ones(8))
    return b.finish(b.dense(b.op("ELU", [x], (1, 8)), np.ones((3, 8)), np.ones(3)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (bodies.int8, "is quantised already .*leave out --quantize"),
        (no_int8_form, r"layer elu_1 \(ELU\) would compute in float32 still.*without --quantize"),
        (bodies.custom, "cannot be quantised by TensorFlow: .*without --quantize"),
    ],
)
def test_models_that_cannot_be_quantised(build: Callable[[], bytes], message: str) -> None:
    data = build()
    shape = tuple(tensors(data)[0].shape)
    with pytest.raises(tt.ConversionError, match=message):
        tt.convert(data, quantize="int8", representative=np.random.default_rng(10).normal(size=(20, *shape[1:])))


def test_a_crash_of_the_quantiser_is_its_refusal(own_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, -11))
    with pytest.raises(tt.ConversionError, match="model cannot be quantised by TensorFlow: its quantiser crashed"):
        tt.convert(networks.mlp(sizes=(8, 6, 4)), quantize="int8", representative=X)


@pytest.mark.parametrize("how", ["absent", "broken"])
def test_without_tensorflow_the_command_says_what_to_install(
    own_process: None, how: str, run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "absent":
        monkeypatch.setattr(quantization.importlib.util, "find_spec", lambda name: None)
    else:
        (tmp_path / "fake" / "tensorflow").mkdir(parents=True)
        (tmp_path / "fake" / "tensorflow" / "__init__.py").write_text("raise ImportError('libcuda is broken')")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    arguments = ("--quantize", "int8", "--representative", folder / "data.npz", "-o", tmp_path / "out.tflite")
    outcome = run("convert", folder / "plain.tflite", *arguments)
    assert outcome.code == 3 and outcome.out == "" and len(outcome.err.splitlines()) == 1
    assert "quantising needs TensorFlow" in outcome.err and "pip install" in outcome.err and "[keras]" in outcome.err
    assert ("libcuda is broken" in outcome.err) == (how == "broken") and not (tmp_path / "out.tflite").exists()


def test_mistakes_on_the_command_line(run: Any, folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=np.zeros((3, 64)))
    np.savez(tmp_path / "narrow.npz", x=np.zeros((3, 63)), y=np.zeros(3, int))
    data = folder / "data.npz"
    for arguments, words in (
        (("--quantize", "int8"), ("--representative D.npz",)),
        (("--representative", data), ("--quantize int8",)),
        (("--quantize", "int16", "--representative", data), ("int16", "int8")),
        (("--quantize", "int8", "--representative", tmp_path / "none.npz"), ("none.npz", "cannot be read")),
        (("--quantize", "int8", "--representative", tmp_path / "images.npz"), ("no array 'x'", "images")),
        (("--quantize", "int8", "--representative", tmp_path / "narrow.npz"), ("(3, 63)", "(n, 64)")),
    ):
        out = tmp_path / "out.tflite"
        assert_refused(run("convert", folder / "plain.tflite", "-o", out, *arguments, "--json"), *words)
        assert not out.exists()


# The whole way


def test_a_file_is_quantised_and_trains(own_process: None, run: Any, tmp_path: Path, blobs: tuple) -> None:
    x, y = blobs
    rng, b = np.random.default_rng(11), ModelBuilder()
    hidden = b.dense(b.input(1, 64), rng.normal(size=(24, 64)) * 0.2, rng.normal(size=24) * 0.1, "RELU")
    (tmp_path / "m.tflite").write_bytes(b.finish(b.dense(hidden, rng.normal(size=(10, 24)) * 0.2, None)))
    np.savez(tmp_path / "d.npz", x=x[:200], y=y[:200], x_test=x[200:], y_test=y[200:])
    data, out = tmp_path / "d.npz", tmp_path / "out.tflite"
    content = run(
        "convert", tmp_path / "m.tflite", "--quantize", "int8", "--representative", data, "-o", out, "--json"
    ).json
    assert content["edits"] == [edit for edit in content["edits"] if "quantised to int8 by TensorFlow" in edit]
    assert content["edits"][0].endswith("with the ranges of 200 samples")
    inspected = run("inspect", out, "--json").json
    assert [op["outputs"][0]["type"] for op in inspected["operators"]] == ["int8", "int8"]
    trained = tmp_path / "trained.tflite"
    result = run("train", out, "--data", data, "--epochs", 5, "-o", trained, "--json").json
    assert result["accuracy_after"] > 0.9 > result["accuracy_before"]
    assert types(trained.read_bytes()) == types(out.read_bytes())
    evaluated = run("evaluate", trained, "--data", data, "--runtime", "litert", "--json").json
    assert evaluated["accuracy"] == result["accuracy_after"]


def test_the_quantised_digits_network_learns_what_the_device_meets() -> None:
    """The file that was trained gives the outputs of the device in TensorFlow Lite Micro, and is int8 throughout."""
    model, data = digits()
    config = tt.TrainingConfig(learning_rate=0.01)
    converted = tt.convert(model, config, "int8", data.factory_x)
    assert any("loss cross-entropy: the Keras model was compiled with" in note for note in converted.notes)
    trainers = [tt.Trainer(found) for found in (converted, tt.convert(model, config))]
    before, _ = (trainer.evaluate(data.x_test, data.y_test)["accuracy"] for trainer in trainers)
    for trainer in trainers:
        trainer.fit(data.x, data.y, epochs=10, verbose=0)
    after, in_float32 = (trainer.evaluate(data.x_test, data.y_test)["accuracy"] for trainer in trainers)
    print(f"{before:.3f} -> {after:.3f}, in float32 {in_float32:.3f}")
    assert before < 0.4 and after > 0.8 and after > in_float32 - 0.05
    trained = trainers[0].trained_model().data
    assert types(trained) == {"ends": {"int8"}, "computed": {"int8"}, "w": {"int8"}, "b": {"int32"}}
    q = tensors(trained)[load(trained).subgraphs[0].outputs[0]].quantization
    x = np.random.default_rng(12).integers(-128, 128, (100, 8, 8, 1)).astype(np.int8)
    stored = stock_runtimes.run("tflite-micro", trained, x).astype(np.float32)
    assert np.array_equal(trainers[0].predict(x).reshape(100, 10), (stored - q.zeroPoint[0]) * q.scale[0])
