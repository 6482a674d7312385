"""A deployed service that AWS CodeDeploy deploys, as its settings show it."""

import json
from dataclasses import dataclass

from ..engine.code_deploy_settings import CodeDeploySettings
from ..engine.errors import RehearsalError
from ..engine.settings_codec import settings_from_dict
from ..engine.target_settings import PARAMETER_PREFIX, TargetSettings
from .aws_apis import AwsApis


@dataclass(frozen=True)
class DeployedByCodeDeploy:
    """The target of a stack, and where its deployments are made."""

    settings: TargetSettings
    code_deploy: CodeDeploySettings

    @property
    def name(self) -> str:
        """What the command line calls it."""
        return self.settings.target

    @property
    def rule(self) -> str:
        """The production rule."""
        return self.settings.rule_arn

    def side_of(self, group: str) -> str:
        """blue or green."""
        side = self.settings.side_of(group)
        if side is None:
            raise RehearsalError(f"the target {self.name} has no target group {group}")
        return side


def deployed_by_code_deploy(stack: str, apis: AwsApis) -> DeployedByCodeDeploy:
    """The one target of a stack; raises RehearsalError when CodeDeploy does not deploy it."""
    names = [
        resource["PhysicalResourceId"]
        for page in apis.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::SSM::Parameter"
        and resource["PhysicalResourceId"].startswith(PARAMETER_PREFIX)
    ]
    if len(names) != 1:
        raise RehearsalError(f"stack {stack} holds {len(names)} targets, and one is rehearsed")
    value = json.loads(apis.ssm.get_parameter(Name=names[0])["Parameter"]["Value"])
    settings = settings_from_dict(value["settings"], "the target's settings")
    if settings.codedeploy is None:
        raise RehearsalError(f"the target {settings.target} is not deployed by CodeDeploy")
    return DeployedByCodeDeploy(settings, settings.codedeploy)
