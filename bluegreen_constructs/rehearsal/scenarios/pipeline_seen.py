"""What was recorded of one execution of the delivery pipeline, with users on both of its stages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..outcome import Figure, Samples
from ..pipeline.action_work import SourceRevision
from ..pipeline.execution import Execution
from ..pipeline.image_registry import PushedImage
from ..rollout_watch import Rollout, Weights
from .candidate_traffic import CandidateTraffic
from .traffic_conditions import Watched
from .traffic_samples import traffic_samples


@dataclass(frozen=True)
class StageTraffic(CandidateTraffic):
    """What users of one stage met, while the pipeline was at it or not.

    steps: the shares that a release of this stage goes through, everything last. now: the rule's weights at the end, by
    side. image: what the stage's live side is told to run at the end, as Amazon ECS says: a tag or a digest.
    """

    name: str
    steps: tuple[float, ...]
    live_side: str
    live_release: str
    weights: tuple[Weights, ...]
    now: Mapping[str, int]
    image: str
    watched: Watched


@dataclass(frozen=True)
class DeliverySeen:
    """Everything recorded of one push.

    starts: what the synthesised rule made of it: the revisions of each start. former: the digest that staging kept
    before. rollback: of the stage that failed. asked: what approvals said. parameters, stack_status: of staging's
    stack at the end. rollouts: Amazon ECS's in staging. engine: the statuses of the executions of production's engine
    that began meanwhile, by name.
    """

    pushed: PushedImage
    starts: tuple[tuple[SourceRevision, ...], ...]
    former: str
    execution: Execution
    rollback: Execution | None
    asked: tuple[str, ...]
    parameters: Mapping[str, str]
    stack_status: str
    rollouts: tuple[Rollout, ...]
    engine: Mapping[str, str]
    staging: StageTraffic
    prod: StageTraffic
    speed: float

    def figures(self) -> dict[str, Figure]:
        """What was measured, and of each action how true it was."""
        figures: dict[str, Figure] = {"image": f"{self.pushed.tag}, {self.pushed.digest[:19]}…"}
        for stage in (self.staging, self.prod):
            result = stage.watched.result
            figures[f"{stage.name}: requests sent"] = result.sent
            figures[f"{stage.name}: failed, broken or wrong"] = (
                result.failed + result.broken_streams + result.wrong_answers
            )
            met = sum(record.release == self.pushed.digest for record in stage.watched.records)
            figures[f"{stage.name}: answered by the release"] = met
        for execution in filter(None, (self.execution, self.rollback)):
            rolled = "" if execution is self.execution else "rollback, "
            for run in execution.runs:
                took = f"{run.ended - run.started:.1f} s"
                figures[f"{rolled}{run.stage}/{run.action}"] = f"{run.how or 'failed'}, {took}"
        return figures

    def timeline(self) -> tuple[tuple[float, str], ...]:
        """The actions as they ended, in rehearsed seconds since the first one's start."""
        runs = [run for one in filter(None, (self.execution, self.rollback)) for run in one.runs]
        first = min((run.started for run in runs), default=0.0)
        return tuple(
            ((run.ended - first) * self.speed, f"{run.stage}/{run.action} {run.status}: {run.said}") for run in runs
        )

    def samples_of(self) -> dict[str, Samples]:
        """For the charts: what each stage's users met."""
        return {
            stage.name: traffic_samples(stage.watched, stage.weights, stage.candidate_side)
            for stage in (self.staging, self.prod)
        }
