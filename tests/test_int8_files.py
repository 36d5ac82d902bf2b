"""The whole way round of an int8 model: numbers in, training, a file that TensorFlow Lite Micro runs bit for bit."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from int8_builder import Int8Builder
from int8_reference import WheelTensors, stored
from test_int8_gradients import dense_network
from tflm_train.converters import flatbuffer, model_writer
from tflm_train.converters.model_reader import read_graph
from tflm_train.converters.plan_format import ForwardKind, ProgramKind, ScalarType

import tflm_train as tt

RNG = np.random.default_rng(8)
X = RNG.normal(size=(120, 9)).astype(np.float32)
Y = ((X[:, 0] > 0) + 2 * (X[:, 1] > 0)).astype(np.int32)
ORDER = np.arange(len(X), dtype=np.uint32)


def network() -> bytes:
    return dense_network(np.random.default_rng(1))


def graph_of(data: bytes):
    return read_graph(flatbuffer.load(data, "a.tflite"), "a.tflite")


@pytest.mark.parametrize("update", ["int16-master", "stochastic", "nearest"])
def test_the_trained_file_gives_what_the_device_gives(update, tmp_path):
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=0.02, update=update)))
    trainer.fit(X, Y, epochs=2, verbose=0)
    path = tmp_path / "trained.tflite"
    trainer.save(path)
    data = path.read_bytes()
    graph, wheel = graph_of(data), WheelTensors(data)
    source, output = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    assert (source.dtype, output.dtype) == ("int8", "int8")
    for x, ours in zip(X[:50], trainer.predict(X[:50])):
        integers = wheel(stored(x[None], source), [output.index])[output.index].ravel()
        assert np.array_equal(stored(ours, output), integers)
    before, after = graph_of(network()), graph
    for old, new in zip(before.tensors, after.tensors):  # scales and zero points never change
        assert (old.quantization is None) == (new.quantization is None)
        if old.quantization is not None:
            assert np.array_equal(old.quantization.scales, new.quantization.scales)
            assert np.array_equal(old.quantization.zero_points, new.quantization.zero_points)
    weights = [t.data for t in after.tensors if t.dtype == "int8" and t.data is not None]
    assert all(w.min() >= -127 for w in weights)


@pytest.mark.parametrize("device", ["native", "qemu:m4"])
def test_a_saved_file_with_remainders_goes_on_where_it_stopped(device, tmp_path):
    model = tt.convert(network(), tt.TrainingConfig(learning_rate=0.002))
    whole = tt.Trainer(model)
    whole.device.train(X, Y, ORDER)
    first = tt.Trainer(model, device)
    first.device.train(X, Y, ORDER[:60])
    first.save(tmp_path / "with.tflite", remainders=True)
    first.save(tmp_path / "without.tflite")
    first.close()
    ends = {}
    for name in ("with", "without"):
        second = tt.Trainer(tmp_path / f"{name}.tflite", device)
        second.device.train(X, Y, ORDER[60:])
        ends[name] = second.device.state()[8:]
        second.reset()
        second.device.train(X, Y, ORDER[60:])
        assert second.device.state()[8:] == ends[name]
        second.close()
    assert ends["with"] != ends["without"]
    if device == "native":
        assert ends["with"] == whole.device.state()[8:]


def test_remainders_of_other_weights_are_left_aside():
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=0.002)))
    trainer.device.train(X, Y, ORDER)
    kept = trainer.trained_model(remainders=True).data
    values = [(t, v.copy()) for t, v in trainer.device.parameters()]
    values[0][1][0] ^= 1
    other = tt.Trainer(model_writer.write_parameters(kept, values))
    assert not any(np.frombuffer(other.device.state(), np.uint8)[-len(Y) :])  # states start from zeros
    assert other._remainders is None


def test_a_file_saved_without_remainders_has_none():
    """Those of the file that training began with are no part of what it has become."""
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=1e-6)))
    trainer.device.train(X, Y, ORDER)
    again = tt.Trainer(trainer.trained_model(remainders=True))
    assert again._remainders is not None
    plain = again.trained_model()
    assert len(plain.data) == len(trainer.trained_model().data)
    assert tt.Trainer(plain)._remainders is None


@pytest.mark.parametrize("kind", ["float", "stochastic", "nearest"])
def test_remainders_that_no_weight_has_are_refused(kind, run, tmp_path):
    model, data, trained = (tmp_path / name for name in ("a.tflite", "d.npz", "b.tflite"))
    planned = tt.convert(
        networks.mlp() if kind == "float" else network(),
        tt.TrainingConfig(update="int16-master" if kind == "float" else kind),
    )
    planned.save(model)
    x = X if kind != "float" else RNG.normal(size=(120, 64)).astype(np.float32)
    np.savez(data, x=x, y=Y)
    why = "are float32: leave it out" if kind == "float" else f"update {kind} keeps none; `tflm-train convert"
    with pytest.raises(tt.UserError, match=f"remainders.* has no effect: .*{why}"):
        tt.Trainer(planned).save(trained, remainders=True)
    done = run("train", model, "--data", data, "-o", trained, "--remainders")
    assert done.code == 2 and why in done.err and not trained.exists()
    done = run("train", model, "--data", data, "--remainders")
    assert done.code == 2 and "the file that -o names" in done.err


def test_arrays_of_the_stored_type_are_taken_as_they_are():
    model = tt.convert(network())
    source = graph_of(model.data).tensors[0]
    numbers, raw = tt.Trainer(model), tt.Trainer(model)
    integers = stored(X, source)
    assert np.array_equal(numbers.predict(X), raw.predict(integers))
    numbers.fit(X, Y, epochs=1, shuffle=False, verbose=0)
    raw.fit(integers, Y, epochs=1, shuffle=False, verbose=0)
    assert numbers.device.state() == raw.device.state()
    assert raw.evaluate(integers, Y) == numbers.evaluate(X, Y)


def test_weights_are_given_and_taken_as_numbers():
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=0.002)))
    trainer.fit(X, Y, epochs=1, verbose=0)
    before = [values.copy() for _, values in trainer.device.parameters()]
    weights = trainer.get_weights()
    assert all(w.dtype == np.float32 for w in weights)
    scale = float(trainer.model.plan.quantization(trainer.model.plan.parameters[0]).scales[0])
    assert np.allclose(weights[0].T.ravel(), before[0] * scale)
    trainer.set_weights(weights)
    assert all(np.array_equal(a, b) for a, (_, b) in zip(before, trainer.device.parameters()))
    parameters, state = trainer.model.plan.parameters, trainer.device.state()[8:]
    rests = [state[int(p["remainder_offset"]) :][: int(p["elements"])] for p in parameters]
    assert not any(any(rest) for rest in rests)  # new weights have none
    weights[0][:] = 1e9
    trainer.set_weights(weights)
    assert (trainer.device.parameters()[0][1] == 127).all()
    weights[1][:] = -1e9
    trainer.set_weights(weights)
    assert (trainer.device.parameters()[1][1] == -(2**31 - 1 - 9 * 255 * 128)).all()  # where no sum leaves 32 bits
    assert (trainer.predict(X[:5]) == trainer.predict(X[:1])).all()  # the first layer's ReLU gives 0 throughout


def test_missing_biases_are_integers_in_units_of_the_sums():
    b = Int8Builder(np.random.default_rng(2))
    x = b.int8_input(1, 9, scale=0.04, zero_point=0)
    y = b.int8_dense(x, 4, per_channel=True, bias=False)
    scales = b.graph.tensors[b.graph.operators[0].inputs[1]].quantization.scale
    data = b.finish(y)
    model = tt.convert(data, tt.TrainingConfig(add_bias=True, learning_rate=0.01))
    assert "a bias of 4 zeros was added" in model.edits[0]
    bias = graph_of(model.data).tensors[-1]
    assert bias.dtype == "int32" and np.allclose(bias.quantization.scales, 0.04 * scales)
    trainer = tt.Trainer(model)
    trainer.fit(X, Y, epochs=1, verbose=0)
    assert trainer.device.parameters()[1][1].any()


@pytest.mark.parametrize("raw", [False, True])
def test_the_commands_train_and_evaluate_int8(raw, run, tmp_path):
    plain, planned, trained, data = (tmp_path / name for name in ("a.tflite", "b.tflite", "c.tflite", "d.npz"))
    plain.write_bytes(network())
    np.savez(data, x=stored(X, graph_of(network()).tensors[0]) if raw else X, y=Y)
    sizes = run("convert", plain, "-o", planned, "--update", "stochastic", "--json").json
    assert sizes["weight_bytes"] == 12 * 9 + 4 * 12 + 4 * 16
    done = run("train", planned, "--data", data, "-o", trained, "--epochs", 2, "--json").json
    assert (done["update"], done["errors"]) == ("stochastic", "float32")
    assert done["loss_after"] < done["loss_before"] and 0 < done["saturated_fraction"] < 0.3
    native, tflm, litert = (
        run("evaluate", trained, "--data", data, "--runtime", runtime, "--json").json
        for runtime in ("native", "tflm", "litert")
    )
    assert native["accuracy"] == tflm["accuracy"] == done["accuracy_after"]
    assert tflm["loss"] == pytest.approx(native["loss"], rel=1e-5)
    # LiteRT rounds a product once where TensorFlow Lite Micro rounds twice
    assert litert["loss"] == pytest.approx(native["loss"], rel=0.02)


def test_a_sum_that_could_leave_32_bits_is_refused():
    def dense(inputs):
        b = Int8Builder(np.random.default_rng(2))
        return b.finish(b.int8_dense(b.int8_input(1, inputs), 2))

    with pytest.raises(tt.ConversionError, match="65,793 a channel at most"):
        tt.convert(dense(65794))
    assert tt.convert(dense(65793)).sizes.trainable_parameters == 2 * 65793 + 2


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_tensorflow_lite_micro_is_given_what_the_input_stores_without_a_copy_in_floats(dtype):
    b = Int8Builder(np.random.default_rng(3))
    x = b.quantise(b.input(1, 4000, dtype=dtype), 0.04, 3)
    if dtype == "uint8":
        x = b.int8_op("QUANTIZE", [x], (1, 4000))
    model = tt.convert(b.finish(b.int8_dense(x, 4)), tt.TrainingConfig())
    plan = model.plan
    program = plan.program(ProgramKind.TRAIN, ForwardKind.TFLM)
    value = plan.values(program)[int(program["input"])]
    assert value["type"] == ScalarType.of(dtype) and value["bytes"] == 4000
    assert int(program["arena_bytes"]) < 4000 * (1 if dtype == "int8" else 2) + 4 * 4000 + 500  # and a row of gradients


@pytest.mark.parametrize(
    ("which", "field", "value"),
    [
        *[(which, "scale", v) for which in ("input", "weights", "output") for v in (0.0, -1.0, np.nan, np.inf, 1e-45)],
        ("input", "scale", 1e20),
        ("weights", "scale", 1e20),
        ("output", "scale", 1e-20),
        *[(which, "zeroPoint", None) for which in ("input", "weights", "output")],
        ("weights", "zeroPoint", 3),
        ("input", "zeroPoint", 300),
    ],
)
def test_quantisation_that_no_kernel_can_compute_with_is_refused_by_the_layer_s_name(which, field, value):
    """TensorFlow Lite refuses scales without zero points, or computes nonsense."""
    model = flatbuffer.load(network())
    graph = model.subgraphs[0]
    op = graph.operators[0]
    tensor = {"input": op.inputs[0], "weights": op.inputs[1], "output": op.outputs[0]}[which]
    q = graph.tensors[tensor].quantization
    setattr(q, field, None if value is None else np.full(len(q.scale), value, getattr(q, field).dtype))
    with pytest.raises(tt.ConversionError, match="FULLY_CONNECTED is supported only when its .*(scale|zero)") as error:
        tt.convert(flatbuffer.dump(model))
    assert "fully_connected_0" in str(error.value)
