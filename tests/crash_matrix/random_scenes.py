"""What a random run is played on: any compute and plan, an AWS far from ideal, an engine of two versions."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import hypothesis.strategies as st

from bluegreen_constructs.engine.aws.dynamodb_store import DynamoDbStore
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.guardrails import LatencyComparison
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import AlarmName, Compute, HookSettings, TargetSettings
from bluegreen_constructs.engine.warm_pool import WarmPool
from tests.simulated_aws.behaviour import Behaviour
from tests.simulated_aws.client import Answer
from tests.simulated_aws.cloudwatch import CloudWatch
from tests.simulated_aws.invariants import Invariants, _asked
from tests.simulated_aws.one_target import ELB, SIDES, TABLE, OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.world import TRANSPORT_ERRORS, Call, Disturbances, SimulatedAws

MINUTE = timedelta(minutes=1)
ALARM = "errors-of-model"
HOOK = "arn:aws:lambda:us-east-1:123456789012:function:smoke"

GOOD, BAD, UNREACHABLE, DEAD = "2", "3", "4", "5"
RELEASES = (GOOD, BAD, UNREACHABLE, DEAD)
"""One that is as good as release 1, one that fails, one that loses connections, one that never starts."""

_PLANS = (
    {"steps": (Step(10, MINUTE), Step(50, MINUTE))},
    {"steps": (Step(0.5, MINUTE), Step(25, 2 * MINUTE))},
    {"steps": ()},
    {"steps": (Step(30, 0 * MINUTE),), "split": 30.0},
)
_GUARDS = (
    (ErrorComparison(negligible=0.005),),
    (ErrorComparison(negligible=0.005), AlarmName(ALARM)),
    (ErrorComparison(negligible=0.005), LatencyComparison(slo=timedelta(seconds=1), negligible=0.1)),
    (),
)
_HOOKS = (
    (),
    (HookSettings("smoke", HOOK),),
    (HookSettings("owner", timeout=6 * MINUTE), HookSettings("smoke", HOOK, stage="BAKING")),
)


@dataclass(frozen=True)
class Scene:
    """Everything that is drawn before anything happens; each default is the tamest there is."""

    compute: Compute = Compute.ECS
    plan: int = 0
    guards: int = 0
    hooks: int = 0
    sticky: int | None = None
    hold_back: float = 5.0
    has_test_rule: bool = True
    minimum: int | None = 2
    scale_in_seconds: float | None = None
    reports_zeros: bool = False
    named: bool = False
    pool: WarmPool | None = None
    keep: timedelta = timedelta(0)
    sdk_tries: int = 1
    disturbances: Disturbances = field(default_factory=Disturbances)
    seed: int = 0

    def world(self) -> SimulatedAws:
        """An AWS like this, with the four releases."""
        world = SimulatedAws(seed=self.seed, disturbances=self.disturbances)
        world.release_is(BAD, Behaviour(errors=0.2))
        world.release_is(UNREACHABLE, Behaviour(connection_errors=0.3))
        world.release_is(DEAD, Behaviour(starts=False))
        world.cloudwatch.set_alarm(ALARM, "OK")
        world.lambda_functions.script(
            HOOK, [{"hookStatus": "IN_PROGRESS", "callBackDelay": 20}, {"hookStatus": "SUCCEEDED"}]
        )
        return world

    def target(self, world: SimulatedAws) -> OneTarget:
        """A target with this plan, whose waits are short enough for all of them to end within a run."""
        is_fleet = self.compute is Compute.AUTO_SCALING
        target = OneTarget(
            world,
            compute=self.compute,
            minimum=2 if is_fleet else self.minimum,  # no group is without one
            rate=400.0,
            sticky=self.sticky,
            start_seconds=10.0,
            scale_in_seconds=self.scale_in_seconds,
            has_test_rule=self.has_test_rule,
            reports_zeros=self.reports_zeros,
            named=self.named and is_fleet,
            warm_pool=self.pool if is_fleet else None,
        )
        HealthyHosts(target)
        target.configure(self.settings(target.settings))
        return target

    def settings(self, settings: TargetSettings) -> TargetSettings:
        """`settings` with this plan."""
        return replace(
            settings,
            **_PLANS[self.plan],
            guardrails=_GUARDS[self.guards],
            hooks=_HOOKS[self.hooks],
            hold_back=self.hold_back,
            bake=MINUTE,
            patience=4 * MINUTE,
            hold_timeout=10 * MINUTE,
            prepare_timeout=3 * MINUTE,
            restore_timeout=3 * MINUTE,
            drain_timeout=6 * MINUTE,
            keep=self.keep,
            deadline=60 * MINUTE,
        )


SCENES = st.builds(
    Scene,
    compute=st.sampled_from(Compute),
    plan=st.integers(0, len(_PLANS) - 1),
    guards=st.integers(0, len(_GUARDS) - 1),
    hooks=st.integers(0, len(_HOOKS) - 1),
    sticky=st.sampled_from([None, 120, 900]),
    hold_back=st.sampled_from([5.0, 0.0]),
    has_test_rule=st.booleans(),
    minimum=st.sampled_from([2, None]),
    scale_in_seconds=st.sampled_from([None, 180.0]),
    reports_zeros=st.booleans(),
    named=st.booleans(),
    pool=st.sampled_from([None, WarmPool(2), WarmPool(2, reuse=True)]),
    keep=st.sampled_from([0 * MINUTE, 5 * MINUTE]),
    sdk_tries=st.sampled_from([1, 3]),
    disturbances=st.builds(
        Disturbances,
        propagation=st.sampled_from([(0.0, 0.0), (0.0, 60.0)]),
        stale_reads=st.sampled_from([0.0, 5.0]),
        throttling=st.sampled_from([0.0, 0.05, 0.2]),
        seconds_per_call=st.sampled_from([0.0, 0.3]),
    ),
    seed=st.integers(0, 99),
)


class NextEngine(RealEngine):
    """The engine of the next version: it stores more than this one knows, in a schema that this one can still read."""

    def __init__(self, world: SimulatedAws, *, sdk_tries: int = 1) -> None:
        super().__init__(world, sdk_tries=sdk_tries)
        writes = iter(range(10**9))
        self.table = NextTable(world)
        self.store = DynamoDbStore(self.table, TABLE, TRANSPORT_ERRORS, new_write=lambda: f"next-{next(writes)}")
        self.ports = replace(self.ports, store=self.store)


class NextTable:
    """The table's client in the hands of the next version. told: the rollout whose state has more by now."""

    def __init__(self, world: SimulatedAws) -> None:
        self._client = world.dynamodb
        self.told = ""

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_item(self, **arguments: object) -> Answer:
        """Write a state with further keys in it."""
        item = arguments["Item"]
        if not item["pk"]["S"].startswith("state#"):
            return self._client.put_item(**arguments)
        stored = json.loads(item["rollout"]["S"])
        more = stored | {"schema": 2, "mood": {"of": stored["id"]}}
        for inner in ("settings", "release"):
            more[inner] = stored[inner] | {"mood": "new"}
        answer = self._client.put_item(**{**arguments, "Item": {**item, "rollout": {"S": json.dumps(more)}}})
        self.told = stored["id"]
        return answer


def has_lost_more(told: str, stored: Answer) -> bool:
    """Whether this version dropped what the next one had stored of the rollout `told`."""
    if not told or stored["id"] != told:
        return False
    inner = (stored[name].get("mood") for name in ("settings", "release"))
    return stored.get("mood") != {"of": told} or any(mood != "new" for mood in inner)


class Watch(Invariants):
    """The invariants where live may have fewer targets than at first: lost ones, or scaled in by AWS itself."""

    def _watch(self, call: Call, answer: Answer) -> None:
        super()._watch(call, answer)
        # What 100 % needs is what live had when the rollout began.
        if call.process.name.startswith("Start of") and call.operation == "DescribeTargetHealth" and not call.fault:
            states = [one["TargetHealth"]["State"] for one in answer["TargetHealthDescriptions"]]
            self._needs = states.count("healthy") or sum(state != "draining" for state in states)

    def _scaled(self, call: Call) -> None:
        """What AWS's own scaling did since the last call, this one did not."""
        for side in SIDES:
            fleet = self._target.fleet(side)
            if fleet.name not in (call.arguments.get("service"), call.arguments.get("AutoScalingGroupName")):
                self._asked[side] = _asked(fleet)
        super()._scaled(call)


class HealthyHosts:
    """Publishes HealthyHostCount of both sides: the most in each minute, of a side that has targets.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """

    def __init__(self, target: OneTarget) -> None:
        self._target = target
        self._world = target.world
        self._most: dict[str, dict[int, int]] = {side: {} for side in target.groups}
        self._until = self._world.now
        for group in target.groups.values():
            group.fleet.before_change.append(self.catch_up)
        target.traffic.catch_up()
        cloudwatch = self._world.cloudwatch
        answer = cloudwatch._values

        def values(query: Answer, minutes: range) -> list[tuple[int, float]]:
            metric = query["MetricStat"]["Metric"]
            if metric["MetricName"] != "HealthyHostCount":
                return answer(query, minutes)
            self.catch_up()
            name = next(one["Value"] for one in metric["Dimensions"] if one["Name"] == "TargetGroup")
            side = next(side for side, group in target.groups.items() if group.arn == f"{ELB}:{name}")
            most = self._most[side]
            return [(minute, float(most[minute])) for minute in minutes if minute in most]

        assert isinstance(cloudwatch, CloudWatch)
        cloudwatch._values = values

    def catch_up(self) -> None:
        """Note what the load balancer has counted until now."""
        now = self._world.now
        while True:
            minute = int(self._until // 60)
            end = min(now, (minute + 1) * 60.0)
            for side, group in self._target.groups.items():
                if group.is_checked and group.used_since is not None and group.fleet.targets:
                    seen = group.healthy(max(self._until, end - 1e-3))
                    self._most[side][minute] = max(seen, self._most[side].get(minute, 0))
            self._until = end
            if end >= now:
                return
