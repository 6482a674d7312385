"""Adopted: a service of CDK's own patterns that becomes a blue/green one where it stands."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct, IConstruct

from .engine.errors import ConfigurationError
from .ingress import Ingress
from .known_listener import authenticates, default_groups, resolved
from .scaling import Scaling

if TYPE_CHECKING:
    from aws_cdk import aws_ecs_patterns as patterns

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
_LAST_PRIORITY = 50_000
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
_BY_REQUESTS = "ALBRequestCountPerTarget"
# What makes the second group a twin of the first, in CloudFormation's L1: lazy values, which are set until synth.
_ALIKE = (
    "health_check_enabled",
    "health_check_interval_seconds",
    "health_check_path",
    "health_check_port",
    "health_check_protocol",
    "health_check_timeout_seconds",
    "healthy_threshold_count",
    "port",
    "protocol",
    "protocol_version",
    "target_group_attributes",
    "target_type",
    "unhealthy_threshold_count",
    "vpc_id",
)


@dataclass(frozen=True)
class Adopted:
    """A running `ApplicationLoadBalancedFargateService` that keeps everything users and templates know of it.

    Cluster, load balancer, DNS name, service name and logical ids stay; the pattern stays in the code, and the
    construct adds what it lacks: a second target group, two rules before the listener's default action, alarms, the
    rollout. docs/adoption.md has adopting and leaving step by step. Both have a state in between, `rolling=True`: all
    that the construct adds is there, and the service still, or again, replaces its tasks in the pattern's own group.
    Deploy it first, and last: a failed first rollout falls back to it, and from it the construct can be removed. An
    update to it is refused while green, the group that the construct made, is live: one more release changes that.

    pattern: the service. priority: of the production rule on the pattern's listener, between 2 and 50000; the test rule
        takes the one before (default 100).
    rolling: whether the service stays a rolling one for now (default False). It then deploys as its pattern says, with
        no alarm, and with the pattern's own circuit breaker.

    Raises ConfigurationError for another construct than that pattern, a service that CodeDeploy deploys, that has
    deployment alarms of its own or is in a second target group, a listener that authenticates users, one whose default
    action is not the pattern's target group alone, and one with rules that the new ones would hide. The construct
    refuses `scaling` beside the pattern's own, and a pattern that scales on the requests of its own target group.
    """

    pattern: "patterns.ApplicationLoadBalancedFargateService"
    priority: int = 100
    rolling: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be taken over under load."""
        from aws_cdk import aws_ecs_patterns  # noqa: PLC0415 -- whoever has a pattern has loaded it, nobody else needs it

        pattern = self.pattern
        if not isinstance(pattern, aws_ecs_patterns.ApplicationLoadBalancedFargateService):
            raise ConfigurationError(
                f"Adopted is given {type(pattern).__name__}: give an ApplicationLoadBalancedFargateService"
            )
        if not 2 <= self.priority <= _LAST_PRIORITY:
            raise ConfigurationError(
                f"Adopted priority is {self.priority}: give 2 to {_LAST_PRIORITY}, the test rule takes the one before"
            )
        controller = self.resource.deployment_controller
        kind = controller.get("type") if isinstance(controller, dict) else getattr(controller, "type", None)
        if kind not in {None, "ECS"}:
            raise ConfigurationError(
                f"{pattern.node.path} is deployed by {kind}: move it to the ECS controller first, as docs/adoption.md "
                "says"
            )
        if authenticates(pattern.listener):
            raise ConfigurationError(
                f"{pattern.node.path} authenticates users in its listener, and Amazon ECS writes a rule's forward "
                "action alone when it moves weights, which would publish the service: authenticate in the application, "
                "or use CanaryAlb, which keeps the rule's other actions"
            )
        groups = default_groups(pattern.listener)
        if groups is not None and groups != [resolved(pattern.listener, pattern.target_group.target_group_arn)]:
            raise ConfigurationError(
                f"{pattern.node.path} forwards to other target groups than its own, so that the new rule would move "
                "traffic: make its own group all that the listener forwards to, and deploy that first"
            )
        self._refuse_hidden_rules()
        self._refuse_what_would_be_lost()

    def _refuse_hidden_rules(self) -> None:
        """The production rule takes every path, as the default action does, but before the rules that come after it."""
        for child in self.pattern.listener.node.children:
            rule = child.node.default_child if isinstance(child, elbv2.ApplicationListenerRule) else child
            taken = rule.priority if isinstance(rule, elbv2.CfnListenerRule) else 0
            if taken >= self.priority - 1 and not cdk.Token.is_unresolved(taken):
                raise ConfigurationError(
                    f"{child.node.path} has priority {taken:g}, and the rollouts' rules {self.priority - 1} and "
                    f"{self.priority} would hide it or collide with it: give Adopted a priority of at least "
                    f"{taken + 2:g}"
                )

    def _refuse_what_would_be_lost(self) -> None:
        """What the service has of its own, and the blue/green service would not have."""
        properties = properties_of(self.resource)
        configuration = properties.get("deploymentConfiguration")
        alarms = configuration.get("alarms") if isinstance(configuration, Mapping) else None
        if isinstance(alarms, Mapping) and alarms.get("alarmNames"):
            raise ConfigurationError(
                f"{self.pattern.node.path} has deployment alarms of its own, which the rollouts' alarms would replace: "
                "give them to EcsBlueGreenService as guardrails=[AlarmGuardrail(...)], and take "
                "enable_deployment_alarms out"
            )
        balancers = properties.get("loadBalancers")
        if isinstance(balancers, list) and len(balancers) > 1:
            raise ConfigurationError(
                f"{self.pattern.node.path} registers its tasks in {len(balancers)} target groups, and the rollouts "
                "move the traffic of one: make the pattern's own the only one"
            )

    def refuse_scaling(self, scaling: Scaling | None) -> None:
        """Raise ConfigurationError for two who say how many tasks, and for one who sees half of the requests only."""
        if scaling is not None and not scaling.moves:
            raise ConfigurationError(
                f"EcsBlueGreenService has scaling with min={scaling.min} and adopts {self.pattern.node.path}, which "
                "says itself how many tasks it has: change desired_count there, or say when to scale"
            )
        own = self.pattern.service.node.try_find_child("TaskCount")
        if own is None:
            return
        if scaling is not None:
            raise ConfigurationError(
                f"{self.pattern.node.path} has auto_scale_task_count, and EcsBlueGreenService scaling: a service has "
                "one scalable target, leave scaling out"
            )
        if not self.rolling and any(_counts_requests(one) for one in own.node.find_all()):
            raise ConfigurationError(
                f"{self.pattern.node.path} scales on the requests of its own target group, which has none while the "
                "other one is live: scale on something else, such as scale_on_cpu_utilization, and deploy that first"
            )

    @property
    def resource(self) -> ecs.CfnService:
        """The service in the template."""
        found = self.pattern.service.node.default_child
        candidates = [found, *self.pattern.service.node.children]
        return next(one for one in candidates if isinstance(one, ecs.CfnService))

    @property
    def task_definition(self) -> ecs.TaskDefinition:
        """What runs."""
        return self.pattern.task_definition

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the tasks."""
        return self.pattern.service.connections

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        """The security group of the tasks."""
        return self.connections.security_groups[0]

    def ingress(self) -> Ingress:
        """Its listener, as the routes take it."""
        balancer = self.pattern.load_balancer.node.default_child
        scheme = balancer.scheme if isinstance(balancer, elbv2.CfnLoadBalancer) else None
        return Ingress(
            listener=self.pattern.listener,
            priority=self.priority,
            internet_facing=scheme != "internal",
            plain_http=self.pattern.certificate is None,
        )

    def sides(self, scope: Construct) -> tuple[elbv2.IApplicationTargetGroup, elbv2.IApplicationTargetGroup]:
        """Its target group as blue, and a second one like it as green."""
        blue = self.pattern.target_group
        source = blue.node.default_child
        green = elbv2.ApplicationTargetGroup(
            scope, "Green", vpc=self.pattern.cluster.vpc, port=80, target_type=elbv2.TargetType.IP
        )
        twin = green.node.default_child
        if not isinstance(source, elbv2.CfnTargetGroup) or not isinstance(twin, elbv2.CfnTargetGroup):
            raise ConfigurationError(f"{self.pattern.node.path} has an imported target group: it cannot be copied")
        for name in _ALIKE:
            setattr(twin, name, getattr(source, name))
        twin.matcher = cdk.Lazy.any(_MatcherOf(source))
        return blue, green


@jsii.implements(cdk.IStableAnyProducer)
class _MatcherOf:
    """The codes that count as healthy, asked at synth: this struct, read earlier, lacks what is set later."""

    def __init__(self, source: elbv2.CfnTargetGroup) -> None:
        self._source = source

    def produce(self) -> object:
        """The L1's value; None without one."""
        return properties_of(self._source).get("matcher") or None


def _counts_requests(node: IConstruct) -> bool:
    """Whether it is a scaling policy on one target group's requests."""
    if cdk.CfnResource.is_cfn_resource(node) and getattr(node, "cfn_resource_type", "") == _POLICY:
        policy = cdk.Stack.of(node).resolve(node._cfn_properties)  # type: ignore[attr-defined] # as in properties_of
        return _BY_REQUESTS in json.dumps(policy)
    return False


def properties_of(resource: ecs.CfnService | elbv2.CfnTargetGroup) -> Mapping[str, object]:
    """What it has so far, in the L1's words: structs that the L2 completes at synth cannot be read one by one."""
    # Protected, and all there is.
    found = cdk.Stack.of(resource).resolve(resource._cfn_properties)
    return found if isinstance(found, Mapping) else {}
