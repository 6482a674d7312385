"""S3Source: an object of Amazon S3, a ZIP file of what a pipeline begins with."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from .engine.errors import ConfigurationError
from .pipeline_parts import MadeSource, PipelinePlace
from .source_action import source_action, source_role
from .source_start import refuse_elsewhere, refuse_name, start_on_event


@dataclass(frozen=True)
class S3Source:
    """The newest version of the object `key`; every further version starts the pipeline, with that version.

    bucket: versioned, which CodePipeline demands. S3 has to tell EventBridge of its objects: a bucket that the app
        makes is set to, an imported one has to be already (`event_bridge_enabled=True` where it is made).
    key: the whole key of a ZIP file, such as 'releases/app.zip'.
    starts_pipeline: False has only something else start it.

    Raises ConfigurationError for a key that is none; when the pipeline is made, for a bucket that is known to have no
    versions, or to be in another account or region.
    """

    bucket: s3.IBucket
    key: str
    name: str = "Source"
    starts_pipeline: bool = True

    def __post_init__(self) -> None:
        """Refuse what CodePipeline or S3 would."""
        refuse_name("S3Source", self.name)
        if not cdk.Token.is_unresolved(self.key) and not (0 < len(self.key.encode()) <= 1024 and self._is_file):
            raise ConfigurationError(
                f"S3Source key is {self.key!r}: give the whole key of one object, such as 'releases/app.zip'"
            )

    def make(self, place: PipelinePlace) -> MadeSource:
        """The source action, and the rule that starts the pipeline."""
        bucket = self.bucket
        refuse_elsewhere(place.scope, "S3Source", "bucket", bucket.bucket_arn, bucket.env)
        _require_versions(bucket)
        action, artifact = source_action(
            self.name,
            provider="S3",
            configuration={
                "S3Bucket": bucket.bucket_name,
                "S3ObjectKey": self.key,
                "PollForSourceChanges": "false",
            },
            role=self._role(place),
        )
        if self.starts_pipeline:
            _have_events(bucket)
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
            start_on_event(
                place,
                self.name,
                description=f"A version of the object is shipped, as the source {self.name}",
                pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [self.key]}},
                },
                revision_type="S3_OBJECT_VERSION_ID",
                revision="$.detail.object.version-id",
            )
        return MadeSource(action, artifact)

    @property
    def _is_file(self) -> bool:
        return not self.key.startswith("/") and not self.key.endswith("/")

    def _role(self, place: PipelinePlace) -> iam.Role:
        """What the action's page lists, on the one object.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
        """
        role = source_role(place, self.name)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
                resources=[self.bucket.bucket_arn],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "s3:GetObject",
                    "s3:GetObjectTagging",
                    "s3:GetObjectVersion",
                    "s3:GetObjectVersionTagging",
                ],
                resources=[self.bucket.arn_for_objects(self.key)],
            )
        )
        if self.bucket.encryption_key is not None:
            self.bucket.encryption_key.grant_decrypt(role)
        return role


def _require_versions(bucket: s3.IBucket) -> None:
    made = _made(bucket)
    if made is not None and made.versioning_configuration is None:
        raise ConfigurationError(
            f"S3Source has the bucket {bucket.node.path}, which keeps one version of each object, and CodePipeline "
            "takes none of those: give it versioned=True"
        )


def _have_events(bucket: s3.IBucket) -> None:
    """Set the bucket to tell EventBridge of its objects.

    By its own property, where nothing else notifies: the CDK's `enable_event_bridge_notification` does the same with a
    Lambda function that may change every bucket. Where the app has that function already, it is the one to ask, or it
    would take the property back.
    """
    made = _made(bucket)
    if made is None:
        return
    if bucket.node.try_find_child("Notifications") is not None:
        bucket.enable_event_bridge_notification()
    else:
        made.add_property_override("NotificationConfiguration.EventBridgeConfiguration", {"EventBridgeEnabled": True})


def _made(bucket: s3.IBucket) -> s3.CfnBucket | None:
    """The resource of a bucket that the app makes; None for one that is imported."""
    child: IConstruct | None = bucket.node.default_child
    return child if isinstance(child, s3.CfnBucket) else None
