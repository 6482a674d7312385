"""pipeline-good: an image that is pushed goes through staging to production, by one digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Condition, Outcome
from ..pipeline.execution import SUCCEEDED
from ..session import Session
from .pipeline_conditions import (
    deployed_for_real,
    keeps,
    loads_were_whole,
    promoted,
    stages_went,
    started_by_its_push,
    was_asked,
)
from .pipeline_seen import DeliverySeen
from .pipeline_stage import on_pipeline
from .pipeline_watching import Watching

RELEASE = "4.0.0"
_STAGES = ("Source", "Synth", "Staging", "ReviewProd", "Prod")


@dataclass(frozen=True)
class PipelineGood:
    """The whole way: the push, the synthesised rule, the synthesis, CloudFormation, the approval, the engine."""

    name: ClassVar[str] = "pipeline-good"
    about: ClassVar[str] = "an image that is pushed goes live in staging and then in production, by its digest"

    def play(self, session: Session) -> Outcome:
        """Push the image while users are on both stages, and look at what happened to every request."""
        with on_pipeline(session) as stage:
            with Watching(stage, self.name) as users:
                seen = users.seen(stage.deliver(RELEASE))
            stage.remember(seen)
        return judged(seen)


def judged(seen: DeliverySeen) -> Outcome:
    """Judge what was seen."""
    return Outcome(
        PipelineGood.name,
        (
            started_by_its_push(seen),
            stages_went(seen, dict.fromkeys(_STAGES, SUCCEEDED)),
            deployed_for_real(seen, "Deploy by CloudFormation", "Invoke by StepFunctions"),
            was_asked(seen),
            Condition(
                "no stage was rolled back", seen.rollback is None, "none" if seen.rollback is None else "one was"
            ),
            keeps(seen, seen.pushed.digest),
            _same_digest_everywhere(seen),
            _engine_ran(seen),
            _production_came_later(seen),
            *_promoted(seen),
            *loads_were_whole(seen),
        ),
        seen.figures(),
        timeline=seen.timeline(),
        samples_of=seen.samples_of(),
    )


def _promoted(seen: DeliverySeen) -> Sequence[Condition]:
    return [one for stage in (seen.staging, seen.prod) for one in promoted(stage, seen.pushed.digest)]


def _same_digest_everywhere(seen: DeliverySeen) -> Condition:
    found = {stage.name: stage.image for stage in (seen.staging, seen.prod)}
    return Condition(
        "both stages run the digest that was pushed",
        set(found.values()) == {seen.pushed.digest},
        ", ".join(f"{name} {image[:19]}" for name, image in found.items()),
    )


def _engine_ran(seen: DeliverySeen) -> Condition:
    run = next((run for run in seen.execution.runs if run.kind == "Invoke by StepFunctions"), None)
    own = {name: status for name, status in seen.engine.items() if run is not None and name in run.said}
    return Condition(
        "the engine made one rollout for the pipeline, and it succeeded",
        list(own.values()) == [SUCCEEDED.upper()],
        ", ".join(f"{name} {status}" for name, status in seen.engine.items()) or "no execution",
    )


def _production_came_later(seen: DeliverySeen) -> Condition:
    """Nobody on production met the release before all of staging's users did."""
    first = min((r.scheduled for r in seen.prod.watched.records if r.release == seen.pushed.digest), default=None)
    all_of_staging = seen.staging.moment(-1)
    return Condition(
        "production met the release after all of staging did",
        first is not None and first > all_of_staging,
        "production never met it"
        if first is None
        else f"{(first - all_of_staging) * seen.speed:.0f} rehearsed s later",
    )
