"""The tables of rollouts: the command, and the page that it writes."""

from pathlib import Path

import pytest

from benchmarks.rollouts import command
from benchmarks.rollouts.matrix_size import matrix_size
from benchmarks.rollouts.requests_lost import requests_lost
from benchmarks.rollouts.row import Row, table

PAGE = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
TABLES = PAGE[PAGE.index(command.BEGIN) : PAGE.index(command.END)]


def test_a_missed_target_is_said_in_bold() -> None:
    assert "| lost | 3 | 0 lost: **missed** |" in table("Lost", "", [Row("lost", "3", "0 lost", is_met=False)])


def test_no_request_is_lost_in_a_small_run() -> None:
    text = requests_lost(2000, 1)
    assert "missed" not in text
    assert text.count("0 lost: met") == 6


def test_the_page_has_the_size_of_the_matrix_as_it_is() -> None:
    assert matrix_size() in TABLES


def test_the_page_was_written_by_a_whole_run() -> None:
    assert "1,000 rollouts at once" in TABLES
    assert "python -m benchmarks.rollouts" in TABLES


def test_a_quick_run_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        command.run(["--quick", "--write"])
    assert ending.value.code == 2
    assert "too little to be written" in capsys.readouterr().err
