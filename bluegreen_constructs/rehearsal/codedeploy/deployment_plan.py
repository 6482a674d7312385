"""What one deployment is to do: of its group, its configuration, the request's own settings and the AppSpec.

Followed: the API reference of BlueGreenDeploymentConfiguration, AutoRollbackConfiguration and AlarmConfiguration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ..ecs.deployment_plan import MINUTE, mapping, mappings, truth
from .lifecycle_event import Event
from .refusals import RefusedError
from .traffic_routing import Step, read_steps

MOST_WAIT_MINUTES = 2880  # BlueInstanceTerminationOption: "The maximum setting is 2880 minutes (2 days)"


class RollbackOn(StrEnum):
    """AutoRollbackEvent of the API."""

    FAILURE = "DEPLOYMENT_FAILURE"
    ALARM = "DEPLOYMENT_STOP_ON_ALARM"
    REQUEST = "DEPLOYMENT_STOP_ON_REQUEST"


@dataclass(frozen=True, slots=True)
class Plan:
    """One deployment. Times are rehearsed seconds; `ready_wait` None: traffic is rerouted without waiting.

    `ignores_unread_alarms`: the deployment goes on when alarms cannot be read.
    """

    steps: tuple[Step, ...] = (Step(100.0),)
    hooks: Mapping[Event, str] = field(default_factory=dict)
    has_test_route: bool = True
    ready_wait: float | None = None
    termination_wait: float = 0.0
    alarms: tuple[str, ...] = ()
    ignores_unread_alarms: bool = False
    rolls_back_on: frozenset[RollbackOn] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """Where a group deploys: names of cluster, service and target groups; ARNs of listeners (`test` may be "")."""

    cluster: str
    service: str
    groups: tuple[str, str]
    production: str
    test: str = ""


def read_route(group: Mapping[str, object]) -> Route:
    """The route of a deployment group of the ECS platform; RefusedError when it could never be deployed.

    "A deployment group associated with an application that uses the ECS compute platform must contain a valid pair of
    target groups that identify a load balancer" is AWS's own sentence.
    """
    services = mappings(group.get("ecsServices"))
    pairs = mappings(mapping(group.get("loadBalancerInfo")).get("targetGroupPairInfoList"))
    names = _names(pairs[0].get("targetGroups")) if pairs else []
    production = _arns(pairs[0].get("prodTrafficRoute")) if pairs else []
    test = _arns(pairs[0].get("testTrafficRoute")) if pairs else []
    if len(services) != 1:
        raise RefusedError(
            "InvalidECSServiceException", "A deployment group of the ECS platform must name one ECS service."
        )
    if len(pairs) != 1 or len(names) != 2 or names[0] == names[1]:
        raise RefusedError(
            "InvalidLoadBalancerInfoException",
            "A deployment group associated with an application that uses the ECS compute platform must contain a valid "
            "pair of target groups that identify a load balancer.",
        )
    if len(production) != 1 or len(test) > 1:
        raise RefusedError(
            "InvalidLoadBalancerInfoException",
            "A deployment group of the ECS platform must name one production listener, and at most one test listener.",
        )
    return Route(
        cluster=str(services[0].get("clusterName") or "default").rpartition("/")[2],
        service=str(services[0].get("serviceName") or "").rpartition("/")[2],
        groups=(names[0], names[1]),
        production=production[0],
        test=test[0] if test else "",
    )


def read_plan(
    group: Mapping[str, object],
    configuration: Mapping[str, object],
    request: Mapping[str, object],
    hooks: Mapping[Event, str],
) -> Plan:
    """The plan of a deployment to a group; the request's rollback and alarm settings outrank the group's."""
    blue_green = mapping(group.get("blueGreenDeploymentConfiguration"))
    ready = mapping(blue_green.get("deploymentReadyOption"))
    ends = mapping(blue_green.get("terminateBlueInstancesOnDeploymentSuccess"))
    stops = ready.get("actionOnTimeout") == "STOP_DEPLOYMENT"
    alarms = mapping(request.get("overrideAlarmConfiguration") or group.get("alarmConfiguration"))
    rollback = mapping(request.get("autoRollbackConfiguration") or group.get("autoRollbackConfiguration"))
    return Plan(
        steps=read_steps(mapping(configuration.get("trafficRoutingConfig"))),
        hooks=hooks,
        has_test_route=bool(read_route(group).test),
        ready_wait=_minutes(ready, "waitTimeInMinutes") * MINUTE if stops else None,
        termination_wait=_minutes(ends, "terminationWaitTimeInMinutes") * MINUTE,
        alarms=tuple(_names(alarms.get("alarms"))) if truth(alarms.get("enabled")) else (),
        ignores_unread_alarms=truth(alarms.get("ignorePollAlarmFailure")),
        rolls_back_on=_rollback_events(rollback),
    )


def _rollback_events(rollback: Mapping[str, object]) -> frozenset[RollbackOn]:
    events = rollback.get("events")
    given = events if isinstance(events, Sequence) and not isinstance(events, str) else []
    unknown = sorted(str(event) for event in given if event not in set(RollbackOn))
    if unknown:
        raise RefusedError(
            "InvalidAutoRollbackConfigException", f"the rollback events {', '.join(unknown)} are not known"
        )
    return frozenset(RollbackOn(str(event)) for event in given) if truth(rollback.get("enabled")) else frozenset()


def _minutes(option: Mapping[str, object], name: str) -> int:
    text = str(option.get(name) or 0)
    if not text.isdigit() or int(text) > MOST_WAIT_MINUTES:
        raise RefusedError(
            "InvalidBlueGreenDeploymentConfigurationException",
            f"{name} is {option.get(name)!r}; it must be a whole number of minutes from 0 to {MOST_WAIT_MINUTES}",
        )
    return int(text)


def _names(entries: object) -> list[str]:
    return [str(entry.get("name") or "") for entry in mappings(entries)]


def _arns(route: object) -> list[str]:
    listed = mapping(route).get("listenerArns")
    return [str(arn) for arn in listed] if isinstance(listed, list) else []
