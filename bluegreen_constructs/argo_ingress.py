"""An Ingress value as annotations: how the load balancer controller makes the load balancer."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from .engine.errors import ConfigurationError
from .ingress import GRACE_OF_TASKS, Ingress

_DOMAIN = "alb.ingress.kubernetes.io"
_HEALTH = {
    "healthcheck-interval-seconds": "10",
    "healthcheck-timeout-seconds": "5",
    "healthy-threshold-count": "2",
    "unhealthy-threshold-count": "3",
    # What a readiness probe of Kubernetes takes as an answer.
    "success-codes": "200-399",
}
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def refuse_ingress(path: str, ingress: Ingress) -> None:
    """Raise ConfigurationError for what belongs to a load balancer of this app: here the cluster makes one."""
    given = [
        name
        for name, is_given in (
            ("load_balancer", ingress.load_balancer is not None),
            ("listener", ingress.listener is not None),
            ("rules", ingress.rules is not None),
            ("grace", ingress.grace is not None and ingress.grace != GRACE_OF_TASKS),
        )
        if is_given
    ]
    if given:
        raise ConfigurationError(
            f"{path} has an Ingress with {', '.join(given)}: leave it out, the load balancer controller of the cluster "
            "makes the load balancer (how long a pod may take to start is Pods(startup=…))"
        )


def admit_logs(scope: Construct, ingress: Ingress) -> list[IDependable]:
    """Let the load balancer's access logs into their bucket, as the CDK does for its own; what that has to wait for.

    Without it the cluster's controller could not make the load balancer. The policy of an imported bucket is its
    owner's to write. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
    """
    if ingress.access_logs is None:
        return []
    account = cdk.Stack.of(scope).account
    written = ingress.access_logs.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:PutObject"],
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            resources=[ingress.access_logs.arn_for_objects(f"AWSLogs/{account}/*")],
        )
    )
    return [] if written.policy_dependable is None else [written.policy_dependable]


def annotations(ingress: Ingress, *, health_path: str) -> dict[str, str]:
    """The annotations, without the one that the controller of Argo Rollouts writes.

    https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
    """
    is_plain = ingress.certificate is None
    found = {
        "scheme": "internet-facing" if ingress.internet_facing else "internal",
        "target-type": "ip",
        "listen-ports": '[{"HTTP": 80}]' if is_plain else '[{"HTTP": 80}, {"HTTPS": 443}]',
        "healthcheck-path": health_path,
        **_HEALTH,
        "target-group-attributes": f"deregistration_delay.timeout_seconds={ingress.drain_seconds}",
        "load-balancer-attributes": ",".join(_attributes(ingress)),
    }
    if ingress.certificate is not None:
        found["certificate-arn"] = ingress.certificate.certificate_arn
        found["ssl-redirect"] = "443"
        found["ssl-policy"] = _TLS_POLICY
    if ingress.sources:
        found["inbound-cidrs"] = ",".join(ingress.sources)
    if ingress.dual_stack:
        found["ip-address-type"] = "dualstack"
    if ingress.web_acl_arn is not None:
        found["wafv2-acl-arn"] = ingress.web_acl_arn
    return {f"{_DOMAIN}/{name}": value for name, value in found.items()}


def _attributes(ingress: Ingress) -> list[str]:
    found = ["routing.http.drop_invalid_header_fields.enabled=true"]
    if ingress.access_logs is not None:
        found += ["access_logs.s3.enabled=true", f"access_logs.s3.bucket={ingress.access_logs.bucket_name}"]
    return found
