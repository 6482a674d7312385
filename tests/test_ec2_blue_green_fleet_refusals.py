"""What a fleet is refused for, at synth, with what to do instead."""

from datetime import timedelta

import pytest
from aws_cdk import aws_ec2 as ec2

from bluegreen_constructs import (
    AlarmThresholds,
    AllAtOnce,
    Approval,
    Artefact,
    CodeDeploy,
    ErrorComparison,
    ExpectedTraffic,
    FleetInstances,
    MinimumHealthy,
    RolloutLimits,
    Scaling,
    ScheduledScaling,
    Spot,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.warm_pool import WarmPool
from tests.canary_service import new_stack
from tests.fleet import IMAGE, bucket, fleet, instances, under_code_deploy

POOL = WarmPool(minimum=1)


def refused(said: str, **options: object) -> None:
    with pytest.raises(ConfigurationError) as raised:
        fleet(new_stack(), **options)
    assert said in str(raised.value)
    assert not str(raised.value).endswith(".")


class TestInstances:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"types": []}, "types is []: give a list with at least one"),
            ({"types": "g5.xlarge"}, "types is 'g5.xlarge': give a list"),
            ({"types": ["g5.xlarge", "g5g.xlarge"]}, "different processor architectures (g5.xlarge, g5g.xlarge)"),
            ({"types": ["large"]}, "has the type 'large'"),
            ({"port": 0}, "port is 0: give a port between 1 and 65535"),
            ({"disk_gib": 0}, "disk_gib is 0: give 1 to 65536"),
            ({"disk_gib": 70_000}, "disk_gib is 70000"),
            ({"warm_pool": POOL, "spot": Spot()}, "warm pool together with Spot"),
            ({"warm_pool": WarmPool(minimum=1, state="Hibernated")}, "the state Hibernated, for which image"),
            ({"warm_pool": WarmPool(minimum=0)}, "a warm pool with minimum 0"),
        ],
    )
    def test_that_ec2_would_refuse(self, changes: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError) as raised:
            instances(new_stack(), **changes)
        assert said in str(raised.value)

    def test_that_nothing_starts_on_or_two_things(self) -> None:
        with pytest.raises(ConfigurationError, match="has neither artefact nor user_data"):
            FleetInstances(IMAGE, ["g5.xlarge"])
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="has both artefact and user_data"):
            instances(stack, artefact=Artefact(bucket(stack), first="1"), user_data=ec2.UserData.for_linux())

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"on_demand": -1}, "on_demand is -1: give 0 or more"),
            ({"percent": 101}, "percent is 101: give 0 to 100"),
        ],
    )
    def test_on_an_impossible_share_of_spot(self, arguments: dict[str, int], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Spot(**arguments)

    @pytest.mark.parametrize("prefix", ["", "releases", "/releases/", "a//b/", "a b/"])
    def test_whose_releases_lie_under_no_folder(self, prefix: str) -> None:
        with pytest.raises(ConfigurationError, match="give folders that end with a slash"):
            Artefact(bucket(new_stack()), first="1.0.0", prefix=prefix)

    @pytest.mark.parametrize("first", ["1 0", "a/b", "$(reboot)", "x" * 129])
    def test_whose_first_release_has_no_name(self, first: str) -> None:
        with pytest.raises(ConfigurationError, match="give the release's name in letters"):
            Artefact(bucket(new_stack()), first=first)


class TestFleets:
    def test_whose_image_moves_under_users(self) -> None:
        moving = ec2.MachineImage.resolve_ssm_parameter_at_launch("/models/ami")
        refused("which each launch reads anew: name the parameter's version", of={"image": moving})

    def test_that_start_with_no_release(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="has an Artefact without first"):
            fleet(stack, instances=instances(stack, artefact=Artefact(bucket(stack))))

    def test_that_fill_the_side_out_of_use_by_the_clock(self) -> None:
        schedule = ScheduledScaling("cron(0 6 ? * MON-FRI *)", min=4, max=8)
        refused(
            "schedules, which would start instances on the side that is out of use",
            scaling=Scaling(schedules=[schedule]),
        )

    def test_whose_pool_is_larger_than_a_side(self) -> None:
        pool = WarmPool(minimum=1, most_prepared=9)
        refused(
            "most_prepared 9 and Scaling max 6", of={"warm_pool": pool}, scaling=Scaling(min=2, max=6, cpu_percent=50)
        )

    def test_that_have_rights_of_the_engine_under_codedeploy(self) -> None:
        stack = new_stack()
        made = fleet(stack, instances=under_code_deploy(stack), controller=CodeDeploy())
        for ask in (lambda: made.live_rule, lambda: made.engine, lambda: made.url, made.add_dashboard):
            with pytest.raises(ConfigurationError, match="is deployed by CodeDeploy and has no rollouts of the engine"):
                ask()


class TestUnderCodeDeploy:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"strategy": AllAtOnce()}, "CodeDeploy together with strategy"),
            ({"hooks": [Approval("release manager")]}, "CodeDeploy together with hooks"),
            ({"limits": RolloutLimits()}, "CodeDeploy together with limits"),
            ({"expected_traffic": ExpectedTraffic(10, error_rate=0.0)}, "CodeDeploy together with expected_traffic"),
            ({"guardrails": [ErrorComparison()]}, "the guardrail ErrorComparison: alarms alone judge"),
            ({"guardrails": [AlarmThresholds()]}, "the guardrail AlarmThresholds: alarms alone judge"),
            ({"controller": CodeDeploy(on_stack_update=True)}, "releases of EC2 instances are no part of a template"),
            ({"scaling": Scaling(min=2, max=6, cpu_percent=50)}, "Scaling that moves"),
            ({"controller": CodeDeploy(configuration=MinimumHealthy(count=2))}, "and 2 instances on a side"),
            ({"bake": timedelta(seconds=90)}, "CodeDeploy counts it in whole minutes"),
            ({"bake": timedelta(days=3)}, "CodeDeploy allows at most 2880 minutes"),
        ],
    )
    def test_what_it_does_not_do_on_ec2(self, options: dict[str, object], said: str) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError) as raised:
            fleet(stack, instances=under_code_deploy(stack), **({"controller": CodeDeploy()} | options))
        assert said in str(raised.value)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"warm_pool": POOL}, "CodeDeploy and a warm pool"),
            ({"spot": Spot()}, "CodeDeploy and Spot"),
            ({"artefact": None, "user_data": ec2.UserData.for_linux()}, "CodeDeploy without an artefact"),
        ],
    )
    def test_instances_that_no_revision_reaches(self, changes: dict[str, object], said: str) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match=said):
            fleet(stack, instances=under_code_deploy(stack, **changes), controller=CodeDeploy())

    def test_a_first_release_which_codedeploy_installs_itself(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match=r"an Artefact with first '1\.0\.0': leave it out"):
            fleet(stack, instances=instances(stack), controller=CodeDeploy())
