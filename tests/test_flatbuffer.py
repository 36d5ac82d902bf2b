"""Reading and writing ``.tflite`` bytes: nothing is lost, buffers are aligned, damaged files are refused."""

from __future__ import annotations

import struct

import models
import networks
import numpy as np
import pytest
from model_compare import differences
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.flatbuffer import dump, load, schema
from tflm_train.converters.model_reader import read_graph

KERAS = list(models.BUILDERS)
BUILT = list(networks.ALL)


def buffer_positions(data: bytes) -> list[int]:
    """Where the bytes of each non-empty buffer begin in the file."""
    root = schema.Model.GetRootAs(data, 0)
    tables = [root.Buffers(i)._tab for i in range(root.BuffersLength())]
    fields = [(table, table.Offset(4)) for table in tables]
    return [table.Vector(field) for table, field in fields if field and table.VectorLen(field)]


@pytest.mark.parametrize("name", KERAS)
def test_a_round_trip_keeps_every_field(name):
    before = load(models.tflite(name))
    assert differences(before, load(dump(before))) == []


@pytest.mark.parametrize("name", KERAS)
def test_buffers_are_aligned_to_16_bytes_in_the_file(name):
    data = dump(load(models.tflite(name)))
    positions = buffer_positions(data)
    assert len(positions) >= 5
    assert [p % 16 for p in positions] == [0] * len(positions)


def test_buffers_of_any_length_are_aligned():
    model = load(models.tflite("mlp"))
    contents = [np.arange(n, dtype=np.uint8) for n in range(1, 50)]
    for content in contents:
        buffer = schema.BufferT()
        buffer.data = content
        model.buffers.append(buffer)
    data = dump(model)
    assert all(p % 16 == 0 for p in buffer_positions(data))
    assert all((a.data == b).all() for a, b in zip(load(data).buffers[-len(contents) :], contents))


def test_empty_and_missing_buffers_stay_apart():
    model = load(models.tflite("mlp"))
    model.buffers += [schema.BufferT(), schema.BufferT()]
    model.buffers[-1].data = np.zeros(0, np.uint8)
    again = load(dump(model))
    assert again.buffers[-2].data is None and again.buffers[-1].data.size == 0


@pytest.mark.parametrize("name", BUILT)
def test_writing_is_deterministic_and_idempotent(name):
    data = networks.ALL[name]()
    once = dump(load(data))
    assert once == dump(load(data)) == dump(load(once))


# Refusals


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"TFL3", "no TensorFlow Lite model"),
        (b"PK\x03\x04" + b"\0" * 100, "no TensorFlow Lite model"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "no TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL3", "truncated or damaged"),
        (b"\xff\xff\xff\xffTFL3" + b"\xff" * 100, "truncated or damaged"),
        (b"\0\0\0\0TFL3" + b"\0" * 100, "truncated or damaged"),
    ],
)
def test_foreign_bytes_are_refused_by_the_file_name(data, message):
    with pytest.raises(ConversionError, match=f"^photo.tflite .*{message}"):
        load(data, "photo.tflite")


def test_several_subgraphs_are_refused():
    model = load(models.tflite("mlp"))
    model.subgraphs.append(model.subgraphs[0])
    with pytest.raises(ConversionError, match="a.tflite has 2 subgraphs .*unroll=True in Keras"):
        load(dump(model), "a.tflite")


def test_external_buffers_are_refused():
    model = load(models.tflite("mlp"))
    model.buffers[1] = schema.BufferT()

    class External:
        def Pack(self, builder):
            schema.BufferStart(builder)
            schema.BufferAddOffset(builder, 4096)
            schema.BufferAddSize(builder, 64)
            return schema.BufferEnd(builder)

    import flatbuffers

    builder = flatbuffers.Builder(1024)
    model.buffers[1] = External()
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(ConversionError, match="a.tflite keeps data outside its flatbuffer"):
        load(bytes(builder.Output()), "a.tflite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: setattr(m.subgraphs[0].tensors[1], "buffer", 999), "buffer that does not exist"),
        (lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 9), "operator code that does not exist"),
        (
            lambda m: setattr(m.subgraphs[0].operators[0], "inputs", np.array([0, 77, -1], np.int32)),
            "tensor that does not exist",
        ),
        (
            lambda m: setattr(m.subgraphs[0].operators[0], "inputs", np.array([0, -2, -1], np.int32)),
            "tensor that does not exist",
        ),
        (
            lambda m: setattr(m.subgraphs[0].operators[0], "outputs", np.array([-1], np.int32)),
            "tensor that does not exist",
        ),
        (lambda m: setattr(m.subgraphs[0], "inputs", np.array([1000], np.int32)), "tensor that does not exist"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "shape", np.array([1, -16], np.int32)), "negative dimension"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "type", 100), "unknown type 100"),
        (lambda m: setattr(m.metadata[0], "buffer", 4000), "buffer that does not exist"),
        (lambda m: setattr(m, "version", 2), "schema version is 2"),
        (lambda m: setattr(m, "subgraphs", None), "no subgraphs"),
    ],
)
def test_indices_out_of_range_are_refused(change, message):
    model = load(models.tflite("mlp"))
    change(model)
    with pytest.raises(ConversionError, match=f"^a.tflite is truncated or damaged.*{message}"):
        load(dump(model), "a.tflite")


def _read(data: bytes) -> bool:
    """Whether the bytes are read; every error but a one-sentence ConversionError that names the file fails the test."""
    try:
        read_graph(load(data, "a.tflite"), "a.tflite")
        return True
    except ConversionError as error:
        assert str(error).startswith("a.tflite") and "\n" not in str(error)
        return False


@pytest.mark.parametrize("name", ["mlp", "mobilenet"])
def test_truncated_files_are_refused(name):
    data = dump(load(models.tflite(name)))
    lengths = sorted({*range(0, 300), *range(300, len(data), 37)})
    assert not any(_read(data[:n]) for n in lengths)


@pytest.mark.parametrize("name", ["cnn", "conv1d"])
def test_flipped_bits_give_a_model_or_a_sentence(name):
    data = bytearray(models.tflite(name))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), rng.integers(1, 4)):
            damaged[position] ^= 1 << rng.integers(8)
        refused += not _read(bytes(damaged))
    print(f"{name}: {refused} of 1500 damaged files refused")
    assert refused > 300


def test_overwritten_words_give_a_model_or_a_sentence():
    data = models.tflite("cnn")
    rng = np.random.default_rng(1)
    for position in range(0, len(data) - 4, 4):
        word = rng.choice([0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, len(data)])
        _read(data[:position] + struct.pack("<I", word) + data[position + 4 :])
