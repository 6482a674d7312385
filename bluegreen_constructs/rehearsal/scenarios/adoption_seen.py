"""What was recorded while a service was adopted, or left, under load, and the conditions on it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..adopted_stack import StackLook, Step
from ..outcome import Condition, Figure, Outcome
from ..rollout_watch import Rollout, Weights
from .traffic_conditions import SETTLE_SECONDS, Watched, all_on, in_share, load_was_whole, none_by, nothing_lost

REFUSAL = "to serve alone: deploy one more release, which goes to that side, and update then"
_CHANGED = re.compile(r"^\[([-+~])\] (\S+::\S+) ?(.*)$", re.MULTILINE)  # a resource's line in the output of cdk diff
_SERVICE, _DEFINITION, _RULE = "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "Custom::TrafficRule"
# What only the construct brings: of these the pattern has none.
_BROUGHT = frozenset({_RULE, "AWS::CloudWatch::Alarm", "AWS::Lambda::EventInvokeConfig", "AWS::SSM::Parameter"})


@dataclass(frozen=True)
class SeenAdoption:
    """A service of the pattern that became a canary, after a first release that could not start, under load.

    weights: how the production rule's weights settled on the load balancer.
    """

    live_release: str
    release: str
    before: StackLook
    rolling: Step
    broken: Step
    canary: Step
    weights: tuple[Weights, ...]
    watched: Watched

    def outcome(self, name: str) -> Outcome:
        """Judge what was seen."""
        return Outcome(
            name,
            (
                _diff_shows(
                    "the first cdk diff adds resources, and changes the service alone",
                    self.rolling,
                    {_SERVICE},
                    adds=True,
                ),
                _ended(self.rolling, "the first deployment"),
                Condition(
                    "which starts no deployment of the service",
                    not self.rolling.rollouts
                    and self.rolling.after.strategy == "ROLLING"
                    and self.rolling.after.watched_by == self.before.watched_by,
                    f"{len(self.rolling.rollouts)} started, {self.rolling.after.strategy}",
                ),
                _diff_shows(
                    "the second one changes the service, its release and what its rule is held to",
                    self.canary,
                    {_SERVICE, _DEFINITION, _RULE},
                ),
                self._fell_back(),
                _ended(self.canary, "the second try"),
                *_rolled_out(self.canary, self.weights, self.watched, self.release, side="green"),
                _kept(self.before, self.canary.after),
                nothing_lost(self.watched),
                load_was_whole(self.watched),
            ),
            figures=_figures(
                self.watched,
                {
                    "cdk deploy, rolling": self.rolling,
                    "cdk deploy, release that cannot start": self.broken,
                    "cdk deploy, canary": self.canary,
                },
            ),
        )

    def _fell_back(self) -> Condition:
        step = self.broken
        answers = self.watched.due(step.began, step.after.wall)
        others = sum(record.release != self.live_release for record in answers)
        ends = [rollout.status for rollout in step.rollouts]
        return Condition(
            "a first release that cannot start is taken back, and nobody meets it",
            not step.result.succeeded
            and step.after.status == "UPDATE_ROLLBACK_COMPLETE"
            and not step.after.weights.get("green")
            and ends[:1] == ["ROLLBACK_SUCCESSFUL"]
            and step.rollouts[0].side == "green"
            and bool(answers)
            and others == 0,
            f"exit code {step.result.exit_code}, {step.after.status}, "
            f"{', then '.join(ends) or 'no deployment'}, {others} of {len(answers)} answers by others",
        )


@dataclass(frozen=True)
class SeenLeaving:
    """A canary that became a service of the pattern again: refused while green is live, then one release later.

    weights: how the production rule's weights settled on the load balancer, until the rule was gone.
    """

    live_release: str
    release: str
    before: StackLook
    refused: Step
    canary: Step
    rolling: Step
    pattern: Step
    weights: tuple[Weights, ...]
    watched: Watched

    def outcome(self, name: str) -> Outcome:
        """Judge what was seen."""
        return Outcome(
            name,
            (
                all_on("green", self.before.weights),
                *self._was_refused(),
                _ended(self.canary, "one more release"),
                *_rolled_out(self.canary, self.weights, self.watched, self.release, side="blue"),
                _diff_shows(
                    "then cdk diff changes the service and what its rule is held to", self.rolling, {_SERVICE, _RULE}
                ),
                _ended(self.rolling, "the deployment back to rolling"),
                self._rolls_again(),
                _diff_shows(
                    "the last cdk diff takes away what the construct brought, and changes the service alone",
                    self.pattern,
                    {_SERVICE},
                    removes=True,
                ),
                _ended(self.pattern, "the removal of the construct"),
                self._is_bare(),
                _kept(self.before, self.pattern.after, of=self.pattern.template),
                nothing_lost(self.watched),
                load_was_whole(self.watched),
            ),
            figures=_figures(
                self.watched,
                {
                    "cdk deploy, refused": self.refused,
                    "cdk deploy, one more release": self.canary,
                    "cdk deploy, rolling": self.rolling,
                    "cdk deploy, pattern": self.pattern,
                },
            ),
        )

    def _was_refused(self) -> Sequence[Condition]:
        step = self.refused
        moved = [change for change in self.weights if step.began <= change.wall <= step.after.wall]
        answers = self.watched.due(step.began, step.after.wall)
        others = sum(record.release != self.live_release for record in answers)
        return (
            Condition(
                "while green is live, the way back is refused with the way out",
                not step.result.succeeded and REFUSAL in step.said and step.after.status == "UPDATE_ROLLBACK_COMPLETE",
                f"exit code {step.result.exit_code}, {step.after.status}, {step.result.reason}",
            ),
            Condition(
                "before the service is touched: no deployment, no weight moved, all answers by the live release",
                not step.rollouts
                and not moved
                and step.after.strategy == "CANARY"
                and step.after.weights == self.before.weights
                and bool(answers)
                and others == 0,
                f"{len(step.rollouts)} deployments, {len(moved)} changes of weights, {step.after.strategy}, "
                f"{others} of {len(answers)} answers by others",
            ),
        )

    def _rolls_again(self) -> Condition:
        step = self.rolling
        moved = [change for change in self.weights if change.wall >= step.began]
        return Condition(
            "which replaces the tasks in their own group and moves no weight",
            step.after.strategy == "ROLLING"
            and [rollout.status for rollout in step.rollouts] == ["SUCCESSFUL"]
            and not moved,
            f"{step.after.strategy}, {', '.join(rollout.status for rollout in step.rollouts) or 'no deployment'}, "
            f"{len(moved)} changes of weights",
        )

    def _is_bare(self) -> Condition:
        after = self.pattern.after
        brought = sorted({kind for kind, _ in after.resources.values()} & _BROUGHT)
        groups = [kind for kind, _ in after.resources.values() if kind.endswith("::TargetGroup")]
        surplus = after.resources.keys() ^ self.pattern.template
        # What decides deployments lingers in a service that an update does not say it about.
        rest = [*brought, *sorted(surplus), *self.pattern.left, *after.watched_by]
        return Condition(
            "the stack is the bare pattern's: no rule, one target group, nothing that the construct had brought",
            not after.rules and len(groups) == 1 and not rest,
            f"{len(after.rules)} rules, {len(groups)} target group" + "".join(f", {one}" for one in rest),
        )


def _rolled_out(
    step: Step, weights: Sequence[Weights], watched: Watched, release: str, *, side: str
) -> Sequence[Condition]:
    """The one deployment of the step went through by canary, and users met what the rule gave them."""
    if len(step.rollouts) != 1:
        found = f"{len(step.rollouts)} deployments"
        return (Condition("the release starts one deployment", holds=False, found=found),)
    (rollout,) = step.rollouts
    mine = [change for change in weights if step.began <= change.wall <= step.after.wall]
    shares = [change.percent_of(side) for change in mine]
    never = watched.stopped
    shifted = mine[0].wall if mine else never
    full = mine[-1].wall if len(mine) > 1 else never
    after = watched.due(full + SETTLE_SECONDS, step.after.wall)
    others = sum(record.release != release for record in after)
    return (
        _deployment(rollout, side),
        Condition(
            "the rule gave it a share, then everything",
            shares == [rollout.canary_percent, 100.0] and rollout.canary_percent < 100,
            " → ".join(f"{share:g} %" for share in shares) or "no change of weights",
        ),
        none_by(
            "nobody met it before", watched.due(step.began, shifted - SETTLE_SECONDS), side, at_least=watched.enough
        ),
        in_share(
            "then it answered its share",
            watched.due(shifted + SETTLE_SECONDS, full - SETTLE_SECONDS),
            side,
            rollout.canary_percent,
        ),
        Condition(
            "then everybody met it",
            len(after) >= watched.enough and others == 0,
            f"{others} of {len(after)} requests answered by another release",
        ),
        all_on(side, step.after.weights),
    )


def _deployment(rollout: Rollout, side: str) -> Condition:
    return Condition(
        f"the one deployment, watched by its alarms, goes to {side} and is SUCCESSFUL",
        rollout.status == "SUCCESSFUL" and rollout.side == side and rollout.watches_alarms,
        f"{rollout.status} on {rollout.side or 'no side'}"
        + ("" if rollout.watches_alarms else ", watched by no alarm")
        + (f": {rollout.reason}" if rollout.reason else ""),
    )


def _ended(step: Step, what: str) -> Condition:
    return Condition(
        f"{what} ends 0 with the stack updated",
        step.result.succeeded and step.after.status == "UPDATE_COMPLETE",
        f"exit code {step.result.exit_code}, {step.after.status}"
        + ("" if step.result.succeeded else f": {step.result.reason}"),
    )


def _diff_shows(says: str, step: Step, changes: set[str], *, adds: bool = False, removes: bool = False) -> Condition:
    """What a reviewer is shown: no more than these types changed, and none replaced for certain."""
    found = [(sign, kind, rest) for sign, kind, rest in _CHANGED.findall(step.diff)]
    by_sign = {sign: sorted({kind for one, kind, _ in found if one == sign}) for sign in "+-~"}
    replaced = [kind for _, kind, rest in found if rest.endswith(" replace")]
    # The task definition itself stays: its former revisions are kept from now on, or not any more.
    changed = set(by_sign["~"]) - ({_DEFINITION} - changes)
    return Condition(
        says,
        changed == changes and bool(by_sign["+"]) == adds and bool(by_sign["-"]) == removes and not replaced,
        "; ".join(f"[{sign}] {', '.join(kinds)}" for sign, kinds in by_sign.items() if kinds)
        + (f"; replaced: {', '.join(replaced)}" if replaced else "")
        or "no change",
    )


def _kept(before: StackLook, after: StackLook, *, of: frozenset[str] | None = None) -> Condition:
    """Everything that was there is there under its name; of a stack that is left, everything of the pattern's."""
    expected = {
        name: one for name, one in before.resources.items() if one[0] != _DEFINITION and (of is None or name in of)
    }
    lost = [name for name, one in expected.items() if after.resources.get(name) != one]
    definitions = {name for name, one in before.resources.items() if one[0] == _DEFINITION} - after.resources.keys()
    same = (before.service, before.address) == (after.service, after.address)
    return Condition(
        "cluster, load balancer, DNS name, service and all logical ids are as they were",
        bool(expected) and not lost and not definitions and same,
        f"{len(expected)} resources, {len(lost)} of them another or gone"
        + "".join(f", {name}" for name in (*lost, *sorted(definitions)))
        + f"; {after.address}",
    )


def _figures(watched: Watched, steps: Mapping[str, Step]) -> dict[str, Figure]:
    result = watched.result
    return {
        "requests sent": result.sent,
        "failed": result.failed,
        "broken streams": result.broken_streams,
        "wrong answers": result.wrong_answers,
        **{f"served by release {release}": tally.requests for release, tally in result.by_release.items()},
        **{name: f"{step.result.seconds:.1f} s" for name, step in steps.items()},
    }
