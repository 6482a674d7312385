"""What a role needs to fetch artefacts from a pipeline's bucket, and to leave them there."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge

_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
_WRITE_KEY = ("kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def pass_artefacts(role: iam.IRole, bucket: s3.IBucket, *, reads: bool, writes: bool) -> None:
    """Let `role` read artefacts of `bucket`, write them, or both.

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
    uses = sorted({*(_READ_KEY if reads else ()), *(_WRITE_KEY if writes else ())})
    key = bucket.encryption_key
    if key is not None:
        role.add_to_policy(iam.PolicyStatement(actions=uses, resources=[key.key_arn]))
    acknowledge(
        role,
        wildcard_finding(role, objects),
        "CodePipeline names an artefact when an execution makes it; a bucket for each artefact was considered, and a "
        "pipeline has one bucket for all",
    )
