"""Rollouts among random commands, faults, aborts, losses and waits: they always end, on one side, with all told.

The world asserts I1, I5 and I8 at every write (`rollout_world`); what is asserted here is the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import LostLockError, Ports
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import HookSettings, TargetSettings
from bluegreen_constructs.engine.weights import forward
from tests.engine.rollout_world import BAD, RolloutWorld, fixed, minutes, quick_settings

Kind = Literal["before", "after"]


@dataclass
class Faults:
    """Which of the calls to come fail, before their effect or after it; and how many still fail in a row."""

    planned: dict[int, Kind] = field(default_factory=dict)
    outage: int = 0
    made: int = 0

    def befalls(self) -> Kind | None:
        self.made += 1
        if self.outage:
            self.outage -= 1
            return "before"
        return self.planned.pop(self.made, None)


class Faulty:
    """A part of the world whose calls fail as planned."""

    def __init__(self, part: object, faults: Faults) -> None:
        self._part, self._faults = part, faults

    def __getattr__(self, name: str) -> Callable[..., object]:
        call = getattr(self._part, name)

        def made(*args: object) -> object:
            fault = self._faults.befalls()
            if fault == "before":
                raise AwsError(f"{name}: throttled")
            answer = call(*args)
            if fault == "after":
                raise AwsError(f"{name}: timed out after its effect")
            return answer

        return made


SIDES = st.sampled_from(["blue", "green"])
ACTIONS = st.one_of(
    st.tuples(st.just("pass"), st.floats(0.1, 8)),
    st.tuples(st.just("pass"), st.floats(8, 70)),
    st.tuples(
        st.just("give"), st.sampled_from(["promote", "pause", "resume", "abort"]), st.none() | st.integers(-1, 2)
    ),
    st.tuples(st.just("fault"), st.integers(1, 60), st.sampled_from(["before", "after"])),
    st.tuples(st.just("outage"), st.integers(1, 30)),
    st.tuples(st.just("abort"), st.booleans(), st.booleans()),
    st.tuples(st.just("healthy"), SIDES, st.integers(0, 4)),
    st.tuples(st.just("failing"), st.sampled_from([0.002, BAD])),
    st.tuples(st.just("silent"), st.booleans()),
    st.tuples(st.just("again")),
    st.tuples(st.just("by hand"), st.sampled_from([0.0, 33.0, 50.0, 100.0])),
)
AGES = st.sampled_from([0, 0.4, 2, 6, 11, 20, 21, 24])
"""Minutes until things happen: in all phases of a good rollout."""
SETTINGS = st.builds(
    lambda changed, hooks, hold_back, stickiness, are_fixed: (fixed if are_fixed else _same)(
        replace(changed, hooks=hooks, hold_back=hold_back, stickiness_seconds=stickiness)
    ),
    st.sampled_from([quick_settings(), quick_settings(steps=()), quick_settings(guardrails=())]),
    st.sampled_from([(), (HookSettings("owner"),), (HookSettings("smoke", "arn:smoke", stage="BAKING"),)]),
    st.sampled_from([5.0, 0.0]),
    st.sampled_from([None, 600]),
    st.booleans(),
)
KINDS = st.sampled_from([{}, {"is_expedited": True}, {"is_irreversible": True}, {"is_quarantined": True}])


def _same(settings: TargetSettings) -> TargetSettings:
    return settings


class Story:
    """One rollout, and what happens to it."""

    def __init__(self, settings: TargetSettings, kind: dict[str, bool]) -> None:
        self.world = RolloutWorld(settings)
        if kind.get("is_expedited"):
            self.world.was_live()
        self.world.start(self.world.request(**kind))  # type: ignore[arg-type]
        self.faults = Faults()
        sound = self.world.ports
        self.world.ports = Ports(
            rules=Faulty(sound.rules, self.faults),  # type: ignore[arg-type]
            metrics=Faulty(sound.metrics, self.faults),  # type: ignore[arg-type]
            fleets=Faulty(sound.fleets, self.faults),  # type: ignore[arg-type]
            hooks=Faulty(sound.hooks, self.faults),  # type: ignore[arg-type]
            events=sound.events,
            store=Faulty(sound.store, self.faults),  # type: ignore[arg-type]
        )

    def happens(self, what: str, *how: object) -> None:
        world = self.world
        match what, *how:
            case "pass", float(span):
                world.pass_for(span)
            case "give", verb, step:
                world.give(verb, step=step)  # type: ignore[arg-type]
            case "fault", int(calls), kind:
                self.faults.planned[self.faults.made + calls] = kind  # type: ignore[assignment]
            case "outage", int(calls):
                self.faults.outage = calls
            case "abort", bool(with_table), bool(with_executions):
                world.abort(with_table=with_table, with_executions=with_table and with_executions)
            case "healthy", side, int(count):
                world.set_healthy(side, count)  # type: ignore[arg-type]
            case "failing", float(share):
                world.failing = {world.rollout.release.name: share}
            case "silent", bool(is_silent):
                world.is_silent = is_silent
            case ("again",):
                self._again()
            case "by hand", float(share):
                self._moves_by_hand(share)

    def _again(self) -> None:
        """The same event twice."""
        if not self.world.is_failed:
            try:
                self.world.turn()
            except (AwsError, LostLockError):
                return

    def _moves_by_hand(self, share: float) -> None:
        world = self.world
        if not world.rollout.has_ended:  # what is moved after the end: test_tidying
            blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
            moved = (forward(blue, green, share, world.settings.stickiness_seconds),)
            world.rules.rules[world.settings.rule_arn] = (moved, dict(world.tags))

    def ends(self) -> None:
        """The world is sound again, and who looks at it does what the messages say."""
        world = self.world
        self.faults.planned, self.faults.outage = {}, 0
        world.is_silent = False
        for side in ("blue", "green"):
            world.set_healthy(side, 4)  # type: ignore[arg-type]
        if world.is_failed:
            world.abort()
            world.is_failed, world.answer = False, None
        world.finish()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SETTINGS, KINDS, AGES, st.lists(ACTIONS, max_size=12))
def test_whatever_happens_a_rollout_ends_with_everything_on_one_side(
    chosen: TargetSettings, kind: dict[str, bool], age: float, story: list[tuple[object, ...]]
) -> None:
    told = Story(chosen, kind)
    told.world.pass_for(age)
    for what, *how in story:
        told.happens(str(what), *how)
    told.ends()
    world = told.world
    ended = world.rollout
    assert ended.has_ended
    assert world.share_of("green") == (100 if ended.phase is Phase.PROMOTED else 0)
    assert not world.executions.is_running(ended.execution)
    assert ended.outbox == ()
    assert len([item for item in world.history("ENDED") if item.phase == ended.phase.value]) == 1
    world.pass_time(minutes(10))
    world.failing = {}
    world.start(world.request(Release("the-next-one"), id="the next one", ends_quarantine=True))
    assert world.rollout.live == ended.serving


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 150), st.sampled_from(["before", "after"]), st.sampled_from([0.002, BAD]))
def test_a_single_fault_anywhere_changes_no_outcome(call: int, kind: Kind, failing: float) -> None:
    told = Story(quick_settings(), {})
    told.world.failing = {told.world.rollout.release.name: failing}
    told.faults.planned[call] = kind
    done = told.world.finish()
    assert done.phase is (Phase.PROMOTED if failing < BAD else Phase.ROLLED_BACK)
    assert not told.world.is_failed
    told.world.check_history()
