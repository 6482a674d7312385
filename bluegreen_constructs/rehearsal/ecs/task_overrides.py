"""RunTask's container overrides on the processes of a task (pure, but for looking up programs).

An override's `command` takes the place of the image's command and leaves its entry point. The command of the tasks file
stands for both here, so the override is put behind it, unless it begins with a program of this machine: then it is
what runs (`python` is the rehearsal's own). Overrides of CPU and memory limit nothing.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace

from ...engine.errors import ConfigurationError
from .deployment_plan import mapping, mappings
from .task_processes import ProcessSpec, TaskSpec

_PYTHON = re.compile(r"python(3(\.\d+)?)?")


def check_overrides(overrides: Mapping[str, object], task_definition: Mapping[str, object]) -> None:
    """Refuse an override of a container that the task definition lacks; ConfigurationError in RunTask's words."""
    known = {container.get("name") for container in mappings(task_definition.get("containerDefinitions"))}
    for override in mappings(overrides.get("containerOverrides")):
        if override.get("name") not in known:
            raise ConfigurationError(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )


def overridden(task: TaskSpec, overrides: Mapping[str, object]) -> TaskSpec:
    """The task with the commands and environments of the overrides."""
    by_name = {str(override.get("name")): override for override in mappings(overrides.get("containerOverrides"))}
    processes = tuple(_process(process, by_name.get(process.container, {})) for process in task.processes)
    return replace(task, processes=processes)


def _process(process: ProcessSpec, override: Mapping[str, object]) -> ProcessSpec:
    given = override.get("command")
    words = tuple(str(word) for word in given) if isinstance(given, list | tuple) else ()
    environment = {str(pair.get("name")): str(pair.get("value", "")) for pair in mappings(override.get("environment"))}
    return replace(
        process,
        command=command_of(process.command, words),
        environment={**process.environment, **environment},
    )


def command_of(local: tuple[str, ...], words: tuple[str, ...]) -> tuple[str, ...]:
    """What runs: the local command, with the override's words behind it, or the words alone."""
    if not words:
        return local
    if _PYTHON.fullmatch(words[0]):
        return (sys.executable, *words[1:])
    return words if shutil.which(words[0]) else (*local, *words)


def overridden_resources(overrides: Mapping[str, object]) -> dict[str, object]:
    """The overrides as DescribeTasks shows them."""
    return {
        **dict(mapping(overrides)),
        "containerOverrides": [dict(override) for override in mappings(overrides.get("containerOverrides"))],
    }
