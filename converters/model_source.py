"""What users have of a model: a file, a folder, an array in C, bytes, a Keras model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from .c_array import C_SUFFIXES, read_c_array
from .errors import ConversionError, UserError

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
ACCEPTED = ".tflite, .keras or .h5 file, a SavedModel folder, or a C file with the bytes of a .tflite"


class ModelSource(NamedTuple):
    """A model as it was found.

    Attributes
    ----------
    data : bytes
        A ``.tflite`` file.
    name : str
        For messages.
    with_bias : frozenset of int or None
        Of an exported model: operators whose layers have a bias, or a batch normalisation folded into them: see
        ``keras_bias``.
    frozen : frozenset of int
        Operators whose Keras layers have ``trainable=False``: see ``keras_frozen``.
    loss : str or None
        What a Keras model was compiled with, as a word of ``TrainingConfig.loss``.
    compiled_with : str or None
        The same as Keras calls it; there may be no word for it.
    edits : tuple of str
        One sentence for each change that was made since.
    """

    data: bytes
    name: str
    with_bias: frozenset[int] | None = None
    frozen: frozenset[int] = frozenset()
    loss: str | None = None
    compiled_with: str | None = None
    edits: tuple[str, ...] = ()


def needs_export(model: Any) -> bool:
    """Whether the model is no ``.tflite`` yet: a Keras model, its file, or a SavedModel folder."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return False
    if not isinstance(model, (str, os.PathLike)):
        return True
    return Path(model).suffix.lower() in KERAS_SUFFIXES or Path(model).is_dir()


def check_model_name(path: str | os.PathLike[str]) -> None:
    """Refuse a name under which ``read_model`` would not find the ``.tflite`` that is written there.

    Raises
    ------
    UserError
        It ends as files of C or of Keras do.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in (*C_SUFFIXES, *KERAS_SUFFIXES):
        return
    other = (
        f" (`tflm-train convert --c-array {os.fspath(path)}` writes a C array)" if suffix.lower() in C_SUFFIXES else ""
    )
    raise UserError(
        f"{os.fspath(path)}: a .tflite is written, and {suffix} files are read as others; call it "
        f"{Path(path).stem}.tflite{other}"
    )


def read_model(model: Any) -> ModelSource:
    """Read a model; one that Keras wrote is exported.

    Parameters
    ----------
    model : path, bytes, Keras model or ModelSource
        The last is returned.

    Raises
    ------
    UserError
        The file does not exist or cannot be read.
    ConversionError
        It holds no model, or the model cannot be exported.
    MissingToolError
        A Keras model without TensorFlow installed.
    """
    if isinstance(model, ModelSource):
        return model
    if isinstance(model, (bytes, bytearray, memoryview)):
        return ModelSource(bytes(model), "model")
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        try:
            if not needs_export(path):
                return ModelSource(_file(path), path.name)
            path.stat()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); give an existing {ACCEPTED}") from None
    from .keras_export import export_keras

    return export_keras(model)


def _file(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix.lower() not in C_SUFFIXES:
        return data
    try:
        return read_c_array(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise ConversionError(f"{path.name} {error}") from None
