"""A deployed blue/green service as AWS's own APIs show it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..engine.errors import RehearsalError
from .aws_apis import AwsApis


@dataclass(frozen=True)
class DeployedService:
    """Where a service's rules and groups are; `production` maps each side to its target group's ARN."""

    cluster: str
    service: str
    production_rule: str
    test_rule: str
    groups: Mapping[str, str]

    @property
    def load_balancer(self) -> str:
        """The load balancer's name, from the rule's ARN: `...:listener-rule/app/NAME/ID/LISTENER/RULE`."""
        return self.production_rule.split("/")[2]

    def side_of(self, group: str) -> str:
        """blue or green."""
        for side, arn in self.groups.items():
            if arn == group:
                return side
        raise RehearsalError(f"the service has no target group {group}")


def services_in(stack: str, apis: AwsApis) -> Iterator[DeployedService]:
    """The blue/green services of a stack."""
    for resource in apis.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource["ResourceType"] != "AWS::ECS::Service":
            continue
        cluster, name = resource["PhysicalResourceId"].split("/")[-2:]
        (described,) = apis.ecs.describe_services(cluster=cluster, services=[name])["services"]
        for balancer in described["loadBalancers"]:
            advanced = balancer.get("advancedConfiguration")
            if advanced:
                yield DeployedService(
                    cluster=cluster,
                    service=name,
                    production_rule=advanced["productionListenerRule"],
                    test_rule=advanced["testListenerRule"],
                    groups={"blue": balancer["targetGroupArn"], "green": advanced["alternateTargetGroupArn"]},
                )


def weights_of(rule: str, apis: AwsApis) -> dict[str, int]:
    """The weights a rule has now, by target group ARN."""
    (described,) = apis.elbv2.describe_rules(RuleArns=[rule])["Rules"]
    for action in described["Actions"]:
        if action["Type"] == "forward":
            return {
                group["TargetGroupArn"]: int(group.get("Weight", 1))
                for group in action["ForwardConfig"]["TargetGroups"]
            }
    raise RehearsalError(f"rule {rule} does not forward: {json.dumps(described['Actions'])}")
