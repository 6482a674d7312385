"""The `--format` option that every command with a result has."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from .option_parsers import choice


class Format(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"


FormatOption: TypeAlias = Annotated[
    Format,
    typer.Option(
        parser=choice("format", Format),
        metavar="text|json",
        help="Tables for people (the default), or JSON.",
        show_default=False,
    ),
]
