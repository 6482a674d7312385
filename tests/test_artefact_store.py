"""Where a pipeline keeps its artefacts: encrypted, versioned, over TLS only, in each region, and not for ever."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs.artefact_store import ArtefactStore
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.pipeline_action import PipelineAction
from tests.canary_service import ENV, FLAGS, new_stack
from tests.nag_findings import acknowledgements, findings, lint

FAR = "us-east-1"
SUPPORT = f"cross-region-stack-{ENV.account}_{FAR}"
UNLOGGED = "AwsSolutions-S1"


def action(name: str, category: codepipeline.ActionCategory, region: str | None = None, **ends: object) -> object:
    return PipelineAction(
        name,
        category=category,
        provider="S3",
        configuration={"S3Bucket": "b"},
        role=None,
        region=region,
        **ends,  # type: ignore[arg-type]
    )


def pipeline_of(store: ArtefactStore, region: str | None = None, **options: object) -> codepipeline.Pipeline:
    """One with a deployment in `region`, which needs a bucket there."""
    stack, content = cdk.Stack.of(store), codepipeline.Artifact("Content")
    pipeline = codepipeline.Pipeline(
        stack,
        "Pipeline",
        pipeline_type=codepipeline.PipelineType.V2,
        **{"artifact_bucket": store.bucket, "cross_account_keys": True, **options},  # type: ignore[arg-type]
    )
    source, deploy = codepipeline.ActionCategory.SOURCE, codepipeline.ActionCategory.DEPLOY
    pipeline.add_stage(stage_name="Source", actions=[action("Read", source, outputs=[content])])  # type: ignore[list-item]
    pipeline.add_stage(stage_name="Far", actions=[action("Write", deploy, region, inputs=[content])])  # type: ignore[list-item]
    return pipeline


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], dict[tuple[str, str], str]]:
    """The assembly of a store and a pipeline in two regions, what was found, and what was acknowledged."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    planted = new_stack("Planted", app)
    s3.Bucket(planted, "Open")
    store = ArtefactStore(new_stack("Delivery", app), "Artefacts")
    pipeline = pipeline_of(store, FAR)
    store.harden(pipeline)
    store.harden(pipeline)
    found = findings(app)
    said = [one for name in ("Delivery", SUPPORT) for one in acknowledgements(folder / f"{name}.metadata.json")]
    return folder, found, dict(said)


def resources(kind: str, stack: str = "Delivery") -> list[dict]:
    folder = checked()[0]
    template = json.loads((folder / f"{stack}.template.json").read_text(encoding="utf-8"))
    return [one for one in template["Resources"].values() if one["Type"] == kind]


@pytest.mark.parametrize("stack", ["Delivery", SUPPORT])
def test_a_bucket_in_any_region_is_encrypted_versioned_private_and_emptied_in_time(stack: str) -> None:
    (bucket,) = resources("AWS::S3::Bucket", stack)
    given = bucket["Properties"]
    (rule,) = given["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert "KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"]
    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(given["PublicAccessBlockConfiguration"]) == 4
    assert given["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert given["LifecycleConfiguration"]["Rules"] == [
        {
            "Id": "Expire",
            "Status": "Enabled",
            "ExpirationInDays": 365,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]


@pytest.mark.parametrize("stack", ["Delivery", SUPPORT])
def test_a_bucket_in_any_region_answers_over_tls_only(stack: str) -> None:
    (policy,) = resources("AWS::S3::BucketPolicy", stack)
    denied = [one for one in policy["Properties"]["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert [one["Condition"] for one in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert denied[0]["Action"] == "s3:*"
    assert denied[0]["Principal"] == {"AWS": "*"}


@pytest.mark.parametrize("stack", ["Delivery", SUPPORT])
def test_keys_are_rotated_have_a_name_and_stay_with_their_buckets(stack: str) -> None:
    (key,), (bucket,) = resources("AWS::KMS::Key", stack), resources("AWS::S3::Bucket", stack)
    assert key["Properties"]["EnableKeyRotation"] is True
    assert len(resources("AWS::KMS::Alias", stack)) == 1
    for kept in (key, bucket):
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_both_are_clean_but_for_the_access_logs_that_nobody_asked_for() -> None:
    _, found, acknowledged = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    # The pipeline's own role is whose pipeline it is.
    store = {one for one in found if "Role" not in one[0] and not one[0].startswith("Planted/")}
    assert store == set()
    of_buckets = {place: reason for (place, rule), reason in acknowledged.items() if rule == UNLOGGED}
    assert len(of_buckets) == 2
    assert all("considered" in reason for reason in of_buckets.values())
    # What else is acknowledged is about roles, which reach every artefact of the bucket.
    assert {rule.partition("[")[0] for _, rule in acknowledged} <= {UNLOGGED, "AwsSolutions-IAM5"}


def test_they_are_clean_under_cfn_lint() -> None:
    folder = checked()[0]
    assert lint([folder / f"{SUPPORT}.template.json"]) == (0, "")


def test_access_logs_go_to_the_bucket_that_is_given() -> None:
    stack = new_stack("Delivery")
    logs = s3.Bucket(stack, "Logs")
    store = ArtefactStore(stack, "Artefacts", access_logs=logs)
    found = Template.from_stack(stack).find_resources("AWS::S3::Bucket")
    bucket = found[stack.get_logical_id(store.bucket.node.default_child)]  # type: ignore[arg-type]
    configured = bucket["Properties"]["LoggingConfiguration"]
    assert configured["DestinationBucketName"] == {"Ref": stack.get_logical_id(logs.node.default_child)}  # type: ignore[arg-type]
    assert configured["LogFilePrefix"].startswith("Delivery-Artefacts")
    assert configured["LogFilePrefix"].endswith("/")
    assert UNLOGGED not in json.dumps(bucket.get("Metadata", {}))


@pytest.mark.parametrize(
    ("expire", "days"), [(timedelta(days=7), 7), (cdk.Duration.days(90), 90), (timedelta(days=3650), 3650)]
)
def test_how_long_artefacts_stay_is_the_applications_choice(expire: object, days: int) -> None:
    store = ArtefactStore(new_stack(), "Artefacts", expire=expire)  # type: ignore[arg-type]
    found = Template.from_stack(cdk.Stack.of(store)).find_resources("AWS::S3::Bucket")
    (bucket,) = found.values()
    assert bucket["Properties"]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == days
    assert store.expire == timedelta(days=days)


@pytest.mark.parametrize(
    ("expire", "said"),
    [
        (timedelta(days=6), "expire after 6 days, 0:00:00: give whole days and at least 7"),
        (timedelta(days=30, hours=1), "give whole days"),
        (timedelta(), "give whole days and at least 7"),
        (timedelta(days=-1), "is negative: give zero or more"),
        (90, "give a datetime.timedelta or an aws_cdk.Duration"),
    ],
)
def test_a_time_is_refused_that_an_approval_alone_may_take(expire: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        ArtefactStore(new_stack(), "Artefacts", expire=expire)  # type: ignore[arg-type]


def test_a_bucket_elsewhere_without_a_key_is_refused() -> None:
    store = ArtefactStore(new_stack("Delivery"), "Artefacts")
    pipeline = pipeline_of(store, FAR, cross_account_keys=False)
    with pytest.raises(ConfigurationError, match=r"in us-east-1 without a key.*cross_account_keys=True"):
        store.harden(pipeline)


def test_a_bucket_that_the_application_made_elsewhere_is_left_as_it_is() -> None:
    app = cdk.App(context=FLAGS)
    there = cdk.Stack(app, "There", env=cdk.Environment(account=ENV.account, region=FAR))
    own = s3.Bucket(there, "Own", bucket_name="own-artefacts", encryption_key=kms.Key(there, "Key"))
    store = ArtefactStore(new_stack("Delivery", app), "Artefacts")
    buckets = {FAR: own, ENV.region: store.bucket}
    store.harden(pipeline_of(store, FAR, artifact_bucket=None, cross_region_replication_buckets=buckets))
    (bucket,) = Template.from_stack(there).find_resources("AWS::S3::Bucket").values()
    assert "LifecycleConfiguration" not in bucket["Properties"]


def test_a_pipeline_in_one_region_has_nothing_to_harden() -> None:
    store = ArtefactStore(new_stack("Delivery"), "Artefacts")
    pipeline = pipeline_of(store)
    before = cdk.Stack.of(store).node.find_all()
    store.harden(pipeline)
    assert len(cdk.Stack.of(store).node.find_all()) == len(before)


def test_a_role_of_another_account_may_be_let_in() -> None:
    """What cross-account deploys need: the key's policy names the role, as the bucket's does."""
    store = ArtefactStore(new_stack("Delivery"), "Artefacts")
    role = iam.Role.from_role_arn(store, "Far", "arn:aws:iam::210987654321:role/deploys")
    store.bucket.grant_read(role)
    template = Template.from_stack(cdk.Stack.of(store)).to_json()
    for kind in ("AWS::KMS::Key", "AWS::S3::BucketPolicy"):
        (one,) = [found for found in template["Resources"].values() if found["Type"] == kind]
        assert "arn:aws:iam::210987654321:role/deploys" in json.dumps(one["Properties"])
