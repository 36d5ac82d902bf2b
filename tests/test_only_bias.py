"""``layers="bias"``: of a layer the bias alone trains, and none of its activations is kept."""

from __future__ import annotations

import int8_networks
import networks
import numpy as np
import pytest
from harness import compare_gradients, one_label, open_trainer, train
from int8_reference import Int8Model
from tf_reference import TensorFlowModel, error_measure
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import convert
from tflm_train.converters.plan_format import NONE_INDEX, ParameterKind, Phase, ProgramKind, SectionKind

import tflm_train as tt
from tflm_train.config import TrainingConfig
from tflm_train.inspection import inspect_report
from tflm_train.plan_config import plan_config

NETWORKS = {
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "separable": lambda: networks.separable(size=(12, 6), width=8, blocks=2),
    "inverted residual": networks.inverted_residual,
}
LAYERS = ["bias", "bias,last:1", "bias:2", "all,bias"]


@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_equal_tensorflow_s(name, layers, build):
    data = NETWORKS[name]()
    x, labels = networks.samples(data, 1)
    found = compare_gradients(data, x[0], int(labels[0]), "cross-entropy", build, layers=layers)
    assert found.worst <= 1e-4, found.errors


@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_changes_biases_as_training_all_does(name, selector):
    """The first one: later ones read other weights."""
    data = NETWORKS[name]()
    x, labels = networks.samples(data, 1)
    found = {}
    for layers in ("all", "bias"):
        result = convert(data, TrainingConfig(layers=layers, selector=selector))
        trainer = open_trainer(result, "parity")
        train(trainer, x, labels)
        found[layers] = {t: np.array(v) for t, v in trainer.parameters()}
    assert found["bias"] and all(np.array_equal(v, found["all"][t]) for t, v in found["bias"].items())


@pytest.mark.parametrize("zero_skip", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_sequences_follow_tensorflow_s(name, zero_skip):
    data, steps, rate = NETWORKS[name](), 60, 1e-3
    result = convert(data, TrainingConfig(layers="bias", learning_rate=rate, zero_skip=zero_skip))
    x, labels = networks.samples(data, steps)
    trainer = open_trainer(result)
    reference = TensorFlowModel(result.graph, result.layers, "float32")
    train(trainer, x, labels)
    trained = result.plan.parameters["tensor"].tolist()
    before = {t: reference.variables[t].numpy() for t in trained}
    for sample, label in zip(x, labels):
        gradients = reference.gradients(sample, int(label), "cross-entropy")[1]
        for t in trained:
            variable = reference.variables[t]
            variable.assign_sub(np.float32(rate) * gradients[t].reshape(variable.shape))
    for t, values in trainer.parameters():
        ours, theirs = np.asarray(values) - before[t].ravel(), (reference.variables[t].numpy() - before[t]).ravel()
        assert np.linalg.norm(ours - theirs) <= 1e-3 * np.linalg.norm(theirs)


@pytest.mark.parametrize("errors", ["float32", "int16"])
@pytest.mark.parametrize("build", ["release", "parity"])
@pytest.mark.parametrize("layers", LAYERS)
def test_int8_gradients_equal_tensorflow_s(layers, build, errors):
    data, rng = int8_networks.cnn(3), np.random.default_rng(5)
    x = rng.normal(size=int8_networks.SHAPE)
    result = convert(data, TrainingConfig(accumulate=2, layers=layers, errors=errors))
    trainer = open_trainer(result, build)
    train(trainer, np.asarray(x, np.float32)[None], one_label(1))
    _, gradients = Int8Model(result.data, result.graph, result.layers).gradients(x, 1, "cross-entropy-logits")
    tensors = result.plan.parameters["tensor"].tolist()
    for tensor, ours in zip(tensors, trainer.gradients()):
        assert error_measure(ours, gradients[tensor].ravel()) <= (1e-4 if errors == "float32" else 1e-3)


@pytest.mark.parametrize("errors", ["float32", "int16"])
def test_an_int8_step_changes_biases_as_training_all_does(errors):
    data, rng = int8_networks.cnn(4), np.random.default_rng(6)
    x, found = rng.normal(size=(1, *int8_networks.SHAPE)).astype(np.float32), {}
    for layers in ("all", "bias"):
        result = convert(data, TrainingConfig(layers=layers, errors=errors, learning_rate=0.1))
        trainer = open_trainer(result, "parity")
        train(trainer, x, np.array([2], np.int32))
        found[layers] = {t: np.array(v) for t, v in trainer.parameters()}
    assert found["bias"] and all(np.array_equal(v, found["all"][t]) for t, v in found["bias"].items())


@pytest.mark.parametrize("data", [networks.separable(), int8_networks.cnn()], ids=["float32", "int8"])
def test_no_input_of_a_layer_is_kept_for_it(data):
    """Masks read outputs; that is all that backward steps read of the forward pass."""
    whole, biases = (convert(data, TrainingConfig(layers=layers)).plan for layers in ("all", "bias"))
    assert {int(k) for k in biases.parameters["kind"]} == {ParameterKind.BIAS}
    assert set(biases.layers["weight"].tolist()) == {NONE_INDEX}
    trained = biases.sections[SectionKind.STEPS]
    steps = [step for step in trained if step["phase"] == Phase.BACKWARD and step["layer"] != NONE_INDEX]
    assert steps and all(biases.sections[SectionKind.INDICES][s["value_begin"]] == NONE_INDEX for s in steps)
    for program in whole.programs:
        kind = ProgramKind(int(program["kind"]))
        assert biases.arena_bytes(kind) < whole.arena_bytes(kind) or kind == ProgramKind.INFER


def test_the_trained_file_has_the_weights_it_had_and_trains_again(tmp_path):
    data = networks.cnn()
    x, y = networks.samples(data, 40)
    model = tt.convert(data, tt.TrainingConfig(layers="bias,last:1", learning_rate=0.01))
    trainer = tt.Trainer(model)
    before = trainer.layer_weights()
    trainer.fit(x, y, epochs=2, verbose=0)
    after = trainer.layer_weights()
    assert [len(arrays) for arrays in before.values()] == [1] * (len(before) - 1) + [2]
    assert all(np.any(a != b) for name in before for a, b in zip(before[name], after[name]))
    path = tmp_path / "trained.tflite"
    trainer.save(path)
    again = tt.Trainer(str(path))
    assert np.array_equal(again.predict(x), trainer.predict(x))
    again.fit(x, y, verbose=0)
    # without biases that train all is as in the file
    again.set_weights({name: arrays for name, arrays in before.items()})
    assert np.allclose(again.predict(x), tt.Trainer(model).predict(x), atol=1e-6)


def test_a_plan_says_what_it_trains():
    model = tt.convert(networks.cnn(), tt.TrainingConfig(layers="bias,last:1"))
    *biases, last = plan_config(model.plan).layers
    assert all(str(item).endswith(":bias") for item in biases) and isinstance(last, int)
    again = tt.convert(networks.cnn(), plan_config(model.plan))
    assert again.data == model.data
    trained = [op for op in inspect_report(model.data)["operators"] if op["trainable"]]
    assert [op["macs"]["weight_gradient"] > 0 for op in trained] == [False] * (len(trained) - 1) + [True]


def test_work_is_counted():
    data = networks.mlp()
    x, y = networks.samples(data, 10)
    counted = {}
    for layers in ("all", "bias"):
        trainer = tt.Trainer(tt.convert(data, tt.TrainingConfig(layers=layers, zero_skip=False)))
        counted[layers] = trainer.fit(x, y, verbose=0).counters
    assert counted["bias"]["weight_gradient"] == 0
    assert counted["bias"]["update"] == 10 * (32 + 10)
    assert counted["bias"]["input_error"] == 10 * 32 * 10 < counted["all"]["weight_gradient"]


def test_layers_without_bias_are_left_out():
    b, rng = ModelBuilder(), np.random.default_rng(0)
    hidden = b.dense(b.input(1, 4), rng.normal(size=(5, 4)), None, "RELU")
    data = b.finish(b.dense(hidden, rng.normal(size=(3, 5)), np.zeros(3)))
    assert convert(data, TrainingConfig(layers="bias")).layers.trained == {1}
    assert convert(data, TrainingConfig(layers="bias", add_bias=True)).layers.trained == {0, 1}
    with pytest.raises(tt.UserError, match="no bias; --add-bias"):
        convert(data, TrainingConfig(layers="0:bias"))
