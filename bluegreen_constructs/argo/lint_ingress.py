"""Ingresses: what answers behind each path, and what a Rollout moves by the annotations of an ALB."""

from collections.abc import Iterator

from .alb_annotations import (
    AUTO_MODE_CLASS,
    CONTROLLER_CLASS,
    PREFIX,
    USE_ANNOTATION,
    annotation_json,
    attributes,
    class_of,
    draining_seconds,
    is_alb,
)
from .lint_pods import grace_seconds
from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, is_unknown, shown
from .referenced_services import referenced_services
from .service_ports import has_port, ports_of
from .workload import rollouts_of

ALB_DOWNTIME_ACCEPTED = "bluegreen-constructs/alb-downtime"
"""The annotation by which a Rollout says `accepted`: blueGreen behind an ALB although requests are lost at each "
"switch."""

READINESS_GATES = {
    AUTO_MODE_CLASS: "eks.amazonaws.com/pod-readiness-gate-inject",
    CONTROLLER_CLASS: "elbv2.k8s.aws/pod-readiness-gate-inject",
}
_API_GROUPS = {AUTO_MODE_CLASS: "eks.amazonaws.com", CONTROLLER_CLASS: "elbv2.k8s.aws"}
# AWS's comparison of Auto Mode with the open source controller, in the user guide's page on Application Load Balancers.
_NOT_IN_AUTO_MODE = (
    "kubernetes.io/ingress.class",
    f"{PREFIX}group.name",
    f"{PREFIX}shield-advanced-protection",
    f"{PREFIX}waf-acl-id",
    f"{PREFIX}web-acl-id",
)


def lint_ingresses(judged: ManifestSet) -> None:
    """Each path has an answer; what a Rollout moves is there to be moved, and nobody else writes it."""
    for item in judged.kinds("IngressClass"):
        _class(item)
    for item in judged.kinds("Ingress"):
        _backends(judged, item)
        if is_alb(judged, item):
            _annotations(judged, item)
            _switched(judged, item)
    roots: dict[tuple[str, str, str], KubernetesObject] = {}
    for rollout in rollouts_of(judged):
        alb = rollout.object.spec.mapping("strategy", "canary", "trafficRouting", "alb")
        root = alb.text("rootService") or rollout.object.spec.mapping("strategy", "canary").text("stableService")
        names = [*alb.texts("ingresses"), *([alb.text("ingress")] if alb.has("ingress") else [])]
        for name in names:
            if name is None or is_unknown(name):
                continue
            ingress = judged.find("Ingress", rollout.object.namespace, name)
            if ingress is None:
                alb.say(
                    f"has {alb.path} for the Ingress {shown(name)}, which its namespace in the set does not have: add "
                    "it"
                )
            elif root is not None:
                _managed(judged, rollout.object, ingress, root)
                owner = roots.setdefault((ingress.namespace, ingress.name, root), rollout.object)
                if owner is not rollout.object:
                    alb.say(
                        f"moves {root!r} in {ingress} as {owner} does: one Rollout per root is allowed, add a Service"
                    )
            if ingress is not None and rollout.template is not None:
                _draining(rollout.template.mapping("spec"), ingress)


def _class(item: KubernetesObject) -> None:
    controller, parameters = item.spec.text("controller"), item.spec.mapping("parameters")
    group = parameters.text("apiGroup")
    if controller in _API_GROUPS and group is not None and group != _API_GROUPS[controller]:
        parameters.say(
            f"has the controller {controller} and parameters of {group}: those of {_API_GROUPS[controller]} are "
            "allowed, change "
            "one of them"
        )


def _paths(ingress: KubernetesObject) -> Iterator[Reading]:
    for rule in ingress.spec.mappings("rules"):
        for path in rule.mapping("http").mappings("paths"):
            yield path.mapping("backend")


def _backends(judged: ManifestSet, ingress: KubernetesObject) -> None:
    backends = list(_paths(ingress))
    if ingress.spec.raw("defaultBackend") is not None:
        backends.append(ingress.spec.mapping("defaultBackend"))
    if not backends:
        ingress.spec.say("has neither spec.rules with paths nor spec.defaultBackend: give it a path")
    for backend in backends:
        if backend.raw("resource") is not None:
            continue
        service = backend.mapping("service")
        name, port = service.text("name"), service.mapping("port")
        if not service.has("name"):
            service.say(f"has no {service.path}.name: name the Service that answers")
            continue
        numbered, called = port.whole("number"), port.text("name")
        if len(port.given(("name", "number"))) != 1:
            port.say(f"has {port.path} {shown(port.value)}: exactly one of name and number is allowed, write one")
        if name is not None:
            _answered(judged, ingress, service, name, called if called is not None else numbered)


def _answered(
    judged: ManifestSet, ingress: KubernetesObject, reading: Reading, name: str, port: int | str | None
) -> None:
    service = judged.find("Service", ingress.namespace, name)
    action = f"{PREFIX}actions.{name}"
    if port == USE_ANNOTATION:
        if action not in ingress.annotations and not _moves(judged, ingress, name):
            reading.say(
                f"has the port {USE_ANNOTATION} for {name!r}, but neither the annotation {action} nor a Rollout that "
                "writes "
                "it: add one of them, or the port of a Service"
            )
    elif service is None:
        reading.say(f"has the backend {name!r}, which no Service of its namespace in the set is called: add it")
    elif port is not None and not has_port(service, port):
        reading.say(
            f"has the port {shown(port)} of {service}, which does not have it: its ports ({ports_of(service)}) are "
            "allowed, "
            "write one of them"
        )


def _moves(judged: ManifestSet, ingress: KubernetesObject, name: str) -> bool:
    for rollout in judged.among("Rollout", ingress.namespace):
        canary = rollout.spec.mapping("strategy", "canary")
        alb = canary.mapping("trafficRouting", "alb")
        routes = {route.word("name") for route in canary.mapping("trafficRouting").mappings("managedRoutes")}
        named = {alb.word("ingress"), *alb.texts("ingresses")} if alb.filled() else set()
        unknown = any(isinstance(value, str) and is_unknown(value) for value in named)
        root = alb.word("rootService") or canary.word("stableService")
        if (ingress.name in named or unknown) and (name == root or name in routes or is_unknown(root)):
            return True
    return False


def _annotations(judged: ManifestSet, ingress: KubernetesObject) -> None:
    for key, text in ingress.annotations.items():
        if key.startswith((f"{PREFIX}actions.", f"{PREFIX}conditions.")) or key == f"{PREFIX}listen-ports":
            readable, _ = annotation_json(text)
            if not readable:
                ingress.reading.say(f"has the annotation {key} {shown(text)}: JSON is allowed, correct it")
        if key.startswith(PREFIX) and key.endswith("-attributes") and not is_unknown(text) and attributes(text) is None:
            ingress.reading.say(f"has the annotation {key} {shown(text)}: key=value,key=value is allowed, correct it")
    if class_of(judged, ingress) == AUTO_MODE_CLASS:
        for key in _NOT_IN_AUTO_MODE:
            if key in ingress.annotations:
                ingress.reading.say(
                    f"has the annotation {key}, which Auto Mode does not support: set it by the IngressClass"
                )


def _switched(judged: ManifestSet, ingress: KubernetesObject) -> None:
    backends = {backend.mapping("service").word("name") for backend in _paths(ingress)}
    backends.add(ingress.spec.mapping("defaultBackend", "service").word("name"))
    for rollout in judged.among("Rollout", ingress.namespace):
        for reference in referenced_services(rollout):
            if reference.key != "activeService" or reference.name not in backends:
                continue
            if rollout.annotations.get(ALB_DOWNTIME_ACCEPTED) != "accepted":
                reference.reading.say(
                    f"has the activeService {reference.name!r} behind the ALB of {ingress}: the ALB replaces its "
                    "targets in its "
                    "own time and drops requests meanwhile, use canary with pingPong, or accept the loss by the "
                    f"annotation {ALB_DOWNTIME_ACCEPTED}: accepted"
                )


def _managed(judged: ManifestSet, rollout: KubernetesObject, ingress: KubernetesObject, root: str) -> None:
    backends = [backend.mapping("service") for backend in _paths(ingress)]
    if any(backend.raw("resource") is not None for backend in _paths(ingress)):
        ingress.reading.say(
            f"has a resource as backend although {rollout} moves it: Services are allowed, remove the path"
        )
    ports = [backend.mapping("port") for backend in backends if backend.raw("name") == root]
    if not ports:
        ingress.reading.say(f"has no rule whose backend is {root!r}, which {rollout} moves: add a path to it")
    for port in ports:
        if port.raw("name") != USE_ANNOTATION and not is_unknown(port.raw("name")):
            port.say(
                f"has the port {shown(port.value)} for {root!r}, which {rollout} moves: the name {USE_ANNOTATION} is "
                "allowed, "
                "since the weights are in an annotation, write it"
            )
    if not is_alb(judged, ingress):
        ingress.reading.say(f"is no ALB's although {rollout} moves it as one: give it an ingressClassName of an ALB")
    prefix = rollout.spec.mapping("strategy", "canary", "trafficRouting", "alb").text("annotationPrefix") or PREFIX[:-1]
    for key in (f"{prefix}/actions.{root}", "rollouts.argoproj.io/managed-alb-annotations"):
        if key in ingress.annotations:
            ingress.reading.say(
                f"has the annotation {key}: the controller writes it, and each deployment would move traffic back, "
                "remove it"
            )
    _target_type(judged, ingress)
    _readiness_gate(judged, rollout, ingress)


def _target_type(judged: ManifestSet, ingress: KubernetesObject) -> None:
    kind = ingress.annotations.get(f"{PREFIX}target-type")
    by_class = any(item.spec.raw("targetType") == "ip" for item in judged.kinds("IngressClassParams"))
    if kind != "ip" and not (kind is None and by_class) and not is_unknown(kind):
        ingress.reading.say(
            f"has {'no' if kind is None else shown(kind)} {PREFIX}target-type: ip is allowed, since readiness gates "
            "and "
            "ClusterIP Services need it, write ip (the default is instance)"
        )


def _readiness_gate(judged: ManifestSet, rollout: KubernetesObject, ingress: KubernetesObject) -> None:
    namespace = judged.find("Namespace", "", rollout.namespace)
    if namespace is None:
        return
    labels, controller = namespace.reading.table("metadata", "labels"), class_of(judged, ingress)
    gates = [READINESS_GATES[controller]] if controller in READINESS_GATES else list(READINESS_GATES.values())
    if not any(labels.get(gate) == "enabled" or is_unknown(labels.get(gate)) for gate in gates):
        namespace.reading.say(
            f"lacks the label {' or '.join(gates)}: enabled, although {rollout} is behind an ALB: pods would count as "
            "ready "
            "before the ALB knows them, add the label"
        )


def _draining(pod: Reading, ingress: KubernetesObject) -> None:
    draining, grace = draining_seconds(ingress), grace_seconds(pod)
    if draining is not None and grace < draining:
        pod.say(
            f"has {pod.path}.terminationGracePeriodSeconds {grace} below the deregistration delay of {ingress}, "
            f"{draining} s: "
            "that or more is allowed, since the pod is killed while it still answers, raise it or lower the delay"
        )
