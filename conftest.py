"""Tests use the installed package: the checkout's folder on the import path must not shadow it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent
UNEXPECTED_SKIPS = pytest.StashKey[list[tuple[str, str]]]()


def _is_installed() -> bool:
    try:
        importlib.metadata.distribution("tflm-train")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if _is_installed():
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-skip",
        metavar="REGEX",
        default=None,
        help="fail the run when a test is skipped for a reason that does not match",
    )


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    for test, reason in config.stash.get(UNEXPECTED_SKIPS, []):
        terminalreporter.write_line(f"SKIP NOT ALLOWED {test}: {reason}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[UNEXPECTED_SKIPS] = []
    if config.getoption("--only-skip") is not None:
        config.pluginmanager.register(SkipWatch(config), "skip-watch")


class SkipWatch:
    """Notes skipped tests, and modules skipped as a whole, whose reason is not allowed."""

    def __init__(self, config: pytest.Config) -> None:
        self._allowed = config.getoption("--only-skip")
        self._found = config.stash[UNEXPECTED_SKIPS]

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not re.search(self._allowed, reason):
            self._found.append((report.nodeid, reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.stash.get(UNEXPECTED_SKIPS, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
