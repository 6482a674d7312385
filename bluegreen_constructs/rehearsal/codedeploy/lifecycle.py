"""The life of one ECS deployment as a pure state machine: what is seen goes in, what to do comes out.

Played from the user guide: `deployment-steps-ecs` (events, stops, rollbacks), `troubleshooting-ecs` (time-outs and
their sentences), `deployments-rollback-and-redeploy`, and published output of a run on AWS (August 2026: for an alarm
the deployment is Stopped, its current event Failed, the later ones Skipped).
"""

from dataclasses import replace

from ..ecs.deployment_plan import MINUTE
from .deployment_plan import RollbackOn
from .deployment_run import TRANSITIONS, Action, AskHook, Happening, Problem, Run, Seen, Status
from .lifecycle_event import Event, EventState, EventStatus
from .lifecycle_script import Side, Wait

HOUR = 60 * MINUTE
_TASK_SET_TIMEOUT = Problem(
    "TIMEOUT",
    "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is "
    "60 minutes.",
)
_HOOK_TIMEOUT = Problem(
    "TIMEOUT",
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one "
    "hour after a deployment hook is invoked.",
)
_HOOK_FAILED = Problem(
    "HOOK_EXECUTION_FAILURE",
    "The deployment failed because one or more of the lifecycle event validation functions failed.",
)
_STOPPED = Problem("MANUAL_STOP", "The deployment was manually stopped.")


def advance(run: Run, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    """The next state and what to do now; called again after the doing, and whenever something may have changed.

    Comes to rest (the same run, no action) while it waits; `look_again_at` says until when at most.
    """
    if run.status.has_ended:
        return run, ()
    if run.status is Status.CREATED and (seen.stop is None or run.is_rollback):
        run = _moved(run, Happening.BEGINS)
    run = _judged(run, seen)
    for _ in range(4 * len(run.script) + 4):
        if run.status.has_ended:
            break
        before = run
        run, actions = _one_step(run, seen)
        if actions or run == before:
            return run, actions
    return run, ()


def look_again_at(run: Run, now: float) -> float:
    """The rehearsed time at which the passing of time alone changes something."""
    if run.status.has_ended or not run.begun:
        return now
    times = [run.since + HOUR]
    if run.held_since is not None:
        times.append(run.held_since + run.segment.hold)
    return max(now, min(times))


def _judged(run: Run, seen: Seen) -> Run:
    """End the deployment for a failed step, a request or an alarm; nothing ends a rollback but a failed step."""
    if seen.problem is not None:
        return _failed(run, seen.problem, seen.now)
    if run.is_rollback or (run.segment.change is not None and run.segment.change.ends is Side.ORIGINAL):
        return run
    if seen.stop is not None:
        ended = _ended(run, Happening.IS_STOPPED, _STOPPED, seen.now, rolls_back=RollbackOn.REQUEST)
        asked = seen.stop.rolls_back
        return ended if asked is None else replace(ended, rolls_back=asked and _has_replacement(run))
    ringing = seen.alarms & set(run.plan.alarms)
    # Before Install there is nothing to take back; an alarm that rings by then stops the deployment there.
    if ringing and run.segment.event is not Event.BEFORE_INSTALL:
        activated = " ".join(f"<{name}>" for name in sorted(ringing))
        message = (
            "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the "
            f"affected deployments have been stopped. Activated alarms: {activated}"
        )
        problem = Problem("ALARM_ACTIVE", message)
        return _ended(run, Happening.IS_STOPPED, problem, seen.now, rolls_back=RollbackOn.ALARM)
    return run


def _one_step(run: Run, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    if run.at == len(run.script):
        return _completed(run, seen.now), ()
    if not run.begun:
        return _begun(run, seen.now)
    if run.hook is not None:
        return _asked(run, run.hook, seen)
    if run.segment.needs_healthy and seen.replacement.healthy < seen.replacement.wanted:
        is_late = seen.now - run.since >= HOUR
        return (_failed(run, _TASK_SET_TIMEOUT, seen.now) if is_late else run), ()
    if run.held_since is None:
        return replace(run, held_since=seen.now), ()
    return _held(run, seen, is_over=seen.now - run.held_since >= run.segment.hold), ()


def _held(run: Run, seen: Seen, *, is_over: bool) -> Run:
    """The end of a step: at once, after its time, or when it is continued before."""
    if run.segment.wait is Wait.READY:
        return _ready(run, seen, is_over=is_over)
    return _next(run, seen.now) if is_over or run.segment.wait in seen.continued else run


def _begun(run: Run, now: float) -> tuple[Run, tuple[Action, ...]]:
    """Start the current step: its event, its change, its hook."""
    segment = run.segment
    run = replace(run, begun=True, since=now, held_since=None)
    if segment.wait is Wait.READY:
        run = _moved(run, Happening.IS_READY)
    if segment.event is not None:
        run = _with_event(run, segment.event, EventStatus.IN_PROGRESS, now)
    actions: list[Action] = []
    if segment.change is not None:
        actions.append(segment.change)
        if segment.change.production is not None:
            run = replace(run, production=segment.change.production)
        if segment.change.test is not None:
            run = replace(run, test=segment.change.test)
    function = run.plan.hooks.get(segment.event) if segment.event is not None and segment.asks_hook else None
    if function is not None and segment.event is not None:
        hook = AskHook(f"{run.key}-{segment.event}", segment.event, function)
        run = replace(run, hook=hook)
        actions.append(hook)
    return run, tuple(actions)


def _asked(run: Run, hook: AskHook, seen: Seen) -> tuple[Run, tuple[Action, ...]]:
    """Wait for PutLifecycleEventHookExecutionStatus."""
    answer = seen.answers.get(hook.id)
    if answer == EventStatus.SUCCEEDED:
        return replace(run, hook=None), ()
    if answer is not None:
        problem = _HOOK_FAILED if answer == EventStatus.FAILED else Problem(_HOOK_FAILED.code, answer)
        return _failed(run, problem, seen.now), ()
    return (_failed(run, _HOOK_TIMEOUT, seen.now) if seen.now - run.since >= HOUR else run), ()


def _ready(run: Run, seen: Seen, *, is_over: bool) -> Run:
    """Ready until it is continued; after its time "the deployment status is changed to Stopped"."""
    if Wait.READY in seen.continued:
        return _next(_moved(run, Happening.GOES_ON), seen.now)
    if not is_over:
        return run
    minutes = round(run.segment.hold / MINUTE)
    message = (
        "The deployment timed out while waiting for a notification to continue. This time out period is "
        f"{minutes} minutes."
    )
    problem = Problem("TIMEOUT", message)
    return _ended(run, Happening.IS_STOPPED, problem, seen.now, rolls_back=RollbackOn.FAILURE)


def _next(run: Run, now: float) -> Run:
    """Go to the next step; an event of several steps ends with the last of them."""
    event, at = run.segment.event, run.at + 1
    following = run.script[at].event if at < len(run.script) else None
    if event is not None and following is not event:
        run = _with_event(run, event, EventStatus.SUCCEEDED, now)
    return replace(run, at=at, begun=False, held_since=None)


def _completed(run: Run, now: float) -> Run:
    run = _moved(replace(run, at=len(run.script) - 1), Happening.COMPLETES)
    for state in run.events:
        if state.status is EventStatus.PENDING:  # a rollback does nothing in them
            run = _with_event(run, state.event, EventStatus.SUCCEEDED, now)
    return run


def _failed(run: Run, problem: Problem, now: float) -> Run:
    return _ended(run, Happening.FAILS, problem, now, rolls_back=RollbackOn.FAILURE)


def _ended(run: Run, happening: Happening, problem: Problem, now: float, *, rolls_back: RollbackOn) -> Run:
    """End before the time: the event in progress has failed, the later ones are skipped."""
    will = not run.is_rollback and rolls_back in run.plan.rolls_back_on and _has_replacement(run)
    ended = _moved(replace(run, error=problem, rolls_back=will, hook=None), happening)
    events = tuple(_left(state, now) for state in run.events)
    return replace(ended, events=events)


def _left(state: EventState, now: float) -> EventState:
    if state.status is EventStatus.IN_PROGRESS:
        return replace(state, status=EventStatus.FAILED, ended_at=now)
    return replace(state, status=EventStatus.SKIPPED) if state.status is EventStatus.PENDING else state


def _has_replacement(run: Run) -> bool:
    """Before Install "a rollback is not possible"."""
    install = next(state for state in run.events if state.event is Event.INSTALL)
    return install.started_at is not None


def _with_event(run: Run, event: Event, status: EventStatus, now: float) -> Run:
    def changed(state: EventState) -> EventState:
        if state.event is not event:
            return state
        started_at = now if state.started_at is None else state.started_at
        ended_at = now if status is not EventStatus.IN_PROGRESS else None
        return EventState(event, status, started_at, ended_at)

    return replace(run, events=tuple(changed(state) for state in run.events))


def _moved(run: Run, happening: Happening) -> Run:
    return replace(run, status=TRANSITIONS[run.status, happening])
