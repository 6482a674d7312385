"""AnalysisTemplates: metrics that can be measured, judged and ended.

The controller looks at most of this only when an AnalysisRun starts, in the middle of a rollout, which it then aborts.
"""

import re

from .lint_names import is_dns_name
from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading, is_unknown, shown
from .spans import go_seconds
from .template_arguments import Argument, declared, placeholders, with_defaults

PROVIDERS = (
    "cloudWatch",
    "datadog",
    "graphite",
    "influxdb",
    "job",
    "kayenta",
    "newRelic",
    "plugin",
    "prometheus",
    "skywalking",
    "wavefront",
    "web",
)
# What these measure is a number that conditions judge; a job and a web request succeed or fail by themselves.
_JUDGED_BY_CONDITIONS = frozenset(PROVIDERS) - {"job", "kayenta", "plugin", "web"}
_QUERY_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_LOOK_BACK_SECONDS = 300.0
# The name of a metric's Job is `<uid>.<metric>.<number>`, cut within the metric to 63 characters.
_JOB_NAME_ROOM = 63 - len("01234567-0123-0123-0123-0123456789ab..")


def lint_analysis_templates(judged: ManifestSet) -> None:
    """Judge each template by itself; who refers to it is judged with the Rollout."""
    for item in judged.kinds("AnalysisTemplate", "ClusterAnalysisTemplate"):
        arguments = _arguments(item)
        metrics = item.spec.mappings("metrics")
        if not metrics and not item.spec.mappings("templates"):
            item.spec.say("has no spec.metrics: give it one at least, a run without any is an error")
        names = [name for metric in metrics if (name := metric.text("name")) is not None]
        for name in sorted({name for name in names if names.count(name) > 1}):
            item.spec.say(f"has two metrics called {shown(name)}: each name once is allowed, rename one")
        for metric in metrics:
            _placeholders(metric, arguments)
            _limits(metric, arguments)
            _spans(metric, arguments)
            _provider(metric, arguments)


def whole(metric: Reading, key: str, arguments: dict[str, Argument]) -> int | None:
    """A number of a metric, arguments filled in; None where it is absent or only the Rollout knows it."""
    value = metric.whole_or_text(key)
    filled = None if value is None else with_defaults(value, arguments)
    if isinstance(filled, str):
        if not _WHOLE.fullmatch(filled):
            metric.say(f"has {metric.path}.{key} {shown(filled)}: a whole number is allowed, write one")
            return None
        return int(filled)
    return filled


def seconds(reading: Reading, key: str, arguments: dict[str, Argument]) -> float | None:
    """A span of a metric, arguments filled in; None where it is absent or only the Rollout knows it."""
    text = reading.text(key)
    filled = None if text is None else with_defaults(text, arguments)
    if not isinstance(filled, str):
        return None
    answer = go_seconds(filled)
    if answer is None or answer < 0:
        reading.say(f"has {reading.path}.{key} {shown(filled)}: a duration such as '30s' or '5m' is allowed, write one")
        return None
    return answer


def _arguments(item: KubernetesObject) -> dict[str, Argument]:
    seen: set[str] = set()
    for argument in item.spec.mappings("args"):
        name = argument.text("name")
        if not argument.has("name"):
            argument.say(f"has no {argument.path}.name: name the argument")
        if name is not None and name in seen:
            argument.say(f"declares the argument {shown(name)} twice: once is allowed, remove one")
        if argument.raw("value") is not None and argument.raw("valueFrom") is not None:
            argument.say(f"has value and valueFrom for the argument {shown(name)}: one of them is allowed, remove one")
        seen.add(name or "")
    return declared(item.spec)


def _placeholders(metric: Reading, arguments: dict[str, Argument]) -> None:
    for found in sorted(set(placeholders(metric.value))):
        name = found.removeprefix("args.")
        if not is_unknown(found) and (name == found or name not in arguments):
            metric.say(
                f"has {shown('{{' + found + '}}')} in {metric.path}: the arguments that the template declares "
                f"({', '.join(f'args.{known}' for known in arguments) or 'none'}) are allowed, declare it in spec.args"
            )


def _limits(metric: Reading, arguments: dict[str, Argument]) -> None:
    count = whole(metric, "count", arguments) or 0
    failures = whole(metric, "failureLimit", arguments) or 0
    successes = whole(metric, "consecutiveSuccessLimit", arguments) or 0
    inconclusive = whole(metric, "inconclusiveLimit", arguments) or 0
    for key, least in (
        ("count", 0),
        ("failureLimit", -1),
        ("consecutiveSuccessLimit", 0),
        ("inconclusiveLimit", 0),
        ("consecutiveErrorLimit", 0),
    ):
        number = whole(metric, key, arguments)
        if number is not None and number < least:
            metric.say(f"has {metric.path}.{key} {shown(number)}: {least} or more is allowed, raise it")
            return
    if failures == -1 and successes == 0:
        metric.say(
            f"has failureLimit -1 and no consecutiveSuccessLimit in {metric.path}: nothing would end it, set one"
        )
    needed = max(failures, 0) + successes
    if count and count < needed:
        metric.say(
            f"has {metric.path}.count {count} below failureLimit {failures} + consecutiveSuccessLimit {successes}: "
            f"{needed} "
            "or more is allowed, raise the count or lower a limit"
        )
    if count and count < inconclusive:
        metric.say(
            f"has {metric.path}.count {count} below inconclusiveLimit {inconclusive}: raise it or lower the limit"
        )


def _spans(metric: Reading, arguments: dict[str, Argument]) -> None:
    seconds(metric, "interval", arguments)
    seconds(metric, "initialDelay", arguments)
    if (whole(metric, "count", arguments) or 0) > 1 and not metric.has("interval"):
        metric.say(f"has {metric.path}.count above 1 and no interval: give it the interval between measurements")


def _provider(metric: Reading, arguments: dict[str, Argument]) -> None:
    providers = metric.mapping("provider")
    given = providers.given(PROVIDERS)
    plugins = len(providers.mapping("plugin").filled())
    unknown = sorted(set(providers.filled()) - {*PROVIDERS, "jobMetadata"})
    if len(given) != 1 or plugins > 1:
        metric.say(
            f"has {' and '.join(given) or 'none'} in {metric.path}.provider: exactly one of {', '.join(PROVIDERS)} is "
            f"allowed{f', not {shown(unknown[0])}' if unknown else ''}, name one"
        )
        return
    judged = metric.has("successCondition") or metric.has("failureCondition")
    if given[0] in _JUDGED_BY_CONDITIONS and not judged:
        metric.say(
            f"has neither successCondition nor failureCondition in {metric.path}: every measurement would count as a "
            "success, "
            "add the conditions"
        )
    match given[0]:
        case "cloudWatch":
            _cloud_watch(providers.mapping("cloudWatch"), arguments)
        case "web":
            _web(providers.mapping("web"))
        case "job":
            _job(metric, providers.mapping("job"))


def _cloud_watch(provider: Reading, arguments: dict[str, Argument]) -> None:
    queries = provider.mappings("metricDataQueries")
    if not queries:
        provider.say(f"has no {provider.path}.metricDataQueries: give it one at least")
        return
    back = seconds(provider, "interval", arguments)
    back = _LOOK_BACK_SECONDS if back is None and not provider.has("interval") else back
    ids: list[str] = []
    for query in queries:
        name = query.text("id")
        if name is not None and not _QUERY_ID.fullmatch(name):
            query.say(
                f"has {query.path}.id {shown(name)}: a-z, then letters, digits and '_' are allowed, change the id"
            )
        if not query.has("id"):
            query.say(f"has no {query.path}.id: name the query")
        ids += [name] if name is not None else []
        given = query.given(("expression", "metricStat"))
        if len(given) != 1:
            query.say(
                f"has {' and '.join(given) or 'neither'} of expression and metricStat in {query.path}: one is allowed"
            )
        period = whole(query.mapping("metricStat"), "period", arguments)
        if query.raw("metricStat") is not None and query.mapping("metricStat").raw("period") is None:
            query.say(f"has no {query.path}.metricStat.period: give its seconds, such as 60")
        if period is not None and period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
            query.say(
                f"has {query.path}.metricStat.period {period} s: 1, 5, 10, 20, 30 and multiples of 60 are allowed"
            )
        elif period is not None and back is not None and back < period:
            query.say(
                f"has {query.path}.metricStat.period {period} s and looks back {back:g} s ({provider.path}.interval): "
                "a period "
                "or more is allowed, or no value is ever found, lengthen the interval"
            )
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        provider.say(
            f"has two queries with the id {shown(name)} in {provider.path}: each id once is allowed, rename one"
        )
    if all(query.flag("returnData") is False for query in queries):
        provider.say(
            f"has returnData false for all queries of {provider.path}: one has to return data, remove the flag"
        )


def _web(provider: Reading) -> None:
    url, method = provider.text("url"), provider.text("method") or "GET"
    if not provider.has("url"):
        provider.say(f"has no {provider.path}.url: give it the address to ask")
    elif url is not None and not url.startswith(("http://", "https://", "{{")):
        provider.say(f"has {provider.path}.url {shown(url)}: an address with http:// or https:// is allowed, write one")
    if method not in ("GET", "POST", "PUT"):
        provider.say(f"has {provider.path}.method {shown(method)}: GET, POST and PUT are allowed, write one of them")
    bodies = provider.given(("body", "jsonBody"))
    if len(bodies) > 1:
        provider.say(f"has body and jsonBody in {provider.path}: one of them is allowed, remove one")
    if bodies and method == "GET":
        provider.say(f"has a body in {provider.path} and the method GET: POST and PUT are allowed with one, change it")
    provider.whole("timeoutSeconds", least=0)


def _job(metric: Reading, provider: Reading) -> None:
    name = metric.text("name")
    if name is not None and not is_dns_name(name):
        metric.say(
            f"has {metric.path}.name {shown(name)} for a job: a-z, 0-9, '-' and '.' are allowed, since the Job is "
            "called by "
            "it, change the name"
        )
    elif name is not None and any(not name[:room][-1].isalnum() for room in _cuts(len(name))):
        metric.say(
            f"has {metric.path}.name {shown(name)} for a job, which is cut after '-' or '.': up to "
            f"{_JOB_NAME_ROOM - 2} "
            "characters are never cut, shorten the name"
        )
    pod = provider.mapping("spec", "template", "spec")
    restart = pod.text("restartPolicy")
    if not pod.mappings("containers"):
        pod.say(f"has no {pod.path}.containers: give the job one at least")
    if not pod.has("restartPolicy") or restart not in (None, "Never", "OnFailure"):
        pod.say(
            f"has {pod.path}.restartPolicy {shown(pod.raw('restartPolicy'))}: Never and OnFailure are allowed in a "
            "job, write one"
        )


def _cuts(length: int) -> tuple[int, ...]:
    # One to three digits stand behind the name, by the number of the measurement.
    return tuple(room for digits in (1, 2, 3) if (room := _JOB_NAME_ROOM - digits) < length)
