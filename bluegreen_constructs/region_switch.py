"""RegionSwitch: a service in two regions behind one name; an operator moves the answers of Route 53 between them."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from constructs import Construct

from .engine.aws.route53_records import IAM_ACTIONS
from .engine.errors import ConfigurationError
from .engine.record_mark import mark_name
from .engine.region_settings import REGIONS_PREFIX, RegionPlace, RegionSettings, region_settings_to_dict
from .engine.spans import Span, as_timedelta
from .engine.target_settings import Side
from .engine_function import EngineFunction
from .region_side import RegionSide, refuse_sides
from .target_name import target_name

# As of a TrafficRule: everything the handler may do ends before CloudFormation gives up on it.
_SERVICE_TIMEOUT_S = 300
_EVENT_AGE_S = 120
_HANDLER_TIMEOUT_S = 150

_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{1,63}")
# A name has 255 characters, and the mark's has one label more.
_LONGEST_NAME = 240
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
_LONGEST_PATH = 255
_INTERVALS = (10, 30)
_MOST_FAILURES = 10
_PORTS = {"HTTPS": 443, "HTTP": 80}


class RegionSwitch(Construct):
    """A name that Route 53 answers with one of two regions, by weights that only an operator moves.

    For the move of a service from one region to another, or from one cluster to another where one load balancer does
    not reach both. `bluegreen regions shift STACK/ID PERCENT` gives the region that is not live a share, `promote`
    calls it live, and `abort` gives everything back. Nothing judges the shares but people, and no way back is felt at
    once: Route 53's name servers take up to a minute, resolvers keep an answer for another, clients for as long as they
    like.

    No stack update writes other weights: the records are made by a custom resource, all weight on blue, and its
    template knows none. Later updates write back the weights that they read, and one that gives a side with traffic
    another load balancer is refused. But Route 53's health checks are the template's. They ask each load balancer for
    `health_path`, and a region that fails is not answered: then the other one is, also with a weight of 0. So a path
    that live does not have yet moves everything.

    zone: the public hosted zone, of this account.
    name: the records', within the zone, such as 'shop.example.com'; nothing else may answer for it.
    blue, green: the sides, in two regions; blue is live at the beginning.
    health_path: what is asked of each side; below 400 is healthy (default '/').
    protocol: how, 'HTTPS' (the default; the load balancer has to speak TLS 1.0, 1.1 or 1.2) or 'HTTP'; certificates are
        not looked at. port: default 443 or 80.
    failures: how many failures in a row, as each checker counts them, make it unhealthy, 1 to 10 (default 3).
    interval: between two requests of a checker, 30 s (default) or 10 s, which costs more.

    Raises ConfigurationError at synth for what Route 53 would refuse later, or nobody.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        zone: route53.IHostedZone,
        name: str,
        blue: RegionSide,
        green: RegionSide,
        health_path: str = "/",
        protocol: Literal["HTTPS", "HTTP"] = "HTTPS",
        port: int | None = None,
        failures: int = 3,
        interval: Span = timedelta(seconds=30),
    ) -> None:
        """Make the health checks, the records, and the parameter by which the command line finds them."""
        super().__init__(scope, id)
        self.target = target_name(self)
        path = self.node.path
        self.name = _name(path, zone, name)
        refuse_sides(path, blue, green, self.name)
        _refuse_zone(path, zone)
        self._probe = _Probe(path, health_path, protocol, port, failures, interval)
        self.blue_check = self._health_check("Blue", blue)
        self.green_check = self._health_check("Green", green)
        handler = self._handler(zone)
        self.resource = cdk.CfnResource(
            self,
            "Records",
            type="Custom::WeightedRecords",
            properties={
                "ServiceToken": handler.arn,
                "ServiceTimeout": _SERVICE_TIMEOUT_S,
                # Only named, so that the records wait for what limits the handler's events.
                "EventLimits": _event_limits(handler),
                "HostedZoneId": zone.hosted_zone_id,
                "RecordName": self.name,
                "Blue": _alias(blue, self.blue_check),
                "Green": _alias(green, self.green_check),
                # CloudFormation changes a check in place: by these the records are looked at again, too.
                "HealthCheck": self._probe.said,
            },
        )
        shown = "" if self._probe.own_port == _PORTS[protocol] else f":{self._probe.own_port}"
        self.url = f"{protocol.lower()}://{self.name}{shown}"
        self._settings(zone, blue, green)
        cdk.CfnOutput(self, "Target", value=self.target, description="the name for the bluegreen command")
        cdk.CfnOutput(self, "Url", value=self.url, description="where users reach the service")

    def _health_check(self, name: str, side: RegionSide) -> route53.CfnHealthCheck:
        """One that asks the side's own name: by that of the records it would ask whichever side is answered.

        The name is sent as Host, and in the TLS greeting: to one that no certificate is for, an Application Load
        Balancer shows its default one, and Route 53 does not look whose it is.
        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-weighted-alias.html
        https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
        """
        config = self._probe.of(side.checked_host)
        tag = route53.CfnHealthCheck.HealthCheckTagProperty(key="Name", value=f"{self.target} {side.region}"[:256])
        return route53.CfnHealthCheck(self, f"{name}Check", health_check_config=config, health_check_tags=[tag])

    def _handler(self, zone: route53.IHostedZone) -> EngineFunction:
        """A function of this switch alone: one for several could lose the right to a switch before it deletes it.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
        """
        handler = EngineFunction(
            self,
            "Handler",
            handler="engine.handlers.weighted_records.handler",
            description=f"Creates, changes and deletes the records of {self.target}; never moves their weights"[:256],
            timeout_seconds=_HANDLER_TIMEOUT_S,
        )
        handler.allow("ReadRecords", _actions_on("zone"), [zone.hosted_zone_arn])
        handler.allow(
            "ChangeOwnRecords",
            _actions_on("own records"),
            [zone.hosted_zone_arn],
            {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [self.name, mark_name(self.name)],
                    "route53:ChangeResourceRecordSetsRecordTypes": ["A", "TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                }
            },
        )
        return handler

    def _settings(self, zone: route53.IHostedZone, blue: RegionSide, green: RegionSide) -> None:
        places: dict[Side, RegionPlace] = {
            "blue": RegionPlace(blue.region, tuple(blue.target_groups)),
            "green": RegionPlace(green.region, tuple(green.target_groups)),
        }
        settings = RegionSettings(self.target, zone.hosted_zone_id, self.name, places)
        cdk.CfnResource(
            self,
            "Settings",
            type="AWS::SSM::Parameter",
            properties={
                "Name": REGIONS_PREFIX + self.target,
                "Type": "String",
                "Tier": "Intelligent-Tiering",
                "Description": f"Where the regions of {self.target} are; written by its stack",
                # Tokens in it stand for ids and ARNs, which JSON takes as they are.
                "Value": json.dumps(region_settings_to_dict(settings), separators=(",", ":")),
            },
        )


def _event_limits(handler: EngineFunction) -> str:
    limits = lambda_.CfnEventInvokeConfig(
        handler,
        "Events",
        function_name=handler.resource.ref,
        qualifier="$LATEST",
        maximum_event_age_in_seconds=_EVENT_AGE_S,
        maximum_retry_attempts=2,
    )
    return limits.ref


def _actions_on(kind: str) -> list[str]:
    return [action for action, kinds in IAM_ACTIONS.items() if kind in kinds]


def _alias(side: RegionSide, check: route53.CfnHealthCheck) -> dict[str, str]:
    return {"DnsName": side.dns_name, "ZoneId": side.hosted_zone_id, "HealthCheckId": check.attr_health_check_id}


def _name(path: str, zone: route53.IHostedZone, name: str) -> str:
    """The name in small letters and without a last dot."""
    plain = "" if cdk.Token.is_unresolved(name) else name.rstrip(".").lower()
    if not _NAME.fullmatch(plain) or len(plain) > _LONGEST_NAME:
        raise ConfigurationError(
            f"{path} has the name {name!r}: give a whole name of letters, digits and hyphens, such as "
            "'shop.example.com'"
        )
    zone_name = zone.zone_name
    if not cdk.Token.is_unresolved(zone_name):
        apex = zone_name.rstrip(".").lower()
        if plain != apex and not plain.endswith(f".{apex}"):
            raise ConfigurationError(
                f"{path} has the name {name!r}, which is not in the zone {apex}: give one that ends with .{apex}"
            )
    return plain


def _refuse_zone(path: str, zone: route53.IHostedZone) -> None:
    if isinstance(zone, route53.PrivateHostedZone):
        raise ConfigurationError(
            f"{path} has the private zone {zone.node.path}: give a public one, as Route 53's health checkers reach "
            "only what is on the internet"
        )


@dataclass(frozen=True)
class _Probe:
    """What both sides' health checkers ask, and how; `where` names the construct in refusals."""

    where: str
    path: str
    protocol: str
    port: int | None
    failures: int
    interval: Span

    def __post_init__(self) -> None:
        """Refuse what Route 53 would refuse."""
        if self.protocol not in _PORTS:
            raise ConfigurationError(f"{self.where} has the protocol {self.protocol!r}: give 'HTTPS' or 'HTTP'")
        if not self.path.startswith("/") or len(self.path) > _LONGEST_PATH:
            raise ConfigurationError(
                f"{self.where} has the health_path {self.path!r}: start it with /, such as '/ready', and give at most "
                f"{_LONGEST_PATH} characters"
            )
        if not (self.port is None or _is_whole(self.port, 1, 65_535)):
            raise ConfigurationError(f"{self.where} has the port {self.port!r}: give a whole number from 1 to 65535")
        if not _is_whole(self.failures, 1, _MOST_FAILURES):
            raise ConfigurationError(
                f"{self.where} has failures {self.failures!r}: give a whole number from 1 to {_MOST_FAILURES}"
            )
        if self._seconds not in _INTERVALS:
            raise ConfigurationError(
                f"{self.where} has an interval of {self._seconds:g} s: give 10 s or 30 s, Route 53 knows no other"
            )

    @property
    def _seconds(self) -> float:
        return as_timedelta(self.interval, f"{self.where} interval").total_seconds()

    @property
    def own_port(self) -> int:
        """The port, also if none was given."""
        return _PORTS[self.protocol] if self.port is None else self.port

    @property
    def said(self) -> dict[str, str]:
        """The settings as texts, which change when any of them does."""
        return {
            "Path": self.path,
            "Protocol": self.protocol,
            "Port": str(self.own_port),
            "Failures": str(self.failures),
            "Interval": f"{self._seconds:g}",
        }

    def of(self, host: str) -> route53.CfnHealthCheck.HealthCheckConfigProperty:
        """The health check of a host."""
        return route53.CfnHealthCheck.HealthCheckConfigProperty(
            type=self.protocol,
            fully_qualified_domain_name=host,
            port=self.own_port,
            resource_path=self.path,
            enable_sni=True if self.protocol == "HTTPS" else None,
            failure_threshold=self.failures,
            request_interval=int(self._seconds),
        )


def _is_whole(given: object, least: int, most: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and least <= given <= most
