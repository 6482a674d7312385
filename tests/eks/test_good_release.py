"""A good release is promoted, and production has all the pods that its traffic needs at every moment of it."""

import pytest

from tests.eks.application import FIRST, REPLICAS
from tests.eks.deployed import Deployed
from tests.eks.production_history import ProductionHistory


def test_inside_of_the_cluster_all_traffic_moves_at_once_to_a_tested_release(deployed: Deployed) -> None:
    inside = deployed.rollout("inside")
    before = inside.wait_for_phase("Healthy")
    with ProductionHistory(deployed.plane.api, "inside", service="inside") as history:
        image = deployed.update("inside", "2")
        inside.wait_for_release(image)
    assert inside.live_image(before) != image
    assert inside.ready_images("inside") == [image] * REPLICAS
    former = inside.live_image(before)
    assert inside.pods() == {former: REPLICAS, image: REPLICAS}, "the way back is warm for a while"
    history.assert_always_served(REPLICAS)
    runs = {run["metadata"]["name"].split("-")[2]: run["status"]["phase"] for run in inside.analysis_runs()}
    assert set(runs.values()) == {"Successful"}, runs


def test_the_smoke_test_asks_the_candidate_before_it_has_traffic(deployed: Deployed) -> None:
    asked = [one for one in deployed.pods.requests if one[0].startswith("inside-candidate.")]
    assert (
        "inside-candidate.inside.svc.cluster.local",
        "/predict",
        deployed.releases.image("inside", "2"),
        200,
    ) in asked


def test_behind_a_load_balancer_the_candidate_gets_its_share_step_by_step(deployed: Deployed) -> None:
    outside = deployed.rollout("outside")
    outside.wait_for_phase("Healthy")
    with ProductionHistory(deployed.plane.api, "outside") as history:
        image = deployed.update("outside", "2")
        outside.wait_for_release(image)
    assert outside.weights() == {image: 100}
    former = deployed.releases.image("outside", FIRST)
    assert outside.pods() == {former: REPLICAS, image: REPLICAS}, "the way back is warm for a while"
    history.assert_always_served(REPLICAS)
    shares = [tuple(sorted(moment.weights.values())) for moment in history.moments()]
    assert list(dict.fromkeys(shares)) == [(100,), (10, 90), (50, 50)]


@pytest.mark.parametrize("service", ["inside", "outside"])
def test_the_former_pods_go_after_a_while(deployed: Deployed, service: str) -> None:
    rollout, image = deployed.rollout(service), deployed.releases.image(service, "2")
    rollout.wait("rid of the former pods", lambda _: rollout.pods() == {image: REPLICAS})


def test_a_controller_that_is_killed_in_the_middle_goes_on_where_it_was(deployed: Deployed) -> None:
    restarted = deployed.rollout("outside-restarted")
    first = deployed.releases.image("outside-restarted", FIRST)
    with ProductionHistory(deployed.plane.api, "outside-restarted") as history:
        second = deployed.update("outside-restarted", "2")
        restarted.wait("at its first step", lambda _: restarted.weights() == {first: 90, second: 10})
        deployed.restart_controller()
        restarted.wait_for_release(second)
    history.assert_always_served(REPLICAS)
    shares = [tuple(sorted(moment.weights.values())) for moment in history.moments()]
    assert list(dict.fromkeys(shares)) == [(100,), (10, 90), (50, 50)]
