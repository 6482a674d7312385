"""A service that AWS CodeDeploy deploys, under load: releases are started one after the other, and what is noted."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ...engine.errors import RehearsalError
from ...engine.target_settings import SIDES
from ..application import checkout, code_deployed_service
from ..deployed_by_code_deploy import DeployedByCodeDeploy, deployed_by_code_deploy
from ..deployed_service import weights_of
from ..load import LoadProcess, LoadRecord, LoadResult
from ..operator_command import CommandResult, OperatorCommands
from ..rollout_watch import Weights, calls_between, weights_since
from ..session import DeployedApplication, Session, wait_until
from .candidate_traffic import CandidateTraffic
from .traffic_conditions import SETTLE_SECONDS, Watched

CALM_SECONDS = 1.5  # real: load before and after, so that both ends of a deployment are seen
_DEPLOYMENT_LIMIT_SECONDS = 180.0
_QUIET_LIMIT_SECONDS = 90.0


@dataclass(frozen=True)
class CodeDeployed(CandidateTraffic):
    """One release that CodeDeploy deployed.

    deployments: what CodeDeploy made of it, its rollback as well, as the emulator's state tells, the oldest first.
    ended: the end of `bluegreen start --wait`. rang: the alarms that went off meanwhile. final_weights: the production
    rule's at the end. rule_writers: who wrote the production rule.
    """

    release: str
    live_release: str
    live_side: str
    ended: CommandResult
    deployments: tuple[Mapping[str, Any], ...]
    rang: frozenset[str]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    rule_writers: frozenset[str]
    calls: Mapping[str, int]
    watched: Watched
    speed: float

    def in_the_step(self) -> list[LoadRecord]:
        """The requests between the first and the second change of weights."""
        return self.watched.due(self.moment(0) + SETTLE_SECONDS, self.moment(1) - SETTLE_SECONDS)

    def timeline(self) -> tuple[tuple[float, str], ...]:
        """What CodeDeploy says of each event, in rehearsed seconds since the first deployment began."""
        said = [
            (float(one["at"]), f"{deployment['id']}: {_milestone(one)}")
            for deployment in self.deployments
            for one in deployment["timeline"]
        ]
        start = min((at for at, _ in said), default=0.0)
        return tuple(sorted((at - start, what) for at, what in said))


def _milestone(one: Mapping[str, Any]) -> str:
    said = f"{one['event'] or 'begun'}, {one['status']}, {one['production']:g} % on the candidate"
    return f"{said}: {one['what']}" if one["what"] else said


@dataclass
class CodeDeployStage:
    """The service, its load and its operator, while a scenario plays on it."""

    session: Session
    application: DeployedApplication
    target: DeployedByCodeDeploy
    load: LoadProcess
    operator: OperatorCommands
    _seen: list[CodeDeployed] = field(default_factory=list)

    def deploy(self, release: str) -> None:
        """`bluegreen start --wait` of the release to its end; it is noted for `seen`."""
        began, earlier = time.time(), self.session.state()
        known = len(earlier["code_deploy"]["deployments"])
        live_side, live_release = self._live_side(), self.application.live_release
        time.sleep(CALM_SECONDS)
        self.session.say(f"  bluegreen start {self.target.name} --release {release} --wait")
        with self.operator.start(
            "start", self.target.name, "--release", release, "--wait", "--format", "json"
        ) as command:
            ended = self._followed(command.poll, live_side, began)
        self._wait_for_the_end(known)
        time.sleep(CALM_SECONDS)
        stopped, state = time.time(), self.session.state()
        if ended.exit_code == 0:
            self.application.live_release = release
        self._seen.append(
            CodeDeployed(
                release=release,
                live_release=live_release,
                live_side=live_side,
                ended=ended,
                deployments=tuple(state["code_deploy"]["deployments"][known:]),
                rang=self._rang(state, began),
                weights=tuple(weights_since(self.target, self.target.rule, state, began)),
                final_weights=self._weights(),
                rule_writers=self._writers(state, began),
                calls=calls_between(earlier, state),
                watched=Watched(self.session.rate_per_second, began, stopped, (), LoadResult.from_records(())),
                speed=self.session.speed,
            )
        )

    def wait_for_silence(self) -> None:
        """Wait until no alarm of the service is red: CodeDeploy stops what begins while one is."""

        def is_silent() -> bool:
            alarms = self.session.state()["cloudwatch"]["alarms"]
            return not any(one["state"] == "ALARM" for one in alarms if one["name"].startswith(self.target.name))

        wait_until(
            is_silent, limit_seconds=_QUIET_LIMIT_SECONDS, session=self.session, what="all alarms falling silent"
        )

    def seen(self) -> Sequence[CodeDeployed]:
        """End the load; every release that was deployed, with the requests of its time."""
        self.load.stop()
        records = tuple(self.load.records())
        whole = []
        for one in self._seen:
            own = tuple(record for record in records if one.watched.started <= record.scheduled < one.watched.stopped)
            whole.append(replace(one, watched=replace(one.watched, records=own, result=LoadResult.from_records(own))))
        return whole

    def _followed(self, poll: Any, live_side: str, since: float) -> CommandResult:
        deadline, said = time.monotonic() + _DEPLOYMENT_LIMIT_SECONDS, 0
        candidate = next(side for side in SIDES if side != live_side)
        while True:
            result: CommandResult | None = poll()
            changes = weights_since(self.target, self.target.rule, self.session.state(), since)
            for change in changes[said:]:
                self.session.say(f"  the rule gives the candidate {change.percent_of(candidate):g} %")
            said = max(said, len(changes))
            if result is not None:
                return result
            if time.monotonic() > deadline:
                raise RehearsalError(f"bluegreen start took longer than {_DEPLOYMENT_LIMIT_SECONDS:g} s")
            time.sleep(0.25)

    def _wait_for_the_end(self, known: int) -> None:
        """A deployment that goes back ends before the one that brings live back."""

        def is_over() -> bool:
            found = self.session.state()["code_deploy"]["deployments"][known:]
            return bool(found) and all(one["status"] in {"Succeeded", "Failed", "Stopped"} for one in found)

        wait_until(is_over, limit_seconds=_QUIET_LIMIT_SECONDS, session=self.session, what="the end of the deployment")

    def _weights(self) -> Mapping[str, int]:
        found = weights_of(self.target.rule, self.session.apis)
        return {self.target.side_of(group): weight for group, weight in found.items()}

    def _live_side(self) -> str:
        live = [side for side, weight in self._weights().items() if weight > 0]
        if len(live) != 1:
            raise RehearsalError(f"no side of {self.target.name} has all traffic: {dict(self._weights())}")
        return live[0]

    def _rang(self, state: Mapping[str, Any], since: float) -> frozenset[str]:
        return frozenset(
            one["name"]
            for one in state["cloudwatch"]["alarms"]
            if one["name"].startswith(self.target.name)
            and any(change["to"] == "ALARM" and change["wall"] >= since for change in one["transitions"])
        )

    def _writers(self, state: Mapping[str, Any], since: float) -> frozenset[str]:
        return frozenset(
            call["caller"]
            for call in state["calls"]["rule_calls"]
            if call["arn"] == self.target.rule and call["writes_actions"] and call["wall"] >= since
        )


@contextmanager
def on_code_deploy_stage(session: Session, name: str) -> Iterator[CodeDeployStage]:
    """The service, deployed if it was not, with no alarm red, and under load until the block ends."""
    application = session.application(code_deployed_service(checkout(session.checkout)))
    target = deployed_by_code_deploy(application.about.service_stack, session.apis)
    with application.load(name, rule=target.rule) as load:
        stage = CodeDeployStage(session, application, target, load, session.operator())
        stage.wait_for_silence()
        yield stage
