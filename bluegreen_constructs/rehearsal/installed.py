"""Is what a rehearsal needs installed? Asked before anything is imported or started."""

import importlib.util
from typing import ClassVar

from ..engine.errors import RehearsalError
from .emulator.patches import assert_emulator_version

_EXTRA = ("ministack", "boto3", "aiohttp", "hypercorn", "plotly", "yaml")
_SAMPLE_SERVICE = ("numpy", "starlette", "uvicorn")


class MissingExtraError(RehearsalError):
    """Something that pip installs is not there."""

    exit_code: ClassVar[int] = 2


def check_extra() -> None:
    """Raise MissingExtraError without the extra, RehearsalError with another ministack than the pinned one."""
    if _missing(_EXTRA):
        raise MissingExtraError("the rehearsal needs the extra: pip install 'bluegreen-constructs[rehearsal]'")
    assert_emulator_version()


def check_sample_service() -> None:
    """Raise MissingExtraError unless the tasks of the sample service can run with this interpreter."""
    if missing := _missing(_SAMPLE_SERVICE):
        raise MissingExtraError(
            f"the sample service needs {', '.join(missing)}: run make setup, or pip install 'bluegreen-constructs[dev]'"
        )


def _missing(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]
