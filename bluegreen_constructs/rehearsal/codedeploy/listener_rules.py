"""Which rules of a listener CodeDeploy rewrites, and what it makes of them (pure; the calls are elsewhere).

AWS's pages speak of a listener with one default rule
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-codedeploy-to-ecs-bluegreen.html). In the field it
rewrites every rule of the listener that forwards to the pair's groups, and since November 2022 leaves the unused one
with weight 0 (https://github.com/traveloka/terraform-aws-alb-single-listener/pull/47). Played so.
"""

from collections.abc import Mapping, Sequence

from ..ecs.deployment_plan import mappings
from ..ecs.traffic_weights import weights, with_weights
from .refusals import StepFailedError

Rule = Mapping[str, object]


def pairs_rules(rules: Sequence[Rule], groups: tuple[str, str]) -> list[Rule]:
    """The rules, the default one too, that forward to either group."""
    return [rule for rule in rules if weights(mappings(rule.get("Actions"))).keys() & set(groups)]


def check_primary(listener: str, rules: Sequence[Rule], groups: tuple[str, str], primary: str) -> None:
    """StepFailedError in AWS's words when the primary task set's group is not behind a rule that has the other one.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-ecs.html (`troubleshooting-ecs-elb`).
    """
    found = pairs_rules(rules, groups)
    wrong = [str(rule.get("RuleArn")) for rule in found if primary not in weights(mappings(rule.get("Actions")))]
    if wrong or not found:
        raise StepFailedError(
            "ELASTIC_LOAD_BALANCING_INVALID",
            "The ELB could not be updated due to the following error: Primary taskset target group must be behind "
            f"listener {wrong[0] if wrong else listener}",
        )


def rewritten(rule: Rule, shares: Mapping[str, float]) -> list[dict[str, object]] | None:
    """The rule's whole actions with `shares` (percent by group); None when it has them already."""
    actions = mappings(rule.get("Actions"))
    wanted = with_weights(actions, shares)
    return None if weights(wanted) == weights(actions) else wanted
