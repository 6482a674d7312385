"""What was recorded of one `cdk deploy` of a judged service under load, and what can be said of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from ..cdk_run import CdkResult
from ..load import LoadRecord
from ..outcome import Figure
from ..rollout_watch import Milestone, Rollout, Weights
from .candidate_traffic import CandidateTraffic
from .traffic_conditions import SETTLE_SECONDS, Watched

BAKE = "BAKE_TIME"
HELD = "PRE_PRODUCTION_TRAFFIC_SHIFT"
_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"


@dataclass(frozen=True)
class JudgedRelease(CandidateTraffic):
    """One release that was deployed, and what Amazon ECS, the judge and the users said of it.

    live_release: what served before. deployment: what ECS made of it (None: nothing began). watch: the state of ECS's
    watch of the alarms, such as DISABLED. rang: the alarms that went off meanwhile, by name. explained, history: what
    `bluegreen explain` and `bluegreen history` answered at the end, the history's items of this deployment alone, the
    oldest first. hooks: what the functions of the hooks wrote. started: how many tasks the service started meanwhile.
    calls: how many calls of each action AWS got meanwhile.
    weights: how the live rule's weights settled on the load balancer. watched: the requests from just before it until
    just after it.
    """

    release: str
    live_release: str
    live_side: str
    deploy: CdkResult
    stack_status: str
    deployments: tuple[Rollout, ...]
    watch: str
    rang: frozenset[str]
    explained: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    hooks: str
    started: int
    calls: Mapping[str, int]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    watched: Watched
    speed: float

    @property
    def deployment(self) -> Rollout | None:
        """The one deployment; None when there is none, or more than one."""
        return self.deployments[0] if len(self.deployments) == 1 else None

    def in_the_step(self) -> list[LoadRecord]:
        """The requests between the first and the second change of weights."""
        return self.watched.due(self.moment(0) + SETTLE_SECONDS, self.moment(1) - SETTLE_SECONDS)

    def held(self) -> tuple[Milestone, Milestone] | None:
        """When ECS asked before the step after the first one, and what came then; None when it did not get there."""
        milestones = () if self.deployment is None else self.deployment.milestones
        for one, following in pairwise(milestones):
            if one.stage == HELD and one.production > 0:
                return one, following
        return None

    def figures(self, what: str) -> dict[str, Figure]:
        """What was measured, for the report's table."""
        own, others = self.of_candidate(), self.of_others()
        figures: dict[str, Figure] = {
            f"{what}: served by live {self.live_release}": len(others),
            f"{what}: served by {self.release}": len(own),
            f"{what}: failed": len(self.watched.lost),
            f"{what}: from cdk deploy to its end": self._took(self.deploy.seconds),
        }
        for one in self.explained.get("comparisons", ()):
            live, candidate = one["live"], one["candidate"]
            of_live = "" if live is None else f"live {live['bad']} bad of {live['requests']}, "
            said = f"{of_live}candidate {candidate['bad']} bad of {candidate['requests']}: {one['verdict']}"
            figures[f"{what}: bluegreen explain, {one['guardrail']}"] = said
        held = self.held()
        if held is not None:
            figures[f"{what}: held before all traffic"] = self._took(held[1].wall - held[0].wall)
        return figures

    def timeline(self) -> tuple[tuple[float, str], ...]:
        """What ECS and the history say, in rehearsed seconds since the deployment began."""
        if self.deployment is None or not self.deployment.milestones:
            return ()
        start = self.deployment.milestones[0].at
        stages = [
            (one.at - start, f"{one.stage}, {self.candidate_side} {one.production:g} %, {one.status}")
            for one in self.deployment.milestones
        ]
        said = [
            (datetime.fromisoformat(item["at"]).timestamp() - start, f"{item['event']}: {item['reason']}")
            for item in self.history
        ]
        return tuple(sorted((*stages, *said)))

    def _took(self, seconds: float) -> str:
        return f"{seconds:.1f} s here, {seconds * self.speed / 60:.1f} rehearsed minutes"


def was_passed(one: Milestone) -> bool:
    """Whether this is what follows when a hook lets all traffic pass."""
    return one.stage == _SHIFT and one.production == 100
