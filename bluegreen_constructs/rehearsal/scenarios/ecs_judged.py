"""ecs-judged-*, ecs-hotfix-*: releases that Amazon ECS rolls out and the judge compares with live, under load."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...engine.errors import RehearsalError
from ..outcome import Condition, Outcome
from ..session import Session
from .candidate_traffic import live_serves
from .judged_conditions import (
    ERROR_ALARM,
    all_was_well,
    candidate_serves,
    deployed,
    ended,
    ends_on,
    found,
    held_until_healthy,
    met_as_planned,
    only_the_candidate_failed,
    refused,
    rejected,
    replayed,
    rule_went,
    silent,
    stopped_by_a_call,
    stopped_by_the_judge,
    went_back,
)
from .judged_seen import JudgedRelease
from .judged_stage import JudgedStage, on_judged_stage
from .told_by_bluegreen import events_in
from .traffic_conditions import load_was_whole
from .traffic_samples import traffic_samples

GOOD, NEXT, WORSE, UNMARKED, HOTFIX, BAD_HOTFIX = (
    "2.0.0",
    "2.0.1",
    "2.6.0-worse",
    "2.7.0",
    "2.7.1-hotfix",
    "2.7.2-bad-hotfix",
)
REASON = "live fails every third request"
PERCENT = 10.0
_ERRORS = "errors"
_FLOOR = "at least 95 % good"
_SHARE = 0.3
_AGAIN, _WITHOUT_MARK = "deployed again", "without the mark"
# In the home folder of the emulator, and so of every task: INCIDENT_FILE of the tasks file.
_FILE, _LATE_FILE = "incident", "late-incident"


@dataclass(frozen=True)
class EcsJudgedGood:
    """A good release is let pass by evidence, not by the time that it took."""

    name: ClassVar[str] = "ecs-judged-good"
    about: ClassVar[str] = "a good release gets all traffic once the comparison with live has shown that it is good"

    def play(self, session: Session) -> Outcome:
        """Deploy it, and look at what happened to every request."""
        with on_judged_stage(session, self.name) as stage:
            stage.deploy(GOOD)
            (seen,) = stage.seen()
        return judged_good(self.name, seen)


@dataclass(frozen=True)
class EcsJudgedBad:
    """What no alarm sees, the comparison does; and what it has rejected is not deployed again."""

    name: ClassVar[str] = "ecs-judged-bad"
    about: ClassVar[str] = "a release that no alarm finds bad is stopped by the comparison, and refused from then on"

    def play(self, session: Session) -> Outcome:
        """Deploy it, and deploy it again."""
        with on_judged_stage(session, self.name) as stage:
            stage.deploy(WORSE)
            stage.wait_for_silence()
            stage.deploy(WORSE)
            first, again = stage.seen()
        return judged_bad(self.name, first, again)


@dataclass(frozen=True)
class EcsHotfixWhileRed:
    """While an alarm is red ECS watches none of them: nothing is deployed but what mends it."""

    name: ClassVar[str] = "ecs-hotfix-while-red"
    about: ClassVar[str] = "while live fails, a release without the mark is refused, and the hotfix goes live"

    def play(self, session: Session) -> Outcome:
        """Break live, deploy a release without the mark, and then the hotfix."""
        with on_judged_stage(session, self.name) as stage, _failing_live(stage):
            stage.wait_for_alarm(ERROR_ALARM)
            stage.deploy(UNMARKED)
            stage.deploy(HOTFIX, hotfix=REASON)
            unmarked, hotfix = stage.seen()
        return judged_hotfix(self.name, unmarked, hotfix)


@dataclass(frozen=True)
class EcsBadHotfix:
    """ECS watches no alarm for a hotfix, and asks no hook in the bake; the floor under the candidate goes on."""

    name: ClassVar[str] = "ecs-bad-hotfix"
    about: ClassVar[str] = "a hotfix that fails in the bake is stopped by the floor, as no alarm would stop it"

    def play(self, session: Session) -> Outcome:
        """Break live, deploy a hotfix that answers well, and break that one once it has all traffic."""
        with on_judged_stage(session, self.name) as stage, _failing_live(stage), ExitStack() as later:
            stage.wait_for_alarm(ERROR_ALARM)
            late = _incident(stage, _LATE_FILE, "of the hotfix's answers")
            stage.deploy(BAD_HOTFIX, hotfix=REASON, in_the_bake=lambda: later.enter_context(late))
            (seen,) = stage.seen()
        return judged_bad_hotfix(self.name, seen)


def judged_good(name: str, seen: JudgedRelease) -> Outcome:
    """Judge what was seen of a good release."""
    return _outcome(
        name,
        seen,
        (
            deployed(seen),
            ended(seen, "SUCCESSFUL", watched=True),
            replayed(seen),
            rule_went(seen, PERCENT, 100.0),
            *met_as_planned(seen, PERCENT),
            held_until_healthy(seen),
            *found(seen, _ERRORS, "HEALTHY"),
            candidate_serves(seen),
            ends_on(seen, seen.candidate_side),
            all_was_well(seen),
        ),
        {"release": seen},
    )


def judged_bad(name: str, first: JudgedRelease, again: JudgedRelease) -> Outcome:
    """Judge what was seen of a bad release, and of the same one as it was deployed again."""
    return _outcome(
        name,
        first,
        (
            went_back(first),
            ended(first, "ROLLBACK_SUCCESSFUL", watched=True),
            silent(first),
            stopped_by_the_judge(first),
            *found(first, _ERRORS, "UNHEALTHY"),
            rejected(first),
            rule_went(first, PERCENT, 0.0),
            *met_as_planned(first, PERCENT),
            *only_the_candidate_failed(first),
            live_serves(first),
            ends_on(first, first.live_side),
            *_said_of(_AGAIN, [*refused(again, "was rejected"), all_was_well(again)]),
        ),
        {"first": first, _AGAIN: again},
    )


def judged_hotfix(name: str, unmarked: JudgedRelease, hotfix: JudgedRelease) -> Outcome:
    """Judge what was seen of a release without the mark, and of the hotfix."""
    own = hotfix.of_candidate()
    failed = [one for one in own if one.is_bad]
    of_live = [one for one in hotfix.before() if one.is_failed]
    reasons = [str(item["reason"]) for item in events_in(hotfix.history, "STARTED")]
    return _outcome(
        name,
        hotfix,
        (
            *_said_of(_WITHOUT_MARK, refused(unmarked, ERROR_ALARM, "hotfix")),
            Condition(
                "users of live met its failures",
                len(of_live) >= 0.1 * len(hotfix.before()) > 0,
                f"{len(of_live)} of {len(hotfix.before())} answers before the hotfix had traffic",
            ),
            deployed(hotfix),
            ended(hotfix, "SUCCESSFUL", watched=False),
            Condition(
                "bluegreen history has why the hotfix was let in",
                any(REASON in reason for reason in reasons),
                "; ".join(reasons) or "it does not say that the deployment began",
            ),
            rule_went(hotfix, PERCENT, 100.0),
            *met_as_planned(hotfix, PERCENT),
            held_until_healthy(hotfix),
            *found(hotfix, _FLOOR, "HEALTHY"),
            Condition(
                "no answer of the hotfix was bad", bool(own) and not failed, f"{len(failed)} bad of its {len(own)}"
            ),
            candidate_serves(hotfix),
            ends_on(hotfix, hotfix.candidate_side),
        ),
        {_WITHOUT_MARK: unmarked, "hotfix": hotfix},
    )


def judged_bad_hotfix(name: str, seen: JudgedRelease) -> Outcome:
    """Judge what was seen of a hotfix that fails."""
    after = seen.afterwards()
    own = sum(record.release == seen.live_release for record in after)
    return _outcome(
        name,
        seen,
        (
            went_back(seen),
            ended(seen, "ROLLBACK_SUCCESSFUL", watched=False),
            stopped_by_a_call(seen),
            *found(seen, _FLOOR, "UNHEALTHY"),
            rejected(seen),
            rule_went(seen, PERCENT, 100.0, 0.0),
            *met_as_planned(seen, PERCENT),
            Condition(
                "once all traffic was back, every answer was live's",
                len(after) >= seen.watched.enough and own == len(after),
                f"{own} of {len(after)} answers",
            ),
            ends_on(seen, seen.live_side),
        ),
        {"hotfix": seen},
    )


def _outcome(
    name: str, seen: JudgedRelease, conditions: Sequence[Condition], deployed_ones: dict[str, JudgedRelease]
) -> Outcome:
    """`seen` is the one whose traffic and time line are shown."""
    figures = {key: figure for what, one in deployed_ones.items() for key, figure in one.figures(what).items()}
    rate, speed = seen.watched.rate_per_second, seen.speed
    figures["rate"] = f"{rate:g}/s here, {rate / speed * 60:g} in a rehearsed minute (x{speed:g})"
    others = ((what, one) for what, one in deployed_ones.items() if one is not seen)
    whole = (one for what, other in others for one in _said_of(what, [load_was_whole(other.watched)]))
    return Outcome(
        name,
        (*conditions, load_was_whole(seen.watched), *whole),
        figures=figures,
        timeline=seen.timeline(),
        samples=traffic_samples(seen.watched, seen.weights, seen.candidate_side),
    )


def _said_of(what: str, conditions: Sequence[Condition]) -> Iterator[Condition]:
    """The conditions of the deployment that is not shown, told from those of the one that is."""
    yield from (Condition(f"{what}: {one.says}", one.holds, one.found) for one in conditions)


@contextmanager
def _failing_live(stage: JudgedStage) -> Iterator[None]:
    """Until the block ends, a share of the requests fails that any build answers but the hotfixes."""
    if stage.application.live_release == HOTFIX:
        stage.make_live(NEXT)
    with _incident(stage, _FILE, "of live's answers"):
        yield


@contextmanager
def _incident(stage: JudgedStage, name: str, what: str) -> Iterator[None]:
    """Until the block ends, a share of the requests fails of the builds that look for the file of that name."""
    file = Path(stage.session.emulator.config.work_dir) / "home" / name
    stage.session.say(f"  {_SHARE:.0%} {what} fail")
    try:
        file.write_text(str(_SHARE), encoding="ascii")
        yield
    except OSError as error:
        raise RehearsalError(f"the incident's file {file} cannot be written ({error.strerror})") from None
    finally:
        file.unlink(missing_ok=True)


ECS_JUDGED = (EcsJudgedGood(), EcsJudgedBad(), EcsBadHotfix(), EcsHotfixWhileRed())
