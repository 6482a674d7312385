"""A canary target under load, operated by the `bluegreen` command, and what is noted of it meanwhile."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine.errors import RehearsalError
from ...engine.target_settings import SIDES
from ..application import RehearsedApplication, canary_application, checkout
from ..deployed_target import DeployedTarget, release_on
from ..load import LoadProcess, LoadResult
from ..load.record import LoadRecord
from ..operator_command import CommandResult, CommandRun, OperatorCommands
from ..rollout_watch import Weights, calls_between, weights_since
from ..session import DeployedApplication, LoadMix, Session, wait_until
from .canary_seen import CanarySeen, Execution, RuleWrite, Tasks
from .traffic_conditions import Watched

CALM_SECONDS = 1.5  # real: load before and after, so that both ends of a rollout are seen
_COMMAND_LIMIT_SECONDS = 60.0
_ROLLOUT_LIMIT_SECONDS = 180.0
_TIDY_LIMIT_SECONDS = 90.0
_QUIET_LIMIT_SECONDS = 90.0


@dataclass
class Stage:
    """The target, its load and its operator, while a scenario plays on it.

    live_side, live_release: what served when the scenario began: by the rule and by Amazon ECS, not by the engine.
    rollout, execution: of the rollout that was started here.
    """

    session: Session
    application: DeployedApplication
    target: DeployedTarget
    load: LoadProcess
    rate_per_second: float
    operator: OperatorCommands
    live_side: str
    live_release: str
    started: float
    before: Mapping[str, Any]
    release: str = ""
    rollout: str = ""
    execution: str = ""
    commands: dict[str, CommandResult] = field(default_factory=dict)
    _said: int = 0

    @property
    def candidate_side(self) -> str:
        """The side that was out of use when the scenario began."""
        return "green" if self.live_side == "blue" else "blue"

    def command(self, verb: str, *arguments: str) -> CommandRun:
        """Begin `bluegreen VERB TARGET … --format json`."""
        self.session.say(f"  bluegreen {' '.join((verb, self.target.name, *arguments))}")
        return self.operator.start(verb, self.target.name, *arguments, "--format", "json")

    def bluegreen(self, verb: str, *arguments: str) -> CommandResult:
        """The same to its end, which is kept under the verb."""
        with self.command(verb, *arguments) as run:
            self.commands[verb] = run.wait(_COMMAND_LIMIT_SECONDS, self.session.check)
        return self.commands[verb]

    def start(self, release: str) -> None:
        """`bluegreen start`; raises RehearsalError when the engine does not begin the rollout."""
        self.is_of(self.bluegreen("start", "--release", release).require_success(), release)

    def roll_out(self, release: str) -> CommandResult:
        """`bluegreen start --wait` to its end, as a pipeline would."""
        with self.command("start", "--release", release, "--wait") as run:
            self.commands["start"] = result = self.to_the_end(run)
        self.is_of(result, release)
        return result

    def to_the_end(self, run: CommandRun) -> CommandResult:
        """Wait for the end of a command, and say meanwhile what it does to the weights."""
        deadline = time.monotonic() + _ROLLOUT_LIMIT_SECONDS
        while (result := run.poll()) is None:
            if time.monotonic() > deadline:
                return run.wait(0.0, self.session.check)
            self.look()
            time.sleep(0.25)
        self.look()
        return result

    def is_of(self, result: CommandResult, release: str) -> None:
        """Take the rollout from what `bluegreen start` answered; RehearsalError when that is none."""
        answer = result.answer
        if not answer.get("rollout"):
            raise RehearsalError(f"bluegreen start answered no rollout: {result.said}")
        self.release, self.rollout, self.execution = release, str(answer["rollout"]), str(answer["execution"])

    def follow(self) -> CommandResult:
        """`bluegreen watch` to the end of the rollout."""
        with self.command("watch") as run:
            self.commands["watch"] = self.to_the_end(run)
        return self.commands["watch"]

    def begin_anew(self) -> None:
        """What was promoted on this stage is live from now on, and a further rollout is looked at by itself."""
        self.live_side = live_side(self.target, self.session)
        self.live_release = release_on(self.target, self.live_side, self.session.apis)
        self.started, self.before, self._said = time.time(), self.session.state(), 0
        time.sleep(CALM_SECONDS)

    # Looking

    def weights(self) -> list[Weights]:
        """How the live rule's weights have settled on the load balancer since the scenario began."""
        return weights_since(self.target, self.target.rule, self.session.state(), self.started)

    def look(self) -> None:
        """Say what has changed since the last look."""
        weights = self.weights()
        for change in weights[self._said :]:
            self.session.say(f"  the rule gives the candidate {change.percent_of(self.candidate_side):g} %")
        self._said = max(self._said, len(weights))

    def wait_for_share(self, percent: float) -> float:
        """Wait until every node of the load balancer gives the candidate this share; the wall-clock time since when."""

        def reached() -> bool:
            self.look()
            weights = self.weights()
            return bool(weights) and weights[-1].percent_of(self.candidate_side) == percent

        self.wait(reached, f"the candidate's share of {percent:g} %")
        return self.weights()[-1].wall

    def wait(self, holds: Callable[[], bool], what: str, *, limit_seconds: float = _ROLLOUT_LIMIT_SECONDS) -> None:
        """Wait for something of this rollout; RehearsalError naming `what` when it does not happen."""
        wait_until(holds, limit_seconds=limit_seconds, session=self.session, what=what)

    def wait_since(self, wall: float) -> None:
        """Let time pass until this wall-clock moment."""
        self.wait(lambda: time.time() >= wall, "the time passing")

    def is_over(self) -> bool:
        """Whether the rollout's execution has ended."""
        return self._execution().status != "RUNNING"

    def engine_alarms(self) -> tuple[str, ...]:
        """The engine's own alarms that ring now."""
        alarms = self.session.state()["cloudwatch"]["alarms"]
        return tuple(one["name"] for one in alarms if "EngineAlarms" in one["name"] and one["state"] == "ALARM")

    def state(self) -> Mapping[str, Any]:
        """The target's state as the engine's table holds it: the JSON itself, whatever version wrote it."""
        key = {"pk": {"S": f"state#{self.target.name}"}, "sk": {"S": "-"}}
        answer = self.session.apis.dynamodb.get_item(TableName=self.target.table, Key=key, ConsistentRead=True)
        found: Mapping[str, Any] = json.loads(answer["Item"]["rollout"]["S"]) if "Item" in answer else {}
        return found

    def forward_action(self) -> Mapping[str, Any]:
        """The live rule's forward action."""
        (rule,) = self.session.apis.elbv2.describe_rules(RuleArns=[self.target.rule])["Rules"]
        found: Mapping[str, Any] = next(action for action in rule["Actions"] if action["Type"] == "forward")
        return found

    def rule_tags(self) -> Mapping[str, str]:
        """The live rule's tags."""
        (tagged,) = self.session.apis.elbv2.describe_tags(ResourceArns=[self.target.rule])["TagDescriptions"]
        return {tag["Key"]: tag["Value"] for tag in tagged["Tags"]}

    def wait_until_tidied(self) -> None:
        """Wait until nothing of the rollout runs any more: the side out of use is drained and scaled in."""
        self.wait(lambda: not _running(self), "the end of every execution", limit_seconds=_TIDY_LIMIT_SECONDS)

    def seen(self) -> CanarySeen:
        """End the load, and everything that is known then."""
        with self.command("explain") as explaining, self.command("history", "--limit", "60") as history:
            time.sleep(CALM_SECONDS)
            stopped = time.time()
            self.load.stop()
            records = tuple(record for record in self.load.records() if record.scheduled >= self.started)
            explained = explaining.wait(_COMMAND_LIMIT_SECONDS, self.session.check)
            happened = history.wait(_COMMAND_LIMIT_SECONDS, self.session.check)
        after = self.session.state()
        self._remember_what_serves()
        items = happened.require_success().answer["items"]
        return CanarySeen(
            target=self.target,
            release=self.release,
            live_side=self.live_side,
            live_release=self.live_release,
            execution=self._execution(),
            explained=explained.require_success().answer,
            history=tuple(item for item in reversed(items) if item["rollout"] == self.rollout),
            weights=tuple(weights_since(self.target, self.target.rule, after, self.started)),
            final_weights=final_weights(self.target, self.session),
            writes=tuple(_writes(self.target, after, self.started)),
            tasks={
                side: Tasks.of(after, self.target.settings.side(side), _first_request(records, side, self.started))
                for side in SIDES
            },
            watched=Watched(self.rate_per_second, self.started, stopped, records, LoadResult.from_records(records)),
            calls=calls_between(self.before, after),
            speed=self.session.speed,
        )

    def _remember_what_serves(self) -> None:
        side = live_side(self.target, self.session)
        if side != self.live_side:
            self.application.former_release = self.live_release
            self.application.live_release = release_on(self.target, side, self.session.apis)

    def _execution(self) -> Execution:
        found = self.session.apis.stepfunctions.describe_execution(executionArn=self.execution)
        return Execution(found["status"], found.get("error") or "", found.get("cause") or "")


@contextmanager
def on_stage(
    session: Session,
    name: str,
    *,
    mix: LoadMix | None = None,
    of: Callable[[Path], RehearsedApplication] = canary_application,
) -> Iterator[Stage]:
    """The target of the application `of` the checkout, deployed if it was not, with nothing in flight, and under load
    until the block ends."""
    application = session.application(of(checkout(session.checkout)))
    target = application.target()
    live = live_side(target, session)
    load = application.load(name, rule=target.rule, mix=mix)
    with load:
        stage = Stage(
            session=session,
            application=application,
            target=target,
            load=load,
            rate_per_second=session.rate_per_second * (mix or LoadMix()).part,
            operator=session.operator(),
            live_side=live,
            live_release=release_on(target, live, session.apis),
            started=time.time(),
            before=session.state(),
        )
        stage.wait(lambda: not _running(stage), "the end of what ran before", limit_seconds=_QUIET_LIMIT_SECONDS)
        time.sleep(CALM_SECONDS)
        yield stage


def final_weights(target: DeployedTarget, session: Session) -> Mapping[str, int]:
    """The live rule's weights now, by side; a side that the rule does not name is absent."""
    (rule,) = session.apis.elbv2.describe_rules(RuleArns=[target.rule])["Rules"]
    return {
        target.side_of(group["TargetGroupArn"]): int(group.get("Weight", 1))
        for action in rule["Actions"]
        if action["Type"] == "forward"
        for group in action["ForwardConfig"]["TargetGroups"]
    }


def live_side(target: DeployedTarget, session: Session) -> str:
    """The side that has all traffic; RehearsalError when none has."""
    weights = final_weights(target, session)
    live = [side for side, weight in weights.items() if weight > 0]
    if len(live) != 1:
        raise RehearsalError(f"no side of {target.name} has all traffic: {dict(weights)}")
    return live[0]


def _running(stage: Stage) -> bool:
    found = stage.session.apis.stepfunctions.list_executions(
        stateMachineArn=stage.target.state_machine, statusFilter="RUNNING"
    )
    return bool(found["executions"])


def _writes(target: DeployedTarget, state: Mapping[str, Any], since: float) -> Iterator[RuleWrite]:
    for call in state["calls"]["rule_calls"]:
        is_live = call["arn"] == target.rule and call["action"] == "ModifyRule" and call["status"] < 400
        if is_live and call["writes_actions"] and call["wall"] >= since:
            yield RuleWrite(call["wall"], call["caller"])


def _first_request(records: Sequence[LoadRecord], side: str, started: float) -> float:
    """Since when users met the side: what was stopped before was replaced while the release was put there."""
    return min((record.scheduled for record in records if record.side == side), default=started)
