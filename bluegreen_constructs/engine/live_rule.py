"""The live rule: how a stack's events are applied to a listener rule whose weights belong to somebody else.

Two rules hold for everything in this file. Actions are written when a rule is made, and never again: a stack update
must not move traffic. And every step can be repeated: events come twice, late, or after a call that timed out but
had its effect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .errors import AwsError, RolloutError
from .handled_requests import HANDLED_TAG, is_handled, is_refused, with_handled
from .listener_rules import Json, ListenerNotFoundError, ListenerRules, PriorityTakenError, Rule
from .rule_settings import RuleSettings

OUR_TAG_PREFIX = "bluegreen:"
STACK_TAG = "bluegreen:stack"
LOGICAL_ID_TAG = "bluegreen:logical-id"
# On a rule that was made on a new listener: the ARN of the rule that it was copied from.
COPY_TAG = "bluegreen:copy-of"

# How long to look for a rule that AWS says is there and does not show yet, in seconds.
_LOOKS_S = (0.0, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Owner:
    """The custom resource that a rule belongs to; the rule carries it in two tags."""

    stack_id: str
    logical_id: str

    @property
    def tags(self) -> dict[str, str]:
        return {STACK_TAG: self.stack_id, LOGICAL_ID_TAG: self.logical_id}

    def owns(self, rule: Rule) -> bool:
        return all(rule.tags.get(key) == value for key, value in self.tags.items())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is now, and what was done for it in one sentence."""

    rule_arn: str
    note: str


@dataclass(frozen=True, slots=True)
class LiveRule:
    """Applies one event of one custom resource."""

    rules: ListenerRules
    owner: Owner
    request_id: str
    pause: Callable[[float], None]

    def create(self, wanted: RuleSettings) -> Outcome:
        """Make the rule, or adopt the one that an earlier try of the same event has made.

        Raises:
            RolloutError: the priority is taken by a rule of somebody else.
        """
        found = self._own(wanted.listener_arn)
        if found:
            return self._adopted(found, wanted)
        return self._made(wanted, wanted.initial_actions(), wanted.tags, "created the rule")

    def update(self, wanted: RuleSettings, former: RuleSettings) -> Outcome:
        """Bring conditions, priority, tags and listener to what is wanted; leave the actions as they are.

        Raises:
            RolloutError: the priority is taken, the rule forwards to a group that would be dropped, or another group
                than the one that has to serve gets traffic.
        """
        here = self._own(wanted.listener_arn)
        left = self._own(former.listener_arn) if former.listener_arn != wanted.listener_arn else None
        if any(rule and is_refused(rule.tags, self.request_id) for rule in (here, left)):
            raise RolloutError("this request was refused before; nothing was changed")
        if left and is_handled(left.tags, self.request_id):
            # A late copy of a move that was rolled back since.
            return Outcome(here.arn if here else left.arn, "this request was handled before; nothing was changed")
        try:
            return self._updated(here, left, wanted, former)
        except (AwsError, RolloutError):
            self._remember_refusal(left or here)
            raise

    def _updated(self, here: Rule | None, left: Rule | None, wanted: RuleSettings, former: RuleSettings) -> Outcome:
        if here and left and here.tags.get(COPY_TAG) == left.arn and here.actions != left.actions:
            # An earlier try was interrupted after the copy, and traffic moved since: what serves is the original.
            self.rules.delete(here.arn)
            here = None
        if here:
            outcome = self._reconciled(here, wanted, former)
        elif left:
            outcome = self._moved(left, wanted, former)
        else:
            outcome = self._made_anew(wanted)
        if left:
            self.rules.delete(left.arn)
        return outcome

    def delete(self, listener_arn: str) -> Outcome:
        """Delete what carries our tags; nothing there, or no listener, is success."""
        arns = [rule.arn for rule in self._all_own(listener_arn)]
        for arn in arns:
            self.rules.delete(arn)
        return Outcome(arns[0] if arns else "", "deleted the rule" if arns else "there was no rule to delete")

    def _all_own(self, listener_arn: str) -> list[Rule]:
        try:
            return [rule for rule in self.rules.of_listener(listener_arn) if self.owner.owns(rule)]
        except ListenerNotFoundError:
            return []

    def _own(self, listener_arn: str) -> Rule | None:
        return min(self._all_own(listener_arn), key=lambda rule: rule.priority, default=None)

    def _made(self, wanted: RuleSettings, actions: Sequence[Json], tags: Mapping[str, str], note: str) -> Outcome:
        marked = with_handled({**tags, **self.owner.tags}, self.request_id)
        try:
            rule = self.rules.create(
                wanted.listener_arn,
                priority=wanted.priority,
                conditions=wanted.conditions,
                actions=actions,
                tags=marked,
            )
        except PriorityTakenError as error:
            # Our own rule holds the priority when a create timed out but had its effect, or when the event came
            # twice and the other run was faster.
            for wait in _LOOKS_S:
                self.pause(wait)
                rules = self.rules.of_listener(wanted.listener_arn)
                holder = next((rule for rule in rules if rule.priority == wanted.priority), None)
                if holder and self.owner.owns(holder):
                    return self._adopted(holder, wanted)
                if holder:
                    break
            raise _taken(wanted, holder) from error
        return Outcome(rule.arn, note)

    def _made_anew(self, wanted: RuleSettings) -> Outcome:
        """Make a rule that somebody deleted: which side was live went with it, so it goes to the one with tasks."""
        healthy = {group: self.rules.healthy_targets(group) for group in wanted.in_order}
        most = max(healthy.values())
        fullest = [group for group in wanted.in_order if healthy[group] == most]
        if len(fullest) > 1:
            actions, side = wanted.initial_actions(), "the sides as at first"
        else:
            actions, side = wanted.actions_on(fullest[0]), "the side with more targets"
        _refuse_other_side(f"the rule of {wanted.listener_arn} that is missing", actions, wanted)
        note = f"the rule was missing and was created anew with {side} ({_counted(wanted, healthy)})"
        return self._made(wanted, actions, wanted.tags, note)

    def _adopted(self, found: Rule, wanted: RuleSettings) -> Outcome:
        if is_handled(found.tags, self.request_id):
            return Outcome(found.arn, "the rule was there from an earlier try of this request")
        self._apply(found, wanted, removed=())
        return Outcome(found.arn, "adopted the rule with this resource's tags and left its actions alone")

    def _reconciled(self, found: Rule, wanted: RuleSettings, former: RuleSettings) -> Outcome:
        if is_handled(found.tags, self.request_id):
            return Outcome(found.arn, "this request was handled before; nothing was changed")
        if wanted == former:
            return Outcome(found.arn, "nothing has changed")
        _refuse_dropped_groups(found, wanted, former)
        _refuse_other_side(f"rule {found.arn}", found.actions, wanted)
        self._apply(found, wanted, removed=[key for key in former.tags if key not in wanted.tags])
        return Outcome(found.arn, "updated the rule and left its actions alone")

    def _moved(self, left: Rule, wanted: RuleSettings, former: RuleSettings) -> Outcome:
        _refuse_dropped_groups(left, wanted, former)
        _refuse_other_side(f"rule {left.arn}", left.actions, wanted)
        for action in left.actions:
            if action.get("Type") == "authenticate-oidc":
                raise RolloutError(
                    f"rule {left.arn} cannot move to listener {wanted.listener_arn} because AWS does not give back the "
                    "client secret of its authenticate-oidc action: make a second TrafficRule on that listener"
                )
        # Tags that are neither ours nor the template's are the engine's: the state of a rollout, which goes along.
        kept = {key: value for key, value in left.tags.items() if key not in former.tags and not key.startswith("aws:")}
        tags = {**kept, **wanted.tags, COPY_TAG: left.arn}
        return self._made(
            wanted, left.actions, tags, "made the rule on the new listener with the actions of the former one"
        )

    def _apply(self, rule: Rule, wanted: RuleSettings, removed: Sequence[str]) -> None:
        if rule.priority != wanted.priority:  # first, because it is what can be refused
            self._give_priority(rule, wanted)
        if not wanted.has_conditions(rule.conditions):
            self.rules.set_conditions(rule.arn, wanted.conditions)
        gone = [key for key in removed if key in rule.tags]
        if gone:
            self.rules.remove_tags(rule.arn, gone)
        missing = {key: value for key, value in wanted.tags.items() if rule.tags.get(key) != value}
        self.rules.add_tags(rule.arn, {**missing, HANDLED_TAG: with_handled(rule.tags, self.request_id)[HANDLED_TAG]})

    def _give_priority(self, rule: Rule, wanted: RuleSettings) -> None:
        """Set the priority; one that a sibling holds is waited for, because CloudFormation updates both at once."""
        for wait in _LOOKS_S:
            self.pause(wait)
            try:
                self.rules.set_priority(rule.arn, wanted.priority)
            except PriorityTakenError as error:
                taken = error
            else:
                return
            rules = self.rules.of_listener(wanted.listener_arn)
            holder = next((other for other in rules if other.priority == wanted.priority), None)
            if holder and holder.tags.get(STACK_TAG) != self.owner.stack_id:
                break
        raise _taken(wanted, holder) from taken

    def _remember_refusal(self, rule: Rule | None) -> None:
        """Mark a failed request as handled, so that its late duplicate cannot undo the rollback that follows."""
        if rule is None:
            return
        try:
            marked = with_handled(rule.tags, self.request_id, refused=True)
            self.rules.add_tags(rule.arn, {HANDLED_TAG: marked[HANDLED_TAG]})
        except AwsError:
            return  # the failure itself is what has to be reported


def _counted(wanted: RuleSettings, healthy: Mapping[str, int]) -> str:
    if not wanted.one_of:
        return f"{healthy[wanted.blue]} healthy in blue, {healthy[wanted.green]} in green"
    return ", ".join(f"{count} healthy in {arn.rpartition(':')[2]}" for arn, count in healthy.items())


def forwarded_groups(actions: Sequence[Json]) -> dict[str, int]:
    """The target groups that the actions forward to, with their weights; a single group without one has 1."""
    groups: dict[str, int] = {}
    for action in actions:
        single, config = action.get("TargetGroupArn"), action.get("ForwardConfig")
        if isinstance(single, str):
            groups.setdefault(single, 1)
        groups.update(_tuples(config))
    return groups


def _tuples(config: object) -> Iterator[tuple[str, int]]:
    entries = config.get("TargetGroups") if isinstance(config, Mapping) else None
    for entry in entries if isinstance(entries, Sequence) else ():
        weight = entry.get("Weight", 1)
        yield str(entry["TargetGroupArn"]), int(weight)


def _refuse_dropped_groups(rule: Rule, wanted: RuleSettings, former: RuleSettings) -> None:
    """Refuse to exchange a group under a live rule; what others did to the groups is none of our business.

    The update that goes back after such a refusal finds the groups it wants on the rule, and passes.
    """
    if wanted.groups == former.groups:
        return
    for arn, weight in forwarded_groups(rule.actions).items():
        if arn not in wanted.groups:
            raise RolloutError(
                f"rule {rule.arn} forwards to target group {arn} (weight {weight}), which this update replaces, and a "
                "stack update never rewrites the actions of a live rule: keep the target group (a change of its name, "
                "port, protocol, VPC or target type replaces it), or make a second TrafficRule for the other groups "
                "under another id"
            )


def _refuse_other_side(rule: str, actions: Sequence[Json], wanted: RuleSettings) -> None:
    """Refuse what comes next in the stack's update, which takes the tasks of every other side away."""
    if not wanted.must_serve:
        return
    serving = {arn for arn, weight in forwarded_groups(actions).items() if weight}
    if serving != {wanted.must_serve}:
        raise RolloutError(
            f"{rule} gives traffic to {', '.join(sorted(serving)) or 'no group'}, and this update wants "
            f"{wanted.must_serve} to serve alone: deploy one more release, which goes to that side, and update then"
        )


def _taken(wanted: RuleSettings, holder: Rule | None) -> RolloutError:
    if holder is None:
        by = "a rule that cannot be seen yet"
    elif STACK_TAG in holder.tags:
        by = f"rule {holder.arn} of {holder.tags.get(LOGICAL_ID_TAG)} in stack {holder.tags[STACK_TAG]}"
    else:
        by = f"rule {holder.arn}"
    return RolloutError(
        f"priority {wanted.priority} on listener {wanted.listener_arn} is taken by {by}: "
        "give this TrafficRule a free priority, or delete that rule first"
    )
