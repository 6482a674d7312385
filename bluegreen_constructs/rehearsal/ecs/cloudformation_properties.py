"""AWS::ECS::Service and AWS::ECS::TaskDefinition properties as the ECS API spells them.

CloudFormation spells `DeploymentConfiguration.LifecycleHooks`, the API `deploymentConfiguration.lifecycleHooks`; keys
that are the user's own (environment values, log options, labels, hook details, tags) are kept as they are.
"""

from collections.abc import Mapping

# Below these the keys are the user's, not CloudFormation's.
_USER_KEYED = frozenset({"Options", "DockerLabels", "HookDetails", "DriverOpts", "Labels"})
# Spelled differently from a lower-cased first letter.
_RENAMED = {"EnableECSManagedTags": "enableECSManagedTags"}
# Of CloudFormation only; Role is the API's `role`.
_SERVICE_ONLY = frozenset({"ServiceName", "Cluster", "Tags", "ForceNewDeployment"})
_INTEGERS = frozenset(
    {
        "desiredCount", "containerPort", "hostPort", "stopTimeout", "startTimeout", "healthCheckGracePeriodSeconds",
        "maximumPercent", "minimumHealthyPercent", "memory", "memoryReservation", "cpu", "interval", "timeout",
        "retries", "startPeriod", "softLimit", "hardLimit", "sharedMemorySize", "bakeTimeInMinutes",
    }
)  # fmt: skip


def api_casing(value: object) -> object:
    """A property in the API's casing, deep."""
    if isinstance(value, Mapping):
        return {
            _RENAMED.get(key, key[:1].lower() + key[1:]): item if key in _USER_KEYED else api_casing(item)
            for key, item in value.items()
        }
    return [api_casing(item) for item in value] if isinstance(value, list) else value


def task_definition_request(properties: Mapping[str, object], family: str) -> dict[str, object]:
    """RegisterTaskDefinition's request for an AWS::ECS::TaskDefinition: every property, in the API's casing."""
    request = {"family": family, **_object(api_casing(properties))}
    containers = request.get("containerDefinitions")
    request["containerDefinitions"] = [_numbers(c) for c in containers] if isinstance(containers, list) else []
    # The task's own are strings in the API, the containers' are numbers.
    for name in ("cpu", "memory"):
        if name in request:
            request[name] = str(request[name])
    return request


def service_request(properties: Mapping[str, object]) -> dict[str, object]:
    """The members of CreateService and UpdateService that an AWS::ECS::Service gives, without its name and cluster."""
    given = {key: value for key, value in properties.items() if key not in _SERVICE_ONLY}
    request = _object(_numbers(api_casing(given)))
    tags = properties.get("Tags")
    if isinstance(tags, list):
        request["tags"] = api_casing(tags)
    return request


def forces_deployment(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Whether an update asks for a deployment of what is there: ForceNewDeployment with a new nonce."""
    force = after.get("ForceNewDeployment")
    if not isinstance(force, Mapping) or str(force.get("EnableForceNewDeployment")).lower() != "true":
        return False
    return before.get("ForceNewDeployment") != force


def _numbers(value: object) -> object:
    """Templates may spell numbers as strings; the API does not."""
    if isinstance(value, Mapping):
        return {
            key: int(item) if key in _INTEGERS and isinstance(item, str) and item.isdigit() else _numbers(item)
            for key, item in value.items()
        }
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _object(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, Mapping) else {}
