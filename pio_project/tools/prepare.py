#!/usr/bin/env python3
"""Lets this project build where PlatformIO is installed but its registry is out of reach.

    python pio_project/tools/prepare.py

Run it with the Python that has PlatformIO. A build needs two packages of the registry:

tool-scons
    The release that this PlatformIO asks for is taken from PyPI.
native
    The platform in ``offline_native`` stands in for it.

What is installed already is left alone, and nothing is done where the registry answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from platformio import __registry_mirror_hosts__, __version__, app
from platformio.dependencies import get_core_dependencies
from platformio.package.manager.platform import PlatformPackageManager
from platformio.package.manager.tool import ToolPackageManager
from platformio.package.meta import PackageSpec

OFFLINE_NATIVE = Path(__file__).resolve().parent / "offline_native"
ANSWER_SECONDS = 3.0  # PlatformIO itself would wait for 61


def registry_answers() -> bool:
    """Whether any of the registry's hosts can be reached."""
    for host in __registry_mirror_hosts__:
        try:
            requests.head(f"https://{host}", timeout=ANSWER_SECONDS)
        except requests.RequestException:
            continue
        return True
    return False


def scons_release(package_version: str) -> str:
    """PyPI's version of a tool-scons package: 4.41101.0 stands for SCons 4.11.1."""
    digits = package_version.split(".")[1]
    return ".".join(str(int(part)) for part in (digits[:-4], digits[-4:-2], digits[-2:]))


def install_scons(tools: ToolPackageManager, package_version: str) -> None:
    """Make a tool-scons package from PyPI's wheel, and hand it over as a download would be."""
    with tempfile.TemporaryDirectory() as folder:
        release = scons_release(package_version)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--no-compile", "--target", folder, f"scons=={release}"], check=True)
        manifest = {"name": "tool-scons", "version": package_version}
        Path(folder, "package.json").write_text(json.dumps(manifest), encoding="utf-8")
        Path(folder, "scons.py").write_text("from SCons.Script import main\n\nmain()\n", encoding="utf-8")
        tools.lock()
        try:
            tools.install_from_uri(f"file://{folder}", PackageSpec(owner="platformio", name="tool-scons"))
        finally:
            tools.unlock()


def main() -> int:
    """Prepare PlatformIO if need be.

    Returns
    -------
    int
        Exit status: 0.
    """
    tools, platforms = ToolPackageManager(), PlatformPackageManager()
    requirement = get_core_dependencies()["tool-scons"]
    scons = PackageSpec(owner="platformio", name="tool-scons", requirements=requirement)
    state = app.get_state_item("last_version", __version__)
    ready = tools.get_package(scons) and platforms.get_package("native") and state == __version__
    if ready and not upgrade_check_is_due():
        print("PlatformIO has what this project needs")
        return 0
    if registry_answers():
        print("PlatformIO's registry answers: nothing to prepare")
        return 0
    # PlatformIO would ask its registry for updates: with each command after a change of its version, else once a week
    app.set_state_item("last_version", __version__)
    checks = app.get_state_item("last_check") or {}
    app.set_state_item("last_check", {**checks, "platformio_upgrade": int(time.time())})
    if not tools.get_package(scons):
        install_scons(tools, requirement.lstrip("~^="))
    if not platforms.get_package("native"):
        platforms.install(OFFLINE_NATIVE.as_uri())
    print("PlatformIO is prepared for work without its registry")
    return 0


def upgrade_check_is_due() -> bool:
    """Whether PlatformIO's weekly look for updates comes with its next commands."""
    last = (app.get_state_item("last_check") or {}).get("platformio_upgrade", 0)
    return time.time() - last > (app.get_setting("check_platformio_interval") - 1) * 86400


if __name__ == "__main__":
    sys.exit(main())
