"""What a firmware consists of: instructions, functions and sizes, by the compiler's own tools."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..devices.build import arm_compiler, binary_tool
from .cycle_model import Instruction

_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_LINE = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*([^;@]*)")


@dataclass(frozen=True)
class Disassembly:
    """Instructions of an ELF file by address, in ascending order.

    Attributes
    ----------
    instructions : dict
        Address -> Instruction.
    functions : dict
        Address of every instruction -> demangled name of its function.
    entries : dict
        Demangled name -> address.
    """

    instructions: dict[int, Instruction]
    functions: dict[int, str]
    entries: dict[str, int]


def disassemble(firmware: Path) -> Disassembly:
    """Read an ELF file."""
    command = [binary_tool(arm_compiler(), "objdump"), "-d", "-C", "--no-show-raw-insn", str(firmware)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = Disassembly({}, {}, {})
    name = ""
    for line in text.splitlines():
        heading = _FUNCTION.match(line)
        if heading:
            name = heading.group(2)
            result.entries.setdefault(name, int(heading.group(1), 16))
            continue
        match = _LINE.match(line)
        if match:
            address = int(match.group(1), 16)
            result.instructions[address] = Instruction(match.group(2), match.group(3).strip())
            result.functions[address] = name
    return result
