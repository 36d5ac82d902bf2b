"""The schedule by remembered losses: which samples take part, and what that costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from command_line import assert_refused
from tflm_train.converters import model_writer
from tflm_train.converters.plan_format import PlanError, decode, encode

import tflm_train as tt
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.remote import RemoteDevice
from tflm_train.reports import dense_macs
from tflm_train.training_run import order_generator, sample_order

EPOCHS = 12
THRESHOLD = 0.2
REMEMBER = {"schedule": "remembered-loss", "schedule_threshold": THRESHOLD}


@pytest.fixture(scope="module", params=[1, 4], ids=["one", "groups"])
def model(request: pytest.FixtureRequest) -> tt.TrainableModel:
    return tt.convert(networks.mlp(), tt.TrainingConfig(accumulate=request.param, learning_rate=0.02))


@pytest.fixture
def data(blobs: tuple) -> tuple[np.ndarray, np.ndarray]:
    return blobs[0][:80], blobs[1][:80]


def weights(device: Device) -> bytes:
    return b"".join(values.tobytes() for _, values in device.parameters())


class Rule:
    """The schedule's rule, written down a second time."""

    def __init__(self, samples: int) -> None:
        self._until, self._absence = np.zeros(samples, int), np.ones(samples, int)

    def present(self, epoch: int) -> np.ndarray:
        return self._until <= epoch

    def remember(self, epoch: int, order: np.ndarray, losses: np.ndarray, threshold: float) -> None:
        for sample, loss in zip(order, losses):
            if 1 - np.exp(-np.float64(loss)) < threshold:
                self._until[sample] = epoch + 1 + self._absence[sample]
                self._absence[sample] = min(2 * self._absence[sample], 4)
            else:
                self._absence[sample] = 1


@pytest.mark.parametrize("device", ["native", "native-parity"])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_trains_on_those_that_the_rule_names(model, data, device, weighted):
    x, y = data
    counts = np.random.default_rng(1).integers(0, 4, len(x)) / 2 if weighted else None
    by_hand, rule, seen = open_device(device, model), Rule(len(x)), []
    generator = order_generator(3)
    for epoch in range(EPOCHS):
        order = sample_order(len(x), generator)
        order = order[rule.present(epoch)[order]]
        log = by_hand.train(x, y.astype(np.int32), order, None if counts is None else counts.astype(np.float32))
        by_hand.flush()
        with np.errstate(all="ignore"):
            rule.remember(epoch, order, log.losses if counts is None else log.losses / counts[order], THRESHOLD)
        seen.append(len(order))
    assert min(seen) < len(x) // 2 < seen[0] == len(x)
    with tt.Trainer(model, device) as trainer:
        history = trainer.fit(x, y, epochs=EPOCHS, seed=3, sample_weight=counts, **REMEMBER)
        assert weights(trainer.device) == weights(by_hand)
    assert (history.steps, history.left_out) == (sum(seen), EPOCHS * len(x) - sum(seen))


@pytest.mark.parametrize("device", ["native", "native-parity"])
def test_without_easy_samples_it_is_no_schedule_bit_for_bit(model, data, device):
    with tt.Trainer(model, device) as plain, tt.Trainer(model, device) as scheduled:
        expected = plain.fit(*data, epochs=4)
        history = scheduled.fit(*data, epochs=4, schedule="remembered-loss", schedule_threshold=0)
        assert (history.history, history.counters) == (expected.history, expected.counters)
        assert (history.steps, history.left_out) == (expected.steps, 0)
        assert weights(scheduled.device) == weights(plain.device)


def test_who_sits_out_costs_nothing_and_counts_with_its_latest_loss(model, data):
    x, y = data
    per_sample = dense_macs(model.plan, 1)["forward"]
    with tt.Trainer(model) as trainer:
        history = trainer.fit(x, y, epochs=EPOCHS, **REMEMBER)
    assert history.counters["forward"] == per_sample * history.steps
    assert history.history["accuracy"][-1] > 0.95 and history.history["loss"][-1] < history.history["loss"][0] / 3
    with tt.Trainer(model) as trainer:  # all of them are easy: the second epoch has no sample
        trainer.fit(x, y, epochs=20, learning_rate=0.05)
        history = trainer.fit(x, y, epochs=3, schedule="remembered-loss", schedule_threshold=0.999)
        assert (history.steps, history.left_out) == (2 * len(x), len(x))
        assert history.history["loss"][0] == history.history["loss"][1]
        assert history.history["accuracy"][0] == history.history["accuracy"][1] == 1


def test_a_run_that_stops_counts_those_that_it_left_out_so_far(model, data):
    x, y = data
    calls = []

    def stop(epoch: int, logs: Any) -> None:
        calls.append(epoch)

    class AfterTwelve:
        model: Any

        def set_model(self, trainer: Any) -> None:
            self.model = trainer

        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            calls.append(batch)
            if len(calls) == 250:
                self.model.stop_training = True

    with tt.Trainer(model) as trainer:
        group = trainer.options["accumulate"]
        history = trainer.fit(x, y, epochs=400, callbacks=[AfterTwelve()], **REMEMBER)
        assert history.left_out > 0
        assert history.steps + history.left_out <= len(x) * (len(history.epoch))
        assert history.steps <= 250 * group


def test_a_schedule_is_over_with_its_call(model, data):
    with tt.Trainer(model) as trainer, tt.Trainer(model) as other:
        for one in (trainer, other):
            one.fit(*data, epochs=6, **REMEMBER)
        expected = other.fit(*data, epochs=2, seed=5)
        history = trainer.fit(*data, epochs=2, seed=5)
        assert history.left_out == 0 and history.history == expected.history
        assert trainer.fit(*data, **REMEMBER).left_out == 0  # nothing is remembered


@pytest.mark.filterwarnings("ignore")
def test_after_a_divergence_training_goes_on_as_if_it_had_not_been(model, data):
    x, y = data
    bad = x.copy()
    bad[33:] *= 1e30
    with tt.Trainer(model) as diverged, tt.Trainer(model) as healthy:
        assert diverged.fit(bad, y, epochs=5, shuffle=False, **REMEMBER).stopped
        expected = healthy.fit(x, y, epochs=5, **REMEMBER)
        history = diverged.fit(x, y, epochs=5, **REMEMBER)
        assert history.history == expected.history and history.left_out == expected.left_out > 0
        assert weights(diverged.device) == weights(healthy.device)


# Devices behind the protocol


@pytest.fixture(scope="module")
def agent() -> Iterator[ProcessTransport]:
    transport = ProcessTransport([str(build.native_agent())])
    yield transport
    transport.close()


def remote(agent: ProcessTransport, model: tt.TrainableModel) -> RemoteDevice:
    class Shared:
        lossless = True
        write, read = agent.write, agent.read

        def close(self) -> None: ...

    return RemoteDevice(Link(Shared(), "agent"), model, "agent")  # type: ignore[arg-type]


def check_equal_to_native(device: Device, name: str, model: tt.TrainableModel, x: np.ndarray, y: np.ndarray) -> None:
    with tt.Trainer(model, name) as native:
        expected = native.fit(x, y, epochs=6, **REMEMBER)
        trainer = tt.Trainer(model, device)
        history = trainer.fit(x, y, epochs=6, **REMEMBER)
        assert history.left_out == expected.left_out > 0 and history.history == expected.history
        assert weights(device) == weights(native.device)
        for one in (trainer, native):  # the device has let its memory go
            one.fit(x, y, epochs=2)
        assert weights(device) == weights(native.device)


def test_the_agent_keeps_the_schedule(agent, model, data):
    check_equal_to_native(remote(agent, model), "native", model, *data)


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
def test_an_emulated_board_keeps_the_schedule(model, data):
    device = open_device("qemu:m4-parity", model)
    try:
        check_equal_to_native(device, "native-parity", model, *data)
    finally:
        device.close()


def test_a_device_without_room_says_so(agent, model, data):
    device = remote(agent, model)
    trainer = tt.Trainer(model, device)
    before = weights(device)
    samples = device.memory_bytes
    with pytest.raises(tt.DeviceError, match=rf"schedule {samples:,}.*leave the schedule out .--schedule none"):
        device.begin_schedule(samples, 0.1)
    assert weights(device) == before
    trainer.fit(*data)
    assert trainer.fit(*data, epochs=3, **REMEMBER).stopped is None


# Options


def test_the_plan_has_the_default():
    config = tt.TrainingConfig(schedule="remembered-loss", schedule_threshold=0.3)
    model = tt.convert(networks.mlp(), config)
    assert model.plan.run_options["schedule"] == "remembered-loss"
    assert model.plan.run_options["schedule_threshold"] == pytest.approx(0.3)
    assert "schedule" in model.summary() and "threshold 0.3" in model.summary()
    again = model.convert_again()
    assert "--schedule remembered-loss" in again and "--schedule-threshold 0.3" in again
    x, y = np.random.default_rng(0).normal(size=(30, 64)), np.arange(30) % 10
    with tt.Trainer(model) as by_plan, tt.Trainer(tt.convert(networks.mlp())) as by_call:
        first = by_plan.fit(x, y, epochs=30)
        second = by_call.fit(x, y, epochs=30, schedule="remembered-loss", schedule_threshold=0.3)
        assert first.left_out == second.left_out > 0
        assert by_plan.fit(x, y, epochs=3, schedule="none").left_out == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"schedule": "sometimes"}, ["schedule='sometimes'", "remembered-loss"]),
        ({"schedule": 1}, ["schedule=1", "wrong type"]),
        ({"schedule_threshold": 0.1}, ["schedule_threshold", "no effect with schedule none", "--schedule"]),
        ({**REMEMBER, "schedule_threshold": 1.0}, ["schedule_threshold=1.0", "from 0 to below 1"]),
        ({**REMEMBER, "schedule_threshold": -0.1}, ["schedule_threshold=-0.1"]),
    ],
    ids=str,
)
def test_wrong_options_are_refused(model, data, given, words):
    with tt.Trainer(model) as trainer:
        for call in (lambda: trainer.fit(*data, **given), lambda: tt.TrainingConfig(**given)):
            with pytest.raises(tt.UserError) as error:
                call()
            assert all(word in str(error.value) for word in words), str(error.value)


def test_a_loss_without_a_probability_is_refused():
    with pytest.raises(tt.ConversionError, match="schedule remembered-loss .*loss mse has none; leave it out"):
        tt.convert(networks.mlp(), tt.TrainingConfig(loss="mse", schedule="remembered-loss"))
    with tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(loss="mse"))) as trainer:
        with pytest.raises(tt.UserError, match="loss mse has none"):
            trainer.fit(np.zeros((2, 64)), np.zeros((2, 10)), schedule="remembered-loss")


def test_a_schedule_of_a_later_release_is_refused_by_number():
    model = tt.convert(networks.mlp())
    plan = decode(model_writer.read_plan(model.data) or b"")
    plan.defaults["schedule"] = 99
    later = tt.TrainableModel(model.data, model.name, decode(encode(plan)))
    with pytest.raises(PlanError, match="schedule 99, unknown to this release"):
        tt.Trainer(later).fit(np.zeros((2, 64)), [0, 1])


# The command line


def test_train_reports_effort(run: Any, folder: Path, tmp_path: Path):
    arguments = ["train", folder / "model.tflite", "--data", folder / "data.npz", "--epochs", 8, "--lr", 0.03, "--json"]
    plain = run(*arguments).json
    assert (plain["schedule"], plain["forward_passes"]) == ("none", 8 * plain["samples"])
    content = run(*arguments, "--schedule", "remembered-loss").json
    work, dense = sum(content["macs"].values()), sum(content["dense_macs"].values())
    assert content["schedule"] == "remembered-loss"
    assert content["dense_macs"] == plain["dense_macs"]
    assert content["forward_passes"] < plain["forward_passes"]
    assert content["effort_ratio"] == pytest.approx(dense / work) and content["effort_ratio"] > plain["effort_ratio"]
    zero_skip = run(*arguments, "--selector", "dense").json
    assert zero_skip["effort_ratio_zero_skip"] == 1
    assert content["effort_ratio_zero_skip"] * work == pytest.approx(sum(zero_skip["macs"].values()))
    shown = run(*arguments[:-1], "--schedule", "remembered-loss").out
    assert "forward passes of the whole model" in shown and "dense training that skips zeros" in shown


def test_wrong_words_on_the_command_line(run: Any, folder: Path):
    arguments = ["train", folder / "model.tflite", "--data", folder / "data.npz"]
    assert_refused(run(*arguments, "--schedule-threshold", 0.1), "no effect with schedule none", "remembered-loss")
    assert_refused(run(*arguments, "--schedule", "x"), "schedule='x'", "none, remembered-loss")
