"""A Deployment that runs already is taken over (workloadRef), and production never has fewer pods than it had."""

from typing import Any

import pytest

from tests.eks.application import ADOPTED_LABELS, REPLICAS
from tests.eks.deployed import Deployed
from tests.eks.production_history import ProductionHistory

FIRST = "registry.example/inference:1"
SECOND = "registry.example/inference:2"

Json = dict[str, Any]


def _deployment(image: str) -> Json:
    container = {"name": "app", "image": image, "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "inference"},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": ADOPTED_LABELS},
            "template": {"metadata": {"labels": ADOPTED_LABELS}, "spec": {"containers": [container]}},
        },
    }


def _service(name: str) -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    spec = {"selector": ADOPTED_LABELS, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("service", "known_as"), [("adopted", "adopted"), ("adopted-outside", "inference")])
def test_production_never_has_fewer_pods_than_it_had(deployed: Deployed, service: str, known_as: str) -> None:
    """`known_as`: the Service that is there; inside of the cluster the Rollout takes it over by its name."""
    api, rollout = deployed.plane.api, deployed.rollout(service)
    api.create("", "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": service}})
    api.create(service, "services", _service(known_as))
    api.create(service, "deployments", _deployment(FIRST))
    rollout.wait_until("the Deployment is up", lambda: len(rollout.ready_images(known_as)) == REPLICAS)
    with ProductionHistory(api, service, service=known_as) as history:
        deployed.adopt(service)
        rollout.wait_for_release(FIRST)
        rollout.wait_until("the Deployment is at 0", lambda: _replicas(deployed, service) == (0, 0))
    history.assert_always_served(REPLICAS)
    assert rollout.ready_images(known_as) == [FIRST] * REPLICAS
    assert rollout.weights() == ({} if service == known_as else {FIRST: 100})


@pytest.mark.parametrize("service", ["adopted", "adopted-outside"])
def test_an_edit_of_the_deployment_is_what_starts_a_rollout_then(deployed: Deployed, service: str) -> None:
    rollout = deployed.rollout(service)
    rollout.wait_for_release(FIRST)
    inside = service if service == "adopted" else None
    with ProductionHistory(deployed.plane.api, service, service=inside) as history:
        template = {"spec": {"template": _deployment(SECOND)["spec"]["template"]}}
        deployed.plane.api.patch(service, "deployments", "inference", template)
        rollout.wait_for_release(SECOND)
    history.assert_always_served(REPLICAS)
    assert _replicas(deployed, service) == (0, 0)


def _replicas(deployed: Deployed, namespace: str) -> tuple[int, int]:
    found = deployed.plane.api.get(namespace, "deployments", "inference") or {}
    return int(found["spec"]["replicas"]), int(found.get("status", {}).get("replicas", 0))
