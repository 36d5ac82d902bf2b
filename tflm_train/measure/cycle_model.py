"""A model of the Cortex-M4F's cycles: what each executed instruction costs.

Costs are those of Arm's Technical Reference Manual (DDI 0439, tables 3-1 and 7-1). Where it gives a range, one
value stands for it. Memory without wait states; docs/benchmarks.md lists what the model leaves out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REFILL = 2  # of the pipeline after a taken branch: 1 to 3
DIVISION = 12  # SDIV and UDIV: 2 to 12
FLOAT_DIVISION = 14  # VDIV and VSQRT
FLOAT_MULTIPLY_ADD = 3
LOAD = 2  # 1 when it follows another load or store

_CONDITION = "(?:eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?"
_SUFFIX = r"(?:\.[a-z0-9.]+)?"
_REGISTER = re.compile(r"\b(?:[rsd]\d+|sp|lr|pc|ip|fp|sl)\b")


def _pattern(names: str) -> re.Pattern[str]:
    return re.compile(f"(?:{names}){_CONDITION}{_SUFFIX}")


_MULTIPLE = _pattern("v?ldm(?:ia|db)?|v?stm(?:ia|db)?|v?push|v?pop")
_LOAD_PAIR = _pattern("ldrd|strd")
_LOAD_WORD = _pattern("ldrs?[bh]?t?|vldr")
_STORE_WORD = _pattern("str[bh]?t?|vstr")
_TABLE_BRANCH = _pattern("tbb|tbh")
_DIVIDE = _pattern("sdiv|udiv")
_FLOAT_DIVIDE = _pattern("vdiv|vsqrt")
_FLOAT_ACCUMULATE = _pattern("vn?ml[as]|vfn?m[as]")
_FLOAT_ARITHMETIC = _pattern("vn?ml[as]|vfn?m[as]|vdiv|vsqrt|vadd|vsub|vn?mul")
_FLOAT_MOVE = _pattern("vmov")


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly.

    Attributes
    ----------
    mnemonic : str
        Lower case, with condition and suffixes: ``vldmia``, ``beq.n``.
    operands : str
    """

    mnemonic: str
    operands: str

    def is_like(self, pattern: re.Pattern[str]) -> bool:
        return pattern.fullmatch(self.mnemonic) is not None

    @property
    def registers(self) -> list[str]:
        """In order of appearance; a range in a list counts every member."""
        text = re.sub(r"([rsd])(\d+)-\1(\d+)", _spell_out, self.operands)
        return _REGISTER.findall(text)


def _spell_out(match: re.Match[str]) -> str:
    kind, first, last = match.group(1), int(match.group(2)), int(match.group(3))
    return ", ".join(f"{kind}{i}" for i in range(first, last + 1))


def block_cycles(instructions: list[Instruction], previous: Instruction | None = None) -> int:
    """Cycles of a block that runs from its first instruction to its last; REFILL not included.

    Parameters
    ----------
    instructions : list of Instruction
    previous : Instruction, optional
        What was executed just before.
    """
    total = 0
    for instruction in instructions:
        total += _cycles(instruction, previous)
        previous = instruction
    return total


def _cycles(instruction: Instruction, previous: Instruction | None) -> int:
    if instruction.is_like(_MULTIPLE):
        return 1 + _words(instruction)
    if instruction.is_like(_LOAD_PAIR):
        return 3
    if instruction.is_like(_LOAD_WORD):
        words = 2 if _first(instruction).startswith("d") else 1
        return LOAD + words - 1 - int(_continues(instruction, previous))
    if instruction.is_like(_STORE_WORD):
        return 2 if _first(instruction).startswith("d") else 1
    if instruction.is_like(_DIVIDE):
        return DIVISION
    if instruction.is_like(_TABLE_BRANCH):
        return 2
    if instruction.is_like(_FLOAT_MOVE):
        return 2 if len(instruction.registers) > 2 else 1
    cost = 1
    if instruction.is_like(_FLOAT_DIVIDE):
        cost = FLOAT_DIVISION
    elif instruction.is_like(_FLOAT_ACCUMULATE):
        cost = FLOAT_MULTIPLY_ADD
    return cost + int(_waits(instruction, previous))


def _first(instruction: Instruction) -> str:
    return instruction.registers[0] if instruction.registers else ""


def _words(instruction: Instruction) -> int:
    listed = Instruction("", instruction.operands[instruction.operands.find("{") :]).registers
    return sum(2 if register.startswith("d") else 1 for register in listed)


def _continues(load: Instruction, previous: Instruction | None) -> bool:
    """A load is overlapped with the load or store before it, unless that gives its address."""
    if previous is None or not (previous.is_like(_LOAD_WORD) or previous.is_like(_STORE_WORD)):
        return False
    return previous.is_like(_STORE_WORD) or _first(previous) not in load.registers[1:]


def _waits(instruction: Instruction, previous: Instruction | None) -> bool:
    """An arithmetic result that the next arithmetic instruction reads comes one cycle later."""
    if previous is None or not (instruction.is_like(_FLOAT_ARITHMETIC) and previous.is_like(_FLOAT_ARITHMETIC)):
        return False
    read = instruction.registers if instruction.is_like(_FLOAT_ACCUMULATE) else instruction.registers[1:]
    return _first(previous) in read
