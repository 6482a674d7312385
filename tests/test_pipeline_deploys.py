"""The ways a stage makes a release live: what CodePipeline is told of each, and what is refused with the numbers."""

import json
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jmespath
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from bluegreen_constructs import (
    CanaryAlb,
    CodeDeploy,
    CodeDeployEcsDeploy,
    CodeDeployServerDeploy,
    CommittedFiles,
    DeliveryStage,
    EngineRollout,
    Linear,
    ReleaseImage,
    RolloutEngine,
    RolloutLimits,
    SlotSwap,
    Split,
    StackDeploy,
    StageApproval,
    Step,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.swap.beginning import SlotsRequest
from tests.blue_green_service import service
from tests.canary_service import new_stack, vpc_in
from tests.code_deploy_service import deployed
from tests.delivered_stacks import (
    DIGEST,
    action,
    asked,
    canary,
    flat,
    graph,
    new_app,
    pipeline,
    released_stack,
    slots,
    statements,
    template,
    whole,
)
from tests.fleet import fleet

EXECUTION = {"rollout": "pipeline-1", "execution": "arn:aws:states:::execution:x:pipeline-1"}


def stage_of(app: cdk.App, deploy: object, /, **options: object) -> dict:
    """The template of a pipeline whose one stage has this deploy."""
    return template(pipeline(app, [DeliveryStage("Prod", deploys=[deploy])], **options))  # type: ignore[list-item]


def refused(app: cdk.App, deploy: object, /, **options: object) -> str:
    with pytest.raises(ConfigurationError) as raised:
        stage_of(app, deploy, **options)
    said = str(raised.value)
    assert "\n" not in said
    assert not said.endswith(".")
    return said


class TestStackDeploy:
    """CloudFormation deploys the app's template, and the stack keeps the digest."""

    def test_the_template_is_that_of_the_execution_and_the_digest_a_parameter_of_the_stack(self) -> None:
        told = action(whole(), "Dev", "Prediction.Prepare")["Configuration"]
        assert told["ActionMode"] == "CHANGE_SET_REPLACE"
        assert told["StackName"] == "Prediction"
        assert told["TemplatePath"] == "Assembly::Prediction.template.json"
        assert json.loads(told["ParameterOverrides"]) == {"ImageDigest": f"@{DIGEST}"}

    def test_exactly_the_change_set_that_was_made_is_executed(self) -> None:
        prepared = action(whole(), "Dev", "Prediction.Prepare")["Configuration"]
        executed = action(whole(), "Dev", "Prediction.Deploy")["Configuration"]
        assert executed == {
            "ActionMode": "CHANGE_SET_EXECUTE",
            "StackName": "Prediction",
            "ChangeSetName": prepared["ChangeSetName"],
        }

    def test_cloudformation_deploys_with_the_bootstraps_role_which_the_stage_may_pass_to_it_alone(self) -> None:
        role = action(whole(), "Dev", "Prediction.Prepare")["Configuration"]["RoleArn"]
        assert "cdk-hnb659fds-cfn-exec-role-" in flat(role)
        (passed,) = (one for one in statements(whole(), "StageDevRole") if one["Action"] == "iam:PassRole")
        assert passed["Resource"] == role
        assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}

    def test_the_stage_may_change_its_stack_and_no_other(self) -> None:
        used = [one for one in statements(whole(), "StageDevRole") if "cloudformation" in flat(one["Action"])]
        assert used
        assert all(flat(one["Resource"]).endswith(":stack/Prediction/*") for one in used)

    def test_a_stack_without_a_release_is_deployed_without_parameters(self) -> None:
        app = new_app()
        network = cdk.Stack(app, "Network", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        told = stage_of(app, StackDeploy(network))
        assert "ParameterOverrides" not in action(told, "Prod", "Network.Prepare")["Configuration"]

    def test_further_parameters_are_given_by_name(self) -> None:
        app = new_app()
        stack = released_stack(app)
        cdk.CfnParameter(stack, "Level", default="info")
        told = stage_of(app, StackDeploy(stack, parameters={"Level": "debug"}))
        given = json.loads(action(told, "Prod", "Prediction.Prepare")["Configuration"]["ParameterOverrides"])
        assert given == {"ImageDigest": f"@{DIGEST}", "Level": "debug"}

    def test_a_stack_in_a_stage_of_the_app_is_found_in_its_folder(self) -> None:
        app = new_app()
        inner = cdk.Stage(app, "Europe")
        stack = cdk.Stack(inner, "Prediction", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        told = stage_of(app, StackDeploy(stack))
        path = action(told, "Prod", "Europe-Prediction.Prepare")["Configuration"]["TemplatePath"]
        assert path == "Assembly::assembly-Europe/EuropePrediction0A1B.template.json".replace(
            "EuropePrediction0A1B.template.json", stack.template_file
        )

    def test_a_parameter_that_nobody_gives_is_refused(self) -> None:
        app = new_app()
        stack = released_stack(app)
        cdk.CfnParameter(stack, "Level")
        assert "lacks a value for Level, which has no default" in refused(app, StackDeploy(stack))

    def test_a_parameter_that_is_not_there_is_refused(self) -> None:
        app = new_app()
        said = refused(app, StackDeploy(released_stack(app), parameters={"Nothing": "1"}))
        assert "gives Nothing, of which the stack has no parameter: give the names of its CfnParameters" in said

    def test_a_stack_with_two_releases_is_refused_as_one_would_be_taken_back(self) -> None:
        app = new_app()
        stack = released_stack(app)
        other = ecr.Repository.from_repository_name(stack, "Other", "other")
        cdk.CfnOutput(stack, "Second", value=ReleaseImage(other, parameter="OtherDigest").reference(stack))
        said = refused(app, StackDeploy(stack))
        assert "holds releases in ImageDigest, OtherDigest" in said
        assert "put them into stacks of their own" in said

    def test_a_release_of_another_repository_is_refused(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Prediction", env=cdk.Environment(account="123456789012", region="eu-west-1"))
        other = ecr.Repository.from_repository_name(stack, "Repository", "other")
        cdk.CfnOutput(stack, "Image", value=ReleaseImage(other).reference(stack))
        said = refused(app, StackDeploy(stack))
        assert "ships an image of inference, and the stack runs releases of other" in said

    def test_parameters_that_codepipeline_does_not_take_are_refused(self) -> None:
        app = new_app()
        stack = released_stack(app)
        cdk.CfnParameter(stack, "Long", default="")
        said = refused(app, StackDeploy(stack, parameters={"Long": "x" * 1024}))
        assert "the action Prediction.Prepare has a ParameterOverrides of" in said
        assert "CodePipeline takes 1000, give fewer or shorter values" in said


class TestEngineRollout:
    """The engine is asked as `bluegreen start` asks it, and waited for."""

    @pytest.fixture(scope="class")
    @staticmethod
    def told() -> dict:
        app = new_app()
        return stage_of(app, EngineRollout(canary(app)))

    def test_the_request_is_one_that_the_engine_reads(self, told: dict) -> None:
        text = json.dumps(asked(told, "Prod", "Serving-Model.Rollout")).replace(DIGEST, "sha256:" + "0" * 64)
        request = StartRequest.of({**json.loads(text), **EXECUTION})
        assert request.target == "Serving/Model"
        assert request.release.name == "sha256:" + "0" * 64
        assert request.release.image.endswith("/inference@sha256:" + "0" * 64)
        assert not request.is_expedited
        assert "execution #{codepipeline.PipelineExecutionId}" in request.caller

    def test_a_release_that_is_live_already_is_not_rolled_out_again(self, told: dict) -> None:
        assert asked(told, "Prod", "Serving-Model.Rollout")["unless_live"] is True

    def test_the_action_waits_for_the_execution_that_it_starts(self, told: dict) -> None:
        given = action(told, "Prod", "Serving-Model.Rollout")["Configuration"]
        assert given["InputType"] == "Literal"
        assert given["ExecutionNamePrefix"] == "pipeline"
        assert "BlueGreenRolloutStateMachine" in flat(given["StateMachineArn"])
        rights = {flat(one["Action"]): flat(one["Resource"]) for one in statements(told, "StageProdRole")}
        assert rights["states:DescribeExecution"].endswith("execution:BlueGreenRolloutStateMachine*:pipeline-*")

    def test_a_fleet_is_told_the_name_of_its_archive(self) -> None:
        app = new_app()
        made = fleet(new_stack("Fleet", app))
        told = stage_of(app, EngineRollout(made, release="#{Source.CommitId}"))
        assert asked(told, "Prod", f"{made.target.replace('/', '-')}.Rollout")["release"] == {
            "name": "#{Source.CommitId}"
        }

    def test_a_fleet_that_is_told_none_is_refused(self) -> None:
        app = new_app()
        said = refused(app, EngineRollout(fleet(new_stack("Fleet", app))))
        assert "runs no images: give release=" in said

    def test_slots_are_refused_with_what_does_it(self) -> None:
        app = new_app()
        assert "use SlotSwap for slots" in refused(app, EngineRollout(slots(app)))

    def test_a_plan_longer_than_codepipeline_waits_is_refused_with_the_numbers(self) -> None:
        app = new_app()
        limits = RolloutLimits(deadline=timedelta(days=5), keep=timedelta(days=3))
        said = refused(app, EngineRollout(canary(app, limits=limits)))
        assert "the deadline 120 h" in said
        assert "keeping the former side 72 h" in said
        assert "CodePipeline waits 168 h for an action of Step Functions" in said

    def test_a_split_that_only_an_operator_ends_is_refused(self) -> None:
        app = new_app()
        made = canary(app, strategy=Split(50), stickiness=timedelta(days=1))
        assert "CodePipeline waits 168 h for an action of Step Functions" in refused(app, EngineRollout(made))

    def test_an_engine_of_another_region_is_refused(self) -> None:
        app = new_app()
        stack = cdk.Stack(app, "Far", env=cdk.Environment(account="123456789012", region="us-east-1"))
        far = Reached(stack)
        said = refused(app, EngineRollout(far))
        assert "in region us-east-1, and the pipeline in eu-west-1" in said
        assert "make a pipeline there" in said


class Reached:
    """A target whose engine is in a stack; what it runs is never asked."""

    def __init__(self, stack: cdk.Stack) -> None:
        self.target, self.engine = "Far/Model", RolloutEngine(stack, "Engine")


class TestSlotSwap:
    """A slot gets the release, and then production."""

    def test_the_release_is_deployed_to_the_slot_and_swapped_then(self) -> None:
        deploy = asked(whole(), "Prod", "Web-Web.staging.Deploy")
        swap = asked(whole(), "Prod", "Web-Web.staging.Swap")
        assert deploy["slots"]["verb"] == "deploy"
        assert deploy["slots"]["release"] == DIGEST
        assert deploy["slots"]["image"].endswith(f"/inference@{DIGEST}")
        assert swap["slots"]["verb"] == "swap"

    def test_both_requests_are_such_that_the_engine_reads_them(self) -> None:
        for name in ("Web-Web.staging.Deploy", "Web-Web.staging.Swap"):
            text = json.dumps(asked(whole(), "Prod", name)).replace(DIGEST, "sha256:" + "0" * 64)
            request = SlotsRequest.of({**json.loads(text), **EXECUTION})
            assert (request.target, request.slot) == ("Web/Web", "staging")

    def test_production_can_be_left_to_people(self) -> None:
        app = new_app()
        told = stage_of(app, SlotSwap(slots(app), swap=False))
        assert graph(told)["Prod"] == [(1, "Web-Web.staging.Deploy", "StepFunctions")]

    @pytest.mark.parametrize("slot", ["production", "nowhere"])
    def test_a_slot_that_gets_no_deployments_is_refused(self, slot: str) -> None:
        app = new_app()
        assert f"deploys to slot {slot} of Web/Web: give one of staging" in refused(app, SlotSwap(slots(app), slot))

    def test_what_has_no_slots_is_refused(self) -> None:
        app = new_app()
        assert "give one of none, it has no slots" in refused(app, SlotSwap(canary(app)))

    def test_a_bake_longer_than_codepipeline_waits_is_refused(self) -> None:
        app = new_app()
        made = slots(app, bake=timedelta(days=8))
        said = refused(app, SlotSwap(made))
        assert "the bake 192 h" in said
        assert "CodePipeline waits 168 h for an action of Step Functions" in said

    def test_a_canary_counts_with_its_patience(self) -> None:
        app = new_app()
        made = slots(app, bake=timedelta(hours=167), canary=Step(10, timedelta(minutes=30)))
        assert "the canary 1 h" in refused(app, SlotSwap(made))


class TestCodeDeployEcs:
    """CodePipeline registers the committed task definition with the image's digest, and CodeDeploy deploys it."""

    @pytest.fixture(scope="class")
    @staticmethod
    def told() -> dict:
        app = new_app()
        return stage_of(app, CodeDeployEcsDeploy(deployed(new_stack("Shop", app))), app=None)

    def test_both_files_are_the_sources_and_the_image_is_the_pushed_one(self, told: dict) -> None:
        (name,) = (name for _, name, provider in graph(told)["Prod"] if provider == "CodeDeployToECS")
        made = action(told, "Prod", name)
        given = made["Configuration"]
        assert given["TaskDefinitionTemplateArtifact"] == given["AppSpecTemplateArtifact"] == "Source"
        assert given["TaskDefinitionTemplatePath"] == "taskdef.json"
        assert given["AppSpecTemplatePath"] == "appspec.yaml"
        assert given["Image1ArtifactName"] == "Image"
        assert given["Image1ContainerName"] == "IMAGE1_NAME"
        assert [one["Name"] for one in made["InputArtifacts"]] == ["Source", "Image"]

    def test_the_stage_may_pass_the_tasks_own_roles_and_only_to_tasks(self, told: dict) -> None:
        (passed,) = (one for one in statements(told, "StageProdRole") if one["Action"] == "iam:PassRole")
        assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        assert all("*" not in flat(one) for one in passed["Resource"])

    def test_it_may_register_revisions_of_the_one_family(self, told: dict) -> None:
        registers = [one for one in statements(told, "StageProdRole") if "ecs:Reg" in flat(one["Action"])]
        assert registers
        assert all(":task-definition/" in flat(one["Resource"]) for one in registers)
        assert all(not flat(one["Resource"]).endswith("/*") for one in registers)

    def test_other_names_of_the_files_are_told(self) -> None:
        app = new_app()
        files = CommittedFiles(task_definition="deploy/task.json", app_spec="deploy/app.yaml")
        told = stage_of(app, CodeDeployEcsDeploy(deployed(new_stack("Shop", app)), files), app=None)
        given = action(told, "Prod", next(name for _, name, _ in graph(told)["Prod"]))["Configuration"]
        assert (given["TaskDefinitionTemplatePath"], given["AppSpecTemplatePath"]) == (
            "deploy/task.json",
            "deploy/app.yaml",
        )

    def test_a_service_that_amazon_ecs_rolls_out_is_refused(self) -> None:
        app = new_app()
        said = refused(app, CodeDeployEcsDeploy(service(new_stack("Shop", app))))
        assert "Amazon ECS rolls this service out itself, use StackDeploy" in said

    def test_a_service_elsewhere_is_refused(self) -> None:
        app = new_app()
        far = cdk.Stack(app, "Far", env=cdk.Environment(account="123456789012", region="us-east-1"))
        said = refused(app, CodeDeployEcsDeploy(deployed(far)))
        assert "us-east-1" in said
        assert "eu-west-1" in said

    def test_a_source_that_is_not_there_is_refused(self) -> None:
        app = new_app()
        said = refused(app, CodeDeployEcsDeploy(deployed(new_stack("Shop", app)), CommittedFiles(source="Files")))
        assert "reads the source Files: give one of Image, Source" in said

    def test_a_deployment_longer_than_codepipeline_waits_is_refused_with_the_numbers(self) -> None:
        app = new_app()
        made = deployed(
            new_stack("Shop", app), controller=CodeDeploy(approval=timedelta(hours=48)), bake=timedelta(hours=48)
        )
        # Approval and bake are 96 h, and CodePipeline waits 120: it fits, until the steps take 45 h, too.
        assert made.longest_deployment < timedelta(days=5)
        slow = deployed(
            new_stack("Slow", app),
            controller=CodeDeploy(approval=timedelta(hours=48)),
            strategy=Linear(percent=25, every=timedelta(hours=15)),
            bake=timedelta(hours=48),
        )
        said = refused(app, CodeDeployEcsDeploy(slow))
        assert "may take 141 h" in said
        assert "CodePipeline waits 120 h for an action of CodeDeploy" in said


class TestCodeDeployServer:
    """CodeDeploy deploys a source's archive to a group of instances."""

    def test_the_archive_is_deployed_to_the_group(self) -> None:
        app = new_app()
        stack = new_stack("Web", app)
        group = codedeploy.ServerDeploymentGroup(stack, "Instances")
        told = stage_of(app, CodeDeployServerDeploy(group), app=None)
        made = action(told, "Prod", "Instances.Deploy")
        assert made["ActionTypeId"]["Provider"] == "CodeDeploy"
        assert set(made["Configuration"]) == {"ApplicationName", "DeploymentGroupName"}
        assert [one["Name"] for one in made["InputArtifacts"]] == ["Source"]
        used = [one for one in statements(told, "StageProdRole") if "CreateDeployment" in flat(one["Action"])]
        assert all("deploymentgroup:" in flat(one["Resource"]) for one in used)

    @staticmethod
    def scaled(stack: cdk.Stack) -> autoscaling.AutoScalingGroup:
        return autoscaling.AutoScalingGroup(
            stack,
            "Scaled",
            vpc=vpc_in(stack),
            instance_type=ec2.InstanceType("t3.micro"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(),
        )

    @staticmethod
    def let_in(told: Mapping[str, Any]) -> dict[str, list[tuple[str, list[str]]]]:
        """Whom the pipeline's bucket and key let in by a role's ARN from another stack, to do what."""
        kinds = {"AWS::S3::BucketPolicy": "PolicyDocument", "AWS::KMS::Key": "KeyPolicy"}
        return {
            one["Type"]: [
                (flat(statement["Principal"]["AWS"]), statement["Action"])
                for statement in one["Properties"][kinds[one["Type"]]]["Statement"]
                if "Fn::ImportValue" in json.dumps(statement["Principal"])
            ]
            for one in told["Resources"].values()
            if one["Type"] in kinds
        }

    def test_the_instances_of_another_stack_may_read_what_is_deployed_to_them(self) -> None:
        app = new_app()
        stack = new_stack("Web", app)
        group = codedeploy.ServerDeploymentGroup(stack, "Instances", auto_scaling_groups=[self.scaled(stack)])
        made = pipeline(app, [DeliveryStage("Prod", deploys=[CodeDeployServerDeploy(group)])], app=None)
        found = self.let_in(template(made))
        ((who, reads),) = found["AWS::S3::BucketPolicy"]
        assert who.startswith("<Web:ExportsOutputFnGetAttScaledInstanceRole")
        assert reads == ["s3:GetObject", "s3:GetObjectVersion"]
        assert found["AWS::KMS::Key"] == [(who, ["kms:Decrypt", "kms:DescribeKey"])]
        app.synth()  # raises for a cycle
        assert stack.dependencies == []
        assert stack in cdk.Stack.of(made).dependencies

    def test_an_action_of_two_stages_lets_the_instances_in_once(self) -> None:
        app = new_app()
        stack = new_stack("Web", app)
        deploy = CodeDeployServerDeploy(
            codedeploy.ServerDeploymentGroup(stack, "Instances", auto_scaling_groups=[self.scaled(stack)])
        )
        stages = [DeliveryStage(name, deploys=[deploy]) for name in ("First", "Second")]
        found = self.let_in(template(pipeline(app, stages, app=None)))
        assert [len(one) for one in found.values()] == [1, 1]

    def test_nobody_is_let_in_whom_the_app_does_not_know(self) -> None:
        app = new_app()
        stack = new_stack("Web", app)
        imported = autoscaling.AutoScalingGroup.from_auto_scaling_group_name(stack, "Theirs", "theirs")
        tagged = codedeploy.ServerDeploymentGroup(
            stack, "Instances", auto_scaling_groups=[imported], install_agent=False
        )
        elsewhere = codedeploy.ServerDeploymentGroup.from_server_deployment_group_attributes(
            stack, "Elsewhere", application=tagged.application, deployment_group_name="elsewhere"
        )
        deploys = [CodeDeployServerDeploy(tagged), CodeDeployServerDeploy(elsewhere)]
        found = self.let_in(template(pipeline(app, [DeliveryStage("Prod", deploys=deploys)], app=None)))
        assert found == {"AWS::S3::BucketPolicy": [], "AWS::KMS::Key": []}


def changes_said(folder: Path, answers: str) -> str:
    """What the review's commands print, as a shell runs them, with an `aws` that does what `answers` says."""
    program = folder / "aws"
    program.write_text(f"#!/bin/sh\n{answers}\n", encoding="utf-8")
    program.chmod(0o755)
    commands = [*action(whole(), "ReviewProd", "Changes")["Commands"], 'echo "said:$CHANGES"']
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


class TestReview:
    """Before an approval, people see what would change."""

    def test_the_change_set_that_is_shown_is_not_the_one_that_is_executed(self) -> None:
        shown = action(whole(), "ReviewProd", "Production.Changes")["Configuration"]
        executed = action(whole(), "Prod", "Production.Deploy")["Configuration"]
        assert shown["ChangeSetName"] != executed["ChangeSetName"]
        prepared = action(whole(), "Prod", "Production.Prepare")["Configuration"]
        assert {**shown, "ChangeSetName": ""} == {**prepared, "ChangeSetName": ""}

    def test_nobody_can_execute_anything_in_the_review(self) -> None:
        assert "cloudformation:ExecuteChangeSet" not in json.dumps(statements(whole(), "StageReviewProdRole"))

    def test_the_question_names_who_is_asked_the_image_and_the_changes(self) -> None:
        told = action(whole(), "ReviewProd", "Approve")
        text = told["Configuration"]["CustomData"]
        assert text == f"release manager: ship {DIGEST} to Prod? Changes: #{{ReviewProd.CHANGES}}"
        assert "filteringText=Production" in flat(told["Configuration"]["ExternalEntityLink"])
        assert told["TimeoutInMinutes"] == 7 * 24 * 60

    def test_the_changes_are_read_from_that_change_set_in_words(self) -> None:
        made = action(whole(), "ReviewProd", "Changes")
        assert made["OutputVariables"] == ["CHANGES"]
        assert made["Namespace"] == "ReviewProd"
        (said,) = (one for one in made["Commands"] if "echo unreadable" in one)
        assert "--stack-name Production --change-set-name BlueGreenReview" in said
        query = said.split('--query "')[1].split('"')[0]
        described = {
            "Changes": [
                {"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Service"}},
                {"ResourceChange": {"Action": "Add", "LogicalResourceId": "Rule"}},
            ]
        }
        assert jmespath.search(query, described) == ["Modify Service", "Add Rule"]
        assert jmespath.search(query, {"Changes": []}) == []

    def test_the_commands_are_such_that_a_shell_takes_them(self, tmp_path: Path) -> None:
        """Run as they are, with an `aws` that answers as the real one does to these queries."""
        said = changes_said(tmp_path, "printf 'Modify Service\\tAdd Rule\\n'")
        assert "said: Production: Modify Service,Add Rule" in said

    def test_a_change_set_that_cannot_be_read_is_said_and_stops_nobody(self, tmp_path: Path) -> None:
        assert "said: Production: unreadable" in changes_said(tmp_path, "exit 254")

    def test_a_topic_is_told_that_somebody_waits(self) -> None:
        app = new_app()
        topic = sns.Topic.from_topic_arn(new_stack("Topics", app), "OnCall", "arn:aws:sns:eu-west-1:123456789012:on")
        stage = DeliveryStage(
            "Prod",
            deploys=[EngineRollout(canary(app))],
            approval=StageApproval("release manager", topic=topic, timeout=timedelta(hours=4)),
        )
        told = template(pipeline(app, [stage]))
        made = action(told, "ReviewProd", "Approve")
        assert made["Configuration"]["NotificationArn"] == "arn:aws:sns:eu-west-1:123456789012:on"
        assert made["TimeoutInMinutes"] == 240
        assert "CHANGES" not in made["Configuration"]["CustomData"]  # no stack of it changes
        rights = [flat(one["Action"]) for one in statements(told, "StageReviewProdRole")]
        assert rights == ["sns:Publish"]

    @pytest.mark.parametrize(
        ("span", "said"),
        [
            (timedelta(minutes=4), "StageApproval timeout is 4 min: give at least 5 min"),
            (timedelta(days=61), "CodePipeline waits 1440 h for a manual approval: give less"),
        ],
    )
    def test_a_time_that_codepipeline_does_not_wait_is_refused(self, span: timedelta, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            StageApproval(timeout=span)


def test_an_engine_knows_the_settings_of_its_targets_and_refuses_others() -> None:
    app = new_app()
    made: CanaryAlb = canary(app)
    assert made.engine.settings_of("Serving/Model").target == "Serving/Model"
    with pytest.raises(ConfigurationError, match="runs no target 'Other/Model': give one of Serving/Model"):
        made.engine.settings_of("Other/Model")


def test_the_role_of_an_account_is_imported_as_it_is() -> None:
    role = iam.Role.from_role_arn(cdk.Stack(), "Role", "arn:aws:iam::210987654321:role/bluegreen-delivery")
    assert not isinstance(role, iam.Role)
