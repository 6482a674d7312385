"""A rule's actions and the candidate's share in them: read from what is there, written whole and in order."""

from collections.abc import Mapping, Sequence
from math import ceil

from .listener_rules import Json
from .live_rule import forwarded_groups


def weights_for(percent: float) -> tuple[int, int]:
    """The weights (live, candidate) for a candidate share in percent; ELB takes whole numbers up to 999."""
    tenths = round(percent * 10)
    if tenths % 10 == 0:
        return 100 - tenths // 10, tenths // 10
    return 1000 - tenths, tenths


def share_of(actions: Sequence[Json], live: str, candidate: str) -> float | None:
    """The candidate's share in percent; None for actions that forward elsewhere too, or nowhere.

    A group that the action leaves out has no share. Rounded to what weights can say.
    """
    groups = forwarded_groups(actions)
    if not groups or set(groups) - {live, candidate}:
        return None
    total = sum(groups.values())
    return round(1000 * groups.get(candidate, 0) / total) / 10 if total > 0 else None


def forward(
    live: str,
    candidate: str,
    percent: float,
    stickiness_seconds: int | None,
    *,
    keeps_live: bool = False,
    names_one: bool = False,
) -> Json:
    """The forward action with this share.

    A sticky rule sends a client that knows a side back to it, whatever its weight: a side that is to get nothing is
    therefore left out of the action. `keeps_live` leaves live in it all the same: a target group that no rule names
    gets no health checks, and what may have to take everything back must be known to be healthy. `names_one` leaves it
    out without stickiness, too: groups that other rules name as well.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    """
    of_live, of_candidate = weights_for(percent)
    groups = [(live, of_live), (candidate, of_candidate)]
    if stickiness_seconds is not None or names_one:
        groups = [(arn, weight) for arn, weight in groups if weight or (keeps_live and arn == live)]
    config: dict[str, object] = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups]}
    if stickiness_seconds is not None:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": stickiness_seconds}
    return {"Type": "forward", "ForwardConfig": config}


def is_forward_only(actions: Sequence[Json]) -> bool:
    """Whether the rule does nothing but forward, so that its actions can be written without having been read."""
    return len(actions) == 1 and actions[0].get("Type") == "forward"


def rewritten(actions: Sequence[Json], new_forward: Json) -> list[Json]:
    """The whole action list with its last action exchanged for `new_forward`, and all others kept in their order.

    What comes before the last action authenticates users: leaving it out would publish a private application. The last
    one routes; a redirect or a fixed answer that somebody put there is not kept.
    """
    kept = [*authentication_in(actions), new_forward]
    return kept if len(kept) == 1 else [{**action, "Order": position} for position, action in enumerate(kept, start=1)]


def as_they_were(actions: Sequence[Json]) -> list[Json]:
    """What a rule had, as it can be written back."""
    return rewritten(actions, {key: value for key, value in actions[-1].items() if key != "Order"}) if actions else []


def authentication_in(actions: Sequence[Json]) -> list[Json]:
    """The actions that authenticate users, as they can be written back."""
    return [_writable(action) for action in actions if str(action.get("Type", "")).startswith("authenticate")]


def _writable(action: Json) -> Json:
    oidc = action.get("AuthenticateOidcConfig")
    if not isinstance(oidc, Mapping):
        return action
    # AWS does not give the secret back, and takes this word for it instead.
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html
    return {**action, "AuthenticateOidcConfig": {**oidc, "UseExistingClientSecret": True}}


def needed(needs: int, percent: float) -> int:
    """How many of `needs` healthy targets a share of `percent` takes."""
    return ceil(round(needs * percent * 10) / 1000)


# Live has lost a few targets: all traffic is still better there than on a release that has to go.
_WARM_PERCENT = 75


def is_warm(healthy: int, needs: int) -> bool:
    """Whether a live side with so many healthy targets can take all traffic back at once."""
    return healthy >= max(1, needed(needs, _WARM_PERCENT)) if needs else True
