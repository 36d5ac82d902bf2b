from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflm_train.data import check_inputs, check_labels, load_npz
from tflm_train.errors import UserError


@pytest.mark.parametrize("shape", [(5, 8, 8, 1), (5, 8, 8), (5, 64), (5, 1, 8, 8)])
def test_inputs_of_equivalent_shapes_are_accepted(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    result = check_inputs(x, (8, 8, 1))
    assert result.shape == (5, 64) and result.dtype == np.float32
    np.testing.assert_array_equal(result.ravel(), x.ravel())


@pytest.mark.parametrize("shape", [(5, 8, 7), (5, 63), (64,), (8, 8), (5, 2, 32), ()])
def test_inputs_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="expected"):
        check_inputs(np.zeros(shape), (8, 8, 1))


def test_no_samples_are_refused() -> None:
    with pytest.raises(UserError, match="x is empty"):
        check_inputs(np.zeros((0, 4)), (4,))


@pytest.mark.parametrize("values", [["a", "b"], [object(), object()], [1 + 2j, 3j], np.array(["2020"], dtype="M8")])
def test_inputs_that_are_no_numbers_are_refused(values: object) -> None:
    with pytest.raises(UserError, match="expected numbers"):
        check_inputs(values, (1,))


def test_ragged_inputs_are_refused() -> None:
    with pytest.raises(UserError, match="ragged"):
        check_inputs([[1.0, 2.0], [3.0]], (2,))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_values_without_a_finite_float32_are_counted(bad: float) -> None:
    x = np.zeros((4, 3))
    x[1, 2] = x[3, 0] = bad
    with pytest.raises(UserError, match=r"^train x has 2 value\(s\) that are NaN or infinite"):
        check_inputs(x, (3,), "train x")


def test_integers_are_class_numbers() -> None:
    for y in (np.array([0, 2, 1]), np.array([[0], [2], [1]]), np.array([0, 2, 1], np.uint8), [0, 2, 1]):
        labels = check_labels(y, 3, (3,), classes=3)
        assert labels.dtype == np.int32
        assert labels.tolist() == [0, 2, 1]


def test_vectors_are_float32() -> None:
    labels = check_labels(np.eye(3, dtype=int), 3, (3,), classes=3)
    assert labels.dtype == np.float32 and labels.shape == (3, 3)
    assert check_labels(np.zeros((3, 2, 5)), 3, (2, 5), classes=10).shape == (3, 10)


def test_floats_are_targets_of_a_single_output() -> None:
    assert check_labels([0.5, 1.5], 2, (1,)).tolist() == [[0.5], [1.5]]
    assert check_labels([0.0, 1.0], 2, (1,)).dtype == np.float32


def test_whole_floats_are_class_numbers() -> None:
    for y in ([3.0, 0.0], np.array([[3.0], [0.0]], np.float32), np.array([3, 0], np.float16)):
        labels = check_labels(y, 2, (10,), classes=10)
        assert labels.dtype == np.int32 and labels.tolist() == [3, 0]
    rows = check_labels(np.array([[1.0, 0.0, 4.0]]), 1, (3, 5), classes=5, row=5)
    assert rows.dtype == np.int32 and rows.tolist() == [[1, 0, 4]]
    with pytest.raises(UserError, match=r"y\[1\] is 10, but class numbers of this model go from 0 to 9"):
        check_labels([0.0, 10.0], 2, (10,), classes=10)


@pytest.mark.parametrize("broken", [2.5, np.nan, np.inf, -np.inf])
def test_class_numbers_that_are_not_whole_are_refused(broken: float) -> None:
    with pytest.raises(UserError, match=rf"y\[1\] is {broken:g}, but class numbers are whole"):
        check_labels([0.0, broken], 2, (10,), classes=10)
    with pytest.raises(UserError, match=rf"y\[0, 2\] is {broken:g}, but class numbers are whole"):
        check_labels([[1.0, 0.0, broken]], 1, (3, 5), classes=5, row=5)


@pytest.mark.parametrize("wrong", [10, -1, 2**40])
def test_class_numbers_out_of_range_are_named(wrong: int) -> None:
    with pytest.raises(UserError, match=rf"y\[2\] is {wrong}, but class numbers of this model go from 0 to 9"):
        check_labels([0, 9, wrong, wrong], 4, (10,), classes=10)


def test_number_of_labels_must_match() -> None:
    with pytest.raises(UserError, match="y has 3 labels for 4 samples"):
        check_labels([0, 1, 2], 4, (10,), classes=10)


def test_label_vectors_of_another_size_are_refused() -> None:
    with pytest.raises(UserError, match=r"shape \(2, 9\)"):
        check_labels(np.zeros((2, 9)), 2, (10,), classes=10)


def test_labels_with_nan_are_refused() -> None:
    with pytest.raises(UserError, match=r"y has 1 value\(s\)"):
        check_labels([[0.0, np.nan]], 1, (2,))


def test_files_are_read_with_and_without_a_test_part(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", x=np.zeros((2, 1)), y=[0, 1], x_test=np.ones((3, 1)), y_test=[0, 0, 1])
    np.savez(tmp_path / "some.npz", x=np.zeros((2, 1)), y=[0, 1])
    assert len(load_npz(tmp_path / "all.npz").held_out[0]) == 3
    assert len(load_npz(tmp_path / "some.npz").held_out[0]) == 2


def _write(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("x,y\n1,2\n")
    elif kind == "one array":
        np.save(path.with_suffix(""), np.zeros(3))
        path.with_suffix(".npy").rename(path)
    elif kind == "pickle":
        np.savez(path, x=np.array([{}], dtype=object), y=[0])
    elif kind == "truncated":
        np.savez(path, x=np.zeros(1000), y=np.zeros(1000))
        path.write_bytes(path.read_bytes()[:900])
    elif kind == "no y":
        np.savez(path, x=[0], labels=[0])
    elif kind == "half a test part":
        np.savez(path, x=[0], y=[0], x_test=[0])
    elif kind == "flipped":
        np.savez_compressed(path, x=np.arange(500), y=np.arange(500))
        data = bytearray(path.read_bytes())
        data[60:120] = bytes(b ^ 0x5A for b in data[60:120])
        path.write_bytes(bytes(data))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize(
    "kind",
    ["text", "one array", "pickle", "truncated", "no y", "half a test part", "flipped", "empty", "folder", "missing"],
)
def test_unusable_files_are_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "d.npz"
    _write(path, kind)
    with pytest.raises(UserError, match=r"d\.npz") as caught:
        load_npz(path)
    assert "\n" not in str(caught.value)
