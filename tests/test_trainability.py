"""What trains, what is refused and with which words."""

import numpy as np
import pytest
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer, model_reader
from tflm_train.converters.cut import Cut
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.layer_names import layer_names
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.trainability import choose_layers


def graph_of(data: bytes):
    return model_reader.read_graph(flatbuffer.load(data, "m.tflite"), "m.tflite")


def chain() -> bytes:
    """conv (0), pool (1), reshape (2), dense (3), dense (4), softmax (5)"""
    b = ModelBuilder()
    x = b.conv(b.input(1, 4, 4, 1), np.ones((2, 3, 3, 1)), np.zeros(2), activation="RELU")
    x = b.reshape(b.pool("MAX", x, (2, 2), (2, 2)), 1, 8)
    x = b.dense(b.dense(x, np.ones((6, 8)), np.zeros(6), "RELU"), np.ones((3, 6)), np.zeros(3))
    return b.finish(b.op("SOFTMAX", [x], (1, 3), beta=1.0))


@pytest.mark.parametrize(
    "layers,trained",
    [
        ("all", {0, 3, 4}),
        ("last:1", {4}),
        ("last:2", {3, 4}),
        ("last:3", {0, 3, 4}),
        ("0,4", {0, 4}),
        ([3], {3}),
        (["fully_connected_3"], {3}),
    ],
)
def test_layers(layers, trained):
    assert choose_layers(graph_of(chain()), layers).trained == trained


def test_distance_and_output_layer():
    layers = choose_layers(graph_of(chain()), "all")
    assert layers.distance == {0: 2, 3: 1, 4: 0}
    assert layers.output_layers == {4}
    only_first = choose_layers(graph_of(chain()), "0")
    assert only_first.distance == {0: 0}
    assert not only_first.output_layers, "a frozen head stands between this layer and the loss"


def test_distance_takes_the_shortest_branch():
    b = ModelBuilder()
    x = b.dense(b.input(1, 4), np.ones((4, 4)), np.zeros(4))
    long = b.dense(b.dense(x, np.ones((4, 4)), np.zeros(4)), np.ones((4, 4)), np.zeros(4))
    y = b.dense(b.op("ADD", [x, long], (1, 4)), np.ones((2, 4)), np.zeros(2))
    assert choose_layers(graph_of(b.finish(y)), "all").distance == {0: 1, 1: 2, 2: 1, 4: 0}


@pytest.mark.parametrize(
    ("layers", "whole", "only_bias"),
    [
        ("bias", set(), {0, 3, 4}),
        ("bias:2", set(), {3, 4}),
        ("3:bias", set(), {3}),
        (["3:bias", 4], {4}, {3}),
        ("bias,last:1", {4}, {0, 3}),
        ("bias,all", {0, 3, 4}, set()),
        ("last:1,0", {0, 4}, set()),
    ],
)
def test_biases_alone(layers, whole, only_bias):
    chosen = choose_layers(graph_of(chain()), layers)
    assert (chosen.weights, chosen.only_bias, chosen.trained) == (whole, only_bias, whole | only_bias)


def test_below_the_lowest_trained_layer_nothing_is_differentiated():
    layers = choose_layers(graph_of(chain()), "last:1")
    assert layers.differentiated == {4, 5}


@pytest.mark.parametrize(
    "layers,words",
    [
        ("first", ["first", "inspect"]),
        ("last:0", ["last:0"]),
        ("last:x", ["last:x"]),
        ("last:9", ["last:9", "3 operators", "last:3", "all"]),  # a user who counts nine layers expects nine to train
        ("last:²", ["last:²"]),
        ("bias:0", ["bias:0"]),
        ("bias:9", ["bias:9", "3 operators", "bias:3"]),
        ("first:bias", ["first", "inspect"]),
        ("1:bias", ["max_pool_2d_1", "no trainable parameters"]),
        ([-1], ["-1", "0 to 5"]),
        ("1", ["max_pool_2d_1", "no trainable parameters"]),
        ("17", ["17", "0 to 5"]),
        ("fully_conected_3", ["did you mean fully_connected_3?", "inspect"]),
        ([], ["no layer"]),
    ],
)
def test_wrong_layers(layers, words):
    with pytest.raises(ConversionError) as error:
        choose_layers(graph_of(chain()), layers)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert "\n" not in str(error.value)


def with_an_unsupported(kind: str, position: str) -> bytes:
    b = ModelBuilder()
    x = b.input(1, 4)
    if position == "below":
        x = b.op(kind, [x], (1, 4), **({"alpha": -0.5} if kind == "LEAKY_RELU" else {}))
    x = b.dense(x, np.ones((4, 4)), np.zeros(4))
    if position == "above":
        x = b.op(kind, [x], (1, 4), **({"alpha": -0.5} if kind == "LEAKY_RELU" else {}))
    return b.finish(b.dense(x, np.ones((2, 4)), np.zeros(2)))


def test_an_operator_without_gradient_needs_only_its_forward_below():
    assert choose_layers(graph_of(with_an_unsupported("LEAKY_RELU", "below")), "all").trained == {1, 2}
    with pytest.raises(ConversionError) as error:
        choose_layers(graph_of(with_an_unsupported("LEAKY_RELU", "above")), "all")
    for word in ("leaky_relu_1", "LEAKY_RELU", "alpha is not negative", "last:1"):
        assert word in str(error.value)


def test_an_unknown_operator_is_refused_by_name():
    with pytest.raises(ConversionError, match="COS.*not among the supported operators"):
        choose_layers(graph_of(with_an_unsupported("COS", "above")), "all")


def test_an_unknown_operator_below_ends_the_body():
    layers = choose_layers(graph_of(with_an_unsupported("COS", "below")), "all")
    assert layers.trained == {1, 2} and layers.cut == Cut(layers.cut.tensor, 1, True)
    cut = choose_layers(graph_of(with_an_unsupported("COS", "below")), "last:1").cut
    assert cut is not None and cut.first_operator == 2, "as much as possible is body"


def test_all_that_cannot_run_is_named_at_once():
    b = ModelBuilder()
    x = b.dense(b.input(1, 4), np.ones((4, 4)), np.zeros(4))
    x = b.op("COS", [b.op("SIN", [x], (1, 4))], (1, 4))
    with pytest.raises(ConversionError) as error:
        choose_layers(graph_of(b.finish(b.op("COS", [x], (1, 4)))), "all")
    for word in ("3 layers cannot run", "SIN", "(layer sin_1)", "COS", "(layers cos_2, cos_3)"):
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_train():
    b = ModelBuilder()
    with pytest.raises(ConversionError, match="no operator with parameters"):
        choose_layers(graph_of(b.finish(b.op("TANH", [b.input(1, 3)], (1, 3)))), "all")


def test_names_are_unique():
    assert len(set(layer_names(graph_of(chain())))) == 6


def test_every_constraint_says_its_rule():
    for spec in OPERATORS.values():
        for constraint in (*spec.constraints, *spec.backward_constraints):
            assert constraint.__doc__ and "\n" not in constraint.__doc__
