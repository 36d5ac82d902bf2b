from __future__ import annotations

import copy
import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

COMMANDS = ("bench", "convert", "demo", "evaluate", "inspect", "teach", "train")


def schema(command: str) -> dict[str, Any]:
    """The shipped JSON Schema of a command."""
    return json.loads((resources.files("tflm_train.schemas") / f"{command}.json").read_text())


def validate(content: dict[str, Any]) -> None:
    """Check what a command printed against its shipped schema."""
    jsonschema.Draft202012Validator(schema(content["command"])).validate(content)


def test_every_command_has_a_schema() -> None:
    from tflm_train.cli import app

    assert sorted(c.name for c in app.registered_commands if c.name) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_schemas_are_valid_and_closed(command: str) -> None:
    content = schema(command)
    jsonschema.Draft202012Validator.check_schema(content)
    assert content["additionalProperties"] is False
    assert {"schema_version", "command"} <= set(content["required"])
    assert content["properties"]["command"] == {"const": command}


EVALUATION = {
    "schema_version": 1,
    "command": "evaluate",
    "runtime": "native",
    "evaluated_on": "x",
    "samples": 10,
    "accuracy": 0.5,
    "metric": "accuracy",
    "loss": 1.25,
    "warnings": [],
}


@pytest.mark.parametrize(
    ("key", "value"),
    [("accuracy", 50), ("samples", 10.5), ("samples", -1), ("runtime", "onnx"), ("schema_version", 2), ("extra", 1)],
)
def test_schemas_refuse_what_the_interface_forbids(key: str, value: object) -> None:
    validate(EVALUATION)
    validate(EVALUATION | {"accuracy": None, "metric": "mse"})
    with pytest.raises(jsonschema.ValidationError):
        validate(EVALUATION | {key: value})
    for missing in EVALUATION:
        if missing == "command":
            continue
        content = copy.deepcopy(EVALUATION)
        del content[missing]
        with pytest.raises(jsonschema.ValidationError):
            validate(content)
