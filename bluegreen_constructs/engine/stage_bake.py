"""The bake of a pipeline's stage: what alarms said while it lasted, and when the stage has failed or is good.

What is known of a bake is in its token, which CodePipeline keeps; nothing here reads a clock or calls AWS.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
"""How much longer than its span a bake waits for alarms that say nothing; then it has failed, for want of evidence."""

MISSING = "missing"
"""What is said of an alarm that does not exist."""
UNREAD = "unread"
"""What is said of an alarm that could not be asked about."""

_WORDS = {
    MISSING: "does not exist",
    UNREAD: "could not be read",
    "INSUFFICIENT_DATA": "has insufficient data",
    "ALARM": "is in alarm",
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
    """What an alarm said: its state, or MISSING or UNREAD; and whether it rang at any time since the bake began.

    why: what AWS said when it could not be read.
    """

    state: str
    has_rung: bool = False
    why: str = ""


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
    """One call of CodePipeline for a bake: its job, and since when the bake lasts."""

    job: str
    began: datetime

    @staticmethod
    def of(event: Mapping[str, object], now: datetime) -> "BakeTurn":
        """Read the event; a job without a token is a bake that begins.

        Raises ConfigurationError for a token that no bake has given: what it stands for nobody knows.
        """
        job, token = job_of(event), _token_of(event)
        if not token:
            return BakeTurn(job, now)
        try:
            began = datetime.fromisoformat(str(cast("Mapping[str, object]", json.loads(token))["began"]))
            return BakeTurn(job, began.astimezone(UTC))
        except (ValueError, KeyError, TypeError, OverflowError):
            raise ConfigurationError(
                f"the job's continuation token is {token!r}, which no bake has given: retry the stage"
            ) from None

    @property
    def token(self) -> str:
        """What CodePipeline is to call the function again with."""
        return json.dumps({"began": self.began.isoformat()})


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


def judged(settings: BakeSettings, began: datetime, now: datetime, seen: Mapping[BakedAlarm, AlarmSeen]) -> BakeVerdict:
    """What the alarms have said by now comes to.

    One that rang, now or since the bake began, fails the stage at once. What says nothing never passes: until the span
    is over it is asked again, and for `EXTRA` longer; only a look after the span at which every alarm is OK is good.
    """
    answers = {alarm: seen.get(alarm, AlarmSeen(UNREAD)) for alarm in settings.alarms}
    baked = in_words(_seconds(now - began))
    rung = [alarm for alarm, answer in answers.items() if answer.state == "ALARM" or answer.has_rung]
    if rung:
        said = [
            f"{alarm.in_words} {'is in alarm' if answers[alarm].state == 'ALARM' else 'rang'}"
            for alarm in rung[:_NAMED]
        ]
        return BakeVerdict("failed", f"{_joined(said, len(rung))} after {baked} of baking")
    left = settings.span - (now - began)
    open_ = [alarm for alarm, answer in answers.items() if answer.state != "OK"]
    said = [_in_words(alarm, answers[alarm]) for alarm in open_[:_NAMED]]
    if left > timedelta():
        percent = max(0, min(99, int(100 * (now - began) / settings.span)))
        doubt = f"; {_joined(said, len(open_))}" if open_ else ""
        return BakeVerdict("again", f"{in_words(_seconds(left))} of baking left{doubt}", percent)
    if not open_:
        return BakeVerdict("good", f"{len(answers)} alarms were quiet for {in_words(settings.span)}", 100)
    if left > -EXTRA:
        return BakeVerdict("again", f"the bake is over, but {_joined(said, len(open_))}", 99)
    return BakeVerdict(
        "failed", f"{_joined(said, len(open_))} {in_words(EXTRA)} after the bake, and no data is no evidence"
    )


def _token_of(event: Mapping[str, object]) -> str:
    job = cast("Mapping[str, object]", event["CodePipeline.job"])
    data = job.get("data")
    token = data.get("continuationToken") if isinstance(data, Mapping) else None
    return str(token) if token else ""


def _in_words(alarm: BakedAlarm, answer: AlarmSeen) -> str:
    why = f" ({answer.why})" if answer.why else ""
    return f"{alarm.in_words} {_WORDS.get(answer.state, f'is {answer.state}')}{why}"


def _joined(said: Sequence[str], all_of_them: int) -> str:
    more = all_of_them - len(said)
    return " and ".join(said) + (f" and {more} more" if more else "")


def _seconds(span: timedelta) -> timedelta:
    return max(timedelta(), timedelta(seconds=round(span.total_seconds())))
