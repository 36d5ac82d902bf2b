"""`pio test` with doctest.

A doctest.h of this machine (Debian: doctest-dev) is used as it is; without one PlatformIO fetches the library. A suite
passes only if its program printed doctest's summary, and the summary agrees with the test cases that were seen.
"""

import os
import re

import click
from platformio.public import TestCase, TestRunnerBase, TestStatus
from platformio.test.exception import UnitTestError

INCLUDE_FOLDERS = ("/usr/include/doctest", "/usr/local/include/doctest", "/opt/homebrew/include/doctest")
LOCAL = next((folder for folder in INCLUDE_FOLDERS if os.path.isfile(os.path.join(folder, "doctest.h"))), None)
BARE_METAL = [
    "DOCTEST_CONFIG_NO_POSIX_SIGNALS",
    "DOCTEST_CONFIG_NO_MULTITHREADING",
    "DOCTEST_CONFIG_NO_EXCEPTIONS_BUT_WITH_ALL_ASSERTS",
]
CASE = re.compile(r"^\[case\] (passed|failed) (.*)$")
SUMMARY = re.compile(r"^\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
VERDICT = re.compile(r"^\[doctest\] Status: (SUCCESS|FAILURE)!")


class CustomTestRunner(TestRunnerBase):
    """Reads the lines of doctest_main.cpp."""

    EXTRA_LIB_DEPS = None if LOCAL else ["doctest/doctest@^2.4.9"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.summary = None
        self.verdict = None
        self.details = []

    def configure_build_env(self, env):
        if LOCAL:
            env.Append(CCFLAGS=["-isystem", LOCAL])
        if self.platform.name != "native":
            env.Append(CPPDEFINES=BARE_METAL)
        return env

    def on_testing_line_output(self, line):
        line = line.rstrip()
        case, summary, verdict = CASE.match(line), SUMMARY.match(line), VERDICT.match(line)
        if case:
            self.add_case(case.group(2), case.group(1) == "passed")
        elif summary:
            self.summary = tuple(int(number) for number in summary.groups())
        elif verdict:
            self.verdict = verdict.group(1)
            self.test_suite.on_finish()
        else:
            self.details.append(line)
            if self.options.verbose:
                click.echo(line)

    def add_case(self, name, passed):
        text = "\n".join(self.details).strip()
        status = TestStatus.PASSED if passed else TestStatus.FAILED
        case = TestCase(name, status, stdout=text)
        self.details.clear()
        self.test_suite.add_case(case)
        if not passed and not self.options.verbose:
            click.echo(text)
        click.echo(case.humanize())

    def stage_testing(self):
        super().stage_testing()
        if not self.options.without_testing:
            self.check_verdict()

    def check_verdict(self):
        """Left alone, PlatformIO calls a program that printed nothing skipped, and exits with 0."""
        failed = self.test_suite.get_status_nums(TestStatus.FAILED)
        passed = self.test_suite.get_status_nums(TestStatus.PASSED)
        output = "\n".join(self.details[-20:])
        if self.verdict is None or self.summary is None:
            raise UnitTestError("the test program ended without doctest's summary\n" + output)
        if self.summary != (passed + failed, passed, failed) or (self.verdict == "SUCCESS") != (failed == 0):
            raise UnitTestError("doctest's summary does not agree with the test cases\n" + output)
        if passed + failed == 0:
            raise UnitTestError("the test program has no test case")
