"""What time it is for a function that is called without the time."""

from collections.abc import Mapping
from datetime import UTC, datetime

from .errors import ConfigurationError

REHEARSED_CLOCK = "BLUEGREEN_REHEARSED_CLOCK"
"""Set in a rehearsal only, whose time runs faster: `ORIGIN/SPEED`."""


def present(variables: Mapping[str, str], wall_seconds: float) -> datetime:
    """The time at the wall clock's `wall_seconds` since the epoch, or what a rehearsal's clock says then.

    Raises ConfigurationError for a variable that no rehearsal has set.
    """
    given = variables.get(REHEARSED_CLOCK)
    if not given:
        return datetime.fromtimestamp(wall_seconds, UTC)
    try:
        origin, speed = map(float, given.split("/"))
        return datetime.fromtimestamp(origin + (wall_seconds - origin) * speed, UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{REHEARSED_CLOCK} is {given!r}: only a rehearsal sets it, as ORIGIN/SPEED; take it out of the environment"
        ) from None
