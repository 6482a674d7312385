"""A fleet whose two sides CodeDeploy deploys to in turn, deployed to by a pipeline's build."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from bluegreen_constructs import CodeDeploy, Ec2BlueGreenFleet, MinimumHealthy
from bluegreen_constructs.build_machine import BuildMachine
from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.aws import code_deployments, fleet_sides, stored_objects
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.fleet_deploy import FleetDeploy
from tests.answering_aws import answering
from tests.canary_service import flat, new_stack, resources
from tests.fleet import fleet, under_code_deploy
from tests.stage_place import HERE, ROOT, Json, actions, build_spec, listed, project, rights, stage_place

RELEASE = "#{Source.CommitId}"


def deployed(stack: cdk.Stack, controller: CodeDeploy | None = None, **options: object) -> Ec2BlueGreenFleet:
    options.setdefault("bake", timedelta(minutes=5))
    return fleet(
        stack,
        instances=under_code_deploy(stack),
        controller=controller or CodeDeploy(application="models"),
        **options,
    )


@cache
def made() -> Template:
    stack = new_stack()
    given = stage_place(stack)
    approval = CodeDeploy(application="models", approval=timedelta(minutes=30))
    machine = BuildMachine(timeout=timedelta(minutes=45))
    return given.add(*FleetDeploy(deployed(stack, approval), release=RELEASE, machine=machine).make(given.place, 2))


def by_action() -> dict[str, Json]:
    return {action: one for one in rights(made()) for action in listed(one["Action"])}


def test_the_command_starts_the_release_and_waits_for_its_end() -> None:
    assert build_spec(made())["phases"]["build"]["commands"] == [
        "bluegreen start Serving/Model --release=\"$BLUEGREEN_RELEASE\" --reason 'stage Prod' --wait"
    ]
    assert build_spec(made())["phases"]["install"]["commands"] == ["pip install -r requirements.txt"]


def test_the_release_is_the_variable_that_the_execution_has() -> None:
    action = actions(made())["Serving-Model.Deploy"]
    assert json.loads(action["Configuration"]["EnvironmentVariables"]) == [
        {"name": "BLUEGREEN_RELEASE", "value": "#{Source.CommitId}", "type": "PLAINTEXT"}
    ]
    assert (action["RunOrder"], action["InputArtifacts"]) == (2, [{"Name": "Source"}])


def test_the_build_lasts_as_long_as_the_machine_the_approval_and_the_bake_take() -> None:
    assert project(made())["TimeoutInMinutes"] == 45 + 30 + 5


def test_the_role_may_do_what_the_command_calls_on_this_fleet_alone() -> None:
    found = {action: one["Resource"] for action, one in by_action().items()}
    groups = found["codedeploy:CreateDeployment"]
    application = "<ModelApplicationFF6C7135>"
    assert all(one.startswith(f"{ROOT}:codedeploy:{HERE}:deploymentgroup:{application}/<Model") for one in groups)
    assert len(set(groups)) == 2
    assert found == {
        "ssm:GetParameter": f"{ROOT}:ssm:{HERE}:parameter/bluegreen/targets/Serving/Model",
        "codedeploy:CreateDeployment": groups,
        "codedeploy:GetDeployment": groups,
        "codedeploy:ListDeployments": groups,
        "codedeploy:RegisterApplicationRevision": f"{ROOT}:codedeploy:{HERE}:application:{application}",
        "codedeploy:GetDeploymentConfig": f"{ROOT}:codedeploy:{HERE}:deploymentconfig:CodeDeployDefault.OneAtATime",
        "s3:GetObject": f"{ROOT}:s3:::releases-of-ours/releases/*.zip",
        "s3:ListBucket": f"{ROOT}:s3:::releases-of-ours",
        "ec2:DescribeInstances": "*",
        "elasticloadbalancing:DescribeTargetHealth": "*",
    }


def test_it_has_what_the_adapters_of_the_command_declare_but_for_what_a_start_does_not_call() -> None:
    """Going on, stopping and looking back are other verbs'; task definitions and targets are Amazon ECS's."""
    declared = {*code_deployments.IAM_ACTIONS, *stored_objects.IAM_ACTIONS, *fleet_sides.IAM_ACTIONS}
    assert declared - set(by_action()) == {
        "codedeploy:BatchGetDeployments",
        "codedeploy:BatchGetDeploymentTargets",
        "codedeploy:ContinueDeployment",
        "codedeploy:GetApplicationRevision",
        "codedeploy:StopDeployment",
    }
    # CodeDeploy asks for these of who calls CreateDeployment.
    beside = {"codedeploy:GetDeploymentConfig", "codedeploy:RegisterApplicationRevision"}
    assert set(by_action()) - called() == beside
    assert called() <= set(by_action())


@cache
def called() -> frozenset[str]:
    """The rights that the build's command needs, as it is, on the settings that the fleet's stack writes."""
    (parameter,) = resources(made(), "AWS::SSM::Parameter").values()
    tags = [{"Key": "bluegreen:fleet", "Value": "Serving/Model"}]
    instances = [
        {
            "InstanceId": f"i-{side}{n}",
            "State": {"Name": "running"},
            "Tags": [*tags, {"Key": "bluegreen:side", "Value": side}],
        }
        for side in ("blue", "green")
        for n in (1, 2)
    ]
    healthy = [{"Target": {"Id": f"i-blue{n}"}, "TargetHealth": {"State": "healthy"}} for n in (1, 2)]
    deployment = {"deploymentId": "d-1", "status": "Succeeded", "createTime": datetime(2026, 1, 5, tzinfo=UTC)}
    answers = {
        "ssm:GetParameter": {"Parameter": {"Value": flat(parameter["Properties"]["Value"])}},
        "codedeploy:ListDeployments": {"deployments": []},
        "s3:HeadObject": {},
        "elasticloadbalancing:DescribeTargetHealth": {"TargetHealthDescriptions": healthy},
        "ec2:DescribeInstances": {"Reservations": [{"Instances": instances}]},
        "codedeploy:CreateDeployment": {"deploymentId": "d-1"},
        "codedeploy:GetDeployment": {"deploymentInfo": deployment},
    }
    (command,) = build_spec(made())["phases"]["build"]["commands"]
    with answering(answers) as aws:
        assert run(shlex.split(command.replace("$BLUEGREEN_RELEASE", "1.4.2"))[1:]) == 0
    assert aws.asked["codedeploy:CreateDeployment"]["revision"]["s3Location"]["key"] == "releases/1.4.2.zip"
    assert aws.asked["codedeploy:CreateDeployment"]["description"] == "release 1.4.2 (green): stage Prod"
    return frozenset(aws.needed)


def test_a_configuration_of_the_fleets_own_is_the_one_that_may_be_read() -> None:
    stack = new_stack()
    given = stage_place(stack)
    controller = CodeDeploy(configuration=MinimumHealthy(count=1))
    template = given.add(*FleetDeploy(deployed(stack, controller), release=RELEASE).make(given.place, 1))
    (name,) = template.find_resources("AWS::CodeDeploy::DeploymentConfig")
    (found,) = [
        one["Resource"] for one in rights(template) if "codedeploy:GetDeploymentConfig" in listed(one["Action"])
    ]
    assert found == f"{ROOT}:codedeploy:{HERE}:deploymentconfig:<{name}>"


def test_a_fleet_of_another_stack_and_another_release_are_deployed_alike() -> None:
    app = cdk.App()
    given = stage_place(new_stack("Delivery", app))
    template = given.add(
        *FleetDeploy(deployed(new_stack(app=app)), release="web-#{Code.CommitId}").make(given.place, 1)
    )
    action = actions(template)["Serving-Model.Deploy"]
    assert json.loads(action["Configuration"]["EnvironmentVariables"])[0]["value"] == "web-#{Code.CommitId}"
    assert "Fn::ImportValue" in json.dumps(template.to_json())


def test_a_fleet_that_the_engine_runs_is_refused() -> None:
    stack = new_stack()
    place = stage_place(stack).place
    with pytest.raises(
        ConfigurationError,
        match=r"FleetDeploy\(Serving/Model\) in stage Prod: the engine runs this fleet's rollouts, use EngineRollout, "
        r"or give the fleet controller=CodeDeploy\(\)",
    ):
        FleetDeploy(fleet(stack), release=RELEASE).make(place, 1)


@pytest.mark.parametrize(
    ("bake", "approval", "said"),
    [
        (timedelta(hours=7), timedelta(minutes=30), "510 min (the machine's time-out 1 h, approval 30 min, bake 7 h)"),
        (timedelta(hours=7, minutes=1), None, "481 min (the machine's time-out 1 h, bake 421 min)"),
    ],
)
def test_a_deployment_that_is_longer_than_codepipeline_waits_is_refused(
    bake: timedelta, approval: timedelta | None, said: str
) -> None:
    stack = new_stack()
    place = stage_place(stack).place
    whole = (
        f"a deployment to Serving/Model may take {said}, and CodePipeline waits 8 h for an action of CodeBuild: shorten"
    )
    with pytest.raises(ConfigurationError, match=re.escape(whole)):
        FleetDeploy(deployed(stack, CodeDeploy(approval=approval), bake=bake), release=RELEASE).make(place, 1)


def test_a_deployment_that_is_just_as_long_as_codepipeline_waits_is_made() -> None:
    stack = new_stack()
    given = stage_place(stack)
    template = given.add(*FleetDeploy(deployed(stack, bake=timedelta(hours=7)), release=RELEASE).make(given.place, 1))
    assert project(template)["TimeoutInMinutes"] == 480


@pytest.mark.parametrize(
    ("account", "region", "said"),
    [
        (
            "123456789012",
            "us-east-1",
            "is in region eu-west-1, and the pipeline in us-east-1, where all that it starts",
        ),
        ("210987654321", "eu-west-1", "is in account 123456789012, and the pipeline in 210987654321"),
    ],
)
def test_a_fleet_elsewhere_is_refused(account: str, region: str, said: str) -> None:
    app = cdk.App()
    place = stage_place(cdk.Stack(app, "Delivery", env=cdk.Environment(account=account, region=region))).place
    with pytest.raises(ConfigurationError, match=said):
        FleetDeploy(deployed(new_stack(app=app)), release=RELEASE).make(place, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"release": " "}, "FleetDeploy release is ' ', and every execution would ship that one: give a variable"),
        ({"release": "1.4.2"}, "release is '1.4.2', and every execution .* such as '#{Source.CommitId}', that names"),
        ({"release": "${Source.CommitId}"}, "release is '[$]{Source.CommitId}'"),
        ({"release": "#{CommitId}"}, "release is '#{CommitId}'"),
        ({"install": ()}, "FleetDeploy has no install"),
        ({"install": "pip install x"}, "give a list of commands"),
    ],
)
def test_a_build_that_could_do_nothing_is_refused(options: dict, said: str) -> None:
    made = deployed(new_stack())
    with pytest.raises(ConfigurationError, match=said):
        FleetDeploy(made, **{"release": RELEASE, **options})


def test_no_release_is_taken_for_granted_for_no_build_of_ours_exports_one() -> None:
    with pytest.raises(TypeError, match="release"):
        FleetDeploy(deployed(new_stack()))  # type: ignore[call-arg]


def test_a_source_that_the_pipeline_does_not_have_is_refused() -> None:
    stack = new_stack()
    place = stage_place(stack).place
    with pytest.raises(ConfigurationError, match="reads the source Code: give one of Source"):
        FleetDeploy(deployed(stack), release=RELEASE, source="Code").make(place, 1)


def test_it_deploys_no_stack() -> None:
    assert FleetDeploy(deployed(new_stack()), release=RELEASE).stacks() == ()


def test_a_fleet_that_the_engine_runs_has_none_of_codedeploys_times_and_names() -> None:
    made = fleet(new_stack())
    assert made.approval_and_bake == (timedelta(), timedelta())
    assert made.deployment_configuration is None


def test_instances_that_stay_for_good_are_waited_for_by_nobody() -> None:
    made = deployed(new_stack(), CodeDeploy(terminate=False), bake=None)
    assert made.approval_and_bake == (timedelta(), timedelta())
