"""docs/statistics.md says what the code does: the bets it names are those that are played, its tables are filled."""

import re
from pathlib import Path

from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.eprocess import Bets

PAGE = re.sub(r"\s+", " ", (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8"))
PAGE = PAGE.replace("\N{MINUS SIGN}", "-")


def spelled(numbers: tuple[float, ...], separator: str) -> str:
    return separator.join(f"{number:g}" for number in numbers)


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
    tables = PAGE.partition("<!-- judgement:begin -->")[2].partition("<!-- judgement:end -->")[0]
    assert "| " in tables
    assert "MISSED" not in tables
