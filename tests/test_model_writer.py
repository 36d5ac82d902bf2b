"""Plans and weights into files."""

from __future__ import annotations

import models
import numpy as np
import pytest
from model_compare import differences
from stock_runtimes import RUNTIMES
from tflm_train.converters.edits import add_missing_biases, unshare_constants
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.fingerprint import fingerprint, weights_crc
from tflm_train.converters.flatbuffer import buffer_bytes, dump, load, schema
from tflm_train.converters.model_writer import add_plan, read_plan, strip_plan, write_parameters
from tflm_train.converters.plan_format import PARAMETER, SECTION_DTYPES, Plan, SectionKind, decode, encode

PLAN = bytes(range(256)) * 5


def plan_for(model, tensors) -> bytes:
    """A plan that has parameters and nothing else."""
    sections = {kind: np.zeros(0, dtype) for kind, dtype in SECTION_DTYPES.items()}
    sections[SectionKind.PARAMETERS] = np.zeros(len(tensors), PARAMETER)
    sections[SectionKind.PARAMETERS]["tensor"] = tensors
    plan = Plan(fingerprint=fingerprint(model, tensors), weights_crc=weights_crc(model, tensors))
    plan.sections.update(sections)
    return encode(plan)


# Plans


@pytest.mark.parametrize("name", models.BUILDERS)
def test_a_plan_adds_one_metadata_entry_and_one_buffer(name):
    before = load(models.tflite(name))
    after = load(add_plan(before, PLAN))
    assert after.metadata[-1].name == b"TFLM_TRAIN" and buffer_bytes(after, after.metadata[-1].buffer) == PLAN
    after.metadata.pop(), after.buffers.pop()
    assert differences(before, after) == []
    assert differences(before, load(models.tflite(name))) == [], "the given model was changed"


def test_a_plan_is_replaced_in_place():
    once = add_plan(load(models.tflite("mlp")), PLAN)
    twice = add_plan(load(once), b"other plan")
    assert read_plan(twice) == b"other plan"
    assert len(load(twice).metadata) == len(load(once).metadata) and len(load(twice).buffers) == len(load(once).buffers)
    assert add_plan(load(twice), PLAN) == once


def test_a_plan_whose_buffer_a_tensor_shares_leaves_that_buffer_alone():
    model = load(add_plan(load(models.tflite("mlp")), PLAN))
    weights = model.subgraphs[0].tensors[1]
    content = buffer_bytes(model, weights.buffer)
    model.metadata[-1].buffer = weights.buffer
    after = load(add_plan(model, b"other plan"))
    assert buffer_bytes(after, after.subgraphs[0].tensors[1].buffer) == content
    assert read_plan(dump(after)) == b"other plan"


def test_files_without_metadata():
    model = load(models.tflite("mlp"))
    model.metadata = None
    data = dump(model)
    assert read_plan(data) is None and strip_plan(data) == data
    augmented = add_plan(load(data), PLAN)
    assert read_plan(augmented) == PLAN and strip_plan(augmented) == data


@pytest.mark.parametrize("name", models.BUILDERS)
def test_stripping_gives_the_file_before_the_plan(name):
    plain = dump(load(models.tflite(name)))
    assert strip_plan(add_plan(load(plain), PLAN)) == plain


def test_stripping_keeps_the_indices_of_later_buffers():
    model = load(add_plan(load(models.tflite("mlp")), PLAN))
    extra = schema.MetadataT()
    extra.name, extra.buffer = b"later", len(model.buffers)
    model.metadata.append(extra)
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.arange(7, dtype=np.uint8)
    stripped = load(strip_plan(dump(model)))
    entry = stripped.metadata[-1]
    assert entry.name == b"later" and buffer_bytes(stripped, entry.buffer) == bytes(range(7))
    assert read_plan(dump(stripped)) is None


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("biases", models.BIASES)
@pytest.mark.parametrize("name", models.BUILDERS)
def test_conversion_changes_no_output_bit(name, biases, runtime):
    """All that conversion does to a file: un-sharing, added biases, aligned buffers, a plan."""
    model = load(models.tflite(name, biases))
    operators = range(len(model.subgraphs[0].operators))
    edits = unshare_constants(model, operators) + add_missing_biases(model, operators)
    assert edits or biases == "random" or (name, biases) == ("cnn", "equal")
    assert models.changed_outputs(runtime, name, biases, add_plan(model, PLAN)) == 0


# Weights


def trained_values(model, tensors, seed=0):
    rng = np.random.default_rng(seed)
    return [(t, rng.normal(size=tuple(model.subgraphs[0].tensors[t].shape)).astype(np.float32)) for t in tensors]


def parameter_tensors(model) -> list[int]:
    return [int(t) for op in model.subgraphs[0].operators[:2] for t in op.inputs[1:]]


def test_written_weights_stay_trainable():
    plain = load(models.tflite("mlp"))
    tensors = parameter_tensors(plain)
    data = add_plan(plain, plan_for(plain, tensors))
    values = trained_values(plain, tensors)
    after_data = write_parameters(data, values[1:3])
    before, after = load(data), load(after_data)
    plan = decode(read_plan(after_data))
    assert plan.weights_crc == weights_crc(after, tensors) != decode(read_plan(data)).weights_crc
    assert plan.fingerprint == fingerprint(after, tensors) == decode(read_plan(data)).fingerprint
    assert len(after_data) == len(data)
    changed = {after.subgraphs[0].tensors[t].buffer for t, _ in values[1:3]} | {after.metadata[-1].buffer}
    assert {d.split(":")[0] for d in differences(before, after)} == {f"model.buffers[{i}].data" for i in changed}
    for t, value in values[1:3]:
        assert buffer_bytes(after, after.subgraphs[0].tensors[t].buffer) == value.tobytes()


def test_only_the_checksum_of_the_weights_changes_in_the_plan():
    plain = load(models.tflite("mlp"))
    tensors = parameter_tensors(plain)
    data = add_plan(plain, plan_for(plain, tensors))
    before, after = read_plan(data), read_plan(write_parameters(data, trained_values(plain, tensors)))
    assert before != after
    assert before[:12] + before[16:] == after[:12] + after[16:]


def test_writing_the_stored_values_changes_nothing():
    plain = load(models.tflite("mlp"))
    tensors = parameter_tensors(plain)
    data = add_plan(plain, plan_for(plain, tensors))
    stored = [
        (t, np.frombuffer(buffer_bytes(plain, plain.subgraphs[0].tensors[t].buffer), np.float32)) for t in tensors
    ]
    assert write_parameters(data, stored) == data


def test_weights_go_into_files_without_a_plan():
    data = models.tflite("mlp")
    values = trained_values(load(data), parameter_tensors(load(data)))
    assert models.changed_outputs("litert", "mlp", "random", write_parameters(data, values)) > 0


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        (999, np.zeros(12, np.float32), "tensor 999 does not exist"),
        (-1, np.zeros(12, np.float32), "tensor -1 does not exist"),
        (None, np.zeros(3, np.float32), "are 3 of type float32; it holds"),
        (None, np.zeros((12, 16), np.float64), "of type float64"),
        (None, np.zeros((12, 32), np.int16), "of type int16"),
    ],
)
def test_values_that_do_not_fit_are_refused(tensor, value, message):
    model = load(models.tflite("mlp"))
    weights = int(model.subgraphs[0].operators[0].inputs[1])
    with pytest.raises(ConversionError, match=message):
        write_parameters(models.tflite("mlp"), [(weights if tensor is None else tensor, value)])


def test_a_tensor_cannot_be_written_twice():
    model = load(models.tflite("mlp"))
    (value,) = trained_values(model, parameter_tensors(model)[:1])
    with pytest.raises(ConversionError, match="shares its memory"):
        write_parameters(models.tflite("mlp"), [value, value])
