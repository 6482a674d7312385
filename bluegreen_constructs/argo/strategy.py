"""How a Rollout moves traffic: by two Services that take turns behind a load balancer, or by one selector inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..engine.strategy import Step
from .addresses import PORT, ServiceNames
from .analysis_template import FIRST_MEASUREMENT_SECONDS, INTERVAL_SECONDS, arguments_of
from .manifest import Json, Manifest


@dataclass(frozen=True)
class Judges:
    """What is asked when, as AnalysisTemplates; None among the tests is a person.

    before: in this order, before production traffic. during: while the candidate has some. after: once it has all and
        the bake is over. deadline: the template that ends everything. bake: the one that lasts as long as the bake, in
        a strategy that has no other place for it.
    """

    before: Sequence[Manifest | None] = ()
    during: Sequence[Manifest] = ()
    after: Sequence[Manifest | None] = ()
    deadline: Manifest | None = None
    bake: Manifest | None = None


def ping_pong(
    names: ServiceNames,
    *,
    steps: Sequence[Step],
    bake: timedelta,
    judges: Judges,
    keep_seconds: int,
) -> Manifest:
    """A canary of full size: all its pods are ready before the first request, and back is one write of weights.

    The Services' selectors change only while they carry no traffic, which is why nothing can be dropped; a `blueGreen`
    behind a load balancer changes the selector under the traffic.
    https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/alb/#zero-downtime-updates-with-ping-pong-feature
    """
    plan: list[Json] = [{"setCanaryScale": {"weight": 100}}]
    plan += [_asked(one) for one in judges.before]
    for step in (*steps, Step(100, bake)):
        plan.append({"setWeight": round(step.percent)})
        plan += _baked(step, judges.during)
    plan += [_asked(one) for one in judges.after]
    canary: Manifest = {
        "pingPong": {"pingService": names.ping, "pongService": names.pong},
        "trafficRouting": {"alb": {"ingress": names.name, "rootService": names.name, "servicePort": PORT}},
        "steps": plan,
        # Live keeps its size until the bake is over, so that it can take everything back at once.
        "dynamicStableScale": False,
        "scaleDownDelaySeconds": keep_seconds,
        "abortScaleDownDelaySeconds": keep_seconds,
        "canaryMetadata": {"labels": dict(names.candidate_label)},
        "stableMetadata": {"labels": dict(names.live_label)},
    }
    if judges.deadline is not None:
        canary["analysis"] = _templates([judges.deadline])
    return {"canary": canary}


def blue_green(names: ServiceNames, *, bake: timedelta, judges: Judges, keep_seconds: int) -> Manifest:
    """All traffic at once, when the candidate is of full size and tested; back within the bake by one selector."""
    strategy: Manifest = {
        "activeService": names.name,
        "previewService": names.candidate,
        "autoPromotionEnabled": None not in judges.before,
        "scaleDownDelaySeconds": keep_seconds,
        # As long as an aborted candidate waits to be scaled down, the controller would give it all traffic at once and
        # untested if it were asked for again.
        "abortScaleDownDelaySeconds": 1,
    }
    before = [one for one in judges.before if one is not None]
    after = [one for one in (judges.bake, *judges.during, *judges.after) if one is not None]
    if before:
        strategy["prePromotionAnalysis"] = _templates(before)
    if after:
        strategy["postPromotionAnalysis"] = _templates(after, measurements_in(bake))
    return {"blueGreen": strategy}


def measurements_in(bake: timedelta) -> int:
    """How often a guardrail is measured in a bake, once a minute from the second one on; at least once."""
    rest = bake.total_seconds() - FIRST_MEASUREMENT_SECONDS
    return max(1, int(rest // INTERVAL_SECONDS) + 1)


def _baked(step: Step, during: Sequence[Manifest]) -> list[Json]:
    """The step's bake: as long as the measurements take, or a pause where nothing is measured."""
    if during:
        return [{"analysis": _templates(during, measurements_in(step.span), round(step.percent))}]
    seconds = round(step.span.total_seconds())
    return [{"pause": {"duration": f"{seconds}s"}}] if seconds else []


def _asked(one: Manifest | None) -> Json:
    return {"pause": {}} if one is None else {"analysis": _templates([one])}


def _templates(manifests: Sequence[Manifest], measurements: int = 1, weight: int = 0) -> Manifest:
    named: list[Json] = []
    arguments: dict[str, Json] = {}
    for one in manifests:
        metadata = one["metadata"]
        named.append({"templateName": metadata["name"]} if isinstance(metadata, dict) else {})
        for argument in arguments_of(one, measurements, weight):
            if isinstance(argument, dict):
                arguments.setdefault(str(argument["name"]), argument)
    found: Manifest = {"templates": named}
    if arguments:
        found["args"] = list(arguments.values())
    return found
