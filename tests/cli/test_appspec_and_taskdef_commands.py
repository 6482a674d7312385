"""`bluegreen appspec` and `bluegreen taskdef`: the files that CodePipeline's action CodeDeployToECS takes."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bluegreen_constructs.cli.plain_yaml import YamlError, read_yaml
from bluegreen_constructs.cli.server_revision import server_revision
from tests.cli.code_deployed import REPOSITORY, TARGET, definition, definition_arn, server_settings
from tests.cli.operated_world import OperatedWorld, Operator


def written(operator: Operator, verb: str, tmp_path: Path) -> Path:
    """What the verb prints, in a file."""
    assert operator.types(verb, TARGET) == 0
    file = tmp_path / "file"
    file.write_text(operator.out)
    return file


def problems(operator: Operator, verb: str, file: Path) -> list[str]:
    """What is wrong with the file; the command ends 1 exactly when something is."""
    code = operator.types(verb, TARGET, "--check", str(file), "--format", "json")
    found = json.loads(operator.out)["problems"]
    assert code == (1 if found else 0)
    return found


# The AppSpec


def test_it_names_the_targets_container_port_and_hooks(deployed: Operator) -> None:
    assert deployed.types("appspec") == 0
    service = {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "TaskDefinition": "<TASK_DEFINITION>",
            "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080},
        },
    }
    assert yaml.safe_load(deployed.out) == {
        "version": 0.0,
        "Resources": [{"TargetService": service}],
        "Hooks": [{"AfterAllowTestTraffic": "Serving-Smoke"}],
    }
    assert deployed.world.deployer.calls == deployed.world.registered.calls == []


def test_a_task_definition_takes_the_place_of_the_placeholder(deployed: Operator) -> None:
    assert deployed.types("appspec", "--task-definition", definition_arn(7)) == 0
    assert f'TaskDefinition: "{definition_arn(7)}"' in deployed.out


def test_json_has_the_file_by_the_name_that_codepipeline_looks_for(deployed: Operator) -> None:
    said = deployed.reads("appspec")
    assert (said["target"], said["platform"], list(said["files"])) == (TARGET, "ECS", ["appspec.yaml"])


def test_its_own_file_is_taken(deployed: Operator, tmp_path: Path) -> None:
    file = written(deployed, "appspec", tmp_path)
    assert deployed.types("appspec", TARGET, "--check", str(file)) == 0
    assert deployed.out == f"{file}: nothing is wrong with it for Serving/Inference\n"


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("<TASK_DEFINITION>", "arn:x", "TaskDefinition is 'arn:x': give the placeholder <TASK_DEFINITION>"),
        ('"app"', '"web"', "ContainerName is 'web': the target's container is 'app'"),
        ("8080", '"8080"', "ContainerPort is '8080': give a whole number"),
        ("8080", "80", "ContainerPort is 80: the target's port is 8080"),
        ("0.0", "1.0", "its version is 1.0: give 0.0, the only one that there is"),
        ("Resources:", "resources:", "it has resources: give version, Resources and Hooks only"),
        ("ECS::Service", "Lambda::Function", "the resource's Type is 'AWS::Lambda::Function': give AWS::ECS::Service"),
        ("AfterAllowTestTraffic", "AllowTraffic", "Hooks has AllowTraffic: give one of BeforeInstall"),
        ("Serving-Smoke", "Other", "the hook at AfterAllowTestTraffic is 'Other': the target's is Serving-Smoke"),
        ("Hooks:", "Unread:", "the hook at AfterAllowTestTraffic is missing: the target's is Serving-Smoke"),
        ("        LoadBalancerInfo:", "        Balancer:", "Properties has Balancer"),
        ("version", "\tversion", "line 1 is indented by a tab: give spaces"),
        ("version: 0.0", "version: &a 0.0", "line 1 has a value that is not read here"),
    ],
)
def test_what_would_not_be_taken_is_said(deployed: Operator, tmp_path: Path, was: str, becomes: str, said: str) -> None:
    file = written(deployed, "appspec", tmp_path)
    assert was in file.read_text()
    file.write_text(file.read_text().replace(was, becomes))
    assert any(one.startswith(said) for one in problems(deployed, "appspec", file))


def test_other_properties_and_json_are_taken(deployed: Operator, tmp_path: Path) -> None:
    file = written(deployed, "appspec", tmp_path)
    content = yaml.safe_load(file.read_text())
    content["Resources"][0]["TargetService"]["Properties"]["PlatformVersion"] = "LATEST"
    file.write_text(json.dumps(content))
    assert problems(deployed, "appspec", file) == []


def test_every_problem_is_a_line_and_the_exit_code_is_one(deployed: Operator, tmp_path: Path) -> None:
    file = written(deployed, "appspec", tmp_path)
    file.write_text(file.read_text().replace("8080", "80").replace('"app"', '"web"'))
    assert deployed.types("appspec", TARGET, "--check", str(file)) == 1
    assert deployed.out == (
        f"{file}: ContainerName is 'web': the target's container is 'app'\n"
        f"{file}: ContainerPort is 80: the target's port is 8080\n"
    )


@pytest.mark.parametrize("verb", ["appspec", "taskdef"])
def test_a_file_that_cannot_be_read_is_wrong_usage(deployed: Operator, tmp_path: Path, verb: str) -> None:
    assert "cannot be read: No such file" in deployed.is_refused(2, verb, TARGET, "--check", str(tmp_path / "none"))
    (tmp_path / "image").write_bytes(b"\xff\xfe\x00")
    assert "is no text in UTF-8" in deployed.is_refused(2, verb, TARGET, "--check", str(tmp_path / "image"))


@pytest.mark.parametrize(
    "options",
    [
        ("--check", "f", "--into", "d"),
        ("--check", "f", "--task-definition", "arn"),
        ("--platform", "server", "--check", "f"),
        ("--platform", "lambda"),
        (TARGET, "--platform", "server"),
        ("--task-definition", "two words"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(deployed: Operator, options: tuple[str, ...]) -> None:
    assert deployed.is_refused(2, "appspec", *options)


@pytest.mark.parametrize(
    "text",
    [
        'a: 1\nb:\n  - c\n  - d: \'it\'\'s\'\n    e: "x # y"\n  -\n    f: ["g","h"]\n',
        "# comment\n---\na:\n- b: 1\n  c: -2\n- d: 1.5   # rest\n",
        "a: AWS::ECS::Service\nb: true\nc: null\nd: ~\ne:\nf: []\n",
        "- a\n- b\n",
        '"quoted key": x\n',
    ],
)
def test_plain_yaml_is_read_as_a_whole_reader_reads_it(text: str) -> None:
    assert read_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("{", "it is no JSON"),
        ("a: 1\na: 2\n", "line 2 has a for the second time"),
        ("a: 1\nword\n", "line 2 is no `key: value`: word"),
        ("a: |\n  text\n", "line 1 has a value that is not read here: |"),
        ("a: {b: 1}\n", "line 1 has a value that is not read here"),
        ("a: *b\n", "line 1 has a value that is not read here"),
        ('a: "b\n', "line 1 has a value that is not read here"),
        ("a: 1\n   b: 2\n", "line 2 is indented as nothing above it"),
    ],
)
def test_what_is_not_plain_names_its_line(text: str, said: str) -> None:
    with pytest.raises(YamlError) as refused:
        read_yaml(text)
    assert str(refused.value).startswith(said)


# The revision for servers


def test_the_revision_for_servers_needs_no_target_and_no_aws(deployed: Operator) -> None:
    deployed.world.is_ssm_down = True
    assert deployed.types("appspec", "--platform", "server") == 0
    assert yaml.safe_load(deployed.out)["os"] == "linux"


def test_a_target_on_instances_has_it_without_being_told_the_platform(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(server_settings()))
    assert operator.reads("appspec")["platform"] == "Server"
    assert "bluegreen appspec --platform server" in operator.is_refused(3, "taskdef")


def test_it_is_written_with_its_scripts_and_never_over_what_is_there(deployed: Operator, tmp_path: Path) -> None:
    into = tmp_path / "revision"
    assert deployed.types("appspec", "--platform", "server", "--into", str(into)) == 0
    assert {file.relative_to(into).as_posix() for file in into.rglob("*") if file.is_file()} == set(server_revision())
    assert all(os.access(file, os.X_OK) for file in into.glob("scripts/*.sh"))
    (into / "scripts" / "stop.sh").write_text("mine")
    (into / "appspec.yml").unlink()
    said = deployed.is_refused(2, "appspec", "--platform", "server", "--into", str(into))
    assert "scripts/stop.sh" in said
    assert said.endswith("would be replaced: give --force, or another --into")
    assert not (into / "appspec.yml").exists()
    assert deployed.types("appspec", "--platform", "server", "--into", str(into), "--force") == 0
    assert (into / "scripts" / "stop.sh").read_text() != "mine"


def test_every_script_that_the_appspec_names_is_there_and_is_bash(tmp_path: Path) -> None:
    files = server_revision()
    hooks = yaml.safe_load(files["appspec.yml"])["hooks"]
    assert {script["location"] for scripts in hooks.values() for script in scripts} == set(files) - {"appspec.yml"}
    for name, text in files.items():
        if name.endswith(".sh"):
            assert text.startswith("#!/bin/bash\nset -euo pipefail\n")
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
            if shutil.which("shellcheck"):
                subprocess.run(["shellcheck", "-"], input=text, text=True, check=True)


def installed(folder: Path, *, wheels: bool) -> tuple[list[str], str]:
    """What pip was asked for by the script of a revision that lies in `folder`, and the settings that it wrote."""
    machine, archive, tools = folder / "machine", folder / "an archive", folder / "bin"
    for made in (machine / "etc" / "systemd" / "system", machine / "opt" / "inference", archive / "scripts", tools):
        made.mkdir(parents=True)
    if wheels:
        (archive / "wheels").mkdir()
    text = server_revision()["scripts/after_install.sh"]
    script = archive / "scripts" / "after_install.sh"
    script.write_text(re.sub(r"(?<![\w.])/(etc|opt)/", rf"{machine}/\1/", text))
    pip = '#!/bin/bash\nprintf "%s\\n" "$@" >"$(dirname "$0")/asked"\n'
    venv = f"""mkdir --parents "$3/bin"; printf '%s' '{pip}' >"$3/bin/pip"; printf '#!/bin/bash\n' >"$3/bin/python"
        chmod +x "$3"/bin/*"""
    stubs = {"python3.12": f"[[ $1 == -m && $2 == venv ]]\n{venv}", "curl": "echo green", "systemctl": ""}
    for name, body in stubs.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "BUNDLE_KEY": "releases/2.0.zip", "DEPLOYMENT_ID": "d-1"}
    ran = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    asked = (machine / "opt" / "inference" / "venv" / "bin" / "asked").read_text().splitlines()
    return asked, (machine / "etc" / "inference.env").read_text()


def test_wheels_in_the_archive_are_all_that_is_installed_from(tmp_path: Path) -> None:
    asked, settings = installed(tmp_path, wheels=True)
    assert "--no-index" in asked
    assert asked[asked.index("--find-links") + 1] == str(tmp_path / "an archive" / "wheels")
    assert "RELEASE=2.0\nBLUEGREEN_SIDE=green\n" in settings


def test_without_wheels_the_packages_come_from_pypi(tmp_path: Path) -> None:
    asked, _ = installed(tmp_path, wheels=False)
    assert not {"--no-index", "--find-links"} & set(asked)
    assert asked[asked.index("--requirement") + 1].endswith("/services/inference/requirements.txt")


def test_the_interpreter_is_installed_before_it_is_used_and_is_not_the_systems_own() -> None:
    """`python3` of Amazon Linux 2023 is 3.9."""
    files = server_revision()
    used = set(re.findall(r"\bpython3[\d.]*", "\n".join(files.values())))
    assert used == {"python3.12"}
    assert "dnf --assumeyes --quiet install python3.12 python3.12-pip" in files["scripts/before_install.sh"]


@pytest.mark.parametrize(("answered", "code"), [("2.0", 0), ("1.9", 1)])
def test_a_service_that_answers_with_another_release_is_not_valid(tmp_path: Path, answered: str, code: int) -> None:
    settings = tmp_path / "inference.env"
    settings.write_text("HOST=0.0.0.0\nRELEASE=2.0\n")
    tools = tmp_path / "bin"
    tools.mkdir()
    stubs = {"curl": f"printf 'HTTP/1.1 200 OK\\r\\nX-Release: {answered}\\r\\n\\r\\n'", "sleep": "", "systemctl": ""}
    for name, body in stubs.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "SETTINGS_FILE": str(settings)}
    text = server_revision()["scripts/validate.sh"]
    ran = subprocess.run(["bash"], input=text, text=True, env=environment, capture_output=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert ("not ready with release 2.0" in ran.stderr) == bool(code)


# The task definition


def test_it_is_the_newest_revision_with_the_placeholder_and_without_what_is_only_answered(deployed: Operator) -> None:
    deployed.world.registered.known.append(definition(2, "1.1", revision=2, status="ACTIVE", cpu="1024"))
    assert deployed.types("taskdef") == 0
    file = json.loads(deployed.out)
    log, app = file["containerDefinitions"]
    assert (app["image"], log["image"]) == ("<IMAGE1_NAME>", "fluent-bit:3")
    assert list(file) == ["family", "containerDefinitions", "cpu", "networkMode", "tags"]
    assert list(app) == ["name", "image", "memory", "portMappings"]
    assert file["tags"] == [{"key": "team", "value": "ml"}]


def test_the_same_revision_is_always_the_same_text(deployed: Operator) -> None:
    deployed.types("taskdef")
    first = deployed.out
    known = deployed.world.registered.known
    shuffled = dict(reversed(known[-1].content.items()))
    known[-1] = type(known[-1])(known[-1].arn, shuffled, known[-1].tags)
    deployed.types("taskdef")
    assert deployed.out == first


def test_json_names_the_revision_that_it_was_made_from(deployed: Operator) -> None:
    said = deployed.reads("taskdef")
    assert (said["revision"], said["placeholder"]) == (definition_arn(1), "<IMAGE1_NAME>")


def test_its_own_task_definition_is_taken(deployed: Operator, tmp_path: Path) -> None:
    assert problems(deployed, "taskdef", written(deployed, "taskdef", tmp_path)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (
            "<IMAGE1_NAME>",
            f"{REPOSITORY}:1.0",
            f"the image of app is '{REPOSITORY}:1.0': give the placeholder <IMAGE1_NAME>",
        ),
        (
            '"name": "app"',
            '"name": "web"',
            "it has no container 'app', which the load balancer reaches, only log, web",
        ),
        ('"Inference"', '"Other"', "its family is 'Other': the target's is 'Inference'"),
        ("8080", "80", "container app has no port 8080, which the AppSpec names, only 80"),
        ('"memory": 2048', '"memory": "2048"', "invalid type for parameter containerDefinitions[1].memory"),
        ('"networkMode"', '"network"', "unknown parameter in input"),
        ('"networkMode"', '"status": "ACTIVE", "networkMode"', "status is only answered: leave out"),
        ('"awsvpc"', f'"{"x" * 70_000}"', "it has "),
        ("{", "", "it is no JSON"),
    ],
)
def test_what_ecs_would_not_take_is_said(deployed: Operator, tmp_path: Path, was: str, becomes: str, said: str) -> None:
    file = written(deployed, "taskdef", tmp_path)
    assert was in file.read_text()
    file.write_text(file.read_text().replace(was, becomes, 1))
    assert any(one.startswith(said) for one in problems(deployed, "taskdef", file)), deployed.out


def test_eleven_containers_are_one_too_many(deployed: Operator, tmp_path: Path) -> None:
    file = written(deployed, "taskdef", tmp_path)
    content = json.loads(file.read_text())
    content["containerDefinitions"] += [{"name": f"c{number}", "image": "x"} for number in range(9)]
    file.write_text(json.dumps(content))
    assert "it has 11 containers: a task definition has at most 10" in problems(deployed, "taskdef", file)


@pytest.mark.parametrize("text", ["[]", '"text"', '{"containerDefinitions": [1, "x"]}', "{}"])
def test_nonsense_is_refused_without_falling_over(deployed: Operator, tmp_path: Path, text: str) -> None:
    file = tmp_path / "taskdef.json"
    file.write_text(text)
    assert problems(deployed, "taskdef", file)


def test_a_family_without_the_container_says_so(deployed: Operator) -> None:
    deployed.world.registered.known[0].content["containerDefinitions"].pop()
    assert "has no container 'app', only log" in deployed.is_refused(1, "taskdef")
