"""destroy: `cdk destroy` ends with nothing left, rules before groups, after a service that ran."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..application import checkout, sample_application
from ..outcome import Condition, Outcome
from ..session import Session


@dataclass(frozen=True)
class Destroy:
    """Deletes every stack of the sample application and looks for what stayed."""

    name: ClassVar[str] = "destroy"
    about: ClassVar[str] = "cdk destroy removes every stack, and nothing of them is left"

    def play(self, session: Session) -> Outcome:
        """Destroy the application, deployed before if it was not."""
        application = session.application(sample_application(checkout(session.checkout)))
        stacks = application.about.stacks
        owned = _owned(session, stacks)
        session.say("cdk destroy")
        result = application.destroy()
        left = [*_left(session, stacks, owned), *_running(session, owned)]
        return Outcome(
            self.name,
            (
                Condition("cdk destroy ends 0", result.succeeded, f"exit code {result.exit_code}"),
                Condition("nothing of the stacks is left", not left, ", ".join(left) or "nothing"),
            ),
            figures={"stacks": len(stacks), "resources before": len(owned), "seconds": f"{result.seconds:.1f}"},
        )


def _owned(session: Session, stacks: tuple[str, ...]) -> frozenset[str]:
    """The physical ids of everything the stacks hold."""
    return frozenset(
        resource["PhysicalResourceId"]
        for stack in stacks
        for resource in session.apis.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    )


def _left(session: Session, stacks: tuple[str, ...], owned: frozenset[str]) -> Iterator[str]:
    """What is still there: asked of each service that the stacks used, not of CloudFormation alone."""
    apis = session.apis
    for stack in apis.cloudformation.describe_stacks()["Stacks"]:
        if stack["StackName"] in stacks and stack["StackStatus"] != "DELETE_COMPLETE":
            yield f"stack {stack['StackName']} ({stack['StackStatus']})"
    existing = {
        "load balancer": [one["LoadBalancerArn"] for one in apis.elbv2.describe_load_balancers()["LoadBalancers"]],
        "target group": [one["TargetGroupArn"] for one in apis.elbv2.describe_target_groups()["TargetGroups"]],
        "cluster": [arn.rsplit("/", 1)[-1] for arn in apis.ecs.list_clusters()["clusterArns"]],
        "function": [one["FunctionName"] for one in apis.lambda_.list_functions()["Functions"]],
        "alarm": [one["AlarmName"] for one in apis.cloudwatch.describe_alarms()["MetricAlarms"]],
        "role": [one["RoleName"] for one in apis.iam.list_roles()["Roles"]],
        "log group": [one["logGroupName"] for one in apis.logs.describe_log_groups()["logGroups"]],
        "bucket": [one["Name"] for one in apis.s3.list_buckets()["Buckets"]],
        "VPC": [one["VpcId"] for one in apis.ec2.describe_vpcs()["Vpcs"]],
        "security group": [one["GroupId"] for one in apis.ec2.describe_security_groups()["SecurityGroups"]],
    }
    for what, ids in existing.items():
        yield from (f"{what} {name}" for name in ids if name in owned)


def _running(session: Session, owned: frozenset[str]) -> Iterator[str]:
    """Tasks of the stacks' services that are still processes of this machine."""
    for service in session.state()["ecs"]["services"].values():
        if service["arn"] in owned:
            yield from (f"task {task['id']}" for task in service["tasks"] if task["state"] != "STOPPED")
