"""The life of one ECS service deployment, as a pure state machine: what is seen goes in, what to do comes out.

Played from the developer guide: `blue-green-deployment-how-it-works` (stages, 24 hours a stage),
`deployment-lifecycle-hooks` and `pause-lifecycle-hooks` (hooks, and that a rollback runs those of the two traffic
shifts again), `canary-deployment`, `deployment-type-linear`, `deployment-circuit-breaker`, `deployment-alarm-failure`,
`stop-service-deployment`, `deployment-type-ecs` (rolling deployments) and the API reference of ServiceDeployment
(statuses).

Two choices where AWS says nothing: weights are written when a shift stage begins and its hooks are asked after that;
the first deployment of a service, which has nothing to hold traffic back on, goes to 100 percent in one step.
"""

from dataclasses import replace

from .deployment_plan import DAY, Stage
from .deployment_run import TRANSITIONS, Action, CallHook, Happening, Part, Request, Run, Seen, Status
from .hook_visits import HookVisit, opened, problem_of, visited
from .lifecycle_script import Change, Need, Segment, forward_script, rollback_script


def begin(run: Run, seen: Seen) -> Run:
    """Start a pending deployment.

    When an alarm is in ALARM at the start, ECS does not monitor alarms for the whole of this deployment, so that a
    fix can be deployed (`deployment-alarm-failure`).
    """
    script = forward_script(
        run.plan, has_source=run.has_source, has_strays=run.has_strays, has_test_rule=run.has_test_rule
    )
    return replace(
        _moved(run, Happening.BEGINS),
        script=script,
        since=seen.now,
        watches_alarms=run.plan.alarms.enabled and not seen.alarms & set(run.plan.alarms.names),
    )


def advance(run: Run, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    """The next state and what to do now; called again after the doing, and whenever something may have changed.

    Comes to rest (the same run, no action) while it waits; `look_again_at` says until when at most.
    """
    if run.status.has_ended:
        return run, ()
    run = _answer_request(run, seen)
    if run.status is Status.STOP_REQUESTED:
        return _moved(run, Happening.HALTS), ()
    run = _judge(run, seen)
    if run.status is Status.STOP_REQUESTED:
        return _moved(run, Happening.HALTS), ()
    for _ in range(10 * len(run.script) + 20):
        before = run
        run, actions = _one_step(run, seen)
        if actions or run == before or run.status.has_ended:
            return run, actions
    raise AssertionError("a deployment's stages do not come to rest")


def look_again_at(run: Run, now: float) -> float:
    """The rehearsed time at which the passing of time alone changes something (at the latest: the stage's end)."""
    if run.status.has_ended or not run.script:
        return now
    segment = run.script[run.at]
    times = [(run.since if run.plan.shifts_traffic else now) + DAY]
    if run.held_since is not None:
        times.append(run.held_since + segment.hold)
    times.extend(visit.expires_at for visit in run.visits if visit.is_open)
    times.extend(visit.ask_at for visit in run.visits if visit.is_open and not visit.asked)
    return max(now, min(times))


def _moved(run: Run, happening: Happening, reason: str = "") -> Run:
    return replace(run, status=TRANSITIONS[run.status, happening], reason=reason or run.reason)


def _answer_request(run: Run, seen: Seen) -> Run:
    if seen.request is Request.ROLLBACK and run.can_turn_back:
        reason = seen.request_reason or "Service deployment rolled back because of a StopServiceDeployment request."
        return _turned_back(_moved(run, Happening.IS_TO_ROLL_BACK, reason), seen, Happening.TURNS_BACK)
    can_stop = run.can_turn_back or not run.is_forward  # in CLEAN_UP the candidate is live: it only tidies up
    if seen.request is Request.STOP and can_stop and (run.status, Happening.IS_TO_STOP) in TRANSITIONS:
        return _moved(run, Happening.IS_TO_STOP, seen.request_reason or "Service deployment stopped by a request.")
    return run


def _judge(run: Run, seen: Seen) -> Run:
    """Fail the deployment for a refused call, the circuit breaker, an alarm, or a stage that takes too long."""
    if run.status is Status.ROLLBACK_IN_PROGRESS and (seen.problem or _is_overdue(run, seen.now)):
        why = seen.problem or "because it took longer than 24 hours."
        return _moved(run, Happening.CANNOT_GO_BACK, f"Service deployment rollback failed {why}")
    if not run.can_turn_back:
        return run
    if seen.problem:
        return _failed(run, seen, seen.problem, rolls_back=True)
    breaker, alarms = run.plan.breaker, run.plan.alarms
    if breaker.enabled and seen.failed_tasks >= breaker.threshold(seen.candidate.wanted):
        reason = "because the circuit breaker threshold was exceeded."
        return _failed(replace(run, breaker_triggered=True), seen, reason, rolls_back=breaker.rolls_back)
    ringing = seen.alarms & set(alarms.names) if run.watches_alarms else frozenset()
    if ringing:
        reason = f"because alarm(s) {', '.join(sorted(ringing))} went into the ALARM state."
        return _failed(replace(run, triggered_alarms=ringing), seen, reason, rolls_back=alarms.rolls_back)
    if _is_overdue(run, seen.now):
        reason = f"because the {run.script[run.at].stage} stage took longer than 24 hours."
        return _failed(run, seen, reason, rolls_back=True)
    return run


def _is_overdue(run: Run, now: float) -> bool:
    """A stage may last 24 hours, or as long as its pause; a bake ends by itself.

    A rolling deployment has no stages: without a circuit breaker ECS goes on trying to start its tasks.
    """
    if run.part == Part.HOLDING or not run.script or not run.plan.shifts_traffic:
        return False
    return now - run.since > max([DAY, *(visit.hook.timeout for visit in run.visits if visit.hook.is_pause)])


def _failed(run: Run, seen: Seen, reason: str, *, rolls_back: bool) -> Run:
    verb = "rolled back" if rolls_back else "failed"
    sentence = reason if reason.startswith("Service deployment") else f"Service deployment {verb} {reason}"
    if rolls_back:
        return _turned_back(replace(run, reason=sentence), seen, Happening.FAILS)
    return _moved(run, Happening.FAILS_FOR_GOOD, sentence)


def _turned_back(run: Run, seen: Seen, happening: Happening) -> Run:
    return replace(
        _moved(run, happening),
        script=rollback_script(
            _visited_stages(run), has_test_rule=run.has_test_rule, is_rolling=not run.plan.shifts_traffic
        ),
        at=0,
        part=Part.BEFORE,
        since=seen.now,
        held_since=None,
        rollback_reason=run.reason,
        past_visits=(*run.past_visits, *run.visits),
        visits=(),
    )


def _visited_stages(run: Run) -> set[Stage]:
    return {segment.stage for segment in run.script[: run.at + 1]} if run.plan.shifts_traffic else set()


def _one_step(run: Run, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    """One part of the current segment: before, change, hooks, after, hold."""
    if run.at == len(run.script):
        return _ended(run), ()
    segment = run.script[run.at]
    if run.part == Part.BEFORE:
        return (replace(run, part=Part.CHANGING), ()) if _is_met(segment.before, seen) else (run, ())
    if run.part == Part.CHANGING:
        return _changed(run, segment, seen)
    if run.part == Part.ASKING:
        return _asked(run, segment, seen)
    if run.part == Part.AFTER:
        # The live release serves from the candidate by now: a task that does not end holds up nothing.
        is_over = segment.stage is Stage.CLEAN_UP and run.is_forward and _is_overdue(run, seen.now)
        is_met = is_over or _is_met(segment.after, seen)
        return (replace(run, part=Part.HOLDING, held_since=seen.now), ()) if is_met else (run, ())
    held_since = seen.now if run.held_since is None else run.held_since
    if seen.now - held_since < segment.hold:
        return run, ()
    forward = replace(
        run,
        at=run.at + 1,
        part=Part.BEFORE,
        since=seen.now,
        held_since=None,
        past_visits=(*run.past_visits, *run.visits),
        visits=(),
    )
    return (_ended(forward) if forward.at == len(forward.script) else forward), ()


def _call(visit: HookVisit, segment: Segment) -> CallHook:
    change = segment.change or Change()
    return CallHook(visit.id, visit.hook, visit.stage, visit.details, change.production, change.test)


def _ended(run: Run) -> Run:
    if run.status is Status.IN_PROGRESS:
        return replace(_moved(run, Happening.COMPLETES), at=len(run.script) - 1)
    run = replace(run, at=len(run.script) - 1)
    if run.has_source:
        return _moved(run, Happening.IS_BACK)
    # Seen by many on a failed create: the reason of the failure is then in the service's events only.
    return _moved(run, Happening.CANNOT_GO_BACK, "No rollback candidate was found to run the rollback.")


def _changed(run: Run, segment: Segment, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    hooks = run.plan.hooks_at(segment.stage) if segment.asks_hooks else ()
    visits = opened(hooks, segment.stage, key=f"{run.key}-{len(run.past_visits)}", now=seen.now)
    change = segment.change
    run = replace(run, part=Part.ASKING, visits=visits)
    if change is None:
        return run, ()
    if change.production is not None:
        run = replace(run, production=change.production)
    if change.test is not None:
        run = replace(run, test=change.test)
    return run, (change,)


def _is_met(need: Need, seen: Seen) -> bool:
    if need is Need.CANDIDATE_HEALTHY:
        return seen.candidate.healthy >= seen.candidate.wanted
    if need is Need.CANDIDATE_GONE:
        return seen.candidate.existing == 0
    if need is Need.LIVE_GONE:
        return seen.live.existing == 0
    if need is Need.STRAYS_GONE:
        return seen.strays.existing == 0
    if need is Need.REPLACED:
        has_replaced = seen.candidate.healthy >= seen.candidate.wanted
        return has_replaced and seen.live.existing == 0 and seen.strays.existing == 0
    if need is Need.RESTORED:
        return seen.candidate.existing == 0 and seen.live.healthy >= seen.live.wanted
    return True


def _asked(run: Run, segment: Segment, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    """Ask the hooks of this stage until all have succeeded; one failure fails the deployment.

    On the way back a failing hook changes nothing: traffic has moved already, and there is nowhere else to go.
    """
    visits = tuple(visited(visit, seen.answers.get(visit.id), seen.now) for visit in run.visits)
    run = replace(run, visits=visits)
    for visit in visits:
        if run.is_forward and (sentence := problem_of(visit, seen.answers.get(visit.id))):
            return _failed(run, seen, sentence, rolls_back=True), ()
    due = [visit for visit in visits if visit.is_open and not visit.asked and visit.ask_at <= seen.now]
    calls = tuple(_call(visit, segment) for visit in due if not visit.hook.is_pause)
    if calls:
        asked = {call.id for call in calls}
        return replace(run, visits=tuple(replace(v, asked=True) if v.id in asked else v for v in visits)), calls
    if any(visit.is_open for visit in visits):
        return run, ()
    return replace(run, part=Part.AFTER), ()
