"""PipelineFiles: what CodePipeline registers and CodeDeploy deploys by, checked as both would check it."""

import json
import re

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template

from bluegreen_constructs import CodeDeploy, EcsBlueGreenService
from bluegreen_constructs.cli.app_spec_check import app_spec_problems
from bluegreen_constructs.cli.plain_yaml import read_yaml
from bluegreen_constructs.cli.registration_types import type_problems
from bluegreen_constructs.cli.task_definition_file import IMAGE, task_definition_problems
from bluegreen_constructs.engine.app_spec import ECS_EVENTS
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.pipeline_files import PipelineFiles
from tests.blue_green_service import PLAIN, container, network, new_stack, only, resources, service
from tests.code_deploy_service import deployed, everything_on, real_network

_ROLE = "arn:aws:iam::123456789012:role/{}"


def deployed_text(stack: cdk.Stack, text: str) -> str:
    """The text as CloudFormation completes it: references become names, role attributes ARNs."""
    return _completed(stack.resolve(text))


def _completed(value: object) -> str:
    match value:
        case str():
            return value
        case {"Fn::Join": [between, parts]}:
            return between.join(map(_completed, parts))
        case {"Fn::GetAtt": [name, "Arn"]}:
            return _ROLE.format(name)
        case {"Ref": name}:
            return name.replace("::", "-")
    raise AssertionError(value)


def files_of(made: EcsBlueGreenService) -> tuple[str, str]:
    files, stack = PipelineFiles.of(made), cdk.Stack.of(made)
    return deployed_text(stack, files.task_definition), deployed_text(stack, files.app_spec)


def task_definition(made: EcsBlueGreenService) -> dict:
    return json.loads(files_of(made)[0])


def full() -> EcsBlueGreenService:
    stack = new_stack()
    return everything_on(stack, real_network(stack))


def test_both_files_of_a_service_with_everything_are_taken_by_ecs_and_codedeploy():
    made = full()
    text, spec = files_of(made)
    settings = made.code_deploy_settings
    assert settings is not None
    assert settings.codedeploy is not None
    where, name = settings.codedeploy, settings.blue.container
    assert list(task_definition_problems(text, where.family, name, where.port)) == []
    assert list(type_problems(text)) == []
    # Compared before anything is completed, for the settings have the functions' names as references too.
    assert list(app_spec_problems(PipelineFiles.of(made).app_spec, where, name)) == []
    assert "${Token" not in text + spec


def test_the_file_says_what_the_stack_registers_but_for_the_image():
    made = full()
    registered = only(resources(Template.from_stack(cdk.Stack.of(made)), "AWS::ECS::TaskDefinition"))["Properties"]
    written = task_definition(made)
    assert {key[0].upper() + key[1:] for key in written} == set(registered)
    (own,), (theirs,) = written["containerDefinitions"], registered["ContainerDefinitions"]
    assert {key[0].upper() + key[1:] for key in own} == set(theirs)
    assert own["image"] == IMAGE
    assert written["family"] == registered["Family"]
    assert written["cpu"] == registered["Cpu"]
    assert own["portMappings"] == [{"containerPort": 8080, "protocol": "tcp"}]
    role = registered["ExecutionRoleArn"]["Fn::GetAtt"][0]
    assert written["executionRoleArn"] == _ROLE.format(role)
    assert (
        own["logConfiguration"]["options"]["awslogs-group"]
        == (theirs["LogConfiguration"]["Options"]["awslogs-group"]["Ref"])
    )


def test_what_comes_after_the_files_are_asked_for_is_in_them():
    stack = new_stack()
    made = deployed(stack)
    files = PipelineFiles.of(made)
    made.task_definition.default_container.add_environment("LOG_LEVEL", "debug")
    cdk.Tags.of(made).add("team", "models")
    made.node.root.synth()
    written = json.loads(deployed_text(stack, files.task_definition))
    assert written["containerDefinitions"][0]["environment"] == [{"name": "LOG_LEVEL", "value": "debug"}]
    assert written["tags"] == [{"key": "team", "value": "models"}]


def test_a_sidecar_keeps_its_image():
    stack = new_stack()
    made = deployed(stack)
    made.task_definition.add_container("proxy", image=ecs.ContainerImage.from_registry("envoy:1.31"))
    images = {one["name"]: one["image"] for one in task_definition(made)["containerDefinitions"]}
    assert images == {"Inference": IMAGE, "proxy": "envoy:1.31"}


def test_what_cloudformation_calls_otherwise_is_called_as_the_api_does():
    stack = new_stack()
    made = deployed(stack)
    made.task_definition.add_volume(
        name="models",
        efs_volume_configuration=ecs.EfsVolumeConfiguration(file_system_id="fs-1", transit_encryption="ENABLED"),
    )
    resource = made.task_definition.node.default_child
    assert isinstance(resource, ecs.CfnTaskDefinition)
    resource.proxy_configuration = ecs.CfnTaskDefinition.ProxyConfigurationProperty(
        container_name="proxy",
        type="APPMESH",
        proxy_configuration_properties=[ecs.CfnTaskDefinition.KeyValuePairProperty(name="AppPorts", value="8080")],
    )
    text = files_of(made)[0]
    assert list(type_problems(text)) == []
    written = json.loads(text)
    assert written["volumes"][0]["efsVolumeConfiguration"]["fileSystemId"] == "fs-1"
    assert written["proxyConfiguration"]["properties"] == [{"name": "AppPorts", "value": "8080"}]


def test_the_appspec_names_container_port_and_the_functions_of_the_hooks():
    made = full()
    spec = read_yaml(files_of(made)[1])
    (resource,) = spec["Resources"]
    properties = resource["TargetService"]["Properties"]
    assert properties["TaskDefinition"] == "<TASK_DEFINITION>"
    assert properties["LoadBalancerInfo"] == {"ContainerName": "Inference", "ContainerPort": 8080}
    events = [event for hook in spec["Hooks"] for event in hook]
    assert events
    assert events == [event for event in ECS_EVENTS if event in events]
    functions = resources(Template.from_stack(cdk.Stack.of(made)), "AWS::Lambda::Function")
    assert all(re.sub(r"[^A-Za-z0-9]", "", name) in functions for hook in spec["Hooks"] for name in hook.values())


def test_the_texts_are_the_same_for_the_same_service():
    assert files_of(full()) == files_of(full())


def test_a_service_that_amazon_ecs_rolls_out_has_no_such_files():
    with pytest.raises(ConfigurationError, match="Amazon ECS rolls out Stack/Inference: give it controller=CodeDeploy"):
        PipelineFiles.of(service())


def test_the_names_are_those_that_codepipeline_looks_for():
    stack = new_stack()
    assert list(PipelineFiles.of(deployed(stack)).by_name()) == ["taskdef.json", "appspec.yaml"]


def test_the_container_of_a_service_with_a_dot_in_its_id_is_found():
    stack = new_stack()
    made = EcsBlueGreenService(
        stack, "In.ference", vpc=network(stack), container=container(), ingress=PLAIN, controller=CodeDeploy()
    )
    assert [one["image"] for one in task_definition(made)["containerDefinitions"]] == [IMAGE]
