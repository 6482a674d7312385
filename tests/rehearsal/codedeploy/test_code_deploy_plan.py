"""What a deployment is to do, of its group, its configuration and the request."""

import copy
from typing import Any

import pytest

from bluegreen_constructs.rehearsal.codedeploy.deployment_plan import Plan, RollbackOn, Route, read_plan, read_route
from bluegreen_constructs.rehearsal.codedeploy.lifecycle_event import Event
from bluegreen_constructs.rehearsal.codedeploy.refusals import RefusedError
from bluegreen_constructs.rehearsal.codedeploy.traffic_routing import PREDEFINED, Step, canary, linear, read_steps

GROUP: dict[str, Any] = {
    "ecsServices": [{"clusterName": "c", "serviceName": "web"}],
    "loadBalancerInfo": {
        "targetGroupPairInfoList": [
            {
                "targetGroups": [{"name": "blue"}, {"name": "green"}],
                "prodTrafficRoute": {"listenerArns": ["arn:production"]},
                "testTrafficRoute": {"listenerArns": ["arn:test"]},
            }
        ]
    },
    "alarmConfiguration": {"enabled": True, "alarms": [{"name": "errors"}], "ignorePollAlarmFailure": True},
    "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    "blueGreenDeploymentConfiguration": {
        "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 30},
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 10},
    },
}
PAIR = ("loadBalancerInfo", "targetGroupPairInfoList", 0)
CANARY = {"trafficRoutingConfig": canary(10, 5)}


def changed(path: tuple[object, ...], value: object) -> dict[str, Any]:
    """The group with another value somewhere."""
    group = copy.deepcopy(GROUP)
    where: Any = group
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = value
    return group


def test_a_plan_is_read_from_the_group() -> None:
    assert read_plan(GROUP, CANARY, {}, {Event.AFTER_INSTALL: "check"}) == Plan(
        steps=(Step(10, 300.0), Step(100.0)),
        hooks={Event.AFTER_INSTALL: "check"},
        has_test_route=True,
        ready_wait=1800.0,
        termination_wait=600.0,
        alarms=("errors",),
        ignores_unread_alarms=True,
        rolls_back_on=frozenset({RollbackOn.FAILURE}),
    )


def test_the_requests_own_alarms_and_rollback_outrank_the_groups() -> None:
    request = {
        "overrideAlarmConfiguration": {"enabled": False, "alarms": [{"name": "errors"}]},
        "autoRollbackConfiguration": {"enabled": False, "events": ["DEPLOYMENT_FAILURE"]},
    }
    plan = read_plan(GROUP, CANARY, request, {})
    assert (plan.alarms, plan.rolls_back_on) == ((), frozenset())


def test_without_a_ready_option_traffic_is_rerouted_at_once() -> None:
    ready = ("blueGreenDeploymentConfiguration", "deploymentReadyOption")
    group = changed(ready, {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 30})
    assert read_plan(group, CANARY, {}, {}).ready_wait is None


def test_a_route_is_read_from_names_and_arns_alike() -> None:
    wanted = Route("c", "web", ("blue", "green"), "arn:production", "arn:test")
    assert read_route(GROUP) == wanted
    service = [{"clusterName": "arn:aws:ecs:r:1:cluster/c", "serviceName": "arn:aws:ecs:r:1:service/c/web"}]
    assert read_route(changed(("ecsServices",), service)) == wanted
    assert read_route(changed((*PAIR, "testTrafficRoute"), None)).test == ""


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("ecsServices",), [], "must name one ECS service"),
        (("loadBalancerInfo",), None, "a valid pair of target groups"),
        ((*PAIR, "targetGroups"), [{"name": "blue"}], "a valid pair of target groups"),
        ((*PAIR, "targetGroups"), [{"name": "blue"}, {"name": "blue"}], "a valid pair of target groups"),
        ((*PAIR, "prodTrafficRoute"), None, "must name one production listener"),
        ((*PAIR, "testTrafficRoute"), {"listenerArns": ["a", "b"]}, "at most one test listener"),
        (("autoRollbackConfiguration", "events"), ["SOMETIMES"], "the rollback events SOMETIMES are not known"),
        (
            ("blueGreenDeploymentConfiguration", "terminateBlueInstancesOnDeploymentSuccess"),
            {"terminationWaitTimeInMinutes": 2881},
            "terminationWaitTimeInMinutes is 2881; it must be a whole number of minutes from 0 to 2880",
        ),
    ],
)
def test_a_group_that_could_not_be_deployed_is_refused(path: tuple[object, ...], value: object, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        read_plan(changed(path, value), CANARY, {}, {})


def test_a_linear_shift_that_does_not_divide_a_hundred_ends_at_a_hundred() -> None:
    assert [step.percent for step in read_steps(linear(30, 3))] == [30, 60, 90, 100]
    assert {step.hold for step in read_steps(linear(30, 3))[:-1]} == {180.0}
    assert len(read_steps(linear(10, 1))) == 10


def test_the_predefined_configurations_of_ecs_are_those_of_aws() -> None:
    ecs = {name: it for name, it in PREDEFINED.items() if it["computePlatform"] == "ECS"}
    assert sorted(ecs) == [
        "CodeDeployDefault.ECSAllAtOnce",
        "CodeDeployDefault.ECSCanary10Percent15Minutes",
        "CodeDeployDefault.ECSCanary10Percent5Minutes",
        "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
        "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
    ]
    routing: Any = ecs["CodeDeployDefault.ECSCanary10Percent15Minutes"]["trafficRoutingConfig"]
    assert read_steps(routing) == (Step(10, 900.0), Step(100.0))


@pytest.mark.parametrize(
    ("routing", "sentence"),
    [
        ({"type": "Sometimes"}, "'Sometimes' is not known"),
        (canary(0, 5), "canaryPercentage is 0; it must be a whole number from 1 to 99"),
        (canary(100, 5), "canaryPercentage is 100"),
        (canary(10, 0), "canaryInterval is 0; it must be a whole number of at least 1"),
        ({"type": "TimeBasedLinear"}, "linearPercentage is None"),
    ],
)
def test_a_shift_that_cannot_be_made_is_refused(routing: dict[str, object], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        read_steps(routing)
    assert refused.value.code == "InvalidTrafficRoutingConfigurationException"
