"""CDK's own custom resources whose Node functions need a part of the AWS SDK that only Lambda's runtime brings.

Their effect is played: the functions are deployed, but not run.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from .ec2_resources import open_default_group, restrict_default_group
from .world import EmulatorConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

Properties = Mapping[str, object]
Handler = Callable[..., object]
_OPT_IN = {"Key": "aws-cdk:auto-delete-objects", "Value": "true"}


class _Pages(Protocol):
    def paginate(self, **arguments: object) -> "Iterable[Mapping[str, list[dict[str, object]]]]": ...


class _Buckets(Protocol):
    """The four S3 operations that emptying a bucket takes."""

    def get_bucket_tagging(self, *, Bucket: str) -> Mapping[str, list[dict[str, str]]]: ...  # noqa: N803  # AWS's name

    def delete_objects(self, *, Bucket: str, Delete: dict[str, object]) -> object: ...  # noqa: N803

    def get_paginator(self, name: str) -> _Pages: ...


def types(config: EmulatorConfig) -> dict[str, dict[str, Handler | bool]]:
    """The played types with their handlers."""
    return {
        "Custom::VpcRestrictDefaultSG": {
            "create": _restrict,
            "update": _restrict_another,
            "delete": _open,
        },
        "Custom::S3AutoDeleteObjects": {
            "create": _name_bucket,
            "update": _rename_bucket,
            "delete": _empty_bucket(config),
        },
    }


def _restrict(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    restrict_default_group(str(properties["DefaultSecurityGroupId"]))
    return f"{stack_name}-{logical_id}", {}


def _restrict_another(
    physical_id: str, before: Properties, after: Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    del stack_name
    if before["DefaultSecurityGroupId"] != after["DefaultSecurityGroupId"]:
        open_default_group(str(before["DefaultSecurityGroupId"]))
        restrict_default_group(str(after["DefaultSecurityGroupId"]))
    return physical_id, {}


def _open(physical_id: str, properties: Properties) -> None:
    del physical_id
    open_default_group(str(properties["DefaultSecurityGroupId"]))


def _name_bucket(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    # As CDK's function, whose physical id is the request's: any stable name will do.
    return f"{stack_name}-{logical_id}-{properties['BucketName']}", {}


def _rename_bucket(
    physical_id: str, before: Properties, after: Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    del before, stack_name
    # CDK's function answers with the bucket's name here, so that a changed bucket is emptied as a replaced resource.
    return (str(after["BucketName"]) if not physical_id.endswith(str(after["BucketName"])) else physical_id), {}


def _empty_bucket(config: EmulatorConfig) -> Handler:
    def delete(physical_id: str, properties: Properties) -> None:
        del physical_id
        import boto3  # noqa: PLC0415  # only when there is a bucket to empty
        from botocore.exceptions import ClientError  # noqa: PLC0415

        client: _Buckets = boto3.client("s3", endpoint_url=config.endpoint, region_name=config.region)
        bucket = str(properties["BucketName"])
        try:
            if _OPT_IN not in client.get_bucket_tagging(Bucket=bucket)["TagSet"]:
                return
        except ClientError as error:
            # Gone, or its tag went because the stack is rolling back: CDK's function keeps its hands off, too.
            if error.response["Error"]["Code"] in {"NoSuchBucket", "NoSuchTagSet"}:
                return
            raise
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
                client.delete_objects(Bucket=bucket, Delete={"Objects": objects})

    return delete
