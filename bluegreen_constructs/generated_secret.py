"""A value that nobody can guess: made when the stack is deployed, known to its listener rules and to no template."""

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from .acknowledgements import acknowledge

_LENGTH = 32


def generated_secret(scope: Construct, id: str, *, description: str, opens: str) -> secretsmanager.CfnSecret:
    """Make the secret. opens: what the value gives access to, for the reason why it is not rotated."""
    secret = secretsmanager.CfnSecret(
        scope,
        id,
        description=description,
        generate_secret_string={"passwordLength": _LENGTH, "excludePunctuation": True},
    )
    acknowledge(
        secret,
        "AwsSolutions-SMG4",
        f"the value opens nothing but {opens}, and is part of listener rules; "
        "rotating it was considered, and would need a stack update each time",
    )
    return secret


def value_of(secret: secretsmanager.CfnSecret) -> str:
    """Its value, which CloudFormation puts where it is used, and logs nowhere.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
    """
    return cdk.Fn.join("", ["{{resolve:secretsmanager:", secret.ref, ":SecretString:::}}"])
