"""Auto Scaling: keeps as many instances in each group as it desires, and replaces those that fail its health check.

Followed: the user guide of EC2 Auto Scaling, pages `ec2-auto-scaling-lifecycle`, `health-checks-overview`,
`attach-load-balancer-asg` and `ts-as-capacity`. One thread calls `tick`. Not played: lifecycle hooks, warm pools,
scaling policies, several Availability Zones, instance refreshes.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ...engine.errors import BlueGreenError
from .activity import KEPT, Activity, instant
from .program import Template

_log = logging.getLogger("rehearsal.instances")
_RETRY_DELAY = 15.0  # rehearsed seconds, times the failed launches in a row, before the next try
_MOST_RETRY_DELAYS = 20
_TERMINATING = "Terminating EC2 instance"
_MOST_DRAINING = 3600.0  # rehearsed seconds: the longest deregistration delay that ELB allows


class Lifecycle(StrEnum):
    """The lifecycle states of an instance that are played."""

    PENDING = "Pending"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"


@dataclass(frozen=True)
class Group:
    """What a group is told to be. `template` is None when it has none that can be launched from."""

    name: str
    desired: int
    target_groups: tuple[str, ...] = ()
    uses_elb_health: bool = False
    grace: float = 0.0
    template: Template | None = None


@dataclass
class Member:
    """One instance of a group. Instants are rehearsed seconds."""

    id: str
    template: Template
    started_at: float
    lifecycle: Lifecycle = Lifecycle.PENDING
    is_healthy: bool = True
    registered_in: set[str] = field(default_factory=set)
    leaving_since: float = 0.0
    is_terminated: bool = False
    activity: Activity | None = None


class Machines(Protocol):
    """EC2, as a group uses it."""

    def launch(self, group: Group) -> str:
        """Start an instance and return its id; raises BlueGreenError with what Auto Scaling says of the failure."""

    def is_running(self, instance: str) -> bool:
        """Whether EC2 says that it runs."""

    def terminate(self, instance: str) -> None:
        """Begin to terminate it."""

    def has_ended(self, instance: str) -> bool:
        """Whether nothing of a terminated instance runs any more."""


class TargetGroups(Protocol):
    """The load balancer, as a group uses it; each may raise BlueGreenError, and is then asked again later."""

    def register(self, group: str, instance: str) -> None:
        """Register an instance at the target group's port."""

    def deregister(self, group: str, instance: str) -> None:
        """Deregister an instance; it drains."""

    def health(self, group: str) -> Mapping[str, str]:
        """State by instance; a target group that is gone has none."""


@dataclass
class _Kept:
    members: list[Member] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    failures_in_a_row: int = 0
    retry_at: float = 0.0
    desired: int = 0


class GroupKeeper:
    """The groups of one emulator. `changed` is told (group, members) after every round of a group."""

    def __init__(
        self,
        machines: Machines,
        targets: TargetGroups,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        changed: Callable[[str, tuple[Member, ...]], None],
        least_grace: float = 0.0,
    ) -> None:
        """`least_grace`: rehearsed seconds that every instance has before a health check of its target counts."""
        self._machines = machines
        self._targets = targets
        self._now = now
        self._new_id = new_id
        self._changed = changed
        self._least_grace = least_grace
        self._kept: dict[str, _Kept] = {}

    def activities(self, group: str) -> tuple[Activity, ...]:
        """The latest activities of a group, the newest first."""
        kept = self._kept.get(group)
        return tuple(kept.activities) if kept else ()

    def members(self, group: str) -> tuple[Member, ...]:
        """A group's instances that are not gone; of a group that was deleted as well."""
        kept = self._kept.get(group)
        return tuple(kept.members) if kept else ()

    def describe(self) -> dict[str, object]:
        """By group: the number it was told, the number in service, and when (rehearsed) each termination began."""
        return {
            name: {
                "desired": kept.desired,
                "in_service": sum(member.lifecycle is Lifecycle.IN_SERVICE for member in tuple(kept.members)),
                "terminations": [
                    one.started_at for one in tuple(kept.activities) if one.description.startswith(_TERMINATING)
                ],
            }
            for name, kept in tuple(self._kept.items())
        }

    def tick(self, groups: Mapping[str, Group]) -> None:
        """One round over all groups; one that is no longer there loses its instances."""
        for name in [*groups, *(name for name in tuple(self._kept) if name not in groups)]:
            kept = self._kept.setdefault(name, _Kept())
            group = groups.get(name, Group(name, 0))
            kept.desired = group.desired
            try:
                self._tend(kept, group)
            except BlueGreenError as error:  # looked at again in the next round
                _log.warning("%s: %s", name, error)
            self._changed(name, tuple(kept.members))

    def _tend(self, kept: _Kept, group: Group) -> None:
        names = {target for member in kept.members for target in (*member.registered_in, *group.target_groups)}
        health = {name: self._targets.health(name) for name in names}
        for member in tuple(kept.members):
            self._look_after(kept, group, member, health)
        present = [member for member in kept.members if member.lifecycle is not Lifecycle.TERMINATING]
        # The default termination policy: the oldest launch template version goes first, then the oldest instance.
        version = group.template.version if group.template else 0
        present.sort(key=lambda member: (member.template.version == version, member.started_at))
        for member in present[: max(0, len(present) - group.desired)]:
            self._retire(kept, group, member, "to shrink the group to its desired capacity")
        missing = group.desired - len(present)
        while missing > 0 and self._now() >= kept.retry_at and self._launch(kept, group):
            missing -= 1

    def _look_after(self, kept: _Kept, group: Group, member: Member, health: Mapping[str, Mapping[str, str]]) -> None:
        if member.lifecycle is Lifecycle.TERMINATING:
            self._see_off(kept, member, health)
            return
        if not self._machines.is_running(member.id):
            member.is_healthy = False
            self._retire(kept, group, member, "an instance was taken out of service in response to an EC2 health check")
            return
        member.lifecycle = Lifecycle.IN_SERVICE
        self._register(group, member)
        states = {health.get(name, {}).get(member.id) for name in member.registered_in}
        is_due = self._now() - member.started_at >= max(group.grace, self._least_grace)
        if group.uses_elb_health and is_due and "unhealthy" in states:
            member.is_healthy = False
            self._retire(kept, group, member, "an instance was taken out of service in response to an ELB health check")

    def _register(self, group: Group, member: Member) -> None:
        for name in set(group.target_groups) - member.registered_in:
            self._targets.register(name, member.id)
            member.registered_in.add(name)
        for name in member.registered_in - set(group.target_groups):
            self._targets.deregister(name, member.id)
            member.registered_in.discard(name)

    def _retire(self, kept: _Kept, group: Group, member: Member, why: str) -> None:
        for name in member.registered_in:
            self._targets.deregister(name, member.id)
        member.lifecycle, member.leaving_since = Lifecycle.TERMINATING, self._now()
        member.activity = self._note(kept, group.name, f"{_TERMINATING}: {member.id}", why)
        if member.registered_in:
            member.activity.status = "WaitingForELBConnectionDraining"

    def _see_off(self, kept: _Kept, member: Member, health: Mapping[str, Mapping[str, str]]) -> None:
        states = {health.get(name, {}).get(member.id, "") for name in member.registered_in}
        is_over = self._now() - member.leaving_since > _MOST_DRAINING
        if not member.is_terminated and (states <= {"", "unused"} or is_over):
            self._machines.terminate(member.id)
            member.is_terminated = True
        if member.is_terminated and self._machines.has_ended(member.id):
            kept.members.remove(member)
            if member.activity is not None:
                member.activity.end("Successful", self._now())

    def _launch(self, kept: _Kept, group: Group) -> bool:
        why = f"an instance was started in response to a difference between desired and actual capacity ({group.name})"
        activity = self._note(kept, group.name, "Launching a new EC2 instance", why)
        try:
            instance = self._machines.launch(group)
        except BlueGreenError as error:
            kept.failures_in_a_row += 1
            kept.retry_at = self._now() + _RETRY_DELAY * min(kept.failures_in_a_row, _MOST_RETRY_DELAYS)
            activity.description += f". Status Reason: {error}"
            activity.end("Failed", self._now(), str(error))
            return False
        kept.failures_in_a_row = 0
        activity.description += f": {instance}"
        activity.end("Successful", self._now())
        if group.template is not None:
            kept.members.append(Member(instance, group.template, self._now()))
        return True

    def _note(self, kept: _Kept, group: str, description: str, why: str) -> Activity:
        activity = Activity(self._new_id(), group, description, f"At {instant(self._now())} {why}.", self._now())
        kept.activities.insert(0, activity)
        del kept.activities[KEPT:]
        return activity
