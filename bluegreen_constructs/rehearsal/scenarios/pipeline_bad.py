"""pipeline-bad: an image that fails under staging's traffic never reaches production."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Condition, Outcome
from ..pipeline.execution import FAILED, SUCCEEDED
from ..session import Session
from .pipeline_conditions import (
    failed_as,
    former_serves,
    keeps,
    loads_were_whole,
    nobody_else,
    of,
    rolled_back,
    rule_went,
    stages_went,
    started_by_its_push,
)
from .pipeline_seen import DeliverySeen
from .pipeline_stage import on_pipeline
from .pipeline_watching import Watching, former_release
from .traffic_conditions import all_on, nothing_lost

RELEASE = "2.1.0-errors"
_RELEASE_BEFORE = "4.0.1"
_ALARM = "ErrorRate"


@dataclass(frozen=True)
class PipelineBad:
    """Amazon ECS takes the rollout back, the stack goes back, the stage is rolled back, and nobody is asked."""

    name: ClassVar[str] = "pipeline-bad"
    about: ClassVar[str] = "an image that fails one request in five is stopped in staging, which goes back"

    def play(self, session: Session) -> Outcome:
        """Push the image while users are on both stages, and look at what happened to every request."""
        with on_pipeline(session) as stage:
            former = former_release(stage, "Staging", _RELEASE_BEFORE)
            with Watching(stage, self.name, prod=0.5) as users:
                seen = users.seen(stage.deliver(RELEASE), former=former)
            stage.remember(seen)
        return judged(seen)


def judged(seen: DeliverySeen) -> Outcome:
    """Judge what was seen."""
    return Outcome(
        PipelineBad.name,
        (
            started_by_its_push(seen),
            stages_went(seen, {"Source": SUCCEEDED, "Synth": SUCCEEDED, "Staging": FAILED}),
            failed_as(seen, "the deploy failed as the stack went back", "UPDATE_ROLLBACK_COMPLETE"),
            _taken_back_by_ecs(seen),
            rolled_back(seen, "Staging"),
            keeps(seen, seen.former),
            *_met_only_in_staging(seen),
            _never_in_production(seen),
            of(seen.prod, nothing_lost(seen.prod.watched)),
            *loads_were_whole(seen),
        ),
        seen.figures(),
        timeline=seen.timeline(),
        samples_of=seen.samples_of(),
    )


def _taken_back_by_ecs(seen: DeliverySeen) -> Condition:
    found = [f"{one.status}: {one.reason}" for one in seen.rollouts]
    named = " ".join((*(name for one in seen.rollouts for name in one.alarms), *found))
    return Condition(
        f"Amazon ECS made one rollout in staging, and took it back by {_ALARM}",
        [one.status for one in seen.rollouts] == ["ROLLBACK_SUCCESSFUL"] and _ALARM in named,
        "; ".join(found) or "no rollout",
    )


def _met_only_in_staging(seen: DeliverySeen) -> Sequence[Condition]:
    stage = seen.staging
    met = [record for record in stage.of_candidate() if record.is_lost]
    return [
        of(stage, one)
        for one in (
            rule_went(stage, (stage.steps[0], 0.0)),
            Condition("users met the fault: it answers 5xx", bool(met), f"{len(met)} of {len(stage.of_candidate())}"),
            nobody_else(stage),
            former_serves(stage),
            all_on(stage.live_side, stage.now),
        )
    ]


def _never_in_production(seen: DeliverySeen) -> Condition:
    """No approval, no execution of the engine, no write of the rule, no answer, no task."""
    records = seen.prod.watched.records
    met = sum(record.release != seen.prod.live_release for record in records if not record.is_lost)
    said = (
        f"{met} of {len(records)} answers by another release, {len(seen.engine)} rollouts, {len(seen.asked)} questions"
    )
    return Condition(
        "the release never reached production",
        len(records) >= seen.prod.watched.enough
        and met == 0
        and not seen.engine
        and not seen.asked
        and not seen.prod.weights
        and seen.prod.image == seen.prod.live_release != seen.pushed.digest,
        f"{said}; it runs {seen.prod.image[:19]}",
    )
