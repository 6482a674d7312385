"""The function of a CodeDeploy event: hooks asked in order, waited for, reported once, and always within the hour."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.code_deploy_hook import (
    HOOKS,
    LONGEST_ASKING,
    Asking,
    EventFunction,
    EventHooks,
)
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers import code_deploy_hook
from bluegreen_constructs.engine.handlers.code_deploy_hook import ASK_SECONDS, EventWorld, serve
from bluegreen_constructs.engine.ports import HookAnswer

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENT = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}
SMOKE = EventFunction("smoke", "arn:smoke", {"url": "http://test:9000"}, timedelta(minutes=30))
CHECK = EventFunction("check", "arn:check")
GOOD, BAD = HookAnswer("SUCCEEDED"), HookAnswer("FAILED", reason="the hook's function answered FAILED")
LAMBDA_SECONDS = 900.0


def later(seconds: int, **details: object) -> HookAnswer:
    return HookAnswer("IN_PROGRESS", seconds, details)


@dataclass
class World:
    """Functions, CodeDeploy and Lambda in memory. Time passes by pauses and by asking, one second each time.

    answers: by function, the next one first, the last again and again; an error is raised. down: how often a report or
    the function itself cannot be called. lost: of the calls to itself those whose answer is lost.
    """

    functions: tuple[EventFunction, ...] = (SMOKE, CHECK)
    answers: dict[str, list[HookAnswer | AwsError]] = field(default_factory=dict)
    reports_down: int = 0
    itself_down: int = 0
    now: datetime = BEGAN
    invocations: int = 0
    asked: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    reports: list[tuple[str, str, bool]] = field(default_factory=list)
    handed: list[Mapping[str, object]] = field(default_factory=list)
    variable: str | None = None
    _left: float = LAMBDA_SECONDS

    def ask(self, function_arn: str, payload: Mapping[str, object]) -> HookAnswer:
        self.asked.append((function_arn, json.loads(json.dumps(payload))))
        self._pass(1)
        answers = self.answers.get(function_arn, [GOOD])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, AwsError):
            raise answer
        return answer

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        if self.reports_down:
            self.reports_down -= 1
            raise AwsError("ThrottlingException")
        self.reports.append((deployment, execution, succeeded))

    def again(self, event: Mapping[str, object]) -> None:
        if self.itself_down:
            self.itself_down -= 1
            raise AwsError("TooManyRequestsException")
        self.handed.append(json.loads(json.dumps(event)))

    def _pass(self, seconds: float) -> None:
        assert seconds > 0
        self.now += timedelta(seconds=seconds)
        self._left -= seconds
        assert self._left > 0, "Lambda has ended the invocation"

    def deliver(self, event: Mapping[str, object]) -> None:
        """One invocation."""
        self.invocations += 1
        self._left = LAMBDA_SECONDS
        hooks = EventHooks("Stack/Inference", "AfterAllowTestTraffic", self.functions)
        serve(
            event,
            EventWorld(
                variable=hooks.to_variable() if self.variable is None else self.variable,
                hooks=self,
                reports=self,
                itself=self,
                seconds_left=lambda: self._left,
                pause=self._pass,
                now=lambda: self.now,
            ),
        )

    def run(self, event: Mapping[str, object] = EVENT) -> None:
        """The event, and whatever the function hands on to itself, until nothing is left to do."""
        self.deliver(event)
        while self.handed:
            assert self.invocations < 16, "Lambda stops a function that calls itself so often"
            self.deliver(self.handed.pop(0))

    @property
    def arns(self) -> list[str]:
        return [arn for arn, _ in self.asked]


class TestAsking:
    def test_the_hooks_are_asked_in_order_and_codedeploy_is_told_once(self) -> None:
        world = World()
        world.run()
        assert world.arns == ["arn:smoke", "arn:check"]
        assert world.reports == [("d-1", "e-1", True)]
        assert world.invocations == 1

    def test_they_are_asked_as_amazon_ecs_asks_its_hooks(self) -> None:
        world = World()
        world.run()
        assert world.asked[0][1] == {
            "executionId": "e-1",
            "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
            "resourceArn": "d-1",
            "hookDetails": {"url": "http://test:9000"},
            "target": "Stack/Inference",
            "rollout": "d-1",
        }

    def test_the_first_that_fails_fails_the_event_and_nobody_else_is_asked(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(answers={"arn:smoke": [BAD]})
        world.run()
        assert (world.arns, world.reports) == (["arn:smoke"], [("d-1", "e-1", False)])
        assert "smoke: the hook's function answered FAILED" in caplog.text

    def test_one_that_is_at_work_is_asked_again_after_the_delay_it_wants_with_the_details_it_gave(self) -> None:
        world = World(answers={"arn:smoke": [later(40, settled=True), GOOD]})
        world.run()
        assert world.arns == ["arn:smoke", "arn:smoke", "arn:check"]
        assert world.asked[1][1]["hookDetails"] == {"url": "http://test:9000", "settled": True}
        assert world.now - BEGAN == timedelta(seconds=40 + 3)
        assert world.reports == [("d-1", "e-1", True)]

    def test_the_next_one_is_told_nothing_of_what_the_one_before_wanted_to_be_told(self) -> None:
        world = World(answers={"arn:smoke": [later(5, settled=True), GOOD]})
        world.run()
        assert world.asked[2][1]["hookDetails"] == {}

    def test_one_that_cannot_be_asked_is_asked_again(self) -> None:
        world = World(answers={"arn:smoke": [AwsError("TooManyRequestsException"), GOOD]})
        world.run()
        assert world.reports == [("d-1", "e-1", True)]

    def test_one_that_can_never_be_asked_fails_the_event_when_its_time_is_over(self) -> None:
        world = World(answers={"arn:smoke": [AwsError("no such function")]})
        world.run()
        assert world.reports == [("d-1", "e-1", False)]
        assert timedelta(0) <= world.now - BEGAN - SMOKE.timeout < timedelta(minutes=1)


class TestTime:
    def test_a_hook_that_takes_long_is_waited_for_in_further_invocations(self) -> None:
        world = World(answers={"arn:smoke": [*([later(60)] * 25), GOOD]})
        world.run()
        assert world.reports == [("d-1", "e-1", True)]
        assert world.now - BEGAN > timedelta(minutes=25)
        assert world.invocations == 3

    def test_a_delay_longer_than_lambdas_time_is_waited_for_too(self) -> None:
        world = World(answers={"arn:smoke": [later(1700), GOOD]})
        world.run()
        assert world.arns == ["arn:smoke", "arn:smoke", "arn:check"]
        assert world.now - BEGAN >= timedelta(seconds=1700)
        assert world.reports == [("d-1", "e-1", True)]

    def test_what_was_done_is_not_done_again_in_the_next_invocation(self) -> None:
        world = World(answers={"arn:check": [*([later(100)] * 10), GOOD]})
        world.run()
        assert world.arns.count("arn:smoke") == 1
        assert world.invocations == 2

    def test_a_hook_that_does_not_answer_in_its_time_fails_the_event(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World(answers={"arn:smoke": [later(30)]})
        world.run()
        assert world.reports == [("d-1", "e-1", False)]
        assert "smoke did not answer within 30 min" in caplog.text
        assert world.now - BEGAN < SMOKE.timeout + timedelta(seconds=30)

    def test_a_delay_beyond_its_time_does_not_put_off_the_verdict(self) -> None:
        world = World(answers={"arn:smoke": [later(100_000)]})
        world.run()
        assert world.reports == [("d-1", "e-1", False)]
        assert world.now - BEGAN < SMOKE.timeout + timedelta(minutes=1)

    def test_all_hooks_together_have_a_little_less_than_codedeploys_hour(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(answers={"arn:smoke": [*([later(60)] * 28), GOOD], "arn:check": [later(60)]})
        world.run()
        assert world.reports == [("d-1", "e-1", False)]
        assert "check has not answered, and CodeDeploy waits 1 h for all hooks together" in caplog.text
        assert LONGEST_ASKING <= world.now - BEGAN < timedelta(hours=1)
        assert world.invocations <= 6

    def test_no_hook_is_asked_that_could_outlast_the_invocation(self) -> None:
        assert ASK_SECONDS > clients.HOOK_SECONDS + clients.SECONDS_PER_CALL
        assert ASK_SECONDS < LAMBDA_SECONDS / 4


class TestDelivery:
    def test_an_event_that_is_delivered_twice_is_reported_with_the_same_verdict(self) -> None:
        world = World()
        world.run()
        world.run()
        assert world.reports == [("d-1", "e-1", True)] * 2  # of which CodeDeploy takes the first

    def test_a_report_that_is_throttled_is_made_again_without_asking_anybody_again(self) -> None:
        world = World(reports_down=3)
        world.run()
        assert (world.reports, world.arns) == ([("d-1", "e-1", True)], ["arn:smoke", "arn:check"])

    def test_one_that_is_throttled_for_long_is_made_in_another_invocation_which_asks_nobody(self) -> None:
        world = World(reports_down=60)
        world.run()
        assert (world.reports, world.arns) == ([("d-1", "e-1", True)], ["arn:smoke", "arn:check"])
        assert world.invocations > 1

    def test_after_the_hour_nobody_is_told_any_more_and_the_trouble_is_raised(self) -> None:
        world = World(reports_down=10_000)
        with pytest.raises(AwsError, match="ThrottlingException"):
            world.run()
        assert world.now - BEGAN < timedelta(hours=1, minutes=5)

    def test_a_function_that_cannot_call_itself_raises_so_that_lambda_delivers_the_event_again(self) -> None:
        world = World(answers={"arn:smoke": [later(1700), GOOD]}, itself_down=1)
        with pytest.raises(AwsError, match="TooManyRequestsException"):
            world.deliver(EVENT)
        world.now = BEGAN + timedelta(minutes=16)
        world.run()
        assert world.reports == [("d-1", "e-1", True)]

    def test_progress_survives_the_way_through_lambda(self) -> None:
        asking = Asking("d-1", "e-1", BEGAN, BEGAN, at=1, details={"job": 7}, resume=BEGAN + timedelta(seconds=9))
        assert Asking.of(json.loads(json.dumps(asking.to_event())), BEGAN) == asking
        failed = asking.failed("no")
        assert Asking.of(json.loads(json.dumps(failed.to_event())), BEGAN) == failed


class TestRefusals:
    def test_an_event_of_nobodys_is_refused(self) -> None:
        world = World()
        with pytest.raises(ConfigurationError, match="the event has no DeploymentId and LifecycleEventHookExecutionId"):
            world.deliver({"DeploymentId": "d-1"})
        assert (world.asked, world.reports) == ([], [])

    def test_progress_that_this_function_did_not_write_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="Progress is not what this function wrote"):
            World().deliver({**EVENT, "Progress": {"began": "soon"}})

    @pytest.mark.parametrize("variable", ["", "{}", "[]", '{"target": "t", "event": "Install", "functions": []}'])
    def test_without_knowing_whom_to_ask_the_event_fails_at_once(
        self, variable: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(variable=variable)
        world.run()
        assert world.reports == [("d-1", "e-1", False)]
        assert f"the variable {HOOKS} is not what the construct writes" in caplog.text

    def test_nobody_to_ask_is_nothing_against_it(self) -> None:
        world = World(functions=())
        world.run()
        assert world.reports == [("d-1", "e-1", True)]


def test_what_the_construct_writes_is_read_again() -> None:
    hooks = EventHooks("Stack/Inference", "AfterAllowTraffic", (SMOKE, CHECK))
    assert EventHooks.from_variable(hooks.to_variable()) == hooks


def test_lambdas_entry_point_takes_its_hooks_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    hooks = EventHooks("Stack/Inference", "AfterAllowTestTraffic", (CHECK,))
    monkeypatch.setenv(HOOKS, hooks.to_variable())
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "event")
    for name in ("lambda_hooks", "code_deploy_events", "own_function"):
        monkeypatch.setattr(clients, name, lambda: None)
    monkeypatch.setattr(code_deploy_hook, "LambdaHooks", lambda *_: world)
    monkeypatch.setattr(code_deploy_hook, "CodeDeployEvents", lambda *_: world)
    monkeypatch.setattr(code_deploy_hook, "OwnFunction", lambda *_: world)

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    code_deploy_hook.handler(EVENT, Context())
    assert (world.arns, world.reports) == (["arn:check"], [("d-1", "e-1", True)])
