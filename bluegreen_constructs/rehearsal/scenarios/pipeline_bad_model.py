"""pipeline-bad-model: an image whose answers are wrong goes through staging, and is stopped in production."""

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
    stages_went,
    started_by_its_push,
    was_asked,
)
from .pipeline_seen import DeliverySeen
from .pipeline_stage import on_pipeline
from .pipeline_watching import Watching, former_release
from .traffic_conditions import all_on

RELEASE = "2.5.0-predictions"
_RELEASE_BEFORE = "4.0.2"


@dataclass(frozen=True)
class PipelineBadModel:
    """The engine takes the release back, and the stage's rollback finds the former one live: it moves nothing."""

    name: ClassVar[str] = "pipeline-bad-model"
    about: ClassVar[str] = "an image whose answers are wrong passes staging's alarms, and is stopped in production"

    def play(self, session: Session) -> Outcome:
        """Push the image while users are on both stages, and look at what happened to every request."""
        with on_pipeline(session) as stage:
            former = former_release(stage, "Prod", _RELEASE_BEFORE)
            with Watching(stage, self.name, staging=0.5) as users:
                seen = users.seen(stage.deliver(RELEASE), former=former)
            stage.remember(seen)
        return judged(seen)


def judged(seen: DeliverySeen) -> Outcome:
    """Judge what was seen."""
    before = ("Source", "Synth", "Staging", "ReviewProd")
    return Outcome(
        PipelineBadModel.name,
        (
            started_by_its_push(seen),
            stages_went(seen, {**dict.fromkeys(before, SUCCEEDED), "Prod": FAILED}),
            was_asked(seen),
            failed_as(seen, "the rollout failed as the engine took it back", "ended FAILED: NotPromoted"),
            rolled_back(seen, "Prod"),
            _engine_ran_twice(seen),
            *_met_in_production(seen),
            Condition(
                "production runs the former release",
                seen.prod.image == seen.prod.live_release == seen.former,
                f"{seen.prod.image[:19]}, before {seen.former[:19]}",
            ),
            keeps(seen, seen.pushed.digest),
            *loads_were_whole(seen),
        ),
        seen.figures(),
        timeline=seen.timeline(),
        samples_of=seen.samples_of(),
    )


def _engine_ran_twice(seen: DeliverySeen) -> Condition:
    """The rollout, and the stage's rollback, which ends well and moves nothing: the former release is live already."""
    return Condition(
        "the engine refused the release, and took the former one for live already",
        sorted(seen.engine.values()) == [FAILED.upper(), SUCCEEDED.upper()],
        ", ".join(f"{name} {status}" for name, status in seen.engine.items()) or "no execution",
    )


def _met_in_production(seen: DeliverySeen) -> Sequence[Condition]:
    stage = seen.prod
    met = [record for record in stage.of_candidate() if record.is_wrong]
    *steps, last = stage.shares or (100.0,)
    path = " → ".join(f"{share:g} %" for share in stage.shares) or "no change of weights"
    return [
        of(stage, one)
        for one in (
            Condition(
                "the rule gave the release a step's share or two, and then nothing, once",
                bool(steps) and last == 0 and tuple(steps) == stage.steps[: len(steps)] and steps[-1] < stage.steps[-2],
                path,
            ),
            Condition(
                "users met the fault: it answers wrongly", bool(met), f"{len(met)} of {len(stage.of_candidate())}"
            ),
            nobody_else(stage),
            former_serves(stage),
            all_on(stage.live_side, stage.now),
        )
    ]
