"""CanaryAlb: load balancers, listeners, the live rule, and the routes to the candidate."""

from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import (
    CandidateRoute,
    HttpSmokeTest,
    Ingress,
    Targets,
    TestTraffic,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import CERTIFICATE_ARN, LISTENER_ARN, shared_listener
from tests.canary_service import (
    canary,
    flat,
    new_stack,
    of_auto_scaling_groups,
    plain,
    ready_group,
    ready_sides,
    resources,
    rules_by_priority,
    settings_in,
    template,
    vpc_in,
)


def certificate(stack: cdk.Stack) -> acm.ICertificate:
    return acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)


def condition(rule: dict, field: str) -> dict:
    return next(one for one in rule["Conditions"] if one["Field"] == field)


class TestLoadBalancer:
    def test_a_load_balancer_of_its_own_answers_404_unless_the_live_rule_says_otherwise(self) -> None:
        (listener,) = resources(plain(), "AWS::ElasticLoadBalancingV2::Listener").values()
        (action,) = listener["Properties"]["DefaultActions"]
        assert action["FixedResponseConfig"]["StatusCode"] == "404"
        assert rules_by_priority(plain())[-1]["ListenerArn"] == {"Ref": next(iter(resources_of_listener(plain())))}

    def test_with_a_certificate_it_serves_https_and_redirects_http(self) -> None:
        stack = new_stack()
        found = template(canary(stack, ingress=Ingress(certificate=certificate(stack), host="api.example.com")))
        listeners = {
            one["Properties"]["Port"]: one["Properties"]["DefaultActions"][0]["Type"]
            for one in resources(found, "AWS::ElasticLoadBalancingV2::Listener").values()
        }
        assert listeners == {443: "fixed-response", 80: "redirect"}

    def test_a_web_acl_guards_it_and_it_answers_ipv6(self) -> None:
        acl = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/edge/1"
        found = template(canary(ingress=Ingress(plain_http=True, web_acl_arn=acl, dual_stack=True)))
        (balancer,) = resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        found.has_resource_properties(
            "AWS::WAFv2::WebACLAssociation", {"WebACLArn": acl, "ResourceArn": {"Ref": balancer}}
        )
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"IpAddressType": "dualstack"})
        found.has_resource_properties(
            "AWS::EC2::SecurityGroup",
            {"SecurityGroupIngress": Match.array_with([Match.object_like({"CidrIpv6": "::/0", "FromPort": 80})])},
        )

    def test_without_them_there_is_neither(self) -> None:
        plain().resource_count_is("AWS::WAFv2::WebACLAssociation", 0)
        plain().has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"IpAddressType": Match.absent()})

    def test_access_logs_go_to_the_bucket(self) -> None:
        stack = new_stack()
        bucket = s3.Bucket.from_bucket_name(stack, "Logs", "logs")
        found = template(canary(stack, ingress=Ingress(plain_http=True, access_logs=bucket)))
        found.has_resource_properties(
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {
                "LoadBalancerAttributes": Match.array_with(
                    [
                        {"Key": "access_logs.s3.enabled", "Value": "true"},
                        {"Key": "access_logs.s3.bucket", "Value": "logs"},
                    ]
                )
            },
        )

    def test_an_internal_one_admits_the_vpc_only(self) -> None:
        found = template(canary(ingress=Ingress(internet_facing=False)))
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"})

    def test_a_given_listener_gets_rules_and_nothing_else_and_is_taken_to_be_shared(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=40, host="api.example.com")
        found = template(canary(stack, ingress=ingress))
        found.resource_count_is("AWS::ElasticLoadBalancingV2::Listener", 0)
        rules = rules_by_priority(found)
        assert [rule["Priority"] for rule in rules] == [39, 40]
        assert {rule["ListenerArn"] for rule in rules} == {LISTENER_ARN}
        settings = settings_in(found)
        assert settings.shares_load_balancer
        assert settings.load_balancer == "app/shared/50dc6c495c0c9188"

    def test_a_given_load_balancer_gets_listeners_and_says_the_vpc(self) -> None:
        stack = new_stack()
        own = elbv2.ApplicationLoadBalancer(stack, "Own", vpc=ec2.Vpc(stack, "Vpc2"))
        made = canary(stack, **ready_sides(stack), ingress=Ingress(load_balancer=own, internet_facing=False))
        template(made).resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 1)
        assert settings_in(template(made)).shares_load_balancer

    def test_grpc_targets_are_asked_for_their_health_by_grpc(self) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of(["10.0.3.17"], port=50051, protocol="GRPC"),
            "green": Targets.of(["10.0.3.18"], port=50051, protocol="GRPC", health_codes="0-99"),
        }
        ingress = Ingress(
            certificate=certificate(stack), host="api.example.com", health_path="/grpc.health.v1.Health/Check"
        )
        found = template(canary(stack, **sides, ingress=ingress, vpc=ec2.Vpc(stack, "Vpc2")))
        groups = [one["Properties"] for one in resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup").values()]
        assert {group["ProtocolVersion"] for group in groups} == {"GRPC"}
        assert [group["Matcher"] for group in groups] == [{"GrpcCode": "0"}, {"GrpcCode": "0-99"}]
        assert {group["HealthCheckPath"] for group in groups} == {"/grpc.health.v1.Health/Check"}


def resources_of_listener(found: Template) -> dict[str, dict]:
    return resources(found, "AWS::ElasticLoadBalancingV2::Listener")


class TestAdoption:
    """A listener whose default action is production: never a moment in which a request meets anything else."""

    @staticmethod
    def adopted(side: str) -> Template:
        stack = new_stack()
        serving = ready_group(stack, "Serving")
        sides = {
            side: Targets.adopted(serving),
            {"blue": "green", "green": "blue"}[side]: Targets.of(ready_group(stack, "Other")),
        }
        return template(canary(stack, **sides, ingress=Ingress(listener=shared_listener(stack), priority=50_000)))

    @pytest.mark.parametrize("side", ["blue", "green"])
    def test_the_rule_in_front_takes_all_paths_and_gives_all_to_the_group_that_serves(self, side: str) -> None:
        found = self.adopted(side)
        live = rules_by_priority(found)[-1]
        assert live["Priority"] == 50_000
        assert live["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        weights = {"blue": 100 - live["InitialCandidateWeight"], "green": live["InitialCandidateWeight"]}
        serving = next(
            name for name in resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup") if name.startswith("Serving")
        )
        assert live[side.capitalize()] == {"Ref": serving}
        assert weights[side] == 100

    @pytest.mark.parametrize("side", ["blue", "green"])
    def test_the_routes_to_the_candidate_lead_to_the_other_side(self, side: str) -> None:
        candidate = rules_by_priority(self.adopted(side))[0]
        assert candidate["InitialCandidateWeight"] == (100 if side == "blue" else 0)

    def test_the_listener_and_its_default_action_are_left_alone(self) -> None:
        self.adopted("blue").resource_count_is("AWS::ElasticLoadBalancingV2::Listener", 0)


class TestRoutesToTheCandidate:
    def test_header_cookie_and_query_are_rules_before_productions_in_this_order(self) -> None:
        *routes, live = rules_by_priority(of_auto_scaling_groups())
        assert [rule["Priority"] for rule in routes] == [100, 101, 102]
        assert live["Priority"] == 1000
        header, cookie, query = routes
        assert condition(header, "http-header")["HttpHeaderConfig"]["HttpHeaderName"] == "x-bluegreen-test"
        assert condition(cookie, "http-header")["HttpHeaderConfig"]["HttpHeaderName"] == "cookie"
        assert flat(condition(cookie, "http-header")["HttpHeaderConfig"]["Values"][0]).startswith("*preview={{resolve")
        (pair,) = condition(query, "query-string")["QueryStringConfig"]["Values"]
        assert pair["Key"] == "preview"

    def test_every_route_starts_on_the_side_that_is_not_live(self) -> None:
        *routes, live = rules_by_priority(of_auto_scaling_groups())
        assert live["InitialCandidateWeight"] == 0
        assert {route["InitialCandidateWeight"] for route in routes} == {100}

    def test_a_value_that_is_not_given_is_generated_once_and_stands_in_no_template(self) -> None:
        found = of_auto_scaling_groups()
        ((secret, properties),) = resources(found, "AWS::SecretsManager::Secret").items()
        assert properties["Properties"]["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 32}
        header = rules_by_priority(found)[0]
        (value,) = condition(header, "http-header")["HttpHeaderConfig"]["Values"]
        assert flat(value) == f"{{{{resolve:secretsmanager:<{secret}>:SecretString:::}}}}"

    def test_a_value_that_is_given_needs_no_secret(self) -> None:
        found = template(canary(test_traffic=CandidateRoute.header("x-try", "0123456789abcdef")))
        found.resource_count_is("AWS::SecretsManager::Secret", 0)
        (value,) = condition(rules_by_priority(found)[0], "http-header")["HttpHeaderConfig"]["Values"]
        assert value == "0123456789abcdef"

    def test_a_route_with_sources_takes_requests_from_them_alone_and_any_value(self) -> None:
        route = CandidateRoute.header("X-Canary", "true", sources=["192.0.2.0/24"])
        rule = rules_by_priority(template(canary(test_traffic=route)))[0]
        assert condition(rule, "source-ip")["SourceIpConfig"]["Values"] == ["192.0.2.0/24"]
        assert condition(rule, "http-header")["HttpHeaderConfig"]["Values"] == ["true"]

    def test_a_short_value_inside_the_vpc_or_behind_sources_is_accepted(self) -> None:
        route = CandidateRoute.query("try", "yes")
        canary(ingress=Ingress(internet_facing=False), test_traffic=route)
        canary(ingress=Ingress(plain_http=True, sources=("192.0.2.0/24",)), test_traffic=route)

    @pytest.mark.parametrize("kind", ["header", "cookie", "query"])
    def test_a_guessable_value_on_the_internet_is_refused(self, kind: str) -> None:
        route = getattr(CandidateRoute, kind)("canary", "true")
        with pytest.raises(ConfigurationError, match="leave the value out to have one generated"):
            canary(test_traffic=route)

    @pytest.mark.parametrize(
        "sources", [["0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["192.0.2.0/24", "::/0"], ["10.0.0.0/7"], ["2000::/3"]]
    )
    def test_sources_of_half_the_internet_do_not_make_a_guessable_value_good(self, sources: list[str]) -> None:
        with pytest.raises(ConfigurationError, match=r"sources=\[…\] of /8 or longer"):
            canary(test_traffic=CandidateRoute.header("x-try", "true", sources=sources))

    def test_sources_of_an_organization_do(self) -> None:
        canary(test_traffic=CandidateRoute.header("x-try", "true", sources=["10.0.0.0/8", "2001:db8::/32"]))

    def test_an_ingress_or_a_test_listener_that_everybody_reaches_is_no_limit_either(self) -> None:
        with pytest.raises(ConfigurationError, match="leave the value out"):
            canary(
                ingress=Ingress(plain_http=True, sources=("0.0.0.0/0",)),
                test_traffic=CandidateRoute.header("x-try", "true"),
            )
        with pytest.raises(ConfigurationError, match=r"the listener 9000 admits 0\.0\.0\.0/0: name the few"):
            canary(test_traffic=TestTraffic.listener(9000, sources=["0.0.0.0/0"]))

    def test_the_host_of_production_is_asked_for_on_the_way_to_the_candidate_too(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=40, host="api.example.com")
        route, live = rules_by_priority(template(canary(stack, ingress=ingress)))
        assert condition(route, "host-header") == condition(live, "host-header")

    def test_no_routes_are_no_rules(self) -> None:
        found = template(canary(test_traffic=[]))
        assert len(rules_by_priority(found)) == 1
        assert settings_in(found).test_rule_arns == ()
        found.resource_count_is("AWS::SecretsManager::Secret", 0)

    def test_the_test_traffic_of_other_constructs_is_understood(self) -> None:
        found = template(canary(test_traffic=TestTraffic.header("x-try", "0123456789abcdef")))
        assert condition(rules_by_priority(found)[0], "http-header")["HttpHeaderConfig"]["HttpHeaderName"] == "x-try"
        listener = template(canary(test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"])))
        ports = {one["Properties"]["Port"] for one in resources_of_listener(listener).values()}
        assert ports == {80, 9000}
        route, live = (rule["ListenerArn"] for rule in rules_by_priority(listener))
        assert route != live

    def test_stickiness_is_of_the_live_rule_only(self) -> None:
        *routes, live = rules_by_priority(template(canary(stickiness=timedelta(hours=1))))
        assert live["InitialStickinessSeconds"] == 3600
        assert all("InitialStickinessSeconds" not in route for route in routes)


class TestSmokeTests:
    """How a function reaches the candidate."""

    def test_by_a_cookie_where_there_is_no_header(self) -> None:
        found = template(
            canary(hooks=[HttpSmokeTest("/")], test_traffic=CandidateRoute.cookie("try", "0123456789abcdef"))
        )
        (tests,) = settings_in(found).hooks
        assert tests.details["headers"] == {"cookie": "try=0123456789abcdef"}

    def test_from_inside_the_vpc_for_an_internal_load_balancer_that_lets_them_in(self) -> None:
        found = template(canary(hooks=[HttpSmokeTest("/")], ingress=Ingress(internet_facing=False)))
        smoke = next(one for name, one in resources(found, "AWS::Lambda::Function").items() if "SmokeTest" in name)
        assert smoke["Properties"]["VpcConfig"]["SubnetIds"] == ["subnet-private-a", "subnet-private-b"]
        found.has_resource_properties("AWS::EC2::SecurityGroupIngress", {"Description": "smoke tests", "FromPort": 80})

    def test_by_the_test_listener_of_an_internal_load_balancer(self) -> None:
        made = canary(
            hooks=[HttpSmokeTest("/")],
            ingress=Ingress(internet_facing=False),
            test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"]),
        )
        (tests,) = settings_in(template(made)).hooks
        assert str(tests.details["url"]).endswith(":9000")
        template(made).has_resource_properties(
            "AWS::EC2::SecurityGroupIngress", {"Description": "smoke tests", "FromPort": 9000}
        )

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"test_traffic": []}, "no way for a function to the candidate"),
            ({"test_traffic": CandidateRoute.query("try")}, "no way for a function to the candidate"),
            ({"test_traffic": CandidateRoute.header("try", sources=["192.0.2.0/24"])}, "no way for a function"),
            ({"ingress": Ingress(plain_http=True, sources=("192.0.2.0/24",))}, "no way for a function"),
        ],
    )
    def test_ways_that_a_function_cannot_go_are_refused(self, options: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            canary(hooks=[HttpSmokeTest("/")], **options)

    def test_by_the_port_and_the_scheme_of_a_listener_of_the_app(self) -> None:
        stack = new_stack()
        balancer = elbv2.ApplicationLoadBalancer(stack, "Own", vpc=vpc_in(stack))
        listener = balancer.add_listener(
            "Http",
            port=8080,
            protocol=elbv2.ApplicationProtocol.HTTP,
            default_action=elbv2.ListenerAction.fixed_response(404),
        )
        ingress = Ingress(listener=listener, priority=40, paths=("/*",), internet_facing=False)
        made = canary(stack, **ready_sides(stack), hooks=[HttpSmokeTest("/")], ingress=ingress)
        found = template(made)
        (tests,) = settings_in(found).hooks
        assert str(tests.details["url"]).startswith("http://")
        assert str(tests.details["url"]).endswith(":8080")
        found.has_resource_properties(
            "AWS::EC2::SecurityGroupIngress", {"Description": "smoke tests", "FromPort": 8080}
        )

    def test_https_without_a_host_is_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="smoke tests over HTTPS and no host"):
            canary(stack, hooks=[HttpSmokeTest("/")], ingress=Ingress(certificate=certificate(stack)))

    def test_an_imported_listener_without_a_host_is_refused(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=40, paths=("/*",), plain_http=True)
        with pytest.raises(ConfigurationError, match="whose load balancer's name is not known"):
            canary(stack, hooks=[HttpSmokeTest("/")], ingress=ingress)
