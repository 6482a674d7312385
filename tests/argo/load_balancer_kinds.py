"""The kinds of the load balancer controllers, as far as this library writes them.

No copies of their CRDs: the fields are those that the documentation of the AWS Load Balancer Controller and the EKS
user guide ("Create an IngressClass to configure an Application Load Balancer", with its tables of differences) name.
What is not listed here is refused, so that a field which is new to us has to be looked up first.
"""

from typing import Any

_TEXT = {"type": "string"}
_PORT = {"type": ["integer", "string"]}
_METADATA = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"type": "object"}}


def _fields(fields: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _kind(spec: dict[str, Any]) -> dict[str, Any]:
    return _fields(_METADATA | {"spec": spec}, ("apiVersion", "kind", "metadata", "spec"))


_PEERS = _items(_fields({"ipBlock": _fields({"cidr": _TEXT}), "securityGroup": _fields({"groupID": _TEXT})}))
_PORTS = _items(_fields({"port": _PORT, "protocol": {"enum": ["TCP", "UDP"]}}))


def _binding(required: tuple[str, ...], rule: dict[str, Any]) -> dict[str, Any]:
    return _kind(
        _fields(
            {
                "targetGroupARN": _TEXT,
                "targetType": {"enum": ["ip", "instance"]},
                "ipAddressType": {"enum": ["ipv4", "ipv6"]},
                "vpcID": _TEXT,
                "serviceRef": _fields({"name": _TEXT, "port": _PORT}, ("name", "port")),
                "networking": _fields({"ingress": _items(rule)}),
            },
            required,
        )
    )


_ATTRIBUTES = _items(_fields({"key": _TEXT, "value": _TEXT}, ("key", "value")))
_PARAMETERS: dict[str, Any] = {
    "scheme": {"enum": ["internal", "internet-facing"]},
    "ipAddressType": {"enum": ["ipv4", "dualstack", "dualstack-without-public-ipv4"]},
    "group": _fields({"name": _TEXT}, ("name",)),
    "loadBalancerAttributes": _ATTRIBUTES,
    "tags": _ATTRIBUTES,
    "namespaceSelector": {"type": "object"},
}
LOAD_BALANCER_KINDS: dict[tuple[str, str], dict[str, Any]] = {
    ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"): _binding(
        ("targetGroupARN", "serviceRef"), _fields({"from": _PEERS, "ports": _PORTS}, ("from", "ports"))
    ),
    ("eks.amazonaws.com/v1", "TargetGroupBinding"): _binding(
        ("targetGroupARN", "serviceRef", "targetType"), _fields({"ports": _PORTS})
    ),
    ("elbv2.k8s.aws/v1beta1", "IngressClassParams"): _kind(
        _fields(
            _PARAMETERS
            | {
                "certificateArn": _items(_TEXT),
                "inboundCIDRs": _items(_TEXT),
                "sslPolicy": _TEXT,
                "subnets": _fields({"ids": _items(_TEXT), "tags": {"type": "object"}}),
                "targetType": {"enum": ["ip", "instance"]},
                "wafv2AclArn": _TEXT,
            }
        )
    ),
    ("eks.amazonaws.com/v1", "IngressClassParams"): _kind(
        _fields(
            _PARAMETERS
            | {
                "certificateARNs": _items(_TEXT),
                "subnets": _fields({"ids": _items(_TEXT), "matchTags": {"type": ["array", "object"]}}),
            }
        )
    ),
}
