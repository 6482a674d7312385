"""Which labels a Kubernetes selector matches."""

from collections.abc import Mapping

from .reading import Reading, is_unknown

# What the controller adds to the selector of a Service and to the labels of pods, to tell revisions apart.
POD_TEMPLATE_HASH = "rollouts-pod-template-hash"


def unmatched(selector: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a selector that the labels do not answer, without the controller's own."""
    return tuple(
        key
        for key, wanted in selector.items()
        if key != POD_TEMPLATE_HASH
        and not is_unknown(key)
        and labels.get(key) != wanted
        and not is_unknown(wanted)
        and not is_unknown(labels.get(key))
    )


def selects(selector: Reading, labels: Mapping[str, str]) -> bool:
    """Whether a selector of `matchLabels` and `matchExpressions` matches the labels; an empty one matches all."""
    if unmatched(selector.table("matchLabels"), labels):
        return False
    return all(_holds(expression, labels) for expression in selector.mappings("matchExpressions"))


def _holds(expression: Reading, labels: Mapping[str, str]) -> bool:
    key, operator, values = expression.text("key"), expression.text("operator"), expression.texts("values")
    if key is None or operator is None or any(is_unknown(value) for value in values):
        return True
    value = labels.get(key)
    if is_unknown(value):
        return True
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    expression.say(
        f"has {expression.path}.operator {operator!r}: In, NotIn, Exists and DoesNotExist are allowed, write one of "
        "them"
    )
    return True
