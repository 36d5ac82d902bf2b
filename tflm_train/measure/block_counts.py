"""Executed blocks of an emulated firmware, through a plugin of QEMU, and their cost by the cycle model."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .. import sources
from ..devices.qemu import QEMU
from ..errors import DeviceError, MissingToolError
from .cycle_model import REFILL, Instruction, block_cycles
from .disassembly import Disassembly

BEGIN = "tflm_train::InstructionMeter::BeginStep()"
END = "tflm_train::InstructionMeter::EndStep()"
INTERRUPT = "SysTick_Handler"
# what measures, which is no part of a step; the last two divide for it
METER = ("tflm_train::InstructionMeter::", "tflm_train::EnterPhase(", "instruction_counter::")
METER_DIVISION = ("__aeabi_uldivmod", "__udivmoddi4")


@dataclass
class Cost:
    """Of all counted steps together.

    Attributes
    ----------
    instructions, cycles : int
    instructions_of, cycles_of : Counter
        By function.
    """

    instructions: int = 0
    cycles: int = 0
    instructions_of: Counter[str] = field(default_factory=Counter)
    cycles_of: Counter[str] = field(default_factory=Counter)


def build_plugin(folder: Path) -> Path:
    """Compile the plugin into `folder`.

    Raises
    ------
    MissingToolError
        There is no C compiler, or QEMU takes no plugins.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise MissingToolError("modelled cycles need a C compiler: apt-get install gcc")
    source = sources.pio_project() / "bench" / "block_counts.c"
    output = folder / "block_counts.so"
    flags = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", f"-DQEMU_PLUGIN_VERSION={_interface_version()}"]
    result = subprocess.run([compiler, *flags, str(source), "-o", str(output)], capture_output=True)
    if result.returncode:
        raise MissingToolError(f"modelled cycles need a C compiler that builds plugins, {compiler} does not")
    if not _loads(output, folder):
        raise MissingToolError(f"modelled cycles need a {QEMU} that was built with plugins")
    return output


def _interface_version() -> int:
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"version (\d+)", text)
    return 2 if match and int(match.group(1)) >= 9 else 1


def _loads(plugin: Path, folder: Path) -> bool:
    """Whether this QEMU takes the plugin: it does so before it misses the kernel file."""
    argument = f"{plugin},out={folder / 'probe'}"
    command = [QEMU, "-machine", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]
    kernel = ["-kernel", str(folder / "no_such_kernel"), "-plugin", argument]
    text = subprocess.run([*command, *kernel], capture_output=True, text=True, timeout=60).stderr
    return "plugin" not in text.lower()


def plugin_arguments(plugin: Path, output: Path, firmware: Disassembly, steps: int) -> list[str]:
    """QEMU's arguments that count the first `steps` steps into `output`, which is written when QEMU ends."""
    output.unlink(missing_ok=True)
    addresses = {"begin": BEGIN, "end": END, "interrupt": INTERRUPT}
    arguments = "".join(f",{argument}={firmware.entries[name]}" for argument, name in addresses.items())
    return ["-plugin", f"{plugin},out={output}{arguments},steps={steps}"]


def cost(counts: str, firmware: Disassembly) -> Cost:
    """Instructions and modelled cycles of what the plugin wrote.

    Parameters
    ----------
    counts : str
        Lines of address, instructions, executions, executions right after the address before, taken branches.
    firmware : Disassembly
    """
    addresses = sorted(firmware.instructions)
    position = {address: i for i, address in enumerate(addresses)}
    total = Cost()
    for line in counts.splitlines():
        begin, length, executions, continued, taken = map(int, line.split())
        name = firmware.functions[begin]
        if name.startswith(METER) or name in METER_DIVISION:
            continue
        first = position[begin]
        block: list[Instruction] = [firmware.instructions[a] for a in addresses[first : first + length]]
        before = firmware.instructions[addresses[first - 1]] if continued else None
        cycles = (executions - continued) * block_cycles(block) + continued * block_cycles(block, before)
        cycles += taken * REFILL
        total.instructions += executions * length
        total.cycles += cycles
        total.instructions_of[name] += executions * length
        total.cycles_of[name] += cycles
    return total


def read_cost(file: Path, firmware: Disassembly) -> Cost:
    """``cost`` of the plugin's file.

    Raises
    ------
    DeviceError
        QEMU ended without writing it.
    """
    try:
        return cost(file.read_text(), firmware)
    except FileNotFoundError:
        raise DeviceError(f"{QEMU} ended without its counts of executed blocks; try again") from None


class PluginFolder:
    """A temporary folder with the plugin, while it is needed; None in its place where it cannot be built.

    Attributes
    ----------
    reason : str or None
        Why there is no plugin, and so no modelled cycles.
    """

    reason: str | None = None

    def __enter__(self) -> tuple[Path, Path | None]:
        self._folder = tempfile.TemporaryDirectory(prefix="tflm-train-bench-")
        path = Path(self._folder.name)
        try:
            return path, build_plugin(path)
        except MissingToolError as error:
            self.reason = str(error)
            return path, None
        except BaseException:
            self._folder.cleanup()
            raise

    def __exit__(self, *unused: object) -> None:
        self._folder.cleanup()
