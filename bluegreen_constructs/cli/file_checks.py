"""How `--check FILE` reads a file, and says what is wrong with it."""

from collections.abc import Sequence
from pathlib import Path

import typer

from ..engine.errors import ConfigurationError
from .answers import answer
from .endings import FAILED
from .result_format import Format


def checked_text(file: Path) -> str:
    """What is in the file; raises ConfigurationError when it cannot be read as text."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is no text in UTF-8: give the file itself") from None


def say_problems(format: Format, target: str, file: Path, problems: Sequence[str]) -> None:
    """Every problem, a line each; ends the command with exit code 1 when there is one."""
    said = "\n".join(f"{file}: {one}" for one in problems) or f"{file}: nothing is wrong with it for {target}"
    answer(format, said, {"target": target, "file": str(file), "problems": list(problems)})
    if problems:
        raise typer.Exit(FAILED)
