"""Applications, deployment groups and deployment configurations: what is kept of each, and what is refused.

Followed: the API reference of CreateApplication, CreateDeploymentGroup and CreateDeploymentConfig. Groups of the
platforms Server and Lambda are kept and shown; only groups of ECS are checked, for only they are deployed.
"""

import copy
import threading
import uuid
from collections.abc import Callable, Mapping

from ..ecs.deployment_controller import has_task_sets
from ..ecs.deployment_plan import mapping
from .deployment_plan import read_plan, read_route
from .refusals import RefusedError
from .traffic_routing import ECS_DEFAULT, PREDEFINED, SERVER_DEFAULT, read_steps

Json = dict[str, object]
PLATFORMS = ("ECS", "Server", "Lambda")
_LAMBDA_DEFAULT = "CodeDeployDefault.LambdaAllAtOnce"


class Registry:
    """Everything by name; safe to use from any thread. `find_service` is the record of an active ECS service."""

    def __init__(
        self, *, now: Callable[[], float], find_service: Callable[[str, str], Mapping[str, object] | None]
    ) -> None:
        self._now = now
        self._find_service = find_service
        self._lock = threading.RLock()
        self._applications: dict[str, Json] = {}
        self._groups: dict[tuple[str, str], Json] = {}
        self._configurations: dict[str, Json] = {}

    # -- applications

    def create_application(self, request: Json) -> Json:
        """Keep an application; ApplicationAlreadyExistsException for a name that is taken."""
        name = required(request, "applicationName", "ApplicationNameRequiredException")
        platform = str(request.get("computePlatform") or "Server")
        if platform not in PLATFORMS:
            raise RefusedError("InvalidComputePlatformException", f"{platform} is no compute platform")
        with self._lock:
            if name in self._applications:
                raise RefusedError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
            self._applications[name] = {
                "applicationId": str(uuid.uuid4()),
                "applicationName": name,
                "createTime": self._now(),
                "linkedToGitHub": False,
                "computePlatform": platform,
            }
            return self._applications[name]

    def application(self, name: str) -> Json:
        """The application of this name."""
        with self._lock:
            if name not in self._applications:
                raise RefusedError("ApplicationDoesNotExistException", f"No application found for name: {name}")
            return self._applications[name]

    def applications(self) -> list[str]:
        """All names."""
        with self._lock:
            return sorted(self._applications)

    def delete_application(self, name: str) -> None:
        """Forget an application and its groups; one that is not there is gone already."""
        with self._lock:
            self._applications.pop(name, None)
            for key in [key for key in self._groups if key[0] == name]:
                del self._groups[key]

    # -- deployment configurations

    def create_configuration(self, request: Json) -> Json:
        """Keep a deployment configuration; DeploymentConfigAlreadyExistsException for a name that is taken."""
        name = required(request, "deploymentConfigName", "DeploymentConfigNameRequiredException")
        if str(request.get("computePlatform") or "Server") != "Server":
            read_steps(mapping(request.get("trafficRoutingConfig")))
        with self._lock:
            if name in self._configurations or name in PREDEFINED:
                raise RefusedError(
                    "DeploymentConfigAlreadyExistsException", f"Deployment configuration already exists: {name}"
                )
            self._configurations[name] = {"computePlatform": "Server", **request}
            self._configurations[name].update(deploymentConfigId=str(uuid.uuid4()), createTime=self._now())
            return self._configurations[name]

    def configuration(self, name: str) -> Json:
        """The configuration of this name, a predefined one too."""
        with self._lock:
            found = self._configurations.get(name) or PREDEFINED.get(name)
        if found is None:
            raise RefusedError(
                "DeploymentConfigDoesNotExistException", f"No deployment configuration found for name: {name}"
            )
        return {"deploymentConfigName": name, **found}

    def configurations(self) -> list[str]:
        """All names, the predefined ones too."""
        with self._lock:
            return sorted({*PREDEFINED, *self._configurations})

    def delete_configuration(self, name: str) -> None:
        """Forget a configuration; DeploymentConfigInUseException while a group uses it."""
        with self._lock:
            users = [key[1] for key, group in self._groups.items() if group.get("deploymentConfigName") == name]
            if users:
                raise RefusedError(
                    "DeploymentConfigInUseException", f"The deployment configuration is in use by {', '.join(users)}"
                )
            self._configurations.pop(name, None)

    # -- deployment groups

    def create_group(self, request: Json) -> Json:
        """Keep a deployment group of an application."""
        application = required(request, "applicationName", "ApplicationNameRequiredException")
        name = required(request, "deploymentGroupName", "DeploymentGroupNameRequiredException")
        required(request, "serviceRoleArn", "RoleRequiredException")
        platform = str(self.application(application)["computePlatform"])
        group = {
            "deploymentConfigName": {"ECS": ECS_DEFAULT, "Lambda": _LAMBDA_DEFAULT}.get(platform, SERVER_DEFAULT),
            **{key: value for key, value in request.items() if key != "tags" and value is not None},
            "deploymentGroupId": str(uuid.uuid4()),
            "computePlatform": platform,
        }
        self._check(group)
        with self._lock:
            if (application, name) in self._groups:
                raise RefusedError(
                    "DeploymentGroupAlreadyExistsException", f"Deployment group name already exists: {name}"
                )
            self._groups[application, name] = group
        return group

    def update_group(self, application: str, name: str, changes: Json) -> Json:
        """Change a group's settings; members that are not given stay as they are."""
        kept = {"applicationName", "deploymentGroupName", "deploymentGroupId", "computePlatform"}
        group = self.group(application, name)
        group.update({key: value for key, value in changes.items() if key not in kept and value is not None})
        self._check(group)
        with self._lock:
            self._groups[application, name] = group
        return group

    def replace_group(self, application: str, name: str, settings: Json) -> Json:
        """Give a group the whole of its settings anew, as CloudFormation does; its id stays."""
        before = self.group(application, name)
        group = {**settings, **{key: before[key] for key in ("deploymentGroupId", "computePlatform")}}
        group.setdefault("deploymentConfigName", ECS_DEFAULT if before["computePlatform"] == "ECS" else SERVER_DEFAULT)
        self._check(group)
        with self._lock:
            self._groups[application, name] = group
        return group

    def group(self, application: str, name: str) -> Json:
        """A copy of a group's settings, with its id and compute platform."""
        self.application(application)
        with self._lock:
            if (application, name) not in self._groups:
                raise RefusedError(
                    "DeploymentGroupDoesNotExistException", f"No Deployment Group found for name: {name}"
                )
            return copy.deepcopy(self._groups[application, name])

    def groups(self, application: str) -> list[str]:
        """The names of an application's groups."""
        self.application(application)
        with self._lock:
            return sorted(name for owner, name in self._groups if owner == application)

    def delete_group(self, application: str, name: str) -> None:
        """Forget a group; one that is not there is gone already."""
        with self._lock:
            self._groups.pop((application, name), None)

    def _check(self, group: Json) -> None:
        """Refuse a group of the ECS platform that could never be deployed."""
        if group["computePlatform"] != "ECS":
            return
        style = mapping(group.get("deploymentStyle"))
        wanted = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
        if {name: style.get(name) for name in wanted} != wanted:
            raise RefusedError(
                "InvalidDeploymentStyleException",
                "For ECS deployment group, deploymentType must be BLUE_GREEN and deploymentOption WITH_TRAFFIC_CONTROL",
            )
        ends = mapping(
            mapping(group.get("blueGreenDeploymentConfiguration")).get("terminateBlueInstancesOnDeploymentSuccess")
        )
        if ends.get("action") == "KEEP_ALIVE":
            raise RefusedError(
                "InvalidBlueGreenDeploymentConfigurationException",
                "For ECS deployment group, KEEP_ALIVE is not supported: the original task set is always terminated",
            )
        read_plan(group, self.configuration(str(group["deploymentConfigName"])), {}, {})
        route = read_route(group)
        service = self._find_service(route.cluster, route.service)
        if service is None or not has_task_sets(service):
            raise RefusedError(
                "InvalidECSServiceException",
                "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.",
            )


def required(request: Mapping[str, object], name: str, code: str) -> str:
    """A text that a request must have; RefusedError with `code` when it is missing."""
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError(code, f"{name[:1].upper()}{name[1:]} is required")
    return value
