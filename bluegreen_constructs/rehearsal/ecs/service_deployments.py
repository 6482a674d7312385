"""Service deployments: one driver each, and the history that ListServiceDeployments and its kin answer from.

A driver only does what `lifecycle` says: it looks, advances, acts, and waits until something may have changed.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ...engine.errors import BlueGreenError
from .deployment_plan import Stage, read_plan
from .deployment_run import CallHook, Request, Run, Seen, Status, Tasks
from .hook_visits import HookAnswer, HookStatus, HookVisit
from .lifecycle import advance, begin, look_again_at
from .lifecycle_script import Change
from .revision import Revision


@dataclass(frozen=True, slots=True)
class Milestone:
    """One thing that happened, at `at` (rehearsed) and `wall` (real), both in seconds since the epoch."""

    at: float
    wall: float
    what: str
    status: str
    stage: str
    production: float


@dataclass
class Deployment:
    """One service deployment. Instants are rehearsed seconds; `run` is where it is."""

    arn: str
    target: Revision
    source: Revision | None
    strays: tuple[Revision, ...]
    configuration: Mapping[str, object]
    created_at: float
    run: Run
    started_at: float | None = None
    finished_at: float | None = None
    rollback_at: float | None = None
    updated_at: float = 0.0
    failed_tasks: int = 0
    threshold: int = 0
    timeline: list[Milestone] = field(default_factory=list)
    answers: dict[str, HookAnswer] = field(default_factory=dict)
    request: Request | None = None
    request_reason: str = ""
    ended: threading.Event = field(default_factory=threading.Event)
    nudged: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def service_arn(self) -> str:
        """The service that is deployed."""
        return self.target.service_arn

    def ask(self, request: Request, reason: str) -> None:
        """Ask the driver to roll back or to stop."""
        self.request, self.request_reason = request, reason
        self.nudged.set()

    def answer(self, hook_id: str, answer: HookAnswer) -> None:
        """Answer a hook."""
        self.answers[hook_id] = answer
        self.nudged.set()


class Outside(Protocol):
    """What a driver sees and does. Every method may raise BlueGreenError in ECS's words: the deployment fails."""

    def prepare(self, deployment: Deployment) -> Revision:
        """Check rules and groups, and return the target revision with the groups its tasks go to."""

    def shift_production(self, deployment: Deployment, percent: float) -> None:
        """Give the candidate its share of production traffic."""

    def shift_test(self, deployment: Deployment, percent: float) -> None:
        """Give the candidate its share of test traffic."""

    def run_tasks(self, revision: Revision) -> None:
        """Keep the service's desired count of this revision."""

    def replace_tasks(self, revision: Revision) -> None:
        """Keep the service's desired count of this revision, and stop its other tasks within the service's bounds."""

    def scale_in(self, revision: Revision) -> None:
        """Drain and stop the revision's tasks."""

    def look(self, revision: Revision) -> Tasks:
        """The revision's tasks."""

    def failed_tasks(self, revision: Revision, *, in_a_row: bool) -> int:
        """How many of the revision's tasks have failed."""

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        """Which of these alarms are in the ALARM state."""

    def ask_hook(self, deployment: Deployment, call: CallHook) -> None:
        """Invoke a Lambda hook and give its answer to `deployment.answer`, now or later."""

    def awaits(self, deployment: Deployment, hook: HookVisit) -> None:
        """A pause hook waits for ContinueServiceDeployment; told once."""

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """Something happened; ended deployments are announced once."""


def new_deployment(
    arn: str,
    *,
    target: Revision,
    source: Revision | None,
    strays: tuple[Revision, ...],
    configuration: Mapping[str, object],
    now: float,
) -> Deployment:
    """A pending deployment; ConfigurationError in ECS's words when its configuration cannot be deployed."""
    plan = read_plan(configuration)
    run = Run(
        plan=plan,
        key=arn.rpartition("/")[2],
        has_source=source is not None,
        has_strays=bool(strays),
        has_test_rule=any(ingress.test_rule for ingress in target.ingresses),
    )
    return Deployment(arn, target, source, strays, dict(configuration), now, run, updated_at=now)


class Driver:
    """Plays one deployment to its end.

    `now` is rehearsed, `wall` real time. `wait(deployment, until)` returns at the rehearsed time `until`, or earlier
    when the deployment is nudged or it is time to look again at what does not announce itself (tasks, alarms).
    """

    def __init__(
        self,
        outside: Outside,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        wait: Callable[[Deployment, float], None],
    ) -> None:
        self._outside = outside
        self._now = now
        self._wall = wall
        self._wait = wait

    def play(self, deployment: Deployment, before: Callable[[], None] = lambda: None) -> None:
        """Run to the end; returns when the deployment has ended, however it ended.

        `before` is called first and may wait for and change the deployment; what it raises ends the deployment too.
        """
        try:
            before()
            self._play(deployment)
        except Exception as error:
            # A defect of the rehearsal must end as a failed deployment that says so, not as a stack that hangs.
            said = str(error) if isinstance(error, BlueGreenError) else f"{type(error).__name__}: {error}"
            deployment.run = Run(
                plan=deployment.run.plan,
                key=deployment.run.key,
                has_source=deployment.run.has_source,
                status=Status.ROLLBACK_FAILED,
                reason=f"the rehearsal failed: {said}",
            )
            self._note(deployment, deployment.run.reason)
            raise
        finally:
            deployment.finished_at = self._now()
            deployment.ended.set()

    def _play(self, deployment: Deployment) -> None:
        deployment.started_at = self._now()
        problem = ""
        if deployment.request is None:
            try:
                deployment.target = self._outside.prepare(deployment)
            except BlueGreenError as error:
                problem = _in_ecs_words(error)
            seen = self._seen(deployment, problem)
            deployment.run, problem = begin(deployment.run, seen), seen.problem
        self._note(deployment, "started")
        while not deployment.run.status.has_ended:
            deployment.nudged.clear()
            before = deployment.run
            deployment.run, actions = advance(before, self._seen(deployment, problem))
            self._note_difference(deployment, before)
            problem = ""
            for action in actions:
                try:
                    self._do(deployment, action)
                except BlueGreenError as error:
                    problem = _in_ecs_words(error)
            if not actions and not problem and deployment.run == before:
                self._wait(deployment, look_again_at(before, self._now()))

    def _seen(self, deployment: Deployment, problem: str) -> Seen:
        outside, run, plan = self._outside, deployment.run, deployment.run.plan
        candidate = outside.look(deployment.target)
        deployment.failed_tasks = outside.failed_tasks(deployment.target, in_a_row=plan.breaker.resets_on_healthy_task)
        deployment.threshold = plan.breaker.threshold(candidate.wanted)
        strays = [outside.look(stray) for stray in deployment.strays]
        ringing: frozenset[str] = frozenset()
        # On the way back alarms decide nothing, and one that cannot be read must not hold traffic back.
        is_asked = run.status is Status.PENDING or (run.watches_alarms and run.can_turn_back)
        if plan.alarms.enabled and is_asked:
            try:
                ringing = outside.ringing(plan.alarms.names)
            except BlueGreenError as error:
                problem = problem or _in_ecs_words(error)
        return Seen(
            now=self._now(),
            candidate=candidate,
            live=outside.look(deployment.source) if deployment.source else Tasks(),
            strays=Tasks(0, sum(s.existing for s in strays), sum(s.healthy for s in strays)),
            failed_tasks=deployment.failed_tasks,
            alarms=ringing,
            answers=dict(deployment.answers),
            request=deployment.request,
            request_reason=deployment.request_reason,
            problem=problem,
        )

    def _do(self, deployment: Deployment, action: Change | CallHook) -> None:
        if isinstance(action, CallHook):
            deployment.answers.pop(action.id, None)
            self._outside.ask_hook(deployment, action)
            return
        # Traffic first: nothing is scaled in while a rule still names it.
        if action.production is not None:
            self._outside.shift_production(deployment, action.production)
        if action.test is not None:
            self._outside.shift_test(deployment, action.test)
        if not deployment.run.plan.shifts_traffic:
            self._replace(deployment, forward=action.candidate_runs is True)
            return
        if action.candidate_runs is not None:
            self._run_or_not(deployment.target, runs=action.candidate_runs)
        if action.live_runs is not None and deployment.source is not None:
            self._run_or_not(deployment.source, runs=action.live_runs)
        if action.strays_run is False:
            for stray in deployment.strays:
                self._outside.scale_in(stray)

    def _replace(self, deployment: Deployment, *, forward: bool) -> None:
        """A rolling deployment's one move, there or back; without a source there is nothing to go back to."""
        if forward:
            self._outside.replace_tasks(deployment.target)
        elif deployment.source is not None:
            self._outside.replace_tasks(deployment.source)
        else:
            self._outside.scale_in(deployment.target)

    def _run_or_not(self, revision: Revision, *, runs: bool) -> None:
        if runs:
            self._outside.run_tasks(revision)
        else:
            self._outside.scale_in(revision)

    def _note_difference(self, deployment: Deployment, before: Run) -> None:
        run = deployment.run
        if run.status is Status.ROLLBACK_IN_PROGRESS and deployment.rollback_at is None:
            deployment.rollback_at = self._now()
        if (run.status, run.stage, run.at) != (before.status, before.stage, before.at):
            self._note(deployment, run.reason if run.status is not before.status and run.reason else "")
        elif (run.production, run.test) != (before.production, before.test):
            self._note(deployment, f"production {run.production:g} %, test {run.test:g} % to the candidate")
        known = {visit.id for visit in before.visits}
        for visit in run.visits:
            if visit.status is HookStatus.AWAITING_ACTION and visit.id not in known:
                self._outside.awaits(deployment, visit)

    def _note(self, deployment: Deployment, what: str) -> None:
        run = deployment.run
        deployment.updated_at = self._now()
        if run.status.has_ended:
            deployment.finished_at = self._now()
        stage = run.stage or ""
        milestone = Milestone(self._now(), self._wall(), what, run.status, str(stage), run.production)
        deployment.timeline.append(milestone)
        self._outside.changed(deployment, milestone)


def _in_ecs_words(error: BlueGreenError) -> str:
    sentence = str(error)
    return sentence if sentence.startswith("Service deployment") else f"because {sentence}"


class DeploymentHistory:
    """The deployments and revisions of all services, newest last; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deployments: dict[str, Deployment] = {}

    def add(self, deployment: Deployment) -> None:
        """Keep a deployment."""
        with self._lock:
            self._deployments[deployment.arn] = deployment

    def get(self, arn: str) -> Deployment | None:
        """The deployment with this ARN."""
        with self._lock:
            return self._deployments.get(arn)

    def of(self, service_arn: str) -> tuple[Deployment, ...]:
        """A service's deployments, oldest first."""
        with self._lock:
            return tuple(d for d in self._deployments.values() if d.service_arn == service_arn)

    def all(self) -> tuple[Deployment, ...]:
        """Every deployment, oldest first."""
        with self._lock:
            return tuple(self._deployments.values())

    def running(self, service_arn: str) -> Deployment | None:
        """The deployment of a service that has not ended."""
        return next((d for d in self.of(service_arn) if not d.ended.is_set()), None)

    def live(self, service_arn: str) -> Revision | None:
        """What a rollback goes back to: the last successful revision.

        Before there is one, a first deployment that was stopped with all traffic on its tasks counts: they serve.
        """
        for deployment in reversed(self.of(service_arn)):
            run = deployment.run
            has_all_traffic = run.status is Status.STOPPED and not run.has_source and run.production == 100.0
            if run.status is Status.SUCCESSFUL or has_all_traffic:
                return deployment.target
        return None

    def revision(self, arn: str) -> Revision | None:
        """A revision by its ARN."""
        return next((d.target for d in reversed(self.all()) if d.target.arn == arn), None)


def stage_times(deployment: Deployment) -> list[dict[str, object]]:
    """The timeline as JSON can hold it."""
    return [
        {
            "at": milestone.at,
            "wall": milestone.wall,
            "status": milestone.status,
            "stage": milestone.stage,
            "production": milestone.production,
            "what": milestone.what,
        }
        for milestone in deployment.timeline
    ]


def is_in_clean_up(deployment: Deployment) -> bool:
    """Whether it is too late to go back: the former live side is being scaled in."""
    return deployment.run.status is Status.IN_PROGRESS and deployment.run.stage is Stage.CLEAN_UP
