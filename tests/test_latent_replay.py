"""Latent replay: activations at the cut are kept, and train what lies behind it as samples would."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bodies
import int8_networks
import networks
import numpy as np
import pytest
from command_line import assert_refused
from lossy_wire import FaultyTransport
from tflm_train.converters import flatbuffer, model_writer
from tflm_train.converters.plan_format import ProgramKind, decode, encode

import tflm_train as tt
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.devices.device import NO_SLOT
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.remote import RemoteDevice
from tflm_train.training_run import order_generator, sample_order

SAMPLES = 40
NETWORKS = {
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=8, widths=(4, 8)),
    "separable": lambda: networks.separable(size=(9, 6), width=4, blocks=2),
    "inverted_residual": networks.inverted_residual,
}


def converted(data: bytes, **options: Any) -> tt.TrainableModel:
    defaults = {"replay": "latent", "slots": SAMPLES, "replay_type": "float32", "learning_rate": 0.01}
    return tt.convert(data, tt.TrainingConfig(**{**defaults, **options}))


def samples(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    x, y = networks.samples(data, SAMPLES)
    return x.astype(np.float32), y


def weights(device: Device) -> list[bytes]:
    return [values.tobytes() for _, values in device.parameters()]


# Equivalences


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"selector": "tinyprop"}], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_float_cache_is_no_cache_bit_for_bit_where_the_body_is_frozen(name, options, device):
    data = NETWORKS[name]()
    x, y = samples(data)
    counts = np.arange(SAMPLES) % 3 / 2
    model = converted(data, layers="last:1", **options)
    run = {"epochs": 6, "sample_weight": counts, "schedule": "remembered-loss", "schedule_threshold": 0.4}
    with tt.Trainer(model, device) as kept, tt.Trainer(model, device) as plain:
        history = kept.fit(x, y, freeze_epoch=2, **run)
        expected = plain.fit(x, y, replay="none", **run)
        assert weights(kept.device) == weights(plain.device)
        assert history.history == expected.history
        assert (history.steps, history.left_out) == (expected.steps, expected.left_out)
        assert (history.remembered, expected.replayed, expected.remembered) == (SAMPLES, 0, 0)
        assert 0 < history.replayed <= 4 * SAMPLES
        assert history.counters["forward"] < expected.counters["forward"]


@pytest.mark.parametrize("name", NETWORKS)
def test_what_lies_behind_the_cut_trains_as_if_nothing_else_did(name):
    """All layers for two epochs; then the same as a plan that trains those behind the cut from there on."""
    data = NETWORKS[name]()
    x, y = samples(data)
    model = converted(data)
    assert model.plan.cut is not None
    first = model.plan.cut[1]
    in_front = [i for i, p in enumerate(model.plan.parameters) if p["operator"] < first]
    assert 0 < len(in_front) < len(model.plan.parameters)
    with tt.Trainer(model) as kept, tt.Trainer(model) as whole:
        history = kept.fit(x, y, epochs=5, freeze_epoch=2, seed=4)
        whole.fit(x, y, epochs=2, replay="none", seed=4)
        generator = order_generator(4)
        orders = [sample_order(SAMPLES, generator) for _ in range(5)][2:]
        layers = [int(i) for i in model.plan.layers["operator"] if i >= first]
        rest = tt.convert(whole.trained_model().data, tt.TrainingConfig(layers=layers, learning_rate=0.01))
        with tt.Trainer(rest) as end:
            for order in orders:
                end.device.train(x.reshape(SAMPLES, -1), y.astype(np.int32), order)
            tensors = [tensor for tensor, _ in end.device.parameters()]
            assert weights(end.device) == [v.tobytes() for t, v in kept.device.parameters() if t in tensors]
        after, before = weights(kept.device), weights(whole.device)
        assert [after[i] for i in in_front] == [before[i] for i in in_front]
        assert after != before and history.replayed == 3 * SAMPLES
        assert kept.evaluate(x, y)["loss"] < whole.evaluate(x, y)["loss"]


@pytest.mark.parametrize("name", ["mlp", "cnn", "inverted_residual"])
def test_integers_are_nearly_the_same(name):
    data = NETWORKS[name]()
    x, y = samples(data)
    losses = []
    for kind in ("float32", "int8"):
        with tt.Trainer(converted(data, replay_type=kind)) as trainer:
            slots = trainer.device.remember(x.reshape(SAMPLES, -1), y.astype(np.int32))
            assert slots.tolist() == list(range(SAMPLES))
            losses.append(trainer.device.replay(slots).losses)
    assert losses[0].tobytes() != losses[1].tobytes()
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05, atol=0.02)
    assert converted(data, replay_type="int8").sizes.replay_bytes < converted(data).sizes.replay_bytes / 2


def test_a_cut_in_front_of_a_pool_has_its_tensor():
    """The convolution and the max-pool behind it are one step elsewhere."""
    data = networks.cnn()
    x, y = samples(data)
    model = converted(data, cut=2, layers="last:1", slots=SAMPLES)  # of the second convolution
    assert model.plan.cut is not None and model.plan.cut[1] == 3
    with tt.Trainer(model) as kept, tt.Trainer(model) as plain:
        assert kept.fit(x, y, epochs=4).history == plain.fit(x, y, epochs=4, replay="none").history
        assert weights(kept.device) == weights(plain.device)


# What is kept


def test_the_cut_is_the_narrowest_place_in_front_of_the_later_half():
    assert converted(networks.mlp()).plan.cut[1] == 1
    assert converted(networks.separable()).cut_shape == (25, 5, 64)
    model = converted(networks.cnn(), layers="last:1")
    assert model.cut_shape == (72,)
    again = tt.convert(networks.cnn(), tt.TrainingConfig(replay="latent", cut=model.plan.cut[1] - 1))
    assert again.plan.cut == model.plan.cut


def test_less_than_half_of_a_forward_pass_lies_behind_the_cut():
    """The second convolution of the CNN is most of its work, the first stage of the residual network a third."""
    assert converted(networks.cnn()).cut_shape == (72,)
    assert converted(networks.residual()).cut_shape == (16, 16, 32)


def kept_samples(slots: np.ndarray) -> dict[int, int]:
    """Slot -> sample, after all of them."""
    return {slot: sample for sample, slot in enumerate(slots.tolist()) if slot != NO_SLOT}


def test_rare_classes_stay_and_others_share_what_they_leave():
    """300 samples of class 0, 60 of 1, five of 2, in any order; 30 slots."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2], [300, 60, 5])).astype(np.int32)
    x = rng.normal(size=(len(labels), 64)).astype(np.float32)
    with tt.Trainer(converted(networks.mlp(), slots=30)) as trainer:
        kept = kept_samples(trainer.device.remember(x, labels))
        counts = np.bincount(labels[list(kept.values())], minlength=3)
        assert sorted(kept) == list(range(30)) and counts.sum() == 30
        assert counts[2] == 5 and min(counts[:2]) >= 10


def test_every_sample_of_a_class_has_the_same_chance():
    """Of 50 samples of one class 10 stay: over seeds each in a fifth of the cases."""
    x, labels = np.zeros((50, 64), np.float32), np.zeros(50, np.int32)
    seeds, stays = 120, np.zeros(50)
    for seed in range(seeds):
        with tt.Trainer(converted(networks.mlp(), slots=10, seed=seed)) as trainer:
            stays[list(kept_samples(trainer.device.remember(x, labels)).values())] += 1
    assert stays.sum() == 10 * seeds
    deviation = np.sqrt(seeds * 0.2 * 0.8)
    assert np.abs(stays - 0.2 * seeds).max() < 4 * deviation
    assert abs(stays[:25].sum() - 5 * seeds) < 4 * deviation * 5


def test_fit_trains_on_those_that_are_kept():
    data = networks.mlp()
    x, y = samples(data)
    with tt.Trainer(converted(data, slots=15)) as trainer:
        history = trainer.fit(x, y, epochs=8)
        assert history.replayed == 6 * 15 and history.left_out == 6 * (SAMPLES - 15)
        assert history.steps == 2 * SAMPLES + 6 * 15 and history.remembered == SAMPLES
        assert trainer.fit(x, y, epochs=1).replayed == 0  # one epoch trains everything


def test_the_stated_bytes_are_those_of_the_library():
    for name, make in NETWORKS.items():
        for kind in ("int8", "float32"):
            model = converted(make(), replay_type=kind, slots=7)
            with tt.Trainer(model) as trainer:
                assert trainer.device._trainer.replay_bytes == model.sizes.replay_bytes > 0, name
    assert tt.convert(networks.mlp()).sizes.replay_bytes == 0


# Streams


def test_replay_guards_old_classes(blobs):
    """Five classes, and then five that lie beside them: trained alone they take the old ones' place."""
    chosen = blobs[1] < 5
    x, y = blobs[0][chosen], blobs[1][chosen]
    aside = (x + np.random.default_rng(1).normal(size=64)).astype(np.float32)
    model = converted(networks.mlp(), slots=100, replay_type="int8", learning_rate=0.02)
    accuracies = []
    for guarded in (False, True):
        with tt.Trainer(model) as trainer:
            trainer.fit(x, y, epochs=8, replay="none")
            assert 100 <= trainer.remember(x, y) <= len(x)
            for sample, label in zip(aside, y + 5):
                trainer.fit(sample[None], [label], replay="none", verbose=0)
                if guarded:
                    assert set(trainer.replay(2)) == {"loss", "accuracy"}
            accuracies.append([trainer.evaluate(*part)["accuracy"] for part in ((x, y), (aside, y + 5))])
    (forgotten, _), (remembered, learned) = accuracies
    assert remembered > forgotten + 0.1 and learned > 0.8, accuracies


def test_replay_is_all_or_nothing():
    data = networks.mlp()
    x, y = samples(data)
    with tt.Trainer(converted(data, accumulate=4)) as trainer:
        with pytest.raises(tt.UserError, match="nothing to replay.*call remember first"):
            trainer.replay(3)
        assert trainer.remember(x, y) == SAMPLES
        trainer.set_options(learning_rate=3e38)
        before = weights(trainer.device)
        with pytest.raises(tt.UserError, match="NaN or infinite; the weights from before are restored"):
            trainer.replay(SAMPLES)
        assert weights(trainer.device) == before
        trainer.reset()
        with pytest.raises(tt.UserError, match="nothing to replay"):
            trainer.replay(1)


@pytest.mark.filterwarnings("ignore")
def test_after_a_divergence_nothing_is_kept():
    data = networks.mlp()
    x, y = samples(data)
    bad = x.copy()
    bad[17] *= 1e30
    with tt.Trainer(converted(data)) as trainer:
        before = weights(trainer.device)
        history = trainer.fit(x, y, epochs=6, learning_rate=1e25)
        assert history.stopped and weights(trainer.device) == before
        with pytest.raises(tt.UserError, match="nothing to replay"):
            trainer.replay(1)
        again, fresh = trainer.fit(x, y, epochs=4), tt.Trainer(converted(data)).fit(x, y, epochs=4)
        assert again.history == fresh.history


def test_what_is_remembered_is_checked(blobs):
    x, y = blobs
    with tt.Trainer(converted(networks.mlp())) as trainer:
        with pytest.raises(tt.UserError, match="class number"):
            trainer.remember(x, np.eye(10)[y])
        with pytest.raises(tt.UserError):
            trainer.remember(x[:, :3], y)
        huge = np.full((1, 64), 3e38, np.float32)
        with pytest.raises(tt.DeviceError, match="NaN"):
            trainer.device.remember(huge, np.zeros(1, np.int32))
        for label in (-1, 10):
            with pytest.raises(tt.DeviceError, match="label"):
                trainer.device.remember(x[:1], np.array([label], np.int32))
        with pytest.raises(tt.UserError, match="nothing to replay"):
            trainer.replay(1)


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
        run = {"epochs": 5, "schedule": "remembered-loss", "schedule_threshold": 0.3}
        histories = [trainer.fit(x, y, **run) for trainer in (native, there)]
        assert histories[0].history == histories[1].history and histories[1].replayed > 0
        assert histories[0].left_out == histories[1].left_out
        counts = np.arange(SAMPLES) % 3
        assert len({trainer.remember(x, y, counts) for trainer in (native, there)}) == 1
        assert native.replay(9) == there.replay(9)
        assert weights(native.device) == weights(device)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_agent_keeps_activations(agent, kind):
    data = networks.cnn()
    model = converted(data, replay_type=kind, slots=25)
    check_equal_to_native(remote(agent, model), "native", model, *samples(data))


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_an_emulated_board_keeps_activations(kind):
    data = networks.cnn()
    model = converted(data, replay_type=kind, slots=25)
    device = open_device("qemu:m4-parity", model)
    try:
        check_equal_to_native(device, "native-parity", model, *samples(data))
    finally:
        device.close()


def test_a_device_without_room_says_what_takes_it(agent):
    model = converted(networks.residual(), slots=20000, replay_type="int8")
    with pytest.raises(tt.DeviceError, match=rf"does not fit.*replay {-(-model.sizes.replay_bytes // 16) * 16:,}"):
        remote(agent, model)


# Options and refusals


def test_the_plan_says_what_is_kept(tmp_path: Path):
    model = converted(networks.cnn(), slots=33, freeze_epoch=3)
    assert model.plan.replay_options == {"slots": 33, "replay_type": "float32"}
    assert "33 slots, float32, freeze_epoch 3" in model.summary() and "memory of replay" in model.summary()
    again = model.convert_again()
    assert all(words in again for words in ("--replay latent", "--slots 33", "--replay-type float32", "--cut"))
    assert tt.convert(model.data, tt.TrainingConfig(replay="none")).plan.find(ProgramKind.TRAIN_FROM_CUT) is None


REFUSED = [
    ({"loss": "mse"}, networks.mlp, ["replay latent", "class number", "loss mse"]),
    ({"layers": "last:2", "cut": 0}, bodies.lstm, ["replay latent", "UNIDIRECTIONAL_SEQUENCE_LSTM", "leave it out"]),
    ({}, lambda: int8_networks.cnn(), ["replay latent", "float32 tensor", "--cut"]),
    ({"cut": 5}, networks.cnn, ["no layer with parameters trains behind the cut"]),
    ({"slots": 65535}, lambda: networks.residual(size=128), ["65,535 slots", "bytes", "--slots"]),
    ({"slots": 0}, networks.mlp, ["slots=0", "1 to 65535"]),
    ({"replay_type": "int16"}, networks.mlp, ["replay_type='int16'", "int8, float32"]),
    ({"replay": "none"}, networks.mlp, ["slots", "no effect with replay none", "--replay latent"]),
]


@pytest.mark.parametrize(("options", "make", "words"), REFUSED, ids=[str(case[0]) for case in REFUSED])
def test_what_cannot_be_kept_is_refused(options, make, words):
    with pytest.raises(tt.UserError) as error:
        converted(make(), **options)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_run_without_memory_for_it_is_refused_with_the_command(blobs):
    x, y = blobs
    with tt.Trainer(tt.convert(networks.mlp())) as trainer:
        for call in (
            lambda: trainer.fit(x, y, replay="latent"),
            lambda: trainer.remember(x, y),
            lambda: trainer.replay(1),
        ):
            with pytest.raises(tt.UserError, match="needs a plan .*: `tflm-train convert .*--replay latent"):
                call()
        with pytest.raises(tt.UserError, match="no effect with replay none"):
            trainer.fit(x, y, freeze_epoch=2)
    with tt.Trainer(converted(networks.mlp())) as trainer:
        with pytest.raises(tt.UserError, match="class number"):
            trainer.fit(x, np.eye(10)[y])
    with tt.Trainer(converted(networks.mlp()), from_cut=True) as trainer:
        activations = np.abs(x[:, :32])
        assert trainer.fit(activations, y).replayed == 0
        for call in (lambda: trainer.fit(activations, y, replay="latent"), lambda: trainer.remember(activations, y)):
            with pytest.raises(tt.UserError, match="from_cut=True"):
                call()


@pytest.mark.parametrize(
    ("field", "value"),
    [("slots", 0), ("slots", 2**31), ("replay_type", 5), ("replay", 7), ("classes", 5), ("freeze_epoch", 2**32 - 1)],
)
def test_plans_that_lie_are_refused_or_do_no_harm(field, value, blobs):
    x, y = blobs
    model = converted(networks.mlp())
    plan = decode(model_writer.read_plan(model.data) or b"")
    plan.defaults[field] = value
    plain = model_writer.strip_plan(model.data)
    data = model_writer.add_plan(flatbuffer.load(plain, "lying"), encode(plan))
    try:
        with tt.Trainer(data) as trainer:
            trainer.fit(x, y % 5, epochs=3)
    except tt.UserError as error:
        assert "\n" not in str(error)


# The command line


def test_train_tells_what_was_spared(run: Any, folder: Path, tmp_path: Path):
    model = tmp_path / "latent.tflite"
    options = ["--replay", "latent", "--slots", 200, "--lr", 0.03]
    content = run("convert", folder / "plain.tflite", "-o", model, *options, "--json").json
    assert content["replay_bytes"] == tt.load_model(model).sizes.replay_bytes > 0
    shown = run("inspect", model, "--json").json
    assert shown["replay_bytes"] == content["replay_bytes"] and shown["cut"]["external_body"] is False
    assert all(op["trainable"] for op in shown["operators"] if op["parameters"])
    arguments = ["train", model, "--data", folder / "data.npz", "--epochs", 8]
    result = run(*arguments, "--json").json
    assert (result["replay"], result["forward_passes"], result["replayed"]) == ("latent", 3 * 200, 6 * 200)
    plain = run(*arguments, "--replay", "none", "--json").json
    assert plain["replayed"] == 0 and plain["forward_passes"] == 8 * 200
    assert result["effort_ratio"] > plain["effort_ratio"] and result["effort_ratio_zero_skip"] > 1
    assert plain["effort_ratio_zero_skip"] == 1 and result["accuracy_after"] > 0.9
    assert "from activations that were kept" in run(*arguments).out
    assert_refused(run(*arguments, "--freeze-epoch", -1), "freeze_epoch=-1")
