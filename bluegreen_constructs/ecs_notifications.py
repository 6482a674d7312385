"""Who hears of a deployment: EventBridge rules from Amazon ECS's and the judge's events to a topic."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct


def notify_of_deployments(scope: Construct, id: str, *, topic: sns.ITopic, service_arn: str, target: str) -> None:
    """Tell `topic` of every state of every deployment, of hooks that wait, and of what the judge says.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """
    tells = targets.SnsTopic(topic)
    events.Rule(
        scope,
        f"{id}Deployments",
        description=f"Each state of a deployment of {target}",
        event_pattern=events.EventPattern(
            source=["aws.ecs"],
            detail_type=["ECS Deployment State Change", "ECS Hook State Change"],
            resources=[service_arn],
        ),
        targets=[tells],
    )
    events.Rule(
        scope,
        f"{id}Verdicts",
        description=f"What is judged of a release of {target}",
        event_pattern=events.EventPattern(source=["bluegreen"], detail={"target": [target]}),
        targets=[tells],
    )
