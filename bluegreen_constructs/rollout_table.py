"""The table in which rollouts, their history and their releases are kept."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct


def rollout_table(
    scope: Construct, *, logical_id: str, removal_policy: cdk.RemovalPolicy, encryption_key: kms.IKey | None = None
) -> dynamodb.CfnTable:
    """Make the table with a frozen logical id: a running rollout knows it by the name that follows from that."""
    key = encryption_key
    table = dynamodb.CfnTable(
        scope,
        "Table",
        attribute_definitions=[
            {"attributeName": "pk", "attributeType": "S"},
            {"attributeName": "sk", "attributeType": "S"},
        ],
        key_schema=[
            {"attributeName": "pk", "keyType": "HASH"},
            {"attributeName": "sk", "keyType": "RANGE"},
        ],
        billing_mode="PAY_PER_REQUEST",
        point_in_time_recovery_specification={"pointInTimeRecoveryEnabled": True},
        time_to_live_specification={"attributeName": "expires", "enabled": True},
        sse_specification=None
        if key is None
        else {"sseEnabled": True, "sseType": "KMS", "kmsMasterKeyId": key.key_arn},
    )
    table.override_logical_id(logical_id)
    table.apply_removal_policy(removal_policy)
    return table
