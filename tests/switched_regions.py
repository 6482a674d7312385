"""Switches across regions to test: made with one call, changed by keyword."""

import aws_cdk as cdk
from aws_cdk import aws_route53 as route53
from aws_cdk.assertions import Template

from bluegreen_constructs import RegionSide, RegionSwitch
from tests.canary_service import new_stack

RECORDS, CHECK = "Custom::WeightedRecords", "AWS::Route53::HealthCheck"


def zone(stack: cdk.Stack, name: str = "example.com") -> route53.IHostedZone:
    return route53.HostedZone.from_hosted_zone_attributes(
        stack, f"Zone{name}", hosted_zone_id="Z0123456789ABCDEFGHIJ", zone_name=name
    )


def side(region: str, **changes: object) -> RegionSide:
    usual: dict[str, object] = {
        "dns_name": f"shop-1.{region}.elb.amazonaws.com",
        "hosted_zone_id": "Z32O12XQLNTSW2",
        "target_groups": [f"arn:aws:elasticloadbalancing:{region}:123456789012:targetgroup/web/0123456789abcdef"],
    }
    return RegionSide(region, **(usual | changes))  # type: ignore[arg-type]


def switch(stack: cdk.Stack | None = None, id: str = "Shop", **options: object) -> RegionSwitch:
    stack = stack or new_stack("Dns")
    usual: dict[str, object] = {
        "name": "shop.example.com",
        "blue": side("eu-west-1"),
        "green": side("eu-central-1"),
        "health_path": "/ready",
    }
    if "zone" not in options:
        usual["zone"] = stack.node.try_find_child("Zoneexample.com") or zone(stack)
    return RegionSwitch(stack, id, **(usual | options))  # type: ignore[arg-type]


def template(stack: cdk.Stack | None = None, **options: object) -> Template:
    return Template.from_stack(cdk.Stack.of(switch(stack, **options)))
