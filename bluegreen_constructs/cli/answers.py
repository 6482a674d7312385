"""How an operator's verb answers: a sentence for people, or one JSON object for machines."""

import json
from collections.abc import Mapping

from .output import write
from .result_format import Format


def answer(format: Format, sentence: str, result: Mapping[str, object]) -> None:
    """Write one of both, as `--format` asks."""
    write(as_json(result) if format is Format.JSON else f"{sentence}\n")


def as_json(result: Mapping[str, object]) -> str:
    """One JSON object with a line end."""
    return json.dumps(result, indent=2, allow_nan=False) + "\n"
