"""Ingress: how requests reach a service."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words
from .traffic_rule import TrafficRule

if TYPE_CHECKING:  # each CDK module takes its time to load, and few services give these
    from aws_cdk import aws_certificatemanager as acm
    from aws_cdk import aws_s3 as s3

_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+", re.IGNORECASE)
_UNKNOWN = "${Token["  # a value that is known at deploy
LONGEST_DRAIN = timedelta(seconds=3600)
LONGEST_GRACE = timedelta(hours=1)
GRACE_OF_TASKS = timedelta(seconds=60)
GRACE_OF_INSTANCES = timedelta(minutes=5)


@dataclass(frozen=True)
class ServiceRules:
    """The two rules of a service, made elsewhere: in the stack that owns the listener and both target groups.

    Raises ConfigurationError unless both rules forward to the same blue and the same green target group.
    """

    production: TrafficRule
    test: TrafficRule

    def __post_init__(self) -> None:
        """Refuse rules of two different services, or two that could not tell test traffic from production's."""
        same_listener = self.production.listener.listener_arn == self.test.listener.listener_arn
        if self.production is self.test or (same_listener and self.test.priority >= self.production.priority):
            raise ConfigurationError(
                f"ServiceRules has the test rule {self.test.node.path} at priority {self.test.priority} and production "
                f"at {self.production.priority}: give the test rule a lower number, or its condition is never looked at"
            )
        for side, one, other in (
            ("blue", self.production.blue, self.test.blue),
            ("green", self.production.green, self.test.green),
        ):
            if one is not other:
                raise ConfigurationError(
                    f"ServiceRules has {self.production.node.path} and {self.test.node.path} with different {side} "
                    "target groups: make both rules with the same two groups"
                )


@dataclass(frozen=True)
class Ingress:
    """How requests reach the service: a load balancer of its own, or a rule on a listener that exists.

    certificate: for HTTPS on port 443, with a redirect from port 80. Without one the load balancer speaks plain
        HTTP, which an internet-facing one does only with `plain_http=True`.
    host: the host name to answer (default: every host); its DNS record is yours to make.
    paths: path patterns to answer (default: all). Together with `host` at most 5 values, ELB's limit for a rule.
    health_path: what the load balancer asks each task; answer 200 only when the task can serve (a loaded model). A
        change of it holds for the live side at once: let the live release answer both paths first.
    grace: how long a new task may fail that check while it starts, such as to load its model (default 60 s, at most
        an hour). When it ends, Amazon ECS stops a task that fails it, and a release that is never ready goes back. An
        instance of an `Ec2BlueGreenFleet` boots in it as well (default 5 minutes), and is replaced when it ends; under
        CodeDeploy none is, and a `grace` is refused.
    load_balancer: make the listeners on this load balancer instead of one of its own.
    listener, priority: use this listener and this rule priority instead of a load balancer of its own; the test
        rule takes the priority before it. The listener's default action is left alone.
    rules: use these two rules, made in the stack that owns the listener, instead of making rules here.
    internet_facing: whether the load balancer is reachable from the internet (default True), also a given one.
    plain_http: accepts unencrypted traffic; of a given listener it says that it speaks HTTP (default: HTTPS).
    sources: IPv4 CIDRs that may connect (default: everybody for an internet-facing one, else the VPC).
    access_logs: a bucket for the load balancer's access logs (default: none).
    drain: how long requests in flight on a leaving target may go on (default 30 s). When it ends, they and their
        streams are cut.
    longest_stream: the longest answer that users expect to get whole, such as a model's streamed text (default: not
        said); one that takes longer than `drain` is refused, every rollout would cut it.
    dual_stack: whether the load balancer answers IPv6 as well (default False); the VPC must have IPv6 addresses.
    web_acl_arn: a web ACL of AWS WAF in this region, which guards the load balancer (default: none).

    Raises ConfigurationError for combinations that contradict each other.
    """

    certificate: "acm.ICertificate | None" = None
    host: str | None = None
    paths: tuple[str, ...] = ()
    health_path: str = "/"
    load_balancer: elbv2.IApplicationLoadBalancer | None = None
    listener: elbv2.IApplicationListener | None = None
    priority: int | None = None
    rules: ServiceRules | None = None
    internet_facing: bool = True
    plain_http: bool = False
    sources: tuple[str, ...] = ()
    access_logs: "s3.IBucket | None" = None
    drain: Span = timedelta(seconds=30)
    grace: Span | None = None
    dual_stack: bool = False
    web_acl_arn: str | None = None
    longest_stream: Span | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        self._check_listener()
        if self.host is not None and _UNKNOWN not in self.host and not _HOST.fullmatch(self.host):
            raise ConfigurationError(
                f"Ingress host is {self.host!r}: give a name without scheme, port or path, such as 'api.example.com'"
            )
        for path in (self.health_path, *self.paths):
            if not path.startswith(("/", _UNKNOWN)):
                raise ConfigurationError(f"Ingress path is {path!r}: start it with /, such as '/ready'")
        if len(self.paths) + (self.host is not None) > 4:
            raise ConfigurationError(
                f"Ingress has {len(self.paths)} paths{' and a host' if self.host else ''}: a rule takes 5 condition "
                "values and the test rule needs one for its header, so give at most 4"
            )
        drain = as_timedelta(self.drain, "Ingress drain")
        if drain > LONGEST_DRAIN:
            raise ConfigurationError(f"Ingress drain is {drain}: a target group allows at most 3600 s")
        object.__setattr__(self, "drain", drain)
        longest = timedelta() if self.longest_stream is None else as_timedelta(self.longest_stream, "longest_stream")
        if longest > drain:
            raise ConfigurationError(
                f"Ingress longest_stream is {in_words(longest)} and drain {in_words(drain)}: a rollout would cut the "
                f"streams that take longer than drain, give drain={in_words(longest)} or more (at most 1 h)"
            )
        grace = None if self.grace is None else as_timedelta(self.grace, "Ingress grace")
        if grace is not None and grace > LONGEST_GRACE:
            raise ConfigurationError(
                f"Ingress grace is {in_words(grace)}: give at most 1 h, what is not ready by then will not be"
            )
        object.__setattr__(self, "grace", grace)

    def _check_listener(self) -> None:
        place = next((name for name in ("rules", "listener", "load_balancer") if getattr(self, name) is not None), None)
        if place is not None and (self.dual_stack or self.web_acl_arn is not None):
            raise ConfigurationError(
                f"Ingress has {place} together with dual_stack or web_acl_arn: set them where the load balancer is made"
            )
        if self.rules is not None:
            given = [
                name
                for name in ("certificate", "load_balancer", "listener", "priority", "access_logs")
                if getattr(self, name)
            ]
            given += [name for name in ("paths", "sources") if getattr(self, name)]
            if given:
                raise ConfigurationError(
                    f"Ingress has rules together with {', '.join(given)}: those belong to the stack that made the "
                    "rules, leave them out"
                )
            return
        if self.load_balancer is not None and self.access_logs is not None:
            raise ConfigurationError(
                "Ingress has a load_balancer together with access_logs: turn them on where the load balancer is made"
            )
        if self.listener is None:
            if self.priority is not None:
                raise ConfigurationError(
                    f"Ingress has priority {self.priority} without listener: give the listener that the rule belongs to"
                )
            if self.internet_facing and self.certificate is None and not self.plain_http:
                raise ConfigurationError(
                    "Ingress is internet-facing without a certificate: give certificate=, or internet_facing=False, "
                    "or accept unencrypted traffic with plain_http=True"
                )
            return
        if self.priority is None:
            raise ConfigurationError(
                "Ingress has a listener without priority: give the rule's priority, between 2 and 50000; "
                "the test rule takes the one before it"
            )
        if not 2 <= self.priority <= 50000:
            raise ConfigurationError(
                f"Ingress priority is {self.priority}: give one between 2 and 50000, the test rule takes the one before"
            )
        if (
            self.certificate is not None
            or self.load_balancer is not None
            or self.access_logs is not None
            or self.sources
        ):
            raise ConfigurationError(
                "Ingress has a listener together with certificate, load_balancer, access_logs or sources: those belong "
                "to the listener's owner, leave them out"
            )

    @property
    def grace_seconds(self) -> int:
        """The start-up grace in seconds, of a task where none was given."""
        grace = GRACE_OF_TASKS if self.grace is None else as_timedelta(self.grace, "Ingress grace")
        return round(grace.total_seconds())

    def for_instances(self) -> "Ingress":
        """The same with the grace of instances, where none was given."""
        return replace(self, grace=GRACE_OF_INSTANCES) if self.grace is None else self

    @property
    def drain_seconds(self) -> int:
        """The drain time in seconds."""
        return round(as_timedelta(self.drain, "Ingress drain").total_seconds())
