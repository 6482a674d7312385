"""Conditions on rollouts by the engine that several scenarios share. Pure."""

from collections.abc import Callable, Collection

from ..load import LoadRecord
from ..operator_command import ACCESS_KEY, CommandResult
from ..outcome import Condition
from .canary_seen import CanarySeen
from .told_by_bluegreen import comparison_in, requests_of
from .traffic_conditions import all_on, in_share, none_by

_QUIET_SECONDS = 120.0  # rehearsed: what I8 asks for before anything is scaled in


def rule_went(seen: CanarySeen, wanted: tuple[float, ...]) -> Condition:
    """Whether the load balancer served just these shares of the candidate, in this order."""
    said = ", then ".join(f"{share:g} %" for share in wanted) or "no share at all"
    return Condition(f"the rule gave the candidate {said}", seen.shares == wanted, _path(seen))


def back_before_the_bake(seen: CanarySeen, planned: Collection[float]) -> Condition:
    """Whether the candidate got one or more of the steps' shares, and then nothing any more."""
    *steps, last = seen.shares or (100.0,)
    return Condition(
        "the rule gave the candidate a step's share or two, and then nothing",
        bool(steps) and last == 0 and steps == sorted(steps) and set(steps) <= set(planned),
        _path(seen),
    )


def nobody_before(seen: CanarySeen) -> Condition:
    """Before the first shift nobody met the candidate."""
    return none_by(
        "before the first shift nobody met the candidate",
        seen.before(),
        seen.candidate_side,
        at_least=seen.watched.enough,
    )


def answered_its_shares(seen: CanarySeen) -> Condition:
    """At every step the candidate answered its share of the requests."""
    looked = [in_share("", records, seen.candidate_side, share) for share, records in seen.spans()]
    return Condition(
        "at every step the candidate answered its share",
        bool(looked) and all(one.holds for one in looked),
        "; ".join(one.found for one in looked) or "it never had a share",
    )


def candidate_serves(seen: CanarySeen) -> Condition:
    """After the last change every answer is the candidate's."""
    after = seen.afterwards()
    own = sum(record.release == seen.release for record in after)
    return Condition(
        "after the last step every answer is the candidate's",
        len(after) >= seen.watched.enough and own == len(after),
        f"{own} of {len(after)}",
    )


def ends_on(seen: CanarySeen, side: str) -> Condition:
    """The live rule's weights are all on one side."""
    return all_on(side, seen.final_weights)


def wrote_the_rule(seen: CanarySeen, says: str, *callers: str) -> Condition:
    """Whether just these callers wrote the live rule's actions, each at least once."""
    found = [write.caller for write in seen.writes]
    return Condition(says, set(found) == set(callers), ", ".join(dict.fromkeys(found)) or "no write")


def by_tick(seen: CanarySeen) -> Condition:
    """Nobody but the engine's tick wrote the live rule's actions."""
    return wrote_the_rule(seen, "nobody but the engine's tick moved weights", tick_of(seen))


def by_operator_and_tick(seen: CanarySeen) -> Condition:
    """The engine's tick and the operator's abort wrote the live rule's actions, and nobody else."""
    return wrote_the_rule(
        seen, "nobody but the engine's tick and the operator moved weights", tick_of(seen), ACCESS_KEY
    )


def tick_of(seen: CanarySeen) -> str:
    """The caller that the engine's tick is."""
    return f"lambda/{seen.target.functions['tick']}"


def execution_ended(seen: CanarySeen, status: str, error: str = "") -> Condition:
    """How Step Functions says that the rollout's execution ended."""
    found = seen.execution
    return Condition(
        f"the rollout's execution ended {' with '.join(filter(None, (status, error)))}",
        (found.status, found.error) == (status, error),
        " ".join(filter(None, (found.status, found.error, found.cause[:160]))),
    )


def ended_with(result: CommandResult, code: int) -> Condition:
    """The exit code of a command."""
    return Condition(
        f"bluegreen {result.arguments[0]} ends {code}",
        result.exit_code == code,
        f"exit code {result.exit_code}: {result.said}",
    )


def is_scaled_in(seen: CanarySeen, side: str) -> Condition:
    """The side out of use runs nothing any more, and ran until it had had no request for two rehearsed minutes."""
    tasks = seen.tasks[side]
    last = max((record.scheduled for record in seen.watched.records if record.side == side), default=None)
    quiet = None if tasks.first_stopping is None or last is None else (tasks.first_stopping - last) * seen.speed
    told = "none told to stop" if tasks.first_stopping is None else "told to stop without any request"
    return Condition(
        f"{side} was scaled in, after two minutes without a request",
        (tasks.desired, tasks.running) == (0, 0)
        and tasks.first_stopping is not None
        and (quiet is None or quiet >= _QUIET_SECONDS),
        f"{tasks.desired} wanted, {tasks.running} running, "
        + (told if quiet is None else f"told to stop {quiet:.0f} rehearsed seconds after its last request"),
    )


def blamed(seen: CanarySeen, guardrail: str) -> Condition:
    """Whether explain finds this guardrail UNHEALTHY, and no other one."""
    verdicts = {one["guardrail"]: one["verdict"] for one in seen.explained.get("comparisons", ())}
    guilty = [name for name, verdict in verdicts.items() if verdict == "UNHEALTHY"]
    return Condition(
        f"bluegreen explain blames {guardrail}, and nothing else",
        guilty == [guardrail],
        ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items()) or "it knows no comparison",
    )


def all_healthy(seen: CanarySeen) -> Condition:
    """Whether explain finds every guardrail HEALTHY."""
    verdicts = {one["guardrail"]: one["verdict"] for one in seen.explained.get("comparisons", ())}
    return Condition(
        "bluegreen explain finds every guardrail HEALTHY",
        bool(verdicts) and set(verdicts.values()) == {"HEALTHY"},
        ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items()) or "it knows no comparison",
    )


def counted_rightly(seen: CanarySeen, guardrail: str, counts: Callable[[LoadRecord], bool]) -> Condition:
    """The engine's counts of the candidate are requests that users sent, its bad ones such that `counts`."""
    requests, bad = requests_of(comparison_in(seen.explained, guardrail).get("candidate"))
    own = seen.of_candidate()
    met = sum(counts(record) for record in own)
    return Condition(
        f"what the engine counted of {guardrail}, users met",
        0 < requests <= len(own) and bad <= met and (bad > 0) == (met > 0),
        f"it counted {bad} bad of {requests}, users met {met} of {len(own)}",
    )


def _path(seen: CanarySeen) -> str:
    return " → ".join(f"{share:g} %" for share in seen.shares) or "no change of weights"
