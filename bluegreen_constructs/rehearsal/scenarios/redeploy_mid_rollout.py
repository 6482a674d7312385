"""redeploy-mid-rollout: the stack that owns the rule is updated, and rolled back, while traffic shifts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..application import checkout, rule_in_another_stack
from ..cdk_run import CdkResult
from ..deployed_service import DeployedService, weights_of
from ..outcome import Condition, Outcome
from ..rollout_watch import rollouts_of
from ..session import DeployedApplication, Session, wait_until

RELEASE = "2.0.0"
_SHIFT_LIMIT_SECONDS = 120.0
_DEPLOY_LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Look:
    """The rule at one moment: weights by side, paths, tags, and the stack update that was just done."""

    weights: Mapping[str, int]
    paths: tuple[str, ...]
    team: str
    result: CdkResult | None = None
    status: str = ""


@dataclass(frozen=True)
class RedeployMidRollout:
    """Invariant 2, where it is hardest: CloudFormation changes the rule while Amazon ECS shifts its weights."""

    name: ClassVar[str] = "redeploy-mid-rollout"
    about: ClassVar[str] = (
        "the rule's own stack changes conditions and tags, and fails and rolls back, in the middle of a rollout: "
        "weights do not move"
    )

    def play(self, session: Session) -> Outcome:
        """Roll out a release, and update the other stack twice while the candidate has its first share."""
        application = session.application(rule_in_another_stack(checkout(session.checkout)))
        service = application.service()
        known = len(rollouts_of(service, session.state()))
        with application.load(self.name) as load, application.start_deploy(RELEASE) as rollout:
            wait_until(
                lambda: 0 < self._candidate_share(session, service, known) < 100,
                limit_seconds=_SHIFT_LIMIT_SECONDS,
                session=session,
                what="the first shift of production traffic",
            )
            session.say("the candidate has its first share; updating the stack that owns the rule")
            before = self._look(session, service)
            edited = self._update(application, service, {"paths": "/predict,/stream", "team": "ranking"})
            session.say("updating it again, so that it fails and rolls back")
            failed = self._update(application, service, {"paths": "/predict", "team": "nobody", "collision": "yes"})
            still_shifting = self._candidate_share(session, service, known)
            ended = rollout.wait(_DEPLOY_LIMIT_SECONDS)
            time.sleep(1.0)
            figures = load.stop()
        final = self._look(session, service)
        (deployment,) = rollouts_of(service, session.state())[known:]
        if ended.succeeded:
            application.live_release = RELEASE
        shifted = {side: weight for side, weight in before.weights.items() if weight}
        conditions = (
            Condition(
                "the update found the rule in the middle of a shift",
                len(shifted) == 2 and 0 < still_shifting < 100,
                f"{dict(before.weights)} before, the candidate still had {still_shifting:g} % after both updates",
            ),
            Condition(
                "the update changed conditions and tags",
                edited.result is not None
                and edited.result.succeeded
                and edited.paths == ("/predict", "/stream")
                and edited.team == "ranking",
                f"{edited.status}, paths {', '.join(edited.paths)}, team {edited.team}",
            ),
            Condition("the update moved no weight", edited.weights == before.weights, str(dict(edited.weights))),
            Condition(
                "the second update failed, and its rollback restored conditions and tags",
                failed.result is not None
                and not failed.result.succeeded
                and failed.status == "UPDATE_ROLLBACK_COMPLETE"
                and (failed.paths, failed.team) == (edited.paths, edited.team),
                f"{failed.status}, paths {', '.join(failed.paths)}, team {failed.team}",
            ),
            Condition("the rollback moved no weight", failed.weights == before.weights, str(dict(failed.weights))),
            Condition(
                "the rollout went on to its end",
                ended.succeeded and deployment.status == "SUCCESSFUL",
                f"exit code {ended.exit_code}, {deployment.status}",
            ),
            Condition(
                f"100 % of production traffic is on {deployment.side}",
                all((weight > 0) == (side == deployment.side) for side, weight in final.weights.items()),
                str(dict(final.weights)),
            ),
            Condition(
                "no request failed and no stream broke",
                figures.sent > 0 and not (figures.lost or figures.wrong_answers or figures.retried),
                f"{figures.failed} failed, {figures.broken_streams} broken, {figures.wrong_answers} wrong, "
                f"{figures.retried} sent again of {figures.sent}",
            ),
        )
        return Outcome(
            self.name,
            conditions,
            figures={
                "requests sent": figures.sent,
                "failed": figures.failed,
                "broken streams": figures.broken_streams,
                **{f"served by {side}": tally.requests for side, tally in figures.by_side.items()},
            },
        )

    def _update(self, application: DeployedApplication, service: DeployedService, context: Mapping[str, str]) -> Look:
        """`cdk deploy` of the ingress stack alone, and the rule right after it."""
        (stack,) = application.about.network_stacks
        with application.start_deploy(application.live_release, stack, context=context) as run:
            result = run.wait(_DEPLOY_LIMIT_SECONDS)
        look = self._look(application.session, service)
        return Look(look.weights, look.paths, look.team, result, application.stack_status(stack))

    @staticmethod
    def _candidate_share(session: Session, service: DeployedService, known: int) -> float:
        rollouts = rollouts_of(service, session.state())[known:]
        return rollouts[0].milestones[-1].production if rollouts and rollouts[0].milestones else 0.0

    @staticmethod
    def _look(session: Session, service: DeployedService) -> Look:
        arn = service.production_rule
        (rule,) = session.apis.elbv2.describe_rules(RuleArns=[arn])["Rules"]
        (tagged,) = session.apis.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        return Look(
            weights={service.side_of(group): weight for group, weight in weights_of(arn, session.apis).items()},
            paths=tuple(
                value
                for condition in rule["Conditions"]
                if condition["Field"] == "path-pattern"
                for value in condition.get("PathPatternConfig", {}).get("Values") or condition.get("Values", [])
            ),
            team=next((tag["Value"] for tag in tagged["Tags"] if tag["Key"] == "team"), "none"),
        )
