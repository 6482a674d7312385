"""A service in memory that Amazon ECS rolls out, hooks, alarms and all, with the judge beside it.

What is asserted here holds in every test that uses this world: no step after the first is let pass by anything that is
not stored (I4, I5), and no minute counts twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.ecs_hook import ADMISSION, NEXT_STEP, HookCall, HookReply
from bluegreen_constructs.engine.ecs_judge import Judge, JudgePorts
from bluegreen_constructs.engine.ecs_judgement import verdict_of
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.ports import Command, HistoryItem, Series
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.service_deployments import DeploymentSeen, RevisionSeen
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import (
    SIDES,
    AlarmName,
    EngineGuardrail,
    Side,
    SideSettings,
    TargetSettings,
    other,
)
from bluegreen_constructs.engine.weights import forward, share_of
from bluegreen_constructs.testing import (
    FixedClock,
    InMemoryEvents,
    InMemoryMetrics,
    InMemoryRules,
    InMemoryServiceDeployments,
    InMemorySettings,
    InMemoryVerdicts,
    example_settings,
)
from tests.engine.watched_store import WatchedStore

SERVICE = "arn:aws:ecs:eu-west-1:123456789012:{kind}/serving/inference/{id}"
FAMILY = "arn:aws:ecs:eu-west-1:123456789012:task-definition/inference"
OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators/sam"
OWN_ALARM, ERRORS = "Verdict", "ErrorRate"
BAD = 0.08
"""The share of bad answers of a release that nobody wants; good ones have 0.002."""
_TICK = timedelta(seconds=15)


class Killed(BaseException):
    """The process ended here; nothing of it runs any further."""


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def ecs_settings(
    *,
    guardrails: tuple[EngineGuardrail, ...] = (ErrorComparison(),),
    steps: tuple[Step, ...] = (Step(10, minutes(5)),),
) -> TargetSettings:
    """A canary of 10 % for five minutes and a bake of five."""
    known = example_settings("Serving/Inference")

    def side(one: SideSettings) -> SideSettings:
        return replace(one, cluster="serving", service="inference", container="app", scalable=False)

    return replace(
        known,
        blue=side(known.blue),
        green=side(known.green),
        steps=steps,
        guardrails=guardrails,
        bake=minutes(5),
        patience=minutes(10),
        hold_timeout=minutes(60),
        controller="ecs",
    )


class EcsWorld:
    """Release `first.00000000` is live on blue; `deploy` another, let time `pass`, look.

    requests: per minute, over both sides. failing: the share of bad answers by release. is_silent: CloudWatch has no
    data. red: the alarms that are in ALARM. has_looks: whether the schedule calls the judge every minute.
    """

    def __init__(self, settings: TargetSettings | None = None) -> None:
        self.settings = ecs_settings() if settings is None else settings
        self.target = self.settings.target
        self.clock = FixedClock()
        self.rules, self.metrics = InMemoryRules(), InMemoryMetrics()
        self.events, self.verdicts = InMemoryEvents(), InMemoryVerdicts()
        self.store, self.deployments = WatchedStore(), InMemoryServiceDeployments()
        self.source = InMemorySettings({self.target: self.settings})
        self.requests = 60_000.0
        self.failing: dict[str, float] = {}
        self.is_silent = False
        self.red: set[str] = set()
        self.has_looks = True
        self.replies: list[tuple[str, HookReply]] = []
        self.troubles: list[str] = []
        self.live: Side = "blue"
        self.running: dict[Side, str] = {"blue": "first.00000000"}
        self.revisions: dict[str, str] = {}
        self.call: HookCall | None = None
        self._ask_at = self.clock.now
        self._plan: Iterator[None] = iter(())
        self._is_asked = False
        self._watches = True
        self.served: dict[tuple[str, int], float] = {}
        self._shift(0)
        self._revise("first.00000000", "blue")
        for name in (ERRORS, OWN_ALARM):
            self.metrics.alarms[name] = "OK"
        self.wrap: Callable[[object], object] = lambda port: port

    @property
    def judge(self) -> Judge:
        """A new process: nothing but the world's memory is left of the one before."""
        ports = [self.source, self.store, self.rules, self.metrics, self.deployments, self.events, self.verdicts]
        return Judge(JudgePorts(*map(self.wrap, ports)))

    @property
    def share(self) -> float | None:
        """Green's share."""
        actions = self.rules.rules[self.settings.rule_arn][0]
        return share_of(actions, self.settings.blue.group_arn, self.settings.green.group_arn)

    @property
    def rollout(self) -> Rollout:
        held = self.store.states.get(self.target)
        assert held is not None, "no rollout was begun"
        return held

    @property
    def deployment(self) -> DeploymentSeen:
        """The last one, as ECS says it."""
        return max(self.deployments.known.values(), key=lambda one: one.created_at)

    @property
    def is_over(self) -> bool:
        return not self.deployment.is_in_flight

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """Every stage and what the judge answered at last."""
        found: list[tuple[str, str]] = []
        for stage, reply in self.replies:
            if not found or found[-1] != (stage, reply.status):
                found.append((stage, reply.status))
        return found

    def said(self, event: str) -> list[HistoryItem]:
        """What the history has of one kind, the earliest first."""
        return [one for one in reversed(self.store.history(self.target)) if one.event == event]

    def deploy(self, release: str, **details: object) -> str:
        """`cdk deploy` of this release: the deployment's ARN; `details` are the hook's."""
        candidate = other(self.live)
        arn = SERVICE.format(kind="service-deployment", id=f"d{len(self.deployments.known) + 1}")
        source = self.revisions[self.running[self.live]]
        self._revise(release, candidate)
        self.running[candidate] = release
        alarms = [ERRORS, OWN_ALARM]
        self._watches = not (set(alarms) & self.red)
        watches = "MONITORING" if self._watches else "DISABLED"
        target, now = self.revisions[release], self.clock.now
        seen = DeploymentSeen(arn, "IN_PROGRESS", "PRE_SCALE_UP", "", now, source, target, alarms_status=watches)
        self.deployments.known[arn] = seen
        given = {"target": self.target, "alarms": alarms, "own_alarm": OWN_ALARM, "hotfix": None, "accepts": None}
        self._plan = self._forward(arn, {**given, **details})
        return arn

    def command(self, verb: str, **more: object) -> None:
        """`bluegreen VERB`."""
        given = {"rollout": self.rollout.id, "reason": "looks good", "at": self.clock.now, "caller": OPERATOR, **more}
        self.store.give(self.target, Command(verb, **given))

    def passes(self, span: timedelta) -> None:
        """Let time pass, with traffic, the schedule's looks and what ECS does."""
        until = self.clock.now + span
        while self.clock.now < until:
            self._serve()
            self.clock.forward(_TICK)
            if self.has_looks and self.clock.now.second == 0:
                self.look()
            self._ecs()

    def finish(self, limit: timedelta = timedelta(hours=3)) -> None:
        """Until the deployment is over, and the judge has seen it."""
        until = self.clock.now + limit
        while not self.is_over and self.clock.now < until:
            self.passes(minutes(1))
        assert self.is_over, f"still {self.deployment} after {limit}: {self.replies[-1]}"
        self.passes(minutes(2))

    def look(self) -> None:
        try:
            self.troubles += self.judge.look(self.clock.now)
        except Killed:
            self.troubles.append("killed")

    def ask(self, call: HookCall) -> HookReply:
        """One call of the hook, as ECS hears it: a process that ended is asked again."""
        try:
            reply = self.judge.answer(call, self.clock.now)
        except Killed:
            reply = HookReply("IN_PROGRESS", "killed", 15)
        self.replies.append((call.stage, reply))
        if reply.status == "SUCCEEDED" and call.stage == NEXT_STEP:
            self._check_passed(call)
        return reply

    def hook(self, stage: str, arn: str, **details: object) -> HookCall:
        payload = {"lifecycleStage": stage, "resourceArn": arn, "hookDetails": {"target": self.target, **details}}
        return HookCall.of(payload)

    def _check_passed(self, call: HookCall) -> None:
        held = self.store.states.get(self.target)
        candidate = None if held is None or held.execution != call.deployment else held
        share = 0.0 if candidate is None else self._candidate_share(candidate)
        if candidate is None or share == 0:
            return  # a first step, or a deployment that is not judged
        is_granted = candidate.hook > candidate.step
        assert is_granted or (verdict_of(candidate) is Verdict.HEALTHY and candidate.step_minutes), candidate
        assert self.store.saved[-1] == candidate
        assert candidate.step_minutes or is_granted

    def _candidate_share(self, rollout: Rollout) -> float | None:
        share = self.share
        return share if rollout.candidate == "green" or share is None else 100 - share

    def check_counted_once(self) -> None:
        """The evidence is of closed minutes of the candidate's, each once."""
        for evidence in (self.rollout.evidence.members if self.rollout.evidence else {}).values():
            counted = evidence.candidate.requests
            sure = {minute for (side, minute) in self.served if side == self.rollout.candidate}
            most = sum(round(self.served[self.rollout.candidate, minute]) for minute in sure)
            assert counted <= most

    def _revise(self, release: str, side: Side) -> None:
        number = len(self.revisions) + 1
        arn = SERVICE.format(kind="service-revision", id=f"r{number}")
        self.revisions[release] = arn
        self.deployments.revisions[arn] = RevisionSeen(arn, f"{FAMILY}:{number}", self.settings.side(side).group_arn)
        self.deployments.releases[f"{FAMILY}:{number}"] = release

    def _shift(self, percent: float) -> None:
        """Give green its share, or the candidate when green is live."""
        green = percent if self.live == "blue" else 100 - percent
        rule = forward(self.settings.blue.group_arn, self.settings.green.group_arn, green, None)
        self.rules.rules[self.settings.rule_arn] = ((rule,), {})

    def _say(self, arn: str, **more: object) -> None:
        self.deployments.known[arn] = replace(self.deployments.known[arn], **more)

    def _forward(self, arn: str, details: Mapping[str, object]) -> Iterator[None]:
        yield from self._hooked(ADMISSION, arn, details)
        for stage in ("SCALE_UP", "POST_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT"):
            self._say(arn, stage=stage)
            yield from self._waits(timedelta(seconds=30))
        for step in (*self.settings.steps, Step(100, timedelta())):
            yield from self._hooked(NEXT_STEP, arn, details)
            self._say(arn, stage="PRODUCTION_TRAFFIC_SHIFT", weight=step.percent)
            yield  # ECS does not write the rule in the same moment
            self._shift(step.percent)
            yield from self._waits(step.span)
        self._say(arn, stage="BAKE_TIME")
        yield from self._waits(self.settings.bake)
        self._say(arn, status="SUCCESSFUL", stage="CLEAN_UP", finished_at=self.clock.now)
        self.live = other(self.live)

    def _back(self, arn: str, reason: str, triggered: Sequence[str] = ()) -> Iterator[None]:
        self._say(arn, status="ROLLBACK_IN_PROGRESS", reason=reason, triggered=tuple(triggered))
        yield
        self._shift(0)
        yield from self._waits(timedelta(seconds=45))
        self._say(arn, status="ROLLBACK_SUCCESSFUL", finished_at=self.clock.now)

    def _waits(self, span: timedelta) -> Iterator[None]:
        until = self.clock.now + span
        while self.clock.now < until:
            yield

    def _hooked(self, stage: str, arn: str, details: Mapping[str, object]) -> Iterator[None]:
        given = dict(details)
        while True:
            call = HookCall.of({"lifecycleStage": stage, "resourceArn": arn, "hookDetails": given})
            self.call = call
            reply = self.ask(call)
            answer = reply.to_answer(call)
            if answer["hookStatus"] == "SUCCEEDED":
                return
            if answer["hookStatus"] == "FAILED":
                self._plan = self._back(arn, f"{stage} lifecycle hook(s) failed")
                yield
                return
            given = dict(answer["hookDetails"])
            yield from self._waits(timedelta(seconds=answer["callBackDelay"]))

    def _ecs(self) -> None:
        if self.is_over:
            return
        seen = self.deployment
        if self.verdicts.said.get(self.target):
            self.red.add(OWN_ALARM)
        else:
            self.red.discard(OWN_ALARM)
        for name in self.metrics.alarms:
            self.metrics.alarms[name] = "ALARM" if name in self.red else "OK"
        if seen.status == "ROLLBACK_REQUESTED":
            self._plan = self._back(seen.arn, seen.reason)
        elif seen.status == "IN_PROGRESS" and self._watches and self.red & {ERRORS, OWN_ALARM}:
            self._plan = self._back(seen.arn, "alarm(s) went into the ALARM state", sorted(self.red))
        next(self._plan, None)

    def _serve(self) -> None:
        minute = int(self.clock.now.timestamp() // 60)
        for side in SIDES:
            percent = (self.share or 0.0) if side == "green" else 100 - (self.share or 0.0)
            count = self.requests * _TICK.total_seconds() / 60 * percent / 100
            self.served[side, minute] = self.served.get((side, minute), 0.0) + count
            if self.is_silent:
                continue
            one = self.settings.side(side)
            dimensions = (("LoadBalancer", self.settings.load_balancer), ("TargetGroup", one.metric_name))
            bad = count * self.failing.get(self.running.get(side, ""), 0.002)
            for metric, value in (("RequestCount", count), ("HTTPCode_Target_5XX_Count", bad)):
                self.metrics.add(Series("AWS/ApplicationELB", metric, dimensions, "Sum"), minute, value)


def with_alarm(settings: TargetSettings) -> TargetSettings:
    """The same with the error alarm among the guardrails."""
    return replace(settings, guardrails=(*settings.guardrails, AlarmName(ERRORS)))
