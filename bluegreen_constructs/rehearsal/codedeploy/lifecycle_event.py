"""The lifecycle events of an ECS deployment, and the state of each.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """In the order in which a deployment passes them."""

    BEFORE_INSTALL = "BeforeInstall"
    INSTALL = "Install"
    AFTER_INSTALL = "AfterInstall"
    ALLOW_TEST_TRAFFIC = "AllowTestTraffic"
    AFTER_ALLOW_TEST_TRAFFIC = "AfterAllowTestTraffic"
    BEFORE_ALLOW_TRAFFIC = "BeforeAllowTraffic"
    ALLOW_TRAFFIC = "AllowTraffic"
    AFTER_ALLOW_TRAFFIC = "AfterAllowTraffic"


# "The Start, Install, TestTraffic, AllowTraffic, and End events in the deployment cannot be scripted."
HOOK_EVENTS = frozenset(Event) - {Event.INSTALL, Event.ALLOW_TEST_TRAFFIC, Event.ALLOW_TRAFFIC}


class EventStatus(StrEnum):
    """LifecycleEventStatus of the API."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class EventState:
    """One event of one deployment. Instants are rehearsed seconds."""

    event: Event
    status: EventStatus = EventStatus.PENDING
    started_at: float | None = None
    ended_at: float | None = None
