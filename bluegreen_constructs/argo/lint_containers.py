"""Containers: their resources and their probes, in values that the API server takes."""

from decimal import Decimal

from .manifest_set import ManifestSet
from .quantities import amount
from .reading import Reading, is_unknown, shown

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SECONDS = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold")


def lint_containers(judged: ManifestSet) -> None:
    """Judge the containers of each Rollout and each Deployment."""
    for item in judged.kinds("Rollout", "Deployment"):
        pod = item.spec.mapping("template", "spec")
        for container in pod.mappings("containers") + pod.mappings("initContainers"):
            _resources(container)
            for probe in _PROBES:
                _probe(container.mapping(probe), container, probe)


def _resources(container: Reading) -> None:
    resources = container.mapping("resources")
    limits = {key: _amount(resources.mapping("limits"), key) for key in resources.mapping("limits").filled()}
    for key in resources.mapping("requests").filled():
        asked, limit = _amount(resources.mapping("requests"), key), limits.get(key)
        if asked is not None and limit is not None and asked > limit:
            resources.say(
                f"has {resources.path}.requests.{key} {shown(resources.mapping('requests').raw(key))} above its limit "
                f"{shown(resources.mapping('limits').raw(key))}: up to the limit is allowed, raise the limit or ask "
                "for less"
            )


def _amount(resources: Reading, key: str) -> Decimal | None:
    value = resources.raw(key)
    if not isinstance(value, float) or is_unknown(value):
        value = resources.whole_or_text(key)
    if value is None:
        return None
    found = amount(str(value))
    if found is None or found < 0:
        resources.say(
            f"has {resources.path}.{key} {shown(value)}: 0 or more is allowed, as a number or as in '100m' or '128Mi', "
            "write it so"
        )
        return None
    return found


def _probe(probe: Reading, container: Reading, key: str) -> None:
    if container.raw(key) is None:
        return
    for seconds in _SECONDS:
        probe.whole(seconds, least=0)
    actions = probe.given(("exec", "grpc", "httpGet", "tcpSocket"))
    if len(actions) != 1:
        probe.say(
            f"has {' and '.join(actions) or 'no action'} in {probe.path}: exactly one of exec, grpc, httpGet and "
            "tcpSocket "
            "is allowed"
        )
    ports = {port.word("name") for port in container.mappings("ports")} - {None}
    for target in (probe.mapping("httpGet"), probe.mapping("tcpSocket")):
        port = target.whole_or_text("port")
        if isinstance(port, int) and not 1 <= port <= 65535:
            target.say(f"has {target.path}.port {port}: 1 to 65535 is allowed, write one of them")
        if isinstance(port, str) and not port.isdecimal() and port not in ports:
            target.say(
                f"has {target.path}.port {shown(port)}: numbers and the names of the container's ports "
                f"({', '.join(sorted(name for name in ports if name)) or 'it has none'}) are allowed, write one of them"
            )
