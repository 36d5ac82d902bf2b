"""Damaged files, made from ordinary ones: ``python tests/mutated_files.py COUNT [SEED]`` tries many by hand."""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bodies
import flatbuffers
import int8_networks
import networks
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_builder import ModelBuilder
from tflm_cases import flatten, views

import tflm_train as tt
from tflm_train.inspection import inspect_report

WORDS = [0, 1, 2, 3, 4, 5, 7, 8, 127, 128, 255, 256, 65535, 65536, 2**20, 2**29, 2**30, 2**31 - 1]
WORDS += [-word for word in WORDS[1:]] + [-(2**31), 0x7FC00000, 0x7F800000]
FLOATS = [0.0, -0.0, -1.0, 1e-45, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan")]


def branches() -> bytes:
    """What the other networks lack: branches that meet, moved elements, reductions, functions of one element."""
    rng, b = np.random.default_rng(4), ModelBuilder()
    x = b.conv(b.input(1, 6, 6, 2), rng.normal(size=(4, 3, 3, 2)), rng.normal(size=4), dilation=(2, 1))
    x = b.op("LEAKY_RELU", [x], (1, 6, 6, 4), alpha=0.1)
    y = b.op("PAD", [x, b.constant(np.array([[0, 0], [1, 1], [0, 2], [0, 0]]))], (1, 8, 8, 4))
    y = b.op("STRIDED_SLICE", [y, *(b.constant(np.array(v)) for v in ([0, 1, 0, 0], [1, 7, 6, 4], [1, 1, 1, 1]))],
             (1, 6, 6, 4))  # fmt: skip
    y = b.op("TRANSPOSE", [y, b.constant(np.array([0, 2, 1, 3]))], (1, 6, 6, 4))
    x = b.op("CONCATENATION", [b.op("MUL", [x, y], (1, 6, 6, 4)), b.op("HARD_SWISH", [y], (1, 6, 6, 4))],
             (1, 6, 6, 8), axis=3)  # fmt: skip
    x = b.conv(x, rng.normal(size=(1, 3, 3, 16)), None, (2, 2), "VALID", activation="RELU6", multiplier=2)
    x = b.op("RESIZE_NEAREST_NEIGHBOR", [x, b.constant(np.array([4, 4]))], (1, 4, 4, 16))
    x = b.pool("AVERAGE", x, (2, 2), (2, 2))
    x = b.op("MEAN", [x, b.constant(np.array([1, 2]))], (1, 16), keepDims=False)
    x = b.op("SUB", [x, b.constant(rng.normal(size=16))], (1, 16))
    x = b.op("DIV", [x, b.constant(np.full(16, 2.0))], (1, 16))
    x = b.op("LOGISTIC", [b.dense(x, rng.normal(size=(3, 16)), None)], (1, 3))
    return b.finish(b.op("TILE", [x, b.constant(np.array([1, 2]))], (1, 6)))


def attention() -> bytes:
    """Several outputs, products of matrices, slopes, groups, a transposed convolution."""
    rng, b = np.random.default_rng(5), ModelBuilder()
    x = b.conv(b.input(1, 4, 4, 4), rng.normal(size=(6, 3, 3, 2)), rng.normal(size=6))
    x = b.op("PRELU", [x, b.constant(rng.normal(size=(1, 1, 6)))], (1, 4, 4, 6))
    inputs = [b.constant(np.array([1, 8, 8, 2])), b.constant(rng.normal(size=(2, 3, 3, 6))), x]
    x = b.op("TRANSPOSE_CONV", inputs, (1, 8, 8, 2), strideH=2, strideW=2)
    x = b.op("SLICE", [x, b.constant(np.array([0, 2, 2, 0])), b.constant(np.array([1, 6, -1, 2]))], (1, 6, 6, 2))
    x = b.reshape(b.op("GELU", [x], (1, 6, 6, 2)), 1, 12, 6)
    query, key, value = b.ops("SPLIT", [b.constant(np.array(2)), x], [(1, 12, 2)] * 3, numSplits=3)
    scores = b.op("SOFTMAX", [b.op("BATCH_MATMUL", [query, key], (1, 12, 12), adjY=True)], (1, 12, 12), beta=1.0)
    y = b.op("BATCH_MATMUL", [scores, value], (1, 12, 2))
    sizes = [b.constant(np.array(v)) for v in ([1, 11], 1)]
    _, y = b.ops("SPLIT_V", [y, *sizes], [(1, 1, 2), (1, 11, 2)], numSplits=2)
    left, right = b.ops("UNPACK", [y], [(1, 11)] * 2, num=2, axis=2)
    y = b.reshape(b.op("PACK", [right, left], (1, 2, 11), valuesCount=2, axis=1), 1, 22)
    return b.finish(b.dense(y, rng.normal(size=(3, 22)), None))


def lookup() -> bytes:
    """Rows of a table by an int32 input, with Keras' correction of negative indices."""
    rng, b = np.random.default_rng(6), ModelBuilder()
    x = b.input(1, 5, dtype="int32")
    negative = b.op("LESS", [x, b.constant(np.array(0))], (1, 5))
    wrapped = b.op("ADD", [x, b.constant(np.array(9))], (1, 5))
    chosen = b.op("SELECT", [negative, wrapped, x], (1, 5))
    for tensor, kind in ((negative, 6), (wrapped, 2), (chosen, 2)):
        b.graph.tensors[tensor].type = kind
    y = b.op("GATHER", [b.constant(rng.normal(size=(9, 4))), chosen], (1, 5, 4))
    return b.finish(b.dense(b.reshape(y, 1, 20), rng.normal(size=(3, 20)), None))


def packed() -> bytes:
    """Constants in float16 and in integers for float32 activations: dense layers, and a table that is looked up."""
    rng, b = np.random.default_rng(7), ModelBuilder()
    table = bodies.quantised(b, b.constant(rng.integers(-99, 99, (9, 4)).astype(np.int8)), "int8", 0.02)
    rows = bodies.quantised(b, b.op("GATHER", [table, b.input(1, 5, dtype="int32")], (1, 5, 4)), "int8", 0.02)
    x = b.reshape(b.op("DEQUANTIZE", [rows], (1, 5, 4)), 1, 20)
    weights = b.constant(rng.integers(-99, 99, (6, 20)).astype(np.int8))
    x = b.op("FULLY_CONNECTED", [x, bodies.quantised(b, weights, "int8", np.full(6, 0.01), [0] * 6), -1], (1, 6))
    ends = [b.op("DEQUANTIZE", [b.constant(rng.normal(size=s).astype(np.float16))], s) for s in ((3, 6), (3,))]
    return b.finish(b.op("FULLY_CONNECTED", [x, *ends], (1, 3)))


def aligned(data: bytes) -> bytes:
    return tt.convert(data, tt.TrainingConfig(align="guarded"), statistics=networks.samples(data, 20)[0]).data


ORDINARY: dict[str, Callable[[], bytes]] = {
    "mlp": lambda: networks.mlp(sizes=(8, 6, 4)),
    "cnn": lambda: networks.cnn(size=8),
    "views": views,
    "flatten": flatten,
    "branches": branches,
    "attention": attention,
    "lookup": lookup,
    "planned": lambda: tt.convert(networks.mlp(sizes=(8, 6, 4))).data,
    "packed": packed,
    "quantised": bodies.int8,
    "int8": int8_networks.cnn,
    "planned_int8": lambda: tt.convert(int8_networks.cnn(), tt.TrainingConfig(update="stochastic")).data,
    "planned_align": lambda: aligned(networks.cnn(size=8)),
    "planned_head": lambda: tt.convert(bodies.int8(), tt.TrainingConfig(layers="last:1")).data,
}


def _bytes_mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes or words replaced, or the end cut off."""
    out = bytearray(data)
    if rng.random() < 0.03:
        return bytes(out[: rng.integers(len(out))])
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.5:
            out[rng.integers(len(out))] = rng.integers(256)
        else:
            place = 4 * int(rng.integers(len(out) // 4))
            out[place : place + 4] = (WORDS[rng.integers(len(WORDS))] & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(out)


def _array_mutated(values: Any, rng: np.random.Generator) -> Any:
    """A vector with an element changed, dropped or repeated."""
    items = np.array(values)
    if len(items) == 0:
        return items
    at, kind = rng.integers(len(items)), rng.random()
    if kind < 0.15:
        return np.delete(items, at)
    if kind < 0.3:
        return np.insert(items, at, items[rng.integers(len(items))])
    if items.dtype == np.uint8 and len(items) >= 4:  # a constant's data
        words = items[: len(items) // 4 * 4].view(np.int32)
        if rng.random() < 0.5:
            words[rng.integers(len(words))] = WORDS[rng.integers(len(WORDS))] % 2**31
        else:
            words.view(np.float32)[rng.integers(len(words))] = FLOATS[rng.integers(len(FLOATS))]
        return items
    items[at] = int(rng.integers(-1, 20)) if rng.random() < 0.6 else WORDS[rng.integers(len(WORDS))]
    return items


def _field_mutated(model: Any, rng: np.random.Generator) -> None:
    """One field of an operator, its options, a tensor, its quantisation, a buffer, an operator code or the subgraph."""
    graph = model.subgraphs[0]
    operators = graph.operators
    options, quantisation = [o.builtinOptions for o in operators], [t.quantization for t in graph.tensors]
    families = [operators, options, graph.tensors, quantisation, model.buffers, model.operatorCodes, [graph]]
    family = families[rng.choice(7, p=[0.25, 0.25, 0.2, 0.1, 0.1, 0.05, 0.05])]
    thing = family[rng.integers(len(family))]
    if thing is None:
        return
    names = [name for name, value in vars(thing).items() if isinstance(value, (bool, int, float, np.ndarray, list))]
    names = [name for name in names if name not in ("tensors", "operators")]
    if not names:
        return
    name = names[rng.integers(len(names))]
    value = getattr(thing, name)
    if isinstance(value, (np.ndarray, list)):
        setattr(thing, name, _array_mutated(value, rng) if rng.random() < 0.95 else None)
    elif isinstance(value, float):
        setattr(thing, name, FLOATS[rng.integers(len(FLOATS))])
    elif isinstance(value, bool):
        setattr(thing, name, not value)
    else:
        setattr(thing, name, int(rng.integers(-1, 150)) if rng.random() < 0.7 else WORDS[rng.integers(len(WORDS))])


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A damaged file: bytes changed, or a few fields of its tables."""
    if rng.random() < 0.4:
        return _bytes_mutated(data, rng)
    while True:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            _field_mutated(model, rng)
        builder = flatbuffers.Builder(len(data))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                builder.Finish(model.Pack(builder), b"TFL3")
        except Exception:  # a value that the schema's field cannot hold
            continue
        return bytes(builder.Output())


def outcome(data: bytes, config: tt.TrainingConfig) -> str:
    """What inspecting, loading and converting a file comes to; anything but a documented error is raised."""
    found = ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            if inspect_report(data, "damaged.tflite")["has_plan"]:
                tt.Trainer(data).close()
        except tt.UserError as error:
            _check_sentence(error)
        try:
            tt.convert(data, config)  # which loads the result
        except tt.UserError as error:
            _check_sentence(error)
            found = "refused by its device" if "fault of the converter" in str(error) else "refused"
    return found or "trained"


def _check_sentence(error: Exception) -> None:
    if isinstance(error, tt.MissingToolError) or len(str(error)) > 1000 or "Traceback" in str(error):
        raise AssertionError(f"no sentence of a user's mistake: {error}") from error


CONFIGS = (
    tt.TrainingConfig(),
    tt.TrainingConfig(selector="tinyprop", accumulate=2),
    tt.TrainingConfig(layers="last:1", add_bias=True),
)


def run(count: int, seed: int, failed: Callable[[str, bytes, Exception], None]) -> dict[str, int]:
    """Number of files by outcome; `failed` is told of what is none."""
    rng = np.random.default_rng(seed)
    originals = {name: build() for name, build in ORDINARY.items()}
    counts: dict[str, int] = {}
    for i in range(count):
        name = list(originals)[i % len(originals)]
        data = mutated(originals[name], rng)
        try:
            result = outcome(data, CONFIGS[rng.integers(len(CONFIGS))])
            counts[result] = counts.get(result, 0) + 1
        except Exception as error:
            failed(name, data, error)
    return counts


def main(count: int, seed: int = 0) -> None:
    """Print the outcomes, and each failure once."""
    seen: dict[str, int] = {}

    def note(name: str, data: bytes, error: Exception) -> None:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "tests" not in f.filename]
        places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[:-4:-1])
        key = f"{name}: {type(error).__name__}: {str(error)[:150]} at {places}"
        seen[key] = seen.get(key, 0) + 1

    start = time.time()
    print(run(count, seed, note), f"{time.time() - start:.0f} s")
    for key, number in sorted(seen.items(), key=lambda item: -item[1]):
        print(f"{number:5} {key}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
