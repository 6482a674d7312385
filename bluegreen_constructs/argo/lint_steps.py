"""The steps of a canary: one action each, weights within bounds, and never more traffic than pods."""

from .reading import Reading, shown
from .spans import pause_seconds

ACTIONS = (
    "setWeight",
    "pause",
    "analysis",
    "experiment",
    "setCanaryScale",
    "setHeaderRoute",
    "setMirrorRoute",
    "plugin",
)
_SCALES = ("weight", "replicas", "matchTrafficWeight")
_MATCHES = ("exact", "regex", "prefix")


def lint_steps(canary: Reading) -> None:
    """Judge each step, and the weight of each against the candidate's size at that step."""
    routing = canary.mapping("trafficRouting")
    routed = canary.raw("trafficRouting") is not None
    largest = routing.whole("maxTrafficWeight", least=1) or 100
    size: int | None = None
    for step in canary.mappings("steps"):
        actions = step.given(ACTIONS)
        if len(actions) != 1:
            step.say(
                f"has {' and '.join(actions) or 'no action'} in {step.path}: exactly one of {', '.join(ACTIONS)} is "
                f"allowed in a step, {'split it' if actions else 'add one or remove the step'}"
            )
        weight = step.whole("setWeight")
        if weight is not None and not 0 <= weight <= largest:
            step.say(f"has {step.path}.setWeight {shown(weight)}: 0 to {largest} is allowed, write one of them")
        elif weight is not None and size is not None and routed and weight * 100 > size * largest:
            step.say(
                f"has {step.path}.setWeight {weight} while setCanaryScale keeps the candidate at {size} per cent of "
                "the pods: "
                f"up to {size} per cent of the traffic is allowed, scale it up before"
            )
        _pause(step)
        if "setCanaryScale" in actions:
            size = _scale(step, routed=routed)
        _header_route(step, routing)
        _mirror_route(step, routing)
        _experiment(step, routing, routed=routed)


def _pause(step: Reading) -> None:
    pause = step.mapping("pause")
    duration = pause.whole_or_text("duration")
    if duration is None:
        return
    seconds = pause_seconds(duration)
    if seconds is None or seconds < 0:
        pause.say(
            f"has {pause.path}.duration {shown(duration)}: seconds or a duration such as '5m' or '1h30m' is allowed, "
            "write "
            "one, or none to wait for a person"
        )


def _scale(step: Reading, *, routed: bool) -> int | None:
    scale = step.mapping("setCanaryScale")
    if not routed:
        step.say(f"has {scale.path} without trafficRouting: it needs one, remove the step or add a router")
    weight = scale.whole("weight")
    if weight is not None and not 0 <= weight <= 100:
        scale.say(f"has {scale.path}.weight {shown(weight)} per cent: 0 to 100 is allowed, write one of them")
        weight = None
    scale.whole("replicas", least=0)
    matching = scale.flag("matchTrafficWeight")
    given = [key for key in scale.given(_SCALES) if key != "matchTrafficWeight" or matching]
    if len(given) != 1:
        scale.say(
            f"has {' and '.join(given) or 'nothing'} in {scale.path}: exactly one of {', '.join(_SCALES)} is allowed"
        )
    return None if matching else weight


def _header_route(step: Reading, routing: Reading) -> None:
    route = step.mapping("setHeaderRoute")
    if step.raw("setHeaderRoute") is None:
        return
    if not routing.given(("alb", "apisix", "istio", "plugins")):
        route.say(
            f"has {route.path} without a router that knows it: alb, apisix, istio and plugins do, remove the step"
        )
    _managed(route, routing)
    for match in route.mappings("match"):
        value = match.mapping("headerValue")
        if not match.has("headerName"):
            match.say(f"has no {match.path}.headerName: name the header")
        if routing.raw("alb") is not None:
            if not value.has("exact") or value.has("regex") or value.has("prefix"):
                match.say(
                    f"has {shown(value.value)} as {value.path}: an ALB knows 'exact' only, write exact and its value"
                )
        else:
            _one_match(value)


def _one_match(value: Reading) -> None:
    given = [key for key in _MATCHES if value.has(key)]
    if len(given) != 1:
        value.say(
            f"has {' and '.join(given) or 'nothing'} in {value.path}: exactly one of {', '.join(_MATCHES)} is allowed"
        )


def _mirror_route(step: Reading, routing: Reading) -> None:
    route = step.mapping("setMirrorRoute")
    if step.raw("setMirrorRoute") is None:
        return
    if routing.raw("istio") is None:
        route.say(f"has {route.path} without trafficRouting by istio: no other router mirrors, remove the step")
    _managed(route, routing)
    for match in route.mappings("match"):
        for key in match.given(("method", "path")):
            _one_match(match.mapping(key))


def _managed(route: Reading, routing: Reading) -> None:
    name = route.text("name")
    if not route.has("name"):
        route.say(f"has no {route.path}.name: give it the name of one of trafficRouting.managedRoutes")
    elif name is not None and name not in {managed.word("name") for managed in routing.mappings("managedRoutes")}:
        route.say(
            f"has {route.path}.name {shown(name)}, which trafficRouting.managedRoutes does not list: the controller "
            "would not "
            "remove it at the end, add it there"
        )


def _experiment(step: Reading, routing: Reading, *, routed: bool) -> None:
    for template in step.mapping("experiment").mappings("templates"):
        if template.raw("weight") is None:
            continue
        if not routed or not routing.given(("alb", "smi", "istio", "plugins")):
            template.say(f"has {template.path}.weight without trafficRouting by alb, smi, istio or plugins: remove it")
