"""Parsers of options' values, which say what is allowed, and the options for the terms that several verbs take."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, TypeAlias, TypeVar

import typer

_Choice = TypeVar("_Choice", bound=StrEnum)


def option(parser: Callable[[str], object], metavar: str, help: str) -> object:
    """An option whose help says the default in words, and whose parser says what is allowed."""
    return typer.Option(parser=parser, metavar=metavar, help=help, show_default=False)


def number(what: str, least: float, most: float, *, above: bool = False) -> Callable[[str], float]:
    """A parser of numbers from `least` (or above it) to `most`, among which are neither NaN nor infinity."""

    def parse(given: str) -> float:
        words = f"above {least:g} and at most" if above else f"from {least:g} to"
        refusal = typer.BadParameter(f"{given!r} is no {what}: give a number {words} {most:.12g}")
        try:
            parsed = float(given)
        except ValueError:
            raise refusal from None
        if not least <= parsed <= most or (above and parsed == least):
            raise refusal
        return parsed

    return parse


def whole(what: str, least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers from `least` to `most`."""

    def parse(given: str) -> int:
        refusal = typer.BadParameter(f"{given!r} is no {what}: give a whole number from {least} to {most}")
        try:
            parsed = int(given)
        except ValueError:
            raise refusal from None
        if not least <= parsed <= most:
            raise refusal
        return parsed

    return parse


def choice(what: str, among: type[_Choice]) -> Callable[[str], _Choice]:
    """A parser of one of a few words."""

    def parse(given: str) -> _Choice:
        if given not in {*among}:
            raise typer.BadParameter(f"{given!r} is no {what}: give {' or '.join(among)}")
        return among(given)

    return parse


_odds = number("probability in percent", 0, 50, above=True)

FalseAlarmOption: TypeAlias = Annotated[
    float, option(_odds, "PERCENT", "Unchanged releases rolled back in error, at most; default: 1.")
]
MarginOption: TypeAlias = Annotated[
    float,
    option(
        number("margin", 1, 100, above=True),
        "RATIO",
        "The ratio from which on it is an error to promote a release; default: 2.",
    ),
]
WrongPromotionOption: TypeAlias = Annotated[
    float, option(_odds, "PERCENT", "Releases at the margin promoted in error, at most; default: 5.")
]
