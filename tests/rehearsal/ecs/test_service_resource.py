"""CloudFormation's waits for a service: each of them ends."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.ecs.deployment_plan import LONGEST_DEPLOYMENT
from bluegreen_constructs.rehearsal.ecs.deployment_run import Status
from bluegreen_constructs.rehearsal.ecs.played_services import PlayedServices, Records
from bluegreen_constructs.rehearsal.ecs.revision import Revision
from bluegreen_constructs.rehearsal.ecs.service_api import Answer, ServiceApi
from bluegreen_constructs.rehearsal.ecs.service_deployments import Deployment, Driver, Milestone, new_deployment
from bluegreen_constructs.rehearsal.ecs.service_resource import EcsResources
from bluegreen_constructs.rehearsal.ecs.service_scheduler import ServiceScheduler

SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/c/web"
# 36 rehearsed hours are a tenth of a second.
FAST = Clock(speed=LONGEST_DEPLOYMENT * 10)
RECORD: dict[str, object] = {"serviceArn": SERVICE, "clusterArn": "cluster/c", "status": "ACTIVE"}


class Api:
    """A service whose deployment never ends, and which never goes."""

    def __init__(self) -> None:
        target = Revision(f"{SERVICE}/1", SERVICE, "cluster/c", {"taskDefinition": "td:1"})
        self.deployment = new_deployment(
            f"{SERVICE}/d", target=target, source=None, strays=(), configuration={}, now=0.0
        )
        self.record = dict(RECORD)

    def start(self, data: Mapping[str, object]) -> tuple[Answer, Deployment]:
        return (200, {}, json.dumps({"service": {"serviceArn": SERVICE}}).encode()), self.deployment

    def change(self, data: Mapping[str, object]) -> tuple[Answer, Deployment]:
        return self.start(data)

    def find(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return self.record

    def delete_service(self, data: Mapping[str, object]) -> Answer:
        self.record["status"] = "DRAINING"
        return 200, {}, b"{}"


def resources() -> EcsResources:
    return EcsResources(cast(ServiceApi, Api()), lambda _: (200, {}, b"{}"), FAST)


@pytest.mark.parametrize(
    "handle",
    [
        lambda it: it.create_service("Service", {}, "stack"),
        lambda it: it.update_service(SERVICE, {}, {}, "stack"),
        lambda it: it.delete_service(SERVICE, {}),
    ],
)
def test_a_stack_stops_waiting_for_a_service_after_36_hours(handle: Callable[[EcsResources], object]) -> None:
    with pytest.raises(RehearsalError, match="Exceeded attempts to wait"):
        handle(resources())


class Scheduler:
    """Tasks that cannot be looked up."""

    def tasks(self) -> tuple[object, ...]:
        raise RuntimeError("the tasks cannot be looked up")


class Outside:
    """Never reached."""

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """Nothing to tell."""


@contextmanager
def scope() -> Iterator[None]:
    yield


def test_a_deployment_whose_source_cannot_be_looked_up_fails_with_the_reason() -> None:
    records = Records(services={}, tasks={}, task_definition=lambda _: {}, scope=scope)
    services = PlayedServices(records, FAST, not_run=lambda _: (), announce=lambda *_: None)
    driver = Driver(Outside(), now=FAST.now, wall=FAST.now, wait=lambda *_: None)  # type: ignore[arg-type]
    services.connect(cast(ServiceScheduler, Scheduler()), driver)
    deployment = services.create(dict(RECORD, taskDefinition="td:1"), {})
    assert deployment.ended.wait(10)
    assert deployment.run.status is Status.ROLLBACK_FAILED
    assert deployment.run.reason == "the rehearsal failed: RuntimeError: the tasks cannot be looked up"


def test_a_deployment_does_not_wait_for_ever_for_the_one_before_it() -> None:
    records = Records(services={}, tasks={}, task_definition=lambda _: {}, scope=scope)
    services = PlayedServices(records, FAST, not_run=lambda _: (), announce=lambda *_: None)
    driver = Driver(Outside(), now=FAST.now, wall=FAST.now, wait=lambda *_: None)  # type: ignore[arg-type]
    services.connect(cast(ServiceScheduler, Scheduler()), driver)
    stuck = Api().deployment
    services.history.add(stuck)
    deployment = services.create(dict(RECORD, taskDefinition="td:1"), {})
    assert deployment.ended.wait(10)
    assert deployment.run.reason.endswith(f"the deployment before it, {stuck.key}, has not ended after 36 hours")
