"""AWS::ECS::Service and AWS::ECS::TaskDefinition: CloudFormation's handlers, which wait until ECS is done.

CloudFormation follows the service deployment and fails the resource when ECS rolls it back; its own rollback then
updates the service to what ECS has already restored, and nothing is deployed again
(https://github.com/aws/containers-roadmap/issues/1205). "CloudFormation operations time out after 36 hours" (reference
of AWS::ECS::Service CanaryConfiguration), in rehearsed time here as well, for deletions too.

A service that AWS CodeDeploy deploys has no service deployment: CloudFormation waits until it is steady, about three
hours, as its users report (https://github.com/aws/containers-roadmap/issues/1303), and its updates send every property,
so that one of what CodeDeploy controls fails in ECS's words (`task_set_updates`).
"""

import json
import time
from collections.abc import Callable

from ...engine.errors import RehearsalError
from ..clock import Clock
from .cloudformation_properties import forces_deployment, service_request, task_definition_request
from .deployment_controller import has_task_sets, is_played
from .deployment_plan import LONGEST_DEPLOYMENT, mapping
from .deployment_run import Status
from .played_services import Service, outcome_error
from .service_api import Answer, Request, ServiceApi
from .service_deployments import Deployment

_LOOK = 0.2  # real seconds between two looks at a service that drains or becomes steady
_LONGEST_STABILISATION = 3 * 3600.0


class EcsResources:
    """The resource handlers: they block until ECS is done, and fail with its words."""

    def __init__(self, api: ServiceApi, register: Callable[[dict[str, object]], Answer], clock: Clock) -> None:
        self._api = api
        self._register = register
        self._clock = clock

    def create_task_definition(self, logical_id: str, props: Request, stack_name: str) -> tuple[str, dict[str, object]]:
        """Register the whole definition, as RegisterTaskDefinition would."""
        family = str(props.get("Family") or f"{stack_name}-{logical_id}")
        request = task_definition_request(props, family)
        answer = self._register(request)
        _raise_for(answer)
        arn = str(mapping(mapping(json.loads(answer[2])).get("taskDefinition"))["taskDefinitionArn"])
        return arn, {"TaskDefinitionArn": arn}

    def create_service(self, logical_id: str, props: Request, stack_name: str) -> tuple[str, dict[str, object]]:
        """CreateService, then wait for the first deployment; a service that never came up is taken away again."""
        name = str(props.get("ServiceName") or f"{stack_name}-{logical_id}")
        cluster = str(props.get("Cluster") or "default")
        request = {"serviceName": name, "cluster": cluster, "desiredCount": 1, **service_request(props)}
        answer, deployment = self._api.start(request)
        _raise_for(answer)
        arn = str(mapping(mapping(json.loads(answer[2])).get("service"))["serviceArn"])
        if deployment is not None:
            error = self._error_of(deployment)
            if error:
                self.delete_service(arn, {"Cluster": cluster, "ServiceName": name})
                raise RehearsalError(error)
        elif not self._becomes_steady(self._api.find({"cluster": cluster, "service": arn})):
            self.delete_service(arn, {"Cluster": cluster, "ServiceName": name})
            raise RehearsalError(_timed_out(arn))
        return arn, {"ServiceArn": arn, "Name": name}

    def update_service(
        self, physical_id: str, before: Request, after: Request, stack_name: str
    ) -> tuple[str, dict[str, object]]:
        """UpdateService with the whole state, then wait; nothing is deployed when ECS has it already."""
        del stack_name  # the service's name is in its ARN
        request = {
            **service_request(after),
            "service": physical_id,
            "cluster": after.get("Cluster") or before.get("Cluster") or "default",
            "forceNewDeployment": forces_deployment(before, after),
        }
        answer, deployment = self._api.change(request)
        _raise_for(answer)
        if deployment is not None:
            error = self._error_of(deployment)
            went_back = deployment.run.status is Status.ROLLBACK_SUCCESSFUL and self._is_as_wanted(request)
            if error and not went_back:
                raise RehearsalError(error)
        elif not self._becomes_steady(self._api.find(request)):
            raise RehearsalError(_timed_out(physical_id))
        return physical_id, {"ServiceArn": physical_id, "Name": physical_id.rpartition("/")[2]}

    def delete_service(self, physical_id: str, props: Request) -> None:
        """Scale in, drain, and wait until the service is gone; RehearsalError when it does not go."""
        cluster = props.get("Cluster") or "default"
        request = {"cluster": cluster, "service": physical_id, "force": True}
        record = self._api.find(request)
        if record is None:
            return
        _raise_for(self._api.delete_service(request))
        give_up_at = self._clock.now() + LONGEST_DEPLOYMENT
        while is_played(record) and record.get("status") != "INACTIVE":
            if self._clock.now() >= give_up_at:
                raise RehearsalError(_timed_out(physical_id))
            time.sleep(_LOOK)

    def _becomes_steady(self, record: Service | None) -> bool:
        """Wait for the tasks of a service with task sets; nothing is waited for with any other."""
        give_up_at = self._clock.now() + _LONGEST_STABILISATION
        while record is not None and has_task_sets(record) and not self._api.is_steady(record):
            if self._clock.now() >= give_up_at:
                return False
            time.sleep(_LOOK)
        return True

    def _error_of(self, deployment: Deployment) -> str:
        """Wait until a deployment has ended; what CloudFormation says of it, "" when it succeeded."""
        has_ended = deployment.ended.wait(self._clock.real_seconds(LONGEST_DEPLOYMENT))
        return outcome_error(deployment) if has_ended else _timed_out(deployment.service_arn)

    def _is_as_wanted(self, request: Request) -> bool:
        """A superseding update to the source revision is done when the running deployment has been rolled back."""
        record = self._api.find(request) or {}
        return record.get("taskDefinition") == request.get("taskDefinition")


def _timed_out(service: str) -> str:
    return (
        f'Resource handler returned message: "Exceeded attempts to wait" (HandlerErrorCode: NotStabilized, {service})'
    )


def _raise_for(answer: Answer) -> None:
    if answer[0] >= 400:
        body = mapping(json.loads(answer[2]))
        message = body.get("message") or body.get("Message") or answer[2].decode(errors="replace")
        raise RehearsalError(
            f'Resource handler returned message: "{message}" (HandlerErrorCode: InvalidRequest, {body.get("__type")})'
        )
