"""What a stack's events do to an application with slots, and above all what they never do."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from slots_in_memory import FORMER_STACK_ID, STACK_ID, SlotsStack

from bluegreen_constructs.engine.slot_settings import RENDERING_TAG, SLOT_TAG
from bluegreen_constructs.engine.swap.installing import released_as
from bluegreen_constructs.engine.swap.record import Kind, Operation, SideRecord

AT = datetime(2026, 11, 1, tzinfo=UTC)
PARAMETER = "/bluegreen/slots/Serving/Web/active-side"


@pytest.fixture
def stack() -> SlotsStack:
    return SlotsStack()


@pytest.fixture
def made(stack: SlotsStack) -> SlotsStack:
    """Created with production and staging."""
    assert stack.send("Create", stack.properties())["Status"] == "SUCCESS"
    return stack


def swapped(stack: SlotsStack, **sides_of: str) -> None:
    """What operations have done since."""
    record = stack.record
    stack.records.held["Serving/Web"] = replace(record, sides_of=sides_of, epoch=1, revision=record.revision + 3)


def begin(stack: SlotsStack, slot: str = "staging", candidate: str = "b", live: str = "a") -> None:
    """An operation is under way."""
    operation = Operation(
        id="swap-1",
        kind=Kind.SWAP,
        slot=slot,
        candidate=candidate,
        live=live,
        from_epoch=0,
        started_at=AT,
        phase_since=AT,
        was=SideRecord("1.0.0", "arn"),
    )
    stack.records.held["Serving/Web"] = replace(stack.record, op=operation, execution="swap-1")


class TestCreate:
    """The first revisions, the record, and who is active."""

    def test_each_side_gets_a_revision_with_the_settings_of_its_slot(self, made: SlotsStack) -> None:
        assert made.environment("a") == {
            "STAGE": "production",
            "MODEL": "of production",
            "SLOT": "production",
            "RELEASE": "1.0.0",
            "SLOT_ROLE": "active",
            "SLOT_SIDE": "a",
            "SLOT_ROLE_PARAMETER": PARAMETER,
        }
        assert made.environment("b").items() >= {"STAGE": "staging", "SLOT_ROLE": "standby", "SLOT_SIDE": "b"}.items()
        assert made.newest("b").tags[SLOT_TAG] == "staging"

    def test_the_record_says_what_runs_where(self, made: SlotsStack) -> None:
        record = made.record
        assert record.sides_of == {"production": "a", "staging": "b"}
        assert record.stack_id == STACK_ID
        assert record.op is None
        seen = made.newest("a")
        assert record.sides["a"] == SideRecord("1.0.0", seen.arn, seen.tags[RENDERING_TAG])

    def test_tasks_can_look_which_side_is_active(self, made: SlotsStack) -> None:
        assert made.parameters.held == {PARAMETER: "a"}

    def test_the_same_event_again_changes_nothing(self, made: SlotsStack) -> None:
        before, count = made.record, len(made.families.held)
        swapped(made, production="b", staging="a")
        made.parameters.held[PARAMETER] = "b"
        answer = made.send("Create", made.properties())
        assert answer["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "b", "staging": "a"}
        assert made.record.sides == before.sides
        assert made.parameters.held[PARAMETER] == "b"
        assert len(made.families.held) == count + 2  # the slots' own

    def test_a_try_that_was_interrupted_between_two_sides_registers_no_revision_twice(self, stack: SlotsStack) -> None:
        properties = stack.properties()
        stack.families.fail_after_registering = 1
        assert stack.send("Create", properties)["Status"] == "FAILED"
        assert "Serving/Web" not in stack.records.held
        assert stack.send("Create", properties)["Status"] == "SUCCESS"
        assert len(stack.families.registered) == 2

    def test_the_record_of_a_stack_that_is_gone_is_replaced(self, made: SlotsStack) -> None:
        swapped(made, production="b", staging="a")
        made.records.held["Serving/Web"] = replace(made.record, stack_id=FORMER_STACK_ID, fence=4)
        assert made.send("Create", made.properties(role_suffix="2"))["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "a", "staging": "b"}
        assert made.record.stack_id == STACK_ID
        assert made.record.fence == 4  # whoever held the former one cannot save over it
        assert len(made.families.registered) == 4

    def test_a_create_that_its_own_duplicate_beats_takes_that_record(self, stack: SlotsStack) -> None:
        properties = stack.properties()
        real = stack.records.put_slots

        def beaten(record: object, former: object) -> object:
            stack.records.put_slots = real  # type: ignore[method-assign]
            real(record, former)  # type: ignore[arg-type]
            return real(record, former)  # type: ignore[arg-type]

        stack.records.put_slots = beaten  # type: ignore[assignment,method-assign]
        assert stack.send("Create", properties)["Status"] == "SUCCESS"
        assert stack.records.puts == 1

    def test_when_ecs_is_down_the_answer_says_so(self, stack: SlotsStack) -> None:
        properties = stack.properties()
        stack.families.is_down = True
        answer = stack.send("Create", properties)
        assert (answer["Status"], answer["Reason"]) == ("FAILED", "ECS is down")


class TestUpdate:
    """Slots come and go; nothing else happens."""

    def test_other_settings_change_neither_what_runs_nor_the_record(self, made: SlotsStack) -> None:
        before, registered = made.record, len(made.families.registered)
        answer = made.send("Update", made.properties(role_suffix="2", Sticky=[]), made.properties())
        assert answer["Status"] == "SUCCESS"
        assert made.record is before
        assert len(made.families.registered) == registered

    def test_a_new_slot_begins_on_a_new_side(self, made: SlotsStack) -> None:
        swapped(made, production="b", staging="a")
        assert made.send("Update", made.properties("production", "staging", "qa"), {})["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "b", "staging": "a", "qa": "c"}
        assert made.environment("c").items() >= {"STAGE": "qa", "SLOT": "qa", "SLOT_ROLE": "standby"}.items()

    def test_a_new_slot_is_added_while_others_are_swapped(self, made: SlotsStack) -> None:
        begin(made)
        made.records.rivals = 2
        assert made.send("Update", made.properties("production", "staging", "qa"), {})["Status"] == "SUCCESS"
        assert made.record.sides_of["qa"] == "c"
        assert made.record.op is not None

    def test_a_record_that_never_rests_ends_the_wait(self, made: SlotsStack) -> None:
        made.records.rivals = 99
        answer = made.send("Update", made.properties("production", "staging", "qa"), {})
        assert answer["Status"] == "FAILED"
        assert "deploy again when the operation that is under way has ended" in answer["Reason"]

    def test_a_slot_on_the_last_side_can_go(self, made: SlotsStack) -> None:
        three = made.properties("production", "staging", "qa")
        made.send("Update", three, {})
        assert made.send("Update", made.properties(), three)["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "a", "staging": "b"}
        assert set(made.record.sides) == {"a", "b"}
        assert made.families.retired == []  # it runs until CloudFormation has deleted the service, or goes back

    def test_a_removal_that_is_taken_back_finds_what_ran_all_along(self, made: SlotsStack) -> None:
        three = made.properties("production", "staging", "qa")
        made.send("Update", three, {})
        runs = made.record.sides["c"]
        made.send("Update", made.properties(), three)
        registered = len(made.families.registered)
        assert made.send("Update", three, made.properties())["Status"] == "SUCCESS"
        assert made.record.sides["c"] == runs
        assert len(made.families.registered) == registered

    def test_a_slot_that_comes_back_with_other_roles_gets_a_revision_of_its_own(self, made: SlotsStack) -> None:
        three = made.properties("production", "staging", "qa")
        made.send("Update", three, {})
        former = made.record.sides["c"]
        made.send("Update", made.properties(), three)
        made.send("Update", made.properties("production", "staging", "qa", role_suffix="2"), {})
        assert made.record.sides["c"].definition != former.definition
        assert made.newest("c").content["taskRoleArn"].endswith("qa-2")

    def test_a_slot_on_another_side_cannot_go_and_the_way_back_is_open(self, made: SlotsStack) -> None:
        three = made.properties("production", "staging", "qa")
        made.send("Update", three, {})
        swapped(made, production="c", staging="b", qa="a")
        answer = made.send("Update", made.properties(), three)
        assert answer["Status"] == "FAILED"
        assert "slot qa cannot be removed: it is on side a" in answer["Reason"]
        assert "c serves production" in answer["Reason"]
        assert made.send("Update", three, made.properties())["Status"] == "SUCCESS"

    def test_a_slot_in_the_middle_cannot_go_before_it_is_on_the_last_side(self, made: SlotsStack) -> None:
        made.send("Update", made.properties("production", "staging", "qa"), {})
        answer = made.send("Update", made.properties("production", "qa"), {})
        assert "slot staging cannot be removed" in answer["Reason"]
        swapped(made, production="a", staging="c", qa="b")
        assert made.send("Update", made.properties("production", "qa"), {})["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "a", "qa": "b"}

    def test_a_slot_under_way_cannot_go_and_the_rollback_does_not_fail_for_it(self, made: SlotsStack) -> None:
        three = made.properties("production", "staging", "qa")
        made.send("Update", three, {})
        begin(made, slot="qa", candidate="c")
        answer = made.send("Update", made.properties(), three)
        assert answer["Status"] == "FAILED"
        assert "SWAP swap-1 is under way with it since 2026-11-01" in answer["Reason"]
        assert made.send("Update", three, made.properties())["Status"] == "SUCCESS"

    def test_taking_back_an_addition_does_not_fail_for_another_slots_operation(self, made: SlotsStack) -> None:
        two, three = made.properties(), made.properties("production", "staging", "qa")
        begin(made)
        made.send("Update", three, two)
        assert made.send("Update", two, three)["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "a", "staging": "b"}
        assert made.record.op is not None

    @pytest.mark.parametrize("slots", [("production", "qa"), ("production", "qa", "live")])
    def test_a_renamed_slot_is_two_updates(self, made: SlotsStack, slots: tuple[str, ...]) -> None:
        answer = made.send("Update", made.properties(*slots), {})
        assert answer["Status"] == "FAILED"
        assert "do one of both first, a renamed slot is a new one" in answer["Reason"]

    def test_a_slot_in_the_middle_of_the_list_is_refused_because_its_side_is_taken(self, made: SlotsStack) -> None:
        answer = made.send("Update", made.properties("production", "qa", "staging"), {})
        assert answer["Status"] == "FAILED"
        assert "add a slot behind those that are there" in answer["Reason"]

    def test_without_a_record_nothing_is_guessed(self, made: SlotsStack) -> None:
        made.records.held.clear()
        answer = made.send("Update", made.properties("production", "staging", "qa"), {})
        assert answer["Status"] == "SUCCESS"
        assert "bring the engine's table back" in answer["Reason"]
        assert made.records.held == {}

    def test_no_update_tells_anybody_which_side_is_active(self, made: SlotsStack) -> None:
        made.parameters.held[PARAMETER] = "b"
        made.send("Update", made.properties("production", "staging", "qa"), {})
        assert made.parameters.held[PARAMETER] == "b"


class TestDelete:
    """Nothing is left that a later stack of this name could trip over."""

    def test_revisions_parameter_and_claim_go(self, made: SlotsStack) -> None:
        begin(made)
        assert made.send("Delete", made.properties())["Status"] == "SUCCESS"
        assert sorted(made.families.retired) == sorted(made.families.registered)
        assert made.parameters.held == {}
        assert made.record.stack_id == ""
        assert made.record.op is None

    def test_deleted_again_it_is_gone_already(self, made: SlotsStack) -> None:
        made.send("Delete", made.properties())
        count = len(made.families.retired)
        assert made.send("Delete", made.properties())["Status"] == "SUCCESS"
        assert len(made.families.retired) == count

    def test_the_record_of_another_stack_is_left_alone(self, made: SlotsStack) -> None:
        made.records.held["Serving/Web"] = replace(made.record, stack_id=FORMER_STACK_ID)
        made.send("Delete", made.properties())
        assert made.record.stack_id == FORMER_STACK_ID

    def test_what_was_never_made_for_wrong_properties_is_deleted_without_a_word(self, stack: SlotsStack) -> None:
        answer = stack.send("Delete", {"Target": "Serving/Web"})
        assert answer["Status"] == "SUCCESS"
        assert "nothing to delete" in answer["Reason"]

    def test_an_application_that_is_made_again_by_the_same_stack_begins_anew(self, made: SlotsStack) -> None:
        swapped(made, production="b", staging="a")
        made.send("Delete", made.properties())
        assert made.send("Create", made.properties(role_suffix="2"))["Status"] == "SUCCESS"
        assert made.record.sides_of == {"production": "a", "staging": "b"}
        assert made.newest("a").arn not in made.families.retired


class TestBounds:
    """How many tasks; the bounds are the slot's, wherever it is."""

    def send(self, stack: SlotsStack, kind: str, properties: object, former: object = None) -> dict[str, str]:
        return stack.send(kind, properties, former, resource="Custom::SlotScaling")

    def test_each_side_gets_the_bounds_of_the_slot_that_it_serves(self, made: SlotsStack) -> None:
        assert self.send(made, "Create", made.scaling())["Status"] == "SUCCESS"
        assert made.families.bounds == {"cluster/service-a": (1, 4), "cluster/service-b": (2, 5)}

    def test_after_a_swap_they_are_on_the_other_side(self, made: SlotsStack) -> None:
        swapped(made, production="b", staging="a")
        self.send(made, "Update", made.scaling(least=3, most=9), made.scaling())
        assert made.families.bounds == {"cluster/service-b": (3, 9), "cluster/service-a": (4, 10)}

    def test_while_an_operation_is_under_way_they_are_left_to_its_end(self, made: SlotsStack) -> None:
        begin(made)
        answer = self.send(made, "Update", made.scaling(least=3), made.scaling())
        assert answer["Status"] == "SUCCESS"
        assert "follow when the operation" in answer["Reason"]
        assert made.families.bounds == {}

    def test_a_new_side_gets_its_bounds_all_the_same_for_no_operation_has_it(self, made: SlotsStack) -> None:
        made.send("Update", made.properties("production", "staging", "qa"), {})
        begin(made)
        self.send(made, "Update", made.scaling("production", "staging", "qa"), made.scaling())
        assert made.families.bounds == {"cluster/service-c": (3, 6)}

    def test_nothing_is_done_at_the_end_when_the_services_are_gone(self, made: SlotsStack) -> None:
        made.families.is_down = True
        assert self.send(made, "Delete", {})["Status"] == "SUCCESS"


class TestAnswers:
    """Every event is answered."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"Target": ""}, "the property Target is ''"),
            ({"Sides": []}, "0 sides and 2 slots"),
            ({"Sides": "a"}, "the property Sides is 'a'"),
            ({"Slots": [{"Name": "staging"}], "Sides": [{"Name": "a"}]}, "as many of both, production first"),
            ({"Sticky": [1]}, "the property Sticky"),
            ({"Slots": [{"Name": "production", "Minimum": "-1"}], "Sides": [{"Name": "a"}]}, "give a whole number"),
        ],
    )
    def test_properties_that_make_no_sense_are_refused_with_their_name(
        self, stack: SlotsStack, changes: dict, said: str
    ) -> None:
        answer = stack.send("Create", stack.properties(**changes))
        assert answer["Status"] == "FAILED"
        assert said in answer["Reason"]

    def test_an_unexpected_error_is_an_answer_too(self, stack: SlotsStack) -> None:
        answer = stack.send("Create", {**stack.properties(), "Slots": [{"Name": "production"}, {"Name": "staging"}]})
        assert answer["Status"] == "FAILED"

    def test_another_resource_type_is_refused(self, stack: SlotsStack) -> None:
        answer = stack.send("Create", stack.properties(), resource="Custom::Other")
        assert answer["Status"] == "FAILED"
        assert "Custom::SlotSides or Custom::SlotScaling is expected" in answer["Reason"]

    def test_the_physical_id_is_constant(self, made: SlotsStack) -> None:
        first = made.send("Update", made.properties(), {})["PhysicalResourceId"]
        assert made.send("Update", made.properties("production", "staging", "qa"), {})["PhysicalResourceId"] == first


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("inference:1.0.0", "1.0.0"),
        ("registry:5000/inference:1.0.0", "1.0.0"),
        ("registry:5000/inference", "latest"),
        ("inference", "latest"),
        ("registry/inference@sha256:0a1b", "sha256:0a1b"),
        ("registry/inference:1.0.0@sha256:0a1b", "sha256:0a1b"),
    ],
)
def test_a_release_is_called_as_its_digest_or_tag(image: str, release: str) -> None:
    assert released_as(image) == release
