"""What was recorded of one rollout under load, and the conditions on it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..cdk_run import CdkResult
from ..deployed_service import DeployedService
from ..load import LoadRecord
from ..outcome import Condition, Figure, Outcome
from ..rollout_watch import Rollout, Weights
from .traffic_conditions import SETTLE_SECONDS, Watched, all_on, in_share, load_was_whole, none_by, nothing_lost
from .traffic_samples import traffic_samples

_CHANGED = re.compile(r"^\[[-+~]\] (\S+::\S+)", re.MULTILINE)  # a resource's line in the output of cdk diff


class Fault(Enum):
    """What is wrong with a release, as its users would see it."""

    NONE = "nothing"
    ERRORS = "answers 5xx"
    SLOW = "answers late"
    UNSEEN = "is stopped before users see it"


@dataclass(frozen=True)
class ExpectedRelease:
    """A release and what must become of it.

    stopped_by: what ends a bad release, as a part of the reason that ECS gives; None for a good one. proof: what the
    evidence of the cause must contain (a failed task's log, the smoke test's log), for releases that users never see.
    """

    name: str
    about: str
    release: str
    fault: Fault = Fault.NONE
    stopped_by: str | None = None
    proof: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether it must go live."""
        return self.fault is Fault.NONE


@dataclass(frozen=True)
class Seen:
    """Everything recorded of one rollout, and the conditions on it.

    weights: how the production rule's weights settled on the load balancer since the rollout began. slow_seconds: the
    threshold of the deployed latency alarm. evidence: logs of the candidate's failed tasks and of its smoke tests.
    tested: requests that the candidate's side answered by the test rule.
    """

    scenario: ExpectedRelease
    live_release: str
    service: DeployedService
    diff: str
    deploy: CdkResult
    stack_status: str
    rollouts: tuple[Rollout, ...]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    watched: Watched
    slow_seconds: float
    evidence: str
    tested: int
    calls: Mapping[str, int]
    speed: float

    @property
    def rollout(self) -> Rollout:
        """The deployment that `cdk deploy` started."""
        return self.rollouts[0]

    @property
    def live_side(self) -> str:
        """The side that served before."""
        return next(side for side in self.service.groups if side != self.rollout.side)

    def outcome(self) -> Outcome:
        """Judge what was seen."""
        if len(self.rollouts) != 1 or not self.rollout.milestones:
            found = f"{len(self.rollouts)} deployments; {self.deploy.tail(3)}"
            return Outcome(
                self.scenario.name, (Condition("cdk deploy starts one deployment", holds=False, found=found),)
            )
        if self.scenario.is_good:
            conditions = self._promoted()
        elif self.scenario.fault is Fault.UNSEEN:
            conditions = self._stopped_before_users()
        else:
            conditions = self._stopped_among_users()
        return Outcome(
            scenario=self.scenario.name,
            conditions=(self._reviewed(), *conditions, load_was_whole(self.watched)),
            figures=self._figures(),
            timeline=self._timeline(),
            samples=self._samples(),
        )

    def _reviewed(self) -> Condition:
        """What a reviewer is shown of a release: its task definition, and no rule, whatever the weights are now."""
        changed = sorted(set(_CHANGED.findall(self.diff)))
        return Condition(
            "cdk diff shows a new task definition and no change of a rule",
            changed == ["AWS::ECS::TaskDefinition"],
            ", ".join(changed) or "no change",
        )

    def _promoted(self) -> list[Condition]:
        side, percent = self.rollout.side, self.rollout.canary_percent
        shifted, full = self._moments()
        after = self.watched.due(full + SETTLE_SECONDS, self.watched.stopped)
        return [
            Condition(
                "cdk deploy ends 0 with the stack updated",
                self.deploy.succeeded and self.stack_status == "UPDATE_COMPLETE",
                f"exit code {self.deploy.exit_code}, {self.stack_status}",
            ),
            self._deployment_ended("SUCCESSFUL"),
            self._rule_went((percent, 100.0)),
            none_by(
                "before the first shift nobody met the candidate",
                self.watched.due(0.0, shifted - SETTLE_SECONDS),
                side,
                at_least=self.watched.enough,
            ),
            in_share(
                "then the candidate answered its share",
                self.watched.due(shifted + SETTLE_SECONDS, full - SETTLE_SECONDS),
                side,
                percent,
            ),
            Condition(
                "after the last step every answer is the candidate's",
                len(after) >= self.watched.enough and all(record.release == self.scenario.release for record in after),
                f"{sum(record.release == self.scenario.release for record in after)} of {len(after)}",
            ),
            self._ends_on(side),
            nothing_lost(self.watched),
        ]

    def _stopped_among_users(self) -> list[Condition]:
        side, percent = self.rollout.side, self.rollout.canary_percent
        shifted, back = self._moments()
        outside = [
            *self.watched.due(0.0, shifted - SETTLE_SECONDS),
            *self.watched.due(back + SETTLE_SECONDS, self.watched.stopped),
        ]
        afterwards = self.watched.due(back + SETTLE_SECONDS, self.watched.stopped)
        late = [record for record in afterwards if self._is_bad(record)]
        own = [record for record in self.watched.records if record.side == side and self._shows_fault(record)]
        return [
            *self._stack_rolled_back(),
            self._deployment_ended("ROLLBACK_SUCCESSFUL"),
            self._rule_went((percent, 0.0)),
            in_share(
                "while it had traffic, the candidate answered its share",
                self.watched.due(shifted + SETTLE_SECONDS, back - SETTLE_SECONDS),
                side,
                percent,
            ),
            none_by("at no other time did anybody meet it", outside, side, at_least=2 * self.watched.enough),
            Condition(f"users met the fault: it {self.scenario.fault.value}", bool(own), f"{len(own)} of its answers"),
            *self._nobody_else_suffered(side),
            Condition(
                "once all traffic was back, no answer was bad",
                len(afterwards) >= self.watched.enough and not late,
                f"{len(late)} bad of {len(afterwards)} answers",
            ),
            self._ends_on(self.live_side),
        ]

    def _nobody_else_suffered(self, side: str) -> list[Condition]:
        foreign = [record for record in self.watched.lost if record.side != side]
        wrong = [record for record in self.watched.records if record.is_wrong and record.side != side]
        slow = [record for record in self.watched.records if record.side != side and self._is_slow(record)]
        said = f" ({foreign[0].error or foreign[0].status})" if foreign else ""
        conditions = [
            Condition(
                "only the candidate's answers failed",
                not foreign and not wrong,
                f"{len(self.watched.lost)} lost, {len(foreign)} of them not by the candidate{said}, {len(wrong)} wrong",
            ),
            Condition(
                "the live release answered in time",
                len(slow) <= 0.01 * len(self.watched.records),
                f"{len(slow)} of its answers later than {self.slow_seconds:g} s",
            ),
        ]
        if self.scenario.fault is Fault.SLOW:
            conditions.append(nothing_lost(self.watched))
        return conditions

    def _stopped_before_users(self) -> list[Condition]:
        proof = self.scenario.proof or ""
        told = proof in self.evidence
        return [
            *self._stack_rolled_back(),
            self._deployment_ended("ROLLBACK_SUCCESSFUL"),
            Condition(
                "for the reason that the release really has",
                bool(proof) and told,
                f"{proof!r} in its logs" if told else f"{proof!r} is not in its logs: {self.evidence[-200:] or 'none'}",
            ),
            *(
                [Condition("the candidate answered test traffic", self.tested > 0, f"{self.tested} test requests")]
                if self.scenario.stopped_by == "POST_TEST_TRAFFIC_SHIFT"
                else []
            ),
            self._rule_went(()),
            none_by(
                "no user met the candidate",
                self.watched.records,
                self.rollout.side,
                at_least=2 * self.watched.enough,
            ),
            self._ends_on(self.live_side),
            nothing_lost(self.watched),
        ]

    def _stack_rolled_back(self) -> list[Condition]:
        reason = self.scenario.stopped_by or ""
        return [
            Condition(
                "cdk deploy ends non-zero with the stack rolled back",
                not self.deploy.succeeded and self.stack_status == "UPDATE_ROLLBACK_COMPLETE",
                f"exit code {self.deploy.exit_code}, {self.stack_status}",
            ),
            Condition(
                f"ECS stopped it by {reason}",
                bool(reason) and reason in " ".join((self.rollout.reason, *self.rollout.alarms)),
                self.rollout.reason or "no reason",
            ),
        ]

    def _deployment_ended(self, status: str) -> Condition:
        watching = "watched by its alarms" if self.rollout.watches_alarms else "watched by no alarm"
        return Condition(
            f"the one deployment, watched by its alarms, ended {status}",
            self.rollout.status == status and self.rollout.watches_alarms,
            f"{self.rollout.status}, {watching}",
        )

    def _rule_went(self, wanted: tuple[float, ...]) -> Condition:
        """Whether the load balancer served just these shares of the candidate, in this order."""
        went = tuple(change.percent_of(self.rollout.side) for change in self.weights)
        said = ", then ".join(f"{share:g} %" for share in wanted) or "no share at all"
        return Condition(
            f"the rule gave the candidate {said}",
            went == wanted,
            " → ".join(f"{share:g} %" for share in went) or "no change of weights",
        )

    def _ends_on(self, side: str) -> Condition:
        return all_on(side, {self.service.side_of(group): weight for group, weight in self.final_weights.items()})

    def _moments(self) -> tuple[float, float]:
        """When the first and the last change of weights had settled; the end of the load for what never came."""
        moments = [change.wall for change in self.weights]
        never = self.watched.stopped
        return (moments[0] if moments else never), (moments[-1] if len(moments) > 1 else never)

    def _is_slow(self, record: LoadRecord) -> bool:
        return record.latency > self.slow_seconds

    def _is_bad(self, record: LoadRecord) -> bool:
        return record.is_bad or self._is_slow(record)

    def _shows_fault(self, record: LoadRecord) -> bool:
        if self.scenario.fault is Fault.SLOW:
            return self._is_slow(record)
        return record.status is not None and record.status >= 500

    def _figures(self) -> dict[str, Figure]:
        result, speed, rate = self.watched.result, self.speed, self.watched.rate_per_second
        sides = {self.rollout.side: f"candidate {self.scenario.release}", self.live_side: f"live {self.live_release}"}
        figures: dict[str, Figure] = {
            "requests sent": result.sent,
            "failed": result.failed,
            "broken streams": result.broken_streams,
            "wrong answers": result.wrong_answers,
        }
        for side in sorted(sides):
            tally = result.by_side.get(side)
            figures[f"served by {side} ({sides[side]})"] = tally.requests if tally else 0
        if not self.scenario.is_good and self.scenario.fault is not Fault.UNSEEN:
            first = next((record.scheduled for record in self.watched.records if self._is_bad(record)), None)
            _, back = self._moments()
            took = None if first is None else back - first
            figures["first bad answer to 100 % live"] = (
                None if took is None else f"{took:.1f} s here, {took * speed / 60:.1f} rehearsed minutes"
            )
        figures["p95 of predictions"] = None if result.latency is None else f"{result.latency.p95 * 1000:.0f} ms"
        figures["rate"] = f"{rate:g}/s here, {rate / speed * 60:g} in a rehearsed minute (x{speed:g})"
        figures["AWS calls"] = sum(self.calls.values())
        figures["of these, writes of a rule"] = self.calls.get("elasticloadbalancing:ModifyRule", 0)
        return figures

    def _timeline(self) -> tuple[tuple[float, str], ...]:
        start = self.rollout.milestones[0].at
        return tuple(
            (
                milestone.at - start,
                f"{milestone.stage}, {self.rollout.side} {milestone.production:g} %, {milestone.status}",
            )
            for milestone in self.rollout.milestones
        )

    def _samples(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return traffic_samples(self.watched, self.weights, self.rollout.side)
