"""The ECS actions about services and their deployments, answered for services whose deployments are played.

For services of the EXTERNAL deployment controller the emulator's own answer stands.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from ...engine.errors import ConfigurationError, RehearsalError
from .deployment_controller import has_task_sets, is_played
from .deployment_plan import mapping
from .one_off_tasks import OneOffTasks
from .played_services import PlayedServices, Records, Service
from .service_deployments import Deployment
from .service_views import brief_view, deployment_view, revision_view

Request = Mapping[str, object]
Answer = tuple[int, Mapping[str, str], bytes]
_NO_DEPLOYMENT = "The service deployment does not exist."


class JsonAnswer(Protocol):
    """Makes an answer of what JSON can hold."""

    def __call__(self, data: object, status: int = 200) -> Answer: ...


@dataclass(frozen=True)
class EmulatorEcs:
    """What of the emulator's own ECS is used: its records, its answers, and its actions before they were replaced."""

    records: Records
    json: JsonAnswer
    error: Callable[[str, str, int], Answer]
    sanitize: Callable[[object], object]
    cluster_name: Callable[[str], str | None]
    cluster: Callable[[str], Mapping[str, object] | None]
    service_reference: Callable[[str], tuple[str, str | None] | None]
    originals: Mapping[str, Callable[[dict[str, object]], Answer]]


class ServiceApi:
    """The ECS actions that are answered from the played services."""

    def __init__(self, emulator: EmulatorEcs, services: PlayedServices, one_off: OneOffTasks) -> None:
        self._emulator = emulator
        self._services = services
        self._one_off = one_off
        self._json = emulator.json
        self._error = emulator.error

    def actions(self) -> dict[str, Callable[[Request], Answer]]:
        """What is answered here, by action."""
        return {
            "CreateService": self.create_service,
            "UpdateService": self.update_service,
            "DeleteService": self.delete_service,
            "DescribeServices": self.describe_services,
            "RunTask": self.run_task,
            "StopTask": self.stop_task,
            "DescribeServiceDeployments": self.describe_service_deployments,
            "ListServiceDeployments": self.list_service_deployments,
            "DescribeServiceRevisions": self.describe_service_revisions,
            "StopServiceDeployment": self.stop_service_deployment,
            "ContinueServiceDeployment": self.continue_service_deployment,
        }

    def find(self, data: Request) -> Service | None:
        """The active service that a request names."""
        cluster = self._emulator.cluster_name(str(data.get("cluster") or "default"))
        reference = self._emulator.service_reference(str(data.get("service", "")))
        if cluster is None or reference is None:
            return None
        name, own_cluster = reference
        return self._emulator.records.services.get(f"{own_cluster or cluster}/{name}")

    def _original(self, action: str, data: Request) -> Answer:
        return self._emulator.originals[action](dict(data))

    def _shown(self, record: Service) -> object:
        self._services.refresh(record)
        return self._emulator.sanitize(dict(record))

    def start(self, data: Request) -> tuple[Answer, Deployment | None]:
        """CreateService, and the deployment it started; none for a service that AWS CodeDeploy deploys."""
        if has_task_sets(data) and not self._emulator.records.task_definition(str(data.get("taskDefinition", ""))):
            return self._error("ClientException", "TaskDefinition not found.", 400), None
        answer = self._original("CreateService", data)
        if answer[0] >= 400 or not is_played(data):
            return answer, None
        described = mapping(mapping(json.loads(answer[2])).get("service"))
        record = self.find({"cluster": described.get("clusterArn"), "service": described.get("serviceName")})
        if record is None:
            return answer, None
        record["deployments"], record["events"] = [], []
        deployment: Deployment | None = None
        try:
            if has_task_sets(record):
                self._services.create_with_task_set(record, data)
            else:
                deployment = self._services.create(record, data)
        except ConfigurationError as error:
            record["status"] = "INACTIVE"
            return self._error("InvalidParameterException", str(error), 400), None
        return self._json({"service": self._shown(record)}), deployment

    def change(self, data: Request) -> tuple[Answer, Deployment | None]:
        """UpdateService, and the deployment it started."""
        record = self.find(data)
        if record is None or not is_played(record):
            return self._original("UpdateService", data), None
        if record.get("status") != "ACTIVE":
            return self._error("ServiceNotActiveException", "Service was not ACTIVE.", 400), None
        request = dict(data)
        if request.get("taskDefinition"):
            found = self._emulator.records.task_definition(str(request["taskDefinition"]))
            if not found:
                missing = f"Unable to find task definition: {request['taskDefinition']}"
                return self._error("ClientException", missing, 400), None
            request["taskDefinition"] = found["taskDefinitionArn"]
        deployment: Deployment | None = None
        try:
            if has_task_sets(record):
                self._services.adjust(record, request)
            else:
                deployment = self._services.update(record, request)
        except ConfigurationError as error:
            return self._error("InvalidParameterException", str(error), 400), None
        return self._json({"service": self._shown(record)}), deployment

    def is_steady(self, record: Service) -> bool:
        """Whether a service that AWS CodeDeploy deploys has all its tasks, healthy."""
        return self._services.task_sets.is_steady(str(record["serviceArn"]))

    def create_service(self, data: Request) -> Answer:
        """CreateService."""
        return self.start(data)[0]

    def update_service(self, data: Request) -> Answer:
        """UpdateService."""
        return self.change(data)[0]

    def delete_service(self, data: Request) -> Answer:
        """DeleteService."""
        record = self.find(data)
        if record is None or not is_played(record):
            return self._original("DeleteService", data)
        if not data.get("force") and int(str(record.get("desiredCount", 0))) > 0:
            message = "The service cannot be stopped while it is scaled above 0."
            return self._error("InvalidParameterException", message, 400)
        self._services.drain(record)
        return self._json({"service": self._shown(record)})

    def describe_services(self, data: Request) -> Answer:
        """DescribeServices."""
        for reference in cast("list[object]", data.get("services") or []):
            record = self.find({"cluster": data.get("cluster"), "service": reference})
            if record is not None and is_played(record) and record.get("status") != "INACTIVE":
                self._services.refresh(record)
        return self._original("DescribeServices", data)

    def stop_task(self, data: Request) -> Answer:
        """StopTask."""
        reference = str(data.get("task", ""))
        reason = str(data.get("reason") or "Task stopped by user")
        for task in self._services.scheduler.tasks():
            if reference in {task.arn, task.id}:
                self._services.scheduler.stop_task(task.arn, reason)
                return self._json({"task": self._emulator.sanitize(self._emulator.records.tasks.get(task.arn, {}))})
        stopped = self._one_off.stop(reference, reason)
        return self._json({"task": stopped}) if stopped is not None else self._original("StopTask", data)

    def run_task(self, data: Request) -> Answer:
        """RunTask; tasks that the emulator starts for its own services stay its own."""
        if data.get("_deploymentId"):
            return self._original("RunTask", data)
        cluster = self._emulator.cluster(str(data.get("cluster") or "default"))
        if cluster is None:
            return self._error("ClusterNotFoundException", "Cluster not found.", 400)
        reference = str(data.get("taskDefinition", ""))
        definition = self._emulator.records.task_definition(reference)
        if not definition:
            return self._error("ClientException", f"Unable to find task definition: {reference}", 400)
        try:
            tasks, failures = self._one_off.run(
                data, cluster_arn=str(cluster["clusterArn"]), task_definition=definition
            )
        except ConfigurationError as error:
            return self._error("InvalidParameterException", str(error), 400)
        except RehearsalError as error:
            return self._error("ClientException", str(error), 400)
        return self._json({"tasks": tasks, "failures": failures})

    def list_service_deployments(self, data: Request) -> Answer:
        """ListServiceDeployments, the newest first."""
        record = self.find(data)
        if record is None:
            return self._error("ServiceNotFoundException", "Service not found.", 400)
        wanted = {str(status) for status in cast("list[object]", data.get("status") or [])}
        found = [
            brief_view(deployment)
            for deployment in reversed(self._services.history.of(str(record["serviceArn"])))
            if not wanted or deployment.run.status in wanted
        ]
        start, most = int(str(data.get("nextToken") or 0)), int(str(data.get("maxResults") or 20))
        more = {"nextToken": str(start + most)} if start + most < len(found) else {}
        return self._json({"serviceDeployments": found[start : start + most], **more})

    def describe_service_deployments(self, data: Request) -> Answer:
        """DescribeServiceDeployments."""
        found, failures = [], []
        tasks = self._services.scheduler.tasks()
        for arn in cast("list[str]", data.get("serviceDeploymentArns") or []):
            deployment = self._services.history.get(arn)
            if deployment is None:
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(deployment_view(deployment, tasks))
        return self._json({"serviceDeployments": found, "failures": failures})

    def describe_service_revisions(self, data: Request) -> Answer:
        """DescribeServiceRevisions."""
        found, failures = [], []
        for arn in cast("list[str]", data.get("serviceRevisionArns") or []):
            revision = self._services.history.revision(arn)
            if revision is None:
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                found.append(revision_view(revision, self._emulator.records.task_definition(revision.task_definition)))
        return self._json({"serviceRevisions": found, "failures": failures})

    def stop_service_deployment(self, data: Request) -> Answer:
        """StopServiceDeployment (stopType ROLLBACK, the default, or ABORT)."""
        deployment = self._services.history.get(str(data.get("serviceDeploymentArn", "")))
        if deployment is None:
            return self._error("ServiceDeploymentNotFoundException", _NO_DEPLOYMENT, 400)
        refusal = self._services.stop_deployment(deployment, str(data.get("stopType") or "ROLLBACK"))
        if refusal:
            return self._error("ConflictException", refusal, 400)
        return self._json({"serviceDeploymentArn": deployment.arn})

    def continue_service_deployment(self, data: Request) -> Answer:
        """ContinueServiceDeployment (action CONTINUE, the default, or ROLLBACK)."""
        deployment = self._services.history.get(str(data.get("serviceDeploymentArn", "")))
        if deployment is None:
            return self._error("ServiceDeploymentNotFoundException", _NO_DEPLOYMENT, 400)
        action = str(data.get("action") or "CONTINUE")
        refusal = self._services.continue_deployment(deployment, str(data.get("hookId", "")), action)
        if refusal:
            return self._error("InvalidParameterException", refusal, 400)
        return self._json({"serviceDeploymentArn": deployment.arn})
