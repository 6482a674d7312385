"""Plays a deployment to its end: looks, advances, acts, and waits until something may have changed."""

from collections.abc import Callable
from typing import Protocol

from ...engine.errors import BlueGreenError
from ..ecs.deployment_run import Tasks
from .deployment_run import AskHook, Problem, Run, Seen, Status
from .deployments import Deployment, Milestone
from .lifecycle import advance, look_again_at
from .lifecycle_event import Event
from .lifecycle_script import Change
from .refusals import StepFailedError


class Outside(Protocol):
    """What a driver sees and does. A method that raises StepFailedError fails the deployment."""

    def change(self, deployment: Deployment, change: Change) -> None:
        """Make the outside as the change has it: task sets, listeners."""

    def look(self, deployment: Deployment) -> Tasks:
        """The replacement's tasks."""

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        """Which of these alarms are in the ALARM state; RehearsalError when they cannot be read."""

    def ask_hook(self, deployment: Deployment, hook: AskHook) -> None:
        """Invoke a function; its answer goes to `deployment.answer`, now or later."""

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """Something happened."""


class Driver:
    """Plays one deployment, and the rollback that it ends with.

    `now` is rehearsed, `wall` real time. `wait(deployment, until)` returns at the rehearsed time `until`, or earlier
    when the deployment is nudged or it is time to look again at what does not announce itself (tasks, alarms).
    `new_rollback` makes and keeps the deployment that rolls back another one.
    """

    def __init__(
        self,
        outside: Outside,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        wait: Callable[[Deployment, float], None],
        new_rollback: Callable[[Deployment, Run], Deployment],
    ) -> None:
        self._outside = outside
        self._now = now
        self._wall = wall
        self._wait = wait
        self._new_rollback = new_rollback

    def play(self, deployment: Deployment) -> None:
        """Run to the end; returns when the deployment, and its rollback, have ended, however they ended."""
        following: Deployment | None = deployment
        while following is not None:
            following = self._to_its_end(following)

    def _to_its_end(self, deployment: Deployment) -> Deployment | None:
        """Play one deployment; returns the rollback that follows it."""
        rollback: Deployment | None = None
        try:
            rollback = self._play(deployment)
        except Exception as error:
            # A defect of the rehearsal must end as a failed deployment that says so, not as one that hangs.
            said = str(error) if isinstance(error, BlueGreenError) else f"{type(error).__name__}: {error}"
            problem = Problem("INTERNAL_ERROR", f"the rehearsal failed: {said}")
            run = deployment.run
            deployment.run = Run(run.plan, run.key, run.script, status=Status.FAILED, events=run.events, error=problem)
            self._note(deployment, problem.message)
            raise
        finally:
            deployment.ended.set()
        return rollback

    def _play(self, deployment: Deployment) -> Deployment | None:
        rollback: Deployment | None = None
        problem: Problem | None = None
        deployment.started_at = self._now()
        while not deployment.run.status.has_ended:
            deployment.nudged.clear()
            before = deployment.run
            run, actions = advance(before, self._seen(deployment, problem))
            if run.rolls_back:  # named before the deployment is seen to have ended
                rollback = self._new_rollback(deployment, run)
            deployment.run = run
            self._note_difference(deployment, before)
            problem = None
            for action in actions:
                try:
                    self._do(deployment, action)
                except StepFailedError as error:
                    problem = Problem(error.code, str(error))
                    break
            if not actions and run == before:
                self._wait(deployment, look_again_at(run, self._now()))
        return rollback

    def _seen(self, deployment: Deployment, problem: Problem | None) -> Seen:
        run = deployment.run
        ringing: frozenset[str] = frozenset()
        if run.plan.alarms and run.event is not Event.BEFORE_INSTALL:
            try:
                ringing = self._outside.ringing(run.plan.alarms)
            except BlueGreenError as error:
                if not run.plan.ignores_unread_alarms:
                    problem = problem or Problem("INTERNAL_ERROR", str(error))
        return Seen(
            now=self._now(),
            replacement=self._outside.look(deployment),
            alarms=ringing,
            answers=dict(deployment.answers),
            continued=frozenset(deployment.continued),
            stop=deployment.stop,
            problem=problem,
        )

    def _do(self, deployment: Deployment, action: Change | AskHook) -> None:
        if isinstance(action, AskHook):
            self._outside.ask_hook(deployment, action)
        else:
            self._outside.change(deployment, action)

    def _note_difference(self, deployment: Deployment, before: Run) -> None:
        run = deployment.run
        if (run.status, run.event, run.at, run.begun) != (before.status, before.event, before.at, before.begun):
            self._note(deployment, run.error.message if run.error is not None else "")

    def _note(self, deployment: Deployment, what: str) -> None:
        run = deployment.run
        deployment.updated_at = self._now()
        if run.status.has_ended:
            deployment.finished_at = self._now()
        milestone = Milestone(self._now(), self._wall(), what, run.status, str(run.event or ""), run.production)
        deployment.timeline.append(milestone)
        self._outside.changed(deployment, milestone)
