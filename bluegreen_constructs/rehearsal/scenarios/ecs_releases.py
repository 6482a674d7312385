"""ecs-*: a release of the sample service rolled out by Amazon ECS under load, and what becomes of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..application import checkout, sample_application
from ..cdk_run import CdkResult
from ..deployed_service import DeployedService, weights_of
from ..outcome import Outcome
from ..rollout_watch import Rollout, calls_between, rollouts_of, weights_since
from ..session import DeployedApplication, Session, wait_until
from .release_evidence import answered_tests, latency_threshold, rings, said_of
from .release_seen import ExpectedRelease, Fault, Seen
from .traffic_conditions import Watched

CALM_SECONDS = 2.0  # real: load before and after, so that both ends of a rollout are seen
_DEPLOY_LIMIT_SECONDS = 300.0
_QUIET_LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class ReleaseScenario(ExpectedRelease):
    """Rolls the release out with `cdk deploy` and judges what was seen."""

    def play(self, session: Session) -> Outcome:
        """Deploy the release under load, and look at what happened to every request."""
        application = session.application(sample_application(checkout(session.checkout)))
        service = application.service()
        session.say(f"cdk diff: release {self.release}")
        diff = application.diff(self.release).require_success()
        wait_until(
            lambda: not rings(service, session.apis),
            limit_seconds=_QUIET_LIMIT_SECONDS,
            session=session,
            what="all alarms falling silent after the last scenario (ECS watches none that rings at the start)",
        )
        before = session.state()
        known = len(rollouts_of(service, before))
        with application.load(self.name) as load:
            started = time.time()
            time.sleep(CALM_SECONDS)
            session.say(f"cdk deploy: release {self.release} over {application.live_release}")
            deployed = self._deploy(application, service, known)
            time.sleep(CALM_SECONDS)
            stopped = time.time()
            result = load.stop()
            records = tuple(load.records())
        after = session.state()
        rollouts = tuple(rollouts_of(service, after)[known:])
        seen = Seen(
            scenario=self,
            live_release=application.live_release,
            service=service,
            diff=diff.stdout + diff.stderr,
            deploy=deployed,
            stack_status=application.stack_status(),
            rollouts=rollouts,
            weights=tuple(weights_since(service, service.production_rule, after, started)),
            final_weights=weights_of(service.production_rule, session.apis),
            watched=Watched(session.rate_per_second, started, stopped, records, result),
            slow_seconds=latency_threshold(service, session.apis),
            evidence=said_of(rollouts, service, after, session.apis, since=started),
            tested=_tested(rollouts, service, before, after),
            calls=calls_between(before, after),
            speed=session.speed,
        )
        if self.is_good and deployed.succeeded:
            application.live_release = self.release
        return seen.outcome()

    def _deploy(self, application: DeployedApplication, service: DeployedService, known: int) -> CdkResult:
        """Run `cdk deploy` to its end and say each stage of the rollout as it is reached."""
        said = 0
        deadline = time.monotonic() + _DEPLOY_LIMIT_SECONDS
        with application.start_deploy(self.release) as run:
            while (result := run.poll()) is None:
                if time.monotonic() > deadline:
                    return run.wait(limit_seconds=0.0)
                for rollout in rollouts_of(service, application.session.state())[known:]:
                    for milestone in rollout.milestones[said:]:
                        share = f"{rollout.side} gets {milestone.production:g} %"
                        application.session.say(f"  ECS: {milestone.stage} {milestone.status}, {share}")
                    said = max(said, len(rollout.milestones))
                time.sleep(0.25)
            return result


def _tested(
    rollouts: Sequence[Rollout], service: DeployedService, before: Mapping[str, Any], after: Mapping[str, Any]
) -> int:
    """Requests that the candidate's side answered by the test rule during the rollout."""
    return sum(
        answered_tests(service, rollout.side, after) - answered_tests(service, rollout.side, before)
        for rollout in rollouts[:1]
    )


ECS_RELEASES: Sequence[ReleaseScenario] = (
    ReleaseScenario("ecs-good", "a good release goes live step by step, and no request is lost", "2.0.0"),
    ReleaseScenario(
        "ecs-bad-errors",
        "a release that fails one request in five is stopped by the error-rate alarm",
        "2.1.0-errors",
        fault=Fault.ERRORS,
        stopped_by="ErrorRate",
    ),
    ReleaseScenario(
        "ecs-bad-slow",
        "a release that answers too late is stopped by the latency alarm",
        "2.2.0-slow",
        fault=Fault.SLOW,
        stopped_by="Latency",
    ),
    ReleaseScenario(
        "ecs-bad-model",
        "a release that answers wrongly is stopped by its smoke tests before any user meets it",
        "2.3.0-model",
        fault=Fault.UNSEEN,
        stopped_by="POST_TEST_TRAFFIC_SHIFT",
        proof="POST /predict answered 200 without",
    ),
    ReleaseScenario(
        "ecs-crash-on-start",
        "a release whose tasks end at once is stopped by the circuit breaker before any user meets it",
        "2.4.0-crash",
        fault=Fault.UNSEEN,
        stopped_by="circuit breaker",
        proof="crash_on_start",
    ),
)
