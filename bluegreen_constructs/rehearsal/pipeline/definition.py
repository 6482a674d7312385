"""A synthesised pipeline as its template declares it: stages, actions, what they take and give. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...engine.errors import RehearsalError
from .template_values import TemplateValues

PIPELINE = "AWS::CodePipeline::Pipeline"
ROLLBACK = "ROLLBACK"


@dataclass(frozen=True)
class Action:
    """One action; `configuration` still holds CodePipeline's variables.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-requirements.html
    """

    name: str
    category: str
    provider: str
    configuration: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    namespace: str
    order: int
    region: str

    @property
    def kind(self) -> str:
        """What does it, as in `Deploy by CloudFormation`."""
        return f"{self.category} by {self.provider}"


@dataclass(frozen=True)
class Stage:
    """One stage. rolls_back: on a failure. conditions: which it has, of those that the rehearsal does not play."""

    name: str
    actions: tuple[Action, ...]
    rolls_back: bool
    conditions: tuple[str, ...]

    def waves(self) -> list[tuple[Action, ...]]:
        """The actions by run order: those of one number run at the same time."""
        orders = sorted({action.order for action in self.actions})
        return [tuple(action for action in self.actions if action.order == order) for order in orders]


@dataclass(frozen=True)
class PipelineDefinition:
    """One pipeline. structure: stands for what it declares; a stage is rolled back within one structure only."""

    name: str
    stages: tuple[Stage, ...]
    structure: str

    @classmethod
    def read(cls, values: TemplateValues) -> "PipelineDefinition":
        """The one pipeline of a template; raises RehearsalError for another number of them, or for what is unknown."""
        found = list(values.resources(PIPELINE))
        if len(found) != 1:
            raise RehearsalError(f"the template holds {len(found)} pipelines, and one is rehearsed")
        logical_id, properties = found[0]
        name = values.text({"Ref": logical_id}, "the pipeline's name")
        stages = tuple(_stages(properties["Stages"], values, name))
        declared = json.dumps([repr(stage) for stage in stages]).encode()
        return cls(name, stages, hashlib.sha256(declared).hexdigest()[:12])

    def actions(self) -> Iterator[tuple[Stage, Action]]:
        """All actions, each with its stage."""
        for stage in self.stages:
            for action in stage.actions:
                yield stage, action

    def stage(self, name: str) -> Stage:
        """The stage of that name; RehearsalError with the names there are for another."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise RehearsalError(f"the pipeline {self.name} has no stage {name}: there are {names}")


def _stages(declared: object, values: TemplateValues, pipeline: str) -> Iterator[Stage]:
    for stage in declared if isinstance(declared, list) else ():
        where = f"stage {stage['Name']} of the pipeline {pipeline}"
        on_failure = stage.get("OnFailure", {})
        result = on_failure.get("Result", "")
        conditions = [name for name in ("BeforeEntry", "OnSuccess") if stage.get(name)]
        if on_failure.get("Conditions"):
            conditions.append("OnFailure.Conditions")
        if result not in ("", ROLLBACK):
            conditions.append(f"OnFailure.{result}")
        actions = tuple(_action(action, values, where) for action in stage["Actions"])
        yield Stage(str(stage["Name"]), actions, result == ROLLBACK, tuple(conditions))


def _action(declared: Mapping[str, object], values: TemplateValues, where: str) -> Action:
    kind, configuration = declared["ActionTypeId"], declared.get("Configuration", {})
    if not isinstance(kind, Mapping) or not isinstance(configuration, Mapping):
        raise RehearsalError(f"{where} has an action without a type: {declared!r}")
    here = f"action {declared['Name']} in {where}"
    return Action(
        name=str(declared["Name"]),
        category=str(kind["Category"]),
        provider=str(kind["Provider"]),
        configuration={str(key): values.text(value, f"{key} of {here}") for key, value in configuration.items()},
        inputs=_names(declared.get("InputArtifacts")),
        outputs=_names(declared.get("OutputArtifacts")),
        namespace=values.text(declared.get("Namespace", ""), f"the namespace of {here}"),
        order=int(str(declared.get("RunOrder", 1))),
        region=values.text(declared.get("Region", ""), f"the region of {here}"),
    )


def _names(artifacts: object) -> tuple[str, ...]:
    return tuple(str(one["Name"]) for one in (artifacts if isinstance(artifacts, list) else ()))
