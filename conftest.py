"""Tests use the installed package: the checkout's folder on the import path must not shadow it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Generator
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


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[UNEXPECTED_SKIPS] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    report = yield
    allowed = item.config.getoption("--only-skip")
    if allowed is not None and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not re.search(allowed, reason):
            item.config.stash[UNEXPECTED_SKIPS].append((report.nodeid, reason))
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.stash.get(UNEXPECTED_SKIPS, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
