"""Clipping: a sample's error at the output goes back with a norm that is at most `clip`."""

from __future__ import annotations

import json
import shutil

import networks
import numpy as np
import pytest
import tensorflow as tf
from int8_builder import Int8Builder
from tf_reference import TensorFlowModel
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import convert
from tflm_train.converters.operators_header import operators_header

import tflm_train as tt
from tflm_train.cli import main
from tflm_train.devices import Device, build, open_device, qemu

SAMPLES = 60
ORDER = np.arange(SAMPLES, dtype=np.uint32)
ENDS = {"cross-entropy": "SOFTMAX", "binary-cross-entropy": "LOGISTIC", "mse": "", "mae": "", "huber": ""}
CLIPS = {"cross-entropy": 0.7, "binary-cross-entropy": 0.28, "mse": 1.2, "mae": 0.8, "huber": 0.4}


def network(loss: str) -> bytes:
    rng, b = np.random.default_rng(1), ModelBuilder()
    x = b.dense(b.input(1, 4), rng.normal(size=(6, 4)) * 0.8, rng.normal(size=6) * 0.1, "RELU")
    x = b.dense(x, rng.normal(size=(3, 6)) * 0.8, np.zeros(3))
    if ENDS[loss]:
        x = b.op(ENDS[loss], [x], (1, 3), **({"beta": 1.0} if loss == "cross-entropy" else {}))
    return b.finish(x)


def int8_mlp() -> bytes:
    b = Int8Builder(np.random.default_rng(0))
    x = b.int8_dense(b.int8_input(1, 4, scale=0.03), 6, per_channel=False)
    probabilities = b.int8_op("SOFTMAX", [b.int8_dense(x, 3, per_channel=False)], (1, 3), beta=1.0)
    return b.finish(b.quantise(probabilities, 1 / 256, -128))


def data(loss: str = "cross-entropy") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(SAMPLES, 4)).astype(np.float32)
    if loss == "cross-entropy":
        return x, rng.integers(0, 3, SAMPLES).astype(np.int32)
    y = rng.integers(0, 2, (SAMPLES, 3)) if ENDS[loss] else rng.normal(size=(SAMPLES, 3))
    return x, y.astype(np.float32)


def weights(device: Device) -> bytes:
    return b"".join(values.tobytes() for _, values in device.parameters())


def run_of_tensorflow(
    source: bytes, loss: str, clip: float, counts: np.ndarray, rate: float, group: int
) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """TensorFlow's SGD in float64 with the gradient of each sample times min(1, clip / ||dL/dz||), z being what the
    loss's error is of: the weights at the end, and which samples were clipped."""
    result = convert(source, tt.TrainingConfig(loss=loss))
    reference = TensorFlowModel(result.graph, result.layers, "float64")
    x, y = data(loss)
    last = next(op for op in reversed(result.graph.operators) if op.type == "FULLY_CONNECTED")
    clipped, sums = np.zeros(SAMPLES, bool), {t: np.zeros(v.shape) for t, v in reference.variables.items()}
    for i in range(SAMPLES):
        with tf.GradientTape(persistent=True) as tape:
            values = reference.tensors(x[i])
            z = values[last.outputs[0]]
            cost = counts[i] * reference.loss(values, y[i], loss)
        norm = float(tf.norm(tape.gradient(cost, z)))
        clipped[i] = norm > clip
        assert abs(norm - clip) > 1e-5, "the case depends on rounding"
        factor = clip / norm if clipped[i] else 1.0
        for tensor, variable in reference.variables.items():
            sums[tensor] += factor * tape.gradient(cost, variable).numpy()
        if (i + 1) % group == 0:
            for tensor, variable in reference.variables.items():
                variable.assign_sub(rate / group * sums[tensor])
                sums[tensor][:] = 0
    return {t: v.numpy().ravel() for t, v in reference.variables.items()}, clipped


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("loss", ENDS)
def test_a_run_is_that_of_tensorflow_with_clipped_gradients(loss, accumulate, device):
    source, clip, rate = network(loss), CLIPS[loss], 0.05
    counts = np.where(np.arange(SAMPLES) % 5 == 0, 3.0, 1.0).astype(np.float32)
    model = tt.convert(source, tt.TrainingConfig(loss=loss, learning_rate=rate, clip=clip, accumulate=accumulate))
    trained = open_device(device, model)
    before = {t: values.copy() for t, values in trained.parameters()}
    log = trained.train(*data(loss), ORDER, counts)
    expected, clipped = run_of_tensorflow(source, loss, clip, counts, rate, accumulate)
    assert log.clipped.tolist() == clipped.tolist() and 5 < clipped.sum() < SAMPLES - 5
    for tensor, values in trained.parameters():
        wanted = expected[tensor] - before[tensor]
        assert np.linalg.norm(values - before[tensor] - wanted) <= 1e-4 * np.linalg.norm(wanted)


@pytest.mark.parametrize("errors", ["float32", "int16"])
def test_int8_layers_take_a_clipped_error_as_one_of_a_smaller_weight(errors):
    """A weight of min(1, clip / norm) makes the same of it, up to the rounding of a factor."""
    b = Int8Builder(np.random.default_rng(0))
    x = b.int8_dense(b.int8_input(1, 4, scale=0.03), 6, per_channel=False)
    source = b.finish(b.int8_dense(x, 3, per_channel=False))
    config = tt.TrainingConfig(loss="mse", learning_rate=0.1, errors=errors)
    clipped, weighted = (open_device("native", tt.convert(source, config)) for _ in range(2))
    clipped.set_options(clip=0.8)
    (x, y), count = data("mse"), 0
    for i in range(SAMPLES):
        norm = np.linalg.norm(2 / 3 * (weighted.predict(x[i : i + 1])[0] - y[i]))
        factor = np.full(SAMPLES, min(1.0, 0.8 / norm), np.float32)
        count += norm > 0.8
        assert clipped.train(x, y, ORDER[i : i + 1]).clipped[0] == (norm > 0.8)
        weighted.train(x, y, ORDER[i : i + 1], factor)
    ours, theirs = (np.concatenate([v.astype(int) for _, v in d.parameters()]) for d in (clipped, weighted))
    assert 5 < count < SAMPLES - 5 and np.abs(ours - theirs).max() <= 1 and (ours == theirs).mean() > 0.9


def test_no_error_that_is_small_enough_changes_a_bit():
    for source in (network("cross-entropy"), int8_mlp()):
        runs = []
        for clip in (0.0, 3.0, 3e38):
            device = open_device("native-parity", tt.convert(source, tt.TrainingConfig(learning_rate=0.1, clip=clip)))
            log = device.train(*data(), ORDER)
            assert not log.clipped.any()
            runs.append(device.state()[8:])  # behind the plan's checksum
        assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e19, 1e30])
def test_a_norm_neither_overflows_nor_vanishes(scale):
    """Of the mean squared error of one layer: 2/3 (y - t) is as large as the target."""
    b = ModelBuilder()
    source = b.finish(b.dense(b.input(1, 4), np.zeros((3, 4)), np.zeros(3)))
    target = np.array([[3.0, 0.0, -4.0]], np.float32) * np.float32(scale)
    clip = scale * 1e-3 if scale < 1e19 else 1.0
    model = tt.convert(source, tt.TrainingConfig(loss="mse", learning_rate=1.0, clip=clip))
    device = open_device("native", model)
    x = np.zeros((1, 4), np.float32)
    log = device.train(x, target, ORDER[:1])
    if scale >= 1e19:  # the loss itself is infinite
        assert log.non_finite
        return
    assert log.clipped.all()
    bias = next(values for _, values in device.parameters() if values.size == 3)
    assert np.allclose(bias, clip * np.array([0.6, 0.0, -0.8]), rtol=1e-5, atol=0)


def test_a_large_error_of_another_loss_is_scaled():
    """The mean absolute error is finite where a square is not; its weighted error is too large for a sum of squares."""
    b = ModelBuilder()
    source = b.finish(b.dense(b.input(1, 4), np.zeros((3, 4)), np.zeros(3)))
    device = open_device("native", tt.convert(source, tt.TrainingConfig(loss="mae", learning_rate=1.0, clip=0.5)))
    x, y = np.zeros((1, 4), np.float32), np.array([[1.0, 2.0, -1.0]], np.float32)
    log = device.train(x, y, ORDER[:1], np.array([1e38], np.float32))
    assert log.clipped.all() and log.done == 1
    bias = next(values for _, values in device.parameters() if values.size == 3)
    assert np.allclose(bias, 0.5 * np.array([1, 1, -1]) / np.sqrt(3), rtol=1e-5)


def test_the_gate_sees_the_clipped_error():
    """TinyPropv2's Y is the sum of magnitudes: clipped errors of two outputs are all of one size, but small ones are
    not."""
    options = {"gate": "tinypropv2", "skip_threshold": 0.9, "decay": 1.0, "learning_rate": 1e-30}
    model = tt.convert(network("cross-entropy"), tt.TrainingConfig(**options))
    device = open_device("native", model)
    x, y = data()
    plain = device.train(x, y, ORDER).trained
    device.reset()
    device.set_options(clip=0.01)
    log = device.train(x, y, ORDER)
    assert log.clipped.all() and log.trained.sum() > 2 * plain.sum()


def test_samples_that_do_not_train_are_not_clipped():
    device = open_device("native", tt.convert(network("cross-entropy"), tt.TrainingConfig(clip=1e-6)))
    counts = np.arange(SAMPLES, dtype=np.float32) % 2
    log = device.train(*data(), ORDER, counts)
    assert log.clipped.tolist() == log.trained.tolist() == (counts == 1).tolist()


def test_fit_counts_what_it_clipped():
    x, y = data()
    gated = {"gate": "loss", "gate_threshold": 0.5}
    with tt.Trainer(tt.convert(network("cross-entropy"), tt.TrainingConfig(clip=0.9, **gated))) as trainer:
        history = trainer.fit(x, y, epochs=1, shuffle=False)
        trained, clipped = SAMPLES - history.skipped, history.clipped
        device = open_device("native", trainer.model)
        log = device.train(x, y, ORDER)
        assert clipped == (log.clipped & log.trained).sum() and 0 < clipped < trained < SAMPLES
        assert history.clipped_fraction == clipped / trained
        trainer.set_options(clip=0.0)
        assert trainer.fit(x, y).clipped_fraction is None


@pytest.mark.parametrize("replay_type", ["int8", "float32"])
def test_steps_from_a_cut_are_clipped_too(replay_type):
    options = {"replay": "latent", "slots": SAMPLES, "replay_type": replay_type, "schedule": "remembered-loss"}
    with tt.Trainer(tt.convert(networks.mlp(sizes=(4, 6, 3)), tt.TrainingConfig(clip=1e-3, **options))) as trainer:
        history = trainer.fit(*data(), epochs=4, freeze_epoch=1)
    assert history.replayed > 0 and history.clipped == history.steps and history.clipped_fraction == 1.0


def test_a_firmware_links_the_clipping_of_its_plan():
    config = tt.TrainingConfig(clip=1.0)
    assert "kNormClipping" in operators_header(tt.convert(network("mse"), config.changed(loss="mse")).plan)
    assert "Clipping" not in operators_header(tt.convert(network("cross-entropy")).plan)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), 1e39, "much", True])
def test_what_is_no_norm_is_refused(bad):
    with pytest.raises(tt.UserError, match="^clip="):
        tt.TrainingConfig(clip=bad)
    with tt.Trainer(tt.convert(network("cross-entropy"))) as trainer, pytest.raises(tt.UserError, match="^clip="):
        trainer.set_options(clip=bad)


def test_the_commands_take_it(folder, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    assert main(["convert", str(folder / "plain.tflite"), "-o", str(path), "--clip", "0.25"]) == 0
    assert tt.load_model(path).plan.options["clip"] == 0.25
    capsys.readouterr()
    arguments = ["train", str(path), "--data", str(folder / "data.npz"), "--json"]
    reports = []
    for more in ([], ["--clip", "0"], ["--clip", "1e-9"]):
        assert main([*arguments, *more]) == 0
        reports.append(json.loads(capsys.readouterr().out)["clipped_fraction"])
    assert 0 < reports[0] < 1 and reports[1] is None and reports[2] == 1.0
    assert main(["train", str(path), "--data", str(folder / "data.npz")]) == 0
    assert "samples whose error was clipped" in capsys.readouterr().out


BOARD = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)


@BOARD
@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_boards_have_the_bits_of_the_host(kind):
    source, clip = (network("cross-entropy"), 0.6) if kind == "float32" else (int8_mlp(), 0.8)
    model, runs = tt.convert(source, tt.TrainingConfig(learning_rate=0.05, clip=clip)), []
    for name in ("native-parity", "qemu:m4-parity"):
        device = open_device(name, model)
        log = device.train(*data(), ORDER)
        runs.append((log.losses.tobytes(), log.clipped.tolist(), device.state()))
        device.close()
    assert runs[0] == runs[1] and 5 < sum(runs[0][1]) < SAMPLES - 5
