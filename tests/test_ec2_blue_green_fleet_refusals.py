"""What a fleet is refused for, at synth, with what to do instead."""

import re
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AlarmThresholds,
    AllAtOnce,
    Approval,
    Artefact,
    CodeDeploy,
    ErrorComparison,
    ExpectedTraffic,
    FleetInstances,
    Ingress,
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
            (
                {"warm_pool": WarmPool(minimum=2, most_prepared=1)},
                "minimum 2 and most_prepared 1: give most_prepared 2 or more, or leave it out",
            ),
            ({"warm_pool": WarmPool(minimum=1, most_prepared=0)}, "minimum 1 and most_prepared 0"),
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

    @pytest.mark.parametrize(
        ("packages", "said"),
        [
            ("python3.11", "packages is 'python3.11': give a list"),
            (["python3.11; reboot"], "packages has 'python3.11; reboot'"),
            (["-y"], "packages has '-y'"),
            ([""], "packages has ''"),
        ],
    )
    def test_with_packages_that_dnf_does_not_know(self, packages: list[str], said: str) -> None:
        with pytest.raises(ConfigurationError) as raised:
            Artefact(bucket(new_stack()), first="1.0.0", packages=packages)
        assert said in str(raised.value)

    @pytest.mark.parametrize("script", [["yum update"], ["", "# prepare", "systemctl start model"]])
    def test_whose_user_data_the_warm_pool_would_cut_off(self, script: list[str]) -> None:
        user_data = ec2.UserData.for_linux()
        user_data.add_commands(*script)
        with pytest.raises(ConfigurationError, match="stops what enters the pool without waiting for its user data"):
            instances(new_stack(), user_data=user_data, warm_pool=POOL)
        assert instances(new_stack(), user_data=user_data, warm_pool=WarmPool(minimum=1, state="Running"))

    def test_whose_user_data_is_written_after_the_fleet(self) -> None:
        stack, user_data = new_stack(), ec2.UserData.for_linux()
        fleet(stack, of={"user_data": user_data, "warm_pool": POOL})
        user_data.add_commands("systemctl start model")
        with pytest.raises(RuntimeError, match=r"user_data and a warm pool with the state Stopped"):
            Template.from_stack(stack)

    @pytest.mark.parametrize("first", ["1 0", "a/b", "$(reboot)", "x" * 129])
    def test_whose_first_release_has_no_name(self, first: str) -> None:
        with pytest.raises(ConfigurationError, match="give the release's name in letters"):
            Artefact(bucket(new_stack()), first=first)


class TestFleets:
    @pytest.mark.parametrize(
        "name",
        [
            "/golden/model",
            "/golden/model:prod",
            "/golden/3",
            "/golden/model:0",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/golden/model",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/golden/model:prod",
        ],
    )
    def test_whose_image_moves_under_users(self, name: str) -> None:
        moving = ec2.MachineImage.generic_linux({"eu-west-1": f"resolve:ssm:{name}"})
        refused("which each launch reads anew: name the parameter's version by its number", of={"image": moving})

    def test_whose_image_is_looked_up_at_each_launch(self) -> None:
        moving = ec2.MachineImage.resolve_ssm_parameter_at_launch("/models/ami")
        refused("which each launch reads anew", of={"image": moving})

    @pytest.mark.parametrize(("grace", "prepare"), [(20, 20), (30, 20)])
    def test_that_may_boot_longer_than_a_rollout_waits_for_them(self, grace: int, prepare: int) -> None:
        refused(
            f"Ingress grace {grace} min and RolloutLimits prepare {prepare} min",
            ingress=Ingress(plain_http=True, grace=timedelta(minutes=grace)),
            limits=RolloutLimits(prepare=timedelta(minutes=prepare)),
        )

    def test_that_may_boot_longer_than_a_rollout_waits_by_default(self) -> None:
        refused("grace 20 min", ingress=Ingress(plain_http=True, grace=timedelta(minutes=20)))
        refused("grace 5 min", limits=RolloutLimits(prepare=timedelta(minutes=5)))

    @pytest.mark.parametrize("key", ["cost center", "team/owner", "größe", ".", "..", "_index"])
    @pytest.mark.parametrize("on_the_group", [False, True])
    def test_with_a_tag_that_no_instance_is_launched_with(self, key: str, on_the_group: bool) -> None:
        stack = new_stack()
        made = fleet(stack)
        cdk.Tags.of(made.green_group if on_the_group else stack).add(key, "research")
        with pytest.raises(RuntimeError, match=re.escape(f"the tag {key!r} reaches the instances")) as raised:
            Template.from_stack(stack)
        sides = ("Green",) if on_the_group else ("Blue", "Green")
        for side in sides:
            assert f"[Serving/Model/{side}Instances]" in str(raised.value)
        assert str(raised.value).count("reaches the instances") == len(sides), "once for each key"

    @pytest.mark.parametrize("where", ["stack", "nested", "excluded"])
    def test_with_such_a_tag_of_the_stack_itself_which_is_in_no_resource(self, where: str) -> None:
        """Auto Scaling gives instances the stack's own tags, whatever the group's say."""
        app = cdk.App()
        stack = cdk.Stack(app, "Serving", tags={"cost center": "17"} if where != "excluded" else None)
        if where == "excluded":
            kept_off = ["AWS::EC2::LaunchTemplate", "AWS::AutoScaling::AutoScalingGroup"]
            cdk.Tags.of(stack).add("cost center", "17", exclude_resource_types=kept_off)
        fleet(cdk.NestedStack(stack, "Nested") if where == "nested" else stack)
        with pytest.raises(RuntimeError, match="the tag 'cost center' reaches the instances"):
            app.synth()

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
        for ask in (lambda: made.live_rule, lambda: made.engine, made.add_dashboard):
            with pytest.raises(ConfigurationError, match="is deployed by CodeDeploy and has no rollouts of the engine"):
                ask()


class TestUnderCodeDeploy:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"strategy": AllAtOnce()}, "CodeDeploy together with strategy"),
            ({"hooks": [Approval("release manager")]}, "CodeDeploy together with hooks"),
            ({"limits": RolloutLimits()}, "CodeDeploy together with limits"),
            (
                {"ingress": Ingress(plain_http=True, grace=timedelta(minutes=20))},
                "CodeDeploy and Ingress(grace=20 min), for which no instance is spared",
            ),
            ({"expected_traffic": ExpectedTraffic(10, error_rate=0.0)}, "CodeDeploy together with expected_traffic"),
            ({"guardrails": [ErrorComparison()]}, "the guardrail ErrorComparison: alarms alone judge"),
            ({"guardrails": [AlarmThresholds()]}, "the guardrail AlarmThresholds: alarms alone judge"),
            ({"controller": CodeDeploy(on_stack_update=True)}, "releases of EC2 instances are no part of a template"),
            ({"scaling": Scaling(min=2, max=6, cpu_percent=50)}, "Scaling that moves"),
            (
                {"controller": CodeDeploy(configuration=MinimumHealthy(count=2))},
                "MinimumHealthy(count=2), and 2 on a side: CodeDeploy would have none to deploy to, give at most 1, or",
            ),
            (
                {
                    "controller": CodeDeploy(configuration=MinimumHealthy(percent=90)),
                    "scaling": Scaling(min=4),
                },
                "MinimumHealthy(percent=90), which of 4 instances is 4, rounded up, and 4 on a side: CodeDeploy would",
            ),
            (
                {"controller": CodeDeploy(configuration=MinimumHealthy(percent=76)), "scaling": Scaling(min=4)},
                "give at most 75 percent",
            ),
            (
                {"controller": CodeDeploy(configuration=MinimumHealthy(percent=1)), "scaling": Scaling(min=1)},
                "CodeDeploy would have none to deploy to, leave it out (OneAtATime), or give more instances",
            ),
            (
                {"controller": CodeDeploy(configuration=MinimumHealthy(count=1)), "scaling": Scaling(min=1)},
                "has MinimumHealthy(count=1), and 1 on a side: CodeDeploy would have none to deploy to, leave it out",
            ),
            (
                {"controller": CodeDeploy(configuration="HalfAtATime"), "scaling": Scaling(min=1)},
                "has configuration 'HalfAtATime', which of 1 instance is 1, rounded up, and 1 on a side",
            ),
            (
                {"controller": CodeDeploy(terminate=False), "bake": timedelta(minutes=15)},
                "has bake 15 min and CodeDeploy(terminate=False), with which the former instances stay for good",
            ),
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

    def test_packages_that_a_revision_installs_itself(self) -> None:
        stack = new_stack()
        artefact = Artefact(bucket(stack), packages=["python3.11"])
        with pytest.raises(ConfigurationError, match="an Artefact with packages: leave them out"):
            fleet(stack, instances=under_code_deploy(stack, artefact=artefact), controller=CodeDeploy())

    def test_a_first_release_which_codedeploy_installs_itself(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match=r"an Artefact with first '1\.0\.0': leave it out"):
            fleet(stack, instances=instances(stack), controller=CodeDeploy())
