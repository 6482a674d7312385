"""Targets: what one side of a CanaryAlb consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Literal, TypeAlias

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_

from .engine.errors import ConfigurationError
from .engine.warm_pool import WarmPool

EcsService: TypeAlias = ecs.FargateService | ecs.Ec2Service
TargetSource: TypeAlias = (
    autoscaling.AutoScalingGroup
    | EcsService
    | ec2.IInstance
    | Sequence[ec2.IInstance]
    | Sequence[str]
    | lambda_.IFunction
    | elbv2.IApplicationTargetGroup
)
ProtocolVersion: TypeAlias = Literal["HTTP1", "HTTP2", "GRPC"]


class TargetKind(Enum):
    """What a side consists of, in words for a refusal."""

    AUTO_SCALING = "an Auto Scaling group"
    ECS = "an ECS service"
    INSTANCES = "EC2 instances"
    ADDRESSES = "IP addresses"
    FUNCTION = "a Lambda function"
    GROUP = "a target group"


_WITH_OWN_PORT = frozenset({TargetKind.AUTO_SCALING, TargetKind.INSTANCES, TargetKind.ADDRESSES})
_PORTLESS = frozenset({TargetKind.FUNCTION, TargetKind.GROUP})
_ACCEPTED = (
    "an AutoScalingGroup, a FargateService or Ec2Service, EC2 instances, a list of IP addresses, a Lambda function, or "
    "an ApplicationTargetGroup"
)


@dataclass(frozen=True)
class Targets:
    """One side: the compute that serves it. Make one with `Targets.of(...)` or `Targets.adopted(...)`.

    named, warm_pool: of an Auto Scaling group, whether its instances fetch a release by its name, and the pool that it
        has; an `Ec2BlueGreenFleet` sets them.
    """

    source: TargetSource
    port: int | None = None
    container: str | None = None
    protocol: ProtocolVersion = "HTTP1"
    tls: bool = False
    health_codes: str | None = None
    runs: autoscaling.AutoScalingGroup | EcsService | None = None
    is_adopted: bool = False
    outside_vpc: bool = False
    named: bool = False
    warm_pool: WarmPool | None = None

    def __post_init__(self) -> None:
        """Refuse what no target group can hold."""
        kind = self.kind
        self._check_list()
        if isinstance(self.source, Sequence) and not self.source:
            raise ConfigurationError("Targets has an empty list: give at least one instance or address")
        if kind is TargetKind.ADDRESSES:
            self._check_addresses()
        if kind in _WITH_OWN_PORT and self.port is None:
            raise ConfigurationError(f"Targets of {kind.value} has no port: give the one they listen on, as in port=80")
        if kind in _PORTLESS and self.port is not None:
            raise ConfigurationError(f"Targets of {kind.value} has port {self.port}: leave it out, it is known")
        if self.port is not None and not 1 <= self.port <= 65_535:
            raise ConfigurationError(f"Targets port is {self.port}: give a port between 1 and 65535")
        if self.runs is not None and kind is not TargetKind.GROUP:
            raise ConfigurationError(
                f"Targets of {kind.value} has runs=…: only a target group needs to be told what runs"
            )
        if self.container is not None and self.ecs_service is None:
            raise ConfigurationError(
                f"Targets of {kind.value} has container {self.container!r}: only an ECS service has containers"
            )
        self._check_protocol(kind)

    def _check_protocol(self, kind: TargetKind) -> None:
        if self.protocol not in ("HTTP1", "HTTP2", "GRPC"):
            raise ConfigurationError(f"Targets protocol is {self.protocol!r}: give 'HTTP1', 'HTTP2' or 'GRPC'")
        given = [
            name
            for name, is_given in (
                ("protocol", self.protocol != "HTTP1"),
                ("tls", self.tls),
                ("health_codes", self.health_codes is not None),
            )
            if is_given
        ]
        if given and kind in _PORTLESS:
            raise ConfigurationError(
                f"Targets of {kind.value} has {', '.join(given)}: leave it out, "
                + ("a function is invoked" if kind is TargetKind.FUNCTION else "the group says so itself")
            )

    def _check_list(self) -> None:
        source: object = self.source
        if isinstance(source, Sequence) and len({isinstance(one, str) for one in source}) > 1:
            raise ConfigurationError("Targets has a list of addresses and instances: give addresses or instances only")
        if self.outside_vpc and self.kind is not TargetKind.ADDRESSES:
            raise ConfigurationError(
                f"Targets of {self.kind.value} has outside_vpc: leave it out, only IP addresses may be outside the VPC"
            )

    def _check_addresses(self) -> None:
        for address in self.addresses:
            try:
                ip_address(address)
            except ValueError:
                raise ConfigurationError(
                    f"Targets has the address {address!r}: give IP addresses, such as '10.0.3.17'"
                ) from None
        if len({ip_address(address).version for address in self.addresses}) > 1:
            raise ConfigurationError(
                "Targets has IPv4 and IPv6 addresses: give one kind, a target group holds no other"
            )

    @staticmethod
    def of(
        source: TargetSource,
        *,
        port: int | None = None,
        container: str | None = None,
        protocol: ProtocolVersion = "HTTP1",
        tls: bool = False,
        health_codes: str | None = None,
        runs: autoscaling.AutoScalingGroup | EcsService | None = None,
        outside_vpc: bool = False,
    ) -> "Targets":
        """A side of its own.

        port, protocol, tls, and which VPC the side is in cannot change on a side that is live: each makes
        CloudFormation replace the target group, with nothing healthy in it. Change them on the side that is out of use
        (`bluegreen status` says which), start a rollout, and then change the other one; or make a second CanaryAlb.

        source: what serves the side.
            An Auto Scaling group or a plain ECS service (rolling deployments): the engine puts releases there, and
            matches its capacity. The template holds what it starts with: leave `desired_count` and update policies out,
            and call `auto_scale_task_count` before. A task definition or a launch template that you edit changes
            nothing that runs: the edit is shipped, and judged, with the side's next release (a new launch template
            version is a release itself). Each side needs one of its own. What remains: from an edit of the task
            definition until the side's next release, an edit of the ECS service itself (its network, its circuit
            breaker) deploys the edited task definition, with the first release's image, even on the live side; so
            edit one of the two, have a release promoted on both sides, and then edit the other. And an edit of the
            Auto Scaling group alone may set the default version that CloudFormation read last, which instances that
            are launched from then on would have; `bluegreen start` puts right the side that it deploys to only, so
            edit the launch template in the same deploy (its description will do), by which the default is read again.
            EC2 instances or IP addresses: you put the release there before `bluegreen start`; nothing is scaled.
            A Lambda function (a version or an alias): no health, no capacity.
            A ready target group: as it is.
        port: where the targets listen (default: of an ECS service its container's port).
        container: which container of the service serves, and runs the release (default: the essential one).
        protocol: "HTTP1" (default), "HTTP2" or "GRPC"; the last two need an HTTPS listener.
        tls: whether the targets speak HTTPS (default False); the load balancer does not look at their certificates.
        health_codes: answers of a healthy target (default "200"; with gRPC status "0").
        runs: of a ready target group, what runs behind it, if the engine is to put releases there (default: nothing is
            known, and nothing is scaled).
        outside_vpc: whether the addresses are outside the VPC, reached by peering, a gateway or Direct Connect
            (default False).

        Raises ConfigurationError for combinations that no target group can hold.
        """
        return Targets(source, port, container, protocol, tls, health_codes, runs, outside_vpc=outside_vpc)

    @staticmethod
    def adopted(
        group: elbv2.IApplicationTargetGroup,
        *,
        container: str | None = None,
        runs: autoscaling.AutoScalingGroup | EcsService | None = None,
    ) -> "Targets":
        """The target group that the listener's default action forwards to now: it is live from the start.

        A rule for all paths is made in front of the default action, with all traffic to this group, so that no request
        meets anything else. The default action is left alone: make it a fixed 404 when the rule has proved itself.
        """
        return Targets(group, container=container, runs=runs, is_adopted=True)

    @property
    def kind(self) -> TargetKind:
        """What the source is; raises ConfigurationError for anything that an ALB cannot target."""
        source: object = self.source
        if isinstance(source, autoscaling.AutoScalingGroup):
            return TargetKind.AUTO_SCALING
        if isinstance(source, ecs.FargateService | ecs.Ec2Service):
            return TargetKind.ECS
        if isinstance(source, Sequence) and not isinstance(source, str):
            is_text = all(isinstance(one, str) for one in source)
            return TargetKind.ADDRESSES if is_text else TargetKind.INSTANCES
        # What is imported is known by its shape alone.
        for attribute, kind in (
            ("target_group_arn", TargetKind.GROUP),
            ("function_arn", TargetKind.FUNCTION),
            ("instance_id", TargetKind.INSTANCES),
        ):
            if hasattr(source, attribute):
                return kind
        raise ConfigurationError(f"Targets is of {type(source).__name__}: give {_ACCEPTED}")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses; empty for another kind."""
        return tuple(one for one in self._members() if isinstance(one, str))

    @property
    def instances(self) -> tuple[ec2.IInstance, ...]:
        """The instances; empty for another kind."""
        return tuple(one for one in self._members() if not isinstance(one, str))

    @property
    def auto_scaling_group(self) -> autoscaling.AutoScalingGroup | None:
        """The Auto Scaling group that runs the side."""
        found = self.runs or self.source
        return found if isinstance(found, autoscaling.AutoScalingGroup) else None

    @property
    def ecs_service(self) -> EcsService | None:
        """The ECS service that runs the side."""
        found = self.runs or self.source
        return found if isinstance(found, ecs.FargateService | ecs.Ec2Service) else None

    def _members(self) -> Sequence[ec2.IInstance | str]:
        source: object = self.source
        if self.kind not in (TargetKind.INSTANCES, TargetKind.ADDRESSES):
            return ()
        if isinstance(source, Sequence):
            return source
        return (source,)  # type: ignore[return-value] # its kind says that it is one instance
