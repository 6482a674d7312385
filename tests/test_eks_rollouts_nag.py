"""Clusters and services with everything on are clean under cdk-nag and cfn-lint, and as they were reviewed."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bluegreen_constructs import (
    AlarmThresholds,
    Approval,
    Canary,
    EksCluster,
    EksRollouts,
    ExistingCluster,
    HttpSmokeTest,
    Ingress,
    JobAnalysis,
    LoadBalancing,
    NodeGroup,
    Scaling,
)
from tests.blue_green_service import CERTIFICATE_ARN
from tests.canary_service import new_stack
from tests.eks_services import behind_alb, inside
from tests.nag_findings import acknowledgements, findings, lint
from tests.stacks.test_snapshots import scrubbed

STACKS = ("Auto", "Nodes", "Given")


def vpc_of(stack: cdk.Stack) -> ec2.IVpc:
    """With ids that look like AWS's own."""
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        public_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        private_subnet_ids=["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
    )


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """The assembly, what was found, and what was acknowledged, of three clusters; and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    auto, nodes, given, planted = (new_stack(name, app) for name in (*STACKS, "Planted"))
    s3.Bucket(planted, "Open")
    in_auto_mode = EksRollouts(auto, "Rollouts", cluster=EksCluster(auto, "Cluster", vpc=vpc_of(auto)))
    behind_alb(
        in_auto_mode,
        ingress=Ingress(
            certificate=acm.Certificate.from_certificate_arn(auto, "Certificate", CERTIFICATE_ARN),
            host="shop.example.com",
        ),
        strategy=Canary(percent=10, bake=timedelta(minutes=5)),
        guardrails=[AlarmThresholds()],
        hooks=[HttpSmokeTest("/ready"), JobAnalysis(name="load", image="load:1"), Approval()],
        scaling=Scaling(min=3, max=9, cpu_percent=60),
    )
    role = iam.Role.from_role_name(nodes, "Platform", "Platform")
    on_nodes = EksCluster(nodes, "Cluster", vpc=vpc_of(nodes), capacity=NodeGroup(), admins=[role])
    inside(EksRollouts(nodes, "Rollouts", cluster=on_nodes, dashboard=True))
    ours = ExistingCluster.named(
        given,
        "ours",
        vpc=vpc_of(given),
        security_group_id="sg-0123456789abcdef0",
        version="1.36",
        load_balancing=LoadBalancing.AUTO_MODE,
    )
    inside(EksRollouts(given, "Rollouts", cluster=ours))
    found = findings(app)
    said = [dict(acknowledgements(folder / f"{name}.metadata.json")) for name in STACKS]
    return folder, found, {place: reason for one in said for place, reason in one.items()}


def test_clusters_with_everything_on_are_clean() -> None:
    _, found, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []


def test_they_are_clean_under_cfn_lint() -> None:
    folder, _, _ = checked()
    assert lint([folder / f"{name}.template.json" for name in STACKS]) == (0, "")


def test_each_acknowledgement_names_an_alternative() -> None:
    _, _, acknowledged = checked()
    assert {rule.partition("[")[0] for _, rule in acknowledged} == {
        "AwsSolutions-IAM4",
        "AwsSolutions-IAM5",
        "AwsSolutions-L1",
    }
    for place, reason in acknowledged.items():
        assert "considered" in reason, place


@pytest.mark.parametrize("name", STACKS)
def test_a_cluster_is_as_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    folder, _, _ = checked()
    template = json.loads((folder / f"{name}.template.json").read_text(encoding="utf-8"))
    assert scrubbed(template) == snapshot(extension_class=JSONSnapshotExtension)
