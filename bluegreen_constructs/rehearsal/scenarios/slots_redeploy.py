"""slots-redeploy-after-swap: the stack is deployed again after a swap, and nothing of the swap is undone (I2)."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..cdk_cli import python_app
from ..cdk_run import CdkResult
from ..next_library import TAG, next_library
from ..outcome import Condition, Outcome
from ..session import FIRST_RELEASE, Session
from .slots_conditions import (
    command_ends,
    ended_as,
    everybody_met_one,
    moved_once_to,
    production_is,
    rules_follow,
    settings_stayed,
)
from .slots_seen import SideTasks, SlotsSeen
from .slots_stage import CALM_SECONDS, SLOT, SlotsStage, on_slots_stage
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.4"
_DEPLOY_LIMIT_SECONDS = 300.0
_STATIC = "AWS::ElasticLoadBalancingV2::ListenerRule"


@dataclass(frozen=True)
class Look:
    """What no stack update may change: the live rule, the record, what each side runs, and its tasks."""

    wall: float
    shares: Mapping[str, int]
    record: Mapping[str, Any]
    tasks: Mapping[str, SideTasks]
    settings: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Redeployed:
    """What was done to the stack after the swap, and what was seen after each of it."""

    swapped: Look
    diff: CdkResult
    deployed: CdkResult
    status: str
    tagged: bool
    after_deploy: Look
    reverted: int
    after_revert: Look


@dataclass(frozen=True)
class SlotsRedeployAfterSwap:
    """Where a swap that is written in a template would be undone by the next deployment, ours is not in there."""

    name: ClassVar[str] = "slots-redeploy-after-swap"
    about: ClassVar[str] = (
        "after a swap the stack is deployed with other tags and the library's next version, and what it declares is "
        "put back: no traffic moves, no task restarts"
    )

    def play(self, session: Session) -> Outcome:
        """Swap, then do to the stack what teams do."""
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(RELEASE)
            stage.to_the_end("swap", SLOT).require_success()
            done = _redeployed(stage)
            seen = stage.seen()
        return judged(self.name, seen, done)


def _redeployed(stage: SlotsStage) -> Redeployed:
    session, application = stage.session, stage.application
    swapped = _look(stage)
    session.say("cdk diff: the same app as at first")
    diff = application.diff(FIRST_RELEASE)
    folder = session.work_dir / "next-library"
    app = next_library(session.checkout, Path("examples") / "slots" / "app.py", folder)
    session.say("cdk deploy: other tags, and the library's next version")
    with application.cdk.start_deploy(
        application.about.service_stack,
        app=python_app(app),
        arguments=(*application.context(FIRST_RELEASE), "--exclusively"),
    ) as run:
        deployed = run.wait(_DEPLOY_LIMIT_SECONDS)
    after_deploy = _look(stage)
    session.say("every declared property of services and rules is put back, as --revert-drift does")
    reverted = _revert_drift(stage)
    time.sleep(CALM_SECONDS)
    return Redeployed(
        swapped,
        diff,
        deployed,
        application.stack_status(),
        _is_tagged(stage),
        after_deploy,
        reverted,
        _look(stage),
    )


def _revert_drift(stage: SlotsStage) -> int:
    """Put back what the template declares of what could move traffic or restart tasks; answers how much that was.

    The emulator knows no drift-aware change sets, so the calls are made as CloudFormation's handlers make them:
    services by the family's name, without a count, and the rules that the stack itself makes with their actions.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
    """
    apis, slots = stage.session.apis, stage.slots.slots
    for side in slots.sides:
        apis.ecs.update_service(cluster=slots.cluster, service=side.service, taskDefinition=side.family)
    stack = stage.application.about.service_stack
    resources = apis.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    rules = [one["PhysicalResourceId"] for one in resources if one["ResourceType"] == _STATIC]
    for arn in rules:
        (rule,) = apis.elbv2.describe_rules(RuleArns=[arn])["Rules"]
        apis.elbv2.modify_rule(RuleArn=arn, Actions=rule["Actions"])
    return len(slots.sides) + len(rules)


def _is_tagged(stage: SlotsStage) -> bool:
    """Whether the deployed template has the new tag on every service."""
    stack, (key, value) = stage.application.about.service_stack, TAG
    body = stage.session.apis.cloudformation.get_template(StackName=stack)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    services = [one for one in template["Resources"].values() if one["Type"] == "AWS::ECS::Service"]
    return bool(services) and all({"Key": key, "Value": value} in one["Properties"].get("Tags", []) for one in services)


def _look(stage: SlotsStage) -> Look:
    sides = stage.slots.groups
    return Look(
        time.time(),
        stage.live_shares(),
        stage.record(),
        {side: stage.tasks_of(side) for side in sides},
        {side: stage.settings_on(side) for side in sides},
    )


def judged(name: str, seen: SlotsSeen, done: Redeployed) -> Outcome:
    """Judge what was seen."""
    swapped, said = done.swapped, f"{done.diff.stdout}\n{done.diff.stderr}"
    late = [write for write in seen.writes if write.wall > swapped.wall]
    return Outcome(
        name,
        (
            command_ends(seen, "swap", 0),
            ended_as(seen, "DONE"),
            moved_once_to(seen, str(seen.before["sides_of"][SLOT])),
            everybody_met_one(seen),
            production_is(seen, RELEASE),
            Condition(
                "after the swap cdk diff finds nothing",
                done.diff.succeeded and "stacks with differences: 0" in said,
                said.strip().splitlines()[-1] if said.strip() else "it said nothing",
            ),
            Condition(
                "the stack was updated with other tags and other code",
                done.deployed.succeeded and done.status == "UPDATE_COMPLETE" and done.tagged,
                f"{done.status}, services tagged: {done.tagged}",
            ),
            Condition(
                "and what it declares was put back",
                done.reverted >= len(seen.slots.groups),
                f"{done.reverted} resources",
            ),
            Condition("nobody wrote the live rule's actions", not late, f"{len(late)} writes after the swap"),
            *(
                _same(f"after {when} {what}", getattr(swapped, part), getattr(look, part))
                for when, look in (("the update", done.after_deploy), ("the revert", done.after_revert))
                for part, what in (
                    ("shares", "the live rule gives what it gave"),
                    ("record", "the record is as it was"),
                    ("settings", "every side runs what it ran"),
                    ("tasks", "no task was started or stopped"),
                )
            ),
            settings_stayed(seen),
            rules_follow(seen),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=seen.figures(),
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _same(says: str, before: object, after: object) -> Condition:
    return Condition(says, before == after, "the same" if before == after else f"{before} became {after}")
