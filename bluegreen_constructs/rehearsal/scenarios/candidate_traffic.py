"""The traffic of one rollout as the candidate's share of it changed: before, meanwhile and afterwards. Pure."""

from ..load import LoadRecord
from ..outcome import Condition
from ..rollout_watch import Weights
from .traffic_conditions import SETTLE_SECONDS, Watched


class CandidateTraffic:
    """What everything recorded of a rollout can say of its requests.

    live_side, live_release: what served before it. weights: how the live rule's weights settled on the load balancer.
    watched: the requests from before the first change until after the last one.
    """

    live_side: str
    live_release: str
    weights: tuple[Weights, ...]
    watched: Watched

    @property
    def candidate_side(self) -> str:
        """The side that was out of use, and on which the release was tried."""
        return "green" if self.live_side == "blue" else "blue"

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares that the rule gave the candidate, in their order."""
        return tuple(change.percent_of(self.candidate_side) for change in self.weights)

    def moment(self, number: int) -> float:
        """When that change of weights had settled (-1: the last one); the end of the load for one that never came."""
        try:
            return self.weights[number].wall
        except IndexError:
            return self.watched.stopped

    def before(self) -> list[LoadRecord]:
        """The requests before the first change of weights."""
        return self.watched.due(0.0, self.moment(0) - SETTLE_SECONDS)

    def spans(self) -> list[tuple[float, list[LoadRecord]]]:
        """The shares that were neither nothing nor everything, each with the requests that were due while it held."""
        ends = [*(change.wall for change in self.weights), self.watched.stopped][1:]
        return [
            (share, self.watched.due(change.wall + SETTLE_SECONDS, end - SETTLE_SECONDS))
            for change, share, end in zip(self.weights, self.shares, ends, strict=True)
            if 0 < share < 100
        ]

    def afterwards(self) -> list[LoadRecord]:
        """The requests after the last change of weights."""
        return self.watched.due(self.moment(-1) + SETTLE_SECONDS, self.watched.stopped)

    def is_bad(self, record: LoadRecord) -> bool:
        """Anything that its user would complain of."""
        return record.is_bad

    def of_candidate(self) -> list[LoadRecord]:
        """The requests that the candidate answered."""
        return [record for record in self.watched.records if record.side == self.candidate_side]

    def of_others(self) -> list[LoadRecord]:
        """All other requests, those without any answer among them."""
        return [record for record in self.watched.records if record.side != self.candidate_side]


def live_serves(seen: CandidateTraffic) -> Condition:
    """Once all traffic was back every answer is live's, and none is bad."""
    after = seen.afterwards()
    own = sum(record.release == seen.live_release for record in after)
    bad = sum(seen.is_bad(record) for record in after)
    return Condition(
        "once all traffic was back, every answer was live's and good",
        len(after) >= seen.watched.enough and own == len(after) and bad == 0,
        f"{own} of {len(after)} answers, {bad} bad",
    )
