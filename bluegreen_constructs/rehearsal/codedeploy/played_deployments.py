"""What CreateDeployment, StopDeployment, ContinueDeployment and the hooks' answers set going.

Followed: the API reference of each; the errors are those that it names.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..ecs.deployment_plan import mapping
from .app_spec import AppSpec, read_app_spec, revision_text
from .deployment_driver import Driver
from .deployment_plan import read_plan, read_route
from .deployment_run import Run, Status, Stop, new_rollback, new_run
from .deployment_views import newest
from .deployments import ROLLBACK, USER, Deployment, DeploymentHistory, Order
from .lifecycle_script import Wait
from .refusals import RefusedError
from .registry import Registry, required
from .traffic_routing import ECS_DEFAULT

_log = logging.getLogger("rehearsal.codedeploy")
# Members of CreateDeployment that GetDeployment shows as they were given.
_SHOWN = ("description", "autoRollbackConfiguration", "overrideAlarmConfiguration")


class PlayedDeployments:
    """The deployments of one emulator; every method may be called from any thread.

    `service_arn` finds an active ECS service by its cluster and name; "" when there is none.
    """

    def __init__(self, registry: Registry, *, now: Callable[[], float], service_arn: Callable[[str, str], str]) -> None:
        self._registry = registry
        self._now = now
        self._service_arn = service_arn
        self.history = DeploymentHistory()
        self._driver: Driver | None = None

    def connect(self, driver: Driver) -> None:
        """Give the driver that does the work; it in turn asks this for rollbacks."""
        self._driver = driver

    def create(self, request: Mapping[str, object]) -> Deployment:
        """CreateDeployment."""
        application = required(request, "applicationName", "ApplicationNameRequiredException")
        platform = str(self._registry.application(application)["computePlatform"])
        name = required(request, "deploymentGroupName", "DeploymentGroupNameRequiredException")
        group = self._registry.group(application, name)
        if platform != "ECS":
            raise RefusedError(
                "InvalidComputePlatformException",
                f"deployments of the compute platform {platform} are not played: the application {application} and "
                "its groups are kept and shown only; rehearse a deployment of ECS",
            )
        if not request.get("revision"):
            raise RefusedError("RevisionRequiredException", "Revision is required")
        configuration = str(request.get("deploymentConfigName") or group["deploymentConfigName"])
        spec = read_app_spec(revision_text(mapping(request["revision"])))
        plan = read_plan(group, self._registry.configuration(configuration), request, spec.hooks)
        route = read_route(group)
        service = self._service_arn(route.cluster, route.service)
        if not service:
            raise RefusedError(
                "InvalidECSServiceException", f"The ECS service {route.service} was not found or is not active."
            )
        order = Order(
            application=application,
            group=name,
            group_settings=group,
            configuration=configuration,
            revision=mapping(request["revision"]),
            settings={key: request[key] for key in _SHOWN if request.get(key) is not None},
            creator=USER,
            route=route,
            service_arn=service,
        )
        deployment = self._new(order, spec, lambda key: new_run(plan, key))
        running = self.history.add(deployment)
        if running is not None:
            raise RefusedError(
                "DeploymentLimitExceededException",
                f"The Deployment Group '{name}' already has an active Deployment '{running.id}'",
            )
        threading.Thread(target=self._play, args=(deployment,), daemon=True, name=deployment.id).start()
        return deployment

    def new_rollback(self, of: Deployment, ended: Run) -> Deployment:
        """The deployment that rolls back another one; it deploys what was live before, all at once.

        Before the first deployment of a group that is what its service was made with: no revision says it yet.
        """
        revision = of.previous_revision or _service_revision(of)
        order = replace(of.order, creator=ROLLBACK, configuration=ECS_DEFAULT, revision=revision, settings={})
        spec = read_app_spec(revision_text(revision))
        rollback = self._new(order, spec, lambda key: new_rollback(ended, key))
        rollback.groups, rollback.original, rollback.replacement = of.groups, of.original, of.replacement
        rollback.rollback_of, of.rolled_back_by = of.id, rollback.id
        self.history.add(rollback)
        return rollback

    def get(self, deployment_id: str) -> Deployment:
        """The deployment of this id; DeploymentDoesNotExistException."""
        if not deployment_id:
            raise RefusedError("DeploymentIdRequiredException", "Deployment ID is required")
        found = self.history.get(deployment_id)
        if found is None:
            raise RefusedError("DeploymentDoesNotExistException", f"The deployment {deployment_id} could not be found")
        return found

    def stop(self, deployment_id: str, stop: Stop) -> str:
        """StopDeployment: Pending while it is still under way, Succeeded once it has stopped."""
        deployment = self.get(deployment_id)
        status = deployment.run.status
        if status is Status.STOPPED:
            return "Succeeded"
        if status.has_ended:
            raise RefusedError(
                "DeploymentAlreadyCompletedException", f"The deployment {deployment_id} is already {status}."
            )
        if deployment.run.is_rollback:
            raise RefusedError(
                "UnsupportedActionForDeploymentTypeException", f"The rollback {deployment_id} cannot be stopped."
            )
        deployment.stop = stop
        deployment.nudged.set()
        return "Pending"

    def go_on(self, deployment_id: str, wait: str) -> None:
        """ContinueDeployment; `wait` "" is READY_WAIT."""
        deployment = self.get(deployment_id)
        run = deployment.run
        if run.status.has_ended:
            raise RefusedError(
                "DeploymentAlreadyCompletedException", f"The deployment {deployment_id} is already {run.status}."
            )
        if wait and wait not in set(Wait):
            raise RefusedError("InvalidDeploymentWaitTypeException", f"The wait type {wait} is invalid.")
        wanted = Wait(wait or Wait.READY)
        is_waiting = run.status is Status.READY if wanted is Wait.READY else run.is_waiting_to_terminate
        if not is_waiting:
            raise RefusedError(
                "DeploymentIsNotInReadyStateException",
                f"The deployment {deployment_id} does not wait for {wanted}: its status is {run.status}.",
            )
        deployment.continued.add(wanted)
        deployment.nudged.set()

    def answer(self, deployment_id: str, execution: str, status: str) -> None:
        """PutLifecycleEventHookExecutionStatus: "only Succeeded and Failed can be passed successfully"."""
        deployment = self.get(deployment_id)
        hook = deployment.hook_ids.get(execution)
        if hook is None:
            raise RefusedError(
                "InvalidLifecycleEventHookExecutionIdException", "The lifecycle event hook execution id is invalid."
            )
        if status not in {"Succeeded", "Failed"}:
            raise RefusedError(
                "InvalidLifecycleEventHookExecutionStatusException",
                f"The status {status!r} is invalid: give Succeeded or Failed.",
            )
        is_open = deployment.run.hook is not None and deployment.run.hook.id == hook
        if hook in deployment.answers or not is_open:
            raise RefusedError(
                "LifecycleEventAlreadyCompletedException", "The lifecycle event has already been completed."
            )
        deployment.answer(hook, status)

    def _new(self, order: Order, spec: AppSpec, run: Callable[[str], Run]) -> Deployment:
        key = self.history.new_id()
        last = newest(self.history.of(order.application, order.group), succeeded=True)
        previous = None if last is None else last.order.revision
        return Deployment(key, order, spec, self._now(), run(key), previous_revision=previous)

    def _play(self, deployment: Deployment) -> None:
        assert self._driver is not None  # noqa: S101  # connect is called before any deployment exists
        try:
            self._driver.play(deployment)
        except Exception:  # noqa: BLE001  # the deployment has ended and says why; the log has the rest
            _log.exception("the deployment %s failed", deployment.id)


def _service_revision(deployment: Deployment) -> Mapping[str, object]:
    """An AppSpec of the original task set."""
    original, spec = deployment.original, deployment.spec
    service = {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "TaskDefinition": spec.task_definition if original is None else original.revision.task_definition,
            "LoadBalancerInfo": {"ContainerName": spec.container, "ContainerPort": spec.port},
        },
    }
    content = json.dumps({"version": 0.0, "Resources": [{"TargetService": service}]})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
