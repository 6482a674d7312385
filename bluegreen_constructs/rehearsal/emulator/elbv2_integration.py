"""Step Functions' AWS SDK integration with Elastic Load Balancing: `aws-sdk:elasticloadbalancingv2:ACTION`.

The call is made for real, through the gateway, so that it is in the call log (as the caller `states`) and meets the
scenario's faults. Parameters are checked against the API's model as Step Functions checks them; they and the result are
in the API's PascalCase, a result's acronyms as the AWS SDK for Java 2 has them:
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from .world import EmulatorConfig

INTEGRATION = "arn:aws:states:::aws-sdk:elasticloadbalancingv2:"
CALLER = "states"
_SERVICE = "ElasticLoadBalancingV2"
_CALL_SECONDS = 10


class IntegrationError(Exception):
    """A call that failed, with the error name and cause that a state machine sees."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


class _ErrorShape(Protocol):
    name: str
    error_code: str


class _ServiceModel(Protocol):
    operation_names: list[str]
    error_shapes: list[_ErrorShape]


class _Meta(Protocol):
    service_model: _ServiceModel


class _Client(Protocol):
    meta: _Meta


class ElbIntegration:
    """Elastic Load Balancing as a state machine's tasks call it; one attempt a call, retries are the state's own.

    `as_result` gives an answer the member names that a state machine sees.
    """

    def __init__(self, config: EmulatorConfig, as_result: Callable[[object], object]) -> None:
        self._as_result = as_result
        self._config = config
        self._lock = threading.Lock()
        self._client: _Client | None = None

    def call(self, action: str, parameters: Mapping[str, object]) -> object:
        """Call `action` (`modifyRule`) with the API's parameters; IntegrationError when it is refused or fails."""
        from botocore import xform_name  # noqa: PLC0415  # with boto3, only when a state machine needs it
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError  # noqa: PLC0415

        client = self._connected()
        operation = action[:1].upper() + action[1:]
        if operation not in client.meta.service_model.operation_names:
            raise IntegrationError("States.Runtime", f"{_SERVICE} has no action {action}")
        method = cast(Callable[..., Mapping[str, object]], getattr(client, xform_name(operation)))
        try:
            answer = method(**parameters)
        except ParamValidationError as error:
            raise IntegrationError("States.Runtime", str(error)) from error
        except ClientError as error:
            told = error.response["Error"]
            raise IntegrationError(
                f"{_SERVICE}.{_exception(client, str(told.get('Code')))}", str(told.get("Message"))
            ) from error
        except BotoCoreError as error:
            raise IntegrationError(f"{_SERVICE}.SdkClientException", str(error)) from error
        return self._as_result({name: value for name, value in answer.items() if name != "ResponseMetadata"})

    def _connected(self) -> _Client:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        with self._lock:
            if self._client is None:
                self._client = cast(
                    _Client,
                    boto3.client(
                        "elbv2",
                        endpoint_url=self._config.endpoint,
                        region_name=self._config.region,
                        aws_access_key_id=CALLER,
                        aws_secret_access_key=CALLER,
                        config=Config(retries={"total_max_attempts": 1}, read_timeout=_CALL_SECONDS),
                    ),
                )
            return self._client


def _exception(client: _Client, code: str) -> str:
    """The class that the AWS SDK for Java has for an error code: the model's, else the service's own."""
    shapes = client.meta.service_model.error_shapes
    return next((shape.name for shape in shapes if shape.error_code == code), f"{_SERVICE}Exception")
