"""The `--reason` that operators' verbs take: a sentence which the history keeps."""

import re
from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from .option_parsers import option

_LONGEST = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def sentence(what: str) -> Callable[[str], str]:
    """A parser of sentences of 1 to 1000 characters; line ends become spaces."""

    def parse(given: str) -> str:
        said = _CONTROL.sub(" ", given).strip()
        if not 1 <= len(said) <= _LONGEST:
            raise typer.BadParameter(f"the {what} has {len(said)} characters: give 1 to {_LONGEST}")
        return said

    return parse


ReasonOption: TypeAlias = Annotated[
    str | None, option(sentence("reason"), "TEXT", "Why, for the history; default: nothing.")
]
