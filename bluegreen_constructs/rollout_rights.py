"""What each of the operators' verbs needs in an account, as statements of IAM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Right: TypeAlias = Literal["view", "start", "promote", "abort", "unlock"]

_COMMANDS = ("promote", "pause", "resume", "abort", "unlock")
# Whose items an operator reads: the state, what happened, which releases there were, and what was asked for.
_READ = ("state", "slots", "history", "release", *_COMMANDS)
_WRITTEN: dict[Right, tuple[str, ...]] = {
    "promote": ("promote", "pause", "resume"),
    "abort": ("state", "abort"),
    "unlock": ("unlock",),
}


@dataclass(frozen=True)
class Allowed:
    """One statement: its actions, resources and condition."""

    actions: Sequence[str]
    resources: Sequence[str]
    condition: dict[str, dict[str, object]]

    def as_json(self) -> dict[str, object]:
        """As a policy document spells it."""
        allowed: dict[str, object] = {
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return {**allowed, "Condition": self.condition} if self.condition else allowed


@dataclass(frozen=True)
class EngineParts:
    """The ARNs of an engine's parts (CloudFormation values); `executions` ends with a wildcard."""

    table: str
    state_machine: str
    executions: str
    parameters: Sequence[str]


def statements(right: Right, parts: EngineParts, target: str | None) -> list[Allowed]:
    """What `right` needs besides the rules; who may act may look, too. target: only that one; None: all of the stack.

    StartExecution knows no target: who may start one rollout may start any of this stack.
    """
    allowed = [
        Allowed(["ssm:GetParameter", "ssm:GetParametersByPath"], parts.parameters, {}),
        Allowed(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"], [parts.table], _items(_READ, target)),
        Allowed(["states:DescribeExecution", "states:GetExecutionHistory"], [parts.executions], {}),
        Allowed(["states:ListExecutions"], [parts.state_machine], {}),
        Allowed(
            [
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            ["*"],  # they know no resource-level permissions
            {},
        ),
    ]
    if right in _WRITTEN:
        allowed.append(Allowed(["dynamodb:PutItem"], [parts.table], _items(_WRITTEN[right], target)))
    if right in ("start", "abort"):
        allowed.append(Allowed(["states:StartExecution"], [parts.state_machine], {}))
    if right == "abort":
        allowed.append(Allowed(["states:StopExecution"], [parts.executions], {}))
    return allowed


def of_slots(right: Right, parts: EngineParts, target: str) -> list[Allowed]:
    """What `right` needs besides for a target that has slots: to look at task definitions, and to let slots swap again.

    Task definitions know no resource-level permission to be described.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    allowed = [Allowed(["ecs:DescribeTaskDefinition"], ["*"], {})]
    if right == "promote":
        allowed.append(Allowed(["dynamodb:PutItem"], [parts.table], _items(("slots",), target)))
    return allowed


def on_rules(rule_arns: Sequence[str]) -> Allowed:
    """What an abort needs on live rules."""
    return Allowed(["elasticloadbalancing:AddTags", "elasticloadbalancing:ModifyRule"], rule_arns, {})


def _items(kinds: Sequence[str], target: str | None) -> dict[str, dict[str, object]]:
    """Only items whose partition key begins with one of the kinds.

    `ForAllValues` holds for a request without keys as well, which `Null` refuses.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    keys = [f"{kind}#{target or '*'}" for kind in kinds]
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
