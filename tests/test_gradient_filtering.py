"""Gradients of convolutions between patches (gradient filtering) and of the centre tap, against their formulas."""

from __future__ import annotations

from typing import Any

import int8_networks
import networks
import numpy as np
import pytest
import tensorflow as tf
from harness import open_trainer, train
from tf_reference import TensorFlowModel, error_measure
from tflite_builder import ModelBuilder
from tflm_train.converters.convert import Result, convert
from tflm_train.converters.graph import Operator
from tflm_train.converters.macs import PHASES, dense_step_macs, layer_works

import tflm_train as tt
from tflm_train.config import TrainingConfig
from tflm_train.inspection import inspect_report
from tflm_train.plan_config import plan_config

TOLERANCE = 1e-5
MIDDLE = 1  # operator of the convolution that `network` is about


def blocks(v: tf.Tensor, height: int, width: int, rows: int, columns: int) -> tf.Tensor:
    """Sums [rows, columns, channels] over blocks of an image [1, ...], which counts as zero outside."""
    v = v[0, : rows * height, : columns * width]
    v = tf.pad(v, [[0, rows * height - v.shape[0]], [0, columns * width - v.shape[1]], [0, 0]])
    return tf.reduce_sum(tf.reshape(v, (rows, height, columns, width, -1)), (1, 3))


class FilteredModel(TensorFlowModel):
    """One convolution has the gradient of the formulas: sums of the input's patches, means of the error's, all taps of
    the filter in one; divided by the strides where it is normalised."""

    def __init__(self, result: Result, index: int, size: int, normalised: bool = True) -> None:
        super().__init__(result.graph, result.layers)
        self.index, self.size, self.normalised = index, size, normalised

    def _conv(self, op: Operator, x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
        if op.index != self.index:
            return super()._conv(op, x, w, bias)

        @tf.custom_gradient
        def forward(x: tf.Tensor, w: tf.Tensor) -> Any:
            y = super(FilteredModel, self)._conv(op, x, w, None)

            def backward(g: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                size, stride = self.size, (op.options["stride_h"], op.options["stride_w"])
                rows, columns = -(-y.shape[1] // size), -(-y.shape[2] // size)
                window = size * stride[0], size * stride[1]
                means = blocks(g, size, size, rows, columns) / blocks(tf.ones_like(g), size, size, rows, columns)
                means /= stride[0] * stride[1] if self.normalised else 1
                sums = blocks(x, *window, rows, columns)
                if op.type == "CONV_2D":
                    dw = tf.einsum("ijo,ijc->oc", means, sums)[:, None, None]
                    dx = tf.einsum("ijo,oc->ijc", means, tf.reduce_sum(w, (1, 2)))
                else:
                    copies = w.shape[3] // x.shape[3]
                    dw = tf.reduce_sum(means * tf.repeat(sums, copies, 2), (0, 1))[None, None, None]
                    dx = means * tf.reduce_sum(w, (1, 2))
                    dx = tf.reduce_sum(tf.reshape(dx, (rows, columns, x.shape[3], copies)), 3)
                dx = tf.repeat(tf.repeat(dx, window[0], 0), window[1], 1)[: x.shape[1], : x.shape[2]]
                missing = x.shape[1] - dx.shape[0], x.shape[2] - dx.shape[1]
                return tf.pad(dx, [[0, missing[0]], [0, missing[1]], [0, 0]])[None], tf.broadcast_to(dw, w.shape)

            return y, backward

        return forward(x, w) + (0.0 if bias is None else bias)


class CentreModel(FilteredModel):
    """One convolution passes errors and gradients through its centre tap alone."""

    def _conv(self, op: Operator, x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
        if op.index != self.index:
            return super()._conv(op, x, w, bias)
        row, column = (w.shape[1] - 1) // 2, (w.shape[2] - 1) // 2
        centre = np.zeros(w.shape)
        centre[:, row, column] = 1
        exact = TensorFlowModel._conv(self, op, x, w, bias)
        passing = TensorFlowModel._conv(self, op, x, w * centre, bias)
        return passing + tf.stop_gradient(exact - passing)


def network(
    multiplier: int = 0,
    window: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    padding: str = "SAME",
    activation: str = "NONE",
    channels: int = 3,
    dilation: tuple[int, int] = (1, 1),
    size: tuple[int, int] = (9, 8),
) -> bytes:
    """A convolution over `channels` channels between a layer that needs its input error and a dense one."""
    rng, b = (
        np.random.default_rng(list(str((multiplier, window, stride, padding, activation, channels)).encode())),
        (ModelBuilder()),
    )
    x = b.conv(
        b.input(1, *size, 2), rng.normal(size=(channels, 3, 3, 2)) / 4, rng.normal(size=channels), activation="RELU"
    )
    shape = (1, *window, channels * multiplier) if multiplier else (5, *window, channels)
    outputs = shape[3] if multiplier else 5
    w = rng.normal(size=shape) / np.sqrt(np.prod(window) * (1 if multiplier else channels))
    y = b.conv(x, w, rng.normal(size=outputs), stride, padding, dilation, activation, multiplier)
    features = int(np.prod(b.graph.tensors[y].shape))
    flat = b.reshape(y, 1, features)
    dense = b.dense(flat, rng.normal(size=(4, features)) / np.sqrt(features), rng.normal(size=4))
    return b.finish(b.op("SOFTMAX", [dense], (1, 4), beta=1.0))


def config(**options: Any) -> TrainingConfig:
    return TrainingConfig(**{"gradient": f"{MIDDLE}=filter", **options})


def samples(data: bytes, count: int) -> tuple[np.ndarray, np.ndarray]:
    x, labels = networks.samples(data, count)
    return x.astype(np.float32), labels.astype(np.int32)


def gradients(result: Result, x: np.ndarray, label: int, build: str = "release") -> dict[int, np.ndarray]:
    """Of one sample, by tensor."""
    trainer = open_trainer(result, build)
    train(trainer, x[None], np.array([label], np.int32))
    shapes = (result.graph.tensors[t].shape for t in result.plan.parameters["tensor"].tolist())
    return {
        t: np.asarray(g).reshape(shape)
        for t, g, shape in zip(result.plan.parameters["tensor"].tolist(), trainer.gradients(), shapes)
    }


def check(data: bytes, build: str = "release", **options: Any) -> None:
    size, normalised = options.get("filter_size", 2), options.get("stride_normalised", True)
    result = convert(data, config(accumulate=2, **options))
    assert MIDDLE in {int(i) for i in result.plan.layers["operator"]}
    x, labels = samples(data, 1)
    reference = FilteredModel(result, MIDDLE, size, normalised)
    _, wanted = reference.gradients(x[0], int(labels[0]), "cross-entropy")
    for tensor, gradient in gradients(result, x[0], int(labels[0]), build).items():
        assert error_measure(gradient, wanted[tensor]) <= TOLERANCE, result.graph.tensors[tensor].name


GEOMETRIES = [
    ((3, 3), (1, 1), "SAME"),
    ((3, 3), (2, 2), "SAME"),
    ((3, 3), (2, 1), "VALID"),
    ((5, 2), (1, 1), "VALID"),
    ((1, 1), (1, 1), "SAME"),
    ((1, 1), (3, 2), "SAME"),
]


@pytest.mark.parametrize("multiplier", [0, 2])
@pytest.mark.parametrize("activation", ["NONE", "RELU"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("size", [1, 2, 4, 7, 64])
def test_gradients_are_those_of_the_formulas(size, geometry, activation, multiplier):
    check(network(multiplier, *geometry, activation), filter_size=size)


@pytest.mark.parametrize("multiplier", [0, 1])
@pytest.mark.parametrize("activation", ["RELU6", "RELU_N1_TO_1"])
def test_the_plain_build_has_them_too(activation, multiplier):
    check(network(multiplier, stride=(2, 2), activation=activation), "parity")


@pytest.mark.parametrize("channels", [1, 2, 4, 16, 19])
@pytest.mark.parametrize("multiplier", [0, 1, 3])
def test_any_number_of_channels(channels, multiplier):
    check(network(multiplier, channels=channels))


@pytest.mark.parametrize("multiplier", [0, 2])
def test_the_paper_s_form_is_larger_by_the_strides(multiplier):
    check(network(multiplier, stride=(2, 3)), stride_normalised=False)


def test_a_max_pool_behind_the_convolution_is_a_step_of_its_own():
    rng, b = np.random.default_rng(1), ModelBuilder()
    x = b.conv(b.input(1, 12, 12, 2), rng.normal(size=(4, 3, 3, 2)) / 4, rng.normal(size=4), activation="RELU")
    x = b.conv(x, rng.normal(size=(6, 3, 3, 4)) / 6, rng.normal(size=6), activation="RELU")
    x = b.reshape(b.pool("MAX", x, (2, 2), (2, 2)), 1, 216)
    x = b.dense(x, rng.normal(size=(4, 216)) / 15, rng.normal(size=4))
    check(b.finish(b.op("SOFTMAX", [x], (1, 4), beta=1.0)))


@pytest.mark.parametrize("selector", ["dense", "static-topk", "tinyprop"])
@pytest.mark.parametrize("multiplier", [0, 1])
def test_patches_of_one_pixel_under_a_1x1_filter_are_exact_bit_for_bit(multiplier, selector):
    data, trained = network(multiplier, (1, 1), activation="RELU"), []
    x, labels = samples(data, 40)
    for gradient in ("exact", "filter"):
        options = dict(filter_size=1) if gradient == "filter" else {}
        result = convert(data, TrainingConfig(gradient=gradient, selector=selector, layers="1,3", **options))
        trainer = open_trainer(result, "parity")
        losses = train(trainer, x, labels)
        trained.append((losses.tobytes(), [np.asarray(v).tobytes() for _, v in trainer.parameters()]))
    assert trained[0] == trained[1]


@pytest.mark.parametrize("multiplier", [0, 1])
def test_all_patches_selected_are_dense_bit_for_bit(multiplier):
    data, trained = network(multiplier, activation="RELU"), []
    x, labels = samples(data, 40)
    for selector in (dict(selector="dense"), dict(selector="static-topk", ratio=1.0)):
        trainer = open_trainer(convert(data, config(**selector)), "parity")
        train(trainer, x, labels)
        trained.append([np.asarray(v).tobytes() for _, v in trainer.parameters()])
    assert trained[0] == trained[1]


@pytest.mark.parametrize("multiplier,products", [(0, 5 * 3), (2, 6)])
def test_work_is_counted_and_known_beforehand(multiplier, products):
    """Five rows and four columns of patches: for each of them an output with an input, and as much for the error."""
    result = convert(network(multiplier), config())
    x, labels = samples(network(multiplier), 3)
    trainer = open_trainer(result, zero_skip=False)
    train(trainer, x, labels)
    expected, counted = dense_step_macs(result.plan), trainer.counters()
    assert {phase: counted[phase] for phase in PHASES} == {phase: 3 * expected[phase] for phase in PHASES}
    assert expected["update"] == sum(result.plan.parameters["elements"])
    assert layer_works(result.plan)[MIDDLE].macs == dict.fromkeys(("input_error", "weight_gradient"), 20 * products)


@pytest.mark.parametrize("multiplier", [0, 2])
def test_work_of_the_centre_tap(multiplier):
    result = convert(network(multiplier), config(gradient=f"{MIDDLE}=centre-tap"))
    x, labels = samples(network(multiplier), 3)
    trainer = open_trainer(result, zero_skip=False)
    train(trainer, x, labels)
    expected, counted = dense_step_macs(result.plan), trainer.counters()
    assert {phase: counted[phase] for phase in PHASES} == {phase: 3 * expected[phase] for phase in PHASES}
    pairs = 6 if multiplier else 5 * 3
    assert layer_works(result.plan)[MIDDLE].macs["weight_gradient"] == 9 * 8 * pairs
    assert expected["update"] == sum(result.plan.parameters["elements"]) - 8 * pairs  # of nine taps one


def test_a_selector_chooses_among_patches():
    result = convert(network(), config(selector="static-topk", ratio=0.1, layers=[MIDDLE, 3]))
    candidates = 5 * 4 * 5
    assert int(result.plan.layers[0]["candidates"]) == candidates
    x, labels = samples(network(), 1)
    trainer = open_trainer(result)
    train(trainer, x, labels)
    dense_layer = 4 * 9 * 8 * 5
    assert trainer.counters()["weight_gradient"] == candidates // 10 * 3 + dense_layer


@pytest.mark.parametrize("multiplier", [0, 1])
@pytest.mark.parametrize("gradient", ["filter", "centre-tap"])
def test_nothing_but_the_backward_pass_changes(gradient, multiplier):
    data = network(multiplier, activation="RELU")
    x, _ = samples(data, 20)
    exact, other = (open_trainer(convert(data, TrainingConfig(gradient=form))) for form in ("exact", gradient))
    assert exact.predict(x.reshape(20, -1)).tobytes() == other.predict(x.reshape(20, -1)).tobytes()


@pytest.mark.parametrize("multiplier", [0, 2])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 2)])
@pytest.mark.parametrize("stride,padding", [((1, 1), "SAME"), ((2, 2), "SAME"), ((1, 2), "VALID")])
@pytest.mark.parametrize("window", [(3, 3), (5, 2), (4, 4)])
def test_the_centre_tap_has_its_part_of_the_exact_gradient(window, stride, padding, dilation, multiplier):
    if dilation != (1, 1) and (stride != (1, 1) or window != (3, 3)):
        return  # TFLite has no such convolution, or its filter has no centre
    data = network(multiplier, window, stride, padding, "RELU", dilation=dilation, size=(11, 10))
    x, labels = samples(data, 1)
    found = []
    for gradient in ("exact", "centre-tap"):
        result = convert(data, TrainingConfig(gradient=f"{MIDDLE}={gradient}", layers=[MIDDLE, 3], accumulate=2))
        found.append(gradients(result, x[0], int(labels[0])))
    weight = int(result.graph.operators[MIDDLE].inputs[1])
    exact, centre = (each.pop(weight) for each in found)
    row, column = (window[0] - 1) // 2, (window[1] - 1) // 2
    assert error_measure(centre[:, row, column], exact[:, row, column]) <= TOLERANCE
    centre[:, row, column] = 0
    assert not centre.any()
    for tensor in found[0]:
        assert error_measure(found[1][tensor], found[0][tensor]) <= TOLERANCE


@pytest.mark.parametrize("multiplier", [0, 1])
def test_the_error_below_passes_through_the_centre_tap(multiplier):
    """As if the other taps were zero in the backward pass: the frozen convolution of the centre alone, whose error is
    what reaches the layer below."""
    data = network(multiplier, activation="NONE")
    x, labels = samples(data, 1)
    result = convert(data, config(gradient=f"{MIDDLE}=centre-tap", accumulate=2))
    reference = CentreModel(result, MIDDLE, 1)
    _, wanted = reference.gradients(x[0], int(labels[0]), "cross-entropy")
    for tensor, gradient in gradients(result, x[0], int(labels[0])).items():
        assert error_measure(gradient, wanted[tensor]) <= TOLERANCE


@pytest.mark.parametrize("gradient", ["filter:1", "filter:2", "filter:7", "centre-tap"])
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("window", [(3, 3), (1, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_the_same_plan_comes_back(gradient, normalised, window, stride):
    if not normalised and gradient == "centre-tap":
        return
    model = tt.convert(network(0, window, stride), TrainingConfig(gradient=gradient, stride_normalised=normalised))
    assert tt.convert(model.data, plan_config(model.plan)).data == model.data


@pytest.mark.parametrize("gradient", ["filter", "filter:4", "centre-tap"])
def test_training_on_tensorflow_lite_micro_is_the_same(gradient):
    pytest.importorskip("tflite_micro", reason="needs the tflite-micro wheel: pip install --pre 'tflm-train[runtimes]'")
    from test_tflm_wheel import train_with_the_wheel

    for data in (networks.cnn(), networks.separable(size=(25, 5), width=16, blocks=2)):
        result = convert(data, TrainingConfig(gradient=gradient, learning_rate=0.003))
        x, labels = samples(data, 60)
        losses, _, _ = train_with_the_wheel(result, x, labels)
        assert np.max(np.abs(losses - train(open_trainer(result), x, labels))) <= 1e-4


def last_block() -> bytes:
    """The last stage of ResNet-18 for images of 224 x 224: two blocks of two convolutions over 512 channels."""
    b = ModelBuilder()

    def conv(x: int, size: int, inputs: int, stride: int, activation: str = "NONE") -> int:
        w = np.zeros((512, size, size, inputs), np.float32)
        return b.conv(x, w, np.zeros(512), (stride, stride), activation=activation)

    def add(x: int, y: int) -> int:
        return b.op("ADD", [x, y], (1, 7, 7, 512), fusedActivationFunction=1)

    x = b.input(1, 14, 14, 256)
    y = conv(conv(x, 3, 256, 2, "RELU"), 3, 512, 1)
    x = add(y, conv(x, 1, 256, 2))
    x = add(conv(conv(x, 3, 512, 1, "RELU"), 3, 512, 1), x)
    x = b.op("MEAN", [x, b.constant(np.array([1, 2], np.int32))], (1, 512))
    return b.finish(b.dense(x, np.zeros((10, 512)), np.zeros(10)))


@pytest.mark.parametrize("gradient,kilobytes", [("exact", 490), ("filter:2", 112), ("filter:4", 28), ("filter:7", 7)])
def test_saved_bytes_are_those_of_the_paper(gradient, kilobytes):
    """The last four convolutions of ResNet-18, the shortcut not counted: 490.0 KB, with patches of 2 x 2 112.0 KB."""
    data = last_block()
    operators = inspect_report(data)["operators"]
    layers = [op["index"] for op in operators if op["type"] == "CONV_2D" and op["inputs"][1]["shape"][1] == 3]
    content = inspect_report(tt.convert(data, TrainingConfig(gradient=gradient, layers=layers, loss="mse")).data)
    chosen = [content["operators"][index] for index in layers]
    assert sum(op["saved_bytes"] for op in chosen) == kilobytes * 1024
    assert {op["gradient"] for op in chosen} == {gradient}
    if gradient == "filter:2":
        products = [op["macs"]["weight_gradient"] for op in chosen]
        assert products == [4 * 4 * 512 * 256, *[4 * 4 * 512 * 512] * 3]


REFUSED = [
    (dict(gradient="filter:0"), "gradient='filter:0' is out of range"),
    (dict(gradient="sum"), "gradient='sum' is out of range"),
    (dict(gradient="=filter"), "out of range"),
    (dict(gradient="exact", filter_size=4), "filter_size .* has no effect with gradient exact"),
    (dict(gradient="centre-tap", stride_normalised=False), "has no effect with gradient centre-tap"),
    (dict(gradient="filter", filter_size=65), "filter_size=65 is out of range"),
    (dict(gradient="nowhere=filter"), "--gradient nowhere=filter: .* has no such layer"),
    (
        dict(gradient="1=filter", layers="last:1"),
        "layer conv_2d_1 does not train; leave it out, or name it in --layers",
    ),
    (
        dict(gradient="3=filter:2"),
        "layer fully_connected_3 is a FULLY_CONNECTED, and only CONV_2D and DEPTHWISE_CONV_2D",
    ),
]


@pytest.mark.parametrize("options,message", REFUSED, ids=str)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(tt.UserError, match=message):
        tt.convert(network(), TrainingConfig(**options))


def test_layers_without_such_a_gradient_are_refused_by_name():
    dilated = network(dilation=(2, 2))
    with pytest.raises(
        tt.UserError, match="layer conv_2d_1: it is for convolutions without dilation; add conv_2d_1=exac"
    ):
        tt.convert(dilated, TrainingConfig(gradient="filter"))
    tt.convert(dilated, TrainingConfig(gradient="filter,conv_2d_1=exact"))
    with pytest.raises(tt.UserError, match="is for dilated filters with an odd number of taps"):
        tt.convert(network(window=(4, 3), dilation=(2, 2)), TrainingConfig(gradient="centre-tap"))
    int8 = int8_networks.cnn()
    with pytest.raises(tt.UserError, match="is for float32 layers, and this one is int8"):
        tt.convert(int8, TrainingConfig(gradient="filter"))
    rng, b = np.random.default_rng(0), ModelBuilder()
    grouped = b.conv(b.input(1, 6, 6, 4), rng.normal(size=(6, 3, 3, 2)), np.zeros(6))
    with pytest.raises(tt.UserError, match="is for convolutions of one group"):
        tt.convert(b.finish(b.reshape(grouped, 1, 216)), TrainingConfig(gradient="centre-tap", loss="mse"))


def test_without_a_convolution_the_option_has_no_effect():
    assert any("no convolution trains" in note for note in tt.convert(networks.mlp(), config(gradient="filter")).notes)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("multiplier", [0, 2])
def test_update_rules_get_the_same_gradients(multiplier, optimizer):
    """Keras' rules on the gradients of the formulas, over some steps; of the centre tap nothing else changes."""
    data, rate = network(multiplier, activation="RELU"), 1e-3
    x, labels = samples(data, 20)
    result = convert(data, config(optimizer=optimizer, learning_rate=rate))
    trainer = open_trainer(result)
    train(trainer, x, labels)
    reference = FilteredModel(result, MIDDLE, 2)
    variables = reference.variables
    before = {tensor: variable.numpy() for tensor, variable in variables.items()}
    rules = {"momentum": tf.keras.optimizers.SGD(rate, momentum=0.9), "adam": tf.keras.optimizers.Adam(rate)}
    for sample, label in zip(x, labels):
        _, wanted = reference.gradients(sample, int(label), "cross-entropy")
        rules[optimizer].apply_gradients(
            (tf.constant(wanted[tensor].reshape(variable.shape)), variable) for tensor, variable in variables.items()
        )
    for tensor, values in trainer.parameters():
        change = np.asarray(values).ravel() - before[tensor].ravel()
        wanted = (variables[tensor].numpy() - before[tensor]).ravel()
        assert np.linalg.norm(change - wanted) <= 1e-3 * np.linalg.norm(wanted)


@pytest.mark.parametrize("multiplier", [0, 2])
def test_all_taps_but_the_centre_stay_under_a_rule(multiplier):
    data = network(multiplier, activation="RELU")
    x, labels = samples(data, 20)
    result = convert(data, config(gradient=f"{MIDDLE}=centre-tap", optimizer="adam"))
    trainer = open_trainer(result)
    train(trainer, x, labels)
    weight = result.graph.operators[MIDDLE].inputs[1]
    before = result.graph.tensors[weight].data
    after = dict(trainer.parameters())[weight].reshape(before.shape)
    assert (after[:, 1, 1] != before[:, 1, 1]).any()  # of a channel that no ReLU lets through none
    after[:, 1, 1] = before[:, 1, 1]
    assert after.tobytes() == before.tobytes()


def test_the_command_says_which_layers_have_which_gradient(run, tmp_path):
    (tmp_path / "cnn.tflite").write_bytes(networks.cnn())
    command = ("convert", tmp_path / "cnn.tflite", "-o", tmp_path / "out.tflite", "--gradient")
    done = run(*command, "filter,conv_2d_2=centre-tap", "--filter-size", "4")
    assert done.code == 0
    for form, operators in (("filter:4", "0"), ("centre-tap", "2")):
        (line,) = [line for line in done.out.splitlines() if f"gradient {form}" in line]
        assert f"operators {operators} " in line
    refused = run(*command, "nowhere=filter:2")
    assert refused.code == 2 and refused.out == "" and "--gradient nowhere=filter:2" in refused.err
