"""Files with samples and labels, by their suffixes."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np

from .data import Dataset, load_npz, read_arrays
from .errors import UserError

LABEL_COLUMN = re.compile(r"(y|labels?|class|targets?)(?:_?(\d+))?", re.IGNORECASE)
COORDINATES = {"x", "y", "z"}  # of a sensor: no y is a label among them
MANY = 10  # lines: so many labels are not all the same by chance


def load_data(path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None) -> Dataset:
    """Read an ``.npz`` file (see ``load_npz``), a ``.csv`` file, or two ``.npy`` files.

    A CSV file has one sample in each line, with commas, semicolons or tabs between. Where its first line has names, the
    column ``label``, ``class``, ``target`` or ``y`` (``y0``, ``y1``, ... for vectors) is the label; without such a
    name the last column is. A ``y`` beside ``x`` and ``z``, or beside a column of another such name, is an input. Whole
    numbers are class numbers. A first column without a name, an index, is left out.

    Parameters
    ----------
    path : str or path
    labels : str or path, optional
        The labels' ``.npy`` file, where ``path`` is one.

    Raises
    ------
    UserError
        A file cannot be read, is of another kind, or holds other things than numbers.
    """
    suffix, name = Path(path).suffix.lower(), Path(path).name
    if suffix == ".npy":
        if labels is None:
            raise UserError(f"{name} holds one array: give that of the labels too, with --labels Y.npy")
        return Dataset(_load_npy(path), _load_npy(labels))
    if labels is not None:
        raise UserError(f"--labels is for --data X.npy; {name} holds the labels itself")
    return _load_csv(path) if suffix == ".csv" else load_npz(path)


def load_inputs(path: str | os.PathLike[str]) -> np.ndarray:
    """The samples of a file as ``load_data`` reads it; an ``.npy`` or ``.npz`` file needs no labels.

    Raises
    ------
    UserError
        The file cannot be read, is of another kind, or holds other things than numbers.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npy":
        return _load_npy(path)
    return load_data(path).x if suffix == ".csv" else read_arrays(path, ("x",))["x"]


def _load_npy(path: str | os.PathLike[str]) -> np.ndarray:
    name = Path(path).name
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{os.fspath(path)}: cannot be read ({error.strerror or error}); give an .npy file") from None
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{name}: not a readable .npy file of numbers ({reason}); write it with numpy.save") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise UserError(f"{name} is an .npz file; name it so, and give it with --data alone")
    return array


def _load_csv(path: str | os.PathLike[str]) -> Dataset:
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{os.fspath(path)}: cannot be read ({error.strerror}); give a .csv file") from None
    except UnicodeDecodeError:
        raise UserError(f"{name} is no text (UTF-8); give a .csv file, or an .npz file") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UserError(f"{name} is empty; give at least one sample")
    delimiter = max(",;\t", key=lines[0].count)
    header = [cell.strip() for cell in _rows(lines[:1], delimiter, name)[0]]
    has_names = _are_names(header, name)
    if len(lines) == has_names:
        raise UserError(f"{name} has no line below its names; give at least one sample")
    values = _numbers(lines[has_names:], delimiter, name, first_line=1 + has_names)
    if values.shape[1] != len(header):
        raise UserError(f"{name} has {len(header)} names for {values.shape[1]} columns")
    columns = (_label_columns(header, name) if has_names else []) or [len(header) - 1]
    left_out = [0] if has_names and not header[0] else []
    inputs = [i for i in range(len(header)) if i not in (*columns, *left_out)]
    if not inputs:
        raise UserError(f"{name} has one column; give a line for each sample, with the label in its last column")
    labels = values[:, columns]
    if not has_names and len(labels) >= MANY and (labels == labels[0]).all():
        raise UserError(
            f"{name}: the last column, taken for the labels, is {labels[0, 0]:g} in every line; name the columns in a "
            "first line, that of the labels 'label'"
        )
    if len(columns) == 1:
        labels = labels[:, 0]
        if (labels == np.floor(labels)).all() and np.abs(labels).max() < 2**53:
            labels = labels.astype(np.int64)
    return Dataset(values[:, inputs], labels)


def _rows(lines: list[str], delimiter: str, name: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{name} is no readable .csv file ({error}); write a line for each sample") from None


def _are_names(header: list[str], name: str) -> bool:
    """Whether the first line names the columns.

    Raises
    ------
    UserError
        It may be both, or is a sample that lacks a number.
    """
    texts = [cell for cell in header if cell and not _is_number(cell)]
    cells = [cell for cell in header if cell and _is_number(cell)]
    counted = cells == [str(i) for i in range(len(cells))]  # as pandas names columns
    if texts and not (cells and not counted):
        return True
    if texts:
        raise UserError(
            f"{name}, line 1: {texts[0][:40]!r} is no number, but {cells[0]!r} is one; write numbers only, or a name "
            "for each column"
        )
    if counted and len(cells) > 2:
        if header[0] == "" and len(header) == len(cells) + 1:
            return True
        if len(header) == len(cells):
            raise UserError(
                f"{name}: the first line counts 0, 1, 2, ...: if it numbers the columns, remove it; if it is a sample, "
                "write names in front of it, for the labels 'label'"
            )
    if len(cells) < len(header):
        raise UserError(f"{name}, line 1: '' is no number; leave out samples that lack one, or name all columns")
    return False


def _label_columns(header: list[str], name: str) -> list[int]:
    """Columns whose names say that they are labels, in the order of their numbers.

    Raises
    ------
    UserError
        Columns of several names may be.
    """
    found: dict[str, dict[int | None, int]] = {}
    count = 0
    for column, cell in enumerate(header):
        match = LABEL_COLUMN.fullmatch(cell)
        if match:
            number = None if match[2] is None else int(match[2])
            found.setdefault(match[1].lower(), {})[number] = column
            count += 1
    is_coordinate = len(found) > 1 or {cell.lower() for cell in header} >= COORDINATES
    if is_coordinate:
        count -= len(found.pop("y", {}))
    columns = next(iter(found.values()), {})
    numbers = sorted(number for number in columns if number is not None)
    consecutive = not numbers or numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if len(columns) != count or (None in columns and numbers) or not consecutive:
        named = ", ".join(cell for cell in header if LABEL_COLUMN.fullmatch(cell))
        raise UserError(
            f"{name}: which of the columns {named} hold the labels cannot be told; call one 'label', or those of "
            "vectors y0, y1, ..., and the others otherwise"
        )
    if not columns and header[-1].lower() == "z" and is_coordinate:
        raise UserError(f"{name} has columns x, y and z, and none that is called 'label'; name that of the labels so")
    return [columns[number] for number in numbers] or list(columns.values())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(lines: list[str], delimiter: str, name: str, first_line: int) -> np.ndarray:
    """Float64 [lines, columns]."""
    try:
        return np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar='"', ndmin=2)
    except ValueError:  # whose text counts lines from elsewhere
        pass
    width = None
    for number, cells in enumerate(_rows(lines, delimiter, name), first_line):
        width = len(cells) if width is None else width
        if len(cells) != width:
            raise UserError(f"{name}, sample in line {number}: {len(cells)} columns, but {width} in the first sample")
        for cell in cells:
            if not _is_number(cell):
                raise UserError(
                    f"{name}, sample in line {number}: {cell[:40]!r} is no number; give class numbers (0, 1, ...) for "
                    "names, and leave other texts out"
                )
    raise UserError(f"{name} is no table of numbers; write a line for each sample, with commas between the numbers")
