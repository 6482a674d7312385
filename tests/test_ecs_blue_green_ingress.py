"""EcsBlueGreenService: how requests reach it."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import (
    EcsBlueGreenService,
    Ingress,
    ServiceRules,
    TestTraffic,
    TrafficRule,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    CERTIFICATE_ARN,
    LISTENER_ARN,
    PLAIN,
    container,
    everything_on,
    network,
    new_stack,
    only,
    resources,
    service,
    shared,
    shared_listener,
    template,
)


@pytest.fixture
def full() -> Template:
    """The service with everything on, synthesised once for all files."""
    return everything_on()


class TestIngress:
    def test_https_has_a_redirect_from_port_80(self, full: Template) -> None:
        full.has_resource_properties("AWS::ElasticLoadBalancingV2::Listener", {"Port": 443, "Protocol": "HTTPS"})
        full.has_resource_properties(
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "Port": 80,
                "DefaultActions": [
                    Match.object_like(
                        {"Type": "redirect", "RedirectConfig": Match.object_like({"Protocol": "HTTPS", "Port": "443"})}
                    )
                ],
            },
        )

    def test_a_certificate_that_comes_later_keeps_the_listener_of_port_80(self) -> None:
        def port_80(with_certificate: bool) -> tuple[str, str]:
            stack = new_stack()
            certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)
            made = service(stack, ingress=Ingress(certificate=certificate) if with_certificate else PLAIN)
            ((name, listener),) = [
                (name, one)
                for name, one in resources(template(made), "AWS::ElasticLoadBalancingV2::Listener").items()
                if one["Properties"]["Port"] == 80
            ]
            return name, listener["Properties"]["DefaultActions"][0]["Type"]

        assert port_80(with_certificate=False) == (port_80(with_certificate=True)[0], "fixed-response")
        assert port_80(with_certificate=True)[1] == "redirect"

    def test_a_service_of_some_paths_on_an_imported_listener_has_no_url_to_tell(self) -> None:
        stack = new_stack()
        made = service(stack, ingress=shared(stack, host=None, paths=("/predict",)))
        assert made.url is None
        assert "Url" not in str(template(made).to_json()["Outputs"])

    def test_a_wildcard_host_is_answered_and_not_shown_as_an_address(self) -> None:
        made = service(ingress=Ingress(plain_http=True, host="*.example.com"))
        assert "*" not in str(template(made).to_json()["Outputs"])

    def test_a_shared_listener_gets_two_rules_and_nothing_else_of_a_load_balancer(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        made = service(stack, ingress=Ingress(listener=listener, priority=40, host="predict.example.com"))
        found = template(made)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::Listener", 0)
        rules = resources(found, "Custom::TrafficRule").values()
        assert sorted(rule["Properties"]["Priority"] for rule in rules) == [39, 40]
        assert {rule["Properties"]["ListenerArn"] for rule in rules} == {LISTENER_ARN}
        assert made.url == "https://predict.example.com"

    def test_a_load_balancer_that_was_imported_without_its_name_has_no_url_to_tell(self) -> None:
        stack = new_stack()
        balancer = elbv2.ApplicationLoadBalancer.from_application_load_balancer_attributes(
            stack,
            "Existing",
            load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
            security_group_id="sg-1",
        )
        made = service(stack, ingress=Ingress(load_balancer=balancer, plain_http=True))
        assert made.url is None
        assert made.test_url is None

    def test_a_host_and_a_health_path_may_be_known_at_deploy_only(self) -> None:
        stack = new_stack()
        host, path = (cdk.CfnParameter(stack, name).value_as_string for name in ("Host", "Path"))
        found = template(service(stack, ingress=Ingress(host=host, health_path=path, plain_http=True)))
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::TargetGroup", {"HealthCheckPath": {"Ref": "Path"}})
        (url,) = [one["Value"] for name, one in found.to_json()["Outputs"].items() if name.startswith("InferenceUrl")]
        assert url == {"Fn::Join": ["", ["http://", {"Ref": "Host"}]]}

    def test_the_addresses_of_a_vpc_that_was_imported_without_them_have_to_be_given(self) -> None:
        stack = new_stack()
        vpc = ec2.Vpc.from_vpc_attributes(
            stack, "Bare", vpc_id="vpc-2", availability_zones=["a", "b"], private_subnet_ids=["subnet-1", "subnet-2"]
        )
        with pytest.raises(ConfigurationError, match=r"give Ingress\(sources=...\), or vpc_cidr_block"):
            service(stack, vpc=vpc, ingress=Ingress(internet_facing=False))

    def test_a_vpc_whose_zones_are_known_at_deploy_only_is_used(self) -> None:
        stack = new_stack()
        vpc = ec2.Vpc.from_vpc_attributes(
            stack,
            "Told",
            vpc_id=cdk.Fn.import_value("vpc"),
            vpc_cidr_block="10.0.0.0/16",
            availability_zones=cdk.Fn.get_azs(),
            private_subnet_ids=cdk.Fn.split(",", cdk.Fn.import_value("subnets")),
        )
        found = template(service(stack, vpc=vpc, ingress=Ingress(internet_facing=False)))
        network = only(found.find_resources("AWS::ECS::Service"))["Properties"]["NetworkConfiguration"]
        assert network["AwsvpcConfiguration"]["Subnets"] == {"Fn::Split": [",", {"Fn::ImportValue": "subnets"}]}

    def test_an_existing_load_balancer_gets_listeners(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        balancer = elbv2.ApplicationLoadBalancer.from_application_load_balancer_attributes(
            stack,
            "Existing",
            load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
            load_balancer_dns_name="edge.example.com",
            security_group_id="sg-1",
            vpc=vpc,
        )
        certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)
        made = service(stack, vpc=vpc, ingress=Ingress(load_balancer=balancer, certificate=certificate))
        found = template(made)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)
        ports = {
            one["Properties"]["Port"] for one in resources(found, "AWS::ElasticLoadBalancingV2::Listener").values()
        }
        assert ports == {443, 80}
        opened = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        ports = [rule["Properties"]["FromPort"] for rule in opened if rule["Properties"]["GroupId"] == "sg-1"]
        assert sorted(ports) == [80, 443]
        assert made.url == "https://edge.example.com"

    def test_many_services_share_one_listener(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        vpc = network(stack)
        for number, name in enumerate(("Search", "Ranking")):
            EcsBlueGreenService(
                stack,
                name,
                vpc=vpc,
                container=container(),
                ingress=Ingress(listener=listener, priority=10 * (number + 1), host=f"{name.lower()}.example.com"),
            )
        found = Template.from_stack(stack)
        found.resource_count_is("Custom::TrafficRule", 4)
        handlers = [
            f
            for f in resources(found, "AWS::Lambda::Function").values()
            if "traffic_rule" in f["Properties"]["Handler"]
        ]
        assert len(handlers) == 1

    def test_rules_made_in_another_stack_are_used_as_they_are(self) -> None:
        app = cdk.App()
        env = cdk.Environment(account="123456789012", region="eu-west-1")
        edge, own = cdk.Stack(app, "Edge", env=env), cdk.Stack(app, "Own", env=env)
        vpc = network(edge)
        balancer = elbv2.ApplicationLoadBalancer(edge, "LoadBalancer", vpc=vpc)
        listener = balancer.add_listener("Listener", port=80, default_action=elbv2.ListenerAction.fixed_response(404))
        groups = {
            side.lower(): elbv2.ApplicationTargetGroup(
                edge, side, vpc=vpc, port=8080, protocol=elbv2.ApplicationProtocol.HTTP, target_type=elbv2.TargetType.IP
            )
            for side in ("Blue", "Green")
        }
        production = TrafficRule(
            edge,
            "Production",
            listener=listener,
            priority=2,
            conditions=[elbv2.ListenerCondition.path_patterns(["/*"])],
            **groups,
        )
        test = TrafficRule(
            edge,
            "Test",
            listener=listener,
            priority=1,
            conditions=[elbv2.ListenerCondition.http_header("x-test", ["secret"])],
            **groups,
        )
        service(own, ingress=Ingress(rules=ServiceRules(production, test)), vpc=vpc)
        found = Template.from_stack(own)
        found.resource_count_is("Custom::TrafficRule", 0)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::TargetGroup", 0)
        (balancer_entry,) = only(resources(found, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        assert all(
            "Fn::ImportValue" in balancer_entry["AdvancedConfiguration"][key]
            for key in ("ProductionListenerRule", "TestListenerRule")
        )

    def test_a_test_listener_is_closed_to_all_but_its_sources(self) -> None:
        found = template(service(test_traffic=TestTraffic.listener(9000, sources=["192.0.2.0/24"])))
        groups = resources(found, "AWS::EC2::SecurityGroup").values()
        opened = [
            rule
            for group in groups
            for rule in group["Properties"].get("SecurityGroupIngress", [])
            if rule["FromPort"] == 9000
        ]
        assert [rule["CidrIp"] for rule in opened] == ["192.0.2.0/24"]
        ports = {
            listener["Properties"]["Port"]
            for listener in resources(found, "AWS::ElasticLoadBalancingV2::Listener").values()
        }
        assert ports == {80, 9000}

    def test_an_internal_load_balancer_admits_the_vpc_only(self) -> None:
        found = template(service(ingress=Ingress(internet_facing=False)))
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"})
        found.has_resource_properties(
            "AWS::EC2::SecurityGroup",
            {"SecurityGroupIngress": [Match.object_like({"CidrIp": "10.0.0.0/16", "FromPort": 80})]},
        )

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "internet-facing without a certificate"),
            ({"plain_http": True, "priority": 5}, "priority 5 without listener"),
            ({"plain_http": True, "host": "https://x.example.com"}, "without scheme"),
            ({"plain_http": True, "paths": ("predict",)}, "start it with /"),
            ({"plain_http": True, "health_path": "ready"}, "start it with /"),
            ({"plain_http": True, "host": "a.example.com", "paths": ("/a", "/b", "/c", "/d")}, "give at most 4"),
            ({"plain_http": True, "drain": timedelta(hours=2)}, "at most 3600 s"),
            ({"plain_http": True, "grace": timedelta(hours=2)}, "give at most 1 h"),
        ],
    )
    def test_settings_that_contradict_each_other_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Ingress(**settings)

    def test_a_listener_without_priority_is_refused(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        with pytest.raises(ConfigurationError, match="a listener without priority"):
            Ingress(listener=listener)
        with pytest.raises(ConfigurationError, match="between 2 and 50000"):
            Ingress(listener=listener, priority=1)

    def test_a_test_listener_on_a_shared_load_balancer_is_refused(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        with pytest.raises(ConfigurationError, match=r"use TestTraffic.header\(\)"):
            service(
                stack,
                ingress=Ingress(listener=listener, priority=5),
                test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"]),
            )

    def test_access_logs_in_a_stack_without_a_region_are_refused(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        with pytest.raises(ConfigurationError, match="set the stack's env region"):
            service(
                stack, ingress=Ingress(plain_http=True, access_logs=s3.Bucket.from_bucket_name(stack, "Logs", "logs"))
            )

    def test_a_guessable_test_header_on_the_internet_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="leave the value out to have one generated"):
            service(test_traffic=TestTraffic.header("x-test", "true"))

    def test_a_short_test_header_inside_the_vpc_is_accepted(self) -> None:
        service(ingress=Ingress(internet_facing=False), test_traffic=TestTraffic.header("x-test", "true"))

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: TestTraffic.header("x test"), "letters, digits and hyphens"),
            (lambda: TestTraffic.header("x_test"), "letters, digits and hyphens"),
            (lambda: TestTraffic(header_name="Host", header_value="*"), "use another header"),
            (lambda: TestTraffic.header("Host"), "use another header"),
            (lambda: TestTraffic.header("x-test", "*"), "wildcards"),
            (lambda: TestTraffic.listener(443, sources=["10.0.0.0/8"]), "a port of its own"),
            (lambda: TestTraffic.listener(9000, sources=[]), "name the CIDRs"),
        ],
    )
    def test_test_traffic_that_cannot_be_is_refused(self, make: Callable[[], TestTraffic], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()
