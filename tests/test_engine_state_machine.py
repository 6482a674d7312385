"""The state machine of a rollout, played: every way through it, and that it is what the template holds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bluegreen_constructs.engine_state_machine import REFUSALS, definition
from tests.played_state_machine import Ended, TaskError, play

START, TICK = "arn:aws:lambda:eu-west-1:123456789012:function:start", "arn:aws:lambda:eu-west-1:123456789012:function:t"
# As it comes out of a template, in which nothing is null.
DEFINITION = json.loads(
    json.dumps(definition(start_arn=START, start_seconds=120, tick_arn=TICK, tick_seconds=300)).replace(": null", ": 0")
)
RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/a/1/2/3"
RESTORE = {"RuleArn": RULE, "Actions": [{"Type": "forward"}]}
MARK = {"ResourceArns": [RULE], "Tags": [{"Key": "bluegreen:aborted", "Value": "release-1"}]}
REQUEST = {"target": "Serving/Model", "release": {"name": "2.0.0"}, "caller": "someone"}
CLOSING = {"target": "Serving/Model", "rollout": "release-1", "closing": True}
BUSY = TaskError("Lambda.TooManyRequestsException")


def answer(**changes: object) -> dict[str, object]:
    known = {"target": "Serving/Model", "rollout": "release-1", "done": False, "outcome": "SHIFTING"}
    return {**known, "wait_seconds": 60, "restore": RESTORE, "mark": MARK, **changes}


class World:
    """The two functions and Elastic Load Balancing: what was asked of them, and what they answer."""

    def __init__(self, start: object = None, ticks: object = (), elb: object = ()) -> None:
        self.answers: dict[str, Iterator[object]] = {
            START: iter([answer()] if start is None else [start] * 20),
            TICK: iter([*ticks] if isinstance(ticks, list | tuple) else [ticks] * 20),
            "elb": iter([*elb] if isinstance(elb, list | tuple) else [elb] * 20),
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, resource: str, parameters: dict[str, Any]) -> object:
        who = parameters.get("FunctionName", "elb")
        self.asked.append((resource.rpartition(":")[2] if who == "elb" else who, parameters.get("Payload", parameters)))
        said = next(self.answers[who], {})
        if isinstance(said, Exception):
            raise said
        return {"Payload": said} if who != "elb" else said

    def run(self, given: dict[str, object] = REQUEST) -> Ended:
        return play(DEFINITION, given, self)

    def calls(self, who: str) -> list[dict[str, Any]]:
        return [payload for name, payload in self.asked if name == who]


def test_a_rollout_starts_ticks_until_it_is_done_and_succeeds_when_promoted() -> None:
    world = World(ticks=[answer(), answer(), answer(done=True, outcome="PROMOTED")])
    ended = world.run()
    assert ended.status == "SUCCEEDED"
    assert len(world.calls(TICK)) == 3
    assert ended.states[:6] == ["Kind", "Request", "Start", "Done", "Wait", "Tick"]


def test_start_gets_the_request_as_it_was_given_with_the_executions_name_and_time() -> None:
    world = World(start=answer(done=True, outcome="PROMOTED"))
    world.run({**REQUEST, "rollout": "forged", "now": "1999-01-01T00:00:00Z"})
    (payload,) = world.calls(START)
    assert payload == {
        **REQUEST,
        "rollout": "release-1",
        "execution": "arn:execution:release-1",
        "now": "2026-11-21T12:00:00Z",
    }


def test_a_tick_gets_target_rollout_time_and_execution_and_nothing_that_could_grow() -> None:
    world = World(ticks=[answer(done=True, outcome="PROMOTED")])
    world.run()
    assert set(world.calls(TICK)[0]) == {"target", "rollout", "now", "execution"}


def test_a_rollout_that_went_back_fails_its_execution_so_that_a_pipeline_stops() -> None:
    ended = World(ticks=[answer(done=True, outcome="ROLLED_BACK")]).run()
    assert (ended.status, ended.error) == ("FAILED", "NotPromoted")
    assert ended.cause == "rollout release-1 of Serving/Model ended ROLLED_BACK: bluegreen explain says why"


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_ends_the_execution_with_its_class_and_its_sentence_at_once(error: str) -> None:
    refusal = TaskError(error, json.dumps({"errorMessage": "rollout a holds Serving/Model", "errorType": error}))
    world = World(start=refusal)
    ended = world.run()
    assert (ended.status, ended.error, ended.cause) == ("FAILED", error, "rollout a holds Serving/Model")
    assert len(world.asked) == 1


@pytest.mark.parametrize(("error", "tries"), [("Lambda.TooManyRequestsException", 6), ("AwsError", 4), ("KeyError", 1)])
def test_a_start_that_fails_is_tried_again_only_where_that_helps_and_touches_nothing(error: str, tries: int) -> None:
    world = World(start=TaskError(error))
    ended = world.run()
    assert (ended.status, ended.error) == ("FAILED", error)
    assert len(world.calls(START)) == len(world.asked) == tries


def test_a_passing_failure_of_a_tick_is_nobodys_business() -> None:
    world = World(ticks=[BUSY, BUSY, TaskError("AwsError"), answer(done=True, outcome="PROMOTED")])
    assert world.run().status == "SUCCEEDED"
    assert not world.calls("modifyRule")


@pytest.mark.parametrize("failure", [TaskError("AwsError", "denied"), BUSY, TaskError("States.Timeout", "late")])
def test_when_the_tick_keeps_failing_the_rule_gets_all_live_and_the_mark_without_a_function(failure: TaskError) -> None:
    world = World(ticks=failure)
    ended = world.run()
    assert world.calls("modifyRule") == [RESTORE]
    assert world.calls("addTags") == [MARK]
    assert [name for name, _ in world.asked][-2:] == ["modifyRule", "addTags"]
    assert (ended.status, ended.error) == ("FAILED", "EngineFailed")
    assert failure.error in ended.cause
    assert failure.cause in ended.cause


def test_it_restores_what_the_last_answer_said_not_the_first() -> None:
    later = {"RuleArn": RULE, "Actions": [{"Type": "forward", "TargetGroupArn": "green"}]}
    world = World(ticks=[answer(restore=later), *[TaskError("AwsError")] * 4])
    world.run()
    assert world.calls("modifyRule") == [later]


def test_a_restore_that_fails_at_first_is_tried_again_before_the_mark() -> None:
    world = World(ticks=TaskError("AwsError"), elb=[TaskError("Throttling")] * 3)
    world.run()
    assert [name for name, _ in world.asked if not name.startswith("arn")] == [*["modifyRule"] * 4, "addTags"]


def test_a_restore_that_never_succeeds_fails_the_execution_with_what_elb_said() -> None:
    ended = World(ticks=TaskError("AwsError"), elb=TaskError("ElasticLoadBalancingV2Exception", "no such rule")).run()
    assert ended.error == "EngineFailed"
    assert "no such rule" in ended.cause


def test_a_closing_execution_begins_at_tick_and_succeeds_however_the_rollout_ended() -> None:
    world = World(ticks=[answer(), answer(done=True, outcome="ROLLED_BACK")])
    ended = world.run(CLOSING)
    assert ended.status == "SUCCEEDED"
    assert not world.calls(START)
    assert world.calls(TICK)[0]["rollout"] == "release-1"


def test_a_closing_execution_whose_first_tick_fails_has_nothing_to_restore_and_says_so() -> None:
    world = World(ticks=TaskError("AwsError", "denied"))
    ended = world.run(CLOSING)
    assert (ended.error, world.calls("modifyRule")) == ("EngineFailed", [])


def test_a_request_that_says_it_is_not_closing_is_started() -> None:
    world = World(start=answer(done=True, outcome="PROMOTED"))
    assert world.run({**REQUEST, "closing": False}).status == "SUCCEEDED"
    assert world.calls(START)


def test_an_answer_without_anything_to_restore_is_left_alone() -> None:
    """A tick that finds another rollout in its place answers without a way back."""
    world = World(ticks=[answer(restore={}, mark={}), *[TaskError("AwsError")] * 4])
    assert world.run().error == "EngineFailed"
    assert not world.calls("modifyRule")


def test_every_state_can_be_reached_and_every_next_exists() -> None:
    states = DEFINITION["States"]
    following = {DEFINITION["StartAt"]}
    for state in states.values():
        following |= {state[key] for key in ("Next", "Default") if key in state}
        following |= {one["Next"] for key in ("Choices", "Catch") for one in state.get(key, [])}
    assert following == set(states)


def test_one_tick_takes_nine_events_so_that_a_rollout_of_two_days_fits_an_execution() -> None:
    """25,000 events are an execution's limit: five for a task, two each for a choice and a wait."""
    world = World(ticks=[answer(), answer(), answer(done=True, outcome="PROMOTED")])
    states = world.run().states
    first = states.index("Tick")
    turn = states[first : states.index("Tick", first + 1)]
    assert turn == ["Tick", "Done", "Wait"]
    events = {"Task": 5, "Choice": 2, "Wait": 2}
    assert sum(events[DEFINITION["States"][name]["Type"]] for name in turn) * 60 * 44 < 25_000
