"""How a swap goes: WarmUp before the flip, Preview between both."""

from dataclasses import dataclass
from datetime import timedelta

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words

LONGEST_WARM_UP = timedelta(seconds=90)
LONGEST_PREVIEW = timedelta(days=7)


@dataclass(frozen=True)
class WarmUp:
    """What each task of a candidate is asked before it gets production traffic, with production's host name.

    path: what it is asked (default "/"). statuses: the first and the last status of a warm answer (default 200 to 299).
        A redirect is not followed and is no warm answer.
    in_a_row: how many warm answers in a row a task has to give (default 3).
    timeout: of one attempt, at most 90 s (the default); a task that is not warm by then fails it. attempts: how many
        there are (default 5, as on Azure); when the last one has failed, the swap goes back and production was not
        touched.

    Raises ConfigurationError for a path without a slash, statuses that no warm answer has, or a number below 1.
    """

    path: str = "/"
    statuses: tuple[int, int] = (200, 299)
    in_a_row: int = 3
    timeout: Span = LONGEST_WARM_UP
    attempts: int = 5

    def __post_init__(self) -> None:
        """Refuse what no task could pass, or every one would."""
        if not self.path.startswith("/") or any(character.isspace() for character in self.path):
            raise ConfigurationError(
                f"WarmUp path is {self.path!r}: start it with / and escape spaces, such as '/ready'"
            )
        if len(self.statuses) != 2 or not 200 <= self.statuses[0] <= self.statuses[1] <= 299:
            raise ConfigurationError(
                f"WarmUp statuses are {self.statuses!r}: give the first and the last, within 200 to 299; a redirect or "
                "an error is no warm answer"
            )
        for name, value in (("in_a_row", self.in_a_row), ("attempts", self.attempts)):
            if not 1 <= value <= 100:
                raise ConfigurationError(f"WarmUp {name} is {value}: give 1 to 100")
        span = as_timedelta(self.timeout, "WarmUp timeout")
        if not timedelta(seconds=1) <= span <= LONGEST_WARM_UP:
            raise ConfigurationError(
                f"WarmUp timeout is {in_words(span)}: give 1 s to {in_words(LONGEST_WARM_UP)} for one attempt, and "
                "attempts= for longer"
            )
        object.__setattr__(self, "timeout", span)

    @property
    def span(self) -> timedelta:
        """The time-out of one attempt as a timedelta."""
        return as_timedelta(self.timeout, "WarmUp timeout")


@dataclass(frozen=True)
class Preview:
    """What holds while a swap with preview waits for `bluegreen slots complete`.

    ttl: how long it waits (default 24 h, at most 7 days); when it ends, the swap is cancelled.
    open: whether the slot's own host name goes on serving (default False: it answers 503, because its tasks have
        production's settings by then, and with them production's data; on Azure it goes on).

    Raises ConfigurationError for a time that is none.
    """

    ttl: Span = timedelta(hours=24)
    open: bool = False

    def __post_init__(self) -> None:
        """Refuse a wait that would not wait, or not end."""
        span = as_timedelta(self.ttl, "Preview ttl")
        if not timedelta(minutes=1) <= span <= LONGEST_PREVIEW:
            raise ConfigurationError(f"Preview ttl is {in_words(span)}: give 1 min to {LONGEST_PREVIEW.days} days")
        object.__setattr__(self, "ttl", span)

    @property
    def span(self) -> timedelta:
        """The time to wait as a timedelta."""
        return as_timedelta(self.ttl, "Preview ttl")
