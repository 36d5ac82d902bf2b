"""Un-sharing of constants and missing biases: only what is reported changes, and no output bit."""

from __future__ import annotations

import models
import numpy as np
import pytest
from model_compare import differences
from tflite_builder import ModelBuilder
from tflm_train.converters.edits import add_missing_biases, unshare_constants
from tflm_train.converters.flatbuffer import buffer_bytes, builtin_name, dump, load, schema
from tflm_train.converters.model_reader import read_graph

PARAMETER_OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def parameters_of(model, operators=None):
    """(operator, position, tensor, buffer) of all weights and biases."""
    graph = model.subgraphs[0]
    found = []
    for i, op in enumerate(graph.operators):
        if builtin_name(model, op) in PARAMETER_OPERATORS and (operators is None or i in operators):
            found += [
                (i, p, int(t), graph.tensors[t].buffer) for p, t in enumerate(op.inputs) if p in (1, 2) and t >= 0
            ]
    return found


def all_operators(model):
    return set(range(len(model.subgraphs[0].operators)))


def two_layers(share: str):
    """Two FULLY_CONNECTED layers whose biases share a tensor, a buffer, or nothing."""
    b = ModelBuilder()
    b.model.description = "two layers"
    x = b.dense(b.input(1, 4), np.eye(4), np.full(4, 0.5), "RELU")
    y = b.dense(x, 2 * np.eye(4), np.full(4, 0.5))
    if share == "tensor":
        b.graph.operators[1].inputs[2] = b.graph.operators[0].inputs[2]
    if share == "buffer":
        bias = b.graph.operators[1].inputs[2]
        b.graph.tensors[bias].buffer = b.graph.tensors[b.graph.operators[0].inputs[2]].buffer
    return load(b.finish(y))


@pytest.mark.parametrize("share", ["tensor", "buffer"])
@pytest.mark.parametrize("trained", [{0}, {1}, {0, 1}])
def test_each_use_of_a_trained_constant_gets_its_own_memory(share, trained):
    model = two_layers(share)
    before = load(dump(model))
    edits = unshare_constants(model, trained)
    first, second = (model.subgraphs[0].operators[i].inputs[2] for i in (0, 1))
    tensors = model.subgraphs[0].tensors
    assert first != second and tensors[first].buffer != tensors[second].buffer
    assert buffer_bytes(model, tensors[first].buffer) == buffer_bytes(model, tensors[second].buffer)
    assert edits == [
        "layer fully_connected_1: its bias shared memory with a constant of layer fully_connected_0 and now has "
        "its own copy"
    ]
    # The first use keeps tensor and buffer; the copy is appended.
    assert first == before.subgraphs[0].operators[0].inputs[2]
    expected = {"model.buffers": 1, "model.subgraphs[0].tensors": 1, "model.subgraphs[0].operators[1].inputs": 1}
    if share == "buffer":
        expected = {"model.buffers": 1, f"model.subgraphs[0].tensors[{second}].buffer": 1}
    assert {d.split(":")[0]: 1 for d in differences(before, model)} == expected


@pytest.mark.parametrize("share", ["tensor", "buffer", "nothing"])
def test_constants_of_frozen_layers_stay_shared(share):
    model = two_layers(share)
    before = load(dump(model))
    assert unshare_constants(model, set()) == []
    assert differences(before, model) == []


def test_a_constant_that_a_layer_without_parameters_uses_too():
    b = ModelBuilder()
    shared = b.constant(np.full(4, 0.5))
    x = b.dense(b.input(1, 4), np.eye(4), np.zeros(4))
    b.graph.operators[0].inputs[2] = shared
    model = load(b.finish(b.op("ADD", [x, shared], (1, 4))))
    assert unshare_constants(model, {1}) == []
    edits = unshare_constants(model, {0, 1})
    assert edits == [
        "layer add_1: its input 1 shared memory with a constant of layer fully_connected_0 and now has its own copy"
    ]
    assert model.subgraphs[0].operators[0].inputs[2] == shared and model.subgraphs[0].operators[1].inputs[1] != shared


def test_one_operator_that_uses_a_constant_twice():
    b = ModelBuilder()
    x = b.dense(b.input(1, 1), np.ones((1, 1)), np.ones(1))
    weights, bias = b.graph.operators[0].inputs[1:]
    b.graph.tensors[bias].buffer = b.graph.tensors[weights].buffer
    model = load(b.finish(x))
    assert len(unshare_constants(model, {0})) == 1
    assert len({buffer for _, _, _, buffer in parameters_of(model)}) == 2


def test_a_parameter_that_metadata_refers_to_is_copied():
    model = two_layers("nothing")
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"notes", parameters_of(model)[0][3]
    model.metadata = [entry]
    assert unshare_constants(model, {0, 1}) == [
        "layer fully_connected_0: its weights shared memory with the file's outputs or metadata and now has its "
        "own copy"
    ]
    assert entry.buffer not in [buffer for _, _, _, buffer in parameters_of(model)]


@pytest.mark.parametrize(("kind", "channels"), [("dense", 3), ("conv", 3), ("depthwise", 4)])
@pytest.mark.parametrize("form", ["-1", "absent"])
def test_missing_biases_become_zeros(kind, channels, form):
    b = ModelBuilder()
    if kind == "dense":
        y = b.dense(b.input(1, 2), np.ones((3, 2)), None)
    else:
        w = np.ones((3, 2, 2, 2)) if kind == "conv" else np.ones((1, 2, 2, 4))
        y = b.conv(b.input(1, 4, 4, 2), w, None, multiplier=2 if kind == "depthwise" else 0)
    if form == "absent":
        b.graph.operators[0].inputs = b.graph.operators[0].inputs[:2]
    model = load(b.finish(y))
    name = read_graph(model, "m").layer_name(read_graph(model, "m").operators[0])
    assert add_missing_biases(model, {0}) == [f"layer {name}: a bias of {channels} zeros was added"]
    graph = read_graph(load(dump(model)), "m")
    bias = graph.tensors[graph.operators[0].inputs[2]]
    assert bias.data.tolist() == [0.0] * channels and bias.dtype == "float32" and bias.name == f"{name}/bias"
    assert add_missing_biases(model, {0}) == []


def test_biases_are_added_where_asked_only():
    model = load(models.tflite("mlp", "zero"))
    before = load(models.tflite("mlp", "zero"))
    assert len(add_missing_biases(model, {1})) == 1
    changed = {d.split(":")[0] for d in differences(before, model)}
    assert changed == {"model.buffers", "model.subgraphs[0].tensors", "model.subgraphs[0].operators[1].inputs"}


@pytest.mark.parametrize("biases", models.BIASES)
@pytest.mark.parametrize("name", models.BUILDERS)
def test_exported_models_all_else_stays_equal(name, biases):
    """Both edits on a whole model: every other operator, tensor, buffer, signature and metadata entry is kept."""
    before = load(models.tflite(name, biases))
    model = load(models.tflite(name, biases))
    trained = all_operators(model)
    edits = unshare_constants(model, trained) + add_missing_biases(model, trained)
    graph, old = model.subgraphs[0], before.subgraphs[0]
    read_graph(model, name)

    uses = parameters_of(model)
    assert len({buffer for *_, buffer in uses}) == len({tensor for *_, tensor, _ in uses}) == len(uses)
    weighted = [i for i, op in enumerate(graph.operators) if builtin_name(model, op) in PARAMETER_OPERATORS]
    assert all(graph.operators[i].inputs[2] >= 0 for i in weighted)

    added_tensors, added_buffers = len(graph.tensors) - len(old.tensors), len(model.buffers) - len(before.buffers)
    assert len(edits) == added_buffers >= added_tensors
    for i in (i for i, *_, t, _ in uses if t >= len(old.tensors)):
        layer = graph.tensors[graph.operators[i].outputs[0]].name.decode().split(";")[0]
        assert any(layer in edit for edit in edits)

    # Undo the edits by hand: what is left must be the input, field by field.
    graph.tensors, model.buffers = graph.tensors[: len(old.tensors)], model.buffers[: len(before.buffers)]
    for op, old_op in zip(graph.operators, old.operators):
        kept = [t for t in op.inputs[: len(old_op.inputs)]]
        for position, t in enumerate(kept):
            if t >= len(old.tensors):
                assert position in (1, 2)
                op.inputs = op.inputs.copy()
                op.inputs[position] = old_op.inputs[position]
        op.inputs = op.inputs[: len(old_op.inputs)]
    for tensor, old_tensor in zip(graph.tensors, old.tensors):
        if tensor.buffer >= len(before.buffers):
            tensor.buffer = old_tensor.buffer
    assert differences(before, model) == []
