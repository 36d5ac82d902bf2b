"""Serial devices: the native agent behind a pseudo-terminal."""

from __future__ import annotations

import re
import time

import bodies
import numpy as np
import pytest
from lossy_wire import AgentOnTerminal, Fault, drop_every, intact

import tflm_train as tt
from tflm_train.devices import Device, open_device
from tflm_train.devices.serial import SerialDevice

STEPS = 40


def open_on(agent: AgentOnTerminal, model: tt.TrainableModel, answer_seconds: float = 20.0) -> SerialDevice:
    return SerialDevice(f"serial:{agent.port}", model, answer_seconds=answer_seconds, retry_seconds=0.02)


def train(device: Device, blobs: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, list[bytes]]:
    """Losses of some steps, and the weights after them."""
    x, y = blobs
    log = device.train(x, y.astype(np.int32), np.arange(STEPS, dtype=np.uint32))
    assert log.done == STEPS
    return log.losses, [values.tobytes() for _, values in device.parameters()]


@pytest.mark.parametrize("kind", bodies.BODIES)
def test_a_board_trains_a_head_on_a_body_that_this_computer_runs(kind: str) -> None:
    """It is given activations at the cut."""
    model = tt.convert(bodies.BODIES[kind](), tt.TrainingConfig(layers="last:2"))
    x, labels = bodies.samples(kind, 16)
    with AgentOnTerminal() as agent:
        with tt.Trainer(model, device=f"serial:{agent.port}") as board, tt.Trainer(model) as here:
            assert board.fit(x, labels, epochs=2).history == here.fit(x, labels, epochs=2).history
            assert board.predict(x).tobytes() == here.predict(x).tobytes()


def flip_every(period: int) -> Fault:
    """Every n-th frame has a damaged byte."""

    def fault(frame: bytes, number: int) -> bytes:
        if number % period:
            return frame
        position = number % len(frame)
        return frame[:position] + bytes([frame[position] ^ 0x80 or 1]) + frame[position + 1 :]

    return fault


def repeat_every(period: int) -> Fault:
    """Every n-th frame arrives twice."""
    return lambda frame, number: frame + b"\0" + frame if number % period == 0 else frame


def cut_every(period: int) -> Fault:
    """Of every n-th frame the end is missing."""
    return lambda frame, number: frame[: len(frame) // 2] if number % period == 0 else frame


def test_a_board_trains_like_this_process(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    with AgentOnTerminal() as agent:
        device = open_device(f"serial:{agent.port}", mlp_model)
        losses, weights = train(device, blobs)
        native = open_device("native", mlp_model)
        expected_losses, expected = train(native, blobs)
        assert np.array_equal(losses, expected_losses)
        assert weights == expected
        assert device.counters() == native.counters()
        assert device.options() == native.options()
        x, y = blobs
        assert np.array_equal(device.predict(x[:5]), native.predict(x[:5]))
        loss, correct = device.evaluate(x[:50], y[:50].astype(np.int32))
        assert (loss, correct) == pytest.approx(native.evaluate(x[:50], y[:50].astype(np.int32)), rel=1e-6)
        device.close()


@pytest.mark.parametrize("period", [2, 3, 5, 7])
def test_lost_frames_change_no_bit(mlp_model: tt.TrainableModel, blobs: tuple, period: int) -> None:
    clean = train(open_device("native", mlp_model), blobs)[1]
    with AgentOnTerminal(drop_every(period), drop_every(period)) as agent:
        device = open_on(agent, mlp_model)
        assert train(device, blobs)[1] == clean
        assert device._link.retries >= STEPS // period
        device.close()


@pytest.mark.parametrize("fault", [flip_every(3), repeat_every(2), cut_every(4)], ids=["damaged", "repeated", "cut"])
def test_damaged_repeated_and_cut_frames_change_no_bit(
    mlp_model: tt.TrainableModel, blobs: tuple, fault: Fault
) -> None:
    clean = train(open_device("native", mlp_model), blobs)[1]
    with AgentOnTerminal(fault, fault) as agent:
        device = open_on(agent, mlp_model)
        assert train(device, blobs)[1] == clean
        device.close()


def test_the_trainer_works_on_it(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    with AgentOnTerminal() as agent, tt.Trainer(mlp_model, device=f"serial:{agent.port}") as trainer:
        trainer.set_options(selector="dense")
        remote = trainer.fit(x[:60], y[:60], epochs=2)
        native = tt.Trainer(mlp_model)
        native.set_options(selector="dense")
        assert remote.history == native.fit(x[:60], y[:60], epochs=2).history
        assert trainer.trained_model().data == native.trained_model().data
        trainer.reset()
        assert trainer.trained_model().data == tt.Trainer(mlp_model).trained_model().data


@pytest.mark.parametrize("staged", [False, True])
def test_weights_of_samples_arrive(mlp_model: tt.TrainableModel, blobs: tuple, staged: bool) -> None:
    import networks

    model = tt.convert(networks.cnn(size=28), tt.TrainingConfig()) if staged else mlp_model
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 784)).astype(np.float32) if staged else blobs[0][:40]
    y = blobs[1][: len(x)].astype(np.int32)
    weights = (rng.integers(0, 5, len(x)) / 2).astype(np.float32)
    order = np.arange(len(x), dtype=np.uint32)
    with AgentOnTerminal(drop_every(5), drop_every(5)) as agent:
        device, native = open_on(agent, model), open_device("native", model)
        log, expected = device.train(x, y, order, weights), native.train(x, y, order, weights)
        assert log.losses.tobytes() == expected.losses.tobytes()
        assert np.array_equal(log.losses == 0, weights == 0)
        assert np.array_equal(log.trained, weights != 0) and np.array_equal(expected.trained, weights != 0)
        assert [v.tobytes() for _, v in device.parameters()] == [v.tobytes() for _, v in native.parameters()]
        result, plain = device.evaluate(x, y, weights), native.evaluate(x, y)
        assert result == pytest.approx(native.evaluate(x, y, weights), rel=1e-6)
        assert result[1] == plain[1] and result[0] != pytest.approx(plain[0], rel=1e-2)
        with pytest.raises(tt.DeviceError, match="An argument is null or outside its range"):
            device.train(x, y, order, -1 - weights)
        device.close()


def test_vectors_and_long_samples_are_staged(blobs: tuple) -> None:
    import networks

    plain = networks.cnn(size=28)  # 3136 bytes: more than a frame of the native agent
    model = tt.convert(plain, tt.TrainingConfig(selector="tinyprop"))
    x, y = networks.samples(plain, 12)
    x = np.ascontiguousarray(x.reshape(len(x), -1))
    vectors = np.eye(10, dtype=np.float32)[y]
    order = np.arange(len(x), dtype=np.uint32)
    with AgentOnTerminal() as agent:
        device = open_on(agent, model)
        for labels in (y, vectors):
            native = open_device("native", model)
            device.reset()
            assert np.array_equal(device.train(x, labels, order).losses, native.train(x, labels, order).losses)
            assert [v.tobytes() for _, v in device.parameters()] == [v.tobytes() for _, v in native.parameters()]
            device.set_parameters([v * 0.5 for _, v in native.parameters()])
            assert np.array_equal(device.parameters()[0][1], native.parameters()[0][1] * np.float32(0.5))
        device.close()


def test_a_sample_too_long_for_the_memory_that_is_left_is_refused() -> None:
    import networks

    model = tt.convert(networks.cnn(size=28), tt.TrainingConfig())
    x = np.zeros((1, 28 * 28), np.float32)
    with AgentOnTerminal(memory=64 * 1024) as agent:
        device = open_on(agent, model)
        spare = device.memory_bytes - sum(-(-n // 16) * 16 for n in (len(model.data), device.arena_bytes))
        device.close()
    with AgentOnTerminal(memory=64 * 1024 - spare + 1024) as agent:
        device = open_on(agent, model)
        with pytest.raises(tt.DeviceError, match=r"does not fit: .* sample 3,184\), the device has"):
            device.train(x, np.zeros(1, np.int32), np.zeros(1, np.uint32))
        device.close()


def test_not_finite_stops_before_any_weight_changes(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    x = x.copy()
    x[3, 0] = np.nan
    with AgentOnTerminal() as agent:
        device = open_on(agent, mlp_model)
        log = device.train(x, y.astype(np.int32), np.arange(10, dtype=np.uint32))
        assert log.done == 3 and log.non_finite
        with pytest.raises(tt.errors.NonFiniteError, match="NaN"):
            device.predict(x[3:4])
        device.close()


def test_what_does_not_fit_is_refused(mlp_model: tt.TrainableModel) -> None:
    with AgentOnTerminal(memory=16 * 1024) as agent, pytest.raises(tt.DeviceError, match="does not fit") as caught:
        open_on(agent, mlp_model)
    needed, file, arena, there = (int(n.replace(",", "")) for n in re.findall(r"\b[\d,]+\d\b", str(caught.value)))
    assert needed == file + arena and (file - len(mlp_model.data)) in range(16)
    with AgentOnTerminal(memory=16 * 1024 + needed - there) as agent:
        open_on(agent, mlp_model).close()
    with AgentOnTerminal(memory=16 * 1024 + needed - there - 16) as agent, pytest.raises(tt.DeviceError, match="fit"):
        open_on(agent, mlp_model)
    with AgentOnTerminal() as agent:
        needed = open_on(agent, mlp_model).arena_bytes
        with pytest.raises(tt.DeviceError, match=f"{needed} bytes are needed"):
            SerialDevice(f"serial:{agent.port}", mlp_model, needed - 1)


def test_a_wrong_option_is_refused_and_changes_nothing(mlp_model: tt.TrainableModel) -> None:
    with AgentOnTerminal() as agent:
        device = open_on(agent, mlp_model)
        before = device.options()
        with pytest.raises(tt.DeviceError):
            device.set_options(accumulate=4)
        assert device.options() == before
        device.close()


def test_a_board_that_dies_is_an_error(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    with AgentOnTerminal() as agent:
        device = open_on(agent, mlp_model, answer_seconds=1.0)
        agent.process.kill()
        started = time.monotonic()
        with pytest.raises(tt.DeviceError, match=r"does not answer \(1 s\)|is gone"):
            train(device, blobs)
        assert time.monotonic() - started < 10
        device.close()


def test_a_port_that_vanishes_is_an_error(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    with AgentOnTerminal() as agent:
        device = open_on(agent, mlp_model)
        agent.unplug()
        started = time.monotonic()
        with pytest.raises(tt.DeviceError, match="is gone: the serial port failed"):
            train(device, blobs)
        assert time.monotonic() - started < 5
        device.close()


def test_a_board_that_lost_the_session_is_an_error(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    with AgentOnTerminal() as agent:
        device = open_on(agent, mlp_model)
        other = open_on(agent, mlp_model)  # another program opens the port and says hello
        with pytest.raises(tt.DeviceError, match="restarted or is used by another program"):
            train(device, blobs)
        other.close()
        device.close()


@pytest.mark.parametrize("name", ["serial:/dev/no-such-port", "serial:"])
def test_no_such_port(mlp_model: tt.TrainableModel, name: str) -> None:
    with pytest.raises(tt.UserError, match="no-such-port|there is no device"):
        open_device(name, mlp_model)


def test_nothing_on_the_port(mlp_model: tt.TrainableModel) -> None:
    def silence(frame: bytes, number: int) -> bytes:
        return b""

    with AgentOnTerminal(intact, silence) as agent, pytest.raises(tt.DeviceError, match="does not answer"):
        open_on(agent, mlp_model, answer_seconds=0.5)
