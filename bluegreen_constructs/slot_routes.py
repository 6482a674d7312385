"""SlotRoutes: the listener of an application with slots, its rules, and how each slot is addressed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .engine.errors import ConfigurationError
from .engine.slot_choice import SLOTS
from .engine.slot_settings import PRODUCTION
from .engine_function import EngineFunction
from .generated_secret import generated_secret, value_of
from .ingress import Ingress
from .listener_address import ListenerAddress
from .rule_conditions import RuleCondition
from .service_load_balancer import ServiceLoadBalancer
from .slot import Slot
from .slot_rules import (
    SlotPriorities,
    choice_conditions,
    host_conditions,
    hosts_of,
    production_conditions,
    query_conditions,
)
from .slot_sides import SlotSideResources, pin
from .traffic_rule import MadeRule, WantedRule, claim_priority, traffic_rule_resource

_PIN_HEADER = "x-slot-side"
_CHOICE_SECONDS = 10


@dataclass(frozen=True)
class SlotRules:
    """The rules that follow a slot besides the live rule, by their ARNs; production has none."""

    host: str = ""
    choices: tuple[str, ...] = ()


class SlotRoutes(Construct):
    """The rules whose actions only the engine writes, the pins, and the choice of a slot by query."""

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.IVpc, ingress: Ingress, slots: Sequence[Slot]) -> None:
        """Make the listener unless one is given. Raises ConfigurationError for hosts and priorities that clash."""
        super().__init__(scope, id)
        self._ingress, self._slots = ingress, slots
        path = scope.node.path
        self.hosts: Mapping[str, str] = hosts_of(path, slots, ingress)
        self._priorities = SlotPriorities.of(path, ingress)
        self._own = None if ingress.listener is not None else ServiceLoadBalancer(scope, vpc=vpc, ingress=ingress)
        self.load_balancer = None if self._own is None else self._own.resource
        listener = ingress.listener if self._own is None else self._own.production
        if listener is None:
            raise ConfigurationError(f"{path} has neither a load balancer nor a listener: give one")
        self.listener: elbv2.IApplicationListener = listener
        self.address = ListenerAddress(ingress, self._own, listener)
        self._by_slot: dict[str, SlotRules] = {}

    def pin(self, sides: Sequence[SlotSideResources]) -> list[elbv2.CfnListenerRule]:
        """A pin for each side, by a value that nobody can guess."""
        secret = generated_secret(
            self,
            "PinValue",
            description=f"What requests must carry to reach a certain side of {self.node.path}",
            opens="a side whatever slot it serves",
        )
        found = []
        for number, side in enumerate(sides):
            priority = self._priorities.pin(number)
            self._claim(priority, f"Pin{number}")
            value = cdk.Fn.join("", [value_of(secret), f"-{side.name}"])
            found.append(pin(side, listener=self.listener, priority=priority, header=_PIN_HEADER, value=value))
        return found

    def make_rules(self, sides: Sequence[SlotSideResources]) -> MadeRule:
        """Make the live rule, which is answered, and those of the other slots; slot n begins on side n."""
        groups = tuple(side.group_arn for side in sides)
        at = self._priorities
        live = self._rule("Production", at.production, production_conditions(self._ingress), groups, 0)
        self._by_slot[PRODUCTION] = SlotRules()
        for number, slot in enumerate(self._slots):
            if slot.name == PRODUCTION:
                continue
            host = host_conditions(self.hosts[slot.name], self._ingress)
            by_cookie, by_header = choice_conditions(slot.name, self._ingress)
            rules = [
                self._rule(f"{slot.name}-{kind}", priority, conditions, groups, number)
                for kind, priority, conditions in (
                    ("Host", at.host(number), host),
                    ("Cookie", at.choice(number, 0), by_cookie),
                    ("Header", at.choice(number, 1), by_header),
                )
            ]
            arns = [rule.reference.to_string() for rule in rules]
            self._by_slot[slot.name] = SlotRules(arns[0], tuple(arns[1:]))
        return live

    def offer_choice(self) -> None:
        """Let clients choose a slot by `?x-slot-routing=<slot>`, which sets a cookie.

        The rule forwards to a function, and never to a side: it is the same whatever was swapped.
        """
        function = EngineFunction(
            self,
            "Choice",
            handler="engine.handlers.slot_choice.handler",
            description="Sets the cookie by which a client stays on the slot that it chose",
            timeout_seconds=_CHOICE_SECONDS,
            environment={SLOTS: ",".join(slot.name for slot in self._slots)},
        )
        permission = lambda_.CfnPermission(
            self,
            "MayAsk",
            action="lambda:InvokeFunction",
            function_name=function.arn,
            principal="elasticloadbalancing.amazonaws.com",
            source_account=cdk.Aws.ACCOUNT_ID,
        )
        group = elbv2.CfnTargetGroup(
            self,
            "ChoiceGroup",
            target_type="lambda",
            targets=[{"id": function.arn}],
            # So that a parameter which is given several times comes back several times.
            target_group_attributes=[{"key": "lambda.multi_value_headers.enabled", "value": "true"}],
        )
        group.add_resource_dependency(permission)
        self._claim(self._priorities.query, "ChoiceRule")
        elbv2.CfnListenerRule(
            self,
            "ChoiceRule",
            listener_arn=self.listener.listener_arn,
            priority=self._priorities.query,
            conditions=[_for_cloudformation(one) for one in query_conditions(self._ingress)],
            actions=[{"type": "forward", "targetGroupArn": group.ref}],
        )

    def rules_of(self, slot: str) -> SlotRules:
        """The rules of a slot, once they are made."""
        return self._by_slot[slot]

    def url(self, slot: str) -> str | None:
        """Where a slot is reached: its host, for production else the load balancer's name; None when nobody knows."""
        return self.address.url(self._ingress.host if slot == PRODUCTION else self.hosts[slot])

    @property
    def shares_load_balancer(self) -> bool:
        """Whether others may be behind the same load balancer."""
        return self._own is None or self._ingress.load_balancer is not None

    def _rule(
        self, id: str, priority: int, conditions: Sequence[RuleCondition], groups: tuple[str, ...], initial: int
    ) -> MadeRule:
        wanted = WantedRule(
            self.listener.listener_arn,
            priority,
            tuple(conditions),
            one_of=groups,
            initial_group=groups[initial],
        )
        return traffic_rule_resource(self, id, stack=cdk.Stack.of(self), wanted=wanted)

    def _claim(self, priority: int, id: str) -> None:
        claim_priority((self, id), cdk.Stack.of(self), self.listener.listener_arn, priority)


def _for_cloudformation(condition: RuleCondition) -> dict[str, object]:
    """The CDK's own L1 takes camelCase."""
    return {"field": condition.field, _lower(condition.config): _nested(condition.settings)}


def _nested(value: object) -> object:
    if isinstance(value, Mapping):
        return {_lower(str(key)): _nested(one) for key, one in value.items()}
    return [_nested(one) for one in value] if isinstance(value, list) else value


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
