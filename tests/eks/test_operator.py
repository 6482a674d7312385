"""What a person does: approve, abort, look, and go back."""

import re

from tests.eks.application import FIRST, REPLICAS
from tests.eks.deployed import Deployed
from tests.eks.production_history import ProductionHistory


def test_inside_of_the_cluster_a_candidate_waits_for_its_approval_and_is_promoted_by_it(deployed: Deployed) -> None:
    asked = deployed.rollout("inside-asked")
    first = deployed.releases.image("inside-asked", FIRST)
    asked.wait_for_release(first)
    with ProductionHistory(deployed.plane.api, "inside-asked", service="inside-asked") as history:
        second = deployed.update("inside-asked", "2")
        asked.wait_for_phase("Paused")
        assert asked.ready_images("inside-asked") == [first] * REPLICAS
        asked.wait("reachable", lambda _: asked.ready_images("inside-asked-candidate") == [second] * REPLICAS)
        asked.promote()
        asked.wait_for_release(second)
    history.assert_always_served(REPLICAS)


def test_inside_of_the_cluster_a_candidate_is_aborted_by_hand(deployed: Deployed) -> None:
    asked = deployed.rollout("inside-asked")
    before = asked.wait_for_phase("Healthy")
    with ProductionHistory(deployed.plane.api, "inside-asked", service="inside-asked") as history:
        deployed.update("inside-asked", "3")
        asked.wait_for_phase("Paused")
        asked.abort()
        asked.wait_for_phase("Degraded")
    assert asked.ready_images("inside-asked") == [asked.live_image(before)] * REPLICAS
    history.assert_always_served(REPLICAS)


def test_what_was_aborted_is_tried_again_by_retry(deployed: Deployed) -> None:
    asked = deployed.rollout("inside-asked")
    asked.wait_for_phase("Degraded")
    third = deployed.releases.image("inside-asked", "3")
    asked.wait("rid of the candidate's pods", lambda _: third not in asked.pods())
    asked.retry()
    asked.wait_for_phase("Paused")
    asked.promote()
    asked.wait_for_release(third)


def test_behind_a_load_balancer_a_whole_candidate_waits_without_traffic_for_its_approval(deployed: Deployed) -> None:
    asked = deployed.rollout("outside-asked")
    first = deployed.releases.image("outside-asked", FIRST)
    asked.wait_for_release(first)
    with ProductionHistory(deployed.plane.api, "outside-asked") as history:
        second = deployed.update("outside-asked", "2")
        asked.wait_for_phase("Paused")
        assert asked.weights() == {first: 100}
        asked.wait("reachable", lambda _: asked.ready_images("outside-asked-candidate") == [second] * REPLICAS)
        told = asked.told()
        assert re.search(rf"{first} \(.*stable.*\)", told), told
        assert re.search(rf"{second} \(.*canary.*\)", told), told
        asked.promote()
        asked.wait_for_release(second)
    assert asked.weights() == {second: 100}
    history.assert_always_served(REPLICAS)


def test_behind_a_load_balancer_a_candidate_is_aborted_by_hand_while_it_has_all_of_the_traffic(
    deployed: Deployed,
) -> None:
    asked = deployed.rollout("outside-asked")
    second = asked.live_image(asked.wait_for_phase("Healthy"))
    with ProductionHistory(deployed.plane.api, "outside-asked") as history:
        third = deployed.update("outside-asked", "3")
        asked.wait_for_phase("Paused")
        asked.promote()
        asked.wait("baking with all of the traffic", lambda _: asked.weights() == {third: 100})
        asked.abort()
        asked.wait("back", lambda _: asked.weights() == {second: 100})
        asked.wait_for_phase("Degraded")
    history.assert_always_served(REPLICAS)


def test_a_candidate_that_nobody_approves_is_aborted_at_its_deadline(deployed: Deployed) -> None:
    forgotten = deployed.rollout("outside-forgotten")
    first = deployed.releases.image("outside-forgotten", FIRST)
    deployed.update("outside-forgotten", "2")
    forgotten.wait_for_phase("Paused")
    forgotten.wait_for_phase("Degraded")
    assert forgotten.weights() == {first: 100}


def test_the_release_before_comes_back_by_undo_through_all_of_its_steps(deployed: Deployed) -> None:
    undone = deployed.rollout("outside-undone")
    first = deployed.releases.image("outside-undone", FIRST)
    undone.wait_for_release(first)
    second = deployed.update("outside-undone", "2")
    undone.wait_for_release(second)
    with ProductionHistory(deployed.plane.api, "outside-undone") as history:
        undone.undo()
        undone.wait_for_release(first)
    assert undone.weights() == {first: 100}
    history.assert_always_served(REPLICAS)


def test_what_was_undone_comes_again_with_the_next_change_of_the_template(deployed: Deployed) -> None:
    undone = deployed.rollout("outside-undone")
    undone.wait_for_release(deployed.releases.image("outside-undone", FIRST))
    second = deployed.update("outside-undone", "2")
    undone.wait_for_release(second)
