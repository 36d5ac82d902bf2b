"""All or nothing: whatever undoes a training step undoes all of its state."""

from __future__ import annotations

import json
import shutil

import networks
import numpy as np
import pytest

import tflm_train as tt
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.errors import DeviceError

OPTIONS = [
    {"selector": "dense", "accumulate": 1},
    {"selector": "dense", "accumulate": 4},
    {"selector": "tinyprop", "accumulate": 1},
    {"selector": "tinyprop", "accumulate": 4},
]


def model(**options) -> tt.TrainableModel:
    return tt.convert(networks.mlp(), tt.TrainingConfig(learning_rate=0.02, **options))


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(60, 64)).astype(np.float32), rng.integers(0, 10, 60)


def weights(trainer: tt.Trainer) -> bytes:
    return b"".join(values.tobytes() for _, values in trainer.device.parameters())


def poisoned(x: np.ndarray) -> np.ndarray:
    """Large numbers at an odd place: training becomes infinite in the middle of a group."""
    x = x.copy()
    x[33:] *= 1e30
    return x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", OPTIONS)
def test_after_a_divergence_healthy_data_train_as_if_it_had_not_been(options, data):
    x, y = data
    with tt.Trainer(model(**options)) as diverged, tt.Trainer(model(**options)) as healthy:
        first = diverged.fit(x, y, epochs=1, seed=1, verbose=0), healthy.fit(x, y, epochs=1, seed=1, verbose=0)
        assert first[0].history == first[1].history
        stopped = diverged.fit(poisoned(x), y, epochs=3, shuffle=False, verbose=0)
        assert stopped.stopped and np.isnan(stopped.history["loss"]).all() and not stopped.completed
        assert weights(diverged) == weights(healthy)
        again = diverged.fit(x, y, epochs=3, seed=2, verbose=0)
        expected = healthy.fit(x, y, epochs=3, seed=2, verbose=0)
        assert again.stopped is None
        assert again.history == expected.history
        assert weights(diverged) == weights(healthy)


@pytest.mark.filterwarnings("ignore")
def test_a_group_that_was_undone_is_not_flushed_later(data):
    x, y = data
    with tt.Trainer(model(accumulate=4)) as trainer:
        before = weights(trainer)
        trainer.fit(poisoned(x), y, epochs=1, shuffle=False, verbose=0)
        trainer.set_options(accumulate=1)
        trainer.device.flush()
        assert weights(trainer) == before


def test_an_interrupted_fit_leaves_no_half_group(data, monkeypatch):
    """What was trained before Ctrl-C counts; the next fit starts with a group of its own."""
    x, y = data
    with tt.Trainer(model(accumulate=4)) as trainer:
        train, calls = trainer.device.train, []

        def interrupted(*arguments):
            if len(calls) == 7:  # of one sample each: seven samples are one group and three quarters
                raise KeyboardInterrupt
            calls.append(None)
            return train(*arguments)

        monkeypatch.setattr(trainer.device, "train", interrupted)
        with pytest.warns(tt.TrainingWarning, match="interrupted in epoch 1 of 1, after 7 samples"):
            history = trainer.fit(x, y, epochs=1, verbose=0)
        assert history.interrupted and history.completed == 0
        monkeypatch.undo()
        after = weights(trainer)
        trainer.device.flush()
        assert weights(trainer) == after


def check_round_trip(device: Device, x: np.ndarray, y: np.ndarray) -> None:
    order, labels = np.arange(6, dtype=np.uint32), y.astype(np.int32)
    device.train(x, labels, order)  # one group of four and a half one
    state = device.state()
    losses = device.train(x, labels, order + 6).losses
    device.set_state(state)
    assert device.state() == state
    assert device.train(x, labels, order + 6).losses.tobytes() == losses.tobytes()


@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
def test_a_state_brings_back_every_bit(selector, data):
    device = open_device("native", model(accumulate=4, selector=selector))
    check_round_trip(device, *data)


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
def test_a_state_brings_back_every_bit_on_a_board(data):
    device = open_device("qemu:m4", model(accumulate=4, selector="tinyprop"))
    try:
        check_round_trip(device, *data)
    finally:
        device.close()


def test_a_state_of_another_plan_is_refused(data):
    device, other = open_device("native", model()), open_device("native", model(accumulate=4))
    before = device.state()
    for state in (other.state(), before[:-4], b""):
        with pytest.raises(DeviceError):
            device.set_state(state)
    waiting = bytearray(before)
    waiting[4] = 1  # a sample waits, in a plan without memory for its gradients
    with pytest.raises(DeviceError):
        device.set_state(bytes(waiting))
    assert device.state() == before


def test_the_command_saves_what_an_interrupt_leaves(tmp_path, data, monkeypatch, capsys):
    from tflm_train.cli import main
    from tflm_train.devices import NativeDevice

    x, y = data
    model().save(tmp_path / "model.tflite")
    np.savez(tmp_path / "data.npz", x=x, y=y)
    train, calls = NativeDevice.train, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 70:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr(NativeDevice, "train", interrupted)
    trained = tmp_path / "trained.tflite"
    command = ["train", tmp_path / "model.tflite", "--data", tmp_path / "data.npz", "-o", trained, "--epochs", 5]
    assert main([*map(str, command), "--json"]) == 130
    out, err = capsys.readouterr()
    assert "interrupted in epoch 2 of 5" in err and f"saved as {trained}" in err
    assert json.loads(out)["epochs"] == 1
    assert trained.read_bytes() != (tmp_path / "model.tflite").read_bytes()


def test_what_a_notebook_shows_is_short(data, capsys):
    x, y = data
    trained = model()
    with tt.Trainer(trained) as trainer:
        history = trainer.fit(x, y, epochs=2, verbose=2)
        shown = [repr(trained), repr(trainer), repr(history)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert all(len(text) < 200 and "0x" not in text for text in shown), shown
    assert f"arena {trained.sizes.arena_bytes['train']:,} bytes" in shown[0]  # of the runs here, not of TFLM's
    assert "2,410 trainable parameters" in shown[0] and "2 epochs" in shown[2]


def test_only_what_is_offered_is_listed():
    assert dir(tt) == sorted(tt.__all__)
