"""Damaged files end in a documented error or in a model that its device takes: nothing else."""

from __future__ import annotations

import mutated_files
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer

import tflm_train as tt
from tflm_train.inspection import inspect_report

COUNT = 2000


def test_mutated_files() -> None:
    failures: list[str] = []
    counts = mutated_files.run(COUNT, 1, lambda name, data, error: failures.append(f"{name}: {error!r}"))
    print(counts)
    assert not failures, f"{len(failures)} of {COUNT}: {failures[:5]}"
    assert not counts.get("refused by its device"), "convert wrote what it should have refused with a reason"
    assert counts["refused"] > COUNT // 5 and counts["trained"] > COUNT // 10, "mutations are too wild or too tame"


def test_what_the_device_refuses_is_not_written(monkeypatch, tmp_path) -> None:
    """The load at the end of ``convert`` is a net of its own: here a converter at fault writes a loss scale of zero."""
    from tflm_train.converters import plan_builder

    from tflm_train.cli import main

    right = plan_builder.PlanBuilder._defaults

    def wrong(builder: plan_builder.PlanBuilder) -> np.ndarray:
        record = right(builder)
        record["loss_scale"] = 0
        return record

    monkeypatch.setattr(plan_builder.PlanBuilder, "_defaults", wrong)
    (tmp_path / "m.tflite").write_bytes(mutated_files.ORDINARY["mlp"]())
    assert main(["convert", str(tmp_path / "m.tflite"), "-o", str(tmp_path / "out.tflite")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


def _changed(name: str, change) -> bytes:
    model = flatbuffer.load(mutated_files.ORDINARY[name]())
    change(model, model.subgraphs[0])
    return flatbuffer.dump(model)


def _operator(model, graph, kind: str):
    return next(op for op in graph.operators if flatbuffer.builtin_name(model, op) == kind)


def _option(kind: str, name: str, value: object):
    return lambda model, graph: setattr(_operator(model, graph, kind).builtinOptions, name, value)


def _second_input(model, graph) -> None:
    relu = _operator(model, graph, "HARD_SWISH")
    relu.inputs = np.array([*relu.inputs, relu.inputs[0]], np.int32)


def _constant_type(name: str):
    def change(model, graph) -> None:
        tensor = graph.tensors[_operator(model, graph, "SUB").inputs[1]]
        tensor.type = getattr(schema.TensorType, name)

    return change


def _no_outputs(model, graph) -> None:
    graph.operators[-1].outputs = np.zeros(0, np.int32)


def _no_inputs(model, graph) -> None:
    _operator(model, graph, "CONCATENATION").inputs = np.zeros(0, np.int32)


def _longer_input(model, graph) -> None:
    graph.tensors[graph.inputs[0]].shape = np.array([1, 7], np.int32)


_SIGN_BIT = schema.ActivationFunctionType.SIGN_BIT
CASES = [
    ("mlp", _option("SOFTMAX", "beta", 0.0), ["SOFTMAX", "beta"]),
    ("mlp", _option("SOFTMAX", "beta", -1.0), ["SOFTMAX", "beta"]),
    ("mlp", _option("SOFTMAX", "beta", float("nan")), ["SOFTMAX", "beta"]),
    ("mlp", _option("FULLY_CONNECTED", "fusedActivationFunction", _SIGN_BIT), ["FULLY_CONNECTED", "fused activation"]),
    ("cnn", _option("CONV_2D", "fusedActivationFunction", _SIGN_BIT), ["CONV_2D", "fused activation"]),
    ("cnn", _option("CONV_2D", "dilationWFactor", 2**30), ["CONV_2D", "dilations"]),
    ("cnn", _option("CONV_2D", "dilationHFactor", 2**31 - 1), ["CONV_2D", "dilations"]),
    ("branches", _option("LEAKY_RELU", "alpha", float("inf")), ["LEAKY_RELU", "finite"]),
    ("branches", _second_input, ["HARD_SWISH", "2 inputs where it takes 1"]),
    ("branches", _constant_type("UINT32"), ["SUB", "float32"]),
    ("branches", _no_outputs, ["TILE", "no output"]),
    ("branches", _no_inputs, ["CONCATENATION", "no inputs"]),
    ("lookup", _longer_input, ["ADD", "shape [1, 5] where it computes [1, 7]"]),
]


@pytest.mark.parametrize(("name", "change", "words"), CASES, ids=lambda v: "-".join(v) if isinstance(v, list) else None)
def test_refused_with_operator_and_reason(name: str, change, words: list[str]) -> None:
    data = _changed(name, change)
    with pytest.raises(tt.ConversionError) as error:
        tt.convert(data)
    assert all(word in str(error.value) for word in words), str(error.value)
    try:
        inspect_report(data, "m.tflite")  # says as much of it as it can
    except tt.ConversionError:
        pass


def test_a_stride_beyond_the_device_is_refused() -> None:
    """A single position: the output's shape does not depend on the stride."""
    b = ModelBuilder()
    x = b.pool("MAX", b.conv(b.input(1, 4, 4, 2), np.ones((2, 3, 3, 2)), None, (2**29, 1)), (1, 1), (1, 1))
    y = b.dense(b.reshape(x, 1, 8), np.ones((2, 8)), None)
    with pytest.raises(tt.ConversionError, match="CONV_2D is supported only when its strides"):
        tt.convert(b.finish(y))


def test_a_constant_of_complex_numbers_is_refused() -> None:
    b = ModelBuilder()
    x = b.dense(b.input(1, 3), np.ones((3, 3)), None)
    y = b.op("SUB", [x, b.constant(np.ones(6))], (1, 3))
    b.graph.tensors[b.graph.operators[-1].inputs[1]].type = schema.TensorType.COMPLEX64
    b.graph.tensors[b.graph.operators[-1].inputs[1]].shape = np.array([3], np.int32)
    with pytest.raises(tt.ConversionError, match="SUB is supported only when its tensors are float32"):
        tt.convert(b.finish(y))


def test_an_unknown_operator_without_outputs_is_named_by_its_number() -> None:
    b = ModelBuilder()
    x = b.dense(b.input(1, 3), np.ones((3, 3)), None)
    b.op("STABLEHLO_DYNAMIC_SLICE", [x], (1, 3))
    b.graph.operators[-1].outputs = np.zeros(0, np.int32)
    data = b.finish(x)
    names = [operator["name"] for operator in inspect_report(data, "m.tflite")["operators"]]
    assert names == ["fully_connected_0", "STABLEHLO_DYNAMIC_SLICE_1"]
    with pytest.raises(tt.ConversionError, match="STABLEHLO_DYNAMIC_SLICE_1"):
        tt.convert(data)
