"""Models of Keras 2: objects and files by ``tf_keras``, and what is said where that is not installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
from tflm_train.converters.flatbuffer import load
from tflm_train.converters.install_hint import tf_keras_command
from tflm_train.converters.keras_export import export_keras
from tflm_train.converters.model_reader import read_graph

import tflm_train as tt

keras = pytest.importorskip("keras")


@pytest.fixture(scope="module")
def old() -> Any:
    """A compiled model of Keras 2, its first layer frozen, with layers that Keras 3 does not read back."""
    tf_keras = pytest.importorskip("tf_keras")
    layers = tf_keras.layers
    stack = [
        layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1), name="first", trainable=False),
        layers.DepthwiseConv2D(3, name="second"),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(3, activation="softmax", name="scores"),
    ]
    model = tf_keras.Sequential(stack, name="old_net")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 1)).astype(np.float32)
    model.fit(x, np.arange(32) % 3, verbose=0)
    return model


@pytest.mark.parametrize("form", ["object", ".h5", ".keras", "_saved_model"])
def test_models_of_keras_2_are_exported(old: Any, tmp_path: Path, form: str) -> None:
    model, path = old, tmp_path / f"net{form}"
    if form != "object":
        old.save(path)
        model = path
    source = export_keras(model)
    x = np.random.default_rng(1).normal(size=(8, 8, 8, 1)).astype(np.float32)
    expected = old.predict(x, verbose=0)
    assert np.abs(models.outputs("litert", source.data, x) - expected).max() <= 1e-5
    graph = read_graph(load(source.data), "net")
    names = [graph.layer_name(op).split("/")[0] for op in graph.operators]
    assert names[:1] + names[-2:] == ["first", "scores", "scores"]
    converted = tt.convert(model)
    assert converted.plan.layers["operator"].tolist() == [1, 3]
    loss, frozen = sorted(converted.notes)
    assert loss == "loss cross-entropy: the Keras model was compiled with sparse_categorical_crossentropy"
    assert frozen.startswith("not trained, as trainable=False in the Keras model: first/Relu (--layers all")


def unreadable(folder: Path, version: str) -> Path:
    """A file that Keras 3 refuses for a layer's keyword, under a long configuration."""
    import h5py

    stack = [keras.Input((4,)), keras.layers.Dense(300, name="hidden"), keras.layers.Dense(2)]
    path = folder / "net.h5"
    keras.Sequential(stack).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["of_another_release"] = {str(i): "a long value" for i in range(50)}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path


def test_without_tf_keras_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow

    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(tt.ConversionError) as caught:
        tt.convert(unreadable(tmp_path, "2.11.0"))
    text = str(caught.value)
    assert text.startswith(f"net.h5 cannot be loaded by Keras {keras.__version__}, as Keras 2.11.0 wrote it: ")
    assert text.endswith(
        f"; install tf_keras, which reads files of Keras 2: {tf_keras_command(tensorflow.__version__)}"
    )
    assert "keyword arguments passed to Dense" in text and "a long value" not in text and "\n" not in text


def test_the_command_installs_what_fits_tensorflow() -> None:
    assert tf_keras_command("2.21.0") == "pip install 'tf_keras~=2.21.0'"
    assert tf_keras_command("2.18.1-rc0") == "pip install 'tf_keras~=2.18.0'"


def test_files_of_keras_3_do_not_name_tf_keras(tmp_path: Path) -> None:
    with pytest.raises(
        tt.ConversionError, match="arguments passed to Dense.*; load the model in Python and pass"
    ) as caught:
        tt.convert(unreadable(tmp_path, "3.0.0"))
    assert "tf_keras" not in str(caught.value)


def test_old_files_that_keras_3_knows_need_no_tf_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import h5py

    monkeypatch.setitem(sys.modules, "tf_keras", None)
    path = tmp_path / "mlp.h5"
    models.keras_model("mlp").save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = "2.4.0"
    assert tt.convert(path).input_shape == (16,)


def test_code_in_a_file_of_keras_2_is_not_run(tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    mark, path = tmp_path / "ran", tmp_path / "net.h5"
    layers = [tf_keras.layers.Dense(2, input_shape=(4,))]
    layers.append(tf_keras.layers.Lambda(eval(f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]")))
    tf_keras.Sequential(layers).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(tt.ConversionError, match="net.h5 cannot be loaded by Keras .*[Ll]ambda"):
        tt.convert(path)
    assert not mark.exists()


def test_classes_that_only_the_user_has_are_named(tmp_path: Path) -> None:
    class Own(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    for suffix in (".keras", ".h5"):
        keras.Sequential([keras.Input((4,)), Own(), keras.layers.Dense(2)]).save(tmp_path / f"a{suffix}")
        with pytest.raises(tt.ConversionError) as caught:
            tt.convert(tmp_path / f"a{suffix}")
        assert "'Own'" in str(caught.value) and "{" not in str(caught.value)
        assert str(caught.value).endswith("; load the model in Python and pass the object")
