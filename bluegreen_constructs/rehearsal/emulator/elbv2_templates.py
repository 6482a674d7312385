"""The overlay over the emulator's CloudFormation handlers of listeners, rules and target groups.

The same refusals as the API's, told as AWS's resource handlers tell them: they fail the resource, and so the stack.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from ...engine.errors import RehearsalError
from ..load_balancer.action_rules import ApiRefusal, complete_actions
from ..load_balancer.query_shapes import template_conditions, template_forward_config
from ..load_balancer.records import ActionRecord, TargetRecord
from . import elbv2_functions
from .elbv2_state import (
    balancer_of,
    refuse_a_group_in_use,
    refuse_a_taken_port,
    refuse_a_taken_priority,
    stored_attributes,
    users_of_groups,
)
from .patches import Patches
from .world import EmulatorConfig

_Created = tuple[str, dict[str, object]]
_Properties = dict[str, object]
_Wrapper = Callable[[Callable[..., object]], Callable[..., object]]

_TYPE = "AWS::ElasticLoadBalancingV2::"
# What an HTTP target group has without asking for anything:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
_GROUP_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.type": "round_robin",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}


def install_template_types(patches: Patches, config: EmulatorConfig) -> None:
    """Wrap the CloudFormation handlers; RehearsalError when the emulator's are not those the overlay knows."""
    written = ["props", "lb_arn", "prop"]
    patches.replace(provisioners, "_elbv2_listener_actions", _template_actions, written_for=written)
    patches.replace(
        provisioners, "_flatten_listener_rule_conditions", template_conditions, written_for=["cfn_conditions"]
    )
    patches.replace(alb, "_target_group_full_name_from_arn", _full_name, written_for=["arn"])
    _mend_type(
        patches,
        "TargetGroup",
        create=lambda create: _with_targets(_with_default_attributes(create), config),
        update=lambda update: _with_changed_targets(update, config),
        delete=_unless_in_use,
    )
    _mend_type(patches, "ListenerRule", create=_checked_rule_create, update=_checked_rule_update)
    _mend_type(patches, "Listener", create=_checked_listener, update=_checked_listener_update)
    _tag_rules_with_their_stack(patches)


def _tag_rules_with_their_stack(patches: Patches) -> None:
    """CloudFormation puts a stack's tags on its rules, too: so a changed stack tag updates every rule of the stack.

    Any update of a rule writes the whole of the template's actions, and with them its weights
    (https://github.com/aws/aws-cdk/issues/36649); a rule whose properties did not change is not called at all.
    """
    tagged = cast(dict[str, tuple[str, str]], patches.original(provisioners, "_STACK_TAG_PROPERTY"))
    patches.replace(provisioners, "_STACK_TAG_PROPERTY", {**tagged, f"{_TYPE}ListenerRule": ("Tags", "list")})


def _full_name(arn: str) -> str:
    """What Fn::GetAtt TargetGroupFullName is, such as targetgroup/my-target-group/cbf133c568e0d028; "" for no group.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html
    """
    name = arn.rpartition(":")[2]
    return name if name.startswith("targetgroup/") else ""


def _mend_type(
    patches: Patches, name: str, **wrappers: Callable[[Callable[..., object]], Callable[..., object]]
) -> None:
    """Wrap some of the handlers of one type."""
    table = cast(dict[str, dict[str, object]], patches.original(provisioners, "_RESOURCE_HANDLERS"))
    if f"{_TYPE}{name}" not in table:
        raise RehearsalError(f"the emulator has no {_TYPE}{name}, which the rehearsal's overlay mends")
    handlers = dict(table[f"{_TYPE}{name}"])
    for verb, wrap in wrappers.items():
        handlers[verb] = _explained(wrap(cast(Callable[..., object], handlers[verb])))
    patches.resource_type(f"{_TYPE}{name}", cast(Mapping[str, Callable[..., object] | bool], handlers), is_there=True)


def _explained(handler: Callable[..., object]) -> Callable[..., object]:
    """A CloudFormation handler whose refusals read as AWS's resource handlers report them."""

    def handle(*args: object, **kwargs: object) -> object:
        try:
            return handler(*args, **kwargs)
        except ApiRefusal as refusal:
            raise provisioners._elbv2_handler_error(str(refusal)) from refusal

    return handle


def _template_actions(props: _Properties, lb_arn: str | None, prop: str = "DefaultActions") -> list[ActionRecord]:
    """The actions of a Listener or ListenerRule, with their weights; `lb_arn` is None for a rule."""
    actions: list[ActionRecord] = []
    for number, given in enumerate(cast(Sequence[Mapping[str, object]], props.get(prop) or ()), start=1):
        action = ActionRecord(Type=str(given.get("Type", "forward")), Order=int(str(given.get("Order", number))))
        if given.get("TargetGroupArn"):
            action["TargetGroupArn"] = str(given["TargetGroupArn"])
        if given.get("ForwardConfig"):
            action["ForwardConfig"] = template_forward_config(cast(Mapping[str, object], given["ForwardConfig"]))
        for name in ("FixedResponseConfig", "RedirectConfig"):
            if isinstance(given.get(name), Mapping):
                config = cast(Mapping[str, object], given[name])
                action[name] = {key: str(part) for key, part in config.items()}
        actions.append(action)
    balancer = lb_arn or balancer_of(str(props.get("ListenerArn", "")))
    return complete_actions(actions, balancer_arn=balancer, users=users_of_groups())


def _with_default_attributes(create: Callable[..., object]) -> Callable[..., object]:
    """A declared attribute replaces its default, the others keep theirs."""

    def created(logical_id: str, props: _Properties, stack_name: str) -> object:
        answer = cast(_Created, create(logical_id, elbv2_functions.with_settings(props), stack_name))
        is_function = props.get("TargetType") == "lambda"
        # The emulator has attributes of its own for a group that declares none.
        declared = stored_attributes(alb._tg_attrs.get(answer[0]) if props.get("TargetGroupAttributes") else None)
        defaults = elbv2_functions.ATTRIBUTES if is_function else _GROUP_ATTRIBUTES
        alb._tg_attrs[answer[0]] = [{"Key": k, "Value": v} for k, v in (defaults | declared).items()]
        return answer

    return created


def _with_targets(create: Callable[..., object], config: EmulatorConfig) -> Callable[..., object]:
    """The declared targets are registered, as the type's reference says; the emulator's handler leaves them out.

    A group whose targets are refused is not left behind.
    """

    def created(logical_id: str, props: _Properties, stack_name: str) -> object:
        answer = cast(_Created, create(logical_id, props, stack_name))
        wanted = _declared_targets(props)
        try:
            elbv2_functions.refuse_wrong_functions(alb._tgs[answer[0]], wanted, [], config)
        except ApiRefusal:
            provisioners._elbv2_target_group_delete(answer[0], props)
            raise
        alb._targets[answer[0]] = wanted
        return answer

    return created


def _with_changed_targets(update: Callable[..., object], config: EmulatorConfig) -> Callable[..., object]:
    """Targets that the template adds or drops; those that a service or a group registered stay."""

    def updated(
        physical_id: str, before: _Properties, after: _Properties, stack_name: str, logical_id: str | None = None
    ) -> object:
        settled = elbv2_functions.with_settings(after)
        answer = cast(_Created, update(physical_id, before, settled, stack_name, logical_id=logical_id))
        declared, wanted = _declared_targets(before), _declared_targets(after)
        group = alb._tgs[answer[0]]
        if answer[0] != physical_id:
            elbv2_functions.refuse_wrong_functions(group, wanted, [], config)
            alb._targets[answer[0]] = wanted
        elif declared != wanted:
            kept = [target for target in alb._targets.get(physical_id) or [] if target not in declared]
            elbv2_functions.refuse_wrong_functions(group, wanted, kept, config)
            alb._targets[physical_id] = [*kept, *(target for target in wanted if target not in kept)]
        return answer

    return updated


def _declared_targets(props: Mapping[str, object]) -> list[TargetRecord]:
    found = []
    for given in cast(Sequence[Mapping[str, object]], props.get("Targets") or ()):
        target = TargetRecord(Id=str(given["Id"]))
        if given.get("Port"):
            target["Port"] = int(str(given["Port"]))
        found.append(target)
    return found


def _unless_in_use(delete: Callable[..., object]) -> Callable[..., object]:
    """AWS deletes no target group that a rule or listener names: so rules go before their groups."""

    def deleted(physical_id: str, props: _Properties) -> object:
        refuse_a_group_in_use(physical_id)
        return delete(physical_id, props)

    return deleted


def _checked_rule_create(create: Callable[..., object]) -> Callable[..., object]:
    def created(logical_id: str, props: _Properties, stack_name: str) -> object:
        listener_arn = str(props.get("ListenerArn", ""))
        balancer_of(listener_arn)
        refuse_a_taken_priority(listener_arn, props.get("Priority"))
        answer = cast(_Created, create(logical_id, props, stack_name))
        alb._tags[answer[0]] = provisioners._elbv2_tags(props.get("Tags"))
        return answer

    return created


def _checked_rule_update(update: Callable[..., object]) -> Callable[..., object]:
    def updated(
        physical_id: str, before: _Properties, after: _Properties, stack_name: str, logical_id: str | None = None
    ) -> object:
        listener_arn = str(after.get("ListenerArn", ""))
        balancer_of(listener_arn)
        moves = before.get("ListenerArn") != after.get("ListenerArn")
        refuse_a_taken_priority(listener_arn, after.get("Priority"), except_for=() if moves else (physical_id,))
        answer = cast(_Created, update(physical_id, before, after, stack_name, logical_id=logical_id))
        alb._tags[answer[0]] = provisioners._elbv2_tags(after.get("Tags"))
        return answer

    return updated


def _checked_listener(create: Callable[..., object]) -> Callable[..., object]:
    def created(logical_id: str, props: _Properties, stack_name: str) -> object:
        refuse_a_taken_port(str(props.get("LoadBalancerArn", "")), str(props.get("Port", 80)))
        return create(logical_id, props, stack_name)

    return created


def _checked_listener_update(update: Callable[..., object]) -> Callable[..., object]:
    def updated(
        physical_id: str, before: _Properties, after: _Properties, stack_name: str, logical_id: str | None = None
    ) -> object:
        balancer = str(after.get("LoadBalancerArn", ""))
        moves = before.get("LoadBalancerArn") != balancer
        refuse_a_taken_port(balancer, str(after.get("Port", 80)), except_for="" if moves else physical_id)
        return update(physical_id, before, after, stack_name, logical_id=logical_id)

    return updated
