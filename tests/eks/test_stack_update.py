"""A stack update never moves live traffic (I2): what the controller wrote stays, whatever it is doing."""

import time
from typing import Any

from tests.eks.deployed import Deployed

Json = dict[str, Any]


def _written_by_the_controller(deployed: Deployed, namespace: str) -> Json:
    """Selectors and annotations, without kubectl's own note of what it applied."""
    api = deployed.plane.api
    noted = "kubectl.kubernetes.io/last-applied-configuration"
    found: Json = {}
    for plural in ("services", "ingresses"):
        for one in api.list(namespace, plural):
            annotations = {key: of for key, of in one["metadata"].get("annotations", {}).items() if key != noted}
            found[f"{plural}/{one['metadata']['name']}"] = (annotations, one["spec"].get("selector"))
    return found


def _settled(deployed: Deployed, namespace: str) -> Json:
    """What is written once the controller has nothing more to write."""
    end, before = time.monotonic() + 30, _written_by_the_controller(deployed, namespace)
    while time.monotonic() < end:
        time.sleep(2)
        now = _written_by_the_controller(deployed, namespace)
        if now == before:
            return now
        before = now
    raise AssertionError(f"the controller goes on writing in {namespace}")


def test_an_update_in_the_middle_of_a_rollout_changes_nothing_that_the_controller_wrote(deployed: Deployed) -> None:
    kept = deployed.rollout("outside-kept")
    kept.wait_for_phase("Healthy")
    second = deployed.update("outside-kept", "2")
    kept.wait_for_phase("Paused")
    before = _settled(deployed, "outside-kept")
    revision = kept.get()["metadata"]["annotations"]["rollout.argoproj.io/revision"]
    deployed.update("outside-kept", "2")
    paused = kept.wait_for_phase("Paused")
    assert _settled(deployed, "outside-kept") == before
    assert paused["metadata"]["annotations"]["rollout.argoproj.io/revision"] == revision
    assert any("actions" in name for name in before["ingresses/outside-kept"][0])
    hashes = [(selector or {}).get("rollouts-pod-template-hash") for _, selector in before.values()]
    assert len(set(filter(None, hashes))) == 2, "ping and pong lead to one release each"
    kept.promote()
    kept.wait_for_release(second)


def test_an_update_after_a_rollout_leaves_the_new_release_live(deployed: Deployed) -> None:
    kept = deployed.rollout("outside-kept")
    kept.wait_for_phase("Healthy")
    before, weights = _settled(deployed, "outside-kept"), kept.weights()
    second = deployed.update("outside-kept", "2")
    kept.wait_for_release(second)
    assert _settled(deployed, "outside-kept") == before
    assert kept.weights() == weights == {second: 100}


def test_the_first_action_written_once_more_is_taken_back_by_the_controller(deployed: Deployed) -> None:
    """CloudFormation would write it again only if the CDK gave its resource another property: then for a moment."""
    kept = deployed.rollout("outside-kept")
    kept.wait_for_phase("Healthy")
    before, weights = _settled(deployed, "outside-kept"), kept.weights()
    deployed.write_first_action("outside-kept")
    kept.wait_until("the weights are the controller's again", lambda: kept.weights() == weights)
    assert _settled(deployed, "outside-kept") == before


def test_the_live_release_deployed_again_ends_a_rollout_without_traffic_for_its_candidate(deployed: Deployed) -> None:
    kept = deployed.rollout("outside-kept")
    second = kept.live_image(kept.wait_for_phase("Healthy"))
    deployed.update("outside-kept", "3")
    kept.wait_for_phase("Paused")
    deployed.update("outside-kept", "2")
    kept.wait_for_release(second)
    assert kept.weights() == {second: 100}
