"""--app: the releases of somebody's own application, rolled out under load on each of its services and targets."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...engine.errors import RehearsalError
from ...engine.target_settings import Compute
from ..answering_group import ASKS_HEADER, GROUP_HEADER
from ..cdk_run import CdkResult
from ..cloud_assembly import AssemblyStack, RolledOutService
from ..deployed_service import DeployedService, services_in, weights_of
from ..deployed_target import DeployedTarget, release_on, target_in
from ..ecs.tasks_file import Expected
from ..load import LoadPlan, LoadProcess
from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..own_application import DeployedOwnApplication, OwnApplication
from ..rollout_watch import Rollout, calls_between, rollouts_of, weights_since
from ..session import REQUESTS_PER_REHEARSED_MINUTE, Session, wait_until
from .canary_stage import final_weights
from .own_seen import OwnSeen
from .release_evidence import rings
from .scenario import Scenario
from .traffic_conditions import Watched

CALM_SECONDS = 1.5  # real: load before and after, so that both ends of a rollout are seen
_ROLLOUT_LIMIT_SECONDS = 900.0
_QUIET_LIMIT_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_ECS = "ecs"  # the caller that the call log gives to Amazon ECS
_STATE_MACHINE = "states"


def releases_of(application: OwnApplication) -> tuple[Scenario, ...]:
    """Each release of the tasks file, in its order, on each service and each target of the app."""
    services = [
        ServiceRelease(application, tag, service)
        for service in application.assembly.services()
        for tag in application.releases()
    ]
    targets = [
        TargetRelease(application, tag, stack, target)
        for stack in application.assembly.stacks
        for target in stack.targets()
        for tag in application.tasks.expected
    ]
    return (*services, *targets)


@dataclass(frozen=True)
class OwnRelease:
    """A release of the tasks file, and what must become of it."""

    application: OwnApplication
    release: str

    @property
    def expected(self) -> Expected:
        """What must become of it."""
        return self.application.tasks.expected[self.release]

    @property
    def about(self) -> str:
        """What must become of it, in a sentence."""
        return f"release {self.release}, expected to be {self.expected}"


@dataclass(frozen=True)
class ServiceRelease(OwnRelease):
    """A release that Amazon ECS rolls out: the app with another image tag, deployed by `cdk deploy`."""

    service: RolledOutService

    @property
    def name(self) -> str:
        """Service and release."""
        return f"{self.service.name} {self.release}"

    def play(self, session: Session) -> Outcome:
        """Deploy the release under load, and look at what happened to every request."""
        deployed = self.application.deployed(session)
        service = _deployed_service(self.service, session)
        wait_until(
            lambda: not rings(service, session.apis),
            limit_seconds=_QUIET_LIMIT_SECONDS,
            session=session,
            what="all alarms falling silent before the release (ECS watches none that rings at the start)",
        )
        before = session.state()
        known = len(rollouts_of(service, before))
        live = deployed.live_tag(self.service)
        with _load(self.application, session, self.name, service.production_rule, service.groups) as load:
            started = time.time()
            time.sleep(CALM_SECONDS)
            session.say(f"cdk deploy: release {self.release} over {live}")
            result = self._deploy(deployed, service, known)
            time.sleep(CALM_SECONDS)
            watched = _watched(load, self.application, session, started)
        after = session.state()
        rollouts = rollouts_of(service, after)[known:]
        if not rollouts:
            found = result.tail(3) or "nothing"
            return Outcome(self.name, (Condition("cdk deploy starts a deployment", holds=False, found=found),))
        final = {service.side_of(group): n for group, n in weights_of(service.production_rule, session.apis).items()}
        if final.get(rollouts[0].side):
            deployed.tags[self.service] = self.release
        return OwnSeen(
            name=self.name,
            release=self.release,
            live_release=live,
            expected=self.expected,
            candidate_side=rollouts[0].side,
            ended=(_deploy_ended(result, self.expected), _deployment_ended(rollouts, self.expected)),
            writers=_writers(service.production_rule, after, started),
            movers=frozenset({_ECS}),
            weights=tuple(weights_since(service, service.production_rule, after, started)),
            final_weights=final,
            watched=watched,
            calls=calls_between(before, after),
            speed=session.speed,
            timeline=_timeline(rollouts[0]),
        ).outcome()

    def _deploy(self, deployed: DeployedOwnApplication, service: DeployedService, known: int) -> CdkResult:
        """Run `cdk deploy` to its end and say each stage of the rollout as it is reached."""
        session = deployed.session
        said = 0
        deadline = time.monotonic() + _ROLLOUT_LIMIT_SECONDS
        with deployed.start_deploy(self.service, self.release) as run:
            while (result := run.poll()) is None:
                if time.monotonic() > deadline:
                    return run.wait(limit_seconds=0.0)
                for rollout in rollouts_of(service, session.state())[known : known + 1]:
                    for one in rollout.milestones[said:]:
                        session.say(f"  ECS: {one.stage} {one.status}, {rollout.side} gets {one.production:g} %")
                    said = len(rollout.milestones)
                time.sleep(_LOOK_SECONDS)
            return result


@dataclass(frozen=True)
class TargetRelease(OwnRelease):
    """A release that the deployed engine rolls out, by `bluegreen start`."""

    stack: AssemblyStack
    target: str

    @property
    def name(self) -> str:
        """Target and release."""
        return f"{self.target} {self.release}"

    def play(self, session: Session) -> Outcome:
        """Start the release under load, and look at what happened to every request."""
        self.application.deployed(session)
        target = target_in(self.stack.stack_name, session.apis, self.target)
        if {target.settings.blue.compute, target.settings.green.compute} != {Compute.ECS}:
            raise RehearsalError(
                f"the sides of {self.target} are no Amazon ECS services; only those are rehearsed here"
            )
        live_side = next(side for side, weight in final_weights(target, session).items() if weight > 0)
        live = release_on(target, live_side, session.apis)
        before = session.state()
        with _load(self.application, session, self.name, target.rule, target.groups) as load:
            started = time.time()
            time.sleep(CALM_SECONDS)
            candidate = "green" if live_side == "blue" else "blue"
            result = self._start(session, target, candidate, started)
            self._wait_until_tidied(session, target)
            time.sleep(CALM_SECONDS)
            watched = _watched(load, self.application, session, started)
        after = session.state()
        return OwnSeen(
            name=self.name,
            release=self.release,
            live_release=live,
            expected=self.expected,
            candidate_side=candidate,
            ended=(_start_ended(result, self.expected),),
            writers=_writers(target.rule, after, started),
            movers=frozenset({*(f"lambda/{name}" for name in target.functions.values()), _STATE_MACHINE}),
            weights=tuple(weights_since(target, target.rule, after, started)),
            final_weights=final_weights(target, session),
            watched=watched,
            calls=calls_between(before, after),
            speed=session.speed,
        ).outcome()

    def _start(self, session: Session, target: DeployedTarget, candidate: str, started: float) -> CommandResult:
        """`bluegreen start --wait` to its end; say each change of the weights as it is served."""
        arguments = ("start", target.name, "--release", self.release, "--wait")
        session.say(f"bluegreen {' '.join(arguments)}")
        said = 0
        deadline = time.monotonic() + _ROLLOUT_LIMIT_SECONDS
        with session.operator().start(*arguments, "--format", "json") as run:
            while (result := run.poll()) is None:
                if time.monotonic() > deadline:
                    return run.wait(0.0, session.check)
                changes = weights_since(target, target.rule, session.state(), started)
                for change in changes[said:]:
                    session.say(f"  the rule gives the candidate {change.percent_of(candidate):g} %")
                said = len(changes)
                time.sleep(_LOOK_SECONDS)
            return result

    def _wait_until_tidied(self, session: Session, target: DeployedTarget) -> None:
        """The side out of use is drained and scaled in, so that the next release begins with what there is."""

        def is_done() -> bool:
            found = session.apis.stepfunctions.list_executions(
                stateMachineArn=target.state_machine, statusFilter="RUNNING"
            )
            return not found["executions"]

        wait_until(is_done, limit_seconds=_ROLLOUT_LIMIT_SECONDS, session=session, what="the end of the rollout")


def _deployed_service(service: RolledOutService, session: Session) -> DeployedService:
    stack = service.stack.stack_name
    resources = session.apis.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
    name = physical.get(service.logical_id, "").rpartition("/")[2]
    for found in services_in(stack, session.apis):
        if found.service == name:
            return found
    raise RehearsalError(f"the service {service.name} was not deployed with stack {stack}")


def _load(
    application: OwnApplication, session: Session, name: str, rule: str, groups: Mapping[str, str]
) -> LoadProcess:
    """Users, as the tasks file has them, at the address and host of that rule."""
    folder = session.work_dir / "load"
    folder.mkdir(exist_ok=True)
    section = application.tasks.load
    load = LoadProcess(
        LoadPlan(
            address=session.address(rule),
            rate_per_second=_rate(application, session),
            output=folder / f"{name.replace('/', '-').replace(' ', '-')}.jsonl",
            golden=section.requests,
            host=_host(rule, session),
            headers={ASKS_HEADER: "group"},
            side_header=GROUP_HEADER,
            sides={arn: side for side, arn in groups.items()},
        )
    )
    session.watch(load)
    return load


def _rate(application: OwnApplication, session: Session) -> float:
    per_minute = application.tasks.load.per_minute or REQUESTS_PER_REHEARSED_MINUTE
    return per_minute * session.speed / 60


def _host(rule: str, session: Session) -> str | None:
    """A host name that the rule answers to; None when it answers to all."""
    (described,) = session.apis.elbv2.describe_rules(RuleArns=[rule])["Rules"]
    for condition in described.get("Conditions", ()):
        if condition.get("Field") == "host-header":
            values = condition.get("HostHeaderConfig", {}).get("Values") or condition.get("Values")
            return str(values[0]).replace("*", "rehearsal").replace("?", "r")
    return None


def _watched(load: LoadProcess, application: OwnApplication, session: Session, started: float) -> Watched:
    stopped = time.time()
    result = load.stop()
    return Watched(_rate(application, session), started, stopped, tuple(load.records()), result)


def _writers(rule: str, state: Mapping[str, Any], since: float) -> tuple[str, ...]:
    """Who wrote the rule's actions."""
    return tuple(
        call["caller"]
        for call in state["calls"]["rule_calls"]
        if call["arn"] == rule and call["writes_actions"] and call["status"] < 400 and call["wall"] >= since
    )


def _deploy_ended(result: CdkResult, expected: Expected) -> Condition:
    is_good = expected is Expected.PROMOTED
    return Condition(
        f"cdk deploy ends {'0' if is_good else 'non-zero'}",
        result.succeeded is is_good,
        f"exit code {result.exit_code}" + ("" if result.succeeded else f": {result.reason}"),
    )


def _deployment_ended(rollouts: list[Rollout], expected: Expected) -> Condition:
    wanted = "SUCCESSFUL" if expected is Expected.PROMOTED else "ROLLBACK_SUCCESSFUL"
    found = [f"{one.status}{f' ({one.reason})' if one.reason else ''}" for one in rollouts]
    return Condition(
        f"Amazon ECS ends the one deployment {wanted}", [one.status for one in rollouts] == [wanted], ", ".join(found)
    )


def _start_ended(result: CommandResult, expected: Expected) -> Condition:
    code = 0 if expected is Expected.PROMOTED else 1
    return Condition(
        f"bluegreen start ends {code}", result.exit_code == code, f"exit code {result.exit_code}: {result.said}"
    )


def _timeline(rollout: Rollout) -> tuple[tuple[float, str], ...]:
    return tuple(_moments(rollout))


def _moments(rollout: Rollout) -> Iterator[tuple[float, str]]:
    for one in rollout.milestones:
        what = f"{one.stage}, {rollout.side} {one.production:g} %, {one.status}"
        yield one.at - rollout.milestones[0].at, what
