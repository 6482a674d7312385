"""Says at the end, in one line, how large the crash matrix was."""

import pytest

from tests.crash_matrix.plays import SIZE


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if SIZE:
        parts = ", ".join(f"{count} {name}" for name, count in SIZE.items())
        held = "I1 to I9 held in all" if not terminalreporter.stats.get("failed") else "see what failed above"
        terminalreporter.write_line(f"crash matrix: {sum(SIZE.values())} whole rollouts played ({parts}); {held}")
