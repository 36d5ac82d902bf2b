"""How this package is installed: the command that every hint names."""

from __future__ import annotations

import importlib.metadata
import json
from urllib.parse import unquote, urlparse

NAME = "tflm-train"


def install_command(extra: str = "") -> str:
    """pip's command that installs this package with an extra, from where it was installed the first time.

    No registry has the package: it comes from a checkout, a file, or a repository.
    """
    extras = f"[{extra}]" if extra else ""
    origin = _origin()
    if origin is None:
        return f"pip install '.{extras}' in a checkout of {NAME}"
    url, is_repository = origin
    path = unquote(urlparse(url).path) if url.startswith("file://") else None
    if path is not None and not is_repository:
        return f"pip install '{path}{extras}'"
    return f"pip install '{NAME}{extras} @ {url}'"


def tf_keras_command(tensorflow_version: str) -> str:
    """pip's command that installs Keras 2 for the TensorFlow that is there, and leaves that alone."""
    major, minor = tensorflow_version.split(".")[:2]
    return f"pip install 'tf_keras~={major}.{minor}.0'"


def _origin() -> tuple[str, bool] | None:
    """Address that pip installed this package from, and whether it is a repository's (PEP 610)."""
    # a checkout in the working directory shows up beside the installation, without an address
    texts = (found.read_text("direct_url.json") for found in importlib.metadata.distributions(name=NAME))
    text = next(filter(None, texts), None)
    if text is None:
        return None
    found = json.loads(text)
    repository = found.get("vcs_info")
    if repository is None:
        return found["url"], False
    return f"{repository['vcs']}+{found['url']}@{repository.get('commit_id', 'HEAD')}", True
