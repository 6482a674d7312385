"""What an instance runs is said by its tags, its template's version and the tasks file."""

from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.tasks_file import TasksFile
from bluegreen_constructs.rehearsal.instances.activity import Activity, activities_xml, no_capacity
from bluegreen_constructs.rehearsal.instances.program import program, read_template

RECORD = {
    "LaunchTemplateId": "lt-1",
    "LaunchTemplateName": "model",
    "DefaultVersionNumber": 1,
    "LatestVersionNumber": 2,
    "Versions": [
        {"VersionNumber": 1, "LaunchTemplateData": {"InstanceType": "m5.large"}},
        {
            "VersionNumber": 2,
            "LaunchTemplateData": {
                "TagSpecifications": [
                    {"ResourceType": "volume", "Tags": [{"Key": "bluegreen:release", "Value": "wrong"}]},
                    {"ResourceType": "instance", "Tags": [{"Key": "bluegreen:release", "Value": "2.0.0"}]},
                ]
            },
        },
    ],
}


@pytest.mark.parametrize(
    ("asked", "version", "release"),
    [("$Default", 1, "1"), ("", 1, "1"), ("$Latest", 2, "2.0.0"), ("2", 2, "2.0.0")],
)
def test_the_release_is_the_versions_instance_tag_or_its_number(asked: str, version: int, release: str) -> None:
    template = read_template(RECORD, asked)
    assert template is not None
    assert (template.version, template.release) == (version, release)


def test_a_version_that_is_not_there_is_no_template() -> None:
    assert read_template(RECORD, "3") is None


@pytest.fixture
def tasks(tmp_path: Path) -> TasksFile:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[containers.app]\ncommand = ["app"]\n[containers.web]\ncommand = ["web"]\n'
        '[releases."2.0.0".environment]\nFAULTS = "slow"\n'
    )
    return TasksFile.read(path)


def test_an_instance_gets_its_address_its_targets_port_and_what_its_release_does_differently(tasks: TasksFile) -> None:
    spec = program({"bluegreen:container": "web"}, "2.0.0", tasks, address="127.20.1.1", port=8080)
    assert (spec.container, spec.command) == ("web", ("web",))
    assert spec.environment == {"FAULTS": "slow", "HOST": "127.20.1.1", "PORT": "8080", "RELEASE": "2.0.0"}


def test_an_instance_of_a_side_is_told_which_and_what_its_release_sets_does_not_change_it(tasks: TasksFile) -> None:
    tags = {"bluegreen:container": "web", "bluegreen:side": "green"}
    assert program(tags, "1.0.0", tasks, address="127.20.1.1", port=8080).environment == {
        "HOST": "127.20.1.1",
        "PORT": "8080",
        "RELEASE": "1.0.0",
        "BLUEGREEN_SIDE": "green",
    }
    text = tasks.path.read_text() + '[releases."3.0.0".environment]\nBLUEGREEN_SIDE = "blue"\n'
    tasks.path.write_text(text)
    spec = program(tags, "3.0.0", TasksFile.read(tasks.path), address="", port=1)
    assert spec.environment["BLUEGREEN_SIDE"] == "green"


@pytest.mark.parametrize("tags", [{}, {"bluegreen:container": "none"}])
def test_an_instance_whose_container_is_not_clear_is_refused_with_the_tag_to_set(
    tasks: TasksFile, tags: dict[str, str]
) -> None:
    with pytest.raises(RehearsalError, match=r"name one of its containers \(app, web\) .* tag bluegreen:container"):
        program(tags, "1", tasks, address="", port=0)


def test_a_failed_launch_is_shown_with_ec2s_own_code() -> None:
    activity = Activity("1", "fleet", "Launching a new EC2 instance", "At noon", 0.0)
    activity.end("Failed", 60.0, no_capacity("m5.large", "us-east-1a"))
    xml = activities_xml([activity])
    assert "<StatusCode>Failed</StatusCode>" in xml
    assert "InsufficientInstanceCapacity - We currently do not have sufficient m5.large capacity" in xml
    assert "<StartTime>1970-01-01T00:00:00Z</StartTime><EndTime>1970-01-01T00:01:00Z</EndTime>" in xml
