"""RegionSide: one side of a RegionSwitch, a load balancer in a region; and what is refused of two of them."""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import aws_cdk as cdk

from .engine.errors import ConfigurationError

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+\.?", re.IGNORECASE)
_ZONE = re.compile(r"Z[A-Z0-9]{1,31}")
# Those of an Application Load Balancer and of a Network Load Balancer.
_REGION_OF_NAME = re.compile(r".+\.(?:([a-z0-9-]+)\.elb|elb\.([a-z0-9-]+))\.amazonaws\.com(\.cn)?\.?", re.IGNORECASE)
_GROUP = re.compile(r"arn:[^:\s]+:elasticloadbalancing:([^:\s]+):\d+:targetgroup/\S+")


@dataclass(frozen=True)
class RegionSide:
    """One side: an internet-facing load balancer of this account, in a region.

    region: where it is, such as 'eu-west-1'; of the other side another one.
    dns_name, hosted_zone_id: the load balancer's, as its stack knows them (`load_balancer_dns_name`,
        `load_balancer_canonical_hosted_zone_id`) and `aws elbv2 describe-load-balancers` shows them.
    target_groups: ARNs of the target group of the service; of a service that alternates between two of them, both. The
        healthy targets of the fullest one say how much the region can carry.
    health_host: the name that Route 53's health checkers ask, and which the load balancer has to answer; it must lead
        to this load balancer alone (default: the load balancer's own DNS name).

    Raises ConfigurationError for what Route 53 would refuse, or nobody.
    """

    region: str
    _: KW_ONLY
    dns_name: str
    hosted_zone_id: str
    target_groups: Sequence[str]
    health_host: str = ""

    def __post_init__(self) -> None:
        """Refuse what is known to be wrong; a token is known only at deployment."""
        if cdk.Token.is_unresolved(self.region) or not _REGION.fullmatch(self.region):
            raise ConfigurationError(
                f"RegionSide region is {self.region!r}: give its name, such as 'eu-west-1' (a stack knows its own when "
                "it has an env with it)"
            )
        for what, given in (("dns_name", self.dns_name), ("health_host", self.health_host)):
            if not _fits(_HOST, given) and not (what == "health_host" and not given):
                raise ConfigurationError(
                    f"RegionSide {what} is {given!r}: give a name without scheme, port or path, such as "
                    "'shop-1234567890.eu-west-1.elb.amazonaws.com'"
                )
        if not _fits(_ZONE, self.hosted_zone_id):
            raise ConfigurationError(
                f"RegionSide hosted_zone_id is {self.hosted_zone_id!r}: give the load balancer's canonical hosted zone "
                "id, such as 'Z32O12XQLNTSW2'"
            )
        if isinstance(self.target_groups, str) or not self.target_groups:
            raise ConfigurationError(
                f"RegionSide target_groups is {self.target_groups!r}: give a list with the ARN of the service's target "
                "group, or with both if it alternates"
            )
        for arn in self.target_groups:
            self._refuse_group(arn)

        self._refuse_elsewhere()

    @property
    def checked_host(self) -> str:
        """The name that the health checkers ask."""
        return self.health_host or self.dns_name

    def _refuse_elsewhere(self) -> None:
        """Refuse a load balancer whose name says another region: its targets would be asked about in the wrong one."""
        found = None if cdk.Token.is_unresolved(self.dns_name) else _REGION_OF_NAME.fullmatch(self.dns_name)
        there = (found[1] or found[2]).lower() if found else self.region
        if there != self.region:
            raise ConfigurationError(
                f"RegionSide dns_name is {self.dns_name!r}, which is in {there}, and the side is in {self.region}: "
                "give the load balancer there"
            )

    def _refuse_group(self, arn: str) -> None:
        if cdk.Token.is_unresolved(arn):
            return
        found = _GROUP.fullmatch(arn)
        if found is None:
            raise ConfigurationError(f"RegionSide target_groups names {arn!r}: give the ARN of a target group")
        if found[1] != self.region and not cdk.Token.is_unresolved(found[1]):
            raise ConfigurationError(
                f"RegionSide target_groups names {arn}, which is in {found[1]}, and the side is in {self.region}: give "
                "the target group of the service there"
            )


def refuse_sides(path: str, blue: RegionSide, green: RegionSide, name: str) -> None:
    """Raise ConfigurationError for two sides that are one, or are asked about by the name of both."""
    for what, side in (("blue", blue), ("green", green)):
        if not isinstance(side, RegionSide):
            raise ConfigurationError(f"{path} has the {what} {type(side).__name__}: give RegionSide(region, …)")
    if blue.region == green.region:
        raise ConfigurationError(
            f"{path} has blue and green in {blue.region}: give two regions, and use a ClusterSwitch or a CanaryAlb "
            "inside one, which goes back in seconds"
        )
    for what in ("dns_name", "checked_host"):
        if getattr(blue, what) == getattr(green, what):
            raise ConfigurationError(
                f"{path} has {getattr(blue, what)} on both sides: give each side its own load balancer and health_host"
            )
    for side in (blue, green):
        if side.checked_host.rstrip(".").lower() == name:
            raise ConfigurationError(
                f"{path} asks {name} about the health of {side.region}, which either region answers: give a "
                "health_host that leads to that region alone, or none"
            )


def _fits(pattern: re.Pattern[str], given: str) -> bool:
    return cdk.Token.is_unresolved(given) or bool(pattern.fullmatch(given))
