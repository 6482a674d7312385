"""A played pipeline's actions against the emulator: a push starts it, stacks change, executions run."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.aws_apis import AwsApis
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess
from bluegreen_constructs.rehearsal.pipeline.action_work import ActionFailedError, How, SourceRevision, Work
from bluegreen_constructs.rehearsal.pipeline.definition import PipelineDefinition
from bluegreen_constructs.rehearsal.pipeline.execution import FAILED, SUCCEEDED, Execution
from bluegreen_constructs.rehearsal.pipeline.image_registry import ImageRegistry
from bluegreen_constructs.rehearsal.pipeline.played_pipeline import PlayedPipeline
from bluegreen_constructs.rehearsal.pipeline.sources import CheckoutSource, EcrSource
from bluegreen_constructs.rehearsal.pipeline.stack_deploys import StackDeploys
from bluegreen_constructs.rehearsal.pipeline.start_rule import RuleInEmulator, StartRule
from bluegreen_constructs.rehearsal.pipeline.state_machine_runs import StateMachineRuns
from bluegreen_constructs.rehearsal.pipeline.template_values import TemplateValues

pytestmark = pytest.mark.rehearsal

# As EcrPush makes them.
PATTERN = {
    "source": ["aws.ecr"],
    "detail-type": ["ECR Image Action"],
    "detail": {
        "action-type": ["PUSH"],
        "result": ["SUCCESS"],
        "repository-name": ["shop"],
        "image-tag": [{"anything-but": ["", "bootstrap", "latest"]}],
    },
}
TRANSFORMER = {
    "InputPathsMap": {"revision": "$.detail.image-digest"},
    "InputTemplate": '{"sourceRevisions":[{"actionName":"Image","revisionType":"IMAGE_DIGEST",'
    '"revisionValue":"<revision>"}]}',
}
TEMPLATE = {
    "Parameters": {"ImageDigest": {"Type": "String", "Default": ":bootstrap"}},
    "Resources": {
        "Kept": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "ImageDigest"}}}
    },
    "Outputs": {"Digest": {"Value": {"Ref": "ImageDigest"}}},
}


class Emulated:
    """One emulator, and works for its actions."""

    def __init__(self, emulator: EmulatorProcess, folder: Path) -> None:
        self.emulator = emulator
        self.apis = AwsApis.of(emulator.config)
        self.folder = folder
        self.registry = ImageRegistry(self.apis.ecr)
        self.stacks = StackDeploys(self.apis.cloudformation, wait, self.upload)
        self.machines = StateMachineRuns(self.apis.stepfunctions, wait)
        self._artefacts = 0

    def upload(self, template: str) -> str:
        raise AssertionError(f"no template of these is as long as {len(template)}")

    def template(self, change: Callable[[dict], None] | None = None) -> Path:
        """An artefact with the template, changed."""
        content = json.loads(json.dumps(TEMPLATE))
        if change is not None:
            change(content)
        self._artefacts += 1
        folder = self.folder / f"assembly-{self._artefacts}"
        folder.mkdir()
        (folder / "Shop.template.json").write_text(json.dumps(content))
        return folder

    def deploy(self, mode: str, stack: str, assembly: Path, digest: str = "@sha256:1") -> str:
        configuration = {
            "ActionMode": mode,
            "StackName": stack,
            "ChangeSetName": "Delivery",
            "TemplatePath": "Assembly::Shop.template.json",
            "ParameterOverrides": json.dumps({"ImageDigest": digest}),
            "Capabilities": "CAPABILITY_NAMED_IAM,CAPABILITY_AUTO_EXPAND",
        }
        return self.stacks.run(work(configuration, inputs={"Assembly": assembly})).said

    def digest_of(self, stack: str) -> str:
        (found,) = self.apis.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return found["Outputs"][0]["OutputValue"]


def work(configuration: Mapping[str, str], **given: object) -> Work:
    return Work(execution="e", id="id-1", stage="Prod", action="Do", configuration=configuration, **given)


def wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    folder = tmp_path_factory.mktemp("pipeline")
    with EmulatorProcess(folder / "emulator", speed=240) as emulator:
        yield Emulated(emulator, folder)


def test_a_push_is_matched_by_the_rule_and_starts_the_pipeline_with_its_digest(emulated: Emulated) -> None:
    emulated.registry.require_repository("shop")
    emulated.registry.require_repository("other")
    rule = StartRule("Push", PATTERN, TRANSFORMER)
    with RuleInEmulator(rule, emulated.apis.events, emulated.apis.sqs) as started:
        emulated.registry.push("shop", "bootstrap")
        emulated.registry.push("shop", "latest")
        emulated.registry.push("other", "2.0.0")
        pushed = emulated.registry.push("shop", "2.0.0")
        starts = started.starts()
        assert started.starts(at_least=0) == []
    assert starts == [(SourceRevision("Image", "IMAGE_DIGEST", pushed.digest),)]
    assert pushed.digest.startswith("sha256:")
    assert emulated.registry.push("shop", "2.0.0") == pushed, "a retried push moved the tag"


def test_the_image_of_the_revision_is_what_later_actions_get(emulated: Emulated, tmp_path: Path) -> None:
    emulated.registry.require_repository("inventory")
    first, second = emulated.registry.push("inventory", "1.0.0"), emulated.registry.push("inventory", "2.0.0")
    source = EcrSource(emulated.registry, "123456789012", "us-east-1")
    configuration = {"RepositoryName": "inventory", "ImageTag": "2.0.0"}
    revision = SourceRevision("Image", "IMAGE_DIGEST", first.digest)
    done = source.run(work(configuration, revision=revision, outputs={"Image": tmp_path / "Image"}))
    assert done.how is How.PLAYED
    uri = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/inventory@{first.digest}"
    assert done.variables["ImageDigest"] == first.digest
    assert done.variables["ImageURI"] == uri
    detail = json.loads((tmp_path / "Image" / "imageDetail.json").read_text())
    assert (detail["ImageDigest"], detail["ImageURI"], detail["ImageTags"]) == (first.digest, uri, ["1.0.0"])
    assert source.run(work(configuration)).variables["ImageDigest"] == second.digest
    with pytest.raises(ActionFailedError, match="the repository inventory has no image latest"):
        source.run(work({"RepositoryName": "inventory"}))


@pytest.mark.parametrize("modes", [("CREATE_UPDATE",), ("CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE")])
def test_a_stack_is_made_updated_left_alone_and_rolled_back(emulated: Emulated, modes: tuple[str, ...]) -> None:
    stack = f"Shop-{len(modes)}"
    first, changed = (
        emulated.template(),
        emulated.template(lambda t: t["Resources"]["Kept"]["Properties"].update(Description="2")),
    )

    def fail(template: dict) -> None:
        template["Resources"]["Bad"] = {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": "Kept",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
        }
        template["Resources"]["Handle"] = {"Type": "AWS::CloudFormation::WaitConditionHandle"}

    def deploy(assembly: Path, digest: str) -> str:
        return [emulated.deploy(mode, stack, assembly, digest) for mode in modes][-1]

    assert "CREATE_COMPLETE" in deploy(first, "@sha256:1")
    assert emulated.digest_of(stack) == "@sha256:1"
    assert "UPDATE_COMPLETE" in deploy(changed, "@sha256:2")
    assert "nothing to change" in deploy(changed, "@sha256:2")
    with pytest.raises(ActionFailedError, match=rf"{stack} ended UPDATE_ROLLBACK_COMPLETE: Bad: "):
        deploy(emulated.template(fail), "@sha256:3")
    assert emulated.digest_of(stack) == "@sha256:2"
    assert "nothing to change" in deploy(changed, "@sha256:2"), "the stage's rollback changes nothing any more"
    assert "UPDATE_COMPLETE" in deploy(changed, "@sha256:1")


def test_a_parameter_that_cloudformation_refuses_fails_the_action(emulated: Emulated) -> None:
    def only_one(template: dict) -> None:
        template["Parameters"]["ImageDigest"]["AllowedPattern"] = "@sha256:[0-9]"

    with pytest.raises(ActionFailedError, match="ImageDigest"):
        emulated.deploy("CREATE_UPDATE", "Bad", emulated.template(only_one), ":latest")


def test_a_resource_that_the_rehearsal_does_not_cover_never_passes(emulated: Emulated) -> None:
    def unknown(template: dict) -> None:
        template["Resources"]["Other"] = {"Type": "AWS::Nowhere::Thing"}

    with pytest.raises(
        RehearsalError, match=r"not covered: action Do of stage Prod deploys Other .AWS::Nowhere::Thing"
    ):
        emulated.deploy("CREATE_UPDATE", "Bad", emulated.template(unknown))
    with pytest.raises(RehearsalError, match=r"not covered: .* has the mode DELETE_ONLY"):
        emulated.deploy("DELETE_ONLY", "Bad", emulated.template())


def test_an_execution_of_a_state_machine_is_waited_for_and_its_failure_fails_the_action(emulated: Emulated) -> None:
    definition = {
        "StartAt": "Judge",
        "States": {
            "Judge": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.release", "StringEquals": "good", "Next": "Promoted"}],
                "Default": "Bad",
            },
            "Promoted": {"Type": "Succeed"},
            "Bad": {"Type": "Fail", "Error": "NotPromoted", "Cause": "the release is worse"},
        },
    }
    machine = emulated.apis.stepfunctions.create_state_machine(
        name="Judge", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]
    configuration = {"StateMachineArn": machine, "ExecutionNamePrefix": "pipeline", "Input": '{"release": "good"}'}
    done = emulated.machines.run(work(configuration))
    assert done.how is How.REAL
    assert done.variables["ExecutionArn"].endswith(":pipeline-id-1")
    bad = {**configuration, "ExecutionNamePrefix": "other", "Input": '{"release": "bad"}'}
    with pytest.raises(ActionFailedError, match="ended FAILED: NotPromoted the release is worse"):
        emulated.machines.run(work(bad))
    with pytest.raises(ActionFailedError, match="Judge2"):
        emulated.machines.run(work({**configuration, "StateMachineArn": machine + "2"}))


def stack_action(name: str, order: int) -> dict[str, object]:
    return {
        "Name": name,
        "ActionTypeId": {"Category": "Deploy", "Owner": "AWS", "Provider": "CloudFormation", "Version": "1"},
        "InputArtifacts": [{"Name": "Source"}],
        "RunOrder": order,
        "Configuration": {
            "ActionMode": "CREATE_UPDATE",
            "StackName": name,
            "TemplatePath": f"Source::{name}.template.json",
            "ParameterOverrides": '{"ImageDigest": "@#{Image.ImageDigest}"}',
        },
    }


PIPELINE = {
    "Resources": {
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Stages": [
                    {
                        "Name": "Source",
                        "Actions": [
                            {
                                "Name": name,
                                "ActionTypeId": {"Category": "Source", "Provider": provider},
                                "Namespace": name,
                                "OutputArtifacts": [{"Name": name}],
                                "Configuration": {"RepositoryName": "parts"},
                            }
                            for name, provider in (("Image", "ECR"), ("Source", "CodeCommit"))
                        ],
                    },
                    {
                        "Name": "Staging",
                        "OnFailure": {"Result": "ROLLBACK"},
                        "Actions": [stack_action("First", 1), stack_action("Second", 2)],
                    },
                    {"Name": "Prod", "Actions": [stack_action("Third", 1)]},
                ]
            },
        }
    }
}


def test_a_stage_whose_second_stack_fails_takes_the_first_one_back_for_real(emulated: Emulated, tmp_path: Path) -> None:
    emulated.registry.require_repository("parts")
    good, bad = (emulated.registry.push("parts", tag).digest for tag in ("1.0.0", "1.1.0"))
    code = tmp_path / "code"
    code.mkdir()
    only_good = json.loads(json.dumps(TEMPLATE))
    only_good["Parameters"]["ImageDigest"]["AllowedValues"] = [f"@{good}"]
    for name, template in (("First", TEMPLATE), ("Second", only_good), ("Third", TEMPLATE)):
        (code / f"{name}.template.json").write_text(json.dumps(template))
    values = TemplateValues(PIPELINE, account="123456789012", region="us-east-1", exports={})
    pipeline = PlayedPipeline(
        PipelineDefinition.read(values),
        {
            "Source by ECR": EcrSource(emulated.registry, "123456789012", "us-east-1"),
            "Source by CodeCommit": CheckoutSource(code),
            "Deploy by CloudFormation": emulated.stacks,
        },
        tmp_path / "pipeline",
        print,
    )

    def ship(digest: str) -> Execution:
        return pipeline.start([SourceRevision("Image", "IMAGE_DIGEST", digest)])

    def shipped() -> dict[str, str]:
        return {name: emulated.digest_of(name) for name in ("First", "Second", "Third")}

    assert ship(good).status == SUCCEEDED
    assert shipped() == dict.fromkeys(("First", "Second", "Third"), f"@{good}")
    failed = ship(bad)
    assert failed.stages == {"Source": SUCCEEDED, "Staging": FAILED}
    assert [run.status for run in failed.runs if run.stage == "Staging"] == [SUCCEEDED, FAILED]
    rolled_back = pipeline.rollback_of(failed)
    assert rolled_back is not None
    assert [(run.action, run.status, run.said.rpartition(": ")[2]) for run in rolled_back.runs] == [
        ("First", SUCCEEDED, "UPDATE_COMPLETE"),
        ("Second", SUCCEEDED, "nothing to change"),
    ]
    assert shipped() == dict.fromkeys(("First", "Second", "Third"), f"@{good}")
