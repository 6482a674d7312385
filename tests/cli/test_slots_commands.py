"""`bluegreen slots …` begins operations on slots, and the real engine carries them out or refuses them."""

import pytest

from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.testing_slots import example_slots
from tests.cli.operated_world import Operator, settings_of
from tests.cli.slots_world import OPERATOR, WEB, OperatedSlots


def three_slots(capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator(capsys, OperatedSlots(example_slots("staging", "qa")))


def without_record(operator: Operator) -> None:
    operator.world.app.store.slots_records.clear()


# Deploy


def test_a_deployment_is_asked_for_as_the_engine_reads_it(slots: Operator) -> None:
    assert slots.types("slots", "deploy", WEB, "staging", "--release", "1.4.2", "--reason", "ticket 4711") == 0
    ((_, request),) = slots.world.machine.started
    assert request == {
        "target": WEB,
        "caller": OPERATOR,
        "reason": "ticket 4711",
        "slots": {"verb": "deploy", "slot": "staging", "release": "1.4.2", "image": "registry/app:1.4.2"},
    }
    op = slots.world.record.operation
    assert slots.out == f"DEPLOY {op.id} of slot staging of Web/App has begun; watch it with bluegreen watch Web/App\n"
    assert op.id.startswith("deploy-staging-20260105T090000-")


def test_a_deployment_is_watched_to_its_end(slots: Operator) -> None:
    assert slots.types("slots", "deploy", "staging", "--release", "1.4.2", "--wait") == 0
    assert slots.world.app.release_of("staging") == "1.4.2"
    assert slots.out.endswith(": DEPLOY of slot staging: DONE\n")
    assert [line[10:] for line in slots.err.splitlines()] == [
        "DEPLOY of slot staging: PREPARING",
        "DEPLOY of slot staging: APPLYING",
        "DEPLOY of slot staging: DONE",
    ]


def test_the_image_is_of_the_slots_repository_unless_it_is_given(slots: Operator) -> None:
    slots.types("slots", "deploy", "staging", "--release", "hotfix", "--image", "other/app@sha256:0a1b")
    assert slots.world.asked["image"] == "other/app@sha256:0a1b"


def test_a_deployment_as_json_has_the_operation(slots: Operator) -> None:
    answer = slots.reads("slots", "deploy", "staging", "--release", "1.4.2")
    assert (answer["target"], answer["operation"]["kind"], answer["operation"]["phase"]) == (WEB, "DEPLOY", "PREPARING")
    assert (answer["operation"]["caller"], answer["operation"]["slot"]) == (OPERATOR, "staging")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("production", "--release", "2"), 3, "production is never the candidate"),
        (("qa", "--release", "2"), 2, "there is no slot qa: give one of production, staging"),
        (("staging", "--release", "a b"), 2, "the release is 'a b'"),
        (("--release", "2"), 2, "no slot is named: give TARGET and SLOT, or SLOT alone"),
        (("staging",), 2, "missing option '--release'; see bluegreen slots deploy --help"),
    ],
)
def test_what_cannot_be_deployed_is_refused(slots: Operator, words: tuple[str, ...], code: int, said: str) -> None:
    assert slots.is_refused(code, "slots", "deploy", *words).startswith(said)
    assert slots.world.record.op is None


def test_a_deployment_is_held_by_what_is_under_way(slots: Operator) -> None:
    slots.world.swapping(SwapPhase.BAKING)
    said = slots.is_refused(4, "slots", "deploy", "staging", "--release", "2")
    assert said.startswith("SWAP swap-1 of slot staging is BAKING for")
    assert "bluegreen slots end-bake Web/App or bluegreen slots rollback Web/App" in said


def test_a_deployment_that_nobody_warms_goes_back_with_exit_code_1(slots: Operator) -> None:
    slots.world.app.services.trouble["web-b"] = "CannotPullContainerError"
    assert slots.types("slots", "deploy", "staging", "--release", "bad", "--wait") == 1
    assert "DEPLOY of slot staging: ROLLED_BACK" in slots.out
    assert "CannotPullContainerError" in slots.out


# Swap and preview


def test_a_swap_is_watched_to_its_end(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    assert slots.types("slots", "swap", "staging", "--wait") == 0
    assert (slots.world.app.release_of("production"), slots.world.app.release_of("staging")) == ("1.4.2", "first")
    assert slots.world.asked == {
        "verb": "swap",
        "slot": "staging",
        "preview": False,
        "canary": True,
        "ignore_alarms": False,
    }
    assert "BAKING, 100 % for 1.4.2" in slots.err


def test_a_swaps_options_reach_the_engine(slots: Operator) -> None:
    assert slots.reads("slots", "swap", WEB, "staging", "--no-canary", "--ignore-alarms")["operation"]["kind"] == "SWAP"
    assert (slots.world.asked["canary"], slots.world.asked["ignore_alarms"]) == (False, True)
    assert slots.world.record.operation.ignores_alarms


def test_a_preview_is_watched_until_it_can_be_completed(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    answer = slots.reads("slots", "preview", "staging", "--wait")
    assert (slots.world.phase, answer["operation"]["phase"]) == (SwapPhase.READY, "READY")
    assert answer["operation"]["is_preview"] is True
    assert answer["operation"]["until"].startswith("2026-01-06T09:00:")


def test_a_preview_that_is_ready_says_what_it_waits_for(slots: Operator) -> None:
    assert slots.types("slots", "preview", "staging", "--wait") == 0
    assert "READY; it waits for bluegreen slots complete Web/App, or bluegreen slots cancel Web/App, until" in slots.out


def test_a_swap_with_an_update_of_the_stack_is_refused(slots: Operator) -> None:
    slots.world.app.stacks.state = "UPDATE_IN_PROGRESS"
    assert "stack is UPDATE_IN_PROGRESS" in slots.is_refused(3, "slots", "swap", "staging")


def test_a_swap_that_halts_ends_the_watching_with_exit_code_1(slots: Operator) -> None:
    def somebody_else() -> None:
        app = slots.world.app
        app.rules.rules[app.settings.rule_arn] = (({"Type": "fixed-response"},), {})

    slots.world.on_wait = [lambda: None, somebody_else]
    assert slots.types("slots", "preview", "staging", "--wait") == 1
    assert "SWAP of slot staging: HALTED, halted: " in slots.out


def test_an_execution_that_is_over_ends_the_watching(slots: Operator) -> None:
    def crash() -> None:
        slots.world.machine.running[slots.world.record.execution] = False

    slots.world.on_wait = [crash]
    said = slots.types("slots", "swap", "staging", "--wait")
    assert (said, slots.out) == (1, "")
    assert "the execution of swap-staging-" in slots.err
    assert "go on with it with bluegreen slots resolve Web/App" in slots.err


def test_an_engine_that_says_nothing_is_given_up(slots: Operator) -> None:
    slots.world.machine.is_mute = True
    assert slots.types("slots", "swap", "staging") == 1
    assert "was started and the engine has not answered within 60 s" in slots.err


# Traffic


def test_shares_are_given_and_ended(capsys: pytest.CaptureFixture[str]) -> None:
    slots = three_slots(capsys)
    assert slots.types("slots", "traffic", WEB, "staging=15", "qa=0.5", "--wait") == 0
    assert slots.world.app.serving() == {"a": 84.5, "b": 15, "c": 0.5}
    assert slots.world.asked == {"verb": "traffic", "shares": {"staging": 15.0, "qa": 0.5}}
    assert slots.types("slots", "traffic", "production=100", "--wait") == 0
    assert slots.world.app.serving() == {"a": 100}
    assert slots.world.asked == {"verb": "traffic", "shares": {"staging": 0.0, "qa": 0.0}}


def test_shares_of_nothing_end_the_split(slots: Operator) -> None:
    slots.types("slots", "traffic", "staging=15", "--wait")
    assert slots.types("slots", "traffic", "staging=0", "--wait") == 0
    assert slots.world.app.serving() == {"a": 100}


def test_after_a_split_a_swap_begins(slots: Operator) -> None:
    slots.types("slots", "traffic", "staging=15", "--wait")
    slots.types("slots", "traffic", "production=100", "--wait")
    assert slots.types("slots", "swap", "staging") == 0


def test_shares_as_json(slots: Operator) -> None:
    assert slots.reads("slots", "traffic", "staging=15")["operation"]["shares"] == {"staging": 15.0}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((WEB,), 2, "no share is named: give SLOT=PERCENT, such as staging=15"),
        ((), 2, "no share is named: give SLOT=PERCENT, such as staging=15"),
        (("staging=",), 2, "slot staging: '' is no percentage: give a number from 0 to 100"),
        (("staging=101",), 2, "slot staging: '101' is no percentage"),
        (("staging=nan",), 2, "slot staging: 'nan' is no percentage"),
        ((WEB, "staging"), 2, "'staging' is no share: give SLOT=PERCENT, such as staging=15"),
        (("staging=1", "staging=2"), 2, "slot staging is named twice: give each slot one share"),
        (("production=80", "staging=15"), 2, "the shares make 95 % and not 100: leave production out"),
        (("quality=1",), 2, "there is no slot quality: give one of production, staging"),
        (("staging=0.05",), 2, "slot staging is to get 0.05 %: give 0 to 99.9 in multiples of 0.1"),
        (("staging=100",), 3, "the slots are to get 100 % and production nothing: swap instead"),
    ],
)
def test_shares_that_make_no_sense_are_refused(slots: Operator, words: tuple[str, ...], code: int, said: str) -> None:
    assert slots.is_refused(code, "slots", "traffic", *words).startswith(said)
    assert slots.world.app.serving() == {"a": 100}


# Clone


def test_settings_are_copied_without_the_release(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    answer = slots.reads("slots", "clone", WEB, "--from", "production", "--to", "staging", "--wait")
    assert slots.world.asked == {
        "verb": "deploy",
        "slot": "staging",
        "settings_from": "production",
        "image": "registry/app:1.4.2",
    }
    assert answer["last"]["outcome"] == "DONE"
    assert slots.world.app.release_of("staging") == "1.4.2"


def test_the_release_is_copied_if_that_is_asked_for(slots: Operator) -> None:
    slots.world.deployed("1.4.2")
    assert slots.types("slots", "clone", "--from", "production", "--to", "staging", "--with-release", "--wait") == 0
    assert slots.world.asked == {
        "verb": "deploy",
        "slot": "staging",
        "settings_from": "production",
        "release": "first",
    }
    assert slots.world.app.release_of("staging") == "first"


@pytest.mark.parametrize(
    ("source", "to", "code", "said"),
    [
        ("staging", "production", 3, "production is never the candidate"),
        ("staging", "staging", 2, "--from and --to are both staging: give two slots"),
        ("qa", "staging", 2, "there is no slot qa"),
        ("production", "qa", 2, "there is no slot qa"),
    ],
)
def test_what_cannot_be_cloned_is_refused(slots: Operator, source: str, to: str, code: int, said: str) -> None:
    assert slots.is_refused(code, "slots", "clone", "--from", source, "--to", to).startswith(said)


# Which target


def test_the_only_target_with_slots_need_not_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    slots = Operator(capsys, OperatedSlots(None, settings_of()))
    assert slots.reads("slots", "status")["target"] == WEB


def test_several_targets_with_slots_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    slots = Operator(capsys, OperatedSlots(None, example_slots(target="Shop/App")))
    assert slots.is_refused(2, "slots", "swap", "staging") == (
        "no target is named and 2 have slots: give one of Shop/App, Web/App"
    )


def test_targets_without_slots_are_refused(operator: Operator) -> None:
    assert "there is no target with slots in this account and region" in operator.is_refused(2, "slots", "status")
    assert "Serving/Model has no slots" in operator.is_refused(3, "slots", "status", "Serving/Model")


@pytest.mark.parametrize("words", [("status",), ("diff", "staging"), ("complete",), ("resume",), ("swap", "staging")])
def test_an_application_without_a_record_is_refused(slots: Operator, words: tuple[str, ...]) -> None:
    without_record(slots)
    code = 3 if words[0] == "swap" else 2
    assert slots.is_refused(code, "slots", *words).startswith(
        "Web/App has no record of its slots, which its stack makes"
    )


def test_too_many_words_are_wrong_usage(slots: Operator) -> None:
    assert slots.is_refused(2, "slots", "swap", WEB, "staging", "qa").endswith("see bluegreen slots swap --help")
