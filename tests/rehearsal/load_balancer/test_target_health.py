"""The states of targets, from registration to the end of draining."""

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import booleans, sampled_from

from bluegreen_constructs.rehearsal.load_balancer.health import (
    FAILED,
    PASSED,
    TIMED_OUT,
    HealthBook,
    HealthTrack,
    TargetState,
    mismatch,
)
from bluegreen_constructs.rehearsal.load_balancer.model import (
    Forward,
    HealthCheck,
    Listener,
    LoadBalancer,
    RoutingTable,
    Rule,
    Target,
    TargetGroup,
    WeightedTargetGroup,
)

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/1"
ONE, TWO = Target("127.0.0.2", 80), Target("127.0.0.3", 80)
CHECK = HealthCheck(healthy_threshold=3, unhealthy_threshold=2)


def table(*targets: Target, weight: int | None = 100) -> RoutingTable:
    """A table with one group; `weight` None: no rule names it."""
    group = TargetGroup(ARN, targets, CHECK, deregistration_delay_seconds=30)
    rules = () if weight is None else (Rule("rule", 1, Forward((WeightedTargetGroup(ARN, weight),))),)
    return RoutingTable((LoadBalancer("lb", "lb", "lb", (Listener("l", 80, rules=rules),)),), {ARN: group})


def states(book: HealthBook, now: RoutingTable, *asked: Target) -> list[tuple[str, str | None]]:
    return [(health.state.value, health.reason) for health in book.describe(now.target_groups[ARN], asked)]


def test_a_new_target_needs_one_passed_check() -> None:
    assert HealthTrack().after(PASSED, CHECK).state is TargetState.HEALTHY


def test_a_new_target_becomes_unhealthy_after_the_unhealthy_threshold() -> None:
    track = HealthTrack().after(mismatch(503), CHECK)
    assert track.health(ONE).reason == "Elb.InitialHealthChecking"
    health = track.after(mismatch(503), CHECK).health(ONE)
    assert (health.state, health.reason) == (TargetState.UNHEALTHY, "Target.ResponseCodeMismatch")
    assert health.description == "Health checks failed with these codes: [503]"


def test_a_healthy_target_survives_failures_that_are_not_in_a_row() -> None:
    track = HealthTrack().after(PASSED, CHECK)
    for result in (FAILED, PASSED, FAILED, PASSED):
        track = track.after(result, CHECK)
        assert track.state is TargetState.HEALTHY


def test_an_unhealthy_target_needs_the_healthy_threshold_in_a_row() -> None:
    track = HealthTrack(TargetState.UNHEALTHY)
    for result in (PASSED, PASSED, TIMED_OUT, PASSED, PASSED):
        track = track.after(result, CHECK)
        assert track.state is TargetState.UNHEALTHY
    assert track.after(PASSED, CHECK).state is TargetState.HEALTHY


def test_the_reason_is_the_last_failure() -> None:
    track = HealthTrack().after(mismatch(500), CHECK).after(TIMED_OUT, CHECK)
    assert track.health(ONE).reason == "Target.Timeout"
    track = track.after(FAILED, CHECK)
    assert track.health(ONE).reason == "Target.FailedHealthChecks"


def test_a_target_of_a_group_that_no_rule_names_is_unused() -> None:
    book, unused = HealthBook(), table(ONE, weight=None)
    book.observe(unused, 0)
    assert states(book, unused) == [("unused", "Target.NotInUse")]
    assert book.tracked() == set()


def test_weight_0_still_makes_a_group_used() -> None:
    book, zero = HealthBook(), table(ONE, weight=0)
    book.observe(zero, 0)
    assert states(book, zero) == [("initial", "Elb.RegistrationInProgress")]


def test_a_deregistered_target_drains_for_the_deregistration_delay() -> None:
    book, before, after = HealthBook(), table(ONE, TWO), table(TWO)
    book.observe(before, 0)
    book.record(before.target_groups[ARN], ONE, PASSED)
    book.observe(after, 100)
    assert states(book, after, ONE) == [("draining", "Target.DeregistrationInProgress")]
    assert book.healthy(before.target_groups[ARN]) == set()
    assert book.expire(129) == []
    assert book.expire(130) == [(ARN, ONE)]
    assert states(book, after, ONE) == [("unused", "Target.NotRegistered")]
    assert len(states(book, after)) == 1


def test_a_target_registered_again_while_it_drains_begins_anew() -> None:
    book = HealthBook()
    book.observe(table(ONE), 0)
    book.observe(table(), 10)
    book.observe(table(ONE), 20)
    assert states(book, table(ONE)) == [("initial", "Elb.RegistrationInProgress")]
    assert book.expire(1000) == []


class Registrations(RuleBasedStateMachine):
    """Targets come and go, rules too, checks pass and fail, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.registered, self.used, self.now = HealthBook(), set[Target](), True, 0.0

    def current(self) -> RoutingTable:
        return table(*sorted(self.registered, key=str), weight=0 if self.used else None)

    @rule(which=sampled_from([ONE, TWO]), comes=booleans())
    def register(self, which: Target, comes: bool) -> None:
        (self.registered.add if comes else self.registered.discard)(which)
        self.book.observe(self.current(), self.now)

    @rule(used=booleans())
    def name_in_a_rule(self, used: bool) -> None:
        self.used = used
        self.book.observe(self.current(), self.now)

    @rule(which=sampled_from([ONE, TWO]), result=sampled_from([PASSED, FAILED]))
    def check(self, which: Target, result: object) -> None:
        self.book.record(self.current().target_groups[ARN], which, result)  # type: ignore[arg-type]  # one of the two

    @rule(seconds=sampled_from([1.0, 29.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.book.expire(self.now)

    @invariant()
    def every_registered_target_is_told_once_and_nothing_else_is_healthy(self) -> None:
        group = self.current().target_groups[ARN]
        told = self.book.describe(group)
        assert len({health.target for health in told}) == len(told)
        assert self.registered <= {health.target for health in told}
        assert self.book.healthy(group) <= self.registered
        for health in told:
            assert (health.state is TargetState.DRAINING) is (health.target not in self.registered)
            assert (health.reason is None) is (health.state is TargetState.HEALTHY)
            if health.target in self.registered:
                assert (health.state is TargetState.UNUSED) is (not self.used)


Registrations.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestRegistrations = Registrations.TestCase
