"""A judged service under load: releases are deployed on it one after the other, and what is noted of each."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ...engine.errors import RehearsalError
from ..application import checkout, judged_service
from ..cdk_run import CdkResult
from ..deployed_service import DeployedService, weights_of
from ..load import LoadProcess, LoadResult
from ..operator_command import OperatorCommands
from ..rollout_watch import Rollout, calls_between, rollouts_of, weights_since
from ..session import DeployedApplication, Session, wait_until
from .judged_seen import BAKE, JudgedRelease
from .release_evidence import rings, said_by_hooks
from .traffic_conditions import Watched

TARGET = "Prediction/Inference"
CALM_SECONDS = 1.5  # real: load before and after, so that both ends of a rollout are seen
_DEPLOY_LIMIT_SECONDS = 180.0
_ALARM_LIMIT_SECONDS = 90.0
_COMMAND_LIMIT_SECONDS = 60.0


@dataclass
class JudgedStage:
    """The service, its load and its operator, while a scenario plays on it."""

    session: Session
    application: DeployedApplication
    service: DeployedService
    load: LoadProcess
    operator: OperatorCommands
    _seen: list[JudgedRelease] = field(default_factory=list)

    def deploy(self, release: str, *, hotfix: str = "", in_the_bake: Callable[[], object] | None = None) -> None:
        """`cdk deploy` of the release to its end, marked as a hotfix when a reason is given; it is noted for `seen`.

        in_the_bake: called once, when the candidate has all traffic and bakes.
        """
        before, known = time.time(), len(self._deployments())
        live_side, live_release = self._live_side(), self.application.live_release
        time.sleep(CALM_SECONDS)
        mark = f", hotfix: {hotfix}" if hotfix else ""
        self.session.say(f"cdk deploy: release {release} over {live_release}{mark}")
        earlier = self.session.state()
        result = self._deployed(release, {"hotfix": hotfix} if hotfix else {}, known, in_the_bake)
        explained, history = self._asked()
        time.sleep(CALM_SECONDS)
        stopped, state = time.time(), self.session.state()
        deployments = tuple(rollouts_of(self.service, state)[known:])
        ids = {one.arn.rpartition("/")[2] for one in deployments}
        if result.succeeded:
            self.application.live_release = release
        self._seen.append(
            JudgedRelease(
                release=release,
                live_release=live_release,
                live_side=live_side,
                deploy=result,
                stack_status=self.application.stack_status(),
                deployments=deployments,
                watch=self._watch(deployments),
                rang=self._rang(state, before),
                explained=explained if explained.get("rollout") in ids else {},
                history=tuple(item for item in reversed(history) if item["rollout"] in ids),
                hooks="\n".join(said_by_hooks(self.service, self.session.apis, before)),
                started=_started(self.service, state, before),
                calls=calls_between(earlier, state),
                weights=tuple(weights_since(self.service, self.service.production_rule, state, before)),
                final_weights=self._weights(),
                watched=Watched(self.session.rate_per_second, before, stopped, (), LoadResult.from_records(())),
                speed=self.session.speed,
            )
        )

    def make_live(self, release: str) -> None:
        """Have the release serve, with the same evidence as ever, and nothing of it noted."""
        self.session.say(f"cdk deploy: release {release}, for what follows")
        self._deployed(release, {}, len(self._deployments())).require_success()
        self.application.live_release = release

    def wait_for_alarm(self, name: str) -> None:
        """Wait until an alarm of the service goes off whose name has `name` in it."""
        names = self._alarm_names()

        def is_red() -> bool:
            alarms = self.session.state()["cloudwatch"]["alarms"]
            return any(one["state"] == "ALARM" and name in one["name"] for one in alarms if one["name"] in names)

        wait_until(is_red, limit_seconds=_ALARM_LIMIT_SECONDS, session=self.session, what=f"the alarm {name} going off")

    def wait_for_silence(self) -> None:
        """Wait until no alarm of the service is red: ECS watches none of them while one is."""
        wait_until(
            lambda: not rings(self.service, self.session.apis),
            limit_seconds=_ALARM_LIMIT_SECONDS,
            session=self.session,
            what="all alarms falling silent",
        )

    def seen(self) -> Sequence[JudgedRelease]:
        """End the load; every release that was deployed, with the requests of its time."""
        self.load.stop()
        records = tuple(self.load.records())
        whole = []
        for one in self._seen:
            start, stop = one.watched.started, one.watched.stopped
            own = tuple(record for record in records if start <= record.scheduled < stop)
            whole.append(replace(one, watched=replace(one.watched, records=own, result=LoadResult.from_records(own))))
        return whole

    def _deployed(
        self,
        release: str,
        context: Mapping[str, str],
        known: int,
        in_the_bake: Callable[[], object] | None = None,
    ) -> CdkResult:
        said, deadline = 0, time.monotonic() + _DEPLOY_LIMIT_SECONDS
        with self.application.start_deploy(release, context=context) as run:
            while (result := run.poll()) is None:
                if time.monotonic() > deadline:
                    return run.wait(limit_seconds=0.0)
                for deployment in self._deployments()[known:]:
                    for one in deployment.milestones[said:]:
                        self.session.say(f"  ECS: {one.stage} {one.status}, {one.production:g} % on the candidate")
                        if in_the_bake is not None and one.stage == BAKE:
                            in_the_bake()
                    said = max(said, len(deployment.milestones))
                time.sleep(0.25)
            return result

    def _asked(self) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
        """What `bluegreen explain` and `bluegreen history` say now."""
        asked = (("explain",), ("history", "--limit", "60"))
        runs = [self.operator.start(verb, TARGET, *more, "--format", "json") for verb, *more in asked]
        with runs[0] as explaining, runs[1] as history:
            explained = explaining.wait(_COMMAND_LIMIT_SECONDS, self.session.check).require_success()
            happened = history.wait(_COMMAND_LIMIT_SECONDS, self.session.check).require_success()
        return explained.answer, happened.answer["items"]

    def _deployments(self) -> list[Rollout]:
        return rollouts_of(self.service, self.session.state())

    def _weights(self) -> Mapping[str, int]:
        found = weights_of(self.service.production_rule, self.session.apis)
        return {self.service.side_of(group): weight for group, weight in found.items()}

    def _live_side(self) -> str:
        live = [side for side, weight in self._weights().items() if weight > 0]
        if len(live) != 1:
            raise RehearsalError(f"no side of {TARGET} has all traffic: {dict(self._weights())}")
        return live[0]

    def _watch(self, deployments: Sequence[Rollout]) -> str:
        """The state of ECS's watch of the alarms of the deployment, as its API tells it."""
        arns = [one.arn for one in deployments]
        if not arns:
            return ""
        found = self.session.apis.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
        return ", ".join(str(one.get("alarms", {}).get("status", "")) for one in found)

    def _alarm_names(self) -> set[str]:
        (described,) = self.session.apis.ecs.describe_services(
            cluster=self.service.cluster, services=[self.service.service]
        )["services"]
        return set(described["deploymentConfiguration"].get("alarms", {}).get("alarmNames", []))

    def _rang(self, state: Mapping[str, Any], since: float) -> frozenset[str]:
        names = self._alarm_names()
        return frozenset(
            one["name"]
            for one in state["cloudwatch"]["alarms"]
            if one["name"] in names
            and any(change["to"] == "ALARM" and change["wall"] >= since for change in one["transitions"])
        )


@contextmanager
def on_judged_stage(session: Session, name: str) -> Iterator[JudgedStage]:
    """The judged service, deployed if it was not, with no alarm red, and under load until the block ends."""
    application = session.application(judged_service(checkout(session.checkout)))
    service = application.service()
    with application.load(name) as load:
        stage = JudgedStage(session, application, service, load, session.operator())
        stage.wait_for_silence()
        yield stage


def _started(service: DeployedService, state: Mapping[str, Any], since: float) -> int:
    """How many tasks the service has started since then, or is about to."""
    origin, speed = state["clock"]["origin"], state["clock"]["speed"]
    moments = [task["started_at"] for task in state["ecs"]["services"][service.service]["tasks"]]
    return sum(moment is None or origin + (moment - origin) / speed >= since for moment in moments)
