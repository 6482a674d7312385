"""`bluegreen slots status`, `diff` and `history`, and what `status`, `watch` and `explain` show of slots."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.ports import DefinitionSeen
from bluegreen_constructs.testing_slots import example_slots
from tests.cli.operated_world import Operator, settings_of
from tests.cli.slots_world import OPERATOR, WEB, OperatedSlots

# slots status


def test_nothing_is_under_way(slots: Operator) -> None:
    assert slots.types("slots", "status") == 0
    assert slots.out == (
        "Web/App, epoch 0\n"
        "slot        side  release  production traffic  task definition\n"
        "production  a     first                 100 %  web-a:1\n"
        "staging     b     first                   0 %  web-b:1\n"
        "\n"
        "Nothing is under way.\n"
    )


def test_a_preview_is_shown_with_whom_and_what_it_waits_for(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    slots.types("slots", "preview", "staging", "--wait", "--reason", "ticket 4711")
    assert slots.types("slots", "status", WEB) == 0
    text = " ".join(slots.out.split())
    assert "of slot staging with preview is READY for 1 min." in text
    assert f"by {OPERATOR} (ticket 4711)." in text
    assert "It waits for bluegreen slots complete Web/App, or bluegreen slots cancel Web/App, until 2026-01-06T" in text
    assert "; then it is cancelled. Last: DEPLOY of slot staging: DONE, at 2026-01-05T09:00:" in text


def test_json_has_everything(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.put(paused="it was rolled back")
    answer = slots.reads("slots", "status")
    production, staging = answer["slots"]
    assert production == {
        "slot": "production",
        "side": "b",
        "release": "1.4.2",
        "task_definition": slots.world.record.sides["b"].definition,
        "recorded_percent": 100,
        "percent": 100,
    }
    assert (staging["side"], staging["percent"]) == ("a", 0)
    assert (answer["target"], answer["epoch"], answer["rule"]) == (WEB, 1, slots.world.app.settings.rule_arn)
    operation = answer["operation"]
    assert (operation["id"], operation["kind"], operation["phase"]) == ("swap-1", "SWAP", "BAKING")
    assert (operation["candidate"], operation["live"], operation["weight_percent"]) == ("b", "a", 100)
    assert operation["waits_for"].startswith("the bake to end, or bluegreen slots end-bake Web/App, until")
    assert answer["auto_swap_paused"] == "it was rolled back"
    assert (answer["last"]["kind"], answer["last"]["outcome"]) == ("DEPLOY", "DONE")
    assert answer["notes"] == [
        "no slot swaps by itself, as it was rolled back: bluegreen slots resume Web/App lets them again"
    ]


def test_the_percentages_are_those_of_the_live_rule(slots: Operator) -> None:
    slots.types("slots", "traffic", "staging=15", "--wait")
    percents = {one["slot"]: one["percent"] for one in slots.reads("slots", "status")["slots"]}
    assert percents == {"production": 85, "staging": 15}


def test_a_rule_that_somebody_wrote_by_hand_is_shown(slots: Operator) -> None:
    app = slots.world.app
    forward = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": app.slots.side("a").group_arn, "Weight": 1},
                {"TargetGroupArn": "arn:foreign", "Weight": 3},
            ]
        },
    }
    app.rules.rules[app.settings.rule_arn] = ((forward,), {})
    assert slots.reads("slots", "status")["notes"] == [
        "the live rule gives 75 % to arn:foreign, which is the target group of no side",
        "the record says production 100 %: somebody wrote the live rule by hand, put it back as recorded",
    ]
    app.rules.rules[app.settings.rule_arn] = (({"Type": "fixed-response"},), {})
    assert "the live rule forwards to no target group" in slots.reads("slots", "status")["notes"]


def test_a_rule_that_cannot_be_read_hides_nothing_else(slots: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(arn: str) -> None:
        raise AwsError("Rate exceeded")

    monkeypatch.setattr(slots.world.app.rules, "actions", down)
    answer = slots.reads("slots", "status")
    assert [one["percent"] for one in answer["slots"]] == [None, None]
    assert answer["notes"] == [
        "the live rule could not be read, so the percentages are those of the record: rate exceeded"
    ]
    assert slots.types("slots", "status") == 0
    assert "production  a     first                 100 %" in slots.out


def test_an_operation_whose_execution_is_over_says_what_goes_on_with_it(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    slots.world.machine.running[slots.world.record.execution] = False
    note = "the execution of swap-1 is over: bluegreen slots resolve Web/App goes on with it"
    assert slots.reads("slots", "status")["notes"] == [note]
    slots.world.machine.is_down = True
    assert slots.reads("slots", "status")["notes"] == []


WAITING = {
    SwapPhase.PREPARING: "every side that it needs to be settled, until 2026-01-05T09:20:00Z; then it goes back",
    SwapPhase.APPLYING: "side b to run first with the settings of production in 4 tasks, until",
    SwapPhase.WARMING: "the tasks of side b to be healthy, until",
    SwapPhase.READY: "4 healthy targets of side b, with the next tick",
    SwapPhase.CANARY: "the canary of 10 % to end, and for HEALTHY, until 2026-01-05T09:05:00Z; then at most 30 min",
    SwapPhase.COMMITTING: "the live rule to name side b alone",
    SwapPhase.BAKING: "the bake to end, or bluegreen slots end-bake Web/App, until",
    SwapPhase.DEMOTING: "side a to have no requests, and to run staging's settings, until",
    SwapPhase.REVERTING: "side b to have staging's settings again, until",
    SwapPhase.ROLLING_BACK: "the live rule to name side a alone",
    SwapPhase.DEMOTING_CANDIDATE: "side b to have staging's settings again, until",
    SwapPhase.ROUTING: "the live rule to have the shares, until",
    SwapPhase.HALTED: "a person: look at the live rule, then bluegreen slots resolve Web/App, as it gives nothing",
}


@pytest.mark.parametrize("phase", WAITING)
def test_every_phase_says_what_it_waits_for(slots: Operator, phase: SwapPhase) -> None:
    slots.world.app.begin("swap", id="swap-1")
    canary = Step(10, timedelta(minutes=5))
    slots.world.put_op(phase=phase, capacity=4, canary=canary, halted="it gives nothing")
    assert slots.reads("slots", "status")["operation"]["waits_for"].startswith(WAITING[phase])


def test_a_canarys_share_is_shown(slots: Operator) -> None:
    slots.world.app.begin("swap", id="swap-1")
    slots.world.put_op(phase=SwapPhase.CANARY, canary=Step(10, timedelta(minutes=5)))
    answer = slots.reads("slots", "status")
    assert [one["recorded_percent"] for one in answer["slots"]] == [90, 10]
    assert answer["notes"] == [
        "the record says production 90 %, staging 10 % so far: the next tick follows the live rule, or halts"
    ]


# slots diff


def test_a_difference_is_shown_for_both_ends(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    assert slots.types("slots", "diff", WEB, "staging") == 0
    production, _, staging = slots.out.partition("\nfor staging:\n")
    assert "for production:\n" in production
    assert "~  image    registry/app:first  registry/app:1.4.2\n" in production
    assert "~  release  1.4.2               first\n" in staging
    assert "Stay with production: DB_URL.\n" in production
    assert "It goes on with 4 to 8 tasks.\n" in production
    assert "Side b is started with 4 or more tasks" in staging


def test_a_pending_change_of_the_template_is_a_warning(slots: Operator) -> None:
    services, definition = slots.world.app.services, slots.world.app.slots.slot("production").definition
    seen = services.definitions[definition]
    services.definitions[definition] = DefinitionSeen(definition, {**seen.content, "cpu": "512"}, {})
    assert slots.types("slots", "diff", "staging") == 0
    text = " ".join(slots.out.split())
    assert "Pending, and applied by this swap: cpu changed in the template of production since it was started." in text


def test_a_difference_as_json(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    answer = slots.reads("slots", "diff", "staging")
    assert answer["production"]["release"] == {"before": "first", "after": "1.4.2"}
    assert (answer["slot"]["slot"], answer["candidate_tasks"], answer["notes"]) == ("staging", 4, [])


def test_settings_that_travel_are_marked(slots: Operator) -> None:
    services, record = slots.world.app.services, slots.world.record
    seen = services.definitions[record.sides["b"].definition]
    (container,) = seen.content["containerDefinitions"]
    changed = {**container, "environment": [{"name": "NEW", "value": ""}]}
    content = {**seen.content, "containerDefinitions": [changed]}
    services.definitions[seen.arn] = DefinitionSeen(seen.arn, content, {})
    slots.types("slots", "diff", "staging")
    production = slots.out.partition("for staging")[0]
    assert "+  NEW " in production
    assert "-  LOG " in production


def test_what_stands_against_a_swap_is_said(slots: Operator) -> None:
    slots.types("slots", "traffic", "staging=15", "--wait")
    (note,) = slots.reads("slots", "diff", "staging")["notes"]
    assert note.startswith("production's traffic is split (staging 15 %), so a swap is refused: end it with")
    slots.types("slots", "traffic", "production=100", "--wait")
    slots.world.put(shares={})
    slots.world.app.begin("deploy", release="2", image="registry/app:2")
    (note,) = slots.reads("slots", "diff", "staging")["notes"]
    assert "of slot staging is PREPARING and holds the slots: it waits for every side" in note


def test_a_difference_without_production_is_refused(slots: Operator) -> None:
    assert slots.is_refused(3, "slots", "diff", "production") == (
        "production is what a slot is swapped with: give one of staging"
    )
    assert "there is no slot qa: give one of production, staging" in slots.is_refused(2, "slots", "diff", "qa")


def test_production_that_does_not_say_its_health_hides_nothing(
    slots: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(arn: str) -> None:
        raise AwsError("Rate exceeded")

    monkeypatch.setattr(slots.world.app.rules, "targets", down)
    assert slots.reads("slots", "diff", "staging")["candidate_tasks"] is None


# history


def test_the_history_of_slots_is_that_of_the_target(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    answer = slots.reads("slots", "history", "--limit", "1")
    assert answer == slots.reads("history", WEB, "--limit", "1")
    assert [item["event"] for item in answer["items"]] == ["ENDED"]


# What the verbs of rollouts show


def test_status_has_a_line_for_what_is_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    slots = Operator(capsys, OperatedSlots(None, settings_of()))
    slots.world.deployed("1.4.2")
    slots.world.swapping(SwapPhase.BAKING)
    assert slots.types("status") == 0
    assert "Web/App        1.4.2    SWAP BAKING     100 %" in slots.out
    assert "Serving/Model  -        no rollout yet" in slots.out
    json = slots.reads("status", WEB)["targets"][0]
    assert (json["controller"], json["operation"]["phase"]) == ("slots", "BAKING")


def test_status_has_productions_release_when_nothing_is(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    slots.types("status")
    assert "Web/App  first    IDLE" in slots.out
    slots.world.app.store.slots_records.clear()
    assert slots.types("status") == 0
    assert "no record yet" in slots.out
    assert "Web/App has no record of its slots" in slots.out


def test_watch_follows_what_is_under_way(slots: Operator) -> None:
    assert "nothing was done to the slots of Web/App yet" in slots.is_refused(2, "watch")
    slots.world.swapping(SwapPhase.READY)
    assert slots.types("watch", WEB) == 0
    assert slots.out == "operation swap-1: SWAP of slot staging: DONE\n"
    assert slots.types("watch") == 0


def test_watch_ends_with_1_when_it_went_back(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.READY, preview=True)
    slots.types("slots", "cancel")
    assert slots.types("watch") == 1
    assert slots.out == "operation swap-1: SWAP of slot staging: CANCELLED, cancel\n"


def test_another_operation_in_its_place_ends_the_watching(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.READY, preview=True)

    def another() -> None:
        slots.world.put_op(id="swap-2")
        slots.world.put(execution="of swap-2")

    slots.world.on_wait = [another]
    assert slots.types("watch") == 1
    assert "swap-1 has ended, and swap-2 is in its place: see bluegreen slots history Web/App" in slots.err


def test_explain_has_the_gate_and_what_was_counted(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    assert slots.types("explain") == 0
    assert "It waits for the bake to end, or bluegreen slots end-bake Web/App" in " ".join(slots.out.split())
    assert slots.reads("explain")["comparisons"] == []


INSTEAD = {
    (
        "start",
        "--release",
        "2",
    ): "bluegreen slots deploy Web/App SLOT --release NAME, then bluegreen slots swap",
    ("promote",): "bluegreen slots complete Web/App, a bake is ended with bluegreen slots end-bake Web/App",
    ("pause",): "bluegreen slots preview Web/App SLOT",
    ("resume",): "bluegreen slots resume Web/App",
    ("rollback",): "bluegreen slots rollback Web/App, after its end with bluegreen slots swap Web/App SLOT",
    ("report",): "bluegreen slots diff Web/App SLOT",
    ("unlock", "--reason", "gone"): "bluegreen slots resolve Web/App",
}


@pytest.mark.parametrize(("words", "said"), INSTEAD.items(), ids=[words[0] for words in INSTEAD])
def test_a_verb_of_rollouts_is_refused_with_that_of_slots(slots: Operator, words: tuple[str, ...], said: str) -> None:
    sentence = slots.is_refused(3, *words)
    assert sentence.startswith("Web/App has slots: ")
    assert said in sentence
    assert slots.world.machine.started == []


def test_the_application_may_have_any_slots(capsys: pytest.CaptureFixture[str]) -> None:
    slots = Operator(capsys, OperatedSlots(example_slots("staging", "qa", "beta")))
    assert [one["slot"] for one in slots.reads("slots", "status")["slots"]] == ["production", "staging", "qa", "beta"]
