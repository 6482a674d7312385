"""Random runs: whatever happens, in whatever order, the invariants hold after each event and the end is a good one.

`RANDOM_INTERRUPTIONS=20000 pytest -m thorough tests/crash_matrix` plays so many, other ones each time.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bluegreen_constructs.engine.abort import AbortOutcome, abort
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import Command
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.rollout_codec import rollout_from_json
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import SIDES, Compute, Side
from tests.crash_matrix.plays import SIZE
from tests.crash_matrix.random_scenes import (
    ALARM,
    DEAD,
    MINUTE,
    RELEASES,
    SCENES,
    NextEngine,
    Scene,
    Watch,
    has_lost_more,
)
from tests.simulated_aws.client import Answer
from tests.simulated_aws.faults import FIVE_KINDS, Fault
from tests.simulated_aws.invariants import QUIET_SECONDS
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.step_functions import Execution

pytestmark = pytest.mark.crash_matrix

RUNS = 300
THOROUGH_RUNS = int(os.environ.get("RANDOM_INTERRUPTIONS", "20000"))
STEPS = 30
_TRIES = 5
_LATE_SECONDS = 900.0  # a copy of an event comes as late as that, and no later
_LAMBDA_SECONDS = 300.0

MOMENT = st.none() | st.integers(0, 40)
"""When something happens: now, or between two calls to come, while whoever makes them waits."""
OUTAGES = st.sampled_from(
    ["dynamodb", "stepfunctions", "cloudwatch", "elbv2", "ecs", "autoscaling", "lambda", "events", "ssm"]
)
OUTAGE_KINDS = st.sampled_from([Fault.SERVER_ERROR, Fault.THROTTLE, Fault.TIMEOUT, Fault.TIMEOUT_WITH_EFFECT])


class RandomInterruptions(RuleBasedStateMachine):
    """One target, its rollouts, and all that befalls them."""

    @initialize(scene=SCENES)
    def set(self, scene: Scene) -> None:
        self.scene = scene
        self.world = scene.world()
        self.target = scene.target(self.world)
        self.watch = Watch(self.target)
        self.engine = RealEngine(self.world, sdk_tries=scene.sdk_tries)
        self.next_engine = NextEngine(self.world, sdk_tries=scene.sdk_tries)
        self.machine = self.engine.machine()
        self.machine.lambda_seconds = _LAMBDA_SECONDS
        self.rollouts = 0
        self.out: set[str] = set()
        self.promoted_by_hand: set[str] = set()
        self.is_over = self.is_broken = False

    # what is looked at

    @property
    def rollout(self) -> Rollout | None:
        """The state as it lies in the table, read without a call."""
        item = self.target.state()
        return None if item is None else rollout_from_json(item["rollout"]["S"])

    @invariant()
    def everything_holds(self) -> None:
        self.hold(self.watch.check)
        item = self.target.state()
        if item is not None:
            stored = json.loads(item["rollout"]["S"])
            told = self.next_engine.table.told
            self.hold(lambda: self.require(not has_lost_more(told, stored), "what the next engine stored is lost"))

    def hold(self, check: Callable[[], None]) -> None:
        """A check that says what led there; after the first that fails, nothing else is worth saying."""
        if self.is_broken:
            return
        try:
            check()
        except AssertionError:
            self.is_broken = True
            note("\n".join(str(call) for call in list(self.world.calls)[-60:]))
            raise

    @staticmethod
    def require(holds: bool, what: str) -> None:
        assert holds, what

    def meanwhile(self, moment: int | None, act: Callable[[], object]) -> None:
        """Now, or between two calls."""
        if moment is None:
            act()
        else:
            self.world.interrupt(self.world.number + moment, lambda: None if self.is_over else act())

    # a rollout goes on

    @rule(release=st.sampled_from(RELEASES), is_irreversible=st.booleans(), is_quarantined=st.booleans())
    def start(self, release: str, is_irreversible: bool, is_quarantined: bool) -> None:
        if release == DEAD and self.scene.compute is Compute.LAMBDA:
            return  # a function that does not start is one that fails
        self.put(release)
        self.begin(
            {
                "release": {"name": release},
                "irreversible": is_irreversible,
                "quarantine": is_quarantined,
                "accept_rejected": "tried again",
                "end_quarantine": True,
            }
        )

    @precondition(lambda self: self.rollout is not None and self.rollout.phase is Phase.PROMOTED)
    @rule(moment=MOMENT)
    def roll_back(self, moment: int | None) -> None:
        """`bluegreen rollback`, to what was live before."""

        def back() -> None:
            rollout = self.rollout
            if rollout is None:
                return
            name = rollout.leaves if rollout.leaves != "first" else "1"
            wanted = {"name": rollout.leaves, **({"version": "1"} if name == "1" else {})}
            if self.scene.compute is Compute.ECS and name == "1":
                wanted = {"name": "1"}
            self.begin({"release": wanted, "expedited": True, "accept_rejected": "known"})

        self.meanwhile(moment, back)

    def put(self, release: str) -> None:
        """The operator brings the release to a side that the engine cannot deploy to; not while it is in use."""
        if self.scene.compute in {Compute.ECS, Compute.AUTO_SCALING}:
            return
        rollout = self.rollout
        idle = [side for side in SIDES if not self.target.weights()[side]]
        quiet = [side for side in idle if self.quiet(side) > QUIET_SECONDS + 60]
        if quiet and (rollout is None or rollout.is_tidied):
            self.target.fleet(quiet[0]).put(release)

    def quiet(self, side: Side) -> float:
        return self.world.now - self.target.traffic.last_request(self.target.groups[side].arn)

    def begin(self, request: Answer) -> None:
        self.rollouts += 1
        name = f"rollout-{self.rollouts}"
        wanted = {"target": self.target.name, "caller": "operator", "reason": "random", **request}
        self.world.run("bluegreen start", lambda: self.machine.begin(name, wanted))

    @rule(steps=st.integers(1, 6))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            if not self.machine.step():
                self.world.advance(20)
            self.everything_holds()

    @rule(percent=st.sampled_from([0.5, 10, 30, 50, 95, 100]))
    def go_on_until(self, percent: float) -> None:
        """Until the candidate has so much, or for a while."""
        for _ in range(60):
            rollout = self.rollout
            if not self.machine.step() or (rollout is not None and rollout.applied == percent):
                return
            self.everything_holds()

    @rule(seconds=st.sampled_from([1.0, 40.0, 150.0]), moment=MOMENT)
    def time_passes(self, seconds: float, moment: int | None) -> None:
        """The machine is late, or a worker is held up between two calls."""
        self.meanwhile(moment, lambda: self.world.advance(seconds))

    # what befalls it

    @rule(calls=st.integers(0, 60), kind=st.sampled_from(FIVE_KINDS))
    def a_call_to_come_fails(self, calls: int, kind: Fault) -> None:
        self.world.faults.at(self.world.number + calls, kind)

    @rule(moment=MOMENT, which=st.integers(0, 3))
    def an_event_comes_again(self, moment: int | None, which: int) -> None:
        def again() -> None:
            deliveries = self.machine.deliveries
            if which < len(deliveries) and self.world.now - deliveries[-1 - which].at < _LATE_SECONDS:
                self.machine.deliver_again(-1 - which)

        self.meanwhile(moment, again)

    @rule(service=OUTAGES, kind=OUTAGE_KINDS, moment=MOMENT)
    def an_outage_begins(self, service: str, kind: Fault, moment: int | None) -> None:
        def begins() -> None:
            if service not in self.out:
                self.out.add(service)
                self.world.faults.outage(service, kind)

        self.meanwhile(moment, begins)

    @precondition(lambda self: self.out)
    @rule(moment=MOMENT)
    def the_outages_end(self, moment: int | None) -> None:
        self.meanwhile(moment, self.restored)

    def restored(self) -> None:
        for service in self.out:
            self.world.faults.restored(service)
        self.out.clear()

    @rule(side=st.sampled_from(SIDES), number=st.integers(1, 3), moment=MOMENT)
    def targets_are_lost(self, side: Side, number: int, moment: int | None) -> None:
        """All but one at most: what nobody can serve is lost whatever the engine does.

        Of the lower bound, because scaling may take all above it away in the same moment.
        """

        def lost() -> None:
            if self.scene.compute is Compute.LAMBDA:
                return
            fleet = self.target.fleet(side)
            spared = fleet.minimum or fleet.healthy(self.world.now)
            fleet.lose(max(0, min(number, spared - 1, fleet.healthy(self.world.now) - 1)))

        self.meanwhile(moment, lost)

    @rule(side=st.sampled_from(SIDES))
    def targets_are_found(self, side: Side) -> None:
        self.target.fleet(side).recover()

    @rule(rate=st.sampled_from([0.0, 5.0, 400.0]), incident=st.sampled_from([0.0, 0.0, 0.3]))
    def the_traffic_is_another(self, rate: float, incident: float) -> None:
        self.target.traffic.set_rate(rate)
        self.target.traffic.set_incident(incident)

    # what people and stacks do

    @rule(moment=MOMENT, regardless=st.booleans())
    def an_abort(self, moment: int | None, regardless: bool) -> None:
        self.meanwhile(moment, lambda: self.aborted(regardless))

    def aborted(self, regardless: bool = False) -> None:
        """`bluegreen abort`, which a user gives again when it did not work."""
        for _ in range(_TRIES):
            if self.world.run("bluegreen abort", lambda: self.call_abort(regardless)).error is None:
                return
            self.world.advance(2)

    def call_abort(self, regardless: bool) -> AbortOutcome:
        return abort(
            self.engine.rules,
            self.target.settings,
            caller="operator",
            reason="random",
            now=datetime.fromtimestamp(self.world.now, UTC),
            store=self.engine.store,
            executions=self.engine.executions,
            regardless=regardless,
        )

    @precondition(lambda self: self.rollout is not None)
    @rule(verb=st.sampled_from(["promote", "pause", "resume", "abort"]), moment=MOMENT)
    def command(self, verb: str, moment: int | None) -> None:
        def give() -> None:
            rollout = self.rollout
            if rollout is None:
                return
            step = rollout.step if verb == "promote" else None
            now = datetime.fromtimestamp(self.world.now, UTC)
            command = Command(verb, rollout.id, "operator", "random", now, step)
            if verb == "promote":
                self.promoted_by_hand.add(rollout.id)
            self.world.run(f"bluegreen {verb}", lambda: self.engine.store.give(self.target.name, command))

        self.meanwhile(moment, give)

    @rule(delay=st.sampled_from([0.0, 1.0, 45.0]), is_double=st.booleans(), is_seen=st.booleans())
    def an_alarm_goes_off(self, delay: float, is_double: bool, is_seen: bool) -> None:
        if is_seen:
            self.world.cloudwatch.set_alarm(ALARM, "ALARM")
        event = {"target": self.target.name, "alarm": ALARM, "state": "ALARM", "rule": self.target.rule_arn}
        for late in [0.0, 30.0][: 1 + is_double]:
            self.machine.event("alarm", event, delay=delay + late)

    @rule(state=st.sampled_from(["OK", "INSUFFICIENT_DATA"]))
    def the_alarm_is_over(self, state: str) -> None:
        self.world.cloudwatch.set_alarm(ALARM, state)

    @rule(moment=MOMENT, is_shorter=st.booleans())
    def a_stack_update(self, moment: int | None, is_shorter: bool) -> None:
        """CloudFormation rewrites conditions, tags and settings; it never moves traffic (I2)."""

        def update() -> None:
            before, calls = self.target.weights(), self.world.number
            elbv2, arn = self.world.elbv2, self.target.rule_arn
            condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/v{self.world.number}/*"]}}
            tag = {"Key": "team", "Value": f"team-{self.world.number}"}
            for change in (
                lambda: elbv2.modify_rule(RuleArn=arn, Conditions=[condition]),
                lambda: elbv2.add_tags(ResourceArns=[arn], Tags=[tag]),
            ):
                self.world.run("CloudFormation", change, is_mortal=False)
            steps = () if is_shorter else (Step(20, MINUTE), Step(60, MINUTE))
            self.target.change(steps=steps, split=None, hold_back=0.0 if is_shorter else 5.0, guardrails=())
            others = [one for one in self.world.calls if one.number >= calls and "Actions" in one.arguments]
            # Who writes between its calls does so with actions; the update itself has none.
            moved = self.target.weights() != before and not others
            self.hold(lambda: self.require(not moved, "I2: a stack update moved traffic"))

        self.meanwhile(moment, update)

    @rule(is_next=st.booleans(), moment=MOMENT)
    def the_engine_is_deployed(self, is_next: bool, moment: int | None) -> None:
        """The next version, or this one again, as when CloudFormation rolls an update back."""

        def deployed() -> None:
            engine = self.next_engine if is_next else self.engine
            self.machine.handlers |= {"Start": engine.start, "Tick": engine.tick, "alarm": engine.alarm}

        self.meanwhile(moment, deployed)

    # the end

    def teardown(self) -> None:
        if not hasattr(self, "scene") or self.is_broken:
            return
        SIZE["with random interruptions"] += 1
        self.is_over = True
        self.restored()
        self.hold(self.end)

    def end(self) -> None:
        """All outages are over, nothing is throttled; what the runbook says closes what was left open."""
        self.world.faults.throttling = 0.0
        self.machine.run()
        for _ in range(6):  # calls to come may fail still
            if self.rollout is None or self.rollout.is_tidied:
                break
            self.aborted()
            self.machine.run()
        self.watch.check_end()
        self.watch.check_nothing_lost()
        rollout = self.rollout
        assert rollout is None or rollout.has_ended, f"the state says {rollout.phase}"
        for execution in self.world.stepfunctions.executions.values():
            self.require_a_helpful_refusal(execution)

    @staticmethod
    def require_a_helpful_refusal(execution: Execution) -> None:
        """I9: it names what holds the lock, since when, and what to do."""
        if execution.error == "HeldError":
            assert all(word in execution.cause for word in ("rollout-", " since ", "bluegreen abort")), execution.cause


def _play(runs: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        RandomInterruptions,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The engine logs each lost event."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_random_interruptions_are_survived() -> None:
    """The same ones each time."""
    _play(RUNS, derandomize=True)


@pytest.mark.thorough
def test_thousands_of_random_interruptions_are_survived() -> None:
    """Other ones each time."""
    _play(THOROUGH_RUNS, derandomize=False)
