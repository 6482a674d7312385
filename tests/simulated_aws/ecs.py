"""Amazon ECS: services with rolling deployments, and task definitions."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient
from .fleets import Fleet

ACCOUNT = "arn:aws:ecs:us-east-1:123456789012"
_REGISTERED = {
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "tags",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
}


@dataclass(slots=True, eq=False)
class Service:
    """A service, and the fleet of its tasks. `fails_after`: seconds until the circuit breaker gives a deployment up."""

    cluster: str
    name: str
    container: str
    fleet: Fleet
    task_definition: str
    fails_after: float = float("inf")
    deployments: int = 1
    deployed_at: float = 0.0
    past: list[tuple[float, Answer]] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{ACCOUNT}:service/{self.cluster}/{self.name}"


class Ecs(SimulatedClient):
    """The client."""

    service = "ecs"
    failure = "ServerException"
    exceptions = Exceptions(
        {
            "ClientException": "ClientException",
            "ClusterNotFoundException": "ClusterNotFoundException",
            "InvalidParameterException": "InvalidParameterException",
            "ServerException": "ServerException",
            "ServiceNotFoundException": "ServiceNotFoundException",
            "ServiceNotActiveException": "ServiceNotActiveException",
        }
    )
    allowed: ClassVar = {
        "DescribeServices": {"cluster", "services", "include"},
        "DescribeTaskDefinition": {"taskDefinition", "include"},
        "RegisterTaskDefinition": _REGISTERED,
        "UpdateService": {"cluster", "service", "taskDefinition", "desiredCount"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.services: dict[tuple[str, str], Service] = {}
        self.task_definitions: dict[str, Answer] = {}
        self._revisions: dict[str, int] = {}
        self._clusters: set[str] = set()

    # what tests do beside the engine

    def add_service(self, cluster: str, name: str, container: str, fleet: Fleet) -> Service:
        """Make a service whose tasks run the fleet's release; its task definition has a side-car, which is kept."""
        definition = self._register(
            {
                "family": name,
                "taskRoleArn": f"arn:aws:iam::123456789012:role/{name}-task",
                "executionRoleArn": f"arn:aws:iam::123456789012:role/{name}-execution",
                "networkMode": "awsvpc",
                "containerDefinitions": [
                    {"name": container, "image": fleet.release, "essential": True, "environment": []},
                    {"name": "side-car", "image": "public.ecr.aws/side-car:3", "essential": False},
                ],
                "requiresCompatibilities": ["FARGATE"],
                "cpu": "1024",
                "memory": "2048",
            }
        )
        service = Service(cluster, name, container, fleet, definition["taskDefinitionArn"])
        service.deployed_at = self._world.now
        self.services[cluster, name] = service
        self._clusters.add(cluster)
        return service

    # the client

    def describe_services(self, **arguments: object) -> Answer:
        return self._serve("DescribeServices", arguments, self._describe_services)

    def describe_task_definition(self, **arguments: object) -> Answer:
        return self._serve("DescribeTaskDefinition", arguments, self._describe_task_definition)

    def register_task_definition(self, **arguments: object) -> Answer:
        return self._serve("RegisterTaskDefinition", arguments, self._register_task_definition)

    def update_service(self, **arguments: object) -> Answer:
        return self._serve("UpdateService", arguments, self._update_service)

    def _describe_services(self, arguments: Answer) -> Answer:
        cluster = self._cluster("DescribeServices", arguments)
        found, failures = [], []
        for name in arguments["services"]:
            service = self.services.get((cluster, name.rpartition("/")[2]))
            if service is None:
                failures.append({"arn": f"{ACCOUNT}:service/{cluster}/{name}", "reason": "MISSING"})
            else:
                found.append(self._as_read(service))
        return {"services": found, "failures": failures}

    def _describe_task_definition(self, arguments: Answer) -> Answer:
        definition = dict(self._definition("DescribeTaskDefinition", arguments["taskDefinition"]))
        tags = definition.pop("tags", [])
        return {"taskDefinition": definition, **({"tags": tags} if "TAGS" in arguments.get("include", []) else {})}

    def _register_task_definition(self, arguments: Answer) -> Answer:
        if arguments.get("tags") == []:
            raise self.error("RegisterTaskDefinition", "ClientException", "Tags can not be empty.")
        names = [one["name"] for one in arguments["containerDefinitions"]]
        if not names or len(set(names)) < len(names):
            raise self.error("RegisterTaskDefinition", "ClientException", "Container names must be unique")
        definition = dict(self._register(arguments))
        definition.pop("tags", None)
        return {"taskDefinition": definition}

    def _update_service(self, arguments: Answer) -> Answer:
        cluster = self._cluster("UpdateService", arguments)
        service = self.services.get((cluster, arguments["service"].rpartition("/")[2]))
        if service is None:
            raise self.error("UpdateService", "ServiceNotFoundException", "Service not found.")
        desired = arguments.get("desiredCount")
        if desired is not None and (type(desired) is not int or desired < 0):
            raise self.error("UpdateService", "InvalidParameterException", f"Invalid desired count {desired}")
        release = None
        if "taskDefinition" in arguments:
            definition = self._definition("UpdateService", arguments["taskDefinition"])
            images = {one["name"]: one["image"] for one in definition["containerDefinitions"]}
            release = images.get(service.container)
            if release is None:
                raise self.error("UpdateService", "InvalidParameterException", "The container does not exist")
        if self._world.disturbances.stale_reads:
            service.past.append((self._world.now, self._described(service)))
        if release is not None and definition["taskDefinitionArn"] != service.task_definition:
            service.task_definition = definition["taskDefinitionArn"]
            service.deployments += 1
            service.deployed_at = self._world.now
        service.fleet.ask(desired=desired, release=release)
        return {"service": self._described(service)}

    def _cluster(self, operation: str, arguments: Answer) -> str:
        cluster = arguments.get("cluster", "default").rpartition("/")[2]
        if cluster not in self._clusters:
            raise self.error(operation, "ClusterNotFoundException", "Cluster not found.")
        return cluster

    def _definition(self, operation: str, name: str) -> Answer:
        family, colon, _ = name.rpartition("/")[2].partition(":")
        if not colon:
            name = f"{family}:{self._revisions.get(family, 0)}"
        if not name.startswith("arn:"):
            name = f"{ACCOUNT}:task-definition/{name}"
        if name not in self.task_definitions:
            raise self.error(operation, "ClientException", "Unable to describe task definition.")
        return self.task_definitions[name]

    def _register(self, wanted: Answer) -> Answer:
        family = wanted["family"]
        revision = self._revisions[family] = self._revisions.get(family, 0) + 1
        arn = f"{ACCOUNT}:task-definition/{family}:{revision}"
        self.task_definitions[arn] = {
            **wanted,
            # What AWS answers and does not take back.
            "taskDefinitionArn": arn,
            "revision": revision,
            "status": "ACTIVE",
            "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
            "compatibilities": ["EC2", "FARGATE"],
            "registeredAt": datetime.fromtimestamp(self._world.now, UTC),
            "registeredBy": "arn:aws:sts::123456789012:assumed-role/somebody/session",
        }
        return self.task_definitions[arn]

    def _as_read(self, service: Service) -> Answer:
        world = self._world
        if service.past and world.disturbances.stale_reads:
            as_of = world.now - world.random.uniform(0, world.disturbances.stale_reads)
            former = next((seen for until, seen in service.past if until > as_of), None)
            if former is not None:
                return former
        return self._described(service)

    def _described(self, service: Service) -> Answer:
        now, fleet = self._world.now, service.fleet
        fleet.settle(now)
        current = fleet.current
        running = sum(target.healthy_at <= now for target in current)
        others = [target for target in fleet.targets if target.release != fleet.release]
        state, reason, failed = "COMPLETED", "ECS deployment completed.", 0
        if not fleet.is_settled(now):
            state, reason = "IN_PROGRESS", "ECS deployment in progress."
            if not self._world.behaviour(fleet.release).starts:
                failed = int((now - service.deployed_at) // max(1.0, fleet.start_seconds))
            if now - service.deployed_at >= service.fails_after:
                state, reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
        deployments = [
            {
                "id": f"ecs-svc/{service.deployments:019d}",
                "status": "PRIMARY",
                "createdAt": datetime.fromtimestamp(service.deployed_at, UTC),
                "taskDefinition": service.task_definition,
                "desiredCount": fleet.desired,
                "pendingCount": len(current) - running,
                "runningCount": running,
                "failedTasks": failed,
                "rolloutState": state,
                "rolloutStateReason": reason,
            }
        ]
        if others:
            deployments.append(
                {
                    "id": f"ecs-svc/{service.deployments - 1:019d}",
                    "status": "ACTIVE",
                    "createdAt": datetime.fromtimestamp(0, UTC),
                    "taskDefinition": service.task_definition,
                    "desiredCount": len(others),
                    "pendingCount": 0,
                    "runningCount": len(others),
                    "failedTasks": 0,
                    "rolloutState": "COMPLETED",
                }
            )
        events = []
        if fleet.unplaced:
            message = f"(service {service.name}) was unable to place a task because of insufficient capacity."
            events.append({"id": "event-1", "createdAt": datetime.fromtimestamp(now, UTC), "message": message})
        return {
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": f"{ACCOUNT}:cluster/{service.cluster}",
            "status": "ACTIVE",
            "desiredCount": fleet.desired,
            "runningCount": running + len(others),
            "pendingCount": len(current) - running,
            "taskDefinition": service.task_definition,
            "deployments": deployments,
            "events": events,
        }
