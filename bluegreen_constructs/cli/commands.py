"""The verbs of the `bluegreen` command, and how every one of them ends."""

import signal
import sys
from typing import NoReturn

import typer
from typer.main import get_command

from ..engine.errors import BlueGreenError
from .rehearse import rehearse_command

INTERRUPTED = 130  # 128 + SIGINT, as shells report it

app = typer.Typer(
    name="bluegreen",
    help="Ship a new version without losing a request, and go back in one call.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _verbs() -> None:
    """Ship a new version without losing a request, and go back in one call."""


app.command("rehearse")(rehearse_command)


def run(arguments: list[str] | None = None) -> int:
    """Run one command and answer its exit code: 0 done, 1 failed, 2 usage, 3 refused by a safety rule, 4 held.

    Every way out passes here, so that what a command started is ended by its own `with` blocks.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = get_command(app).main(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        return _say("interrupted; everything that was started has been ended", INTERRUPTED)
    except BlueGreenError as error:
        return _say(str(error), error.exit_code)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        return _say("interrupted; everything that was started has been ended", INTERRUPTED)
    except _usage_errors() as error:
        return _say(f"{_sentence(error)}; see bluegreen --help", 2)
    return outcome if isinstance(outcome, int) else 0


def _usage_errors() -> type[Exception]:
    """Typer's own base of wrong usage; it vendors click, whose module name is not public."""
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _sentence(error: Exception) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return (text[:1].lower() + text[1:]).rstrip(".").replace("\n", " ")


def _say(sentence: str, code: int) -> int:
    print(f"bluegreen: {sentence}", file=sys.stderr)
    return code


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
