"""Ec2BlueGreenFleet run by the engine: what the instances are, and what of them no stack update touches."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import Artefact, RolloutLimits, Scaling, Spot
from bluegreen_constructs.engine.target_settings import Compute
from bluegreen_constructs.engine.warm_pool import WarmPool
from tests.canary_service import PLAIN, new_stack, resources, settings_in, vpc_in
from tests.fleet import AMI, IMAGE, bucket, fleet, instances

TEMPLATE, GROUP = "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::AutoScalingGroup"

ANSWERS = "autoscaling:CompleteLifecycleAction"


@cache
def plain() -> Template:
    stack = new_stack()
    fleet(stack)
    return Template.from_stack(stack)


@cache
def mixed() -> Template:
    """Several types, partly on Spot, scaled on both."""
    stack = new_stack()
    fleet(
        stack,
        of={"types": ["g5.xlarge", "g5.2xlarge"], "spot": Spot(on_demand=2, percent=25)},
        scaling=Scaling(min=2, max=9, cpu_percent=60, requests_per_target=300),
        limits=RolloutLimits(keep=timedelta(hours=8)),
    )
    return Template.from_stack(stack)


def data_of(of: Template) -> list[dict]:
    return [one["Properties"]["LaunchTemplateData"] for one in resources(of, TEMPLATE).values()]


def tags_of(data: dict) -> dict[str, str]:
    (tags,) = (one["Tags"] for one in data["TagSpecifications"] if one["ResourceType"] == "instance")
    return {tag["Key"]: tag["Value"] for tag in tags}


class TestInstances:
    def test_answer_the_second_version_of_the_metadata_service_only_and_tell_their_tags_there(self) -> None:
        for data in data_of(plain()):
            assert data["MetadataOptions"] == {"HttpTokens": "required", "InstanceMetadataTags": "enabled"}

    def test_have_encrypted_disks(self) -> None:
        for data in data_of(plain()):
            (disk,) = data["BlockDeviceMappings"]
            assert disk == {
                "DeviceName": "/dev/xvda",
                "Ebs": {"Encrypted": True, "VolumeSize": 30, "VolumeType": "gp3"},
            }

    def test_take_a_key_of_their_own_for_their_disks(self) -> None:
        stack = new_stack()
        key = kms.Key(stack, "Key")
        fleet(stack, of={"disk_key": key, "disk_gib": 200})
        for data in data_of(Template.from_stack(stack)):
            (disk,) = data["BlockDeviceMappings"]
            assert disk["Ebs"]["KmsKeyId"] == stack.resolve(key.key_arn)
            assert disk["Ebs"]["VolumeSize"] == 200

    def test_say_which_side_and_fleet_and_first_release_they_are(self) -> None:
        found = {tags_of(data)["bluegreen:side"]: tags_of(data) for data in data_of(plain())}
        assert set(found) == {"blue", "green"}
        for tags in found.values():
            assert tags["bluegreen:fleet"] == "Serving/Model"
            assert tags["bluegreen:release"] == "1.0.0"

    def test_may_read_releases_under_the_prefix_and_nothing_else(self) -> None:
        (policy,) = (
            one["Properties"]["PolicyDocument"]["Statement"]
            for name, one in resources(plain(), "AWS::IAM::Policy").items()
            if "InstanceRole" in name
        )
        assert [(one["Action"], one["Resource"]["Fn::Join"][1][-1]) for one in policy] == [
            ("s3:GetObject", ":s3:::releases-of-ours/releases/*")
        ]

    def test_without_an_artefact_have_a_role_with_nothing_in_it(self) -> None:
        stack = new_stack()
        fleet(stack, of={"user_data": ec2.UserData.for_linux()})
        found = Template.from_stack(stack)
        assert not [name for name in resources(found, "AWS::IAM::Policy") if "InstanceRole" in name]
        (role,) = (one for name, one in resources(found, "AWS::IAM::Role").items() if "InstanceRole" in name)
        assert not {"ManagedPolicyArns", "Policies"} & set(role["Properties"])

    def test_let_nobody_in_but_the_load_balancer(self) -> None:
        (ingress,) = resources(plain(), "AWS::EC2::SecurityGroupIngress").values()
        assert (ingress["Properties"]["FromPort"], ingress["Properties"]["ToPort"]) == (8080, 8080)
        assert "SourceSecurityGroupId" in ingress["Properties"]


class TestStackUpdates:
    def test_launch_the_version_that_the_engine_made_the_default_and_never_the_latest(self) -> None:
        for found in (plain(), mixed()):
            templates = set(resources(found, TEMPLATE))
            for group in resources(found, GROUP).values():
                properties = group["Properties"]
                launched = properties.get("LaunchTemplate") or properties["MixedInstancesPolicy"]["LaunchTemplate"]
                launched = launched.get("LaunchTemplateSpecification", launched)
                (name, attribute) = launched["Version"]["Fn::GetAtt"]
                assert (name in templates, attribute) == (True, "DefaultVersionNumber")

    def test_replace_no_instance_and_set_no_number_of_them(self) -> None:
        for found in (plain(), mixed()):
            for group in resources(found, GROUP).values():
                assert "DesiredCapacity" not in group["Properties"]
                assert set(group.get("UpdatePolicy", {})) <= {"AutoScalingScheduledAction"}

    def test_leave_the_sizes_that_the_engine_set_alone_unless_they_are_edited_themselves(self) -> None:
        for found in (plain(), mixed()):
            for group in resources(found, GROUP).values():
                assert group["UpdatePolicy"] == {
                    "AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}
                }

    @pytest.mark.parametrize(
        "edit",
        [
            {"scaling": Scaling(min=3)},
            {"scaling": Scaling(min=2, max=6, cpu_percent=50)},
            {"ingress": replace(PLAIN, grace=timedelta(minutes=7))},
            {"of": {"subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)}},
            {"of": {"types": ["g5.xlarge", "g5.2xlarge"]}},
            {"of": {"spot": Spot()}},
            {"of": {"warm_pool": WarmPool(minimum=1)}},
        ],
        ids=str,
    )
    def test_that_edit_a_group_edit_its_launch_template_as_well(self, edit: dict[str, object]) -> None:
        """Else CloudFormation writes the default version that it read at the template's last edit, an old release's."""
        other = new_stack()
        fleet(other, **edit)
        self.assert_both_are_edited(plain(), Template.from_stack(other))

    @pytest.mark.parametrize(
        "edit",
        [
            {"types": ["g5.xlarge", "g6.xlarge"]},
            {"types": ["g5.2xlarge", "g5.xlarge"]},
            {"types": ["g5.xlarge", "g5.2xlarge"], "spot": Spot(on_demand=1, percent=25)},
            {"types": ["g5.xlarge", "g5.2xlarge"], "spot": Spot(on_demand=2, percent=50)},
        ],
        ids=str,
    )
    def test_that_edit_the_mixture_of_a_group_edit_its_launch_template_as_well(self, edit: dict[str, object]) -> None:
        before, after = new_stack(), new_stack()
        fleet(before, of={"types": ["g5.xlarge", "g5.2xlarge"], "spot": Spot(on_demand=2, percent=25)})
        fleet(after, of=edit)
        self.assert_both_are_edited(Template.from_stack(before), Template.from_stack(after))

    def test_that_tag_a_group_or_set_what_the_construct_does_not_edit_its_launch_template_as_well(self) -> None:
        tagged, set_by_hand = new_stack(), new_stack()
        made = fleet(tagged)
        for group in (made.blue_group, made.green_group):
            cdk.Tags.of(group).add("owner", "research")
        made = fleet(set_by_hand)
        for group in (made.blue_group, made.green_group):
            group.node.default_child.cooldown = "30"
        for other in (tagged, set_by_hand):
            self.assert_both_are_edited(plain(), Template.from_stack(other))

    def assert_both_are_edited(self, before: Template, after: Template) -> None:
        for kind in (GROUP, TEMPLATE):
            old, new = resources(before, kind), resources(after, kind)
            assert old.keys() == new.keys()
            for name in old:
                assert old[name] != new[name], name
        for old, new in zip(data_of(before), data_of(after), strict=True):
            assert tags_of(old)["bluegreen:group"] != tags_of(new)["bluegreen:group"]

    def test_without_an_edit_change_nothing(self) -> None:
        other = new_stack()
        fleet(other)
        assert Template.from_stack(other).to_json() == plain().to_json()

    def test_with_another_image_change_the_launch_templates_alone(self) -> None:
        other = new_stack()
        fleet(other, of={"image": ec2.MachineImage.generic_linux({"eu-west-1": "ami-0fedcba9876543210"})})
        before, after = plain().to_json()["Resources"], Template.from_stack(other).to_json()["Resources"]
        assert before.keys() == after.keys()
        changed = {before[name]["Type"] for name in before if before[name] != after[name]}
        assert changed == {TEMPLATE}


class TestSides:
    def test_both_start_with_the_least_number_of_instances(self) -> None:
        for group in resources(plain(), GROUP).values():
            assert (group["Properties"]["MinSize"], group["Properties"]["MaxSize"]) == ("2", "2")

    def test_are_replaced_by_the_load_balancers_health_check_after_the_grace(self) -> None:
        for group in resources(plain(), GROUP).values():
            assert group["Properties"]["HealthCheckType"] == "ELB"
            assert group["Properties"]["HealthCheckGracePeriod"] == 300
        assert PLAIN.grace_seconds == 60, "of tasks, which boot no machine"
        stack = new_stack()
        fleet(stack, ingress=replace(PLAIN, grace=timedelta(minutes=9)))
        for group in resources(Template.from_stack(stack), GROUP).values():
            assert group["Properties"]["HealthCheckGracePeriod"] == 540

    def test_are_known_to_the_engine_as_auto_scaling_groups_that_take_a_release_by_its_name(self) -> None:
        settings = settings_in(plain())
        assert settings.controller == "engine"
        for side in (settings.blue, settings.green):
            assert (side.compute, side.named, side.warm_pool) == (Compute.AUTO_SCALING, True, None)
        assert settings.blue.auto_scaling_group != settings.green.auto_scaling_group

    def test_without_an_artefact_take_versions_and_images_only(self) -> None:
        stack = new_stack()
        fleet(stack, of={"user_data": ec2.UserData.for_linux()})
        settings = settings_in(Template.from_stack(stack))
        assert not settings.blue.named
        assert not settings.green.named

    def test_scale_on_their_own_load(self) -> None:
        policies = [one["Properties"] for one in resources(mixed(), "AWS::AutoScaling::ScalingPolicy").values()]
        kinds = sorted(
            one["TargetTrackingConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"]
            for one in policies
        )
        assert kinds == ["ALBRequestCountPerTarget"] * 2 + ["ASGAverageCPUUtilization"] * 2

    def test_keep_the_former_side_as_long_as_asked(self) -> None:
        assert settings_in(mixed()).keep == timedelta(hours=8)
        assert settings_in(plain()).keep == timedelta()


class TestMixedInstances:
    def test_are_launched_of_all_types_the_preferred_first(self) -> None:
        for group in resources(mixed(), GROUP).values():
            policy = group["Properties"]["MixedInstancesPolicy"]
            assert [one["InstanceType"] for one in policy["LaunchTemplate"]["Overrides"]] == ["g5.xlarge", "g5.2xlarge"]
            assert policy["InstancesDistribution"] == {
                "OnDemandAllocationStrategy": "prioritized",
                "OnDemandBaseCapacity": 2,
                "OnDemandPercentageAboveBaseCapacity": 25,
                "SpotAllocationStrategy": "price-capacity-optimized",
            }

    def test_of_two_types_without_spot_are_all_on_demand(self) -> None:
        stack = new_stack()
        fleet(stack, of={"types": ["g5.xlarge", "g5.2xlarge"]})
        Template.from_stack(stack).all_resources_properties(
            GROUP,
            Match.object_like(
                {
                    "MixedInstancesPolicy": {
                        "InstancesDistribution": Match.object_like({"OnDemandPercentageAboveBaseCapacity": 100})
                    }
                }
            ),
        )


class TestWarmPool:
    def test_is_there_for_both_sides_and_known_to_the_engine(self) -> None:
        stack = new_stack()
        pool = WarmPool(minimum=2, most_prepared=5, state="Running", reuse=True)
        fleet(stack, of={"warm_pool": pool}, scaling=Scaling(min=2, max=6, cpu_percent=50))
        found = Template.from_stack(stack)
        pools = [one["Properties"] for one in resources(found, "AWS::AutoScaling::WarmPool").values()]
        assert len(pools) == 2
        for one in pools:
            group = one.pop("AutoScalingGroupName")
            assert group["Ref"] in resources(found, GROUP)
            assert one == {
                "MinSize": 2,
                "PoolState": "Running",
                "MaxGroupPreparedCapacity": 5,
                "InstanceReusePolicy": {"ReuseOnScaleIn": True},
            }
        settings = settings_in(found)
        assert settings.blue.warm_pool == settings.green.warm_pool == pool

    def test_has_its_minimum_whatever_the_side_runs_unless_told_otherwise(self) -> None:
        stack = new_stack()
        fleet(stack, of={"warm_pool": WarmPool(minimum=2)}, scaling=Scaling(min=2, max=6, cpu_percent=50))
        found = Template.from_stack(stack)
        for one in resources(found, "AWS::AutoScaling::WarmPool").values():
            assert one["Properties"]["MaxGroupPreparedCapacity"] == 2
        assert settings_in(found).blue.warm_pool == WarmPool(minimum=2, most_prepared=2)

    def test_holds_each_instance_until_it_says_that_its_release_runs(self) -> None:
        """In the group itself: a hook beside it would come after the first instances."""
        stack = new_stack()
        fleet(stack, of={"warm_pool": WarmPool(minimum=1)}, ingress=replace(PLAIN, grace=timedelta(minutes=9)))
        found = Template.from_stack(stack)
        for group in resources(found, GROUP).values():
            assert group["Properties"]["LifecycleHookSpecificationList"] == [
                {
                    "LifecycleHookName": "release-started",
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                    "DefaultResult": "CONTINUE",
                    "HeartbeatTimeout": 540,
                }
            ]
        assert not resources(found, "AWS::AutoScaling::LifecycleHook")
        for data in data_of(found):
            assert "--lifecycle-hook-name release-started" in str(data["UserData"])

    def test_waits_no_shorter_than_auto_scaling_allows(self) -> None:
        stack = new_stack()
        fleet(stack, of={"warm_pool": WarmPool(minimum=1)}, ingress=replace(PLAIN, grace=timedelta(seconds=10)))
        for group in resources(Template.from_stack(stack), GROUP).values():
            (hook,) = group["Properties"]["LifecycleHookSpecificationList"]
            assert hook["HeartbeatTimeout"] == 30

    def test_lets_instances_answer_for_the_groups_of_the_stack_before_there_are_any(self) -> None:
        stack = new_stack()
        fleet(stack, of={"warm_pool": WarmPool(minimum=1)})
        found = Template.from_stack(stack)
        (policy,) = (one["Properties"] for one in resources(found, "AWS::IAM::Policy").values() if ANSWERS in str(one))
        (statement,) = (one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == ANSWERS)
        assert str(statement["Resource"]).count(":autoScalingGroup:*:autoScalingGroupName/*") == 1
        of_stack = {"autoscaling:ResourceTag/aws:cloudformation:stack-id": {"Ref": "AWS::StackId"}}
        assert statement["Condition"] == {"StringEquals": of_stack}
        assert not [name for name in resources(found, GROUP) if name in str(policy)]

    @pytest.mark.parametrize(
        "of",
        [
            {},
            {"warm_pool": WarmPool(minimum=1, state="Running")},
            {"warm_pool": WarmPool(minimum=1), "user_data": ec2.UserData.for_linux()},
            {"warm_pool": WarmPool(minimum=1), "user_data": ec2.UserData.for_windows()},
        ],
        ids=["no pool", "running", "empty user data", "empty user data on Windows"],
    )
    def test_waits_for_nobody_where_nothing_is_cut_off(self, of: dict[str, object]) -> None:
        """A running instance leaves the pool without a boot, and where all is in the image nobody would answer."""
        stack = new_stack()
        fleet(stack, of=of)
        found = Template.from_stack(stack)
        for group in resources(found, GROUP).values():
            assert "LifecycleHookSpecificationList" not in group["Properties"]
        assert ANSWERS not in str(resources(found, "AWS::IAM::Policy"))
        assert "complete-lifecycle-action" not in str(data_of(found))

    def test_goes_with_several_types_on_demand(self) -> None:
        stack = new_stack()
        fleet(stack, of={"warm_pool": WarmPool(minimum=1), "types": ["g5.xlarge", "g5.2xlarge"]})
        assert len(resources(Template.from_stack(stack), "AWS::AutoScaling::WarmPool")) == 2


class TestTheConstruct:
    def test_says_what_others_need(self) -> None:
        stack = new_stack()
        made = fleet(stack)
        assert made.target == "Serving/Model"
        assert made.code_deploy_application is None
        assert made.deployment_groups == {}
        assert made.blue is not made.green
        assert made.blue_group is not made.green_group
        assert stack.resolve(made.connections.security_groups[0].security_group_id) == stack.resolve(
            made.security_group.security_group_id
        )
        assert made.load_balancer is not None
        outputs = Template.from_stack(stack).find_outputs("*")
        assert [one["Value"] for name, one in outputs.items() if name.startswith("ModelTarget")] == ["Serving/Model"]

    def test_has_a_dashboard_when_asked(self) -> None:
        stack = new_stack()
        fleet(stack).add_dashboard()
        assert resources(Template.from_stack(stack), "AWS::CloudWatch::Dashboard")

    def test_puts_its_instances_where_it_is_told(self) -> None:
        stack = new_stack()
        public = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
        fleet(stack, instances=instances(stack, subnets=public))
        wanted = [stack.resolve(one.subnet_id) for one in vpc_in(stack).public_subnets]
        for group in resources(Template.from_stack(stack), GROUP).values():
            assert group["Properties"]["VPCZoneIdentifier"] == wanted

    @pytest.mark.parametrize(
        "versioned",
        ["resolve:ssm:/models/ami:7", "resolve:ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/golden/model:3", AMI],
    )
    def test_takes_an_image_that_does_not_move(self, versioned: str) -> None:
        stack = new_stack()
        fleet(stack, of={"image": ec2.MachineImage.generic_linux({"eu-west-1": versioned})})
        assert {data["ImageId"] for data in data_of(Template.from_stack(stack))} == {versioned}

    def test_takes_any_image_of_the_cdk(self) -> None:
        stack = new_stack()
        fleet(stack, of={"image": ec2.MachineImage.latest_amazon_linux2023(), "types": ["m7i.large"]})
        assert data_of(Template.from_stack(stack))

    def test_takes_tags_that_can_be_read_on_the_instance_and_keeps_others_off_when_told(self) -> None:
        stack = new_stack()
        made = fleet(stack)
        cdk.Tags.of(stack).add("team:owner=a+b,c@d_e-f.g", "research")
        cdk.Tags.of(stack).add(
            "cost center",
            "17",
            exclude_resource_types=["aws:cdk:stack", "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::AutoScalingGroup"],
        )
        cdk.Tags.of(made.blue_group).add("of the group", "alone", apply_to_launched_instances=False)
        for data in data_of(Template.from_stack(stack)):
            assert tags_of(data)["team:owner=a+b,c@d_e-f.g"] == "research"

    def test_installs_what_the_release_needs_when_it_boots(self) -> None:
        stack = new_stack()
        fleet(stack, of={"artefact": Artefact(bucket(stack), first="2.0.0", packages=["python3.11", "gcc-c++"])})
        for data in data_of(Template.from_stack(stack)):
            assert "dnf install -y python3.11 gcc-c++" in str(data["UserData"])

    def test_reads_releases_where_the_artefact_says(self) -> None:
        stack = new_stack()
        artefact = Artefact(bucket(stack), first="2.0.0", prefix="models/chat/")
        fleet(stack, of={"artefact": artefact, "image": IMAGE})
        for data in data_of(Template.from_stack(stack)):
            assert "s3://releases-of-ours/models/chat/" in str(data["UserData"])
