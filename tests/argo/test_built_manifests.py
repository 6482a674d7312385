"""What the constructs write, against the schemas and the lint: each manifest of a template, tokens as placeholders."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from bluegreen_constructs import Approval, HttpSmokeTest, NodeGroup
from bluegreen_constructs.argo.lint import findings
from bluegreen_constructs.argo.manifest import Manifest
from bluegreen_constructs.cluster_analysis import JobAnalysis
from bluegreen_constructs.eks_capacity import LoadBalancing
from tests.argo.chart_values import unknown_values
from tests.argo.schemas import violations
from tests.canary_service import flat, new_stack, resources
from tests.eks_services import CHART, MANIFEST, behind_alb, inside, rollouts
from tests.switched_clusters import existing, side, switch

HOOKS = [
    HttpSmokeTest("/predict"),
    JobAnalysis(name="orders", image="registry.example/orders:1"),
    JobAnalysis(name="load", image="registry.example/load:1", stage="BAKING"),
    Approval(),
]


def applied(stack: cdk.Stack) -> list[Manifest]:
    """The manifests of a stack in the order of its resources; what only the deployment knows is a placeholder."""
    found = resources(Template.from_stack(stack), MANIFEST).values()
    return [manifest for one in found for manifest in json.loads(flat(one["Properties"]["Manifest"]))]


def with_service(build: Callable[..., Any], capacity: NodeGroup | None = None, **options: Any) -> cdk.Stack:
    """A cluster with one service."""
    stack = new_stack()
    build(rollouts(stack, capacity), **options)
    return stack


SHAPES: dict[str, Callable[[], cdk.Stack]] = {
    "ping-pong": lambda: with_service(behind_alb, hooks=HOOKS),
    "ping-pong on nodes": lambda: with_service(behind_alb, NodeGroup(), hooks=HOOKS),
    "blue-green": lambda: with_service(inside, hooks=HOOKS, guardrails=[]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_manifest_of_a_cluster_is_what_its_api_server_takes(shape: str) -> None:
    manifests = applied(SHAPES[shape]())
    assert len(manifests) > 5
    found = {f"{one['kind']} {one['metadata']}": seen for one in manifests if (seen := violations(one))}
    assert found == {}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_manifests_of_a_cluster_go_together(shape: str) -> None:
    assert findings(in_order(applied(SHAPES[shape]()))) == ()


@pytest.mark.parametrize("load_balancing", LoadBalancing)
def test_a_switch_binds_what_the_api_takes(load_balancing: LoadBalancing) -> None:
    stack = new_stack()
    sides = {
        name: side(existing(stack, cluster, load_balancing)) for name, cluster in (("blue", "old"), ("green", "new"))
    }
    switch(stack, **sides)
    bindings = [one for one in applied(stack) if one["kind"] == "TargetGroupBinding"]
    assert len(bindings) == 2
    assert [violations(one) for one in bindings] == [(), ()]


@pytest.mark.parametrize("dashboard", [False, True])
def test_the_chart_knows_every_value_that_it_is_given(dashboard: bool) -> None:
    stack = new_stack()
    rollouts(stack, dashboard=dashboard)
    (chart,) = resources(Template.from_stack(stack), CHART).values()
    assert unknown_values(json.loads(flat(chart["Properties"]["Values"]))) == ()


def in_order(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Namespaces first, as the resources depend on each other."""
    return sorted(manifests, key=lambda one: one["kind"] != "Namespace")


def test_the_data_of_this_folder_names_its_source_and_licence() -> None:
    folder = Path(__file__).parent
    for name in ("crds/README.md", "chart_value_keys.txt"):
        head = (folder / name).read_text(encoding="utf-8")[:400]
        assert "Apache-2.0" in head
        assert "argo" in head
