"""Models that Keras wrote, from their files: Keras 3, Keras 2 (by ``tf_keras``, where it is installed)."""

from __future__ import annotations

import importlib
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

from .errors import ConversionError
from .install_hint import tf_keras_command

LONGEST = 300  # characters of a reason


def reason(error: BaseException) -> str:
    """What an error of Keras or TensorFlow says, without configurations, dumps and advice on their own API."""
    text = str(error).rsplit("Exception encountered: ", 1)[-1]
    missing = re.search(r"(?:Custom|Flex) ops: ([^\n]+)", text)
    if missing is not None:
        return f"it has no operator for {missing[1].strip()}"
    text = re.split(r"Full object config|\bconfig=\{|\. (?:Make sure|Please ensure)|If you trust", text)[0]
    text = re.sub(r"<class '(?:[\w.]*\.)?(\w+)'>", r"\1", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = _without_dumps(lines[0] if lines else type(error).__name__)
    if len(text) > LONGEST:
        text = text[:LONGEST].rsplit(" ", 1)[0] + " ..."
    return text.rstrip(" .:")


def _without_dumps(text: str) -> str:
    """Long dictionaries as ``{...}``."""
    kept, depth, start = "", 0, 0
    for position, character in enumerate(text):
        if character == "{":
            depth, start = depth + 1, position if not depth else start
        elif character == "}" and depth:
            depth -= 1
            if not depth:
                dump = text[start : position + 1]
                kept += dump if len(dump) <= 80 else "{...}"
        elif not depth:
            kept += character
    return kept + (text[start : start + 80] if depth else "")


def load_keras(path: str, name: str) -> Any:
    """The model of a ``.keras`` or ``.h5`` file, or of a folder that Keras 2 saved.

    Keras 2's files are read by ``tf_keras`` first, all others by Keras 3 alone; it knows most layers of Keras 2, too.

    Raises
    ------
    ConversionError
        The file cannot be loaded; the message says why, and names ``tf_keras`` where that is what lacks.
    """
    import keras
    import tensorflow

    version = _written_by(path)
    is_old = version is not None and version.split(".")[0] in ("1", "2")
    tf_keras = _tf_keras() if is_old else None
    # a model that loads without a replaced class keeps Keras' own
    attempts: list[tuple[Any, dict[str, Any] | None]] = [(keras, None), (keras, {"DepthwiseConv2D": _depthwise(keras)})]
    if tf_keras is not None and not _holds_code(path):
        attempts.insert(0, (tf_keras, None))
    failures: list[tuple[Any, Exception]] = []
    for module, own in attempts:
        for compiled in (True, False):  # a loss or metric of the user's own need not be known
            try:
                return module.models.load_model(path, compile=compiled, custom_objects=own)
            except Exception as raised:  # Keras raises many types for files that it does not understand
                failures.append((module, raised))
    module, error = failures[1]  # of the first attempt, without what was compiled
    library = f"{'Keras' if module is keras else 'tf_keras'} {module.__version__}"
    if is_old and tf_keras is None:
        raise ConversionError(
            f"{name} cannot be loaded by {library}, as Keras {version} wrote it: {reason(error)}; install tf_keras, "
            f"which reads files of Keras 2: {tf_keras_command(tensorflow.__version__)}"
        ) from error
    raise ConversionError(
        f"{name} cannot be loaded by {library}: {reason(error)}; load the model in Python and pass the object"
    ) from error


def _depthwise(keras: Any) -> type:
    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        """Keras 2 stored ``groups``, which Keras 3 refuses although 1 is the only value it could have."""

        def __init__(self, *args: Any, groups: int = 1, **options: Any) -> None:
            super().__init__(*args, **options)

    return DepthwiseConv2D


def _tf_keras() -> Any:
    try:
        return importlib.import_module("tf_keras")
    except ImportError:
        return None


def _attributes(path: str) -> dict[str, str]:
    """What a file says about itself: the attributes of an HDF5 file, or the metadata of a ``.keras`` file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return {key: str(value) for key, value in json.loads(archive.read("metadata.json")).items()}
        import h5py

        with h5py.File(path, "r") as file:
            return {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in file.attrs.items()}
    except Exception:  # a damaged file: whoever loads it says so
        return {}


def _written_by(path: str) -> str | None:
    """Version of the Keras that wrote a file, if it says so."""
    return "2" if os.path.isdir(path) else _attributes(path).get("keras_version")


def _holds_code(path: str) -> bool:
    """Whether tf_keras would take code out of an HDF5 file or a folder; Keras 3 refuses to."""
    if os.path.isdir(path):
        return b'"class_name": "Lambda"' in Path(path, "keras_metadata.pb").read_bytes()
    return '"class_name": "Lambda"' in _attributes(path).get("model_config", "")
