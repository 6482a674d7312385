"""What was recorded of a release of somebody's own application, and the conditions that hold for every one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..ecs.tasks_file import Expected
from ..load import LoadRecord
from ..outcome import Condition, Figure, Outcome
from ..rollout_watch import Weights
from .traffic_conditions import SETTLE_SECONDS, Watched, all_on, load_was_whole, none_by, nothing_lost
from .traffic_samples import traffic_samples


@dataclass(frozen=True)
class OwnSeen:
    """Everything recorded of one rollout.

    ended: what must hold of whoever ran the rollout, as conditions. writers: who wrote the production rule's actions,
    each write; movers: who may. weights: how the rule's weights settled on the load balancer; final_weights: at the
    end. timeline: as in Outcome.
    """

    name: str
    release: str
    live_release: str
    expected: Expected
    candidate_side: str
    ended: tuple[Condition, ...]
    writers: tuple[str, ...]
    movers: frozenset[str]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    watched: Watched
    calls: Mapping[str, int]
    speed: float
    timeline: tuple[tuple[float, str], ...] = ()

    def outcome(self) -> Outcome:
        """Judge what was seen."""
        judged = self._promoted() if self.expected is Expected.PROMOTED else self._rolled_back()
        return Outcome(
            self.name,
            (*self.ended, *judged, self._moved_by(), load_was_whole(self.watched)),
            figures=self._figures(),
            timeline=self.timeline,
            samples=traffic_samples(self.watched, self.weights, self.candidate_side),
        )

    @property
    def live_side(self) -> str:
        """The side that served before."""
        return "green" if self.candidate_side == "blue" else "blue"

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares that the rule gave the candidate, in their order."""
        return tuple(change.percent_of(self.candidate_side) for change in self.weights)

    def _promoted(self) -> tuple[Condition, ...]:
        before = self.watched.due(0.0, self._moment(0) - SETTLE_SECONDS)
        after = self._afterwards()
        own = sum(record.side == self.candidate_side for record in after)
        return (
            Condition(
                "the candidate's share of the traffic rose to 100 %, and never fell",
                self.shares[-1:] == (100.0,) and list(self.shares) == sorted(self.shares),
                self._path(),
            ),
            none_by(
                "before the first shift nobody met the candidate",
                before,
                self.candidate_side,
                at_least=self.watched.enough,
            ),
            Condition(
                "after the last step every answer is the candidate's",
                len(after) >= self.watched.enough and own == len(after),
                f"{own} of {len(after)}",
            ),
            self._ends_on(self.candidate_side),
            nothing_lost(self.watched),
        )

    def _rolled_back(self) -> tuple[Condition, ...]:
        rising, last = self.shares[:-1], self.shares[-1:]
        others = [record for record in self.watched.records if record.side != self.candidate_side]
        hurt = [record for record in others if record.is_bad]
        said = f" ({hurt[0].error or hurt[0].status})" if hurt else ""
        after = self._afterwards()
        good = sum(record.side == self.live_side and not record.is_bad for record in after)
        return (
            Condition(
                "the candidate's share of the traffic fell to nothing at once, if it ever had one",
                not self.shares or (last == (0.0,) and bool(rising) and list(rising) == sorted(rising)),
                self._path(),
            ),
            Condition(
                "nobody suffered who did not meet the candidate",
                bool(others) and not hurt,
                f"{len(hurt)} of {len(others)} other answers failed or were wrong{said}",
            ),
            Condition(
                "once all traffic was back, every answer was live's and good",
                len(after) >= self.watched.enough and good == len(after),
                f"{good} of {len(after)} answers",
            ),
            self._ends_on(self.live_side),
        )

    def _moved_by(self) -> Condition:
        """Whether only those moved weights who may, and each change is one of theirs: a stack update makes no call."""
        found = dict.fromkeys(self.writers)
        return Condition(
            f"nobody but {_who(self.movers)} moved traffic, no stack update among them",
            found.keys() <= self.movers and len(self.weights) <= len(self.writers),
            f"{len(self.weights)} changes of weights, {len(self.writers)} writes by {', '.join(found) or 'nobody'}",
        )

    def _ends_on(self, side: str) -> Condition:
        return all_on(side, {"blue": 0, "green": 0, **self.final_weights})

    def _afterwards(self) -> list[LoadRecord]:
        """The requests after the last change of weights; all of them when there was none."""
        start = self._moment(-1) + SETTLE_SECONDS if self.weights else 0.0
        return self.watched.due(start, self.watched.stopped)

    def _moment(self, number: int) -> float:
        return self.weights[number].wall if self.weights else self.watched.stopped

    def _path(self) -> str:
        return " → ".join(f"{share:g} %" for share in self.shares) or "no change of weights"

    def _figures(self) -> dict[str, Figure]:
        result, rate = self.watched.result, self.watched.rate_per_second
        sides = {self.candidate_side: f"candidate {self.release}", self.live_side: f"live {self.live_release}"}
        figures: dict[str, Figure] = {
            "requests sent": result.sent,
            "failed": result.failed,
            "wrong answers": result.wrong_answers,
        }
        for side in sorted(sides):
            tally = result.by_side.get(side)
            figures[f"served by {side} ({sides[side]})"] = tally.requests if tally else 0
        bad = (one.scheduled for one in self.watched.records if one.side == self.candidate_side and one.is_bad)
        first = next(bad, None)
        if self.expected is Expected.ROLLED_BACK and first is not None:
            took = self._moment(-1) - first
            figures["first bad answer to 100 % live"] = (
                f"{took:.1f} s here, {took * self.speed / 60:.1f} rehearsed minutes"
            )
        figures["p95 of answers"] = None if result.latency is None else f"{result.latency.p95 * 1000:.0f} ms"
        figures["rate"] = f"{rate:g}/s here, {rate / self.speed * 60:g} in a rehearsed minute (x{self.speed:g})"
        figures["AWS calls"] = sum(self.calls.values())
        return figures


def _who(movers: frozenset[str]) -> str:
    return "Amazon ECS" if movers == {"ecs"} else "the engine"
