"""Gates: which samples train, by what rule, and what a sample that is left out costs and changes."""

from __future__ import annotations

import json
import shutil
from typing import Any

import networks
import numpy as np
import pytest
from int8_builder import Int8Builder
from tflite_builder import ModelBuilder
from tflm_train.converters.operators_header import operators_header

import tflm_train as tt
from tflm_train import _native
from tflm_train.cli import main
from tflm_train.devices import Device, build, open_device, qemu
from tflm_train.sizes import native_arena_bytes

SAMPLES = 200
ORDER = np.arange(SAMPLES, dtype=np.uint32)
GATES: list[dict[str, Any]] = [
    {"gate": "loss", "gate_threshold": 0.6},
    {"gate": "tinypropv2", "skip_threshold": 0.75, "decay": 0.98},
]
CASES = [(network, options) for network in ("float32", "int8") for options in GATES]
every_case = pytest.mark.parametrize(
    ("network", "options"), CASES, ids=lambda v: v if isinstance(v, str) else v["gate"]
)


def int8_mlp() -> bytes:
    b = Int8Builder(np.random.default_rng(0))
    x = b.int8_dense(b.int8_input(1, 4, scale=0.03), 6, per_channel=False)
    probabilities = b.int8_op("SOFTMAX", [b.int8_dense(x, 3, per_channel=False)], (1, 3), beta=1.0)
    return b.finish(b.quantise(probabilities, 1 / 256, -128))


def model(network: str = "float32", **options: Any) -> tt.TrainableModel:
    source = networks.mlp(sizes=(4, 6, 3)) if network == "float32" else int8_mlp()
    return tt.convert(source, tt.TrainingConfig(learning_rate=0.03 if network == "float32" else 0.1, **options))


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(4).normal(size=(SAMPLES, 4)).astype(np.float32)
    return x, x[:, :3].argmax(axis=1).astype(np.int32)


def weights(device: Device) -> bytes:
    return b"".join(values.tobytes() for _, values in device.parameters())


def wanted(losses: np.ndarray, gate: str, threshold: float = 0.5, decay: float = 1.0) -> list[bool]:
    """What a gate makes of samples by their cross entropies: p = exp(-loss), Y = 2 (1 - p)."""
    rest, maximum, decisions = 1 - np.exp(-losses.astype(np.float64)), 0.0, []
    for part in rest:
        maximum = max(decay * maximum, part)
        least = threshold if gate == "loss" else threshold * maximum
        assert abs(part - least) > 1e-6, "the case depends on rounding"
        decisions.append(part > least)
    return decisions


@pytest.mark.parametrize("build", ["native", "native-parity"])
@pytest.mark.parametrize("accumulate", [1, 4])
@every_case
def test_samples_below_the_threshold_change_nothing_and_count_in_their_group(network, options, accumulate, build):
    device = open_device(build, model(network, accumulate=accumulate, **options))
    always = open_device(build, model(network, accumulate=accumulate))
    log = device.train(*data(), ORDER)
    threshold = options.get("gate_threshold", options.get("skip_threshold", 0.5))
    expected = wanted(log.losses, options["gate"], threshold, options.get("decay", 1.0))
    assert log.trained.tolist() == expected and 5 < sum(expected) < SAMPLES - 10
    always.train(*data(), ORDER, log.trained.astype(np.float32))
    assert weights(device) == weights(always)


@pytest.mark.parametrize("network", ["float32", "int8"])
@pytest.mark.parametrize(
    "options", [{"gate": "loss", "gate_threshold": 0.0}, {"gate": "tinypropv2", "skip_threshold": 0}]
)
def test_a_threshold_of_zero_is_no_gate(network, options):
    gated, always = (open_device("native-parity", model(network, **more)) for more in (options, {}))
    losses = [device.train(*data(), ORDER).losses for device in (gated, always)]
    assert losses[0].tobytes() == losses[1].tobytes() and weights(gated) == weights(always)


@pytest.mark.parametrize("gate", ["loss", "tinypropv2"])
def test_the_first_samples_train_and_one_of_so_many(gate):
    never = {"loss": {"gate_threshold": 1.0}, "tinypropv2": {"skip_threshold": 1.0}}[gate]
    x, y = data()
    for warmup, every in ((0, 0), (7, 0), (0, 1), (0, 5), (7, 5)):
        device = open_device("native", model(gate=gate, gate_warmup=warmup, gate_every=every, **never))
        trained = device.train(x, y, ORDER).trained
        expected = [i < warmup or (every > 0 and (i - warmup) % every == every - 1) for i in range(SAMPLES)]
        assert trained.tolist() == expected, (warmup, every)


def test_the_first_sample_is_the_maximum_of_tinypropv2():
    trained = open_device("native", model(gate="tinypropv2", skip_threshold=0.999)).train(*data(), ORDER[:1]).trained
    assert trained.tolist() == [True]


@pytest.mark.parametrize("options", [dict(options, gate_every=6, gate_warmup=9) for options in GATES])
def test_the_state_of_a_gate_is_part_of_the_training_state(options):
    device = open_device("native", model(accumulate=3, **options))
    x, y = data()
    whole = device.train(x, y, ORDER)
    end = weights(device)
    for middle in (5, int(np.argmin(whole.trained)) + 1):  # while it warms up, and behind one that is left out
        device.reset()
        device.train(x, y, ORDER[:middle])
        state = device.state()
        for _ in range(2):
            rest = device.train(x, y, ORDER[middle:])
            assert np.array_equal(rest.trained, whole.trained[middle:]) and weights(device) == end
            device.set_state(state)


def test_another_gate_starts_from_nothing():
    x, y = data()
    device = open_device("native", model(gate="tinypropv2", skip_threshold=1.0, gate_warmup=4))
    assert device.train(x, y, ORDER[:9]).trained.sum() == 4
    device.set_options(gate="loss", gate_threshold=1.0)
    assert device.train(x, y, ORDER[:9]).trained.sum() == 4
    device.set_options(gate="always")
    assert device.train(x, y, ORDER[:9]).trained.all()


@pytest.mark.parametrize("options", GATES, ids=lambda options: options["gate"])
def test_what_is_left_out_costs_no_backward_work(options):
    device = open_device("native", model(zero_skip=False, **options))
    trained = int(device.train(*data(), ORDER).trained.sum())
    work = device.counters()
    assert work["forward"] == SAMPLES * (4 * 6 + 6 * 3)
    assert work["weight_gradient"] == trained * (4 * 6 + 6 * 3) and work["input_error"] == trained * 6 * 3
    assert work["update"] == trained * (4 * 6 + 6 + 6 * 3 + 3)


def test_the_loss_gate_knows_no_weights():
    """A class is as probable as it is, however often the sample counts; one of weight 0 is none that the gate sees."""
    x, y = data()
    device = open_device("native", model(gate="loss", gate_threshold=0.5))
    device.set_options(learning_rate=1e-30)
    plain = device.train(x, y, ORDER).trained
    device.reset()
    heavy = device.train(x, y, ORDER, np.full(SAMPLES, 100.0, np.float32))
    assert np.array_equal(heavy.trained, plain) and 20 < plain.sum() < SAMPLES - 10
    once = open_device("native", model(gate="loss", gate_threshold=1.0, gate_warmup=1))
    sometimes = np.ones(SAMPLES, np.float32)
    sometimes[0] = 0
    assert once.train(x, y, ORDER[:3], sometimes).trained.tolist() == [False, True, False]


def test_a_refused_step_leaves_the_gate_as_it_was():
    converted = model(gate="tinypropv2", gate_every=3)
    trainer = _native.NativeTrainer(converted.data, native_arena_bytes(converted.plan))
    x, y = data()
    trainer.train(x[:5], y[:5], ORDER[:5])
    before = trainer.state()
    for bad, weight in ((x[:1], np.float32(3e38)), (x[:1] * np.float32(np.nan), np.float32(1))):
        log = trainer.train(bad, y[:1] * 0 + int(1 - y[0] % 2), ORDER[:1], np.array([weight]))
        assert log[-2] == 0
        assert trainer.state() == before


def test_of_other_losses_the_loss_itself_counts():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(SAMPLES, 4)).astype(np.float32), rng.normal(size=(SAMPLES, 3)).astype(np.float32) * 0.2
    b = ModelBuilder()
    source = b.finish(b.dense(b.input(1, 4), rng.normal(size=(3, 4)) * 0.3, np.zeros(3)))
    device = open_device("native", tt.convert(source, tt.TrainingConfig(loss="mse", gate="loss", gate_threshold=0.2)))
    log = device.train(x, y, ORDER)
    assert np.array_equal(log.trained, 1 - np.exp(-log.losses) > 0.2) and 20 < log.trained.sum() < SAMPLES - 10


def test_a_firmware_links_the_gate_of_its_plan_and_its_memory_is_planned():
    gated, always = tt.Trainer(model(gate="loss", gate_threshold=0.1)), tt.Trainer(model())
    assert "kLossGate" in operators_header(gated.model.plan) and "kTinypropv2" not in operators_header(gated.model.plan)
    assert "Gate" not in operators_header(always.model.plan)
    for gate in ("loss", "tinypropv2"):
        with pytest.raises(tt.UserError, match="convert"):
            always.set_options(gate=gate)
        assert always.options["gate"] == "always"
    with pytest.raises(tt.UserError, match="convert"):
        gated.set_options(gate="tinypropv2")  # four bytes more
    sizes = [len(open_device("native", model(gate=gate)).state()) for gate in ("always", "loss", "tinypropv2")]
    assert [size - sizes[0] for size in sizes] == [0, 8, 12]


IDLE = [
    ({"gate_threshold": 0.1}, "gate always"),
    ({"gate": "loss", "skip_threshold": 0.1}, "gate loss"),
    ({"gate": "loss", "decay": 0.5}, "selector dense and gate loss"),
    ({"gate_every": 3}, "gate always"),
]


@pytest.mark.parametrize(("options", "words"), IDLE)
def test_a_constant_without_effect_is_refused(options, words):
    with pytest.raises(tt.UserError, match=f"no effect with {words}"):
        tt.TrainingConfig(**options)
    tt.TrainingConfig(gate="tinypropv2", decay=0.5)


def test_the_command_counts_what_it_left_out(folder, tmp_path, capsys):
    trained = str(tmp_path / "trained.tflite")
    arguments = ["convert", str(folder / "plain.tflite"), "-o", str(tmp_path / "m.tflite"), "--gate", "loss"]
    assert main([*arguments, "--gate-threshold", "0.02", "--gate-warmup", "10", "--gate-every", "50"]) == 0
    capsys.readouterr()
    arguments = ["train", str(tmp_path / "m.tflite"), "--data", str(folder / "data.npz"), "-o", trained, "--json"]
    assert main([*arguments, "--epochs", "4"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert 0.1 < report["skipped_fraction"] < 0.99
    backward = report["macs"]["weight_gradient"] / report["dense_macs"]["weight_gradient"]
    assert backward <= 1 - report["skipped_fraction"] + 1e-9
    assert main([*arguments, "--epochs", "1", "--gate", "tinypropv2", "--skip-threshold", "0.4"]) == 2
    assert "`tflm-train convert" in capsys.readouterr().err


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in (build.ARM_COMPILER, qemu.QEMU)),
    reason=f"no emulated board: apt-get install {build.ARM_PACKAGES} qemu-system-arm",
)
@every_case
def test_boards_have_the_bits_of_the_host(network, options):
    converted, runs = model(network, selector="tinyprop", gate_every=9, **options), []
    for name in ("native-parity", "qemu:m4-parity"):
        device = open_device(name, converted)
        log = device.train(*data(), ORDER)
        runs.append((log.losses.tobytes(), log.trained.tolist(), device.state()))
        device.close()
    assert runs[0] == runs[1] and 5 < sum(runs[0][1]) < SAMPLES - 10
