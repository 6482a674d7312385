"""The values behind a container's `secrets`, read from Parameter Store and Secrets Manager by real calls."""

import json
from collections.abc import Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ...engine.errors import RehearsalError
from .deployment_plan import mapping, mappings


class ParameterClient(Protocol):
    """The method of boto3's ssm client that is used."""

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Mapping[str, object]: ...  # noqa: N803


class SecretClient(Protocol):
    """The method of boto3's secretsmanager client that is used."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, object]: ...  # noqa: N803


class SecretValues:
    """Resolves `valueFrom`: an SSM parameter's name or ARN, or a secret's ARN, also with `:json-key:stage:version`."""

    def __init__(self, parameters: ParameterClient, secrets: SecretClient) -> None:
        self._parameters = parameters
        self._secrets = secrets

    def of(self, task_definition: Mapping[str, object]) -> dict[str, dict[str, str]]:
        """Values by container and variable; raises RehearsalError as ECS fails a task whose secret it cannot read."""
        return {
            str(container.get("name")): {
                str(secret.get("name")): self._value(str(secret.get("valueFrom", "")))
                for secret in mappings(container.get("secrets"))
            }
            for container in mappings(task_definition.get("containerDefinitions"))
        }

    def _value(self, value_from: str) -> str:
        try:
            if ":secretsmanager:" in value_from:
                parts = value_from.split(":")
                answer = self._secrets.get_secret_value(SecretId=":".join(parts[:7]))
                text = str(answer.get("SecretString", ""))
                return str(json.loads(text)[parts[7]]) if len(parts) > 7 and parts[7] else text
            name = value_from.partition(":parameter")[2] if value_from.startswith("arn:") else value_from
            answer = self._parameters.get_parameter(Name=name, WithDecryption=True)
            return str(mapping(answer.get("Parameter")).get("Value", ""))
        except (ClientError, BotoCoreError, ValueError, KeyError, TypeError) as error:
            raise RehearsalError(
                f"ResourceInitializationError: unable to pull secrets or registry auth: {value_from}: {error}"
            ) from error
