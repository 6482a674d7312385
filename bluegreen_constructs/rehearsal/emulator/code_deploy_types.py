"""CloudFormation handlers of the CodeDeploy types, over the same records as the API."""

import secrets
from collections.abc import Callable, Mapping, Sequence

from ...engine.errors import RehearsalError
from ..codedeploy.refusals import RefusedError
from ..codedeploy.registry import Json, Registry
from ..ecs.cloudformation_properties import api_casing

Properties = Mapping[str, object]
Handler = Callable[..., object]
Made = tuple[str, dict[str, str]]
# Spelt differently from a lower-cased first letter.
_RENAMED = {"eCSServices": "ecsServices"}
_INTEGERS = frozenset(
    {
        "waitTimeInMinutes", "terminationWaitTimeInMinutes", "canaryInterval", "canaryPercentage", "linearInterval",
        "linearPercentage", "value", "firstZoneMonitorDurationInSeconds", "monitorDurationInSeconds",
    }
)  # fmt: skip
_BOOLEANS = frozenset({"enabled", "ignorePollAlarmFailure", "terminationHookEnabled"})


def types(registry: Registry) -> dict[str, tuple[dict[str, Handler | bool], Sequence[str]]]:
    """By type: its handlers, and the properties whose change replaces it. `Ref` is the name of each."""
    handlers = _Handlers(registry)
    return {
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-application.html
        "AWS::CodeDeploy::Application": (
            {
                "create": handlers.create_application,
                "update": handlers.keep,
                "delete": handlers.delete_application,
            },
            ("ApplicationName", "ComputePlatform"),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentconfig.html
        "AWS::CodeDeploy::DeploymentConfig": (
            {
                "create": handlers.create_configuration,
                "update": handlers.keep,
                "delete": handlers.delete_configuration,
            },
            ("ComputePlatform", "DeploymentConfigName", "MinimumHealthyHosts", "TrafficRoutingConfig", "ZonalConfig"),
        ),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codedeploy-deploymentgroup.html
        "AWS::CodeDeploy::DeploymentGroup": (
            {"create": handlers.create_group, "update": handlers.update_group, "delete": handlers.delete_group},
            ("ApplicationName", "DeploymentGroupName"),
        ),
    }


class _Handlers:
    """ministack's signatures; a refusal fails the resource in CodeDeploy's words."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create_application(self, logical_id: str, properties: Properties, stack_name: str) -> Made:
        request = _request(properties, "applicationName", logical_id, stack_name)
        _done(lambda: self._registry.create_application(request))
        return str(request["applicationName"]), {}

    def delete_application(self, physical_id: str, properties: Properties) -> None:
        del properties
        self._registry.delete_application(physical_id)

    def create_configuration(self, logical_id: str, properties: Properties, stack_name: str) -> Made:
        request = _request(properties, "deploymentConfigName", logical_id, stack_name)
        _done(lambda: self._registry.create_configuration(request))
        return str(request["deploymentConfigName"]), {}

    def delete_configuration(self, physical_id: str, properties: Properties) -> None:
        del properties
        _done(lambda: self._registry.delete_configuration(physical_id))

    def create_group(self, logical_id: str, properties: Properties, stack_name: str) -> Made:
        request = _request(properties, "deploymentGroupName", logical_id, stack_name)
        _refuse_deployment(properties)
        _done(lambda: self._registry.create_group(request))
        return str(request["deploymentGroupName"]), {}

    def update_group(self, physical_id: str, before: Properties, after: Properties, stack_name: str) -> Made:
        del before
        _refuse_deployment(after)
        settings = {**_request(after, "deploymentGroupName", "", stack_name), "deploymentGroupName": physical_id}
        settings.pop("tags", None)
        _done(lambda: self._registry.replace_group(str(settings["applicationName"]), physical_id, settings))
        return physical_id, {}

    def delete_group(self, physical_id: str, properties: Properties) -> None:
        self._registry.delete_group(str(properties.get("ApplicationName")), physical_id)

    def keep(self, physical_id: str, before: Properties, after: Properties, stack_name: str) -> Made:
        """Only tags change without a replacement."""
        del before, after, stack_name
        return physical_id, {}


def _refuse_deployment(properties: Properties) -> None:
    if properties.get("Deployment"):
        raise RehearsalError(
            "Deployment of an AWS::CodeDeploy::DeploymentGroup is not played: nothing is deployed to instances here; "
            "take the property out of the template"
        )


def _request(properties: Properties, name: str, logical_id: str, stack_name: str) -> Json:
    """The API's request for a resource; without a name it gets one as CloudFormation makes it."""
    cased = _typed(api_casing(properties))
    request = dict(cased) if isinstance(cased, Mapping) else {}
    request[name] = request.get(name) or f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"
    return request


def _typed(value: object) -> object:
    """Templates may spell numbers and booleans as texts; the API does not."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {_RENAMED.get(key, key): _typed_member(key, item) for key, item in value.items()}


def _typed_member(key: str, item: object) -> object:
    if key in _INTEGERS and isinstance(item, str) and item.isdigit():
        return int(item)
    if key in _BOOLEANS and isinstance(item, str):
        return item.lower() == "true"
    return _typed(item)


def _done(call: Callable[[], object]) -> None:
    try:
        call()
    except RefusedError as error:
        raise RehearsalError(
            f'Resource handler returned message: "{error} (Service: CodeDeploy, Error Code: {error.code})" '
            "(HandlerErrorCode: InvalidRequest)"
        ) from error
