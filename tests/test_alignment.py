"""Guarded alignment: statistics of conversion, their correction, and a refusal that leaves no trace."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bodies
import int8_networks
import networks
import numpy as np
import pytest
import tensorflow as tf
from command_line import assert_refused
from lossy_wire import FaultyTransport
from tf_reference import TensorFlowModel, error_measure
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer, model_reader, model_writer
from tflm_train.converters.alignment import read_statistics, write_statistics
from tflm_train.converters.model_reader import read_graph
from tflm_train.converters.plan_format import ProgramKind, decode, encode
from tflm_train.converters.trainability import choose_layers

import tflm_train as tt
from tflm_train.channel_statistics import aligned_names
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.remote import RemoteDevice

NETWORKS = {
    "mlp": lambda: networks.mlp(sizes=(64, 32, 24, 10)),
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=8, widths=(4, 8)),
    "separable": lambda: networks.separable(size=(9, 6), width=4, blocks=2),
    "inverted_residual": networks.inverted_residual,
}
MARGIN = 0.03


def samples(data: bytes, count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x, y = networks.samples(data, count, seed)
    return x.astype(np.float32), y


def converted(data: bytes, x: np.ndarray | None = None, **options: Any) -> tt.TrainableModel:
    x = samples(data)[0] if x is None else x
    return tt.convert(data, tt.TrainingConfig(**{"align": "guarded", **options}), statistics=x)


def weights(device: Device) -> list[bytes]:
    return [values.tobytes() for _, values in device.parameters()]


class Reference:
    """The network in TensorFlow, double precision: what layers compute in front of their activation, corrected."""

    def __init__(self, data: bytes) -> None:
        self.graph = model_reader.read_graph(flatbuffer.load(data, "test"), "test")
        self.model = TensorFlowModel(self.graph, choose_layers(self.graph, "all"))

    def run(self, x: np.ndarray, layers: list[int], hook: Any) -> np.ndarray:
        """`hook` (operator, z) -> z of a sample; the output."""
        graph, model = self.graph, self.model
        values: dict[int, Any] = {
            graph.inputs[0]: np.asarray(x, np.float64).reshape(graph.tensors[graph.inputs[0]].shape)
        }

        def value(t: int) -> Any:
            t = graph.same.get(t, t)
            return (
                values[t]
                if t in values
                else model.variables.get(t, model.constant(t) if t not in model.variables else None)
            )

        for op in graph.operators:
            if op.index in graph.folded:
                continue
            if op.index in layers:
                fused = op.options["fused_activation_function"]
                op.options["fused_activation_function"] = "NONE"
                z = np.asarray(model._run(op, value))
                op.options["fused_activation_function"] = fused
                z = hook(op.index, z)
                values[op.outputs[0]] = tf.constant({"NONE": z, "RELU": z.clip(0), "RELU6": z.clip(0, 6)}[fused])
            else:
                values[op.outputs[0]] = model._run(op, value)
        return np.asarray(values[graph.outputs[0]]).reshape(-1)

    def statistics(self, x: np.ndarray, layers: list[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        found: dict[int, list[np.ndarray]] = {index: [] for index in layers}

        def collect(index: int, z: np.ndarray) -> np.ndarray:
            found[index].append(z.reshape(-1, z.shape[-1]))
            return z

        for sample in x:
            self.run(sample, layers, collect)
        joined = {index: np.concatenate(parts) for index, parts in found.items()}
        return {index: (z.mean(0), z.std(0)) for index, z in joined.items()}

    def corrections(self, x: np.ndarray, stored: dict[int, tuple[np.ndarray, np.ndarray]]) -> dict[int, Any]:
        """Gain and shift of each channel, layer by layer behind those in front, 8 samples in front of the first."""
        sums = {index: [8 * mean, 8 * (deviation**2 + mean**2), 8] for index, (mean, deviation) in stored.items()}

        def of(index: int) -> tuple[np.ndarray, np.ndarray]:
            (mean, deviation), (total, squares, count) = stored[index], sums[index]
            m = total / count
            gain = np.clip(deviation / np.sqrt(squares / count - m**2), 0.25, 4)
            return gain, mean - gain * m

        def hook(index: int, z: np.ndarray) -> np.ndarray:
            rows = z.reshape(-1, z.shape[-1])
            total, squares, count = sums[index]
            sums[index] = [total + rows.mean(0), squares + (rows**2).mean(0), count + 1]
            gain, shift = of(index)
            return z * gain + shift

        for sample in x:
            self.run(sample, list(stored), hook)
        return {index: of(index) for index in stored}


# Statistics


@pytest.mark.parametrize("name", NETWORKS)
def test_statistics_are_those_of_tensorflow(name):
    data = NETWORKS[name]()
    x = samples(data, 40)[0] + 3  # means far from 0: no variance is lost
    found = read_statistics(converted(data, x).plan)
    graph = read_graph(flatbuffer.load(data, "test"), "test")
    layers = [op.index for op in graph.operators if op.type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")][:-1]
    assert sorted(found) == layers
    expected = Reference(data).statistics(x, layers)
    for index in layers:
        for ours, theirs in zip(found[index], expected[index]):
            assert error_measure(ours, theirs) < 1e-5


def test_many_samples_are_summed_in_double_precision():
    data = networks.mlp()
    x = samples(data, 700)[0] + 100
    (mean, deviation) = read_statistics(converted(data, x).plan)[0]
    (their_mean, their_deviation) = Reference(data).statistics(x, [0])[0]
    assert error_measure(mean, their_mean) < 1e-6 and error_measure(deviation, their_deviation) < 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_the_output_of_the_file_stays_bit_for_bit(name):
    data = NETWORKS[name]()
    x, y = samples(data)
    with tt.Trainer(converted(data)) as trainer, tt.Trainer(tt.convert(data)) as plain:
        assert trainer.predict(x).tobytes() == plain.predict(x).tobytes()
        for each in (trainer, plain):
            each.fit(x, y, epochs=1, **({"align": "none"} if each is trainer else {}))
        assert weights(trainer.device) == weights(plain.device)


# The correction


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize("name", NETWORKS)
def test_weights_take_over_what_tensorflow_measures(name, device):
    data = NETWORKS[name]()
    clean, _ = samples(data)
    model = converted(data, clean)
    x = (0.5 * samples(data, 30, seed=1)[0] + 0.4).astype(np.float32)
    stored = {i: (m.astype(float), s.astype(float)) for i, (m, s) in read_statistics(model.plan).items()}
    expected = Reference(data).corrections(x, stored)
    before = {int(p["tensor"]): i for i, p in enumerate(model.plan.parameters)}
    with tt.Trainer(model, device=device) as trainer:
        old = [values.copy() for _, values in trainer.device.parameters()]
        outputs = trainer.predict(x)
        flat = x.reshape(len(x), -1)
        trainer.device.measure(flat)
        labels = np.argsort(outputs.reshape(len(x), -1))[:, 0].astype(np.int32)
        trainer.device.judge_alignment(flat, labels)
        assert trainer.device.accept_alignment(-1.0)  # whatever it did to the outputs
        new = [values for _, values in trainer.device.parameters()]
    for step in model.plan.aligned:
        layer = model.plan.layers[int(step["layer"])]
        gain, shift = expected[int(layer["operator"])]
        w, b = (int(layer[k]) for k in ("weight", "bias"))
        last = bool(layer["flags"] & 4)
        shape = (-1, len(gain)) if last else (len(gain), -1)
        factor = gain[None, :] if last else gain[:, None]
        assert error_measure(new[w], (old[w].reshape(shape) * factor)) < 1e-4
        assert error_measure(new[b], old[b] * gain + shift) < 1e-4
    changed = {int(model.plan.layers[int(s["layer"])][k]) for s in model.plan.aligned for k in ("weight", "bias")}
    for index in set(before.values()) - changed:  # the output layer
        assert new[index].tobytes() == old[index].tobytes()


@pytest.mark.parametrize("name", ["mlp", "cnn", "separable"])
def test_another_gain_and_offset_of_each_channel_is_undone(name):
    """x' = a x + c, channel by channel of the first layer: of many samples the outputs come back."""
    data = NETWORKS[name]()
    clean, _ = samples(data, 600)
    model = converted(data, clean, align_samples=600)
    first = model.plan.layers[int(model.plan.aligned[0]["layer"])]
    rng = np.random.default_rng(0)
    with tt.Trainer(model) as trainer:
        reference = trainer.predict(clean)
        values = [array.copy() for _, array in trainer.device.parameters()]
        w, b = int(first["weight"]), int(first["bias"])
        gain, offset = rng.uniform(0.5, 1.8, values[b].size), rng.normal(size=values[b].size)
        shape = (-1, gain.size) if first["flags"] & 4 else (gain.size, -1)
        factor = gain[None, :] if first["flags"] & 4 else gain[:, None]
        values[w] = (values[w].reshape(shape) * factor).ravel().astype(np.float32)
        values[b] = (values[b] * gain + offset).astype(np.float32)
        trainer.device.set_parameters(values)  # the first layer reads other numbers, as behind another sensor
        shifted = error_measure(trainer.predict(clean), reference)
        labels = reference.reshape(len(clean), -1).argmax(-1)
        outcome = trainer.align(clean, (clean, labels))
        assert outcome.accepted and outcome.accuracy_after > outcome.accuracy_before + MARGIN
        assert error_measure(trainer.predict(clean), reference) < 0.1 < shifted
        assert trainer.evaluate(clean, labels)["accuracy"] == pytest.approx(outcome.accuracy_after, abs=0.01)


def test_the_same_samples_change_nearly_nothing():
    data = networks.cnn()
    x, _ = samples(data, 400)
    with tt.Trainer(converted(data, x)) as trainer:
        before = [values.copy() for _, values in trainer.device.parameters()]
        trainer.device.measure(x.reshape(len(x), -1))
        labels = np.array([trainer.predict(x).argmin(-1)[0]], np.int32)
        trainer.device.judge_alignment(x[:1].reshape(1, -1), labels)
        trainer.device.accept_alignment(-1.5)
        for old, (_, new) in zip(before, trainer.device.parameters()):
            np.testing.assert_allclose(new, old, rtol=0.1, atol=0.06)


def test_a_channel_that_did_not_vary_stays_as_it_is():
    rng, b = np.random.default_rng(0), ModelBuilder()
    w = rng.normal(size=(6, 8))
    w[2] = 0
    x = b.dense(b.input(1, 8), w, rng.normal(size=6), "RELU")
    y = b.dense(x, rng.normal(size=(3, 6)), np.zeros(3))
    data = b.finish(b.op("SOFTMAX", [y], (1, 3), beta=1.0))
    x, _ = samples(data)
    with tt.Trainer(converted(data, x)) as trainer:
        before = trainer.layer_weights()
        shifted = 0.5 * x + 1
        trainer.align(shifted, (shifted, trainer.predict(x).argmax(-1)), margin=0.0)
        after = trainer.layer_weights()
    (kernel, bias), (new_kernel, new_bias) = (found[next(iter(found))] for found in (before, after))
    assert new_bias[2] == bias[2] and (new_kernel[:, 2] == kernel[:, 2]).all()
    assert (new_bias != bias).sum() == 5


# The guard


def shifted(x: np.ndarray) -> np.ndarray:
    """The same behind another sensor."""
    rng = np.random.default_rng(1)
    return (0.15 * x + 0.1 * rng.normal(size=x.shape) + 0.1).astype(np.float32)


@functools.cache
def learned() -> bytes:
    """A network that knows its samples."""
    data = networks.cnn()
    x, y = samples(data, 300)
    with tt.Trainer(tt.convert(data, tt.TrainingConfig(learning_rate=0.02))) as trainer:
        trainer.fit(x, y, epochs=8)
        return model_writer.strip_plan(trainer.trained_model().data)


def shifted_case(**options: Any) -> tuple[tt.TrainableModel, np.ndarray, np.ndarray]:
    """A model, shifted samples, and their classes."""
    x, y = samples(learned(), 300)
    return converted(learned(), x, **options), shifted(x), y


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"accumulate": 3}, {"selector": "tinyprop"}], ids=str)
def test_what_is_refused_leaves_no_bit(options):
    data = networks.cnn()
    x, y = samples(data, 300)
    model = converted(data, x, **options)
    with tt.Trainer(model) as trainer:
        trainer.fit(x, y, align="none")
        before = trainer.device.state()
        outcome = trainer.align(0.2 * x + 0.8, (x, y), margin=1.0)
        assert not outcome.accepted and trainer.device.state() == before
        assert (outcome.margin, outcome.samples, outcome.held_back) == (1.0, 300, 300)
        trainer.align(x[:64], (x[64:128], trainer.predict(x[64:128]).argmax(-1)))  # all correct already
        assert trainer.device.state() == before


def test_waiting_gradients_are_applied_first():
    data = networks.mlp()
    x, y = samples(data)
    model = converted(data, x, accumulate=4)
    with tt.Trainer(model) as trainer, tt.Trainer(model) as other:
        for each in (trainer, other):
            each.device.train(x[:3].reshape(3, -1), y[:3], np.arange(3, dtype=np.uint32))
        other.device.flush()
        trainer.device.measure(x[:8].reshape(8, -1))
        assert weights(trainer.device) == weights(other.device)


def test_the_guard_judges_by_more_than_the_margin():
    model, x, y = shifted_case()
    with tt.Trainer(model) as trainer:
        outcome = trainer.align(x[:64], (x[64:164], y[64:164]), margin=0.0)
    gain = round(100 * (outcome.accuracy_after - outcome.accuracy_before))
    assert gain > 3
    for margin, accepted in ((gain / 100 - 0.005, True), (gain / 100 + 0.005, False)):
        with tt.Trainer(model) as trainer:
            again = trainer.align(x[:64], (x[64:164], y[64:164]), margin=margin)
            assert again.accepted is accepted
            assert (again.accuracy_before, again.accuracy_after) == (outcome.accuracy_before, outcome.accuracy_after)
            found = trainer.evaluate(x[64:164], y[64:164])["accuracy"]
            assert found == pytest.approx(outcome.accuracy_after if accepted else outcome.accuracy_before, abs=0.011)


def test_statistics_that_overflow_are_refused():
    data = networks.mlp()
    x, y = samples(data)
    with tt.Trainer(converted(data, x)) as trainer:
        before = trainer.device.state()
        huge = np.full((64, 64), 3e19, np.float32)
        outcome = trainer.align(huge, (x, y))
        assert not outcome.accepted and (outcome.accuracy_before, outcome.accuracy_after) == (0, 0)
        assert trainer.device.state() == before
        labels = trainer.predict(x).argmax(-1)
        assert trainer.align(x[:64], (x, labels)).accuracy_before == 1  # nothing of it is left


# Sequences


def test_train_align_train_undo():
    model, x, y = shifted_case()
    with tt.Trainer(model) as trainer:
        trainer.fit(x, y, align="none")
        before, answers = trainer.device.state(), trainer.predict(x)
        assert trainer.align(x[:64], (x[64:], y[64:])).accepted
        assert trainer.predict(x).tobytes() != answers.tobytes()
        trainer.fit(x, y, align="none", epochs=2)
        trainer.device.set_state(before)
        assert trainer.predict(x).tobytes() == answers.tobytes()
        trainer.reset()
        with tt.Trainer(model) as fresh:
            assert weights(trainer.device) == weights(fresh.device)


def test_a_saved_file_has_the_aligned_weights_and_aligns_again(tmp_path: Path):
    model, x, y = shifted_case()
    with tt.Trainer(model) as trainer:
        first = trainer.align(x[:64], (x[64:], y[64:]))
        trainer.save(tmp_path / "aligned.tflite")
        outputs = trainer.predict(x)
    with tt.Trainer(tmp_path / "aligned.tflite") as trainer:
        assert trainer.predict(x).tobytes() == outputs.tobytes()
        again = trainer.align(x[:64], (x[64:], y[64:]), margin=0.5)
        assert again.accuracy_before == pytest.approx(first.accuracy_after, abs=0.005)
        assert abs(again.accuracy_after - again.accuracy_before) < 0.1 and not again.accepted
        assert trainer.predict(x).tobytes() == outputs.tobytes()


def test_fit_aligns_in_front_of_everything():
    model, x, y = shifted_case()
    with tt.Trainer(model) as trainer, tt.Trainer(model) as by_hand:
        history = trainer.fit(x, y, epochs=2, seed=5)
        order = np.random.Generator(np.random.PCG64(5)).permutation(len(x))
        held = order[64:128]
        outcome = by_hand.align(x[order[:64]], (x[held], y[held]))
        assert history.alignment == outcome and outcome.accepted
        plain = by_hand.fit(x, y, epochs=2, seed=5, align="none")
        assert plain.alignment is None
        assert weights(trainer.device) == weights(by_hand.device)
        assert history.history == plain.history
        assert history.forward_passes == plain.forward_passes + 64 + 2 * 64 and outcome.forward_passes == 192
        assert history.counters["forward"] == plain.counters["forward"] + outcome.macs


@pytest.mark.parametrize(
    "options",
    [{"schedule": "remembered-loss"}, {"replay": "latent", "slots": 100}, {"gate": "loss"}, {"selector": "error-map"}],
    ids=str,
)
def test_it_composes(options):
    model, x, y = shifted_case(**options)
    with tt.Trainer(model) as trainer, tt.Trainer(model) as by_hand:
        history = trainer.fit(x, y, epochs=4, learning_rate="auto")
        assert history.alignment is not None and history.alignment.accepted and history.tried
        order = np.random.Generator(np.random.PCG64(0)).permutation(len(x))
        held = order[64:128]
        by_hand.align(x[order[:64]], (x[held], y[held]))
        by_hand.fit(x, y, epochs=4, align="none", learning_rate="auto")
        assert weights(trainer.device) == weights(by_hand.device)


def test_kept_activations_of_older_weights_are_forgotten():
    model, x, y = shifted_case(replay="latent", slots=50)
    with tt.Trainer(model) as trainer:
        trainer.remember(x[:40], y[:40])
        assert not trainer.align(x[:64], (x[64:], y[64:]), margin=1.0).accepted
        trainer.replay(1)
        assert trainer.align(x[:64], (x[64:], y[64:])).accepted
        with pytest.raises(tt.UserError, match="nothing to replay"):
            trainer.replay(1)


# Devices


def check_equal_to_native(device: Device, native: str) -> None:
    model, x, y = shifted_case()
    flat = x.reshape(len(x), -1)
    with tt.Trainer(model, device=native) as other:
        for margin in (1.0, 0.03):
            results = []
            for each in (device, other.device):
                each.forget_alignment()
                each.measure(flat[:20])
                results.append((each.judge_alignment(flat[20:60], y[20:60]), each.accept_alignment(margin)))
            assert results[0] == results[1] and results[0][1] is (margin < 1)
            assert weights(device) == weights(other.device)
        with pytest.raises(tt.DeviceError):
            device.accept_alignment(0.03)  # nothing is measured
        device.reset()
        other.device.reset()
        assert weights(device) == weights(other.device)


@pytest.fixture(scope="module")
def agent() -> Iterator[ProcessTransport]:
    transport = ProcessTransport([str(build.native_agent())])
    yield transport
    transport.close()


def remote(agent: ProcessTransport, model: tt.TrainableModel, lose_every: int = 0) -> RemoteDevice:
    def lost(frame: bytes, number: int, which: int) -> bytes:
        return b"" if lose_every and number % lose_every == which else frame

    transport = FaultyTransport(
        agent, lambda frame, number: lost(frame, number, 1), lambda frame, number: lost(frame, number, 2)
    )
    transport.close = lambda: None  # type: ignore[method-assign]  # the process serves the next test
    return RemoteDevice(Link(transport, "agent", retry_seconds=0.002), model, "agent")


@pytest.mark.parametrize("lose_every", [0, 5])
def test_a_device_behind_the_protocol_aligns(agent, lose_every):
    device = remote(agent, shifted_case()[0], lose_every)
    try:
        check_equal_to_native(device, "native")
    finally:
        device.close()


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
def test_an_emulated_board_aligns():
    device = open_device("qemu:m4-parity", shifted_case()[0])
    try:
        check_equal_to_native(device, "native-parity")
    finally:
        device.close()


# Options and refusals


def test_the_plan_says_what_is_aligned():
    data = networks.cnn()
    model = converted(data, align_samples=33, align_margin=0.1)
    run = model.plan.run_options
    assert (run["align"], run["align_samples"]) == ("guarded", 33)
    assert aligned_names(model) == ("conv_2d_0", "conv_2d_2")
    assert "guarded (samples 33, margin 0.1, 2 layers)" in model.summary() and "memory of alignment" in model.summary()
    assert (
        model.sizes.align_bytes == 8 * (4 + 8) and model.sizes.arena_bytes["align"] <= model.sizes.arena_bytes["train"]
    )
    again = model.convert_again(learning_rate=0.5)
    assert all(words in again for words in ("--align guarded", "--align-samples 33", "--statistics D.npz"))
    plain = tt.convert(model.data, tt.TrainingConfig())
    assert plain.plan.find(ProgramKind.ALIGN) is None and plain.sizes.align_bytes == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_arena_of_the_plan_is_enough_and_needed(name):
    model = converted(NETWORKS[name]())
    arena = max(model.sizes.arena_bytes[kind] for kind in ("infer", "train"))
    x, y = samples(NETWORKS[name](), 140)
    with tt.Trainer(model, arena_bytes=arena) as trainer:
        trainer.align(x[:70], (x[70:], y[70:]))
    with pytest.raises(tt.DeviceError, match=f"{arena} bytes"):
        tt.Trainer(model, arena_bytes=arena - 1)


REFUSED = [
    ({"loss": "mse"}, networks.mlp, ["align guarded", "accuracy", "loss mse"]),
    ({"layers": "last:1"}, networks.mlp, ["output layer", "--layers"]),
    ({"layers": "bias"}, networks.mlp, ["its weights do not train"]),
    ({}, int8_networks.cnn, ["int8 weights", "layer", "leave it out"]),
    ({"layers": "last:2"}, bodies.lstm, ["align guarded", "UNIDIRECTIONAL_SEQUENCE_LSTM", "leave it out"]),
    ({"align_samples": 0}, networks.mlp, ["align_samples=0", "1 to 65535"]),
    ({"align_margin": 1.5}, networks.mlp, ["align_margin=1.5", "0 to 1"]),
    ({"align": "none"}, networks.mlp, ["statistics", "no effect", "--align guarded"]),
]


@pytest.mark.parametrize(("options", "make", "words"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_what_cannot_be_aligned_is_refused(options, make, words):
    data = make()
    shape = read_graph(flatbuffer.load(data, "test"), "test")
    x = np.random.default_rng(0).normal(size=(40, *shape.tensors[shape.inputs[0]].shape[1:]))
    with pytest.raises(tt.UserError) as error:
        converted(data, x, **options)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_layers_without_bias_are_named():
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.dense(b.input(1, 8), rng.normal(size=(6, 8)), None, "RELU")
    x = b.dense(x, rng.normal(size=(5, 6)), rng.normal(size=5), "RELU")
    y = b.dense(x, rng.normal(size=(3, 5)), np.zeros(3))
    data = b.finish(b.op("SOFTMAX", [y], (1, 3), beta=1.0))
    model = converted(data)
    assert any("fully_connected_0 is not aligned: it has no bias (--add-bias" in note for note in model.notes)
    assert aligned_names(model) == ("fully_connected_1",)
    assert len(aligned_names(converted(data, add_bias=True))) == 2


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((5, 64)), "5 samples, too few"),
        (np.zeros((50, 63)), "the statistics' x has shape"),
        (np.full((50, 64), np.nan), "NaN"),
        (None, "--statistics D.npz"),
    ],
)
def test_statistics_need_samples(x, words):
    with pytest.raises(tt.UserError, match=words):
        tt.convert(networks.mlp(), tt.TrainingConfig(align="guarded"), statistics=x)


def test_a_run_that_cannot_be_aligned_is_refused_and_nothing_changes(blobs):
    x, y = blobs
    with tt.Trainer(tt.convert(networks.mlp())) as trainer:
        for call in (lambda: trainer.fit(x, y, align="guarded"), lambda: trainer.align(x, (x, y))):
            with pytest.raises(tt.UserError, match="needs a plan .*: `tflm-train convert .*--statistics D.npz"):
                call()
        with pytest.raises(tt.UserError, match="no effect with align none"):
            trainer.fit(x, y, align_samples=10)
    with tt.Trainer(converted(networks.mlp())) as trainer:
        before = trainer.device.state()
        for call, words in (
            (lambda: trainer.fit(x[:100], y[:100]), "measures with 64 samples .* there are 100.*--align-samples"),
            (lambda: trainer.align(x, (x, y), margin=2), "align_margin=2"),
            (lambda: trainer.align(x, x), "must be a pair"),
            (lambda: trainer.align(x, None), "held_out is missing"),
        ):
            with pytest.raises(tt.UserError, match=words):
                call()
        assert trainer.device.state() == before
        trainer.fit(x[:100], y[:100], align_samples=50)
        trainer.fit(x[:1], y[:1], align="none")
    with tt.Trainer(converted(networks.mlp(sizes=(64, 32, 24, 10)), cut=0), from_cut=True) as trainer:
        activations = np.abs(x[:, :32])
        for call in (
            lambda: trainer.fit(activations, y, align="guarded"),
            lambda: trainer.align(activations, (activations, y)),
        ):
            with pytest.raises(tt.UserError, match="from_cut=True"):
                call()
        assert trainer.fit(activations, y).alignment is None


def test_labels_without_accuracy_are_refused(blobs):
    x, y = blobs
    b = ModelBuilder()
    rng = np.random.default_rng(0)
    hidden = b.dense(b.input(1, 64), rng.normal(size=(8, 64)), np.zeros(8), "RELU")
    data = b.finish(b.dense(hidden, rng.normal(size=(10, 8)), np.zeros(10)))
    with tt.Trainer(converted(data)) as trainer:
        assert trainer.fit(x, y).alignment is not None
        with pytest.raises(tt.UserError, match="judges by accuracy.*mse"):
            trainer.fit(x, np.eye(10)[y])


def lying(model: tt.TrainableModel, change: Any) -> bytes:
    plan = decode(model_writer.read_plan(model.data) or b"")
    change(plan)
    plain = model_writer.strip_plan(model.data)
    return model_writer.add_plan(flatbuffer.load(plain, "lying"), encode(plan))


def _statistic(value: float) -> Any:
    def change(plan: Any) -> None:
        statistics = read_statistics(plan)
        mean, deviation = (array.copy() for array in statistics[0])
        deviation[0] = value
        write_statistics(plan, {**statistics, 0: (mean, deviation)})

    return change


def _step(field: str, value: int) -> Any:
    def change(plan: Any) -> None:
        plan.aligned[0][field] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _statistic(np.nan),
        _statistic(-1.0),
        _statistic(np.inf),
        *(_step("layer", value) for value in (1, 2, 7, 0xFFFE)),
        *(_step("word_count", value) for value in (0, 1, 2, 64, 66, 0xFFFF)),
        *(_step("kernel", value) for value in (0, 89, 91)),
        *(_step("value_count", value) for value in (0, 2)),
    ],
)
def test_plans_that_lie_are_refused_or_do_no_harm(change, blobs):
    x, y = blobs
    try:
        with tt.Trainer(lying(converted(networks.mlp()), change)) as trainer:
            trainer.fit(x, y)
    except tt.UserError as error:
        assert "\n" not in str(error)


# The command line


def test_train_tells_what_became_of_it(run: Any, folder: Path, tmp_path: Path):
    model, data = tmp_path / "aligned.tflite", tmp_path / "shifted.npz"
    with np.load(folder / "data.npz") as arrays:
        np.savez(tmp_path / "unlabelled.npz", x=arrays["x"])
        np.savez(data, x=0.2 * arrays["x"] + 0.7, y=arrays["y"])
    run("train", folder / "model.tflite", "--data", folder / "data.npz", "--epochs", 3, "-o", tmp_path / "clean.tflite")
    options = ["--align", "guarded", "--statistics", tmp_path / "unlabelled.npz", "--lr", 0.01]
    content = run("convert", tmp_path / "clean.tflite", "-o", model, *options, "--json").json
    assert content["align_bytes"] == tt.load_model(model).sizes.align_bytes > 0
    assert run("inspect", model, "--json").json["align_bytes"] == content["align_bytes"]
    result = run("train", model, "--data", data, "--json").json
    found = result["alignment"]
    assert result["align"] == "guarded" and found["accepted"] and found["accuracy_after"] > found["accuracy_before"]
    assert (found["samples"], found["held_back"], found["margin"]) == (64, 64, 0.03)
    plain = run("train", model, "--data", data, "--align", "none", "--json").json
    assert (plain["align"], plain["alignment"]) == ("none", None)
    assert result["forward_passes"] == plain["forward_passes"] + found["forward_passes"]
    assert result["effort_ratio"] < plain["effort_ratio"] and result["updated_fraction"] > 0
    assert "accepted" in run("train", model, "--data", data).out
    refused = run("train", model, "--data", data, "--align-margin", 1, "--json").json["alignment"]
    assert not refused["accepted"]
    assert_refused(run("convert", tmp_path / "clean.tflite", "-o", model, "--align", "guarded"), "--statistics D.npz")
    assert_refused(run("train", model, "--data", data, "--align-samples", 1000), "--align-samples")
