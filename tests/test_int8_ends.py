"""How int8 models end, and what the loss makes of it: probabilities in integers, of whatever type the file gives."""

from __future__ import annotations

import numpy as np
import pytest
from int8_builder import Int8Builder
from test_int8_gradients import check
from tflite_builder import TYPES
from tflm_train.converters.policies import Loss

import tflm_train as tt
from tflm_train.runtimes import evaluate_file

FROM_LOGITS = {
    "SOFTMAX": Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS,
    "LOGISTIC": Loss.BINARY_CROSS_ENTROPY_FROM_LOGITS,
}
KINDS = {"SOFTMAX": "cross-entropy-logits", "LOGISTIC": "binary-cross-entropy-logits"}


def as_uint8(b: Int8Builder, x: int, scale: float, zero_point: int) -> int:
    y = b.op("QUANTIZE", [x], tuple(b.graph.tensors[x].shape.tolist()))
    b.graph.tensors[y].type = TYPES["uint8"]
    return b.quantise(y, scale, zero_point)


def squashed(b: Int8Builder, end: str, logit_scale: float = 0.05) -> int:
    x = b.int8_dense(b.int8_input(1, 9, scale=0.04, zero_point=3), 4, per_channel=False)
    b.quantise(x, logit_scale, -5)
    options = {"beta": 1.0} if end == "SOFTMAX" else {}
    return b.quantise(b.int8_op(end, [x], (1, 4), **options), 1 / 256, -128)


@pytest.mark.parametrize("end", FROM_LOGITS)
def test_what_stores_the_output_in_another_type_is_no_part_of_the_model_s_end(end):
    """A full-integer model whose output is uint8 has QUANTIZE behind its softmax or sigmoid."""
    rng = np.random.default_rng(2)
    b = Int8Builder(rng)
    data = b.finish(as_uint8(b, squashed(b, end), 1 / 256, 0))
    assert tt.convert(data).plan.loss == FROM_LOGITS[end]
    label = 2 if end == "SOFTMAX" else rng.integers(0, 2, 4).astype(np.float32)
    assert check(data, rng.normal(size=9), label, KINDS[end]) > 0


@pytest.mark.parametrize("end", FROM_LOGITS)
def test_the_loss_reads_probabilities_in_float_before_they_are_stored(end):
    """Softmax or sigmoid in float32 between integers: steps of 1/256 would round small errors away."""
    losses = []
    x = np.random.default_rng(3).normal(size=(20, 9)).astype(np.float32)
    for stored in (False, True):
        rng = np.random.default_rng(3)
        y = rng.integers(0, 4, 20) if end == "SOFTMAX" else rng.integers(0, 2, (20, 4)).astype(np.float32)
        b = Int8Builder(rng)
        logits = b.op("DEQUANTIZE", [b.int8_dense(b.int8_input(1, 9), 4)], (1, 4))
        p = b.op(end, [logits], (1, 4), **({"beta": 1.0} if end == "SOFTMAX" else {}))
        trainer = tt.Trainer(tt.convert(b.finish(as_uint8(b, p, 1 / 256, 0) if stored else p)))
        losses.append(trainer.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("loss", ["auto", "cross-entropy", "binary-cross-entropy"])
def test_a_hard_sigmoid_in_integers_is_no_logits(loss):
    b = Int8Builder(np.random.default_rng(4))
    x = b.int8_dense(b.int8_input(1, 9), 4, per_channel=False, fused=3)
    sixth = b.int8_constant(np.array(127), 1 / 6 / 127, 0)
    data = b.finish(b.quantise(b.int8_op("MUL", [x, sixth], (1, 4)), 1 / 256, -128))
    with pytest.raises(tt.ConversionError, match=f"--loss {loss} cannot be computed.*probabilities.*use --loss mse$"):
        tt.convert(data, tt.TrainingConfig(loss=loss))
    tt.convert(data, tt.TrainingConfig(loss="mse"))


@pytest.mark.parametrize("kind", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"])
def test_a_view_that_restates_its_integers_is_refused(kind):
    """TensorFlow Lite Micro copies the bytes, so that the numbers change: their error would have to as well."""
    b = Int8Builder(np.random.default_rng(5))
    x = b.int8_dense(b.int8_input(1, 9), 4)
    inputs = {
        "RESHAPE": [b.constant(np.array([1, 1, 4], np.int32))],
        "EXPAND_DIMS": [b.constant(np.array(0, np.int32))],
    }
    shape = (4,) if kind == "SQUEEZE" else (1, 1, 4)
    options = {"squeezeDims": np.array([0], np.int32)} if kind == "SQUEEZE" else {}
    y = b.int8_op(kind, [x, *inputs.get(kind, [])], shape, **options)
    with pytest.raises(tt.ConversionError, match=f"{kind} is supported only when its int8 output has the scale and"):
        tt.convert(b.finish(y))
    b.same_scale(y, x)
    tt.convert(b.finish(y))


@pytest.mark.parametrize("end", FROM_LOGITS)
@pytest.mark.parametrize("device", ["native", "qemu:m3"])
def test_accuracy_is_that_of_the_stored_output_and_the_loss_that_of_the_logits(device, end):
    """Close logits give equal probabilities: the file's readers see the first of the largest."""
    rng = np.random.default_rng(6)
    b = Int8Builder(rng)
    data = b.finish(squashed(b, end, logit_scale=0.001))
    x = rng.normal(size=(200 if device == "native" else 60, 9)).astype(np.float32)
    y = rng.integers(0, 4, len(x)) if end == "SOFTMAX" else rng.integers(0, 2, (len(x), 4)).astype(np.float32)
    with tt.Trainer(tt.convert(data), device) as trainer:
        p, found = trainer.predict(x), trainer.evaluate(x, y)
    assert found["accuracy"] == np.mean(p.argmax(axis=1) == y if end == "SOFTMAX" else (p > 0.5) == (y > 0.5))
    equal = (p == p.max(axis=1, keepdims=True)).sum(axis=1) > 1 if end == "SOFTMAX" else p == 0.5
    if device == "native":
        assert equal.any()
        of_file = evaluate_file(data, "tflm", x, y)
        assert of_file["accuracy"] == found["accuracy"] and of_file["loss"] == pytest.approx(found["loss"], rel=1e-5)
