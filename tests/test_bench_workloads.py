from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tflm_train as tt
from tflm_train.bench import workloads
from tflm_train.bench.network_file import RELU, NetworkFile
from tflm_train.errors import UserError
from tflm_train.measure.footprint import Footprint, sum_sections


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    """Output of LiteRT."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_mlp_is_a_network_of_64_32_10() -> None:
    workload = workloads.mlp(0)
    interpreter = Interpreter(model_content=workload.network)
    interpreter.allocate_tensors()
    weights = {
        tuple(d["shape"]): interpreter.get_tensor(d["index"])
        for d in interpreter.get_tensor_details()
        if d["name"].startswith("weights")
    }
    assert set(weights) == {(32, 64), (10, 32)}
    x = workload.data.x[:1]
    hidden = np.maximum(x @ weights[32, 64].T, 0)
    scores = np.exp(hidden @ weights[10, 32].T)
    np.testing.assert_allclose(run(workload.network, x), scores / scores.sum(), rtol=1e-5)


def test_cnn_has_the_layers_that_it_should() -> None:
    model = tt.convert(workloads.cnn(0).network, tt.TrainingConfig())
    assert model.input_shape == (28, 28, 1) and model.output_shape == (10,)
    assert [int(p["elements"]) for p in model.plan.parameters] == [36, 4, 288, 8, 3920, 10]


def test_weights_follow_the_seed_and_the_fan_in() -> None:
    assert workloads.mlp(3).network == workloads.mlp(3).network != workloads.mlp(4).network
    network = NetworkFile((1, 500), 0)
    network.dense(400, RELU)
    y = run(network.finish(), np.ones((1, 500), np.float32))
    assert np.mean(y**2) == pytest.approx(1.0, rel=0.2)  # half of 500 * 2 / 500


def test_digits_are_split_without_overlap() -> None:
    data = workloads.digits(0)
    assert data.x_test is not None
    assert (len(data.x), len(data.x_test)) == (997, 800) and data.x.max() == 1.0
    assert not np.array_equal(data.x, workloads.digits(1).x)


def test_scaling_up_keeps_corners_and_brightness() -> None:
    images = np.random.default_rng(0).random((2, 8, 8)).astype(np.float32)
    large = workloads.scale_up(images, 28)
    assert large.shape == (2, 28, 28)
    np.testing.assert_allclose(large[:, [0, 0, -1, -1], [0, -1, 0, -1]], images[:, [0, 0, -1, -1], [0, -1, 0, -1]])
    np.testing.assert_allclose(workloads.scale_up(np.ones((1, 8, 8), np.float32), 28), 1.0, rtol=1e-6)
    ramp = np.tile(np.arange(8, dtype=np.float32), (1, 8, 1))
    np.testing.assert_allclose(workloads.scale_up(ramp, 28)[0, 5], np.linspace(0, 7, 28), rtol=1e-5)


@pytest.mark.parametrize("names", [("x_train", "y_train", "x_test", "y_test"), ("x", "y", "x_test", "y_test")])
def test_mnist_files_of_both_forms(tmp_path: Path, names: tuple[str, ...]) -> None:
    images = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)
    arrays = [images, np.arange(3), images[:2], np.arange(2)]
    np.savez(tmp_path / "mnist.npz", **dict(zip(names, arrays)))
    data = workloads.cnn(0, tmp_path / "mnist.npz").data
    assert data.x.dtype == np.float32 and data.x.max() == 1.0 and data.x.shape == (3, 28, 28)
    assert data.x_test is not None and len(data.x_test) == 2


def test_files_that_are_not_mnist_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "small.npz", x=np.zeros((3, 8, 8)), y=np.arange(3), x_test=np.zeros((3, 8, 8)), y_test=np.arange(3)
    )
    np.savez(tmp_path / "half.npz", x=np.zeros((3, 28, 28)), y=np.arange(3))
    (tmp_path / "text.npz").write_text("no archive")
    for name, text in (("small", "28 x 28"), ("half", "x_test"), ("text", "npz"), ("absent", "cannot be read")):
        with pytest.raises(UserError, match=text):
            workloads.mnist_digits(tmp_path / f"{name}.npz")


MAP = """
Discarded input sections

 .text.unused   0x00000000       0x99 libtflm.a(3.o)

Linker script and memory map

 .text.first    0x00000100       0x10 libtflm.a(3.o)
 .text.a_name_that_is_too_long_for_one_line
                0x00000110       0x20 libtflm.a(4.o)
 .rodata.table  0x00000130       0x08 libtflm.a(3.o)
 .text          0x00000138       0x04 /usr/lib/libm.a(expf.o)
 .text.main     0x0000013c       0x40 main.o
 .bss.state     0x20000000      0x100 libtflm.a(3.o)
"""


def test_sections_of_the_library_are_summed() -> None:
    assert sum_sections(MAP, "libtflm.a") == Footprint(library=0x38, mathematics=4)
