"""Builds the agent firmware of an emulated board, or the agent as a program of this machine, on first use.

Sources and flags come from the PlatformIO project and the C++ library that the package carries; only the compiler is
needed. Results stay in the user's cache folder under a key of everything that they are made from.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .. import sources
from ..errors import MissingToolError, UserError
from ..version import __version__

BOARDS = {
    "m3": "mps2_an385",
    "m4": "mps2_an386",
    "m7": "mps2_an500",
    "m55": "mps3_an547",
    "f405": "netduinoplus2",
}
BUILDS: dict[str, list[str]] = {
    "tuned": [],
    "portable": ["-DTFLM_TRAIN_PORTABLE=1"],
    "parity": ["-DTFLM_TRAIN_PARITY=1", "-ffp-contract=off"],
}
COMMON = ["-std=gnu++17"]
ARM_COMPILER = "arm-none-eabi-g++"
ARM_PACKAGES = "gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib"


def cache_folder() -> Path:
    """Where this user's firmware is kept."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tflm-train"


def target_module() -> ModuleType:
    """Flags and QEMU's arguments: ``target.py`` of the PlatformIO project's platform."""
    path = sources.pio_project() / "platforms" / "qemucortexm" / "target.py"
    spec = importlib.util.spec_from_file_location("tflm_train_qemu_target", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def library_files() -> list[Path]:
    """Sources of the C++ library, without the binding to TFLM."""
    root = sources.micro_kernels() / "src"
    return sorted(p for p in root.rglob("*.cpp") if "tflm" not in p.relative_to(root / "tflm_train").parts)


def emulated_firmware(board: str, build: str = "tuned", count_work: bool = True) -> Path:
    """The agent for an emulated board (an ELF file).

    Parameters
    ----------
    board : str
        A key of ``BOARDS``.
    build : {"tuned", "portable", "parity"}
        Which kernels; see ``kernels/build_config.h``.
    count_work : bool
        Count multiplications and the like too; costs some instructions.

    Raises
    ------
    MissingToolError
        The compiler is not installed.
    """
    files = sorted((sources.pio_project() / "src" / "agent" / "qemu").glob("*.cpp"))
    return emulated_program("agent", board, build, files, count_work=count_work)


def emulated_program(
    name: str, board: str, build: str, files: list[Path], link: Iterable[str] = (), count_work: bool = False
) -> Path:
    """A program for an emulated board (an ELF file): `files`, the board's support code and the C++ library.

    Parameters
    ----------
    name : str
        Of the program.
    board, build, count_work
        See ``emulated_firmware``.
    files : list of Path
        C++ sources; their folders are searched for headers.
    link : iterable of str
        Further flags of the linker.

    Raises
    ------
    MissingToolError
        The compiler is not installed.
    """
    library = emulated_library(board, build, count_work)
    target = target_module()
    description = target.load_board(BOARDS[board])
    support = Path(target.SUPPORT)
    own = [*files, *sorted(support.glob("*.cpp"))]
    includes = [sources.micro_kernels() / "src", support, *sorted({file.parent for file in files})]
    linker = [str(library), *target.link_flags(description), *link]
    flags = emulated_flags(board, build, count_work)
    return _build(f"{name}-{board}-{build}.elf", arm_compiler(), own, includes, flags, linker)


def emulated_library(board: str, build: str, count_work: bool) -> Path:
    """The C++ library for an emulated board (an archive): see ``emulated_firmware``."""
    compiler = arm_compiler()
    flags = emulated_flags(board, build, count_work)
    name = f"libtflm_train-{board}-{build}.a"
    return _build(name, compiler, library_files(), [sources.micro_kernels() / "src"], flags, [])


def emulated_flags(board: str, build: str, count_work: bool) -> list[str]:
    """The compiler's flags for all code of an emulated board."""
    target = target_module()
    description = target.load_board(BOARDS[board])
    return [
        *COMMON,
        *target.c_flags(description),
        *target.cxx_flags(),
        *(f"-D{macro}={value}" for macro, value in target.defines(description)),
        "-DTFLM_TRAIN_STEP_PHASES=1",
        f"-DTFLM_TRAIN_COUNTERS={int(count_work)}",
        *BUILDS[build],
    ]


def native_agent(build: str = "tuned") -> Path:
    """The agent as a program of this machine, over standard input and output: see ``emulated_firmware``."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise MissingToolError("building the native agent needs a C++17 compiler: apt-get install g++")
    folder = sources.pio_project() / "src" / "agent" / "native"
    flags = [*COMMON, "-O2", "-DTFLM_TRAIN_COUNTERS=1", *BUILDS[build]]
    files = [*library_files(), *sorted(folder.glob("*.cpp"))]
    return _build(f"agent-native-{build}", compiler, files, [sources.micro_kernels() / "src"], flags, [])


def arm_compiler() -> str:
    """Arm's compiler on PATH, or the one that PlatformIO has installed.

    Raises
    ------
    MissingToolError
        There is none.
    """
    core = Path(os.environ.get("PLATFORMIO_CORE_DIR") or Path.home() / ".platformio")
    packaged = core / "packages" / "toolchain-gccarmnoneeabi" / "bin"
    found = shutil.which(ARM_COMPILER) or shutil.which(ARM_COMPILER, path=str(packaged))
    if found is None:
        raise MissingToolError(f"emulated devices need {ARM_COMPILER}: apt-get install {ARM_PACKAGES}")
    return found


def binary_tool(compiler: str, name: str) -> str:
    """A tool of a compiler, such as ``objdump``: beside it, or on PATH where the compiler is a wrapper's link.

    Raises
    ------
    MissingToolError
        There is none.
    """
    wanted = Path(compiler).name.replace("g++", name)
    found = shutil.which(wanted, path=str(Path(compiler).parent)) or shutil.which(wanted)
    if found is None:
        raise MissingToolError(f"{wanted} is missing beside the compiler; {_advice(wanted)}")
    return found


def _build(  # an archive if the name ends so, else a program
    name: str, compiler: str, files: list[Path], includes: list[Path], flags: list[str], link: list[str]
) -> Path:
    key = _key(compiler, files, includes, flags + link)
    output = cache_folder() / f"{__version__}-{key}" / name
    if output.exists():
        return output
    with _scratch_folder(output.parent) as folder:
        objects = _compile(name, compiler, files, [*flags, *(f"-I{i}" for i in includes)], Path(folder))
        linked = Path(folder) / name
        if name.endswith(".a"):
            _run([binary_tool(compiler, "gcc-ar"), "rcs", str(linked), *objects])
        else:
            _run([compiler, *flags, *objects, *link, "-o", str(linked)])
        os.replace(linked, output)
    return output


def _scratch_folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=parent)
    except OSError as error:
        reason = f"the cache folder {cache_folder()} cannot be written ({error.strerror})"
        variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
        raise UserError(f"{reason}; set {variable} to a folder that can be") from None


def _compile(name: str, compiler: str, files: list[Path], flags: list[str], folder: Path) -> list[str]:
    objects = [str(folder / f"{i}.o") for i in range(len(files))]
    columns = (TextColumn("building {task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=len(files))

        def compile_one(pair: tuple[Path, str]) -> None:
            _run([compiler, *flags, "-c", str(pair[0]), "-o", pair[1]])
            progress.advance(task)

        pool = ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            list(pool.map(compile_one, zip(files, objects)))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or an interrupt nothing further is compiled
    return objects


def _advice(tool: str) -> str:
    packages = ARM_PACKAGES if tool.startswith("arm-") else "g++"
    return f"install a complete toolchain: apt-get install {packages}"


def _run(command: list[str]) -> None:
    tool = Path(command[0]).name
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        line = next((li for li in result.stderr.splitlines() if "error" in li), result.stderr.strip()[-300:])
        raise MissingToolError(f"{tool} cannot build the agent: {line}; {_advice(tool)}")


def _key(compiler: str, files: list[Path], includes: list[Path], flags: Iterable[Any]) -> str:
    """Of the compiler's version, all flags and the content of all files that can be read."""
    version = subprocess.run([compiler, "-dumpfullversion", "-dumpmachine"], capture_output=True, text=True).stdout
    digest = hashlib.sha256("\0".join([version, *map(str, flags)]).encode())
    headers = {h for folder in [*includes, *{f.parent for f in files}] for h in folder.rglob("*.h")}
    scripts = {Path(str(flag)[2:]) for flag in flags if str(flag).startswith("-L")}
    archives = {Path(flag) for flag in map(str, flags) if flag.endswith(".a")}
    contents = {*files, *headers, *archives, *(s for folder in scripts for s in folder.glob("*.ld"))}
    for path in sorted(contents):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
