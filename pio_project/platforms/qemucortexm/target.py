"""How to compile for an emulated board and how to run it: the one place for both.

Used by the PlatformIO builder beside it and by the device drivers of the Python package, which compile without
PlatformIO. Plain Python, no imports from either.
"""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, "support")
LDSCRIPTS = os.path.join(HERE, "ldscripts")

# An instruction lasts 2^7 ns of the guest's time: more than two ticks of every board's timer, so that ticks
# convert to whole instructions without loss.
ICOUNT_SHIFT = 7

FIRMWARE_SECTIONS = (".vectors", ".text", ".rodata", ".ARM.extab", ".ARM.exidx", ".init_array", ".data")


def load_board(name):
    """The board's description (boards/NAME.json)."""
    with open(os.path.join(HERE, "boards", name + ".json"), encoding="utf-8") as file:
        return {"id": name, **json.load(file)}


def cpu_flags(board):
    """For compiler and linker."""
    return ["-mthumb", *board["build"]["cpu_flags"].split()]


def c_flags(board):
    """For every source file."""
    return [*cpu_flags(board), "-O2", "-ffunction-sections", "-fdata-sections", "-Wno-psabi"]


def cxx_flags():
    """For C++ only."""
    return ["-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-fno-use-cxa-atexit"]


def defines(board):
    """Macros as (name, value) pairs."""
    build = board["build"]
    macros = [
        ("TFLM_TRAIN_QEMU", 1),
        ("QEMU_BOARD", board["id"]),
        ("QEMU_BOARD_HZ", build["f_cpu"].rstrip("L") + "u"),
        ("QEMU_ICOUNT_SHIFT", ICOUNT_SHIFT),
    ]
    uart = build.get("uart")
    if uart:
        macros += [
            ("QEMU_UART_" + uart["kind"].upper(), 1),
            ("QEMU_UART_BASE", uart["base"] + "u"),
            ("QEMU_UART_IRQ", str(uart["irq"]) + "u"),
        ]
    return macros


def link_flags(board):
    """For the linker, its script included."""
    return [
        *cpu_flags(board),
        "-nostartfiles",
        "--specs=nano.specs",
        "-u",
        "_printf_float",
        "-Wl,--gc-sections",
        "-L" + LDSCRIPTS,
        "-T" + board["build"]["memory_map"],
    ]


def qemu_arguments(board, serial="none", argument=None):
    """Everything but ``-kernel FILE``.

    ``serial`` is QEMU's chardev for the board's first UART; ``argument`` a word that the program can ask for.
    Semihosting makes the guest's standard output and exit status QEMU's own; icount lets time pass with instructions.
    """
    semihosting = "enable=on,target=native" + (f",arg=program,arg={argument}" if argument else "")
    return [
        *board["build"]["qemu_flags"].split(),
        "-display", "none",
        "-monitor", "none",
        "-serial", serial,
        "-semihosting-config", semihosting,
        "-icount", f"shift={ICOUNT_SHIFT}",
    ]  # fmt: skip
