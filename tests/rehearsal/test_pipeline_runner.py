"""A played pipeline, synthesised by the CDK: the order of its actions, what they hand on, and how a stage goes back."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.pipeline_action import PipelineAction
from bluegreen_constructs.rehearsal.pipeline.action_work import ActionFailedError, Done, How, SourceRevision, Work
from bluegreen_constructs.rehearsal.pipeline.approvals import Approvals
from bluegreen_constructs.rehearsal.pipeline.builds import Builds
from bluegreen_constructs.rehearsal.pipeline.definition import PipelineDefinition
from bluegreen_constructs.rehearsal.pipeline.execution import FAILED, ROLLBACK, STANDARD, SUCCEEDED, Execution
from bluegreen_constructs.rehearsal.pipeline.played_pipeline import PlayedPipeline
from bluegreen_constructs.rehearsal.pipeline.template_values import TemplateValues

GOOD, WORSE, BAD = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha256:" + "c" * 64
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Engine"
EXPORTS = {"Canary:Machine": MACHINE}


def synthesised(**stage: Any) -> dict[str, Any]:
    """An image and code; a build; staging by two actions after each other; a question; production by the engine."""
    app = cdk.App()
    stack = cdk.Stack(app, "Pipeline", env=cdk.Environment(account="123456789012", region="us-east-1"))
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"))
    repository = ecr.Repository(stack, "Images")
    project = codebuild.PipelineProject(stack, "Project")
    image, source, assembly = (codepipeline.Artifact(name) for name in ("Image", "Source", "Assembly"))
    pipeline = codepipeline.Pipeline(
        stack, "Delivery", pipeline_type=codepipeline.PipelineType.V2, role=role, cross_account_keys=False
    )

    def action(name: str, category: str, provider: str, configuration: Mapping[str, object], **more: Any) -> Any:
        kind = codepipeline.ActionCategory[category]
        return PipelineAction(name, category=kind, provider=provider, configuration=configuration, role=role, **more)

    pipeline.add_stage(
        stage_name="Source",
        actions=[
            action(
                "Image",
                "SOURCE",
                "ECR",
                {"RepositoryName": repository.repository_name},
                outputs=[image],
                namespace="Image",
            ),
            action("Source", "SOURCE", "CodeCommit", {"RepositoryName": "code"}, outputs=[source]),
        ],
    )
    pipeline.add_stage(
        stage_name="Synth",
        actions=[
            action(
                "Synth",
                "BUILD",
                "CodeBuild",
                {"ProjectName": project.project_name},
                inputs=[source],
                outputs=[assembly],
            ),
            action("Assets", "BUILD", "CodeBuild", {"ProjectName": project.project_name}, inputs=[assembly], order=2),
        ],
    )
    rolls_back = codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK)
    parameters = stack.to_json_string({"ImageDigest": "@#{Image.ImageDigest}"})
    pipeline.add_stage(
        stage_name="Staging",
        on_failure=rolls_back,
        actions=[
            action(
                "Deploy",
                "DEPLOY",
                "CloudFormation",
                {"TemplatePath": assembly.at_path("Shop.template.json").location, "ParameterOverrides": parameters},
                inputs=[assembly],
                order=2,
            ),
            action("Prepare", "DEPLOY", "CloudFormation", {"Execution": "#{codepipeline.PipelineExecutionId}"}),
        ],
    )
    pipeline.add_stage(stage_name="ReviewProd", actions=[action("Approve", "APPROVAL", "Manual", {})])
    request = stack.to_json_string({"release": {"image": f"{repository.repository_uri}@#{{Image.ImageDigest}}"}})
    machine = cdk.Fn.import_value("Canary:Machine")
    prod = {"on_failure": rolls_back, **stage}
    pipeline.add_stage(
        stage_name="Prod",
        actions=[action("Rollout", "INVOKE", "StepFunctions", {"StateMachineArn": machine, "Input": request})],
        **prod,
    )
    return dict(Template.from_stack(stack).to_json())


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return synthesised()


def values(template: Mapping[str, object], exports: Mapping[str, str] = EXPORTS) -> TemplateValues:
    return TemplateValues(template, account="123456789012", region="us-east-1", exports=exports)


class Played:
    """A pipeline whose deploys are noted, and fail for the releases that `refused` names."""

    def __init__(self, template: Mapping[str, object], folder: Path, *, refused: Mapping[str, str] = {}) -> None:
        self.said: list[str] = []
        self.works: list[Work] = []
        self.refused = refused
        self.approves = True
        self.during: Callable[[Work], None] = lambda _: None
        self.pipeline = PlayedPipeline(
            PipelineDefinition.read(values(template)),
            {
                "Source by ECR": Providing(self._image),
                "Source by CodeCommit": Providing(self._source),
                "Build by CodeBuild": Builds({"Synth": self._synth}),
                "Deploy by CloudFormation": Providing(self._deploy),
                "Approval by Manual": Approvals(self._approve),
                "Invoke by StepFunctions": Providing(self._deploy),
            },
            folder,
            self.said.append,
        )

    def push(self, digest: str) -> Execution:
        self.works.clear()
        return self.pipeline.start([SourceRevision("Image", "IMAGE_DIGEST", digest)])

    def actions(self) -> list[str]:
        return [work.action for work in self.works]

    def _image(self, work: Work) -> Done:
        assert work.revision is not None
        return self._made(work, {"ImageDigest": work.revision.value})

    def _source(self, work: Work) -> Done:
        assert work.revision is None, "a revision of one source was given to another"
        return self._made(work, {})

    def _synth(self, work: Work) -> Done:
        assert (work.inputs["Source"] / "made by").read_text() == "Source"
        return self._made(work, {})

    def _deploy(self, work: Work) -> Done:
        self.works.append(work)
        self.during(work)
        said = json.dumps(dict(work.configuration))
        if self.refused.get(work.stage, "nothing") in said:
            raise ActionFailedError("the stack went back")
        return Done(How.REAL, said)

    def _approve(self, work: Work) -> bool:
        self.works.append(work)
        return self.approves

    def _made(self, work: Work, variables: Mapping[str, str]) -> Done:
        for folder in work.outputs.values():
            folder.mkdir(parents=True)
            (folder / "made by").write_text(work.action)
            (folder / "Shop.template.json").write_text("{}")
        return Done(How.PLAYED, "found", variables)


class Providing:
    def __init__(self, run: Callable[[Work], Done]) -> None:
        self.run = run


@pytest.fixture
def played(template: dict[str, Any], tmp_path: Path) -> Played:
    return Played(template, tmp_path)


def test_the_digest_of_the_push_goes_through_all_stages_in_their_order(played: Played) -> None:
    execution = played.push(GOOD)
    assert execution.status == SUCCEEDED
    assert list(execution.stages) == ["Source", "Synth", "Staging", "ReviewProd", "Prod"]
    assert played.actions() == ["Prepare", "Deploy", "Approve", "Rollout"]
    prepared, deployed, _, rolled_out = played.works
    assert prepared.configuration["Execution"] == execution.id
    assert json.loads(deployed.configuration["ParameterOverrides"]) == {"ImageDigest": f"@{GOOD}"}
    assert deployed.file(deployed.configuration["TemplatePath"]).read_text() == "{}"
    assert rolled_out.configuration["StateMachineArn"] == MACHINE
    image = json.loads(rolled_out.configuration["Input"])["release"]["image"]
    assert image.startswith("123456789012.dkr.ecr.us-east-1.amazonaws.com/")
    assert image.endswith(f"@{GOOD}")


def test_a_build_that_nobody_runs_says_that_it_is_a_stub(played: Played) -> None:
    execution = played.push(GOOD)
    assets, synth = execution.run("Assets"), execution.run("Synth")
    assert assets is not None
    assert synth is not None
    assert (assets.how, synth.how) == (How.STUB, How.PLAYED)
    assert "was run" in assets.said


def test_a_stage_that_fails_ends_the_execution_and_is_rolled_back_to_what_succeeded_in_it(
    template: dict[str, Any], tmp_path: Path
) -> None:
    played = Played(template, tmp_path, refused={"Staging": BAD})
    played.push(GOOD)
    last_good = played.push(WORSE)
    bad = played.push(BAD)
    assert bad.status == FAILED
    assert bad.stages == {"Source": SUCCEEDED, "Synth": SUCCEEDED, "Staging": FAILED}
    assert bad.failure == "Deploy: the stack went back"
    assert played.actions() == ["Prepare", "Deploy", "Prepare", "Deploy"], "a later stage was entered, or nothing done"
    rolled_back = played.pipeline.rollback_of(bad)
    assert rolled_back is not None
    assert (rolled_back.kind, rolled_back.of, rolled_back.stages) == (ROLLBACK, last_good.id, {"Staging": SUCCEEDED})
    again = played.works[-1]
    assert WORSE in again.configuration["ParameterOverrides"]
    assert played.works[-2].configuration["Execution"] == rolled_back.id
    assert Path(last_good.artifacts["Assembly"]) == again.inputs["Assembly"]


def test_a_rollback_is_never_what_a_later_one_goes_back_to(template: dict[str, Any], tmp_path: Path) -> None:
    played = Played(template, tmp_path, refused={"Staging": BAD})
    good = played.push(GOOD)
    played.push(BAD)
    second = played.push(BAD)
    rolled_back = played.pipeline.rollback_of(second)
    assert rolled_back is not None
    assert rolled_back.of == good.id


def test_the_first_execution_that_fails_has_nothing_to_go_back_to(template: dict[str, Any], tmp_path: Path) -> None:
    played = Played(template, tmp_path, refused={"Staging": BAD})
    bad = played.push(BAD)
    assert played.pipeline.rollback_of(bad) is None
    assert played.actions() == ["Prepare", "Deploy"]


def test_a_stage_is_not_rolled_back_to_another_structure_of_the_pipeline(
    template: dict[str, Any], tmp_path: Path
) -> None:
    Played(template, tmp_path).push(GOOD)
    changed = synthesised(on_failure=None)
    played = Played(changed, tmp_path, refused={"Staging": BAD})
    assert played.pipeline.rollback_of(played.push(BAD)) is None


def test_a_pipeline_that_is_made_again_knows_what_ran_before(template: dict[str, Any], tmp_path: Path) -> None:
    good = Played(template, tmp_path).push(GOOD)
    played = Played(template, tmp_path, refused={"Staging": BAD})
    assert [one.kind for one in played.pipeline.executions.all] == [STANDARD]
    rolled_back = played.pipeline.rollback_of(played.push(BAD))
    assert rolled_back is not None
    assert rolled_back.of == good.id


def test_a_stage_without_rollback_stays_as_it_failed(tmp_path: Path) -> None:
    played = Played(synthesised(on_failure=None), tmp_path, refused={"Prod": BAD})
    played.push(GOOD)
    bad = played.push(BAD)
    assert bad.stages["Prod"] == FAILED
    assert played.pipeline.rollback_of(bad) is None


def test_a_rejection_ends_the_execution_before_the_stage_that_was_asked_about(played: Played) -> None:
    played.approves = False
    execution = played.push(GOOD)
    assert execution.stages["ReviewProd"] == FAILED
    assert "Prod" not in execution.stages
    assert execution.failure == "Approve: rejected by the reviewer"


def test_actions_of_one_number_run_at_the_same_time(template: dict[str, Any], tmp_path: Path) -> None:
    content = json.loads(json.dumps(template))
    (pipeline,) = [one for one in content["Resources"].values() if one["Type"] == "AWS::CodePipeline::Pipeline"]
    (staging,) = [one for one in pipeline["Properties"]["Stages"] if one["Name"] == "Staging"]
    for action in staging["Actions"]:
        action["RunOrder"] = 1
    played = Played(content, tmp_path)
    both = threading.Barrier(2)

    def meet(work: Work) -> None:
        if work.stage == "Staging":
            both.wait(10)  # raises when the other one does not come

    played.during = meet
    assert played.push(GOOD).status == SUCCEEDED


def test_a_variable_that_nothing_has_given_fails_the_action(template: dict[str, Any], tmp_path: Path) -> None:
    content = json.loads(json.dumps(template).replace("#{Image.ImageDigest}", "#{Build.Digest}"))
    execution = Played(content, tmp_path).push(GOOD)
    assert execution.stages == {"Source": SUCCEEDED, "Synth": SUCCEEDED, "Staging": FAILED}
    assert "#{Build.Digest}" in execution.failure


def test_an_action_that_makes_no_artefact_it_declares_fails(played: Played) -> None:
    nothing = Providing(lambda _: Done(How.PLAYED, "nothing"))
    played.pipeline._providers = {**played.pipeline._providers, "Source by CodeCommit": nothing}
    execution = played.push(GOOD)
    assert execution.stages == {"Source": FAILED}
    assert execution.failure == "Source: it has not made its output artefact Source"


def test_a_build_whose_artefact_is_needed_is_never_a_stub(played: Played) -> None:
    played.pipeline._providers = {**played.pipeline._providers, "Build by CodeBuild": Builds()}
    with pytest.raises(RehearsalError, match="not covered: action Synth of stage Synth makes Assembly by CodeBuild"):
        played.push(GOOD)


def test_what_is_not_played_is_refused_before_anything_starts(template: dict[str, Any], tmp_path: Path) -> None:
    window = codepipeline.Conditions(
        conditions=[
            codepipeline.Condition(
                result=codepipeline.Result.FAIL,
                rules=[
                    codepipeline.Rule(
                        name="Window", provider="DeploymentWindow", version="1", configuration={"Cron": "* * 9 ? * MON"}
                    )
                ],
            )
        ]
    )
    with pytest.raises(RehearsalError, match="BeforeEntry of stage Prod"):
        Played(synthesised(before_entry=window), tmp_path)
    retries = codepipeline.FailureConditions(result=codepipeline.Result.RETRY)
    with pytest.raises(RehearsalError, match=r"OnFailure.RETRY of stage Prod"):
        Played(synthesised(on_failure=retries), tmp_path)
    with pytest.raises(RehearsalError, match="Invoke by StepFunctions, action Rollout of stage Prod"):
        PlayedPipeline(PipelineDefinition.read(values(template)), {}, tmp_path, print)


def test_a_revision_of_something_that_is_no_source_starts_nothing(played: Played) -> None:
    with pytest.raises(RehearsalError, match="with a revision of Picture: its sources are Image, Source"):
        played.pipeline.start([SourceRevision("Picture", "IMAGE_DIGEST", GOOD)])
    assert played.pipeline.executions.all == []


def test_an_export_that_no_stack_has_is_named(template: dict[str, Any]) -> None:
    with pytest.raises(RehearsalError, match=r"StateMachineArn of action Rollout .* imports Canary:Machine"):
        PipelineDefinition.read(values(template, exports={}))
