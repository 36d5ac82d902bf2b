"""Emulated boards: bits, instruction counts, and what happens when a board dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import int8_networks
import networks
import numpy as np
import pytest
from lossy_wire import FaultyTransport, drop_every
from tflite_builder import ModelBuilder

import tflm_train as tt
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.qemu import QemuDevice
from tflm_train.devices.remote import RemoteDevice

for tool, package in {build.ARM_COMPILER: build.ARM_PACKAGES, qemu.QEMU: "qemu-system-arm"}.items():
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}", allow_module_level=True)

BOARDS = list(build.BOARDS)
STEPS = 200


def train(device: Device, blobs: tuple, steps: int) -> tuple[np.ndarray, list[bytes]]:
    """Losses of some steps, and the weights after them."""
    x, y = blobs
    log = device.train(x, y.astype(np.int32), np.arange(steps, dtype=np.uint32))
    assert log.done == steps
    return log.losses, [values.tobytes() for _, values in device.parameters()]


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("gradient", ["filter:2", "centre-tap"])
def test_gradients_between_patches_are_the_host_s_bit_for_bit(gradient: str) -> None:
    for data in (networks.cnn(), networks.separable(size=(25, 5), width=16, blocks=1)):
        model = tt.convert(data, tt.TrainingConfig(gradient=gradient, selector="tinyprop", learning_rate=0.003))
        x, y = networks.samples(data, 8)
        results = []
        for name in ("native-parity", "qemu:m4-parity"):
            device = open_device(name, model)
            results.append(train(device, (x.reshape(len(x), -1).astype(np.float32), y), len(x)))
            device.close()
        assert results[0][0].tobytes() == results[1][0].tobytes()
        assert results[0][1] == results[1][1]


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
def test_the_parity_build_equals_the_host_bit_for_bit(
    mlp_model: tt.TrainableModel, blobs: tuple, board: str, selector: str
) -> None:
    results = []
    for name in ("native-parity", f"qemu:{board}-parity"):
        device = open_device(name, mlp_model)
        device.set_options(selector=selector)
        results.append(train(device, blobs, STEPS))
        device.close()
    assert results[0][0].tobytes() == results[1][0].tobytes()
    assert results[0][1] == results[1][1]


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_update_rules_have_parity(optimizer: str, blobs: tuple) -> None:
    results = []
    model = tt.convert(networks.mlp(), tt.TrainingConfig(optimizer=optimizer, accumulate=2))
    for name in ("native-parity", "qemu:m4-parity"):
        device = open_device(name, model)
        grouped = train(device, blobs, STEPS)
        device.set_options(accumulate=1)
        results.append((grouped, train(device, blobs, STEPS)))
        device.close()
    for ours, theirs in zip(*results):
        assert ours[0].tobytes() == theirs[0].tobytes() and ours[1] == theirs[1]


@pytest.mark.parametrize("positions", [3, 200])  # in one frame, and staged
def test_class_numbers_of_rows_reach_the_board(positions: int) -> None:
    rng, b = np.random.default_rng(3), ModelBuilder()
    x = b.conv(b.input(1, positions, 1, 2), rng.normal(size=(4, 1, 1, 2)), rng.normal(size=4))
    model = tt.convert(b.finish(b.op("SOFTMAX", [x], (1, positions, 1, 4), beta=1.0)))
    data = rng.normal(size=(6, 2 * positions)).astype(np.float32)
    labels, order = rng.integers(0, 4, (6, positions)).astype(np.int32), np.arange(6, dtype=np.uint32)
    logs = []
    for name in ("native-parity", "qemu:m4-parity"):
        device = open_device(name, model)
        logs.append((device.evaluate(data, labels), device.train(data, labels, order), device.parameters()))
        device.close()
    assert logs[0][0] == pytest.approx(logs[1][0])
    assert logs[0][1].losses.tobytes() == logs[1][1].losses.tobytes()
    assert logs[0][1].correct.tolist() == logs[1][1].correct.tolist() and logs[0][1].correct.max() > 1
    assert all(a.tobytes() == b.tobytes() for (_, a), (_, b) in zip(logs[0][2], logs[1][2]))


SMALL_NETWORKS = {
    "cnn": lambda: networks.cnn(size=8),
    "residual": lambda: networks.residual(size=8, widths=(3, 4)),
    "separable": lambda: networks.separable(size=(14, 6), width=4, blocks=1),
}


@pytest.mark.parametrize("errors", ["float32", "int16"])
@pytest.mark.parametrize(("update", "selector"), [("int16-master", "tinyprop"), ("stochastic", "dense")])
def test_int8_networks_have_parity(update: str, selector: str, errors: str) -> None:
    """Losses, weights and all of the state: remainders, random numbers, running maxima."""
    config = tt.TrainingConfig(update=update, selector=selector, errors=errors, learning_rate=0.005)
    model = tt.convert(int8_networks.cnn(), config)
    rng = np.random.default_rng(6)
    x = rng.normal(size=(STEPS, int(np.prod(int8_networks.SHAPE)))).astype(np.float32)
    labels = (x.mean(axis=1) > 0).astype(np.int32)
    results = []
    for name in ("native-parity", *(f"qemu:{board}-parity" for board in BOARDS)):
        device = open_device(name, model)
        results.append((train(device, (x, labels), STEPS), device.state()))
        device.close()
    (losses, weights), state = results[0]
    assert losses[-50:].mean() < losses[:50].mean()
    for (other, other_weights), other_state in results[1:]:
        assert other.tobytes() == losses.tobytes() and other_weights == weights and other_state == state


@pytest.mark.parametrize("board", BOARDS)
def test_int8_outputs_are_the_host_s_in_the_release_build(board: str) -> None:
    """Forward passes are integers, so that fast kernels change no bit."""
    model = tt.convert(int8_networks.cnn())
    x = np.random.default_rng(7).normal(size=(20, *int8_networks.SHAPE)).astype(np.float32)
    with tt.Trainer(model) as host, tt.Trainer(model, f"qemu:{board}") as emulated:
        expected = host.predict(x)
        assert np.array_equal(emulated.predict(x), expected) and len(np.unique(expected)) > 10


@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
@pytest.mark.parametrize("network", SMALL_NETWORKS)
def test_networks_of_all_kinds_have_parity(network: str, selector: str) -> None:
    plain = SMALL_NETWORKS[network]()
    model = tt.convert(plain, tt.TrainingConfig(selector="tinyprop"))
    x, y = networks.samples(plain, STEPS)
    data = np.ascontiguousarray(x.reshape(len(x), -1)), y
    results = []
    for name in ("native-parity", *(f"qemu:{board}-parity" for board in BOARDS)):
        device = open_device(name, model)
        device.set_options(selector=selector)
        results.append(train(device, data, STEPS))
        device.close()
    losses = results[0][0]
    assert losses[-50:].mean() < losses[:50].mean()
    for other, weights in results[1:]:
        assert other.tobytes() == losses.tobytes()
        assert weights == results[0][1]


@pytest.mark.parametrize("board", BOARDS)
def test_the_release_build_follows_parity(mlp_model: tt.TrainableModel, blobs: tuple, board: str) -> None:
    results = []
    for name in ("native-parity", f"qemu:{board}"):
        device = open_device(name, mlp_model)
        device.set_options(selector="dense", learning_rate=0.01)
        results.append(train(device, blobs, STEPS)[0])
        device.close()
    difference = np.abs(results[1] - results[0]) / np.maximum(1, results[0])
    print(f"{board}: largest relative difference of a loss {difference.max():.2e}")
    assert difference.max() <= 1e-4


@pytest.mark.parametrize("network", SMALL_NETWORKS)
def test_release_builds_of_all_kinds_follow_parity(network: str) -> None:
    plain = SMALL_NETWORKS[network]()
    model = tt.convert(plain, tt.TrainingConfig(learning_rate=0.01))
    x, y = networks.samples(plain, STEPS)
    data = np.ascontiguousarray(x.reshape(len(x), -1)), y
    losses = []
    for name in ("native-parity", "native", "qemu:m4", "qemu:m55"):
        device = open_device(name, model)
        losses.append(train(device, data, STEPS)[0])
        device.close()
    for release in losses[1:]:
        difference = np.abs(release - losses[0]) / np.maximum(1, losses[0])
        print(f"{network}: largest relative difference of a loss {difference.max():.2e}")
        assert difference.max() <= 1e-4


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("network", ["mlp", *SMALL_NETWORKS])
def test_the_arena_is_exact_and_the_trainer_has_its_size(network: str, board: str) -> None:
    plain = networks.mlp() if network == "mlp" else SMALL_NETWORKS[network]()
    model = tt.convert(plain, tt.TrainingConfig(selector="tinyprop", accumulate=2))
    device = QemuDevice(f"qemu:{board}", model)
    assert device.trainer_bytes == model.sizes.trainer_bytes
    needed = device.arena_bytes
    assert needed == max(model.sizes.arena_bytes["infer"], model.sizes.arena_bytes["train"])
    device.close()
    with pytest.raises(tt.DeviceError, match=f"{needed} bytes are needed"):
        QemuDevice(f"qemu:{board}", model, needed - 1)


def test_instruction_counts_repeat_exactly(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    counts = []
    for _ in range(2):
        device = QemuDevice("qemu:m4", mlp_model)
        train(device, blobs, 20)
        counts.append(device.instructions())
        device.close()
    assert counts[0] == counts[1]
    phases, steps = counts[0]
    assert steps == 20
    assert phases["total"] == sum(count for name, count in phases.items() if name != "total")
    assert min(phases.values()) > 0
    print({name: count / steps for name, count in phases.items()})


@pytest.mark.parametrize("board", BOARDS)
def test_the_uart_trains_the_same_bits_at_the_same_cost(mlp_model: tt.TrainableModel, blobs: tuple, board: str) -> None:
    results = []
    for uart in (False, True):
        device = QemuDevice(f"qemu:{board}", mlp_model, uart=uart)
        results.append((train(device, blobs, 10), device.instructions()))
        device.close()
    (losses, weights), cost = results[0]
    assert np.array_equal(losses, results[1][0][0])
    assert weights == results[1][0][1]
    assert cost == results[1][1]


def test_lost_frames_change_no_bit(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    results = []
    for transport in (lambda t: t, lambda t: FaultyTransport(t, drop_every(3), drop_every(5))):
        command = qemu.command("m4", build.emulated_firmware("m4"), uart=True)
        link = Link(transport(ProcessTransport(command)), "board", retry_seconds=0.02)
        device = RemoteDevice(link, mlp_model, "board")
        results.append(train(device, blobs, 40))
        device.close()
    assert link.retries >= 40 / 3
    assert results[0][0].tobytes() == results[1][0].tobytes()
    assert results[0][1] == results[1][1]


def test_work_counters_equal_the_hosts(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    counts = []
    for name in ("native-parity", "qemu:m3-parity"):
        device = open_device(name, mlp_model)
        train(device, blobs, 30)
        counts.append(device.counters())
        device.close()
    assert counts[0] == counts[1]


def test_a_killed_board_is_an_error_and_leaves_nothing(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    device = QemuDevice("qemu:m4", mlp_model)
    os.kill(device.pid, signal.SIGKILL)
    with pytest.raises(tt.DeviceError, match="device qemu:m4 is gone: its process was ended by signal SIGKILL"):
        train(device, blobs, 5)
    device.close()
    assert not is_alive(device.pid)


def test_a_stuck_board_is_an_error_and_leaves_nothing(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    device = QemuDevice("qemu:m4", mlp_model, answer_seconds=1.0)
    os.kill(device.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(tt.DeviceError, match=r"qemu:m4 does not answer \(1 s\)"):
        train(device, blobs, 5)
    device.close()
    assert time.monotonic() - started < 10
    assert not is_alive(device.pid)


def test_a_closed_board_leaves_nothing(mlp_model: tt.TrainableModel) -> None:
    device = QemuDevice("qemu:m4", mlp_model)
    assert is_alive(device.pid)
    device.close()
    assert not is_alive(device.pid)


@pytest.mark.parametrize("uart", [False, True])
def test_a_board_ends_with_a_killed_parent(folder: Path, uart: bool) -> None:
    script = f"""
import signal, tflm_train as tt
from tflm_train.devices.process import ProcessTransport
from tflm_train.devices.protocol import Link
from tflm_train.devices.qemu import QemuDevice
from tflm_train.devices.remote import RemoteDevice
device = QemuDevice("qemu:m4", tt.model.load_model({str(folder / "model.tflite")!r}), uart={uart})
print(device.pid, flush=True)
signal.pause()
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_model_too_large_for_the_board_is_refused(mlp_model: tt.TrainableModel) -> None:
    large = tt.convert(networks.mlp(sizes=(64, 400, 10)), tt.TrainingConfig())
    with pytest.raises(tt.DeviceError, match=r"does not fit: it needs [\d,]+ bytes .* the device has [\d,]+"):
        open_device("qemu:f405", large)
    device = open_device("qemu:m4", large)
    device.close()


@pytest.mark.parametrize("name", ["qemu:m9", "qemu:", "qemu:m4-fast", "qemu:m0"])
def test_unknown_boards_are_named(mlp_model: tt.TrainableModel, name: str) -> None:
    with pytest.raises(tt.UserError, match="qemu:m3, qemu:m4"):
        open_device(name, mlp_model)


@pytest.mark.parametrize("tool", [build.ARM_COMPILER, qemu.QEMU])
def test_missing_tools_are_named(
    mlp_model: tt.TrainableModel, tool: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **where: None if name == tool else which(name, **where))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if tool == qemu.QEMU:
        monkeypatch.setattr(build, "emulated_firmware", lambda *_, **__: tmp_path)
    with pytest.raises(tt.MissingToolError, match=f"{tool}.*apt-get install"):
        open_device("qemu:m4", mlp_model)


def test_a_cache_folder_that_cannot_be_written_is_named(
    mlp_model: tt.TrainableModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tflm-train").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(tt.UserError, match=f"{tmp_path}/tflm-train cannot be written .*XDG_CACHE_HOME"):
        open_device("qemu:m4", mlp_model)


def test_an_incomplete_toolchain_is_named(
    mlp_model: tt.TrainableModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / build.ARM_COMPILER).symlink_to(shutil.which(build.ARM_COMPILER) or "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "library_files", list)
    monkeypatch.setattr(build, "arm_compiler", lambda: str(tmp_path / build.ARM_COMPILER))
    assert Path(build.binary_tool(str(tmp_path / build.ARM_COMPILER), "gcc-ar")).name == "arm-none-eabi-gcc-ar"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tt.MissingToolError, match="arm-none-eabi-gcc-ar is missing .*gcc-arm-none-eabi"):
        open_device("qemu:m4", mlp_model)


def test_firmware_is_built_once_and_again_for_other_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.emulated_firmware("m4")
    written = first.stat().st_mtime_ns
    assert build.emulated_firmware("m4") == first
    assert first.stat().st_mtime_ns == written
    assert tt.__version__ in str(first)
    assert build.emulated_firmware("m4", count_work=False).parent != first.parent
    assert sorted(p.name for p in first.parent.iterdir()) == [first.name]


def test_train_command(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from tflm_train.cli import main

    def run(device: str) -> dict:
        arguments = ["train", folder / "model.tflite", "--data", folder / "data.npz", "--device", device, "--json"]
        assert main([str(argument) for argument in arguments]) == 0
        return json.loads(capfd.readouterr().out)

    emulated, native = run("qemu:m4-parity"), run("native-parity")
    assert emulated["device"] == "qemu:m4-parity"
    for key in ("loss", "accuracy_before", "accuracy_after", "macs", "arena_bytes"):
        assert emulated[key] == native[key]


def test_evaluate_command(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from test_schemas import validate

    from tflm_train.cli import main

    results = []
    for device in ("native-parity", "qemu:m4-parity"):
        arguments = ["evaluate", folder / "model.tflite", "--data", folder / "data.npz", "--device", device, "--json"]
        assert main([str(argument) for argument in arguments]) == 0
        results.append(json.loads(capfd.readouterr().out))
        validate(results[-1])
        assert results[-1].pop("device") == device
    assert results[1].pop("loss") == pytest.approx(results[0].pop("loss"), rel=1e-6)
    assert results[0] == results[1]
    arguments = ["evaluate", folder / "model.tflite", "--data", folder / "data.npz", "--runtime", "litert"]
    assert main([*map(str, arguments), "--device", "qemu:m4"]) == 2
    assert "--runtime native" in capfd.readouterr().err
