"""Services that Amazon ECS rolls out, in memory: deployments as ECS describes them, changed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.service_deployments import DeploymentSeen, RevisionSeen, WaitingHook
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing import example_settings

CLUSTER, SERVICE = "serving", "inference"
ECS_TARGET = "Serving/Inference"
_ARN = f"arn:aws:ecs:eu-west-1:123456789012:{{kind}}/{CLUSTER}/{SERVICE}/{{id}}"
BEGAN = datetime(2026, 1, 5, 8, 50, tzinfo=UTC)
"""Ten minutes before a world's clock begins."""
HOOK = WaitingHook("ecs-pause-owner", BEGAN + timedelta(hours=1), "ROLLBACK")


def ecs_settings(**others: object) -> TargetSettings:
    """Both sides are one service; 10 %, then 50 %, five minutes each, then a bake of ten; judged."""
    example = example_settings(ECS_TARGET)
    sides = {color: replace(example.side(color), cluster=CLUSTER, service=SERVICE) for color in ("blue", "green")}
    five = timedelta(minutes=5)
    usual = {"controller": "ecs", "steps": (Step(10, five), Step(50, five)), "bake": timedelta(minutes=10)}
    return replace(example, **(sides | usual | others))


def deployment_arn(id: str) -> str:
    return _ARN.format(kind="service-deployment", id=id)


@dataclass
class DeployedServices:
    """`ServiceDeployments` of one service; `fails` is what an operation answers instead."""

    seen: list[DeploymentSeen] = field(default_factory=list)
    definitions: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails: dict[str, AwsError] = field(default_factory=dict)
    answered: list[tuple[str, bool]] = field(default_factory=list)
    is_slow: bool = False

    def brought(self, id: str, release: str, status: str = "SUCCESSFUL", **others: object) -> DeploymentSeen:
        """Put a deployment of `release` in front of the others; each begins a minute after the one before."""
        revision = _ARN.format(kind="service-revision", id=f"rev-{id}")
        number = len(self.definitions) + 1
        self.definitions[revision] = f"arn:aws:ecs:eu-west-1:123456789012:task-definition/Inference:{number}"
        self.releases[self.definitions[revision]] = release
        source = self.seen[0].target if self.seen else ""
        usual = {"stage": "", "reason": "", "created_at": BEGAN + timedelta(minutes=len(self.seen))}
        fields = {"source": source, "target": revision, "alarms_status": "MONITORING", **usual, **others}
        self.seen.insert(0, DeploymentSeen(deployment_arn(id), status, **fields))
        return self.seen[0]

    def becomes(self, **others: object) -> None:
        """Change the last deployment."""
        self.seen[0] = replace(self.seen[0], **others)

    # ServiceDeployments

    def in_flight(self, cluster: str, service: str) -> str:
        self._called("ListServiceDeployments")
        assert (cluster, service) == (CLUSTER, SERVICE)
        return next((one.arn for one in self.seen if one.is_in_flight), "")

    def latest(self, cluster: str, service: str, limit: int = 20) -> Sequence[DeploymentSeen]:
        self._called("ListServiceDeployments")
        self._called("DescribeServiceDeployments")
        assert (cluster, service) == (CLUSTER, SERVICE)
        return self.seen[:limit]

    def deployment(self, arn: str) -> DeploymentSeen:
        self._called("DescribeServiceDeployments")
        return next(one for one in self.seen if one.arn == arn)

    def revision(self, arn: str) -> RevisionSeen:
        self._called("DescribeServiceRevisions")
        return RevisionSeen(arn, self.definitions[arn], "")

    def release(self, task_definition: str, container: str) -> str:
        self._called("DescribeTaskDefinition")
        assert container == "app"
        return self.releases[task_definition]

    def stop(self, arn: str) -> None:
        self._called("StopServiceDeployment")
        if not self.deployment_of(arn).goes_back:
            self.becomes(status="ROLLBACK_REQUESTED", reason="Rollback was requested.", waiting=())

    def answer(self, arn: str, hook_id: str, *, go_on: bool) -> None:
        self._called("ContinueServiceDeployment")
        self.answered.append((hook_id, go_on))
        left = tuple(one for one in self.deployment_of(arn).waiting if one.id != hook_id)
        self.becomes(waiting=left)

    def deploy(self, cluster: str, service: str, task_definition: str) -> str:
        self._called("UpdateService")
        assert (cluster, service) == (CLUSTER, SERVICE)
        begun = self.brought(f"d{len(self.seen) + 1}", self.releases[task_definition], "PENDING")
        self.definitions[begun.target] = task_definition
        return "" if self.is_slow else begun.arn

    def deployment_of(self, arn: str) -> DeploymentSeen:
        return next(one for one in self.seen if one.arn == arn)

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.fails:
            raise self.fails[operation]


def judging(settings: TargetSettings, deployment: DeploymentSeen, release: str, **others: object) -> Rollout:
    """The rollout as the judge keeps it of a deployment."""
    arn, began = deployment.arn, deployment.created_at
    rollout = Rollout(arn.rpartition("/")[2], settings, Release(release), "blue", 1, began, began, execution=arn)
    return replace(rollout, **others)
