"""Work on a file is linear in its bytes, however often its parts are referred to: counted, not timed."""

from __future__ import annotations

import networks
import numpy as np
import pytest
import shared_references
from tflm_train.converters import flatbuffer, flatbuffer_verifier
from tflm_train.converters.errors import ConversionError
from tflm_train.converters.flatbuffer_verifier import SEARCH_PER_BYTE, WORK_PER_BYTE, verify

import tflm_train as tt
from tflm_train import _native

COUNTS = (2_000, 10_000, 40_000)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", shared_references.KINDS)
def test_reading_is_linear_work(kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_references.hostile(kind, count)
    reads = 0
    read = flatbuffer_verifier._Walker.unsigned

    def counted(walker: flatbuffer_verifier._Walker, position: int, size: int) -> int:
        nonlocal reads
        reads += 1
        return read(walker, position, size)

    def unexpected(*arguments: object) -> None:
        raise AssertionError("a hostile file came as far as the schema's reader, which follows every reference")

    monkeypatch.setattr(flatbuffer_verifier._Walker, "unsigned", counted)
    monkeypatch.setattr(flatbuffer.schema.ModelT, "InitFromPackedBuf", unexpected)
    with pytest.raises(ConversionError, match="a.tflite .*damaged: .*(again and again|tensors and .*buffers)"):
        flatbuffer.load(data, "a.tflite")
    assert reads <= WORK_PER_BYTE * len(data)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "kind", [kind for kind in shared_references.KINDS if kind not in ("long_names", "long_options")]
)
def test_the_device_refuses_what_is_not_linear(kind: str, count: int) -> None:
    """It has no use for names, nor for the vectors of options; its budget is twice the converter's."""
    data = shared_references.hostile(kind, count)
    with pytest.raises(_native.NativeError, match="no intact TensorFlow Lite file"):
        _native.fingerprint(data, np.zeros(0, np.uint32))
    with pytest.raises(_native.NativeError, match="no intact TensorFlow Lite file"):
        _native.NativeTrainer(data, 1 << 16)


@pytest.mark.parametrize("name", networks.ALL)
def test_ordinary_files_need_little_of_the_budget(name: str) -> None:
    data = tt.convert(networks.ALL[name]()).data
    assert verify(data) < 0.4 * WORK_PER_BYTE * len(data)
    model = flatbuffer.load(data)
    assert len(model.subgraphs[0].tensors) * len(model.buffers) < 0.1 * SEARCH_PER_BYTE * len(data)


def test_parts_may_be_shared_a_few_times() -> None:
    data = shared_references.hostile("long_shapes", 3)
    assert verify(data) < WORK_PER_BYTE * len(data)
    assert len(flatbuffer.load(data).subgraphs[0].tensors) > 3
