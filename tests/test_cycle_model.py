"""Costs worked out by hand from the table of the Cortex-M4's Technical Reference Manual."""

from __future__ import annotations

import pytest

from tflm_train.measure.block_counts import cost
from tflm_train.measure.cycle_model import REFILL, Instruction, block_cycles
from tflm_train.measure.disassembly import Disassembly


def block(*lines: str) -> list[Instruction]:
    return [Instruction(*(line.split(" ", 1) if " " in line else (line, ""))) for line in lines]


@pytest.mark.parametrize(
    ("line", "cycles"),
    [
        ("adds r0, r1, #1", 1),
        ("mla r0, r1, r2, r3", 1),
        ("udiv r0, r1, r2", 12),
        ("ldr.w r0, [r1, #4]", 2),
        ("ldrsble r0, [r1]", 2),
        ("str r0, [r1]", 1),
        ("ldrd r0, r1, [r2]", 3),
        ("push {r4, r5, r6, lr}", 5),
        ("ldmia.w sp!, {r4-r7, pc}", 6),
        ("vldmia r0!, {s8-s15}", 9),
        ("vpush {d8-d9}", 5),
        ("vldr s0, [r1]", 2),
        ("vldr d0, [r1]", 3),
        ("vstr s0, [r1]", 1),
        ("vadd.f32 s0, s1, s2", 1),
        ("vmulgt.f32 s0, s1, s2", 1),
        ("vfma.f32 s0, s1, s2", 3),
        ("vmls.f32 s0, s1, s2", 3),
        ("vdiv.f32 s0, s1, s2", 14),
        ("vsqrt.f32 s0, s1", 14),
        ("vmov.f32 s0, s1", 1),
        ("vmov r0, r1, d0", 2),
        ("vcmpe.f32 s0, #0.0", 1),
        ("bls.n 8010 <f+0x10>", 1),
        ("blt.w 8010 <f+0x10>", 1),
        ("vldmdb r0!, {s4}", 2),
        ("it gt", 1),
        ("tbb [pc, r0]", 2),
    ],
)
def test_one_instruction(line: str, cycles: int) -> None:
    assert block_cycles(block(line)) == cycles


def test_loads_overlap_unless_one_gives_the_address_of_the_next() -> None:
    assert block_cycles(block("ldr r0, [r3]", "ldr r1, [r3, #4]", "ldr r2, [r3, #8]")) == 4
    assert block_cycles(block("ldr r0, [r3]", "ldr r1, [r0]")) == 4
    assert block_cycles(block("vldr s0, [r3]", "vldr s1, [r3, #4]")) == 3
    assert block_cycles(block("str r0, [r3]", "ldr r1, [r0]")) == 2


def test_a_float_result_that_is_used_at_once_costs_one_cycle_more() -> None:
    assert block_cycles(block("vmul.f32 s0, s1, s2", "vadd.f32 s3, s3, s0")) == 3
    assert block_cycles(block("vmul.f32 s0, s1, s2", "vadd.f32 s3, s3, s4")) == 2
    assert block_cycles(block("vfma.f32 s0, s1, s2", "vfma.f32 s0, s3, s4")) == 7  # the sum is read too
    assert block_cycles(block("vfma.f32 s0, s1, s2", "vfma.f32 s5, s3, s4")) == 6


def test_blocks_are_weighted_by_their_executions() -> None:
    lines = block("vldr s0, [r1]", "adds r0, #1", "vfma.f32 s0, s1, s2", "bne.n 100", "nop", "nop")
    addresses = [96, 100, 102, 106, 108, 110]
    functions = dict.fromkeys(addresses, "kernel") | {108: "instruction_counter::Now()", 110: "__aeabi_uldivmod"}
    listing = Disassembly(dict(zip(addresses, lines)), functions, {"kernel": 100})
    total = cost("100 3 10 1 9\n102 2 1 0 0\n108 1 50 0 50\n110 1 50 0 50\n", listing)
    assert total.instructions == 10 * 3 + 2
    assert total.cycles == 10 * (1 + 3 + 1) + 9 * REFILL + (3 + 1)
    assert total.instructions_of == {"kernel": 32} and total.cycles_of == {"kernel": total.cycles}


def test_a_cut_through_a_block_changes_no_cycle() -> None:
    lines = block("ldr r0, [r3]", "ldr r1, [r3, #4]", "vmul.f32 s0, s1, s2", "vadd.f32 s3, s3, s0", "bx lr")
    addresses = [100, 104, 108, 112, 116]
    listing = Disassembly(dict(zip(addresses, lines)), dict.fromkeys(addresses, "kernel"), {"kernel": 100})
    whole = cost("100 5 7 0 7\n", listing)
    assert whole.cycles == 7 * (2 + 1 + 1 + 2 + 1 + REFILL)
    assert cost("100 1 7 0 0\n104 2 7 7 0\n112 2 7 7 7\n", listing) == whole
