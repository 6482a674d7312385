"""The played state machine: order, waits, retries, the way back, copies of events, outages."""

import pytest

from simulated_aws.faults import Fault
from simulated_aws.one_target import OneTarget
from simulated_aws.state_machine import Retries, StateMachine, StuckError
from simulated_aws.world import SimulatedAws


class HeldError(Exception):
    """As the engine's."""


class Script:
    """A start and a tick that make one call each and answer what they are told; an exception is raised."""

    def __init__(self, *answers: object) -> None:
        self.target = OneTarget(SimulatedAws())
        self.world = self.target.world
        self.answers = list(answers)
        self.payloads: list[tuple[float, str, dict]] = []
        self.begun = self.world.now
        self.machine = StateMachine(self.world, self.start, self.tick, retries=Retries(tries=2, seconds=10, backoff=2))

    def start(self, payload: dict) -> dict:
        return self._handle("start", payload)

    def tick(self, payload: dict) -> dict:
        return self._handle("tick", payload)

    def _handle(self, name: str, payload: dict) -> dict:
        self.payloads.append((self.world.now - self.begun, name, payload))
        self.world.elbv2.describe_tags(ResourceArns=[self.target.rule_arn])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, wait: int = 30, *, done: bool = False) -> dict:
        return {
            "target": "T",
            "rollout": "r1",
            "done": done,
            "outcome": "SHIFTING",
            "wait_seconds": wait,
            "restore": {"RuleArn": self.target.rule_arn, "Actions": self.back()},
            "mark": {
                "ResourceArns": [self.target.rule_arn],
                "Tags": [{"Key": "bluegreen:aborted", "Value": "r1"}],
            },
        }

    def back(self) -> list[dict]:
        return [{"Type": "forward", "TargetGroupArn": self.target.groups["blue"].arn}]

    def times(self) -> list[tuple[float, str]]:
        return [(at, name) for at, name, _ in self.payloads]


def play(script: Script, **request: object):
    execution = script.machine.begin("r1", {"target": "T", **request})
    script.machine.run()
    return execution


def test_it_starts_ticks_and_waits_as_it_is_told() -> None:
    script = Script()
    script.answers = [script.answer(5), script.answer(60), script.answer(1, done=True)]
    execution = play(script)
    assert script.times() == [(0, "start"), (5, "tick"), (65, "tick")]
    assert (execution.status, execution.output["done"], script.world.now - script.begun) == ("SUCCEEDED", True, 65)


def test_the_handlers_get_the_input_then_the_last_answer_with_time_and_execution() -> None:
    script = Script()
    script.answers = [script.answer(5), script.answer(1, done=True)]
    execution = play(script, release={"name": "2"})
    (_, _, start), (_, _, tick) = script.payloads
    assert start == {
        "target": "T",
        "release": {"name": "2"},
        "rollout": "r1",
        "execution": execution.arn,
        "now": "2026-11-02T09:00:00.000Z",
    }
    assert (tick["rollout"], tick["execution"], tick["now"]) == ("r1", execution.arn, "2026-11-02T09:00:05.000Z")
    assert not {"restore", "mark"} & tick.keys()


def test_a_closing_execution_begins_with_a_tick() -> None:
    script = Script()
    script.answers = [script.answer(1, done=True)]
    script.machine.begin("r1-closing-2", {"target": "T", "rollout": "r1", "closing": True})
    script.machine.run()
    assert [(name, payload["rollout"]) for _, name, payload in script.payloads] == [("tick", "r1")]


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.THROTTLE])
def test_a_task_that_fails_is_tried_again_after_a_while(fault: Fault) -> None:
    script = Script()
    script.world.faults.of("elbv2", "DescribeTags", fault, nth=1)
    script.answers = [script.answer(5), script.answer(1, done=True)]
    execution = play(script)
    assert script.times() == [(0, "start"), (5, "tick"), (15, "tick")]
    assert execution.status == "SUCCEEDED"


def test_a_task_that_goes_on_failing_leads_to_restore_and_mark() -> None:
    script = Script()
    script.answers = [script.answer(5), *[ValueError("broken")] * 3]
    script.target.world.elbv2.write_by_hand(script.target.rule_arn, {script.target.groups["green"].arn: 100})
    execution = play(script)
    assert script.times() == [(0, "start"), (5, "tick"), (15, "tick"), (35, "tick")]
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "ValueError", "broken")
    assert script.target.weights() == {"blue": 1, "green": 0}
    assert script.target.rule.tags == {"bluegreen:aborted": "r1"}
    assert [call.operation for call in script.world.calls[-2:]] == ["ModifyRule", "AddTags"]


def test_the_way_back_is_tried_again_through_faults_of_elb() -> None:
    script = Script()
    script.answers = [script.answer(5), *[ValueError("broken")] * 3]
    for nth, fault in enumerate((Fault.THROTTLE, Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.TIMEOUT_WITH_EFFECT)):
        script.world.faults.of("elbv2", "ModifyRule", fault, nth)
    assert play(script).status == "FAILED"
    assert script.target.weights() == {"blue": 1, "green": 0}
    assert script.target.rule.tags == {"bluegreen:aborted": "r1"}


def test_a_way_back_that_elb_never_takes_ends_and_says_so() -> None:
    script = Script()
    script.answers = [script.answer(5), *[ValueError("broken")] * 3]
    script.world.faults.outage("elbv2", operation="ModifyRule")
    execution = play(script)
    assert execution.status == "FAILED"
    assert "RestoreLive" in execution.cause
    assert script.target.rule.tags == {}


def test_a_refusal_ends_at_once_with_its_name_and_sentence() -> None:
    script = Script(HeldError("somebody holds it"))
    execution = play(script)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "HeldError", "somebody holds it")
    assert script.times() == [(0, "start")]


def test_a_start_that_cannot_end_fails_without_a_way_back() -> None:
    script = Script(*[ValueError("broken")] * 3)
    assert play(script).status == "FAILED"
    assert [call.operation for call in script.world.calls if call.operation == "ModifyRule"] == []


def test_nobody_reads_the_answer_of_a_task_whose_execution_was_stopped() -> None:
    script = Script()
    script.answers = [script.answer(5), script.answer(5)]
    execution = script.machine.begin("r1", {"target": "T"})
    stop = script.world.stepfunctions.stop_execution
    script.world.interrupt(2, lambda: stop(executionArn=execution.arn, cause="aborted"))
    script.machine.run()
    assert (execution.status, execution.cause, len(script.payloads)) == ("ABORTED", "aborted", 2)


def test_a_delivery_can_come_again_later_or_beside_itself() -> None:
    script = Script()
    script.answers = [script.answer(5), script.answer(5), script.answer(5), script.answer(1, done=True)]
    script.machine.begin("r1", {"target": "T"})
    script.world.interrupt(2, script.machine.deliver_again)
    script.machine.run()
    assert script.times() == [(0, "start"), (5, "tick"), (5, "tick"), (10, "tick")]
    script.answers = [script.answer(5)]
    late = script.machine.deliver_again(1)
    assert late.error is None
    assert script.payloads[-1][2] == script.payloads[1][2]


def test_executions_take_turns_by_when_they_are_due() -> None:
    script = Script()
    script.answers = [script.answer(20), script.answer(5), *[script.answer(1, done=True)] * 2]
    script.machine.begin("a", {"target": "T"})
    script.machine.begin("b", {"target": "T"})
    script.machine.run()
    assert [(at, payload["execution"][-1]) for at, _, payload in script.payloads] == [
        (0, "a"),
        (0, "b"),
        (5, "b"),
        (20, "a"),
    ]


def test_nothing_moves_while_step_functions_is_down() -> None:
    script = Script()
    script.answers = [script.answer(5), script.answer(1, done=True)]
    execution = script.machine.begin("r1", {"target": "T"})
    script.machine.step()
    script.world.faults.outage("stepfunctions")
    script.machine.run()
    assert execution.is_running
    script.world.advance(600)
    script.world.faults.restored("stepfunctions")
    script.machine.run()
    assert script.times() == [(0, "start"), (600, "tick")]


def test_an_event_is_tried_three_times_and_comes_in_its_time() -> None:
    script = Script()
    seen = []

    def alarm(payload: dict) -> dict:
        seen.append((script.world.now - script.begun, payload["state"], payload["now"]))
        raise ValueError("broken")

    script.machine.handlers["alarm"] = alarm
    script.answers = [script.answer(300), script.answer(1, done=True)]
    script.machine.begin("r1", {"target": "T"})
    script.machine.event("alarm", {"state": "ALARM"}, delay=10)
    script.machine.run()
    assert [at for at, _, _ in seen] == [10, 70, 190]
    assert seen[0][1:] == ("ALARM", "2026-11-02T09:00:10.000Z")
    assert script.times() == [(0, "start"), (300, "tick")]


@pytest.mark.parametrize("wait", [0, -1, 1.5, True, 90_000])
def test_a_wait_that_step_functions_cannot_take_is_found(wait: object) -> None:
    script = Script()
    script.answers = [{**script.answer(), "wait_seconds": wait}]
    with pytest.raises(StuckError, match="wait"):
        play(script)


def test_a_rollout_that_does_not_end_is_found() -> None:
    script = Script()
    script.machine.handlers["Tick"] = lambda _payload: script.answer(60)
    script.answers = [script.answer(1)]
    script.machine.begin("r1", {"target": "T"})
    with pytest.raises(StuckError, match=r"r1 \(Tick\)"):
        script.machine.run(limit_seconds=3600)


def test_an_answer_that_is_no_json_is_a_failure_of_the_task() -> None:
    script = Script({"done": object()}, {"done": object()}, {"done": object()})
    assert play(script).error == "TypeError"
