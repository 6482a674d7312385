"""Names, namespaces and labels: what the API server refuses, and what hides one object behind another."""

import re

from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, is_unknown, shown

_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
# Kinds whose name becomes one label of a host name. A Rollout's becomes the start of its pods' host names.
_ONE_LABEL = frozenset({"Namespace", "Service", "Rollout", "Deployment"})
_OTHER_NAMES = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})  # may contain colons


def is_dns_name(name: str) -> bool:
    """Whether a name may stand in the name of any Kubernetes object."""
    return len(name) <= 253 and _DNS_NAME.fullmatch(name) is not None


def is_dns_label(name: str) -> bool:
    """Whether a name may stand between two dots of a host name."""
    return len(name) <= 63 and _DNS_LABEL.fullmatch(name) is not None


def is_label_key(key: str) -> bool:
    """Whether a key may be that of a label or an annotation: a name, or a prefix, a slash and a name."""
    prefix, slash, name = key.rpartition("/")
    return len(name) <= 63 and _LABEL_NAME.fullmatch(name) is not None and (not slash or is_dns_name(prefix))


def lint_names(judged: ManifestSet) -> None:
    """Names that DNS allows, each object once, each namespace before what is in it, labels that are labels."""
    seen: set[tuple[str, str, str]] = set()
    for item in judged.objects:
        identity = (item.kind, item.namespace, item.name)
        if identity in seen:
            item.reading.say("is in the set twice: the second would overwrite the first, remove one of them")
        seen.add(identity)
        _name(item)
        _namespace(judged, item)
        _keyed(item.reading.mapping("metadata"), "annotations", are_labels=False)
        for labels in _label_maps(item):
            _keyed(*labels, are_labels=True)


def _name(item: KubernetesObject) -> None:
    if is_unknown(item.name):
        return
    if item.kind in _ONE_LABEL:
        if not is_dns_label(item.name):
            item.reading.say(
                f"has metadata.name {shown(item.name)}: up to 63 of a-z, 0-9 and '-', which stands neither first nor "
                f"last, are allowed (these are {len(item.name)}), change the name"
            )
        elif item.kind == "Service" and not item.name[0].isalpha():
            item.reading.say(f"has metadata.name {shown(item.name)}: a Service's begins with a letter, change the name")
    elif item.kind not in _OTHER_NAMES and not is_dns_name(item.name):
        item.reading.say(
            f"has metadata.name {shown(item.name)}: up to 253 of a-z, 0-9, '-' and '.' are allowed, change the name"
        )


def _namespace(judged: ManifestSet, item: KubernetesObject) -> None:
    if not item.namespace or is_unknown(item.namespace):
        return
    if not is_dns_label(item.namespace):
        item.reading.say(
            f"has metadata.namespace {shown(item.namespace)}: up to 63 of a-z, 0-9 and '-' are allowed, change it"
        )
    namespace = judged.find("Namespace", "", item.namespace)
    if namespace is not None and namespace.place > item.place:
        item.reading.say(
            f"stands before its namespace {item.namespace}: kubectl applies in order, move {namespace} first"
        )


def _label_maps(item: KubernetesObject) -> list[tuple[Reading, str]]:
    maps = [(item.reading.mapping("metadata"), "labels")]
    if item.kind in ("Rollout", "Deployment"):
        maps += [
            (item.spec.mapping("template", "metadata"), "labels"),
            (item.spec.mapping("selector"), "matchLabels"),
        ]
    if item.kind == "PodDisruptionBudget":
        maps.append((item.spec.mapping("selector"), "matchLabels"))
    if item.kind == "Service":
        maps.append((item.spec, "selector"))
    return maps


def _keyed(holder: Reading, key: str, *, are_labels: bool) -> None:
    for name, value in holder.table(key).items():
        path = f"{holder.path}.{key}"
        if not is_unknown(name) and not is_label_key(name):
            holder.say(
                f"has the key {shown(name)} in {path}: an optional DNS prefix with a slash, then up to 63 letters, "
                "digits, "
                "'-', '_' and '.' are allowed, change the key"
            )
        if are_labels and not is_unknown(value) and (len(value) > 63 or not _LABEL_VALUE.fullmatch(value)):
            holder.say(
                f"has {shown(value)} for {shown(name)} in {path}: up to 63 letters, digits, '-', '_' and '.' are "
                "allowed "
                f"in a label (these are {len(value)}), shorten it or make it an annotation"
            )
