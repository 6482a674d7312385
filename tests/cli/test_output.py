"""Results and progress fit a log and a window, are never taken for markup, and need no open stream."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from bluegreen_constructs.cli.output import Progress, laid_out

BLUEGREEN = Path(sys.executable).parent / "bluegreen"
SMALL = ("simulate", "--runs", "2", "--looks", "2", "--ratio", "1")
PAST = "live_requests,live_bad,candidate_requests,candidate_bad\n3000,6,3000,5\n"

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


def table(*cells: str) -> Table:
    grid = Table.grid(*cells, padding=(0, 1))
    grid.add_row(*cells)
    return grid


def test_a_result_in_a_log_has_the_width_asked_for_and_no_spaces_at_the_ends_of_lines() -> None:
    lines = laid_out([table("one", "two"), Text("word " * 12), Text()], 30).splitlines()
    assert lines == ["one two", "word word word word word word", "word word word word word word", ""]


def test_a_result_in_colour_has_no_spaces_at_the_ends_of_lines_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    bold = Table("wide heading", "other   ", box=None, header_style="bold", padding=(0, 2), pad_edge=False)
    bold.add_row("x  y", "z")
    said = laid_out([bold], 120)
    assert said.startswith("\x1b[1mwide heading")
    assert said.replace("\x1b[1m", "").replace("\x1b[0m", "") == "wide heading    other\nx  y            z\n"


def test_a_table_is_not_cut_in_a_narrow_window_and_sentences_fit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    first, *others = laid_out([table("x" * 39, "y" * 39), Text("word " * 30)], 120).splitlines()
    assert first == f"{'x' * 39} {'y' * 39}"
    assert [len(line) for line in others] == [19] * 7 + [9]


@pytest.mark.parametrize(
    ("verb", "closed", "code", "said"),
    [
        (SMALL, ">&-", 0, "playing 2 rollouts"),
        (SMALL, "2>&-", 0, "The promise: "),
        (SMALL, "<&- >&- 2>&-", 0, ""),
        (("backtest", "--data", "past.csv"), ">&-", 0, ""),
        (("backtest", "--data", "past.csv"), "<&- 2>&-", 0, "Proposal: "),
        (("backtest", "--data", "none.csv"), ">&- 2>&-", 2, ""),
        (("--version",), "<&- >&-", 0, ""),
    ],
    ids=str,
)
def test_a_closed_stream_gets_nothing_and_changes_nothing_else(
    tmp_path: Path, verb: tuple[str, ...], closed: str, code: int, said: str
) -> None:
    (tmp_path / "past.csv").write_text(PAST)
    command = ["sh", "-c", f'"$@" {closed}', "sh", str(BLUEGREEN), *verb]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert bool(done.stdout + done.stderr) is bool(said)
    assert (tmp_path / "past.csv").read_text() == PAST
