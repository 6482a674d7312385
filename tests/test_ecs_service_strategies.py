"""EcsBlueGreenService: strategies that Amazon ECS cannot do, and what of a template would close a circle."""

from datetime import timedelta

import pytest
from aws_cdk.assertions import Template

from bluegreen_constructs import AlarmThresholds, AllAtOnce, Canary, Linear, Split, Step, Steps
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import deployment_configuration, resources, service, template
from tests.judged_service import fully_judged

MINUTES = timedelta(minutes=5)
NO_ALARM = AlarmThresholds(error_rate_percent=None, p95_latency=None, unhealthy_targets=None)


class TestStrategies:
    @pytest.mark.parametrize(
        "strategy",
        [
            pytest.param(Steps([Step(1, MINUTES), Step(5, MINUTES), Step(25, MINUTES)]), id="steps of different sizes"),
            pytest.param(Split(50), id="an A/B test"),
        ],
    )
    def test_what_ecs_cannot_do_is_refused_with_what_it_can(self, strategy: object) -> None:
        said = f"the strategy is {type(strategy).__name__}, which Amazon ECS cannot do by itself: use AllAtOnce, Canary"
        with pytest.raises(ConfigurationError, match=said):
            service(strategy=strategy)

    def test_without_a_word_it_is_a_canary_of_ten_percent_for_five_minutes(self) -> None:
        configuration = deployment_configuration(template(service()))
        assert configuration["CanaryConfiguration"] == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}
        assert configuration["BakeTimeInMinutes"] == 10

    @pytest.mark.parametrize(
        ("strategy", "other"),
        [
            (AllAtOnce(), {"CanaryConfiguration", "LinearConfiguration"}),
            (Canary(percent=5, bake=MINUTES), {"LinearConfiguration"}),
            (Linear(percent=20, every=MINUTES), {"CanaryConfiguration"}),
        ],
    )
    def test_a_strategy_says_nothing_of_the_others(self, strategy: object, other: set[str]) -> None:
        assert not other & deployment_configuration(template(service(strategy=strategy))).keys()

    def test_a_canary_that_no_alarm_watches_may_be_as_short_as_it_likes(self) -> None:
        short = Canary(percent=5, bake=timedelta(minutes=1))
        configuration = deployment_configuration(template(service(strategy=short, guardrails=[NO_ALARM])))
        assert configuration["CanaryConfiguration"]["CanaryBakeTimeInMinutes"] == 1

    def test_no_task_of_the_live_side_is_missed_while_a_candidate_starts(self) -> None:
        configuration = deployment_configuration(template(service()))
        assert (configuration["MaximumPercent"], configuration["MinimumHealthyPercent"]) == (200, 100)

    def test_a_former_strategy_leaves_rules_groups_and_the_service_as_they_are(self) -> None:
        def kept(strategy: object) -> dict[str, object]:
            found = template(service(strategy=strategy)).to_json()["Resources"]
            return {
                name: one
                for name, one in found.items()
                if one["Type"] in {"Custom::TrafficRule", "AWS::ElasticLoadBalancingV2::TargetGroup"}
            } | {name: "" for name, one in found.items() if one["Type"] == "AWS::ECS::Service"}

        first, *others = [
            kept(one) for one in (AllAtOnce(), Canary(percent=5, bake=MINUTES), Linear(percent=20, every=MINUTES))
        ]
        assert len(first) == 5
        assert all(other == first for other in others)


class TestNoCircle:
    """An alarm on a metric of the service would wait for the service, which waits for its alarms."""

    def test_no_alarm_knows_the_service(self) -> None:
        full = fully_judged()
        (name,) = resources(full, "AWS::ECS::Service")
        assert name not in str(resources(full, "AWS::CloudWatch::Alarm"))

    def test_the_order_of_deletion_is_service_then_rules_then_groups(self) -> None:
        full = fully_judged()
        waits = {name: waits_for(full, name) for name in full.to_json()["Resources"]}
        (name,) = resources(full, "AWS::ECS::Service")
        rules, groups = (
            set(resources(full, kind)) for kind in ("Custom::TrafficRule", "AWS::ElasticLoadBalancingV2::TargetGroup")
        )
        assert rules <= waits[name]
        assert all(groups <= waits[rule] for rule in rules)
        assert all(name not in waits[other] for other in rules | groups)

    def test_the_service_waits_for_the_role_that_moves_its_traffic_and_for_the_judge(self) -> None:
        full = fully_judged()
        (name,) = resources(full, "AWS::ECS::Service")
        waited = waits_for(full, name)
        assert "BlueGreenEcsJudgeFunction" in waited
        assert [one for one in waited if "InfrastructureRole" in one]
        assert set(resources(full, "AWS::CloudWatch::Alarm")) <= waited


def waits_for(found: Template, name: str) -> set[str]:
    """Everything that CloudFormation makes before a resource, and deletes after it."""
    everything = found.to_json()["Resources"]
    seen: set[str] = set()
    asked = [name]
    while asked:
        now = everything[asked.pop()]
        for other in everything.keys() - seen:
            if f"'{other}'" in str(now):
                seen.add(other)
                asked.append(other)
    return seen
