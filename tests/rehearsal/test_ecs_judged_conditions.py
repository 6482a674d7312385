"""The conditions on judged services go red for what they are there to catch. Pure: no emulator, made-up records."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.load import LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.load.record import Kind
from bluegreen_constructs.rehearsal.outcome import Outcome
from bluegreen_constructs.rehearsal.rollout_watch import Milestone, Rollout, Weights
from bluegreen_constructs.rehearsal.scenarios.ecs_judged import (
    BAD_HOTFIX,
    GOOD,
    HOTFIX,
    REASON,
    UNMARKED,
    WORSE,
    judged_bad,
    judged_bad_hotfix,
    judged_good,
    judged_hotfix,
)
from bluegreen_constructs.rehearsal.scenarios.judged_seen import HELD, JudgedRelease
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched

RATE = 60.0
SHIFTED, SECOND, THIRD, END = 10.0, 20.0, 25.0, 30.0
SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
FLOOR = "at least 95 % good"
UPDATED = CdkResult(("deploy",), 0, 1.0, "", "", Path("log"))
BACK = replace(UPDATED, exit_code=1)
IN_PROGRESS = "IN_PROGRESS: not enough evidence that the candidate is HEALTHY (errors: ...)"


def spread(start: float, end: float, *, own: str = "", one_in: int = 1, **bad: object) -> list[LoadRecord]:
    """A span's load: live's answers, every `one_in`-th that of release `own`, every second of those with a fault."""
    records = []
    for n in range(round((end - start) * RATE)):
        is_own = own and n % one_in == 0
        given = bad if is_own and n % (2 * one_in) == 0 else {}
        known = {"late": 0.0, "latency": 0.01, "kind": Kind.PREDICT, "status": 200}
        known |= {"side": "green" if is_own else "blue", "release": own or "live"} if is_own else {}
        known = {"side": "blue", "release": "live", **known, **given}
        records.append(LoadRecord(scheduled=start + n / RATE, **known))
    return records


def watched(records: Iterable[LoadRecord]) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(RATE, 0.0, END, everything, LoadResult.from_records(everything))


def stages(*reached: tuple[str, str, float]) -> tuple[Milestone, ...]:
    return tuple(Milestone(30.0 * n, float(n), status, at, share) for n, (at, status, share) in enumerate(reached))


FORWARD = (("POST_TEST_TRAFFIC_SHIFT", "IN_PROGRESS", 0), (SHIFT, "IN_PROGRESS", 10), (HELD, "IN_PROGRESS", 10))
PASSED = stages(*FORWARD, (SHIFT, "IN_PROGRESS", 100), ("CLEAN_UP", "SUCCESSFUL", 100))
BAKED = stages(*FORWARD, (SHIFT, "IN_PROGRESS", 100), ("BAKE_TIME", "IN_PROGRESS", 100))
FAILED = stages(*FORWARD, (SHIFT, "ROLLBACK_IN_PROGRESS", 0), ("CLEAN_UP", "ROLLBACK_SUCCESSFUL", 0))


def went(last: int) -> tuple[Weights, ...]:
    step = Weights(SHIFTED, {"green": 10, "blue": 90})
    return step, Weights(SECOND, {"green": last, "blue": 100 - last})


def item(event: str, reason: str, **evidence: object) -> dict[str, object]:
    return {"event": event, "reason": reason, "at": "2026-11-21T21:00:00+00:00", "evidence": evidence}


REPLAYED = item("HOOK_PASSED", "replay: 0 of 2", replay="replay", done=2, candidate=[2, 0])
BEGAN = item("STARTED", f"hotfix: {REASON}; only the floors decide")
GUILTY = item("UNHEALTHY", "errors: candidate 4 bad of 27")


def explained(guardrail: str, verdict: str, bad: int) -> dict[str, object]:
    live = None if guardrail == FLOOR else {"requests": 400, "bad": 0}
    candidate = {"requests": 40, "bad": bad}
    return {"comparisons": [{"guardrail": guardrail, "live": live, "candidate": candidate, "verdict": verdict}]}


def promoted(release: str, *, live_fails: bool = False, **changes: object) -> JudgedRelease:
    before = spread(0, SHIFTED)
    if live_fails:
        before = [replace(one, status=500) if n % 3 == 0 else one for n, one in enumerate(before)]
    records = [*before, *spread(SHIFTED, SECOND, own=release, one_in=10), *spread(SECOND, END, own=release)]
    known = {
        "release": release,
        "live_release": "live",
        "live_side": "blue",
        "deploy": UPDATED,
        "stack_status": "UPDATE_COMPLETE",
        "deployments": (Rollout("arn/1", "green", "SUCCESSFUL", "", (), True, 10.0, PASSED),),
        "watch": "MONITORING_COMPLETE",
        "rang": frozenset(),
        "explained": explained("errors", "HEALTHY", 0),
        "history": (REPLAYED,),
        "hooks": IN_PROGRESS,
        "started": 2,
        "calls": {},
        "weights": went(100),
        "final_weights": {"green": 100, "blue": 0},
        "watched": watched(records),
        "speed": 30.0,
    }
    return JudgedRelease(**{**known, **changes})


def stopped(release: str, **changes: object) -> JudgedRelease:
    records = [
        *spread(0, SHIFTED),
        *spread(SHIFTED, SECOND, own=release, one_in=10, status=500),
        *spread(SECOND, END),
    ]
    reason = f"Service deployment rolled back because {HELD} lifecycle hook(s) failed."
    known = {
        "deploy": BACK,
        "stack_status": "UPDATE_ROLLBACK_COMPLETE",
        "deployments": (Rollout("arn/1", "green", "ROLLBACK_SUCCESSFUL", reason, (), True, 10.0, FAILED),),
        "explained": explained("errors", "UNHEALTHY", 4),
        "history": (REPLAYED, GUILTY),
        "weights": went(0),
        "final_weights": {"green": 0, "blue": 100},
        "watched": watched(records),
    }
    return promoted(release, **{**known, **changes})


def refused(release: str, reason: str, **changes: object) -> JudgedRelease:
    deployment = Rollout("arn/2", "green", "ROLLBACK_SUCCESSFUL", "", (), True, 10.0, FAILED[-1:])
    known = {
        "deployments": (deployment,),
        "explained": {"comparisons": []},
        "history": (item("REFUSED", reason),),
        "hooks": "",
        "started": 0,
        "weights": (),
        "watched": watched(spread(0, END)),
    }
    return stopped(release, **{**known, **changes})


AGAIN = refused(WORSE, "release 2.6.0-worse.1 was rejected at 21:43 UTC (errors): deploy another one")
WITHOUT_MARK = refused(UNMARKED, "in ALARM as the deployment began: A/ErrorRate: ... mark 2.7.0 as a hotfix")


def marked(
    made: Callable[..., JudgedRelease], release: str, verdict: str, bad: int, **changes: object
) -> JudgedRelease:
    usual = made(release)
    known = {
        "watch": "DISABLED",
        "deployments": tuple(replace(one, watches_alarms=False) for one in usual.deployments),
        "explained": explained(FLOOR, verdict, bad),
        "history": (BEGAN, *usual.history),
    }
    return made(release, **{**known, **changes})


def hotfix(**changes: object) -> JudgedRelease:
    return marked(promoted, HOTFIX, "HEALTHY", 0, **{"watched": promoted(HOTFIX, live_fails=True).watched, **changes})


def bad_hotfix(**changes: object) -> JudgedRelease:
    records = [
        *spread(0, SHIFTED),
        *spread(SHIFTED, SECOND, own=BAD_HOTFIX, one_in=10),
        *spread(SECOND, THIRD, own=BAD_HOTFIX, status=500),
        *spread(THIRD, END),
    ]
    known = {
        "deployments": (Rollout("arn/1", "green", "ROLLBACK_SUCCESSFUL", "stopped", (), False, 10.0, BAKED),),
        "calls": {"ecs:StopServiceDeployment": 1},
        "weights": (*went(100), Weights(THIRD, {"green": 0, "blue": 100})),
        "watched": watched(records),
    }
    return marked(stopped, BAD_HOTFIX, "UNHEALTHY", 4, **{**known, **changes})


def red(outcome: Outcome) -> set[str]:
    return {condition.says for condition in outcome.conditions if not condition.holds}


def good(**changes: object) -> set[str]:
    return red(judged_good("good", promoted(GOOD, **changes)))


def bad(**changes: object) -> set[str]:
    return red(judged_bad("bad", stopped(WORSE, **changes), AGAIN))


def again(**changes: object) -> set[str]:
    return red(judged_bad("bad", stopped(WORSE), replace(AGAIN, **changes)))


def fixed(**changes: object) -> set[str]:
    return red(judged_hotfix("fixed", WITHOUT_MARK, hotfix(**changes)))


def without_mark(**changes: object) -> set[str]:
    return red(judged_hotfix("fixed", replace(WITHOUT_MARK, **changes), hotfix()))


def stopped_hotfix(**changes: object) -> set[str]:
    return red(judged_bad_hotfix("bad", bad_hotfix(**changes)))


def test_what_should_happen_passes() -> None:
    assert [good(), bad(), again(), fixed(), without_mark(), stopped_hotfix()] == [set()] * 6


def test_figures_and_time_line_tell_what_was_seen() -> None:
    outcome = judged_good("good", promoted(GOOD))
    assert outcome.figures["release: held before all traffic"] == "1.0 s here, 0.5 rehearsed minutes"
    assert "live 0 bad of 400, candidate 0 bad of 40: HEALTHY" in outcome.figures.values()
    assert any("HOOK_PASSED" in what for _, what in outcome.timeline)


@pytest.mark.parametrize("judged", [good, bad, fixed, stopped_hotfix], ids=lambda one: one.__name__)
class TestEveryRelease:
    def test_a_load_that_stopped_early_shows_nothing(self, judged: Callable[..., set[str]]) -> None:
        assert "the load was sent whole and on time" in judged(watched=watched(spread(0, END - 5)))

    @pytest.mark.parametrize("count", [0, 2])
    def test_none_or_two_deployments_are_seen(self, judged: Callable[..., set[str]], count: int) -> None:
        assert any("the one deployment" in says for says in judged(deployments=promoted(GOOD).deployments * count))

    def test_a_cdk_deploy_that_ended_the_other_way_is_seen(self, judged: Callable[..., set[str]]) -> None:
        other = UPDATED if judged in {bad, stopped_hotfix} else BACK
        assert any(says.startswith("cdk deploy ends") for says in judged(deploy=other))

    def test_another_watch_of_the_alarms_is_seen(self, judged: Callable[..., set[str]]) -> None:
        other = "MONITORING_COMPLETE" if judged in {fixed, stopped_hotfix} else "DISABLED"
        assert any("the one deployment" in says for says in judged(watch=other))

    def test_any_other_way_of_the_weights_is_seen(self, judged: Callable[..., set[str]]) -> None:
        assert any("the rule gave the candidate" in says for says in judged(weights=went(50)))

    def test_weights_that_end_on_both_sides_are_seen(self, judged: Callable[..., set[str]]) -> None:
        assert any(says.startswith("100 % of production") for says in judged(final_weights={"green": 5, "blue": 95}))

    def test_a_judge_that_counted_nothing_shows_nothing(self, judged: Callable[..., set[str]]) -> None:
        assert "what the judge counted, users met" in judged(explained={"comparisons": []})

    def test_another_verdict_is_seen(self, judged: Callable[..., set[str]]) -> None:
        guardrail = FLOOR if judged in {fixed, stopped_hotfix} else "errors"
        assert any("bluegreen explain finds" in says for says in judged(explained=explained(guardrail, "UNSURE", 0)))

    def test_more_requests_than_users_sent_are_seen(self, judged: Callable[..., set[str]]) -> None:
        records = [one for one in promoted(GOOD).watched.records if one.side == "blue"]
        assert "what the judge counted, users met" in judged(watched=watched(records))


class TestAGoodRelease:
    def test_one_lost_request_is_enough(self) -> None:
        lost = replace(promoted(GOOD).watched.records[5], status=503)
        assert "no request failed and no stream broke" in good(watched=watched([*promoted(GOOD).watched.records, lost]))

    @pytest.mark.parametrize(
        "history", [(), (item("HOOK_PASSED", "replay", replay="replay", done=0, candidate=[0, 0]),)]
    )
    def test_a_replay_that_sent_nothing_is_seen(self, history: tuple[dict[str, object], ...]) -> None:
        assert any("has the replay's result" in says for says in good(history=history))

    def test_a_hook_that_never_had_to_wait_shows_nothing(self) -> None:
        assert any("held it IN_PROGRESS" in says for says in good(hooks="SUCCEEDED: step 1 may be left"))

    def test_a_step_that_was_left_unasked_is_seen(self) -> None:
        unasked = tuple(one for one in PASSED if one.stage != HELD)
        deployments = tuple(replace(one, milestones=unasked) for one in promoted(GOOD).deployments)
        assert any("held it IN_PROGRESS" in says for says in good(deployments=deployments))

    def test_a_user_who_met_it_before_the_first_shift_is_seen(self) -> None:
        early = spread(4.0, 4.1, own=GOOD)
        assert "before the first shift nobody met the candidate" in good(
            watched=watched([*promoted(GOOD).watched.records, *early])
        )

    def test_an_answer_of_live_after_the_last_step_is_seen(self) -> None:
        late = spread(25.0, 25.1)
        assert "after the last step every answer is the candidate's, and good" in good(
            watched=watched([*promoted(GOOD).watched.records, *late])
        )


class TestAReleaseThatIsWorse:
    def test_an_alarm_that_would_have_stopped_it_is_seen(self) -> None:
        assert "no alarm on errors, latency or targets went off" in bad(rang=frozenset({"A/ErrorRate"}))

    def test_the_alarm_on_the_verdict_is_the_judges_own(self) -> None:
        (one,) = stopped(WORSE).deployments
        by_alarm = replace(one, reason="alarm detected", alarms=("A/Verdict",))
        assert bad(rang=frozenset({"A/Verdict"}), deployments=(by_alarm,)) == set()

    @pytest.mark.parametrize("reason", ["POST_TEST_TRAFFIC_SHIFT lifecycle hook(s) failed.", "circuit breaker"])
    def test_another_reason_than_the_judge_is_seen(self, reason: str) -> None:
        (one,) = stopped(WORSE).deployments
        assert any("because of the judge" in says for says in bad(deployments=(replace(one, reason=reason),)))

    def test_a_history_without_the_evidence_is_seen(self) -> None:
        assert "bluegreen history has the evidence against it" in bad(history=(REPLAYED,))

    def test_a_user_of_live_who_suffered_is_seen(self) -> None:
        hurt = [*stopped(WORSE).watched.records, replace(spread(12.0, 12.1)[0], status=502)]
        assert "nobody suffered who did not meet the candidate" in bad(watched=watched(hurt))

    def test_a_bad_answer_after_the_way_back_is_seen(self) -> None:
        late = [*stopped(WORSE).watched.records, replace(spread(25.0, 25.1)[0], status=502)]
        assert "once all traffic was back, every answer was live's and good" in bad(watched=watched(late))

    def test_a_release_without_its_fault_shows_nothing(self) -> None:
        healthy = [replace(one, status=200) for one in stopped(WORSE).watched.records]
        assert "users met the fault: it answers 5xx" in bad(watched=watched(healthy))


@pytest.mark.parametrize(("judged", "word"), [(again, "deployed again"), (without_mark, "without the mark")])
class TestARefusedRelease:
    def test_a_task_that_was_started_is_seen(self, judged: Callable[..., set[str]], word: str) -> None:
        assert judged(started=1) == {f"{word}: no task was started"}

    def test_another_reason_is_seen(self, judged: Callable[..., set[str]], word: str) -> None:
        (says,) = judged(history=(item("REFUSED", "could not be judged for 1 hour"),))
        assert says.startswith(f"{word}: the judge refused it")

    def test_traffic_that_it_got_is_seen(self, judged: Callable[..., set[str]], word: str) -> None:
        assert f"{word}: the rule gave the candidate no share at all" in judged(weights=went(0))

    def test_a_user_who_met_it_is_seen(self, judged: Callable[..., set[str]], word: str) -> None:
        met = [*spread(0, END), *spread(12.0, 12.05, own="x")]
        assert f"{word}: no user met it" in judged(watched=watched(met))

    def test_a_stack_that_was_updated_is_seen(self, judged: Callable[..., set[str]], word: str) -> None:
        assert any(says.startswith(f"{word}: cdk deploy ends") for says in judged(stack_status="UPDATE_COMPLETE"))

    def test_a_load_that_stopped_early_says_whose_it_was(self, judged: Callable[..., set[str]], word: str) -> None:
        assert f"{word}: the load was sent whole and on time" in judged(watched=watched(spread(0, END - 5)))


class TestAHotfix:
    def test_a_live_release_that_did_not_fail_shows_nothing(self) -> None:
        assert "users of live met its failures" in fixed(watched=promoted(HOTFIX).watched)

    def test_a_bad_answer_of_the_hotfix_is_seen(self) -> None:
        bad_one = replace(spread(15.0, 15.1, own=HOTFIX)[0], status=500)
        records = [*promoted(HOTFIX, live_fails=True).watched.records, bad_one]
        assert "no answer of the hotfix was bad" in fixed(watched=watched(records))

    def test_a_history_without_the_reason_is_seen(self) -> None:
        assert "bluegreen history has why the hotfix was let in" in fixed(history=(item("STARTED", "it began"),))

    def test_a_comparison_with_live_that_was_asked_nevertheless_is_seen(self) -> None:
        both = [*explained("errors", "HEALTHY", 0)["comparisons"], *explained(FLOOR, "HEALTHY", 0)["comparisons"]]
        assert any("asked nothing else" in says for says in fixed(explained={"comparisons": both}))

    def test_an_alarm_that_stopped_the_bad_one_is_seen(self) -> None:
        (one,) = bad_hotfix().deployments
        by_alarm = replace(one, alarms=("A/ErrorRate",))
        assert "the judge stopped it in the bake by a call, and no alarm did" in stopped_hotfix(deployments=(by_alarm,))

    def test_a_bad_one_that_nobody_stopped_is_seen(self) -> None:
        assert "the judge stopped it in the bake by a call, and no alarm did" in stopped_hotfix(calls={})

    def test_a_bad_one_that_a_hook_stopped_before_the_bake_is_seen(self) -> None:
        (one,) = bad_hotfix().deployments
        by_hook = replace(one, milestones=FAILED)
        assert "the judge stopped it in the bake by a call, and no alarm did" in stopped_hotfix(deployments=(by_hook,))

    def test_an_answer_of_the_bad_one_after_the_way_back_is_seen(self) -> None:
        late = [*bad_hotfix().watched.records, *spread(27.0, 27.1, own=BAD_HOTFIX)]
        assert "once all traffic was back, every answer was live's" in stopped_hotfix(watched=watched(late))
