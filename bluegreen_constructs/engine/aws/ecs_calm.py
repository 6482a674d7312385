"""What DescribeServices says of a service: whether it is calm, and if it is not, what troubles it. Pure."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from .client_calls import entries, number

# Which service events tell of trouble, and which one says that it is over.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
_TROUBLE = re.compile(r"unable to|failed|unhealthy|throttled|rolling back", re.IGNORECASE)
_STEADY = "has reached a steady state"


def is_calm(service: Mapping[str, object]) -> bool:
    """Whether one deployment is there, completed, with every task running."""
    deployments = entries(service, "deployments")
    return (
        [deployment.get("status") for deployment in deployments] == ["PRIMARY"]
        and deployments[0].get("rolloutState", "COMPLETED") == "COMPLETED"
        and number(service, "runningCount") == number(service, "desiredCount")
        and number(service, "pendingCount") == 0
    )


def has_failed(service: Mapping[str, object]) -> bool:
    """Whether Amazon ECS has given up on what it was told last."""
    deployments = entries(service, "deployments")
    return any(one.get("status") == "PRIMARY" and one.get("rolloutState") == "FAILED" for one in deployments)


def trouble_of(service: Mapping[str, object]) -> str:
    """Why it is not calm, in AWS's words; empty: nothing is wrong, it only takes time."""
    for deployment in entries(service, "deployments"):
        if deployment.get("rolloutState") == "FAILED":
            return str(deployment.get("rolloutStateReason") or "the deployment failed")
    return next((said for said in _since_steady(service) if _TROUBLE.search(said)), "")


def _since_steady(service: Mapping[str, object]) -> Iterator[str]:
    """What the events say, the latest first, back to where this deployment began or all was well."""
    began = next(
        (one.get("createdAt") for one in entries(service, "deployments") if one.get("status") == "PRIMARY"), None
    )
    for event in entries(service, "events"):
        said, at = str(event.get("message")), event.get("createdAt")
        if _STEADY in said or _is_before(at, began):
            return
        yield said


def _is_before(at: object, began: object) -> bool:
    return at is not None and began is not None and cast("datetime", at) < cast("datetime", began)
