"""Builds an ELF file for an emulated board; `pio run -t exec` and `pio test` run it in QEMU."""

import importlib.util
import os
import pathlib
import shutil

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
platform_dir = env.PioPlatform().get_dir()
spec = importlib.util.spec_from_file_location("target", os.path.join(platform_dir, "target.py"))
target = importlib.util.module_from_spec(spec)
spec.loader.exec_module(target)

board = target.load_board(env["BOARD"])
env.Replace(
    AR="arm-none-eabi-gcc-ar",
    AS="arm-none-eabi-as",
    CC="arm-none-eabi-gcc",
    CXX="arm-none-eabi-g++",
    RANLIB="arm-none-eabi-gcc-ranlib",
    SIZETOOL="arm-none-eabi-size",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    SIZEPROGREGEXP=r"^(?:" + "|".join(s.replace(".", r"\.") for s in target.FIRMWARE_SECTIONS) + r")\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss)\s+(\d+).*",
)
env.Append(
    ASFLAGS=target.cpu_flags(board),
    ASPPFLAGS=["-x", "assembler-with-cpp"],
    CCFLAGS=target.c_flags(board),
    CXXFLAGS=target.cxx_flags(),
    CPPDEFINES=target.defines(board),
    CPPPATH=[target.SUPPORT],
    LINKFLAGS=[*target.link_flags(board), "-Wl,-Map,$BUILD_DIR/${PROGNAME}.map"],
    LIBS=["m"],
)


def write_launcher(target_files, source, command):
    """`pio test` runs $BUILD_DIR/program, as on the native platform: let that be QEMU, ended when it hangs."""
    path = pathlib.Path(str(target_files[0]))
    limit = "timeout ${QEMU_TIMEOUT:-300} " if shutil.which("timeout") else ""
    path.write_text(f'#!/bin/sh\nexec {limit}{command} -kernel "{source[0].abspath}" "$@" < /dev/null\n')
    path.chmod(0o755)


qemu = " ".join(["qemu-system-arm", *target.qemu_arguments(board)])
env.BuildSources(os.path.join("$BUILD_DIR", "support"), target.SUPPORT)
program = env.BuildProgram()
launcher = env.Command(
    os.path.join("$BUILD_DIR", "program"),
    program,
    env.VerboseAction(lambda target, source, env: write_launcher(target, source, qemu), "Writing launcher $TARGET"),
)
env.AddPlatformTarget(
    "exec",
    launcher,
    env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Running in QEMU ($BOARD)"),
    "Execute",
    "Run the firmware in QEMU",
)
env.AddPlatformTarget(
    "size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE"), "Size", "Print the program's size"
)
AlwaysBuild(env.Alias("upload", launcher))
Default([program, launcher])
