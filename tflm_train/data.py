"""Arrays that users give: loading, checking, and bringing them into the form that devices take."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError


@dataclass(frozen=True)
class Dataset:
    """Arrays of an ``.npz`` file; the test part is None where the file has none."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None

    @property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples to train on."""
        return self.x, self.y

    @property
    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Samples to evaluate on: the test part, or everything without one."""
        if self.x_test is None or self.y_test is None:
            return self.x, self.y
        return self.x_test, self.y_test


def load_npz(path: str | os.PathLike[str]) -> Dataset:
    """Read ``x`` and ``y``, and ``x_test`` and ``y_test`` where the file has them.

    Raises
    ------
    UserError
        The file cannot be read, is no ``.npz`` file, or lacks an array.
    """
    arrays = read_arrays(path, ("x", "y"), ("x_test", "y_test"))
    if ("x_test" in arrays) != ("y_test" in arrays):
        lacking = "y_test" if "x_test" in arrays else "x_test"
        raise UserError(f"{Path(path).name} lacks {lacking}: x_test and y_test go together")
    return Dataset(**arrays)


def read_arrays(
    path: str | os.PathLike[str], needed: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` file by their names.

    Raises
    ------
    UserError
        The file cannot be read, is no ``.npz`` file, or lacks one that is needed.
    """
    name = Path(path).name
    example = ", ".join(f"{key}={key}" for key in needed)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not hasattr(archive, "files"):
                raise UserError(
                    f"{name} holds one array, as .npy files do; name it so, or use numpy.savez(path, {example})"
                )
            arrays = {key: archive[key] for key in (*needed, *optional) if key in archive.files}
            found = ", ".join(archive.files) or "nothing"
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{os.fspath(path)}: cannot be read ({error.strerror or error}); give an .npz file") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{name}: not a readable .npz file of plain arrays ({reason}); write it with numpy.savez"
        ) from None
    except Exception as error:  # zlib.error and struct.error: a damaged archive
        raise UserError(f"{name}: the archive is damaged ({type(error).__name__}); write it again") from None
    for key in needed:
        if key not in arrays:
            raise UserError(f"{name} has no array {key!r} (it has {found}); write it with numpy.savez(path, {example})")
    return arrays


def number_array(values: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise UserError(f"{name} is ragged: all samples must have one shape") from None
    if array.dtype.kind not in "biuf":
        raise UserError(f"{name} holds {array.dtype}, expected numbers")
    if array.ndim == 0:
        raise UserError(f"{name} is a single number, expected an array whose first dimension counts samples")
    if len(array) == 0:
        raise UserError(f"{name} is empty (shape {array.shape}); give at least one sample")
    return array


def finite_float32(array: np.ndarray, name: str) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    bad = int(result.size - np.count_nonzero(np.isfinite(result)))
    if bad:
        raise UserError(f"{name} has {bad} value(s) that are NaN or infinite in float32; remove those samples")
    return result


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its dimensions of size one."""
    return tuple(d for d in shape if d != 1)


def _expected(shape: tuple[int, ...]) -> str:
    return "(n" + "".join(f", {d}" for d in shape) + ")"


def check_inputs(x: Any, shape: tuple[int, ...], name: str = "x", limit: int = 0) -> np.ndarray:
    """Samples as finite float32 of shape [n, elements], C order.

    Parameters
    ----------
    x : array_like
        Shape (n, *shape), the same without dimensions of size one, or (n, elements).
    shape : tuple of int
        Of one sample.
    name : str
        For messages.
    limit : int
        Samples are indices below it, whole numbers of any type; 0: any numbers.

    Raises
    ------
    UserError
        Wrong shape or type, no samples, NaN or infinity, a number that is no index.
    """
    array = number_array(x, name)
    elements = int(np.prod(shape, dtype=np.int64))
    flat = array.ndim == 2 and array.shape[1] == elements
    if not flat and without_ones(array.shape[1:]) != without_ones(shape):
        raise UserError(f"{name} has shape {array.shape}, expected {_expected(shape)}")
    if limit:
        _check_indices(array, name, limit)
    return finite_float32(array.reshape(len(array), elements), name)


def _check_indices(array: np.ndarray, name: str, limit: int) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~((array >= 0) & (array < limit) & (array == np.floor(array)))
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = ", ".join(str(i) for i in first)
        raise UserError(
            f"{name}[{place}] is {array[first]}, but this model looks its input up in a table: give whole numbers from "
            f"0 to {limit - 1}"
        )


def check_labels(
    y: Any,
    samples: int,
    shape: tuple[int, ...],
    name: str = "y",
    classes: int | None = None,
    row: int | None = None,
) -> np.ndarray:
    """Labels as class numbers (int32 [n], or [n, rows] where an output has several rows) or as vectors (finite float32
    [n, outputs]).

    Parameters
    ----------
    y : array_like
        Whole numbers of shape (n,) or (n, 1) are class numbers, whatever their type, and for an output of several rows
        those of shape (n, rows) or (n, *shape without the last axis); everything of shape (n, *shape) is a vector, and
        so are floating-point numbers of shape (n,) for a model with one output.
    samples : int
        Expected n.
    shape : tuple of int
        Of one output.
    name : str
        For messages.
    classes : int, optional
        Upper bound of class numbers; None: class numbers may be any integers.
    row : int, optional
        Outputs that one class number chooses from; default: all of them.

    Raises
    ------
    UserError
        Wrong shape, type or number of labels, one class number for an output of several rows, a class number that is
        not whole or out of range, NaN or infinity.
    """
    array = number_array(y, name)
    outputs = int(np.prod(shape, dtype=np.int64))
    if len(array) != samples:
        raise UserError(f"{name} has {len(array)} labels for {samples} samples")
    one_each = array.size == samples
    rows = 1 if row is None else outputs // row
    if rows == 1 and one_each and (array.dtype.kind in "biu" or outputs > 1):
        return _class_numbers(array.reshape(-1), name, classes)
    if 1 < rows < outputs and array.size == samples * rows:
        if array.shape[1:] == (rows,) or without_ones(array.shape[1:]) == without_ones(shape[:-1]):
            return _class_numbers(array.reshape(samples, rows), name, classes)
    if one_each and outputs == 1:
        return finite_float32(array.reshape(-1, 1), name)
    flat = array.ndim == 2 and array.shape[1] == outputs
    if not flat and (without_ones(array.shape[1:]) != without_ones(shape) or array.size != samples * outputs):
        raise UserError(
            f"{name} has shape {array.shape} and type {array.dtype}, expected "
            f"{_class_shape(shape, outputs, rows)}vectors of shape {_expected(shape)}"
        )
    return finite_float32(array.reshape(samples, outputs), name)


def _class_shape(shape: tuple[int, ...], outputs: int, rows: int) -> str:
    if rows == 1:
        return "class numbers (integers) of shape (n,) or "
    if rows == outputs:
        return ""
    expected = _expected(shape[:-1] if np.prod(shape[:-1], dtype=np.int64) == rows else (rows,))
    return f"class numbers (integers) of shape {expected}, one for each row of {outputs // rows} outputs, or "


def _class_numbers(array: np.ndarray, name: str, classes: int | None) -> np.ndarray:
    if array.dtype.kind == "f":
        broken = ~np.isfinite(array) | (array != np.floor(array))
        if broken.any():
            first = tuple(int(i) for i in np.argwhere(broken)[0])
            place = ", ".join(str(i) for i in first)
            raise UserError(
                f"{name}[{place}] is {array[first]:g}, but class numbers are whole; correct it, or give a vector for "
                "each sample"
            )
    low, high = (0, classes - 1) if classes is not None else (-(2**31), 2**31 - 1)
    wrong = (array < low) | (array > high) if array.dtype.kind != "b" else np.zeros(array.shape, bool)
    if wrong.any():
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = ", ".join(str(i) for i in first)
        raise UserError(
            f"{name}[{place}] is {int(array[first])}, but class numbers of this model go from {low} to {high}"
        )
    return np.ascontiguousarray(array, dtype=np.int32)
