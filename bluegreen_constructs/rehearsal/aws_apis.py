"""The AWS APIs that a rehearsal asks, all of them turned to the emulator and to nothing else."""

from dataclasses import dataclass
from typing import Any

from .emulator.world import EmulatorConfig


@dataclass(frozen=True)
class AwsApis:
    """boto3 clients by service; untyped, as boto3 ships them."""

    cloudformation: Any
    ecr: Any
    ecs: Any
    elbv2: Any
    cloudwatch: Any
    lambda_: Any
    iam: Any
    ec2: Any
    logs: Any
    s3: Any
    autoscaling: Any
    ssm: Any
    stepfunctions: Any
    dynamodb: Any
    events: Any
    secretsmanager: Any
    sqs: Any

    @staticmethod
    def of(config: EmulatorConfig) -> "AwsApis":
        """Clients of the emulator with that configuration; the user's own account is never looked at."""
        import boto3  # noqa: PLC0415  # belongs to the rehearsal extra and takes a third of a second
        from botocore.config import Config  # noqa: PLC0415

        session = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 -- no secret: the emulator takes any
            region_name=config.region,
        )
        settings = Config(retries={"mode": "standard", "total_max_attempts": 2}, proxies={}, read_timeout=30)

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=config.endpoint, config=settings)

        return AwsApis(
            cloudformation=client("cloudformation"),
            ecr=client("ecr"),
            ecs=client("ecs"),
            elbv2=client("elbv2"),
            cloudwatch=client("cloudwatch"),
            lambda_=client("lambda"),
            iam=client("iam"),
            ec2=client("ec2"),
            logs=client("logs"),
            s3=client("s3"),
            autoscaling=client("autoscaling"),
            ssm=client("ssm"),
            stepfunctions=client("stepfunctions"),
            dynamodb=client("dynamodb"),
            events=client("events"),
            secretsmanager=client("secretsmanager"),
            sqs=client("sqs"),
        )
