"""Training on the forward pass of the genuine TensorFlow Lite Micro, from the ``tflite-micro`` wheel."""

from __future__ import annotations

import bodies
import networks
import numpy as np
import pytest
from harness import open_trainer, train
from tf_reference import error_measure
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer
from tflm_train.converters.convert import Result, convert
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.plan_format import ForwardKind, ProgramKind
from wheel_forward import WheelForward

from tflm_train import _native
from tflm_train.body import FrozenBody
from tflm_train.config import TrainingConfig
from tflm_train.model import load_model

pytest.importorskip("tflite_micro", reason="needs the tflite-micro wheel: pip install --pre 'tflm-train[runtimes]'")


def softmax_behind_views() -> bytes:
    """A reshape and a transpose of axes of one behind softmax, as exported heads have them."""
    rng, b = np.random.default_rng(6), ModelBuilder()
    x = b.dense(b.input(1, 16), rng.normal(size=(5, 16)) / 4, rng.normal(size=5))
    x = b.reshape(b.op("SOFTMAX", [x], (1, 5), beta=1.0), 1, 1, 5)
    return b.finish(b.op("TRANSPOSE", [x, b.constant(np.array([0, 2, 1], np.int32))], (1, 5, 1)))


STEPS, SAMPLES = 200, 20
MODELS = {
    "softmax_behind_views": softmax_behind_views,
    "mlp": networks.mlp,
    "cnn": networks.cnn,
    "residual": lambda: networks.residual(size=8, widths=(8, 16)),
    "separable": lambda: networks.separable(size=(25, 5), width=16, blocks=2),
    "inverted_residual": networks.inverted_residual,
}


def few_samples(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """A few samples over and over, so that every model learns something within the steps."""
    x, labels = networks.samples(data, SAMPLES)
    return np.tile(x, (STEPS // SAMPLES, *[1] * (x.ndim - 1))), np.tile(labels, STEPS // SAMPLES)


def train_with_the_wheel(
    result: Result, x: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, WheelForward]:
    """Losses, correctness and the forward pass after training on the samples in order."""
    plan = result.plan
    forward = WheelForward(result.data, plan)
    program = plan.program(ProgramKind.TRAIN, ForwardKind.TFLM)
    trainer = _native.ExternalTrainer(
        result.data, int(plan.defaults["persistent_bytes"]), int(program["arena_bytes"]), forward
    )
    forward.memory = trainer.program_memory
    losses, correct = [], []
    for sample, label in zip(x.reshape(len(x), -1), labels):
        loss, right = trainer.step(sample, int(label))
        losses.append(loss)
        correct.append(right)
        forward.write_parameters(trainer.parameters())
    return np.array(losses), np.array(correct), forward


@pytest.mark.parametrize("name", MODELS)
def test_dense_losses_equal_the_native_device(name):
    result = convert(MODELS[name](), TrainingConfig(learning_rate=0.01))
    x, labels = few_samples(result.data)
    losses, _, forward = train_with_the_wheel(result, x, labels)
    trainer = open_trainer(result)
    expected = train(trainer, x, labels)
    worst = np.max(np.abs(losses - expected) / np.maximum(1, expected))
    first, last = expected[:SAMPLES].mean(), expected[-SAMPLES:].mean()
    print(f"{name}: loss {first:.3f} -> {last:.3f}, largest difference over {STEPS} steps {worst:.2e}")
    assert expected[-SAMPLES:].mean() < expected[:SAMPLES].mean(), "nothing was learned"
    assert worst <= 1e-4
    # the wheel now predicts with the trained weights
    sample = x[0].reshape(forward.input_shape)
    forward.interpreter.set_input(sample, 0)
    forward.interpreter.invoke()
    predicted = np.array(forward.interpreter.get_output(0)).ravel()
    assert error_measure(predicted, trainer.predict(x[:1].reshape(1, -1)).ravel()) <= 1e-3


@pytest.mark.parametrize("kind", bodies.BODIES)
def test_a_head_trains_on_a_body_that_tflm_runs(kind):
    """Recurrent and int8 layers in genuine TFLM; the head as on the activations that another runtime computes."""
    result = convert(bodies.BODIES[kind](), TrainingConfig(learning_rate=0.05, layers="last:2"))
    x, labels = bodies.samples(kind, SAMPLES)
    x, labels = np.tile(x, (STEPS // SAMPLES, *[1] * (x.ndim - 1))), np.tile(labels, STEPS // SAMPLES)
    losses, _, _ = train_with_the_wheel(result, x, labels)
    model = load_model(result.data)
    trainer = _native.NativeTrainer(result.data, model.sizes.arena_bytes["train_from_cut"], True)
    expected = train(trainer, FrozenBody(model)(x.reshape(STEPS, -1)), labels)
    worst = np.max(np.abs(losses - expected) / np.maximum(1, expected))
    print(f"{kind}: loss {expected[:SAMPLES].mean():.3f} -> {expected[-SAMPLES:].mean():.3f}, difference {worst:.2e}")
    assert expected[-SAMPLES:].mean() < expected[:SAMPLES].mean(), "nothing was learned"
    assert worst <= 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_tinyprop_learns_as_well_as_on_the_native_device(name):
    """A selection may differ where two errors differ in the last bit only: accuracies agree within their interval."""
    result = convert(MODELS[name](), TrainingConfig(learning_rate=0.01, selector="tinyprop"))
    x, labels = few_samples(result.data)
    losses, correct, _ = train_with_the_wheel(result, x, labels)
    order = np.arange(STEPS, dtype=np.uint32)
    expected, expected_correct, *_ = open_trainer(result).train(x.reshape(STEPS, -1), labels, order)
    accuracy, native = correct.mean(), np.mean(expected_correct)
    interval = 1.96 * np.sqrt(native * (1 - native) / STEPS) + 1 / STEPS
    print(f"{name}: accuracy while training {accuracy:.3f}, native {native:.3f} +- {interval:.3f}")
    assert abs(losses[0] - expected[0]) <= 1e-4 * max(1, expected[0])
    assert abs(accuracy - native) <= interval


def every_operator() -> bytes:
    """A model of all operators that both sides have (in TFLM, RELU_N1_TO_1 is a fused activation only)."""
    rng, b = np.random.default_rng(5), ModelBuilder()

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) * np.sqrt(2.0 / np.prod(shape[1:]))

    def shape(t: int) -> tuple[int, ...]:
        return tuple(b.graph.tensors[t].shape.tolist())

    x = b.conv(b.input(1, 9, 7, 2), weights(4, 3, 3, 2), rng.normal(size=4) * 0.1, (1, 1), "SAME", (2, 1), "RELU6")
    x = b.op("PAD", [x, b.constant(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))], (1, 12, 8, 4))
    x = b.conv(
        x, weights(1, 3, 2, 8), rng.normal(size=8) * 0.1, (2, 2), "VALID", multiplier=2, activation="RELU_N1_TO_1"
    )
    for kind in ("RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU"):
        branch = b.op(kind, [x], shape(x), **({"alpha": 0.1} if kind == "LEAKY_RELU" else {}))
        scaled = b.op("MUL", [branch, b.constant(rng.normal(size=(8,)))], shape(x))
        x = b.op("ADD" if kind != "TANH" else "SUB", [x, scaled], shape(x))
    for kind in ("EXP", "ELU", "NEG", "ABS", "SQUARE", "LOG_SOFTMAX"):
        x = b.op("ADD", [x, b.op("MUL", [b.op(kind, [x], shape(x)), b.constant(np.float32(0.2))], shape(x))], shape(x))
    positive = b.op("ADD", [b.op("SQUARE", [x], shape(x)), b.constant(np.float32(0.1))], shape(x))
    root = b.op("SQRT", [positive], shape(x))
    x = b.op("ADD", [x, b.op("LOG", [positive], shape(x))], shape(x))
    x = b.op("MAXIMUM", [b.op("MUL", [x, b.op("RSQRT", [positive], shape(x))], shape(x)), x], shape(x))
    x = b.op("MINIMUM", [b.op("DIV", [x, root], shape(x)), b.op("SQUARED_DIFFERENCE", [x, root], shape(x))], shape(x))
    half = tuple(n // 2 if i in (1, 2) else n for i, n in enumerate(shape(x)))
    ends = [
        b.constant(np.array(v, np.int32)) for v in ((0, 0, 1, 0), (1, 2 * half[1], 1 + 2 * half[2], 8), (1, 2, 2, 1))
    ]
    small = b.op("STRIDED_SLICE", [x, *ends], half)
    x = b.op(
        "ADD",
        [b.op("RESIZE_NEAREST_NEIGHBOR", [small, b.constant(np.array(shape(x)[1:3], np.int32))], shape(x)), x],
        shape(x),
    )
    most = b.op("REDUCE_MAX", [x, b.constant(np.array([1, 2], np.int32))], (1, 1, 1, 8), keepDims=True)
    x = b.op("SUB", [x, most], shape(x))
    sums = b.op("SUM", [x, b.constant(np.array([2], np.int32))], (*shape(x)[:2], 1, 8), keepDims=True)
    x = b.op("ADD", [x, b.op("MUL", [sums, b.constant(np.float32(0.1))], shape(sums))], shape(x))
    x = b.op("PRELU", [x, b.constant(rng.normal(size=(8,)) * 0.3)], shape(x))
    grouped = b.conv(x, weights(8, 3, 3, 4), rng.normal(size=8) * 0.1)
    up = (1, 2 * shape(x)[1], 2 * shape(x)[2], 3)
    target = b.constant(np.array(up, np.int32))
    up_filter = b.constant(weights(3, 3, 3, 8) * 0.3)
    bias = b.constant(rng.normal(size=3))
    wide = b.op("TRANSPOSE_CONV", [target, up_filter, grouped, bias], up, strideH=2, strideW=2)
    sizes = [2, up[1] - 2]
    _, tall = b.ops(
        "SPLIT_V",
        [wide, b.constant(np.array(sizes, np.int32)), b.constant(np.array(1, np.int32))],
        [(1, n, *up[2:]) for n in sizes],
        numSplits=2,
    )
    ends = [b.constant(np.array(v, np.int32)) for v in ((0, 1, 0, 0), (1, *shape(x)[1:3], 2))]
    narrow = b.op("SLICE", [tall, *ends], (1, *shape(x)[1:3], 2))
    pixels = shape(x)[1] * shape(x)[2]
    matrix = b.reshape(narrow, 1, pixels, 2)
    mixed = b.op("BATCH_MATMUL", [matrix, b.constant(rng.normal(size=(1, 8, 2)))], (1, pixels, 8), adjY=True)
    halves = b.ops("SPLIT", [b.constant(np.array(2, np.int32)), mixed], [(1, pixels, 4)] * 2, numSplits=2)
    pair = b.op("PACK", halves, (1, 2, pixels, 4), valuesCount=2, axis=1)
    back = b.ops("UNPACK", [pair], [(1, pixels, 4)] * 2, num=2, axis=1)
    mixed = b.op("CONCATENATION", back[::-1], (1, pixels, 8), axis=2)
    x = b.op("ADD", [x, b.op("TANH", [b.reshape(mixed, *shape(x))], shape(x))], shape(x))
    left = b.pool("MAX", x, (2, 2), (1, 1), "SAME")
    right = b.pool("AVERAGE", x, (3, 3), (1, 1), "SAME")
    x = b.op("CONCATENATION", [left, right], (*shape(x)[:3], 16), axis=3)
    x = b.op("TRANSPOSE", [x, b.constant(np.array([0, 2, 1, 3], np.int32))], (1, shape(x)[2], shape(x)[1], 16))
    x = b.op("MEAN", [x, b.constant(np.array([1], np.int32))], (1, shape(x)[2], 16))
    x = b.op("EXPAND_DIMS", [x, b.constant(np.array([1], np.int32))], (1, 1, *shape(x)[1:]))
    x = b.op("SQUEEZE", [x], shape(x)[1:], squeezeDims=np.array([0], np.int32))
    x = b.flatten(x)
    x = b.dense(x, weights(12, shape(x)[1]), rng.normal(size=12) * 0.1, "RELU")
    x = b.dense(x, weights(6, 12), np.zeros(6))
    return b.finish(b.op("SOFTMAX", [x], (1, 6), beta=1.0))


def cut_behind(data: bytes, operator: int) -> bytes:
    """The operators that an operator's output needs; it becomes the model's output."""
    model = flatbuffer.load(data, "test")
    graph = model.subgraphs[0]
    graph.outputs = list(graph.operators[operator].outputs)[:1]
    needed, kept = set(graph.outputs), []
    for candidate in reversed(graph.operators[: operator + 1]):
        if needed & set(candidate.outputs):
            kept.insert(0, candidate)
            needed |= set(candidate.inputs)
    graph.operators = kept
    return flatbuffer.dump(model)


@pytest.mark.parametrize("name", [*MODELS, "every_operator"])
def test_every_activation_of_the_first_step_equals_the_native_kernels(name):
    data = every_operator() if name == "every_operator" else MODELS[name]()
    result = convert(data, TrainingConfig(learning_rate=0.01))
    x, labels = networks.samples(data, 1)
    _, _, forward = train_with_the_wheel(result, x, labels)
    worst: dict[str, float] = {}
    for op in result.graph.operators:
        tensor = op.outputs[0]
        if op.index in result.graph.folded:
            activation = result.graph.tensors[tensor].data.ravel()
        else:
            native = open_trainer(convert(cut_behind(data, op.index), TrainingConfig(loss="mse")))
            activation = native.predict(x.reshape(1, -1)).ravel()
        worst[op.type] = max(worst.get(op.type, 0.0), error_measure(activation, forward.first_pass[tensor]))
    print(name, {kind: f"{error:.1e}" for kind, error in worst.items()})
    assert max(worst.values()) <= 1e-5, worst
    if name == "every_operator":
        supported = {name for name, spec in OPERATORS.items() if spec.in_tflm} - {"CAST", "GATHER"}
        supported -= {"QUANTIZE", "DEQUANTIZE"}  # test_int8_forward
        assert set(worst) == supported | {"SHAPE"}


@pytest.mark.parametrize("source", ["int32", "float32"])
def test_a_table_trains_on_the_wheel_s_forward_pass(source):
    """Samples are floats; an int32 input is cast by a step of the plan, in front of TFLM's first operator."""
    rng, b = np.random.default_rng(8), ModelBuilder()
    x = b.input(1, 6, dtype=source)
    if source == "float32":
        x = b.op("CAST", [x], (1, 6), inDataType=0, outDataType=2)
        b.graph.tensors[x].type = 2
    y = b.op("GATHER", [b.constant(rng.normal(size=(9, 4))), x], (1, 6, 4))
    y = b.dense(b.reshape(y, 1, 24), rng.normal(size=(3, 24)) / 5, np.zeros(3))
    result = convert(b.finish(b.op("SOFTMAX", [y], (1, 3), beta=1.0)), TrainingConfig(learning_rate=0.05))
    x, labels = rng.integers(0, 9, (40, 6)).astype(np.float32), rng.integers(0, 3, 40)
    losses, _, _ = train_with_the_wheel(result, x, labels)
    expected = train(open_trainer(result), x, labels.astype(np.int32))
    assert np.max(np.abs(losses - expected)) <= 1e-5
    trainer = open_trainer(result)
    with pytest.raises(RuntimeError, match="no index of the model's table"):
        trainer.predict(np.full((1, 6), 9, np.float32))


def test_what_tflm_cannot_run_is_said_and_refused():
    rng, b = np.random.default_rng(7), ModelBuilder()
    x = b.op("GELU", [b.dense(b.input(1, 6), rng.normal(size=(5, 6)), np.zeros(5))], (1, 5))
    result = convert(b.finish(b.dense(x, rng.normal(size=(3, 5)), np.zeros(3))), TrainingConfig())
    assert result.notes == [
        "TensorFlow Lite Micro has no GELU: the file trains with the library's own kernels, not on its forward pass"
    ]
    assert len(result.plan.programs) == 2
    with pytest.raises(RuntimeError, match="no program for this forward pass"):
        _native.ExternalTrainer(result.data, int(result.plan.defaults["persistent_bytes"]), 1 << 16, lambda *_: 0)
