"""The `--format` option that every command with a result has."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Format(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"


def _format(given: str) -> Format:
    if given not in {*Format}:
        raise typer.BadParameter(f"{given!r} is no format: give {' or '.join(Format)}")
    return Format(given)


FormatOption: TypeAlias = Annotated[
    Format,
    typer.Option(
        parser=_format, metavar="text|json", help="Tables for people (the default), or JSON.", show_default=False
    ),
]
