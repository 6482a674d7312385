"""A whole target in memory that watches the invariants while its rollout runs, and a state machine that ticks it.

What is asserted here holds in every test that uses this world, whatever its subject: I1 and I5 at each write of the
live rule, I8 at each change of a fleet, and that nothing that was noted is missing in the history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from bluegreen_constructs.engine.abort import AbortOutcome, abort
from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.counts import series_of
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.listener_rules import Json
from bluegreen_constructs.engine.live_rule import forwarded_groups
from bluegreen_constructs.engine.ports import Command, FleetSeen, HistoryItem, LostLockError, Ports, ReleaseRecord, Verb
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Hold, HoldKind, Note, Rollout
from bluegreen_constructs.engine.runner import tick
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import (
    SIDES,
    Compute,
    EngineGuardrail,
    Side,
    SideSettings,
    TargetSettings,
)
from bluegreen_constructs.engine.tick_answer import TickAnswer
from bluegreen_constructs.testing import InMemoryFleets, InMemoryRules, InMemoryWorld, example_settings
from tests.engine.watched_store import WatchedStore

OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators/sam"
NEXT = Release("1.4.2")
BAD = 0.08
"""The share of bad answers of a release that nobody wants; good ones have 0.002."""
MINUTE = timedelta(minutes=1)

# What the definition of the state machine says of a tick that fails.
_RETRIES = 3


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def quick_settings(
    *,
    guardrails: tuple[EngineGuardrail, ...] = (ErrorComparison(),),
    steps: tuple[Step, ...] = (Step(10, minutes(5)), Step(50, minutes(5))),
) -> TargetSettings:
    """Steps of 10 % and 50 %, all waits short enough for a test; change the rest with `dataclasses.replace`."""
    return replace(
        example_settings(),
        steps=steps,
        guardrails=guardrails,
        bake=minutes(10),
        patience=minutes(10),
        hold_timeout=minutes(60),
        prepare_timeout=minutes(10),
        restore_timeout=minutes(5),
        deadline=timedelta(hours=6),
        drain_timeout=minutes(15),
    )


def fixed(settings: TargetSettings) -> TargetSettings:
    """The same with sides that the engine cannot scale."""
    return replace(
        settings,
        blue=replace(settings.blue, compute=Compute.FIXED),
        green=replace(settings.green, compute=Compute.FIXED),
    )


@dataclass
class WatchedRules(InMemoryRules):
    """Asks `before_write` at each write, before its effect."""

    before_write: Callable[[str, Sequence[Json]], None] = lambda _arn, _actions: None

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        self.before_write(rule_arn, actions)
        super().write(rule_arn, actions)

    def calls_since(self, count: int) -> list[str]:
        """The names of the calls that were made after the first `count`."""
        return [name for name, _ in self.calls[count:]]


@dataclass
class WatchedFleets(InMemoryFleets):
    """Asks `before_loss` before a side loses targets, or gets another release in the place of a running one."""

    before_loss: Callable[[SideSettings], None] = lambda _side: None

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        fleet = self.running.get(side.group_arn)
        if (
            side.can_be_scaled
            and fleet
            and fleet.desired
            and (fleet.release != release.name or fleet.desired > desired)
        ):
            self.before_loss(side)
        super().deploy(side, release, desired)

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        fleet = self.running.get(side.group_arn)
        if side.can_be_scaled and fleet and desired is not None and fleet.desired > desired:
            self.before_loss(side)
        super().scale(side, desired, minimum)


class RolloutWorld(InMemoryWorld):
    """Blue is live with `targets` healthy targets; `begin`, let time pass under traffic, look.

    requests: per minute, over both sides. failing, slow, low: the share of bad answers, of slow ones and of bad
    predictions by release (else 0.002, 0.02, 0.02). hanging: the share that no target answers. is_silent: CloudWatch
    says nothing.
    """

    def __init__(self, settings: TargetSettings | None = None, *, targets: int = 4) -> None:
        super().__init__(quick_settings() if settings is None else settings, targets=targets)
        self.requests = 12_000.0
        self.failing: dict[str, float] = {}
        self.hanging: dict[str, float] = {}
        self.slow: dict[str, float] = {}
        self.low: dict[str, float] = {}
        self.is_silent = False
        self.watched_rules = WatchedRules(self.rules.rules, self.rules.healthy, before_write=self._check_write)
        self.watched_store = WatchedStore()
        self.rules, self.store = self.watched_rules, self.watched_store
        fleets = WatchedFleets(self.fleets.running, before_loss=self._check_loss)
        fleets.on_change = self._became_healthy
        self.fleets = fleets
        self.ports = Ports(self.rules, self.metrics, self.fleets, self.hooks, self.events, self.store)
        self.ticks = 0
        self.is_failed = False
        if not self.settings.blue.can_be_scaled:
            self.rules.healthy[self.settings.green.group_arn] = targets

    # Beginning, commanding, aborting

    @property
    def target(self) -> str:
        return self.settings.target

    def request(
        self,
        release: Release = NEXT,
        *,
        id: str = "",
        is_expedited: bool = False,
        is_irreversible: bool = False,
        is_quarantined: bool = False,
        accept: str = "",
        ends_quarantine: bool = False,
    ) -> StartRequest:
        """What asks for a rollout; its execution runs already, as it does when `start` is invoked."""
        name = id or release.name
        return StartRequest(
            target=self.target,
            rollout=name,
            execution=self.executions.start(name, {}),
            release=release,
            caller=OPERATOR,
            reason="weekly release",
            is_expedited=is_expedited,
            is_irreversible=is_irreversible,
            is_quarantined=is_quarantined,
            accept_rejected=accept,
            ends_quarantine=ends_quarantine,
        )

    def start(self, request: StartRequest | None = None) -> TickAnswer:
        """What the start handler does; a refusal ends the execution."""
        request = self.request() if request is None else request
        try:
            self.answer = Beginning(self.source, self.store, self.rules, self.executions).begin(request, self.clock.now)
        except Exception:
            self.executions.stop(request.execution, "refused")
            raise
        self.is_failed = False
        return self.answer

    def give(self, verb: Verb, *, step: int | None = None, rollout: str = "", reason: str = "because") -> Command:
        """What the command line leaves in the table."""
        command = Command(verb, rollout or self.rollout.id, OPERATOR, reason, self.clock.now, step)
        self.store.give(self.target, command)
        return command

    def abort(
        self,
        *,
        with_table: bool = True,
        with_executions: bool = True,
        regardless: bool = False,
        is_bad: bool = False,
        is_alarm: bool = False,
        reason: str = "payments fail",
    ) -> AbortOutcome:
        """`bluegreen abort`; the closing execution's ticks are those of `run`."""
        return abort(
            self.rules,
            self.settings,
            caller=OPERATOR,
            reason=reason,
            now=self.clock.now,
            store=self.store if with_table else None,
            executions=self.executions if with_executions else None,
            regardless=regardless,
            is_bad=is_bad,
            is_alarm=is_alarm,
        )

    # Time

    def turn(self) -> TickAnswer:
        """One tick, now."""
        self.ticks += 1
        self.answer = tick(self.ports, self.target, self.rollout.id, self.clock.now)
        if self.answer.done:
            self.executions.stop(self.rollout.execution, "done")
        return self.answer

    def machine_turn(self) -> None:
        """One turn of the state machine: a tick, a few more when it fails, and then its own way back."""
        former = self.answer
        for attempt in range(_RETRIES + 1):
            try:
                self.turn()
            except (AwsError, LostLockError):
                self.pass_time(timedelta(seconds=5 * 2**attempt))
            else:
                return
        self.is_failed = True
        if former is not None and former.restore:
            rule_arn = str(former.restore["RuleArn"])
            restored: list[Json] = list(former.restore["Actions"])  # type: ignore[call-overload]
            self.rules.write(rule_arn, restored)
            pairs: list[Mapping[str, str]] = list(former.mark["Tags"])  # type: ignore[call-overload]
            self.rules.tag(rule_arn, {pair["Key"]: pair["Value"] for pair in pairs})
        self.executions.stop(self.rollout.execution, "EngineFailed")

    def pass_for(self, minutes: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass under traffic, with a tick whenever the last answer asked for one."""
        end = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < end and not until() and not (self.answer and self.answer.done) and not self.is_failed:
            wait = timedelta(seconds=self.answer.wait_seconds if self.answer else 1)
            self.pass_time(min(wait, end - self.clock.now))
            self.machine_turn()

    def reach(self, phase: Phase, *, step: int | None = None, applied: float | None = None) -> None:
        """Go on until the rollout is there; fails when it is not within six hours."""

        def is_there() -> bool:
            rollout = self.rollout
            return (
                rollout.phase is phase
                and (step is None or rollout.step == step)
                and (applied is None or rollout.applied == applied)
            )

        self.pass_for(6 * 60, until=is_there)
        assert is_there(), self.told()

    def reach_hold(self, kind: HoldKind) -> Hold:
        """Go on until the rollout is held for this reason."""
        self.pass_for(6 * 60, until=lambda: self.hold is not None)
        assert self.hold is not None, self.told()
        assert self.hold.kind is kind, self.told()
        return self.hold

    def finish(self, hours: float = 40) -> Rollout:
        """Go on until nothing is left to do."""
        self.pass_for(hours * 60)
        assert self.answer is not None
        assert self.answer.done, self.told()
        self.check_history()
        return self.rollout

    def pass_time(self, span: timedelta) -> None:
        """Traffic by the rule's weights, counted by CloudWatch in minutes."""
        end = self.clock.now + span
        while self.clock.now < end:
            minute = int(self.clock.now.timestamp() // 60)
            left = 60 - self.clock.now.timestamp() % 60
            part = min(end - self.clock.now, timedelta(seconds=left))
            if not self.is_silent:
                self._count(minute, part.total_seconds() / 60)
            self.clock.forward(part)

    def _count(self, minute: int, part: float) -> None:
        series = series_of(self.settings)
        for side in SIDES:
            requests = self.requests * part * self.share_of(side) / 100
            release = self.release_on(side)
            self.metrics.add(series[f"{side}/requests"], minute, requests)
            answered = requests * (1 - self.hanging.get(release, 0))
            errors = answered * self.failing.get(release, 0.002)
            self.metrics.add(series[f"{side}/errors"], minute, errors)
            self.metrics.add(series[f"{side}/2xx"], minute, answered - errors)
            self.metrics.add(series["own"], minute, requests - answered)
            held = self.metrics.values.setdefault(series[f"{side}/healthy"], {})
            held[minute] = max(held.get(minute, 0), self.healthy(side))
            for one in self.settings.guardrails:
                if isinstance(one, LatencyComparison) and requests:
                    within = 100 * (1 - self.slow.get(release, 0.02))
                    self.metrics.values.setdefault(series[f"{side}/{one.name}"], {})[minute] = within
                elif isinstance(one, MetricComparison):
                    self.metrics.add(series[f"{side}/{one.name}/total"], minute, requests)
                    self.metrics.add(series[f"{side}/{one.name}/bad"], minute, requests * self.low.get(release, 0.02))

    # Looking

    def release_on(self, side: Side) -> str:
        settings = self.settings.side(side)
        running = self.fleets.running.get(settings.group_arn)
        if not settings.can_be_scaled:
            return "first" if side == "blue" else NEXT.name
        return running.release if running else ""

    def share_of(self, side: Side) -> float:
        """A side's share of the traffic in percent, as the live rule has it now."""
        groups = forwarded_groups(self.rules.rules[self.settings.rule_arn][0])
        return 100 * groups.get(self.settings.side(side).group_arn, 0) / sum(groups.values())

    @property
    def tags(self) -> Mapping[str, str]:
        return self.rules.rules[self.settings.rule_arn][1]

    @property
    def hold(self) -> Hold | None:
        return self.rollout.hold

    def history(self, event: str = "") -> list[HistoryItem]:
        """What happened, the first first."""
        return [item for item in self.watched_store.items.get(self.target, []) if event in {"", item.event}]

    def told(self) -> str:
        """The history, for a failed assertion."""
        return "\n".join(f"{item.at:%H:%M:%S} {item.phase} {item.event} {item.reason}" for item in self.history())

    def record(self, release: str) -> ReleaseRecord | None:
        return self.watched_store.records.get(self.target, {}).get(release)

    def fleet(self, side: Side) -> FleetSeen:
        return self.fleets.running[self.settings.side(side).group_arn]

    def was_live(self, release: Release = NEXT) -> None:
        """The release was promoted once: one to go back to."""
        record = ReleaseRecord(
            release, "promoted", self.clock.now - timedelta(days=7), "last week", OPERATOR, "earlier"
        )
        self.store.remember(self.target, record)

    def set_healthy(self, side: Side, count: int) -> None:
        self.rules.healthy[self.settings.side(side).group_arn] = count

    def healthy(self, side: Side) -> int:
        return self.rules.healthy.get(self.settings.side(side).group_arn, 0)

    # The invariants

    def _check_write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        if rule_arn != self.settings.rule_arn:
            return
        rollout = self.rollout
        groups = forwarded_groups(actions)
        assert sum(groups.values()) > 0, "I1: weights that sum to 0"
        assert set(groups) <= {self.settings.side(side).group_arn for side in SIDES}
        candidate = groups.get(rollout.candidate_side.group_arn, 0)
        share = round(1000 * candidate / sum(groups.values())) / 10
        if share == 0:  # always allowed
            return
        before = self.share_of(rollout.candidate)
        if share > before:
            needs = max(1, ceil(rollout.needs * share / 100 - 1e-9))
            assert self.healthy(rollout.candidate) >= needs, f"I1: {share} % for {self.healthy(rollout.candidate)}"
            weights = {one.weight for one in self.watched_store.saved if one.id == rollout.id}
            assert share in weights, f"I5: {share} % was written before it was saved"
        else:
            needs = ceil(rollout.needs * (100 - share) / 100 - 1e-9)
            assert self.healthy(rollout.live) >= needs, f"I1: {100 - share} % for live's {self.healthy(rollout.live)}"

    def _check_loss(self, side: SideSettings) -> None:
        name = self.settings.side_of(side.group_arn)
        assert name is not None
        assert self.share_of(name) == 0, f"I8: {name} loses targets while the live rule names it"
        requests = self.metrics.values.get(series_of(self.settings)[f"{name}/requests"], {})
        last = int(self.clock.now.timestamp() // 60) - 1
        assert not any(requests.get(minute) for minute in (last - 1, last)), f"I8: {name} was not drained"

    def check_history(self) -> None:
        """Everything that was ever to be told is in the history."""
        told = {(item.at, item.event, item.reason, item.caller, item.rollout) for item in self.history()}
        for saved in self.watched_store.saved:
            for note in saved.outbox:
                assert _key(note, saved) in told, f"the history has lost {note}"


def _key(note: Note, rollout: Rollout) -> tuple[object, ...]:
    return note.at, note.event, note.reason, note.caller or "the engine", rollout.id
