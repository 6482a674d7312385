"""What of somebody's own application is refused before anything is started, and what is rehearsed of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import BlueGreenError, ConfigurationError
from bluegreen_constructs.rehearsal.catalogue import CATALOGUE
from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.cloud_assembly import CloudAssembly
from bluegreen_constructs.rehearsal.ecs.tasks_file import TasksFile
from bluegreen_constructs.rehearsal.own_application import (
    NotCoveredError,
    OwnApplication,
    left_out,
    refuse_what_cannot_be_rehearsed,
    synthesise,
)
from bluegreen_constructs.rehearsal.scenarios.own_release import releases_of
from bluegreen_constructs.rehearsal.session import NotDeployedError
from tests.rehearsal.written_assembly import definition, service, shop, write_assembly

WEB = '[containers.Web]\ncommand = ["web"]\n'
GOOD = WEB + '[releases."2.0.0"]\n'


def tasks(tmp_path: Path, content: str = GOOD) -> TasksFile:
    file = tmp_path / "rehearse.toml"
    file.write_text(content, encoding="utf-8")
    return TasksFile.read(file)


def app(tmp_path: Path, stacks: Mapping[str, Mapping[str, object]], **details: Mapping[str, object]) -> CloudAssembly:
    return write_assembly(tmp_path / "app", stacks, **details)


def parameter(name: str, value: object = "{}") -> dict[str, object]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Value": value}}


def refusal(assembly: CloudAssembly, file: TasksFile) -> BlueGreenError:
    with pytest.raises(BlueGreenError) as raised:
        refuse_what_cannot_be_rehearsed(assembly, file)
    return raised.value


def test_an_app_that_fits_its_tasks_file_is_not_refused(tmp_path: Path) -> None:
    refuse_what_cannot_be_rehearsed(app(tmp_path, {"Shop": shop()}), tasks(tmp_path))


def test_everything_that_is_not_covered_is_listed_a_line_each_with_stack_id_type_and_reason(tmp_path: Path) -> None:
    assembly = app(
        tmp_path,
        {
            "Shop": {**shop({"Ref": "Image"}), "Queue": {"Type": "AWS::Batch::JobQueue"}},
            "Other": {"Fleet": {"Type": "AWS::GameLift::Fleet"}},
        },
        Shop={"environment": "aws://111122223333/eu-west-1"},
        Other={"environment": "aws://111122223333/us-east-1"},
    )
    nested = {"Resources": {"Service": service()}}
    (assembly.folder / "Deep.nested.template.json").write_text(json.dumps(nested), encoding="utf-8")
    found = refusal(assembly, tasks(tmp_path))
    assert isinstance(found, NotCoveredError)
    assert found.exit_code == 1
    assert str(found) == "the rehearsal does not cover the app, for 5 reasons, so nothing was started"
    places = "; one account and one region are rehearsed at a time"
    no_tag = "no part of its image that the template writes out can hold a release's tag"
    assert list(found.findings) == [
        "Other: Fleet (AWS::GameLift::Fleet): no such type in the rehearsal",
        "Shop: Queue (AWS::Batch::JobQueue): no such type in the rehearsal",
        f"Other: the stack is for region us-east-1 and Shop for eu-west-1{places}",
        "Deep.nested: a blue/green service in a nested stack is not found; give it a stack of its own",
        f"Shop: Service (AWS::ECS::Service): Web: {no_tag}",
    ]


def test_a_task_definition_of_another_stack_is_not_covered(tmp_path: Path) -> None:
    assembly = app(tmp_path, {"Shop": {"Service": service()}})
    found = refusal(assembly, tasks(tmp_path))
    assert isinstance(found, NotCoveredError)
    assert found.findings == ("Shop: Service (AWS::ECS::Service): Web: the task definition is in another stack",)
    assert "for 1 reason," in str(found)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            GOOD + '[containers.Wbe]\ncommand = ["x"]\n',
            "names the container Wbe: the task definitions have Helper, Web",
        ),
        (
            '[containers.Helper]\ncommand = ["x"]\n[releases."2.0.0"]\n',
            "does not say what the container Web is (the task definitions have Helper, Web): add [containers.Web] with",
        ),
        (WEB, 'names no release to roll out: add a tag, such as [releases."1.1.0"]'),
        (
            WEB + '[releases."1.0.0"]\n',
            "names no release to roll out but 1.0.0, which the app itself runs: add a tag",
        ),
    ],
)
def test_a_tasks_file_that_does_not_fit_the_app_is_wrong_usage(tmp_path: Path, content: str, sentence: str) -> None:
    found = refusal(app(tmp_path, {"Shop": shop()}), tasks(tmp_path, content))
    assert isinstance(found, ConfigurationError)
    assert found.exit_code == 2
    assert sentence in str(found)


def test_a_container_that_no_service_runs_needs_no_command(tmp_path: Path) -> None:
    job = definition({"Name": "Migration", "Image": "migration:1"})
    refuse_what_cannot_be_rehearsed(app(tmp_path, {"Shop": {**shop(), "Job": job}}), tasks(tmp_path))


def test_a_container_of_an_instance_is_named_by_its_tag_and_by_no_task_definition(tmp_path: Path) -> None:
    stacks = {"Shop": {**shop(), "Template": {"Type": "AWS::EC2::LaunchTemplate"}}}
    file = tasks(tmp_path, GOOD + '[containers.OnInstances]\ncommand = ["x"]\n')
    refuse_what_cannot_be_rehearsed(app(tmp_path, stacks), file)


def test_an_app_with_nothing_to_roll_out_is_refused(tmp_path: Path) -> None:
    assembly = app(tmp_path, {"Plain": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    found = refusal(assembly, tasks(tmp_path, '[releases."2.0.0"]\n'))
    assert "no EcsBlueGreenService and no CanaryAlb is in its stacks Plain" in str(found)


def _run_by(controller: str, target: str = "Shop/Model") -> dict[str, object]:
    """A target's settings as a template has them, with a reference among them."""
    said = f'{{"settings":{{"target":"{target}","controller":"{controller}","rule":"'
    return parameter(f"/bluegreen/targets/{target}", {"Fn::Join": ["", [said, {"Ref": "R"}, '"}}']]})


@pytest.mark.parametrize(
    ("controller", "said"),
    [
        ("slots", "Shop/Model swaps slots, which --app does not: see bluegreen rehearse --scenario slots-swap"),
        ("codedeploy", "Shop/Model is deployed by AWS CodeDeploy, which --app does not roll out: leave controller out"),
    ],
)
def test_an_app_whose_targets_are_all_moved_by_something_else_is_refused_by_their_names(
    tmp_path: Path, controller: str, said: str
) -> None:
    assembly = app(tmp_path, {"Shop": {"Known": _run_by(controller)}})
    found = refusal(assembly, tasks(tmp_path, '[releases."2.0.0"]\n'))
    assert isinstance(found, ConfigurationError)
    assert found.exit_code == 2
    assert "the app has nothing that --app can roll out, which is an EcsBlueGreenService or a CanaryAlb" in str(found)
    assert said in str(found)


def test_the_scenarios_that_a_refusal_names_are_there(tmp_path: Path) -> None:
    assembly = app(tmp_path, {"Shop": {"A": _run_by("slots", "Shop/A"), "B": _run_by("codedeploy", "Shop/B")}})
    named = re.findall(r"--scenario (\S+),", " ".join(left_out(assembly)))
    assert len(named) == 2
    assert CATALOGUE.named(",".join(named))


def test_a_service_that_amazon_ecs_rolls_out_is_left_out_by_no_sentence(tmp_path: Path) -> None:
    assert left_out(app(tmp_path, {"Shop": {**shop(), "Known": _run_by("ecs", "Shop/Web")}})) == ()


def test_what_is_left_out_is_named_and_the_targets_beside_it_are_played(tmp_path: Path) -> None:
    stacks = {"Shop": {"A": _run_by("codedeploy", "Shop/A"), "B": parameter("/bluegreen/targets/Shop/B")}}
    assembly = app(tmp_path, stacks)
    refuse_what_cannot_be_rehearsed(assembly, tasks(tmp_path, "[releases.a]\n"))
    assert [one.name for one in releases_of(own(tmp_path, assembly, "[releases.a]\n"))] == ["Shop/B a"]
    (said,) = left_out(assembly)
    assert said.startswith("Shop/A is deployed by AWS CodeDeploy")


def own(tmp_path: Path, assembly: CloudAssembly, content: str = GOOD) -> OwnApplication:
    return OwnApplication(tmp_path, tmp_path, tasks(tmp_path, content), assembly)


def test_each_release_is_played_on_each_service_and_target_in_the_files_order(tmp_path: Path) -> None:
    run_by_ecs = {
        "Fn::Join": ["", ['{"settings":{"target":"Shop/Web","controller":"ecs","rule":"', {"Ref": "R"}, '"}}']]
    }
    stacks = {
        "Shop": {**shop(), "Known": parameter("/bluegreen/targets/Shop/Web", run_by_ecs)},
        "Model": {"Target": parameter("/bluegreen/targets/Model/Canary"), "Else": parameter("/else")},
    }
    application = own(tmp_path, app(tmp_path, stacks), WEB + "[releases.c]\n[releases.a]\n[releases.b]\n")
    assert [scenario.name for scenario in releases_of(application)] == [
        *("Shop/Web c", "Shop/Web a", "Shop/Web b"),
        *("Model/Canary c", "Model/Canary a", "Model/Canary b"),
    ]


def test_the_release_that_the_app_itself_runs_may_have_an_entry_and_is_not_rolled_out(tmp_path: Path) -> None:
    content = WEB + '[releases."1.0.0".environment]\nA = "1"\n[releases."2.0.0"]\nexpect = "rolled back"\n'
    (scenario,) = releases_of(own(tmp_path, app(tmp_path, {"Shop": shop()}), content))
    assert scenario.name == "Shop/Web 2.0.0"
    assert scenario.about == "release 2.0.0, expected to be rolled back"


def test_a_service_without_a_path_is_called_by_its_logical_id(tmp_path: Path) -> None:
    nameless = {**shop(), "Service": service(path=None)}
    assert [one.name for one in app(tmp_path, {"Shop": nameless}).services()] == ["Shop/Service"]


def test_an_app_that_was_synthesised_before_is_taken_as_it_lies(tmp_path: Path) -> None:
    app(tmp_path, {"Shop": shop()})
    said: list[str] = []
    assembly = synthesise("app", tmp_path, tmp_path / "work", said.append)
    assert [stack.name for stack in assembly.stacks] == ["Shop"]
    assert said == []


def test_account_region_and_qualifiers_are_the_apps_where_it_says_them(tmp_path: Path) -> None:
    details = {
        "environment": "aws://111122223333/eu-west-1",
        "properties": {
            "templateFile": "Shop.template.json",
            "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/mine/version",
        },
    }
    application = own(tmp_path, app(tmp_path, {"Plain": {}, "Shop": shop()}, Shop=details))
    assert (application.account, application.region) == ("111122223333", "eu-west-1")
    assert application.qualifiers == ("hnb659fds", "mine")


@dataclass
class FakeCli:
    """A CDK CLI that notes what it deploys, and fails when told to."""

    fails: bool = False
    deployed: list[tuple[str, ...]] = field(default_factory=list)

    def deploy(self, *stacks: str, app: Path, limit_seconds: float) -> CdkResult:
        assert CloudAssembly.read(app).stacks
        self.deployed.append(stacks)
        return CdkResult(("deploy",), 1 if self.fails else 0, 1.0, "", "it does not go", Path("log"))


@dataclass
class FakeSession:
    """One emulated account."""

    work_dir: Path
    made: FakeCli
    said: list[str] = field(default_factory=list)

    def cli(self, directory: Path, name: str) -> FakeCli:
        return self.made

    def say(self, line: str) -> None:
        self.said.append(line)


def session(folder: Path, *, fails: bool = False) -> FakeSession:
    folder.mkdir()
    return FakeSession(folder, FakeCli(fails))


def test_the_app_is_deployed_once_in_each_account_with_all_its_stacks(tmp_path: Path) -> None:
    application = own(tmp_path, app(tmp_path, {"Plain": {}, "Shop": shop()}))
    one, other = session(tmp_path / "one"), session(tmp_path / "other")
    assert application.deployed(one) is application.deployed(one)  # type: ignore[arg-type]
    assert application.deployed(other).session is other  # type: ignore[arg-type, comparison-overlap]
    assert (one.made.deployed, other.made.deployed) == ([("Plain", "Shop")], [("Plain", "Shop")])


def test_an_app_that_cannot_be_deployed_is_tried_once_and_every_release_is_told_why(tmp_path: Path) -> None:
    application = own(tmp_path, app(tmp_path, {"Shop": shop()}))
    broken = session(tmp_path / "one", fails=True)
    for _ in range(2):
        with pytest.raises(NotDeployedError, match="cdk deploy ended with exit code 1"):
            application.deployed(broken)  # type: ignore[arg-type]
    assert len(broken.made.deployed) == 1


def test_a_release_keeps_what_the_other_services_serve_by_now(tmp_path: Path) -> None:
    application = own(tmp_path, app(tmp_path, {"Shop": shop(), "Other": shop("other:1")}))
    shops = {one.stack.name: one for one in application.assembly.services()}
    deployed = application.deployed(session(tmp_path / "one"))  # type: ignore[arg-type]
    assert deployed.live_tag(shops["Other"]) == "1"
    deployed.tags[shops["Other"]] = "2"
    written = CloudAssembly.read(deployed.write({shops["Shop"]: "3"}))
    assert {one.stack.name: one.image_tag for one in written.services()} == {"Shop": "3", "Other": "2"}
    assert deployed.live_tag(shops["Other"]) == "2"
