"""A head trains on a frozen body that the library cannot run itself; programs that start at a cut."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bodies
import networks
import numpy as np
import pytest
from tflm_train.converters import flatbuffer, model_writer
from tflm_train.converters.plan_format import ForwardKind, ProgramKind

import tflm_train as tt
from tflm_train import _native
from tflm_train.body import FrozenBody, body_file

STEPS = 60


@pytest.fixture(params=bodies.BODIES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def file_outputs(data: bytes, x: np.ndarray) -> np.ndarray:
    """Of the whole file in ai-edge-litert."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for sample in x:
        interpreter.reset_all_variables()
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target)[0])
    return np.stack(outputs)


def tensorflow_updates(
    features: np.ndarray, labels: np.ndarray, start: list[np.ndarray], rate: float
) -> list[np.ndarray]:
    """What TensorFlow's SGD adds to the head's parameters over the samples in order."""
    import tensorflow as tf

    w1, b1, w2, b2 = variables = [tf.Variable(value) for value in start]
    for x, label in zip(features, labels):
        with tf.GradientTape() as tape:
            hidden = tf.nn.relu(tf.linalg.matvec(w1, x) + b1)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, tf.linalg.matvec(w2, hidden) + b2)
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(rate * gradient)
    return [variable.numpy() - value for variable, value in zip(variables, start)]


def test_the_head_learns_and_equals_tensorflows(kind):
    x, labels = bodies.samples(kind, STEPS)
    model = tt.convert(bodies.BODIES[kind](), tt.TrainingConfig(layers="last:2", learning_rate=0.05))
    assert model.has_external_body
    with tt.Trainer(model) as trainer:
        before = trainer.evaluate(x, labels)
        start = [(t, values.copy()) for t, values in trainer.device.parameters()]
        trainer.fit(x, labels, epochs=1, shuffle=False)
        ours = [now - then for (_, now), (_, then) in zip(trainer.device.parameters(), start)]
        features = FrozenBody(model)(x.reshape(STEPS, -1))
        shapes = [(8, features.shape[1]), (8,), (bodies.CLASSES, 8), (bodies.CLASSES,)]
        theirs = tensorflow_updates(features, labels, [v.reshape(s) for (_, v), s in zip(start, shapes)], 0.05)
        for mine, reference in zip(ours, theirs):
            norm = np.linalg.norm(reference)
            assert norm > 0 and np.linalg.norm(mine - reference.ravel()) <= 1e-3 * norm
        trainer.fit(x, labels, epochs=20)
        after = trainer.evaluate(x, labels)
        assert after["loss"] < 0.5 * before["loss"] and after["accuracy"] > before["accuracy"]


def test_predictions_are_those_of_the_whole_file(kind):
    x, labels = bodies.samples(kind, 12)
    data = bodies.BODIES[kind]()
    with tt.Trainer(tt.convert(data, tt.TrainingConfig(layers="last:2"))) as trainer:
        assert np.abs(trainer.predict(x) - file_outputs(data, x)).max() <= 1e-6
        trainer.fit(x, labels, epochs=3)
        assert np.abs(trainer.predict(x) - file_outputs(trainer.trained_model().data, x)).max() <= 1e-6


def test_a_trained_file_is_an_ordinary_one_whose_other_bytes_are_the_same(kind, tmp_path):
    x, labels = bodies.samples(kind, 12)
    data = bodies.BODIES[kind]()
    with tt.Trainer(tt.convert(data, tt.TrainingConfig(layers="last:2"))) as trainer:
        trainer.fit(x, labels, epochs=2)
        trained = {tensor: values for tensor, values in trainer.device.parameters()}
        expected = trainer.evaluate(x, labels)
        trainer.save(tmp_path / "trained.tflite")
    again = tt.Trainer(tmp_path / "trained.tflite")
    assert again.evaluate(x, labels) == expected
    again.fit(x, labels, epochs=1)  # the fingerprint still fits
    again.close()
    plain = flatbuffer.load(model_writer.strip_plan((tmp_path / "trained.tflite").read_bytes()))
    original = flatbuffer.load(flatbuffer.dump(flatbuffer.load(data)))
    for index, tensor in enumerate(plain.subgraphs[0].tensors):
        if index in trained:
            flat = np.frombuffer(flatbuffer.buffer_bytes(plain, tensor.buffer), np.float32)
            assert flat.tobytes() == trained[index].tobytes()
            plain.buffers[tensor.buffer] = original.buffers[original.subgraphs[0].tensors[index].buffer]
    assert flatbuffer.dump(plain) == flatbuffer.dump(original)


def test_the_arena_from_the_cut_is_exact(kind):
    model = tt.convert(bodies.BODIES[kind](), tt.TrainingConfig(layers="last:2"))
    stated = model.sizes.arena_bytes["train_from_cut"]
    trainer = tt.Trainer(model, arena_bytes=stated)
    x, labels = bodies.samples(kind, 4)
    trainer.fit(x, labels)
    trainer.close()
    with pytest.raises(tt.DeviceError, match=f"{stated} bytes are needed"):
        tt.Trainer(model, arena_bytes=stated - 1)


def test_without_tflm_the_whole_model_is_refused_with_the_reason():
    model = tt.convert(bodies.lstm())
    with pytest.raises(_native.NativeError, match="This plan needs TFLM for its body"):
        _native.NativeTrainer(model.data, 1 << 20)


def test_activations_may_be_computed_elsewhere(kind):
    x, labels = bodies.samples(kind, 20)
    model = tt.convert(bodies.BODIES[kind](), tt.TrainingConfig(layers="last:2"))
    features = FrozenBody(model)(x.reshape(len(x), -1))
    with tt.Trainer(model) as whole, tt.Trainer(model, from_cut=True) as head:
        whole.fit(x, labels, epochs=2)
        head.fit(features, labels, epochs=2)
        assert head.predict(features).tobytes() == whole.predict(x).tobytes()
    with pytest.raises(tt.UserError, match="no cut; convert it with --cut"):
        tt.Trainer(tt.convert(networks.mlp()), from_cut=True)


def test_an_int8_input_takes_numbers_and_stored_ones():
    x, labels = bodies.samples("int8", 16)
    model = tt.convert(bodies.int8(float_input=False), tt.TrainingConfig(layers="last:2"))
    stored = np.clip(np.round(x / np.float32(0.04)) + 3, -128, 127).astype(np.int8)
    with (
        tt.Trainer(model) as trainer,
        tt.Trainer(tt.convert(bodies.int8(), tt.TrainingConfig(layers="last:2"))) as other,
    ):
        assert trainer.predict(x).tobytes() == trainer.predict(stored).tobytes() == other.predict(x).tobytes()
        assert trainer.evaluate(x, labels) == trainer.evaluate(stored, labels)
    assert np.abs(file_outputs(model.data, stored) - other_outputs(model, stored)).max() <= 1e-6


def other_outputs(model: tt.TrainableModel, x: np.ndarray) -> np.ndarray:
    with tt.Trainer(model) as trainer:
        return trainer.predict(x)


# A cut where the library could run all


def test_a_named_cut_of_an_ordinary_model():
    """The programs from the cut train to the same bits as those of the whole model."""
    data = networks.cnn()
    model = tt.convert(data, tt.TrainingConfig(layers="last:1", learning_rate=0.05))
    cut = tt.convert(data, tt.TrainingConfig(cut="reshape_4", learning_rate=0.05))
    assert not cut.has_external_body and cut.plan.cut is not None
    assert cut.plan.layers.tobytes() == model.plan.layers.tobytes()
    sizes = cut.sizes.arena_bytes
    assert sizes["train"] == model.sizes.arena_bytes["train"] and sizes["train_from_cut"] < sizes["train"]
    x, labels = networks.samples(data, 30)
    flat = np.ascontiguousarray(x.reshape(len(x), -1), np.float32)
    body = tt.convert(body_file(data, "cnn", *cut.plan.cut), tt.TrainingConfig(loss="mse"))
    with tt.Trainer(body) as trainer:
        features = trainer.device.predict(flat)
    whole = _native.NativeTrainer(cut.data, sizes["train"])
    head = _native.NativeTrainer(cut.data, sizes["train_from_cut"], True)
    with pytest.raises(_native.NativeError, match="arena is too small"):
        _native.NativeTrainer(cut.data, sizes["train_from_cut"] - 1, True)
    order = np.tile(np.arange(len(x), dtype=np.uint32), 5)
    losses = whole.train(flat, labels.astype(np.int32), order)[0]
    assert head.train(features, labels.astype(np.int32), order)[0].tobytes() == losses.tobytes()
    for (_, mine), (_, theirs) in zip(head.parameters(), whole.parameters()):
        assert mine.tobytes() == theirs.tobytes()
    assert head.counters()["forward"] < whole.counters()["forward"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cut": "nowhere"}, ["--cut nowhere", "no layer or tensor", "inspect"]),
        ({"cut": "input"}, ["--cut input", "model's input"]),
        ({"cut": 99}, ["--cut 99"]),
        ({"cut": "fully_connected_3", "layers": "0,4"}, ["conv_2d_0", "in front of the cut", "leave it out"]),
        ({"cut": "softmax_5"}, ["no layer with parameters lies behind"]),
    ],
)
def test_wrong_cuts(config, words):
    from test_trainability import chain

    with pytest.raises(tt.ConversionError) as error:
        tt.convert(chain(), tt.TrainingConfig(**config))
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def test_a_cut_that_two_paths_cross_is_refused_by_name():
    with pytest.raises(tt.ConversionError, match="--cut 1: layer .* reads .* too.*all paths have joined"):
        tt.convert(networks.residual(size=8, widths=(8, 16)), tt.TrainingConfig(layers="last:1", cut=1))


# Refusals


def test_all_layers_with_a_recurrent_one_between_name_those_that_can():
    with pytest.raises(tt.ConversionError, match="UNIDIRECTIONAL_SEQUENCE_LSTM.*--layers last:2"):
        tt.convert(bodies.lstm(front=True))
    assert len(tt.convert(bodies.lstm(front=True), tt.TrainingConfig(layers="last:2")).plan.layers) == 2
    assert len(tt.convert(bodies.lstm(front=True), tt.TrainingConfig(cut="strided_slice_4")).plan.layers) == 2


@pytest.mark.parametrize("position", ["above", "beside"])
def test_what_no_cut_divides_is_refused_by_name(position):
    with pytest.raises(tt.ConversionError, match="COS"):
        tt.convert(bodies.body_below_and_beside(position))


def test_an_int8_head_is_refused_with_the_way_out():
    with pytest.raises(tt.ConversionError, match="L2_NORMALIZATION"):
        tt.convert(bodies.int8(float_head=False))


def test_a_custom_operator_trains_from_activations():
    model = tt.convert(bodies.custom())
    with pytest.raises(tt.UserError, match="cannot be computed on this computer.*from_cut=True"):
        tt.Trainer(model)
    features = np.random.default_rng(0).normal(size=(20, 6))
    labels = (features[:, 0] > 0).astype(int)
    with tt.Trainer(model, from_cut=True) as trainer:
        losses = trainer.fit(features, labels, epochs=20).history["loss"]
    assert losses[-1] < losses[0]


# The command line


def test_the_command_line_carries_cuts(kind, tmp_path):
    x, labels = bodies.samples(kind, 30)
    np.savez(tmp_path / "data.npz", x=x, y=labels)
    (tmp_path / "model.tflite").write_bytes(bodies.BODIES[kind]())

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "tflm_train", *arguments]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    run("convert", "model.tflite", "-o", "trainable.tflite", "--layers", "last:2", "--lr", "0.05")
    shown = run("inspect", "trainable.tflite")
    assert "train_from_cut" in shown and "cut" in shown
    run("train", "trainable.tflite", "--data", "data.npz", "--epochs", "5", "-o", "trained.tflite")
    for runtime in ("native", "litert"):
        assert "loss" in run("evaluate", "trained.tflite", "--data", "data.npz", "--runtime", runtime)
    file = Path(tmp_path / "trainable.tflite")
    plan = tt.load_model(file).plan
    assert plan.program(ProgramKind.TRAIN_FROM_CUT, ForwardKind.TFLM) is not None


def test_a_body_whose_names_the_runtime_cannot_read_is_refused() -> None:
    data = tt.convert(bodies.int8(), tt.TrainingConfig(layers="last:1")).data
    damaged = data.replace(b"input", b"\xff\xfeput", 1)
    assert damaged != data
    with pytest.raises(tt.UserError, match="cannot be computed on this computer .litert refuses the file"):
        tt.Trainer(damaged)
