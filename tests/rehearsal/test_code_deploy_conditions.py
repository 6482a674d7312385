"""The conditions of codedeploy-ecs go red for what they are there to catch. Pure: no emulator, made-up records."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.operator_command import CommandResult
from bluegreen_constructs.rehearsal.outcome import Outcome
from bluegreen_constructs.rehearsal.rollout_watch import Weights
from bluegreen_constructs.rehearsal.scenarios.code_deploy_ecs import BAD, GOOD, judged
from bluegreen_constructs.rehearsal.scenarios.code_deploy_stage import CodeDeployed
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import SETTLE_SECONDS, Watched

RATE, SPEED = 60.0, 30.0
FIRST, SECOND, END = 10.0, 20.0, 30.0
SMOKE_TEST, SHIFT = "AfterAllowTestTraffic", "AllowTraffic"
TOLD = {"codedeploy:PutLifecycleEventHookExecutionStatus": 1, "codedeploy:CreateDeployment": 1}
NO_DIFFERENCE = CdkResult(("diff",), 0, 1.0, "", "✨  Number of stacks with differences: 0", Path("log"))
ALARM = {"code": "ALARM_ACTIVE", "message": "One or more alarms have been activated"}


def spread(start: float, end: float, release: str, side: str, percent: int = 100, **fault: object) -> list[LoadRecord]:
    """A span's load: `side` answers its share, the other side all else, every second answer of `side` with a fault."""
    records: list[LoadRecord] = []
    own = 0
    other = ("green" if side == "blue" else "blue", "live")
    for n in range(round((end - start) * RATE)):
        is_own = n * percent // 100 < (n + 1) * percent // 100
        own += is_own
        known = {"late": 0.0, "latency": 0.01, "kind": Kind.PREDICT, "status": 200}
        met = (side, release) if is_own else other
        given = fault if is_own and own % 2 else {}
        records.append(LoadRecord(scheduled=start + n / RATE, side=met[0], release=met[1], **{**known, **given}))
    return records


def watched(records: Iterable[LoadRecord]) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(RATE, 0.0, END, everything, LoadResult.from_records(everything))


def deployment(id: str, status: str, *reached: tuple[str, int], **changes: object) -> dict[str, object]:
    """As the emulator's state has one: each event that it reached, with production's share on the candidate."""
    timeline = [
        {"at": 300.0 * n, "wall": 0.0, "status": "InProgress", "event": event, "production": share, "what": ""}
        for n, (event, share) in enumerate((("", 0), *reached))
    ]
    return {"id": id, "status": status, "error": None, "timeline": timeline, **changes}


FORWARD = deployment("d-GOOD", "Succeeded", ("Install", 0), (SMOKE_TEST, 0), (SHIFT, 10), (SHIFT, 100))
STOPPED = deployment("d-BAD", "Stopped", ("Install", 0), (SMOKE_TEST, 0), (SHIFT, 10), error=ALARM)
BACK = deployment("d-BACK", "Succeeded", (SHIFT, 0))


def ended(code: int) -> CommandResult:
    return CommandResult(("start",), code, 1.0, 28.0, "{}", "")


def weights(candidate: str, *changes: tuple[float, int]) -> tuple[Weights, ...]:
    live = "green" if candidate == "blue" else "blue"
    return tuple(Weights(wall, {candidate: percent, live: 100 - percent}) for wall, percent in changes)


def good(**changes: object) -> CodeDeployed:
    """Of the release that goes live from blue to green."""
    records = [
        *spread(0, FIRST, "live", "blue"),
        *spread(FIRST, SECOND, GOOD, "green", 10),
        *spread(SECOND, END, GOOD, "green"),
    ]
    known: dict[str, object] = {
        "release": GOOD,
        "live_release": "live",
        "live_side": "blue",
        "ended": ended(0),
        "deployments": (FORWARD,),
        "rang": frozenset(),
        "weights": weights("green", (FIRST, 10), (SECOND, 100)),
        "final_weights": {"green": 100, "blue": 0},
        "rule_writers": frozenset({"codedeploy"}),
        "calls": TOLD,
        "watched": watched(records),
        "speed": SPEED,
    }
    return CodeDeployed(**{**known, **changes})


def bad_records(status: int = 500) -> list[LoadRecord]:
    """Of the release that has a tenth on blue, and goes back to green."""
    return [
        *spread(0, FIRST, "live", "green"),
        *spread(FIRST, SECOND, BAD, "blue", 10, status=status),
        *spread(SECOND, END, "live", "green"),
    ]


def bad(**changes: object) -> CodeDeployed:
    known: dict[str, object] = {
        "release": BAD,
        "live_side": "green",
        "ended": ended(1),
        "deployments": (STOPPED, BACK),
        "rang": frozenset({"CodeDeployed/Inference/ErrorRate"}),
        "weights": weights("blue", (FIRST, 10), (SECOND, 0)),
        "watched": watched(bad_records()),
    }
    return good(**{**known, **changes})


def outcome(of_good: CodeDeployed | None = None, of_bad: CodeDeployed | None = None) -> Outcome:
    return judged("codedeploy-ecs", of_good or good(), of_bad or bad(), NO_DIFFERENCE)


def red(found: Outcome) -> set[str]:
    assert found.conditions
    return {condition.says for condition in found.conditions if not condition.holds}


def of_good(**changes: object) -> set[str]:
    return red(outcome(of_good=good(**changes)))


def of_bad(**changes: object) -> set[str]:
    """Without the words that tell whose condition it is."""
    found = red(outcome(of_bad=bad(**changes)))
    assert all(says.startswith("the bad release: ") for says in found)
    return {says.removeprefix("the bad release: ") for says in found}


JUDGED = pytest.mark.parametrize("judge", [of_good, of_bad], ids=["good", "bad"])


def test_what_should_happen_passes() -> None:
    assert red(outcome()) == set()


def test_the_figures_tell_both_releases_apart() -> None:
    figures = outcome().figures
    assert figures["bad: served by 2.1.0-errors"] == 60
    assert figures["bad: failed"] == 30
    assert figures["good: failed"] == 0
    assert figures["good: from start to end"] == "28.0 s here, 14.0 rehearsed minutes"


def test_the_time_line_has_both_deployments_since_the_first_began() -> None:
    later = [{**one, "at": one["at"] + 1200.0, "what": "an alarm is red"} for one in STOPPED["timeline"]]
    found = bad(deployments=({**STOPPED, "timeline": later}, BACK)).timeline()
    assert found[0] == (0.0, "d-BACK: begun, InProgress, 0 % on the candidate")
    assert (1200.0, "d-BAD: begun, InProgress, 0 % on the candidate: an alarm is red") in found
    assert [at for at, _ in found] == sorted(at for at, _ in found)


def test_a_deployment_that_never_was_has_no_time_line() -> None:
    assert bad(deployments=()).timeline() == ()


def test_the_step_lies_between_the_two_changes_of_weights() -> None:
    step = good().in_the_step()
    assert step[0].scheduled >= FIRST + SETTLE_SECONDS
    assert step[-1].scheduled < SECOND - SETTLE_SECONDS
    assert len(step) == round((SECOND - FIRST - 2 * SETTLE_SECONDS) * RATE)


class TestBothReleases:
    @JUDGED
    def test_a_command_that_ended_the_other_way_is_seen(self, judge) -> None:
        code = 1 if judge is of_good else 0
        (says,) = judge(ended=ended(code))
        assert says.startswith(f"bluegreen start ends {1 - code}")

    @JUDGED
    @pytest.mark.parametrize("deployments", [(), (FORWARD, BACK), (STOPPED,), (STOPPED, {**BACK, "status": "Failed"})])
    def test_other_deployments_than_the_expected_ones_are_seen(self, judge, deployments) -> None:
        assert any(says.startswith("bluegreen start ends") for says in judge(deployments=deployments))

    @JUDGED
    @pytest.mark.parametrize("changes", [(), ((FIRST, 10),), ((FIRST, 10), (SECOND, 50)), ((FIRST, 50), (SECOND, 0))])
    def test_any_other_way_of_the_weights_is_seen(self, judge, changes) -> None:
        side = "green" if judge is of_good else "blue"
        assert any(says.startswith("the rule gave the candidate") for says in judge(weights=weights(side, *changes)))

    @JUDGED
    @pytest.mark.parametrize("final", [{}, {"green": 100}, {"blue": 100, "green": 0}, {"blue": 50, "green": 50}])
    def test_weights_that_end_elsewhere_are_seen(self, judge, final: dict[str, int]) -> None:
        assert judge(final_weights=final) == {"100 % of production traffic is on green"}

    @JUDGED
    @pytest.mark.parametrize("writers", [(), ("codedeploy", "operator"), ("cdk",)])
    def test_anybody_else_who_moved_weights_is_seen(self, judge, writers: tuple[str, ...]) -> None:
        assert judge(rule_writers=frozenset(writers)) == {"nobody but CodeDeploy moved weights"}

    @JUDGED
    def test_a_load_that_stopped_early_shows_nothing(self, judge) -> None:
        records = good().watched.records if judge is of_good else bad().watched.records
        short = [one for one in records if one.scheduled < END - 5]
        assert judge(watched=watched(short)) == {"the load was sent whole and on time"}

    @JUDGED
    def test_a_user_who_met_it_before_the_first_shift_is_seen(self, judge) -> None:
        side, records = ("green", good().watched.records) if judge is of_good else ("blue", bad().watched.records)
        early = spread(4.0, 4.1, "early", side)
        assert judge(watched=watched([*records, *early])) == {"before the first shift nobody met the candidate"}

    @JUDGED
    @pytest.mark.parametrize("percent", [0, 40])
    def test_another_share_of_the_users_than_the_rules_is_seen(self, judge, percent: int) -> None:
        (side, release, whole) = ("green", GOOD, good()) if judge is of_good else ("blue", BAD, bad())
        rest = [one for one in whole.watched.records if not FIRST <= one.scheduled < SECOND]
        step = spread(FIRST, SECOND, release, side, percent, **({} if judge is of_good else {"status": 500}))
        assert "in its step the candidate answered its share" in judge(watched=watched([*rest, *step]))


class TestTheGoodRelease:
    def test_a_smoke_test_that_was_never_reached_is_seen(self) -> None:
        without = deployment("d-GOOD", "Succeeded", ("Install", 0), (SHIFT, 10), (SHIFT, 100))
        assert of_good(deployments=(without,)) == {
            "the smoke test ran at the test listener before production traffic moved"
        }

    def test_a_smoke_test_after_the_first_users_is_seen(self) -> None:
        late = deployment("d-GOOD", "Succeeded", ("Install", 0), (SMOKE_TEST, 10), (SHIFT, 100))
        assert len(of_good(deployments=(late,))) == 1

    @pytest.mark.parametrize("told", [0, 2])
    def test_a_smoke_test_whose_result_was_not_told_once_is_seen(self, told: int) -> None:
        found = of_good(calls=dict.fromkeys(TOLD, told))
        assert found == {"the smoke test ran at the test listener before production traffic moved"}

    @pytest.mark.parametrize(
        "fault", [{"status": 503}, {"kind": Kind.STREAM, "is_broken": True}, {"is_wrong": True}], ids=str
    )
    def test_one_lost_or_wrong_answer_is_enough(self, fault: dict[str, object]) -> None:
        records = list(good().watched.records)
        assert of_good(watched=watched([*records[1:], replace(records[0], **fault)])) == {
            "no request failed and no stream broke"
        }

    def test_an_answer_of_the_former_release_after_the_last_step_is_seen(self) -> None:
        late = spread(27.0, 27.05, "live", "blue")
        assert of_good(watched=watched([*good().watched.records, *late])) == {
            "after the last step every answer is the candidate's"
        }

    def test_a_last_step_that_nobody_saw_shows_nothing(self) -> None:
        never = weights("green", (FIRST, 10), (END - 0.2, 100))
        assert "after the last step every answer is the candidate's" in of_good(weights=never)


class TestTheBadRelease:
    @pytest.mark.parametrize(
        "changes",
        [
            {"rang": frozenset()},
            {"rang": frozenset({"CodeDeployed/Inference/Latency"})},
            {"deployments": ({**STOPPED, "error": None}, BACK)},
            {"deployments": ({**STOPPED, "error": {**ALARM, "code": "HEALTH_CONSTRAINTS"}}, BACK)},
        ],
        ids=["silent", "another alarm", "no error", "another error"],
    )
    def test_another_reason_than_the_alarm_on_errors_is_seen(self, changes: dict[str, object]) -> None:
        assert of_bad(**changes) == {"the alarm on errors went off, and CodeDeploy names it"}

    def test_a_release_without_its_fault_shows_nothing(self) -> None:
        assert of_bad(watched=watched(bad_records(200))) == {"users met the fault: it answers 5xx"}

    @pytest.mark.parametrize(
        "fault", [{"status": 502}, {"status": None, "error": "ClientConnectorError", "side": None, "release": None}]
    )
    def test_a_user_of_live_who_suffered_is_seen(self, fault: dict[str, object]) -> None:
        hurt = replace(spread(12.0, 12.1, "live", "green")[0], **fault)
        assert of_bad(watched=watched([*bad_records(), hurt])) == {"nobody suffered who did not meet the candidate"}

    @pytest.mark.parametrize("change", [{"status": 502}, {"release": "2.0.9"}], ids=str)
    def test_anything_but_lives_good_answers_after_the_way_back_is_seen(self, change: dict[str, object]) -> None:
        late = replace(spread(25.0, 25.1, "live", "green")[0], **change)
        assert "once all traffic was back, every answer was live's and good" in of_bad(
            watched=watched([*bad_records(), late])
        )


class TestTheTemplate:
    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"stderr": "✨  Number of stacks with differences: 1"}, "✨  Number of stacks with differences: 1"),
            ({"exit_code": 1}, "✨  Number of stacks with differences: 0"),
            ({"stderr": "Stack CodeDeployed"}, "no line about differences"),
        ],
    )
    def test_a_difference_or_a_diff_that_said_nothing_is_seen(self, changes: dict[str, object], found: str) -> None:
        (condition,) = (
            one
            for one in judged("codedeploy-ecs", good(), bad(), replace(NO_DIFFERENCE, **changes)).conditions
            if not one.holds
        )
        assert condition.says == "cdk diff finds no difference after a release went live"
        assert condition.found == found
