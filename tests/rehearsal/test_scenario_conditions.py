"""The conditions of the ecs-* scenarios go red for what they are there to catch. Pure: no emulator, made-up records."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.deployed_service import DeployedService
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.rollout_watch import Milestone, Rollout, Weights
from bluegreen_constructs.rehearsal.scenarios.ecs_releases import ECS_RELEASES, ReleaseScenario
from bluegreen_constructs.rehearsal.scenarios.release_seen import Seen

BLUE, GREEN = "arn:blue", "arn:green"
SERVICE = DeployedService("cluster", "service", "production", "test", {"blue": BLUE, "green": GREEN})
SCENARIOS = {scenario.name: scenario for scenario in ECS_RELEASES}
GOOD, BAD = SCENARIOS["ecs-good"], SCENARIOS["ecs-bad-errors"]
UNSEEN = SCENARIOS["ecs-crash-on-start"]
SHIFTED, FULL, BACK, END = 10.0, 20.0, 14.0, 40.0
DIFF = "[~] AWS::ECS::TaskDefinition Inference/TaskDefinition InferenceTaskDefinition267AA80B may be replaced"


def answered(at: float, by: str, **changes: object) -> LoadRecord:
    side = "blue" if by == "candidate" else "green"
    return LoadRecord(
        **{
            "scheduled": at,
            "late": 0.0,
            "latency": 0.01,
            "kind": Kind.PREDICT,
            "status": 200,
            "side": side,
            "release": by,
            **changes,
        }
    )


def times(start: float, end: float) -> list[float]:
    return [start + n / 10 for n in range(int((end - start) * 10))]


def good_records() -> list[LoadRecord]:
    canary = [answered(at, "candidate" if n % 10 == 0 else "live") for n, at in enumerate(times(SHIFTED, FULL))]
    before = [answered(at, "live") for at in times(0, SHIFTED)]
    return [*before, *canary, *(answered(at, "candidate") for at in times(FULL + 0.1, END))]


def bad_records() -> list[LoadRecord]:
    shifting = []
    for n, at in enumerate(times(SHIFTED, BACK)):
        if n % 10:
            shifting.append(answered(at, "live"))
        else:
            shifting.append(answered(at, "candidate", status=500 if n % 20 == 0 else 200))
    calm = [*times(0, SHIFTED), *times(BACK, END)]
    return sorted([*(answered(at, "live") for at in calm), *shifting], key=lambda record: record.scheduled)


def rollout(shares: Iterable[float], status: str, reason: str = "") -> Rollout:
    milestones = tuple(
        Milestone(at=at, wall=5.0 + at, status=status, stage="S", production=share) for at, share in enumerate(shares)
    )
    return Rollout("arn", "blue", status, reason, (), milestones)


def weights(*changes: tuple[float, int, int]) -> tuple[Weights, ...]:
    return tuple(Weights(wall, {"blue": blue, "green": green}) for wall, blue, green in changes)


def seen(scenario: ReleaseScenario, **changes: object) -> Seen:
    is_good = scenario.stopped_by is None
    meets = is_good or scenario.meets_users
    records = tuple(
        changes.pop(
            "records",
            good_records() if is_good else bad_records() if meets else [answered(at, "live") for at in times(0, END)],
        )
    )
    known: dict[str, object] = {
        "scenario": replace(scenario, release="candidate"),
        "live_release": "live",
        "service": SERVICE,
        "diff": DIFF,
        "deploy": CdkResult(("deploy",), 0 if is_good else 1, 1.0, "", "", Path("log")),
        "stack_status": "UPDATE_COMPLETE" if is_good else "UPDATE_ROLLBACK_COMPLETE",
        "rollouts": (
            rollout((0.0, 10.0, 100.0), "SUCCESSFUL")
            if is_good
            else rollout((0.0, 10.0, 0.0), "ROLLBACK_SUCCESSFUL", f"because of {scenario.stopped_by}"),
        ),
        "weights": weights((1.0, 0, 100), (SHIFTED, 10, 90), (FULL, 100, 0))
        if is_good
        else weights((1.0, 0, 100), (SHIFTED, 10, 90), (BACK, 0, 100)),
        "final_weights": {BLUE: 100, GREEN: 0} if is_good else {BLUE: 0, GREEN: 100},
        "records": records,
        "load": LoadResult.from_records(records),
        "calls": {},
        "speed": 30.0,
    }
    return Seen(**{**known, **changes})


def red(of: Seen) -> list[str]:
    return [condition.says for condition in of.outcome().conditions if not condition.holds]


def with_one(records: list[LoadRecord], change: LoadRecord) -> list[LoadRecord]:
    return sorted([*records, change], key=lambda record: record.scheduled)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_what_should_happen_passes(name: str) -> None:
    assert red(seen(SCENARIOS[name])) == []


class TestAGoodRelease:
    @pytest.mark.parametrize(
        "lost",
        [
            answered(25.0, "candidate", status=503),
            answered(25.0, "live", status=None, error="ClientConnectorError", side=None, release=None),
            answered(25.0, "candidate", kind=Kind.STREAM, is_broken=True),
            answered(25.0, "candidate", is_wrong=True),
            answered(25.0, "candidate", is_retried=True),
        ],
    )
    def test_one_lost_or_wrong_request_is_enough(self, lost: LoadRecord) -> None:
        assert "no request failed and no stream broke" in red(seen(GOOD, records=with_one(good_records(), lost)))

    def test_a_load_that_sent_nothing_passes_nothing(self) -> None:
        assert "no request failed and no stream broke" in red(seen(GOOD, records=[]))

    def test_a_skipped_canary_step_is_seen(self) -> None:
        assert "traffic went to the candidate step by step" in red(
            seen(GOOD, rollouts=(rollout((0.0, 100.0), "SUCCESSFUL"),))
        )

    def test_an_answer_of_the_former_release_after_the_last_step_is_seen(self) -> None:
        records = with_one(good_records(), answered(30.0, "live"))
        assert "after the last step every answer is the candidate's" in red(seen(GOOD, records=records))

    def test_weights_left_on_both_sides_are_seen(self) -> None:
        assert "100 % of production traffic is on blue" in red(seen(GOOD, final_weights={BLUE: 90, GREEN: 10}))

    def test_a_rule_in_the_diff_is_seen(self) -> None:
        diff = f"{DIFF}\n[~] Custom::TrafficRule Inference/Listener/ProductionRule/Resource"
        assert "cdk diff shows a new task definition and no change of a rule" in red(seen(GOOD, diff=diff))

    def test_a_deploy_that_failed_is_seen(self) -> None:
        failed = CdkResult(("deploy",), 1, 1.0, "", "", Path("log"))
        assert "cdk deploy ends 0 with the stack updated" in red(seen(GOOD, deploy=failed))

    def test_a_load_that_could_not_keep_its_schedule_judges_nothing(self) -> None:
        late = [replace(record, late=0.5) for record in good_records()]
        assert "the load kept its schedule" in red(seen(GOOD, records=late))


class TestABadRelease:
    def test_a_failure_of_the_live_release_is_seen(self) -> None:
        records = with_one(bad_records(), answered(12.0, "live", status=500))
        assert "only the candidate's answers failed" in red(seen(BAD, records=records))

    def test_a_request_that_got_no_answer_counts_against_the_routing(self) -> None:
        lost = answered(12.0, "live", status=None, error="ServerDisconnectedError", side=None, release=None)
        assert "only the candidate's answers failed" in red(seen(BAD, records=with_one(bad_records(), lost)))

    def test_a_candidate_with_more_than_its_share_is_seen(self) -> None:
        records = [
            replace(record, release="candidate") if SHIFTED <= record.scheduled < BACK else record
            for record in bad_records()
        ]
        assert "the candidate got no more than its share" in red(seen(BAD, records=records))

    def test_a_release_that_no_user_met_shows_nothing(self) -> None:
        records = [answered(at, "live") for at in times(0, END)]
        assert {"the candidate got no more than its share", "users met the fault, or nothing was shown"} <= set(
            red(seen(BAD, records=records))
        )

    def test_traffic_that_never_came_back_is_seen(self) -> None:
        found = red(seen(BAD, weights=weights((1.0, 0, 100), (SHIFTED, 10, 90)), final_weights={BLUE: 10, GREEN: 90}))
        assert {"once all traffic was back, no answer was bad", "100 % of production traffic is on green"} <= set(found)

    def test_a_bad_answer_after_the_way_back_is_seen(self) -> None:
        records = with_one(bad_records(), answered(30.0, "candidate", status=500))
        assert "once all traffic was back, no answer was bad" in red(seen(BAD, records=records))

    def test_another_reason_than_the_expected_one_is_seen(self) -> None:
        other = rollout((0.0, 10.0, 0.0), "ROLLBACK_SUCCESSFUL", "because somebody stopped it")
        assert "ECS stopped it by ErrorRate" in red(seen(BAD, rollouts=(other,)))

    def test_a_rollback_that_failed_is_seen(self) -> None:
        other = rollout((0.0, 10.0, 0.0), "ROLLBACK_FAILED", "ErrorRate")
        assert "ECS stopped it by ErrorRate" in red(seen(BAD, rollouts=(other,)))

    def test_a_stack_that_went_through_is_seen(self) -> None:
        assert "cdk deploy ends non-zero with the stack rolled back" in red(seen(BAD, stack_status="UPDATE_COMPLETE"))

    def test_one_user_who_met_a_release_that_nobody_should_meet_is_seen(self) -> None:
        records = [*(answered(at, "live") for at in times(0, END)), answered(END, "candidate")]
        assert "no user met the candidate" in red(seen(UNSEEN, records=records))


def test_a_deploy_that_started_no_deployment_fails() -> None:
    assert red(seen(GOOD, rollouts=())) == ["cdk deploy starts a deployment"]
