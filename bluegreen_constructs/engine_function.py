"""One Lambda function of the engine: its code, its role with everything in one inline policy, its log group."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from .engine_asset import engine_code

# The newest Python that aws-cdk-lib offers; a test compares. The code itself runs on 3.11 and later.
RUNTIME = "python3.14"
_LOG_RETENTION_DAYS = 30


class Statement(TypedDict, total=False):
    """One statement of an IAM policy, as IAM writes it."""

    Sid: str
    Effect: str
    Action: list[str]
    Resource: list[object]
    Condition: Mapping[str, Mapping[str, object]]


class EngineFunction(Construct):
    """A function that runs one handler of `engine/`.

    The policy lies inside the role: with a policy of its own, CloudFormation could start the function before the
    policy is attached, and detach it before the function's last work at deletion is done.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: str,
        description: str,
        timeout_seconds: int,
        memory_mib: int = 256,
        environment: Mapping[str, str] | None = None,
        logical_id: str | None = None,
    ) -> None:
        """Make the function.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            handler: `engine.handlers.<module>.handler`.
            description: what the function is for, as the Lambda console shows it.
            timeout_seconds: after this many seconds Lambda ends an invocation.
            memory_mib: memory in MiB; the processor's share grows with it. boto3 starts slowly below 256.
            environment: environment variables; default: none.
            logical_id: the function's logical id, for functions whose ARN other resources must keep; default:
                derived from the path, as always.
        """
        super().__init__(scope, id)
        log_group = logs.CfnLogGroup(self, "Logs", retention_in_days=_LOG_RETENTION_DAYS)
        log_group.apply_removal_policy(RemovalPolicy.DESTROY)
        self._statements: list[Statement] = []
        self.role = iam.CfnRole(
            self,
            "Role",
            description=description,
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
                ],
            },
        )
        self.allow("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.attr_arn])
        code = engine_code(self)
        self.resource = lambda_.CfnFunction(
            self,
            "Resource",
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=handler,
            code={"s3Bucket": code.bucket_name, "s3Key": code.object_key},
            role=self.role.attr_arn,
            description=description,
            timeout=timeout_seconds,
            memory_size=memory_mib,
            environment={"variables": dict(environment)} if environment else None,
            logging_config={
                "logFormat": "JSON",
                "applicationLogLevel": "INFO",
                "systemLogLevel": "WARN",
                "logGroup": log_group.ref,
            },
        )
        if logical_id is not None:
            self.resource.override_logical_id(logical_id)
        self.arn = self.resource.attr_arn

    def allow(
        self,
        sid: str,
        actions: Sequence[str],
        resources: Sequence[object],
        condition: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """Let the function call `actions` on `resources`; a second call with the same `sid` adds its resources.

        Args:
            sid: names the statement; letters and digits.
            actions: IAM actions, such as `elasticloadbalancing:ModifyRule`.
            resources: ARNs: strings (tokens too) or intrinsic functions as plain dicts.
            condition: the statement's condition block; default: none.
        """
        for statement in self._statements:
            if statement["Sid"] == sid:
                further = [new for new in resources if new not in statement["Resource"]]
                if not further:
                    return
                statement["Resource"].extend(further)
                break
        else:
            statement = Statement(Sid=sid, Effect="Allow", Action=sorted(actions), Resource=list(resources))
            if condition:
                statement["Condition"] = condition
            self._statements.append(statement)
        document = {"Version": "2012-10-17", "Statement": self._statements}
        self.role.policies = [iam.CfnRole.PolicyProperty(policy_name="Engine", policy_document=document)]
