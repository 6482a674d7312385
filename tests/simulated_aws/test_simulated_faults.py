"""The world's faults: which call meets one, what it does, and what is left of the process."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from simulated_aws.faults import Fault, KilledError
from simulated_aws.one_target import OneTarget
from simulated_aws.sdk_retries import RetryingClient
from simulated_aws.world import Disturbances, SimulatedAws

TAG = [{"Key": "k", "Value": "v"}]


@pytest.fixture
def target() -> OneTarget:
    return OneTarget(SimulatedAws())


def tag(target: OneTarget) -> object:
    return target.world.elbv2.add_tags(ResourceArns=[target.rule_arn], Tags=TAG)


@pytest.mark.parametrize(
    ("fault", "raised", "has_effect"),
    [
        (Fault.KILL_BEFORE, KilledError, False),
        (Fault.KILL_AFTER, KilledError, True),
        (Fault.THROTTLE, ClientError, False),
        (Fault.TIMEOUT, ReadTimeoutError, False),
        (Fault.TIMEOUT_WITH_EFFECT, ReadTimeoutError, True),
        (Fault.SERVER_ERROR, ClientError, False),
    ],
)
def test_a_fault_raises_what_boto3_raises_and_takes_effect_or_not(
    target: OneTarget, fault: Fault, raised: type[BaseException], has_effect: bool
) -> None:
    target.world.faults.at(0, fault)
    ending = target.world.run("worker", lambda: tag(target))
    assert isinstance(ending.error, raised)
    assert target.rule.tags == ({"k": "v"} if has_effect else {})
    (call,) = target.world.calls
    assert (call.fault, call.has_effect, call.operation, call.process.name) == (fault, has_effect, "AddTags", "worker")


def test_throttling_and_a_5xx_carry_the_service_s_own_code_and_status(target: OneTarget) -> None:
    codes = []
    for fault in (Fault.THROTTLE, Fault.SERVER_ERROR):
        target.world.faults.of("elbv2", "AddTags", fault)
        error = target.world.run("worker", lambda: tag(target)).error
        codes.append((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
    assert codes == [("Throttling", 400), ("InternalFailure", 500)]


def test_a_killed_process_makes_no_further_call_and_the_next_one_does(target: OneTarget) -> None:
    def stubborn() -> None:
        try:
            tag(target)
        finally:
            tag(target)

    target.world.faults.at(0, Fault.KILL_BEFORE)
    assert isinstance(target.world.run("worker", stubborn).error, KilledError)
    assert target.world.number == 1
    assert target.world.run("worker", lambda: tag(target)).error is None


def test_no_handler_of_exceptions_survives_a_kill(target: OneTarget) -> None:
    def careless() -> str:
        try:
            tag(target)
        except Exception:  # noqa: BLE001 - this is what must not help
            return "survived"
        return "not reached"

    target.world.faults.at(0, Fault.KILL_AFTER)
    assert target.world.run("worker", careless).answer is None


def test_a_service_of_aws_is_not_killed_but_may_not_know(target: OneTarget) -> None:
    target.world.faults.at(0, Fault.KILL_BEFORE)
    target.world.faults.at(1, Fault.KILL_AFTER)
    before = target.world.run("states", lambda: tag(target), is_mortal=False)
    assert isinstance(before.error, ClientError)
    assert target.rule.tags == {}
    after = target.world.run("states", lambda: tag(target), is_mortal=False)
    assert isinstance(after.error, ReadTimeoutError)
    assert target.rule.tags == {"k": "v"}


def test_the_nth_call_of_an_operation_is_counted_from_now_on(target: OneTarget) -> None:
    tag(target)
    target.world.faults.of("elbv2", "AddTags", Fault.THROTTLE, nth=1)
    tag(target)
    target.world.elbv2.describe_tags(ResourceArns=[target.rule_arn])
    with pytest.raises(ClientError):
        tag(target)
    tag(target)


def test_an_outage_lasts_until_it_is_restored(target: OneTarget) -> None:
    target.world.faults.outage("elbv2", operation="AddTags")
    for _ in range(3):
        with pytest.raises(ClientError):
            tag(target)
    target.world.elbv2.describe_tags(ResourceArns=[target.rule_arn])
    target.world.faults.restored("elbv2", operation="AddTags")
    target.world.faults.outage("elbv2")
    with pytest.raises(ClientError):
        target.world.elbv2.describe_tags(ResourceArns=[target.rule_arn])
    target.world.faults.restored("elbv2")
    tag(target)


def test_throttling_is_drawn_by_the_seed_alone() -> None:
    def throttled(seed: int) -> list[bool]:
        target = OneTarget(SimulatedAws(seed=seed, disturbances=Disturbances(throttling=0.2)))
        return [target.world.run("worker", lambda: tag(target)).error is not None for _ in range(200)]

    assert throttled(1) == throttled(1) != throttled(2)
    assert 20 <= sum(throttled(1)) <= 60


def test_an_interruption_comes_right_before_its_call_and_only_once(target: OneTarget) -> None:
    seen = []
    target.world.interrupt(
        1, lambda: seen.append(target.world.number) or target.world.run("other", lambda: tag(target))
    )
    target.world.run("worker", lambda: [tag(target) for _ in range(3)])
    assert seen == [1]
    assert [call.process.name for call in target.world.calls] == ["worker", "other", "worker", "worker"]


def test_who_interrupts_can_be_killed_and_the_interrupted_goes_on(target: OneTarget) -> None:
    target.world.faults.at(0, Fault.KILL_BEFORE)
    endings = []
    target.world.interrupt(0, lambda: endings.append(target.world.run("other", lambda: tag(target))))
    assert target.world.run("worker", lambda: tag(target)).error is None
    assert isinstance(endings[0].error, KilledError)


def test_a_process_that_was_away_for_longer_than_its_time_out_makes_no_further_call(target: OneTarget) -> None:
    def work() -> None:
        tag(target)
        tag(target)

    for away, is_killed in ((60, False), (61, True)):
        target.world.interrupt(target.world.number + 1, lambda away=away: target.world.advance(away))
        ending = target.world.run("worker", work, seconds=60)
        assert isinstance(ending.error, KilledError) is is_killed
    assert target.world.number == 3


def test_what_aws_refuses_is_in_the_log_with_its_code(target: OneTarget) -> None:
    with pytest.raises(target.world.elbv2.exceptions.RuleNotFoundException):
        target.world.elbv2.add_tags(ResourceArns=["none"], Tags=TAG)
    (call,) = target.world.calls
    assert (call.error, call.has_effect, call.fault) == ("RuleNotFound", False, None)
    assert str(call) == "#0 test: elbv2.AddTags (RuleNotFound)"


def test_a_short_log_still_counts_every_call() -> None:
    target = OneTarget(SimulatedAws(keeps=2))
    for _ in range(5):
        tag(target)
    assert [call.number for call in target.world.calls] == [3, 4]
    assert target.world.made == {"elbv2.AddTags": 5}


@pytest.mark.parametrize("fault", [Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT_WITH_EFFECT])
def test_botocore_s_retries_hide_a_passing_fault_and_no_lasting_one(target: OneTarget, fault: Fault) -> None:
    client = RetryingClient(target.world.elbv2, tries=3)
    target.world.faults.of("elbv2", "AddTags", fault, nth=0)
    target.world.faults.of("elbv2", "AddTags", fault, nth=1)
    client.add_tags(ResourceArns=[target.rule_arn], Tags=TAG)
    assert target.world.number == 3
    target.world.faults.outage("elbv2", fault)
    with pytest.raises((ClientError, ReadTimeoutError)):
        client.add_tags(ResourceArns=[target.rule_arn], Tags=TAG)
    assert target.world.number == 6


def test_botocore_does_not_retry_a_refusal(target: OneTarget) -> None:
    client = RetryingClient(target.world.elbv2)
    with pytest.raises(client.exceptions.RuleNotFoundException):
        client.add_tags(ResourceArns=["none"], Tags=TAG)
    assert target.world.number == 1
