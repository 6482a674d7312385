"""The part of the emulator that is AWS CodeDeploy: its API, its drivers' threads, what they show and announce."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import boto3
from botocore.config import Config

from ...engine.errors import BlueGreenError
from ..clock import Clock
from ..ecs.alarm_states import AlarmClient, AlarmStates
from ..ecs.task_sets import TaskSets
from .code_deploy_api import CodeDeployApi
from .deployment_driver import Driver
from .deployment_run import Status
from .deployment_views import state_view
from .deployment_world import DeploymentWorld, LambdaClient
from .deployments import Deployment, Milestone
from .listener_calls import ElbClient, ListenerCalls
from .played_deployments import PlayedDeployments
from .refusals import StepFailedError
from .registry import Registry

_log = logging.getLogger("rehearsal.codedeploy")
_LOOK = 0.25  # real seconds after which a driver looks again at tasks and alarms
_EVENTS = {
    Status.READY: "READY",
    Status.SUCCEEDED: "SUCCESS",
    Status.FAILED: "FAILURE",
    Status.STOPPED: "STOP",
}


@dataclass(frozen=True)
class EcsSide:
    """What of the played ECS is used. `find_service` is by cluster and name; `task_definition` is an active one's ARN
    or "". `check_tasks` raises RehearsalError for a definition whose tasks could never be started here."""

    task_sets: TaskSets
    find_service: Callable[[str, str], Mapping[str, object] | None]
    task_definition: Callable[[str], str]
    check_tasks: Callable[[str], None]


class PlayedCodeDeploy:
    """CodeDeploy of one emulator. Its calls to the gateway are signed with the access key `codedeploy`.

    `scope` enters the account and region; `put_event` puts an EventBridge entry.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        clock: Clock,
        ecs: EcsSide,
        *,
        scope: Callable[[], AbstractContextManager[None]],
        put_event: Callable[[Mapping[str, object]], object],
    ) -> None:
        self._region = region
        self._clock = clock
        self._ecs = ecs
        self._scope = scope
        self._put_event = put_event
        self._told: set[tuple[str, str]] = set()
        session = boto3.Session("codedeploy", "codedeploy", region_name=region)
        config = Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=20.0, proxies={})

        def client(service: str) -> object:
            return session.client(service, endpoint_url=endpoint, config=config)

        self.registry = Registry(now=clock.now, find_service=ecs.find_service)
        self.deployments = PlayedDeployments(self.registry, now=clock.now, service_arn=self._service_arn)
        world = DeploymentWorld(
            ecs.task_sets,
            ListenerCalls(cast(ElbClient, client("elbv2"))),
            cast(LambdaClient, client("lambda")),
            AlarmStates(cast(AlarmClient, client("cloudwatch"))),
            task_definition=self._startable,
            changed=self._announce,
        )
        driver = Driver(
            world, now=clock.now, wall=time.time, wait=self._wait, new_rollback=self.deployments.new_rollback
        )
        self.deployments.connect(driver)
        self.actions = CodeDeployApi(self.registry, self.deployments, ecs.task_sets).actions()

    def describe(self) -> dict[str, object]:
        """Every deployment, oldest first, with its events in rehearsed and wall time."""
        return {"deployments": [state_view(deployment) for deployment in self.deployments.history.all()]}

    def _service_arn(self, cluster: str, service: str) -> str:
        record = self._ecs.find_service(cluster, service)
        return "" if record is None else str(record["serviceArn"])

    def _startable(self, reference: str) -> str:
        """The ARN of a task definition whose tasks can be started here."""
        arn = self._ecs.task_definition(reference)
        if arn:
            try:
                self._ecs.check_tasks(arn)
            except BlueGreenError as error:
                raise StepFailedError("ECS_UPDATE_ERROR", str(error)) from error
        return arn

    def _wait(self, deployment: Deployment, until: float) -> None:
        left = self._clock.real_seconds(until - self._clock.now())
        deployment.nudged.wait(min(max(left, 0.01), _LOOK))

    def _announce(self, deployment: Deployment, milestone: Milestone) -> None:
        """An EventBridge event, once for each state.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
        """
        state = _EVENTS.get(Status(milestone.status), "START")
        if (deployment.id, state) in self._told:
            return
        self._told.add((deployment.id, state))
        detail = {
            "region": self._region,
            "application": deployment.order.application,
            "deploymentId": deployment.id,
            "state": state,
            "deploymentGroup": deployment.order.group,
        }
        entry = {
            "Source": "aws.codedeploy",
            "DetailType": "CodeDeploy Deployment State-change Notification",
            "Detail": json.dumps(detail),
            "Resources": [],
        }
        try:
            with self._scope():
                self._put_event(entry)
        except Exception:  # noqa: BLE001  # a target of the event must not fail the deployment
            _log.exception("the event %s of %s could not be delivered", state, deployment.id)
