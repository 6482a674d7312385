"""The traffic of one rollout as the candidate's share of it changed: before, meanwhile and afterwards. Pure."""

from ..load import LoadRecord
from ..rollout_watch import Weights
from .traffic_conditions import SETTLE_SECONDS, Watched


class CandidateTraffic:
    """What everything recorded of a rollout can say of its requests.

    live_side: what served before it. weights: how the live rule's weights settled on the load balancer. watched: the
    requests from before the first change until after the last one.
    """

    live_side: str
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

    def afterwards(self) -> list[LoadRecord]:
        """The requests after the last change of weights."""
        return self.watched.due(self.moment(-1) + SETTLE_SECONDS, self.watched.stopped)

    def of_candidate(self) -> list[LoadRecord]:
        """The requests that the candidate answered."""
        return [record for record in self.watched.records if record.side == self.candidate_side]

    def of_others(self) -> list[LoadRecord]:
        """All other requests, those without any answer among them."""
        return [record for record in self.watched.records if record.side != self.candidate_side]
