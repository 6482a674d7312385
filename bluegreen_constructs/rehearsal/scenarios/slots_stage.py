"""An application with slots under load, operated by `bluegreen slots`, and what is noted of it meanwhile."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ...engine.errors import RehearsalError
from ..answering_group import ASKS_HEADER, GROUP_HEADER
from ..application import checkout, slots_application
from ..deployed_slots import DeployedSlots, record_of
from ..load import LoadPlan, LoadProcess, LoadResult
from ..operator_command import CommandResult, CommandRun, OperatorCommands
from ..rollout_watch import weights_since
from ..session import STREAM_SHARE, DeployedApplication, Session, wait_until
from .slots_seen import Answer, SideTasks, SlotsSeen, Write
from .traffic_conditions import Watched

SLOT = "green"
CALM_SECONDS = 1.5  # real: load before and after, so that both ends of an operation are seen
_COMMAND_LIMIT_SECONDS = 60.0
_OPERATION_LIMIT_SECONDS = 180.0
_ANSWER_SECONDS = 5.0


@dataclass
class SlotsStage:
    """The application, its load and its operator, while a scenario plays on it.

    before: the record when the scenario began; state: the emulator's account of itself then.
    """

    session: Session
    application: DeployedApplication
    slots: DeployedSlots
    load: LoadProcess
    operator: OperatorCommands
    started: float
    before: Mapping[str, Any]
    state: Mapping[str, Any]
    commands: dict[str, CommandResult] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def production(self) -> str:
        """The side that served production when the scenario began."""
        return str(self.before["sides_of"]["production"])

    @property
    def candidate(self) -> str:
        """The side of the slot that is tried."""
        return str(self.before["sides_of"][SLOT])

    def command(self, verb: str, *arguments: str) -> CommandRun:
        """Begin `bluegreen slots VERB TARGET … --format json`."""
        target = self.slots.target.name
        self.session.say(f"  bluegreen slots {' '.join((verb, target, *arguments))}")
        return self.operator.start("slots", verb, target, *arguments, "--format", "json")

    def bluegreen(self, verb: str, *arguments: str, limit_seconds: float = _COMMAND_LIMIT_SECONDS) -> CommandResult:
        """The same to its end, which is kept under the verb."""
        with self.command(verb, *arguments) as run:
            self.commands[verb] = run.wait(limit_seconds, self.session.check)
        return self.commands[verb]

    def to_the_end(self, verb: str, *arguments: str) -> CommandResult:
        """An operation with `--wait`, to its end."""
        return self.bluegreen(verb, *arguments, "--wait", limit_seconds=_OPERATION_LIMIT_SECONDS)

    def deployed(self, release: str) -> None:
        """Put a release onto the slot; RehearsalError when it does not get there."""
        self.to_the_end("deploy", SLOT, "--release", release).require_success()

    def record(self) -> Mapping[str, Any]:
        """The record now."""
        return record_of(self.slots, self.session.apis.dynamodb)

    def phase(self) -> str:
        """The phase of what is under way; IDLE when nothing is."""
        op = self.record()["op"]
        return "IDLE" if op is None else str(op["phase"])

    def wait_for_phase(self, *phases: str) -> None:
        """Wait until the operation is in one of these phases."""
        self.wait(lambda: self.phase() in phases, f"the phase {' or '.join(phases)}")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something; RehearsalError naming `what` when it does not happen."""
        wait_until(holds, limit_seconds=_OPERATION_LIMIT_SECONDS, session=self.session, what=what, pause_seconds=0.05)

    def live_shares(self) -> Mapping[str, int]:
        """The live rule's weights now, by side."""
        return self._weights(self.slots.target.rule)

    def _weights(self, rule: str) -> Mapping[str, int]:
        (described,) = self.session.apis.elbv2.describe_rules(RuleArns=[rule])["Rules"]
        return {
            self.slots.side_of(group["TargetGroupArn"]): int(group.get("Weight", 1))
            for action in described["Actions"]
            for group in action.get("ForwardConfig", {}).get("TargetGroups", ())
        }

    def ask(self, name: str, host: str, path: str = "/ready", headers: Mapping[str, str] | None = None) -> Answer:
        """One request of a tester, kept under `name`."""
        address = urlsplit(self.application.address(self.slots.target.rule))
        connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers={"Host": host, ASKS_HEADER: "group", **(headers or {})})
            got = connection.getresponse()
            got.read()
            group = got.headers.get(GROUP_HEADER)
            side = next((side for side, arn in self.slots.groups.items() if arn == group), "")  # a function has none
            answer = Answer(got.status, got.headers.get("x-release", ""), side, dict(got.headers.items()))
        except OSError as error:
            raise RehearsalError(f"{host}{path} did not answer: {error}") from error
        finally:
            connection.close()
        self.answers[name] = answer
        return answer

    def host_of(self, slot: str) -> str:
        """The hostname of a slot, by its rule."""
        rule = self.slots.target.rule if slot == "production" else self.slots.slot(slot).host_rule_arn
        (described,) = self.session.apis.elbv2.describe_rules(RuleArns=[rule])["Rules"]
        for condition in described["Conditions"]:
            if condition["Field"] == "host-header":
                values = condition.get("HostHeaderConfig", {}).get("Values") or condition["Values"]
                return str(values[0])
        raise RehearsalError(f"the rule of slot {slot} asks for no host")

    def settings_on(self, side: str) -> Mapping[str, str]:
        """The environment that a side's service runs with, as Amazon ECS says."""
        slots = self.slots.slots
        (service,) = self.session.apis.ecs.describe_services(
            cluster=slots.cluster, services=[self.slots.service_of(side)]
        )["services"]
        described = self.session.apis.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        containers = described["taskDefinition"]["containerDefinitions"]
        (container,) = (one for one in containers if one["name"] == slots.container)
        return {one["name"]: one["value"] for one in container["environment"]}

    def tasks_of(self, side: str) -> SideTasks:
        """A side's tasks that were not told to stop, and how many are asked for."""
        found = self.session.state()["ecs"]["services"][self.slots.service_of(side)]
        kept = (str(task["id"]) for task in found["tasks"] if task["stopping_at"] is None)
        return SideTasks(int(found["desired"]), tuple(sorted(kept)))

    def seen(self) -> SlotsSeen:
        """End the load, and everything that is known then."""
        history = self.bluegreen("history", "--limit", "80").require_success()
        time.sleep(CALM_SECONDS)
        stopped = time.time()
        self.load.stop()
        records = tuple(record for record in self.load.records() if record.scheduled >= self.started)
        after, record = self.session.state(), self.record()
        rule = self.slots.target.rule
        return SlotsSeen(
            slots=self.slots,
            before=self.before,
            record=record,
            changes=tuple(weights_since(self.slots, rule, after, self.started)),
            writes=tuple(_writes(rule, after, self.started)),
            final={slot: self._weights(arn) for slot, arn in self._rules().items()},
            settings={side: self.settings_on(side) for side in self.slots.groups},
            tasks={side: self.tasks_of(side) for side in self.slots.groups},
            history=tuple(reversed(history.answer["items"])),
            commands=dict(self.commands),
            answers=dict(self.answers),
            watched=Watched(
                self.session.rate_per_second, self.started, stopped, records, LoadResult.from_records(records)
            ),
            speed=self.session.speed,
        )

    def _rules(self) -> Mapping[str, str]:
        others = {slot.name: slot.host_rule_arn for slot in self.slots.slots.slots if slot.host_rule_arn}
        return {"production": self.slots.target.rule, **others}


@contextmanager
def on_slots_stage(session: Session, name: str) -> Iterator[SlotsStage]:
    """The application, deployed if it was not, with nothing under way, and under load until the block ends."""
    application = session.application(slots_application(checkout(session.checkout)))
    slots = DeployedSlots.of(application.target())
    with _load(application, slots, name) as load:
        stage = SlotsStage(
            session=session,
            application=application,
            slots=slots,
            load=load,
            operator=session.operator(),
            started=time.time(),
            before=record_of(slots, session.apis.dynamodb),
            state=session.state(),
        )
        if stage.before["op"] is not None:
            raise RehearsalError(f"an earlier operation on {slots.target.name} has not ended: {stage.before['op']}")
        time.sleep(CALM_SECONDS)
        yield stage


def _load(application: DeployedApplication, slots: DeployedSlots, name: str) -> LoadProcess:
    """Users of production's host, each answer with the target group that gave it."""
    session = application.session
    folder = session.work_dir / "load"
    folder.mkdir(parents=True, exist_ok=True)
    load = LoadProcess(
        LoadPlan(
            address=application.address(slots.target.rule),
            rate_per_second=session.rate_per_second,
            output=folder / f"{name}.jsonl",
            golden=application.about.golden,
            stream_share=STREAM_SHARE,
            host=slots.slots.host or None,
            headers={ASKS_HEADER: "group"},
            side_header=GROUP_HEADER,
            sides={arn: side for side, arn in slots.groups.items()},
        )
    )
    session.watch(load)
    return load


def _writes(rule: str, state: Mapping[str, Any], since: float) -> Sequence[Write]:
    return [
        Write(call["wall"], call["caller"])
        for call in state["calls"]["rule_calls"]
        if call["arn"] == rule and call["writes_actions"] and call["status"] < 400 and call["wall"] >= since
    ]
