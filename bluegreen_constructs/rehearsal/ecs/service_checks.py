"""What CreateService and UpdateService refuse at once, in the words of `troubleshooting-blue-green`."""

from collections import Counter
from collections.abc import Callable, Mapping

from ...engine.errors import ConfigurationError
from .deployment_plan import Strategy, mapping, mappings, read_plan
from .revision import ingresses

_RULE = ":listener-rule/"


def check_service(service: Mapping[str, object]) -> None:
    """Refuse a service whose deployments could not start; ConfigurationError in ECS's words."""
    plan = read_plan(mapping(service.get("deploymentConfiguration")))
    balancers = mappings(service.get("loadBalancers"))
    with_advanced = [balancer for balancer in balancers if balancer.get("advancedConfiguration")]
    if plan.strategy is not Strategy.ROLLING and len(with_advanced) != len(balancers):
        raise ConfigurationError(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
        )
    if with_advanced and len(with_advanced) != len(balancers):
        raise ConfigurationError(
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined"
        )
    found = ingresses(service)
    groups = Counter(group for ingress in found for group in (ingress.group, ingress.alternate) if group)
    for group, times in groups.items():
        if times > 1:
            raise ConfigurationError(f"Duplicate targetGroupArn found: {group}")
    for ingress in found:
        if not ingress.alternate:
            continue
        for name, rule in (
            ("productionListenerRule", ingress.production_rule),
            ("testListenerRule", ingress.test_rule),
        ):
            if (rule or name == "productionListenerRule") and _RULE not in rule:
                raise ConfigurationError(
                    f"{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {rule}"
                )
        if ingress.production_rule == ingress.test_rule:
            raise ConfigurationError(
                f"The following rules cannot be used as both production and test listener rules: {ingress.test_rule}"
            )


def check_groups(service: Mapping[str, object], is_behind_a_balancer: Callable[[str], bool]) -> None:
    """Refuse a service whose target group no rule names yet; ConfigurationError in CreateService's words."""
    for ingress in ingresses(service):
        if not ingress.production_rule and not is_behind_a_balancer(ingress.group):
            raise ConfigurationError(
                f"The target group with targetGroupArn {ingress.group} does not have an associated load balancer."
            )
