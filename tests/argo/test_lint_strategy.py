"""Strategies, their delays and their steps."""

from typing import Any

import pytest

from bluegreen_constructs.argo.lint import findings
from bluegreen_constructs.argo.spans import go_seconds, pause_seconds
from tests.argo.edited_manifests import (
    BLUE_GREEN,
    CANARY,
    ONE_STEP,
    REMOVED,
    STEPS,
    accepts,
    cases,
    edited,
    harmless,
    refuses,
)
from tests.argo.good_manifests import blue_green, ping_pong

ROUTE = {"name": "testers", "match": [{"headerName": "x-test", "headerValue": {"exact": "1"}}]}


def two_services() -> Any:
    """A canary behind an ALB with a stable and a canary Service."""
    return edited(
        ping_pong(),
        {
            f"{CANARY}.pingPong": REMOVED,
            f"{CANARY}.stableService": "web-ping",
            f"{CANARY}.canaryService": "web-pong",
            f"{CANARY}.trafficRouting.managedRoutes": [{"name": "testers"}],
        },
    )


def by_replicas() -> Any:
    """A canary by the number of pods alone."""
    return edited(
        ping_pong(),
        {
            f"{CANARY}.pingPong": REMOVED,
            f"{CANARY}.trafficRouting": REMOVED,
            f"{CANARY}.abortScaleDownDelaySeconds": REMOVED,
            STEPS: [{"setWeight": 20}, {"pause": {}}],
            "Ingress web": REMOVED,
        },
    )


@harmless(
    (two_services, {}),
    (by_replicas, {}),
    (by_replicas, {f"{CANARY}.maxSurge": 1, f"{CANARY}.maxUnavailable": 0}),
    (by_replicas, {f"{CANARY}.maxSurge": "0%", f"{CANARY}.maxUnavailable": "10%"}),
    (by_replicas, {f"{CANARY}.maxUnavailable": 0}),
    (ping_pong, {f"{CANARY}.scaleDownDelaySeconds": 600}),
    (ping_pong, {f"{CANARY}.dynamicStableScale": True}),
    (ping_pong, {f"{CANARY}.replicaProgressThreshold": {"type": "Percent", "value": 90}}),
    (ping_pong, {f"{CANARY}.trafficRouting.alb.stickinessConfig": {"enabled": True, "durationSeconds": 604800}}),
    (ping_pong, {f"{CANARY}.trafficRouting.alb.ingress": REMOVED, f"{CANARY}.trafficRouting.alb.ingresses": ["web"]}),
    (ping_pong, {STEPS: []}),
    (blue_green, {f"{BLUE_GREEN}.scaleDownDelayRevisionLimit": 3}),
    (blue_green, {f"{BLUE_GREEN}.autoPromotionEnabled": True, f"{BLUE_GREEN}.autoPromotionSeconds": 60}),
    (blue_green, {f"{BLUE_GREEN}.previewService": REMOVED}),
    (blue_green, {f"{BLUE_GREEN}.antiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 1}}}),
)
def test_a_strategy_that_the_controller_takes_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


@cases(
    (blue_green, {BLUE_GREEN + ".activeService": REMOVED}, "has no spec.strategy.blueGreen.activeService"),
    (blue_green, {BLUE_GREEN + ".previewService": "web"}, "'web' as activeService and as previewService"),
    (blue_green, {BLUE_GREEN + ".scaleDownDelayRevisionLimit": 4}, "4 above revisionHistoryLimit 3"),
    (blue_green, {BLUE_GREEN + ".autoPromotionSeconds": 60}, "the seconds are ignored"),
    (blue_green, {BLUE_GREEN + ".scaleDownDelaySeconds": -1}, "scaleDownDelaySeconds -1: 0 or more"),
    (
        blue_green,
        {BLUE_GREEN + ".abortScaleDownDelaySeconds": "10m"},
        "abortScaleDownDelaySeconds '10m': a whole number",
    ),
    (blue_green, {BLUE_GREEN + ".antiAffinity": {}}, "exactly one of preferred and required is allowed"),
    (
        blue_green,
        {BLUE_GREEN + ".antiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 101}}},
        "weight 101: 1 to 100 is allowed",
    ),
    (blue_green, {BLUE_GREEN + ".maxUnavailable": "some"}, "a whole number or a percentage"),
    (ping_pong, {CANARY + ".canaryService": "web"}, "the controller moves ping and pong only"),
    (ping_pong, {CANARY + ".scaleDownDelaySeconds": 30, CANARY + ".dynamicStableScale": True}, "one is allowed"),
    (ping_pong, {CANARY + ".minPodsPerReplicaSet": 0}, "minPodsPerReplicaSet 0: 1 or more"),
    (ping_pong, {CANARY + ".trafficRouting.maxTrafficWeight": 1000}, "nginx and plugins alone know it"),
    (ping_pong, {CANARY + ".trafficRouting.alb.ingresses": ["web"]}, "ingress and ingresses in"),
    (
        ping_pong,
        {CANARY + ".trafficRouting.alb.stickinessConfig": {"enabled": True, "durationSeconds": 0}},
        "durationSeconds 0: 1 to 604800 is allowed",
    ),
    (ping_pong, {CANARY + ".replicaProgressThreshold": {"type": "Percent", "value": 0}}, "value 0: 1 or more"),
    (ping_pong, {CANARY + ".replicaProgressThreshold": {"type": "Percent", "value": 101}}, "1 to 100 is allowed"),
    (ping_pong, {CANARY + ".replicaProgressThreshold": {"type": "Number", "value": 1}}, "Percent and Pods are allowed"),
    (ping_pong, {CANARY + ".replicaProgressThreshold": {"type": "Pods"}}, "replicaProgressThreshold.value: give"),
    (two_services, {CANARY + ".canaryService": "web-ping"}, "as stableService and as canaryService"),
    (two_services, {CANARY + ".canaryService": REMOVED}, "both stableService and canaryService are needed"),
    (by_replicas, {CANARY + ".scaleDownDelaySeconds": 30}, "scaleDownDelaySeconds without trafficRouting"),
    (by_replicas, {CANARY + ".dynamicStableScale": True}, "dynamicStableScale without trafficRouting"),
    (by_replicas, {CANARY + ".abortScaleDownDelaySeconds": 30}, "the controller ignores it"),
    (by_replicas, {CANARY + ".maxSurge": 0, CANARY + ".maxUnavailable": "0%"}, "no pod could ever be replaced"),
    (by_replicas, {CANARY + ".maxSurge": "a lot"}, "a whole number or a percentage"),
)
def test_a_strategy_that_the_controller_refuses_or_ignores_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ({"Rollout web: spec.strategy": {}}, "exactly one of blueGreen and canary is allowed, add one"),
        ({"Rollout web: spec.strategy": "canary"}, "spec.strategy 'canary': a mapping is allowed"),
        ({CANARY + ".trafficRouting.alb.rootService": REMOVED}, "pingPong and no spec.strategy.canary.traffic"),
        ({CANARY + ".trafficRouting.alb.servicePort": 0}, "servicePort 0"),
        ({"Rollout web: spec.strategy.blueGreen": {"activeService": "web"}}, "blueGreen and canary in spec.strategy"),
        ({f"{CANARY}.pingPong.pongService": "web-ping"}, "'web-ping' as pingService and as pongService"),
        ({f"{CANARY}.pingPong.pongService": REMOVED}, "has no spec.strategy.canary.pingPong.pongService"),
        ({f"{CANARY}.trafficRouting": {"nginx": {"stableIngress": "web"}}}, "no other router knows pingPong"),
        ({f"{CANARY}.trafficRouting": {}}, "no router in"),
        ({f"{CANARY}.trafficRouting.alb.rootService": "web-ping"}, "the root is a third Service"),
        ({f"{CANARY}.trafficRouting.alb.ingress": REMOVED}, "neither ingress nor ingresses"),
    ],
)
def test_what_breaks_more_than_one_rule_is_named_for_each(edits: Any, sentence: str) -> None:
    assert any(sentence in one for one in findings(edited(ping_pong(), edits)))


@cases(
    (ping_pong, {STEPS: [{"setWeight": 120}]}, "steps[0].setWeight 120: 0 to 100 is allowed"),
    (ping_pong, {STEPS: [{"setWeight": -1}]}, "setWeight -1: 0 to 100"),
    (ping_pong, {STEPS: [{"setWeight": True}]}, "setWeight True: a whole number is allowed"),
    (ping_pong, {STEPS: [{}]}, "no action in spec.strategy.canary.steps[0]"),
    (ping_pong, {STEPS: [{"setWeight": 5, "pause": {}}]}, "setWeight and pause in"),
    (ping_pong, {STEPS: [{"setCanaryScale": {"weight": 5}, "setWeight": 5}]}, "setWeight and setCanaryScale in"),
    (ping_pong, {STEPS: [{"pause": {"duration": "5 minutes"}}]}, "'5 minutes': seconds or a duration such as"),
    (ping_pong, {STEPS: [{"pause": {"duration": -5}}]}, "duration -5"),
    (ping_pong, {STEPS: [{"setCanaryScale": {}}]}, "exactly one of weight, replicas, matchTrafficWeight"),
    (ping_pong, {STEPS: [{"setCanaryScale": {"weight": 5, "replicas": 1}}]}, "weight and replicas in"),
    (ping_pong, {STEPS: [{"setCanaryScale": {"weight": 500}}]}, "weight 500 per cent"),
    (ping_pong, {STEPS: [{"setCanaryScale": {"replicas": -1}}]}, "replicas -1: 0 or more"),
    (ping_pong, {STEPS: [{"setCanaryScale": {"weight": 10}}, *ONE_STEP]}, "keeps the candidate at 10 per cent"),
    (by_replicas, {STEPS: [{"setCanaryScale": {"weight": 10}}]}, "setCanaryScale without trafficRouting"),
    (by_replicas, {STEPS: [{"setHeaderRoute": ROUTE}]}, "without a router that knows it"),
    (ping_pong, {STEPS: [{"setHeaderRoute": ROUTE}]}, "managedRoutes does not list"),
    (two_services, {STEPS: [{"setHeaderRoute": {"match": ROUTE["match"]}}]}, "setHeaderRoute.name: give it the name"),
    (
        two_services,
        {
            STEPS: [
                {"setHeaderRoute": {"name": "testers", "match": [{"headerName": "a", "headerValue": {"prefix": "b"}}]}}
            ]
        },
        "an ALB knows 'exact' only",
    ),
    (two_services, {STEPS: [{"setMirrorRoute": {"name": "testers"}}]}, "no other router mirrors"),
    (
        by_replicas,
        {STEPS: [{"experiment": {"templates": [{"name": "a", "specRef": "canary", "weight": 5}]}}]},
        "weight without trafficRouting by alb",
    ),
    (ping_pong, {STEPS: {"setWeight": 5}}, "a list is allowed"),
    (ping_pong, {STEPS: ["setWeight"]}, "steps[0] 'setWeight': a mapping is allowed"),
)
def test_a_step_that_would_not_do_what_it_says_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    found = findings(edited(good(), edits))
    assert any(sentence in one for one in found), found


@harmless(
    (ping_pong, {STEPS: [{"setWeight": 0}, {"setWeight": 100}]}),
    (ping_pong, {STEPS: [{"setCanaryScale": {"weight": 10}}, {"setWeight": 10}]}),
    (
        ping_pong,
        {STEPS: [{"setCanaryScale": {"weight": 1}}, {"setCanaryScale": {"matchTrafficWeight": True}}, *ONE_STEP]},
    ),
    (
        ping_pong,
        {STEPS: [{"pause": {"duration": "1h30m"}}, {"pause": {"duration": 30}}, {"pause": {"duration": "30"}}]},
    ),
    (two_services, {STEPS: [{"setHeaderRoute": ROUTE}, {"setHeaderRoute": {"name": "testers"}}]}),
    (two_services, {STEPS: [{"plugin": {"name": "example/step"}}]}),
)
def test_a_step_within_the_bounds_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("1.5m", 90.0),
        ("500ms", 0.5),
        ("-5s", -5.0),
        ("", None),
        ("5", None),
        ("5 m", None),
        ("1d", None),
        ("m", None),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float | None) -> None:
    assert go_seconds(text) == seconds


def test_a_pause_may_be_a_number_of_seconds() -> None:
    assert (pause_seconds(30), pause_seconds("30"), pause_seconds("30s"), pause_seconds("x")) == (30, 30, 30, None)
