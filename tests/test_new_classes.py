"""Classes that a device is taught: outputs that are silent, what the first samples make of them, and training after."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import int8_networks
import networks
import numpy as np
import pytest
import stock_runtimes
from command_line import assert_refused
from lossy_wire import FaultyTransport
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer, model_reader, model_writer
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.plan_format import decode, encode
from tflm_train.converters.spare_classes import find_head

import tflm_train as tt
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.remote import RemoteDevice
from tflm_train.runtimes import _ending_at, evaluate_file

SAMPLES, SPARE = 30, 3
NETWORKS: dict[str, Callable[[], bytes]] = {
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=8, widths=(4, 8)),
    "separable": lambda: networks.separable(size=(9, 6), width=4, blocks=2),
    "inverted_residual": networks.inverted_residual,
}


def logits(seed: int = 0, bias: bool = True) -> bytes:
    """No softmax at the end."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.dense(b.input(1, 16), rng.normal(size=(12, 16)) / 4, rng.normal(size=12), "RELU")
    return b.finish(b.dense(x, rng.normal(size=(5, 12)) / 4, rng.normal(size=5) if bias else None))


def views() -> bytes:
    """Reshapes around softmax, one with a free axis; weights and bias of the end serve another layer too."""
    rng, b = np.random.default_rng(6), ModelBuilder()
    w, bias = b.constant(rng.normal(size=(6, 6)) / 4), b.constant(rng.normal(size=6))
    x = b.op("FULLY_CONNECTED", [b.input(1, 6), w, bias], (1, 6), fusedActivationFunction=1)
    x = b.reshape(b.op("FULLY_CONNECTED", [x, w, bias], (1, 6), fusedActivationFunction=0), 1, 1, 6)
    x = b.op("SOFTMAX", [x], (1, 1, 6), beta=1.0)
    return b.finish(b.op("RESHAPE", [x, b.constant(np.array([1, -1], np.int32))], (1, 6)))


def converted(data: Any, **options: Any) -> tt.TrainableModel:
    return tt.convert(data, tt.TrainingConfig(**{"learning_rate": 0.01, "spare_classes": SPARE, **options}))


def samples(data: bytes, count: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    x, y = networks.samples(data, count)
    return x.astype(np.float32), y


def weights(device: Device) -> list[np.ndarray]:
    return [values for _, values in device.parameters()]


def classes_of(data: bytes) -> int:
    return find_head(model_reader.read_graph(flatbuffer.load(data), "test")).classes


# Silent outputs


@pytest.mark.parametrize("make", [*NETWORKS.values(), views], ids=[*NETWORKS, "views"])
def test_the_file_computes_the_old_outputs_bit_for_bit_and_zeros(make: Callable[[], bytes]) -> None:
    data = make()
    wide, classes = converted(data).data, classes_of(data)
    x = samples(data, 5)[0] * 100
    for runtime in ("litert", "tflite-micro"):
        old, new = (stock_runtimes.run(runtime, file, x).reshape(5, -1) for file in (data, wide))
        assert new.shape == (5, classes + SPARE)
        assert np.array_equal(new[:, :classes], old), runtime
        assert not new[:, classes:].any(), runtime
    with tt.Trainer(wide) as trainer, tt.Trainer(tt.convert(data)) as plain:
        outputs = trainer.predict(x).reshape(5, -1)
        assert np.array_equal(outputs[:, :classes], plain.predict(x).reshape(5, -1)) and not outputs[:, classes:].any()


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zero_skip": False},
        {"accumulate": 4},
        {"optimizer": "momentum"},
        {"optimizer": "adam", "accumulate": 2},
        {"selector": "tinyprop"},
        {"replay": "latent", "slots": 20, "replay_type": "float32"},
        {"schedule": "remembered-loss", "schedule_threshold": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [networks.cnn, logits], ids=["cnn", "logits"])
def test_training_moves_what_it_would_move_without_them(make: Any, options: dict[str, Any], device: str) -> None:
    data = make()
    x, y = samples(data)
    classes = classes_of(data)
    plain = {"loss": "cross-entropy", **options}
    with (
        tt.Trainer(converted(data, **options), device) as spare,
        tt.Trainer(converted(data, spare_classes=0, **plain), device) as without,
    ):
        before = weights(spare.device)
        histories = [trainer.fit(x, y, epochs=4) for trainer in (spare, without)]
        assert histories[0].history == histories[1].history
        for new, old, first in zip(weights(spare.device), weights(without.device), before):
            assert np.array_equal(new[: old.size], old)
            assert np.array_equal(new[old.size :], first[old.size :])
        assert spare.untaught == tuple(range(classes, classes + SPARE))
        assert spare.evaluate(x, y) == without.evaluate(x, y)


def test_a_softmax_is_silent_for_logits_of_any_size() -> None:
    data = logits()
    with tt.Trainer(converted(data)) as trainer:
        huge = samples(data, 1)[0] * 1e9
        output = trainer.predict(huge)[0]
        assert np.isfinite(output).all() and (output[5:] < output[:5].min()).all()
        history = trainer.fit(huge / np.float32(1e9), [0], epochs=3)
        assert np.isfinite(history.history["loss"]).all()


# What the first samples make of a class


def activations(model: tt.TrainableModel, x: np.ndarray) -> np.ndarray:
    """What the last layer reads, by LiteRT."""
    graph = model_reader.read_graph(flatbuffer.load(model.data), "test")
    tensor = graph.operators[find_head(graph).operator].inputs[0]
    file = _ending_at(model.data, "test", tensor)
    return stock_runtimes.run("litert", file, x).reshape(len(x), -1).astype(np.float64)


def imprinted(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, float]:
    """Row and bias of a class from what the last layer reads of its samples [n, inputs], and the known rows."""
    norms = np.linalg.norm(x, axis=1)
    u = (x / norms[:, None]).sum(axis=0)
    scale = np.linalg.norm(w, axis=1).mean()
    top = (x @ w.T + b).max(axis=1).mean()
    length = np.linalg.norm(u)
    return scale * u / length, top - scale * (length / len(x) - 0.1) * norms.mean()


@pytest.mark.parametrize("make", [*NETWORKS.values(), logits, views], ids=[*NETWORKS, "logits", "views"])
def test_weights_are_those_of_the_formula(make: Callable[[], bytes]) -> None:
    """Samples of two classes, turn about, one by one and several at once."""
    data = make()
    model, classes = converted(data), classes_of(data)
    x, _ = samples(data, 9)
    labels = np.array([0, 2, 0, 0, 2, 0, 2, 0, 0]) + classes
    read = activations(model, x)
    with tt.Trainer(model) as trainer:
        w, b = (values.reshape(classes + SPARE, -1).astype(np.float64) for values in weights(trainer.device)[-2:])
        assert trainer.teach(x[:1], labels[:1]) == {classes: 1}
        assert trainer.teach(x[1:7], labels[1:7]) == {classes: 3, classes + 2: 3}
        trainer.teach(x[7:], labels[7:])
        assert trainer.untaught == (classes + 1,)
        taught = [values.reshape(classes + SPARE, -1) for values in weights(trainer.device)[-2:]]
        for label in (classes, classes + 2):
            row, bias = imprinted(read[labels == label], w[:classes], b[:classes, 0])
            np.testing.assert_allclose(taught[0][label], row, rtol=1e-4, atol=1e-5 * np.abs(row).max())
            np.testing.assert_allclose(taught[1][label, 0], bias, rtol=1e-4, atol=1e-4)
        rest = [*range(classes), classes + 1]
        assert np.array_equal(taught[0][rest], w[rest]) and np.array_equal(taught[1][rest], b[rest])
        assert (trainer.predict(x).reshape(9, -1)[:, [classes, classes + 2]] != 0).all()


def test_the_order_of_samples_and_classes_does_not_matter() -> None:
    model = converted(networks.mlp())
    x, _ = samples(networks.mlp(), 8)
    labels, found = np.array([10, 11] * 4), []
    for order in (np.arange(8), np.arange(8)[::-1], np.argsort(labels, kind="stable")):
        with tt.Trainer(model) as trainer:
            trainer.teach(x[order], labels[order])
            found.append(trainer.predict(x))
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    np.testing.assert_allclose(found[2], found[0], atol=1e-5)


def test_known_rows_of_zeros_leave_the_length_one() -> None:
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.dense(b.input(1, 8), rng.normal(size=(6, 8)), np.ones(6), "RELU")
    model = converted(b.finish(b.dense(x, np.zeros((3, 6)), np.zeros(3))))
    with tt.Trainer(model) as trainer:
        trainer.teach(rng.normal(size=(2, 8)), [3, 3])
        rows = weights(trainer.device)[-2].reshape(6, 6)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [0, 0, 0, 1, 0, 0], atol=1e-6)


def test_what_is_taught_is_part_of_the_training_state() -> None:
    data = networks.cnn()
    x, y = samples(data)
    with tt.Trainer(converted(data, optimizer="momentum", accumulate=3)) as trainer:
        trainer.fit(x, y, epochs=1)
        states = [trainer.device.state()]
        for label in (10, 10, 12):
            trainer.teach(x[len(states)][None], [label])
            states.append(trainer.device.state())
        after = weights(trainer.device)
        trainer.device.set_state(states[1])
        assert trainer.untaught == (11, 12)
        for number, label in ((2, 10), (3, 12)):
            trainer.teach(x[number][None], [label])
            assert trainer.device.state() == states[number]
        trainer.device.set_state(states[0])
        assert trainer.untaught == (10, 11, 12)
        trainer.teach(x[[1, 2, 3]], [10, 10, 12])
        assert all(map(np.array_equal, weights(trainer.device), after))
        trainer.reset()
        assert trainer.untaught == (10, 11, 12)


# Training after it


def test_a_taught_file_knows_what_is_silent_and_trains_on_as_the_device_does(tmp_path: Path) -> None:
    data = networks.cnn()
    x, y = samples(data)
    labels = np.where(np.arange(SAMPLES) % 3 == 0, 11, y)
    with tt.Trainer(converted(data)) as trainer:
        trainer.teach(x[::3][:4], labels[::3][:4])
        trainer.save(tmp_path / "taught.tflite")
        with tt.Trainer(tmp_path / "taught.tflite") as again:
            assert again.untaught == trainer.untaught == (10, 12)
            histories = [one.fit(x, labels, epochs=4).history for one in (trainer, again)]
            assert histories[0] == histories[1]
            assert all(map(np.array_equal, weights(trainer.device), weights(again.device)))
            output = stock_runtimes.run("litert", again.trained_model().data, x).reshape(SAMPLES, -1)
            np.testing.assert_allclose(again.predict(x), output, atol=1e-5)
            assert not output[:, [10, 12]].any() and (output[:, 11] > 0).all()
            with pytest.raises(tt.UserError, match=r"classes 11 .*trained since.*file: train its samples with fit"):
                again.teach(x[:1], [11])
            again.teach(x[:1], [10])
            assert again.untaught == (12,)
    file = tmp_path / "taught.tflite"
    reconverted = tt.convert(file, tt.TrainingConfig(accumulate=2))
    assert (tt.Trainer(reconverted).untaught, reconverted.edits) == ((10, 12), [])
    assert "--spare-classes" not in reconverted.convert_again()
    more = converted(file, spare_classes=2)
    assert tt.Trainer(more).untaught == (10, 12, 13, 14) and more.output_shape == (15,)


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam"}, {"accumulate": 5}, {"selector": "tinyprop"}], ids=str)
def test_new_classes_are_learned_and_old_ones_kept_by_replay(options: dict[str, Any], blobs: tuple) -> None:
    x, y = blobs
    rate = 0.002 if "optimizer" in options else 0.02
    old, new = y < 5, y >= 5
    first = networks.mlp(sizes=(64, 32, 5))
    model = converted(first, spare_classes=5, replay="latent", slots=60, learning_rate=rate, **options)
    with tt.Trainer(model) as trainer:
        trainer.fit(x[old], y[old], epochs=6, replay="none")
        known = trainer.evaluate(x[old], y[old])["accuracy"]
        assert known > 0.95
        few = np.concatenate([np.flatnonzero(y == label)[:5] for label in range(5, 10)])
        trainer.remember(x[old], y[old])
        trainer.teach(x[few], y[few])
        assert trainer.untaught == () and trainer.evaluate(x[new], y[new])["accuracy"] > 0.3
        trainer.remember(x[few], y[few])
        for _ in range(60):
            trainer.replay(10)
        assert trainer.evaluate(x[new], y[new])["accuracy"] > 0.85
        assert trainer.evaluate(x[old], y[old])["accuracy"] > known - 0.1


def test_activations_at_the_cut_teach_as_samples_do() -> None:
    data = networks.mlp()
    x, _ = samples(data, 4)
    model = converted(data, cut=0, layers="last:1")
    with tt.Trainer(model) as whole, tt.Trainer(model, from_cut=True) as from_cut:
        whole.teach(x, [10, 10, 11, 11])
        from_cut.teach(activations(model, x), [10, 10, 11, 11])
        for a, b in zip(weights(whole.device), weights(from_cut.device)):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


# Devices behind the protocol


@pytest.fixture(scope="module")
def agent() -> Iterator[ProcessTransport]:
    transport = ProcessTransport([str(build.native_agent())])
    yield transport
    transport.close()


def remote(agent: ProcessTransport, model: tt.TrainableModel) -> RemoteDevice:
    transport = FaultyTransport(agent, lambda frame, number: frame, lambda frame, number: frame)
    transport.close = lambda: None  # type: ignore[method-assign]  # the process serves the next test
    return RemoteDevice(Link(transport, "agent"), model, "agent")


def check_equal_to_native(device: Device, name: str, model: tt.TrainableModel, x: np.ndarray, y: np.ndarray) -> None:
    with tt.Trainer(model, name) as native:
        there = tt.Trainer(model, device)
        for trainer in (native, there):
            trainer.fit(x[:8], y[:8])
            assert trainer.teach(x[8:13], [10, 11, 10, 10, 11]) == {10: 3, 11: 2}
            assert trainer.untaught == (12,)
            trainer.fit(x[8:13], [10, 11, 10, 10, 11], epochs=2)
            with pytest.raises(tt.UserError, match="trained since"):
                trainer.teach(x[:2], [12, 10])
            assert trainer.untaught == (12,)
        assert native.device.state() == device.state()
        assert np.array_equal(native.predict(x), there.predict(x))


def test_the_agent_is_taught(agent: ProcessTransport) -> None:
    model = converted(networks.cnn())
    check_equal_to_native(remote(agent, model), "native", model, *samples(networks.cnn()))
    with pytest.raises(tt.DeviceError, match="label"):
        remote(agent, model).teach(np.zeros((1, 144), np.float32), np.array([9], np.int32))
    with pytest.raises(tt.DeviceError, match="not initialized"):
        plain = tt.convert(networks.cnn())
        remote(agent, plain).teach(np.zeros((1, 144), np.float32), np.array([9], np.int32))


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
def test_an_emulated_board_is_taught() -> None:
    model = converted(networks.cnn())
    device = open_device("qemu:m4-parity", model)
    try:
        check_equal_to_native(device, "native-parity", model, *samples(networks.cnn()))
    finally:
        device.close()


# Labels of untaught classes


@pytest.mark.parametrize("make", [networks.mlp, logits], ids=["mlp", "logits"])
def test_untaught_classes_do_not_train_and_count_as_wrong(make: Callable[[], bytes]) -> None:
    data, classes = make(), classes_of(make())
    x, y = samples(data)
    unknown = np.where(np.arange(SAMPLES) < 6, classes + 1, y)
    with tt.Trainer(converted(data, replay="latent", slots=9)) as trainer:
        before = trainer.device.state()
        for call in (
            lambda: trainer.fit(x, unknown),
            lambda: trainer.fit(x, np.eye(classes + SPARE)[unknown]),
            lambda: trainer.remember(x, unknown),
            lambda: trainer.fit(x, y, validation_data=(x, unknown)),
        ):
            with pytest.raises(tt.UserError, match=r"y\[0\] is of a class that has not been taught .*trainer.teach"):
                call()
        assert trainer.device.state() == before
        with pytest.warns(tt.errors.DataWarning, match="6 of 30 samples of y .*count as wrong"):
            found = trainer.evaluate(x, unknown)
        known = trainer.evaluate(x[6:], y[6:])
        assert found["loss"] == pytest.approx(known["loss"], rel=1e-6)
        assert found["accuracy"] == pytest.approx(known["accuracy"] * 24 / 30)
        with pytest.warns(tt.errors.DataWarning, match="6 of 30 samples"):
            stock = evaluate_file(trainer.model.data, "litert", x, unknown)
        assert stock["accuracy"] == pytest.approx(found["accuracy"])
        assert stock["loss"] == pytest.approx(found["loss"], rel=1e-4)
        with pytest.raises(tt.UserError, match="all samples of y .*not been taught"):
            trainer.evaluate(x[:6], unknown[:6])
        trainer.teach(x[:6], unknown[:6])
        trainer.fit(x, unknown)
        trainer.fit(x, np.eye(classes + SPARE)[unknown], replay="none")


def test_what_cannot_be_taught_is_refused_and_changes_nothing() -> None:
    data = networks.mlp()
    x, y = samples(data)
    with tt.Trainer(converted(data)) as trainer:
        before = trainer.device.state()
        for labels, words in (
            (np.where(np.arange(SAMPLES) == 7, 3, 11), r"y\[7\] is 3, .* the model knows .untaught: 10, 11, 12"),
            (np.full(SAMPLES, 13), "13"),
            (np.eye(13)[np.full(SAMPLES, 11)], "class numbers"),
        ):
            with pytest.raises(tt.UserError, match=words):
                trainer.teach(x, labels)
        huge = x.copy()
        huge[3] = 3e38
        with pytest.raises(tt.UserError, match="NaN or infinite"):
            trainer.teach(huge, np.full(SAMPLES, 11))
        assert trainer.device.state() == before
        trainer.teach(x, np.full(SAMPLES, 11))
        trainer.fit(x[:1], y[:1])  # other classes: class 11 has been trained as well
        state = trainer.device.state()
        with pytest.raises(tt.UserError, match=r"classes 10, 11 has been trained since .*untaught: 10, 12"):
            trainer.teach(x[:2], [10, 11])
        assert trainer.device.state() == state
    with tt.Trainer(tt.convert(data)) as trainer:
        assert trainer.untaught == ()
        with pytest.raises(tt.UserError, match="no outputs for new classes.*: `tflm-train convert .*--spare-classes 1"):
            trainer.teach(x, y)


def test_a_sample_without_activations_is_refused() -> None:
    b = ModelBuilder()
    x = b.dense(b.input(1, 4), np.eye(4), np.zeros(4), "RELU")
    with tt.Trainer(converted(b.finish(b.dense(x, np.ones((3, 4)), np.zeros(3))))) as trainer:
        before = trainer.device.state()
        with pytest.raises(tt.UserError, match="cannot be taught"):
            trainer.teach(np.array([[1, 1, 1, 1], [-1, -1, -1, -1]]), [3, 3])
        assert trainer.device.state() == before


# Conversion


def _regression() -> bytes:
    b = ModelBuilder()
    return b.finish(b.dense(b.input(1, 4), np.ones((1, 4)), np.zeros(1)))


def _convolution() -> bytes:
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 4, 1), np.ones((3, 4, 4, 1)), np.zeros(3), padding="VALID")
    return b.finish(b.reshape(x, 1, 3))


def _rows() -> bytes:
    b = ModelBuilder()
    w = b.constant(np.ones((3, 4)))
    x = b.op("FULLY_CONNECTED", [b.input(1, 2, 4), w, -1], (1, 2, 3), fusedActivationFunction=0, keepNumDims=True)
    return b.finish(b.op("SOFTMAX", [x], (1, 2, 3), beta=1.0))


def _rectified() -> bytes:
    b = ModelBuilder()
    return b.finish(b.dense(b.input(1, 4), np.ones((3, 4)), np.zeros(3), "RELU"))


def _sigmoid() -> bytes:
    b = ModelBuilder()
    return b.finish(b.op("LOGISTIC", [b.dense(b.input(1, 4), np.ones((3, 4)), np.zeros(3))], (1, 3)))


REFUSED: list[tuple[Any, dict[str, Any], list[str]]] = [
    (_regression, {}, ["single output"]),
    (_convolution, {}, ["CONV_2D", "ends in"]),
    (_rows, {}, ["several rows"]),
    (_rectified, {}, ["activation RELU"]),
    (_sigmoid, {}, ["LOGISTIC"]),
    (int8_networks.cnn, {}, ["float32", "int8", "silent"]),
    (networks.mlp, {"loss": "mse"}, ["mse", "cross-entropy"]),
    (logits, {"loss": "binary-cross-entropy"}, ["binary-cross-entropy", "cross-entropy"]),
    (networks.mlp, {"layers": [0]}, ["do not train", "--layers"]),
    (networks.mlp, {"layers": "bias"}, ["do not train", "--layers"]),
    (networks.mlp, {"spare_classes": -1}, ["spare_classes=-1", "0 to 1024"]),
]


@pytest.mark.parametrize(("make", "options", "words"), REFUSED, ids=[f"{c[0].__name__}{c[1]}" for c in REFUSED])
def test_models_without_room_for_classes_are_refused(make: Any, options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(tt.UserError) as error:
        converted(make(), **options)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_layer_without_bias_gets_one() -> None:
    model = converted(logits(bias=False))
    with tt.Trainer(model) as trainer:
        x, _ = samples(logits(), 3)
        trainer.teach(x, [5, 6, 5])
        assert trainer.untaught == (7,)
        assert trainer.layer_weights().keys() == tt.Trainer(converted(logits())).layer_weights().keys()


def test_a_silent_output_stays_so_where_its_layer_does_not_train() -> None:
    wide = converted(networks.mlp()).data
    model = tt.convert(wide, tt.TrainingConfig(layers=[0]))
    assert any("3 silent outputs stay so" in note for note in model.notes)
    x, y = samples(networks.mlp())
    with tt.Trainer(model) as trainer:
        trainer.fit(x, y)
        assert not trainer.predict(x)[:, 10:].any()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("spare_classes", "spare_layer") for value in (1, 9, 12, 13, 2**31, 2**32 - 1)),
        *(("spare_offset", value) for value in (0, 2, 4, 2**16, 2**31, 2**32 - 4)),
        ("gate_state_bytes", 2**32 - 4),
        ("classes", 4),
    ],
)
def test_plans_that_lie_are_refused_or_do_no_harm(field: str, value: int) -> None:
    model = converted(networks.mlp())
    x, _ = samples(networks.mlp(), 4)
    plan = decode(model_writer.read_plan(model.data) or b"")
    plan.defaults[field] = value
    plain = model_writer.strip_plan(model.data)
    data = model_writer.add_plan(flatbuffer.load(plain, "lying"), encode(plan))
    try:
        with tt.Trainer(data) as trainer:
            trainer.teach(x, [11, 11, 12, 12])
    except tt.UserError as error:
        assert "\n" not in str(error)


def test_the_step_that_is_looked_into_reads_the_layers_input_first() -> None:
    assert OPERATORS["FULLY_CONNECTED"].kernel.backward.split()[0].startswith("x")


# The command line


def test_the_whole_way_on_the_command_line(run: Any, tmp_path: Path, blobs: tuple) -> None:
    x, y = blobs
    (tmp_path / "plain.tflite").write_bytes(networks.mlp(sizes=(64, 32, 5)))
    old, few = y < 5, np.concatenate([np.flatnonzero(y == label)[:5] for label in (5, 6)])
    np.savez(tmp_path / "old.npz", x=x[old], y=y[old])
    np.savez(tmp_path / "few.npz", x=x[few], y=y[few], x_test=x[y < 8], y_test=y[y < 8])
    both = np.concatenate([np.flatnonzero(old), few])
    np.savez(tmp_path / "both.npz", x=x[both], y=y[both], x_test=x[y < 8], y_test=y[y < 8])
    model, trained, taught = (tmp_path / f"{name}.tflite" for name in ("model", "trained", "taught"))
    content = run("convert", tmp_path / "plain.tflite", "-o", model, "--spare-classes", 3, "--lr", 0.02, "--json").json
    assert content["edits"] == [
        "layer fully_connected_1: outputs 5 to 7 are new, for classes that the device is taught, and silent until then"
    ]
    assert run("inspect", model, "--json").json["untaught_classes"] == [5, 6, 7]
    assert "3: 5, 6, 7" in run("inspect", model).out
    assert run("train", model, "--data", tmp_path / "old.npz", "-o", trained, "--epochs", 5).code == 0
    assert_refused(run("train", trained, "--data", tmp_path / "both.npz"), "has not been taught", "tflm-train teach")
    assert_refused(run("teach", trained, "--data", tmp_path / "both.npz", "-o", taught), "a class that the model knows")
    assert not taught.exists()
    arguments = ("teach", trained, "--data", tmp_path / "few.npz", "-o", taught)
    content = run(*arguments, "--json").json
    assert (content["samples"], content["untaught_classes"]) == ({"5": 5, "6": 5}, [7])
    assert len(content["warnings"]) == 1 and 0.5 < content["accuracy"] < 1
    assert "5 samples" in run(*arguments).out
    content = run("train", taught, "--data", tmp_path / "both.npz", "--epochs", 5, "--json").json
    assert content["accuracy_after"] > 0.7 and "count as wrong" in content["warnings"][0]
    assert run("evaluate", taught, "--data", tmp_path / "few.npz", "--runtime", "litert", "--json").json["warnings"]
    assert_refused(run("teach", tmp_path / "plain.tflite", "--data", tmp_path / "few.npz", "-o", taught), "plan")
