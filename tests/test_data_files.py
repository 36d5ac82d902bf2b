"""Samples and labels in .csv and .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import assert_refused

import tflm_train as tt
from tflm_train.data_files import load_data


def csv(folder: Path, text: str | bytes) -> Path:
    path = folder / "d.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


X = [[0.5, -1.0], [2.0, 3e-2], [4.0, 0.0]]


@pytest.mark.parametrize(
    "text",
    [
        "0.5,-1,0\n2,3e-2,2\n4,0,1\n",
        "0.5;-1;0\r\n2;3e-2;2\r\n4;0;1",
        "0.5\t-1\t0\n\n2\t3e-2\t2\n4\t0\t1\n\n",
        "a,b,species\n0.5,-1,0\n2,3e-2,2\n4,0,1\n",
        '"label","a","b"\n"0","0.5","-1"\n"2","2","3e-2"\n"1","4","0"\n',
        ",a,b,Label\n0,0.5,-1,0.0\n1,2,3e-2,2.0\n2,4,0,1.0\n",
        "\ufeffa,y,b\n0.5,0,-1\n2,2,3e-2\n4,1,0\n",
    ],
)
def test_csv_files(tmp_path: Path, text: str) -> None:
    found = load_data(csv(tmp_path, text))
    np.testing.assert_array_equal(found.x, X)
    assert found.y.tolist() == [0, 2, 1] and found.y.dtype == np.int64
    assert found.held_out == (found.x, found.y)


def test_vectors_and_numbers_to_predict_in_csv_files(tmp_path: Path) -> None:
    found = load_data(csv(tmp_path, "y0,y1,a\n1,0,5\n0,1,6\n"))
    assert (found.x.tolist(), found.y.tolist()) == ([[5], [6]], [[1, 0], [0, 1]])
    found = load_data(csv(tmp_path, "y_2,a,y_1\n1,5,0\n0,6,1\n"))
    assert (found.x.tolist(), found.y.tolist()) == ([[5], [6]], [[0, 1], [1, 0]])
    assert load_data(csv(tmp_path, "1,0.25\n2,1\n")).y.tolist() == [0.25, 1.0]


@pytest.mark.parametrize("names", ["x,y,z,label", "x,y,z,activity", "x,z,y,Class", "y0,y1,a,target"])
def test_a_coordinate_y_is_an_input(tmp_path: Path, names: str) -> None:
    found = load_data(csv(tmp_path, f"{names}\n1,2,3,0\n4,5,6,1\n"))
    assert (found.x.tolist(), found.y.tolist()) == ([[1, 2, 3], [4, 5, 6]], [0, 1])


def test_numbered_columns_of_pandas(tmp_path: Path) -> None:
    for names in (",0,1,2", ",0,1,label"):
        found = load_data(csv(tmp_path, f"{names}\n0,0.5,7,1\n1,2.5,8,0\n"))
        assert (found.x.tolist(), found.y.tolist()) == ([[0.5, 7], [2.5, 8]], [1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "d.csv is empty"),
        ("a,b\n", "no line below its names"),
        ("1,2,0\n3,4\n", "line 2: 2 columns, but 3"),
        ("a,b,label\n1,2,0\n3,four,1\n", "line 3: 'four' is no number"),
        ("a,b,label\n1,2,cat\n", "line 2: 'cat' is no number; give class numbers"),
        ("1\n2\n", "one column"),
        ("a,b\n1,2,3\n", "2 names for 3 columns"),
        (b"\xff\xfe1\x00", "no text"),
        ("1.5,,0\n2,3,1\n", "line 1: '' is no number"),
        (",3,0\n2,3,1\n", "line 1: '' is no number"),
        ("1.5,?,0\n2,3,1\n", "line 1: '\\?' is no number, but '1.5' is one"),
        ("1,5;2,5;0\n3,5;2,5;1\n", "line 1: '5;2' is no number"),
        ("0,1,2\n0.5,7,1\n", "first line counts 0, 1, 2, ...: if it numbers the columns, remove it"),
        ("a,label,target\n1,0,1\n", "which of the columns label, target"),
        ("y,y1,a\n1,0,1\n", "which of the columns y, y1"),
        ("y0,y2,a\n1,0,1\n", "which of the columns y0, y2"),
        ("x,y,z\n1,0,1\n", "none that is called 'label'"),
        ("a,b,label\n1," + 200_000 * "1" + "?,0\n", "no readable .csv file"),
        ("".join(f"{i % 10},0,0,{i},0\n" for i in range(20)), "last column, taken for the labels, is 0 in every line"),
    ],
)
def test_other_csv_files_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(tt.UserError, match=message):
        load_data(csv(tmp_path, text))


def test_every_form_trains_alike(run: Any, folder: Path, tmp_path: Path) -> None:
    arrays = np.load(folder / "data.npz")
    x, y = arrays["x"], arrays["y"]
    np.savez(tmp_path / "d.npz", x=x, y=y)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savetxt(tmp_path / "d.csv", np.column_stack([x, y]), delimiter=",", fmt=["%.9g"] * 64 + ["%d"])
    forms = [["d.npz"], ["d.csv"], ["x.npy", "--labels", tmp_path / "y.npy"]]
    for command in ("train", "evaluate"):
        found = [run(command, folder / "model.tflite", "--data", tmp_path / f[0], *f[1:], "--json").json for f in forms]
        assert found[0] == found[1] == found[2]


def test_npy_files_come_in_pairs(run: Any, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 64)))
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 64)), y=[0, 1, 2])
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    (tmp_path / "zip.npy").write_bytes((tmp_path / "d.npz").read_bytes())
    train = ("train", folder / "model.tflite", "--data")
    assert_refused(run(*train, tmp_path / "x.npy"), "x.npy holds one array", "--labels Y.npy")
    assert_refused(run(*train, tmp_path / "x.npy", "--labels", tmp_path / "no.npy"), "no.npy: cannot be read")
    assert_refused(run(*train, tmp_path / "x.npy", "--labels", tmp_path / "bad.npy"), "bad.npy: not a readable .npy")
    assert_refused(run(*train, tmp_path / "zip.npy", "--labels", tmp_path / "x.npy"), "zip.npy is an .npz file")
    assert_refused(run(*train, tmp_path / "d.npz", "--labels", tmp_path / "x.npy"), "--labels is for --data X.npy")
