"""The bake of a pipeline's stage: what alarms said while it lasted, and when the stage has failed or is good.

What is known of a bake is in its token, which CodePipeline keeps; nothing here reads a clock or calls AWS.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from .errors import ConfigurationError
from .spans import in_words

SETTINGS = "BLUEGREEN_STAGE_BAKE"
"""The variable of the function's environment that holds the settings."""

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=23)
"""CodePipeline ends an action that invokes a function after 24 hours.

https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
"""
EXTRA = timedelta(minutes=10)
"""How much longer a bake waits for an alarm that is not quiet yet; then it has failed, for want of evidence.

Longer than its span, or than the alarm itself needs.
"""

MISSING = "missing"
"""What is said of an alarm that does not exist."""
UNREAD = "unread"
"""What is said of an alarm that could not be asked about."""

_WORDS = {
    MISSING: "does not exist",
    UNREAD: "could not be read",
    "INSUFFICIENT_DATA": "has insufficient data",
    "ALARM": "is in alarm since before the bake",
}
_NAMED = 10  # alarms that one sentence names; CodePipeline shows it in a small box


@dataclass(frozen=True, slots=True)
class BakedAlarm:
    """An alarm of the bake. region: empty, the function's own. role_arn: who may read it; empty, the function."""

    name: str
    region: str = ""
    role_arn: str = ""

    @property
    def in_words(self) -> str:
        """The alarm with the place where it is."""
        account = self.role_arn.split(":")[4] if self.role_arn.count(":") > 4 else ""
        place = [*([self.region] if self.region else []), *([f"account {account}"] if account else [])]
        return f"{self.name} ({', '.join(place)})" if place else self.name


@dataclass(frozen=True, slots=True)
class AlarmSeen:
    """What an alarm said: its state, or MISSING or UNREAD; and whether it began to ring since the bake began.

    why: what AWS said when it could not be read.
    needs: how far back the data reach that it judges by; until a bake has lasted so long, its OK is of the time before.
    rings_still: it is in alarm, and has been since before the bake began.
    """

    state: str
    has_rung: bool = False
    why: str = ""
    needs: timedelta = timedelta()
    rings_still: bool = False

    @property
    def rang(self) -> bool:
        """Whether it has begun to ring in the bake."""
        return self.has_rung or (self.state == "ALARM" and not self.rings_still)


class BakedAlarms(Protocol):
    """What answers for the alarms, in whichever region and account they are."""

    def since(self, alarms: Sequence[BakedAlarm], began: datetime) -> Mapping[BakedAlarm, AlarmSeen]:
        """What each says, and whether it rang since `began`; never raises for one that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class BakeSettings:
    """How long a stage bakes, and under which alarms."""

    span: timedelta
    alarms: tuple[BakedAlarm, ...]

    def __post_init__(self) -> None:
        """Refuse a bake that nobody watches, or that CodePipeline would end before its time."""
        if not SHORTEST <= self.span <= LONGEST:
            raise ConfigurationError(
                f"a stage is to bake for {in_words(self.span)}: give {in_words(SHORTEST)} to {in_words(LONGEST)}, for "
                "CodePipeline ends the action after 24 hours"
            )
        if not self.alarms:
            raise ConfigurationError("a stage is to bake without an alarm, and nothing could fail it: give alarms")

    def to_dict(self) -> dict[str, object]:
        """What the function's environment carries as JSON."""
        return {
            "seconds": self.span.total_seconds(),
            "alarms": [[alarm.name, alarm.region, alarm.role_arn] for alarm in self.alarms],
        }

    @staticmethod
    def from_text(text: str) -> "BakeSettings":
        """Read what `to_dict` wrote, as JSON. Raises ConfigurationError for anything else."""
        try:
            read = cast("Mapping[str, object]", json.loads(text))
            alarms = tuple(BakedAlarm(*map(str, one)) for one in cast("Sequence[Sequence[str]]", read["alarms"]))
            return BakeSettings(timedelta(seconds=float(str(read["seconds"]))), alarms)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(
                f"{SETTINGS} is {text!r}: only a construct sets it, deploy the pipeline's stack again"
            ) from None


@dataclass(frozen=True, slots=True)
class BakeTurn:
    """One call of CodePipeline for a bake: its job, and since when the bake lasts.

    waits: what the slowest alarm needs, of those that were read so far; a look that fails does not say it again.
    """

    job: str
    began: datetime
    waits: timedelta = timedelta()

    @staticmethod
    def of(event: Mapping[str, object], now: datetime) -> "BakeTurn":
        """Read the event; a job without a token is a bake that begins.

        Raises ConfigurationError for a token that no bake has given: what it stands for nobody knows.
        """
        job, token = job_of(event), _token_of(event)
        if not token:
            return BakeTurn(job, now)
        try:
            read = cast("Mapping[str, object]", json.loads(token))
            began = datetime.fromisoformat(str(read["began"]))
            waits = timedelta(seconds=float(str(read.get("waits", 0))))
            return BakeTurn(job, began.astimezone(UTC), waits)
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ConfigurationError(
                f"the job's continuation token is {token!r}, which no bake has given: retry the stage"
            ) from None

    @property
    def token(self) -> str:
        """What CodePipeline is to call the function again with."""
        return json.dumps({"began": self.began.isoformat(), "waits": round(self.waits.total_seconds())})

    def having_seen(self, seen: Mapping[BakedAlarm, AlarmSeen]) -> "BakeTurn":
        """The turn that knows what these alarms need as well."""
        return replace(self, waits=max(self.waits, *(answer.needs for answer in seen.values()), timedelta()))


@dataclass(frozen=True, slots=True)
class BakeVerdict:
    """What CodePipeline is told: `again`, `good` or `failed`, in words; percent of the span that is over."""

    outcome: str
    summary: str
    percent: int = field(default=0)


def job_of(event: Mapping[str, object]) -> str:
    """The id of the job that CodePipeline waits for. Raises ConfigurationError for an event that is none of its."""
    job = event.get("CodePipeline.job")
    found = job.get("id") if isinstance(job, Mapping) else None
    if not isinstance(found, str) or not found:
        raise ConfigurationError(
            "the event has no CodePipeline.job with an id: only CodePipeline invokes this function"
        )
    return found


def judged(
    settings: BakeSettings,
    began: datetime,
    now: datetime,
    seen: Mapping[BakedAlarm, AlarmSeen],
    waits: timedelta = timedelta(),
) -> BakeVerdict:
    """What the alarms have said by now comes to. waits: what the turn knows of them, for those that were not read.

    One that began to ring since the bake began fails the stage at once. One that says nothing, that rings since before
    the bake, or that is OK by data from before it never passes: it is asked again until the span is over, or the time
    that it needs itself, and for `EXTRA` longer; only a look after the span at which every alarm is OK, and by the
    bake's own data, is good.
    """
    answers = {alarm: seen.get(alarm, AlarmSeen(UNREAD)) for alarm in settings.alarms}
    lasted = now - began
    rung = [alarm for alarm, answer in answers.items() if answer.rang]
    if rung:
        said = [
            f"{alarm.in_words} {'is in alarm' if answers[alarm].state == 'ALARM' else 'rang'}"
            for alarm in rung[:_NAMED]
        ]
        return BakeVerdict("failed", f"{_joined(said, len(rung))} after {in_words(_seconds(lasted))} of baking")
    endless = [alarm for alarm, answer in answers.items() if answer.needs > LONGEST]
    if endless:
        return BakeVerdict(
            "failed",
            f"{_named(endless, answers, timedelta())}, and a bake waits {in_words(LONGEST)} at most: give alarms with "
            "fewer or shorter periods",
        )
    left = settings.span - lasted
    open_ = [alarm for alarm, answer in answers.items() if answer.state != "OK" or answer.needs > lasted]
    if left > timedelta():
        percent = max(0, min(99, int(100 * lasted / settings.span)))
        doubt = f"; {_named(open_, answers, lasted)}" if open_ else ""
        return BakeVerdict("again", f"{in_words(_seconds(left))} of baking left{doubt}", percent)
    if not open_:
        return BakeVerdict("good", f"{len(answers)} alarms were quiet for {in_words(settings.span)}", 100)
    late = [alarm for alarm in open_ if lasted >= _patience(settings.span, answers[alarm], waits)]
    if not late:
        return BakeVerdict("again", f"the bake is over, but {_named(open_, answers, lasted)}", 99)
    why = "" if all(answers[alarm].rings_still for alarm in late) else ", and no data is no evidence"
    return BakeVerdict("failed", f"{_named(late, answers, lasted)} {in_words(_seconds(-left))} after the bake{why}")


def _patience(span: timedelta, answer: AlarmSeen, waits: timedelta) -> timedelta:
    needs = max(answer.needs, waits) if answer.state == UNREAD else answer.needs
    return max(span, needs) + EXTRA


def _token_of(event: Mapping[str, object]) -> str:
    job = cast("Mapping[str, object]", event["CodePipeline.job"])
    data = job.get("data")
    token = data.get("continuationToken") if isinstance(data, Mapping) else None
    return str(token) if token else ""


def _named(alarms: Sequence[BakedAlarm], answers: Mapping[BakedAlarm, AlarmSeen], lasted: timedelta) -> str:
    return _joined([_in_words(alarm, answers[alarm], lasted) for alarm in alarms[:_NAMED]], len(alarms))


def _in_words(alarm: BakedAlarm, answer: AlarmSeen, lasted: timedelta) -> str:
    if answer.needs > LONGEST or answer.state == "OK":
        left = in_words(_seconds(answer.needs - lasted))
        return f"{alarm.in_words} needs {left}{' more' if lasted else ''} for data of the bake alone"
    why = f" ({answer.why})" if answer.why else ""
    return f"{alarm.in_words} {_WORDS.get(answer.state, f'is {answer.state}')}{why}"


def _joined(said: Sequence[str], all_of_them: int) -> str:
    more = all_of_them - len(said)
    return " and ".join(said) + (f" and {more} more" if more else "")


def _seconds(span: timedelta) -> timedelta:
    return max(timedelta(), timedelta(seconds=round(span.total_seconds())))
