"""What the engine's functions may do: the actions that their adapters declare, on what the targets register."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge
from .engine.aws.handler_needs import NEEDS
from .engine.aws.resource_kinds import Kind
from .engine_function import EngineFunction

# `start` runs in the state machine and asks about its executions: inside the role, CloudFormation would have to make
# the state machine before the function that it calls.
_AFTER_THE_STATE_MACHINE = {("start", "execution"), ("start", "state machine")}
_CONDITIONS: Mapping[Kind, Mapping[str, Mapping[str, object]]] = {
    "task role": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    "instance role": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    "tagged at launch": {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
    "scalable target": {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}},
    "metric namespace": {"StringEquals": {"cloudwatch:namespace": "BlueGreen"}},
}
# Why a policy on such a kind has a wildcard, and what else was considered.
_WILDCARDS: Mapping[Kind, str] = {
    "any": "what is described, measured or registered here knows no resource-level permissions; doing without was "
    "considered, and an engine that does not look must not act",
    "auto scaling group": "a group's ARN holds an id that only AWS knows, so its name stands behind it; all groups was "
    "the alternative that was considered",
    "execution": "an execution has no ARN before it is started; the executions of all state machines was the "
    "alternative that was considered",
    "launched from template": "an instance has no ARN before it is launched, so a condition names the launch template; "
    "all launches was the alternative that was considered",
    "metric namespace": "metrics have no ARNs, so a condition names the namespace; publishing none was considered, and "
    "ECS would hear of harm only before its next step",
    "parameter": "the settings of all targets lie under one path, so that a wrong name is refused with the names there "
    "are; naming each parameter was considered, and would make the function wait for all targets",
    "scalable target": "a scalable target's ARN holds an id that only AWS knows, so a condition narrows it to ECS; "
    "naming the services was considered, and is not possible",
    "service deployment": "a deployment has no ARN before it is made; naming the service was considered, and would "
    "have the service wait for its own hook, so all of the cluster's are named",
    "service revision": "a revision has no ARN before it is made; naming the service was considered, and would have "
    "the service wait for its own hook, so all of the cluster's are named",
    "slot family": "DeregisterTaskDefinition knows no resource-level permissions; leaving revisions active was "
    "considered, and a family's newest would then be one that nothing is to run",
    "tagged at launch": "what is launched has no ARN before, so a condition allows tags at a launch only; all tags was "
    "the alternative that was considered",
    "task definition": "a revision has no number before it is registered; all families was the alternative that was "
    "considered",
}


class EnginePermissions(Construct):
    """The policies of the functions, filled as targets register. A kind that no target has allows nothing."""

    def __init__(self, scope: Construct, id: str, *, functions: Mapping[str, EngineFunction]) -> None:
        """Look after the roles of `functions`, by the name of their handler."""
        super().__init__(scope, id)
        self._functions = functions
        self._templates: list[object] = []

    def allow(self, kind: Kind, resources: Sequence[str]) -> None:
        """Let every handler that needs `kind` act on `resources` (ARNs, tokens too), beside those it had."""
        if not resources:
            return
        if kind == "launched from template":
            # What is launched has no ARN before; the template that it is launched from says whose it is.
            self._templates += [arn for arn in resources if arn not in self._templates]
            self._allow(kind, ["*"], {"ArnLike": {"ec2:LaunchTemplate": self._templates}})
        else:
            self._allow(kind, resources, _CONDITIONS.get(kind))

    def _allow(
        self, kind: Kind, resources: Sequence[str], condition: Mapping[str, Mapping[str, object]] | None
    ) -> None:
        sid = "On" + "".join(word.capitalize() for word in kind.split())
        for handler, function in self._functions.items():
            actions = _actions(handler, kind)
            if not actions:
                continue
            holder: Construct = function.role
            if (handler, kind) in _AFTER_THE_STATE_MACHINE:
                holder = self._attach(handler, sid, actions, resources)
            else:
                function.allow(sid, actions, resources, condition)
            for arn in resources:
                if "*" in arn:
                    acknowledge(holder, wildcard_finding(self, arn), _WILDCARDS[kind])

    def _attach(self, handler: str, sid: str, actions: Sequence[str], resources: Sequence[str]) -> iam.CfnPolicy:
        statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
        return iam.CfnPolicy(
            self,
            handler.capitalize() + sid,
            policy_name=sid,
            policy_document={"Version": "2012-10-17", "Statement": [statement]},
            roles=[self._functions[handler].role.ref],
        )


def _actions(handler: str, kind: Kind) -> list[str]:
    return sorted({action for declared in NEEDS[handler] for action, kinds in declared.items() if kind in kinds})
