"""Errors of 16-bit integers, ``errors="int16"``."""

from __future__ import annotations

import int8_networks
import networks
import numpy as np
import pytest
from harness import one_label, open_trainer, train
from int8_builder import Int8Builder
from int8_cases import CASES, SHAPE, front
from int8_reference import Int8Model
from tf_reference import error_measure
from tflm_train.converters.convert import convert
from tflm_train.converters.operators import KERNELS
from tflm_train.converters.plan_format import Phase, Role, SectionKind
from tflm_train.converters.policies import Selector

import tflm_train as tt
from tflm_train.config import TrainingConfig
from tflm_train.plan_config import plan_config

# An error of 15 bits is rounded once in a layer, by at most 2^-16 of the largest of its tensor; sums are exact. A few
# layers, whose errors add up with the sizes of their weights, stay below this part of a gradient's largest element.
TOLERANCE = 1e-3


def check(data: bytes, x: np.ndarray, label, kind: str, build: str = "release", **config) -> None:
    """One sample's gradients, read from the accumulation buffers, against TensorFlow's in float32."""
    result = convert(data, TrainingConfig(accumulate=2, errors="int16", **config))
    trainer = open_trainer(result, build)
    train(trainer, np.asarray(x, np.float32)[None], one_label(label))
    model = Int8Model(result.data, result.graph, result.layers, config.get("loss", "auto"))
    _, gradients = model.gradients(x, label, kind)
    tensors = result.plan.parameters["tensor"].tolist()
    errors = [error_measure(ours, gradients[t].ravel()) for t, ours in zip(tensors, trainer.gradients())]
    assert max(errors) <= TOLERANCE, errors


@pytest.mark.parametrize("name", CASES)
def test_every_operator(name):
    """Those without a kernel for integers get floats."""
    for seed in range(3):
        rng = np.random.default_rng([seed, len(name)])
        b = Int8Builder(rng)
        y = CASES[name](b, front(b))
        label = rng.normal(size=int(np.prod(b.graph.tensors[y].shape))).astype(np.float32)
        check(b.finish(y), rng.normal(size=SHAPE), label, "mse", loss="mse")


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_network(seed, per_channel):
    rng = np.random.default_rng(seed)
    data = int8_networks.cnn(seed, per_channel)
    check(data, rng.normal(size=int8_networks.SHAPE), seed % int8_networks.CLASSES, "cross-entropy-logits")


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
@pytest.mark.parametrize("shared", [False, True])
def test_both_operands_are_one_tensor(kind, shared):
    """Its error is that of both; with another reader behind it, it is added to what is there."""
    rng = np.random.default_rng(2)
    b = Int8Builder(rng)
    x = front(b)
    y = b.int8_op(kind, [x, x], SHAPE)
    if shared:
        y = b.int8_op("ADD", [y, x], SHAPE)
    label = rng.normal(size=SHAPE).astype(np.float32)
    check(b.finish(y), rng.normal(size=SHAPE), label.ravel(), "mse", loss="mse")


@pytest.mark.parametrize("pooled", [False, True])
def test_sums_that_leave_errors_few_bits_are_those_of_floats(pooled):
    """Of a map of 200 x 200 eight bits would be lost; its max-pool, which runs with it, has such errors too."""
    rng = np.random.default_rng(4)
    b = Int8Builder(rng)
    size, options = 200, dict(dilationHFactor=1, dilationWFactor=1)
    x = b.int8_input(1, size, size, 1, scale=0.03, zero_point=-5)
    inputs = [x, *b.weights(x, (2, 3, 3, 1), 0, True)]
    x = b.int8_op("CONV_2D", inputs, (1, size, size, 2), strideH=1, strideW=1, **options)
    if pooled:
        size, window = 100, dict(strideH=2, strideW=2, filterHeight=3, filterWidth=3, padding=0)
        x = b.same_scale(b.int8_op("MAX_POOL_2D", [x], (1, size, size, 2), **window), x)
    inputs, stride = [x, *b.weights(x, (2, 5, 5, 2), 0, True)], size // 20
    x = b.int8_op("CONV_2D", inputs, (1, 20, 20, 2), strideH=stride, strideW=stride, **options)
    window = dict(strideH=20, strideW=20, filterHeight=20, filterWidth=20, padding=1)
    x = b.same_scale(b.int8_op("AVERAGE_POOL_2D", [x], (1, 1, 1, 2), **window), x)
    data = b.finish(b.int8_dense(b.same_scale(b.int8_op("RESHAPE", [x], (1, 2)), x), 3))
    sample, label, found = rng.normal(size=(1, 200, 200, 1)), one_label(np.array([1, -1, 0.5])), []
    for errors in ("float32", "int16"):
        result = convert(data, TrainingConfig(errors=errors, loss="mse", accumulate=2))
        trainer = open_trainer(result)
        train(trainer, sample, label)
        found.append(trainer.gradients())
    steps = result.plan.sections[SectionKind.STEPS]
    names = [KERNELS[step["kernel"]].name for step in steps[steps["phase"] == Phase.BACKWARD]]
    assert "CONV_2D_INT16_ERRORS" in names
    assert ("CONV_2D_MAX_POOL_INT8" if pooled else "CONV_2D_INT8") in names
    assert max(error_measure(a, b) for a, b in zip(*found[::-1])) <= TOLERANCE


def test_windows_that_overlap_leave_a_bit_less():
    """Four of them may choose one element of the map, which has the errors of all."""
    shifts = []
    for stride in (2, 3):
        b = Int8Builder(np.random.default_rng(5))
        x = b.int8_input(1, 9, 9, 4, scale=0.03, zero_point=-5)
        options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
        x = b.int8_op("CONV_2D", [x, *b.weights(x, (4, 1, 1, 4), 0, True)], (1, 9, 9, 4), **options)
        y = b.int8_op("CONV_2D", [x, *b.weights(x, (16, 3, 3, 4), 0, True)], (1, 9, 9, 16), **options)
        window, out = dict(strideH=stride, strideW=stride, filterHeight=3, filterWidth=3, padding=1), 7 // stride + 1
        y = b.same_scale(b.int8_op("MAX_POOL_2D", [y], (1, out, out, 16), **window), y)
        data = b.finish(b.int8_dense(b.same_scale(b.int8_op("RESHAPE", [y], (1, 16 * out**2)), y), 3))
        plan = convert(data, TrainingConfig(errors="int16", loss="mse")).plan
        steps = plan.sections[SectionKind.STEPS]
        step = next(s for s in steps if KERNELS[s["kernel"]].name == "CONV_2D_MAX_POOL_INT16_ERRORS")
        words = plan.sections[SectionKind.WORDS][step["word_begin"] :][: step["word_count"]]
        shifts.append(int(KERNELS[step["kernel"]].named_words(words.tolist())["shift"]))
        check(data, np.random.default_rng(6).normal(size=(9, 9, 4)), np.ones(3, np.float32), "mse", loss="mse")
    assert shifts == [1, 0]  # 144 * 4 products, 144


def test_zeros_take_no_digit_of_what_they_are_added_to():
    """A branch that never wins has no error, whose exponent says nothing."""
    rng = np.random.default_rng(3)
    b = Int8Builder(rng, scale=0.002)
    x = front(b)
    w = b.int8_constant(rng.integers(-127, 128, (4, 1, 1, 4)), 0.01, 0)
    low = b.quantise(b.constant(np.full(4, -(2**20), np.int32)), 0.01 * b.scale_of(x), 0)
    options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    y = b.same_scale(b.int8_op("CONV_2D", [x, w, low], SHAPE, **options), x)
    y = b.same_scale(b.int8_op("MAXIMUM", [x, y], SHAPE), x)
    label = 0.001 * rng.normal(size=SHAPE).astype(np.float32)
    check(b.finish(y), 0.01 * rng.normal(size=SHAPE), label.ravel(), "mse", loss="mse")


@pytest.mark.parametrize("selector", ["dense", "static-topk", "tinyprop"])
@pytest.mark.parametrize("update", ["int16-master", "stochastic", "nearest"])
def test_hundreds_of_steps_go_where_those_of_floats_go(update, selector):
    """The same losses to a few percent: nothing is lost step by step."""
    x = np.random.default_rng(6).normal(size=(200, int(np.prod(int8_networks.SHAPE)))).astype(np.float32)
    labels = (x.mean(axis=1) > 0).astype(np.int32)
    curves = []
    for errors in ("float32", "int16"):
        options = {"ratio": 0.3} if selector == "static-topk" else {}
        config = TrainingConfig(update=update, selector=selector, errors=errors, learning_rate=0.005, **options)
        trainer = open_trainer(convert(int8_networks.cnn(), config))
        curves.append(np.concatenate([train(trainer, x, labels) for _ in range(4)]).reshape(4, -1).mean(axis=1))
    floats, integers = curves
    assert floats[-1] < 0.9 * floats[0]
    assert np.abs(integers - floats).max() <= 0.02 * floats[0], curves


def test_zeros_are_skipped_exactly():
    x = np.random.default_rng(2).normal(size=(20, int(np.prod(int8_networks.SHAPE)))).astype(np.float32)
    labels = np.arange(20, dtype=np.int32) % 4
    states = []
    for zero_skip in (True, False):
        config = TrainingConfig(errors="int16", zero_skip=zero_skip)
        trainer = open_trainer(convert(int8_networks.cnn(), config))
        losses = train(trainer, x, labels)
        states.append((losses.tobytes(), [values.tobytes() for _, values in trainer.parameters()]))
    assert states[0] == states[1]


@pytest.mark.parametrize("selector", ["static-topk", "tinyprop"])
def test_a_selector_chooses_among_what_a_max_pool_keeps(selector):
    """As many candidates as with errors of floats, and keys for all that the pool reads."""
    plans = [
        convert(int8_networks.cnn(), TrainingConfig(selector=selector, errors=e)).plan for e in ("float32", "int16")
    ]
    assert plans[0].layers["candidates"].tolist() == plans[1].layers["candidates"].tolist()


def test_errors_take_half_of_their_memory():
    """Of an error, of activations in front of a max-pool, and of all of a network."""
    floats, integers = (convert(int8_networks.cnn(), TrainingConfig(errors=e)).plan for e in ("float32", "int16"))
    sizes = []
    for plan in (floats, integers):
        values = plan.sections[SectionKind.VALUES]
        sizes.append(values["bytes"][(values["role"] == Role.ERROR) & (values["rank"] == 4)].max())
    assert sizes[1] == sizes[0] / 2


def test_what_the_option_does_not_do_is_said():
    floats = tt.convert(networks.mlp(), tt.TrainingConfig(errors="int16"))
    assert any("errors int16 (--errors) has no effect" in note for note in floats.notes)
    assert floats.plan.errors == "float32"
    unknown = tt.convert(int8_networks.cnn(), tt.TrainingConfig(errors="auto"))
    assert any("errors float32 (--errors auto)" in note for note in unknown.notes)
    integers = tt.convert(int8_networks.cnn(), tt.TrainingConfig(errors="int16"))
    assert not integers.notes and integers.plan.errors == "int16"


def test_a_selector_of_floats_is_refused(monkeypatch):
    monkeypatch.setattr(Selector, "takes_integers", property(lambda self: self is Selector.DENSE))
    with pytest.raises(tt.ConversionError, match="selector tinyprop chooses among float32 errors only"):
        tt.convert(int8_networks.cnn(), tt.TrainingConfig(errors="int16", selector="tinyprop"))


def test_a_plan_made_again_has_the_same_errors():
    model = tt.convert(int8_networks.cnn(), tt.TrainingConfig(errors="int16"))
    assert plan_config(model.plan).errors == "int16"
