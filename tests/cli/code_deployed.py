"""A service that AWS CodeDeploy deploys, in memory: deployments as CodeDeploy describes them, changed by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bluegreen_constructs.engine.app_spec import task_definition_in
from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings, EventHook
from bluegreen_constructs.engine.code_deployments import (
    CodeDeploymentSeen,
    DeploymentHeldError,
    DeploymentOverError,
    EventSeen,
    NotWaitingError,
    Progress,
    StoredArchive,
)
from bluegreen_constructs.engine.ecs_release import release_name
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.ports import DefinitionSeen
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings
from bluegreen_constructs.testing import example_settings

TARGET = "Serving/Inference"
APPLICATION, GROUP, FAMILY = "Serving-Inference", "Serving-Inference-group", "Inference"
OTHER_GROUP = f"{APPLICATION}-green"
CLUSTER, SERVICE = "serving", "inference"
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/inference"
BEGAN = datetime(2026, 1, 5, 8, 50, tzinfo=UTC)
"""Ten minutes before a world's clock begins."""
FAILURE, ALARM, REQUEST = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"


def code_deploy_settings(**others: object) -> TargetSettings:
    """Both sides are one service; 10 %, then 50 %, five minutes each, then a bake of ten; one alarm, one hook."""
    example = example_settings(TARGET)
    sides = {color: replace(example.side(color), cluster=CLUSTER, service=SERVICE) for color in ("blue", "green")}
    five = timedelta(minutes=5)
    where = CodeDeploySettings(
        APPLICATION, GROUP, family=FAMILY, port=8080, hooks=(EventHook("AfterAllowTestTraffic", "Serving-Smoke"),)
    )
    usual = {
        "controller": "codedeploy",
        "steps": (Step(10, five), Step(50, five)),
        "bake": timedelta(minutes=10),
        "is_judged": False,
        "guardrails": (AlarmName("Errors"),),
        "codedeploy": where,
    }
    return replace(example, **(sides | usual | others))


def server_settings(**others: object) -> TargetSettings:
    """On instances: one target group, a deployment group of each side, archives in `releases/inference/`."""
    where = CodeDeploySettings(
        APPLICATION,
        GROUP,
        platform="Server",
        bucket="releases",
        prefix="inference/",
        other_group=OTHER_GROUP,
    )
    made = code_deploy_settings(codedeploy=replace(where, **others))
    return replace(made, green=made.blue, steps=())


def definition_arn(revision: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/{FAMILY}:{revision}"


def definition(number: int, tag: str, **others: object) -> DefinitionSeen:
    """A revision whose container `app` has the image of this tag; a sidecar besides."""
    app = {"name": "app", "image": f"{REPOSITORY}:{tag}", "portMappings": [{"containerPort": 8080}], "memory": 2048}
    sidecar = {"name": "log", "image": "fluent-bit:3", "memory": 128}
    content = {"family": FAMILY, "networkMode": "awsvpc", "containerDefinitions": [sidecar, app], **others}
    return DefinitionSeen(definition_arn(number), content, {"aws:cloudformation:stack-name": "Serving", "team": "ml"})


@dataclass
class Registered:
    """`Definitions`, and what `ServiceDeployments.release` answers of them."""

    known: list[DefinitionSeen] = field(default_factory=lambda: [definition(1, "1.0")])
    calls: list[str] = field(default_factory=list)

    def definition(self, name: str) -> DefinitionSeen:
        self.calls.append("DescribeTaskDefinition")
        if name == FAMILY:
            return self.known[-1]
        found = next((one for one in self.known if name in {one.arn, one.arn.rpartition("/")[2]}), None)
        if found is None:
            raise AwsError("Unable to describe task definition")
        return found

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        self.calls.append("RegisterTaskDefinition")
        assert not [key for key in tags if key.startswith("aws:")]
        self.known.append(DefinitionSeen(definition_arn(len(self.known) + 1), dict(content), dict(tags)))
        return self.known[-1].arn

    def release(self, task_definition: str, container: str) -> str:
        return release_name(self.definition(task_definition).content, container)


@dataclass
class CodeDeployed:
    """`CodeDeployments` of one application; `fails` is what an operation answers instead, once for each entry.

    A deployment without a group is in whichever is asked for. asked_for: the instances' tags of each that was made.
    alarms_for: the alarms of each that was made, where they are not the group's (None).
    """

    seen: list[CodeDeploymentSeen] = field(default_factory=list)
    far: dict[str, Progress] = field(default_factory=dict)
    app_specs: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails: dict[str, AwsError] = field(default_factory=dict)
    asked_for: dict[str, dict[str, str]] = field(default_factory=dict)
    alarms_for: dict[str, Sequence[str] | None] = field(default_factory=dict)

    def brought(self, id: str, number: int, status: str = "Succeeded", **others: object) -> CodeDeploymentSeen:
        """Put a deployment of a revision in front of the others; each begins a minute after the one before."""
        began = BEGAN + timedelta(minutes=len(self.seen))
        ended = {} if status in {"Created", "InProgress", "Ready"} else {"finished_at": began + timedelta(seconds=30)}
        usual = {"task_definition": definition_arn(number), "keeps": timedelta(minutes=10), **ended}
        usual["goes_back_on"] = (FAILURE, ALARM, REQUEST)
        self.seen.insert(0, CodeDeploymentSeen(id, status, began, **{**usual, **others}))
        return self.seen[0]

    def becomes(self, **others: object) -> None:
        """Change the last deployment."""
        self.seen[0] = replace(self.seen[0], **others)

    def is_at(self, event: str, weight: float | None = None) -> None:
        """How far the last deployment is: everything before the event has succeeded, at the end of minute 55."""
        order = ("BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic")
        order = (*order, "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
        ended = BEGAN + timedelta(minutes=5)
        events = [EventSeen(one, "Succeeded", ended) for one in order[: order.index(event)]]
        rest = [EventSeen(one, "Pending") for one in order[order.index(event) + 1 :]]
        self.far[self.seen[0].id] = Progress((*events, EventSeen(event, "InProgress"), *rest), weight)

    # CodeDeployments

    def in_flight(self, application: str, group: str) -> str:
        self._called("ListDeployments")
        assert (application, group) in {(APPLICATION, GROUP), (APPLICATION, OTHER_GROUP)}
        return next((one.id for one in self.seen if one.is_in_flight and one.group in {"", group}), "")

    def latest(self, application: str, group: str, limit: int = 20) -> Sequence[CodeDeploymentSeen]:
        self._called("ListDeployments")
        self._called("BatchGetDeployments")
        assert (application, group) in {(APPLICATION, GROUP), (APPLICATION, OTHER_GROUP)}
        return [one for one in self.seen if one.group in {"", group}][:limit]

    def deployment(self, id: str) -> CodeDeploymentSeen:
        self._called("GetDeployment")
        found = next((one for one in self.seen if one.id == id), None)
        if found is None:
            raise AwsError(f"No deployment found for: {id}")
        return found

    def progress(self, id: str, cluster: str, service: str) -> Progress:
        self._called("BatchGetDeploymentTargets")
        assert (cluster, service) == (CLUSTER, SERVICE)
        return self.far.get(id, Progress())

    def task_definition(self, application: str, revision: str) -> str:
        self._called("GetApplicationRevision")
        assert application == APPLICATION
        return task_definition_in(self.app_specs[revision])

    def create(self, application: str, group: str, app_spec: str, description: str) -> str:
        self._called("CreateDeployment")
        assert (application, group) in {(APPLICATION, GROUP), (APPLICATION, OTHER_GROUP)}
        if any(one.is_in_flight for one in self.seen):
            raise DeploymentHeldError("The Deployment Group already has an active Deployment")
        made = f"d-NEW{len(self.seen) + 1}"
        # As CodeDeploy answers it: the AppSpec's content is left out, and found by its SHA-256.
        self.app_specs[f"sha-{made}"] = app_spec
        self.brought(made, 0, "Created", description=description, task_definition="", revision=f"sha-{made}")
        return made

    def create_on_instances(
        self,
        application: str,
        group: str,
        archive: StoredArchive,
        tags: Mapping[str, str],
        description: str,
        *,
        alarms: Sequence[str] | None = None,
    ) -> str:
        self._called("CreateDeployment")
        assert application == APPLICATION
        assert group in {GROUP, OTHER_GROUP}
        if any(one.is_in_flight and one.group == group for one in self.seen):  # the other group's is no hindrance
            raise DeploymentHeldError("The Deployment Group already has an active Deployment")
        made = f"d-NEW{len(self.seen) + 1}"
        said = {"group": group, "revision": archive.address, "description": description}
        self.brought(made, 0, "Created", task_definition="", **said)
        self.asked_for[made] = dict(tags)
        self.alarms_for[made] = alarms
        return made

    def proceed(self, id: str) -> None:
        self._called("ContinueDeployment")
        if self.deployment_of(id).status != "Ready":
            raise NotWaitingError("The deployment is not in the READY state.")
        self.becomes(status="InProgress")

    def stop(self, id: str) -> None:
        self._called("StopDeployment")
        if not self.deployment_of(id).is_in_flight:
            raise DeploymentOverError("The deployment has already completed.")
        self.becomes(status="Stopped", error="Deployment stopped by a user.", error_code="MANUAL_STOP")

    def deployment_of(self, id: str) -> CodeDeploymentSeen:
        return next(one for one in self.seen if one.id == id)

    def goes_back(self, id: str = "d-BACK", status: str = "InProgress") -> None:
        """CodeDeploy takes the last deployment back by another one."""
        taken = self.seen[0]
        self.becomes(rolled_back_by=id, rollback_message=f"Deployment {id} takes it back.")
        own = {"creator": "codeDeployRollback", "rolls_back": taken.id}
        self.brought(id, 1, status, description="Automatically rolled back.", **own)

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.fails:
            raise self.fails.pop(operation)
