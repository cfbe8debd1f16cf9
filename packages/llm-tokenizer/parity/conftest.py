"""Lets the tests of this folder find the modules beside them, and print what they compared."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
LINES: list[str] = []


@pytest.fixture(scope="session")
def report() -> list[str]:
    """Lines that shall stand at the end of the session."""
    return LINES


def pytest_terminal_summary(terminalreporter) -> None:
    if LINES:
        terminalreporter.section("real text")
        terminalreporter.write_line("\n".join(LINES))
