"""A Rollout's own fields: its selector, its pod template, its revisions and its deadline."""

from .label_selector import selects
from .manifest_set import KubernetesObject, ManifestSet
from .reading import shown
from .workload import workload_of

REVISION_HISTORY_LIMIT = 10
PROGRESS_DEADLINE_SECONDS = 600

_REFERABLE = {"Deployment": "apps", "ReplicaSet": "apps", "PodTemplate": ""}
_SCALE_DOWNS = ("never", "onsuccess", "progressively")


def lint_rollouts(judged: ManifestSet) -> None:
    """One source of pods, a selector that matches them, numbers that go together, no other Rollout's pods."""
    for item in judged.kinds("Rollout"):
        _source(item)
        _selector(judged, item)
        _numbers(item)
    _same_selectors(judged)


def _source(item: KubernetesObject) -> None:
    spec = item.spec
    if not spec.has("workloadRef"):
        if not spec.has("template"):
            spec.say("has neither spec.template nor spec.workloadRef: give it the pods to run by one of them")
        return
    if spec.mapping("template").filled():
        spec.say("has both spec.template and spec.workloadRef: one of them is allowed, remove the other")
    reference = spec.mapping("workloadRef")
    kind, version = reference.text("kind"), reference.text("apiVersion")
    if not reference.has("name"):
        reference.say("has no spec.workloadRef.name: name the workload whose pods it takes over")
    if kind is not None and kind not in _REFERABLE:
        reference.say(f"has spec.workloadRef.kind {shown(kind)}: {', '.join(_REFERABLE)} are allowed, refer to one")
    elif kind is not None and version is not None and version.rpartition("/")[0] != _REFERABLE[kind]:
        wanted = f"{_REFERABLE[kind]}/v1".lstrip("/")
        reference.say(f"has spec.workloadRef.apiVersion {shown(version)} for a {kind}: {wanted} is allowed, write that")
    scale_down = reference.text("scaleDown")
    if scale_down is not None and scale_down not in _SCALE_DOWNS:
        reference.say(
            f"has spec.workloadRef.scaleDown {shown(scale_down)}: {', '.join(_SCALE_DOWNS)} are allowed, write one"
        )


def _selector(judged: ManifestSet, item: KubernetesObject) -> None:
    selector = item.spec.mapping("selector")
    if not item.spec.has("selector"):
        if not item.spec.has("workloadRef"):
            item.spec.say("has no spec.selector: give it the labels of its pods in matchLabels")
        return
    if not (selector.table("matchLabels") or selector.mappings("matchExpressions")):
        selector.say("has an empty spec.selector: give it the labels of its pods in matchLabels")
        return
    labels = workload_of(judged, item).labels
    if labels is not None and not selects(selector, labels):
        selector.say(
            f"has a spec.selector that its pods' labels {shown(labels)} do not match: "
            "give the pod template all labels of the selector"
        )


def _numbers(item: KubernetesObject) -> None:
    spec = item.spec
    spec.whole("replicas", least=0)
    spec.mapping("analysis").whole("successfulRunHistoryLimit", least=0)
    spec.mapping("analysis").whole("unsuccessfulRunHistoryLimit", least=0)
    ready = spec.whole("minReadySeconds", least=0)
    deadline = spec.whole("progressDeadlineSeconds", least=0)
    deadline = PROGRESS_DEADLINE_SECONDS if deadline is None else deadline
    if deadline <= (ready or 0):
        spec.say(
            f"has spec.progressDeadlineSeconds {deadline} and minReadySeconds {ready or 0}: a deadline above the ready "
            "time is allowed, raise the deadline or lower the ready time"
        )
    kept = spec.whole("revisionHistoryLimit", least=0)
    kept = REVISION_HISTORY_LIMIT if kept is None else kept
    window = spec.mapping("rollbackWindow").whole("revisions", least=1)
    if window is not None and window > kept:
        spec.say(
            f"has spec.rollbackWindow.revisions {window} above revisionHistoryLimit {kept}: up to {kept} are allowed, "
            "since older revisions are gone, lower the window or keep more revisions"
        )


def _labels(item: KubernetesObject) -> dict[str, str]:
    return item.spec.table("selector", "matchLabels")


def _same_selectors(judged: ManifestSet) -> None:
    owners = [
        item
        for item in judged.kinds("Rollout", "Deployment")
        if _labels(item) and not item.spec.mapping("selector").has("matchExpressions")
    ]
    for place, first in enumerate(owners):
        for second in owners[place + 1 :]:
            if first.namespace != second.namespace or _labels(first) != _labels(second):
                continue
            if first.spec.has("workloadRef") or second.spec.has("workloadRef"):
                continue
            first.reading.say(
                f"has the spec.selector of {second}: one owner per pod is allowed, give each its own label"
            )
