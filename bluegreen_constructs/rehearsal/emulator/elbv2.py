"""The overlay over the emulator's ELBv2: weights, conditions, refusals and target health as AWS has them.

ministack accepts weighted forwards and drops them, calls every target healthy, and refuses almost nothing. Here its
handlers are wrapped; the played load balancer (`..load_balancer`) serves what they store. ministack's own data plane
on the gateway's port stays as it is and knows no weights: rehearsals use the plane's sockets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from xml.sax.saxutils import escape

from ministack.core.responses import request_scope
from ministack.services import alb
from ministack.services.cloudformation import provisioners

from ...engine.errors import RehearsalError
from ..load_balancer.action_rules import ApiRefusal, complete_actions
from ..load_balancer.model import RoutingTable
from ..load_balancer.plane import LoadBalancerPlane
from ..load_balancer.query_shapes import (
    Parameters,
    condition_xml,
    conditions,
    forward_config,
    forward_xml,
    strings,
    target_health_xml,
    targets,
    value,
)
from ..load_balancer.records import (
    ActionRecord,
    RuleRecord,
    TargetRecord,
    effective_target,
)
from . import elbv2_functions
from .elbv2_state import (
    balancer_of,
    existing_group,
    existing_rule,
    read_table,
    refuse_a_group_in_use,
    refuse_a_taken_port,
    refuse_a_taken_priority,
    tell_groups_their_balancers,
    users_of_groups,
)
from .elbv2_templates import install_template_types
from .patches import Patches
from .world import EmulatorConfig, World

_Answer = tuple[int, dict[str, str], bytes]
_Handler = Callable[[Parameters], _Answer]


def install(patches: Patches, world: World) -> LoadBalancerPlane:
    """Mend the emulator's ELBv2 and give the world its load balancers; the caller starts and stops the plane."""
    if world.metrics is None:
        raise RehearsalError("the load balancer publishes metrics; install the CloudWatch overlay before it")
    account, region = world.config.account, world.config.region

    def table() -> RoutingTable:
        with request_scope(account, region):
            return read_table()

    plane = LoadBalancerPlane(
        read_table=table,
        metrics=world.metrics,
        clock=world.clock,
        address_of=lambda target: world.instance_addresses.get(target, target),
        functions=elbv2_functions.targets(world.config),
    )
    world.load_balancers = plane
    _Overlay(patches, plane, world.config).install()
    return plane


def _by_priority(rule: RuleRecord) -> tuple[bool, int]:
    return rule["IsDefault"], 0 if rule["IsDefault"] else int(rule["Priority"])


@dataclass
class _Overlay:
    """The replacements for one emulator, and what they wrap."""

    patches: Patches
    plane: LoadBalancerPlane
    config: EmulatorConfig

    def install(self) -> None:
        """Put everything in its place: shapes, then API actions, then CloudFormation types."""
        self._parse_actions = cast(
            Callable[[Parameters, str], list[ActionRecord]],
            self.patches.replace(alb, "_parse_actions", self.parse_actions, written_for=["params", "prefix"]),
        )
        self._action_xml = cast(
            Callable[[ActionRecord], str],
            self.patches.replace(alb, "_action_xml", self.action_xml, written_for=["a"]),
        )
        self.patches.replace(alb, "_parse_conditions", _parse_conditions, written_for=["params", "prefix"])
        self.patches.replace(alb, "_condition_xml", condition_xml, written_for=["c"])
        elbv2_functions.show_as_aws_does(self.patches)
        self.install_api_actions()
        install_template_types(self.patches, self.config)

    def install_api_actions(self) -> None:
        """Wrap the handlers of the API's actions; each may raise ApiRefusal."""
        handlers = cast(dict[str, _Handler], self.patches.original(alb, "_ACTION_MAP"))
        checks: dict[str, Callable[[Parameters], None]] = {
            "CreateListener": self.check_create_listener,
            "CreateRule": self.check_create_rule,
            "RegisterTargets": self.check_registered_targets,
            "DeleteRule": _check_deleted_rule,
            "DeleteTargetGroup": lambda params: refuse_a_group_in_use(value(params, "TargetGroupArn") or ""),
            "DescribeListeners": _check_described_listeners,
            "DescribeTargetGroups": _check_described_groups,
            "ModifyListener": self.check_modify_listener,
            "ModifyRule": self.check_modify_rule,
            "SetRulePriorities": _check_priorities,
        }
        replacements: dict[str, _Handler] = {
            "CreateTargetGroup": _creating_function_groups(handlers["CreateTargetGroup"]),
            "DeleteLoadBalancer": self.delete_load_balancer,
            "DeregisterTargets": _deregister_targets,
            "DescribeRules": _describe_rules,
            "DescribeTargetHealth": self.describe_target_health,
            "RegisterTargets": _register_targets,
        }
        mended = dict(handlers)
        for action in {*checks, *replacements}:
            if action not in handlers:
                raise RehearsalError(f"the emulator has no ELBv2 action {action}, which the rehearsal's overlay mends")
            mended[action] = _refusing(replacements.get(action, handlers[action]), checks.get(action))
        self.patches.replace(alb, "_ACTION_MAP", mended)

    def parse_actions(self, params: Parameters, prefix: str = "DefaultActions") -> list[ActionRecord]:
        """The emulator's reading of the actions, with ForwardConfig."""
        actions = self._parse_actions(params, prefix)
        for number, action in enumerate(actions, start=1):
            config = forward_config(params, f"{prefix}.member.{number}")
            if config is not None:
                action["ForwardConfig"] = config
        if not actions:
            return []
        return complete_actions(actions, balancer_arn=self._balancer_for(params), users=users_of_groups())

    def _balancer_for(self, params: Parameters) -> str:
        """Which load balancer a call with actions is about."""
        if arn := value(params, "LoadBalancerArn"):
            return arn
        if arn := value(params, "RuleArn"):
            return balancer_of(existing_rule(arn)["ListenerArn"])
        return balancer_of(value(params, "ListenerArn") or "")

    def action_xml(self, action: ActionRecord) -> str:
        """The emulator's rendering with ForwardConfig, and with texts escaped that it writes as they are."""
        shown = cast(ActionRecord, dict(action))
        if "FixedResponseConfig" in shown:
            shown["FixedResponseConfig"] = {k: escape(v) for k, v in shown["FixedResponseConfig"].items()}
        if "RedirectConfig" in shown:
            # The emulator escapes the query itself.
            parts = shown["RedirectConfig"].items()
            shown["RedirectConfig"] = {k: v if k == "Query" else escape(v) for k, v in parts}
        return self._action_xml(shown).replace("</member>", f"{forward_xml(action)}</member>")

    def check_create_rule(self, params: Parameters) -> None:
        """Refuse what AWS refuses before a rule is made."""
        listener_arn = value(params, "ListenerArn") or ""
        balancer_of(listener_arn)
        if not conditions(params, "Conditions"):
            raise ApiRefusal("ValidationError", "A condition must be specified for a rule")
        if not self.parse_actions(params, "Actions"):
            raise ApiRefusal("ValidationError", "An action must be specified for a rule")
        refuse_a_taken_priority(listener_arn, value(params, "Priority") or "")

    def check_modify_rule(self, params: Parameters) -> None:
        """Refuse what AWS refuses; ModifyRule without Actions or Conditions leaves these alone (the emulator's own)."""
        existing_rule(value(params, "RuleArn") or "")
        self.parse_actions(params, "Actions")

    def check_create_listener(self, params: Parameters) -> None:
        """Refuse a second listener on a port, and actions that AWS refuses."""
        balancer = value(params, "LoadBalancerArn") or ""
        if balancer not in alb._lbs:
            raise ApiRefusal("LoadBalancerNotFound", f"One or more load balancers not found: '{balancer}'")
        refuse_a_taken_port(balancer, value(params, "Port") or "80")
        if not self.parse_actions(params, "DefaultActions"):
            raise ApiRefusal("ValidationError", "A listener must have a default action")

    def check_modify_listener(self, params: Parameters) -> None:
        """Refuse a port that another listener has, and actions that AWS refuses."""
        arn = value(params, "ListenerArn") or ""
        balancer = balancer_of(arn)
        if port := value(params, "Port"):
            refuse_a_taken_port(balancer, port, except_for=arn)
        self.parse_actions(params, "DefaultActions")

    def check_registered_targets(self, params: Parameters) -> None:
        """Refuse what a function's group does not take."""
        group = existing_group(value(params, "TargetGroupArn") or "")
        there = cast(list[TargetRecord], alb._targets.get(group["TargetGroupArn"]) or [])
        elbv2_functions.refuse_wrong_functions(group, targets(params, "Targets"), there, self.config)

    def delete_load_balancer(self, params: Parameters) -> _Answer:
        """AWS deletes a load balancer's listeners and rules with it, and does not mind one that is gone."""
        provisioners._elbv2_load_balancer_delete(value(params, "LoadBalancerArn") or "", {})
        return cast(_Answer, alb._empty("DeleteLoadBalancer"))

    def describe_target_health(self, params: Parameters) -> _Answer:
        """The plane's health checks and draining, for all targets of a group or those asked for."""
        group = existing_group(value(params, "TargetGroupArn") or "")
        asked = [effective_target(target, group) for target in targets(params, "Targets")]
        check_port = str(group["HealthCheckPort"])
        shown = "".join(
            target_health_xml(health, int(check_port) if check_port.isdigit() else None)
            for health in self.plane.target_health(group["TargetGroupArn"], asked)
        )
        xml = f"<TargetHealthDescriptions>{shown}</TargetHealthDescriptions>"
        return cast(_Answer, alb._xml(200, "DescribeTargetHealth", xml))


def _refusing(handler: _Handler, check: Callable[[Parameters], None] | None) -> _Handler:
    """A handler whose refusals become ELBv2's error answers."""

    def answer(params: Parameters) -> _Answer:
        try:
            if check is not None:
                check(params)
            return handler(params)
        except ApiRefusal as refusal:
            return cast(_Answer, alb._error(refusal.code, str(refusal)))

    return answer


def _parse_conditions(params: Parameters, prefix: str = "Conditions") -> object:
    return conditions(params, prefix)


def _check_deleted_rule(params: Parameters) -> None:
    existing_rule(value(params, "RuleArn") or "")


def _check_described_listeners(params: Parameters) -> None:
    for arn in strings(params, "ListenerArns"):
        balancer_of(arn)


def _check_described_groups(params: Parameters) -> None:
    for arn in strings(params, "TargetGroupArns"):
        existing_group(arn)
    names = {group["TargetGroupName"] for group in alb._tgs.values()}
    for name in strings(params, "Names"):
        if name not in names:
            raise ApiRefusal("TargetGroupNotFound", f"One or more target groups not found: '{name}'")
    tell_groups_their_balancers()


def _describe_rules(params: Parameters) -> _Answer:
    """Rules by priority, the default rule last; unknown ARNs are refused."""
    asked = strings(params, "RuleArns")
    if asked:
        rules = [existing_rule(arn) for arn in asked]
    else:
        listener_arn = value(params, "ListenerArn")
        if not listener_arn:
            raise ApiRefusal("ValidationError", "You must specify either listener ARNs or rule ARNs")
        balancer_of(listener_arn)
        rules = [rule for rule in alb._rules.values() if rule["ListenerArn"] == listener_arn]
    shown = "".join(alb._rule_xml(rule) for rule in sorted(rules, key=_by_priority))
    return cast(_Answer, alb._xml(200, "DescribeRules", f"<Rules>{shown}</Rules>"))


def _check_priorities(params: Parameters) -> None:
    """Refuse unknown and default rules and priorities of rules that are not in the call: all or nothing."""
    wanted: dict[str, str] = {}
    for number in range(1, len(params) + 1):
        arn = value(params, f"RulePriorities.member.{number}.RuleArn")
        if arn is None:
            break
        wanted[arn] = value(params, f"RulePriorities.member.{number}.Priority") or ""
    rules = {arn: existing_rule(arn) for arn in wanted}
    if any(rule["IsDefault"] for rule in rules.values()):
        raise ApiRefusal("OperationNotPermitted", "The priority of a default rule cannot be changed")
    if len(set(wanted.values())) < len(wanted):
        raise ApiRefusal("ValidationError", "The priorities of one call must be different")
    for arn, rule in rules.items():
        refuse_a_taken_priority(rule["ListenerArn"], wanted[arn], except_for=wanted)


def _creating_function_groups(create: _Handler) -> _Handler:
    """A function's group is made with its own settings and attributes."""

    def created(params: Parameters) -> _Answer:
        if value(params, "TargetType") != "lambda":
            return create(params)
        before = set(alb._tgs.keys())
        answer = create({**elbv2_functions.SETTINGS, **params})
        for arn in set(alb._tgs.keys()) - before:
            alb._tg_attrs[arn] = [{"Key": k, "Value": v} for k, v in elbv2_functions.ATTRIBUTES.items()]
        return answer

    return created


def _register_targets(params: Parameters) -> _Answer:
    """A target is an Id with a port: the same Id may be registered with several."""
    group = existing_group(value(params, "TargetGroupArn") or "")
    registered = cast(list[TargetRecord], alb._targets.get(group["TargetGroupArn"]) or [])
    known = {effective_target(target, group) for target in registered}
    added = [target for target in targets(params, "Targets") if effective_target(target, group) not in known]
    alb._targets[group["TargetGroupArn"]] = [*registered, *added]
    return cast(_Answer, alb._empty("RegisterTargets"))


def _deregister_targets(params: Parameters) -> _Answer:
    """AWS does not mind targets that are not registered; the plane drains those that were."""
    group = existing_group(value(params, "TargetGroupArn") or "")
    leaving = {effective_target(target, group) for target in targets(params, "Targets")}
    registered = cast(list[TargetRecord], alb._targets.get(group["TargetGroupArn"]) or [])
    alb._targets[group["TargetGroupArn"]] = [
        target for target in registered if effective_target(target, group) not in leaving
    ]
    return cast(_Answer, alb._empty("DeregisterTargets"))
