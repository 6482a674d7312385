"""Taking a service out of the template removes what it was made of, and nothing else.

CDK's handler only logs what kubectl says to a delete: what is gone is seen in the cluster alone.
"""

from tests.eks.application import FIRST
from tests.eks.deployed import Deployed

PLURALS = (
    "rollouts",
    "services",
    "ingresses",
    "analysistemplates",
    "poddisruptionbudgets",
    "replicasets",
    "pods",
    "targetgroupbindings",
)


def test_a_service_that_is_taken_out_leaves_nothing_in_its_namespace(deployed: Deployed) -> None:
    leaving = deployed.rollout("outside-leaving")
    leaving.wait_for_release(deployed.releases.image("outside-leaving", FIRST))
    deployed.delete("outside-leaving")
    leaving.wait_until("everything is gone", lambda: not _left(deployed))


def test_the_kinds_and_the_other_services_stay(deployed: Deployed) -> None:
    kinds = [one["metadata"]["name"] for one in deployed.plane.api.list("", "customresourcedefinitions")]
    assert {"rollouts.argoproj.io", "analysistemplates.argoproj.io", "analysisruns.argoproj.io"} <= set(kinds)
    assert deployed.rollout("outside").status


def _left(deployed: Deployed) -> list[str]:
    return [
        f"{plural}/{one['metadata']['name']}"
        for plural in PLURALS
        for one in deployed.plane.api.list("outside-leaving", plural)
    ]
