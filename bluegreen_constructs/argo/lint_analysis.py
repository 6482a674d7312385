"""What a Rollout asks of its AnalysisTemplates: they exist, get their arguments, go together and end."""

import re
from collections.abc import Sequence

from .analysis_uses import AnalysisUse, analysis_uses, templates_of
from .lint_metrics import seconds, whole
from .lint_names import is_label_key
from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, is_unknown, shown
from .template_arguments import Argument, declared

_METADATA = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_SUBSCRIPTED = re.compile(r"(metadata\.(?:annotations|labels))\['(.*)'\]", re.DOTALL)
_RULES = ("dryRun", "measurementRetention")


def lint_analysis(judged: ManifestSet) -> None:
    """Judge each analysis of each Rollout with its templates."""
    for rollout in judged.kinds("Rollout"):
        for use in analysis_uses(rollout):
            _supplied(rollout, use.reading)
            if not use.reading.mappings("templates"):
                use.reading.say(
                    f"has no {use.reading.path}.templates: "
                    f"{'nothing would be measured' if use.background else 'it would never complete'}, name one or "
                    "remove it"
                )
            templates = templates_of(judged, rollout.namespace, use.reading)
            if templates:
                _merged(use, templates)
                _arguments(use, templates)
                if not use.background:
                    _ends(use, templates)
        _experiments(judged, rollout)
        _bake(judged, rollout)
        background = rollout.spec.mapping("strategy", "canary", "analysis")
        steps = len(rollout.spec.mapping("strategy", "canary").mappings("steps"))
        start = background.whole("startingStep", least=0)
        if start is not None and start >= max(steps, 1):
            background.say(
                f"has {background.path}.startingStep {start} of {steps} steps, counted from 0: it would never start, "
                "lower it"
            )


def _supplied(rollout: KubernetesObject, use: Reading) -> None:
    seen: set[str] = set()
    for argument in use.mappings("args"):
        name, source = argument.text("name"), argument.mapping("valueFrom")
        if name is not None and name in seen:
            argument.say(f"supplies the argument {shown(name)} twice in {use.path}: once is allowed, remove one")
        seen.add(name or "")
        given = (["value"] if argument.has("value") else []) + list(argument.given(("valueFrom",)))
        if len(given) != 1:
            argument.say(
                f"has {' and '.join(given) or 'neither value nor valueFrom'} in {argument.path}: exactly one of value "
                "and "
                "valueFrom is allowed, an empty value reaches the metric as it is"
            )
        kinds = source.given(("fieldRef", "podTemplateHashValue"))
        if source.value and len(kinds) != 1:
            source.say(
                f"has {' and '.join(kinds) or 'nothing known'} in {source.path}: one of fieldRef and "
                "podTemplateHashValue is allowed"
            )
        revision = source.text("podTemplateHashValue")
        if revision is not None and revision not in ("Latest", "Stable"):
            source.say(
                f"has {source.path}.podTemplateHashValue {shown(revision)}: Latest and Stable are allowed, write one"
            )
        _field(rollout, source.mapping("fieldRef"))


def _field(rollout: KubernetesObject, reference: Reading) -> None:
    path = reference.text("fieldPath")
    if path is None:
        return
    if path.startswith("metadata"):
        subscripted = _SUBSCRIPTED.fullmatch(path)
        if path not in _METADATA and not (subscripted and is_label_key(subscripted[2])):
            reference.say(
                f"has {reference.path}.fieldPath {shown(path)}: {', '.join(_METADATA)} and metadata.labels['key'] are "
                "allowed of the metadata, write one of them"
            )
    elif not re.match(r"(?:spec|status)[.\[]", path):
        reference.say(f"has {reference.path}.fieldPath {shown(path)}: a path in metadata, spec or status is allowed")
    elif path.startswith("status.alb") and not rollout.spec.mapping("strategy", "canary", "trafficRouting").given(
        ("alb",)
    ):
        reference.say(
            f"has {reference.path}.fieldPath {shown(path)} and no trafficRouting.alb: the status never has it, and "
            "the analysis "
            "would never start, add the router"
        )


def _merged(use: AnalysisUse, templates: Sequence[KubernetesObject]) -> None:
    metrics: dict[str, KubernetesObject] = {}
    for template in templates:
        for metric in template.spec.mappings("metrics"):
            name = metric.text("name")
            if name is not None and metrics.setdefault(name, template) is not template:
                use.reading.say(
                    f"has two metrics called {shown(name)} in {use.reading.path}, of {metrics[name]} and {template}: "
                    "each name "
                    "once is allowed in an analysis, rename one"
                )
    for key in _RULES:
        rules = [rule for holder in (use.reading, *(t.spec for t in templates)) for rule in holder.mappings(key)]
        seen: set[str] = set()
        for rule in rules:
            pattern = rule.text("metricName")
            if pattern is None:
                continue
            if pattern in seen:
                use.reading.say(f"has two rules of {key} for {shown(pattern)} in {use.reading.path}: one is allowed")
            seen.add(pattern)
            if not any(is_unknown(name) or _found(pattern, name) for name in metrics):
                rule.say(
                    f"has {rule.path}.metricName {shown(pattern)}, which no metric of {use.reading.path} is called "
                    f"({', '.join(metrics)}): the analysis would be an error, name one of them"
                )


def _found(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except (re.error, RecursionError, OverflowError):
        return True  # Go's regular expressions differ from Python's: what we cannot read is not judged


def _arguments(use: AnalysisUse, templates: Sequence[KubernetesObject]) -> None:
    supplied = {argument.word("name") for argument in use.reading.mappings("args")}
    if any(isinstance(name, str) and is_unknown(name) for name in supplied):
        return
    known: dict[str, Argument] = {}
    for template in templates:
        for name, argument in declared(template.spec).items():
            before = known.get(name)
            if before is not None and None not in (before.value, argument.value) and before.value != argument.value:
                use.reading.say(
                    f"has the argument {shown(name)} with two values in {use.reading.path}, {shown(before.value)} and "
                    f"{shown(argument.value)}: one is allowed over all templates of an analysis, change one"
                )
            if before is None or before.needed:
                known[name] = argument
    for name, argument in known.items():
        if argument.needed and name not in supplied:
            use.reading.say(
                f"does not supply the argument {shown(name)} in {use.reading.path}.args: add it with its value"
            )
    for name in sorted(name for name in supplied if isinstance(name, str) and name not in known):
        use.reading.say(
            f"supplies the argument {shown(name)} in {use.reading.path}.args, which its templates do not declare "
            f"({', '.join(known) or 'they declare none'}): it would be ignored, correct the name"
        )


def _ends(use: AnalysisUse, templates: Sequence[KubernetesObject]) -> None:
    for template in templates:
        arguments = declared(template.spec)
        for metric in template.spec.mappings("metrics"):
            if not metric.has("interval"):
                continue
            # The controller looks at the values of the template alone: a count that only the Rollout supplies is none.
            unknown = is_unknown(metric.raw("count")) or any(argument.unknown for argument in arguments.values())
            if not whole(metric, "count", arguments) and not unknown:
                use.reading.say(
                    f"uses {template} in {use.reading.path}, whose metric {shown(metric.raw('name'))} has an interval "
                    "and no "
                    "count of its own: it would never end, give it a count, or a default to the count's argument"
                )


def _length(template: KubernetesObject, use: Reading) -> float:
    """The seconds from the first look to the last, with the values that the Rollout supplies."""
    supplied = {
        name: Argument(name, value, needed=False)
        for argument in use.mappings("args")
        if (name := argument.text("name")) is not None and (value := argument.text("value")) is not None
    }
    arguments, longest = declared(template.spec) | supplied, 0.0
    for metric in template.spec.mappings("metrics"):
        between, delay = seconds(metric, "interval", arguments), seconds(metric, "initialDelay", arguments)
        count = whole(metric, "count", arguments) or 1
        longest = max(longest, (delay or 0) + (between or 0) * (count - 1))
    return longest


def _bake(judged: ManifestSet, rollout: KubernetesObject) -> None:
    strategy = rollout.spec.mapping("strategy", "blueGreen")
    kept = strategy.whole("scaleDownDelaySeconds", least=0)
    if kept is None or strategy.raw("postPromotionAnalysis") is None:
        return
    use = strategy.mapping("postPromotionAnalysis")
    templates = templates_of(judged, rollout.namespace, use) or ()
    length = max((_length(template, use) for template in templates), default=0.0)
    if kept < length:
        strategy.say(
            f"has {strategy.path}.scaleDownDelaySeconds {kept} and a postPromotionAnalysis of {length:g} s: the old "
            "pods would be "
            "gone before the verdict, keep them longer than the analysis, or leave the delay out"
        )


def _experiments(judged: ManifestSet, rollout: KubernetesObject) -> None:
    for step in rollout.spec.mapping("strategy", "canary").mappings("steps"):
        for analysis in step.mapping("experiment").mappings("analyses"):
            name = analysis.text("templateName")
            kind = "ClusterAnalysisTemplate" if analysis.flag("clusterScope") else "AnalysisTemplate"
            if name is not None and judged.find(kind, rollout.namespace, name) is None:
                analysis.say(f"has {analysis.path}.templateName {name!r}, which no {kind} in the set is called: add it")
