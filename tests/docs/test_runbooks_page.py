"""docs/runbooks.md: every command on it is typed here, in its order, in the situation that its section describes."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.errors import BlueGreenError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.rule_tags import ABORTED, LIVE, ROLLOUT
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.engine.weights import forward
from bluegreen_constructs.testing_slots import example_slots
from tests.cli.code_deployed import APPLICATION, GROUP, code_deploy_settings, definition, definition_arn
from tests.cli.deployed_services import HOOK, deployment_arn, ecs_settings, judging
from tests.cli.operated_world import OperatedWorld, Operator, settings_of
from tests.cli.slots_world import OperatedSlots

PAGE = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text(encoding="utf-8")
ID = "1-4-2-20260105T090000-4f1c"
"""Of the rollout in flight: another text than its release's name, as `bluegreen start` makes it."""


def sections() -> dict[str, list[str]]:
    """The commands of each section, by its heading."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
        found[heading] = [line for block in blocks for line in block.splitlines()]
    return found


# The situations


def at_ten_percent(world: OperatedWorld) -> None:
    world.begun("1.4.2", minutes=3, id=ID)
    assert world.first.share == 10


def held(world: OperatedWorld) -> None:
    at_ten_percent(world)
    now = world.now()
    world.put(hold=Hold(HoldKind.OPERATOR, "lunch", now, now + timedelta(hours=24)))


def died(world: OperatedWorld) -> None:
    at_ten_percent(world)
    world.crash()


def engine_down(world: OperatedWorld) -> None:
    died(world)
    world.store.is_down = world.machine.is_down = True


def all_down(world: OperatedWorld) -> None:
    engine_down(world)
    world.is_ssm_down = world.is_sts_down = True


def cold(world: OperatedWorld) -> None:
    at_ten_percent(world)
    world.crash()
    world.rules_there.healthy[world.first.settings.blue.group_arn] = 1


def aborted_while_down(world: OperatedWorld) -> None:
    engine_down(world)
    blue, green = world.first.settings.blue.group_arn, world.first.settings.green.group_arn
    world.rules_there.write(world.first.settings.rule_arn, [forward(blue, green, 0, None)])
    world.rules_there.tag(world.first.settings.rule_arn, {ABORTED: ID})
    world.store.is_down = world.machine.is_down = False


def moved_by_hand(world: OperatedWorld) -> None:
    died(world)
    blue, green = world.first.settings.blue.group_arn, world.first.settings.green.group_arn
    world.rules_there.write(world.first.settings.rule_arn, [forward(blue, green, 100, None)])


def promoted(world: OperatedWorld) -> None:
    world.promoted("1.4.1")
    world.promoted("1.4.2")


def deployed(world: OperatedWorld) -> None:
    world.services.brought("d1", "1.4.1.aaaa1111")
    world.services.brought("d2", "1.4.2.bbbb2222", "IN_PROGRESS", stage="PRODUCTION_TRAFFIC_SHIFT", weight=10.0)
    world.on_wait = [lambda: world.services.becomes(status="ROLLBACK_SUCCESSFUL", weight=0.0)]


def deployed_all_down(world: OperatedWorld) -> None:
    deployed(world)
    world.store.is_down = world.is_ssm_down = world.is_sts_down = True


def waits_for_approval(world: OperatedWorld) -> None:
    deployed(world)
    world.services.becomes(stage="POST_TEST_TRAFFIC_SHIFT", weight=0.0, waiting=(HOOK,))


def unwatched(world: OperatedWorld) -> None:
    deployed(world)
    world.services.becomes(alarms_status="DISABLED")


def hotfix(world: OperatedWorld) -> None:
    unwatched(world)
    world.judged(judging(ecs_settings(), world.services.seen[0], "1.4.2.bbbb2222", hotfix="mends the payments"))
    world.on_wait = [lambda: world.services.becomes(status="SUCCESSFUL", weight=100.0)]


def made_live(world: OperatedWorld) -> None:
    deployed(world)
    world.services.becomes(status="SUCCESSFUL", stage="", weight=100.0)
    world.on_wait = [lambda: world.services.becomes(status="SUCCESSFUL", weight=100.0)]


def does_not_boot(world: OperatedWorld) -> None:
    world.first.fleets.trouble[world.first.settings.green.group_arn] = "no instance is healthy"
    world.begun("1.4.2", minutes=3, id=ID)
    assert world.rollout.phase is Phase.PREPARING


# The same of a service that CodeDeploy deploys

DEPLOYMENT = "d-ABCDEF123"


def brought_by_code_deploy(world: OperatedWorld) -> None:
    world.registered.known += [definition(2, "1.1"), definition(3, "1.2")]
    world.deployer.brought("d-1", 2)
    world.deployer.brought(DEPLOYMENT, 3, description="release 1.2 (Inference:3)")


def ready(world: OperatedWorld) -> None:
    brought_by_code_deploy(world)
    world.deployer.becomes(status="Ready", finished_at=None, approval=timedelta(days=1))
    world.deployer.is_at("AfterAllowTestTraffic")


def then_goes_back(world: OperatedWorld) -> None:
    ready(world)
    stop = world.deployer.stop

    def taken_back_by_another(id: str) -> None:
        stop(id)
        world.deployer.goes_back()

    world.deployer.stop = taken_back_by_another
    world.on_wait = [lambda: world.deployer.becomes(status="Succeeded", finished_at=world.now())]


def moving_all_down(world: OperatedWorld) -> None:
    ready(world)
    world.deployer.becomes(status="InProgress")
    world.is_ssm_down = world.is_sts_down = True


def live_by_code_deploy(world: OperatedWorld) -> None:
    brought_by_code_deploy(world)
    world.on_wait = [lambda: world.deployer.becomes(status="Succeeded", finished_at=world.now())]


# The same of an application with slots


def with_release(world: OperatedSlots) -> None:
    world.deployed("1.4.2")


def previewed(world: OperatedSlots) -> None:
    with_release(world)
    world.swapping(SwapPhase.READY, preview=True)


def written_by_hand(world: OperatedSlots) -> None:
    baking(world)
    one, other = (side.group_arn for side in world.app.slots.sides)
    world.rules().write(world.app.settings.rule_arn, [forward(one, other, 50, None)])
    world.go_on(2)
    assert world.phase is SwapPhase.HALTED


def lost(world: OperatedSlots) -> None:
    with_release(world)
    world.swapping(SwapPhase.WARMING)
    world.machine.running[world.record.execution] = False


def baking(world: OperatedSlots) -> None:
    with_release(world)
    world.swapping(SwapPhase.BAKING)


def swapped(world: OperatedSlots) -> None:
    with_release(world)
    world.swapping(None)


def stopped(world: OperatedSlots) -> None:
    """Of a slot that swaps by itself: its first release was rolled back."""
    world.app.begin("deploy", id="pipeline-1.4.2", slot="staging", release="1.4.2", image="registry/app:1.4.2")
    world.app.run(until=SwapPhase.BAKING)
    given = {"caller": "somebody", "reason": "payments fail", "now": world.now(), "store": None, "executions": None}
    abort(world.rules(), world.app.settings, **given)
    world.app.run()
    assert world.record.paused


def swapping_by_itself() -> TargetSettings:
    settings = example_slots()
    assert settings.slots is not None
    production, staging = settings.slots.slots
    return replace(settings, slots=replace(settings.slots, slots=(production, replace(staging, auto_swap=True))))


# What must have become of them


def going_back(world: OperatedWorld) -> bool:
    return world.services.seen[0].goes_back


def gone_back(world: OperatedWorld) -> bool:
    return world.services.seen[0].status == "ROLLBACK_SUCCESSFUL"


def former_is_live(world: OperatedWorld) -> bool:
    last = world.services.seen[0]
    definition = world.services.definitions[last.target]
    return last.status == "SUCCESSFUL" and world.services.releases[definition] == "1.4.1.aaaa1111"


def went_back(world: OperatedWorld) -> bool:
    return world.first.share == 0 and world.rollout.phase is Phase.ROLLED_BACK


def live_has_all(world: OperatedWorld) -> bool:
    return world.first.share == 0


def started_again(world: OperatedWorld) -> bool:
    return world.rollout.release.name == "1.4.3"


def still_waits(world: OperatedWorld) -> bool:
    return world.deployer.seen[0].status == "Ready"


def taken_back(world: OperatedWorld) -> bool:
    return [one.status for one in world.deployer.seen[:2]] == ["Succeeded", "Stopped"]


def stopped_by_hand(world: OperatedWorld) -> bool:
    return world.deployer.deployment_of(DEPLOYMENT).error_code == "MANUAL_STOP"


def former_is_deployed(world: OperatedWorld) -> bool:
    last = world.deployer.seen[0]
    return last.status == "Succeeded" and definition_arn(2) in world.deployer.app_specs[last.revision]


def went_back_and_was_accepted(world: OperatedWorld) -> bool:
    accepted = world.rollout.release.name == "1.4.2" and not world.rollout.has_ended
    return accepted and world.store.records["Serving/Model"]["1.4.1"].status == "promoted"


def serves(production: str, staging: str) -> Callable[[OperatedSlots], bool]:
    def ends(world: OperatedSlots) -> bool:
        found = [world.app.release_of(slot) for slot in ("production", "staging")]
        return found == [production, staging] and world.record.op is None

    return ends


@dataclass(frozen=True)
class Situation:
    """How a section begins, and how it must end."""

    begins: Callable[[OperatedWorld], None]
    ends: Callable[[OperatedWorld], bool]
    target: TargetSettings = field(default_factory=settings_of)

    def world(self) -> OperatedWorld:
        return OperatedWorld(self.target)


@dataclass(frozen=True)
class SlotsSituation:
    """The same of an application with slots."""

    begins: Callable[[OperatedSlots], None]
    ends: Callable[[OperatedSlots], bool]
    target: TargetSettings = field(default_factory=example_slots)

    def world(self) -> OperatedSlots:
        return OperatedSlots(self.target)


SITUATIONS: dict[str, Any] = {
    "A rollout is stuck": Situation(held, went_back),
    "The execution of a rollout has died": Situation(died, started_again),
    "Abort with the engine down": Situation(engine_down, live_has_all),
    "Parameter Store is down, too": Situation(all_down, live_has_all),
    "Live is not warm": Situation(cold, live_has_all),
    "There is no bluegreen at hand": Situation(at_ten_percent, went_back),
    "When the engine is back": Situation(aborted_while_down, went_back),
    "The lock": Situation(at_ten_percent, lambda world: world.rollout.release.name == "1.4.2"),
    "Take the lock away": Situation(moved_by_hand, started_again),
    "Back from a release that was promoted": Situation(promoted, went_back_and_was_accepted),
    "An instance whose release does not boot": Situation(does_not_boot, started_again),
    "A service that Amazon ECS rolls out": Situation(deployed, lambda world: not gone_back(world), ecs_settings()),
    "A deployment does not go on": Situation(waits_for_approval, gone_back, ecs_settings()),
    "Abort a deployment with Parameter Store down": Situation(deployed_all_down, going_back, ecs_settings()),
    "Amazon ECS ignores the alarms": Situation(unwatched, gone_back, ecs_settings(is_judged=False)),
    "A hotfix while an alarm is red": Situation(hotfix, lambda world: not gone_back(world), ecs_settings()),
    "Back from a release that Amazon ECS has made live": Situation(made_live, former_is_live, ecs_settings()),
    "A service that AWS CodeDeploy deploys": Situation(ready, still_waits, code_deploy_settings()),
    "A deployment waits, or goes back": Situation(then_goes_back, taken_back, code_deploy_settings()),
    "Abort it with Parameter Store down": Situation(moving_all_down, stopped_by_hand, code_deploy_settings()),
    "Back from a release that CodeDeploy has made live": Situation(
        live_by_code_deploy, former_is_deployed, code_deploy_settings()
    ),
    "An application with slots": SlotsSituation(with_release, serves("first", "1.4.2")),
    "A preview that nobody completes": SlotsSituation(previewed, serves("first", "1.4.3")),
    "A swap that halted": SlotsSituation(written_by_hand, serves("first", "1.4.2")),
    "A swap whose execution is gone": SlotsSituation(lost, serves("1.4.2", "first")),
    "Back from a swap in its bake": SlotsSituation(baking, serves("first", "1.4.2")),
    "Back from a swap that has ended": SlotsSituation(swapped, serves("first", "1.4.2")),
    "Slots do not swap by themselves any more": SlotsSituation(
        stopped, lambda world: serves("1.4.3", "first")(world) and not world.record.paused, swapping_by_itself()
    ),
    "A stack is stuck": Situation(at_ten_percent, went_back),
    "Before a stack is deleted": Situation(at_ten_percent, went_back),
}


def test_every_section_is_played() -> None:
    assert list(SITUATIONS) == list(sections())
    assert all(sections().values())


@pytest.mark.parametrize("heading", SITUATIONS)
def test_the_commands_of_a_section_do_what_it_says(capsys: pytest.CaptureFixture[str], heading: str) -> None:
    operator = Operator(capsys, SITUATIONS[heading].world())
    SITUATIONS[heading].begins(operator.world)
    for line in sections()[heading]:
        command, _, expected = line.partition("   # exit code ")
        words = shlex.split(command)
        if words[0] == "bluegreen":
            assert operator.types(*words[1:]) == int(expected or 0), f"{line}\n{operator.out}{operator.err}"
        else:
            assert words[0] == "aws"
            assert not expected
            by_hand(operator.world, *words[1:])
        operator.world.go_on(1 if {"aws", "start"} & set(words) else 4)
    assert SITUATIONS[heading].ends(operator.world)


_CLIENTS = {"s3api": "s3", "deploy": "codedeploy"}
"""What botocore calls a service that the AWS CLI calls otherwise."""
_FLAGS = {"autoRollbackEnabled"}


def by_hand(world: Any, service: str, operation: str, *options: str) -> None:
    """Hold a command of the AWS CLI against the API's own model, and give its effect on the live rule to the world."""
    model = boto3.client(_CLIENTS.get(service, service)).meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    known = {xform_name(member, "-"): member for member in shape.members}
    flags = [name for name in options if name.startswith("--") and known[name.removeprefix("--")] in _FLAGS]
    pairs = [word for word in options if word not in flags]
    given = {known[name.removeprefix("--")]: value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}
    assert set(shape.required_members) <= set(given)
    rules, settings = (
        (world.rules(), world.app.settings)
        if isinstance(world, OperatedSlots)
        else (world.rules_there, world.first.settings)
    )
    rule = settings.rule_arn
    match operation:
        case "describe-rules":
            assert given == {"RuleArns": rule}
        case "describe-tags":
            tags = world.rules_there.tags(given["ResourceArns"])
            # What the next two commands have typed in.
            assert (tags[LIVE], tags[ROLLOUT]) == (world.first.settings.blue.group_arn, ID)
        case "modify-rule":
            assert given["RuleArn"] == rule
            rules.write(rule, [dict(pair.split("=", 1) for pair in given["Actions"].split(","))])
        case "add-tags":
            key, value = (part.partition("=")[2] for part in given["Tags"].split(","))
            assert given["ResourceArns"] == rule
            assert (key, value) == (ABORTED, ID)
            world.rules_there.tag(rule, {key: value})
        case "list-service-deployments":
            assert world.services.in_flight(given["cluster"], given["service"]) == deployment_arn("d2")
        case "stop-service-deployment":
            assert given["stopType"] == "ROLLBACK"
            world.services.stop(given["serviceDeploymentArn"])
        case "list-deployments":
            assert (given["applicationName"], given["deploymentGroupName"]) == (APPLICATION, GROUP)
            assert world.deployer.seen[0].id == DEPLOYMENT
        case "stop-deployment":
            assert (given, flags) == ({"deploymentId": DEPLOYMENT}, ["--auto-rollback-enabled"])
        case "head-object" | "describe-scaling-activities" | "describe-instances" | "get-console-output":
            assert world.rollout.phase is Phase.PREPARING, "there is still something to see"
        case _:
            assert service == "cloudformation"
            assert given == {"StackName": "Serving"}


def test_every_exit_code_of_the_table_is_that_of_its_error() -> None:
    codes = {kind.exit_code for kind in [BlueGreenError, *all_below(BlueGreenError)]}
    assert codes <= {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, flags=re.MULTILINE)}


def all_below(kind: type[BlueGreenError]) -> list[type[BlueGreenError]]:
    return [below for child in kind.__subclasses__() for below in (child, *all_below(child))]


def test_every_kind_of_hold_is_explained() -> None:
    assert set(re.findall(r"`paused \((\w+)\)`", PAGE)) == {kind.value for kind in HoldKind}
