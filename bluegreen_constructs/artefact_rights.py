"""What a role needs to fetch artefacts from a pipeline's bucket, and to leave them there."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge

_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
# A large artefact is written in parts, for which S3 decrypts what it has encrypted.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
_WRITE_KEY = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def pass_artefacts(
    role: iam.IRole, bucket: s3.IBucket, *, reads: bool, writes: bool, region: str | None = None
) -> None:
    """Let `role` read artefacts of `bucket`, write them, or both; `region`: the bucket's, if it is another one.

    By its own statements: the CDK's grants allow every action that begins like these. A role of another account, which
    is only known by its ARN here, is let in by the bucket and its key.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/security-iam-permissions.html
    """
    if not isinstance(role, iam.Role):
        if reads:
            bucket.grant_read(role)
        if writes:
            bucket.grant_write(role)
        return
    if not reads and not writes:
        return
    objects = bucket.arn_for_objects("*")
    actions = [*(["s3:GetObject", "s3:GetObjectVersion"] if reads else []), *(["s3:PutObject"] if writes else [])]
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[objects]))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            resources=[bucket.bucket_arn],
        )
    )
    acknowledge(
        role,
        wildcard_finding(role, objects),
        "CodePipeline names an artefact when an execution makes it; a bucket for each artefact was considered, and a "
        "pipeline has one bucket for all of a region",
    )
    uses = sorted({*(_READ_KEY if reads else ()), *(_WRITE_KEY if writes else ())})
    _use_key(role, bucket.encryption_key, uses, region)


def _use_key(role: iam.Role, key: kms.IKey | None, uses: Sequence[str], region: str | None) -> None:
    """Of a key in another region only the alias is known here, which no policy can name as its resource.

    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
    """
    if key is None:
        return
    if not isinstance(key, kms.Alias):
        role.add_to_policy(iam.PolicyStatement(actions=list(uses), resources=[key.key_arn]))
        return
    keys = f"arn:{cdk.Aws.PARTITION}:kms:{region or '*'}:{cdk.Aws.ACCOUNT_ID}:key/*"
    role.add_to_policy(
        iam.PolicyStatement(
            actions=list(uses),
            resources=[keys],
            conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": key.alias_name}},
        )
    )
    acknowledge(
        role,
        wildcard_finding(role, keys),
        "of a key in another region only the alias is known here; the key's ARN as an argument was considered, and the "
        "condition allows the key of this one alias",
    )
