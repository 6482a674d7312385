"""Conditions on releases of a judged service that several scenarios share. Pure."""

from collections.abc import Sequence

from ..outcome import Condition
from .judged_seen import BAKE, HELD, JudgedRelease, was_passed
from .told_by_bluegreen import comparison_in, events_in
from .traffic_conditions import all_on, in_share, none_by, nothing_lost

_STOP = "ecs:StopServiceDeployment"
VERDICT_ALARM = "Verdict"
ERROR_ALARM = "ErrorRate"


def deployed(seen: JudgedRelease) -> Condition:
    """The CDK CLI ended well, and CloudFormation did."""
    return Condition(
        "cdk deploy ends 0 with the stack updated",
        seen.deploy.succeeded and seen.stack_status == "UPDATE_COMPLETE",
        f"exit code {seen.deploy.exit_code}, {seen.stack_status}",
    )


def went_back(seen: JudgedRelease) -> Condition:
    """The CDK CLI says that it failed, and CloudFormation has gone back."""
    return Condition(
        "cdk deploy ends non-zero with the stack rolled back",
        not seen.deploy.succeeded and seen.stack_status == "UPDATE_ROLLBACK_COMPLETE",
        f"exit code {seen.deploy.exit_code}, {seen.stack_status}",
    )


def ended(seen: JudgedRelease, status: str, *, watched: bool) -> Condition:
    """There was one deployment; how it ended, and whether ECS watched alarms meanwhile."""
    wanted = "watched by its alarms" if watched else "without any alarm watched (DISABLED)"
    one = seen.deployment
    is_as_wanted = one is not None and one.watches_alarms is watched and (seen.watch == "DISABLED") is not watched
    return Condition(
        f"the one deployment, {wanted}, ended {status}",
        one is not None and one.status == status and is_as_wanted,
        f"{len(seen.deployments)} deployments"
        if one is None
        else f"{one.status}, its alarms {seen.watch or 'not said'}",
    )


def rule_went(seen: JudgedRelease, *wanted: float) -> Condition:
    """Whether the load balancer served just these shares of the candidate, in this order."""
    said = ", then ".join(f"{share:g} %" for share in wanted) or "no share at all"
    found = " → ".join(f"{share:g} %" for share in seen.shares) or "no change of weights"
    return Condition(f"the rule gave the candidate {said}", seen.shares == wanted, found)


def met_as_planned(seen: JudgedRelease, percent: float) -> Sequence[Condition]:
    """Nobody met the candidate before the first step, and then its share of users did."""
    side = seen.candidate_side
    return (
        none_by("before the first shift nobody met the candidate", seen.before(), side, at_least=seen.watched.enough),
        in_share("in its step the candidate answered its share", seen.in_the_step(), side, percent),
    )


def candidate_serves(seen: JudgedRelease) -> Condition:
    """After the last change every answer is the candidate's, and good."""
    after = seen.afterwards()
    own = sum(one.release == seen.release for one in after)
    bad = sum(one.is_bad for one in after)
    return Condition(
        "after the last step every answer is the candidate's, and good",
        len(after) >= seen.watched.enough and own == len(after) and bad == 0,
        f"{own} of {len(after)} answers, {bad} bad",
    )


def ends_on(seen: JudgedRelease, side: str) -> Condition:
    """The live rule's weights are all on one side."""
    return all_on(side, seen.final_weights)


def only_the_candidate_failed(seen: JudgedRelease) -> Sequence[Condition]:
    """Users met what is wrong with it, and nobody else suffered."""
    own = [one for one in seen.of_candidate() if one.is_failed]
    others = seen.of_others()
    hurt = [one for one in others if one.is_bad]
    said = f" ({hurt[0].error or hurt[0].status})" if hurt else ""
    return (
        Condition("users met the fault: it answers 5xx", bool(own), f"{len(own)} of its {len(seen.of_candidate())}"),
        Condition(
            "nobody suffered who did not meet the candidate",
            bool(others) and not hurt,
            f"{len(hurt)} of {len(others)} other answers failed or were wrong{said}",
        ),
    )


def replayed(seen: JudgedRelease) -> Condition:
    """The golden requests were sent to both sides before any user met the candidate, and the history says so."""
    found = [one for one in events_in(seen.history, "HOOK_PASSED") if one["evidence"].get("replay")]
    done = sum(int(one["evidence"]["done"]) for one in found)
    bad = sum(int(one["evidence"]["candidate"][1]) for one in found)
    first = seen.deployment.milestones if seen.deployment is not None else ()
    is_before = any(one.stage == "POST_TEST_TRAFFIC_SHIFT" and one.production == 0 for one in first)
    return Condition(
        "bluegreen history has the replay's result, from before any user met the candidate",
        bool(found) and is_before and done > 0 and bad == 0,
        "; ".join(str(one["reason"]) for one in found) or "no result of a replay",
    )


def held_until_healthy(seen: JudgedRelease) -> Condition:
    """The judge's hook answered IN_PROGRESS at the step's share, and let all traffic pass once the evidence was there.

    What it answered is what its function wrote; that ECS waited is ECS's own account.
    """
    held, asked = seen.held(), seen.hooks.count("IN_PROGRESS: not enough evidence")
    spent = 0.0 if held is None else held[1].wall - held[0].wall
    return Condition(
        "the judge's hook held it IN_PROGRESS at its step, then let all traffic pass",
        held is not None and asked > 0 and was_passed(held[1]),
        "it was never asked after the first step"
        if held is None
        else f"{asked} answers IN_PROGRESS in {spent * seen.speed / 60:.1f} rehearsed minutes, then {held[1].stage}",
    )


def found(seen: JudgedRelease, guardrail: str, verdict: str) -> Sequence[Condition]:
    """What explain says of that guardrail; no other one counted requests, and what it counted users met."""
    verdicts = {one["guardrail"]: one["verdict"] for one in seen.explained.get("comparisons", ())}
    candidate = comparison_in(seen.explained, guardrail).get("candidate") or {"requests": 0, "bad": 0}
    requests, bad = int(candidate["requests"]), int(candidate["bad"])
    own = seen.of_candidate()
    failed = sum(one.status is not None and one.status >= 500 for one in own)
    return (
        Condition(
            f"bluegreen explain finds {guardrail} {verdict}, and asked nothing else that counts requests",
            verdicts == {guardrail: verdict},
            ", ".join(f"{name} {said}" for name, said in verdicts.items()) or "it counted nothing",
        ),
        Condition(
            "what the judge counted, users met",
            0 < requests <= len(own) and bad <= failed and (bad > 0) == (verdict == "UNHEALTHY"),
            f"it counted {bad} bad of {requests}, users met {failed} of {len(own)}",
        ),
    )


def silent(seen: JudgedRelease) -> Condition:
    """No alarm of CloudWatch's own went off: only the judge's, if any."""
    foreign = sorted(name for name in seen.rang if VERDICT_ALARM not in name)
    return Condition(
        "no alarm on errors, latency or targets went off", not foreign, ", ".join(foreign) or "none went off"
    )


def stopped_by_the_judge(seen: JudgedRelease) -> Condition:
    """ECS went back for the judge's sake: its hook answered FAILED, or the alarm on its verdict went off."""
    one = seen.deployment
    alarms = () if one is None else one.alarms
    by_alarm = any(VERDICT_ALARM in name for name in alarms)
    by_hook = one is not None and not alarms and f"{HELD} lifecycle hook" in one.reason
    by = "the alarm on its verdict, between hooks" if by_alarm else "its hook before the next step"
    reason = "no deployment" if one is None else one.reason or "no reason"
    return Condition(
        "ECS went back because of the judge: by its hook, or by the alarm on its verdict",
        by_alarm or by_hook,
        f"by {by}: {reason}" if by_alarm or by_hook else reason,
    )


def stopped_by_a_call(seen: JudgedRelease) -> Condition:
    """The judge took it back while it baked, where neither an alarm is watched nor a hook asked."""
    calls, one = seen.calls.get(_STOP, 0), seen.deployment
    has_baked = one is not None and any(stage.stage == BAKE for stage in one.milestones)
    alarms = () if one is None else one.alarms
    return Condition(
        "the judge stopped it in the bake by a call, and no alarm did",
        calls > 0 and has_baked and not alarms,
        f"{calls} calls of {_STOP}, {'in the bake' if has_baked else 'before the bake'}, "
        f"alarms that stopped it: {', '.join(alarms) or 'none'}; {one.reason if one is not None else 'no deployment'}",
    )


def refused(seen: JudgedRelease, *words: str) -> Sequence[Condition]:
    """The hook before anything is started refused the release with these words, and nothing was started."""
    reasons = [str(item["reason"]) for item in events_in(seen.history, "REFUSED")]
    return (
        went_back(seen),
        Condition(
            "the judge refused it before anything was started, and the history says why",
            bool(words) and any(all(word in reason for word in words) for reason in reasons),
            "; ".join(reasons) or "the history has no refusal",
        ),
        Condition("no task was started", seen.started == 0, f"{seen.started} tasks started"),
        rule_went(seen),
        none_by("no user met it", seen.watched.records, seen.candidate_side, at_least=seen.watched.enough),
        ends_on(seen, seen.live_side),
    )


def rejected(seen: JudgedRelease) -> Condition:
    """The history says which evidence spoke against the release."""
    said = [str(item["reason"]) for item in events_in(seen.history, "UNHEALTHY")]
    return Condition("bluegreen history has the evidence against it", bool(said), "; ".join(said) or "it has none")


def all_was_well(seen: JudgedRelease) -> Condition:
    """No request failed, whoever answered it."""
    return nothing_lost(seen.watched)
