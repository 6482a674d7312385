"""The tasks file: what a container of a task definition is on this machine, and what is wrong with some builds.

    [containers.Inference]                       # the container's name in the task definition
    command = ["{python}", "-m", "services.inference"]
    directory = "."                              # relative to this file
    [containers.Inference.environment]           # what every build gets on this machine
    METRICS_SECONDS = "0.5"
    [releases."2.0.0-bad-errors".environment]    # an image tag, and what that build does differently
    INFERENCE_FAULTS = "error_rate=0.5"
    [releases."2.6.0-no-capacity"]               # a build that AWS has no capacity for: none of its tasks starts
    no_capacity = true
    expect = "rolled back"                       # of --app: what must become of it; default "promoted"
    [load]                                       # of --app: what users send (see `load_section`)
    requests = [{path = "/"}]

An image tag without an entry is a good build: it gets no environment of its own.
"""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ...engine.errors import RehearsalError
from .load_section import LoadSection


class Expected(StrEnum):
    """What must become of a release."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class ContainerCommand:
    """How a container is started here: the program, its arguments, its folder, and what every build of it gets."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TasksFile:
    """Commands by container name, environments by image tag, and the tags that there is no capacity for.

    expected: what must become of each tag's release, in the order of the file. load: what users send.
    """

    path: Path | None = None
    containers: Mapping[str, ContainerCommand] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    without_capacity: frozenset[str] = frozenset()
    expected: Mapping[str, Expected] = field(default_factory=dict)
    load: LoadSection = field(default_factory=LoadSection)

    @classmethod
    def read(cls, path: Path) -> "TasksFile":
        """Read the file; raises RehearsalError naming the entry that is wrong."""
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RehearsalError(f"the tasks file {path} cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise RehearsalError(f"the tasks file {path} is no TOML: {error}") from None
        unknown = sorted(content.keys() - {"containers", "releases", "load"})
        if unknown:
            raise RehearsalError(
                f"the tasks file {path} has [{unknown[0]}]; there are [containers], [releases] and [load]"
            )
        containers = {
            name: _container(name, entry, path) for name, entry in _table(content, "containers", path).items()
        }
        entries = _table(content, "releases", path)
        releases = {tag: _environment(tag, entry, path) for tag, entry in entries.items()}
        without_capacity = frozenset(tag for tag, entry in entries.items() if _has_no_capacity(tag, entry, path))
        expected = {tag: _expected(tag, entry, path) for tag, entry in entries.items()}
        load = LoadSection.read(_table(content, "load", path), str(path))
        return cls(path, containers, releases, without_capacity, expected, load)

    def environment_of(self, tag: str) -> Mapping[str, str]:
        """What the build of that tag gets, besides the task definition's environment."""
        return self.releases.get(tag, {})


def image_tag(image: str) -> str:
    """The tag of an image reference; its digest when it has no tag, and "latest" when it has neither."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest or "latest"


def _table(content: Mapping[str, object], name: str, path: Path) -> Mapping[str, object]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        example = "[load]" if name == "load" else f"[{name}.NAME]"
        raise RehearsalError(f"the tasks file {path} has {name} as a value; write a table: {example}")
    return table


def _container(name: str, entry: object, path: Path) -> ContainerCommand:
    where = f"[containers.{name}] in the tasks file {path}"
    if not isinstance(entry, dict):
        raise RehearsalError(f'{where} is no table; write command = ["program", "argument"] under it')
    unknown = sorted(entry.keys() - {"command", "directory", "environment"})
    if unknown:
        raise RehearsalError(f"{where} has {unknown[0]!r}; it takes command, directory and environment")
    command = entry.get("command")
    if not isinstance(command, list) or not command or not all(isinstance(part, str) for part in command):
        raise RehearsalError(f'{where} needs command = ["program", "argument", ...]')
    directory = path.parent / str(entry.get("directory", "."))
    if not directory.is_dir():
        raise RehearsalError(f"{where} has directory {str(entry.get('directory'))!r}, which is no folder")
    environment = entry.get("environment", {})
    if not isinstance(environment, dict):
        raise RehearsalError(f"{where} has environment as a value; write a table under it")
    return ContainerCommand(
        tuple(part.replace("{python}", sys.executable) for part in command),
        directory.resolve(),
        _texts(environment, where),
    )


def _environment(tag: str, entry: object, path: Path) -> Mapping[str, str]:
    where = f'[releases."{tag}"] in the tasks file {path}'
    environment = entry.get("environment", {}) if isinstance(entry, dict) else None
    has_more = isinstance(entry, dict) and entry.keys() - {"environment", "no_capacity", "expect"}
    if not isinstance(entry, dict) or not isinstance(environment, dict) or has_more:
        raise RehearsalError(
            f'{where} takes one table, [releases."{tag}".environment], no_capacity = true and expect = "rolled back"'
        )
    return _texts(environment, where)


def _texts(environment: Mapping[str, object], where: str) -> Mapping[str, str]:
    wrong = [key for key, value in environment.items() if not isinstance(value, str)]
    if wrong:
        raise RehearsalError(f"{where} has {wrong[0]} as a {type(environment[wrong[0]]).__name__}; write it in quotes")
    return {key: str(value) for key, value in environment.items()}


def _has_no_capacity(tag: str, entry: object, path: Path) -> bool:
    given = entry.get("no_capacity", False) if isinstance(entry, dict) else False
    if not isinstance(given, bool):
        raise RehearsalError(f'[releases."{tag}"] in the tasks file {path} has no_capacity {given!r}; write true')
    return given


def _expected(tag: str, entry: object, path: Path) -> Expected:
    given = entry.get("expect", Expected.PROMOTED) if isinstance(entry, dict) else Expected.PROMOTED
    if not isinstance(given, str) or given not in {*Expected}:
        raise RehearsalError(
            f'[releases."{tag}"] in the tasks file {path} has expect {given!r}; write "promoted" or "rolled back"'
        )
    return Expected(given)
