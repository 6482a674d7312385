"""taskdef.json and appspec.yaml, written and checked in a build before CodeDeploy's action reads them."""

import json
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs.build_machine import BuildMachine
from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.code_deploy_deploys import CodeDeployEcsDeploy
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.generated_files import GeneratedFiles
from tests.answering_aws import answering
from tests.canary_service import ENV, flat, new_stack, resources
from tests.code_deploy_service import deployed
from tests.stage_place import HERE, ROOT, actions, build_spec, listed, project, rights, stage_place

TARGET = "Serving/Inference"
PARAMETER = f"{ROOT}:ssm:{HERE}:parameter/bluegreen/targets/{TARGET}"


@cache
def made() -> Template:
    given = stage_place(new_stack("Delivery"))
    return given.add(GeneratedFiles(machine=BuildMachine(size="MEDIUM")).make(given.place, TARGET, 3).action)


def test_the_build_writes_both_files_and_checks_both() -> None:
    assert build_spec(made())["phases"] == {
        "install": {"runtime-versions": {"python": "3.12"}, "commands": ["pip install -r requirements.txt"]},
        "build": {
            "commands": [
                "bluegreen taskdef Serving/Inference > taskdef.json",
                "bluegreen appspec Serving/Inference > appspec.yaml",
                "bluegreen taskdef Serving/Inference --check taskdef.json",
                "bluegreen appspec Serving/Inference --check appspec.yaml",
            ]
        },
    }
    assert project(made())["Environment"]["ComputeType"] == "BUILD_GENERAL1_MEDIUM"


def test_both_files_are_handed_on_and_nothing_else() -> None:
    assert build_spec(made())["artifacts"] == {"files": ["taskdef.json", "appspec.yaml"]}
    action = actions(made())["Serving-Inference.Files"]
    assert (action["RunOrder"], action["InputArtifacts"]) == (3, [{"Name": "Source"}])
    assert action["OutputArtifacts"] == [{"Name": "Files-Prod-Serving-Inference"}]


def test_the_build_may_read_the_one_target_and_its_task_definition() -> None:
    assert rights(made()) == [
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": PARAMETER},
        {"Effect": "Allow", "Action": "ecs:DescribeTaskDefinition", "Resource": "*"},
    ]


def test_the_commands_need_these_rights_and_no_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are in the build, on the settings that the service's stack writes."""
    monkeypatch.chdir(tmp_path)
    stack = cdk.Stack(cdk.App(), "Serving", env=ENV)
    service = deployed(stack)
    settings = flat(
        next(iter(resources(Template.from_stack(stack), "AWS::SSM::Parameter").values()))["Properties"]["Value"]
    )
    definition = {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/ServingInference:7",
        "family": service.task_definition.family,
        "containerDefinitions": [
            {"name": "Inference", "image": "inference:1", "essential": True, "portMappings": [{"containerPort": 8080}]}
        ],
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/pulls",
    }
    answers = {
        "ssm:GetParameter": {"Parameter": {"Value": settings}},
        "ecs:DescribeTaskDefinition": {"taskDefinition": definition},
    }
    with answering(answers) as aws:
        for command in build_spec(made())["phases"]["build"]["commands"]:
            words, _, file = command.partition(" > ")
            assert run(shlex.split(words)[1:]) == 0, capsys.readouterr().err
            if file:
                Path(file).write_text(capsys.readouterr().out, encoding="utf-8")
    assert aws.needed == {action for one in rights(made()) for action in listed(one["Action"])}
    assert json.loads(Path("taskdef.json").read_text(encoding="utf-8"))["containerDefinitions"][0]["image"] == (
        "<IMAGE1_NAME>"
    )


def test_the_deploys_action_reads_what_was_generated() -> None:
    stack = cdk.Stack(cdk.App(), "Serving", env=ENV)
    given = stage_place(stack)
    assert given.place.image is not None
    image = replace(given.place.image, artifact=given.place.assembly)
    deploy = CodeDeployEcsDeploy(deployed(stack), GeneratedFiles())
    found = actions(given.add(*deploy.make(replace(given.place, image=image), 1)))
    assert {name: one["RunOrder"] for name, one in found.items()} == {
        "Serving-Inference.Files": 1,
        "Serving-Inference.Deploy": 2,
    }
    (files,) = found["Serving-Inference.Files"]["OutputArtifacts"]
    read = found["Serving-Inference.Deploy"]["Configuration"]
    assert (read["TaskDefinitionTemplateArtifact"], read["TaskDefinitionTemplatePath"]) == (
        files["Name"],
        "taskdef.json",
    )
    assert (read["AppSpecTemplateArtifact"], read["AppSpecTemplatePath"]) == (files["Name"], "appspec.yaml")


def test_a_long_target_still_has_an_artefact_that_codepipeline_takes() -> None:
    target = "/".join(["Serving", *["Nested" * 5] * 4])
    made = GeneratedFiles().make(stage_place(new_stack("Delivery")).place, target, 1)
    assert len(made.artifact.artifact_name or "") == 100


def test_another_source_and_another_install_are_the_applications_choice() -> None:
    given = stage_place(new_stack("Delivery"))
    install = ("pip install 'bluegreen-constructs[cli]==0.9.0'",)
    template = given.add(GeneratedFiles(install=install).make(given.place, TARGET, 1).action)
    assert build_spec(template)["phases"]["install"]["commands"] == list(install)


def test_a_source_that_the_pipeline_does_not_have_is_refused() -> None:
    place = stage_place(new_stack("Delivery")).place
    with pytest.raises(
        ConfigurationError,
        match=r"GeneratedFiles of Serving/Inference in stage Prod reads the source Code: give one of Source",
    ):
        GeneratedFiles(source="Code").make(place, TARGET, 1)


@pytest.mark.parametrize(
    ("install", "said"),
    [
        ((), "GeneratedFiles has no install: give what installs the command, such as 'pip install"),
        ("pip install x", "GeneratedFiles install is 'pip install x': give a list of commands"),
        ((" ",), "none of them empty"),
    ],
)
def test_a_build_that_installs_nothing_is_refused(install: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        GeneratedFiles(install=install)  # type: ignore[arg-type]


def test_its_bucket_is_the_pipelines() -> None:
    assert len(made().find_resources(s3.CfnBucket.CFN_RESOURCE_TYPE_NAME)) == 1
