"""One execution of a played pipeline: what ran, what it made, how it ended; kept for the executions after it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SUCCEEDED, FAILED = "Succeeded", "Failed"
STANDARD, ROLLBACK = "STANDARD", "ROLLBACK"


@dataclass(frozen=True)
class ActionRun:
    """One action's run. how: how true it was; "" when it failed. Instants are wall-clock seconds."""

    stage: str
    action: str
    kind: str
    status: str
    how: str
    said: str
    started: float
    ended: float
    configuration: Mapping[str, str]


@dataclass
class Execution:
    """One execution. stages: how each stage that was entered ended, in their order.

    of: the execution whose artefacts and variables a rollback took. rolled_back_by: the rollback's.
    """

    structure: str
    kind: str = STANDARD
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    of: str = ""
    rolled_back_by: str = ""
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    runs: list[ActionRun] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Whether every stage that it entered succeeded."""
        return SUCCEEDED if self.stages and set(self.stages.values()) == {SUCCEEDED} else FAILED

    def run(self, action: str) -> ActionRun | None:
        """The run of an action; None when it was never begun."""
        return next((run for run in self.runs if run.action == action), None)

    @property
    def failure(self) -> str:
        """What the action that failed said; "" when none did."""
        return next((f"{run.action}: {run.said}" for run in self.runs if run.status == FAILED), "")


class Executions:
    """The executions of a pipeline, oldest first, each in a file of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.all = [_read(path) for path in sorted(folder.glob("*.json"))]

    def begin(self, execution: Execution) -> None:
        """A further one."""
        self.all.append(execution)
        self.save(execution)

    def save(self, execution: Execution) -> None:
        """Keep what it is by now."""
        path = self._folder / f"{self.all.index(execution):03d}.json"
        path.write_text(json.dumps(asdict(execution), indent=1), encoding="utf-8")

    def to_roll_back_to(self, stage: str, structure: str) -> Execution | None:
        """The most recent one that succeeded in the stage, in this structure, and was no rollback itself.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
        """
        return next(
            (
                one
                for one in reversed(self.all)
                if one.kind == STANDARD and one.structure == structure and one.stages.get(stage) == SUCCEEDED
            ),
            None,
        )


def _read(path: Path) -> Execution:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    runs = [ActionRun(**run) for run in content.pop("runs")]
    return Execution(runs=runs, **content)
