"""EcsBlueGreenService: what it refuses at synth."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs

from bluegreen_constructs import (
    Canary,
    HttpSmokeTest,
    Ingress,
    Linear,
    ServiceRules,
    TestTraffic,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    container,
    network,
    new_stack,
    rules_of,
    service,
)


class TestRefusals:
    """Every row of the trap table that the CDK lets through and ECS or CloudFormation refuses at deploy."""

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"bake": timedelta(days=3)}, "at most 1440 minutes"),
            ({"guardrails": ["errors"]}, "has the guardrail str: give ErrorComparison"),
            ({"bake": timedelta(seconds=90)}, "whole minutes"),
            ({"bake": -timedelta(minutes=1)}, "negative"),
            ({"bake": 10}, "datetime.timedelta or an aws_cdk.Duration"),
            ({"strategy": Linear(percent=3, every=timedelta(minutes=1440))}, r"allows an ECS deployment 33 h"),
            ({"strategy": Linear(percent=2, every=timedelta(minutes=1))}, "steps of 3 percent or more"),
            ({"strategy": Canary(percent=5, bake=timedelta(seconds=30))}, "Canary bake is 0:00:30"),
            ({"strategy": Canary(percent=5, bake=timedelta(hours=25))}, "at most 1440 minutes"),
            ({"strategy": Canary(percent=5, bake=timedelta(minutes=2))}, "give at least 3 min"),
            ({"strategy": Canary(percent=5, bake=timedelta(0))}, "give at least 3 min"),
            (
                {"strategy": Linear(percent=50, every=timedelta(hours=24)), "bake": timedelta(hours=10)},
                "take 34 h together",
            ),
            ({"strategy": "canary"}, "use AllAtOnce, Canary or Linear"),
        ],
    )
    def test_what_ecs_or_cloudformation_would_refuse_is_refused_at_synth(
        self, options: dict[str, object], said: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=said):
            service(**options)

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Canary(percent=0, bake=timedelta(minutes=1)), "above 0"),
            (lambda: Canary(percent=100, bake=timedelta(minutes=1)), "at most 99.9"),
            (lambda: Canary(percent=0.25, bake=timedelta(minutes=1)), "multiple of 0.1"),
            (lambda: Linear(percent=True, every=timedelta(minutes=1)), "above 0"),
        ],
    )
    def test_percentages_that_a_rule_cannot_express_are_refused(self, make: Callable[[], object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()

    def test_both_of_cluster_and_vpc_are_refused(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=vpc)
        with pytest.raises(ConfigurationError, match="both cluster and vpc"):
            service(stack, vpc=vpc, cluster=cluster)

    def test_neither_or_both_of_container_and_task_definition_are_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="both container and task_definition"):
            service(stack, container=container(), task_definition=ecs.FargateTaskDefinition(stack, "Own"))

    def test_a_task_definition_without_a_port_is_refused(self) -> None:
        stack = new_stack()
        definition = ecs.FargateTaskDefinition(stack, "Own")
        definition.add_container("Web", image=ecs.ContainerImage.from_registry("web:1"))
        with pytest.raises(ConfigurationError, match="no container with a port"):
            service(stack, task_definition=definition)

    def test_a_vpc_with_one_zone_is_refused(self) -> None:
        stack = new_stack()
        vpc = ec2.Vpc.from_vpc_attributes(
            stack, "Small", vpc_id="vpc-2", availability_zones=["eu-west-1a"], private_subnet_ids=["subnet-1"]
        )
        with pytest.raises(ConfigurationError, match="two zones or more"):
            service(stack, vpc=vpc)

    def test_a_test_rule_that_would_never_be_looked_at_is_refused(self) -> None:
        production, test = rules_of(new_stack())
        with pytest.raises(ConfigurationError, match="give the test rule a lower number"):
            ServiceRules(test, production)
        with pytest.raises(ConfigurationError, match="give the test rule a lower number"):
            ServiceRules(production, production)

    @pytest.mark.parametrize("route", [TestTraffic.header(), TestTraffic.header("x-other", "0123456789abcdef")])
    def test_smoke_tests_that_the_given_test_rule_would_not_match_are_refused(self, route: TestTraffic) -> None:
        stack = new_stack()
        rules = ServiceRules(*rules_of(stack, header=("x-try", "0123456789abcdef")))
        with pytest.raises(ConfigurationError, match="would meet the live side"):
            service(
                stack,
                ingress=Ingress(rules=rules, plain_http=True),
                hooks=[HttpSmokeTest("/ready")],
                test_traffic=route,
            )

    def test_rules_of_two_services_are_refused(self) -> None:
        stack = new_stack()
        production, _ = rules_of(stack)
        _, test = rules_of(stack, id="Other", priority=10)
        with pytest.raises(ConfigurationError, match="different blue"):
            ServiceRules(production, test)
