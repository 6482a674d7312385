"""The sources, builds and the assembly of a pipeline are clean under cdk-nag and cfn-lint."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from bluegreen_constructs.acknowledgements import acknowledge_lint
from bluegreen_constructs.app_assembly import AppAssembly
from bluegreen_constructs.code_build_image import CodeBuildImage
from bluegreen_constructs.code_commit_source import CodeCommitSource
from bluegreen_constructs.connection_source import ConnectionSource
from bluegreen_constructs.ecr_publish import EcrBuildAndPublish
from bluegreen_constructs.ecr_push import EcrPush
from bluegreen_constructs.image_scan_gate import ImageScan
from bluegreen_constructs.s3_source import S3Source
from tests.delivery_pipeline import ENV, Delivery, approval
from tests.nag_findings import acknowledgements, findings, lint
from tests.test_pipeline_sources import CONNECTION

PARTS = ("Image", "Code", "Object", "Hub", "Made", "Published", "App")


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], list[tuple[tuple[str, str], str]]]:
    """The assembly, what was found, and what was acknowledged, of a pipeline with each part; and a planted finding."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    s3.Bucket(cdk.Stack(app, "Planted", env=ENV), "Open")
    service = cdk.Stack(app, "Service", env=ENV)
    delivery = Delivery(app)
    stack, images = delivery.stack, delivery.repository()
    code, *_ = delivery.source(
        CodeCommitSource(codecommit.Repository(stack, "Git", repository_name="shop"), name="Code"),
        EcrPush(ecr.Repository.from_repository_name(stack, "Other", "other")),
        S3Source(s3.Bucket.from_bucket_name(stack, "Releases", "releases"), "app.zip", name="Object"),
        ConnectionSource(CONNECTION, "example", "shop", name="Hub", paths=["services/**"]),
    )
    made = CodeBuildImage(images, name="Made", tests=["pytest"], scan=ImageScan(is_enhanced=True))
    delivery.stage("Made", made.make(delivery.place("Made"), code.artifact).actions)
    published = EcrBuildAndPublish(images, name="Published")
    image = published.make(delivery.place("Published"), code.artifact)
    delivery.stage("Published", image.actions)
    assembly = AppAssembly(source="Code", publishes_images=True)
    delivery.stage("App", assembly.make(delivery.place("App"), code.artifact, image.image, [service]).actions)
    delivery.stage("End", [approval()])
    acknowledge_lint(
        cast("IConstruct", delivery.pipeline.node.default_child),
        "W3005",
        "the CDK's pipeline waits for its role twice over; a resource without the CDK was considered",
    )
    found = findings(app)
    return folder, found, acknowledgements(folder / "Delivery.metadata.json")


def of_the_parts(found: frozenset[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(one for one in found if one[0].startswith(tuple(f"Delivery/{part}/" for part in PARTS)))


def test_the_parts_are_clean() -> None:
    _, found, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert of_the_parts(found) == []


def test_each_acknowledgement_names_an_alternative() -> None:
    _, _, acknowledged = checked()
    assert acknowledged
    for place, reason in acknowledged:
        assert "considered" in reason, place


def test_only_docker_is_privileged_and_only_logins_and_inspector_have_no_resource() -> None:
    _, _, acknowledged = checked()
    places = {rule: sorted(where for (where, name), _ in acknowledged if name == rule) for (_, rule), _ in acknowledged}
    assert places["AwsSolutions-CB3"] == ["Delivery/App/Assets", "Delivery/Made/Image"]
    assert places["AwsSolutions-IAM5[Resource::*]"] == [
        "Delivery/Made/Image/Role",
        "Delivery/Made/Scan/Role",
        "Delivery/Published/Role",
    ]


def test_they_are_clean_under_cfn_lint() -> None:
    folder, _, _ = checked()
    assert lint([folder / "Delivery.template.json"]) == (0, "")
