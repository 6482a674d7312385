"""What a RegionSwitch refuses at synth, in one sentence that names the fix."""

from datetime import timedelta

import pytest
from aws_cdk import aws_route53 as route53

from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import new_stack, vpc_in
from tests.switched_regions import side, switch

LONDON = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/web/0123456789abcdef"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"green": side("eu-west-1", dns_name="two.example.net")}, "blue and green in eu-west-1: give two regions"),
        (
            {
                "blue": side("eu-west-1", dns_name="two.example.net"),
                "green": side("eu-central-1", dns_name="two.example.net"),
            },
            "has two.example.net on both sides",
        ),
        (
            {
                "blue": side("eu-west-1", health_host="a.example.com"),
                "green": side("eu-central-1", health_host="a.example.com"),
            },
            "has a.example.com on both sides",
        ),
        ({"blue": side("eu-west-1", health_host="Shop.example.com")}, "which either region answers"),
        ({"green": "eu-central-1"}, "has the green str: give RegionSide"),
        ({"name": "shop.example.org"}, "not in the zone example.com: give one that ends with .example.com"),
        ({"name": "shopexample.com"}, "not in the zone"),
        ({"name": "shop"}, "give a whole name"),
        ({"name": "*.example.com"}, "give a whole name"),
        ({"name": ""}, "give a whole name"),
        ({"name": f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com"}, "give a whole name"),
        ({"health_path": "ready"}, "start it with /"),
        ({"health_path": "/" + "x" * 255}, "at most 255 characters"),
        ({"protocol": "TCP"}, "give 'HTTPS' or 'HTTP'"),
        ({"port": 0}, "from 1 to 65535"),
        ({"port": True}, "from 1 to 65535"),
        ({"failures": 0}, "from 1 to 10"),
        ({"failures": 11}, "from 1 to 10"),
        ({"interval": timedelta(seconds=20)}, "give 10 s or 30 s"),
    ],
)
def test_a_switch_that_route_53_would_refuse(options: dict, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        switch(**options)
    sentence = str(refusal.value)
    assert said in sentence
    assert not sentence.endswith(".")
    assert "\n" not in sentence
    assert sentence.startswith("Dns/Shop ")


def test_a_private_zone_whose_records_no_health_checker_reaches() -> None:
    stack = new_stack("Dns")
    zone = route53.PrivateHostedZone(stack, "Private", zone_name="example.com", vpc=vpc_in(stack))
    with pytest.raises(ConfigurationError, match="give a public one"):
        switch(stack, zone=zone)


@pytest.mark.parametrize(
    ("region", "changes", "said"),
    [
        ("Ireland", {}, "give its name, such as 'eu-west-1'"),
        ("eu-west-1", {"dns_name": "https://shop.example.com"}, "without scheme"),
        ("eu-west-1", {"dns_name": ""}, "without scheme"),
        ("eu-west-1", {"health_host": "eu.example.com/ready"}, "RegionSide health_host"),
        ("eu-west-1", {"hosted_zone_id": "shop"}, "canonical hosted zone id"),
        ("eu-west-1", {"target_groups": []}, "ARN of the service's target group"),
        ("eu-west-1", {"target_groups": LONDON}, "give a list"),
        ("eu-west-1", {"target_groups": ["web"]}, "give the ARN of a target group"),
        ("eu-west-1", {"dns_name": "x-1.eu-west-2.elb.amazonaws.com"}, "in eu-west-2, and the side is in eu-west-1"),
        ("eu-west-1", {"dns_name": "x-1.elb.eu-west-2.amazonaws.com"}, "in eu-west-2, and the side is in eu-west-1"),
        ("eu-west-1", {"target_groups": [LONDON]}, "is in eu-west-2, and the side is in eu-west-1"),
    ],
)
def test_a_side_that_is_none(region: str, changes: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match="RegionSide ") as refusal:
        side(region, **changes)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["x-1.eu-west-1.elb.amazonaws.com", "x-1.elb.eu-west-1.amazonaws.com", "shop.example.com"]
)
def test_a_load_balancer_of_the_sides_region_or_a_name_that_says_none(name: str) -> None:
    assert side("eu-west-1", dns_name=name).dns_name == name
