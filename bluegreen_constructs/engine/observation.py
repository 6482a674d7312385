"""What a turn has seen of the world, and what was decided on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .counts import Counts
from .ports import Command, FleetSeen, HookAnswer, TargetsSeen
from .rollout import Rollout

SOON = timedelta(seconds=15)
"""How often is looked at what is about to happen."""
MINUTE = timedelta(seconds=60)
"""How often CloudWatch has something to say."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the world is not yet as the state wants it; the words of `Observation`."""

    blocked: str = ""
    impossible: str = ""
    interference: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of the world at `now`; what a phase does not need is left out.

    last_minute: the newest closed minute that `counts` holds. unasked: why CloudWatch did not answer. lost: what the
        candidate has lost that its share needs.
    blocked: why the last write of the rule could not be made. impossible: why the release can never be put onto the
        candidate side. interference: what somebody else did to the rule. marked: the rule carries an abort's mark.
    """

    now: datetime
    commands: Sequence[Command] = ()
    live: FleetSeen | None = None
    candidate: FleetSeen | None = None
    candidate_targets: TargetsSeen | None = None
    counts: Counts | None = None
    last_minute: int | None = None
    alarms: Mapping[str, str] = field(default_factory=dict)
    hook: HookAnswer | None = None
    unasked: str = ""
    lost: str = ""
    blocked: str = ""
    impossible: str = ""
    interference: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state, when to look again, and the commands that are answered with it."""

    rollout: Rollout
    wait: timedelta = MINUTE
    answered: tuple[Command, ...] = ()
