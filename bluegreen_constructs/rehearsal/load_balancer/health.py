"""Target health: the states of registered and deregistered targets and how checks move them.

States and reason codes: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html.
A new target needs one passed check; afterwards the group's thresholds decide
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .model import HealthCheck, RoutingTable, Target, TargetGroup


class TargetState(StrEnum):
    """`TargetHealth.State` of the ELBv2 API."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    UNUSED = "unused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class TargetHealth:
    """One entry of DescribeTargetHealth; a healthy target has neither reason nor description."""

    target: Target
    state: TargetState
    reason: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """What one health check saw; `reason` None is a pass."""

    reason: str | None = None
    description: str | None = None


PASSED = CheckResult()
TIMED_OUT = CheckResult("Target.Timeout", "Request timed out")
FAILED = CheckResult("Target.FailedHealthChecks", "Health checks failed")


def mismatch(status: int) -> CheckResult:
    """A check that was answered with a status the matcher does not accept."""
    return CheckResult("Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


@dataclass(frozen=True)
class HealthTrack:
    """The memory of one target's checks: its state, and the passes or failures in a row that count towards the next."""

    state: TargetState = TargetState.INITIAL
    checked: bool = False
    in_a_row: int = 0
    last_failure: CheckResult = FAILED

    def after(self, result: CheckResult, check: HealthCheck) -> "HealthTrack":
        """The track after one more check."""
        passed = result.reason is None
        track = replace(self, checked=True, last_failure=self.last_failure if passed else result)
        if self.state is TargetState.INITIAL and passed:
            return replace(track, state=TargetState.HEALTHY, in_a_row=0)
        if (self.state is TargetState.HEALTHY and passed) or (self.state is TargetState.UNHEALTHY and not passed):
            return replace(track, in_a_row=0)
        in_a_row = self.in_a_row + 1
        if in_a_row < (check.healthy_threshold if passed else check.unhealthy_threshold):
            return replace(track, in_a_row=in_a_row)
        return replace(track, state=TargetState.HEALTHY if passed else TargetState.UNHEALTHY, in_a_row=0)

    def health(self, target: Target) -> TargetHealth:
        """The track as DescribeTargetHealth tells it."""
        if self.state is TargetState.HEALTHY:
            return TargetHealth(target, self.state)
        if self.state is TargetState.UNHEALTHY:
            return TargetHealth(target, self.state, self.last_failure.reason, self.last_failure.description)
        if self.checked:
            return TargetHealth(target, self.state, "Elb.InitialHealthChecking", "Initial health checks in progress")
        return TargetHealth(target, self.state, "Elb.RegistrationInProgress", "Target registration is in progress")


def _unchecked(target: Target) -> TargetHealth:
    return TargetHealth(
        target,
        TargetState.UNAVAILABLE,
        "Target.HealthCheckDisabled",
        "Health checks are not enabled for this target group",
    )


@dataclass(frozen=True)
class _Drain:
    """When a target's drain ends (rehearsed seconds): with nothing in flight, and whatever is in flight."""

    until: float
    at_latest: float


@dataclass
class HealthBook:
    """The health of every target of every group that is in use, and the targets that drain. Thread-safe.

    A target's track begins when its group comes into use and ends when it is deregistered or the group is no longer
    named by any rule. A deregistered target shows as draining until the group's deregistration delay has passed
    (rehearsed seconds), also when its last request ended earlier, as AWS documents. Requests are not compressed, so
    one that is still in flight then gets the rest of the delay in real seconds (`speed` times as many rehearsed ones).
    """

    speed: float = 1.0

    _tracks: dict[tuple[str, Target], HealthTrack] = field(default_factory=dict)
    _draining: dict[tuple[str, Target], _Drain] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def observe(self, table: RoutingTable, now: float) -> None:
        """Take in which targets are registered in which used groups."""
        users = table.users()
        registered = {
            (group.arn, target)
            for group in table.target_groups.values()
            if group.arn in users
            for target in group.targets
        }
        with self._lock:
            for key in [key for key in self._tracks if key not in registered]:
                group = table.target_groups.get(key[0])
                if group is not None and key[1] not in group.targets:
                    delay = group.deregistration_delay_seconds
                    self._draining[key] = _Drain(now + delay, now + delay * self.speed)
                del self._tracks[key]
            for key in registered - self._tracks.keys():
                self._tracks[key] = HealthTrack()
                self._draining.pop(key, None)

    def expire(
        self, now: float, is_busy: Callable[[str, Target], bool] = lambda _arn, _target: False
    ) -> list[tuple[str, Target]]:
        """Forget the targets whose deregistration delay has passed, and name them; busy ones at its real end."""
        with self._lock:
            expired = [
                key
                for key, drain in self._draining.items()
                if now >= drain.until and (now >= drain.at_latest or not is_busy(*key))
            ]
            for key in expired:
                del self._draining[key]
        return expired

    def record(self, group: TargetGroup, target: Target, result: CheckResult) -> None:
        """Count one check; a target that is no longer registered is ignored."""
        with self._lock:
            track = self._tracks.get((group.arn, target))
            if track is not None:
                self._tracks[group.arn, target] = track.after(result, group.health_check)

    def tracked(self) -> set[tuple[str, Target]]:
        """The targets to be checked, as (group ARN, target)."""
        with self._lock:
            return set(self._tracks)

    def healthy(self, group: TargetGroup) -> set[Target]:
        """The group's healthy targets; all of a group that has no health checks."""
        if not group.is_checked:
            return set(group.targets)
        with self._lock:
            return {
                target
                for target in group.targets
                if (track := self._tracks.get((group.arn, target))) and track.state is TargetState.HEALTHY
            }

    def describe(self, group: TargetGroup, asked: Sequence[Target] = ()) -> list[TargetHealth]:
        """DescribeTargetHealth for one group: all its targets and those that drain, or only the `asked` ones."""
        with self._lock:
            shown = list(asked) or [
                *group.targets,
                *(target for arn, target in self._draining if arn == group.arn and target not in group.targets),
            ]
            return [self._health(group, target) for target in shown]

    def _health(self, group: TargetGroup, target: Target) -> TargetHealth:
        if track := self._tracks.get((group.arn, target)):
            return track.health(target) if group.is_checked else _unchecked(target)
        if target in group.targets:
            return TargetHealth(
                target,
                TargetState.UNUSED,
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            )
        if (group.arn, target) in self._draining:
            return TargetHealth(
                target,
                TargetState.DRAINING,
                "Target.DeregistrationInProgress",
                "Target deregistration is in progress",
            )
        return TargetHealth(
            target, TargetState.UNUSED, "Target.NotRegistered", "Target is not registered to the target group"
        )
