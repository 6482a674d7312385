"""What an action is given to do, what it answers, and how it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ...engine.errors import RehearsalError


class How(StrEnum):
    """How true an action of a played pipeline is."""

    REAL = "real"  # the thing itself runs, or the emulator's own service takes the calls that AWS's would take
    PLAYED = "played"  # ours, as AWS documents it
    STUB = "build stub"  # a build that runs nothing


class ActionFailedError(Exception):
    """The action failed, and with it the stage; a part of the play."""


@dataclass(frozen=True)
class SourceRevision:
    """What StartPipelineExecution is told to take in the place of a source's newest revision.

    https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_SourceRevisionOverride.html
    """

    action: str
    kind: str
    value: str


@dataclass(frozen=True)
class Work:
    """One action of one execution: its configuration without variables, and where its artefacts are.

    id: the action execution's. inputs: folders by the artefacts' names; outputs: folders that the action has to make.
    """

    execution: str
    id: str
    stage: str
    action: str
    configuration: Mapping[str, str]
    inputs: Mapping[str, Path] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    revision: SourceRevision | None = None

    def required(self, key: str) -> str:
        """A value of the configuration; ActionFailedError when it is not there."""
        if not self.configuration.get(key):
            raise ActionFailedError(f"the action's configuration has no {key}")
        return self.configuration[key]

    def file(self, location: str) -> Path:
        """What `artifact::path` names; ActionFailedError when the action has no such artefact, or that no such file."""
        artifact, separator, path = location.partition("::")
        if not separator or artifact not in self.inputs:
            raise ActionFailedError(f"{location} is in none of the action's input artefacts: {', '.join(self.inputs)}")
        found = self.inputs[artifact] / path
        if not found.is_file():
            raise ActionFailedError(f"the artefact {artifact} has no file {path}")
        return found

    def not_covered(self, what: str) -> RehearsalError:
        """The error of something that the rehearsal of a pipeline does not cover: it fails, and never passes."""
        return RehearsalError(f"not covered: action {self.action} of stage {self.stage} {what}")


@dataclass(frozen=True)
class Done:
    """What became of an action that succeeded: how true it was, one line, and the variables that it gives."""

    how: How
    said: str
    variables: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """What does the actions of one kind."""

    def run(self, work: Work) -> Done:
        """Do it; raises ActionFailedError when it fails, RehearsalError for what the rehearsal does not cover."""
