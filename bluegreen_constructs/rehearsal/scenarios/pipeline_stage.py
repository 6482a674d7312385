"""The delivery pipeline of this repository's application, played over what a session has deployed.

The pipeline is read from the template of `BlueGreenPipeline-rehearsal`, which is synthesised and not deployed: the
emulator has no CodePipeline. Staging is the service that Amazon ECS rolls out, production the canary.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...engine.errors import RehearsalError
from ..application import canary_application, checkout, sample_application
from ..deployed_service import DeployedService
from ..deployed_target import DeployedTarget, release_on
from ..pipeline.action_work import Provider, SourceRevision, Work
from ..pipeline.approvals import Approvals
from ..pipeline.builds import Builds, Publication, Synthesis, build_specifications
from ..pipeline.definition import PipelineDefinition
from ..pipeline.execution import SUCCEEDED, Execution
from ..pipeline.image_registry import ImageRegistry, PushedImage
from ..pipeline.played_pipeline import PlayedPipeline
from ..pipeline.sources import CheckoutSource, EcrSource
from ..pipeline.stack_deploys import StackDeploys
from ..pipeline.start_rule import RuleInEmulator, start_rules
from ..pipeline.state_machine_runs import StateMachineRuns
from ..pipeline.template_values import TemplateValues, exports_of
from ..session import DeployedApplication, Session, wait_until
from .canary_stage import live_side
from .pipeline_seen import DeliverySeen
from .release_evidence import rings

DELIVERY = "rehearsal-delivery"
_PIPELINE_STACK = "BlueGreenPipeline-rehearsal"
_BUCKET = "played-pipeline-artefacts"
_FIRST_IMAGE = "bootstrap"
_ACTION_SECONDS = 300.0  # real: a rollout takes about a minute
_QUIET_SECONDS = 120.0


@dataclass
class Reviewer:
    """Who is asked for approvals: what the answer is, and what each question said."""

    approves: bool = True
    asked: list[str] = field(default_factory=list)

    def answer(self, work: Work) -> bool:
        """Answer a question."""
        self.asked.append(work.configuration.get("CustomData", ""))
        return self.approves


@dataclass(frozen=True)
class Delivered:
    """A push, the starts that the pipeline's rule made of it, and the execution that the first one is."""

    pushed: PushedImage
    starts: tuple[tuple[SourceRevision, ...], ...]
    execution: Execution


@dataclass
class PipelineStage:
    """The pipeline, what its stages deploy to, and who is asked."""

    session: Session
    staging: DeployedApplication
    prod: DeployedApplication
    service: DeployedService
    target: DeployedTarget
    pipeline: PlayedPipeline
    registry: ImageRegistry
    repository: str
    rule: RuleInEmulator
    reviewer: Reviewer

    def deliver(self, tag: str) -> Delivered:
        """Push an image, after one that must start nothing, and run the pipeline as its rule says."""
        self.registry.push(self.repository, _FIRST_IMAGE)
        pushed = self.registry.push(self.repository, tag)
        self.session.say(f"  pushed {self.repository}:{tag}, {pushed.digest[:19]}")
        starts = tuple(self.rule.starts())
        return Delivered(pushed, starts, self.pipeline.start(starts[0]))

    def delivered(self, stage: str) -> str:
        """The digest that a stage runs and can go back to; "" when it runs nothing that was delivered."""
        known = self.pipeline.executions.to_roll_back_to(stage, self.pipeline.definition.structure)
        digest = "" if known is None else known.variables["Image"]["ImageDigest"]
        return digest if digest and self._runs(stage, digest) else ""

    def deliver_first(self, stage: str, tag: str) -> None:
        """Deliver an image as far as that stage. tag: the image's, and a number, for another one may have had it."""
        self.session.say(f"  {stage} runs nothing that was delivered; delivering a release there first")
        self.reviewer.approves = stage != "Staging"
        execution = self.deliver(f"{tag}-{len(self.pipeline.executions.all)}").execution
        self.reviewer.approves = True
        if execution.stages.get(stage) != SUCCEEDED:
            raise RehearsalError(f"the release {tag} could not be delivered to {stage}: {execution.failure}")

    def remember(self, seen: DeliverySeen) -> None:
        """Wait for the end of what still runs; what is live then is what the session's other scenarios begin with."""
        self.wait_until_quiet()
        for application, traffic in ((self.staging, seen.staging), (self.prod, seen.prod)):
            live = traffic.afterwards()[-1:] or traffic.watched.records[-1:]
            release = live[0].release if live and live[0].release else application.live_release
            if release != traffic.live_release:
                application.former_release, application.live_release = traffic.live_release, release

    def wait_until_quiet(self) -> None:
        """Wait until nothing is rolled out any more, and no alarm rings that would watch the next release."""

        def is_quiet() -> bool:
            running = self.session.apis.stepfunctions.list_executions(
                stateMachineArn=self.target.state_machine, statusFilter="RUNNING"
            )
            return not running["executions"] and not rings(self.service, self.session.apis)

        wait_until(is_quiet, limit_seconds=_QUIET_SECONDS, session=self.session, what="the end of what ran before")

    def engine_executions(self) -> dict[str, str]:
        """The executions of production's engine that a rollout was asked for with: the status of each, by its name."""
        found = self.session.apis.stepfunctions.list_executions(stateMachineArn=self.target.state_machine)
        return {
            str(one["name"]): str(one["status"])
            for one in found["executions"]
            if "closing" not in self._input(one["executionArn"])
        }

    def stack(self) -> Mapping[str, Any]:
        """Staging's, as CloudFormation describes it."""
        name = self.staging.about.service_stack
        (described,) = self.session.apis.cloudformation.describe_stacks(StackName=name)["Stacks"]
        found: Mapping[str, Any] = described
        return found

    def _runs(self, stage: str, digest: str) -> bool:
        """Whether the stage has that digest still: other scenarios of a session deploy there, too."""
        if stage == "Staging":
            return f"@{digest}" in [one["ParameterValue"] for one in self.stack().get("Parameters", ())]
        return digest == release_on(self.target, live_side(self.target, self.session), self.session.apis)

    def _input(self, execution: str) -> Mapping[str, Any]:
        found = self.session.apis.stepfunctions.describe_execution(executionArn=execution)
        content: Mapping[str, Any] = json.loads(found["input"])
        return content


@contextmanager
def on_pipeline(session: Session) -> Iterator[PipelineStage]:
    """The pipeline over the stacks that the session has deployed; its rule is in the emulator until the block ends."""
    root = checkout(session.checkout)
    staging, prod = session.application(sample_application(root)), session.application(canary_application(root))
    template = _template(session, root)
    config, apis = session.emulator.config, session.apis
    exports = exports_of(list(apis.cloudformation.get_paginator("list_exports").paginate()))
    values = TemplateValues(template, account=config.account, region=config.region, exports=exports)
    definition = PipelineDefinition.read(values)
    images = [action for _, action in definition.actions() if (action.category, action.provider) == ("Source", "ECR")]
    arn = f"arn:aws:codepipeline:{config.region}:{config.account}:{definition.name}"
    rules = [one for one in start_rules(values, arn) if "aws.ecr" in json.dumps(one.pattern.get("source"))]
    if len(images) != 1 or len(rules) != 1:
        raise RehearsalError(
            f"the pipeline has {len(images)} sources of images and {len(rules)} rules for pushes: give one of each"
        )
    registry, repository = ImageRegistry(apis.ecr), images[0].configuration["RepositoryName"]
    registry.require_repository(repository)
    reviewer = Reviewer()
    providers = _providers(session, root, values, definition, reviewer)
    with RuleInEmulator(rules[0], apis.events, apis.sqs) as rule:
        yield PipelineStage(
            session=session,
            staging=staging,
            prod=prod,
            service=staging.service(),
            target=prod.target(),
            pipeline=PlayedPipeline(definition, providers, session.work_dir / "pipeline", session.say),
            registry=registry,
            repository=repository,
            rule=rule,
            reviewer=reviewer,
        )


def _template(session: Session, root: Path) -> Mapping[str, object]:
    """The pipeline's, synthesised once in a session, as a user would to deploy it."""
    assembly = session.work_dir / "assembly" / DELIVERY
    if not assembly.exists():
        session.say(f"cdk synth: {_PIPELINE_STACK}")
        application = sample_application(root)
        cli = session.cli(root, _PIPELINE_STACK)
        cli.synth(assembly, "--context", f"environment={DELIVERY}", app=application.command).require_success()
    content: Mapping[str, object] = json.loads(
        (assembly / f"{_PIPELINE_STACK}.template.json").read_text(encoding="utf-8")
    )
    return content


def _providers(
    session: Session,
    root: Path,
    values: TemplateValues,
    definition: PipelineDefinition,
    reviewer: Reviewer,
) -> Mapping[str, Provider]:
    """What does each kind of action here. A kind that is not among them is refused."""
    apis, config = session.apis, session.emulator.config

    def wait(holds: Callable[[], bool], what: str) -> None:
        wait_until(holds, limit_seconds=_ACTION_SECONDS, session=session, what=what)

    def upload(template: str) -> str:
        if _BUCKET not in {bucket["Name"] for bucket in apis.s3.list_buckets()["Buckets"]}:
            apis.s3.create_bucket(Bucket=_BUCKET)
        key = f"{hashlib.sha256(template.encode()).hexdigest()}.json"
        apis.s3.put_object(Bucket=_BUCKET, Key=key, Body=template.encode())
        return f"{config.endpoint}/{_BUCKET}/{key}"

    deployed = [
        action.configuration["StackName"] for _, action in definition.actions() if action.provider == "CloudFormation"
    ]
    synthesis = Synthesis(
        lambda folder: session.cli(folder, "pipeline-synth"),
        sample_application(root).command,
        build_specifications(values),
    )
    publication = Publication(lambda _: session.cli(root, "pipeline-assets"), tuple(dict.fromkeys(deployed)))
    return {
        "Source by ECR": EcrSource(ImageRegistry(apis.ecr), config.account, config.region),
        "Source by CodeCommit": CheckoutSource(root),
        "Build by CodeBuild": Builds({"Synth": synthesis, "Assets": publication}),
        "Deploy by CloudFormation": StackDeploys(apis.cloudformation, wait, upload),
        "Invoke by StepFunctions": StateMachineRuns(apis.stepfunctions, wait),
        "Approval by Manual": Approvals(reviewer.answer),
    }
