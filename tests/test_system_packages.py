"""What pip cannot install: found, installed where the user may, left to PlatformIO, or named in one line."""

from __future__ import annotations

import http.server
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# the tool's own checks, as if nothing were there
HIDE = (
    "import runpy, sys\n"
    "sys.argv = ['system_packages.py', *sys.argv[2:]]\n"
    "tool = runpy.run_path({path!r})\n"
    "tool['main'].__globals__['NEEDS'] = tuple(need._replace(present=lambda: False) for need in tool['NEEDS']\n"
    "                                          if need.group == 'tests')\n"
    "tool['os'].geteuid = lambda: {uid}\n"
    "sys.exit(tool['main'](sys.argv[1:]))\n"
)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder, "env", 'while [ "${1#*=}" != "$1" ]; do shift; done; exec "$@"')
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(folder: Path, uid: int, registry: str = "http://127.0.0.1:9/") -> subprocess.CompletedProcess[str]:
    """The tool where only the programs in ``folder`` exist."""
    code = HIDE.format(path=str(ROOT / "tools" / "system_packages.py"), uid=uid)
    environment = {"PATH": str(folder), "PLATFORMIO_REGISTRY_URL": registry, "LOG": str(folder / "log")}
    command = [sys.executable, "-c", code, "-", "python", "tests"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture
def registry() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_root_installs_what_is_missing(bin_folder):
    program(bin_folder, "apt-get", 'echo "$@" >> "$LOG"')
    done = run(bin_folder, uid=0)
    assert done.returncode == 0, done.stderr
    installs = [line for line in (bin_folder / "log").read_text().splitlines() if line.startswith("install -y")]
    assert len(installs) == 1
    for package in ("doctest-dev", "gcc-arm-none-eabi", "libstdc++-arm-none-eabi-newlib", "qemu-system-arm"):
        assert package in installs[0].split()


def test_sudo_without_a_password_serves_too(bin_folder):
    program(bin_folder, "apt-get", 'echo "$@" >> "$LOG"')
    program(bin_folder, "sudo", '[ "$1" = -n ] && shift; [ "$1" = true ] && exit 0; echo sudo >> "$LOG"; exec "$@"')
    done = run(bin_folder, uid=1000)
    assert done.returncode == 0, done.stderr
    assert "sudo" in (bin_folder / "log").read_text().splitlines()


def test_where_platformio_s_registry_answers_the_rest_is_left_to_it(bin_folder, registry):
    program(bin_folder, "apt-get", "exit 9")
    program(bin_folder, "sudo", "exit 1")
    done = run(bin_folder, uid=1000, registry=registry)
    assert done.returncode == 0, done.stderr
    assert "PlatformIO downloads" in done.stdout and done.stdout.count("\n") == 1


def test_otherwise_one_line_names_the_command(bin_folder):
    program(bin_folder, "apt-get", "exit 9")
    done = run(bin_folder, uid=1000)
    assert done.returncode == 3 and not done.stdout
    assert done.stderr.count("\n") == 1
    assert "type: sudo apt-get install --no-install-recommends doctest-dev gcc-arm-none-eabi" in done.stderr


def test_an_installation_that_fails_is_not_the_end(bin_folder):
    program(bin_folder, "apt-get", 'echo "E: cannot" >&2; exit 100')
    done = run(bin_folder, uid=0)
    assert done.returncode == 3 and "type: sudo apt-get install" in done.stderr.splitlines()[-1]


def test_what_is_there_costs_nothing():
    done = subprocess.run([sys.executable, ROOT / "tools/system_packages.py"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make_test_asks_before_it_installs_anything(bin_folder, tmp_path):
    """`make test` where neither the tools nor their installation can be had: the line, and no virtual environment."""
    for name in ("make", "sh", "sed", "getconf", "git", "echo"):
        for folder in os.environ["PATH"].split(os.pathsep):
            if (Path(folder) / name).exists() and not (bin_folder / name).exists():
                (bin_folder / name).symlink_to(Path(folder) / name)
    code = HIDE.format(path=str(ROOT / "tools" / "system_packages.py"), uid=1000)
    (tmp_path / "hide.py").write_text(code)
    program(bin_folder, "hidden-python", f'exec {sys.executable} {tmp_path / "hide.py"} "$@"')
    environment = {"PATH": str(bin_folder), "PLATFORMIO_REGISTRY_URL": "http://127.0.0.1:9/"}
    command = ["make", "test", f"PYTHON={bin_folder / 'hidden-python'}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "type: sudo apt-get install" in done.stderr
    assert not (tmp_path / "venv").exists(), done.stdout
