"""The simulated compute, as ECS, Auto Scaling and Application Auto Scaling show it."""

import pytest

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute
from bluegreen_constructs.engine.warm_pool import WarmPool
from simulated_aws.behaviour import Behaviour
from simulated_aws.one_target import CLUSTER, OneTarget
from simulated_aws.world import Disturbances, SimulatedAws


def service(target: OneTarget, side: str) -> dict:
    name = target.settings.side(side).service
    return target.world.ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]


def deploy(target: OneTarget, image: str, desired: int) -> None:
    ecs, name = target.world.ecs, target.settings.green.service
    answer = ecs.describe_task_definition(taskDefinition=service(target, "green")["taskDefinition"], include=["TAGS"])
    former = answer["taskDefinition"]
    containers = [{**one, "image": image} if one["name"] == "app" else one for one in former["containerDefinitions"]]
    made = ecs.register_task_definition(family=former["family"], containerDefinitions=containers)
    arn = made["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=CLUSTER, service=name, taskDefinition=arn, desiredCount=desired)


def group(target: OneTarget, side: str) -> dict:
    name = target.settings.side(side).auto_scaling_group
    answer = target.world.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return answer["AutoScalingGroups"][0]


def update(target: OneTarget, side: str, **wanted: object) -> None:
    name = target.settings.side(side).auto_scaling_group
    target.world.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, **wanted)


@pytest.fixture
def ecs() -> OneTarget:
    return OneTarget(SimulatedAws())


@pytest.fixture
def scaling() -> OneTarget:
    return OneTarget(SimulatedAws(), compute=Compute.AUTO_SCALING)


def test_a_deployment_completes_a_while_after_it_was_asked_for(ecs: OneTarget) -> None:
    deploy(ecs, "model:2", 3)
    deployment = service(ecs, "green")["deployments"][0]
    assert (deployment["rolloutState"], deployment["runningCount"], deployment["pendingCount"]) == ("IN_PROGRESS", 0, 3)
    ecs.world.advance(40)
    deployment = service(ecs, "green")["deployments"][0]
    assert (deployment["rolloutState"], deployment["runningCount"], deployment["pendingCount"]) == ("COMPLETED", 3, 0)
    assert ecs.fleet("green").releases(ecs.world.now) == ["model:2"] * 3


def test_running_tasks_go_only_when_their_replacements_are_healthy(ecs: OneTarget) -> None:
    deploy(ecs, "model:2", 2)
    ecs.world.advance(40)
    deploy(ecs, "model:3", 2)
    assert [one["status"] for one in service(ecs, "green")["deployments"]] == ["PRIMARY", "ACTIVE"]
    ecs.world.advance(39)
    assert ecs.fleet("green").releases(ecs.world.now) == ["model:2"] * 2
    ecs.world.advance(1)
    assert len(service(ecs, "green")["deployments"]) == 1
    assert ecs.fleet("green").releases(ecs.world.now) == ["model:3"] * 2


def test_a_release_that_does_not_start_leaves_the_former_one_running_and_may_be_given_up(ecs: OneTarget) -> None:
    ecs.world.release_is("3", Behaviour(starts=False))
    deploy(ecs, "model:2", 2)
    ecs.world.advance(40)
    ecs.world.ecs.services[CLUSTER, ecs.settings.green.service].fails_after = 300
    deploy(ecs, "model:3", 2)
    ecs.world.advance(299)
    assert service(ecs, "green")["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert service(ecs, "green")["deployments"][0]["failedTasks"] > 0
    ecs.world.advance(1)
    assert service(ecs, "green")["deployments"][0]["rolloutState"] == "FAILED"
    assert ecs.fleet("green").releases(ecs.world.now) == ["model:2"] * 2


def test_what_aws_cannot_place_stays_away_and_is_said() -> None:
    target = OneTarget(SimulatedAws(), capacity=3)
    deploy(target, "model:2", 4)
    target.world.advance(1000)
    seen = service(target, "green")
    assert (seen["runningCount"], seen["deployments"][0]["rolloutState"]) == (3, "IN_PROGRESS")
    assert "unable to place a task" in seen["events"][0]["message"]


def test_scaling_down_is_at_once_and_takes_the_unhealthy_first(ecs: OneTarget) -> None:
    ecs.fleet("blue").lose(1)
    ecs.world.ecs.update_service(cluster=CLUSTER, service=ecs.settings.blue.service, desiredCount=3)
    assert ecs.fleet("blue").healthy(ecs.world.now) == 3


def test_a_task_definition_is_described_with_what_it_cannot_be_registered_with(ecs: OneTarget) -> None:
    arn = service(ecs, "green")["taskDefinition"]
    described = ecs.world.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    assert {"revision", "status", "compatibilities", "requiresAttributes", "registeredAt"} <= described.keys()
    with pytest.raises(BaseException, match="ignores"):
        ecs.world.ecs.register_task_definition(**described)


def test_ecs_refuses_unknown_names_and_empty_tags(ecs: OneTarget) -> None:
    client = ecs.world.ecs
    with pytest.raises(client.exceptions.ClusterNotFoundException):
        client.describe_services(cluster="none", services=["x"])
    with pytest.raises(client.exceptions.ServiceNotFoundException):
        client.update_service(cluster=CLUSTER, service="none", desiredCount=1)
    with pytest.raises(client.exceptions.ClientException):
        client.describe_task_definition(taskDefinition="none:1")
    with pytest.raises(client.exceptions.ClientException):
        client.register_task_definition(family="f", containerDefinitions=[{"name": "a"}], tags=[])
    missing = client.describe_services(cluster=CLUSTER, services=["none"])["failures"]
    assert [one["reason"] for one in missing] == ["MISSING"]


def test_describe_services_may_answer_as_before_the_last_update_for_a_while() -> None:
    target = OneTarget(SimulatedAws(seed=5, disturbances=Disturbances(stale_reads=10)))
    deploy(target, "model:2", 3)
    target.world.advance(5)
    assert {service(target, "green")["desiredCount"] for _ in range(40)} == {0, 3}
    target.world.advance(5.01)
    assert {service(target, "green")["desiredCount"] for _ in range(40)} == {3}


def test_a_lower_bound_is_kept_when_an_idle_service_is_scaled_in() -> None:
    target = OneTarget(SimulatedAws(), scale_in_seconds=300, rate=0)
    name = f"service/{CLUSTER}/{target.settings.blue.service}"
    arguments = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling = target.world.application_autoscaling
    scaling.register_scalable_target(**arguments, ResourceId=name, MinCapacity=3)
    target.world.advance(301)
    target.traffic.catch_up()
    assert target.fleet("blue").desired == 3
    (seen,) = scaling.describe_scalable_targets(**arguments, ResourceIds=[name])["ScalableTargets"]
    assert (seen["MinCapacity"], seen["MaxCapacity"]) == (3, 10)
    with pytest.raises(scaling.exceptions.ValidationException):
        scaling.register_scalable_target(**arguments, ResourceId=name, MinCapacity=11)


def test_a_service_with_traffic_is_not_scaled_in() -> None:
    target = OneTarget(SimulatedAws(), scale_in_seconds=300)
    target.world.advance(3600)
    target.traffic.catch_up()
    assert target.fleet("blue").desired == 4


def test_instances_keep_the_version_that_they_were_started_with(scaling: OneTarget) -> None:
    template = {"LaunchTemplateId": group(scaling, "blue")["LaunchTemplate"]["LaunchTemplateId"], "Version": "2"}
    update(scaling, "blue", LaunchTemplate=template, DesiredCapacity=5)
    versions = [one["LaunchTemplate"]["Version"] for one in group(scaling, "blue")["Instances"]]
    assert versions == ["1"] * 4 + ["2"]
    assert [one["LifecycleState"] for one in group(scaling, "blue")["Instances"]] == ["InService"] * 4 + ["Pending"]
    scaling.world.advance(40)
    assert [one["LifecycleState"] for one in group(scaling, "blue")["Instances"]] == ["InService"] * 5


def test_a_higher_minimum_raises_the_desired_capacity_and_bounds_are_kept(scaling: OneTarget) -> None:
    update(scaling, "green", MinSize=3)
    assert group(scaling, "green")["DesiredCapacity"] == 3
    for wanted in ({"DesiredCapacity": 11}, {"DesiredCapacity": 2}, {"MinSize": 11}):
        with pytest.raises(scaling.world.autoscaling.exceptions.ClientError, match="must be between"):
            update(scaling, "green", **wanted)


def test_a_launch_template_that_is_another_one_s_is_refused(scaling: OneTarget) -> None:
    with pytest.raises(scaling.world.autoscaling.exceptions.ClientError, match="does not exist"):
        update(scaling, "green", LaunchTemplate={"LaunchTemplateId": "lt-other", "Version": "2"})


def test_a_group_that_is_not_there_is_left_out_and_one_without_capacity_says_so() -> None:
    target = OneTarget(SimulatedAws(), compute=Compute.AUTO_SCALING, capacity=1)
    client = target.world.autoscaling
    assert client.describe_auto_scaling_groups(AutoScalingGroupNames=["none"]) == {"AutoScalingGroups": []}
    update(target, "green", DesiredCapacity=2)
    name = target.settings.green.auto_scaling_group
    (activity,) = client.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
    assert activity["StatusCode"] == "Failed"


def test_lost_targets_come_back_when_they_recover(ecs: OneTarget) -> None:
    ecs.fleet("blue").lose(3)
    assert ecs.fleet("blue").healthy(ecs.world.now) == 1
    ecs.fleet("blue").recover()
    assert ecs.fleet("blue").healthy(ecs.world.now) == 4


def made(target: OneTarget, side: str, release: str, token: str = "t") -> str:
    template = group(target, side)["LaunchTemplate"]["LaunchTemplateId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "bluegreen:release", "Value": release}]}]
    answer = target.world.ec2.create_launch_template_version(
        LaunchTemplateId=template,
        SourceVersion="1",
        VersionDescription=release,
        ClientToken=token,
        LaunchTemplateData={"TagSpecifications": tags},
    )
    return str(answer["LaunchTemplateVersion"]["VersionNumber"])


def test_a_version_that_was_made_behaves_as_the_release_in_its_tag(scaling: OneTarget) -> None:
    scaling.world.release_is("model-2", Behaviour(errors=0.5))
    assert scaling.world.behaviour(made(scaling, "green", "model-2")).errors == 0.5


def test_one_token_makes_one_version_and_no_other_request(scaling: OneTarget) -> None:
    assert made(scaling, "green", "2") == made(scaling, "green", "2")
    with pytest.raises(scaling.world.ec2.exceptions.ClientError, match="IdempotentParameterMismatch"):
        made(scaling, "green", "3")
    assert made(scaling, "green", "3", token="another") != made(scaling, "green", "2")


@pytest.mark.parametrize(("doubles", "answered"), [(False, [1]), (True, [1, 1])])
def test_a_version_of_two_names_is_answered_once_or_for_each_of_them(
    scaling: OneTarget, doubles: bool, answered: list[int]
) -> None:
    scaling.world.ec2.add_template("lt-of-one", 1)
    scaling.world.ec2.doubles = doubles
    answer = scaling.world.ec2.describe_launch_template_versions(
        LaunchTemplateId="lt-of-one", Versions=["$Latest", "$Default"]
    )
    assert [one["VersionNumber"] for one in answer["LaunchTemplateVersions"]] == answered


@pytest.mark.parametrize("doubles", [False, True])
def test_a_fleet_that_runs_a_release_is_left_alone_however_its_versions_are_answered(doubles: bool) -> None:
    target = OneTarget(SimulatedAws(), compute=Compute.AUTO_SCALING, named=True)
    target.world.ec2.doubles = doubles
    target.world.release_is("1.4.2", Behaviour())
    fleet = AutoScalingFleet(target.world.autoscaling, target.world.ec2)
    side, release = target.settings.green, Release("1.4.2")
    for _ in range(8):
        fleet.deploy(side, release, 2)
        target.world.advance(120)
    assert fleet.seen(side, release).is_settled
    before = len(target.world.calls)
    fleet.deploy(side, release, 2)
    made = [call.operation for call in target.world.calls[before:]]
    assert not {"ModifyLaunchTemplate", "CreateLaunchTemplateVersion", "UpdateAutoScalingGroup"} & set(made)


def test_a_version_that_is_not_there_is_refused(scaling: OneTarget) -> None:
    template = group(scaling, "green")["LaunchTemplate"]["LaunchTemplateId"]
    with pytest.raises(scaling.world.autoscaling.exceptions.ClientError, match="version 900 does not exist"):
        update(scaling, "green", LaunchTemplate={"LaunchTemplateId": template, "Version": "900"})
    with pytest.raises(scaling.world.ec2.exceptions.ClientError, match="VersionNotFound"):
        scaling.world.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="900")


@pytest.fixture
def pooled() -> OneTarget:
    pool = WarmPool(minimum=2, reuse=True)
    return OneTarget(SimulatedAws(), compute=Compute.AUTO_SCALING, warm_pool=pool)


def pool_of(target: OneTarget, side: str) -> dict:
    name = target.settings.side(side).auto_scaling_group
    return target.world.autoscaling.describe_warm_pool(AutoScalingGroupName=name)


def test_a_group_grows_out_of_its_pool_whatever_that_holds_and_shrinks_into_it(pooled: OneTarget) -> None:
    assert [one["LaunchTemplate"]["Version"] for one in pool_of(pooled, "green")["Instances"]] == ["1", "1"]
    template = group(pooled, "green")["LaunchTemplate"]["LaunchTemplateId"]
    update(pooled, "green", LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}, DesiredCapacity=3)
    versions = [one["LaunchTemplate"]["Version"] for one in group(pooled, "green")["Instances"]]
    assert (versions, pooled.fleet("green").stale) == (["1", "1", "2"], ["1", "1"])
    update(pooled, "green", MinSize=0, DesiredCapacity=0)
    assert len(pool_of(pooled, "green")["Instances"]) == 5


def test_a_pool_that_is_deleted_takes_a_while_to_go_and_can_be_made_again_then(pooled: OneTarget) -> None:
    client, name = pooled.world.autoscaling, pooled.settings.green.auto_scaling_group
    pool_of(pooled, "green")
    with pytest.raises(client.exceptions.ClientError, match="ResourceInUse"):
        client.delete_warm_pool(AutoScalingGroupName=name)
    client.delete_warm_pool(AutoScalingGroupName=name, ForceDelete=True)
    assert pool_of(pooled, "green")["WarmPoolConfiguration"]["Status"] == "PendingDelete"
    with pytest.raises(client.exceptions.ClientError, match="being deleted"):
        client.put_warm_pool(AutoScalingGroupName=name, MinSize=2)
    pooled.world.advance(60)
    assert pool_of(pooled, "green") == {"Instances": []}
    with pytest.raises(client.exceptions.ClientError, match="No warm pool found"):
        client.delete_warm_pool(AutoScalingGroupName=name, ForceDelete=True)
    client.put_warm_pool(AutoScalingGroupName=name, MinSize=2)
    assert len(pool_of(pooled, "green")["Instances"]) == 2
