"""What was recorded of one rollout under load, and the conditions on it. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..cdk_run import CdkResult
from ..deployed_service import DeployedService
from ..load import LoadRecord, LoadResult
from ..outcome import Condition, Figure, Outcome
from ..rollout_watch import Rollout, Weights, back_on, most_expected, within
from ..session import RATE_PER_SECOND

SLOW_SECONDS = 1.0  # the latency alarm's threshold
CANARY_PERCENT = 10.0  # of the environment `rehearsal`
_CHANGED = re.compile(r"^\[[-+~]\] (\S+::\S+)", re.MULTILINE)  # a resource's line in the output of cdk diff


@dataclass(frozen=True)
class ExpectedRelease:
    """A release and what must become of it.

    stopped_by: what ends a bad release, as a part of the reason that ECS gives; None for a good one.
    meets_users: whether the release gets production traffic before it is stopped.
    """

    name: str
    about: str
    release: str
    stopped_by: str | None = None
    meets_users: bool = True


@dataclass(frozen=True)
class Seen:
    """Everything recorded of one rollout, and the conditions on it."""

    scenario: ExpectedRelease
    live_release: str
    service: DeployedService
    diff: str
    deploy: CdkResult
    stack_status: str
    rollouts: tuple[Rollout, ...]
    weights: tuple[Weights, ...]
    final_weights: Mapping[str, int]
    records: tuple[LoadRecord, ...]
    load: LoadResult
    calls: Mapping[str, int]
    speed: float

    @property
    def rollout(self) -> Rollout:
        """The deployment that `cdk deploy` started."""
        return self.rollouts[0]

    def outcome(self) -> Outcome:
        """Judge what was seen."""
        if not self.rollouts:
            none = Condition("cdk deploy starts a deployment", holds=False, found=self.deploy.tail(3))
            return Outcome(self.scenario.name, (none,))
        conditions = self._promoted() if self.scenario.stopped_by is None else self._stopped()
        return Outcome(
            scenario=self.scenario.name,
            conditions=(self._reviewed(), *conditions),
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
        candidate = self.scenario.release
        last = [record.release for record in self.records if record.scheduled > self._last_shift()]
        return [
            Condition(
                "cdk deploy ends 0 with the stack updated",
                self.deploy.succeeded and self.stack_status == "UPDATE_COMPLETE",
                f"exit code {self.deploy.exit_code}, {self.stack_status}",
            ),
            self._on_one_side(self.rollout.side),
            Condition(
                "traffic went to the candidate step by step",
                self.rollout.shares == (0.0, CANARY_PERCENT, 100.0),
                " % → ".join(f"{share:g}" for share in self.rollout.shares) + " %",
            ),
            Condition(
                "after the last step every answer is the candidate's",
                bool(last) and set(last) == {candidate},
                f"{sum(release == candidate for release in last)} of {len(last)}",
            ),
            self._nothing_lost(),
            self._in_time(),
        ]

    def _stopped(self) -> list[Condition]:
        reason = self.scenario.stopped_by or ""
        conditions = [
            Condition(
                "cdk deploy ends non-zero with the stack rolled back",
                not self.deploy.succeeded and self.stack_status == "UPDATE_ROLLBACK_COMPLETE",
                f"exit code {self.deploy.exit_code}, {self.stack_status}",
            ),
            Condition(
                f"ECS stopped it by {reason}",
                self.rollout.status == "ROLLBACK_SUCCESSFUL" and reason in self._reason(),
                f"{self.rollout.status}: {self.rollout.reason}",
            ),
            self._on_one_side(self._live_side()),
        ]
        if self.scenario.meets_users:
            return [*conditions, *self._limited_harm(), self._in_time()]
        reached = sum(record.release == self.scenario.release for record in self.records)
        return [
            *conditions,
            Condition("no user met the candidate", reached == 0, f"{reached} answers of the candidate"),
            self._nothing_lost(),
            self._in_time(),
        ]

    def _limited_harm(self) -> list[Condition]:
        candidate = self.scenario.release
        lost = [record for record in self.records if record.is_failed or record.is_broken]
        foreign = [record for record in lost if record.release != candidate]
        back = self._back()
        shifted = self._first_shift()
        exposed = within(self.records, shifted, back) if back is not None and shifted is not None else []
        met = sum(record.release == candidate for record in exposed)
        late = [record for record in self._bad() if back is not None and record.scheduled > back]
        return [
            Condition(
                "only the candidate's answers failed",
                not foreign,
                f"{len(lost)} lost, {len(foreign)} of them not by the candidate"
                + (f" ({foreign[0].error or foreign[0].status})" if foreign else ""),
            ),
            Condition(
                "the candidate got no more than its share",
                0 < met <= most_expected(len(exposed), CANARY_PERCENT / 100),
                f"{met} of {len(exposed)} requests while it had {CANARY_PERCENT:g} %",
            ),
            Condition(
                "users met the fault, or nothing was shown", bool(self._bad()), f"{len(self._bad())} bad answers"
            ),
            Condition(
                "once all traffic was back, no answer was bad",
                back is not None and not late,
                "traffic never came back" if back is None else f"{len(late)} bad answers after it",
            ),
        ]

    def _on_one_side(self, side: str) -> Condition:
        weights = {self.service.side_of(group): weight for group, weight in self.final_weights.items()}
        return Condition(
            f"100 % of production traffic is on {side}",
            all((weight > 0) == (name == side) for name, weight in weights.items()),
            ", ".join(f"{name} {weight}" for name, weight in sorted(weights.items())),
        )

    def _nothing_lost(self) -> Condition:
        said = ", ".join(f"{count} x {why}" for why, count in self.load.by_failure.items())
        return Condition(
            "no request failed and no stream broke",
            self.load.sent > 0 and not (self.load.lost or self.load.wrong_answers or self.load.retried),
            f"{self.load.failed} failed, {self.load.broken_streams} broken, {self.load.wrong_answers} wrong, "
            f"{self.load.retried} sent again of {self.load.sent}" + (f" ({said})" if said else ""),
        )

    def _in_time(self) -> Condition:
        """A generator that was late measured this machine instead of the service."""
        return Condition(
            "the load kept its schedule",
            self.load.late <= self.load.sent * 0.02,
            f"{self.load.late} of {self.load.sent} requests sent more than 0.1 s late",
        )

    def _bad(self) -> list[LoadRecord]:
        """The answers that a user would call bad: lost, or slower than the alarm allows."""
        return [
            record
            for record in self.records
            if record.is_failed or record.is_broken or record.is_wrong or record.latency > SLOW_SECONDS
        ]

    def _reason(self) -> str:
        return " ".join((self.rollout.reason, *self.rollout.alarms))

    def _live_side(self) -> str:
        return next(side for side in self.service.groups if side != self.rollout.side)

    def _first_shift(self) -> float | None:
        started = self.rollout.milestones[0].wall
        shifts = [change.wall for change in self.weights if change.wall >= started]
        return shifts[0] if shifts else None

    def _last_shift(self) -> float:
        return self.weights[-1].wall if self.weights else float("inf")

    def _back(self) -> float | None:
        started = self.rollout.milestones[0].wall
        bad = self._bad()
        return back_on(
            self._live_side(),
            [change for change in self.weights if change.wall >= started],
            after=bad[0].scheduled if bad else started,
        )

    def _figures(self) -> dict[str, Figure]:
        candidate, live = self.scenario.release, self.live_release
        sides = {self.rollout.side: f"candidate {candidate}", self._live_side(): f"live {live}"}
        figures: dict[str, Figure] = {
            "requests sent": self.load.sent,
            "failed": self.load.failed,
            "broken streams": self.load.broken_streams,
            "wrong answers": self.load.wrong_answers,
        }
        for side in sorted(sides):
            tally = self.load.by_side.get(side)
            figures[f"served by {side} ({sides[side]})"] = tally.requests if tally else 0
        bad, back = self._bad(), self._back()
        if self.scenario.stopped_by is not None and self.scenario.meets_users:
            real = None if back is None or not bad else back - bad[0].scheduled
            figures["first bad answer to 100 % live"] = (
                None if real is None else f"{real:.1f} s here, {real * self.speed / 60:.1f} rehearsed minutes"
            )
        figures["p95 of predictions"] = None if self.load.latency is None else f"{self.load.latency.p95 * 1000:.0f} ms"
        figures["rate"] = (
            f"{RATE_PER_SECOND:g}/s here, {RATE_PER_SECOND / self.speed * 60:g} in a rehearsed minute (x{self.speed:g})"
        )
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
        """Requests of each second by side and failed, and the candidate's share, from the first request on."""
        start = self.records[0].scheduled if self.records else 0.0
        counts: dict[str, Counter[int]] = {"blue": Counter(), "green": Counter(), "failed": Counter()}
        for record in self.records:
            failed = record.is_failed or record.is_broken
            counts["failed" if failed else record.side or "failed"][int(record.scheduled - start)] += 1
        samples = {
            name: tuple((second + 0.5, float(count[second])) for second in sorted(count))
            for name, count in counts.items()
        }
        changes = [change for change in self.weights if change.wall >= self.rollout.milestones[0].wall]
        shares = [(0.0, 0.0)]
        for change in changes:
            total = sum(change.by_side.values())
            shares.append((change.wall - start, 100.0 * change.by_side.get(self.rollout.side, 0) / total))
        shares.append((self.records[-1].scheduled - start if self.records else 0.0, shares[-1][1]))
        return {**samples, "candidate's share": tuple(shares)}
