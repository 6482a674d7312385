"""The kinds of resource that the engine's adapters declare their IAM actions on."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "any",
    "auto scaling group",
    "build project",
    "code deploy application",
    "code repository",
    "deployment configuration",
    "deployment group",
    "ecs service",
    "event bus",
    "execution",
    "hook function",
    "image parameter",
    "image repository",
    "instance role",
    "launch template",
    "launched from template",
    "metric namespace",
    "own function",
    "parameter",
    "rule",
    "sampled object",
    "scalable target",
    "service deployment",
    "service revision",
    "slot family",
    "slot parameter",
    "stack",
    "state machine",
    "table",
    "tagged at launch",
    "task",
    "task definition",
    "task role",
    "tasks of the cluster",
]
"""What a policy's resource has to be; most are the ARNs of what the name says.

any: the action knows no resource-level permissions, or is needed on all: `*`.
image parameter: the parameters in Parameter Store that lead to the AMIs of releases (`--image resolve:ssm:…`).
launch template: those of the groups.
launched from template: `*` with the condition `ArnLike ec2:LaunchTemplate` on the launch templates of the groups.
tagged at launch: whatever an instance consists of, with the condition `ec2:CreateAction` RunInstances.
task role, instance role: the roles of the task definitions (execution role included) and of the launch templates'
    instance profiles, with the condition `iam:PassedToService` ecs-tasks.amazonaws.com or ec2.amazonaws.com.
code deploy application, deployment configuration, deployment group: CodeDeploy's, of the service.
own function: the function that has the policy.
metric namespace: `*` with the condition `StringEquals cloudwatch:namespace` BlueGreen.
tasks of the cluster: `*` with the condition `ArnEquals ecs:cluster` on the cluster.
parameter: `parameter/bluegreen/targets/*`, which covers the path with its last slash as well.
rule: the live rules and the test rules.
sampled object: the S3 objects of sampled requests.
service deployment, service revision, task: those of the services of the cluster.
slot family: `*`, for what deregisters a revision knows no resource-level permissions.
slot parameter: the parameters that say which side of an application with slots is active.
stack: the stack that the target is in.
"""

Actions: TypeAlias = Mapping[str, tuple[Kind, ...]]
"""IAM actions, each with the kinds of resource that it is needed on."""
