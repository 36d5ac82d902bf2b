"""One operator, one spec: what is generated from the specs is current, and an incomplete spec is an error at import."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder
from tflm_train.converters import flatbuffer, generate, operators, plan_builder
from tflm_train.converters.convert import convert as convert_file
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.model_writer import add_plan
from tflm_train.converters.operators import KERNELS, OPERATORS, kernel_named, table
from tflm_train.converters.operators.dense import FULLY_CONNECTED
from tflm_train.converters.operators.spec import KernelSpec, OperatorSpec, OptionField, Options, Saved, parse_arguments
from tflm_train.converters.plan_format import ProgramKind, Role, ScalarType, SectionKind, encode

from tflm_train import DeviceError, TrainingConfig, convert
from tflm_train.devices.native import NativeDevice
from tflm_train.model import load_model

LIBRARY = Path(__file__).resolve().parents[1] / "micro_kernels" / "src" / "tflm_train"


def test_generated_files_are_current():
    assert not generate.stale(LIBRARY), "run: python -m tflm_train.converters.generate"


def test_a_changed_file_is_stale(tmp_path):
    for name, text in generate.FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text())
    assert not generate.stale(tmp_path)
    changed = tmp_path / "operators" / "arguments.h"
    changed.write_text(changed.read_text().replace("kDx", "kDX", 1))
    assert generate.stale(tmp_path) == [changed]


def test_the_readme_s_table_is_current():
    readme = LIBRARY.parents[2] / "README.md"
    assert not generate.readme_is_stale(readme), "run: python -m tflm_train.converters.generate"


def test_no_error_passes_an_operator_without_backward_step(monkeypatch):
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.op("TANH", [b.dense(b.input(1, 4), rng.normal(size=(3, 4)), np.zeros(3))], (1, 3))
    data = b.finish(b.dense(x, rng.normal(size=(2, 3)), np.zeros(2)))
    spec = OPERATORS["TANH"]
    monkeypatch.setitem(OPERATORS, "TANH", replace(spec, kernel=replace(spec.kernel, backward="")))
    with pytest.raises(ConversionError, match="TANH runs forward only.*--layers last:1"):
        convert(data, TrainingConfig(layers="all", loss="mse"))
    assert len(convert(data, TrainingConfig(layers="last:1", loss="mse")).plan.layers) == 1


def test_a_kernel_saves_values_of_any_type(monkeypatch):
    """A pooled input and a mask of one bit for each element, say, live from their forward to their backward step."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.op("TANH", [b.dense(b.input(1, 4), rng.normal(size=(16, 4)), np.zeros(16))], (1, 16))
    data = b.finish(b.dense(x, rng.normal(size=(2, 16)), np.zeros(2)))
    spec = OPERATORS["TANH"]
    kernel = replace(
        spec.kernel,
        forward="x y! pooled!? mask!?",
        backward="y dy! dx! pooled mask",
        saved={
            "pooled": Saved(ScalarType.FLOAT32, lambda graph, op: (1, 4)),
            "mask": Saved(ScalarType.INT8, lambda graph, op: (graph.tensors[op.outputs[0]].elements // 8,)),
        },
    )
    monkeypatch.setitem(OPERATORS, "TANH", replace(spec, kernel=kernel))
    monkeypatch.setattr(plan_builder, "saving_operators", lambda graph, layers: frozenset({1}))
    plan = convert_file(data, TrainingConfig(loss="mse"), tflm=False).plan
    program = plan.program(ProgramKind.TRAIN)
    values, steps = plan.values(program), plan.steps(program)
    saved = values[values["role"] == Role.SAVED]
    assert saved["type"].tolist() == [ScalarType.FLOAT32, ScalarType.INT8]
    assert saved["bytes"].tolist() == [16, 2]
    last = int(program["forward_count"]) + int(program["backward_count"])
    assert (saved["first_step"] == 1).all() and (saved["last_step"] == last - 1).all()
    forward, backward = (step for step in steps if step["kernel"] == kernel.number)
    assert plan.step_values(forward)[2:] == plan.step_values(backward)[3:]
    infer = plan.values(plan.program(ProgramKind.INFER))
    assert len(infer) and (infer["role"] != Role.SAVED).all()


def test_positions_of_maxima_are_no_ordinary_saved_values():
    """A kernel follows them without a look: who saves something else may not stand in."""
    model = convert(networks.cnn(size=8))
    plan = model.plan
    values = plan.sections[SectionKind.VALUES]
    winners = values["role"] == Role.WINNERS
    assert winners.any() and (values["type"][winners] == ScalarType.UINT8).all()
    for role in (Role.SAVED, Role.ACTIVATION):
        values["role"][winners] = role
        file = add_plan(flatbuffer.load(model.data), encode(plan))
        with pytest.raises(DeviceError, match="contradicts itself"):
            NativeDevice(load_model(file))


def test_a_page_without_a_place_for_the_table():
    with pytest.raises(ValueError, match="the page has no"):
        table.replaced("# Operators")


def test_arguments_are_parsed():
    x, y, argmax = parse_arguments("x y! argmax!?")
    assert (x.name, x.written, x.optional) == ("x", False, False)
    assert (y.name, y.written, y.optional) == ("y", True, False)
    assert (argmax.name, argmax.written, argmax.optional) == ("argmax", True, True)
    assert parse_arguments("y! x*")[1].repeated


@pytest.mark.parametrize("text", ["x x", "x* y!"])
def test_arguments_that_contradict_themselves(text):
    with pytest.raises(ValueError, match="arguments"):
        parse_arguments(text)


def test_every_backward_argument_has_a_meaning():
    with pytest.raises(ValueError, match="dz is no argument"):
        KernelSpec(name="CEIL", number=0, forward="x y!", backward="dy! dz!", words="", macs=None)
    with pytest.raises(ValueError, match="writes .'mask'., it saves .."):
        KernelSpec(name="CEIL", number=0, forward="x y! mask!", backward="", words="", macs=None)
    with pytest.raises(ValueError, match="reads no dy"):
        KernelSpec(name="CEIL", number=0, forward="x y!", backward="dx!", words="", macs=None)


@pytest.mark.parametrize("number, free", [(999, 24), (0, 24)])
def test_a_wrong_number_of_a_kernel_is_told_the_next_free_one(monkeypatch, number, free):
    monkeypatch.setattr(operators, "EXTERNAL", replace(operators.EXTERNAL, number=number))
    with pytest.raises(ValueError, match=f"has number .*: the next free one is {free}$"):
        operators._kernels()


def test_a_spec_without_one_of_its_parts_does_not_import():
    with pytest.raises(TypeError, match="words"):
        KernelSpec(name="CEIL", number=0, forward="x y!", backward="dy! dx!", macs=None)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="its scalars are"):
        Options("PackOptions", (OptionField("axis", 1, 4),))
    with pytest.raises(ValueError, match="no operator of the schema"):
        replace(FULLY_CONNECTED, name="FULLY_CONNECT")
    with pytest.raises(ValueError, match="none of its arguments"):
        replace(FULLY_CONNECTED, shares=("weights",))
    with pytest.raises(ValueError, match="its order names 2 of 3 inputs"):
        replace(FULLY_CONNECTED, order=(1, 0))
    with pytest.raises(ValueError, match="channel axis"):
        replace(FULLY_CONNECTED, channel_axis=None)
    for part in ("shape", "words", "constraints", "keeps_bounds", "limits"):
        parts = {field.name: getattr(FULLY_CONNECTED, field.name) for field in fields(FULLY_CONNECTED)}
        del parts[part]
        with pytest.raises(TypeError, match=part):
            OperatorSpec(**parts)
    with pytest.raises(ValueError, match="no docstring"):
        replace(FULLY_CONNECTED, constraints=(lambda graph, op: True,))


def test_constants_have_the_spec_s_number():
    assert kernel_named("SOFTMAX").named_words([1, 3, 0.5]) == {"rows": 1, "columns": 3, "beta": 0.5}
    assert kernel_named("CONCATENATION").named_words([1, 4, 5]) == {"outer": 1}
    with pytest.raises(ValueError, match="constants"):
        kernel_named("SOFTMAX").named_words([1, 3])


def test_kernels_are_found_by_number():
    assert [kernel.number for kernel in KERNELS] == list(range(len(KERNELS)))
    assert {spec.kernel.name for spec in OPERATORS.values() if spec.kernel} <= {kernel.name for kernel in KERNELS}
