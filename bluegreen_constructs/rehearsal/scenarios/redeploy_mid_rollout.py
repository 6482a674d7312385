"""redeploy-mid-rollout: the stack that owns the rule is updated, and rolled back, while traffic shifts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..application import checkout, rule_in_another_stack
from ..cdk_run import CdkResult
from ..deployed_service import DeployedService, weights_of
from ..load import LoadRecord
from ..outcome import Condition, Outcome
from ..rollout_watch import Rollout, Weights, rollouts_of, weights_since
from ..session import DeployedApplication, Session, wait_until
from .traffic_conditions import Watched, all_on, in_share, load_was_whole, nothing_lost

RELEASE = "2.0.0"
EDITED = ("/predict", "/stream")
_SHIFT_LIMIT_SECONDS = 120.0
_DEPLOY_LIMIT_SECONDS = 300.0
_CUSTOM_RESOURCE = "lambda/"  # callers of this kind are deployed functions


@dataclass(frozen=True)
class Look:
    """The rule at one moment: weights by side, paths, tags, and the stack update that was just done."""

    wall: float
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
            started = time.time()
            wait_until(
                lambda: _is_settled_between(service, session, started),
                limit_seconds=_SHIFT_LIMIT_SECONDS,
                session=session,
                what="the first shift of production traffic",
            )
            session.say("the candidate has its first share; updating the stack that owns the rule")
            before = _look(session, service)
            edited = _update(application, service, {"paths": ",".join(EDITED), "team": "ranking"})
            session.say("updating it again, so that it fails and rolls back")
            failed = _update(
                application, service, {"paths": f"{','.join(EDITED)},/ready", "team": "nobody", "collision": "yes"}
            )
            ended = rollout.wait(_DEPLOY_LIMIT_SECONDS)
            time.sleep(1.0)
            stopped = time.time()
            result = load.stop()
            records = tuple(load.records())
        state = session.state()
        if ended.succeeded:
            application.live_release = RELEASE
        seen = SeenRedeploy(
            service=service,
            before=before,
            edited=edited,
            failed=failed,
            final=_look(session, service),
            ended=ended,
            rollouts=tuple(rollouts_of(service, state)[known:]),
            weights=tuple(weights_since(service, service.production_rule, state, started)),
            rule_calls=tuple(state["calls"]["rule_calls"]),
            watched=Watched(session.rate_per_second, started, stopped, records, result),
        )
        return seen.outcome(self.name)


@dataclass(frozen=True)
class SeenRedeploy:
    """Everything recorded of the rollout and of both updates, and the conditions on it."""

    service: DeployedService
    before: Look
    edited: Look
    failed: Look
    final: Look
    ended: CdkResult
    rollouts: tuple[Rollout, ...]
    weights: tuple[Weights, ...]
    rule_calls: tuple[Mapping[str, Any], ...]
    watched: Watched

    def outcome(self, name: str) -> Outcome:
        """Judge what was seen."""
        if len(self.rollouts) != 1:
            found = f"{len(self.rollouts)} deployments"
            return Outcome(name, (Condition("the release starts one deployment", holds=False, found=found),))
        (rollout,) = self.rollouts
        result = self.watched.result
        return Outcome(
            name,
            (
                self._in_the_middle(rollout),
                *self._followed_the_template(),
                *self._moved_nothing(rollout),
                Condition(
                    "the rollout went on to its end",
                    self.ended.succeeded and rollout.status == "SUCCESSFUL",
                    f"exit code {self.ended.exit_code}, {rollout.status}",
                ),
                all_on(rollout.side, self.final.weights),
                nothing_lost(self.watched),
                load_was_whole(self.watched),
            ),
            figures={
                "requests sent": result.sent,
                "failed": result.failed,
                "broken streams": result.broken_streams,
                **{f"served by {side}": tally.requests for side, tally in result.by_side.items()},
            },
        )

    def _in_the_middle(self, rollout: Rollout) -> Condition:
        shares = [change.percent_of(rollout.side) for change in self.weights]
        later = [change.wall for change in self.weights if change.percent_of(rollout.side) == 100]
        return Condition(
            "both updates ran while the candidate had its first share",
            shares == [rollout.canary_percent, 100.0] and bool(later) and self.failed.wall < later[0],
            f"the candidate had {', then '.join(f'{share:g} %' for share in shares)}; both were done "
            + (f"{later[0] - self.failed.wall:.1f} s before it got all" if later else "and it never got all"),
        )

    def _followed_the_template(self) -> Sequence[Condition]:
        edited, failed = self.edited, self.failed
        return (
            Condition(
                "the update changed conditions and tags",
                edited.result is not None
                and edited.result.succeeded
                and (edited.paths, edited.team) == (EDITED, "ranking")
                and (self.before.paths, self.before.team) != (EDITED, "ranking"),
                f"{edited.status}, paths {', '.join(edited.paths)}, team {edited.team}",
            ),
            Condition(
                "the second update changed them, failed, and its rollback restored them",
                failed.result is not None
                and not failed.result.succeeded
                and failed.status == "UPDATE_ROLLBACK_COMPLETE"
                and (failed.paths, failed.team) == (EDITED, "ranking")
                and self._changed_conditions(edited.wall, failed.wall) >= 2,
                f"{failed.status}, paths {', '.join(failed.paths)}, team {failed.team}, "
                f"{self._changed_conditions(edited.wall, failed.wall)} changes of the rule on the way",
            ),
        )

    def _moved_nothing(self, rollout: Rollout) -> Sequence[Condition]:
        start, end = self.before.wall, self.failed.wall
        writes = [
            call
            for call in self.rule_calls
            if call["writes_actions"] and start <= call["wall"] <= end and call["arn"] == self.service.production_rule
        ]
        moved = [change for change in self.weights if start <= change.wall <= end]
        looks = (self.before.weights, self.edited.weights, self.failed.weights)
        return (
            Condition(
                "meanwhile nobody wrote the rule's actions",
                not writes and any(call["caller"].startswith(_CUSTOM_RESOURCE) for call in self.rule_calls),
                ", ".join(f"{call['action']} by {call['caller']}" for call in writes) or "no write",
            ),
            Condition(
                "no weight moved",
                not moved and looks[0] == looks[1] == looks[2],
                f"{len(moved)} changes; {dict(looks[0])}, {dict(looks[1])}, {dict(looks[2])}",
            ),
            in_share(
                "and the candidate answered its share",
                self._between(start, end),
                rollout.side,
                rollout.canary_percent,
            ),
        )

    def _changed_conditions(self, start: float, end: float) -> int:
        """How often a deployed function changed the production rule, without its actions."""
        return sum(
            call["action"] == "ModifyRule"
            and call["arn"] == self.service.production_rule
            and call["caller"].startswith(_CUSTOM_RESOURCE)
            and start <= call["wall"] <= end
            for call in self.rule_calls
        )

    def _between(self, start: float, end: float) -> list[LoadRecord]:
        return self.watched.due(start, end)


def _is_settled_between(service: DeployedService, session: Session, since: float) -> bool:
    """Whether every node of the load balancer serves both sides."""
    changes = weights_since(service, service.production_rule, session.state(), since)
    return bool(changes) and all(weight > 0 for weight in changes[-1].by_side.values())


def _update(application: DeployedApplication, service: DeployedService, context: Mapping[str, str]) -> Look:
    """`cdk deploy` of the ingress stack alone, and the rule right after it."""
    (stack,) = application.about.network_stacks
    with application.start_deploy(application.live_release, stack, context=context) as run:
        result = run.wait(_DEPLOY_LIMIT_SECONDS)
    look = _look(application.session, service)
    return Look(look.wall, look.weights, look.paths, look.team, result, application.stack_status(stack))


def _look(session: Session, service: DeployedService) -> Look:
    arn = service.production_rule
    (rule,) = session.apis.elbv2.describe_rules(RuleArns=[arn])["Rules"]
    (tagged,) = session.apis.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return Look(
        wall=time.time(),
        weights={service.side_of(group): weight for group, weight in weights_of(arn, session.apis).items()},
        paths=tuple(
            value
            for condition in rule["Conditions"]
            if condition["Field"] == "path-pattern"
            for value in condition.get("PathPatternConfig", {}).get("Values") or condition.get("Values", [])
        ),
        team=next((tag["Value"] for tag in tagged["Tags"] if tag["Key"] == "team"), "none"),
    )
