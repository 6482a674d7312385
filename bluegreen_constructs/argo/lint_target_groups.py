"""TargetGroupBindings: pods registered with a target group that is made outside the cluster."""

from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, shown
from .referenced_services import referenced_services
from .service_ports import has_port, ports_of

AUTO_MODE_API = "eks.amazonaws.com/v1"
CONTROLLER_API = "elbv2.k8s.aws/v1beta1"


def lint_target_group_bindings(judged: ManifestSet) -> None:
    """A Service and a port that exist, targets by address, the fields of the API that is named."""
    for item in judged.kinds("TargetGroupBinding"):
        version = item.reading.text("apiVersion")
        if version is not None and version not in (AUTO_MODE_API, CONTROLLER_API):
            item.reading.say(
                f"has apiVersion {shown(version)}: {AUTO_MODE_API} (Auto Mode) and {CONTROLLER_API} are allowed, "
                "write one"
            )
        if not item.spec.has("targetGroupARN"):
            item.spec.say("has no spec.targetGroupARN: name the target group that its pods register with")
        _targets(item, version)
        _service(judged, item, item.spec.mapping("serviceRef"))


def _targets(item: KubernetesObject, version: str | None) -> None:
    kind = item.spec.text("targetType")
    if kind not in (None, "ip"):
        item.spec.say(f"has spec.targetType {shown(kind)}: ip is allowed for ClusterIP Services, write it")
    if version != AUTO_MODE_API:
        return
    if not item.spec.has("targetType"):
        item.spec.say("has no spec.targetType, which Auto Mode requires: write ip")
    for rule in item.spec.mapping("networking").mappings("ingress"):
        if rule.raw("from") is not None:
            rule.say(
                f"has {rule.path}.from, which Auto Mode does not support: open the nodes' security group to the load "
                "balancer's instead, remove it"
            )


def _service(judged: ManifestSet, item: KubernetesObject, reference: Reading) -> None:
    name, port = reference.text("name"), reference.whole_or_text("port")
    for key in ("name", "port"):
        if reference.raw(key) in (None, ""):
            reference.say(f"has no spec.serviceRef.{key}: name the Service and its port")
    if name is None:
        return
    service = judged.find("Service", item.namespace, name)
    if service is None:
        reference.say(
            f"has spec.serviceRef.name {shown(name)}, which no Service of its namespace in the set is called: add it"
        )
        return
    if port is not None and not has_port(service, port):
        reference.say(
            f"has spec.serviceRef.port {shown(port)}, which {service} does not have: its ports ({ports_of(service)}) "
            "are "
            "allowed, write one of them"
        )
    for rollout in judged.among("Rollout", item.namespace):
        for moved in referenced_services(rollout):
            if moved.name == name and moved.key == "activeService":
                reference.say(
                    f"binds {service}, which {rollout} switches by its selector: the load balancer replaces its "
                    "targets in its "
                    "own time and drops requests meanwhile, use canary with pingPong"
                )
