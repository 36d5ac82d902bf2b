#!/usr/bin/env python3
"""Sees to what pip cannot install: the venv module, doctest, the Arm compiler, QEMU.

    python tools/system_packages.py python          what `make demo` needs
    python tools/system_packages.py python tests    what `make test` needs

What is there already costs nothing. What is missing is installed where the user may (root, or sudo without a password,
on a system with apt-get). Otherwise PlatformIO brings doctest and the Arm compiler where its registry answers, and the
tests of emulated boards are skipped for want of QEMU. Otherwise one line names the command to type, and the exit status
is 3. Runs before anything else is installed: the standard library only.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import NamedTuple

REGISTRY = os.environ.get("PLATFORMIO_REGISTRY_URL", "https://api.registry.platformio.org")
ANSWER_SECONDS = 5
MISSING_TOOL = 3
DOCTEST_HEADERS = ("/usr/include", "/usr/local/include", "/opt/homebrew/include")


class Need(NamedTuple):
    """Something that pip cannot install."""

    group: str
    name: str
    present: Callable[[], bool]
    debian: tuple[str, ...]
    brew: str
    from_platformio: bool


def _has_doctest() -> bool:
    return any(os.path.exists(f"{folder}/doctest/doctest.h") for folder in DOCTEST_HEADERS)


def _has_arm_compiler() -> bool:
    """The compiler and its C++ library: Debian has them in packages of their own."""
    compiler = shutil.which("arm-none-eabi-g++")
    if compiler is None:
        return False
    source = "#include <cstdint>\n#include <cstdio>\n"
    found = subprocess.run([compiler, "-x", "c++", "-E", "-"], input=source, capture_output=True, text=True)
    return found.returncode == 0


NEEDS = (
    Need(
        "python",
        "Python's venv module",
        lambda: importlib.util.find_spec("ensurepip") is not None,
        (f"python{sys.version_info.major}.{sys.version_info.minor}-venv",),
        "python",
        False,
    ),
    Need("tests", "doctest", _has_doctest, ("doctest-dev",), "doctest", True),
    Need(
        "tests",
        "the Arm compiler",
        _has_arm_compiler,
        ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "libstdc++-arm-none-eabi-newlib"),
        "--cask gcc-arm-embedded",
        True,
    ),
    Need("tests", "QEMU", lambda: shutil.which("qemu-system-arm") is not None, ("qemu-system-arm",), "qemu", False),
)


def _privileges() -> list[str] | None:
    """What to put in front of apt-get; None if this user may not install."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def _apt_install(prefix: list[str], packages: list[str]) -> bool:
    print(f"installing {' '.join(packages)} with apt-get", flush=True)
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if not glob.glob("/var/lib/apt/lists/*_Packages*") or _is_unknown(packages):
        subprocess.run([*prefix, *environment, "update", "-qq"], stdout=subprocess.DEVNULL)
    install = [*prefix, *environment, "install", "-y", "-qq", "--no-install-recommends", *packages]
    return subprocess.run(install, stdout=subprocess.DEVNULL).returncode == 0


def _is_unknown(packages: list[str]) -> bool:
    found = subprocess.run(["apt-get", "install", "--simulate", "-qq", *packages], capture_output=True)
    return found.returncode != 0


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(REGISTRY, timeout=ANSWER_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def _command(missing: list[Need]) -> str:
    if sys.platform == "darwin":
        return " && ".join(f"brew install {need.brew}" for need in missing)
    return "sudo apt-get install --no-install-recommends " + " ".join(p for need in missing for p in need.debian)


def main(groups: list[str]) -> int:
    """Provide what is missing of these groups.

    Returns
    -------
    int
        Exit status: 0, or 3 where the user has a command to type.
    """
    missing = [need for need in NEEDS if need.group in groups and not need.present()]
    if not missing:
        return 0
    prefix = _privileges()
    if prefix is not None and _apt_install(prefix, [p for need in missing for p in need.debian]):
        return 0
    names = ", ".join(need.name for need in missing)
    optional = [need for need in missing if need.group == "tests"]
    if len(optional) == len(missing) and _registry_answers():
        print(f"not on this machine: {names}; PlatformIO downloads what it has, tests that need the rest are skipped")
        return 0
    print(f"not on this machine: {names}; type: {_command(missing)}", file=sys.stderr)
    return MISSING_TOOL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
