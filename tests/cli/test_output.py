"""Progress is one line each in a log, below each other in a narrow window, and never taken for markup."""

import pytest

from bluegreen_constructs.cli.output import Progress

LONG = "its log is /a/folder/whose/name/[goes]/on/[/and]/on " + "and on " * 30


def test_a_line_of_progress_in_a_log_is_one_line_as_it_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    Progress()(LONG)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.partition(" s  ")[2].rstrip() == LONG.rstrip()


def test_a_line_that_is_too_long_for_a_window_goes_on_below_its_beginning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    Progress()("  ECS: " + "word " * 40)
    first, *others = [
        line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in capsys.readouterr().err.splitlines()
    ]
    assert first.partition(" s  ")[2].startswith("  ECS: word")
    assert others
    assert all(line.startswith(" " * 10 + "word") for line in others)
