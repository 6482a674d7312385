"""Services: those that a Rollout moves, what they select, the ports that they forward to."""

from .label_selector import POD_TEMPLATE_HASH, unmatched
from .manifest_set import KubernetesObject, ManifestSet
from .reading import shown
from .referenced_services import referenced_services
from .service_ports import has_port, ports_of
from .workload import Workload, rollouts_of, workloads

_MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"


def lint_services(judged: ManifestSet) -> None:
    """Each Service that a Rollout names exists, selects its pods and is nobody else's; each port leads somewhere."""
    for item in judged.kinds("Service"):
        _ports(item)
        _selected(judged, item)
    owners: dict[tuple[str, str], KubernetesObject] = {}
    for rollout in rollouts_of(judged):
        for reference in referenced_services(rollout.object):
            path = f"{reference.reading.path}.{reference.key}"
            service = judged.find("Service", rollout.object.namespace, reference.name)
            if service is None:
                reference.reading.say(
                    f"has {path} {shown(reference.name)}, which no Service of its namespace in the set is called: add "
                    "it"
                )
                continue
            if reference.moved:
                _matches(rollout, service, path)
            if reference.moved:
                _moved(rollout, service, owners)
            port = rollout.object.spec.mapping("strategy", "canary", "trafficRouting", "alb").whole("servicePort")
            if port is not None and not has_port(service, port):
                reference.reading.say(
                    f"has trafficRouting.alb.servicePort {port}, which {service} does not have: its ports "
                    f"({ports_of(service)}) are allowed, write one of them"
                )


def _matches(rollout: Workload, service: KubernetesObject, path: str) -> None:
    selector = service.spec.table("selector")
    if not selector:
        service.spec.say(f"has no spec.selector although {rollout.object} names it in {path}: give it the pods' labels")
    elif rollout.labels is not None and (missed := unmatched(selector, rollout.labels)):
        service.spec.say(
            f"selects {', '.join(f'{key}={selector[key]}' for key in missed)}, which the pods of {rollout.object} do "
            "not have "
            f"although it names the Service in {path}: select labels of its pod template"
        )


def _moved(rollout: Workload, service: KubernetesObject, owners: dict[tuple[str, str], KubernetesObject]) -> None:
    owner = owners.setdefault((service.namespace, service.name), rollout.object)
    manager = service.annotations.get(_MANAGED_BY, rollout.object.name)
    if owner is not rollout.object:
        service.reading.say(
            f"is moved by {owner} and by {rollout.object}: one Rollout per Service is allowed, add another"
        )
    elif manager != rollout.object.name:
        service.reading.say(
            f"has the annotation {_MANAGED_BY} {shown(manager)} although {rollout.object} moves it: remove the "
            "annotation, "
            "the controller writes it"
        )
    if POD_TEMPLATE_HASH in service.spec.table("selector"):
        service.reading.say(
            f"has {POD_TEMPLATE_HASH} in spec.selector: the controller writes it, and each deployment would move "
            "traffic "
            "back, remove it"
        )


def _ports(service: KubernetesObject) -> None:
    if service.spec.text("type") == "ExternalName":
        return
    ports = service.spec.mappings("ports")
    if not ports:
        service.spec.say("has no spec.ports: give it one at least")
    names = [port.word("name") for port in ports]
    for port in ports:
        number = port.whole("port")
        if port.raw("port") is None or (number is not None and not 1 <= number <= 65535):
            port.say(f"has {port.path}.port {shown(port.raw('port'))}: 1 to 65535 is allowed, write one of them")
        target = port.whole_or_text("targetPort")
        if isinstance(target, int) and not 1 <= target <= 65535:
            port.say(f"has {port.path}.targetPort {shown(target)}: 1 to 65535 or a port's name is allowed")
        if len(ports) > 1 and (not port.has("name") or names.count(port.word("name")) > 1):
            port.say(f"has several ports and {port.path}.name {shown(port.raw('name'))}: each needs a name of its own")


def _selected(judged: ManifestSet, service: KubernetesObject) -> None:
    selector = service.spec.table("selector")
    known = list(workloads(judged, service.namespace))
    if not selector or not known or any(workload.labels is None for workload in known):
        return
    chosen = [workload for workload in known if any(not unmatched(selector, labels) for labels in workload.label_sets)]
    if not chosen:
        service.spec.say(
            f"selects {', '.join(f'{key}={value}' for key, value in selector.items())}, which no pods of the set have: "
            "select the labels of a pod template"
        )
    for port in service.spec.mappings("ports"):
        target = port.whole_or_text("targetPort")
        if not isinstance(target, str) or target.isdecimal():
            continue
        for workload in chosen:
            if target not in workload.port_names:
                port.say(
                    f"has {port.path}.targetPort {shown(target)}, which the pods of {workload.object} do not name: "
                    "their port "
                    f"names ({', '.join(sorted(workload.port_names)) or 'they have none'}) are allowed, write one of "
                    "them"
                )
