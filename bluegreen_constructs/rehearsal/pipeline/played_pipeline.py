"""AWS CodePipeline, played: executions of stages and actions in their order, and a failed stage rolled back.

A stage's actions run by their run order, those of one number at the same time; a failed action fails the stage when the
others of its number have ended, and the stages after it are not entered.
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html

A stage that rolls back on failure gets a new execution, with the artefacts and variables of the most recent one that
succeeded in it.
https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback-auto.html

Not played, and refused before anything starts: conditions of a stage, retries, actions of providers that are not given.
Nor are there transitions, superseded or queued executions: one execution runs at a time.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ...engine.errors import RehearsalError
from .action_work import ActionFailedError, Provider, SourceRevision, Work
from .definition import Action, PipelineDefinition, Stage
from .execution import FAILED, ROLLBACK, SUCCEEDED, ActionRun, Execution, Executions
from .variables import Variables, substituted

_OWN_NAMESPACE = "codepipeline"


class PlayedPipeline:
    """A pipeline and its executions.

    providers: by what the definition calls them (`Deploy by CloudFormation`). folder: for artefacts and executions; a
    pipeline that is made again on the same folder knows what ran before. say: gets a line for each action.
    """

    def __init__(
        self,
        definition: PipelineDefinition,
        providers: Mapping[str, Provider],
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        """Raises RehearsalError with the list of what the rehearsal does not cover."""
        self.definition = definition
        self._providers = providers
        self._folder = folder
        self._say = say
        self.executions = Executions(folder / "executions")
        if missing := list(_not_covered(definition, providers)):
            raise RehearsalError(f"not covered of the pipeline {definition.name}: {'; '.join(missing)}")

    def start(self, revisions: Sequence[SourceRevision] = ()) -> Execution:
        """Run one execution to its end, and with it the rollback of a stage that failed; the execution itself.

        Raises RehearsalError for a revision of something that is no source, and as providers do.
        """
        sources = {action.name for _, action in self.definition.actions() if action.category == "Source"}
        if unknown := [one.action for one in revisions if one.action not in sources]:
            raise RehearsalError(
                f"the pipeline {self.definition.name} is started with a revision of {', '.join(unknown)}: its sources "
                f"are {', '.join(sorted(sources))}"
            )
        execution = Execution(self.definition.structure)
        self.executions.begin(execution)
        self._say(f"  pipeline {self.definition.name}: execution {execution.id[:8]}")
        for stage in self.definition.stages:
            if not self._run(execution, stage, revisions):
                self._roll_back(execution, stage)
                break
        return execution

    def rollback_of(self, execution: Execution) -> Execution | None:
        """The rollback of the stage in which an execution failed."""
        return next((one for one in self.executions.all if one.id == execution.rolled_back_by), None)

    def _roll_back(self, failed: Execution, stage: Stage) -> None:
        target = self.executions.to_roll_back_to(stage.name, self.definition.structure)
        if not stage.rolls_back:
            return
        if target is None:
            self._say(f"  stage {stage.name} is not rolled back: no execution has succeeded in it yet")
            return
        self._say(f"  stage {stage.name} is rolled back to execution {target.id[:8]}")
        execution = Execution(
            self.definition.structure,
            kind=ROLLBACK,
            of=target.id,
            variables={name: dict(given) for name, given in target.variables.items() if name != _OWN_NAMESPACE},
            artifacts=dict(target.artifacts),
        )
        failed.rolled_back_by = execution.id
        self.executions.save(failed)
        self.executions.begin(execution)
        self._run(execution, stage, ())

    def _run(self, execution: Execution, stage: Stage, revisions: Sequence[SourceRevision]) -> bool:
        succeeded = all(self._wave(execution, stage, wave, revisions) for wave in stage.waves())
        execution.stages[stage.name] = SUCCEEDED if succeeded else FAILED
        self.executions.save(execution)
        return succeeded

    def _wave(
        self, execution: Execution, stage: Stage, wave: Sequence[Action], revisions: Sequence[SourceRevision]
    ) -> bool:
        by_action = {one.action: one for one in revisions}
        # What one action gives, another of the same number does not see.
        before = _Before(
            {**execution.variables, _OWN_NAMESPACE: {"PipelineExecutionId": execution.id}}, dict(execution.artifacts)
        )

        def play(action: Action) -> ActionRun:
            return self._play(execution, stage, action, before, by_action.get(action.name))

        runs = [play(wave[0])] if len(wave) == 1 else _at_the_same_time(play, wave)
        execution.runs.extend(runs)
        self.executions.save(execution)
        return all(run.status == SUCCEEDED for run in runs)

    def _play(
        self,
        execution: Execution,
        stage: Stage,
        action: Action,
        before: "_Before",
        revision: SourceRevision | None,
    ) -> ActionRun:
        started, configuration = time.time(), dict(action.configuration)
        how, status, given = "", SUCCEEDED, Path(self._folder / "artefacts" / execution.id)
        try:
            configuration = substituted(configuration, before.variables)
            work = Work(
                execution=execution.id,
                id=str(uuid.uuid4()),
                stage=stage.name,
                action=action.name,
                configuration=configuration,
                inputs=before.inputs_of(action),
                outputs={name: given / name for name in action.outputs},
                revision=revision,
            )
            given.mkdir(parents=True, exist_ok=True)
            done = self._providers[action.kind].run(work)
            how, said = done.how, done.said
            if missing := [name for name, folder in work.outputs.items() if not folder.exists()]:
                raise ActionFailedError(f"it has not made its output artefact {missing[0]}")
            execution.artifacts.update({name: str(folder) for name, folder in work.outputs.items()})
            if action.namespace:
                execution.variables[action.namespace] = dict(done.variables)
        except ActionFailedError as error:
            how, status, said = "", FAILED, str(error)
        self._say(f"  {stage.name}/{action.name} ({how or action.kind}): {status}: {said}")
        return ActionRun(stage.name, action.name, action.kind, status, how, said, started, time.time(), configuration)


@dataclass(frozen=True)
class _Before:
    """What an execution has by the time an action begins."""

    variables: Variables
    artifacts: Mapping[str, str]

    def inputs_of(self, action: Action) -> dict[str, Path]:
        if missing := [name for name in action.inputs if name not in self.artifacts]:
            raise ActionFailedError(f"nothing before has made the artefact {missing[0]}")
        return {name: Path(self.artifacts[name]) for name in action.inputs}


def _at_the_same_time(play: Callable[[Action], ActionRun], wave: Sequence[Action]) -> list[ActionRun]:
    pool = ThreadPoolExecutor(max_workers=len(wave))
    try:
        return list(pool.map(play, wave))
    finally:  # nobody waits for the others when one breaks off
        pool.shutdown(wait=False, cancel_futures=True)


def _not_covered(definition: PipelineDefinition, providers: Mapping[str, Provider]) -> Sequence[str]:
    conditions = [f"{name} of stage {stage.name}" for stage in definition.stages for name in stage.conditions]
    actions = [
        f"{action.kind}, action {action.name} of stage {stage.name}"
        for stage, action in definition.actions()
        if action.kind not in providers
    ]
    return [*conditions, *actions]
