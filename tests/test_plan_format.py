"""The plan's bytes: a round trip, the C++ twin, and refusals of damaged plans."""

import networks
import numpy as np
import pytest
from tflm_train.converters import plan_format as pf
from tflm_train.converters.convert import convert
from tflm_train.converters.errors import ConversionError, PlanError

from tflm_train.config import TrainingConfig


def small_plan() -> pf.Plan:
    sections = {kind: np.zeros(2, dtype) for kind, dtype in pf.SECTION_DTYPES.items()}
    sections[pf.SectionKind.DEFAULTS] = np.zeros(1, pf.DEFAULTS)
    sections[pf.SectionKind.DEFAULTS]["learning_rate"] = 0.25
    sections[pf.SectionKind.INDICES] = np.arange(3, dtype="<u2")
    return pf.Plan(sections, fingerprint=0xDEADBEEF, weights_crc=7)


def test_round_trip():
    plan = small_plan()
    again = pf.decode(pf.encode(plan))
    assert (again.fingerprint, again.weights_crc) == (0xDEADBEEF, 7)
    for kind, records in plan.sections.items():
        assert np.array_equal(again.sections[kind], records), kind


def test_records_have_no_hidden_padding():
    for dtype in (pf.HEADER, pf.SECTION, *pf.SECTION_DTYPES.values()):
        if dtype.fields:
            assert dtype.itemsize % 4 == 0
            position = 0
            for name in dtype.names:
                field, offset = dtype.fields[name][:2]
                assert offset == position, name
                unit = (field.subdtype[0] if field.subdtype else field).itemsize
                assert offset % unit == 0, f"{name} would be moved by a C++ compiler"
                position += field.itemsize


@pytest.mark.parametrize("length", [0, 1, 31, 32, 100, -1])
def test_truncated(length):
    with pytest.raises(PlanError):
        pf.decode(pf.encode(small_plan())[:length])


def test_every_flipped_bit_behind_the_weights_crc_is_found():
    data = pf.encode(small_plan())
    for position in [*range(12), *range(16, len(data))]:
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(PlanError):
                pf.decode(bytes(damaged))


def test_unknown_sections():
    def with_extra_section(flags: int) -> bytes:
        plan = small_plan()
        data = bytearray(pf.encode(plan))
        count = len(plan.sections)
        table = np.frombuffer(bytes(data), pf.SECTION, count, pf.HEADER.itemsize).copy()
        table[-1]["kind"], table[-1]["flags"] = 999, flags
        data[pf.HEADER.itemsize : pf.HEADER.itemsize + table.nbytes] = table.tobytes()
        import zlib

        data[16:20] = zlib.crc32(bytes(data[pf.PLAN_CRC_BEGIN :])).to_bytes(4, "little")
        return bytes(data)

    with pytest.raises(PlanError, match="999"):
        pf.decode(with_extra_section(pf.SECTION_REQUIRED))
    with pytest.raises(PlanError, match="QUANTIZATION"):  # skipped, but then a required one is missing
        pf.decode(with_extra_section(0))


def test_huge_arenas_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(pf, "ADDRESS_BITS", 10)
    with pytest.raises(ConversionError, match=r"an arena of more than 1024 bytes.*train fewer layers \(--layers\)"):
        convert(networks.mlp(), TrainingConfig())
