"""The conditions of canary-good and canary-bad-* go red for what they are there to catch. Pure."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.target_settings import Compute, SideSettings
from bluegreen_constructs.rehearsal.load import LoadRecord
from bluegreen_constructs.rehearsal.scenarios.canary_release import (
    CANARY_RELEASES,
    FLEET_RELEASES,
    CanaryRelease,
    Harm,
    judged,
    only_the_candidate,
)
from bluegreen_constructs.rehearsal.scenarios.canary_seen import CanarySeen, Execution, RuleWrite, Tasks
from tests.rehearsal.canary_records import (
    BACK_WEIGHTS,
    BAKE,
    BROKEN,
    END,
    FIRST,
    FULL,
    SECOND,
    SETTINGS,
    TICK,
    answered,
    back,
    back_records,
    changed,
    command,
    explained,
    good_records,
    red,
    seen,
    spread,
    to_candidate,
    to_live,
    weights,
)

SCENARIOS = {scenario.name: scenario for scenario in (*CANARY_RELEASES, *FLEET_RELEASES)}
GOOD, BAD = SCENARIOS["canary-good"], SCENARIOS["canary-bad-errors"]
LATE, WRONG = SCENARIOS["canary-bad-slow"], SCENARIOS["canary-bad-predictions"]
FAULTS: dict[Harm, dict[str, object]] = {
    Harm.ERRORS: {"status": 500},
    Harm.SLOW: {"latency": 1.5},
    Harm.PREDICTIONS: {"is_wrong": True},
}
CLOCK = {"origin": 1000.0, "speed": 30.0}
GUILTY = {Harm.ERRORS: "errors", Harm.SLOW: "slow", Harm.PREDICTIONS: "predictions"}


def recorded(scenario: CanaryRelease, records: list[LoadRecord] | None = None, **changes: object) -> CanarySeen:
    if scenario.harm is Harm.NONE:
        return seen(records=records, **changes)
    known = {"explained": explained(**{GUILTY[scenario.harm]: "UNHEALTHY"}), **changes}
    return back(records=back_records(**FAULTS[scenario.harm]) if records is None else records, **known)


def red_of(scenario: CanaryRelease, code: int | None = None, **changes: object) -> set[str]:
    expected = 0 if scenario.harm is Harm.NONE else 1
    given = changes.pop("records", None)
    found = recorded(scenario, given, **changes)  # type: ignore[arg-type]
    return red(judged(scenario, found, command("start", expected if code is None else code)))


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_what_should_happen_passes(name: str) -> None:
    assert red_of(SCENARIOS[name]) == set()


def test_tasks_were_scaled_in_when_they_were_told_to_stop_though_they_still_drain() -> None:
    def task(state: str, stopping_at: float | None) -> dict[str, object]:
        return {"state": state, "stopping_at": stopping_at, "stopped_at": None}

    quiet, busy = SETTINGS.blue, SETTINGS.green
    # The clock's origin is second 1000; at 30 times its speed, rehearsed second 1300 is second 1010.
    tasks = [task("STOPPED", 1030.0), task("DEACTIVATING", 1330.0), task("STOPPING", 1300.0)]
    services = {quiet.service: {"desired": 0, "tasks": tasks}, busy.service: {"desired": 1, "tasks": []}}
    state = {"clock": CLOCK, "ecs": {"services": services}}
    assert Tasks.of(state, quiet, 1005.0) == Tasks(0, 0, 1010.0)
    services[busy.service]["tasks"] = [task("RUNNING", None)]
    assert Tasks.of(state, busy, 1005.0) == Tasks(1, 1, None)


def test_instances_were_scaled_in_when_the_first_was_told_to_end_after_the_rollout_began() -> None:
    side = SideSettings("arn:blue", "targetgroup/blue/1", Compute.AUTO_SCALING, auto_scaling_group="fleet-blue")
    groups = {
        "fleet-blue": {"desired": 0, "in_service": 0, "terminations": [1330.0, 1300.0, 1030.0]},
        "fleet-green": {"desired": 2, "in_service": 1, "terminations": []},
    }
    state = {"clock": CLOCK, "instances": {"groups": groups}}
    assert Tasks.of(state, side, 1005.0) == Tasks(0, 0, 1010.0), "the first was told to end before that"
    assert Tasks.of(state, side, 1010.0).first_stopping == 1010.0
    assert Tasks.of(state, side, 1012.0).first_stopping is None
    assert Tasks.of(state, replace(side, auto_scaling_group="fleet-green"), 1005.0) == Tasks(2, 1, None)


class TestEveryRelease:
    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_command_that_ended_the_other_way_is_seen(self, name: str) -> None:
        scenario = SCENARIOS[name]
        good = scenario.harm is Harm.NONE
        assert f"bluegreen start ends {0 if good else 1}" in red_of(scenario, code=1 if good else 0)

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_an_engine_that_failed_is_no_decision(self, name: str) -> None:
        broken = Execution("FAILED", "EngineFailed", "the tick failed")
        assert any("execution ended" in says for says in red_of(SCENARIOS[name], execution=broken))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    @pytest.mark.parametrize("caller", ["states", "operator", "cdk"])
    def test_weights_that_somebody_else_moved_are_seen(self, name: str, caller: str) -> None:
        writes = (RuleWrite(FIRST, TICK), RuleWrite(SECOND, caller))
        assert "nobody but the engine's tick moved weights" in red_of(SCENARIOS[name], writes=writes)

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_call_log_that_saw_no_write_shows_nothing(self, name: str) -> None:
        assert "nobody but the engine's tick moved weights" in red_of(SCENARIOS[name], writes=())

    @pytest.mark.parametrize("name", list(SCENARIOS))
    @pytest.mark.parametrize("final", [{}, {"blue": 50, "green": 50}, {"blue": 0, "green": 0}])
    def test_weights_that_do_not_name_one_side_at_the_end_are_seen(self, name: str, final: dict[str, int]) -> None:
        assert any(says.startswith("100 % of production") for says in red_of(SCENARIOS[name], final_weights=final))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_side_that_keeps_running_is_seen(self, name: str) -> None:
        running = {side: Tasks(2, 2, FULL + 10) for side in ("blue", "green")}
        assert any("was scaled in" in says for says in red_of(SCENARIOS[name], tasks=running))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_side_that_was_scaled_in_under_its_last_requests_is_seen(self, name: str) -> None:
        """Two rehearsed minutes are four seconds at 30 times the clock's speed."""
        early = {side: Tasks(0, 0, (FULL if side == "blue" else SECOND) + 3) for side in ("blue", "green")}
        assert any("was scaled in" in says for says in red_of(SCENARIOS[name], tasks=early))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_user_who_met_it_before_the_first_shift_is_seen(self, name: str) -> None:
        records = changed(recorded(SCENARIOS[name]).watched.records, 5.0, 5.02, to_candidate)
        assert "before the first shift nobody met the candidate" in red_of(SCENARIOS[name], records=records)

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_share_that_only_the_rule_knew_of_is_seen(self, name: str) -> None:
        records = changed(recorded(SCENARIOS[name]).watched.records, FIRST, SECOND, to_live)
        assert "at every step the candidate answered its share" in red_of(SCENARIOS[name], records=records)

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_load_that_stopped_early_shows_nothing(self, name: str) -> None:
        records = [one for one in recorded(SCENARIOS[name]).watched.records if one.scheduled < END - 3]
        assert "the load was sent whole and on time" in red_of(SCENARIOS[name], records=records)

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_rule_that_never_moved_is_seen(self, name: str) -> None:
        found = red_of(SCENARIOS[name], weights=())
        assert any(says.startswith("the rule gave") for says in found)
        assert "at every step the candidate answered its share" in found


class TestAGoodRelease:
    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_lost_or_wrong_request_is_enough(self, fault: dict[str, object]) -> None:
        records = [*good_records(), answered(25.0, "candidate", **fault)]
        assert "no request failed and no stream broke" in red_of(GOOD, records=records)

    def test_a_step_that_was_left_out_is_seen(self) -> None:
        skipped = weights((FIRST, 10), (BAKE, 95), (FULL, 100))
        assert any(says.startswith("the rule gave") for says in red_of(GOOD, weights=skipped))

    def test_a_bake_without_a_hold_back_is_seen(self) -> None:
        early = weights((FIRST, 10), (SECOND, 50), (FULL, 100))
        assert any(says.startswith("the rule gave") for says in red_of(GOOD, weights=early))

    def test_an_answer_of_the_former_release_after_the_end_is_seen(self) -> None:
        records = changed(good_records(), 40.0, 40.02, to_live)
        assert "after the last step every answer is the candidate's" in red_of(GOOD, records=records)

    @pytest.mark.parametrize("verdict", ["UNSURE", "UNHEALTHY"])
    def test_a_promotion_without_evidence_is_seen(self, verdict: str) -> None:
        found = red_of(GOOD, explained=explained(slow=verdict))
        assert "bluegreen explain finds every guardrail HEALTHY" in found

    def test_a_rollout_without_guardrails_shows_nothing(self) -> None:
        assert "bluegreen explain finds every guardrail HEALTHY" in red_of(GOOD, explained={"comparisons": []})


class TestABadRelease:
    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_a_release_that_got_the_bake_is_seen(self, scenario: CanaryRelease) -> None:
        far = weights((FIRST, 10), (SECOND, 50), (BAKE, 95), (FULL, 0))
        assert "the rule gave the candidate a step's share or two, and then nothing" in red_of(scenario, weights=far)

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_a_release_that_came_back_after_it_was_stopped_is_seen(self, scenario: CanaryRelease) -> None:
        again = (*BACK_WEIGHTS, *weights((BAKE, 10), (FULL, 0)))
        assert "the rule gave the candidate a step's share or two, and then nothing" in red_of(scenario, weights=again)

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_a_release_without_its_fault_shows_nothing(self, scenario: CanaryRelease) -> None:
        found = red_of(scenario, records=back_records())
        assert f"users met the fault: it {scenario.harm.value}" in found
        assert any(says.startswith("what the engine counted") for says in found)

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_the_right_end_for_the_wrong_reason_is_seen(self, scenario: CanaryRelease) -> None:
        others = {"errors": "UNHEALTHY"} if scenario.harm is not Harm.ERRORS else {"slow": "UNHEALTHY"}
        assert any("blames" in says for says in red_of(scenario, explained=explained(**others)))

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_an_innocent_guardrail_that_is_blamed_as_well_is_seen(self, scenario: CanaryRelease) -> None:
        both = dict.fromkeys(("errors", "slow"), "UNHEALTHY") | {GUILTY[scenario.harm]: "UNHEALTHY"}
        assert any("blames" in says for says in red_of(scenario, explained=explained(**both)))

    def test_counts_that_no_user_met_are_seen(self) -> None:
        told = explained(errors="UNHEALTHY")
        told["comparisons"][0]["candidate"] = {"requests": 5000, "bad": 900}  # type: ignore[index]
        assert "what the engine counted of errors, users met" in red_of(BAD, explained=told)

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    @pytest.mark.parametrize("fault", BROKEN)
    def test_one_request_that_live_lost_is_enough(self, scenario: CanaryRelease, fault: dict[str, object]) -> None:
        records = [*back_records(**FAULTS[scenario.harm]), answered(12.0, "live", **fault)]
        assert "nobody suffered who did not meet the candidate" in red_of(scenario, records=records)

    @pytest.mark.parametrize("scenario", [LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_a_request_that_a_slow_or_wrong_candidate_lost_is_seen(self, scenario: CanaryRelease) -> None:
        records = [*back_records(**FAULTS[scenario.harm]), answered(12.0, "candidate", status=500)]
        assert "nobody suffered who did not meet the candidate" in red_of(scenario, records=records)

    def test_a_live_release_that_became_slow_is_seen(self) -> None:
        slow = changed(back_records(status=500), FIRST, SECOND, lambda one: replace(one, latency=2.0))
        assert "the live release answered in time" in red_of(BAD, records=slow)

    def test_nothing_is_said_of_time_where_no_guardrail_says_what_is_late(self) -> None:
        found = recorded(BAD)
        settings = replace(found.target.settings, guardrails=(ErrorComparison(),))
        untimed = replace(found, target=replace(found.target, settings=settings))
        says = [one.says for one in only_the_candidate(Harm.ERRORS, untimed)]
        assert says == ["nobody suffered who did not meet the candidate"]
        assert len(only_the_candidate(Harm.ERRORS, found)) == len(says) + 1

    @pytest.mark.parametrize("scenario", [BAD, LATE, WRONG], ids=lambda scenario: scenario.name)
    def test_a_bad_answer_after_the_way_back_is_seen(self, scenario: CanaryRelease) -> None:
        late = [*back_records(**FAULTS[scenario.harm]), answered(30.0, "candidate", **FAULTS[scenario.harm])]
        assert "once all traffic was back, every answer was live's and good" in red_of(scenario, records=late)

    def test_a_load_of_next_to_nothing_shows_nothing(self) -> None:
        thin = spread(0, END, 0)[:: len(spread(0, END, 0)) - 1]
        assert {"once all traffic was back, every answer was live's and good"} <= red_of(BAD, records=thin)
