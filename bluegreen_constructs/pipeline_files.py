"""PipelineFiles: taskdef.json and appspec.yaml of a service, as the action CodeDeployToECS reads them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ecs as ecs

from .engine.app_spec import ecs_app_spec
from .engine.errors import ConfigurationError
from .engine.target_settings import TargetSettings

TASK_DEFINITION_FILE = "taskdef.json"
APP_SPEC_FILE = "appspec.yaml"
# https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-ecs-ecr-codedeploy.html
_IMAGE = "<IMAGE1_NAME>"
# What CloudFormation calls otherwise than RegisterTaskDefinition, by the property that it is in.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "efsVolumeConfiguration": {"filesystemId": "fileSystemId"},
    "proxyConfiguration": {"proxyConfigurationProperties": "properties"},
}


class ServiceByCodeDeploy(Protocol):
    """An `EcsBlueGreenService` with `controller=CodeDeploy(...)`."""

    @property
    def target(self) -> str:
        """Its name."""

    @property
    def task_definition(self) -> ecs.TaskDefinition:
        """What its stack registers."""

    @property
    def code_deploy_settings(self) -> TargetSettings | None:
        """Container, port and hooks; None when Amazon ECS rolls out."""


@dataclass(frozen=True)
class PipelineFiles:
    """Both files as texts, to seed a repository with (`DeliveryRepository`).

    They hold what is known when the stack is deployed: the roles, the log group, the functions of the hooks. So they
    are for resources of the service's own stack; elsewhere, `bluegreen taskdef` and `bluegreen appspec` write them.

    task_definition, app_spec: the texts (tokens). stack: the service's.
    """

    task_definition: str
    app_spec: str
    stack: cdk.Stack

    @staticmethod
    def of(service: ServiceByCodeDeploy) -> "PipelineFiles":
        """Of a service, as it is when the app is synthesised.

        The container that the load balancer reaches has CodePipeline's placeholder for an image; sidecars keep theirs.

        Raises ConfigurationError for a service that Amazon ECS rolls out itself, and for an imported task definition.
        """
        settings = service.code_deploy_settings
        if settings is None or settings.codedeploy is None:
            raise ConfigurationError(
                f"PipelineFiles are of a service that CodeDeploy deploys, and Amazon ECS rolls out {service.target}: "
                "give it controller=CodeDeploy(), or deploy it by its stack, which needs no files"
            )
        definition = service.task_definition.node.default_child
        if not isinstance(definition, ecs.CfnTaskDefinition):
            raise ConfigurationError(
                f"the task definition of {service.target} is not of this app: write its file with bluegreen taskdef"
            )
        container, code_deploy = settings.blue.container, settings.codedeploy
        return PipelineFiles(
            cdk.Lazy.string(_Written(lambda: _registration(definition, container))),
            ecs_app_spec(code_deploy, container),
            cdk.Stack.of(definition),
        )

    def by_name(self) -> Mapping[str, str]:
        """The texts by the names that CodePipeline looks for, unless its action says otherwise."""
        return {TASK_DEFINITION_FILE: self.task_definition, APP_SPEC_FILE: self.app_spec}


@jsii.implements(cdk.IStableStringProducer)
class _Written:
    """Asked at synth: containers, environment and tags may come after the service is made."""

    def __init__(self, write: Callable[[], str]) -> None:
        self._write = write

    def produce(self) -> str:
        return self._write()


def _registration(definition: ecs.CfnTaskDefinition, container: str) -> str:
    """What RegisterTaskDefinition takes; the CDK spells its properties in the same way."""
    stack = cdk.Stack.of(definition)
    # Protected, and all there is; tags are rendered apart.
    properties = {**stack.resolve(definition._cfn_properties), "tags": stack.resolve(definition.tags.render_tags())}
    content = {key: value for key, value in properties.items() if value not in (None, [], {})}
    content["containerDefinitions"] = [
        {**one, "image": _IMAGE} if one.get("name") == container else one for one in content["containerDefinitions"]
    ]
    return json.dumps(_plain(content), indent=2, sort_keys=True) + "\n"


def _plain(value: object, within: str = "") -> object:
    """The same with the API's names, and with what is known at deploy only as texts that CloudFormation fills in."""
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return cdk.Token.as_string(value)
        names = _RENAMED.get(within, {})
        return {names.get(key, key): _plain(one, key) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value
