"""Scaling activities of a group, as DescribeScalingActivities shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

KEPT = 100


@dataclass
class Activity:
    """One launch or termination (API reference: Activity). Instants are rehearsed seconds since the epoch."""

    id: str
    group: str
    description: str
    cause: str
    started_at: float
    status: str = "InProgress"
    message: str = ""
    ended_at: float | None = None

    def end(self, status: str, now: float, message: str = "") -> None:
        """Successful or Failed."""
        self.status, self.ended_at, self.message = status, now, message


def no_capacity(instance_type: str, zone: str) -> str:
    """The status message of a launch that EC2 refused (user guide of EC2 Auto Scaling: `ts-as-capacity`)."""
    return (
        f"Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient "
        f"{instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on "
        f"provisioning additional capacity. Launching EC2 instance failed."
    )


def activities_xml(activities: Iterable[Activity]) -> str:
    """`Activities` of the answer, in the order given."""
    return f"<Activities>{''.join(_member(activity) for activity in activities)}</Activities>"


def _member(activity: Activity) -> str:
    fields = {
        "ActivityId": activity.id,
        "AutoScalingGroupName": activity.group,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": instant(activity.started_at),
        "EndTime": instant(activity.ended_at) if activity.ended_at is not None else "",
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
        "Progress": "50" if activity.ended_at is None else "100",
        "Details": "{}",
    }
    shown = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
    return f"<member>{shown}</member>"


def instant(seconds: float) -> str:
    """An instant as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
