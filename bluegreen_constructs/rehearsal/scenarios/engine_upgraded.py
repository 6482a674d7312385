"""engine-upgraded-mid-rollout: the engine's own code is updated, and rolled back, while it runs a rollout."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..application import checkout
from ..cdk_cli import python_app
from ..cdk_run import CdkResult, CdkRun
from ..next_engine import FURTHER_KEY, SIGNALLED, next_checkout
from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    all_healthy,
    answered_its_shares,
    by_tick,
    candidate_serves,
    ended_with,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_release import planned
from .canary_seen import CanarySeen
from .canary_stage import Stage, on_stage
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.5"
_DEPLOY_LIMIT_SECONDS = 240.0
_TICK_LIMIT_SECONDS = 30.0


@dataclass(frozen=True)
class Look:
    """The rollout's state and the engine's code at one moment: which schema wrote it last, which revision it is."""

    wall: float
    schema: int
    revision: int
    has_further_key: bool
    code: str


@dataclass(frozen=True)
class Upgrade:
    """What was seen of both updates, in their order.

    before: the deployed engine at work. during: the next one, while the first update waits to be told that it fails.
    restored: the deployed one again, after CloudFormation's rollback. after: the next one, after the second update.
    """

    before: Look
    during: Look
    failed: CdkResult
    failed_status: str
    restored: Look
    updated: CdkResult
    updated_status: str
    after: Look
    resumed: CommandResult


@dataclass(frozen=True)
class EngineUpgraded:
    """I7: a running rollout survives the engine's update and CloudFormation's rollback, and neither moves a weight."""

    name: ClassVar[str] = "engine-upgraded-mid-rollout"
    about: ClassVar[str] = (
        "the engine is updated to one with a later state, rolled back, and updated again, while it runs a rollout"
    )

    def play(self, session: Session) -> Outcome:
        """Pause a rollout at its first share, update the engine twice, and let the rollout end."""
        app = next_checkout(checkout(session.checkout), session.work_dir / "next-engine")
        assembly = session.work_dir / "assembly" / self.name
        with on_stage(session, self.name) as stage, _synth(stage, python_app(app), assembly) as synth:
            stage.start(RELEASE)
            stage.wait_for_share(stage.target.settings.steps[0].percent)
            stage.bluegreen("pause", "--reason", "the engine is being updated").require_success()
            stage.wait(lambda: bool(stage.state().get("hold")), "the pause", limit_seconds=_TICK_LIMIT_SECONDS)
            synth.wait(_DEPLOY_LIMIT_SECONDS).require_success()
            before = _look(stage)
            session.say("  cdk deploy: the next engine, in an update that fails late and rolls back")
            with _update(stage, assembly, fails="yes") as run:
                stage.wait(
                    lambda: stage.state()["schema"] > before.schema or run.poll() is not None,
                    "a turn of the next engine",
                )
                during = _look(stage)
                stage.wait(lambda: run.poll() is not None or _told_to_fail(stage), "the failure of the update")
                failed = run.wait(_DEPLOY_LIMIT_SECONDS)
            failed_status = stage.application.stack_status()
            stage.wait(
                lambda: stage.state()["schema"] == before.schema,
                "a turn of the deployed engine after the rollback",
                limit_seconds=_TICK_LIMIT_SECONDS,
            )
            restored = _look(stage)
            session.say("  cdk deploy: the next engine")
            with _update(stage, assembly, fails="no") as run:
                updated = run.wait(_DEPLOY_LIMIT_SECONDS)
            updated_status = stage.application.stack_status()
            stage.wait(
                lambda: stage.state()["schema"] > before.schema,
                "a turn of the next engine after the update",
                limit_seconds=_TICK_LIMIT_SECONDS,
            )
            after = _look(stage)
            resumed = stage.bluegreen("resume", "--reason", "the engine is updated")
            ended = stage.follow()
            stage.wait_until_tidied()
            seen = stage.seen()
        upgrade = Upgrade(before, during, failed, failed_status, restored, updated, updated_status, after, resumed)
        return judged(self.name, seen, upgrade, ended)


def judged(name: str, seen: CanarySeen, upgrade: Upgrade, ended: CommandResult) -> Outcome:
    """Judge what was seen."""
    figures = seen.figures()
    figures["failing update"] = f"{upgrade.failed.seconds:.1f} s, {upgrade.failed_status}"
    figures["update"] = f"{upgrade.updated.seconds:.1f} s, {upgrade.updated_status}"
    return Outcome(
        name,
        (
            *_updated(upgrade),
            *_state_survived(upgrade),
            *_moved_nothing(seen, upgrade),
            ended_with(upgrade.resumed, 0),
            ended_with(ended, 0),
            execution_ended(seen, "SUCCEEDED"),
            rule_went(seen, (*planned(seen), 100 - seen.target.settings.hold_back, 100.0)),
            nobody_before(seen),
            answered_its_shares(seen),
            candidate_serves(seen),
            ends_on(seen, seen.candidate_side),
            by_tick(seen),
            all_healthy(seen),
            is_scaled_in(seen, seen.live_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _updated(upgrade: Upgrade) -> Sequence[Condition]:
    codes = (upgrade.before.code, upgrade.during.code, upgrade.restored.code, upgrade.after.code)
    return (
        Condition(
            "the first update replaced the engine's code, failed, and its rollback restored it",
            not upgrade.failed.succeeded
            and upgrade.failed_status == "UPDATE_ROLLBACK_COMPLETE"
            and codes[0] == codes[2] != codes[1],
            f"exit code {upgrade.failed.exit_code}, {upgrade.failed_status}, code {_path(codes[:3])}",
        ),
        Condition(
            "the second update replaced it for good",
            upgrade.updated.succeeded
            and upgrade.updated_status == "UPDATE_COMPLETE"
            and codes[3] == codes[1] != codes[2],
            f"exit code {upgrade.updated.exit_code}, {upgrade.updated_status}, code {_path(codes[2:])}",
        ),
    )


def _path(codes: Sequence[str]) -> str:
    return " → ".join(code[:8] for code in codes)


def _state_survived(upgrade: Upgrade) -> Sequence[Condition]:
    looks = (upgrade.before, upgrade.during, upgrade.restored, upgrade.after)
    schemas = [look.schema for look in looks]
    revisions = [look.revision for look in looks]
    schema = upgrade.before.schema
    return (
        Condition(
            "each engine went on with the state that the other had written",
            schemas == [schema, schema + 1, schema, schema + 1] and revisions == sorted(set(revisions)),
            f"schema {' → '.join(map(str, schemas))} at revisions {' → '.join(map(str, revisions))}",
        ),
        Condition(
            "the deployed engine wrote back what only the next one knows",
            [look.has_further_key for look in looks] == [False, True, True, True],
            ", ".join("there" if look.has_further_key else "not there" for look in looks),
        ),
    )


def _moved_nothing(seen: CanarySeen, upgrade: Upgrade) -> Sequence[Condition]:
    start, end = upgrade.before.wall, upgrade.after.wall
    moved = [change for change in seen.weights if start <= change.wall <= end]
    writes = [write for write in seen.writes if start <= write.wall <= end]
    return (
        Condition(
            "no weight moved meanwhile, and nobody wrote the rule's actions",
            end > start and not moved and not writes and bool(seen.writes),
            f"{len(moved)} changes, {len(writes)} writes in {end - start:.0f} s",
        ),
    )


def _synth(stage: Stage, app: str, assembly: Path) -> CdkRun:
    """`cdk synth` of the application with the next engine, once for both updates."""
    about = stage.application.about
    context = stage.application.context(stage.live_release, {"stack": about.service_stack})
    return stage.application.cdk.start_synth(assembly, *context, app=app)


def _update(stage: Stage, assembly: Path, *, fails: str) -> CdkRun:
    """`cdk deploy` of the canary's stack alone."""
    stack = stage.application.about.service_stack
    arguments = ("--exclusively", "--parameters", f"{stack}:Fails={fails}")
    return stage.application.cdk.start_deploy(stack, app=assembly, arguments=arguments)


def _told_to_fail(stage: Stage) -> bool:
    """Tell the update to fail; False while CloudFormation has not come to the resource that takes it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  # with boto3, in the rehearsal extra

    stack = stage.application.about.service_stack
    signal = {"LogicalResourceId": SIGNALLED, "UniqueId": "seen-enough", "Status": "FAILURE"}
    try:
        stage.session.apis.cloudformation.signal_resource(StackName=stack, **signal)
    except ClientError:
        return False
    return True


def _look(stage: Stage) -> Look:
    state = stage.state()
    code = stage.session.apis.lambda_.get_function_configuration(FunctionName=stage.target.functions["tick"])
    return Look(
        wall=time.time(),
        schema=int(state["schema"]),
        revision=int(state["revision"]),
        has_further_key=FURTHER_KEY in state,
        code=str(code["CodeSha256"]),
    )
