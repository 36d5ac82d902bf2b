"""Hints say how this package is installed: from where it came, as no registry has it."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from tflm_train.converters import install_hint
from tflm_train.converters.install_hint import install_command

import tflm_train

ROOT = Path(__file__).resolve().parent.parent


class Installed:
    def __init__(self, direct_url: dict | None) -> None:
        self.text = None if direct_url is None else json.dumps(direct_url)

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.text


@pytest.mark.parametrize(
    "direct_url,command",
    [
        ({"url": "file:///home/a%20b/tflm", "dir_info": {}}, "pip install '/home/a b/tflm[keras]'"),
        ({"url": "file:///w/tflm_train-1.whl", "archive_info": {}}, "pip install '/w/tflm_train-1.whl[keras]'"),
        (
            {"url": "https://host/tflm.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pip install 'tflm-train[keras] @ git+https://host/tflm.git@abc'",
        ),
        ({"url": "https://host/t.whl", "archive_info": {}}, "pip install 'tflm-train[keras] @ https://host/t.whl'"),
        (None, "pip install '.[keras]' in a checkout of tflm-train"),
    ],
)
def test_the_command_names_where_the_package_came_from(direct_url, command, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distributions", lambda name: [Installed(None), Installed(direct_url)])
    assert install_command("keras") == command


def test_without_metadata_a_checkout_is_named(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distributions", lambda name: [])
    assert install_command() == "pip install '.' in a checkout of tflm-train"


def test_no_other_place_spells_out_how_to_install():
    package = [ROOT / "converters", Path(tflm_train.__file__).parent]
    for folder in package:
        for path in folder.rglob("*.py"):
            if path.name != Path(install_hint.__file__).name:
                spelled = re.findall(r"pip install [^\n]*", path.read_text())
                assert not [s for s in spelled if "tflm-train" in s or "pip install ." in s], f"{path}: {spelled}"
