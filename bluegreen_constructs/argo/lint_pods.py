"""Pod templates: what the API server refuses when the controller creates the pods, and pods killed before they "
"drain."""

import re

from .lint_names import is_dns_label
from .manifest_set import ManifestSet
from .reading import Reading, shown

GRACE_SECONDS = 30
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_SLEEP = re.compile(r"\bsleep +([0-9]+(?:\.[0-9]+)?)(?![0-9.]*[mhd])")


def lint_pods(judged: ManifestSet) -> None:
    """Pods that a ReplicaSet may own, whose names are told apart, with time left to stop after `preStop`."""
    for item in judged.kinds("Rollout", "Deployment"):
        if item.spec.has("template") and not item.spec.has("workloadRef"):
            _pod(item.spec.mapping("template", "spec"))


def grace_seconds(pod: Reading) -> int:
    """How long a pod may take to stop before it is killed."""
    grace = pod.whole("terminationGracePeriodSeconds", least=0)
    return GRACE_SECONDS if grace is None else grace


def _pod(pod: Reading) -> None:
    restart = pod.text("restartPolicy")
    if restart not in (None, "Always"):
        pod.say(f"has {pod.path}.restartPolicy {shown(restart)}: Always is allowed in a Rollout, remove it")
    if pod.has("activeDeadlineSeconds"):
        pod.say(f"has {pod.path}.activeDeadlineSeconds: none is allowed in a Rollout, remove it")
    main = pod.mappings("containers")
    if not main:
        pod.say(f"has no {pod.path}.containers: give it one at least")
    containers = main + pod.mappings("initContainers")
    names = [name for container in containers if (name := container.text("name")) is not None]
    for container in containers:
        _name(container)
    for name in sorted({name for name in names if names.count(name) > 1}):
        pod.say(f"has two containers called {shown(name)} in {pod.path}: each name once is allowed, rename one")
    _ports(pod, containers)
    _mounts(pod, containers)
    grace = grace_seconds(pod)
    for container in containers:
        _pre_stop(container, grace)


def _name(container: Reading) -> None:
    name = container.text("name")
    if not container.has("name"):
        container.say(f"has no {container.path}.name: name the container")
    elif name is not None and not is_dns_label(name):
        container.say(
            f"has {container.path}.name {shown(name)}: up to 63 of a-z, 0-9 and '-', which stands neither first nor "
            "last, "
            "are allowed, change the name"
        )


def _ports(pod: Reading, containers: tuple[Reading, ...]) -> None:
    seen: set[str] = set()
    for container in containers:
        for port in container.mappings("ports"):
            number, name = port.whole("containerPort"), port.text("name")
            if not port.has("containerPort"):
                port.say(f"has no {port.path}.containerPort: give the number that the container listens on")
            if number is not None and not 1 <= number <= 65535:
                port.say(f"has {port.path}.containerPort {shown(number)}: 1 to 65535 is allowed, write one of them")
            protocol = port.text("protocol")
            if protocol not in (None, "TCP", "UDP", "SCTP"):
                port.say(
                    f"has {port.path}.protocol {shown(protocol)}: TCP, UDP and SCTP are allowed, write one of them"
                )
            if name is None:
                continue
            if not _PORT_NAME.fullmatch(name):
                port.say(
                    f"has {port.path}.name {shown(name)}: up to 15 of a-z, 0-9 and '-', a letter among them, are "
                    "allowed, change the name"
                )
            if name in seen:
                port.say(f"has two ports called {shown(name)} in {pod.path}: each name once is allowed, rename one")
            seen.add(name)


def _mounts(pod: Reading, containers: tuple[Reading, ...]) -> None:
    volumes = {volume.word("name") for volume in pod.mappings("volumes")}
    for container in containers:
        for mount in container.mappings("volumeMounts"):
            name = mount.text("name")
            if name is not None and name not in volumes:
                mount.say(
                    f"has {mount.path}.name {shown(name)}, which is no volume of the pod: add it to {pod.path}.volumes"
                )


def _pre_stop(container: Reading, grace: int) -> None:
    hook = container.mapping("lifecycle", "preStop")
    waits = hook.mapping("sleep").whole("seconds", least=0)
    seconds = float(waits) if waits is not None else _slept(hook.mapping("exec").texts("command"))
    if seconds is not None and seconds >= grace:
        hook.say(
            f"has a {hook.path} of {seconds:g} s and terminationGracePeriodSeconds {grace}: a hook below the grace "
            "period is "
            "allowed, since the pod is killed at its end, raise the grace period or shorten the hook"
        )


def _slept(command: tuple[str, ...]) -> float | None:
    found = [float(number) for number in _SLEEP.findall(" ".join(command))]
    return sum(found) if found else None
