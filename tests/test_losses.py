"""Every loss with every kind of label and every shape of output, against Keras' values and TensorFlow's gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from harness import open_trainer
from tf_reference import TensorFlowModel, error_measure
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import convert
from tflm_train.converters.errors import ConversionError

import tflm_train as tt
from tflm_train.losses import Objective

SAMPLES = 6
INPUTS = 7
SHAPES = {"vector": (4,), "number": (1,), "steps": (5, 3), "map": (2, 3, 4), "mask": (2, 3, 1)}


def network(shape: tuple[int, ...], end: str = "", *views: tuple[str, tuple[int, ...]]) -> bytes:
    """7 - dense - reshape to `shape` - SOFTMAX or LOGISTIC or nothing - views."""
    rng, b = np.random.default_rng(3), ModelBuilder()
    outputs = int(np.prod(shape))
    x = b.dense(b.input(1, INPUTS), rng.normal(size=(outputs, INPUTS)) / np.sqrt(INPUTS), rng.normal(size=outputs))
    if len(shape) > 1:
        x = b.reshape(x, 1, *shape)
    if end:
        x = b.op(end, [x], (1, *shape), **({"beta": 1.0} if end == "SOFTMAX" else {}))
    for kind, view in views:
        if kind == "TRANSPOSE":
            before = b.graph.tensors[x].shape.tolist()
            x = b.op("TRANSPOSE", [x, b.constant(np.array(view, np.int32))], tuple(before[i] for i in view))
        else:
            x = b.reshape(x, 1, *view)
    return b.finish(x)


def labels_of(kind: str, shape: tuple[int, ...], seed: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "classes":
        return rng.integers(0, shape[-1] if shape[-1] > 1 else 2, (SAMPLES, *shape[:-1]))
    if kind == "distribution":
        values = rng.uniform(0.1, 1, (SAMPLES, *shape))
        return values / values.sum(axis=-1, keepdims=True)
    if kind == "many hot":
        return rng.integers(0, 2, (SAMPLES, *shape)).astype(np.float32)
    return rng.normal(size=(SAMPLES, *shape))  # numbers


def inputs() -> np.ndarray:
    return np.random.default_rng(4).normal(size=(SAMPLES, INPUTS)).astype(np.float32)


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix that is trained; `metric` is Keras' name, None for regression."""

    loss: str
    end: str
    labels: str
    shape: str
    metric: str | None

    def keras_loss(self, y: np.ndarray, p: np.ndarray) -> float:
        logits = not self.end
        if self.loss == "cross-entropy":
            if self.labels == "classes":
                return float(keras.losses.SparseCategoricalCrossentropy(from_logits=logits)(y, p))
            return float(keras.losses.CategoricalCrossentropy(from_logits=logits)(y, p))
        if self.labels == "classes" and p.shape[-1] > 1:
            y = np.eye(p.shape[-1])[y]
        y = y.reshape(p.shape)
        if self.loss == "binary-cross-entropy":
            return float(keras.losses.BinaryCrossentropy(from_logits=logits)(y, p))
        regression = {"mse": keras.losses.MeanSquaredError, "mae": keras.losses.MeanAbsoluteError}
        return float(regression.get(self.loss, keras.losses.Huber)()(y, p))

    def keras_accuracy(self, y: np.ndarray, p: np.ndarray) -> float | None:
        if self.metric is None:
            return None
        if self.metric == "binary":
            metric = keras.metrics.BinaryAccuracy(threshold=0.5 if self.end else 0.0)
            y = y.reshape(p.shape) > 0.5  # Keras counts no soft target as right
        elif self.metric == "sparse":
            metric = keras.metrics.SparseCategoricalAccuracy()
        else:
            metric = keras.metrics.CategoricalAccuracy()
        metric.update_state(y, p)
        return float(metric.result())


MULTIPLE = ("vector", "steps", "map")
SINGLE = ("number", "mask")
CELLS = [
    *[Cell("cross-entropy", end, "classes", s, "sparse") for end in ("SOFTMAX", "") for s in MULTIPLE],
    *[Cell("cross-entropy", end, "distribution", s, "categorical") for end in ("SOFTMAX", "") for s in MULTIPLE],
    *[Cell("binary-cross-entropy", end, "classes", s, "sparse") for end in ("LOGISTIC", "") for s in MULTIPLE],
    *[Cell("binary-cross-entropy", end, "classes", s, "binary") for end in ("LOGISTIC", "") for s in SINGLE],
    *[Cell("binary-cross-entropy", end, "many hot", s, "binary") for end in ("LOGISTIC", "") for s in SHAPES],
    *[Cell("binary-cross-entropy", end, "distribution", s, "binary") for end in ("LOGISTIC", "") for s in MULTIPLE],
    *[Cell(loss, "", "numbers", s, None) for loss in ("mae", "huber") for s in SHAPES],
    *[Cell(loss, "LOGISTIC", "classes", "map", "sparse") for loss in ("mae", "huber")],
    *[Cell("mse", end, "numbers", s, None) for end in ("SOFTMAX", "LOGISTIC", "") for s in MULTIPLE],
    *[Cell("mse", end, "numbers", s, None) for end in ("LOGISTIC", "") for s in SINGLE],
    *[Cell("mse", end, "classes", s, "sparse") for end in ("SOFTMAX", "LOGISTIC", "") for s in MULTIPLE],
]  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.loss}-{c.end or 'linear'}-{c.labels}-{c.shape}")
def test_loss_and_accuracy_are_those_of_keras(cell: Cell) -> None:
    shape, x = SHAPES[cell.shape], inputs()
    y = labels_of(cell.labels, shape)
    trainer = tt.Trainer(tt.convert(network(shape, cell.end), tt.TrainingConfig(loss=cell.loss)))
    result, p = trainer.evaluate(x, y), trainer.predict(x)
    assert result["loss"] == pytest.approx(cell.keras_loss(y, p), rel=1e-5)
    accuracy = cell.keras_accuracy(y, p)
    assert result.get("accuracy") == (None if accuracy is None else pytest.approx(accuracy, abs=1e-6))
    objective = Objective.of_plan(trainer.model.plan, shape)  # what other runtimes are evaluated with
    labels = objective.check(y, SAMPLES)
    flat = p.reshape(SAMPLES, -1)
    loss, correct = objective.judge(flat, labels)
    assert loss == pytest.approx(result["loss"], rel=1e-5)
    assert objective.accuracy(correct, labels) == result.get("accuracy")
    names = {"sparse": "accuracy", "categorical": "accuracy", "binary": "binary-accuracy", None: cell.loss}
    assert trainer.metric(y) == ("accuracy" if cell.shape == "number" and cell.metric else names[cell.metric])
    history = trainer.fit(x, y, epochs=1, learning_rate=1e-30, shuffle=False).history
    assert history["loss"][0] == pytest.approx(result["loss"], rel=1e-5)
    assert history.get("accuracy", [None])[0] == result.get("accuracy")


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.loss}-{c.end or 'linear'}-{c.labels}-{c.shape}")
def test_gradients_are_those_of_keras_losses(cell: Cell) -> None:
    shape, x, y = SHAPES[cell.shape], inputs(), labels_of(cell.labels, SHAPES[cell.shape])
    check_gradient(network(shape, cell.end), cell.loss, cell.end, x[0], y[0], shape)


def check_gradient(data: bytes, loss: str, end: str, x: np.ndarray, y: Any, row_shape: tuple[int, ...]) -> None:
    """One sample's loss and gradients against the loss of `row_shape` ([..., classes]) in TensorFlow."""
    result = convert(data, tt.TrainingConfig(accumulate=2, loss=loss))
    trainer = open_trainer(result)
    objective = Objective.of_plan(result.plan, tuple(result.graph.tensors[result.graph.outputs[0]].shape[1:]))
    label = objective.check(np.asarray(y)[None], 1)
    losses, *_ = trainer.train(x[None], label, np.zeros(1, np.uint32))
    reference = TensorFlowModel(result.graph, result.layers)
    with tf.GradientTape() as tape:
        p = tf.reshape(reference.tensors(x)[result.graph.outputs[0]], (1, *row_shape))
        target = np.asarray(y)
        if target.dtype.kind in "iu" and row_shape[-1] > 1:
            target = np.eye(row_shape[-1])[target]
        target = tf.constant(target.reshape(1, *row_shape).astype(np.float64))
        if loss in ("auto", "cross-entropy", "binary-cross-entropy") and not end:
            p = tf.nn.softmax(p) if loss == "cross-entropy" else tf.sigmoid(p)
        if loss in ("auto", "cross-entropy"):
            expected = tf.reduce_mean(-tf.reduce_sum(target * tf.math.log(p), axis=-1))
        elif loss == "binary-cross-entropy":
            expected = -tf.reduce_mean(target * tf.math.log(p) + (1 - target) * tf.math.log(1 - p))
        elif loss == "mae":
            expected = tf.reduce_mean(tf.abs(p - target))
        elif loss == "huber":
            size = tf.abs(p - target)
            expected = tf.reduce_mean(tf.where(size <= 1, size**2 / 2, size - 0.5))
        else:
            expected = tf.reduce_mean((p - target) ** 2)
    variables = reference.variables
    gradients = dict(zip(variables, tape.gradient(expected, list(variables.values()))))
    assert losses[0] == pytest.approx(float(expected), rel=1e-5)
    for tensor, gradient in zip(result.plan.parameters["tensor"].tolist(), trainer.gradients()):
        assert error_measure(gradient, gradients[tensor].numpy()) <= 1e-4


VIEWS = {
    "reshape": ((1, 1, 4), [("RESHAPE", (4,))]),
    "squeeze twice": ((4,), [("RESHAPE", (4, 1)), ("RESHAPE", (2, 2))]),
    "steps in one row": ((5, 3), [("RESHAPE", (15,))]),
    "moved ones": ((1, 1, 4), [("TRANSPOSE", (0, 3, 1, 2))]),
    "moved ones and reshape": ((1, 5, 3), [("TRANSPOSE", (0, 2, 1, 3)), ("RESHAPE", (5, 3))]),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("loss", ["auto", "cross-entropy"])
def test_softmax_behind_views_is_the_end(loss: str, name: str) -> None:
    shape, views = VIEWS[name]
    y = labels_of("classes", (int(np.prod(shape[:-1])), shape[-1]))[0]
    data = network(shape, "SOFTMAX", *views)
    check_gradient(data, loss, "SOFTMAX", inputs()[0], y if y.size > 1 else y[0], (y.size, shape[-1]))
    assert convert(data, tt.TrainingConfig(loss=loss)).plan.defaults["loss"] == 0


@pytest.mark.parametrize("name", VIEWS)
def test_sigmoid_behind_views_is_the_end(name: str) -> None:
    shape, views = VIEWS[name]
    data = network(shape, "LOGISTIC", *views)
    outputs = int(np.prod(shape))
    check_gradient(data, "binary-cross-entropy", "LOGISTIC", inputs()[0], np.arange(outputs) % 2 / 1.0, (outputs,))
    assert convert(data, tt.TrainingConfig()).plan.defaults["loss"] == 2


KERAS_HEADS = {
    "softmax, reshape": lambda k: [k.Dense(6), k.Softmax(), k.Reshape((6,)), k.Reshape((1, 6))],
    "1x1 convolution, softmax, reshape": lambda k: [
        k.Reshape((1, 1, INPUTS)), k.Conv2D(4, 1), k.Softmax(), k.Reshape((4,)),
    ],
    "1x1 convolution, softmax, flatten": lambda k: [
        k.Reshape((1, 1, INPUTS)), k.Conv2D(4, 1), k.Softmax(), k.Flatten(),
    ],
    "sigmoid, flatten": lambda k: [k.Dense(6), k.Reshape((3, 2)), k.Activation("sigmoid"), k.Flatten()],
    "softmax over the only axis": lambda k: [k.Dense(6), k.Softmax(axis=1)],
    "softmax of a map": lambda k: [k.Dense(12), k.Reshape((2, 2, 3)), k.Softmax()],
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS_HEADS)
def test_keras_heads(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((INPUTS,)), *KERAS_HEADS[name](keras.layers)])
    trainer, x = tt.Trainer(tt.convert(model)), inputs()
    p = model.predict(x, verbose=0)
    if "sigmoid" in name:
        y = labels_of("many hot", p.shape[1:])
        expected = float(keras.losses.BinaryCrossentropy()(y, p))
    else:
        y = labels_of("classes", p.shape[1:]) if p.shape[1] != 1 else labels_of("classes", p.shape[2:])
        expected = float(keras.losses.SparseCategoricalCrossentropy()(y.reshape(p.shape[:-1]), p))
    assert trainer.evaluate(x, y)["loss"] == pytest.approx(expected, rel=1e-5)


def _inner(kind: str) -> bytes:
    """Models whose output holds probabilities that no loss can look through."""
    rng, b = np.random.default_rng(3), ModelBuilder()
    x = b.dense(b.input(1, INPUTS), rng.normal(size=(6, INPUTS)), rng.normal(size=6))
    end = "LOGISTIC" if "sigmoid" in kind else "SOFTMAX"
    if kind == "hard sigmoid":
        y = b.op("ADD", [x, b.constant(np.float32(3))], (1, 6), fusedActivationFunction=3)
        return b.finish(b.op("MUL", [y, b.constant(np.float32(1 / 6))], (1, 6)))
    if kind == "softmax over another axis":
        y = b.op("SOFTMAX", [b.reshape(x, 1, 2, 3)], (1, 2, 3), beta=1.0)
        return b.finish(b.op("TRANSPOSE", [y, b.constant(np.array([0, 2, 1], np.int32))], (1, 3, 2)))
    p = b.op(end, [x], (1, 6), **({"beta": 1.0} if end == "SOFTMAX" else {}))
    if "times" in kind:
        return b.finish(b.op("MUL", [p, b.constant(np.float32(255))], (1, 6)))
    if "beside" in kind:
        return b.finish(b.op("CONCATENATION", [p, x], (1, 12), axis=1))
    if "mean" in kind:
        other = b.op(end, [b.dense(x, rng.normal(size=(6, 6)), rng.normal(size=6))], (1, 6), beta=1.0)
        return b.finish(b.op("ADD", [p, other], (1, 6)))
    assert kind == "gate"
    gate = b.op("LOGISTIC", [x], (1, 6))
    return b.finish(b.op("MUL", [x, gate], (1, 6)))


@pytest.mark.parametrize("loss", ["auto", "cross-entropy", "binary-cross-entropy"])
@pytest.mark.parametrize(
    "kind",
    ["softmax times 255", "sigmoid beside logits", "softmax mean", "softmax over another axis", "hard sigmoid"],
)
def test_probabilities_that_are_not_the_end_are_refused(kind: str, loss: str) -> None:
    with pytest.raises(ConversionError, match=f"--loss {loss} cannot be computed.*probabilities.*use --loss mse$"):
        tt.convert(_inner(kind), tt.TrainingConfig(loss=loss))
    tt.convert(_inner(kind), tt.TrainingConfig(loss="mse"))


def test_gates_are_no_probabilities() -> None:
    tt.convert(_inner("gate"), tt.TrainingConfig(loss="cross-entropy"))


REFUSED = [
    # shape, end, loss, labels, message
    ((5, 3), "SOFTMAX", "auto", np.zeros(SAMPLES, int), r"shape \(6,\).*class numbers \(integers\) of shape \(n, 5\)"),
    ((5, 3), "", "auto", np.zeros(SAMPLES, int), r"class numbers \(integers\) of shape \(n, 5\), one for each"),
    ((5, 3), "SOFTMAX", "auto", np.full((SAMPLES, 5), 3), r"y\[0, 0\] is 3, but class numbers .* from 0 to 2"),
    ((5, 3), "SOFTMAX", "auto", np.full((SAMPLES, 5), -1), r"y\[0, 0\] is -1, but class numbers .* from 0 to 2"),
    ((5, 3), "SOFTMAX", "auto", np.zeros((SAMPLES, 4), int), r"shape \(6, 4\)"),
    ((2, 3, 4), "SOFTMAX", "auto", np.zeros((SAMPLES, 3, 2), int), r"expected class numbers .* \(n, 2, 3\)"),
    ((2, 3, 1), "LOGISTIC", "auto", np.zeros(SAMPLES, int), r"expected vectors of shape \(n, 2, 3, 1\)"),
    ((4,), "SOFTMAX", "auto", np.eye(4)[[0, 1, 2, 3, 0, 1]] * 255, r"y\[0\] holds 255, but targets .* lie in 0 to 1"),
    ((4,), "SOFTMAX", "auto", np.eye(4)[[0, 1, 2, 3, 0, 1]] - 0.5, r"y\[0\] holds -0.5"),
    ((4,), "", "cross-entropy", np.full((SAMPLES, 4), 1.01), r"y\[0\] holds 1.01, .* of the loss cross-entropy"),
    ((2, 3, 1), "LOGISTIC", "auto", np.full((SAMPLES, 2, 3), 255), r"holds 255, .* binary-cross-entropy .* --loss mse"),
    ((1,), "LOGISTIC", "auto", np.full(SAMPLES, -1.0), r"y\[0\] holds -1"),
    ((1,), "LOGISTIC", "auto", np.full(SAMPLES, 2), r"y\[0\] is 2, but class numbers of this model go from 0 to 1"),
    ((1,), "", "binary-cross-entropy", np.full(SAMPLES, 65.0), r"y\[0\] holds 65"),
    ((4,), "LOGISTIC", "auto", np.full((SAMPLES, 4), np.nan), r"NaN or infinite"),
    ((4,), "", "mse", np.full(SAMPLES, 4), r"y\[0\] is 4, but class numbers of this model go from 0 to 3"),
    ((4,), "", "mse", np.full(SAMPLES, -1), r"y\[0\] is -1"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "end", "loss", "y", "message"), REFUSED)
def test_labels_that_do_not_fit_are_refused_by_name(
    shape: tuple[int, ...], end: str, loss: str, y: np.ndarray, message: str
) -> None:
    trainer = tt.Trainer(tt.convert(network(shape, end), tt.TrainingConfig(loss=loss)))
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(tt.UserError, match=message):
            call(inputs(), y)


@pytest.mark.parametrize("bad", [-0.01, 1.01, 65.0])
@pytest.mark.parametrize(("end", "loss"), [("SOFTMAX", "auto"), ("LOGISTIC", "auto"), ("", "cross-entropy")])
def test_the_device_refuses_targets_outside_0_to_1_before_it_changes_a_weight(end: str, loss: str, bad: float) -> None:
    trainer = open_trainer(convert(network((5, 3), end), tt.TrainingConfig(loss=loss)))
    before = [values.copy() for _, values in trainer.parameters()]
    y = np.zeros((1, 15), np.float32)
    y[0, 14] = bad
    *_, done, status = trainer.train(inputs()[:1], y, np.zeros(1, np.uint32))
    assert (done, status) == (0, 13)
    *_, done, status = trainer.train(inputs()[:1], np.array([0], np.int32), np.zeros(1, np.uint32))
    assert (done, status) == (0, 13)  # one class for five rows
    assert all(np.array_equal(a, b) for a, (_, b) in zip(before, trainer.parameters()))


def test_all_labels_right_is_an_accuracy_of_one() -> None:
    trainer = tt.Trainer(tt.convert(network((40,), "LOGISTIC")))
    p = trainer.predict(inputs())
    result = trainer.evaluate(inputs(), (p > 0.5).astype(int))
    assert result["accuracy"] == 1.0 and trainer.metric((p > 0.5).astype(int)) == "binary-accuracy"


def test_softmax_rows_that_are_no_distribution_weigh_as_their_sum_and_are_said() -> None:
    """Zeros leave a row out; the gradient is the derivative of Keras' loss."""
    shape, x = (5, 3), inputs()
    y = np.zeros((SAMPLES, *shape))
    y[:, 0], y[:, 1] = [1, 1, 0], [0, 0, 1]
    check_gradient(network(shape, "SOFTMAX"), "cross-entropy", "SOFTMAX", x[0], y[0], shape)
    trainer = tt.Trainer(tt.convert(network(shape, "SOFTMAX")))
    with pytest.warns(tt.DataWarning, match="^6 of 30 label rows of y do not sum to 1"):
        trainer.evaluate(x, y)


def test_rows_of_one_have_no_softmax() -> None:
    with pytest.raises(ConversionError, match="needs two classes or more along the last axis"):
        tt.convert(network((2, 3, 1)), tt.TrainingConfig(loss="cross-entropy"))


def test_the_row_is_the_only_axis_that_is_longer_than_one() -> None:
    assert [int(tt.convert(network(s)).plan.defaults["classes"]) for s in ((4, 1, 1), (1, 4), (3, 4), (1,))] == [
        4, 4, 4, 1,
    ]  # fmt: skip


def test_a_map_is_learned() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4, 4, 2)).astype(np.float32)
    y = (x[..., 0] > 0) + 2 * (x[..., 1] > 0)
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), layers.Conv2D(8, 1, activation="relu"), layers.Conv2D(4, 1, activation="softmax")]
    )
    history = tt.Trainer(tt.convert(model, tt.TrainingConfig(learning_rate=0.2))).fit(x, y, epochs=15, verbose=0)
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0] and history.history["accuracy"][-1] > 0.95
