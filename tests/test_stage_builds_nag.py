"""What a stage runs in builds is clean under cdk-nag and cfn-lint, but for what each argues on its own role."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from bluegreen_constructs import CodeDeploy, EksCluster, EksRollouts
from bluegreen_constructs.argo_image_update import ArgoImageUpdate
from bluegreen_constructs.fleet_deploy import FleetDeploy
from bluegreen_constructs.generated_files import GeneratedFiles
from tests.canary_service import FLAGS, new_stack
from tests.fleet import fleet, under_code_deploy
from tests.nag_findings import acknowledgements, findings, lint
from tests.stage_place import stage_place
from tests.test_argo_image_update import served
from tests.test_eks_rollouts_nag import vpc_of

ROLES = {
    "Delivery/Stage-Prod/Files-Serving-Inference/Role",
    "Delivery/Stage-Prod/Deploy-Fleet-Model/Role",
    "Delivery/Stage-Prod/Verdict-shop-web/Role",
}


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """The assembly of a stage with all three, what was found, and what was acknowledged."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    planted, home, there = (new_stack(name, app) for name in ("Planted", "Cluster", "Fleet"))
    s3.Bucket(planted, "Open")
    of = EksRollouts(home, "Rollouts", cluster=EksCluster(home, "Cluster", vpc=vpc_of(home)))
    vpc_of(there)
    instances = fleet(there, instances=under_code_deploy(there), controller=CodeDeploy(), bake=timedelta(minutes=5))
    given = stage_place(new_stack("Delivery", app))
    files = GeneratedFiles().make(given.place, "Serving/Inference", 1).action
    update = ArgoImageUpdate(home, service=served(of))
    made = (
        files,
        *FleetDeploy(instances, release="#{Source.CommitId}").make(given.place, 1),
        *update.make(given.place, 1),
    )
    given.pipeline.add_stage(stage_name="Prod", actions=list(made))
    found = findings(app)
    return folder, found, dict(acknowledgements(folder / "Delivery.metadata.json"))


def test_what_is_planted_is_found_and_nothing_on_what_a_build_needs() -> None:
    found = checked()[1]
    assert {place for place, _ in found if place.startswith("Planted/")}
    ours = {one for one in found if any(part in one[0] for part in ("Files-", "Deploy-", "Verdict-", "Network-"))}
    assert ours == set()


def test_the_wildcards_of_each_role_are_argued_on_it_one_by_one() -> None:
    argued = {place: reason for place, reason in checked()[2].items() if place[0] in ROLES}
    assert {place for place, _ in argued} == ROLES
    assert all("considered" in reason for reason in argued.values())
    rules = {place: sorted(rule for on, rule in argued if on == place) for place in ROLES}
    everywhere = "AwsSolutions-IAM5[Resource::*]"
    assert all(everywhere in "".join(of) for of in rules.values())
    assert {place.split("/")[2].partition("-")[0]: len(of) for place, of in rules.items()} == {
        "Files": 2,
        "Deploy": 3,
        "Verdict": 3,
    }


def test_the_pipelines_template_is_clean_under_cfn_lint() -> None:
    """But for the order of the pipeline and its role, which the CDK names twice."""
    _, words = lint([checked()[0] / "Delivery.template.json"])
    found = [line for line in words.splitlines() if line and not line.startswith("/")]
    assert [line for line in found if not line.startswith("W3005 'PipelineRole")] == []
