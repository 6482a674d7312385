"""The annotations of an Ingress by which a load balancer controller makes an ALB."""

import json
import re

from .manifest import Json
from .manifest_set import KubernetesObject, ManifestSet
from .reading import is_unknown

PREFIX = "alb.ingress.kubernetes.io/"
USE_ANNOTATION = "use-annotation"
AUTO_MODE_CLASS = "eks.amazonaws.com/alb"
CONTROLLER_CLASS = "ingress.k8s.aws/alb"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_DRAINING = "deregistration_delay.timeout_seconds"


def class_of(judged: ManifestSet, ingress: KubernetesObject) -> str | None:
    """The controller behind the Ingress, if its IngressClass is in the set."""
    name = ingress.spec.text("ingressClassName")
    known = None if name is None else judged.find("IngressClass", "", name)
    return None if known is None else known.spec.text("controller")


def is_alb(judged: ManifestSet, ingress: KubernetesObject) -> bool:
    """Whether an ALB stands behind the Ingress: by its class, or by annotations that only an ALB has."""
    controller = class_of(judged, ingress)
    if controller is not None:
        return controller in (AUTO_MODE_CLASS, CONTROLLER_CLASS)
    named = ingress.spec.raw("ingressClassName"), ingress.annotations.get(_CLASS_ANNOTATION)
    return "alb" in named or any(key.startswith(PREFIX) for key in ingress.annotations)


def annotation_json(text: str) -> tuple[bool, Json]:
    """Whether the text is JSON, and what it says; a token is taken for JSON that says nothing."""
    if is_unknown(text):
        return True, None
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None


def attributes(text: str) -> dict[str, str] | None:
    """The `key=value,key=value` of an annotation; None where it is something else."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(not key.strip() or not sign for key, sign, _ in pairs):
        return None
    return {key.strip(): value.strip() for key, _, value in pairs}


def draining_seconds(ingress: KubernetesObject) -> int | None:
    """How long its target groups drain a pod that leaves, if the Ingress says so (AWS's default is 300)."""
    text = ingress.annotations.get(f"{PREFIX}target-group-attributes")
    if text is None or is_unknown(text):
        return None
    seconds = (attributes(text) or {}).get(_DRAINING, "")
    return int(seconds) if re.fullmatch(r"[0-9]{1,6}", seconds) else None
