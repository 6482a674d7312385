"""What the cluster refuses by itself, through CDK's handler; the lint at synth is for what it would accept."""

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.eks.application import FIRST
from tests.eks.deployed import Deployed
from tests.eks.kubectl_handler import HandlerError

Json = dict[str, Any]
Change = Callable[[Json], object]


def _rollout(change: Change) -> Change:
    return lambda manifests: change(manifests["Rollout"]["spec"])


WRONG: dict[str, tuple[Change, str]] = {
    "an unknown key in a strategy": (
        _rollout(lambda spec: spec["strategy"]["canary"].update(maxSurged=1)),
        r'unknown field "spec.strategy.canary.maxSurged"',
    ),
    "an unknown key in a container": (
        _rollout(lambda spec: spec["template"]["spec"]["containers"][0].update(imagePolicy="Always")),
        r'unknown field "spec.template.spec.containers\[0\].imagePolicy"',
    ),
    "a word where a number belongs": (
        _rollout(lambda spec: spec.update(replicas="three")),
        r"spec.replicas: Invalid value: .string.",
    ),
    "ping without pong": (
        _rollout(lambda spec: spec["strategy"]["canary"]["pingPong"].pop("pongService")),
        r"pingPong.pongService: Required value",
    ),
    "a port that no Service has": (
        lambda manifests: manifests["Service"]["spec"]["ports"][0].update(port=99_999),
        r"spec.ports\[0\].port: Invalid value: 99999",
    ),
    "an Ingress without a port": (
        lambda manifests: manifests["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"].pop(
            "port"
        ),
        r"backend: Required value: port name or number is required",
    ),
}


KINDS = {"a port that no Service has": "Service", "an Ingress without a port": "Ingress"}


@pytest.mark.parametrize("what", WRONG)
def test_the_api_server_refuses(deployed: Deployed, what: str) -> None:
    change, said = WRONG[what]
    resource = deployed.resource("outside", FIRST, KINDS.get(what, "Rollout"))
    manifests = copy.deepcopy(resource.manifests)
    change({one["kind"]: one for one in reversed(manifests)})
    wrong = dataclasses.replace(resource, properties={**resource.properties, "Manifest": json.dumps(manifests)})
    with pytest.raises(HandlerError, match=said):
        deployed.handler.handle("Update", wrong)


def test_a_service_cannot_be_deployed_before_the_chart_which_is_why_it_depends_on_it(deployed: Deployed) -> None:
    assert 'no matches for kind "Rollout" in version "argoproj.io/v1alpha1"' in deployed.said_before_the_chart


def test_the_template_makes_every_service_wait_for_the_chart(deployed: Deployed) -> None:
    order = deployed.releases.assembly(FIRST).custom_resources()
    kinds = [
        "chart" if one.kind == "HelmChart" else "service"
        for one in order
        if one.kind == "HelmChart" or _has_rollout(one.manifests)
    ]
    assert kinds[0] == "chart"
    assert kinds.count("chart") == 1


def _has_rollout(manifests: list[Json]) -> bool:
    return any(one["kind"] == "Rollout" for one in manifests)
