"""The verbs of `bluegreen slots` that answer what is under way: given in one phase, refused in the others."""

import pytest

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import LostLockError
from bluegreen_constructs.engine.rule_tags import ABORTED
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.shares import all_on, forward_to
from bluegreen_constructs.engine.swap.turn import step_at
from tests.cli.operated_world import Operator
from tests.cli.slots_world import OPERATOR, WEB

TICK = "it takes it with its next tick, within about a minute"


def previewed(operator: Operator) -> None:
    operator.world.swapping(SwapPhase.READY, preview=True)


# Complete


def test_a_preview_is_completed(slots: Operator) -> None:
    previewed(slots)
    assert slots.types("slots", "complete", WEB, "--reason", "looked at it") == 0
    assert slots.out == f"complete was given to SWAP swap-1; {TICK}\n"
    (given,) = slots.world.given
    assert (given.verb, given.rollout, given.caller) == ("promote", "swap-1", OPERATOR)
    assert given.step == step_at(SwapPhase.READY)
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "DONE"


def test_a_completed_preview_is_watched_to_its_end(slots: Operator) -> None:
    previewed(slots)
    assert slots.reads("slots", "complete", "--wait")["last"]["outcome"] == "DONE"


def test_complete_as_json(slots: Operator) -> None:
    previewed(slots)
    assert slots.reads("slots", "complete") == {
        "target": WEB,
        "operation": "swap-1",
        "given": "complete",
        "slot": "staging",
        "phase": "READY",
    }


def test_only_a_preview_that_waits_is_completed(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.APPLYING, preview=True)
    said = slots.is_refused(3, "slots", "complete")
    assert said.startswith(
        "no preview waits to be completed: SWAP swap-1 is APPLYING and waits for side b to run first"
    )
    slots.world.app.run(until=SwapPhase.READY)
    slots.world.put_op(is_released=True)
    assert "is READY and waits for 4 healthy targets of side b" in slots.is_refused(3, "slots", "complete")
    slots.world.put_op(is_released=False, is_preview=False)
    assert "no preview waits" in slots.is_refused(3, "slots", "complete")
    assert slots.world.given == []


@pytest.mark.parametrize("verb", ["complete", "end-bake", "cancel", "resolve"])
def test_with_nothing_under_way_they_are_refused(slots: Operator, verb: str) -> None:
    assert slots.is_refused(3, "slots", verb) == (
        f"there is nothing to {verb}: nothing is under way on the slots of Web/App; see bluegreen slots status Web/App"
    )
    slots.world.swapping(None)
    assert "(the last operation, swap-1, is DONE)" in slots.is_refused(3, "slots", verb)


# End-bake


def test_a_bake_is_ended(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    assert slots.reads("slots", "end-bake")["given"] == "end-bake"
    assert slots.world.given[0].step == step_at(SwapPhase.BAKING)
    slots.world.go_on(1)
    assert slots.world.phase is SwapPhase.DEMOTING


def test_only_a_bake_is_ended(slots: Operator) -> None:
    previewed(slots)
    said = slots.is_refused(3, "slots", "end-bake")
    assert said.startswith(
        "there is no bake to end: SWAP swap-1 is READY and waits for bluegreen slots complete Web/App"
    )


# Cancel


@pytest.mark.parametrize("phase", [SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.READY])
def test_what_has_no_traffic_is_cancelled(slots: Operator, phase: SwapPhase) -> None:
    slots.world.swapping(phase, preview=True)
    assert slots.types("slots", "cancel", "--reason", "the wrong one") == 0
    slots.world.go_on(60)
    last = slots.world.record.last
    assert (last.outcome, last.why) == ("CANCELLED", "cancel: the wrong one")
    assert slots.world.app.serving() == {"a": 100}


def test_a_cancel_holds_also_when_the_phase_moves_on_meanwhile(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.APPLYING, preview=True)
    slots.types("slots", "cancel")
    slots.world.put_op(phase=SwapPhase.WARMING)
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "CANCELLED"


@pytest.mark.parametrize("phase", [SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING])
def test_what_has_traffic_is_not_cancelled_but_rolled_back(slots: Operator, phase: SwapPhase) -> None:
    slots.world.swapping(SwapPhase.READY, preview=True)
    slots.world.put_op(phase=phase)
    said = slots.is_refused(3, "slots", "cancel")
    assert said.startswith(f"SWAP swap-1 is {phase.value} and its candidate serves users")
    assert said.endswith(": take it back with bluegreen slots rollback Web/App")


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (SwapPhase.REVERTING, "REVERTING and waits for side b to have staging's settings again"),
        (SwapPhase.ROLLING_BACK, "ROLLING_BACK and waits for the live rule to name side a alone"),
        (
            SwapPhase.HALTED,
            "HALTED and waits for a person: look at the live rule, then bluegreen slots resolve Web/App",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["cancel", "rollback"])
def test_what_goes_back_or_halted_is_left_alone(slots: Operator, phase: SwapPhase, said: str, verb: str) -> None:
    previewed(slots)
    slots.world.put_op(phase=phase, halted="the live rule gives nothing")
    assert said in slots.is_refused(3, "slots", verb)
    assert slots.world.given == []


# Rollback


def test_a_bake_is_rolled_back_in_three_calls(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    slots.world.swapping(SwapPhase.BAKING)
    assert slots.world.app.serving() == {"b": 100}
    slots.world.app.rules.calls.clear()
    assert slots.types("slots", "rollback", "--reason", "payments fail") == 0
    assert [name for name, _ in slots.world.app.rules.calls] == [
        "DescribeTags",
        "DescribeTargetHealth",
        "ModifyRule",
        "AddTags",
    ]
    assert slots.world.app.serving() == {"a": 100}
    assert slots.out == (
        "the side that served before has all traffic of Web/App again; "
        "the record of swap-1 follows with the next tick\n"
    )
    slots.world.go_on(60)
    last = slots.world.record.last
    assert (last.outcome, last.why) == ("ROLLED_BACK", "rollback: payments fail")
    assert OPERATOR in {item["caller"] for item in slots.reads("slots", "history")["items"]}
    assert slots.world.record.paused.startswith("swap-1 was rolled back")


def test_a_rollback_needs_neither_table_nor_caller(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.app.store.is_down = slots.world.is_sts_down = slots.world.machine.is_down = True
    answer = slots.reads("slots", "rollback")
    assert (answer["state"], answer["operation"], answer["aws_calls"]) == ("RESTORED", "swap-1", 3)
    assert "the record could not be read, and the rule's own tags say what served" in answer["notes"][0]
    assert slots.world.app.serving() == {"a": 100}
    slots.world.app.store.is_down = slots.world.machine.is_down = False
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "ROLLED_BACK"


def test_abort_does_the_same_and_leaves_the_execution_to_end_it(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    answer = slots.reads("abort", WEB, "--reason", "payments fail")
    assert (answer["state"], answer["rollout"], answer["notes"]) == ("RESTORED", "swap-1", [])
    assert slots.world.machine.running[slots.world.record.execution]
    slots.world.go_on(60)
    assert slots.world.record.last.why == "rollback: payments fail"
    assert slots.reads("abort")["state"] == "NOTHING_IN_FLIGHT"


def test_an_abort_with_the_table_down_leaves_the_execution_to_end_it(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.app.store.is_down = True
    assert slots.types("abort") == 0
    slots.world.app.store.is_down = False
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "ROLLED_BACK"


def test_a_cold_side_gets_nothing_until_it_is_told_to(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.app.rules.healthy[slots.world.app.slots.side("a").group_arn] = 1
    assert slots.types("slots", "rollback") == 3
    assert "swap-1 is marked as aborted, and its traffic is where it was" in slots.out
    assert slots.world.app.serving() == {"b": 100}
    assert slots.types("slots", "rollback", "--now") == 0
    assert slots.world.app.serving() == {"a": 100}


def test_a_demotion_that_has_not_begun_is_rolled_back(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.DEMOTING)
    assert not slots.world.record.operation.is_closed
    assert slots.reads("slots", "rollback")["state"] == "RESTORED"
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "ROLLED_BACK"


def test_a_demotion_that_the_rule_calls_over_is_rolled_back_by_the_engine(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.DEMOTING)
    slots.world.app.turn()
    op = slots.world.record.operation
    assert (op.is_closed, op.demoted) == (True, "")
    answer = slots.reads("slots", "rollback", "--reason", "late")
    assert answer["state"] == "GIVEN"
    (given,) = slots.world.given
    assert (given.verb, given.rollout, given.caller, given.reason) == ("abort", "swap-1", OPERATOR, "late")


def test_the_engine_brings_the_traffic_back_by_itself(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.DEMOTING)
    slots.world.app.turn()
    slots.types("slots", "rollback", "--reason", "late")
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "ROLLED_BACK"
    assert slots.world.app.serving() == {"a": 100}


def test_a_demotion_that_is_done_is_no_way_back(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.DEMOTING)
    slots.world.put_op(demoted="arn:web-a:9")
    said = slots.is_refused(3, "slots", "rollback")
    assert said == (
        "SWAP swap-1 is DEMOTING, and side a has the settings of slot staging by now: wait for its end, then bluegreen "
        "slots swap Web/App staging"
    )
    assert "it is too late to cancel" in slots.is_refused(3, "slots", "cancel")


def test_before_it_has_traffic_it_is_cancelled(slots: Operator) -> None:
    previewed(slots)
    assert slots.is_refused(3, "slots", "rollback") == (
        "SWAP swap-1 is READY and has no traffic yet: take it back with bluegreen slots cancel Web/App"
    )


def test_after_its_end_the_way_back_is_a_swap(slots: Operator) -> None:
    said = slots.is_refused(3, "slots", "rollback")
    assert "bluegreen slots swap Web/App SLOT brings back what a slot has (staging has first)" in said
    slots.world.deployed("1.4.2")
    slots.world.swapping(None)
    assert slots.is_refused(3, "slots", "rollback").endswith(
        "and slot staging has first: bluegreen slots swap Web/App staging brings it back"
    )


def test_a_rollback_whose_execution_is_over_says_what_goes_on_with_it(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.machine.running[slots.world.record.execution] = False
    assert slots.reads("slots", "rollback")["notes"] == [
        "its execution is over: bluegreen slots resolve Web/App goes on with it"
    ]
    assert slots.reads("slots", "resolve", "--reason", "it was stopped")["operation"]["id"] == "swap-1"
    slots.world.go_on(60)
    assert slots.world.record.last.outcome == "ROLLED_BACK"


# Resume


def test_slots_that_swap_by_themselves_are_let_to_again(slots: Operator) -> None:
    slots.world.put(paused="swap-1 was rolled back: payments fail")
    answer = slots.reads("slots", "resume", "--reason", "1.4.3 mends it")
    assert answer == {"target": WEB, "given": "resume", "was_paused": "swap-1 was rolled back: payments fail"}
    assert slots.world.record.paused == ""
    note = slots.world.record.outbox[-1]
    assert (note.event, note.reason, note.caller) == ("RESUMED", "bluegreen slots resume: 1.4.3 mends it", OPERATOR)


def test_a_resume_is_tried_again_when_the_engine_saved_meanwhile(
    slots: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots.world.put(paused="it was rolled back")
    store, put, tries = slots.world.app.store, slots.world.app.store.put_slots, []

    def contended(record: object, former: object) -> object:
        tries.append(record)
        if len(tries) == 1:
            raise LostLockError("somebody else saved these slots")
        return put(record, former)

    monkeypatch.setattr(store, "put_slots", contended)
    assert slots.types("slots", "resume") == 0
    assert (len(tries), slots.world.record.paused) == (2, "")


def test_what_is_not_paused_is_not_resumed(slots: Operator) -> None:
    assert slots.is_refused(3, "slots", "resume").startswith("nothing has stopped the slots of Web/App")


# Resolve


def test_what_halted_goes_on_from_where_the_rule_leads(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    app = slots.world.app
    tags = app.rules.rules[app.settings.rule_arn][1]
    app.rules.rules[app.settings.rule_arn] = (({"Type": "fixed-response"},), tags)
    slots.world.go_on(1)
    assert slots.world.phase is SwapPhase.HALTED
    assert "the live rule gives nothing" in slots.is_refused(3, "slots", "resolve")
    app.rules.rules[app.settings.rule_arn] = ((forward_to(all_on(app.slots.side("a").group_arn)),), tags)
    assert slots.types("slots", "resolve", "--reason", "put it back", "--wait") == 1
    assert "SWAP of slot staging: ROLLED_BACK" in slots.out


def test_what_its_execution_still_drives_is_not_resolved(slots: Operator) -> None:
    previewed(slots)
    assert "SWAP swap-1 of slot staging is READY" in slots.is_refused(4, "slots", "resolve")


def test_the_table_down_is_a_failure(slots: Operator) -> None:
    slots.world.app.store.is_down = True
    assert slots.is_refused(1, "slots", "complete") == str(AwsError("the table does not answer"))
    assert ABORTED not in slots.world.app.rules.rules[slots.world.app.settings.rule_arn][1]
