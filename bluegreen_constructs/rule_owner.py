"""RuleOwner: who makes the listener rules of a service; and how each of them does."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from aws_cdk import CfnResource, Reference, Stack
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .rule_conditions import RuleCondition
from .traffic_rule import WantedRule, claim_priority, traffic_rule_resource


class RuleOwner(Enum):
    """Who makes the production and the test rule."""

    TRAFFIC_RULE = "traffic rule"
    """A custom resource that writes the weights once (`TrafficRule`, the default): no stack update moves traffic."""
    CLOUDFORMATION = "cloudformation"
    """CloudFormation: no Lambda function. A rule that never changes is never touched, so leave its priority, host,
    paths, test header and listener (a certificate that comes later is another one) as they are: with any change of the
    rule, `cdk deploy --revert-drift` too, CloudFormation writes blue 100, green 0, whichever side is live
    (aws-cdk#36649). `bluegreen review` flags such a change. Tags are kept off the rule; those that a whole stack is
    deployed with cannot be."""


@dataclass(frozen=True)
class ServiceRule:
    """A rule of a service, whoever owns it: its ARN, where it is, and the resource in the template.

    reference: what stands for the ARN in properties; as a text it costs one more call to Node.
    """

    reference: Reference | str
    listener: elbv2.IApplicationListener
    listener_arn: str
    priority: int
    resource: CfnResource

    @property
    def rule_arn(self) -> str:
        """The rule's ARN (a token)."""
        return self.reference if isinstance(self.reference, str) else self.reference.to_string()


class RuleMaker:
    """Makes the rules of one service, all requests to blue and none to green, on behalf of their owner."""

    def __init__(
        self,
        scope: Construct,
        owner: RuleOwner,
        *,
        stack: Stack,
        group_arns: tuple[str, str],
        blue_must_serve: bool = False,
    ) -> None:
        """Make rules in `scope`, between these groups; `blue_must_serve` refuses updates while green does."""
        self._scope, self._owner, self._group_arns, self._stack = scope, owner, group_arns, stack
        self._must_serve = group_arns[0] if blue_must_serve else ""
        self._listener_arns: dict[elbv2.IApplicationListener, str] = {}  # each answer is a call to Node

    def make(
        self,
        id: str,
        *,
        listener: elbv2.IApplicationListener,
        priority: int,
        conditions: Sequence[RuleCondition],
        is_live: bool = False,
    ) -> ServiceRule:
        """Make one, the live rule or another; raises ConfigurationError for what cannot be deployed."""
        listener_arn = self._listener_arns.get(listener)
        if listener_arn is None:
            listener_arn = self._listener_arns[listener] = listener.listener_arn
        blue, green = self._group_arns
        if self._owner is RuleOwner.TRAFFIC_RULE:
            wanted = WantedRule(
                listener_arn, priority, tuple(conditions), blue, green, must_serve=self._must_serve if is_live else ""
            )
            scope = Construct(self._scope, id)
            made = traffic_rule_resource(scope, "Resource", stack=self._stack, wanted=wanted)
            return ServiceRule(made.reference, listener, listener_arn, priority, made.resource)
        claim_priority((self._scope, id), self._stack, listener_arn, priority)
        rule = elbv2.CfnListenerRule(
            self._scope,
            id,
            listener_arn=listener_arn,
            priority=priority,
            conditions=[_in_camel_case(one) for one in conditions],
            actions=[
                {
                    "type": "forward",
                    "forwardConfig": {
                        "targetGroups": [
                            {"targetGroupArn": blue, "weight": 100},
                            {"targetGroupArn": green, "weight": 0},
                        ]
                    },
                }
            ],
        )
        # A tag would touch the rule, and with it the weights, whenever it changes.
        rule.add_property_deletion_override("Tags")
        return ServiceRule(rule.ref, listener, listener_arn, priority, rule)


def _in_camel_case(condition: RuleCondition) -> dict[str, object]:
    settings = {name[0].lower() + name[1:]: value for name, value in condition.settings.items()}
    return {"field": condition.field, condition.config[0].lower() + condition.config[1:]: settings}
