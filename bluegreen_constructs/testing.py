"""The engine's ports in memory and a clock that is set by hand: for tests of rollouts, ours and yours.

world = InMemoryWorld(settings)
world.begin(Release("1.4.2"))
world.run(minutes=60, failing={"1.4.2": 0.05})
assert world.rollout.phase is Phase.ROLLED_BACK
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from .engine.beginning import Beginning
from .engine.errors import AwsError
from .engine.listener_rules import Json
from .engine.ports import (
    Command,
    DeploymentGoneError,
    FleetSeen,
    HistoryItem,
    HookAnswer,
    LostLockError,
    Ports,
    RefusedError,
    ReleaseRecord,
    RuleSeen,
    Series,
    TargetsSeen,
    Watched,
)
from .engine.release import Release
from .engine.rollout import Rollout
from .engine.runner import tick
from .engine.service_deployments import DeploymentSeen, RevisionSeen, WaitingHook
from .engine.start_request import StartRequest
from .engine.swap.record import SlotsRecord
from .engine.target_settings import SIDES, Compute, SideSettings, TargetSettings
from .engine.tick_answer import TickAnswer
from .engine.weights import forward, share_of

__all__ = [
    "FixedClock",
    "InMemoryEvents",
    "InMemoryExecutions",
    "InMemoryFleets",
    "InMemoryHooks",
    "InMemoryMetrics",
    "InMemoryRules",
    "InMemoryServiceDeployments",
    "InMemorySettings",
    "InMemoryStore",
    "InMemoryVerdicts",
    "InMemoryWorld",
    "example_settings",
]


@dataclass
class FixedClock:
    """A clock that moves only when it is told to."""

    now: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def forward(self, span: timedelta) -> None:
        """Let `span` pass."""
        self.now += span


@dataclass
class InMemoryRules:
    """`WeightedRules`: rules by ARN. `healthy` is by target group; a group that is not there has 1 of 1."""

    rules: dict[str, tuple[Sequence[Json], dict[str, str]]] = field(default_factory=dict)
    healthy: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def read(self, rule_arn: str) -> RuleSeen:
        """Two calls."""
        return RuleSeen(self.actions(rule_arn), self.tags(rule_arn))

    def actions(self, rule_arn: str) -> Sequence[Json]:
        """One call."""
        self.calls.append(("DescribeRules", rule_arn))
        return self.rules[rule_arn][0]

    def tags(self, rule_arn: str) -> Mapping[str, str]:
        """One call."""
        self.calls.append(("DescribeTags", rule_arn))
        return dict(self.rules[rule_arn][1])

    def targets(self, group_arn: str) -> TargetsSeen:
        """One call."""
        self.calls.append(("DescribeTargetHealth", group_arn))
        healthy = self.healthy.get(group_arn, 1)
        return TargetsSeen(healthy, healthy)

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """One call."""
        self.calls.append(("ModifyRule", rule_arn))
        self.rules[rule_arn] = (tuple(actions), self.rules[rule_arn][1])

    def write_fresh(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """One call; what was read here is never old."""
        self.write(rule_arn, actions)

    def tag(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        """One call."""
        self.calls.append(("AddTags", rule_arn))
        self.rules[rule_arn][1].update(tags)


@dataclass
class InMemoryMetrics:
    """`Metrics`: values by series and minute since the epoch; alarms by name."""

    values: dict[Series, dict[int, float]] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)

    def minutes(self, series: Mapping[str, Series], first: int, last: int) -> Mapping[str, Mapping[int, float]]:
        """What was put there."""
        return {
            name: {minute: value for minute, value in self.values.get(one, {}).items() if first <= minute <= last}
            for name, one in series.items()
        }

    def alarm_states(self, names: Sequence[str]) -> Mapping[str, str]:
        """What was put there."""
        return {name: self.alarms[name] for name in names if name in self.alarms}

    def add(self, series: Series, minute: int, value: float) -> None:
        """Add to a minute's sum; zero is not published, as Elastic Load Balancing does it."""
        if value:
            held = self.values.setdefault(series, {})
            held[minute] = held.get(minute, 0.0) + value


@dataclass
class InMemoryFleets:
    """`Fleets`: what runs by target group. What is asked for is there at once, unless `trouble` says why it is not."""

    running: dict[str, FleetSeen] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    on_change: Callable[[SideSettings, int], None] = lambda _side, _desired: None

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """What runs there."""
        if not side.can_be_scaled:
            return FleetSeen(0, None, is_settled=True)
        fleet = self.running.get(side.group_arn, FleetSeen(0, 1, is_settled=True))
        trouble = self.trouble.get(side.group_arn, "")
        is_it = release is None or fleet.release == release.name
        return replace(fleet, is_settled=is_it and not trouble, trouble=trouble)

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Run `release` there."""
        if side.can_be_scaled:
            self.calls.append(("deploy", side.group_arn))
            fleet = self.running.get(side.group_arn, FleetSeen(0, 1, is_settled=True))
            self.running[side.group_arn] = replace(fleet, desired=desired, release=release.name)
            self.on_change(side, 0 if self.trouble.get(side.group_arn) else desired)

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """Scale it."""
        if not side.can_be_scaled:
            return
        self.calls.append(("scale", side.group_arn))
        fleet = self.running.get(side.group_arn, FleetSeen(0, 1, is_settled=True))
        fleet = replace(fleet, minimum=fleet.minimum if minimum is None else minimum)
        if desired is not None:
            fleet = replace(fleet, desired=desired)
            self.on_change(side, desired)
        self.running[side.group_arn] = fleet


@dataclass
class InMemoryHooks:
    """`Hooks`: answers by function, the next one first; the last one is given again and again."""

    answers: dict[str, list[HookAnswer]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def ask(self, function_arn: str, payload: Mapping[str, object]) -> HookAnswer:
        """The next answer."""
        self.asked.append((function_arn, payload))
        answers = self.answers.get(function_arn, [HookAnswer("SUCCEEDED")])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class InMemoryEvents:
    """`Events`: what was announced."""

    announced: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """Keep it."""
        self.announced.append((kind, detail))


@dataclass
class InMemoryExecutions:
    """`Executions`: by ARN, and whether each still runs."""

    running: dict[str, bool] = field(default_factory=dict)
    started: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    is_down: bool = False

    def start(self, name: str, request: Mapping[str, object]) -> str:
        """Start one."""
        self._answer()
        self.started.append((name, request))
        self.running[self.arn_of(name)] = True
        return self.arn_of(name)

    def arn_of(self, name: str) -> str:
        """The ARN of one."""
        return f"arn:aws:states:eu-west-1:123456789012:execution:engine:{name}"

    def stop(self, execution_arn: str, cause: str) -> None:  # noqa: ARG002  # the port's signature
        """Stop one."""
        self._answer()
        self.running[execution_arn] = False

    def is_running(self, execution_arn: str) -> bool:
        """Whether it runs."""
        self._answer()
        return self.running.get(execution_arn, False)

    def _answer(self) -> None:
        if self.is_down:
            raise AwsError("Step Functions does not answer")


@dataclass
class InMemoryStore:
    """`Store`: with the same conditions as the table."""

    states: dict[str, Rollout] = field(default_factory=dict)
    items: dict[str, list[HistoryItem]] = field(default_factory=dict)
    given: dict[str, dict[str, Command]] = field(default_factory=dict)
    records: dict[str, dict[str, ReleaseRecord]] = field(default_factory=dict)
    deployments: dict[str, Watched] = field(default_factory=dict)
    slots_records: dict[str, SlotsRecord] = field(default_factory=dict)
    is_down: bool = False

    def load(self, target: str) -> Rollout | None:
        """The state."""
        self._answer()
        return self.states.get(target)

    def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
        """In the place of exactly `former`."""
        self._answer()
        held = self.states.get(rollout.target)
        if (held and (held.id, held.fence, held.revision)) != (former and (former.id, former.fence, former.revision)):
            raise LostLockError("somebody else began a rollout")
        self.states[rollout.target] = replace(rollout, revision=0)
        return self.states[rollout.target]

    def save(self, rollout: Rollout) -> Rollout:
        """Over the same fence and revision."""
        self._answer()
        held = self.states.get(rollout.target)
        if held is None or (held.id, held.fence, held.revision) != (rollout.id, rollout.fence, rollout.revision):
            raise LostLockError("somebody else saved this rollout")
        self.states[rollout.target] = replace(rollout, revision=rollout.revision + 1)
        return self.states[rollout.target]

    def slots(self, target: str) -> SlotsRecord | None:
        """The record."""
        self._answer()
        return self.slots_records.get(target)

    def put_slots(self, record: SlotsRecord, former: SlotsRecord | None) -> SlotsRecord:
        """In the place of exactly `former`."""
        self._answer()
        held = self.slots_records.get(record.target)
        if (held and (held.fence, held.revision)) != (former and (former.fence, former.revision)):
            raise LostLockError("somebody else saved these slots")
        self.slots_records[record.target] = replace(record, revision=record.revision + 1)
        return self.slots_records[record.target]

    def commands(self, target: str) -> Sequence[Command]:
        """In order of time."""
        self._answer()
        return sorted(self.given.get(target, {}).values(), key=lambda command: command.at)

    def give(self, target: str, command: Command) -> None:
        """Leave it there."""
        self._answer()
        self.given.setdefault(target, {})[command.verb] = command

    def done(self, target: str, command: Command) -> None:
        """Take it away."""
        self._answer()
        if self.given.get(target, {}).get(command.verb) == command:
            del self.given[target][command.verb]

    def record(self, target: str, item: HistoryItem) -> None:
        """Once."""
        self._answer()
        if item not in self.items.setdefault(target, []):
            self.items[target].append(item)

    def history(self, target: str, limit: int = 100) -> Sequence[HistoryItem]:
        """The latest first."""
        self._answer()
        return list(reversed(self.items.get(target, [])))[:limit]

    def releases(self, target: str) -> Sequence[ReleaseRecord]:
        """The latest first."""
        self._answer()
        return sorted(self.records.get(target, {}).values(), key=lambda record: record.at, reverse=True)

    def remember(self, target: str, record: ReleaseRecord) -> None:
        """In the place of what was known."""
        self._answer()
        self.records.setdefault(target, {})[record.release.name] = record

    def watched(self) -> Sequence[Watched]:
        """All of them."""
        self._answer()
        return list(self.deployments.values())

    def watch(self, one: Watched) -> None:
        """Put it there."""
        self._answer()
        self.deployments[one.execution] = one

    def unwatch(self, one: Watched) -> None:
        """Take it away."""
        self._answer()
        self.deployments.pop(one.execution, None)

    def _answer(self) -> None:
        if self.is_down:
            raise AwsError("the table does not answer")


@dataclass
class InMemoryServiceDeployments:
    """`ServiceDeployments`: deployments and revisions by ARN, releases by task definition.

    Nothing moves by itself: put in `known` what Amazon ECS would say next. What was asked for is in `calls`.
    """

    known: dict[str, DeploymentSeen] = field(default_factory=dict)
    revisions: dict[str, RevisionSeen] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def in_flight(self, cluster: str, service: str) -> str:
        """The newest that has not ended."""
        return next((one.arn for one in self.latest(cluster, service) if one.is_in_flight), "")

    def latest(self, cluster: str, service: str, limit: int = 20) -> Sequence[DeploymentSeen]:
        """Those whose ARN names the service; the newest first."""
        mine = [one for one in self.known.values() if f"/{cluster}/{service}/" in one.arn]
        return sorted(mine, key=lambda one: one.created_at, reverse=True)[:limit]

    def deployment(self, arn: str) -> DeploymentSeen:
        """What was put there."""
        if arn not in self.known:
            raise DeploymentGoneError(f"Amazon ECS does not know the service deployment {arn}")
        return self.known[arn]

    def revision(self, arn: str) -> RevisionSeen:
        """What was put there."""
        if arn not in self.revisions:
            raise AwsError(f"Amazon ECS does not know the service revision {arn}")
        return self.revisions[arn]

    def release(self, task_definition: str, container: str) -> str:  # noqa: ARG002  # the port's signature
        """What was put there."""
        if task_definition not in self.releases:
            raise AwsError(f"Amazon ECS does not know the task definition {task_definition}")
        return self.releases[task_definition]

    def stop(self, arn: str) -> None:
        """It goes back, unless it has ended."""
        self.calls.append(("stop", arn))
        seen = self.deployment(arn)
        if seen.is_in_flight and not seen.goes_back:
            self.known[arn] = replace(seen, status="ROLLBACK_REQUESTED", reason="stopped by a request")

    def answer(self, arn: str, hook_id: str, *, go_on: bool) -> None:
        """The hook waits no more; ROLLBACK takes the deployment back."""
        self.calls.append(("continue" if go_on else "roll back", hook_id))
        seen = self.deployment(arn)
        waiting: tuple[WaitingHook, ...] = tuple(hook for hook in seen.waiting if hook.id != hook_id)
        if len(waiting) == len(seen.waiting):
            raise AwsError(f"hook {hook_id} of {arn} does not wait for an answer")
        status = seen.status if go_on else "ROLLBACK_REQUESTED"
        self.known[arn] = replace(seen, waiting=waiting, status=status)

    def deploy(self, cluster: str, service: str, task_definition: str) -> str:
        """Only noted: what comes of it is for the test to say."""
        self.calls.append(("deploy", task_definition))
        return self.in_flight(cluster, service)


@dataclass
class InMemoryVerdicts:
    """`VerdictMetric`: what was said last of each target, and everything that ever was."""

    said: dict[str, bool] = field(default_factory=dict)
    published: list[tuple[str, datetime, bool]] = field(default_factory=list)

    def publish(self, target: str, at: datetime, *, unhealthy: bool) -> None:
        """Keep it."""
        self.said[target] = unhealthy
        self.published.append((target, at, unhealthy))


@dataclass
class InMemorySettings:
    """`SettingsSource`: of the targets given."""

    known: dict[str, TargetSettings] = field(default_factory=dict)

    def of(self, target: str) -> TargetSettings:
        """The settings of one."""
        if target not in self.known:
            raise RefusedError(f"there is no target {target!r}: choose from {', '.join(sorted(self.known)) or 'none'}")
        return self.known[target]

    def targets(self) -> Sequence[str]:
        """The names of all."""
        return sorted(self.known)


def example_settings(target: str = "Serving/Model") -> TargetSettings:
    """A target with two ECS sides: no steps, no guardrails, and the default times."""

    def side(color: str) -> SideSettings:
        group = f"targetgroup/{color}/0123456789abcdef"
        return SideSettings(
            group_arn=f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{group}",
            metric_name=group,
            compute=Compute.ECS,
            cluster="serving",
            service=color,
            container="app",
            scalable=True,
        )

    listener = "app/serving/0123456789abcdef/0123456789abcdef"
    rules = f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/{listener}"
    return TargetSettings(
        target=target,
        rule_arn=f"{rules}/1111111111111111",
        test_rule_arns=(f"{rules}/2222222222222222",),
        load_balancer="app/serving/0123456789abcdef",
        blue=side("blue"),
        green=side("green"),
    )


class InMemoryWorld:
    """A whole target in memory: begin a rollout, let minutes pass under traffic, and look at what became of it."""

    def __init__(self, settings: TargetSettings | None = None, *, targets: int = 4) -> None:
        """A target whose blue side is live with `targets` healthy targets."""
        self.settings = example_settings() if settings is None else settings
        self.clock = FixedClock()
        blue, green = self.settings.blue.group_arn, self.settings.green.group_arn
        self.rules = InMemoryRules(healthy={blue: targets, green: 0})
        for arn in (self.settings.rule_arn, *self.settings.test_rule_arns):
            self.rules.rules[arn] = ((forward(blue, green, 0.0, None),), {})
        self.fleets = InMemoryFleets({blue: FleetSeen(targets, 2, is_settled=True, release="first")})
        self.fleets.on_change = self._became_healthy
        self.metrics, self.hooks, self.events = InMemoryMetrics(), InMemoryHooks(), InMemoryEvents()
        self.store, self.executions = InMemoryStore(), InMemoryExecutions()
        self.source = InMemorySettings({self.settings.target: self.settings})
        self.ports = Ports(self.rules, self.metrics, self.fleets, self.hooks, self.events, self.store)
        self.answer: TickAnswer | None = None

    @property
    def rollout(self) -> Rollout:
        """The target's rollout as it is stored."""
        held = self.store.states.get(self.settings.target)
        if held is None:
            raise LookupError("no rollout was begun")
        return held

    @property
    def share(self) -> float | None:
        """Green's share of the traffic in percent, as the live rule has it."""
        actions = self.rules.rules[self.settings.rule_arn][0]
        return share_of(actions, self.settings.blue.group_arn, self.settings.green.group_arn)

    def begin(self, release: Release, *, id: str = "", is_expedited: bool = False, accept: str = "") -> TickAnswer:
        """Begin a rollout of `release` (its id defaults to the release's name)."""
        name = id or release.name
        request = StartRequest(
            target=self.settings.target,
            rollout=name,
            execution=self.executions.start(name, {}),
            release=release,
            caller="arn:aws:iam::123456789012:user/example",
            reason="",
            is_expedited=is_expedited,
            is_irreversible=False,
            is_quarantined=False,
            accept_rejected=accept,
        )
        try:
            self.answer = Beginning(self.source, self.store, self.rules, self.executions).begin(request, self.clock.now)
        except Exception:
            self.executions.stop(request.execution, "refused")
            raise
        return self.answer

    def tick(self) -> TickAnswer:
        """One turn of the rollout, now."""
        self.answer = tick(self.ports, self.settings.target, self.rollout.id, self.clock.now)
        if self.answer.done:
            self.executions.stop(self.rollout.execution, "done")
        return self.answer

    def run(self, *, minutes: float, requests: int = 6000, failing: Mapping[str, float] | None = None) -> None:
        """Let up to `minutes` pass, or until the rollout is done: ticks as asked for, traffic by the rule's weights.

        requests: per minute, over both sides. failing: the share of bad answers by release (default: 0.002).
        """
        until = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < until and not (self.answer and self.answer.done):
            wait = timedelta(seconds=self.answer.wait_seconds if self.answer else 1)
            self._pass(min(wait, until - self.clock.now), requests, failing or {})
            self.tick()

    def _pass(self, span: timedelta, requests: int, failing: Mapping[str, float]) -> None:
        for _ in range(round(span.total_seconds())):
            minute = int(self.clock.now.timestamp() // 60)
            share = self.share
            for side in SIDES:
                percent = (share or 0.0) if side == "green" else 100 - (share or 0.0)
                settings = self.settings.side(side)
                release = self.fleets.running.get(settings.group_arn, FleetSeen(0, None, is_settled=True)).release
                count = requests / 60 * percent / 100
                dimensions = (("LoadBalancer", self.settings.load_balancer), ("TargetGroup", settings.metric_name))
                self.metrics.add(Series("AWS/ApplicationELB", "RequestCount", dimensions, "Sum"), minute, count)
                bad = count * failing.get(release, 0.002)
                self.metrics.add(
                    Series("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions, "Sum"), minute, bad
                )
            self.clock.forward(timedelta(seconds=1))

    def _became_healthy(self, side: SideSettings, desired: int) -> None:
        self.rules.healthy[side.group_arn] = desired
