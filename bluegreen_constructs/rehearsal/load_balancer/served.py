"""What the data plane has done since it began, for the report of a rehearsal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .model import RoutingTable


@dataclass(frozen=True)
class Counters:
    """Requests since the start: 5xx are split by who made them, `broken_off` answers ended incomplete."""

    requests: int = 0
    target_5xx: int = 0
    balancer_5xx: int = 0
    connection_errors: int = 0
    broken_off: int = 0


@dataclass(frozen=True)
class WeightChange:
    """A rule's weights (target group ARN to weight) at the moment from which every node served them."""

    rule_arn: str
    weights: Mapping[str, int]
    at: float
    wall: float


@dataclass(frozen=True)
class Served:
    """A snapshot: counters by load balancer, target group, and rule and target group (ARNs); weights in order."""

    load_balancers: Mapping[str, Counters]
    target_groups: Mapping[str, Counters]
    rules: Mapping[str, Mapping[str, Counters]]
    weight_changes: tuple[WeightChange, ...]


@dataclass
class ServedBook:
    """Counts; written by the data plane's thread only, read from any."""

    _balancers: dict[str, Counters] = field(default_factory=dict)
    _groups: dict[str, Counters] = field(default_factory=dict)
    _rules: dict[tuple[str, str], Counters] = field(default_factory=dict)
    _changes: list[WeightChange] = field(default_factory=list)
    _weights: dict[str, dict[str, int]] = field(default_factory=dict)

    def answered(
        self, balancer: str, rule: str, group: str | None, *, status: int, by_target: bool, connected: bool = True
    ) -> None:
        """Count one answer to a request that `rule` took ("" when none did); `group` None when no group was chosen."""
        bad = status >= 500
        self._count(
            balancer,
            rule,
            group,
            lambda before: replace(
                before,
                requests=before.requests + 1,
                target_5xx=before.target_5xx + (bad and by_target),
                balancer_5xx=before.balancer_5xx + (bad and not by_target),
                connection_errors=before.connection_errors + (not connected),
            ),
        )

    def broke_off(self, balancer: str, rule: str, group: str) -> None:
        """Count an answer, already counted as answered, that the target or the end of draining broke off."""
        self._count(balancer, rule, group, lambda before: replace(before, broken_off=before.broken_off + 1))

    def settled(self, table: RoutingTable, now: float, wall: float) -> None:
        """Note which rules' weights changed now that every node serves `table`."""
        weights = {rule.arn: forward.weights for _, _, rule, forward in table.forwards()}
        for arn, current in weights.items():
            if current != self._weights.get(arn):
                self._changes.append(WeightChange(arn, current, now, wall))
        self._weights = weights

    def snapshot(self) -> Served:
        """The counts so far."""
        rules: dict[str, dict[str, Counters]] = {}
        for (rule, group), counters in list(self._rules.items()):
            rules.setdefault(rule, {})[group] = counters
        return Served(dict(self._balancers), dict(self._groups), rules, tuple(self._changes))

    def _count(self, balancer: str, rule: str, group: str | None, change: Callable[[Counters], Counters]) -> None:
        self._balancers[balancer] = change(self._balancers.get(balancer, Counters()))
        if group is not None:
            self._groups[group] = change(self._groups.get(group, Counters()))
            self._rules[rule, group] = change(self._rules.get((rule, group), Counters()))
