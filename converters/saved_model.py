"""SavedModel folders of TensorFlow to ``.tflite`` files with batch size 1."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ConversionError, UserError
from .keras_load import reason

DEFAULT_SIGNATURE = "serving_default"
FILES = ("saved_model.pb", "saved_model.pbtxt")


def check_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that is no SavedModel.

    Raises
    ------
    UserError
        It lacks the file that holds the graph.
    """
    if not any((Path(path) / name).is_file() for name in FILES):
        raise UserError(
            f"{os.fspath(path)} is a folder without saved_model.pb; give a SavedModel folder, or a .tflite, .keras or "
            ".h5 file"
        )


def was_saved_by_keras_2(path: str | os.PathLike[str]) -> bool:
    """Whether the folder holds Keras' layers too, which ``tf_keras`` reads."""
    return (Path(path) / "keras_metadata.pb").is_file()


class Signature(NamedTuple):
    """What a SavedModel serves.

    Attributes
    ----------
    function : callable
        Tensors by the names of its inputs to a dict of outputs.
    inputs : dict
        Name -> specification, with a free batch size.
    variables : list
        That the function reads.
    loaded : object
        The whole, as long as which the variables live.
    """

    function: Callable[..., Any]
    inputs: dict[str, Any]
    variables: list[Any]
    loaded: Any


def read_signature(tensorflow: Any, path: str, name: str) -> Signature:
    """Load a SavedModel folder.

    Raises
    ------
    ConversionError
        The folder cannot be loaded, or serves several functions.
    """
    try:
        loaded = tensorflow.saved_model.load(path)
        signatures = dict(loaded.signatures)
    except Exception as error:  # TensorFlow raises many types for folders that it does not understand
        raise ConversionError(f"{name} cannot be loaded as a SavedModel: {reason(error)}; save it again") from error
    chosen = DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in signatures else next(iter(signatures), None)
    if chosen is None or (chosen != DEFAULT_SIGNATURE and len(signatures) > 1):
        found = f"serves {', '.join(signatures)}" if signatures else "serves no function"
        raise ConversionError(
            f"{name} {found}; save it with the one signature {DEFAULT_SIGNATURE!r} (Keras: model.export(folder))"
        )
    function = signatures[chosen]
    return Signature(function, dict(function.structured_input_signature[1]), list(function.variables), loaded)


def layer_paths(variables: list[Any]) -> tuple[str, set[str]]:
    """The model's name and its layers', from those of the variables (``net/conv/kernel:0``)."""
    paths = [re.sub(r":\d+$", "", variable.name).split("/")[:-1] for variable in variables]
    roots = {path[0] for path in paths if len(path) > 1}
    root = roots.pop() if len(roots) == 1 and all(len(path) > 1 for path in paths) else ""
    return root, {part for path in paths for part in path if part != root}
