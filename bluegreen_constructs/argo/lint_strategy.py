"""The strategy of a Rollout: blue/green or canary, its Services, its delays."""

import re

from .lint_rollout import REVISION_HISTORY_LIMIT
from .lint_steps import lint_steps
from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, shown

ROUTERS = ("alb", "ambassador", "apisix", "appMesh", "istio", "nginx", "smi", "traefik")
_PERCENTAGE = re.compile(r"[0-9]{1,3}%")
_STICKY_SECONDS = 604_800


def lint_strategies(judged: ManifestSet) -> None:
    """Exactly one strategy, whose fields go together."""
    for item in judged.kinds("Rollout"):
        strategy = item.spec.mapping("strategy")
        given = strategy.given(("blueGreen", "canary"))
        if len(given) != 1:
            strategy.say(
                f"has {' and '.join(given) or 'no strategy'} in spec.strategy: exactly one of blueGreen and canary is "
                f"allowed, {'remove one' if given else 'add one'}"
            )
        if "blueGreen" in given:
            _blue_green(item, strategy.mapping("blueGreen"))
        if "canary" in given:
            _canary(strategy.mapping("canary"))


def _delays(strategy: Reading) -> None:
    # The controller reads them as seconds, and 0 of the abort delay as `never`.
    strategy.whole("scaleDownDelaySeconds", least=0)
    strategy.whole("abortScaleDownDelaySeconds", least=0)
    strategy.whole("scaleDownDelayRevisionLimit", least=0)
    affinity = strategy.mapping("antiAffinity")
    if strategy.has("antiAffinity"):
        kinds = affinity.given(
            ("preferredDuringSchedulingIgnoredDuringExecution", "requiredDuringSchedulingIgnoredDuringExecution")
        )
        if len(kinds) != 1:
            affinity.say(
                f"has {len(kinds)} strategies in {affinity.path}: exactly one of preferred and required is allowed"
            )
        weight = affinity.mapping("preferredDuringSchedulingIgnoredDuringExecution").whole("weight")
        if weight is not None and not 1 <= weight <= 100:
            affinity.say(f"has the anti-affinity weight {shown(weight)}: 1 to 100 is allowed, write one of them")


def _blue_green(item: KubernetesObject, strategy: Reading) -> None:
    _delays(strategy)
    active, preview = strategy.text("activeService"), strategy.text("previewService")
    if not strategy.has("activeService"):
        strategy.say(f"has no {strategy.path}.activeService: name the Service that carries production traffic")
    elif active is not None and active == preview:
        strategy.say(
            f"has {shown(active)} as activeService and as previewService: two Services are needed, name another"
        )
    kept = item.spec.whole("revisionHistoryLimit", least=0)
    kept = REVISION_HISTORY_LIMIT if kept is None else kept
    limit = strategy.whole("scaleDownDelayRevisionLimit", least=0)
    if limit is not None and limit > kept:
        strategy.say(
            f"has {strategy.path}.scaleDownDelayRevisionLimit {limit} above revisionHistoryLimit {kept}: up to {kept} "
            "is "
            "allowed, lower it or keep more revisions"
        )
    strategy.whole("previewReplicaCount", least=0)
    seconds = strategy.whole("autoPromotionSeconds", least=0)
    if strategy.flag("autoPromotionEnabled") is False and seconds:
        strategy.say(
            f"has {strategy.path}.autoPromotionSeconds {seconds} and autoPromotionEnabled false: the seconds are "
            "ignored, "
            "remove them or enable the promotion"
        )
    _replica_budget(strategy, ("maxUnavailable",))


def _replica_budget(strategy: Reading, keys: tuple[str, ...]) -> None:
    amounts = {key: _amount(strategy, key) for key in keys}
    if len(amounts) == 2 and all(amount == 0 for amount in amounts.values()):
        strategy.say(
            f"has {strategy.path}.maxSurge 0 and maxUnavailable 0: no pod could ever be replaced, raise one of them"
        )


def _amount(strategy: Reading, key: str) -> int | None:
    value = strategy.whole_or_text(key)
    if value is None:
        return None
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value):
        return int(value[:-1])
    if isinstance(value, int) and value >= 0:
        return value
    strategy.say(f"has {strategy.path}.{key} {shown(value)}: a whole number or a percentage such as '25%' is allowed")
    return None


def _canary(canary: Reading) -> None:
    _delays(canary)
    _replica_budget(canary, ("maxSurge", "maxUnavailable"))
    canary.whole("minPodsPerReplicaSet", least=1)
    _services(canary)
    _routing(canary)
    _threshold(canary)
    lint_steps(canary)


def _services(canary: Reading) -> None:
    stable, candidate = canary.text("stableService"), canary.text("canaryService")
    if stable is not None and stable == candidate:
        canary.say(f"has {shown(stable)} as stableService and as canaryService: two Services are needed, name another")
    routing = canary.mapping("trafficRouting")
    if canary.raw("pingPong") is not None:
        _ping_pong(canary, routing)
        return
    # Istio by subsets and plugins do without; every other router moves traffic between two Services.
    routers = [router for router in routing.given(ROUTERS) if router != "istio"]
    if routing.mapping("istio").filled() and not routing.mapping("istio").has("destinationRule"):
        routers.append("istio")
    for key in ("stableService", "canaryService"):
        if routers and not canary.has(key):
            canary.say(
                f"has trafficRouting by {routers[0]} and no {canary.path}.{key}: both stableService and canaryService "
                "are "
                "needed, or pingPong with an ALB"
            )


def _ping_pong(canary: Reading, routing: Reading) -> None:
    services = canary.mapping("pingPong")
    names = [services.text("pingService"), services.text("pongService")]
    for key in ("pingService", "pongService"):
        if not services.has(key):
            services.say(f"has no {services.path}.{key}: two Services are needed, name it")
    if names[0] is not None and names[0] == names[1]:
        services.say(f"has {shown(names[0])} as pingService and as pongService: two Services are needed, name another")
    for key in canary.given(("stableService", "canaryService")):
        if canary.has(key):
            canary.say(f"has pingPong and {canary.path}.{key}: the controller moves ping and pong only, remove {key}")
    if not routing.given(("alb", "istio")):
        canary.say(
            "has pingPong without trafficRouting by alb or istio: add one of them, no other router knows pingPong"
        )
    alb = routing.mapping("alb")
    if routing.raw("alb") is not None:
        if not alb.has("rootService"):
            alb.say(f"has pingPong and no {alb.path}.rootService: name the Service that the Ingress forwards to")
        elif alb.text("rootService") in [name for name in names if name is not None]:
            alb.say(
                f"has {shown(alb.text('rootService'))} as rootService and in pingPong: the root is a third Service, "
                "whose "
                "selector nobody moves, name another"
            )


def _routing(canary: Reading) -> None:
    if canary.raw("trafficRouting") is None:
        if canary.raw("scaleDownDelaySeconds") is not None:
            canary.say(
                f"has {canary.path}.scaleDownDelaySeconds without trafficRouting: it needs one, remove the delay"
            )
        if canary.flag("dynamicStableScale"):
            canary.say(f"has {canary.path}.dynamicStableScale without trafficRouting: it needs one, remove the flag")
        if canary.raw("abortScaleDownDelaySeconds") is not None:
            canary.say(
                f"has {canary.path}.abortScaleDownDelaySeconds without trafficRouting: the controller ignores it, "
                "remove it"
            )
        return
    if canary.raw("scaleDownDelaySeconds") is not None and canary.flag("dynamicStableScale"):
        canary.say(
            f"has both scaleDownDelaySeconds and dynamicStableScale in {canary.path}: one is allowed, remove one"
        )
    routing = canary.mapping("trafficRouting")
    if not routing.given((*ROUTERS, "plugins")):
        routing.say(f"has no router in {routing.path}: name one, such as alb")
    largest = routing.whole("maxTrafficWeight", least=1)
    if largest is not None and not routing.given(("nginx", "plugins")):
        routing.say(f"has {routing.path}.maxTrafficWeight: nginx and plugins alone know it, remove it")
    if routing.raw("alb") is not None:
        _alb(routing.mapping("alb"))


def _alb(alb: Reading) -> None:
    given = [key for key in ("ingress", "ingresses") if alb.has(key)]
    if len(given) != 1:
        alb.say(f"has {' and '.join(given) or 'neither ingress nor ingresses'} in {alb.path}: exactly one is allowed")
    if alb.has("ingresses") and not alb.sequence("ingresses"):
        alb.say(f"has an empty {alb.path}.ingresses: name the Ingress whose weights it moves")
    port = alb.whole("servicePort")
    if alb.raw("servicePort") is None or (port is not None and not 1 <= port <= 65535):
        alb.say(
            f"has {alb.path}.servicePort {shown(alb.raw('servicePort'))}: 1 to 65535 is allowed, write the Services' "
            "port"
        )
    sticky = alb.mapping("stickinessConfig")
    seconds = sticky.whole("durationSeconds")
    if sticky.flag("enabled") and seconds is not None and not 1 <= seconds <= _STICKY_SECONDS:
        sticky.say(
            f"has {sticky.path}.durationSeconds {shown(seconds)}: 1 to {_STICKY_SECONDS} is allowed, write one of them"
        )


def _threshold(canary: Reading) -> None:
    threshold = canary.mapping("replicaProgressThreshold")
    if canary.raw("replicaProgressThreshold") is None:
        return
    kind, value = threshold.text("type"), threshold.whole("value", least=1)
    if kind is not None and kind not in ("Percent", "Pods"):
        threshold.say(f"has {threshold.path}.type {shown(kind)}: Percent and Pods are allowed, write one of them")
    if threshold.raw("value") is None:
        threshold.say(f"has no {threshold.path}.value: give the share or the number of pods that have to be available")
    if kind == "Percent" and value is not None and value > 100:
        threshold.say(f"has {threshold.path}.value {shown(value)} per cent: 1 to 100 is allowed, lower it")
