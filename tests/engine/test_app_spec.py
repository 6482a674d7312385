"""AppSpec files: what CodeDeploy takes is written, and what it would refuse is refused in a sentence."""

import pytest
import yaml

from bluegreen_constructs.engine.app_spec import (
    ECS_EVENTS,
    SERVER_EVENTS,
    TASK_DEFINITION,
    Script,
    ecs_app_spec,
    server_app_spec,
    task_definition_in,
)
from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings, EventHook
from bluegreen_constructs.engine.errors import ConfigurationError

ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/Inference:7"


def settings(*hooks: tuple[str, str], port: int = 8080, **others: object) -> CodeDeploySettings:
    return CodeDeploySettings(
        "App", "Group", family="F", port=port, hooks=tuple(EventHook(*h) for h in hooks), **others
    )


def test_the_file_for_a_pipeline_is_the_tutorials_to_the_letter() -> None:
    assert ecs_app_spec(settings(), "app") == (
        "version: 0.0\n"
        "Resources:\n"
        "  - TargetService:\n"
        "      Type: AWS::ECS::Service\n"
        "      Properties:\n"
        "        TaskDefinition: <TASK_DEFINITION>\n"
        "        LoadBalancerInfo:\n"
        '          ContainerName: "app"\n'
        "          ContainerPort: 8080\n"
    )


def test_it_is_yaml_with_the_types_that_codedeploy_wants() -> None:
    written = yaml.safe_load(ecs_app_spec(settings(("AfterAllowTestTraffic", "Smoke")), "app", ARN))
    properties = {"TaskDefinition": ARN, "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}
    assert written == {
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        "Hooks": [{"AfterAllowTestTraffic": "Smoke"}],
    }


@pytest.mark.parametrize("name", ["007", "true", "a b", 'quo"te', "null"])
def test_no_name_becomes_something_else(name: str) -> None:
    written = yaml.safe_load(ecs_app_spec(settings(("AfterInstall", name)), name))
    properties = written["Resources"][0]["TargetService"]["Properties"]
    assert (properties["LoadBalancerInfo"]["ContainerName"], written["Hooks"]) == (name, [{"AfterInstall": name}])


def test_hooks_come_in_the_order_in_which_codedeploy_runs_them() -> None:
    written = yaml.safe_load(ecs_app_spec(settings(*((event, event) for event in reversed(ECS_EVENTS))), "app"))
    assert [*map(list, written["Hooks"])] == [[event] for event in ECS_EVENTS]


@pytest.mark.parametrize(
    ("given", "container", "task_definition", "said"),
    [
        (settings(platform="Server"), "app", ARN, "the platform of App is Server"),
        (settings(), "", ARN, "the AppSpec's container is ''"),
        (settings(port=0), "app", ARN, "at port 0: give the name of a container and a port from 1 to 65535"),
        (settings(port=65536), "app", ARN, "at port 65536"),
        (settings(), "app", "", "the AppSpec's task definition is ''"),
        (settings(), "app", "two words", "the AppSpec's task definition is 'two words'"),
        (settings(("AllowTraffic", "F")), "app", ARN, "a hook at 'AllowTraffic': give one of BeforeInstall"),
        (settings(("AfterInstall", "F"), ("AfterInstall", "G")), "app", ARN, "two hooks at AfterInstall, F and G"),
    ],
)
def test_what_codedeploy_would_refuse_is_refused(
    given: CodeDeploySettings, container: str, task_definition: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ecs_app_spec(given, container, task_definition)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "written",
    [
        ecs_app_spec(settings(), "app", ARN),
        f'{{"Resources":[{{"TargetService":{{"Properties":{{"TaskDefinition":"{ARN}"}}}}}}]}}',
        f"TaskDefinition: '{ARN}'",
        f"TaskDefinition:   {ARN}   # live",
    ],
)
def test_the_task_definition_is_found_in_yaml_and_in_json(written: str) -> None:
    assert task_definition_in(written) == ARN


def test_the_placeholder_is_found_and_nothing_is_nothing() -> None:
    assert task_definition_in(ecs_app_spec(settings(), "app")) == TASK_DEFINITION
    assert task_definition_in("") == task_definition_in("version: 0.0") == ""


def test_a_revision_for_servers_copies_files_and_runs_scripts_in_their_order() -> None:
    scripts = {event: (Script(f"scripts/{event}.sh", 60, "root"),) for event in reversed(SERVER_EVENTS)}
    written = yaml.safe_load(server_app_spec({"/services": "/opt/inference/services"}, scripts))
    assert list(written) == ["version", "os", "files", "file_exists_behavior", "hooks"]
    assert (written["version"], written["os"], written["file_exists_behavior"]) == (0.0, "linux", "OVERWRITE")
    assert written["files"] == [{"source": "/services", "destination": "/opt/inference/services"}]
    assert list(written["hooks"]) == list(SERVER_EVENTS)
    assert written["hooks"]["ValidateService"] == [
        {"location": "scripts/ValidateService.sh", "timeout": 60, "runas": "root"}
    ]


def test_a_revision_needs_no_scripts() -> None:
    assert "hooks" not in yaml.safe_load(server_app_spec({"/": "/opt/app"}))


@pytest.mark.parametrize(
    ("files", "scripts", "system", "said"),
    [
        ({"services": "/opt"}, {}, "linux", "give two paths that begin with a slash"),
        ({"/services": "opt here"}, {}, "linux", "give two paths that begin with a slash"),
        ({}, {"Install": (Script("a.sh"),)}, "linux", "scripts at 'Install': give one of ApplicationStop"),
        ({}, {"AfterInstall": (Script("a.sh", 2000), Script("b.sh", 1601))}, "linux", "may take 3601 s"),
        ({}, {"AfterInstall": (Script("a.sh", 0),)}, "linux", "give each at least 1 s"),
        ({}, {}, "windows", "the AppSpec's system is 'windows'"),
    ],
)
def test_a_revision_that_an_agent_would_refuse_is_refused(
    files: dict[str, str], scripts: dict[str, tuple[Script, ...]], system: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        server_app_spec(files, scripts, system)
    assert said in str(refused.value)


def test_an_hour_of_scripts_at_one_event_is_taken() -> None:
    assert "timeout: 3600" in server_app_spec({}, {"AfterInstall": (Script("a.sh", 3600),)})
