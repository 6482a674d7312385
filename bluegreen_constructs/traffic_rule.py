"""TrafficRule: a listener rule that CloudFormation creates but never re-weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakKeyDictionary

from aws_cdk import CfnResource, Duration, Reference, Stack, Token
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from .acknowledgements import acknowledge
from .engine.aws.elbv2_rules import IAM_ACTIONS
from .engine.errors import ConfigurationError
from .engine.live_rule import OUR_TAG_PREFIX, STACK_TAG
from .engine_function import EngineFunction
from .rule_conditions import RawCondition

# CloudFormation gives up on the handler after this time. Everything the handler may do ends before: Lambda drops an
# event that waited longer than _EVENT_AGE_S (otherwise a throttled account delivers it hours later, when the stack has
# moved on), and ends a run after _HANDLER_TIMEOUT_S.
_SERVICE_TIMEOUT_S = 300
_EVENT_AGE_S = 120
_HANDLER_TIMEOUT_S = 150

_HANDLER_ID = "BlueGreenTrafficRules"
_HANDLER_LOGICAL_ID = "BlueGreenTrafficRuleHandler"

# The rules of all load balancers in this account and region; the statements that use it are narrowed by tag.
_RULES = {"Fn::Sub": "arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:listener-rule/app/*"}
_RULES_AS_NAG_READS_THEM = (
    "arn:<AWS::Partition>:elasticloadbalancing:<AWS::Region>:<AWS::AccountId>:listener-rule/app/*"
)
_THIS_STACK = {"Ref": "AWS::StackId"}

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
_MAX_CONDITION_VALUES = 5
_MAX_PRIORITY = 50_000
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
_ONCE_PER_RULE = ("host-header", "http-request-method", "path-pattern", "source-ip")
_MAX_STICKINESS_S = 604_800
# A rule bears 50 tags; the handler keeps a few of its own, the engine others.
_MAX_TAGS = 40


class TrafficRule(Construct):
    """A rule on an application listener that forwards to two sides, with weights that only a rollout moves.

    CloudFormation writes a rule's weights back whenever it touches the rule (aws-cdk#36649): traffic then jumps to a
    side that may have no targets. This rule is made by a custom resource that writes the actions once, at creation.
    Later stack updates change conditions, priority and tags, and never the actions.

    What belongs to the actions is therefore an initial value: `candidate_weight` and `stickiness` count at creation,
    and a later change of them has no effect. A change of `blue` or `green` on a rule that forwards to them is refused
    by the handler at deployment, because it would need new actions: make a second `TrafficRule` under another id
    instead. A changed `listener` gets a new rule with the weights of that moment before the former rule goes.

    Example:
        ```python
        rule = TrafficRule(
            self, "Rule", listener=listener, priority=10, blue=blue, green=green,
            conditions=[elbv2.ListenerCondition.host_headers(["predict.example.com"])],
        )
        ```
    """

    blue: elbv2.IApplicationTargetGroup
    """The side that is live at creation (unless `candidate_weight` is 100)."""
    green: elbv2.IApplicationTargetGroup
    """The other side."""
    listener: elbv2.IApplicationListener
    """The listener that the rule is on."""
    resource: CfnResource
    """The custom resource, for dependencies: what waits for it starts with a rule in place."""
    priority: int
    """The rule's priority; lower goes first."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        listener: elbv2.IApplicationListener,
        priority: int,
        conditions: Sequence[RawCondition],
        blue: elbv2.IApplicationTargetGroup,
        green: elbv2.IApplicationTargetGroup,
        candidate_weight: int = 0,
        stickiness: timedelta | Duration | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make the rule.

        Args:
            scope: where in the construct tree.
            id: the construct id; the rule is known by its stack and logical id, so keep it.
            listener: an application listener of this app, or an imported one.
            priority: 1 to 50000, free on the listener; lower goes first.
            conditions: which requests; at least one condition, at most 5 values in all.
            blue: the target group of the side that is live at creation.
            green: the target group of the other side.
            candidate_weight: percent of the requests that go to `green` at creation; default 0. A rule for test
                traffic says 100.
            stickiness: how long a client stays on the side it was sent to, 1 second to 7 days; default: no stickiness,
                each request is weighed anew. With stickiness a client stays on its side also when the weights move.
            tags: tags of the rule; default: none but those the rule is recognised by. Stack tags and `Tags.of(...)`
                are not applied: a tag that changes with every commit would touch the rule with every deployment.

        Raises:
            ConfigurationError: the combination cannot be deployed.
        """
        super().__init__(scope, id)
        listener_arn = listener.listener_arn
        made = traffic_rule_resource(
            self,
            "Resource",
            stack=Stack.of(self),
            wanted=WantedRule(
                listener_arn,
                priority,
                tuple(conditions),
                blue.target_group_arn,
                green.target_group_arn,
                candidate_weight,
                stickiness,
                tags or {},
            ),
        )
        self.resource, self._reference = made.resource, made.reference
        self.listener, self.blue, self.green, self.priority = listener, blue, green, priority
        # CloudFormation sees no link from the groups to the load balancer, so the groups are told: their metrics need
        # the load balancer's name, and what attaches targets to them has to wait for the rule.
        for group in (blue, green):
            if isinstance(group, elbv2.ApplicationTargetGroup):
                group.register_listener(listener, self)
        self._conditions = made.conditions

    @property
    def rule_arn(self) -> str:
        """The rule's ARN (a token). It stays the same for the rule's life, except when the listener changes."""
        return self._reference.to_string()

    def matches_header(self, name: str, value: str) -> bool:
        """Whether one of the rule's conditions asks for this header with this value."""
        for condition in self._conditions:
            config = condition.get("HttpHeaderConfig")
            if isinstance(config, Mapping) and str(config.get("HttpHeaderName")).lower() == name.lower():
                return value in _values(condition)
        return False


@dataclass(frozen=True)
class WantedRule:
    """What a rule is to be, as `TrafficRule` says.

    must_serve: the ARN of the group that an update must find with all of the traffic, or it is refused (empty:
        whichever has it).
    one_of: instead of blue and green the ARNs of the groups of which the rule forwards to one at a time. initial_group:
        the one at creation.
    """

    listener_arn: str
    priority: int
    conditions: tuple[RawCondition, ...]
    blue_arn: str = ""
    green_arn: str = ""
    candidate_weight: int = 0
    stickiness: timedelta | Duration | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    must_serve: str = ""
    one_of: tuple[str, ...] = ()
    initial_group: str = ""

    def forwards(self) -> dict[str, object]:
        """The groups as the custom resource's properties say them."""
        if self.one_of:
            return {"Groups": list(self.one_of), "InitialGroup": self.initial_group}
        return {"Blue": self.blue_arn, "Green": self.green_arn, "InitialCandidateWeight": self.candidate_weight}


@dataclass(frozen=True)
class MadeRule:
    """The custom resource, what stands for the rule's ARN, and its conditions in the API's words."""

    resource: CfnResource
    reference: Reference
    conditions: Sequence[Mapping[str, object]]


def traffic_rule_resource(scope: Construct, id: str, *, stack: Stack, wanted: WantedRule) -> MadeRule:
    """Make the custom resource of a rule in `scope`; what `TrafficRule` does, for who needs no construct of it.

    Raises ConfigurationError for what cannot be deployed.
    """
    _refuse_priority(scope, wanted.priority)
    if not wanted.one_of:
        _refuse_sides(scope, wanted.blue_arn, wanted.green_arn, wanted.candidate_weight)
    rendered = _rendered(scope, wanted.conditions)
    stickiness_s = _stickiness_seconds(scope, wanted.stickiness)
    _refuse_tags(scope, wanted.tags)
    claim_priority((scope, id), stack, wanted.listener_arn, wanted.priority)
    handler = _TrafficRuleHandler.of(stack)
    handler.allow_rules_on(wanted.listener_arn)
    properties: dict[str, object] = {
        "ServiceToken": handler.arn,
        "ServiceTimeout": _SERVICE_TIMEOUT_S,
        # Only named, so that the rule waits for what limits the handler's events.
        "EventLimits": handler.event_limits,
        "ListenerArn": wanted.listener_arn,
        "Priority": wanted.priority,
        "Conditions": rendered,
        **wanted.forwards(),
    }
    if stickiness_s is not None:
        properties["InitialStickinessSeconds"] = stickiness_s
    if wanted.must_serve:
        properties["MustServe"] = wanted.must_serve
    if wanted.tags:
        properties["Tags"] = [{"Key": key, "Value": wanted.tags[key]} for key in sorted(wanted.tags)]
    resource = CfnResource(scope, id, type="Custom::TrafficRule", properties=properties)
    return MadeRule(resource, resource.get_att("RuleArn"), rendered)


class _TrafficRuleHandler(EngineFunction):
    """The function behind all TrafficRules of a stack."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(
            scope,
            _HANDLER_ID,
            handler="engine.handlers.traffic_rule.handler",
            description="Creates, changes and deletes the listener rules of this stack; never moves their weights",
            timeout_seconds=_HANDLER_TIMEOUT_S,
            logical_id=_HANDLER_LOGICAL_ID,
        )
        event_limits = lambda_.CfnEventInvokeConfig(
            self,
            "Events",
            function_name=self.resource.ref,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=_EVENT_AGE_S,
            maximum_retry_attempts=2,
        )
        self.event_limits = event_limits.ref
        # Changing and deleting is allowed by tag and not by listener: CloudFormation updates this role before it
        # deletes the rules that an update removed, when their listener is no longer among the resources.
        # Condition keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
        # Tagging at creation: https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/tagging-resources-during-creation.html
        self.allow("ReadRules", _actions_on("any"), ["*"])
        self.allow(
            "ChangeOwnRules",
            _actions_on("own rule"),
            [_RULES],
            {"StringEquals": {f"aws:ResourceTag/{STACK_TAG}": _THIS_STACK}},
        )
        self.allow(
            "TagAtCreation",
            _actions_on("new rule"),
            [_RULES],
            {
                "StringEquals": {
                    "elasticloadbalancing:CreateAction": "CreateRule",
                    f"aws:RequestTag/{STACK_TAG}": _THIS_STACK,
                }
            },
        )
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "DescribeRules and DescribeTags know no resource-level permissions; doing without reads was considered, "
            "and the handler could then neither adopt its own rule after a time-out nor say who holds a priority",
        )
        acknowledge(
            self.role,
            f"AwsSolutions-IAM5[Resource::{_RULES_AS_NAG_READS_THEM}]",
            f"A rule's ARN is not known before the rule is made, so both statements are narrowed to rules with this "
            f"stack's {STACK_TAG} tag; ARNs derived from each listener were considered: they cover the listener's "
            "foreign rules too, and are gone from the role when a removed rule is to be deleted",
        )

    @classmethod
    def of(cls, stack: Stack) -> "_TrafficRuleHandler":
        known = _handlers.get(stack)
        if known is None:
            known = _handlers[stack] = cls(stack)
        return known

    def allow_rules_on(self, listener_arn: str) -> None:
        self.allow("CreateRules", _actions_on("listener"), [listener_arn])


def _actions_on(kind: str) -> list[str]:
    return [action for action, kinds in IAM_ACTIONS.items() if kind in kinds]


_handlers: "WeakKeyDictionary[Stack, _TrafficRuleHandler]" = WeakKeyDictionary()
# Which rule has which priority on which listener, by app; and the app of each stack.
_claims: "WeakKeyDictionary[IConstruct, dict[tuple[str, int], tuple[Construct, str]]]" = WeakKeyDictionary()
_apps: "WeakKeyDictionary[Stack, IConstruct]" = WeakKeyDictionary()


def claim_priority(rule: tuple[Construct, str], stack: Stack, listener_arn: str, priority: int) -> None:
    """Have this rule, by scope and id, be the only one with its priority.

    Raises ConfigurationError naming the other one.
    """
    app = _apps.get(stack)
    if app is None:
        app = _apps[stack] = stack.node.root
    holder = _claims.setdefault(app, {}).setdefault((listener_arn, priority), rule)
    if holder != rule:
        raise ConfigurationError(
            f"{_path(rule)} asks for priority {priority}, which {_path(holder)} has on the same listener: "
            "give one of them another priority"
        )


def _path(rule: tuple[Construct, str]) -> str:
    scope, own = rule
    path = str(scope.node.path)
    return path if own == "Resource" else f"{path}/{own}"


def _refuse_priority(rule: Construct, priority: int) -> None:
    if 1 <= priority <= _MAX_PRIORITY or Token.is_unresolved(priority):
        return
    raise ConfigurationError(f"{rule.node.path} has priority {priority}: give a whole number from 1 to {_MAX_PRIORITY}")


def _refuse_sides(rule: Construct, blue_arn: str, green_arn: str, candidate_weight: int) -> None:
    if blue_arn == green_arn:
        raise ConfigurationError(
            f"{rule.node.path} has the same target group as blue and as green: give it two target groups"
        )
    if not 0 <= candidate_weight <= 100 and not Token.is_unresolved(candidate_weight):
        raise ConfigurationError(
            f"{rule.node.path} has candidate_weight {candidate_weight}: "
            "give the percent of requests for green, a whole number from 0 to 100"
        )


def _rendered(rule: Construct, conditions: Sequence[RawCondition]) -> list[dict[str, object]]:
    """The conditions as the API takes them; refused when the load balancer would."""
    rendered = [_in_api_words(condition.render_raw_condition()) for condition in conditions]
    if not rendered:
        raise ConfigurationError(
            f"{rule.node.path} has no condition: give at least one, such as ListenerCondition.path_patterns(['/*'])"
        )
    fields = [condition["Field"] for condition in rendered]
    for once in _ONCE_PER_RULE:
        if fields.count(once) > 1:
            raise ConfigurationError(
                f"{rule.node.path} has {fields.count(once)} {once} conditions, a rule may have one: "
                "give that one several values"
            )
    values = [value for condition in rendered for value in _values(condition)]
    if len(values) > _MAX_CONDITION_VALUES:
        raise ConfigurationError(
            f"{rule.node.path} has {len(values)} condition values, a rule may have {_MAX_CONDITION_VALUES}: "
            "use wildcards, or a second TrafficRule"
        )
    return rendered


def _values(condition: Mapping[str, object]) -> list[object]:
    for config in condition.values():
        if isinstance(config, Mapping):
            values = config.get("Values") or config.get("RegexValues") or []
            return list(values) if isinstance(values, list) else [values]
    return []


def _in_api_words(raw: object) -> dict[str, object]:
    """CDK renders camelCase for its own L1; a custom resource's properties arrive as written, so write the API's."""
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            f"a condition rendered as {type(raw).__name__}: give conditions made by elbv2.ListenerCondition"
        )
    return {str(key)[0].upper() + str(key)[1:]: _nested(value) for key, value in raw.items()}


def _nested(value: object) -> object:
    if isinstance(value, Mapping):
        return _in_api_words(value)
    if isinstance(value, list):
        return [_nested(item) for item in value]
    return value


def _stickiness_seconds(rule: Construct, stickiness: timedelta | Duration | None) -> int | None:
    if stickiness is None:
        return None
    seconds = stickiness.total_seconds() if isinstance(stickiness, timedelta) else stickiness.to_seconds()
    if not 1 <= seconds <= _MAX_STICKINESS_S or seconds != int(seconds):
        raise ConfigurationError(
            f"{rule.node.path} has a stickiness of {seconds:g} s: "
            f"give whole seconds from 1 to {_MAX_STICKINESS_S} (7 days)"
        )
    return int(seconds)


def _refuse_tags(rule: Construct, tags: Mapping[str, str]) -> None:
    if len(tags) > _MAX_TAGS:
        raise ConfigurationError(f"{rule.node.path} has {len(tags)} tags: give at most {_MAX_TAGS}")
    for key, value in tags.items():
        if key.lower().startswith(("aws:", OUR_TAG_PREFIX)):
            raise ConfigurationError(
                f"{rule.node.path} has the tag {key!r}: "
                f"choose a key that begins neither with aws: nor with {OUR_TAG_PREFIX}"
            )
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise ConfigurationError(
                f"{rule.node.path} has the tag {key!r} with a value of {len(value)} characters: "
                "a key has 1 to 128 characters, a value at most 256"
            )
