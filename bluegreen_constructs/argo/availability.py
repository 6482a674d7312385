"""How many pods there are: the disruption budget, and the autoscaler of a Rollout."""

from collections.abc import Mapping

from .manifest import Manifest


def disruption_budget(name: str, namespace: str, labels: Mapping[str, str]) -> Manifest:
    """At most one pod of both sides together may be evicted at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(labels)}},
    }


def autoscaler(name: str, namespace: str, *, least: int, most: int, cpu_percent: float) -> Manifest:
    """It scales the Rollout on the CPU that its pods use of what they asked for; the candidate grows with live."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": round(cpu_percent)},
                    },
                }
            ],
        },
    }
