"""What the data plane has done since it began, for the report of a rehearsal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from .model import RoutingTable


@dataclass(frozen=True)
class Counters:
    """Requests since the start. 5xx are split by who made them, `broken_off` answers ended
    before they were complete; instants are rehearsed seconds since the epoch."""

    requests: int = 0
    target_5xx: int = 0
    balancer_5xx: int = 0
    connection_errors: int = 0
    broken_off: int = 0
    first_bad_at: float | None = None
    last_request_at: float | None = None


@dataclass(frozen=True)
class WeightChange:
    """A rule's weights (target group ARN to weight) at the moment from which every node served them."""

    rule_arn: str
    weights: Mapping[str, int]
    at: float
    wall: float


@dataclass(frozen=True)
class Served:
    """A snapshot: counters by load balancer ARN and by target group ARN, and the weights in order of effect."""

    load_balancers: Mapping[str, Counters]
    target_groups: Mapping[str, Counters]
    weight_changes: tuple[WeightChange, ...]


@dataclass
class ServedBook:
    """Counts; written by the data plane's thread only, read from any."""

    _balancers: dict[str, Counters] = field(default_factory=dict)
    _groups: dict[str, Counters] = field(default_factory=dict)
    _changes: list[WeightChange] = field(default_factory=list)
    _weights: dict[str, dict[str, int]] = field(default_factory=dict)

    def answered(
        self, balancer: str, group: str | None, now: float, *, status: int, by_target: bool, connected: bool = True
    ) -> None:
        """Count one answer; `group` None when no group was chosen."""
        bad = status >= 500
        for book, key in self._books(balancer, group):
            before = book.get(key, Counters())
            book[key] = replace(
                before,
                requests=before.requests + 1,
                target_5xx=before.target_5xx + (bad and by_target),
                balancer_5xx=before.balancer_5xx + (bad and not by_target),
                connection_errors=before.connection_errors + (not connected),
                first_bad_at=now if bad and before.first_bad_at is None else before.first_bad_at,
                last_request_at=now,
            )

    def broke_off(self, balancer: str, group: str, now: float) -> None:
        """Count an answer, already counted as answered, that the target or the end of draining broke off."""
        for book, key in self._books(balancer, group):
            before = book.get(key, Counters())
            first = now if before.first_bad_at is None else before.first_bad_at
            book[key] = replace(before, broken_off=before.broken_off + 1, first_bad_at=first)

    def settled(self, table: RoutingTable, now: float, wall: float) -> None:
        """Note which rules' weights changed now that every node serves `table`."""
        weights = {rule.arn: forward.weights for _, _, rule, forward in table.forwards()}
        for arn, current in weights.items():
            if current != self._weights.get(arn):
                self._changes.append(WeightChange(arn, current, now, wall))
        self._weights = weights

    def snapshot(self) -> Served:
        """The counts so far."""
        return Served(dict(self._balancers), dict(self._groups), tuple(self._changes))

    def _books(self, balancer: str, group: str | None) -> Iterator[tuple[dict[str, Counters], str]]:
        yield self._balancers, balancer
        if group is not None:
            yield self._groups, group
