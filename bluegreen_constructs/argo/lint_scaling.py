"""How many pods: autoscalers that fight the manifest, and budgets that allow no eviction."""

import re

from .label_selector import selects
from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, shown
from .workload import Workload, workloads

_PERCENTAGE = re.compile(r"([0-9]{1,3})%")
_ROLLOUTS_API = "argoproj.io/"


def lint_scaling(judged: ManifestSet) -> None:
    """An autoscaler owns the number of pods alone; a budget has pods, and lets one go."""
    targets: dict[tuple[str, str, str], KubernetesObject] = {}
    for item in judged.kinds("HorizontalPodAutoscaler"):
        _autoscaler(judged, item, targets)
    for item in judged.kinds("PodDisruptionBudget"):
        _budget(judged, item)


def _autoscaler(
    judged: ManifestSet, item: KubernetesObject, targets: dict[tuple[str, str, str], KubernetesObject]
) -> None:
    _bounds(item)
    target = item.spec.mapping("scaleTargetRef")
    kind, name = target.text("kind"), target.text("name")
    for key in ("kind", "name"):
        if not target.has(key):
            target.say(f"has no spec.scaleTargetRef.{key}: name what it scales")
    if kind is None or name is None:
        return
    first = targets.setdefault((item.namespace, kind, name), item)
    if first is not item:
        item.reading.say(f"scales {kind} {name} as {first} does: one autoscaler is allowed, remove one")
    scaled = judged.find(kind, item.namespace, name)
    if kind == "Rollout":
        _rollout_target(target, scaled)
    if scaled is not None and kind in ("Rollout", "Deployment") and scaled.spec.raw("replicas") is not None:
        scaled.spec.say(
            f"has spec.replicas {shown(scaled.spec.raw('replicas'))} although {item} scales it: none are allowed, "
            "since "
            "each deployment would undo the scaling, remove them"
        )
    for rollout in judged.among("Rollout", item.namespace):
        reference = rollout.spec.mapping("workloadRef")
        if kind != "Rollout" and (reference.raw("kind"), reference.raw("name")) == (kind, name):
            target.say(f"scales {kind} {name}, whose pods {rollout} runs: scale the Rollout instead")


def _bounds(item: KubernetesObject) -> None:
    least, most = item.spec.whole("minReplicas", least=0), item.spec.whole("maxReplicas", least=1)
    least = 1 if least is None else least
    if most is not None and most < least:
        item.spec.say(f"has spec.minReplicas {least} above maxReplicas {most}: that or fewer is allowed, change one")
    if item.spec.raw("maxReplicas") is None:
        item.spec.say("has no spec.maxReplicas: give the most pods that it may start")


def _rollout_target(target: Reading, scaled: KubernetesObject | None) -> None:
    version = target.text("apiVersion")
    if version is not None and not version.startswith(_ROLLOUTS_API):
        target.say(
            f"has spec.scaleTargetRef.apiVersion {shown(version)} for a Rollout: {_ROLLOUTS_API}v1alpha1 is allowed"
        )
    if scaled is None:
        target.say(
            f"has spec.scaleTargetRef.name {shown(target.raw('name'))}, which no Rollout of its namespace in the set "
            "is "
            "called: add it"
        )


def _budget(judged: ManifestSet, item: KubernetesObject) -> None:
    given = item.spec.given(("minAvailable", "maxUnavailable"))
    if len(given) != 1:
        item.spec.say(f"has {' and '.join(given) or 'neither minAvailable nor maxUnavailable'}: exactly one is allowed")
    most = item.spec.whole_or_text("maxUnavailable")
    if most in (0, "0%"):
        item.spec.say(f"has spec.maxUnavailable {shown(most)}: no pod could be evicted, and no node drained, allow one")
    known = list(workloads(judged, item.namespace))
    selector = item.spec.mapping("selector")
    chosen = [workload for workload in known if any(selects(selector, labels) for labels in workload.label_sets)]
    if item.spec.raw("selector") is None:
        item.spec.say("has no spec.selector: it would protect no pod, give it the pods' labels")
        return
    if not chosen and known and all(workload.labels is not None for workload in known):
        item.spec.say("has a spec.selector that matches no pods of the set: select the labels of a pod template")
    _evictable(judged, item, chosen)


def _evictable(judged: ManifestSet, item: KubernetesObject, chosen: list[Workload]) -> None:
    kept = item.spec.whole_or_text("minAvailable")
    if kept is None:
        return
    if isinstance(kept, str):
        share = _PERCENTAGE.fullmatch(kept)
        if share is None:
            item.spec.say(
                f"has spec.minAvailable {shown(kept)}: a whole number or a percentage such as '50%' is allowed"
            )
        elif int(share[1]) >= 100:
            item.spec.say(
                f"has spec.minAvailable {shown(kept)}: no pod could be evicted, and no node drained, lower it"
            )
        return
    sizes = [_size(judged, workload.object) for workload in chosen]
    if len(sizes) == 1 and sizes[0] is not None and kept >= sizes[0]:
        item.spec.say(
            f"has spec.minAvailable {kept} of the {sizes[0]} pods that {chosen[0].object} may run: no pod could be "
            "evicted, and "
            f"no node drained, keep fewer than {sizes[0]} or run more"
        )


def _size(judged: ManifestSet, item: KubernetesObject) -> int | None:
    for scaler in judged.among("HorizontalPodAutoscaler", item.namespace):
        target = scaler.spec.mapping("scaleTargetRef")
        if (target.raw("kind"), target.raw("name")) == (item.kind, item.name):
            least = scaler.spec.whole("minReplicas", least=0)
            return 1 if scaler.spec.raw("minReplicas") is None else least
    replicas = item.spec.whole("replicas", least=0)
    return 1 if item.spec.raw("replicas") is None else replicas
