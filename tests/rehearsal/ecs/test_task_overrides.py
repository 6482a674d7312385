"""What RunTask's overrides make of a local command."""

import sys
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.ecs.task_overrides import check_overrides, command_of, overridden
from bluegreen_constructs.rehearsal.ecs.task_processes import ProcessSpec, TaskSpec

LOCAL = (sys.executable, "-m", "app")


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ((), LOCAL),
        (("migrate-the-tables", "--to", "7"), (*LOCAL, "migrate-the-tables", "--to", "7")),
        (("--migrate",), (*LOCAL, "--migrate")),
        (("python", "-m", "app.migrate"), (sys.executable, "-m", "app.migrate")),
        (("python3.14", "migrate.py"), (sys.executable, "migrate.py")),
        (("sh", "-c", "exit 3"), ("sh", "-c", "exit 3")),
    ],
)
def test_the_words_of_an_override_follow_the_local_command_unless_they_name_a_program(
    words: tuple[str, ...], command: tuple[str, ...]
) -> None:
    assert command_of(LOCAL, words) == command


def test_only_the_named_container_is_overridden_and_its_environment_is_added_to() -> None:
    app = ProcessSpec("app", LOCAL, Path(), {"LEVEL": "info", "RELEASE": "v2"})
    sidecar = ProcessSpec("sidecar", ("side",), Path(), {})
    override = {"name": "app", "command": ["--migrate"], "environment": [{"name": "LEVEL", "value": "debug"}]}
    changed = overridden(TaskSpec((app, sidecar), ("logs",)), {"containerOverrides": [override]})
    assert changed.processes[0].command == (*LOCAL, "--migrate")
    assert changed.processes[0].environment == {"LEVEL": "debug", "RELEASE": "v2"}
    assert (changed.processes[1], changed.not_run) == (sidecar, ("logs",))


def test_an_override_of_a_container_that_is_not_there_is_refused() -> None:
    definition = {"containerDefinitions": [{"name": "app"}]}
    check_overrides({"containerOverrides": [{"name": "app"}]}, definition)
    with pytest.raises(ConfigurationError, match="named other is not a container in the TaskDefinition"):
        check_overrides({"containerOverrides": [{"name": "app"}, {"name": "other"}]}, definition)
