"""No data is no evidence (I4): a guardrail that sees nothing never lets a rollout pass."""

from tests.eks.application import FIRST, REPLICAS
from tests.eks.deployed import Deployed
from tests.eks.production_history import ProductionHistory


def test_without_any_data_the_rollout_goes_back_from_its_first_step(deployed: Deployed) -> None:
    silent = deployed.rollout("outside-silent")
    first = deployed.releases.image("outside-silent", FIRST)
    silent.wait_for_release(first)
    deployed.aws.metrics.is_silent = True
    try:
        with ProductionHistory(deployed.plane.api, "outside-silent") as history:
            deployed.update("outside-silent", "2")
            silent.wait("at its first step", lambda _: len(silent.weights()) == 2)
            silent.wait_for_phase("Degraded")
            silent.wait("back", lambda _: silent.weights() == {first: 100})
    finally:
        deployed.aws.metrics.is_silent = False
    history.assert_always_served(REPLICAS)
    shares = [tuple(sorted(moment.weights.values())) for moment in history.moments()]
    assert list(dict.fromkeys(shares)) == [(100,), (10, 90)]


def test_the_same_release_goes_live_when_there_is_data_again(deployed: Deployed) -> None:
    silent = deployed.rollout("outside-silent")
    silent.wait_for_phase("Degraded")
    silent.retry()
    silent.wait_for_release(deployed.releases.image("outside-silent", "2"))
