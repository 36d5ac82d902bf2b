"""SavedModel folders, with batch size 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
from tflm_train.converters.flatbuffer import load
from tflm_train.converters.keras_export import export_keras
from tflm_train.converters.model_reader import read_graph

import tflm_train as tt

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("name", ["cnn", "conv1d"])
def test_folders_that_keras_3_exports(tmp_path: Path, name: str) -> None:
    model = models.keras_model(name, "zero")
    model.export(tmp_path / "net", verbose=False)
    source = export_keras(tmp_path / "net")
    graph = read_graph(load(source.data), "net")
    assert graph.tensors[graph.inputs[0]].shape[0] == 1 and not graph.folded
    x = models.inputs(name, 8)
    assert np.abs(models.outputs("litert", source.data, x) - model.predict(x, verbose=0)).max() <= 1e-5
    # biases of zeros train as those of the model itself
    assert tt.convert(tmp_path / "net").sizes.trainable_parameters == tt.convert(model).sizes.trainable_parameters


def test_layers_have_their_names_on_the_command_line(run: Any, tmp_path: Path) -> None:
    models.keras_model("cnn").export(tmp_path / "net", verbose=False)
    names = [op["name"].split("/")[0] for op in run("inspect", tmp_path / "net", "--json").json["operators"]]
    assert [name for name in names if "pool" not in name and "flatten" not in name] == [
        "conv_1", "conv_2", "scores", "scores",
    ]  # fmt: skip
    out = tmp_path / "o.tflite"
    content = run("convert", tmp_path / "net", "-o", out, "--layers", "conv_2", "--json").json
    assert content["model"] == "net" and tt.load_model(out).plan.layers.size == 1


def test_functions_of_tensorflow(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")

    class Net(tf.Module):
        def __init__(self) -> None:
            self.w = tf.Variable(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def serve(self, x: Any) -> Any:
            return tf.nn.softmax(tf.matmul(x, self.w))

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="x")])
        def free(self, x: Any) -> Any:
            return tf.reduce_sum(x, axis=1)

    net = Net()
    tf.saved_model.save(net, tmp_path / "one", signatures=net.serve)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    outputs = tt.Trainer(tt.convert(tmp_path / "one")).predict(x)
    assert np.abs(outputs - net.serve(x).numpy()).max() <= 1e-6
    tf.saved_model.save(net, tmp_path / "two", signatures={"a": net.serve, "b": net.serve})
    tf.saved_model.save(net, tmp_path / "none")
    tf.saved_model.save(net, tmp_path / "free", signatures=net.free)
    for folder, message in (
        ("two", "two serves a, b; save it with the one signature 'serving_default'"),
        ("none", "none serves no function; save it"),
        ("free", r"free has dynamic shapes \(input 'x' is \(None, None\)"),
    ):
        with pytest.raises(tt.ConversionError, match=message):
            tt.convert(tmp_path / folder)


def test_other_folders_are_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "saved_model.pb").write_bytes(b"nothing")
    for command in ("inspect", "convert"):
        more = ("-o", tmp_path / "o.tflite") if command == "convert" else ()
        for folder, word in (("empty", "without saved_model.pb"), ("damaged", "cannot be loaded as a SavedModel")):
            outcome = run(command, tmp_path / folder, *more)
            assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1), outcome.err
            assert folder in outcome.err and word in outcome.err
