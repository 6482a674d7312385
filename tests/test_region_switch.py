"""RegionSwitch: what it makes for two regions, and that no template knows who is answered."""

import json
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk.assertions import Template

from bluegreen_constructs import RegionSide
from bluegreen_constructs.engine.cloudformation import PUT_SECONDS
from bluegreen_constructs.engine.record_settings import settings_of
from bluegreen_constructs.engine.region_settings import region_settings_from_json
from bluegreen_constructs.region_switch import _EVENT_AGE_S, _HANDLER_TIMEOUT_S, _SERVICE_TIMEOUT_S
from tests.canary_service import flat, new_stack, resources, vpc_in
from tests.switched_regions import CHECK, RECORDS, side, switch, template, zone


@cache
def plain() -> Template:
    return template()


def records(of: Template) -> dict:
    (one,) = resources(of, RECORDS).values()
    return one["Properties"]


def checks(of: Template) -> dict[str, dict]:
    """The configurations of the health checks by the host that they ask."""
    found = [one["Properties"]["HealthCheckConfig"] for one in resources(of, CHECK).values()]
    return {flat(one["FullyQualifiedDomainName"]): one for one in found}


class TestInvariants:
    def test_no_template_knows_a_weight_or_which_side_is_live(self) -> None:
        text = json.dumps(plain().to_json())
        for what in ('Weight"', "AWS::Route53::RecordSet", "live", "fence"):
            assert what not in text

    def test_the_template_is_the_same_at_each_synth(self) -> None:
        assert template().to_json() == plain().to_json()

    def test_the_handler_understands_what_is_wanted_of_it(self) -> None:
        wanted = settings_of(
            {**records(plain()), **{name: resolved(records(plain())[name]) for name in ("Blue", "Green")}}
        )
        assert wanted.place == ("Z0123456789ABCDEFGHIJ", "shop.example.com")
        assert wanted.targets["blue"].dns_name == "shop-1.eu-west-1.elb.amazonaws.com"
        assert wanted.targets["green"].zone_id == "Z32O12XQLNTSW2"


def resolved(properties: dict) -> dict:
    return {key: flat(value) for key, value in properties.items()}


class TestHealthChecks:
    def test_each_side_is_asked_by_its_own_load_balancers_name(self) -> None:
        """Asked by the records' name, a check would find whichever side is answered."""
        assert set(checks(plain())) == {
            f"shop-1.{region}.elb.amazonaws.com" for region in ("eu-west-1", "eu-central-1")
        }

    def test_are_https_with_the_name_in_the_greeting(self) -> None:
        for one in checks(plain()).values():
            assert {key: one[key] for key in ("Type", "Port", "EnableSNI", "ResourcePath")} == {
                "Type": "HTTPS",
                "Port": 443,
                "EnableSNI": True,
                "ResourcePath": "/ready",
            }
            assert (one["FailureThreshold"], one["RequestInterval"]) == (3, 30)

    def test_may_be_http_sooner_and_by_another_name(self) -> None:
        found = checks(
            template(
                protocol="HTTP",
                port=8080,
                failures=1,
                interval=cdk.Duration.seconds(10),
                blue=side("eu-west-1", health_host="eu.shop.example.com"),
            )
        )
        one = found["eu.shop.example.com"]
        assert (one["Type"], one["Port"], one["FailureThreshold"], one["RequestInterval"]) == ("HTTP", 8080, 1, 10)
        assert "EnableSNI" not in one

    @pytest.mark.parametrize(
        "change", [{"health_path": "/"}, {"failures": 5}, {"port": 8443}, {"protocol": "HTTP"}, {"interval": 10}]
    )
    def test_a_changed_setting_reaches_the_records_as_well(self, change: dict) -> None:
        """A check keeps its id then, and records that are missing are made anew only by an update."""
        if "interval" in change:
            change = {"interval": cdk.Duration.seconds(change["interval"])}
        changed = records(template(**change))
        assert changed["HealthCheck"] != records(plain())["HealthCheck"]
        assert [changed[name] for name in ("Blue", "Green")] == [records(plain())[name] for name in ("Blue", "Green")]

    def test_each_record_is_answered_by_the_check_of_its_own_side(self) -> None:
        named = {side: flat(records(plain())[side]["HealthCheckId"]) for side in ("Blue", "Green")}
        for name, check in resources(plain(), CHECK).items():
            host = flat(check["Properties"]["HealthCheckConfig"]["FullyQualifiedDomainName"])
            of = "Blue" if "eu-west-1" in host else "Green"
            assert named[of] == f"<{name}.HealthCheckId>"
            assert flat(records(plain())[of]["DnsName"]) == host


class TestHandler:
    def test_may_change_only_this_name_and_its_mark(self) -> None:
        (role,) = resources(plain(), "AWS::IAM::Role").values()
        statements = {one["Sid"]: one for one in role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]}
        changes, reads = statements["ChangeOwnRecords"], statements["ReadRecords"]
        assert changes["Action"] == ["route53:ChangeResourceRecordSets"]
        assert reads["Action"] == ["route53:ListResourceRecordSets"]
        for one in (changes, reads):
            (arn,) = one["Resource"]
            assert flat(arn).endswith(":route53:::hostedzone/Z0123456789ABCDEFGHIJ")
        assert changes["Condition"] == {
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                    "shop.example.com",
                    "_bluegreen.shop.example.com",
                ],
                "route53:ChangeResourceRecordSetsRecordTypes": ["A", "TXT"],
                "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
            }
        }

    def test_each_switch_has_one_of_its_own_which_goes_after_its_records(self) -> None:
        """One for both could lose its right to a name in the update that takes the switch away, before it deletes."""
        stack = new_stack("Dns")
        switch(stack)
        found = template(stack, id="Api", name="api.example.com")
        tokens = {flat(one["Properties"]["ServiceToken"]) for one in resources(found, RECORDS).values()}
        assert len(tokens) == 2

    def test_everything_it_may_do_ends_before_cloudformation_gives_up(self) -> None:
        (events,) = resources(plain(), "AWS::Lambda::EventInvokeConfig").values()
        assert events["Properties"]["MaximumEventAgeInSeconds"] == _EVENT_AGE_S
        assert _EVENT_AGE_S + _HANDLER_TIMEOUT_S + PUT_SECONDS < _SERVICE_TIMEOUT_S
        assert "EventLimits" in records(plain())


class TestSettings:
    def test_the_command_line_finds_zone_name_regions_and_target_groups(self) -> None:
        (parameter,) = resources(plain(), "AWS::SSM::Parameter").values()
        assert parameter["Properties"]["Name"] == "/bluegreen/regions/Dns/Shop"
        settings = region_settings_from_json(flat(parameter["Properties"]["Value"]), "the parameter")
        assert (settings.target, settings.zone_id, settings.name) == (
            "Dns/Shop",
            "Z0123456789ABCDEFGHIJ",
            "shop.example.com",
        )
        assert settings.region("green") == "eu-central-1"
        assert settings.places["blue"].group_arns == tuple(side("eu-west-1").target_groups)

    def test_target_and_url_are_outputs(self) -> None:
        values = [one["Value"] for one in plain().to_json()["Outputs"].values()]
        assert sorted(values) == ["Dns/Shop", "https://shop.example.com"]

    def test_the_url_says_a_port_that_is_not_usual(self) -> None:
        assert switch(protocol="HTTP", port=8080).url == "http://shop.example.com:8080"
        assert switch(port=443).url == "https://shop.example.com"


class TestSides:
    def test_may_come_from_stacks_of_other_regions(self) -> None:
        app = cdk.App()

        def service(name: str, region: str) -> RegionSide:
            env = cdk.Environment(account="123456789012", region=region)
            stack = cdk.Stack(app, name, env=env, cross_region_references=True)
            vpc = vpc_in(stack)
            balancer = elbv2.ApplicationLoadBalancer(stack, "Alb", vpc=vpc, internet_facing=True)
            group = elbv2.ApplicationTargetGroup(stack, "Web", vpc=vpc, port=80, target_type=elbv2.TargetType.IP)
            return RegionSide(
                region,
                dns_name=balancer.load_balancer_dns_name,
                hosted_zone_id=balancer.load_balancer_canonical_hosted_zone_id,
                target_groups=[group.target_group_arn],
            )

        env = cdk.Environment(account="123456789012", region="us-east-1")
        home = cdk.Stack(app, "Dns", env=env, cross_region_references=True)
        made = switch(home, blue=service("Blue", "eu-west-1"), green=service("Green", "eu-central-1"))
        assert len(checks(Template.from_stack(home))) == 2
        assert made.target == "Dns/Shop"

    @pytest.mark.parametrize(
        ("given", "stands_for"),
        [
            ("Shop.Example.com.", "shop.example.com"),
            ("example.com", "example.com"),
            ("a.b.example.com", "a.b.example.com"),
        ],
    )
    def test_a_name_is_any_of_the_zone(self, given: str, stands_for: str) -> None:
        assert switch(name=given).name == stands_for

    def test_the_zone_may_be_one_of_the_app(self) -> None:
        stack = new_stack("Dns")
        from aws_cdk import aws_route53 as route53  # noqa: PLC0415

        made = route53.PublicHostedZone(stack, "Public", zone_name="example.com")
        found = records(template(stack, zone=made))
        assert flat(found["HostedZoneId"]).startswith("<Public")
        assert zone(stack).zone_name == "example.com"
