"""AWS::ElasticLoadBalancingV2::ListenerCertificate: accepted, and nothing follows, for no TLS is terminated here.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-listenercertificate.html
"""

from collections.abc import Callable, Mapping

TYPE = "AWS::ElasticLoadBalancingV2::ListenerCertificate"
Properties = Mapping[str, object]


def handlers() -> dict[str, Callable[..., object] | bool]:
    """The type's handlers; a change of either property replaces the resource."""
    return {"create": _create, "update": _keep, "delete": _delete}


def _create(logical_id: str, props: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    return f"{props['ListenerArn']}/{stack_name}-{logical_id}", {}


def _keep(physical_id: str, had: Properties, wanted: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del had, wanted, stack_name
    return physical_id, {}


def _delete(physical_id: str, props: Properties) -> None:
    del physical_id, props
