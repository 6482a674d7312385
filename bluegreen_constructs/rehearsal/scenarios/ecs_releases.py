"""ecs-*: a release of the sample service rolled out by Amazon ECS under load, and what becomes of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..application import checkout, sample_application
from ..cdk_run import CdkResult
from ..deployed_service import DeployedService, weights_of
from ..outcome import Outcome
from ..rollout_watch import calls_between, rollouts_of, weights_of_rule
from ..session import DeployedApplication, Session
from .release_seen import ExpectedRelease, Seen

CALM_SECONDS = 2.0  # real: load before and after, so that both ends of a rollout are seen
_DEPLOY_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class ReleaseScenario(ExpectedRelease):
    """Rolls the release out with `cdk deploy` and judges what was seen."""

    def play(self, session: Session) -> Outcome:
        """Deploy the release with `cdk deploy` under load, and look at what happened to every request."""
        application = session.application(sample_application(checkout(session.checkout)))
        service = application.service()
        session.say(f"cdk diff: release {self.release}")
        diff = application.diff(self.release).require_success()
        before = session.state()
        known = len(rollouts_of(service, before))
        with application.load(self.name) as load:
            time.sleep(CALM_SECONDS)
            session.say(f"cdk deploy: release {self.release} over {application.live_release}")
            result = self._deploy(application, service, known)
            time.sleep(CALM_SECONDS)
            figures = load.stop()
        after = session.state()
        seen = Seen(
            scenario=self,
            live_release=application.live_release,
            service=service,
            diff=diff.stdout + diff.stderr,
            deploy=result,
            stack_status=application.stack_status(),
            rollouts=tuple(rollouts_of(service, after)[known:]),
            weights=tuple(weights_of_rule(service, service.production_rule, after)),
            final_weights=weights_of(service.production_rule, session.apis),
            records=tuple(load.records()),
            load=figures,
            calls=calls_between(before, after),
            speed=session.speed,
        )
        if self.stopped_by is None and result.succeeded:
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


ECS_RELEASES: Sequence[ReleaseScenario] = (
    ReleaseScenario("ecs-good", "a good release goes live step by step, and no request is lost", "2.0.0"),
    ReleaseScenario(
        "ecs-bad-errors",
        "a release that fails one request in five is stopped by the error-rate alarm",
        "2.1.0-errors",
        stopped_by="ErrorRate",
    ),
    ReleaseScenario(
        "ecs-bad-slow",
        "a release that answers too late is stopped by the latency alarm",
        "2.2.0-slow",
        stopped_by="Latency",
    ),
    ReleaseScenario(
        "ecs-bad-model",
        "a release that answers wrongly is stopped by its smoke tests before any user meets it",
        "2.3.0-model",
        stopped_by="POST_TEST_TRAFFIC_SHIFT",
        meets_users=False,
    ),
    ReleaseScenario(
        "ecs-crash-on-start",
        "a release whose tasks end at once is stopped by the circuit breaker before any user meets it",
        "2.4.0-crash",
        stopped_by="circuit breaker",
        meets_users=False,
    ),
)
