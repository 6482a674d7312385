"""What was recorded of one rollout by the deployed engine under load, and what can be said of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...engine.target_settings import Compute, SideSettings
from ..deployed_target import DeployedTarget
from ..load import LoadRecord
from ..outcome import Figure
from ..rollout_watch import Weights
from .candidate_traffic import CandidateTraffic
from .traffic_conditions import Watched
from .traffic_samples import traffic_samples


@dataclass(frozen=True)
class Execution:
    """How the rollout's execution ended, as Step Functions says."""

    status: str
    error: str = ""
    cause: str = ""


@dataclass(frozen=True)
class RuleWrite:
    """A write of the live rule's actions: when (wall clock), and who called Elastic Load Balancing."""

    wall: float
    caller: str


@dataclass(frozen=True)
class Tasks:
    """A side's tasks or instances at the end: asked for, running, since when the first that users met was to stop."""

    desired: int
    running: int
    first_stopping: float | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any], side: SideSettings, since: float) -> "Tasks":
        """By the emulator's state. What was told to stop before `since` (wall clock) was no scaling in.

        When one was told is the decision; how long it drains and ends then is the service's own affair.
        """
        clock = state["clock"]
        if side.compute is Compute.AUTO_SCALING:
            group = state["instances"]["groups"][side.auto_scaling_group]
            desired, running, asked = group["desired"], group["in_service"], group["terminations"]
        else:
            service = state["ecs"]["services"][side.service]
            desired, running = service["desired"], sum(task["state"] == "RUNNING" for task in service["tasks"])
            asked = [task["stopping_at"] for task in service["tasks"] if task["stopping_at"] is not None]
        told = [wall for at in asked if (wall := clock["origin"] + (at - clock["origin"]) / clock["speed"]) >= since]
        return cls(int(desired), running, min(told, default=None))


@dataclass(frozen=True)
class CanarySeen(CandidateTraffic):
    """Everything recorded of one rollout.

    live_side, live_release: what served before it. explained, history: what `bluegreen explain` and `bluegreen history`
    answered at the end, the history's oldest item first. weights: how the live rule's weights settled on the load
    balancer. final_weights: the rule's weights at the end; a side that it does not name is absent.
    """

    target: DeployedTarget
    release: str
    live_side: str
    live_release: str
    execution: Execution
    explained: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    writes: tuple[RuleWrite, ...]
    tasks: Mapping[str, Tasks]
    watched: Watched
    calls: Mapping[str, int]
    speed: float

    def is_slow(self, record: LoadRecord) -> bool:
        """Later than the target's latency comparison allows."""
        return record.latency > self.target.slow_seconds

    def is_bad(self, record: LoadRecord) -> bool:
        """Anything that its user would complain of."""
        return record.is_bad or self.is_slow(record)

    def evidence(self) -> Mapping[str, Figure]:
        """The lines of `bluegreen explain`, each guardrail's on its own."""
        return {f"bluegreen explain, {one['guardrail']}": _line(one) for one in self.explained.get("comparisons", ())}

    def figures(self) -> dict[str, Figure]:
        """What was measured, for the report's table."""
        result, rate = self.watched.result, self.watched.rate_per_second
        sides = {self.candidate_side: f"candidate {self.release}", self.live_side: f"live {self.live_release}"}
        figures: dict[str, Figure] = {
            "requests sent": result.sent,
            "failed": result.failed,
            "broken streams": result.broken_streams,
            "wrong answers": result.wrong_answers,
        }
        for side in sorted(sides):
            tally = result.by_side.get(side)
            figures[f"served by {side} ({sides[side]})"] = tally.requests if tally else 0
        figures |= self.evidence()
        figures["p95 of predictions"] = None if result.latency is None else f"{result.latency.p95 * 1000:.0f} ms"
        figures["rate"] = f"{rate:g}/s here, {rate / self.speed * 60:g} in a rehearsed minute (x{self.speed:g})"
        figures["AWS calls"] = sum(self.calls.values())
        figures["of these, writes of a rule"] = self.calls.get("elasticloadbalancing:ModifyRule", 0)
        return figures

    def until_back(self) -> Figure:
        """How long users of the candidate were worse off: from the first bad answer until live had all traffic."""
        first = next((record.scheduled for record in self.of_candidate() if self.is_bad(record)), None)
        return None if first is None else self.took(first, self.moment(-1))

    def took(self, start: float, end: float) -> str:
        """A span in both times."""
        return f"{end - start:.1f} s here, {(end - start) * self.speed / 60:.1f} rehearsed minutes"

    def samples(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """For the charts."""
        return traffic_samples(self.watched, self.weights, self.candidate_side)

    def timeline(self) -> tuple[tuple[float, str], ...]:
        """What the history says, in rehearsed seconds since its first item."""
        moments = [datetime.fromisoformat(item["at"]).timestamp() for item in self.history]
        return tuple(
            (at - moments[0], f"{item['event']}: {item['reason']}")
            for at, item in zip(moments, self.history, strict=True)
        )


def _line(one: Mapping[str, Any]) -> str:
    live, candidate, odds = one["live"], one["candidate"], one["odds_of_harm"]
    of_live = "" if live is None else f"live {live['bad']} bad of {live['requests']}, "
    reached = odds["reached"]
    said = f"{reached:.2g}" if reached < 1e6 else "more than a million"
    return (
        f"{of_live}candidate {candidate['bad']} bad of {candidate['requests']}, odds of harm {said} of "
        f"{odds['needed']:.0f}: {one['verdict']}"
    )
