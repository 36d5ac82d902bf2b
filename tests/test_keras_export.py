"""Keras models to ``.tflite``: formats, names, the forms that layers take, refusals."""

from __future__ import annotations

import os
import subprocess
import sys

import models
import numpy as np
import pytest
from tflm_train.converters.errors import ConversionError, UserError
from tflm_train.converters.flatbuffer import load
from tflm_train.converters.install_hint import install_command
from tflm_train.converters.keras_export import export_keras
from tflm_train.converters.model_reader import read_graph

keras = pytest.importorskip("keras")
layers = keras.layers


def exported(shape, *stack, name="net"):
    """Operators of a sequential model: (type, shape of the output, options)."""
    model = models.set_weights(keras.Sequential([keras.Input(shape), *stack], name=name))
    graph = read_graph(load(export_keras(model)[0]), name)
    return [(op.type, graph.tensors[op.outputs[0]].shape, op.options) for op in graph.operators]


def types(operators):
    return [kind for kind, _, _ in operators]


@pytest.mark.parametrize("name", models.BUILDERS)
def test_the_file_computes_what_keras_computes(name):
    x = models.inputs(name, 8)
    expected = models.keras_model(name).predict(x, verbose=0)
    found = models.outputs("litert", models.tflite(name), x)
    worst = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{name}: {worst:.2e}")
    assert worst <= 1e-5


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_and_objects_give_the_same_model(tmp_path, suffix, monkeypatch):
    model, path = models.keras_model("cnn"), tmp_path / f"digits{suffix}"
    model.save(path)
    data, name, *_ = export_keras(path)
    assert name == f"digits{suffix}"
    assert models.changed_outputs("litert", "cnn", "random", data) == 0
    assert export_keras(str(path))[0] == data
    assert export_keras(model)[1] == "cnn"


def test_the_batch_size_is_one_and_nothing_is_left_to_fold():
    model = load(models.tflite("cnn"))
    graph = read_graph(model, "cnn")
    assert graph.tensors[graph.inputs[0]].shape == (1, 12, 12, 1) and not graph.folded
    assert all(t.shapeSignature is None or -1 not in t.shapeSignature for t in model.subgraphs[0].tensors)


def test_operators_are_named_after_their_keras_layers():
    graph = read_graph(load(models.tflite("cnn")), "cnn")
    names = [graph.layer_name(op).split("/")[0] for op in graph.operators]
    assert names == ["conv_1", "pool_1", "conv_2", "pool_2", "flatten", "scores", "scores"]


def test_names_that_end_in_numbers_and_nested_models():
    inputs = keras.Input((6,))
    block = keras.Sequential([keras.Input((5,)), layers.Dense(5, activation="tanh", name="dense_1")], name="block_2")
    x = layers.Dense(5, activation="relu", name="dense")(inputs)
    x = layers.Dense(5, activation="relu", name="dense_1")(x)
    model = models.set_weights(keras.Model(inputs, layers.Dense(2, name="dense_1_1")(block(x)), name="model_3"))
    graph = read_graph(load(export_keras(model)[0]), "m")
    names = [graph.layer_name(op).split(";")[0] for op in graph.operators]
    assert [name.rsplit("/", 1)[0] for name in names] == [
        "dense",
        "dense_1",
        "block_2/dense_1",
        "block_2/dense_1",
        "dense_1_1",
    ]


# Forms that the exporter makes of layers


@pytest.mark.parametrize(
    ("options", "width", "dilation"),
    [
        (dict(padding="same"), 16, 1),
        (dict(padding="valid"), 14, 1),
        (dict(padding="valid", strides=2), 7, 1),
        (dict(padding="same", dilation_rate=2), 16, 2),
        (dict(padding="valid", dilation_rate=3), 10, 3),
    ],
)
def test_conv1d_is_a_convolution_on_images_of_height_1(options, width, dilation):
    operators = exported((16, 3), layers.Conv1D(4, 3, activation="relu", **options))
    assert types(operators) == ["RESHAPE", "CONV_2D", "RESHAPE"]
    _, shape, found = operators[1]
    assert shape == (1, 1, width, 4)
    assert (found["dilation_h_factor"], found["dilation_w_factor"]) == (1, dilation)
    assert found["fused_activation_function"] == "RELU"


@pytest.mark.parametrize("dilation", [1, 2])
def test_causal_conv1d_is_padded_by_an_operator(dilation):
    operators = exported((16, 3), layers.Conv1D(4, 3, padding="causal", dilation_rate=dilation))
    assert [(kind, shape) for kind, shape, _ in operators] == [
        ("PAD", (1, 16 + 2 * dilation, 3)),
        ("RESHAPE", (1, 1, 16 + 2 * dilation, 3)),
        ("CONV_2D", (1, 1, 16, 4)),
        ("RESHAPE", (1, 16, 4)),
    ]
    assert operators[2][2]["padding"] == "VALID" and operators[2][2]["dilation_w_factor"] == dilation


def test_stacked_conv1d_layers_need_no_reshape_between():
    operators = exported((16, 3), layers.Conv1D(4, 3), layers.MaxPooling1D(2), layers.Conv1D(4, 3))
    assert types(operators) == ["RESHAPE", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "RESHAPE"]


def test_separable_conv1d():
    operators = exported((16, 3), layers.SeparableConv1D(4, 3, padding="same"))
    assert types(operators) == ["RESHAPE", "DEPTHWISE_CONV_2D", "CONV_2D", "RESHAPE"]


@pytest.mark.parametrize("layer", [layers.Conv2D(4, 3, dilation_rate=2), layers.DepthwiseConv2D(3, dilation_rate=2)])
def test_dilated_convolutions_are_one_operator(layer):
    ((kind, shape, options),) = exported((12, 12, 3), layer)
    assert kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and shape[1:3] == (8, 8)
    assert options["dilation_h_factor"] == options["dilation_w_factor"] == 2


def test_batch_normalisation_is_folded_into_the_convolution_before_it():
    stack = [layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(6.0)]
    ((kind, _, options),) = exported((8, 8, 3), *stack)
    assert kind == "CONV_2D" and options["fused_activation_function"] == "RELU6"


def test_batch_normalisation_after_an_activation_stays_a_product_and_a_sum():
    stack = [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()]
    assert types(exported((8, 8, 3), *stack)) == ["CONV_2D", "MUL", "ADD"]


# Refusals


def test_paths_that_do_not_exist():
    with pytest.raises(UserError, match="missing.keras does not exist"):
        export_keras("missing.keras")


@pytest.mark.parametrize("name", ["a.keras", "a.h5"])
@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 broken", b"\x89HDF\r\n\x1a\n broken"])
def test_damaged_files_are_refused_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConversionError, match=f"^{name} cannot be loaded by Keras [^\n]*$"):
        export_keras(tmp_path / name)


def test_other_objects_are_refused():
    with pytest.raises(UserError, match="a Keras model or the path of one is expected, not dict"):
        export_keras({})


def test_models_without_input_shape_are_refused():
    with pytest.raises(ConversionError, match="net has no input shape yet; add keras.Input"):
        export_keras(keras.Sequential([layers.Dense(3)], name="net"))


def test_free_sizes_are_refused():
    model = keras.Sequential([keras.Input((None, 3)), layers.Conv1D(4, 3)], name="net")
    with pytest.raises(ConversionError, match="net has dynamic shapes .*give keras.Input all sizes"):
        export_keras(model)


def test_layers_that_tensorflow_lite_lacks_are_refused():
    class Unusual(layers.Layer):
        def call(self, x):
            import tensorflow as tf

            return tf.linalg.expm(x)

    model = keras.Sequential([keras.Input((4, 4)), Unusual()], name="net")
    with pytest.raises(ConversionError, match="^net cannot be exported to TensorFlow Lite: [^\n]+$"):
        export_keras(model)


def test_old_h5_files_whose_depthwise_layers_have_groups(tmp_path):
    """Keras 2 wrote ``groups`` for DepthwiseConv2D, Keras 3 refuses it."""
    import json

    import h5py

    model = models.set_weights(keras.Sequential([keras.Input((6, 6, 2)), layers.DepthwiseConv2D(3), layers.Flatten()]))
    path = tmp_path / "old.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(Exception, match="groups"):
        keras.models.load_model(path, compile=False)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    found = models.outputs("litert", export_keras(path)[0], x)
    assert np.abs(found - model.predict(x, verbose=0)).max() < 1e-5


# Behaviour as a guest in the user's process


def _python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | environment
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=env)


def test_exporting_prints_nothing(tmp_path):
    models.keras_model("cnn").save(tmp_path / "a.keras")
    code = "import sys; from tflm_train.converters.keras_export import export_keras; export_keras(sys.argv[1])"
    done = _python(code, str(tmp_path / "a.keras"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tensorflow_is_imported_only_when_needed():
    code = (
        "import sys\n"
        "from tflm_train.converters import edits, fingerprint, flatbuffer, keras_export, model_reader, model_writer\n"
        "assert not {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules), 'imported'"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


def test_without_tensorflow_the_error_names_the_extra(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"x")
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from tflm_train.converters.keras_export import export_keras\n"
        "try: export_keras(sys.argv[1])\n"
        "except ValueError as error: print(error)"
    )
    done = _python(code, str(tmp_path / "a.keras"))
    assert install_command("keras") in done.stdout and done.stdout.count("\n") == 1


def test_another_keras_backend_is_named(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"x")
    code = (
        "import sys, keras\n"
        "keras.backend.backend = lambda: 'jax'\n"
        "from tflm_train.converters.keras_export import export_keras\n"
        "try: export_keras(sys.argv[1])\n"
        "except ValueError as error: print(error)"
    )
    assert "set KERAS_BACKEND=tensorflow" in _python(code, str(tmp_path / "a.keras")).stdout
