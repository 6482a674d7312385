"""The weights of a service's production and test rules, read and written whole (pure; the calls are elsewhere).

The refusals are those of the developer guide's page `troubleshooting-blue-green`.
"""

import copy
from collections.abc import Mapping, Sequence

from ...engine.errors import RehearsalError
from .deployment_plan import mapping, mappings
from .revision import Ingress

Actions = Sequence[Mapping[str, object]]
_NETWORKING = "of invalid networking configuration"


def weights(actions: Actions) -> dict[str, int]:
    """The weight of each target group that a rule forwards to; a plain forward gives its group 1."""
    for action in actions:
        if action.get("Type") != "forward":
            continue
        groups = mappings(mapping(action.get("ForwardConfig")).get("TargetGroups"))
        if groups:
            return {str(g.get("TargetGroupArn")): int(str(g.get("Weight", 1))) for g in groups}
        if action.get("TargetGroupArn"):
            return {str(action["TargetGroupArn"]): 1}
    return {}


def with_weights(actions: Actions, shares: Mapping[str, float]) -> list[dict[str, object]]:
    """The whole list of actions, in order, with its forward going to `shares` (percent by group) and nothing else.

    Percents with a tenth are written times ten: weights are whole numbers up to 999.
    """
    factor = 1 if all(float(share).is_integer() for share in shares.values()) else 10
    groups = [
        {"TargetGroupArn": group, "Weight": round(share * factor)}
        for group, share in sorted(shares.items(), key=lambda item: item[0])
    ]
    written: list[dict[str, object]] = []
    for action in actions:
        kept = copy.deepcopy(dict(action))
        if kept.get("Type") == "forward":
            forward = dict(mapping(kept.get("ForwardConfig")))
            kept.pop("TargetGroupArn", None)  # the old form of one group, and no longer true
            kept["ForwardConfig"] = {**forward, "TargetGroups": groups}
        written.append(kept)
    return written


def serving_group(ingress: Ingress, production: Actions, test: Actions | None) -> str:
    """The group that serves production now; raises RehearsalError for a rule that ECS would refuse, in its
    words (after "Service deployment rolled back because")."""
    known = {ingress.group, ingress.alternate}
    on_production = weights(production)
    missing = known - (on_production.keys() | weights(test or ()).keys())
    if len(missing) == len(known):
        raise RehearsalError(
            f"{_NETWORKING}. Both targetGroup and alternateTargetGroup must be associated with the "
            "productionListenerRule or testListenerRule."
        )
    if missing:
        raise RehearsalError(
            f"{_NETWORKING}: Target group {missing.pop()} is not associated with either productionListenerRule or "
            "testListenerRule."
        )
    serving = [group for group, weight in on_production.items() if weight > 0]
    stranger = next((group for group in serving if group not in known), None)
    if stranger is not None:
        raise RehearsalError(
            f"{_NETWORKING}. Production listener rule is forwarding traffic to unexpected target group {stranger}. "
            f"Expected traffic to be forwarded to either targetGroupArn: {ingress.group} or alternateTargetGroupArn: "
            f"{ingress.alternate}"
        )
    if len(serving) != 1:
        raise RehearsalError(
            f"{_NETWORKING}. productionListenerRule {ingress.production_rule} should have exactly one target group "
            f"serving traffic but found {len(serving)} target groups which are serving traffic"
        )
    return serving[0]
