"""How many resources a service takes; each has a limit in CloudFormation, a price or a place in a review."""

from collections import Counter
from datetime import timedelta

import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs import AlarmThresholds, Canary, ErrorComparison, Ingress, RuleOwner
from tests.blue_green_service import CERTIFICATE_ARN, deployment_configuration, network, new_stack, service, template

ERROR_RATE_ONLY = AlarmThresholds(p95_latency=None, unhealthy_targets=None)


def one_call(**options: object) -> Template:
    """On a cluster that exists: HTTPS and its redirect, a canary, a bake, the breaker, access logs, one alarm."""
    stack = new_stack()
    cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=network(stack))
    return template(
        service(
            stack,
            **{
                "cluster": cluster,
                "ingress": Ingress(
                    certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
                    host="predict.example.com",
                    access_logs=s3.Bucket.from_bucket_name(stack, "LogBucket", "logs"),
                ),
                "strategy": Canary(percent=10, bake=timedelta(minutes=5)),
                "bake": timedelta(minutes=10),
                "guardrails": [ERROR_RATE_ONLY],
                **options,
            },
        )
    )


def counted(found: Template) -> Counter[str]:
    """The resources by type; the CDK's own record of what it was used for is none of ours."""
    kinds = Counter(one["Type"] for one in found.to_json()["Resources"].values())
    del kinds["AWS::CDK::Metadata"]
    return kinds


def listed(kinds: Counter[str]) -> str:
    lines = "\n".join(f"{count:4} {kind}" for kind, count in sorted(kinds.items()))
    return f"{kinds.total()} resources:\n{lines}"


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param({}, 26, id="judged by an alarm"),
        pytest.param({"guardrails": [ERROR_RATE_ONLY, ErrorComparison()]}, 32, id="and by a comparison"),
        pytest.param({"rule_owner": RuleOwner.CLOUDFORMATION}, 21, id="with rules of CloudFormation's"),
    ],
)
def test_a_one_call_service_keeps_within_its_budget(options: dict[str, object], most: int) -> None:
    kinds = counted(one_call(**options))
    assert kinds.total() <= most, listed(kinds)


def test_what_is_counted_is_the_whole_service() -> None:
    """Or the budget would be kept by leaving something out."""
    found = one_call()
    kinds = counted(found)
    expected = {
        "AWS::ECS::Service": 1,
        "AWS::ECS::TaskDefinition": 1,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": 1,
        "AWS::ElasticLoadBalancingV2::Listener": 2,
        "AWS::ElasticLoadBalancingV2::TargetGroup": 2,
        "Custom::TrafficRule": 2,
        "AWS::CloudWatch::Alarm": 1,
        "AWS::SSM::Parameter": 1,
    }
    assert {kind: kinds[kind] for kind in expected} == expected, listed(kinds)
    configuration = deployment_configuration(found)
    assert configuration["Strategy"] == "CANARY"
    assert configuration["DeploymentCircuitBreaker"]["Enable"] is True
    attributes = next(iter(found.find_resources("AWS::ElasticLoadBalancingV2::LoadBalancer").values()))["Properties"]
    assert {"Key": "access_logs.s3.enabled", "Value": "true"} in attributes["LoadBalancerAttributes"]


def test_with_rules_of_cloudformations_there_is_no_lambda_function() -> None:
    kinds = counted(one_call(rule_owner=RuleOwner.CLOUDFORMATION))
    assert not [kind for kind in kinds if kind.startswith(("AWS::Lambda", "Custom::"))], listed(kinds)


def test_the_judge_is_shared_so_that_a_second_service_takes_none_of_its_resources() -> None:
    alone = counted(one_call(guardrails=[ERROR_RATE_ONLY, ErrorComparison()])) - counted(one_call())
    assert alone == {
        "AWS::CloudWatch::Alarm": 1,
        "AWS::DynamoDB::Table": 1,
        "AWS::IAM::Role": 2,
        "AWS::Lambda::Function": 1,
        "AWS::Logs::LogGroup": 1,
        "AWS::Scheduler::Schedule": 1,
    }


def test_a_budget_that_is_not_kept_names_the_resources_by_type() -> None:
    assert listed(Counter({"AWS::Logs::LogGroup": 2, "AWS::ECS::Service": 1})) == (
        "3 resources:\n   1 AWS::ECS::Service\n   2 AWS::Logs::LogGroup"
    )
