"""Whatever a user has of a model is read: files, arrays in C, Keras' files; and refused in a sentence."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import networks
import numpy as np
import pytest
from command_line import Outcome, assert_refused
from tflm_train.converters.c_array import c_array, read_c_array
from tflm_train.converters.options import OPTIONS

import tflm_train as tt
from tflm_train.cli import main

DATA = networks.mlp()


def xxd(data: bytes, name: str = "model_tflite") -> str:
    """What `xxd -i model.tflite` prints."""
    rows = [", ".join(f"0x{byte:02x}" for byte in data[i : i + 12]) for i in range(0, len(data), 12)]
    body = ",\n  ".join(rows)
    return f"unsigned char {name}[] = {{\n  {body}\n}};\nunsigned int {name}_len = {len(data)};\n"


def signed(data: bytes) -> str:
    numbers = ",".join(str(byte - 256 if byte > 127 else byte) for byte in data)
    return f"const int8_t g_model[{len(data)}] DATA_ALIGN_ATTRIBUTE = {{{numbers},}};"


FORMS = {
    "xxd": xxd(DATA),
    "ours": c_array(DATA, "model", "a test"),
    "tflm": f'#include "model.h"\n// Keep {{ aligned }}.\nalignas(8) const unsigned char g_model[] = {xxd(DATA)[31:]}',
    "signed": signed(DATA),
    "beside others": "static const int sizes[2] = {1, 2}; /* a[] = {3}; */\n" + xxd(DATA) + "float f[] = {1.5f};",
    "one after a declaration": "extern const unsigned char model_tflite[];\n" + xxd(DATA),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_bytes_come_back(form: str) -> None:
    assert read_c_array(FORMS[form]) == DATA


@pytest.mark.parametrize("suffix", ["cc", "h", "cpp", "c", "HPP"])
def test_c_files_convert_as_the_tflite_does(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model.{suffix}"
    path.write_text(xxd(DATA))
    assert tt.convert(path).data == tt.convert(DATA).data
    path.write_text(c_array(tt.convert(DATA).data, "model", "with a plan"))
    assert tt.Trainer(path).model.data == tt.convert(DATA).data
    with pytest.raises(
        tt.UserError, match=f"convert {re.escape(str(path))} -o {re.escape(str(path.with_suffix('.tflite')))} "
    ):
        tt.Trainer(path).set_options(accumulate=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no array of numbers"),
        ("extern const unsigned char g_model[];\nextern const int g_model_len;", "only declares g_model; give the so"),
        ("const unsigned char image[] = {0x00, 0x01, 0x02};", r"arrays \(image\), but none with the bytes of"),
        (xxd(DATA, "first") + xxd(DATA, "second"), r"holds 2 models \(first, second\); leave one"),
        (xxd(DATA).replace("0x1c", "0x1cc"), "but none with"),
        (xxd(DATA).replace("0x1c", "VALUE"), "but none with"),
    ],
)
def test_sources_without_one_model_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "model.cc").write_text(text)
    with pytest.raises(tt.ConversionError, match=rf"^model.cc [^\n]*{message}"):
        tt.convert(tmp_path / "model.cc")


def test_a_truncated_array_is_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "model.cc").write_text(xxd(DATA[: len(DATA) // 2]))
    with pytest.raises(tt.ConversionError, match="^model.cc is truncated or damaged"):
        tt.convert(tmp_path / "model.cc")


@pytest.mark.parametrize("piece", ["/*", "a[", "a[]={", "a" * 64, "a []\n", "a[]=", " ", "//", "{", "0x"])
def test_reading_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text, start = piece * (size // len(piece)), time.process_time()
        with pytest.raises(ValueError):
            read_c_array(text)
        return time.process_time() - start

    assert seconds(1_600_000) < 16 * max(min(seconds(200_000) for _ in range(3)), 0.02)


def test_inspect_takes_what_convert_takes(run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.cc").write_text(xxd(DATA))
    expected = run("inspect", folder / "plain.tflite", "--json").json
    assert run("inspect", tmp_path / "model.cc", "--json").json == expected | {"model": "model.cc"}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_files_are_inspected_and_evaluated(run, tmp_path: Path, suffix: str) -> None:
    models = pytest.importorskip("models")
    model, path = models.keras_model("mlp", "zero"), tmp_path / f"good{suffix}"
    model.save(path)
    operators = run("inspect", path, "--json").json["operators"]
    # biases of zeros, which the exporter drops, count as Keras counts them
    assert sum(op["parameters"] for op in operators) == model.count_params()
    assert "tflm-train convert" in run("inspect", path).out
    x = models.inputs("mlp", 20)
    y = model.predict(x, verbose=0).argmax(axis=1)
    np.savez(tmp_path / "d.npz", x=x, y=y)
    evaluated = run("evaluate", path, "--data", tmp_path / "d.npz", "--runtime", "litert", "--json").json
    assert evaluated["accuracy"] == 1.0


@pytest.mark.parametrize("name", ["none.h5", "none.cc", "none.tflite"])
def test_files_that_do_not_exist(run, folder: Path, tmp_path: Path, name: str) -> None:
    for words in (("inspect",), ("convert", "-o", tmp_path / "o"), ("train", "--data", folder / "data.npz")):
        outcome = run(words[0], tmp_path / name, *words[1:])
        assert_refused(outcome, f"{name}: cannot be read (No such file or directory); give an existing .tflite")


@pytest.mark.parametrize("name", ["my model.h5", "plain.tflite", "model.cc"])
def test_without_a_plan_the_whole_command_is_printed_and_works(run, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".h5":
        pytest.importorskip("models").keras_model("mlp").save(path)
    else:
        path.write_bytes(xxd(DATA).encode() if name.endswith(".cc") else DATA)
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 64)), y=[0, 1])
    outcome = run("train", path, "--data", tmp_path / "d.npz")
    assert_refused(outcome, f"{name} has no training plan; add one with `tflm-train convert ")
    assert pasted(outcome) == tmp_path / f"{path.stem}_trainable.tflite"


def pasted(outcome: Outcome) -> Path:
    """Runs the command that a message holds; the file that it writes."""
    found = re.search(r"`(tflm-train convert [^`]+)`", outcome.err)
    assert found is not None, outcome.err
    words = shlex.split(found[1])
    assert main(words[1:]) == 0
    return Path(words[words.index("-o") + 1])


@pytest.mark.parametrize(
    ("made_with", "wanted"),
    [
        ((), ("--selector", "tinyprop", "--s-min", "0.25")),
        (("--selector", "tinyprop", "--damping", "0.5", "--lr", "0.003"), ("--accumulate", "4")),
        (("--layers", "last:1", "--loss", "mse", "--no-zero-skip", "--seed", "3"), ("--accumulate", "2")),
        (("--accumulate", "2", "--lr", "0.1"), ("--selector", "static-topk", "--ratio", "0.6")),
    ],
)
def test_an_option_without_a_plan_for_it_prints_the_command_that_makes_one(
    run,
    folder: Path,
    tmp_path: Path,
    made_with: tuple[str, ...],
    wanted: tuple[str, ...],
) -> None:
    path = tmp_path / "a model.tflite"
    assert run("convert", folder / "plain.tflite", "-o", path, *made_with).code == 0
    before = tt.load_model(path).plan.defaults.copy()
    train = ("train", path, "--data", folder / "data.npz", *wanted)
    outcome = run(*train)
    assert_refused(outcome, "a model.tflite", "convert the model with that option", ": `tflm-train convert ")
    assert pasted(outcome) == path
    assert run(*train).code == 0
    after, given = tt.load_model(path).plan.defaults, {word[2:].replace("-", "_") for word in wanted if "--" in word}
    kept = (set(before.dtype.names) & OPTIONS.keys()) - given
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}


def test_targets_for_another_loss_print_the_command(run, folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 64)), y=np.full((2, 10), 3.0))
    path = tmp_path / "m.tflite"
    assert run("convert", folder / "plain.tflite", "-o", path, "--layers", "last:1").code == 0
    outcome = run("train", path, "--data", tmp_path / "d.npz")
    assert_refused(outcome, "scale them, or convert with --loss mse: `tflm-train convert ")
    pasted(outcome)
    assert run("train", path, "--data", tmp_path / "d.npz", "--lr", "1e-9").code == 0
