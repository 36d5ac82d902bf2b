"""Files onto the disk, whole or not at all."""

from __future__ import annotations

import builtins
import os
import stat
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from command_line import assert_refused
from tflm_train.converters import files
from tflm_train.converters.errors import UserError
from tflm_train.converters.files import write_atomically, write_together

import tflm_train as tt
from tflm_train.cli import main
from tflm_train.demo import plot
from tflm_train.demo.digits import Digits
from tflm_train.devices import build


def test_files_are_replaced_whole(tmp_path):
    path = tmp_path / "model.tflite"
    write_atomically(path, b"old")
    os.chmod(path, 0o640)
    write_atomically(path, b"new content")
    assert path.read_bytes() == b"new content" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["model.tflite"]


def test_new_files_have_usual_permissions(tmp_path):
    write_atomically(tmp_path / "a", b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_relative_paths_and_links(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("plain.tflite", b"1")
    os.symlink("plain.tflite", "link.tflite")
    write_atomically("link.tflite", b"2")
    assert (tmp_path / "plain.tflite").read_bytes() == b"2" and (tmp_path / "link.tflite").is_symlink()


@pytest.mark.parametrize("target", ["missing/model.tflite", ".", "file/model.tflite"])
def test_unwritable_paths_are_the_user_s_mistake(tmp_path, target):
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(UserError, match="^cannot write .*; choose"):
        write_atomically(tmp_path / target, b"1")
    assert sorted(os.listdir(tmp_path)) == ["file"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["model.tflite"]


def interrupted_at(step: int, call: Any, kind: type[BaseException]) -> bool:
    """Whether an interrupt before the n-th line that ``files`` executes was reached; it goes through the call."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            seen += 1
            if seen == step:
                raise kind
        return trace

    sys.settrace(trace)
    try:
        call()
    except kind:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupt_at_any_line_leaves_old_or_new_and_nothing_else(tmp_path: Path, kind: type[BaseException]) -> None:
    names = {"model.tflite": (b"old", b"new"), "operators.h": (None, b"header")}
    step = 0
    contents = set()
    while True:
        step += 1
        (tmp_path / "model.tflite").write_bytes(b"old")
        (tmp_path / "operators.h").unlink(missing_ok=True)
        content = {tmp_path / name: new for name, (_, new) in names.items()}
        reached = interrupted_at(step, partial(write_together, content), kind)
        found = {name: (tmp_path / name).read_bytes() if (tmp_path / name).exists() else None for name in names}
        assert set(os.listdir(tmp_path)) <= set(names), f"line event {step}"
        assert all(found[name] in names[name] for name in names), f"line event {step}: {found}"
        contents.add(found["model.tflite"])
        if not reached:
            break
    print(step, "points")
    assert step > 30 and contents == {b"old", b"new"} and found["operators.h"] == b"header"


def after(function: Any, kind: type[BaseException]) -> Any:
    """The call is done, then the interrupt comes."""

    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if hasattr(result, "close"):
            result.close()
        raise kind

    return call


@pytest.mark.parametrize(
    ("owner", "name"), [(builtins, "open"), (os, "fsync"), (os, "chmod"), (os, "replace"), (os, "stat")]
)
def test_an_interrupt_within_a_call_of_the_system_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    monkeypatch.setattr(owner, name, after(getattr(owner, name), KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == (b"new" if name == "replace" else b"old") and os.listdir(tmp_path) == ["model.tflite"]


def test_of_two_files_none_is_written_when_one_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing/b.h: No such file"):
        write_together({tmp_path / "a.tflite": b"1", tmp_path / "missing" / "b.h": b"2"})
    assert os.listdir(tmp_path) == []
    with pytest.raises(UserError, match="they are one file"):
        write_together({tmp_path / "a": b"1", f"{tmp_path}/./a": b"2"})
    assert os.listdir(tmp_path) == []


# What the program writes


def interrupt_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", after(os.fsync, KeyboardInterrupt))


def test_an_interrupted_save_leaves_nothing(
    tmp_path: Path, mlp_model: tt.TrainableModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_writing(monkeypatch)
    for save in (mlp_model.save, tt.Trainer(mlp_model).save):
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path / "model.tflite")
    assert os.listdir(tmp_path) == []


def test_an_interrupted_picture_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.zeros((12, 8, 8, 1), np.float32), np.zeros(12, np.int64)
    data = Digits(images, labels, images, labels, images, images, labels)
    monkeypatch.setattr(plot, "_draw_runs", lambda *unused: None)
    interrupt_writing(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        plot.draw(tmp_path / "demo.png", data, [], 0.5)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", ["convert", "train"])
def test_an_interrupted_command_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    words: dict[str, list[object]] = {
        "convert": [folder / "plain.tflite", "--operators-header", tmp_path / "operators.h"],
        "train": [folder / "model.tflite", "--data", folder / "data.npz"],
    }
    interrupt_writing(monkeypatch)
    assert main([command, *map(str, words[command]), "-o", str(tmp_path / "out.tflite")]) == 130
    assert os.listdir(tmp_path) == []


def test_a_header_that_cannot_be_written_leaves_no_model(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", folder / "plain.tflite", "-o", tmp_path / "out.tflite"]
    assert main([*map(str, words), "--operators-header", str(tmp_path / "missing" / "operators.h")]) == 2
    assert os.listdir(tmp_path) == [] and "missing/operators.h" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "a.tflite", "--c-array", "a.tflite"],
        ["-o", "a.tflite", "--c-array", "./b.h", "--operators-header", "b.h"],
    ],
)
def test_files_of_one_name_are_refused(run: Any, folder: Path, tmp_path: Path, monkeypatch: Any, words: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run("convert", folder / "plain.tflite", *words), "they are one file; choose another name")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["trained.h", "trained.CC", "trained.keras", "trained.h5"])
def test_a_model_gets_no_name_under_which_it_would_not_be_read(
    run: Any, folder: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    assert_refused(run("convert", folder / "plain.tflite", "-o", output), name, "call it trained.tflite")
    train = ("train", folder / "model.tflite", "--data", folder / "data.npz", "-o", output)
    assert_refused(run(*train), name, "call it trained.tflite")
    with pytest.raises(UserError, match="call it trained.tflite"):
        tt.Trainer(folder / "model.tflite").save(output)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", [1, 2, 4])
def test_an_interrupted_build_leaves_nothing_and_compiles_nothing_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sources = [tmp_path / f"{i}.cpp" for i in range(200)]
    for source in sources:
        source.write_text("")
    monkeypatch.setattr(build, "library_files", lambda: sources)
    calls: list[str] = []
    lock = threading.Lock()

    def run(command: list[str]) -> None:  # by several threads: each decides by what it has counted itself
        with lock:
            calls.append(command[-1])
            number = len(calls)
        Path(command[-1]).write_bytes(b"object")
        if number == call:
            raise KeyboardInterrupt
        time.sleep(0.03)  # as a compiler does, so that the builder has time to stop its threads

    monkeypatch.setattr(build, "_run", run)
    with pytest.raises(KeyboardInterrupt):
        build.native_agent()
    assert len(calls) < 100
    assert [
        path for path in (tmp_path / "tflm-train").rglob("*") if not path.is_dir() or path.name.startswith("tmp")
    ] == []
