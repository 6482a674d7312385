"""docs/code_deploy.md: its code runs, its tables are what is made, and each command does what its row says."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import botocore.validate
import pytest
import typer

from bluegreen_constructs import Artefact, CodeDeploy, EcsBlueGreenService, MinimumHealthy, Tasks
from bluegreen_constructs.cli.commands import app, run
from bluegreen_constructs.cli.server_revision import server_revision
from bluegreen_constructs.cli.task_definition_file import IMAGE
from bluegreen_constructs.code_deploy import LONGEST_WAIT, MOST_ALARMS
from bluegreen_constructs.code_deploy_hooks import EVENTS
from bluegreen_constructs.code_deploy_plan import LONGEST_IN_STACK_UPDATE, LONGEST_SHIFT, STACK_UPDATE
from bluegreen_constructs.ec2_blue_green_fleet import Ec2BlueGreenFleet
from bluegreen_constructs.engine.app_spec import TASK_DEFINITION, ecs_app_spec
from bluegreen_constructs.engine.code_deploy_hook import EVENT_LIMIT, LONGEST_ASKING
from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings, EventHook
from bluegreen_constructs.engine.code_deploy_update import LONGEST_UPDATE
from bluegreen_constructs.ingress import Ingress
from bluegreen_constructs.rehearsal.catalogue import CATALOGUE
from bluegreen_constructs.scaling import Scaling
from bluegreen_constructs.test_traffic import TestTraffic
from tests.cli.code_deployed import GROUP, OTHER_GROUP, TARGET, code_deploy_settings, definition, server_settings
from tests.cli.operated_world import OperatedWorld, Operator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "code_deploy.md").read_text(encoding="utf-8")
FLOWING = re.sub(r"\s+", " ", PAGE)
GROUPS = "AWS::CodeDeploy::DeploymentGroup"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@cache
def template_of(number: int) -> Mapping:
    """The template of an example, as its app synthesises it."""
    with TemporaryDirectory() as folder:
        script = Path(folder, "app.py")
        script.write_text(EXAMPLES[number], encoding="utf-8")
        environment = {**os.environ, "CDK_OUTDIR": f"{folder}/out"}
        command = [sys.executable, script]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(Path(folder, "out", "Serving.template.json").read_text(encoding="utf-8"))


def on_ecs() -> Mapping:
    return template_of(0)


def on_instances() -> Mapping:
    return template_of(1)


def of_type(template: Mapping, kind: str) -> list[Mapping]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]


def hours(span: timedelta) -> int:
    return span // timedelta(hours=1)


def minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def table(first: str) -> list[list[str]]:
    """The rows of the table that has this heading in its first column, cell by cell."""
    (_, rest) = PAGE.split(f"| {first} |")
    return [row.strip("|").split(" | ") for row in rest.split("\n\n")[0].splitlines()[2:]]


# The examples, and what the tables say of them


def test_there_is_an_example_of_each() -> None:
    assert [kind in one for one, kind in zip(EXAMPLES, ("EcsBlueGreenService(", "Ec2BlueGreenFleet("), strict=True)]


def test_the_service_is_deployed_by_codedeploys_own_configuration() -> None:
    (group,) = of_type(on_ecs(), GROUPS)
    assert group["DeploymentConfigName"] == "CodeDeployDefault.ECSCanary10Percent5Minutes"
    assert not of_type(on_ecs(), "AWS::CodeDeploy::DeploymentConfig")
    assert "CodeDeploy's own by its name where it has one that does the same" in PAGE


def test_the_fleet_has_two_sides_two_deployment_groups_and_one_target_group() -> None:
    assert "One application, one target group, two Auto Scaling groups, and two deployment groups" in PAGE
    for kind, number in (
        ("AWS::CodeDeploy::Application", 1),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", 1),
        ("AWS::AutoScaling::AutoScalingGroup", 2),
        (GROUPS, 2),
    ):
        assert len(of_type(on_instances(), kind)) == number, kind


@pytest.mark.parametrize(
    ("template", "names"),
    [
        (on_ecs, ("CodeDeployApplication", "DeploymentGroup")),
        (on_instances, ("CodeDeployApplication", "BlueDeployments", "GreenDeployments")),
    ],
)
def test_a_pipeline_finds_the_outputs_of_the_page(template: Callable[[], Mapping], names: Sequence[str]) -> None:
    outputs = " ".join(template()["Outputs"])
    assert [name for name in names if f"`{name}`" not in PAGE or name not in outputs] == []


def test_what_must_not_change_is_all_that_the_service_has() -> None:
    named = {name for row in table("property") for name in re.findall(r"`(\w+)`", row[0])}
    (service,) = of_type(on_ecs(), "AWS::ECS::Service")
    assert named == {*service, "Tags"}


def test_each_option_of_the_walk_through_has_the_value_that_the_page_gives_it() -> None:
    said = dict(row[:2] for row in table("the walk-through has"))
    for option, here in {
        "`CodeDeployDefault.OneAtATime`": "the default",
        "ready: `CONTINUE_DEPLOYMENT`, wait 0": "the default",
        "blue: `TERMINATE`, after 5 minutes": "`bake=timedelta(minutes=5)`",
        "rollback on failure, alarm, request": "the default of `rollback_on`",
        "`BLUE_GREEN`, `WITH_TRAFFIC_CONTROL`": "always",
    }.items():
        assert said[next(what for what in said if option in what)].strip().startswith(here), option
    for group in of_type(on_instances(), GROUPS):
        waits = group["BlueGreenDeploymentConfiguration"]
        assert group["DeploymentConfigName"] == "CodeDeployDefault.OneAtATime"
        assert waits["DeploymentReadyOption"] == {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0}
        assert waits["TerminateBlueInstancesOnDeploymentSuccess"]["TerminationWaitTimeInMinutes"] == 5
        assert set(group["DeploymentStyle"].values()) == {"BLUE_GREEN", "WITH_TRAFFIC_CONTROL"}
        assert len(group["AutoRollbackConfiguration"]["Events"]) == 3
        assert set(group["LoadBalancerInfo"]) == {"TargetGroupInfoList"}
    assert "service-role/AWSCodeDeployRole" in str(of_type(on_instances(), "AWS::IAM::Role"))


def test_all_steps_of_the_walk_through_are_there() -> None:
    steps = [row[0].strip()[:2] for row in table("step of a walk-through for Amazon ECS and CodeDeploy")]
    assert steps == [f"{number}." for number in range(1, 10)]


def test_the_app_spec_is_the_one_that_is_written() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    function = re.findall(r'AfterAllowTestTraffic: "(.*)"', shown)[0]
    settings = CodeDeploySettings("application", "group", port=8080, hooks=(EventHook(EVENTS["TESTING"], function),))
    assert shown == ecs_app_spec(settings, "Inference")


def test_the_events_and_placeholders_are_those_of_the_code() -> None:
    assert set(re.findall(r"`(AfterAllow\w+)`", PAGE)) == set(EVENTS.values())
    for placeholder in (TASK_DEFINITION, IMAGE):
        assert f"`{placeholder}`" in PAGE


@pytest.mark.parametrize(
    "said",
    [
        f"the end of that time, at most {hours(LONGEST_WAIT)} h",
        f"stay for `bake` (at most {hours(LONGEST_WAIT)} h)",
        f"All steps together last {hours(LONGEST_SHIFT)} hours at most",
        f"whoever has not answered after {minutes(LONGEST_ASKING)} minutes has failed",
        f"`grace` together {minutes(LONGEST_IN_STACK_UPDATE)} minutes; more is refused at synth",
        f"what has not ended after {minutes(LONGEST_UPDATE)} minutes is taken back",
    ],
)
def test_the_figures_of_the_page_are_the_limits(said: str) -> None:
    assert said in FLOWING


def test_an_hour_is_what_codedeploy_waits_for_a_hook_and_cloudformation_for_a_deployment() -> None:
    assert "waits an hour for its report" in FLOWING
    assert "CloudFormation waits [one hour]" in FLOWING
    assert (hours(EVENT_LIMIT), hours(STACK_UPDATE)) == (1, 1)


KEYWORDS = [
    CodeDeploy,
    MinimumHealthy,
    Artefact,
    Ingress,
    Scaling,
    Tasks,
    TestTraffic.listener,
    EcsBlueGreenService,
    Ec2BlueGreenFleet,
]


@pytest.mark.parametrize("kind", KEYWORDS, ids=lambda kind: kind.__qualname__)
def test_what_is_said_of_a_value_is_one_of_its_keywords(kind: Callable[..., object]) -> None:
    known = set(inspect.signature(kind).parameters)
    for given in re.findall(rf"`{re.escape(kind.__qualname__)}\(([^`]*)\)`", PAGE):
        assert set(re.findall(r"(\w+)=", re.sub(r"\([^()]*\)", "", given))) <= known, given


def test_the_scenario_that_is_named_can_be_rehearsed() -> None:
    named = set(re.findall(r"`(codedeploy-[a-z-]+)`", PAGE))
    assert named == {one.name for one in CATALOGUE.scenarios if one.name.startswith("codedeploy")}


# Commands


def verbs() -> Mapping[str, set[str]]:
    """The verbs of `bluegreen`, with the options of each."""
    group = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    return {name: {option for parameter in verb.params for option in parameter.opts} for name, verb in group}


ROWS = {re.findall(r"`bluegreen (\w+)`", row[0])[0]: row[1:] for row in table("command")}
NOT_OF_TARGETS = {"slots", "regions", "rehearse", "simulate", "backtest"}
ARGUMENTS = {
    "start": ("--release", "1.3"),
    "unlock": ("--reason", "it is gone"),
    "watch": ("--timeout", "1"),
}


def test_each_verb_of_a_target_has_a_row() -> None:
    assert set(ROWS) == set(verbs()) - NOT_OF_TARGETS


def test_every_command_of_the_page_is_understood() -> None:
    typed = re.findall(r"bluegreen ([a-z]+)((?: [^`|\n#]*)?)", PAGE)
    assert len(typed) > 30
    for verb, rest in typed:
        assert set(re.findall(r"--[a-z-]+", rest)) <= verbs()[verb], f"{verb}{rest}"


def world_of(platform: str) -> OperatedWorld:
    """Two releases have gone live; on instances the second one serves from green."""
    if platform == "ECS":
        world = OperatedWorld(code_deploy_settings())
        world.registered.known += [definition(2, "1.1")]
        for number, tag in enumerate(("1.0", "1.1"), start=1):
            world.deployer.brought(f"d-{number}", number, description=f"release {tag} (Inference:{number})")
        return world
    world = OperatedWorld(server_settings())
    for number, (group, to) in enumerate(((OTHER_GROUP, "blue"), (GROUP, "green")), start=1):
        stored = {"task_definition": "", "revision": f"s3://releases/inference/1.{number}.zip"}
        world.deployer.brought(f"d-{number}", 0, group=group, description=f"release 1.{number} ({to})", **stored)
    world.fleet.serves("green")
    return world


@pytest.mark.parametrize("verb", ROWS)
@pytest.mark.parametrize(("column", "platform"), [(0, "ECS"), (1, "EC2")])
def test_a_verb_is_refused_exactly_where_its_row_says_so(
    capsys: pytest.CaptureFixture[str], verb: str, column: int, platform: str
) -> None:
    operator = Operator(capsys, world_of(platform))
    if verb == "promote":
        operator.world.deployer.becomes(status="Ready", finished_at=None, approval=timedelta(days=1))
    code = operator.types(verb, TARGET, *ARGUMENTS.get(verb, ()))
    assert code == (3 if ROWS[verb][column].strip(" |").startswith("exit 3") else 0), operator.err


@pytest.mark.parametrize(("platform", "most", "said"), [("ECS", 3, "three calls: "), ("EC2", 4, "up to four")])
def test_an_abort_takes_as_many_calls_as_its_row_says(
    capsys: pytest.CaptureFixture[str], platform: str, most: int, said: str
) -> None:
    operator = Operator(capsys, world_of(platform))
    # By the group that is looked at last.
    operator.world.deployer.becomes(
        status="InProgress", finished_at=None, group=OTHER_GROUP if platform == "EC2" else ""
    )
    assert operator.reads("abort", TARGET)["aws_calls"] == most
    assert said in " ".join(ROWS["abort"])


# Instances


def test_the_call_of_a_pipeline_is_one_that_codedeploy_knows() -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("aws deploy create-deployment "))
    words = shlex.split(line)[3:]
    given = dict(zip(words[::2], words[1::2], strict=True))
    stored = dict(pair.split("=", 1) for pair in given["--s3-location"].split(","))
    targets = json.loads(given["--target-instances"])
    asked = {
        "applicationName": given["--application-name"],
        "deploymentGroupName": given["--deployment-group-name"],
        "revision": {"revisionType": "S3", "s3Location": stored},
        "targetInstances": targets,
    }
    assert len(given) == len(asked)
    shape = boto3.client("codedeploy").meta.service_model.operation_model("CreateDeployment").input_shape
    report = botocore.validate.ParamValidator().validate(asked, shape)
    assert not report.has_errors(), report.generate_report()
    # What `bluegreen start` asks for while blue is live.
    world = OperatedWorld(server_settings())
    world.fleet.serves("blue")
    assert run(["start", TARGET, "--release", "1.4.2"], world) == 0
    (made,) = world.deployer.seen
    filters = {one["Key"]: one["Value"] for group in targets["ec2TagSet"]["ec2TagSetList"] for one in group}
    assert filters == world.deployer.asked_for[made.id] | {"bluegreen:fleet": "Serving/Model"}
    assert made.group == GROUP
    assert "Blue" in given["--deployment-group-name"]


def test_what_the_revision_is_said_to_hold_is_in_it() -> None:
    assert "`appspec.yml`, and scripts" in FLOWING
    files = server_revision()
    assert next(iter(files)) == "appspec.yml"
    assert "/services" in files["appspec.yml"]
    assert {name.partition("/")[0] for name in files} == {"appspec.yml", "scripts"}


def test_what_a_deployment_may_leave_live_is_what_codedeploy_counts() -> None:
    rows = {
        row[0].strip("| `"): [int(re.sub(r"\D", "", cell)) for cell in row[1:3]] for row in table("`configuration`")
    }
    at_least = {
        '"OneAtATime"` (default)': 3,
        '"HalfAtATime"': 2,
        '"AllAtOnce"': 1,
        "MinimumHealthy(count=3)": 3,
        "MinimumHealthy(percent=50)": 2,
    }
    assert {name: least for name, (_, least) in rows.items()} == at_least
    # All but the least, at a time; of AllAtOnce nothing has to stay.
    assert {name: many for name, (many, _) in rows.items() if name != '"AllAtOnce"'} == {
        name: 4 - least for name, least in at_least.items() if name != '"AllAtOnce"'
    }


def test_the_built_in_alarm_is_called_and_counted_as_the_page_says() -> None:
    names = [one["Name"] for one in of_type(on_instances(), GROUPS)[0]["AlarmConfiguration"]["Alarms"]]
    assert names == ["Serving/Model/HealthyInstances", "model-errors"]
    assert "`<target>/HealthyInstances`" in PAGE
    assert f"[{'ten' if MOST_ALARMS == 10 else MOST_ALARMS} alarms]" in PAGE
    (alarm,) = of_type(on_instances(), "AWS::CloudWatch::Alarm")
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["Period"]) == (2, 5, 60)
    assert "in two of five minutes" in FLOWING


def test_instances_are_protected_as_the_page_says() -> None:
    assert "protected from scale-in" in PAGE
    for one in of_type(on_instances(), "AWS::AutoScaling::AutoScalingGroup"):
        assert one["NewInstancesProtectedFromScaleIn"] is True


def test_the_wheels_are_downloaded_to_where_the_scripts_look_and_for_their_python() -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("pip download "))
    words = shlex.split(line)
    given = {name: words[words.index(name) + 1] for name in ("--dest", "--python-version", "--requirement")}
    script = server_revision()["scripts/after_install.sh"]
    assert given["--dest"] == "revision/wheels"
    assert '/.." && pwd)/wheels' in script
    assert f"python{given['--python-version']} -m venv" in script
    assert (ROOT / given["--requirement"]).is_file()
    assert f"/{given['--requirement']}" in script
