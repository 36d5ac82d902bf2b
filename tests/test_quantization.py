"""What plans, devices and files keep of integers: their type, their scales, their bytes."""

from __future__ import annotations

import bodies
import networks
import numpy as np
import pytest
from tflm_train.converters import flatbuffer, model_reader
from tflm_train.converters import plan_format as pf
from tflm_train.converters.convert import convert
from tflm_train.converters.graph import Quantization, Tensor
from tflm_train.converters.model_writer import write_parameters
from tflm_train.converters.plan_format import ForwardKind, ProgramKind, ScalarType
from tflm_train.converters.quantization import QuantizationRecords, stated

import tflm_train as tt
from tflm_train.devices.device import stored_values
from tflm_train.sizes import plan_sizes


def tensor(dtype: str, shape: tuple[int, ...], scales, zero_points=0, axis: int = 0) -> Tensor:
    scales = np.atleast_1d(np.asarray(scales, np.float32))
    points = np.broadcast_to(np.asarray(zero_points, np.int64), scales.shape)
    return Tensor(0, "t", shape, dtype, 0, None, Quantization(scales, points, axis))


@pytest.mark.parametrize(
    ("found", "axis"),
    [
        (tensor("int8", (1, 4, 4, 3), 0.5, -128), 0),
        (tensor("int8", (1, 4, 4, 3), 0.5, 127, axis=3), 0),
        (tensor("uint8", (1, 3), 0.5, 255), 0),
        (tensor("int16", (1, 3), 0.5, -32768), 0),
        (tensor("int32", (3,), 0.5), 0),
        (tensor("int8", (8, 3, 3, 2), np.arange(1, 9)), 0),
        (tensor("int8", (1, 3, 3, 8), np.arange(1, 9), axis=3), 3),
        (tensor("int32", (8,), np.arange(1, 9), axis=3), 0),  # as an old converter wrote biases
    ],
)
def test_what_a_plan_states(found: Tensor, axis: int) -> None:
    assert found.quantization is not None
    q = stated(found)
    assert q is not None and q.axis == axis
    assert np.array_equal(q.scales, found.quantization.scales)
    assert np.array_equal(q.zero_points, found.quantization.zero_points)


@pytest.mark.parametrize(
    "found",
    [
        Tensor(0, "t", (3,), "int8", 0),
        tensor("float32", (3,), 0.5),
        tensor("bool", (3,), 0.5),
        tensor("int64", (3,), 0.5),
        tensor("int8", (3,), 0.5, 128),
        tensor("uint8", (3,), 0.5, -1),
        tensor("uint32", (3,), 0.5, 2**31),
        tensor("int8", (3, 2), [1, 2], [0, 1]),
        tensor("int8", (3, 2), [1, 2], axis=0),
        tensor("int8", (3, 2), [1, 2], axis=2),
        tensor("int8", (3, 2), [1, 2], axis=-1),
        tensor("int8", (1, 1, 1, 1, 1, 2), [1, 2], axis=5),  # more dimensions than a plan has
        *(tensor("int8", (3,), scale) for scale in (0, -0.5, np.inf, np.nan)),
        tensor("int8", (2, 3), [1, np.nan]),
    ],
)
def test_what_is_no_quantisation(found: Tensor) -> None:
    assert stated(found) is None


def test_records_are_written_once_and_read_back() -> None:
    words = [7, 8]
    records = QuantizationRecords(words)
    per_tensor = stated(tensor("int8", (3,), 0.1, -5))
    per_channel = stated(tensor("int8", (4, 3), [0.1, 0.2, 0.3], axis=1))
    assert records.index(None, ScalarType.INT8) == pf.NONE_INDEX
    assert records.index(per_tensor, ScalarType.INT8) == 0
    assert records.index(per_channel, ScalarType.INT8) == 1
    assert records.index(stated(tensor("int8", (9,), 0.1, -5)), ScalarType.INT8) == 0
    assert records.index(per_tensor, ScalarType.INT16) == 2  # of another type
    sections = {kind: np.zeros(1, dtype) for kind, dtype in pf.SECTION_DTYPES.items()}
    sections[pf.SectionKind.QUANTIZATION], sections[pf.SectionKind.WORDS] = records.records(), np.array(words, "<u4")
    sections[pf.SectionKind.VALUES] = np.zeros(4, pf.VALUE)
    sections[pf.SectionKind.VALUES]["quantization"] = [0, 1, 2, pf.NONE_INDEX]
    plan = pf.decode(pf.encode(pf.Plan(sections)))
    first, second, _, none = (plan.quantization(value) for value in plan.sections[pf.SectionKind.VALUES])
    assert none is None and first is not None and second is not None and per_channel is not None
    assert (first.scales.tolist(), first.zero_points.tolist(), first.axis) == ([np.float32(0.1)], [-5], 0)
    assert np.array_equal(second.scales, per_channel.scales) and second.axis == 1
    assert second.zero_points.tolist() == [0, 0, 0]


def test_a_body_in_int8_reaches_the_plan_with_its_scales() -> None:
    result = convert(bodies.int8(), tt.TrainingConfig(layers="last:2"))
    plan, graph = result.plan, result.graph
    values = plan.values(plan.program(ProgramKind.TRAIN, ForwardKind.TFLM))
    quantised = [value for value in values if value["tensor"] >= 0 and value["type"] == ScalarType.INT8]
    assert len(quantised) >= 3
    for value in quantised:
        q, stored = plan.quantization(value), graph.tensors[int(value["tensor"])].quantization
        assert q is not None and stored is not None
        assert np.array_equal(q.scales, stored.scales) and np.array_equal(q.zero_points, stored.zero_points)
    floats = values[values["type"] == ScalarType.FLOAT32]
    assert len(floats) and (floats["quantization"] == pf.NONE_INDEX).all()
    assert (plan.parameters["quantization"] == pf.NONE_INDEX).all()
    records = plan.sections[pf.SectionKind.QUANTIZATION]
    assert len(records) == len(np.unique(records))
    named = {int(value["quantization"]) for program in plan.programs for value in plan.values(program)}
    assert named - {pf.NONE_INDEX} == set(range(len(records)))


def test_a_plan_of_floats_has_no_records() -> None:
    plan = tt.convert(networks.mlp()).plan
    assert len(plan.sections[pf.SectionKind.QUANTIZATION]) == 0
    for program in plan.programs:
        assert (plan.values(program)["quantization"] == pf.NONE_INDEX).all()


def test_a_scale_that_is_none_concerns_only_who_runs_the_body() -> None:
    model = flatbuffer.load(bodies.int8())
    graph = model_reader.read_graph(model, "m")
    bad = next(t.index for t in graph.tensors if t.quantization is not None and t.index in graph.producers)
    model.subgraphs[0].tensors[bad].quantization.scale = np.array([np.nan], np.float32)
    plan = tt.convert(flatbuffer.dump(model), tt.TrainingConfig(layers="last:2")).plan
    values = plan.values(plan.program(ProgramKind.TRAIN, ForwardKind.TFLM))
    (value,) = values[values["tensor"] == bad]
    assert value["type"] == ScalarType.INT8 and value["quantization"] == pf.NONE_INDEX


def test_types_have_the_bytes_of_numpys() -> None:
    for kind in ScalarType:
        assert ScalarType.of(kind.dtype.name) is kind
    assert ScalarType.of("bool") is ScalarType.UINT8
    assert [ScalarType.of(name) for name in ("float16", "int64", "string")] == [None] * 3


def test_the_weights_bytes_count_every_plane() -> None:
    plan = tt.convert(networks.mlp(sizes=(8, 6, 4))).plan
    before = plan_sizes(plan, 0)
    assert before.weight_bytes == 4 * (8 * 6 + 6 + 6 * 4 + 4)
    plan.parameters["type"][0] = ScalarType.INT8
    plan.parameters["remainder_offset"][0] = 0
    after = plan_sizes(plan, 0)
    assert after.weight_bytes == before.weight_bytes - 4 * 48 + 2 * 48
    assert after.weight_bytes + after.state_bytes == before.weight_bytes + before.state_bytes


def test_values_for_a_device_have_the_types_that_it_stores() -> None:
    parameters = np.zeros(2, pf.PARAMETER)
    parameters["elements"], parameters["type"] = (4, 3), (ScalarType.INT8, ScalarType.FLOAT32)
    weights, biases = np.arange(4, dtype=np.int8).reshape(2, 2), np.arange(3, dtype=np.float64)
    first, second = stored_values(parameters, [weights, biases], "m")
    assert (first.dtype, second.dtype) == (np.int8, np.float32)
    assert first.tolist() == [0, 1, 2, 3] and second.tolist() == [0, 1, 2]
    for wrong in (weights.astype(np.float32), weights.astype(np.int32), weights.astype(np.uint8)):
        with pytest.raises(tt.DeviceError, match=f"m: the values for parameter 0 are {wrong.dtype}, it holds int8"):
            stored_values(parameters, [wrong, biases], "m")
    for short in ([weights], [weights, biases[:2]], [weights, biases, biases]):
        with pytest.raises(tt.DeviceError, match="do not have the parameters' sizes"):
            stored_values(parameters, short, "m")


def test_integers_are_written_into_the_file_as_its_bytes() -> None:
    data = bodies.int8()
    graph = model_reader.read_graph(flatbuffer.load(data), "m")
    weights = next(t for t in graph.tensors if t.dtype == "int8" and t.data is not None)
    assert weights.data is not None
    changed = (weights.data.astype(np.int16) // 2).astype(np.int8)
    after = model_reader.read_graph(flatbuffer.load(write_parameters(data, [(weights.index, changed)])), "m")
    written = after.tensors[weights.index]
    assert written.data is not None and np.array_equal(written.data, changed)
    assert written.quantization is not None and weights.quantization is not None
    assert np.array_equal(written.quantization.scales, weights.quantization.scales)
    with pytest.raises(tt.ConversionError, match="of type float32; it holds .* bytes of int8"):
        write_parameters(data, [(weights.index, changed.astype(np.float32))])
