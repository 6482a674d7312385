"""Requests: they flow at a rate, go where the load balancer's nodes believe they should, and are counted by the minute.

Nothing is drawn here: shares are kept to the last request, so that a run can be repeated and its counts be foreseen.
Traffic is computed when somebody looks, or before something changes, for all the time since it was last computed.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .behaviour import FAST_SECONDS, SLOW_SECONDS, Behaviour
from .cloudwatch import Series
from .elbv2 import Group, Rule

if TYPE_CHECKING:
    from .world import SimulatedAws

ELB = "AWS/ApplicationELB"

# What is counted of each group in each minute.
_REQUESTS, _ERRORS, _CONNECTION_ERRORS, _SLOW, _BAD = range(5)
_KINDS = 5


@dataclass(frozen=True, slots=True)
class ApplicationMetric:
    """An application's own counts, as MetricComparison names them; the side is in one of the dimensions."""

    namespace: str
    bad: str
    total: str
    dimensions: tuple[tuple[str, str], ...] = ()
    side_dimension: str = "Side"


@dataclass(frozen=True, slots=True)
class Loss:
    """Requests that nobody could answer, because they were sent to a group without healthy targets, or nowhere ("")."""

    at: float
    group_arn: str
    requests: int


class Traffic:
    """The requests that meet one rule.

    rate: requests a second; it may be changed at any time through `set_rate`. incident: a share of errors that all
    releases have, because something that they both need is down. reports_zeros: whether CloudWatch gets a zero for a
    group with targets that had no requests while the load balancer had some (AWS documents that it does, and lists it
    under "Reported if there are registered targets"; both ways must be lived with).
    """

    def __init__(
        self,
        world: "SimulatedAws",
        rule: Rule,
        load_balancer: str,
        sides: Mapping[str, tuple[str, Group]],
        *,
        rate: float = 50.0,
        reports_zeros: bool = False,
        application: ApplicationMetric | None = None,
    ) -> None:
        """`sides`: the metric name and the group of each side, by the side's name."""
        self._world = world
        self._rule = rule
        self.rate = rate
        self.incident = 0.0
        self.reports_zeros = reports_zeros
        self._losses: list[Loss] = []
        self._total = 0
        self._groups = {group.arn: group for _, group in sides.values()}
        self._last_request: dict[str, float] = {}
        self._counts: dict[str, dict[int, list[int]]] = {arn: {} for arn in self._groups}
        self._carried: dict[tuple[str, int], float] = defaultdict(float)
        self._until = world.now
        self._shares = _shares(rule)
        self._under_way: list[tuple[float, dict[str, float]]] = []
        world.elbv2.before_write.setdefault(rule.arn, []).append(self.catch_up)
        world.elbv2.on_write.setdefault(rule.arn, []).append(self._rule_was_written)
        for side, (metric_name, group) in sides.items():
            group.fleet.before_change.append(self.catch_up)
            self._publish(load_balancer, metric_name, group.arn, application, side)
        self._lost_in: dict[int, int] = {}
        lost = Series(self.catch_up, self._lost_in.get)
        world.cloudwatch.publish(ELB, "HTTPCode_ELB_5XX_Count", {"LoadBalancer": load_balancer}, lost)

    # what tests look at

    @property
    def total(self) -> int:
        """All requests so far."""
        self.catch_up()
        return self._total

    @property
    def losses(self) -> list[Loss]:
        """The requests that nobody answered, in order."""
        self.catch_up()
        return self._losses

    @property
    def lost(self) -> int:
        """How many requests nobody answered."""
        return sum(loss.requests for loss in self.losses)

    def last_request(self, group_arn: str) -> float:
        """When the group had its last request; long ago if never."""
        self.catch_up()
        return self._last_request.get(group_arn, float("-inf"))

    def shares(self) -> dict[str, float]:
        """The share of each group that the nodes give it now, which may lag behind the rule."""
        self.catch_up()
        return dict(self._shares)

    def counted(self, group_arn: str) -> tuple[int, int]:
        """All requests and all errors of a group so far."""
        self.catch_up()
        minutes = self._counts[group_arn].values()
        return sum(one[_REQUESTS] for one in minutes), sum(one[_ERRORS] for one in minutes)

    def set_rate(self, rate: float) -> None:
        """Requests a second from now on."""
        self.catch_up()
        self.rate = rate

    def set_incident(self, errors: float) -> None:
        """The share of errors that every release has from now on."""
        self.catch_up()
        self.incident = errors

    def catch_up(self) -> None:
        """Let the requests flow until now."""
        now = self._world.now
        while self._until < now:
            start = self._until
            end = min(now, (start // 60 + 1) * 60)
            if self._under_way:
                end = min(end, self._under_way[0][0])
            for group in self._groups.values():
                end = min(end, group.fleet.next_change(start))
                if start < group.checked_from < end:
                    end = group.checked_from
            if end > start:
                self._flow(start, end)
            self._until = end
            while self._under_way and self._under_way[0][0] <= end:
                self._shares = self._under_way.pop(0)[1]
            for group in self._groups.values():
                group.fleet.settle(end)

    # what the load balancer does

    def _rule_was_written(self) -> None:
        """The nodes take a write after a while, in order; clients that stick to a group stay a while longer."""
        rule, now = self._rule, self._world.now
        shortest, longest = self._world.disturbances.propagation
        due = now + (self._world.random.uniform(shortest, longest) if longest else 0.0)
        shares, sticks = _shares(rule), _sticks(rule)
        former = self._under_way[-1][1] if self._under_way else self._shares
        if self._under_way:
            due = max(due, self._under_way[-1][0])
        stuck = {arn: former[arn] for arn in sticks if not shares.get(arn) and former.get(arn)}
        if stuck:
            # A client that knows a group goes back to it for as long as the action names it, whatever its weight.
            rest = 1 - sum(stuck.values())
            self._under_way.append((due, {arn: share * rest for arn, share in shares.items()} | stuck))
            due += min(sticks.values())
        self._under_way.append((due, shares))
        if self._under_way[0][0] <= now:
            self._shares = self._under_way.pop(0)[1]

    def _flow(self, start: float, end: float) -> None:
        minute = int(start // 60)
        offered = self.rate * (end - start)
        if not self._shares:
            self._lose("", self._whole("", _REQUESTS, offered), end)
        for arn, share in self._shares.items():
            group = self._groups.get(arn)
            if group is None:
                self._lose(arn, self._whole(arn, _REQUESTS, offered * share), end)
                continue
            group.fleet.served(share if offered else 0.0, end)
            if not share:
                continue
            requests = self._whole(arn, _REQUESTS, offered * share)
            if not requests:
                continue
            if not group.answering(start):
                self._lose(arn, requests, end)
                continue
            self._total += requests
            self._last_request[arn] = end
            behaviour = self._behaviour(group, start)
            counts = self._counts[arn].setdefault(minute, [0] * _KINDS)
            counts[_REQUESTS] += requests
            counts[_ERRORS] += self._whole(arn, _ERRORS, requests * max(behaviour.errors, self.incident))
            counts[_CONNECTION_ERRORS] += self._whole(arn, _CONNECTION_ERRORS, requests * behaviour.connection_errors)
            counts[_SLOW] += self._whole(arn, _SLOW, requests * behaviour.slow)
            counts[_BAD] += self._whole(arn, _BAD, requests * behaviour.bad)
        if self.reports_zeros and offered:
            for arn, group in self._groups.items():
                if group.used_since is not None and group.fleet.targets:
                    self._counts[arn].setdefault(minute, [0] * _KINDS)

    def _behaviour(self, group: Group, now: float) -> Behaviour:
        releases = group.fleet.releases(now) or [group.fleet.release]
        first = self._world.behaviour(releases[0])
        if releases.count(releases[0]) == len(releases):
            return first
        known = [self._world.behaviour(release) for release in releases]
        return Behaviour(
            errors=sum(one.errors for one in known) / len(known),
            connection_errors=sum(one.connection_errors for one in known) / len(known),
            slow=sum(one.slow for one in known) / len(known),
            bad=sum(one.bad for one in known) / len(known),
        )

    def _whole(self, arn: str, kind: int, amount: float) -> int:
        """A whole number of requests; what is left over counts with the next ones."""
        key = (arn, kind)
        exact = self._carried[key] + amount
        # A sum of tenths must not fall short of a whole number by a rounding error.
        whole = int(exact + 1e-9)
        self._carried[key] = exact - whole
        return whole

    def _lose(self, arn: str, requests: int, at: float) -> None:
        if requests:
            self._total += requests
            self._losses.append(Loss(at, arn, requests))
            minute = int((at - 1e-6) // 60)
            self._lost_in[minute] = self._lost_in.get(minute, 0) + requests

    # what CloudWatch gets

    def _publish(
        self, load_balancer: str, metric_name: str, arn: str, application: ApplicationMetric | None, side: str
    ) -> None:
        def count(kind: int, *, zeros: bool = False) -> Series:
            def read(minute: int) -> float | None:
                counts = self._counts[arn].get(minute)
                return counts[kind] if counts and (counts[kind] or zeros) else None

            return Series(self.catch_up, read)

        def rank(minute: int, bound: float) -> float | None:
            counts = self._counts[arn].get(minute)
            if not counts or not counts[_REQUESTS]:
                return None
            if bound >= SLOW_SECONDS:
                return 100.0
            return 0.0 if bound < FAST_SECONDS else 100 * (1 - counts[_SLOW] / counts[_REQUESTS])

        cloudwatch = self._world.cloudwatch
        elb = {"LoadBalancer": load_balancer, "TargetGroup": metric_name}
        zeros = self.reports_zeros
        cloudwatch.publish(ELB, "RequestCount", elb, count(_REQUESTS, zeros=zeros))
        cloudwatch.publish(ELB, "HTTPCode_Target_5XX_Count", elb, count(_ERRORS, zeros=zeros))
        cloudwatch.publish(ELB, "TargetConnectionErrorCount", elb, count(_CONNECTION_ERRORS))
        cloudwatch.publish(ELB, "TargetResponseTime", elb, Series(self.catch_up, lambda _minute: None, rank))
        if application:
            own = dict(application.dimensions) | {application.side_dimension: side}
            cloudwatch.publish(application.namespace, application.total, own, count(_REQUESTS))
            cloudwatch.publish(application.namespace, application.bad, own, count(_BAD))


def _shares(rule: Rule) -> dict[str, float]:
    """The share of each group that a rule names; nothing when the weights sum to 0, or the rule forwards nowhere."""
    weights = rule.weights
    total = sum(weights.values())
    return {arn: weight / total for arn, weight in weights.items()} if total else {}


def _sticks(rule: Rule) -> dict[str, float]:
    """For how many seconds clients stick to each group that the rule names."""
    config = rule.actions[-1].get("ForwardConfig", {})
    sticky = config.get("TargetGroupStickinessConfig", {})
    return dict.fromkeys(rule.weights, sticky["DurationSeconds"]) if sticky.get("Enabled") else {}
