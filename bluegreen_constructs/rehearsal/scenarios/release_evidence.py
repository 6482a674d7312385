"""What the rehearsal's parts say of a release: its tasks' and smoke tests' logs, its alarms, its test traffic."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..aws_apis import AwsApis
from ..deployed_service import DeployedService
from ..rollout_watch import Rollout


def rings(service: DeployedService, apis: AwsApis) -> bool:
    """Whether any alarm of the service's deployments is in ALARM now."""
    return any(alarm["StateValue"] == "ALARM" for alarm in _alarms(service, apis))


def latency_threshold(service: DeployedService, apis: AwsApis) -> float:
    """The seconds above which the deployed latency alarm calls an answer late; infinite without such an alarm."""
    for alarm in _alarms(service, apis):
        if any(
            query.get("MetricStat", {}).get("Metric", {}).get("MetricName") == "TargetResponseTime"
            for query in alarm.get("Metrics", [])
        ):
            return float(alarm["Threshold"])
    return float("inf")


def said_of(
    rollouts: Sequence[Rollout], service: DeployedService, state: Mapping[str, Any], apis: AwsApis, *, since: float
) -> str:
    """What the tasks that failed and the smoke tests wrote during the rollout."""
    return "\n".join([*_failed_tasks(rollouts, service, state, since), *said_by_hooks(service, apis, since)])


def answered_tests(service: DeployedService, side: str, state: Mapping[str, Any]) -> int:
    """How many requests a side has answered by the test rule so far."""
    by_group = state["elbv2"]["served"]["rules"].get(service.test_rule, {})
    return int(by_group.get(service.groups[side], {}).get("requests", 0))


def _alarms(service: DeployedService, apis: AwsApis) -> list[dict[str, Any]]:
    (described,) = apis.ecs.describe_services(cluster=service.cluster, services=[service.service])["services"]
    names = described["deploymentConfiguration"].get("alarms", {}).get("alarmNames", [])
    return list(apis.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]) if names else []


def _failed_tasks(
    rollouts: Sequence[Rollout], service: DeployedService, state: Mapping[str, Any], since: float
) -> Iterator[str]:
    sides = {rollout.side for rollout in rollouts}
    origin, speed = state["clock"]["origin"], state["clock"]["speed"]
    for task in state["ecs"]["services"][service.service]["tasks"]:
        started = task["started_at"]
        wall = None if started is None else origin + (started - origin) / speed
        if task["side"] in sides and task["exit_code"] and (wall is None or wall >= since):
            yield from task["log"]


def said_by_hooks(service: DeployedService, apis: AwsApis, since: float) -> Iterator[str]:
    """What the functions of the service's hooks wrote since then."""
    (described,) = apis.ecs.describe_services(cluster=service.cluster, services=[service.service])["services"]
    for hook in described["deploymentConfiguration"].get("lifecycleHooks", []):
        function = apis.lambda_.get_function_configuration(FunctionName=hook["hookTargetArn"])
        group = function.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function['FunctionName']}"
        for event in apis.logs.filter_log_events(logGroupName=group, startTime=int(since * 1000))["events"]:
            yield event["message"]
