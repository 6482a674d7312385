"""A switch across regions is clean under cdk-nag and cfn-lint, and as it was reviewed."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.canary_service import new_stack
from tests.nag_findings import acknowledgements, findings, lint
from tests.stacks.test_snapshots import scrubbed
from tests.switched_regions import CHECK, RECORDS, side, switch

OWN = "Shop"


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """The assembly, what was found, and what was acknowledged, of two switches; and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    stack, planted = new_stack("Dns", app), new_stack("Planted", app)
    s3.Bucket(planted, "Open")
    switch(stack, failures=2, interval=timedelta(seconds=10))
    switch(
        stack,
        "Api",
        name="api.example.com",
        protocol="HTTP",
        blue=side("eu-west-1", health_host="ie.api.example.com"),
        green=side("us-east-1", health_host="va.api.example.com"),
    )
    found = findings(app)
    return folder, found, dict(acknowledgements(folder / "Dns.metadata.json"))


def test_switches_are_clean_without_an_exception() -> None:
    _, found, acknowledged = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []
    assert acknowledged == {}


def test_they_are_clean_under_cfn_lint() -> None:
    folder, _, _ = checked()
    assert lint([folder / "Dns.template.json"]) == (0, "")


def own_resources() -> dict[str, dict]:
    """Those of the first switch."""
    folder, _, _ = checked()
    template = json.loads((folder / "Dns.template.json").read_text(encoding="utf-8"))
    return {name: one for name, one in template["Resources"].items() if name.startswith(OWN)}


def test_a_switch_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    without_metadata = {
        name: {key: value for key, value in one.items() if key != "Metadata"} for name, one in own_resources().items()
    }
    assert scrubbed(without_metadata) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_logical_ids_that_carry_traffic_never_change() -> None:
    """Renaming one of these replaces it: the records would be another resource's, or lose their health checks.

    The function's makes another ARN, and CloudFormation does not let a custom resource change that.
    """

    def ids(kind: str) -> set[str]:
        return {name for name, one in own_resources().items() if one["Type"] == kind}

    assert ids(RECORDS) == {"ShopRecords3DF58475"}
    assert ids(CHECK) == {"ShopBlueCheck6516453D", "ShopGreenCheckE666D914"}
    assert ids("AWS::Lambda::Function") == {"ShopHandler125FF403"}
