"""EcsBlueGreenService: the ingress of strict accounts: logs, guards, IPv6, long streams, users that log in."""

from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs import Ingress, ServiceRules
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    CERTIFICATE_ARN,
    PLAIN,
    network,
    new_stack,
    only,
    resources,
    rules_of,
    service,
    shared,
    shared_listener,
    template,
)

WEB_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/edge/6b5ff6b5-0000-4000-8000-000000000000"


def balancer_of(found: Template) -> dict:
    return only(resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer"))


def attributes(found: Template) -> dict[str, str]:
    listed = balancer_of(found)["Properties"]["LoadBalancerAttributes"]
    return {one["Key"]: one["Value"] for one in listed}


def acknowledged(stack: cdk.Stack, path: str) -> dict[str, str]:
    """The rules that are acknowledged on a construct or its own resource, with the reasons."""
    return {
        rule.removeprefix("AwsSolutions::"): str(reason)
        for node in stack.node.find_all()
        if node.node.path.removesuffix("/Resource") == path
        for entry in node.node.metadata
        if entry.type == "aws:cdk:acknowledged-rules"
        for rule, reason in entry.data.items()
    }


def logs(stack: cdk.Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, "Logs", "logs")


class TestAccessLogs:
    def test_they_go_to_the_bucket_that_is_given_under_the_services_own_prefix(self) -> None:
        stack = new_stack()
        found = attributes(template(service(stack, ingress=Ingress(plain_http=True, access_logs=logs(stack)))))
        assert found["access_logs.s3.enabled"] == "true"
        assert found["access_logs.s3.bucket"] == "logs"
        assert found["access_logs.s3.prefix"].startswith("Stack-Inference")

    def test_without_a_bucket_the_finding_is_acknowledged_with_what_was_considered(self) -> None:
        stack = new_stack()
        service(stack)
        reason = acknowledged(stack, "Stack/Inference/LoadBalancer")["AwsSolutions-ELB2"]
        assert "Ingress(access_logs=...) turns them on" in reason
        assert "considered" in reason

    def test_with_a_bucket_there_is_nothing_to_acknowledge(self) -> None:
        stack = new_stack()
        service(stack, ingress=Ingress(plain_http=True, access_logs=logs(stack)))
        assert "AwsSolutions-ELB2" not in acknowledged(stack, "Stack/Inference/LoadBalancer")

    def test_without_a_bucket_a_stack_without_a_region_is_no_obstacle(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        assert "access_logs.s3.enabled" not in str(attributes(template(service(stack))))

    def test_with_a_bucket_a_stack_without_a_region_is_refused(self) -> None:
        """The account that writes the logs differs by region, and CDK would fail with less of a word."""
        stack = cdk.Stack(cdk.App(), "Stack")
        with pytest.raises(ConfigurationError, match="access_logs in a stack without a region"):
            service(stack, ingress=Ingress(plain_http=True, access_logs=logs(stack)))


class TestStreams:
    def test_a_stream_that_draining_would_cut_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="longest_stream is 2 min and drain 30 s: a rollout would cut"):
            Ingress(plain_http=True, longest_stream=timedelta(minutes=2))

    @pytest.mark.parametrize("drain", [timedelta(minutes=2), cdk.Duration.minutes(10)])
    def test_a_stream_that_ends_before_draining_does_is_fine(self, drain: object) -> None:
        ingress = Ingress(plain_http=True, longest_stream=timedelta(minutes=2), drain=drain)
        assert ingress.drain_seconds >= 120

    def test_a_stream_that_no_draining_covers_is_refused_whatever_the_drain(self) -> None:
        with pytest.raises(ConfigurationError, match="at most 1 h"):
            Ingress(plain_http=True, longest_stream=timedelta(hours=2), drain=timedelta(hours=1))


class TestUsersThatLogIn:
    """Amazon ECS writes a rule's forward action alone, so a rule that authenticates would be published."""

    @pytest.mark.parametrize("kind", ["oidc", "cognito"])
    def test_a_listener_that_authenticates_is_refused(self, kind: str) -> None:
        stack = new_stack()
        vpc = network(stack)
        balancer = elbv2.ApplicationLoadBalancer(stack, "LoadBalancer", vpc=vpc)
        certificate = elbv2.ListenerCertificate.from_arn(CERTIFICATE_ARN)
        listener = balancer.add_listener(
            "Listener",
            port=443,
            certificates=[certificate],
            default_action=elbv2.ListenerAction.fixed_response(404),
        )
        config = {
            "oidc": {
                "type": "authenticate-oidc",
                "order": 1,
                "authenticateOidcConfig": {
                    "authorizationEndpoint": "https://login.example.com/a",
                    "clientId": "id",
                    "clientSecret": "x",
                    "issuer": "https://login.example.com",
                    "tokenEndpoint": "https://login.example.com/t",
                    "userInfoEndpoint": "https://login.example.com/u",
                },
            },
            "cognito": {
                "type": "authenticate-cognito",
                "order": 1,
                "authenticateCognitoConfig": {
                    "userPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_1",
                    "userPoolClientId": "id",
                    "userPoolDomain": "login",
                },
            },
        }[kind]
        resource = listener.node.default_child
        assert isinstance(resource, elbv2.CfnListener)
        resource.default_actions = [
            config,
            {"type": "fixed-response", "order": 2, "fixedResponseConfig": {"statusCode": "404"}},
        ]
        with pytest.raises(ConfigurationError, match="on a listener that authenticates users by default"):
            service(stack, vpc=vpc, ingress=Ingress(listener=listener, priority=40))

    def test_a_listener_that_does_not_is_used(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        listener = elbv2.ApplicationLoadBalancer(stack, "LoadBalancer", vpc=vpc).add_listener(
            "Listener", port=80, default_action=elbv2.ListenerAction.fixed_response(404)
        )
        ingress = Ingress(listener=listener, priority=40, plain_http=True)
        template(service(stack, vpc=vpc, ingress=ingress)).resource_count_is("Custom::TrafficRule", 2)


class TestGuards:
    def test_a_web_acl_guards_the_services_own_load_balancer(self) -> None:
        found = template(service(ingress=Ingress(plain_http=True, web_acl_arn=WEB_ACL)))
        association = only(resources(found, "AWS::WAFv2::WebACLAssociation"))["Properties"]
        (name,) = resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        assert association == {"ResourceArn": {"Ref": name}, "WebACLArn": WEB_ACL}

    def test_invalid_headers_are_dropped(self) -> None:
        assert attributes(template(service()))["routing.http.drop_invalid_header_fields.enabled"] == "true"

    def test_a_dual_stack_load_balancer_answers_ipv6_and_lets_it_in(self) -> None:
        found = template(service(ingress=Ingress(plain_http=True, dual_stack=True)))
        assert balancer_of(found)["Properties"]["IpAddressType"] == "dualstack"
        opened = [
            rule
            for group in resources(found, "AWS::EC2::SecurityGroup").values()
            for rule in group["Properties"].get("SecurityGroupIngress", [])
        ]
        assert {rule.get("CidrIp") or rule.get("CidrIpv6") for rule in opened} == {"0.0.0.0/0", "::/0"}

    @pytest.mark.parametrize("option", [{"dual_stack": True}, {"web_acl_arn": WEB_ACL}])
    def test_they_are_refused_where_the_load_balancer_is_somebody_elses(self, option: dict[str, object]) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="has listener together with dual_stack or web_acl_arn"):
            shared(stack, **option)
        with pytest.raises(ConfigurationError, match="has rules together with dual_stack or web_acl_arn"):
            Ingress(rules=ServiceRules(*rules_of(stack)), plain_http=True, **option)
        with pytest.raises(ConfigurationError, match="has load_balancer together with dual_stack or web_acl_arn"):
            Ingress(load_balancer=given_balancer(stack), plain_http=True, **option)


def given_balancer(stack: cdk.Stack) -> elbv2.IApplicationLoadBalancer:
    return elbv2.ApplicationLoadBalancer.from_application_load_balancer_attributes(
        stack,
        "Given",
        load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
        security_group_id="sg-1",
    )


class TestWhatBelongsToSomebodyElse:
    def test_access_logs_of_a_load_balancer_that_is_given_are_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="a load_balancer together with access_logs"):
            Ingress(load_balancer=given_balancer(stack), plain_http=True, access_logs=logs(stack))

    @pytest.mark.parametrize("given", ["certificate", "load_balancer", "access_logs", "sources"])
    def test_what_a_shared_listeners_owner_decides_is_refused(self, given: str) -> None:
        stack = new_stack()
        values = {
            "certificate": acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
            "load_balancer": given_balancer(stack),
            "access_logs": logs(stack),
            "sources": ("10.0.0.0/8",),
        }
        with pytest.raises(ConfigurationError, match="belong to the listener's owner, leave them out"):
            shared(stack, **{given: values[given]})

    @pytest.mark.parametrize("given", ["paths", "sources", "priority", "listener", "access_logs"])
    def test_what_the_makers_of_the_rules_decide_is_refused(self, given: str) -> None:
        stack = new_stack()
        values = {
            "paths": ("/predict",),
            "sources": ("10.0.0.0/8",),
            "priority": 40,
            "listener": shared_listener(stack),
            "access_logs": logs(stack),
        }
        with pytest.raises(ConfigurationError, match=f"has rules together with {given}: those belong to the stack"):
            Ingress(rules=ServiceRules(*rules_of(stack)), plain_http=True, **{given: values[given]})

    def test_the_tasks_let_in_the_load_balancer_and_nobody_else(self) -> None:
        found = template(service(ingress=PLAIN))
        (path,) = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        balancer = balancer_of(found)["Properties"]["SecurityGroups"][0]
        assert path["Properties"]["SourceSecurityGroupId"] == balancer
        tasks = [
            one["Properties"]
            for one in resources(found, "AWS::EC2::SecurityGroup").values()
            if one["Properties"]["GroupDescription"] == "tasks of both sides"
        ]
        assert "SecurityGroupIngress" not in tasks[0]
        assert ec2.Port.tcp(8080).to_string() == str(path["Properties"]["FromPort"])
