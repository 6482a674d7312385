"""The Rollout: the pods, or the Deployment that has them, and how a new release of them goes live."""

from collections.abc import Mapping

from .analysis_template import API
from .manifest import Manifest

_HISTORY = 5
# From the last pod that became ready: nodes have to be launched, too.
SLACK_SECONDS = 300


def rollout(
    name: str,
    namespace: str,
    *,
    labels: Mapping[str, str],
    strategy: Manifest,
    progress_seconds: int,
    replicas: int | None,
    template: Manifest | None = None,
    deployment: str | None = None,
    annotations: Mapping[str, str],
) -> Manifest:
    """A Rollout of `template`, or of the Deployment that has one.

    replicas: None when an autoscaler says it. progress_seconds: what is not ready by then is aborted.
    """
    spec: Manifest = {
        "revisionHistoryLimit": _HISTORY,
        "progressDeadlineSeconds": progress_seconds,
        "progressDeadlineAbort": True,
        "strategy": strategy,
    }
    if replicas is not None:
        spec["replicas"] = replicas
    if template is not None:
        spec["selector"] = {"matchLabels": dict(labels)}
        spec["template"] = template
    if deployment is not None:
        spec["workloadRef"] = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": deployment,
            # When every pod of the Rollout is ready. With a bake a blueGreen would never get there at once, as it waits
            # for an analysis that the first deployment does not make: pod by pod, then, as the Rollout's become ready.
            "scaleDown": "progressively" if "blueGreen" in strategy else "onsuccess",
        }
    return {
        "apiVersion": API,
        "kind": "Rollout",
        "metadata": {
            "name": name,
            "namespace": namespace,
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        "spec": spec,
    }
