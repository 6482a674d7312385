"""What is wrong with a set of manifests although their schemas accept them: found at synthesis, not in the cluster.

The API server checks names and types only. That a Rollout names two strategies, weights above 100, a Service whose
selector misses the pods or an AnalysisTemplate that does not exist is seen by the controller of Argo Rollouts alone,
which then does nothing but say so in a condition of the Rollout, after the deployment has succeeded. The rules follow
what argo-rollouts v1.9.1 refuses (its package `validation`) or would do wrong, and what the load balancer controller,
the HorizontalPodAutoscaler and evictions make of the same objects. Each `lint_*` module holds the rules of one subject.

Everything that a manifest names is looked for in the set itself, except what exists in clusters anyway: namespaces,
classes, Secrets and the workload of a `workloadRef`.
"""

from collections.abc import Sequence

from ..engine.errors import ConfigurationError
from .lint_analysis import lint_analysis
from .lint_containers import lint_containers
from .lint_ingress import lint_ingresses
from .lint_metrics import lint_analysis_templates
from .lint_names import lint_names
from .lint_pods import lint_pods
from .lint_rollout import lint_rollouts
from .lint_scaling import lint_scaling
from .lint_services import lint_services
from .lint_strategy import lint_strategies
from .lint_target_groups import lint_target_group_bindings
from .manifest import Manifest
from .manifest_set import ManifestSet

_RULES = (
    lint_names,
    lint_rollouts,
    lint_pods,
    lint_containers,
    lint_strategies,
    lint_services,
    lint_ingresses,
    lint_target_group_bindings,
    lint_analysis_templates,
    lint_analysis,
    lint_scaling,
)


def findings(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """A sentence for each thing that is wrong with the manifests, sorted by object; none of a clean set.

    Missing keys and values of wrong types are findings too: nothing is raised whatever the values are. Text that
    contains a CDK token is not judged.
    """
    judged = ManifestSet.of(manifests)
    for rule in _RULES:
        rule(judged)
    return tuple(sorted(judged.found))


def refuse(path: str, manifests: Sequence[Manifest]) -> None:
    """Do nothing for a clean set. Raises ConfigurationError, which names `path` (the construct) and all findings."""
    found = findings(manifests)
    if found:
        raise ConfigurationError(f"{path}: the cluster would not roll these manifests out as meant: {'; '.join(found)}")
