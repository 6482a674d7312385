"""The TARGET argument that operators' verbs take, and the rollout that is in flight there."""

from typing import Annotated, TypeAlias

import typer

from ..engine.errors import ConfigurationError
from ..engine.ports import RefusedError
from ..engine.rollout import Rollout
from .operator_world import OperatorWorld, TargetEngine

TargetArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="TARGET", help="Such as Serving/Model; default: the only one.", show_default=False),
]

_INSTEAD = {
    "pause": (
        "Amazon ECS rolls out {target} and cannot be paused from outside: give the service an Approval hook, which "
        "bluegreen promote answers, or go back with bluegreen abort {target}"
    ),
    "resume": (
        "Amazon ECS rolls out {target} and cannot be paused from outside, so there is nothing to resume: a hook that "
        "waits is answered with bluegreen promote {target} or bluegreen abort {target}"
    ),
    "unlock": (
        "Amazon ECS rolls out {target}, and its service deployment is the lock: wait for its end, or end it with "
        "bluegreen abort {target}"
    ),
    "report": (
        "Amazon ECS rolls out {target} and has no fixed split, so there is no A/B test: see bluegreen explain "
        "{target}, and for an A/B test use a CanaryAlb with a Split"
    ),
}
"""What to do instead of a verb that Amazon ECS has nothing for."""

_OF_CODE_DEPLOY = {
    "pause": (
        "AWS CodeDeploy deploys {target} and cannot be paused: give the service CodeDeploy(approval=...), which "
        "bluegreen promote answers, or go back with bluegreen abort {target}"
    ),
    "resume": (
        "AWS CodeDeploy deploys {target} and cannot be paused, so there is nothing to resume: what waits to be "
        "continued is answered with bluegreen promote {target} or bluegreen abort {target}"
    ),
    "unlock": (
        "AWS CodeDeploy deploys {target}, and its deployment is the lock: wait for its end, or end it with bluegreen "
        "abort {target}"
    ),
    "report": (
        "AWS CodeDeploy deploys {target} and has no fixed split, so there is no A/B test: see bluegreen explain "
        "{target}, and for an A/B test use a CanaryAlb with a Split"
    ),
}
"""What to do instead of a verb that AWS CodeDeploy has nothing for."""

_OF_SLOTS = {
    "start": "a release comes with bluegreen slots deploy {target} SLOT --release NAME, then bluegreen slots swap "
    "{target} SLOT",
    "promote": "a preview is answered with bluegreen slots complete {target}, a bake is ended with bluegreen slots "
    "end-bake {target}",
    "pause": "a swap with a pause is bluegreen slots preview {target} SLOT, and bluegreen slots cancel {target} takes "
    "one back",
    "resume": "slots swap by themselves again with bluegreen slots resume {target}, a preview goes on with bluegreen "
    "slots complete {target}",
    "rollback": "a swap is taken back with bluegreen slots rollback {target}, after its end with bluegreen slots swap "
    "{target} SLOT",
    "report": "it has no A/B test: see what a swap changes with bluegreen slots diff {target} SLOT",
    "unlock": "what has lost its execution goes on with bluegreen slots resolve {target}",
}
"""What to do instead with a target that has slots."""


def chosen(world: OperatorWorld, target: str | None) -> TargetEngine:
    """The target that is named, or the only one.

    Raises ConfigurationError when none is named and there is not exactly one.
    """
    if target is not None:
        return world.engine(target)
    there = world.targets()
    if not there:
        raise ConfigurationError(
            "there is no target in this account and region: deploy a stack with a CanaryAlb, an EcsBlueGreenService, "
            "an Ec2BlueGreenFleet or an AppServiceSlots, or choose another AWS_PROFILE or AWS_REGION"
        )
    if len(there) > 1:
        raise ConfigurationError(f"no target is named and there are {len(there)}: give one of {', '.join(there)}")
    return world.engine(there[0])


def without_slots(world: OperatorWorld, target: str | None, verb: str) -> TargetEngine:
    """The same for a verb of rollouts. Raises RefusedError, with the alternative, for a target that has slots."""
    engine = chosen(world, target)
    if engine.is_slots:
        raise RefusedError(f"{engine.target} has slots: {_OF_SLOTS[verb].format(target=engine.target)}")
    return engine


def run_by_engine(world: OperatorWorld, target: str | None, verb: str) -> TargetEngine:
    """The same for a verb that only the engine can do.

    Raises RefusedError, with the alternative, for a target that Amazon ECS rolls out itself, for one that AWS
    CodeDeploy deploys, and for one with slots.
    """
    engine = without_slots(world, target, verb)
    if engine.is_code_deploy:
        raise RefusedError(_OF_CODE_DEPLOY[verb].format(target=engine.target))
    if engine.is_ecs:
        raise RefusedError(_INSTEAD[verb].format(target=engine.target))
    return engine


def deployed_by_code_deploy(world: OperatorWorld, target: str | None, verb: str) -> TargetEngine:
    """The same for a verb that only AWS CodeDeploy's targets have. Raises RefusedError for any other."""
    engine = chosen(world, target)
    if not engine.is_code_deploy:
        raise RefusedError(
            f"AWS CodeDeploy does not deploy {engine.target}, so there is no {verb}: give its construct a "
            "CodeDeploy(...) as its controller, or deploy it as bluegreen status shows it"
        )
    return engine


def last_rollout(engine: TargetEngine) -> Rollout:
    """The rollout in flight, or the last one. Raises ConfigurationError when there was never one."""
    rollout = engine.store.load(engine.target)
    if rollout is None:
        raise ConfigurationError(
            f"{engine.target} has had no rollout yet: begin one with bluegreen start {engine.target} --release NAME"
        )
    return rollout


def in_flight(engine: TargetEngine, verb: str) -> Rollout:
    """The rollout that `verb` is meant for.

    Raises RefusedError, with how the last one ended, when none is in flight; ConfigurationError when there was never
    one.
    """
    rollout = last_rollout(engine)
    if not rollout.has_ended:
        return rollout
    raise RefusedError(
        f"there is nothing to {verb}: {engine.target} has no rollout in flight (the last one, {rollout.id}, is "
        f"{rollout.phase.value}); see bluegreen status"
    )
