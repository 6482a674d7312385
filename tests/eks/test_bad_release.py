"""A bad release is aborted by the controller itself, and everything is back on live."""

from tests.eks.application import FAILING_JOB, FIRST, REPLICAS
from tests.eks.deployed import Deployed
from tests.eks.production_history import ProductionHistory
from tests.eks.rollout_driver import RolloutDriver


def assert_refused(deployed: Deployed, service: str, release: str) -> tuple[RolloutDriver, ProductionHistory]:
    """Deploy it; it has to end aborted, with all of production on what was live."""
    rollout = deployed.rollout(service)
    first = deployed.releases.image(service, FIRST)
    rollout.wait_for_release(first)
    is_inside = service.startswith("inside")
    with ProductionHistory(deployed.plane.api, service, service=service if is_inside else None) as history:
        deployed.update(service, release)
        rollout.wait("aborted", lambda now: bool(now.get("status", {}).get("abort")))
        degraded = rollout.wait_for_phase("Degraded")
        assert rollout.live_image(degraded) == first
        if is_inside:
            rollout.wait("back", lambda _: rollout.ready_images(service) == [first] * REPLICAS)
        else:
            rollout.wait("back", lambda _: rollout.weights() == {first: 100})
    history.assert_always_served(REPLICAS)
    return rollout, history


def test_a_failed_smoke_test_keeps_production_where_it_is(deployed: Deployed) -> None:
    assert_refused(deployed, "inside-refused", "bad")
    asked = [one for one in deployed.pods.requests if one[0].startswith("inside-refused-candidate.")]
    assert asked[-1][2:] == (deployed.releases.image("inside-refused", "bad"), 500)


def test_a_failed_job_keeps_production_where_it_is(deployed: Deployed) -> None:
    rollout, _ = assert_refused(deployed, "inside-job", FAILING_JOB)
    assert [run["status"]["phase"] for run in rollout.analysis_runs()][-1] == "Failed"


def test_what_was_aborted_leaves_no_pods_behind(deployed: Deployed) -> None:
    rollout = deployed.rollout("inside-refused")
    bad = deployed.releases.image("inside-refused", "bad")
    rollout.wait("rid of the candidate's pods", lambda _: bad not in rollout.pods())


def test_inside_of_the_cluster_a_bad_release_that_was_promoted_goes_back_within_its_bake(deployed: Deployed) -> None:
    rollout, _ = assert_refused(deployed, "inside-judged", "bad")
    assert [run["status"]["phase"] for run in rollout.analysis_runs()] == ["Failed"]


def test_behind_a_load_balancer_a_bad_release_gets_no_more_than_its_first_share(deployed: Deployed) -> None:
    rollout, history = assert_refused(deployed, "outside-judged", "bad")
    shares = [tuple(sorted(moment.weights.values())) for moment in history.moments()]
    assert list(dict.fromkeys(shares)) == [(100,), (10, 90)]
    assert shares[-1] == (100,)
    failed = [run for run in rollout.analysis_runs() if run["status"]["phase"] == "Failed"]
    assert [metric["name"] for metric in failed[0]["status"]["metricResults"] if metric["phase"] == "Failed"] == [
        "error-rate"
    ]


def test_the_second_release_is_judged_by_its_own_target_group_too(deployed: Deployed) -> None:
    """The Services take turns, and what the controller notes of their target groups once is never written again.

    https://github.com/argoproj/argo-rollouts/issues/4184
    """
    again = deployed.rollout("outside-again")
    again.wait_for_release(deployed.releases.image("outside-again", FIRST))
    second = deployed.update("outside-again", "2")
    again.wait_for_release(second)
    with ProductionHistory(deployed.plane.api, "outside-again") as history:
        deployed.update("outside-again", "bad")
        again.wait_for_phase("Degraded")
        again.wait("back", lambda _: again.weights() == {second: 100})
    shares = [tuple(sorted(moment.weights.values())) for moment in history.moments()]
    assert list(dict.fromkeys(shares)) == [(100,), (10, 90)]


def test_a_release_that_never_becomes_ready_gets_no_traffic_and_is_aborted(deployed: Deployed) -> None:
    _, history = assert_refused(deployed, "outside-stuck", "crashing")
    assert {tuple(moment.weights.values()) for moment in history.moments()} == {(100,)}
