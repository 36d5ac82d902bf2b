"""What users have of a model: a file, an array in C, bytes, a Keras model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .c_array import C_SUFFIXES, read_c_array
from .errors import ConversionError, UserError

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
ACCEPTED = ".tflite, .keras or .h5 file, or a C file with the bytes of a .tflite"


@dataclass(frozen=True)
class ModelSource:
    """A model as it was found.

    Attributes
    ----------
    data : bytes
        A ``.tflite`` file.
    name : str
        For messages.
    with_bias : frozenset of int or None
        Of a Keras model: operators whose layers have a bias.
    """

    data: bytes
    name: str
    with_bias: frozenset[int] | None = None


def needs_export(model: Any) -> bool:
    """Whether the model is no ``.tflite`` yet: a Keras model or its file."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return False
    return not isinstance(model, (str, os.PathLike)) or Path(model).suffix.lower() in KERAS_SUFFIXES


def read_model(model: Any) -> ModelSource:
    """Read a model; one that Keras wrote is exported.

    Parameters
    ----------
    model : path, bytes or Keras model

    Raises
    ------
    UserError
        The file does not exist or cannot be read.
    ConversionError
        It holds no model, or the model cannot be exported.
    MissingToolError
        A Keras model without TensorFlow installed.
    """
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

    return ModelSource(*export_keras(model))


def _file(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix.lower() not in C_SUFFIXES:
        return data
    try:
        return read_c_array(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise ConversionError(f"{path.name} {error}") from None
