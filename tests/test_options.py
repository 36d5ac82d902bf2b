"""The table of training options: one verdict in Python and on the device, and messages that say what to give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import networks
import numpy as np
import pytest
from tflm_train.converters.options import DEVICE_OPTIONS, OPTIONS, SELECTORS, checked

import tflm_train as tt
from tflm_train import _native
from tflm_train.cli import main
from tflm_train.sizes import native_arena_bytes

TINY, HUGE = float(np.finfo(np.float32).smallest_subnormal), float(np.finfo(np.float32).max)
NUMBERS = [
    *(sign * value for value in (0.0, 1e-50, 1e-46, TINY / 2, TINY, 1e-39, 1e-7, 0.1, 0.5) for sign in (1, -1)),
    *(float(np.nextafter(np.float32(bound), np.float32(side))) for bound in (0.1, 0.9, 1.0) for side in (-2, 2)),
    *(0.1 + 1e-12, 0.9 - 1e-12, 0.9, 1 - 1e-12, 1.0, 1 + 1e-12, 1 + 1e-7, 2.0, HUGE, 1.0001 * HUGE, 1e39, 1e308),
    *(float("inf"), float("-inf"), float("nan")),
]
COUNTS = [0, 1, 2, 255, 65535, 65536, 2**31, 2**32 - 1]
NUMBER_OPTIONS = [name for name, option in DEVICE_OPTIONS.items() if option.code == "<f4"]


def _cases() -> Iterator[tuple[str, Any]]:
    yield from ((name, value) for name in NUMBER_OPTIONS for value in NUMBERS)
    yield from (("accumulate", value) for value in COUNTS)


def test_python_and_the_device_have_one_verdict() -> None:
    """Each value goes through both checks, beside the other options' defaults; the device gets it unchecked."""
    model = tt.convert(networks.mlp(), tt.TrainingConfig(selector="tinyprop", accumulate=2))
    trainer = _native.NativeTrainer(model.data, native_arena_bytes(model.plan))
    current, refused = tt.Trainer(model).options, 0
    for name, value in _cases():
        try:
            trainer.set_options(**{name: value})
            on_device = True
        except _native.NativeError:
            on_device = False
        try:
            checked({**current, name: value})
            in_python = True
        except tt.UserError:
            in_python = False
        assert in_python == on_device, f"{name}={value!r}: Python says {in_python}, the device {on_device}"
        refused += not on_device
        trainer.set_options(**{name: current[name] for name in (*NUMBER_OPTIONS, "accumulate")})
    assert 50 < refused < len(list(_cases())) - 50


@pytest.mark.parametrize(("name", "value"), [*_cases()], ids=str)
def test_a_file_that_convert_writes_starts_on_the_device(name: str, value: Any) -> None:
    owner = {policy.field(): policy.word for policy in OPTIONS[name].policies[:1]}
    try:
        config = tt.TrainingConfig(**{**owner, name: value})
    except tt.UserError as error:
        assert name in str(error) or "s_max" in str(error)
        return
    assert tt.Trainer(tt.convert(networks.mlp(sizes=(4, 3, 2)), config)).options[name] == np.float32(value)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
@pytest.mark.parametrize("value", [None, object, {}, 1j, b"x", [None], [1.5], "a", 2, 2.0, True, [], np.nan], ids=repr)
def test_no_type_raises_anything_but_a_user_error(option: Any, value: Any) -> None:
    try:
        kept = option.check(value)
    except tt.UserError as error:
        assert f"{option.name}=" in str(error) and option.rule in str(error)
        with pytest.raises(tt.UserError):
            tt.TrainingConfig(**{option.name: value})
    else:
        assert type(kept) in (bool, int, float, str, tuple)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("learning_rate", np.float32(0.5), 0.5),
        ("learning_rate", np.int64(1), 1.0),
        ("learning_rate", np.float16(0.25), 0.25),
        ("accumulate", np.int32(3), 3),
        ("seed", np.uint64(4), 4),
        ("zero_skip", np.bool_(False), False),
        ("loss", np.str_("mse"), "mse"),
        ("layers", np.array([0, 3]), (0, 3)),
    ],
    ids=str,
)
def test_numpy_scalars_are_taken(name: str, value: Any, kept: Any) -> None:
    stored = getattr(tt.TrainingConfig(**{name: value}), name)
    assert stored == kept and type(stored) is type(kept)


def test_a_switch_is_no_bit_field() -> None:
    """``zero_skip=2`` used to set the neighbouring flag, output_sparse."""
    with pytest.raises(tt.UserError, match="zero_skip=2 .* True or False"):
        tt.TrainingConfig(zero_skip=2)  # type: ignore[arg-type]


IDLE = [
    ("dense", "ratio", 0.2),
    ("tinyprop", "ratio", 0.2),
    ("dense", "output_sparse", True),
    *(
        (selector, name, 0.5)
        for selector in ("dense", "static-topk")
        for name in ("s_min", "s_max", "damping", "decay")
    ),
]


@pytest.mark.parametrize(("selector", "name", "value"), IDLE)
def test_an_option_without_effect_is_refused(mlp_model, selector: str, name: str, value: Any) -> None:
    words = f"{name} .*no effect with selector {selector}"
    with pytest.raises(tt.UserError, match=words):
        tt.TrainingConfig(selector=selector, **{name: value})
    trainer = tt.Trainer(mlp_model)
    trainer.set_options(selector=selector)
    before = trainer.options
    with pytest.raises(tt.UserError, match=words):
        trainer.set_options(**{name: value})
    assert trainer.options == before


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_configuration_moves_to_another_selector(selector: str) -> None:
    moved = tt.TrainingConfig.paper(damping=0.3, learning_rate=0.5).with_policies(selector=selector)
    assert (moved.selector, moved.learning_rate) == (selector, 0.5)
    assert moved.damping == (0.3 if selector == "tinyprop" else 0.9)
    assert moved.output_sparse == (selector != "dense")


@pytest.mark.parametrize("command", ["convert", "train"])
def test_on_the_command_line_even_a_default_is_refused_without_its_selector(folder, tmp_path, capsys, command) -> None:
    source = {"convert": "plain.tflite", "train": "model.tflite"}[command]
    arguments = [command, str(folder / source), "-o", str(tmp_path / "o.tflite"), "--ratio", "0.1"]
    arguments += ["--data", str(folder / "data.npz")] if command == "train" else []
    assert main(arguments) == 2
    out = capsys.readouterr()
    assert out.out == "" and "--ratio" in out.err and "static-topk" in out.err
    assert not (tmp_path / "o.tflite").exists()


def test_a_ratio_of_less_than_one_element_is_said(folder, tmp_path, capsys) -> None:
    arguments = ["convert", folder / "plain.tflite", "-o", tmp_path / "o.tflite", "--selector", "static-topk"]
    assert main([*map(str, arguments), "--ratio", "0.01"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note:")]
    assert len(said) == 1, "the output layer is dense: it selects nothing"
    assert "fully_connected_0" in said[0] and "32 elements" in said[0] and "one is kept" in said[0]
    assert main([*map(str, arguments), "--ratio", "0.04"]) == 0
    assert "note:" not in capsys.readouterr().out


def test_the_table_is_complete() -> None:
    """Each option of ``TrainingConfig`` has its line, its default and its word in the docstring."""
    assert [field.name for field in fields(tt.TrainingConfig)] == list(OPTIONS)
    documented = tt.TrainingConfig.__doc__ or ""
    assert all(name in documented for name in OPTIONS)
    assert tt.TrainingConfig() == tt.TrainingConfig(**{name: option.default for name, option in OPTIONS.items()})
    assert list(DEVICE_OPTIONS) == list(tt.Trainer(tt.convert(networks.mlp())).options)
    for option in OPTIONS.values():
        kinds = {policy.field() for policy in option.policies}
        assert kinds <= set(OPTIONS), option.name
