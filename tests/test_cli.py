from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from command_line import assert_refused
from test_schemas import validate
from tflm_train.converters import flatbuffer, model_writer, plan_format

import tflm_train as tt


def test_convert_states_sizes(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    content = run("convert", folder / "plain.tflite", "-o", out, "--selector", "tinyprop", "--json").json
    assert content["trainable_parameters"] == 64 * 32 + 32 + 32 * 10 + 10
    assert content["weight_bytes"] == 4 * content["trainable_parameters"]
    assert content["arena_bytes"]["train"] >= content["arena_bytes"]["infer"] > content["weight_bytes"]
    assert content["output"] == str(out) and tt.load_model(out).plan.parameters.size == 4


def test_convert_writes_the_operators_header(run: Any, folder: Path, tmp_path: Path) -> None:
    header = tmp_path / "operators.h"
    outcome = run("convert", folder / "plain.tflite", "-o", tmp_path / "o.tflite", "--operators-header", header)
    assert outcome.code == 0
    native, tflm = header.read_text().split("class TflmOperators")
    assert "class ModelOperators" in native and "kConv2d" not in native + tflm
    assert all("Add(tflm_train::kFullyConnectedOnePass)" in part for part in (native, tflm))
    assert "kSoftmaxForward" in native and "kSoftmaxForward" not in tflm  # TFLM's own kernel runs it
    assert all("    Add(tflm_train::kSoftmaxCrossEntropyLoss);" in part for part in (native, tflm))


def test_a_plan_of_another_release_is_refused_by_name(run: Any, folder: Path, tmp_path: Path, blobs: tuple) -> None:
    old, new = tmp_path / "old.tflite", tmp_path / "new.tflite"
    trainer = tt.Trainer(tt.convert(folder / "plain.tflite"))
    trainer.fit(*blobs, epochs=1, verbose=0)
    data = trainer.trained_model().data
    start = data.index(plan_format.MAGIC.to_bytes(4, "little"))
    old.write_bytes(data[: start + 4] + (2).to_bytes(2, "little") + data[start + 6 :])
    samples = folder / "data.npz"
    anew = str(old).replace(".tflite", "_trainable.tflite")
    command = ("convert the model again with", f"tflm-train convert {old} -o {anew}`, which keeps its weights")
    for arguments in (
        ("inspect", old),
        ("train", old, "--data", samples),
        ("evaluate", old, "--data", samples, "--runtime", "litert"),
    ):
        assert_refused(run(*arguments), "old.tflite: the training plan has format version 2", *command)
    assert run("convert", old, "-o", new).code == 0
    assert run("inspect", new).code == 0
    before, after = ([value for _, value in t.device.parameters()] for t in (trainer, tt.Trainer(new)))
    assert all(np.array_equal(*pair) for pair in zip(before, after))


def test_options_reach_the_plan(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    arguments = "--layers last:1 --selector static-topk --ratio 0.25 --lr 0.5 --accumulate 4 --seed 9 --no-zero-skip"
    assert run("convert", folder / "plain.tflite", "-o", out, *arguments.split()).code == 0
    defaults = tt.load_model(out).plan.defaults
    assert (defaults["ratio"], defaults["learning_rate"], defaults["accumulate"]) == (0.25, 0.5, 4)
    assert (defaults["seed"], defaults["selector"], defaults["zero_skip"]) == (9, 1, 0)
    assert tt.load_model(out).plan.layers.size == 1


def test_preset_paper(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    assert run("convert", folder / "plain.tflite", "-o", out, "--preset", "paper", "--s-max", "0.8").code == 0
    defaults = tt.load_model(out).plan.defaults
    np.testing.assert_allclose([defaults[k] for k in ("s_min", "s_max", "damping", "decay")], [0.1, 0.8, 0.5, 1.0])


def test_inspect_an_ordinary_file(run: Any, folder: Path) -> None:
    content = run("inspect", folder / "plain.tflite", "--json").json
    assert not content["has_plan"] and content["programs"] == []
    by_type = {op["type"]: op for op in content["operators"]}
    assert by_type["SOFTMAX"]["reason"] == "has no trainable parameters"
    first = content["operators"][0]
    assert first["trainable"] and first["reason"] is None and first["parameters"] == 64 * 32 + 32
    assert first["macs"] == {"forward": 2048, "input_error": 0, "weight_gradient": 2048}


def test_inspect_agrees_with_convert_and_says_what_is_frozen(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tflite"
    converted = run("convert", folder / "plain.tflite", "-o", out, "--layers", "last:1", "--json").json
    content = run("inspect", out, "--json").json
    for key in (
        "arena_bytes",
        "weight_bytes",
        "state_bytes",
        "trainer_bytes",
        "metadata_bytes",
        "trainable_parameters",
    ):
        assert content[key] == converted[key]
    assert content["operators"][0]["reason"] == "frozen: not among the plan's layers"
    assert content["operators"][0]["macs"] == {"forward": 2048, "input_error": 0, "weight_gradient": 0}
    assert [op["trainable"] for op in content["operators"]] == [False, True, False]


def test_inspected_names_choose_layers(run: Any, folder: Path, tmp_path: Path) -> None:
    names = [op["name"] for op in run("inspect", folder / "plain.tflite", "--json").json["operators"]]
    out = tmp_path / "out.tflite"
    assert run("convert", folder / "plain.tflite", "-o", out, "--layers", f"{names[0]},1").code == 0
    assert tt.load_model(out).plan.layers["operator"].tolist() == [0, 1]


def test_train_reports_the_run(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained.tflite"
    data = ("--data", folder / "data.npz")
    content = run("train", folder / "model.tflite", *data, "--epochs", 3, "--seed", 4, "-o", out, "--json").json
    assert (content["samples"], content["epochs"], content["seed"]) == (200, 3, 4)
    assert len(content["loss"]) == 3 and content["loss"][2] < content["loss"][0]
    assert content["accuracy_after"] > content["accuracy_before"]
    assert content["metric"] == "accuracy" and content["evaluated_on"] == "x_test"
    forward, parameters = 64 * 32 + 32 * 10, 64 * 32 + 32 + 32 * 10 + 10
    assert content["dense_macs"] == {
        "forward": 600 * forward,
        "input_error": 600 * 320,
        "weight_gradient": 600 * forward,
        "update": 600 * parameters,
        "selection": 0,
    }
    assert content["macs"]["forward"] == 600 * forward
    assert 0 < content["macs"]["update"] < content["dense_macs"]["update"]
    assert content["updated_fraction"] == pytest.approx(content["macs"]["update"] / (600 * parameters))
    evaluated = run("evaluate", out, *data, "--json").json
    assert evaluated["accuracy"] == content["accuracy_after"] and evaluated["samples"] == 100


@pytest.mark.parametrize("runtime", ["litert", "tflm"])
def test_stock_runtimes_agree_with_the_device(run: Any, folder: Path, tmp_path: Path, runtime: str) -> None:
    out, data = tmp_path / "trained.tflite", ("--data", folder / "data.npz")
    assert run("train", folder / "model.tflite", *data, "-o", out).code == 0
    native = run("evaluate", out, *data, "--json").json
    stock = run("evaluate", out, *data, "--runtime", runtime, "--json").json
    assert stock["runtime"] == runtime
    assert stock["accuracy"] == native["accuracy"]
    assert stock["loss"] == pytest.approx(native["loss"], rel=1e-5)


def test_the_same_seed_gives_the_same_file(run: Any, folder: Path, tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / name
        arguments = ("--data", folder / "data.npz", "--epochs", 2, "--seed", seed, "-o", out)
        assert run("train", folder / "model.tflite", *arguments).code == 0
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_no_shuffle_makes_the_seed_irrelevant(run: Any, folder: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        arguments = ("--data", folder / "data.npz", "--no-shuffle", "--seed", seed, "-o", tmp_path / str(seed))
        assert run("train", folder / "model.tflite", *arguments).code == 0
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_tables_for_people(run: Any, folder: Path, tmp_path: Path) -> None:
    data = ("--data", folder / "data.npz")
    assert "trainable parameters" in run("convert", folder / "plain.tflite", "-o", tmp_path / "o.tflite").out
    assert "FULLY_CONNECTED" in run("inspect", folder / "model.tflite").out
    assert "accuracy after" in run("train", folder / "model.tflite", *data).out
    assert "accuracy" in run("evaluate", folder / "model.tflite", *data).out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("bogus",),
        ("convert",),
        ("convert", "m.tflite"),
        ("inspect",),
        ("inspect", "a", "b"),
        ("train", "m.tflite", "--bogus"),
        ("train", "m.tflite", "--data", "d.npz", "--epochs", "many"),
        ("evaluate", "m.tflite"),
        ("demo", "--seed", "x"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_usage_errors(run: Any, arguments: tuple[str, ...], as_json: bool) -> None:
    assert_refused(run(*arguments, *(["--json"] if as_json and arguments else [])))


OPTION_MISTAKES = [
    ("--selector", "sparse"),
    ("--ratio", "0"),
    ("--ratio", "nan"),
    ("--lr", "-1"),
    ("--lr", "inf"),
    ("--loss", "hinge"),
    ("--accumulate", "0"),
    ("--layers", "last:0"),
    ("--layers", "nowhere"),
    ("--layers", "99"),
    ("--layers", ""),
    ("--seed", "-1"),
    ("--preset", "bogus"),
    ("--s-min", "2"),
]


@pytest.mark.parametrize("mistake", OPTION_MISTAKES)
def test_convert_refuses_and_writes_nothing(run: Any, folder: Path, tmp_path: Path, mistake: tuple[str, str]) -> None:
    out = tmp_path / "out.tflite"
    assert_refused(run("convert", folder / "plain.tflite", "-o", out, *mistake, "--json"))
    assert list(tmp_path.iterdir()) == []


def _damage(source: bytes, kind: str) -> bytes:
    if kind == "truncated":
        return source[: len(source) // 2]
    if kind == "flipped":
        data = bytearray(source)
        data[len(data) // 3 : len(data) // 3 + 8] = b"\xff" * 8
        return bytes(data)
    return {"empty": b"", "foreign": b"PK\x03\x04" + bytes(500)}[kind]


@pytest.mark.parametrize("kind", ["truncated", "empty", "foreign"])
@pytest.mark.parametrize("command", ["convert", "inspect", "train", "evaluate", "evaluate-litert", "evaluate-tflm"])
def test_damaged_models(run: Any, folder: Path, tmp_path: Path, kind: str, command: str) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(_damage((folder / "model.tflite").read_bytes(), kind))
    name, _, runtime = command.partition("-")
    arguments: tuple[object, ...] = ()
    if name in ("train", "evaluate"):
        arguments = ("--data", folder / "data.npz")
    if name in ("convert", "train"):
        arguments += ("-o", tmp_path / "out.tflite")
    if runtime:
        arguments += ("--runtime", runtime)
    assert_refused(run(name, bad, *arguments), "bad.tflite")
    assert not (tmp_path / "out.tflite").exists()


def test_a_model_without_plan_cannot_train(run: Any, folder: Path) -> None:
    outcome = run("train", folder / "plain.tflite", "--data", folder / "data.npz", "--json")
    assert_refused(outcome, "plain.tflite", "tflm-train convert")


def test_a_plan_made_for_another_model(run: Any, folder: Path, tmp_path: Path) -> None:
    other = flatbuffer.load(networks.mlp(sizes=(64, 16, 10)), "other")
    plan = model_writer.read_plan((folder / "model.tflite").read_bytes())
    assert plan is not None
    (tmp_path / "wrong.tflite").write_bytes(model_writer.add_plan(other, plan))
    assert_refused(run("train", tmp_path / "wrong.tflite", "--data", folder / "data.npz"), "wrong.tflite")


@pytest.mark.parametrize("command", ["convert", "inspect", "train", "evaluate"])
def test_missing_files(run: Any, folder: Path, tmp_path: Path, command: str) -> None:
    arguments = {
        "convert": ("-o", tmp_path / "o"),
        "inspect": (),
        "train": ("--data", folder / "data.npz"),
        "evaluate": ("--data", folder / "data.npz"),
    }
    assert_refused(run(command, tmp_path / "none.tflite", *arguments[command], "--json"), "none.tflite")


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        (dict(x=np.zeros((4, 63)), y=[0] * 4), "(4, 63)"),
        (dict(x=np.zeros((4, 64)), y=[0, 1, 10, 2]), "y[2] is 10"),
        (dict(x=np.zeros((4, 64)), y=[0] * 3), "3 labels"),
        (dict(x=np.full((4, 64), np.nan), y=[0] * 4), "256 value(s)"),
        (dict(x=np.zeros((4, 64))), "'y'"),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_unusable_data(run: Any, folder: Path, tmp_path: Path, command: str, arrays: dict[str, Any], word: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    assert_refused(run(command, folder / "model.tflite", "--data", tmp_path / "d.npz", "--json"), word)


@pytest.mark.parametrize(
    ("option", "word"),
    [
        (("--device", "toaster"), "native, native-parity"),
        (("--epochs", "0"), "epochs"),
        (("--lr", "0"), "learning_rate"),
        (("--lr", "best"), "learning_rate='best'"),
        (("--selector", "best"), "selector"),
        (("--seed", "-3"), "seed"),
        (("-o", "/nonexistent/folder/t.tflite"), "/nonexistent/folder"),
    ],
)
def test_train_refuses(run: Any, folder: Path, option: tuple[str, str], word: str) -> None:
    assert_refused(run("train", folder / "model.tflite", "--data", folder / "data.npz", *option), word)


def test_a_selector_that_the_plan_has_no_memory_for(run: Any, folder: Path, tmp_path: Path) -> None:
    dense = tmp_path / "dense.tflite"
    assert run("convert", folder / "plain.tflite", "-o", dense).code == 0
    data = ("--data", folder / "data.npz")
    assert_refused(run("train", dense, *data, "--selector", "tinyprop"), "convert")
    assert run("train", folder / "model.tflite", *data, "--selector", "dense").code == 0


def test_a_learning_rate_is_searched(run: Any, folder: Path) -> None:
    command = ("train", folder / "model.tflite", "--data", folder / "data.npz", "--epochs", "2")
    found = run(*command, "--lr", "auto", "--json").json
    given = run(*command, "--lr", f"{found['learning_rate']:.9g}", "--json").json
    assert found["loss"] == given["loss"] and found["accuracy_after"] == given["accuracy_after"]
    assert sum(found["macs"].values()) > sum(given["macs"].values()) and found["dense_macs"] == given["dense_macs"]
    assert found["forward_passes"] > given["forward_passes"] and found["effort_ratio"] < given["effort_ratio"]
    assert found["learning_rates_tried"] and not given["learning_rates_tried"]
    assert found["learning_rate"] == given["learning_rate"]
    assert "held-back losses:" in " ".join(run(*command, "--lr", "auto").out.split())


def test_a_hopeless_learning_rate_writes_nothing(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.tflite"
    outcome = run("train", folder / "model.tflite", "--data", folder / "data.npz", "--lr", "1e38", "-o", out)
    assert_refused(outcome, "NaN or infinite", "smaller learning rate")
    assert not out.exists()


def test_an_unwritable_output_leaves_nothing(run: Any, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    assert_refused(run("convert", folder / "plain.tflite", "-o", target), "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("runtime", ["native", "litert", "tflm"])
def test_weights_that_are_not_finite(run: Any, folder: Path, tmp_path: Path, runtime: str) -> None:
    model = tt.load_model(folder / "model.tflite")
    values = [(int(p["tensor"]), np.full(int(p["elements"]), np.nan, np.float32)) for p in model.plan.parameters]
    (tmp_path / "nan.tflite").write_bytes(model_writer.write_parameters(model.data, values))
    outcome = run("evaluate", tmp_path / "nan.tflite", "--data", folder / "data.npz", "--runtime", runtime, "--json")
    assert_refused(outcome, "nan.tflite")


def test_unknown_runtime(run: Any, folder: Path) -> None:
    outcome = run("evaluate", folder / "model.tflite", "--data", folder / "data.npz", "--runtime", "onnx")
    assert_refused(outcome, "native, litert, tflm")


@pytest.mark.parametrize(
    ("module", "runtime", "package"),
    [("ai_edge_litert", "litert", "ai-edge-litert"), ("tflite_micro", "tflm", "runtimes")],
)
def test_a_missing_runtime_names_its_package(
    run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, runtime: str, package: str
) -> None:
    for name in [n for n in sys.modules if n == module or n.startswith(module + ".interpreter")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, {"litert": "ai_edge_litert.interpreter", "tflm": "tflite_micro"}[runtime], None)
    outcome = run("evaluate", folder / "model.tflite", "--data", folder / "data.npz", "--runtime", runtime, "--json")
    assert outcome.code == 3 and outcome.out == "" and package in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_a_defect_is_exit_code_1(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("tflm_train.inspection.inspect_report", fail)
    outcome = run("inspect", folder / "model.tflite")
    assert outcome.code == 1 and outcome.out == "" and "ZeroDivisionError" in outcome.err


def test_as_a_process(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "model.tflite", tmp_path / "m.tflite")
    command = [sys.executable, "-m", "tflm_train"]
    good = subprocess.run([*command, "inspect", "m.tflite", "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert good.returncode == 0 and good.stderr == ""
    validate(json.loads(good.stdout))
    bad = subprocess.run([*command, "inspect", "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert (bad.returncode, bad.stdout, len(bad.stderr.splitlines())) == (2, "", 1)
    version = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert version.stdout == f"tflm-train {tt.__version__}\n"
