"""The device runtime against the stock runtimes: forward pass, augmented files, trained files, counted work."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from harness import open_trainer, train
from stock_runtimes import RUNTIMES, run
from tf_reference import error_measure
from tflm_train.converters import model_writer
from tflm_train.converters.convert import convert
from tflm_train.converters.macs import PHASES, dense_step_macs

from tflm_train.config import TrainingConfig


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("name", networks.ALL)
def test_forward_equals_the_reference_kernels(name, build):
    data = networks.ALL[name]()
    x, _ = networks.samples(data, 4)
    trainer = open_trainer(convert(data, TrainingConfig()), build)
    output = trainer.predict(x.reshape(len(x), -1))
    for runtime in ("litert", "tflite-micro"):
        worst = error_measure(output, run(runtime, data, x))
        print(f"{name} ({build}) against {runtime}: {worst:.2e}")
        assert worst <= 1e-5


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", networks.ALL)
def test_augmenting_changes_no_output_bit(name, runtime):
    data = networks.ALL[name]()
    x, _ = networks.samples(data, 8)
    augmented = convert(data, TrainingConfig(selector="tinyprop")).data
    assert run(runtime, augmented, x).tobytes() == run(runtime, data, x).tobytes()


@pytest.mark.parametrize("name", networks.ALL)
def test_a_trained_file_predicts_what_the_device_predicted(name):
    data = networks.ALL[name]()
    result = convert(data, TrainingConfig(learning_rate=0.01))
    x, labels = networks.samples(data, 12)
    trainer = open_trainer(result)
    train(trainer, x, labels)
    values = [(t, np.asarray(v)) for t, v in trainer.parameters()]
    trained = model_writer.write_parameters(result.data, values)
    predicted = trainer.predict(x.reshape(len(x), -1))
    assert error_measure(predicted, run("tflite-micro", data, x)) > 1e-3, "training changed nothing"
    for runtime in ("tflite-micro", "litert"):
        assert error_measure(predicted, run(runtime, trained, x)) <= 1e-5
    again = type(trainer)(trained, trainer.arena_used)  # a trained file is trainable
    assert again.predict(x.reshape(len(x), -1)).tobytes() == predicted.tobytes()


@pytest.mark.parametrize("name", networks.ALL)
def test_counted_work_of_a_dense_step_is_the_analytic_one(name):
    data = networks.ALL[name]()
    result = convert(data, TrainingConfig())
    x, labels = networks.samples(data, 3)
    trainer = open_trainer(result, zero_skip=False)
    train(trainer, x, labels)
    expected = dense_step_macs(result.plan)
    counted = trainer.counters()
    for phase in PHASES:
        if name == "cnn":  # the winners of a max-pool are the only elements of the map that have an error
            assert counted[phase] <= 3 * expected[phase]
        else:
            assert counted[phase] == 3 * expected[phase], phase
