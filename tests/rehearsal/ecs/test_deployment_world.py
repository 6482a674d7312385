"""What drivers see of alarms and hooks, against clients in memory."""

import threading
from collections.abc import Mapping
from typing import cast

import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.deployment_plan import Hook, Stage
from bluegreen_constructs.rehearsal.ecs.deployment_run import CallHook
from bluegreen_constructs.rehearsal.ecs.deployment_world import DeploymentWorld
from bluegreen_constructs.rehearsal.ecs.hook_visits import HookAnswer
from bluegreen_constructs.rehearsal.ecs.load_balancer_calls import LoadBalancerCalls
from bluegreen_constructs.rehearsal.ecs.revision import Ingress, Revision
from bluegreen_constructs.rehearsal.ecs.service_deployments import new_deployment
from bluegreen_constructs.rehearsal.ecs.service_scheduler import ServiceScheduler

THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "DescribeAlarms")


class Clients:
    """Alarms that ring after some failures, and a function whose answer breaks off."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.asked = 0
        self.slept: list[float] = []

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str) -> Mapping[str, object]:  # noqa: N803
        self.asked += 1
        if self.asked <= self.failures:
            raise THROTTLED
        return {"MetricAlarms": [{"AlarmName": "errors", "StateValue": StateValue}], "CompositeAlarms": []}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Mapping[str, object]:  # noqa: N803
        raise ZeroDivisionError("a defect")


def world(clients: Clients) -> DeploymentWorld:
    nothing = cast(ServiceScheduler, None), cast(LoadBalancerCalls, None)  # neither tasks nor rules here
    return DeploymentWorld(
        *nothing, clients, clients, check_tasks=lambda _: None, changed=lambda *_: None, sleep=clients.slept.append
    )


def test_alarms_that_cannot_be_read_for_a_moment_are_read_again() -> None:
    clients = Clients(failures=4)
    assert world(clients).ringing(("errors", "latency")) == {"errors"}
    assert len(clients.slept) == 4


def test_alarms_that_stay_unreadable_are_an_error_and_never_silence() -> None:
    with pytest.raises(
        RehearsalError, match=r"the alarms errors, latency could not be read 5 times in a row.*slow down"
    ):
        world(Clients(failures=1000)).ringing(("errors", "latency"))


def test_a_hook_is_answered_whatever_goes_wrong_with_its_call() -> None:
    service = "arn:aws:ecs:us-east-1:123456789012:service/c/web"
    revision = Revision(f"{service}/1", service, "cluster/c", {"taskDefinition": "td:1"})
    deployment = new_deployment(f"{service}/d", target=revision, source=None, strays=(), configuration={}, now=0.0)
    hook = Hook("arn:aws:lambda:us-east-1:123456789012:function:smoke", frozenset({Stage.POST_SCALE_UP}))
    world(Clients()).ask_hook(deployment, CallHook("ecs-lambda-1", hook, Stage.POST_SCALE_UP, None, None, None))
    for thread in [thread for thread in threading.enumerate() if thread.name == "ecs-lambda-1"]:
        thread.join(10)
    answer = deployment.answers["ecs-lambda-1"]
    assert isinstance(answer, HookAnswer)
    assert (answer.status, "a defect" in answer.problem) == (None, True)


SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/c/web"


class Rules:
    """A production rule that gives blue all traffic."""

    def serving_group(self, ingress: Ingress) -> str:
        return "arn:blue"


def revision(number: int, *, is_two_sided: bool, groups: tuple[str, ...] = ()) -> Revision:
    advanced = {"alternateTargetGroupArn": "arn:green", "productionListenerRule": "arn:rule"}
    balancer = {"targetGroupArn": "arn:blue", **({"advancedConfiguration": advanced} if is_two_sided else {})}
    return Revision(f"{SERVICE}/{number}", SERVICE, "cluster/c", {"loadBalancers": [balancer]}, groups)


@pytest.mark.parametrize(
    ("source", "strategy", "is_two_sided", "group"),
    [
        (revision(1, is_two_sided=False, groups=("arn:blue",)), "CANARY", True, "arn:green"),
        (revision(1, is_two_sided=False, groups=("arn:blue",)), "ROLLING", True, "arn:blue"),
        (revision(1, is_two_sided=True, groups=("arn:green",)), "CANARY", True, "arn:blue"),
        (revision(1, is_two_sided=True, groups=("arn:green",)), "ROLLING", True, "arn:green"),
        (revision(1, is_two_sided=True, groups=("arn:green",)), "ROLLING", False, "arn:blue"),
        (revision(1, is_two_sided=True, groups=("arn:blue",)), "ROLLING", False, "arn:blue"),
        (None, "BLUE_GREEN", True, "arn:green"),
    ],
    ids=[
        "adopted in one update: the candidate beside what serves",
        "two sides given to a rolling service: where it serves",
        "the next canary: the other side",
        "rolling with two sides: where it serves",
        "left while the alternate group is live: the group that is given",
        "left while the given group is live: the same",
        "the first release: beside what the rule names",
    ],
)
def test_where_the_tasks_of_a_revision_go_as_the_strategy_of_its_service_changes(
    source: Revision | None, strategy: str, is_two_sided: bool, group: str
) -> None:
    clients = Clients()
    balancers = cast(LoadBalancerCalls, Rules())
    outside = DeploymentWorld(
        cast(ServiceScheduler, None), balancers, clients, clients, check_tasks=lambda _: None, changed=lambda *_: None
    )
    target = revision(2, is_two_sided=is_two_sided)
    deployment = new_deployment(
        f"{SERVICE}/d", target=target, source=source, strays=(), configuration={"strategy": strategy}, now=0.0
    )
    assert outside.prepare(deployment).groups == (group,)
