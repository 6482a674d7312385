"""The role by which AWS CodeDeploy replaces the tasks of one service and moves the weights of its rules."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge

_PASSED = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


class CodeDeployRole:
    """An own policy, as small as it can be.

    AWSCodeDeployRoleForECSLimited was considered: it lets CodeDeploy write every listener and rule and replace the
    tasks of every service of the account, pass every role named as the console names it, and invoke only functions
    that are called CodeDeployHook_….
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForECSLimited.html
    """

    def __init__(
        self,
        scope: Construct,
        *,
        cluster_name: str,
        service_name: str,
        task_roles: Sequence[str],
        listeners: Sequence[str],
        rules: Sequence[object],
        functions: Sequence[str],
    ) -> None:
        """Make the role.

        task_roles: the ARNs of the roles that tasks take on. listeners, rules: ARNs of those between which traffic
        moves. functions: the ARNs of those that lifecycle events ask.
        """
        service = arn_here("ecs", f"service/{cluster_name}/{service_name}")
        sets = arn_here("ecs", f"task-set/{cluster_name}/{service_name}/*")
        self._statements: list[dict[str, object]] = [
            {
                "Sid": "ReplaceTasks",
                "Effect": "Allow",
                "Action": [
                    "ecs:CreateTaskSet",
                    "ecs:DeleteTaskSet",
                    "ecs:DescribeServices",
                    "ecs:UpdateServicePrimaryTaskSet",
                ],
                "Resource": [service, sets],
            },
            {
                "Sid": "GiveTasksTheirRoles",
                "Effect": "Allow",
                "Action": ["iam:PassRole"],
                "Resource": list(task_roles),
                "Condition": _PASSED,
            },
            {
                "Sid": "Look",
                "Effect": "Allow",
                "Action": [
                    "cloudwatch:DescribeAlarms",
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeRules",
                    "elasticloadbalancing:DescribeTargetGroups",
                ],
                "Resource": ["*"],
            },
            {
                "Sid": "MoveTraffic",
                "Effect": "Allow",
                "Action": ["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"],
                "Resource": [*listeners, *rules],
            },
        ]
        if functions:
            self._add("AskHooks", "lambda:InvokeFunction", list(functions))
        self.resource = iam.CfnRole(
            scope,
            "Role",
            description="AWS CodeDeploy replaces the tasks of the service and moves the weights of its rules",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"Service": "codedeploy.amazonaws.com"},
                    }
                ],
            },
        )
        self._write()
        acknowledge(
            self.resource,
            "AwsSolutions-IAM5[Resource::*]",
            "Elastic Load Balancing's Describe calls take no resource, and alarms are only read; AWS's managed policy "
            "was considered, and would allow changes of every load balancer and service",
        )
        acknowledge(
            self.resource,
            wildcard_finding(scope, sets),
            "a task set has no id before CodeDeploy makes it, so all of this one service are named; those of the "
            "cluster were the alternative that was considered",
        )

    def let_publish(self, topic_arn: str) -> None:
        """Let CodeDeploy tell a topic."""
        self._add("TellTopic", "sns:Publish", [topic_arn])
        self._write()

    def _add(self, sid: str, action: str, resources: list[str]) -> None:
        self._statements.append({"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": resources})

    def _write(self) -> None:
        # Inside the role, so that the deployment group finds it there, and as long as the role.
        document = {"Version": "2012-10-17", "Statement": self._statements}
        self.resource.policies = [iam.CfnRole.PolicyProperty(policy_name="CodeDeploy", policy_document=document)]
