"""AnalysisTemplates, and what a Rollout asks of them."""

from typing import Any

import pytest

from bluegreen_constructs.argo.lint import findings
from tests.argo.edited_manifests import (
    BLUE_GREEN,
    CANARY,
    METRIC,
    REMOVED,
    STEPS,
    accepts,
    cases,
    edited,
    harmless,
    refuses,
)
from tests.argo.good_manifests import blue_green, errors_template, ping_pong, smoke_template

ERRORS = "AnalysisTemplate web-errors"
SMOKE = "AnalysisTemplate web-smoke"
QUERIES = f"{METRIC}.provider.cloudWatch.metricDataQueries"
USE = f"{STEPS}.4.analysis"
WEB = f"{SMOKE}: spec.metrics.0.provider.web"
JOB = f"{SMOKE}: spec.metrics.1"


def copied(template: Any, name: str, **edits: Any) -> Any:
    """A template under another name."""
    template["metadata"]["name"] = name
    template["spec"] |= edits
    return template


def on_the_side() -> Any:
    """Analysis in the background, which may have no end."""
    return edited(
        ping_pong(),
        {
            f"{CANARY}.analysis": {
                "templates": [{"templateName": "web-errors"}],
                "args": [{"name": "load-balancer", "value": "app/web/1"}],
                "startingStep": 2,
            },
            STEPS: [{"setWeight": 5}, {"pause": {}}, {"setWeight": 50}],
        },
    )


@cases(
    (ping_pong, {f"{METRIC}.count": REMOVED}, "whose metric 'errors' has an interval and no count of its own"),
    (ping_pong, {f"{METRIC}.count": 0}, "has an interval and no count of its own"),
    (ping_pong, {f"{ERRORS}: spec.args.1.value": REMOVED}, "give it a count, or a default to the count's argument"),
    (blue_green, {f"{METRIC}.count": REMOVED}, "uses AnalysisTemplate shop/web-errors in spec.strategy.blueGreen.post"),
    (ping_pong, {f"{USE}.templates": [{"templateName": "web-erors"}]}, "'web-erors', which no AnalysisTemplate"),
    (
        ping_pong,
        {f"{USE}.templates": [{"templateName": "web-errors", "clusterScope": True}]},
        "'web-errors', which no ClusterAnalysisTemplate in the set",
    ),
    (ping_pong, {f"{USE}.templates": [{}]}, "no spec.strategy.canary.steps[4].analysis.templates[0].templateName"),
    (ping_pong, {f"{USE}.templates": []}, "it would never complete"),
    (
        ping_pong,
        {f"{USE}.args": [{"name": "measurements", "value": "5"}]},
        "does not supply the argument 'load-balancer'",
    ),
    (ping_pong, {f"{USE}.args.2": {"name": "measurement", "value": "5"}}, "which its templates do not declare"),
    (
        ping_pong,
        {f"{USE}.args.2": {"name": "measurements", "value": "5"}},
        "supplies the argument 'measurements' twice",
    ),
    (ping_pong, {f"{USE}.args.1.value": ""}, "neither value nor valueFrom in"),
    (ping_pong, {f"{USE}.args.0.value": "app/web/1"}, "value and valueFrom in"),
    (
        ping_pong,
        {f"{USE}.args.0.valueFrom": {"fieldRef": {"fieldPath": "metadata.generation"}}},
        "are allowed of the metadata",
    ),
    (
        ping_pong,
        {f"{USE}.args.0.valueFrom": {"fieldRef": {"fieldPath": "stauts.alb"}}},
        "a path in metadata, spec or status",
    ),
    (ping_pong, {f"{USE}.args.0.valueFrom": {"podTemplateHashValue": "Newest"}}, "Latest and Stable are allowed"),
    (ping_pong, {f"{USE}.args.0.valueFrom": {"secretKeyRef": {}}}, "one of fieldRef and podTemplateHashValue"),
    (
        blue_green,
        {
            f"{BLUE_GREEN}.postPromotionAnalysis.args.0": {
                "name": "load-balancer",
                "valueFrom": {"fieldRef": {"fieldPath": "status.alb.loadBalancer.fullName"}},
            }
        },
        "the status never has it",
    ),
    (ping_pong, {f"{USE}.dryRun": [{"metricName": "latency"}]}, "'latency', which no metric of"),
    (ping_pong, {f"{USE}.dryRun": [{"metricName": "err"}, {"metricName": "err"}]}, "two rules of dryRun for 'err'"),
    (blue_green, {f"{BLUE_GREEN}.scaleDownDelaySeconds": 200}, "200 and a postPromotionAnalysis of 270 s"),
    (
        blue_green,
        {f"{BLUE_GREEN}.postPromotionAnalysis.args.1": {"name": "measurements", "value": "12"}},
        "600 and a postPromotionAnalysis of 690 s",
    ),
    (on_the_side, {f"{CANARY}.analysis.args": REMOVED}, "does not supply the argument 'load-balancer'"),
    (on_the_side, {f"{CANARY}.analysis.startingStep": 3}, "startingStep 3 of 3 steps"),
    (on_the_side, {f"{CANARY}.analysis.templates": []}, "nothing would be measured"),
    (
        on_the_side,
        {f"{STEPS}.1": {"experiment": {"analyses": [{"name": "a", "templateName": "gone"}]}}},
        "'gone', which no AnalysisTemplate in the set",
    ),
)
def test_an_analysis_that_would_not_run_or_not_end_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@harmless(
    (on_the_side, {}),
    (on_the_side, {f"{METRIC}.count": REMOVED}),
    (ping_pong, {f"{METRIC}.count": "5"}),
    (ping_pong, {f"{METRIC}.count": 1, f"{METRIC}.interval": REMOVED, f"{METRIC}.inconclusiveLimit": 0}),
    (ping_pong, {f"{USE}.args.0.valueFrom": {"podTemplateHashValue": "Latest"}}),
    (ping_pong, {f"{USE}.args.0.valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}),
    (ping_pong, {f"{USE}.args.0.valueFrom": {"fieldRef": {"fieldPath": "spec.template.metadata.labels"}}}),
    (ping_pong, {f"{USE}.dryRun": [{"metricName": "err.*"}], f"{USE}.measurementRetention": [{"metricName": ".*"}]}),
    (ping_pong, {f"{USE}.dryRun": [{"metricName": "(?P<"}]}),
    (blue_green, {f"{BLUE_GREEN}.scaleDownDelaySeconds": 270}),
    (blue_green, {f"{BLUE_GREEN}.scaleDownDelaySeconds": REMOVED}),
    (blue_green, {f"{ERRORS}: spec.args.0.valueFrom": {"secretKeyRef": {"name": "alb", "key": "name"}}}),
)
def test_an_analysis_that_ends_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_templates_of_one_analysis_go_together() -> None:
    other = copied(
        errors_template(), "web-more", args=[{"name": "load-balancer"}, {"name": "measurements", "value": "6"}]
    )
    both = {f"{USE}.templates": [{"templateName": "web-errors"}, {"templateName": "web-more"}]}
    found = findings([*edited(ping_pong(), both), other])
    use, named = "spec.strategy.canary.steps[4].analysis", "AnalysisTemplate shop/"
    assert [one.partition(": ")[0] for one in found] == [
        f"Rollout shop/web has the argument 'measurements' with two values in {use}, '5' and '6'",
        f"Rollout shop/web has two metrics called 'errors' in {use}, of {named}web-errors and {named}web-more",
    ]


def test_a_template_of_templates_is_followed() -> None:
    outer = copied(smoke_template(), "web-all", metrics=[], templates=[{"templateName": "web-errors"}])
    manifests = [*edited(ping_pong(), {f"{USE}.templates": [{"templateName": "web-all"}]}), outer]
    assert findings(manifests) == ()
    (finding,) = findings(edited(manifests, {f"{METRIC}.count": REMOVED}))
    assert "uses AnalysisTemplate shop/web-errors" in finding


def test_templates_that_refer_to_each_other_are_a_finding() -> None:
    one = copied(smoke_template(), "one", templates=[{"templateName": "two"}])
    two = copied(smoke_template(), "two", metrics=[], templates=[{"templateName": "one"}])
    manifests = [*edited(ping_pong(), {f"{STEPS}.1.analysis.templates": [{"templateName": "one"}]}), one, two]
    (finding,) = findings(manifests)
    assert finding.startswith("AnalysisTemplate shop/two refers back to AnalysisTemplate shop/one")


def test_a_cluster_analysis_template_is_found_without_a_namespace() -> None:
    shared = copied(smoke_template(), "smoke")
    shared["kind"] = "ClusterAnalysisTemplate"
    del shared["metadata"]["namespace"]
    edits = {f"{STEPS}.1.analysis.templates": [{"templateName": "smoke", "clusterScope": True}]}
    assert findings([shared, *edited(ping_pong(), edits)]) == ()


@cases(
    (ping_pong, {f"{SMOKE}: spec.metrics": []}, "has no spec.metrics"),
    (ping_pong, {f"{SMOKE}: spec.metrics.0.name": "orders"}, "two metrics called 'orders'"),
    (
        ping_pong,
        {f"{ERRORS}: spec.args.2": {"name": "measurements", "value": "5"}},
        "declares the argument 'measurements' twice",
    ),
    (ping_pong, {f"{ERRORS}: spec.args.1.valueFrom": {"fieldRef": {"fieldPath": "a"}}}, "has value and valueFrom"),
    (ping_pong, {f"{METRIC}.successCondition": "result[0] < {{args.limit}}"}, "'{{args.limit}}' in spec.metrics[0]"),
    (ping_pong, {f"{METRIC}.failureCondition": "{{ limit }}"}, "'{{limit}}' in spec.metrics[0]"),
    (ping_pong, {f"{METRIC}.failureLimit": "rare"}, "failureLimit 'rare': a whole number"),
    (ping_pong, {f"{METRIC}.count": -1}, "count -1: 0 or more"),
    (ping_pong, {f"{METRIC}.failureLimit": -2}, "failureLimit -2: -1 or more"),
    (ping_pong, {f"{METRIC}.failureLimit": -1}, "nothing would end it"),
    (ping_pong, {f"{METRIC}.failureLimit": 6}, "count 5 below failureLimit 6 + consecutiveSuccessLimit 0"),
    (ping_pong, {f"{METRIC}.consecutiveSuccessLimit": 5}, "count 5 below failureLimit 1 + consecutiveSuccessLimit 5"),
    (ping_pong, {f"{METRIC}.inconclusiveLimit": 6}, "count 5 below inconclusiveLimit 6"),
    (ping_pong, {f"{METRIC}.consecutiveErrorLimit": -1}, "consecutiveErrorLimit -1: 0 or more"),
    (ping_pong, {f"{METRIC}.interval": "1 minute"}, "interval '1 minute': a duration"),
    (ping_pong, {f"{METRIC}.initialDelay": "soon"}, "initialDelay 'soon': a duration"),
    (ping_pong, {f"{METRIC}.interval": REMOVED}, "count above 1 and no interval"),
    (ping_pong, {f"{METRIC}.provider": {}}, "exactly one of cloudWatch"),
    (ping_pong, {f"{METRIC}.provider": {"cloudwatch": {}}}, "not 'cloudwatch', name one"),
    (ping_pong, {f"{METRIC}.provider.web": {"url": "http://a"}}, "cloudWatch and web in"),
    (
        ping_pong,
        {f"{METRIC}.successCondition": REMOVED, f"{METRIC}.failureCondition": REMOVED},
        "every measurement would count as a success",
    ),
    (ping_pong, {QUERIES: []}, "metricDataQueries: give it one"),
    (ping_pong, {f"{QUERIES}.0.id": "Rate"}, "id 'Rate': a-z, then letters"),
    (ping_pong, {f"{QUERIES}.0.id": REMOVED}, "metricDataQueries[0].id: name the query"),
    (ping_pong, {f"{QUERIES}.0.id": "errors"}, "two queries with the id 'errors'"),
    (ping_pong, {f"{QUERIES}.0.metricStat": {"period": 60}}, "expression and metricStat of"),
    (ping_pong, {f"{QUERIES}.0.returnData": False}, "returnData false for all queries"),
    (ping_pong, {f"{QUERIES}.1.metricStat.period": 90}, "period 90 s: 1, 5, 10, 20, 30 and multiples of 60"),
    (ping_pong, {f"{QUERIES}.1.metricStat.period": REMOVED}, "metricStat.period: give its seconds"),
    (ping_pong, {f"{QUERIES}.1.metricStat.period": 600}, "period 600 s and looks back 300 s"),
    (ping_pong, {WEB + ".url": REMOVED}, "web.url: give it the address"),
    (ping_pong, {WEB + ".url": "web-pong.shop/healthz"}, "an address with http:// or https://"),
    (ping_pong, {WEB + ".method": "DELETE"}, "GET, POST and PUT are allowed"),
    (ping_pong, {WEB + ".body": "{}"}, "the method GET: POST and PUT are allowed"),
    (ping_pong, {WEB + ".body": "{}", WEB + ".jsonBody": {}, WEB + ".method": "POST"}, "body and jsonBody"),
    (ping_pong, {JOB + ".name": "Orders"}, "name 'Orders' for a job"),
    (ping_pong, {JOB + ".name": "orders-of-the-shop-are--ok"}, "which is cut after '-' or '.'"),
    (ping_pong, {JOB + ".provider.job.spec.template.spec.restartPolicy": "Always"}, "Never and OnFailure are allowed"),
    (ping_pong, {JOB + ".provider.job.spec.template.spec.containers": []}, "give the job one"),
)
def test_a_metric_that_cannot_be_measured_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@harmless(
    (ping_pong, {f"{METRIC}.failureLimit": -1, f"{METRIC}.consecutiveSuccessLimit": 5}),
    (ping_pong, {f"{METRIC}.failureLimit": 5}),
    (ping_pong, {f"{METRIC}.provider.cloudWatch.interval": REMOVED}),
    (ping_pong, {f"{QUERIES}.1.metricStat.period": "300"}),
    (ping_pong, {WEB + ".method": "POST", WEB + ".jsonBody": {}}),
    (ping_pong, {WEB + ".url": "{{args.url}}", f"{SMOKE}: spec.args": [{"name": "url", "value": "http://a"}]}),
    (ping_pong, {JOB + ".name": "orders-of-the-shops-which-are-fine"}),
)
def test_a_metric_that_can_be_measured_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


@pytest.mark.parametrize("length", range(1, 40))
def test_the_name_of_a_job_stays_a_name_wherever_it_is_cut(length: int) -> None:
    name = ("a" * length + "-b").ljust(40, "c")
    found = findings(edited(ping_pong(), {JOB + ".name": name}))
    prefix = "01234567-0123-0123-0123-0123456789ab"
    jobs = [f"{prefix}.{name[: 63 - len(prefix) - 2 - len(str(number))]}.{number}" for number in (1, 10, 100)]
    assert bool(found) == any("-." in job for job in jobs)
