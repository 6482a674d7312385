"""What must hold after every event, judged from the calls and the world alone: nothing here asks the engine's code.

I1, I3, I5 and I8 are looked at with each call that takes effect; I7 at the end; I6 with `calls_of_an_abort`; I9 is
`StateMachine.run`, which does not wait for ever. What is found is kept as sentences: an exception in the middle of a
call could be caught by what is tested.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .client import Answer
from .elbv2 import weights_of
from .fleets import Fleet
from .one_target import SIDES, OneTarget, Side
from .world import Call, Process

QUIET_SECONDS = 120.0
"""Two periods of CloudWatch's minute."""

_ByGroup: TypeAlias = dict[str, int]
_Weights: TypeAlias = tuple[tuple[str, int], ...]

_SCALING = {("ecs", "UpdateService"), ("autoscaling", "UpdateAutoScalingGroup")}


class BrokenInvariantError(AssertionError):
    """At least one invariant does not hold; each sentence says which, where, and by which call."""


@dataclass(slots=True)
class _Knowledge:
    """What a process can know of the rule and of the state, by the answers it got."""

    weights: dict[str, int] | None = None
    tags: Mapping[str, str] | None = None
    are_tags_old: bool = False
    before_write: list[Answer] | None = None
    has_written: bool = False
    is_tagged_since_write: bool = False
    wrote_unseen: bool = False
    state: str = ""
    fence: int | None = None
    has_judged: bool = False
    healthy: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def rollout(self) -> Answer:
        """The state, as far as it was seen; read only when it is needed, because reading it takes long."""
        return json.loads(self.state) if self.state else {}


@dataclass(slots=True)
class _Asked:
    """What a fleet was asked for when it was last looked at."""

    desired: int
    release: str


class Invariants:
    """Watches one target of a world from now on.

    live: the side that serves when the watch begins; a later rollout says on the rule which one it is by then.
    needs: how many healthy targets all traffic takes (default: as many as the target began with).
    broken: what was found. `check` raises it.
    """

    def __init__(self, target: OneTarget, live: Side = "blue", needs: int | None = None) -> None:
        self._target = target
        self._world = target.world
        self._live = live
        self._needs = target.needs if needs is None else needs
        self._known: dict[Process, _Knowledge] = {}
        self._fence = 0
        self._state_fence = 0
        self._by_hand: set[_Weights] = set()
        self._actions = target.rule.actions
        self._asked = {side: _asked(target.fleet(side)) for side in SIDES}
        self.broken: list[str] = []
        self._world.watchers.append(self._watch)
        self._world.elbv2.on_write.setdefault(target.rule_arn, []).append(self._note_hand)

    @property
    def live(self) -> Side:
        """The side that everything may always go back to."""
        return self._live

    def accepts_foreign_weights(self) -> None:
        """An operator told the rollout to take over from what a hand has written."""
        self._by_hand.clear()

    def check(self) -> None:
        """Raise what was found."""
        if self.broken:
            raise BrokenInvariantError("; ".join(self.broken))

    def check_nothing_lost(self) -> None:
        """No request was sent where nobody is. Also raises what was found before."""
        if self._target.traffic.lost:
            loss = self._target.traffic.losses[0]
            where = self._name(loss.group_arn) if loss.group_arn else "no group at all"
            self._found(
                "I1",
                f"{self._target.traffic.lost} requests were lost, the first {loss.requests} until second "
                f"{loss.at:.0f} on their way to {where}",
            )
        self.check()

    def check_end(self) -> None:
        """I7: everything is on one release, and nothing goes on. Also raises what was found before."""
        weights = self._target.weights()
        used = [side for side, weight in weights.items() if weight]
        if len(used) != 1:
            self._found("I7", f"the rule ends with the weights {weights} instead of 100 % on one side")
        else:
            group = self._target.groups[used[0]]
            releases = set(group.fleet.releases(self._world.now))
            if len(releases) != 1 or not group.healthy(self._world.now):
                self._found("I7", f"{used[0]} has all traffic and runs {sorted(releases) or 'nothing healthy'}")
        tags = self._target.rule.tags
        aborted = tags.get("bluegreen:aborted")
        if aborted and aborted == tags.get("bluegreen:rollout") and used != [self._live]:
            self._found("I6", f"the rule says that {aborted} was aborted and ends with the weights {weights}")
        running = [one.name for one in self._world.stepfunctions.executions.values() if one.is_running]
        if running:
            self._found("I9", f"the executions {', '.join(running)} still run")
        self.check()

    # watching

    def _note_hand(self) -> None:
        """The rule was written; a call that did it tells afterwards, so what nobody tells of was a hand."""
        self._by_hand.add(_key(self._target.rule.weights))

    def _watch(self, call: Call, answer: Answer) -> None:
        known = self._known.get(call.process)
        if known is None:
            known = self._known[call.process] = _Knowledge()
        match call.operation:
            case "DescribeRules" | "DescribeTags" | "GetItem" if call.fault is None:
                self._read(call, answer, known)
            case "DescribeTargetHealth" if call.fault is None:
                states = [one["TargetHealth"]["State"] for one in answer["TargetHealthDescriptions"]]
                known.healthy[call.arguments["TargetGroupArn"]] = (call.at, states.count("healthy"))
            case "GetMetricData" | "DescribeAlarms" if call.fault is None:
                known.has_judged = True
            case "ModifyRule" if call.arguments["RuleArn"] == self._target.rule_arn and "Actions" in call.arguments:
                self._rule_written(call, known)
            case "AddTags" if self._target.rule_arn in call.arguments["ResourceArns"]:
                self._tagged(call, known)
            case "PutItem" if self._is_state(call.arguments["Item"]):
                self._state_saved(call, known)
            case operation if (call.service, operation) in _SCALING:
                self._scaled(call)

    def _read(self, call: Call, answer: Answer, known: _Knowledge) -> None:
        if call.operation == "GetItem":
            item = answer.get("Item")
            if item and self._is_state(item):
                known.state, known.fence = item["rollout"]["S"], int(item["fence"]["N"])
        elif call.operation == "DescribeRules":
            for rule in answer["Rules"]:
                if rule["RuleArn"] == self._target.rule_arn:
                    known.weights = weights_of(rule["Actions"])
        else:
            for one in answer["TagDescriptions"]:
                if one["ResourceArn"] == self._target.rule_arn:
                    known.tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
                    known.are_tags_old = known.tags != self._target.rule.tags
                    known.is_tagged_since_write, known.wrote_unseen = True, False

    def _rule_written(self, call: Call, known: _Knowledge) -> None:
        weights = weights_of(call.arguments["Actions"])
        self._by_hand.discard(_key(weights))
        before, self._actions = self._actions, self._target.rule.actions
        if not sum(weights.values()):
            self._found("I1", f"{call} wrote weights that sum to 0")
            return
        strangers = [arn for arn in weights if self._side(arn) is None]
        if strangers:
            self._found("I3", f"{call} wrote the foreign group {strangers[0]}")
            return
        share, former = self._share(weights), self._share(weights_of(before))
        is_back = known.before_write is not None and weights == weights_of(known.before_write)
        if share == former:  # nothing moves: the state machine makes sure of the side that was promoted
            return
        if share == 0:  # always allowed
            self._check_wanted(call, known, share, former)
            known.wrote_unseen = False
        elif not is_back:
            self._check_carried(call, known, weights, before)
            self._check_read_first(call, known)
            self._check_not_late(call, known)
            self._check_wanted(call, known, share, former)
            known.wrote_unseen = call.fault is None
        known.before_write, known.has_written, known.is_tagged_since_write = before, True, False

    def _check_carried(self, call: Call, known: _Knowledge, weights: _ByGroup, before: list[Answer]) -> None:
        """I1, for the sides whose share rises; where it falls, the write makes nothing worse.

        What was lost in the very second in which the worker had counted enough, nobody can know.
        """
        total, now = sum(weights.values()), self._world.now
        former = weights_of(before)
        former_total = sum(former.values()) or 1
        for arn, weight in weights.items():
            rises = weight * former_total > former.get(arn, 0) * total
            group = self._world.elbv2.groups[arn]
            if not weight or not rises or not group.is_checked:
                continue
            needed = max(1, -(-self._needs * weight // total))
            healthy = group.healthy(now)
            counted_at, counted = known.healthy.get(arn, (0.0, 0))
            if healthy < needed and not (counted >= needed and counted_at == call.at):
                self._found(
                    "I1",
                    f"{call} gives {self._name(arn)} {100 * weight / total:g} % of the traffic, which needs {needed} "
                    f"healthy targets, and it has {healthy}",
                )

    def _check_read_first(self, call: Call, known: _Knowledge) -> None:
        """I3: read, compare, write."""
        if known.weights is None or known.tags is None:
            self._found("I3", f"{call} wrote weights without having read the rule and its tags")
        elif known.has_written and not known.is_tagged_since_write:
            self._found("I3", f"{call} wrote weights a second time without reading the tags in between")
        elif _key(known.weights) in self._by_hand and self._is_foreign(known.weights):
            share = self._share(known.weights)
            self._found("I3", f"{call} wrote over the share of {share:g} %, which a hand had written and it had read")

    def _check_not_late(self, call: Call, known: _Knowledge) -> None:
        """I3, I6: whoever could know of a higher fence, or of an abort, moves no traffic."""
        tags, rollout = known.tags or {}, known.rollout
        fence = int(tags.get("bluegreen:fence", "0"))
        if known.fence is not None and fence > known.fence:
            self._found("I3", f"{call} moved traffic with fence {known.fence} after having read fence {fence}")
        aborted = tags.get("bluegreen:aborted")
        if aborted and aborted == rollout.get("id") and rollout.get("phase") != "ROLLING_BACK":
            self._found("I6", f"{call} moved traffic after having read the mark of the abort of {aborted}")

    def _check_wanted(self, call: Call, known: _Knowledge, share: float, former: float) -> None:
        """I5: what a worker does after it judged, and whenever it gives the candidate more, it has in the table first.

        Whoever judges nothing may take traffic back without a word there: an abort, an alarm, the state machine.
        """
        if share <= former and not known.has_judged:
            return
        rollout = known.rollout
        if share == 0 and (known.tags or {}).get("bluegreen:aborted", "-") == rollout.get("id"):
            return  # it obeys a mark, not a verdict
        wanted = rollout.get("weight")
        if wanted is None:
            self._found("I5", f"{call} gave the candidate {share:g} % and never saw a state that says so")
        elif abs(wanted - share) > 0.05 and not (rollout["phase"] == "ROLLING_BACK" and share > wanted):
            self._found("I5", f"{call} gave the candidate {share:g} %, and the state that it knew says {wanted:g} %")

    def _tagged(self, call: Call, known: _Knowledge) -> None:
        """Tags have no compare-and-set: whom ELB answers as of a moment ago cannot know that he is late with his.

        The table's lock holds him all the same, and the next turn writes the later fence again.
        """
        tags = self._target.rule.tags
        fence = int(tags.get("bluegreen:fence", "0"))
        if fence < self._fence and not known.are_tags_old:
            self._found("I3", f"{call} set the rule's fence from {self._fence} back to {fence}")
        self._fence = max(self._fence, fence)
        live = self._side(tags.get("bluegreen:live", ""))
        if live is not None and live != self._live:
            if self._target.weights()[self._live]:
                self._found(
                    "I6", f"{call} named {live} as live while {self._live} has traffic: an abort would go there"
                )
            self._live = live

    def _state_saved(self, call: Call, known: _Knowledge) -> None:
        item = call.arguments["Item"]
        known.state, known.fence = item["rollout"]["S"], int(item["fence"]["N"])
        if known.fence < self._state_fence:
            self._found("I3", f"{call} saved fence {known.fence} over fence {self._state_fence}")
        self._state_fence = max(self._state_fence, known.fence)
        if known.wrote_unseen:
            self._found("I3", f"{call} saved what it had written to the rule without having looked at the tags again")
            known.wrote_unseen = False

    def _scaled(self, call: Call) -> None:
        """I8: what serves, or served two minutes ago, is neither scaled down nor given another release."""
        for side, before in self._asked.items():
            asked = self._asked[side] = _asked(self._target.fleet(side))
            is_less = asked.desired < before.desired
            if not is_less and asked.release == before.release:
                continue
            what = f"scaled {side} from {before.desired} to {asked.desired}" if is_less else f"deployed to {side}"
            group = self._target.groups[side]
            if self._target.rule.weights.get(group.arn, 0):
                self._found("I8", f"{call} {what} while the live rule gives it traffic")
                continue
            quiet = call.at - self._target.traffic.last_request(group.arn)
            if quiet < QUIET_SECONDS:
                self._found("I8", f"{call} {what} {quiet:.0f} s after its last request")

    def _is_foreign(self, weights: _ByGroup) -> bool:
        """Whether no rollout with these settings writes such weights; a hand's may look like the engine's own."""
        settings = self._target.settings
        own = {
            0.0,
            100.0,
            100.0 - settings.hold_back,
            settings.split or 0.0,
            *(step.percent for step in settings.steps),
        }
        return not any(abs(self._share(weights) - percent) < 0.05 for percent in own)

    # words

    def _is_state(self, key: Answer) -> bool:
        return key["pk"]["S"] == f"state#{self._target.name}"

    def _share(self, weights: _ByGroup) -> float:
        """The share of the side that is not live, in percent."""
        total = sum(weights.values())
        live = weights.get(self._target.groups[self._live].arn, 0)
        return 100 * (total - live) / total if total else 0.0

    def _side(self, arn: str) -> Side | None:
        return next((side for side, group in self._target.groups.items() if group.arn == arn), None)

    def _name(self, arn: str) -> str:
        return self._side(arn) or arn

    def _found(self, which: str, what: str) -> None:
        self.broken.append(f"{which} is broken: {what}")


def calls_of_an_abort(calls: Sequence[Call]) -> list[str]:
    """I6: what an abort called until it wrote the rule, in order; all it called if it never did.

    At most three, and of Elastic Load Balancing only, is what is promised.
    """
    made = []
    for call in calls:
        made.append(f"{call.service}.{call.operation}")
        if call.operation == "ModifyRule":
            break
    return made


def _asked(fleet: Fleet) -> _Asked:
    return _Asked(fleet.desired, fleet.release)


def _key(weights: _ByGroup) -> _Weights:
    return tuple(sorted((arn, weight) for arn, weight in weights.items() if weight))
