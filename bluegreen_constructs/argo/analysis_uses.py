"""Where a Rollout asks for analysis, and the templates that answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, is_unknown


@dataclass(frozen=True, slots=True)
class AnalysisUse:
    """One analysis of a Rollout; one in the background may run for ever, any other has to end."""

    reading: Reading
    background: bool


def analysis_uses(rollout: KubernetesObject) -> Iterator[AnalysisUse]:
    """The analyses of a Rollout's strategy."""
    strategy = rollout.spec.mapping("strategy")
    for holder, key, background in (
        (strategy.mapping("blueGreen"), "prePromotionAnalysis", False),
        (strategy.mapping("blueGreen"), "postPromotionAnalysis", False),
        (strategy.mapping("canary"), "analysis", True),
    ):
        if holder.raw(key) is not None:
            yield AnalysisUse(holder.mapping(key), background)
    for step in strategy.mapping("canary").mappings("steps"):
        if step.raw("analysis") is not None:
            yield AnalysisUse(step.mapping("analysis"), background=False)


def templates_of(judged: ManifestSet, namespace: str, use: Reading) -> tuple[KubernetesObject, ...] | None:
    """The templates of an analysis, those that they refer to included, each once; None where one is missing or "
    "unknown."""
    found: list[KubernetesObject] = []
    waiting: list[tuple[Reading, frozenset[KubernetesObject]]] = [
        (ref, frozenset()) for ref in use.mappings("templates")
    ]
    whole = True
    while waiting:
        reference, behind = waiting.pop(0)
        name = reference.text("templateName")
        if not reference.has("templateName"):
            reference.say(f"has no {reference.path}.templateName: name the AnalysisTemplate")
        kind = "ClusterAnalysisTemplate" if reference.flag("clusterScope") else "AnalysisTemplate"
        template = None if name is None else judged.find(kind, namespace, name)
        if template is None:
            whole = False
            if name is not None and not is_unknown(namespace):
                reference.say(
                    f"has {reference.path}.templateName {name!r}, which no {kind} "
                    f"{'of its namespace ' if kind == 'AnalysisTemplate' else ''}in the set is called: add it"
                )
            continue
        if template in behind:
            reference.say(
                f"refers back to {template} in {reference.path}: the controller would never end, remove one reference"
            )
            continue
        if template not in found:
            found.append(template)
            waiting += [(inner, behind | {template}) for inner in template.spec.mappings("templates")]
    return tuple(found) if whole else None
