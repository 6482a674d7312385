"""ArtefactStore: where a pipeline keeps what its actions hand on, encrypted, versioned and for a limited time."""

from datetime import timedelta
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .acknowledgements import acknowledge
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta

# How long CodePipeline remembers an execution, and with it what a stage can go back to.
# https://docs.aws.amazon.com/codepipeline/latest/userguide/executions-view.html
_REMEMBERED = timedelta(days=365)
# An approval waits so long unless told otherwise, and what comes after it reads artefacts from before it.
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
_AN_APPROVAL = timedelta(days=7)
_DAY = timedelta(days=1)
_DELETED = timedelta(days=30)
_NOT_FINISHED = timedelta(days=1)
# The construct id that aws_codepipeline gives a bucket that it makes in another region.
_REPLICA = "CrossRegionCodePipelineReplicationBucket"
_UNLOGGED = (
    "no access log is kept by default; a log bucket for each store was considered, and CloudTrail's data events answer "
    "who read an artefact without one: give ArtefactStore(access_logs=…) where a bucket for logs exists"
)


class ArtefactStore(Construct):
    """The bucket and the key of a pipeline's artefacts, and the same care for its buckets in other regions.

    The key is the account's own, because a role of another account cannot be given the right to use AWS's. Both stay
    when the stack is deleted: a bucket whose key is gone could not be read by anybody.

    A stage that is rolled back reads the artefacts of the execution that it goes back to. When they have expired, its
    last good release cannot be brought back that way any more, however long ago it was the last one.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        expire: Span = _REMEMBERED,
        access_logs: s3.IBucket | None = None,
    ) -> None:
        """Make the bucket and the key.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            expire: after this long an artefact is deleted, in whole days; from then on neither a stage rollback nor a
                retried stage can use it (default: 365 days, as long as CodePipeline remembers executions).
            access_logs: a bucket of the same account and region that gets the access logs (default: none are kept).

        Raises ConfigurationError for a time that an approval alone may take, or that S3 does not count in.
        """
        super().__init__(scope, id)
        self.expire = _whole_days(self.node.path, as_timedelta(expire, f"{self.node.path} expire"))
        name = cdk.Names.unique_resource_name(self, max_length=200, separator="-", allowed_special_characters="-")
        self.key = kms.Key(
            self,
            "Key",
            alias=f"bluegreen/artefacts/{name}",
            description=f"the artefacts of {self.node.path}",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Resource",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[_lifecycle(self.expire)],
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=None if access_logs is None else f"{name}/",
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        if access_logs is None:
            acknowledge(self.bucket, "AwsSolutions-S1", _UNLOGGED)

    def harden(self, pipeline: codepipeline.Pipeline) -> None:
        """Give the buckets that the pipeline has in other regions what this one has; call it after the last stage.

        Buckets that the application made itself are left as they are. A second call changes nothing.

        Raises ConfigurationError when the pipeline has such a bucket without a key of its own.
        """
        for region, support in sorted(pipeline.cross_region_support.items()):
            bucket = support.replication_bucket
            resource = bucket.node.default_child
            if bucket.node.id != _REPLICA or not isinstance(resource, s3.CfnBucket):
                continue
            key = _key_beside(bucket)
            if key is None:
                raise ConfigurationError(
                    f"{pipeline.node.path} has a bucket in {region} without a key, which no role of another account "
                    "could read: give codepipeline.Pipeline(cross_account_keys=True)"
                )
            key.enable_key_rotation = True
            key.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
            _harden(resource, self.expire)
            acknowledge(bucket, "AwsSolutions-S1", _UNLOGGED)


def _whole_days(path: str, expire: timedelta) -> timedelta:
    if expire % _DAY or expire < _AN_APPROVAL:
        raise ConfigurationError(
            f"{path} lets artefacts expire after {expire}: give whole days and at least {_AN_APPROVAL.days}, for an "
            "approval may take that long and the actions after it read them, such as timedelta(days=365)"
        )
    return expire


def _lifecycle(expire: timedelta) -> s3.LifecycleRule:
    # With days given, S3 takes the delete markers of what expired away as well.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    return s3.LifecycleRule(
        id="Expire",
        expiration=cdk.Duration.days(expire.days),
        noncurrent_version_expiration=cdk.Duration.days(_DELETED.days),
        abort_incomplete_multipart_upload_after=cdk.Duration.days(_NOT_FINISHED.days),
    )


def _harden(bucket: s3.CfnBucket, expire: timedelta) -> None:
    bucket.versioning_configuration = s3.CfnBucket.VersioningConfigurationProperty(status="Enabled")
    bucket.ownership_controls = s3.CfnBucket.OwnershipControlsProperty(
        rules=[s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
    )
    bucket.lifecycle_configuration = s3.CfnBucket.LifecycleConfigurationProperty(
        rules=[
            s3.CfnBucket.RuleProperty(
                id="Expire",
                status="Enabled",
                expiration_in_days=expire.days,
                noncurrent_version_expiration=s3.CfnBucket.NoncurrentVersionExpirationProperty(
                    noncurrent_days=_DELETED.days
                ),
                abort_incomplete_multipart_upload=s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
                    days_after_initiation=_NOT_FINISHED.days
                ),
            )
        ]
    )


def _key_beside(bucket: s3.IBucket) -> kms.CfnKey | None:
    """The key that was made with a replication bucket: what the bucket itself knows is its alias."""
    beside = cast("Construct", bucket.node.scope).node.find_all()
    return next((one for one in beside if isinstance(one, kms.CfnKey)), None)
