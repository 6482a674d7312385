"""AnalysisTemplates: what Argo Rollouts measures, and what it makes of a measurement without data."""

from collections.abc import Mapping, Sequence

from ..cluster_analysis import CloudWatchAnalysis, JobAnalysis
from ..engine.smoke_test import HttpSmokeTest
from .manifest import Json, Manifest

API = "argoproj.io/v1alpha1"
# CloudWatch knows of a minute when it is over, and Elastic Load Balancing tells it a minute or two later.
FIRST_MEASUREMENT_SECONDS = 120
INTERVAL_SECONDS = 60
_LOOK_BACK = "5m"
_BAD_MINUTES = 2
# What a minute is in a result that nobody is judged by: too few requests.
_NOT_JUDGED = -1
# Which of the two groups is live's; the other one is the candidate's.
_IS_A, _IS_B = (f"('{{{{args.group-{group}}}}}' matches '^k8s-[^-]*-{{{{args.live}}}}')" for group in ("a", "b"))
_ARE_TOLD_APART = f"{_IS_A} != {_IS_B}"
_CANDIDATES = f"({_IS_A} ? result[1] : result[0]).Values"

_COUNTED = ("measurements", "may-be-empty")
ARGUMENTS: Mapping[str, Json] = {
    "measurements": None,
    "may-be-empty": None,
    "expected-weight": None,
    "weight": {"fieldRef": {"fieldPath": "status.canary.weights.canary.weight"}},
    "load-balancer": {"fieldRef": {"fieldPath": "status.alb.loadBalancer.fullName"}},
    "group-a": {"fieldRef": {"fieldPath": "status.alb.canaryTargetGroup.fullName"}},
    "group-b": {"fieldRef": {"fieldPath": "status.alb.stableTargetGroup.fullName"}},
    "live": {"fieldRef": {"fieldPath": "status.canary.stablePingPong"}},
    "candidate-hash": {"podTemplateHashValue": "Latest"},
}
"""What a template may ask for, and where a Rollout finds it.

`status.alb` is written by the very first look at the load balancer (`--aws-verify-target-group`) and never again: which
of its two groups is whose changes with every release, so that their names say it, and `live`.
https://github.com/argoproj/argo-rollouts/issues/4184
"""


def template(name: str, namespace: str, metrics: Sequence[Manifest], arguments: Sequence[str] = ()) -> Manifest:
    """An AnalysisTemplate of these metrics."""
    spec: Manifest = {"metrics": list(metrics)}
    if arguments:
        # The controller looks at a template before it knows what it will be given, and refuses a count of nothing.
        spec["args"] = [{"name": name, **({"value": "1"} if name in _COUNTED else {})} for name in arguments]
    return {
        "apiVersion": API,
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def arguments_of(manifest: Manifest, measurements: int, weight: int) -> list[Json]:
    """What a Rollout has to give this template, in the step in which the candidate is to have `weight` percent."""
    spec = manifest["spec"]
    asked = spec.get("args", []) if isinstance(spec, dict) else []
    numbers = {"measurements": measurements, "may-be-empty": measurements - 1, "expected-weight": weight}
    found: list[Json] = []
    for one in asked if isinstance(asked, list) else []:
        name = str(one["name"]) if isinstance(one, dict) else ""
        source = ARGUMENTS[name]
        found.append(
            {"name": name, "value": str(numbers[name])} if source is None else {"name": name, "valueFrom": source}
        )
    return found


def threshold_metrics(
    *, error_rate_percent: float | None, p95_seconds: float | None, unhealthy_targets: int | None, requests_floor: int
) -> list[Manifest]:
    """The candidate's errors, latency and unhealthy targets, by its own target group."""
    counted = f"FILL({{requests}},0)>{requests_floor}"
    # A step whose weight the controller could not set, because live was short of pods, is over all the same.
    was_shifted = f"{{{{args.weight}}}} == {{{{args.expected-weight}}}} && {_ARE_TOLD_APART}"
    seen = _of_either(f"IF({counted},1,0)", {"requests": ("RequestCount", "Sum")})
    found = [_evidence("traffic", seen, f"{was_shifted} && any({_CANDIDATES}, {{# > 0}})")]
    if error_rate_percent is not None:
        rate = "100*(FILL({errors},0)+FILL({refused},0))/IF(FILL({requests},0)>0,FILL({requests},0),1)"
        metrics = {
            "requests": ("RequestCount", "Sum"),
            "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
            "refused": ("TargetConnectionErrorCount", "Sum"),
        }
        queries = _of_either(f"IF({counted},{rate},{_NOT_JUDGED})", metrics)
        found.append(_judged("error-rate", queries, f"# > {error_rate_percent:g}", _CANDIDATES))
    if p95_seconds is not None:
        metrics = {"requests": ("RequestCount", "Sum"), "latency": ("TargetResponseTime", "p95")}
        queries = _of_either(f"IF({counted},FILL({{latency}},0),{_NOT_JUDGED})", metrics)
        found.append(_judged("latency", queries, f"# > {p95_seconds:g}", _CANDIDATES))
    if unhealthy_targets is not None:
        queries = _of_either("{unhealthy}", {"unhealthy": ("UnHealthyHostCount", "Minimum")})
        found.append(_judged("unhealthy-targets", queries, f"# >= {unhealthy_targets}", _CANDIDATES))
    return found


THRESHOLD_ARGUMENTS = (
    "measurements",
    "may-be-empty",
    "expected-weight",
    "weight",
    "load-balancer",
    "group-a",
    "group-b",
    "live",
)


def cloud_watch_metrics(analysis: CloudWatchAnalysis) -> list[Manifest]:
    """A metric of the operator's own, and that there was something to measure."""
    bad = [f"# > {analysis.at_most:g}"] if analysis.at_most is not None else []
    bad += [f"# < {analysis.at_least:g}"] if analysis.at_least is not None else []
    queries = [_expression("judged", analysis.expression)]
    for key, metric in analysis.metrics.items():
        dimensions = dict(metric.dimensions)
        if metric.candidate_dimension is not None:
            dimensions[metric.candidate_dimension] = "{{args.candidate-hash}}"
        queries.append(_query(key, metric.namespace, metric.name, metric.stat, dimensions))
    return [
        _evidence(f"{analysis.name}-data", queries, "len(result[0].Values) > 0"),
        _judged(analysis.name, queries, " || ".join(bad), "result[0].Values"),
    ]


def cloud_watch_arguments(analysis: CloudWatchAnalysis) -> tuple[str, ...]:
    """What the metric's template asks for."""
    by_side = any(metric.candidate_dimension is not None for metric in analysis.metrics.values())
    return ("measurements", "may-be-empty", *(["candidate-hash"] if by_side else []))


def smoke_test_metric(name: str, test: HttpSmokeTest, url: str) -> Manifest:
    """One request by the controller; any answer that is not 2xx ends it."""
    headers = dict(test.headers)
    if test.body is not None and not any(one.lower() == "content-type" for one in headers):
        headers["content-type"] = "application/json"
    web: Manifest = {"url": f"{url}{test.path}", "timeoutSeconds": max(1, round(test.timeout_seconds))}
    if test.method != "GET":
        web["method"] = test.method
    if test.body is not None:
        web["body"] = test.body
    if headers:
        web["headers"] = [{"key": key, "value": value} for key, value in headers.items()]
    # An answer without a condition is a good one; what is not 2xx is an error, and the second one in a row ends it: the
    # first may be a Service that does not know its new pods yet.
    return {"name": name, "count": 1, "consecutiveErrorLimit": 1, "provider": {"web": web}}


def job_metric(job: JobAnalysis, url: str) -> Manifest:
    """One Job, without a second try."""
    variables = {"CANDIDATE_URL": url, **job.environment}
    container: Manifest = {
        "name": "job",
        "image": job.image,
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if job.command:
        container["command"] = list(job.command)
    pod: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": job.service_account is not None,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": job.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    if job.service_account is not None:
        pod["serviceAccountName"] = job.service_account
    spec: Manifest = {"backoffLimit": 0, "activeDeadlineSeconds": job.timeout_seconds, "template": {"spec": pod}}
    return {"name": job.name, "count": 1, "provider": {"job": {"spec": spec}}}


def bake_metric(url: str, minutes: int) -> Manifest:
    """Production is asked once a minute for as long as the bake lasts; the fourth bad answer in a row ends it."""
    return {
        "name": "bake",
        "interval": f"{INTERVAL_SECONDS}s",
        "count": minutes + 1,
        "consecutiveErrorLimit": 3,
        "provider": {"web": {"url": url, "timeoutSeconds": 10}},
    }


def deadline_metric(seconds: int) -> Manifest:
    """It fails when its time has come: Argo's pauses have no end of their own, and nothing may wait for ever."""
    return {
        "name": "deadline",
        "initialDelay": f"{seconds}s",
        "count": 1,
        "consecutiveErrorLimit": 0,
        # RFC 6761: a name that no resolver ever finds.
        "provider": {"web": {"url": "http://deadline.invalid", "timeoutSeconds": 1}},
    }


def _judged(name: str, queries: Sequence[Manifest], bad: str, values: str) -> Manifest:
    """Bad when two of the last minutes were; what saw nothing, or not the candidate, is `_evidence`'s to refuse."""
    bad_minutes = f"count({values}, {{{bad}}})"
    return {
        **_each_minute(name, queries),
        "failureCondition": f"{bad_minutes} >= {_BAD_MINUTES}",
        "successCondition": f"{bad_minutes} < {_BAD_MINUTES}",
        "failureLimit": 0,
    }


def _evidence(name: str, queries: Sequence[Manifest], seen: str) -> Manifest:
    """No data is no evidence: when no measurement of a step saw anything, the rollout goes back.

    It is not held by an inconclusive result: Argo's holds have no end, the deadline does not reach into them, and the
    autoscaler's wishes are not heard in them.
    """
    return {**_each_minute(name, queries), "successCondition": seen, "failureLimit": "{{args.may-be-empty}}"}


def _each_minute(name: str, queries: Sequence[Manifest]) -> Manifest:
    return {
        "name": name,
        "initialDelay": f"{FIRST_MEASUREMENT_SECONDS}s",
        "interval": f"{INTERVAL_SECONDS}s",
        "count": "{{args.measurements}}",
        "provider": {"cloudWatch": {"interval": _LOOK_BACK, "metricDataQueries": list(queries)}},
    }


def _expression(key: str, expression: str) -> Manifest:
    return {"id": key, "expression": expression, "returnData": True, "period": INTERVAL_SECONDS}


def _of_either(expression: str, metrics: Mapping[str, tuple[str, str]]) -> list[Manifest]:
    """The expression over one group and over the other one: result[0] and result[1].

    metrics: name and statistic by the words that stand for them in the expression.
    """
    found: list[Manifest] = []
    for group in ("a", "b"):
        keys = {word: f"{word}_{group}" for word in metrics}
        found.append(_expression(f"judged_{group}", expression.format(**keys)))
        # The controller leaves the first word of both names out.
        dimensions = {
            "TargetGroup": f"targetgroup/{{{{args.group-{group}}}}}",
            "LoadBalancer": "app/{{args.load-balancer}}",
        }
        found += [
            _query(keys[word], "AWS/ApplicationELB", metric, stat, dimensions)
            for word, (metric, stat) in metrics.items()
        ]
    return found


def _query(id: str, namespace: str, metric: str, stat: str, dimensions: Mapping[str, str]) -> Manifest:
    return {
        "id": id,
        "returnData": False,
        "metricStat": {
            "metric": {
                "namespace": namespace,
                "metricName": metric,
                "dimensions": [{"name": name, "value": value} for name, value in dimensions.items()],
            },
            "period": INTERVAL_SECONDS,
            "stat": stat,
        },
    }
