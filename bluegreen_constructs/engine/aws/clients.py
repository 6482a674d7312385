"""Makes boto3 clients: the only module of the engine that imports boto3."""

from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..errors import AwsError

if TYPE_CHECKING:
    from .active_side_parameter import ParameterClient
    from .alarms_of_regions import AlarmsClient
    from .auto_scaling_fleet import AutoScalingClient
    from .cloudformation_stacks import CloudFormationClient
    from .cloudwatch_metrics import CloudWatchClient
    from .code_commit_repositories import CodeCommitClient
    from .code_deploy_events import EventsClient
    from .code_deployments import CodeDeployClient
    from .dynamodb_store import DynamoDbClient
    from .ecs_deployments import DeploymentsClient
    from .ecs_fleet import EcsClient, EcsScalingClient
    from .elbv2_rules import Elbv2Client
    from .eventbridge_events import EventBridgeClient
    from .executions import StepFunctionsClient
    from .fleet_sides import InstancesClient, TargetHealthClient
    from .image_builds import CodeBuildClient, EcrClient
    from .lambda_hooks import LambdaClient
    from .launch_template_versions import LaunchTemplateClient
    from .live_task_sets import TaskSetClient
    from .one_off_tasks import OneOffTaskClient
    from .parameter_settings import SsmClient
    from .pipeline_jobs import JobsClient
    from .route53_records import Route53Client
    from .sampled_requests import S3Client
    from .slot_services import SlotEcsClient, SlotScalingClient
    from .stored_objects import ObjectsClient
    from .verdict_metric import MetricClient

# Three tries of botocore's standard mode, 13 s at most each, and its pauses between them. Handlers keep this much of
# their time free before they start a call, so a longer wait here means less useful time there.
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)
SECONDS_PER_CALL = 45.0

# A weight that is written again behind the engine's back could undo what somebody else decided meanwhile, so a write is
# one try that ends soon; the engine reads the rule before it writes again.
_ONE_TRY = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=5)
SECONDS_PER_WRITE = 8.0

# A function is not invoked twice because it takes its time: the connection stays open for as long as a hook may run in
# one go, and a hook that needs longer answers IN_PROGRESS.
HOOK_SECONDS = 120.0
_ONE_LONG_TRY = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=3,
    read_timeout=HOOK_SECONDS,
    tcp_keepalive=True,
)

# What a client raises when AWS could not be reached or did not answer; what AWS answers is `client.exceptions`.
TRANSPORT_ERRORS: tuple[type[Exception], ...] = (BotoCoreError,)


def elbv2() -> "Elbv2Client":
    """Elastic Load Balancing v2; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("Elbv2Client", boto3.client("elbv2", config=_PATIENT))


def elbv2_writes() -> "Elbv2Client":
    """Elastic Load Balancing v2 for weights and the tags around them: one try within `SECONDS_PER_WRITE`."""
    return cast("Elbv2Client", boto3.client("elbv2", config=_ONE_TRY))


def cloudwatch() -> "CloudWatchClient":
    """CloudWatch; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("CloudWatchClient", boto3.client("cloudwatch", config=_PATIENT))


def dynamodb() -> "DynamoDbClient":
    """DynamoDB; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("DynamoDbClient", boto3.client("dynamodb", config=_PATIENT))


def ecs() -> "EcsClient":
    """Amazon ECS; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("EcsClient", boto3.client("ecs", config=_PATIENT))


def service_deployments() -> "DeploymentsClient":
    """Amazon ECS, for its deployments; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("DeploymentsClient", boto3.client("ecs", config=_PATIENT))


def verdict_metric() -> "MetricClient":
    """CloudWatch, for what is published; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("MetricClient", boto3.client("cloudwatch", config=_PATIENT))


def ecs_scaling() -> "EcsScalingClient":
    """Application Auto Scaling; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("EcsScalingClient", boto3.client("application-autoscaling", config=_PATIENT))


def auto_scaling() -> "AutoScalingClient":
    """EC2 Auto Scaling; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("AutoScalingClient", boto3.client("autoscaling", config=_PATIENT))


def launch_templates() -> "LaunchTemplateClient":
    """Amazon EC2, for launch templates; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("LaunchTemplateClient", boto3.client("ec2", config=_PATIENT))


def lambda_hooks() -> "LambdaClient":
    """Lambda for hooks: one try, which waits `HOOK_SECONDS` for the answer."""
    return cast("LambdaClient", boto3.client("lambda", config=_ONE_LONG_TRY))


def eventbridge() -> "EventBridgeClient":
    """EventBridge; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("EventBridgeClient", boto3.client("events", config=_PATIENT))


def step_functions() -> "StepFunctionsClient":
    """Step Functions; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("StepFunctionsClient", boto3.client("stepfunctions", config=_PATIENT))


def ssm() -> "SsmClient":
    """Systems Manager, for Parameter Store; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("SsmClient", boto3.client("ssm", config=_PATIENT))


def one_off_tasks() -> "OneOffTaskClient":
    """Amazon ECS for one-off tasks; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("OneOffTaskClient", boto3.client("ecs", config=_PATIENT))


def s3() -> "S3Client":
    """Amazon S3; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("S3Client", boto3.client("s3", config=_PATIENT))


def slot_services() -> "SlotEcsClient":
    """Amazon ECS for the sides of slots; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("SlotEcsClient", boto3.client("ecs", config=_PATIENT))


def slot_scaling() -> "SlotScalingClient":
    """Application Auto Scaling for them; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("SlotScalingClient", boto3.client("application-autoscaling", config=_PATIENT))


def cloudformation() -> "CloudFormationClient":
    """AWS CloudFormation; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("CloudFormationClient", boto3.client("cloudformation", config=_PATIENT))


def active_sides() -> "ParameterClient":
    """Systems Manager, for what is written there; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("ParameterClient", boto3.client("ssm", config=_PATIENT))


def code_deployments() -> "CodeDeployClient":
    """AWS CodeDeploy, for its deployments; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("CodeDeployClient", boto3.client("codedeploy", config=_PATIENT))


def code_deploy_events() -> "EventsClient":
    """AWS CodeDeploy, for lifecycle events; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("EventsClient", boto3.client("codedeploy", config=_PATIENT))


def live_task_sets() -> "TaskSetClient":
    """Amazon ECS, for task sets; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("TaskSetClient", boto3.client("ecs", config=_PATIENT))


def own_function() -> "LambdaClient":
    """Lambda, to go on in another invocation; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("LambdaClient", boto3.client("lambda", config=_PATIENT))


def target_health() -> "TargetHealthClient":
    """Elastic Load Balancing v2, for targets; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("TargetHealthClient", boto3.client("elbv2", config=_PATIENT))


def instances() -> "InstancesClient":
    """Amazon EC2, for instances; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("InstancesClient", boto3.client("ec2", config=_PATIENT))


def stored_objects() -> "ObjectsClient":
    """Amazon S3, for what is there; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("ObjectsClient", boto3.client("s3", config=_PATIENT))


def ecr_images() -> "EcrClient":
    """Amazon ECR; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("EcrClient", boto3.client("ecr", config=_PATIENT))


def code_repositories() -> "CodeCommitClient":
    """AWS CodeCommit; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("CodeCommitClient", boto3.client("codecommit", config=_PATIENT))


def code_builds() -> "CodeBuildClient":
    """AWS CodeBuild; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("CodeBuildClient", boto3.client("codebuild", config=_PATIENT))


def route53() -> "Route53Client":
    """Amazon Route 53, one for all regions; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("Route53Client", boto3.client("route53", config=_PATIENT))


def elbv2_in(region: str) -> "Elbv2Client":
    """Elastic Load Balancing v2 of a region; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("Elbv2Client", boto3.client("elbv2", region_name=region, config=_PATIENT))


def pipeline_jobs() -> "JobsClient":
    """AWS CodePipeline, for the jobs of its actions; one call with all its retries ends within `SECONDS_PER_CALL`."""
    return cast("JobsClient", boto3.client("codepipeline", config=_PATIENT))


def alarms_in(region: str, role_arn: str) -> "AlarmsClient":
    """CloudWatch of a region (empty: the function's own), as a role of another account (empty: as the function itself).

    One call with all its retries ends within `SECONDS_PER_CALL`; taking the role on is one more. Raises AwsError when
    the role cannot be taken on.
    """
    given: dict[str, object] = {"region_name": region} if region else {}
    if role_arn:
        taken = boto3.client("sts", config=_PATIENT)
        try:
            answer = taken.assume_role(RoleArn=role_arn, RoleSessionName="bluegreen-stage-bake", DurationSeconds=900)
        except ClientError as error:
            raise AwsError(str(error)) from error
        given |= {
            "aws_access_key_id": answer["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": answer["Credentials"]["SecretAccessKey"],
            "aws_session_token": answer["Credentials"]["SessionToken"],
        }
    return cast("AlarmsClient", boto3.client("cloudwatch", config=_PATIENT, **given))
