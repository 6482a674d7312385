"""docs/statistics.md says what the code does: the bets it names are those that are played, its tables are filled."""

import re
from pathlib import Path

import pytest

from benchmarks.judgement.page import BEGIN, END
from benchmarks.judgement.questions import QUESTIONS, Question
from benchmarks.judgement.target import Standing
from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.eprocess import Bets

TEXT = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
TABLES = TEXT.partition(BEGIN)[2].partition(END)[0]
PAGE = re.sub(r"\s+", " ", TEXT).replace("\N{MINUS SIGN}", "-")


def spelled(numbers: tuple[float, ...], separator: str) -> str:
    return separator.join(f"{number:g}" for number in numbers)


def labels(title: str) -> list[str]:
    """What stands in the first column of the page's table under `title`, below its head; nothing where it has none."""
    table = TABLES.partition(f"### {title}\n")[2].partition("\n### ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [line.split("|")[1].strip() for line in lines[2:]]


def two_decimals(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number:.2f}"[1:] for number in numbers)


def test_the_bets_on_harm_are_those_that_are_played() -> None:
    harm = Terms().start().harm.bets
    assert f"Harm: δ = {spelled(harm.at, ', ')} with weights {two_decimals(harm.shares)}" in PAGE


def test_the_bets_on_safety_are_those_that_are_played() -> None:
    assert f"-0.75, -0.25, 0.05, 0.4 with {two_decimals(Terms().start().safety.bets.shares)}" in PAGE
    assert Terms(margin=16).start().safety.bets.at == tuple(16 ** (power - 1) for power in (-0.75, -0.25, 0.05, 0.4))


def test_the_bursty_bets_are_those_that_are_played() -> None:
    evidence = Terms(mode="bursty").start()
    assert f"c = {' '.join(f'{stake:g}'[1:] for stake in evidence.harm.bets.at)}, evenly" in PAGE
    assert f"c = {', '.join(f'{-stake:g}'[1:] for stake in evidence.safety.bets.at)} around" in PAGE


def test_the_reserve_is_as_it_is_kept() -> None:
    bets: Bets = Terms().start().harm.bets
    assert bets.reserve(0) == 0.4
    assert "stakes 60 % at once" in PAGE
    assert f"(1 + Y/{bets.pace:g})^(-½)" in PAGE


def test_the_tables_are_filled_by_the_benchmark() -> None:
    assert "| " in TABLES
    assert Standing.MISSED not in TABLES
    assert Standing.OPEN not in TABLES


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_a_table_has_the_rows_that_the_benchmark_asks_for(question: Question) -> None:
    assert labels(question.title) == [row.label for row in question.rows]


def test_all_targets_of_the_benchmark_are_met_on_the_page() -> None:
    targets = sum(len(row.targets) for question in QUESTIONS for row in question.rows)
    assert re.findall(r"(\d+) of (\d+) targets are met", TABLES) == [(str(targets), str(targets))]
    assert TABLES.count(f": {Standing.MET}") == targets
