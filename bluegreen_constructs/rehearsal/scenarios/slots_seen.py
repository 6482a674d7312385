"""What was recorded of an operation on slots under load, and what can be said of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..deployed_slots import DeployedSlots
from ..load import LoadRecord
from ..operator_command import CommandResult
from ..outcome import Figure
from ..rollout_watch import Weights
from .traffic_conditions import SETTLE_SECONDS, Watched
from .traffic_samples import traffic_samples


@dataclass(frozen=True)
class Answer:
    """What one request of a tester got. side: who answered (empty: the load balancer itself)."""

    status: int
    release: str
    side: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SideTasks:
    """How many tasks of a side are asked for, and those that were not told to stop."""

    desired: int
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Write:
    """A write of the live rule's actions: when (wall clock), and who called Elastic Load Balancing."""

    wall: float
    caller: str


@dataclass(frozen=True)
class SlotsSeen:
    """Everything recorded of one scenario.

    before, record: the record at both ends. changes: how the live rule's weights settled on the load balancer.
    final: the weights of production's rule and of each slot's own at the end, by slot; a closed one has none.
    settings: the environment that each side runs with at the end. answers: the testers' requests, by name.
    """

    slots: DeployedSlots
    before: Mapping[str, Any]
    record: Mapping[str, Any]
    changes: tuple[Weights, ...]
    writes: tuple[Write, ...]
    final: Mapping[str, Mapping[str, int]]
    settings: Mapping[str, Mapping[str, str]]
    tasks: Mapping[str, SideTasks]
    history: tuple[Mapping[str, Any], ...]
    commands: Mapping[str, CommandResult]
    answers: Mapping[str, Answer]
    watched: Watched
    speed: float

    def side_of(self, slot: str) -> str:
        """The side of a slot at the end, by the record."""
        return str(self.record["sides_of"][slot])

    def release_of(self, slot: str) -> str:
        """The release of a slot at the end, by the record."""
        return str(self.record["sides"][self.side_of(slot)]["release"])

    def former_release_of(self, slot: str) -> str:
        """The release of a slot when the scenario began."""
        return str(self.before["sides"][self.before["sides_of"][slot]]["release"])

    def moves(self) -> tuple[str, ...]:
        """The sides that the live rule led to alone, one after the other; a split is written as what it is."""
        return tuple(
            next(iter(change.by_side)) if len(change.by_side) == 1 else str(dict(change.by_side))
            for change in self.changes
        )

    def before_flip(self) -> list[LoadRecord]:
        """The requests before the live rule's first change settled."""
        end = self.changes[0].wall if self.changes else self.watched.stopped
        return self.watched.due(0.0, end - SETTLE_SECONDS)

    def after_flip(self) -> list[LoadRecord]:
        """The requests after its last change."""
        start = self.changes[-1].wall if self.changes else self.watched.stopped
        return self.watched.due(start + SETTLE_SECONDS, self.watched.stopped)

    def figures(self) -> dict[str, Figure]:
        """What was measured, for the report's table."""
        result, rate = self.watched.result, self.watched.rate_per_second
        figures: dict[str, Figure] = {
            "requests sent": result.sent,
            "failed": result.failed,
            "broken streams": result.broken_streams,
            "wrong answers": result.wrong_answers,
        }
        for side in self.slots.groups:
            tally = result.by_side.get(side)
            figures[f"served by {side}"] = tally.requests if tally else 0
        figures["p95 of predictions"] = None if result.latency is None else f"{result.latency.p95 * 1000:.0f} ms"
        figures["rate"] = f"{rate:g}/s here, {rate / self.speed * 60:g} in a rehearsed minute (x{self.speed:g})"
        figures["writes of the live rule"] = len(self.writes)
        return figures

    def took(self, start: float, end: float) -> str:
        """A span in both times."""
        return f"{end - start:.1f} s here, {(end - start) * self.speed / 60:.1f} rehearsed minutes"

    def samples(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """For the charts: the candidate is the side of the slot that was tried."""
        candidate = str(self.before["sides_of"]["green"])
        return traffic_samples(self.watched, self.changes, candidate, tuple(self.slots.groups))

    def timeline(self) -> tuple[tuple[float, str], ...]:
        """What the history says, in rehearsed seconds since its first item."""
        moments = [datetime.fromisoformat(item["at"]).timestamp() for item in self.history]
        return tuple(
            (at - moments[0], f"{item['event']}: {item['reason']}")
            for at, item in zip(moments, self.history, strict=True)
        )
