"""Cluster switches with everything on are clean under cdk-nag and cfn-lint, and as they were reviewed."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bluegreen_constructs import AlarmThresholds, Approval, CandidateRoute, ErrorComparison, HttpSmokeTest, Ingress
from bluegreen_constructs.eks_capacity import LoadBalancing
from tests.blue_green_service import CERTIFICATE_ARN
from tests.canary_service import new_stack
from tests.nag_findings import acknowledgements, findings, lint
from tests.stacks.test_snapshots import scrubbed
from tests.switched_clusters import existing, side, switch

OWN = "Web"


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """The assembly, what was found, and what was acknowledged, of two switches; and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    stack, planted = new_stack(app=app), new_stack("Planted", app)
    s3.Bucket(planted, "Open")
    ec2.Vpc.from_vpc_attributes(  # with ids that look like AWS's own
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        public_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        private_subnet_ids=["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
    )
    switch(
        stack,
        blue=side(existing(stack, "old", LoadBalancing.CONTROLLER, cluster_security_group_id="sg-0123456789abcdef0")),
        green=side(existing(stack, "new", cluster_security_group_id="sg-0123456789abcdef1")),
        ingress=Ingress(
            certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
            host="shop.example.com",
            health_path="/ready",
            drain=timedelta(seconds=45),
        ),
        guardrails=[ErrorComparison(), AlarmThresholds()],
        hooks=[Approval("release manager"), HttpSmokeTest("/ready")],
        stickiness=timedelta(hours=1),
        test_traffic=[CandidateRoute.header(), CandidateRoute.cookie("preview")],
    ).add_dashboard()
    alone = side(existing(stack, "one", cluster_security_group_id="sg-0123456789abcdef2"))
    switch(stack, "Inner", blue=alone, green=None, ingress=Ingress(internet_facing=False))
    found = findings(app)
    return folder, found, dict(acknowledgements(folder / "Serving.metadata.json"))


def test_switches_with_everything_on_are_clean() -> None:
    _, found, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []


def test_each_acknowledgement_names_an_alternative() -> None:
    _, _, acknowledged = checked()
    assert acknowledged
    for place, reason in acknowledged.items():
        assert "considered" in reason, place


def test_they_are_clean_under_cfn_lint() -> None:
    folder, _, _ = checked()
    assert lint([folder / "Serving.template.json"]) == (0, "")


def own_resources() -> dict[str, dict]:
    """Those of the first switch, without the stack's engine."""
    folder, _, _ = checked()
    template = json.loads((folder / "Serving.template.json").read_text(encoding="utf-8"))
    return {name: one for name, one in template["Resources"].items() if name.startswith(OWN)}


def test_a_switch_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    without_metadata = {
        name: {key: value for key, value in one.items() if key != "Metadata"} for name, one in own_resources().items()
    }
    assert scrubbed(without_metadata) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_logical_ids_that_hold_state_or_carry_traffic_never_change() -> None:
    """Renaming one of these replaces it: a group under the live rule, or a binding beside the former one."""

    def ids(kind: str) -> set[str]:
        return {name for name, one in own_resources().items() if one["Type"] == kind}

    assert ids("AWS::ElasticLoadBalancingV2::TargetGroup") == {
        "WebBlueClusterGroupD0CA230A",
        "WebGreenClusterGroup7CFD3925",
    }
    assert ids("Custom::AWSCDK-EKS-KubernetesResource") == {
        "WebBlueClusterBindingCA30C989",
        "WebGreenClusterBinding1B66E195",
    }
    assert ids("Custom::TrafficRule") >= {"WebRoutesProduction1A2B032B", "WebRoutesCandidateHeader7FF656C1"}
