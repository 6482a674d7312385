"""The conditions of the scenarios go red for what they are there to catch. Pure: no emulator, made-up records."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.deployed_service import DeployedService
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.rollout_watch import Milestone, Rollout, Weights
from bluegreen_constructs.rehearsal.scenarios.ecs_releases import ECS_RELEASES
from bluegreen_constructs.rehearsal.scenarios.redeploy_mid_rollout import EDITED, Look, SeenRedeploy
from bluegreen_constructs.rehearsal.scenarios.release_seen import ExpectedRelease, Fault, Seen
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched

BLUE, GREEN = "arn:blue", "arn:green"
SERVICE = DeployedService("cluster", "service", "production-rule", "test-rule", {"blue": BLUE, "green": GREEN})
SCENARIOS = {scenario.name: scenario for scenario in ECS_RELEASES}
GOOD, ERRORS, SLOW = SCENARIOS["ecs-good"], SCENARIOS["ecs-bad-errors"], SCENARIOS["ecs-bad-slow"]
MODEL, CRASH = SCENARIOS["ecs-bad-model"], SCENARIOS["ecs-crash-on-start"]
RATE = 60.0
SHIFTED, BACK, FULL, END = 10.0, 15.0, 20.0, 40.0
DIFF = "[~] AWS::ECS::TaskDefinition Inference/TaskDefinition InferenceTaskDefinition267AA80B may be replaced"
Change = Callable[[LoadRecord], LoadRecord]


def answered(at: float, by: str, **changes: object) -> LoadRecord:
    """One good answer of the candidate (on blue) or of the live release (on green)."""
    side = "blue" if by == "candidate" else "green"
    known = {"scheduled": at, "late": 0.0, "latency": 0.01, "kind": Kind.PREDICT, "status": 200}
    return LoadRecord(**{**known, "side": side, "release": by, **changes})


def spread(start: float, end: float, *, one_in: int = 0, fault: dict[str, object] | None = None) -> list[LoadRecord]:
    """A minute's worth of load; every `one_in`-th answer is the candidate's, every second of those with its fault."""
    records = []
    for n in range(round((end - start) * RATE)):
        at = start + n / RATE
        if one_in and n % one_in == 0:
            records.append(answered(at, "candidate", **(fault if fault and n % (2 * one_in) == 0 else {})))
        else:
            records.append(answered(at, "live"))
    return records


def records_of(scenario: ExpectedRelease) -> list[LoadRecord]:
    if scenario.fault is Fault.UNSEEN:
        return spread(0, END)
    if scenario.is_good:
        return [*spread(0, SHIFTED), *spread(SHIFTED, FULL, one_in=10), *spread(FULL, END, one_in=1)]
    fault = {"status": 500} if scenario.fault is Fault.ERRORS else {"latency": 1.5}
    return [*spread(0, SHIFTED), *spread(SHIFTED, BACK, one_in=10, fault=fault), *spread(BACK, END)]


def weights(*changes: tuple[float, int, int]) -> tuple[Weights, ...]:
    return tuple(Weights(wall, {"blue": blue, "green": green}) for wall, blue, green in changes)


def weights_for(scenario: ExpectedRelease) -> tuple[Weights, ...]:
    if scenario.fault is Fault.UNSEEN:
        return ()
    last = (FULL, 100, 0) if scenario.is_good else (BACK, 0, 100)
    return weights((SHIFTED, 10, 90), last)


def watched(records: Iterable[LoadRecord]) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(RATE, 0.0, END, everything, LoadResult.from_records(everything))


def rollout(scenario: ExpectedRelease) -> Rollout:
    status = "SUCCESSFUL" if scenario.is_good else "ROLLBACK_SUCCESSFUL"
    milestone = Milestone(at=0.0, wall=1.0, status=status, stage="STAGE", production=0.0)
    return Rollout("arn", "blue", status, f"because of {scenario.stopped_by}", (), True, 10.0, (milestone,))


def seen(scenario: ExpectedRelease, *, records: Iterable[LoadRecord] | None = None, **changes: object) -> Seen:
    failed = 0 if scenario.is_good else 1
    known = {
        "scenario": replace(scenario, release="candidate"),
        "live_release": "live",
        "service": SERVICE,
        "diff": DIFF,
        "deploy": CdkResult(("deploy",), failed, 1.0, "", "", Path("log")),
        "stack_status": "UPDATE_ROLLBACK_COMPLETE" if failed else "UPDATE_COMPLETE",
        "rollouts": (rollout(scenario),),
        "weights": weights_for(scenario),
        "final_weights": {BLUE: 0, GREEN: 100} if failed else {BLUE: 100, GREEN: 0},
        "watched": watched(records_of(scenario) if records is None else records),
        "slow_seconds": 1.0,
        "evidence": f"before {scenario.proof} after",
        "tested": 2,
        "calls": {},
        "speed": 30.0,
    }
    return Seen(**{**known, **changes})


def red(of: Seen) -> set[str]:
    return {condition.says for condition in of.outcome().conditions if not condition.holds}


def changed(scenario: ExpectedRelease, start: float, end: float, change: Change) -> list[LoadRecord]:
    """The scenario's records with those of a span changed."""
    return [change(one) if start <= one.scheduled < end else one for one in records_of(scenario)]


def to_candidate(record: LoadRecord) -> LoadRecord:
    return replace(record, side="blue", release="candidate")


def to_live(record: LoadRecord) -> LoadRecord:
    return replace(record, side="green", release="live", status=200, latency=0.01)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_what_should_happen_passes(name: str) -> None:
    assert red(seen(SCENARIOS[name])) == set()


class TestEveryRelease:
    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_rule_in_the_diff_is_seen(self, name: str) -> None:
        diff = f"{DIFF}\n[~] Custom::TrafficRule Inference/Routes/Production/Resource"
        assert "cdk diff shows a new task definition and no change of a rule" in red(seen(SCENARIOS[name], diff=diff))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_deploy_that_ended_the_other_way_is_seen(self, name: str) -> None:
        scenario = SCENARIOS[name]
        other = CdkResult(("deploy",), 1 if scenario.is_good else 0, 1.0, "", "", Path("log"))
        assert any(says.startswith("cdk deploy ends") for says in red(seen(scenario, deploy=other)))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    @pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "STOPPED", "IN_PROGRESS"])
    def test_a_deployment_that_ended_otherwise_is_seen(self, name: str, status: str) -> None:
        scenario = SCENARIOS[name]
        other = replace(rollout(scenario), status=status)
        assert any("the one deployment" in says for says in red(seen(scenario, rollouts=(other,))))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_deployment_that_no_alarm_watched_shows_nothing(self, name: str) -> None:
        unguarded = replace(rollout(SCENARIOS[name]), watches_alarms=False)
        assert any("the one deployment" in says for says in red(seen(SCENARIOS[name], rollouts=(unguarded,))))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    @pytest.mark.parametrize("count", [0, 2])
    def test_none_or_two_deployments_fail(self, name: str, count: int) -> None:
        scenario = SCENARIOS[name]
        assert red(seen(scenario, rollouts=(rollout(scenario),) * count)) == {"cdk deploy starts one deployment"}

    @pytest.mark.parametrize("name", list(SCENARIOS))
    @pytest.mark.parametrize("final", [{}, {BLUE: 50, GREEN: 50}, {BLUE: 100}, {BLUE: 0, GREEN: 0}])
    def test_weights_that_do_not_name_one_side_at_the_end_are_seen(self, name: str, final: dict[str, int]) -> None:
        assert any(says.startswith("100 % of production") for says in red(seen(SCENARIOS[name], final_weights=final)))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_load_that_stopped_early_shows_nothing(self, name: str) -> None:
        short = [one for one in records_of(SCENARIOS[name]) if one.scheduled < END - 3]
        assert "the load was sent whole and on time" in red(seen(SCENARIOS[name], records=short))

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_load_of_one_request_shows_nothing(self, name: str) -> None:
        assert "the load was sent whole and on time" in red(
            seen(SCENARIOS[name], records=[answered(END - 0.1, "live")])
        )

    @pytest.mark.parametrize("name", list(SCENARIOS))
    def test_a_load_that_was_late_measured_this_machine(self, name: str) -> None:
        late = [replace(record, late=0.5) for record in records_of(SCENARIOS[name])]
        assert "the load was sent whole and on time" in red(seen(SCENARIOS[name], records=late))


class TestAGoodRelease:
    @pytest.mark.parametrize(
        "lost",
        [
            answered(25.0, "candidate", status=503),
            answered(25.0, "candidate", status=None, error="ClientConnectorError", side=None, release=None),
            answered(25.0, "candidate", kind=Kind.STREAM, is_broken=True),
            answered(25.0, "candidate", is_wrong=True),
        ],
    )
    def test_one_lost_or_wrong_request_is_enough(self, lost: LoadRecord) -> None:
        assert "no request failed and no stream broke" in red(seen(GOOD, records=[*records_of(GOOD), lost]))

    def test_a_rule_that_never_gave_it_a_first_share_is_seen(self) -> None:
        skipped = weights((FULL, 100, 0))
        assert "the rule gave the candidate 10 %, then 100 %" in red(seen(GOOD, weights=skipped))

    def test_a_first_share_that_only_the_rule_knew_of_is_seen(self) -> None:
        records = changed(GOOD, SHIFTED, FULL, to_live)
        assert "then the candidate answered its share" in red(seen(GOOD, records=records))

    def test_half_of_the_traffic_instead_of_a_tenth_is_seen(self) -> None:
        records = [*spread(0, SHIFTED), *spread(SHIFTED, FULL, one_in=2), *spread(FULL, END, one_in=1)]
        assert "then the candidate answered its share" in red(seen(GOOD, records=records))

    def test_a_user_who_met_it_before_the_first_shift_is_seen(self) -> None:
        records = changed(GOOD, 4.0, 4.1, to_candidate)
        assert "before the first shift nobody met the candidate" in red(seen(GOOD, records=records))

    def test_an_answer_of_the_former_release_after_the_last_step_is_seen(self) -> None:
        records = changed(GOOD, 30.0, 30.1, to_live)
        assert "after the last step every answer is the candidate's" in red(seen(GOOD, records=records))


class TestABadReleaseThatUsersMeet:
    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    @pytest.mark.parametrize(
        "harm",
        [
            {"status": 500},
            {"status": None, "error": "ServerDisconnectedError", "side": None, "release": None},
            {"is_broken": True, "kind": Kind.STREAM},
            {"is_wrong": True},
        ],
    )
    def test_one_user_of_the_live_release_who_suffered_is_enough(
        self, scenario: ExpectedRelease, harm: dict[str, object]
    ) -> None:
        assert "only the candidate's answers failed" in red(
            seen(scenario, records=[*records_of(scenario), answered(12.0, "live", **harm)])
        )

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    def test_a_live_release_that_became_slow_is_seen(self, scenario: ExpectedRelease) -> None:
        records = [*records_of(scenario), *(answered(12 + n / 100, "live", latency=3.0) for n in range(100))]
        assert "the live release answered in time" in red(seen(scenario, records=records))

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    def test_a_candidate_without_its_fault_shows_nothing(self, scenario: ExpectedRelease) -> None:
        healthy = [replace(one, status=200, latency=0.01) for one in records_of(scenario)]
        healthy.append(answered(12.0, "live", latency=1.2))
        assert f"users met the fault: it {scenario.fault.value}" in red(seen(scenario, records=healthy))

    def test_a_slow_release_that_fails_instead_is_seen(self) -> None:
        failing = [replace(one, status=500, latency=0.01) if one.latency > 1 else one for one in records_of(SLOW)]
        found = red(seen(SLOW, records=failing))
        assert {"users met the fault: it answers late", "no request failed and no stream broke"} <= found

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    def test_more_than_its_share_is_seen(self, scenario: ExpectedRelease) -> None:
        records = changed(scenario, SHIFTED, BACK, to_candidate)
        assert "while it had traffic, the candidate answered its share" in red(seen(scenario, records=records))

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    @pytest.mark.parametrize("when", [4.0, 30.0])
    def test_anybody_who_met_it_at_another_time_is_seen(self, scenario: ExpectedRelease, when: float) -> None:
        records = changed(scenario, when, when + 0.1, to_candidate)
        assert "at no other time did anybody meet it" in red(seen(scenario, records=records))

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    @pytest.mark.parametrize(
        "went",
        [
            weights((SHIFTED, 10, 90)),
            weights((SHIFTED, 10, 90), (BACK, 0, 100), (FULL, 100, 0), (30.0, 0, 100)),
            weights((SHIFTED, 100, 0), (BACK, 0, 100)),
            (),
        ],
    )
    def test_any_other_way_of_the_weights_is_seen(self, scenario: ExpectedRelease, went: tuple[Weights, ...]) -> None:
        assert "the rule gave the candidate 10 %, then 0 %" in red(seen(scenario, weights=went))

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    def test_silence_after_the_way_back_shows_nothing(self, scenario: ExpectedRelease) -> None:
        records = [one for one in records_of(scenario) if one.scheduled < BACK]
        assert "once all traffic was back, no answer was bad" in red(seen(scenario, records=records))

    @pytest.mark.parametrize("scenario", [ERRORS, SLOW], ids=lambda scenario: scenario.name)
    def test_another_reason_than_the_expected_one_is_seen(self, scenario: ExpectedRelease) -> None:
        other = replace(rollout(scenario), reason="somebody stopped it")
        assert f"ECS stopped it by {scenario.stopped_by}" in red(seen(scenario, rollouts=(other,)))


class TestABadReleaseThatUsersNeverMeet:
    @pytest.mark.parametrize("scenario", [MODEL, CRASH], ids=lambda scenario: scenario.name)
    def test_the_right_end_for_the_wrong_reason_is_seen(self, scenario: ExpectedRelease) -> None:
        """A hook that could not be invoked, or a task that could not bind its port, ends a deployment as well."""
        found = red(seen(scenario, evidence="AccessDenied: not authorized to perform lambda:InvokeFunction"))
        assert "for the reason that the release really has" in found

    def test_a_smoke_test_that_never_reached_the_candidate_is_seen(self) -> None:
        assert "the candidate answered test traffic" in red(seen(MODEL, tested=0))

    @pytest.mark.parametrize("scenario", [MODEL, CRASH], ids=lambda scenario: scenario.name)
    def test_one_user_who_met_it_is_seen(self, scenario: ExpectedRelease) -> None:
        assert "no user met the candidate" in red(seen(scenario, records=changed(scenario, 20.0, 20.01, to_candidate)))

    @pytest.mark.parametrize("scenario", [MODEL, CRASH], ids=lambda scenario: scenario.name)
    def test_a_rule_that_gave_it_traffic_is_seen(self, scenario: ExpectedRelease) -> None:
        moved = weights((SHIFTED, 10, 90), (BACK, 0, 100))
        assert "the rule gave the candidate no share at all" in red(seen(scenario, weights=moved))

    @pytest.mark.parametrize("scenario", [MODEL, CRASH], ids=lambda scenario: scenario.name)
    def test_one_lost_request_is_enough(self, scenario: ExpectedRelease) -> None:
        lost = answered(12.0, "live", status=502)
        assert "no request failed and no stream broke" in red(seen(scenario, records=[*records_of(scenario), lost]))


CALL = {"at": 0.0, "action": "ModifyRule", "caller": "lambda/Rules", "writes_actions": False, "arn": "production-rule"}
BEFORE, EDIT, FAILED = 11.0, 13.0, 17.0


def look(wall: float, **changes: object) -> Look:
    known = {"wall": wall, "weights": {"blue": 10, "green": 90}, "paths": EDITED, "team": "ranking"}
    return Look(**{**known, **changes})


def redeploy(**changes: object) -> SeenRedeploy:
    done = CdkResult(("deploy",), 0, 1.0, "", "", Path("log"))
    known = {
        "service": SERVICE,
        "before": look(BEFORE, paths=("/*",), team="search"),
        "edited": look(EDIT, result=done, status="UPDATE_COMPLETE"),
        "failed": look(FAILED, result=replace(done, exit_code=1), status="UPDATE_ROLLBACK_COMPLETE"),
        "final": look(END, weights={"blue": 100, "green": 0}),
        "ended": done,
        "rollouts": (rollout(GOOD),),
        "weights": weights_for(GOOD),
        "rule_calls": tuple({**CALL, "wall": wall} for wall in (12.0, 14.0, 15.0)),
        "watched": watched(records_of(GOOD)),
    }
    return SeenRedeploy(**{**known, **changes})


def red_redeploy(of: SeenRedeploy) -> set[str]:
    return {condition.says for condition in of.outcome("redeploy").conditions if not condition.holds}


class TestARedeployInTheMiddle:
    def test_what_should_happen_passes(self) -> None:
        assert red_redeploy(redeploy()) == set()

    def test_a_function_that_writes_the_very_weights_it_read_is_seen(self) -> None:
        rewritten = (*redeploy().rule_calls, {**CALL, "wall": 14.5, "writes_actions": True})
        assert "meanwhile nobody wrote the rule's actions" in red_redeploy(redeploy(rule_calls=rewritten))

    def test_a_call_log_that_saw_nothing_shows_nothing(self) -> None:
        assert "meanwhile nobody wrote the rule's actions" in red_redeploy(redeploy(rule_calls=()))

    def test_weights_that_moved_and_came_back_between_two_looks_are_seen(self) -> None:
        moved = weights((SHIFTED, 10, 90), (14.0, 0, 100), (14.5, 10, 90), (FULL, 100, 0))
        assert "no weight moved" in red_redeploy(redeploy(weights=moved))

    def test_requests_that_went_elsewhere_between_two_looks_are_seen(self) -> None:
        records = changed(GOOD, 14.0, 14.5, to_candidate)
        assert "and the candidate answered its share" in red_redeploy(redeploy(watched=watched(records)))

    def test_an_update_that_changed_nothing_shows_nothing(self) -> None:
        unchanged = look(EDIT, paths=("/*",), team="search", result=redeploy().ended, status="UPDATE_COMPLETE")
        assert "the update changed conditions and tags" in red_redeploy(redeploy(edited=unchanged))

    def test_a_second_update_that_failed_before_it_touched_the_rule_shows_nothing(self) -> None:
        assert "the second update changed them, failed, and its rollback restored them" in red_redeploy(
            redeploy(rule_calls=({**CALL, "wall": 12.0},))
        )

    def test_a_rollback_that_left_the_second_edit_behind_is_seen(self) -> None:
        failed = replace(redeploy().failed, team="nobody")
        assert "the second update changed them, failed, and its rollback restored them" in red_redeploy(
            redeploy(failed=failed)
        )

    def test_updates_that_came_after_the_shift_show_nothing(self) -> None:
        assert "both updates ran while the candidate had its first share" in red_redeploy(
            redeploy(failed=replace(redeploy().failed, wall=FULL + 1))
        )

    def test_a_rollout_that_the_updates_broke_is_seen(self) -> None:
        broken = replace(rollout(GOOD), status="ROLLBACK_SUCCESSFUL")
        assert "the rollout went on to its end" in red_redeploy(redeploy(rollouts=(broken,)))

    def test_one_lost_request_is_enough(self) -> None:
        records = [*records_of(GOOD), answered(14.0, "live", status=404)]
        assert "no request failed and no stream broke" in red_redeploy(redeploy(watched=watched(records)))
