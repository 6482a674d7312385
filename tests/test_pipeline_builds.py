"""What makes a pipeline's images: the actions, the projects, their rights, and the commands as bash runs them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr

from bluegreen_constructs.build_machine import BuildMachine
from bluegreen_constructs.code_build_image import CodeBuildImage
from bluegreen_constructs.code_commit_source import CodeCommitSource
from bluegreen_constructs.ecr_publish import EcrBuildAndPublish
from bluegreen_constructs.image_scan_gate import ImageScan
from bluegreen_constructs.pipeline_parts import ImageBuild, MadeBuild
from tests.build_commands import Builder, Ran
from tests.delivery_pipeline import ACCOUNT, REGION, Delivery, allowed, commands_of, refused

URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop"
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PUSHED = {"imageTags": ["execution-1"], "imageDigest": OLD, "imagePushedAt": "2026-01-01"}


def built(make: Any, **options: Any) -> tuple[Delivery, MadeBuild]:
    """A pipeline of a CodeCommit source and the build that `make` makes for a repository."""
    delivery = Delivery()
    made = into(delivery, make(delivery.repository(), **options))
    return delivery, made


def into(delivery: Delivery, build: ImageBuild) -> MadeBuild:
    (source,) = delivery.source(CodeCommitSource(code_of(delivery)))
    return delivery.build(build.make(delivery.place("Making"), source.artifact))


def code_of(delivery: Delivery) -> codecommit.Repository:
    return codecommit.Repository(delivery.stack, "Git", repository_name="shop")


def variables(project: dict[str, Any], **further: str) -> dict[str, str]:
    """The project's own, with the repository's names as they would be deployed."""
    own = {one["Name"]: one["Value"] for one in project["Environment"].get("EnvironmentVariables", [])}
    return own | {"REPOSITORY_NAME": "shop", "REPOSITORY_URI": URI} | further


class TestCodeBuildActions:
    def test_the_tests_the_build_and_the_scan_run_one_after_another(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        (_, stage) = delivery.only("AWS::CodePipeline::Pipeline")["Stages"]
        assert [(one["Name"], one["RunOrder"]) for one in stage["Actions"]] == [("Test", 1), ("Build", 2), ("Scan", 3)]
        for one in stage["Actions"]:
            assert one["ActionTypeId"]["Provider"] == "CodeBuild"
            assert one["InputArtifacts"] == [{"Name": "Source"}]

    def test_without_tests_and_scan_there_is_only_the_build(self) -> None:
        delivery, made = built(CodeBuildImage, scan=None)
        assert len(made.actions) == 1
        assert delivery.action("Build")["RunOrder"] == 1

    def test_what_is_shipped_is_named_by_the_digest_that_the_build_exports(self) -> None:
        delivery, made = built(CodeBuildImage)
        assert made.image.digest == "#{Build.IMAGE_DIGEST}"
        assert delivery.action("Build")["Namespace"] == "Build"
        assert delivery.action("Build")["OutputArtifacts"] == [{"Name": "BuildImage"}]
        assert made.image.artifact is not None
        spec = json.loads(delivery.only("AWS::CodeBuild::Project", "MakingImage")["Source"]["BuildSpec"])
        assert spec["env"]["exported-variables"] == ["IMAGE_DIGEST"]
        assert spec["artifacts"] == {"files": ["imageDetail.json"]}

    def test_the_image_is_tagged_with_the_execution(self) -> None:
        delivery, _ = built(CodeBuildImage)
        given = json.loads(delivery.action("Build")["Configuration"]["EnvironmentVariables"])
        assert given == [
            {"name": "IMAGE_TAG", "value": "#{codepipeline.PipelineExecutionId}", "type": "PLAINTEXT"},
        ]

    def test_a_commit_can_be_the_tag(self) -> None:
        delivery, _ = built(CodeBuildImage, tag="commit-#{Source.CommitId}")
        (given,) = json.loads(delivery.action("Build")["Configuration"]["EnvironmentVariables"])
        assert given["value"] == "commit-#{Source.CommitId}"

    def test_the_scan_looks_at_what_the_build_pushed(self) -> None:
        delivery, _ = built(CodeBuildImage)
        given = json.loads(delivery.action("Scan")["Configuration"]["EnvironmentVariables"])
        assert given == [{"name": "IMAGE_DIGEST", "value": "#{Build.IMAGE_DIGEST}", "type": "PLAINTEXT"}]

    def test_only_the_build_itself_is_privileged_and_may_reach_the_repository(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        assert delivery.only("AWS::CodeBuild::Project", "MakingImage")["Environment"]["PrivilegedMode"] is True
        for other in ("MakingTests", "MakingScan"):
            assert delivery.only("AWS::CodeBuild::Project", other)["Environment"]["PrivilegedMode"] is False
        assert {one.split(":")[0] for one in allowed(delivery.statements("MakingTestsRole"))} == {"kms", "logs", "s3"}
        reads = {one for one in allowed(delivery.statements("MakingScanRole")) if one.startswith("ecr:")}
        assert reads == {"ecr:DescribeImageScanFindings"}

    def test_the_build_may_push_to_the_one_repository_and_log_in(self) -> None:
        delivery, _ = built(CodeBuildImage)
        statements = [one for one in delivery.statements("MakingImageRole") if "ecr:" in json.dumps(one)]
        (repository,) = delivery.resources("AWS::ECR::Repository")
        assert [one["Resource"] for one in statements] == ["*", {"Fn::GetAtt": [repository, "Arn"]}]
        assert statements[0]["Action"] == "ecr:GetAuthorizationToken"
        assert "ecr:PutImage" in statements[1]["Action"]

    def test_no_right_of_a_build_has_a_wildcard_in_its_action(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        for project in ("Tests", "Image", "Scan"):
            for action in allowed(delivery.statements(f"Making{project}Role")):
                assert "*" not in action

    def test_base_images_may_be_pulled(self) -> None:
        delivery = Delivery()
        base = ecr.Repository.from_repository_name(delivery.stack, "Base", "base")
        into(delivery, CodeBuildImage(delivery.repository(), base_images=[base]))
        (pulls,) = [one for one in delivery.statements("MakingImageRole") if "repository/base" in json.dumps(one)]
        assert set(pulls["Action"]) == {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        }

    def test_artefacts_are_encrypted_with_the_pipelines_key(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        key = delivery.stack.resolve(delivery.key.key_arn)
        for project in delivery.resources("AWS::CodeBuild::Project").values():
            assert project["EncryptionKey"] == key

    def test_a_build_writes_artefacts_only_where_it_makes_one(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        assert "s3:PutObject" not in allowed(delivery.statements("MakingTestsRole"))
        assert "s3:PutObject" in allowed(delivery.statements("MakingImageRole"))

    def test_the_actions_role_only_starts_these_builds(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        statements = [one for one in delivery.statements("MakingRole") if "Making" in json.dumps(one["Resource"])]
        assert allowed(statements) == {"codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"}
        assert allowed(delivery.statements("MakingRole")) == allowed(statements)

    def test_a_build_that_several_actions_run_is_allowed_the_same_once(self) -> None:
        delivery = Delivery()
        (source,) = delivery.source(CodeCommitSource(code_of(delivery)))
        role = delivery.place("Twice").roles.make(delivery.stack, "Starts", "Starts it")
        project = ImageScan().project(delivery.stack, delivery.repository(), writes_detail=False)
        for name in ("First", "Second"):
            delivery.stage(name, [project.action(name, role, order=1, inputs=[source.artifact])])
        statements = delivery.statements("ScanRole")
        assert len(statements) == len({json.dumps(one, sort_keys=True) for one in statements}) == 5

    def test_each_build_has_a_log_that_ends(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"])
        logs = delivery.resources("AWS::Logs::LogGroup")
        assert [one["RetentionInDays"] for one in logs.values()] == [90, 90, 90]
        named = {
            one["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"]
            for one in delivery.resources("AWS::CodeBuild::Project").values()
        }
        assert named == set(logs)

    def test_the_machine_is_of_the_images_architecture(self) -> None:
        machine = BuildMachine(size="LARGE", architecture="arm64", timeout=timedelta(minutes=20))
        delivery, _ = built(CodeBuildImage, machine=machine)
        project = delivery.only("AWS::CodeBuild::Project", "MakingImage")
        assert project["Environment"]["Type"] == "ARM_CONTAINER"
        assert project["Environment"]["Image"].startswith("aws/codebuild/amazonlinux-aarch64-standard:")
        assert project["Environment"]["ComputeType"] == "BUILD_GENERAL1_LARGE"
        assert project["TimeoutInMinutes"] == 20

    def test_an_image_of_ones_own_chooses_no_language_versions(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pytest"], machine=BuildMachine(image="example/builder:1"))
        project = delivery.only("AWS::CodeBuild::Project", "MakingTests")
        assert project["Environment"]["Image"] == "example/builder:1"
        assert "install" not in json.loads(project["Source"]["BuildSpec"])["phases"]

    def test_the_tests_are_run_as_they_were_given(self) -> None:
        delivery, _ = built(CodeBuildImage, tests=["pip install -e .", "pytest -q"])
        assert commands_of(delivery.only("AWS::CodeBuild::Project", "MakingTests")) == ["pip install -e .", "pytest -q"]


class TestCodeBuildRefusals:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"tag": ""}, "tag is ''"),
            ({"tag": "a b"}, "tag is 'a b'"),
            ({"tag": "-x"}, "tag is '-x'"),
            ({"tag": "#{Source}"}, "tag is '#{Source}'"),
            ({"tag": "$(id)"}, "tag is '$(id)'"),
            ({"tag": "latest"}, "the same in each execution"),
            ({"tests": "pytest"}, "tests is 'pytest'"),
            ({"tests": ["pytest", " "]}, "tests is ['pytest', ' ']"),
            ({"dockerfile": ""}, "dockerfile is ''"),
            ({"dockerfile": "/Dockerfile"}, "dockerfile is '/Dockerfile'"),
            ({"context": "../other"}, "context is '../other'"),
            ({"context": "--pull"}, "context is '--pull'"),
            ({"build_args": {"A B": "c"}}, "build_args has 'A B'"),
            ({"name": "a b"}, "name is 'a b'"),
        ],
    )
    def test_what_a_build_would_fail_at_is_refused(self, options: dict[str, Any], words: str) -> None:
        repository = Delivery().repository()
        assert words in refused(lambda: CodeBuildImage(repository, **options))

    @pytest.mark.parametrize("build", [CodeBuildImage, EcrBuildAndPublish])
    def test_a_repository_elsewhere_is_refused(self, build: Any) -> None:
        delivery = Delivery()
        arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/shop"
        repository = ecr.Repository.from_repository_arn(delivery.stack, "Other", arn)
        assert "region us-east-1" in refused(lambda: into(delivery, build(repository)))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"size": "HUGE"}, "size is 'HUGE'"),
            ({"architecture": "sparc"}, "architecture is 'sparc'"),
            ({"image": ""}, "image is ''"),
            ({"timeout": timedelta(minutes=4)}, "timeout is 0:04:00"),
            ({"timeout": timedelta(hours=37)}, "timeout is 1 day, 13:00:00"),
            ({"timeout": timedelta(seconds=330)}, "timeout is 0:05:30"),
        ],
    )
    def test_machines_that_codebuild_does_not_have_are_refused(self, options: dict[str, Any], words: str) -> None:
        assert words in refused(lambda: BuildMachine(**options))

    def test_a_build_that_is_longer_than_codepipeline_waits_is_refused(self) -> None:
        machine = BuildMachine(timeout=timedelta(hours=8, minutes=1))
        message = refused(lambda: built(CodeBuildImage, machine=machine))
        assert message == (
            "the build Build may take 481 min (the machine's time-out 481 min), and CodePipeline waits 8 h for an "
            "action of CodeBuild: give its BuildMachine a shorter timeout"
        )

    def test_a_build_that_is_just_as_long_as_codepipeline_waits_is_made(self) -> None:
        delivery, _ = built(CodeBuildImage, machine=BuildMachine(timeout=timedelta(hours=8)))
        assert delivery.only("AWS::CodeBuild::Project", "MakingImage")["TimeoutInMinutes"] == 480


class TestCodeBuildCommands:
    @staticmethod
    def run(folder: Path, world: dict[str, Any], *, tag: str = "execution-2", **options: Any) -> tuple[Ran, Builder]:
        delivery, _ = built(CodeBuildImage, **options)
        project = delivery.only("AWS::CodeBuild::Project", "MakingImage")
        builder = Builder(folder, {"next": NEW} | world)
        return builder.run(commands_of(project), variables(project, IMAGE_TAG=tag)), builder

    def test_an_image_is_built_pushed_once_and_named_by_its_digest(self, tmp_path: Path) -> None:
        ran, builder = self.run(tmp_path, {})
        assert ran.status == 0, ran.printed
        assert ran.exported == f"IMAGE_DIGEST={NEW}"
        assert json.loads(builder.read("imageDetail.json")) == {"ImageURI": f"{URI}@{NEW}"}
        login, build, push = ran.calls("docker")
        host = URI.partition("/")[0]
        assert login == ["login", "--username", "AWS", "--password-stdin", host, "with password"]
        assert build[-5:] == ["--file", "Dockerfile", "--tag", f"{URI}:execution-2", "."]
        assert push == ["push", f"{URI}:execution-2"]

    def test_nothing_but_the_detail_is_left_in_the_source(self, tmp_path: Path) -> None:
        self.run(tmp_path, {})
        assert [one.name for one in (tmp_path / "source").iterdir()] == ["imageDetail.json"]

    def test_an_execution_that_is_retried_ships_what_it_pushed(self, tmp_path: Path) -> None:
        ran, builder = self.run(tmp_path, {"images": [PUSHED]}, tag="execution-1")
        assert ran.status == 0, ran.printed
        assert ran.exported == f"IMAGE_DIGEST={OLD}"
        assert json.loads(builder.read("imageDetail.json")) == {"ImageURI": f"{URI}@{OLD}"}
        assert ran.calls("docker") == []

    def test_two_builds_of_one_tag_ship_the_image_that_came_first(self, tmp_path: Path) -> None:
        ran, _ = self.run(tmp_path, {"failing": ["push"], "another_pushes": True, "next": OLD})
        assert ran.status == 0, ran.printed
        assert ran.exported == f"IMAGE_DIGEST={OLD}"

    @pytest.mark.parametrize("failing", ["login", "build", "push"])
    def test_a_docker_that_fails_fails_the_build(self, tmp_path: Path, failing: str) -> None:
        ran, _ = self.run(tmp_path, {"failing": [failing]})
        assert ran.status != 0
        assert not ran.exported
        assert not (tmp_path / "source" / "imageDetail.json").exists()

    def test_a_repository_that_cannot_be_read_fails_the_build_before_it_begins(self, tmp_path: Path) -> None:
        ran, _ = self.run(tmp_path, {"denied": True})
        assert ran.status != 0
        assert "AccessDeniedException" in ran.printed
        assert ran.calls("docker") == []

    def test_layers_are_taken_from_the_newest_image(self, tmp_path: Path) -> None:
        older = {"imageTags": ["execution-0"], "imageDigest": "sha256:" + "0" * 64, "imagePushedAt": "2025-12-31"}
        ran, _ = self.run(tmp_path, {"images": [older, PUSHED]})
        build = ran.calls("docker")[1]
        assert build[:5] == ["build", "--build-arg", "BUILDKIT_INLINE_CACHE=1", "--cache-from", f"{URI}@{OLD}"]

    def test_the_first_image_has_no_layers_to_take(self, tmp_path: Path) -> None:
        ran, _ = self.run(tmp_path, {})
        assert "--cache-from" not in ran.calls("docker")[1]

    def test_without_cache_every_layer_is_built(self, tmp_path: Path) -> None:
        ran, _ = self.run(tmp_path, {"images": [PUSHED]}, cache=False)
        assert ran.status == 0, ran.printed
        assert ran.calls("docker")[1][:2] == ["build", "--file"]
        delivery, _ = built(CodeBuildImage, cache=False)
        assert delivery.only("AWS::CodeBuild::Project", "MakingImage")["Cache"] == {"Type": "NO_CACHE"}

    def test_arguments_of_the_dockerfile_arrive_as_they_were_given(self, tmp_path: Path) -> None:
        given = {"GREETING": 'it\'s a "$HOME" `id`', "EMPTY": ""}
        ran, _ = self.run(tmp_path, {}, build_args=given, dockerfile="docker/Dockerfile", context="services/shop")
        build = ran.calls("docker")[1]
        assert f"GREETING={given['GREETING']}" in build
        assert "EMPTY=" in build
        assert build[-5:] == ["--file", "docker/Dockerfile", "--tag", f"{URI}:execution-2", "services/shop"]


def scanned(status: str, **counts: int) -> dict[str, Any]:
    return {"imageScanStatus": {"status": status}, "imageScanFindings": {"findingSeverityCounts": counts}}


class TestScanCommands:
    @staticmethod
    def look(folder: Path, scans: list[Any], **options: Any) -> Ran:
        delivery, _ = built(EcrBuildAndPublish, scan=ImageScan(**options))
        project = delivery.only("AWS::CodeBuild::Project", "MakingScan")
        return Builder(folder, {"scans": scans}).run(commands_of(project), variables(project, IMAGE_DIGEST=NEW))

    @pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
    def test_an_image_without_findings_passes(self, tmp_path: Path, status: str) -> None:
        ran = self.look(tmp_path, [scanned(status)])
        assert ran.status == 0, ran.printed
        (asked,) = ran.calls("aws")
        assert f"imageDigest={NEW}" in asked

    @pytest.mark.parametrize(
        ("counts", "passes"),
        [
            ({"HIGH": 1}, False),
            ({"CRITICAL": 1}, False),
            ({"MEDIUM": 9, "LOW": 90, "INFORMATIONAL": 7, "UNTRIAGED": 3, "UNDEFINED": 1}, True),
        ],
    )
    def test_findings_as_bad_or_worse_fail_it(self, tmp_path: Path, counts: dict[str, int], passes: bool) -> None:
        ran = self.look(tmp_path, [scanned("COMPLETE", **counts)])
        assert (ran.status == 0) is passes, ran.printed

    @pytest.mark.parametrize(("found", "passes"), [(3, True), (4, False)])
    def test_as_many_as_are_allowed_pass(self, tmp_path: Path, found: int, passes: bool) -> None:
        ran = self.look(tmp_path, [scanned("COMPLETE", HIGH=2, CRITICAL=found - 2)], maximum=3)
        assert (ran.status == 0) is passes, ran.printed
        assert f"has {found} findings" in ran.printed

    @pytest.mark.parametrize("name", ["UNTRIAGED", "UNDEFINED"])
    def test_findings_without_a_severity_count_when_asked_for(self, tmp_path: Path, name: str) -> None:
        ran = self.look(tmp_path, [scanned("COMPLETE", **{name: 1})], fail_on="UNTRIAGED")
        assert ran.status != 0

    def test_a_scan_that_runs_is_waited_for(self, tmp_path: Path) -> None:
        scans = ["ScanNotFoundException", scanned("PENDING"), scanned("IN_PROGRESS"), scanned("COMPLETE", HIGH=1)]
        ran = self.look(tmp_path, scans)
        assert ran.status != 0
        assert ran.calls("sleep") == [["15"]] * 3
        assert "has 1 findings" in ran.printed

    @pytest.mark.parametrize("scan", ["ScanNotFoundException", "AccessDeniedException", scanned("IN_PROGRESS")])
    def test_no_scan_by_the_end_of_the_wait_is_no_evidence(self, tmp_path: Path, scan: object) -> None:
        ran = self.look(tmp_path, [scan], wait=timedelta(minutes=1))
        assert ran.status != 0
        assert len(ran.calls("sleep")) == 4
        assert "no evidence" in ran.printed
        if isinstance(scan, str):
            assert scan in ran.printed

    @pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE", "SOMETHING_NEW"])
    def test_a_scan_that_ended_otherwise_is_no_evidence(self, tmp_path: Path, status: str) -> None:
        ran = self.look(tmp_path, [scanned(status)])
        assert ran.status != 0
        assert ran.calls("sleep") == []
        assert f"ended as {status}" in ran.printed

    def test_a_scan_that_shows_no_findings_at_all_is_no_evidence(self, tmp_path: Path) -> None:
        ran = self.look(tmp_path, [{"imageScanStatus": {"status": "COMPLETE"}}])
        assert ran.status != 0
        assert "no evidence" in ran.printed

    def test_each_status_that_ecr_has_is_known_to_end_or_to_go_on(self, tmp_path: Path) -> None:
        shape = botocore.session.get_session().get_service_model("ecr").shape_for("ScanStatus")
        for number, status in enumerate(shape.enum):  # type: ignore[attr-defined]
            folder = tmp_path / str(number)
            folder.mkdir()
            ran = self.look(folder, [scanned(status)], wait=timedelta(minutes=1))
            assert (ran.status == 0) is (status in {"COMPLETE", "ACTIVE"}), status
            assert bool(ran.calls("sleep")) is (status in {"IN_PROGRESS", "PENDING"}), status

    def test_the_gate_writes_the_detail_that_the_publishing_action_does_not(self, tmp_path: Path) -> None:
        self.look(tmp_path, [scanned("COMPLETE")])
        assert json.loads((tmp_path / "source" / "imageDetail.json").read_text()) == {"ImageURI": f"{URI}@{NEW}"}

    def test_an_image_that_fails_leaves_no_detail(self, tmp_path: Path) -> None:
        self.look(tmp_path, [scanned("COMPLETE", HIGH=1)])
        assert not (tmp_path / "source" / "imageDetail.json").exists()

    def test_inspectors_findings_are_read_with_its_own_rights(self) -> None:
        delivery, _ = built(EcrBuildAndPublish, scan=ImageScan(is_enhanced=True))
        found = allowed(delivery.statements("MakingScanRole"))
        assert {"inspector2:ListCoverage", "inspector2:ListFindings"} <= found

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"fail_on": "high"}, "fail_on is 'high'"),
            ({"maximum": -1}, "maximum is -1"),
            ({"maximum": True}, "maximum is True"),
            ({"wait": timedelta(seconds=59)}, "wait is 0:00:59"),
            ({"wait": timedelta(hours=2)}, "wait is 2:00:00"),
        ],
    )
    def test_what_could_not_be_judged_is_refused(self, options: dict[str, Any], words: str) -> None:
        assert words in refused(lambda: ImageScan(**options))


class TestPublish:
    def test_the_action_pushes_the_executions_tag(self) -> None:
        delivery, made = built(EcrBuildAndPublish, folder="services/shop")
        action = delivery.action("Build")
        assert action["ActionTypeId"] == {
            "Category": "Build",
            "Owner": "AWS",
            "Provider": "ECRBuildAndPublish",
            "Version": "1",
        }
        (repository,) = delivery.resources("AWS::ECR::Repository")
        assert action["Configuration"] == {
            "ECRRepositoryName": {"Ref": repository},
            "DockerFilePath": "services/shop",
            "ImageTags": "#{codepipeline.PipelineExecutionId}",
            "RegistryType": "private",
        }
        assert "OutputArtifacts" not in action
        assert made.image.digest == "#{Build.ECRImageDigestId}"
        assert action["Namespace"] == "Build"

    def test_the_scan_writes_the_detail(self) -> None:
        delivery, made = built(EcrBuildAndPublish)
        assert made.image.artifact is not None
        assert delivery.action("Scan")["OutputArtifacts"] == [{"Name": "BuildImage"}]
        assert delivery.action("Scan")["RunOrder"] == 2

    def test_without_a_scan_there_is_no_detail(self) -> None:
        _, made = built(EcrBuildAndPublish, scan=None)
        assert made.image.artifact is None
        assert len(made.actions) == 1

    def test_the_action_may_push_to_the_one_repository(self) -> None:
        delivery, _ = built(EcrBuildAndPublish)
        (push,) = [one for one in delivery.statements("MakingRole") if "ecr:PutImage" in one["Action"]]
        assert set(push["Action"]) == {
            "ecr:BatchCheckLayerAvailability",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeRepositories",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        }
        (repository,) = delivery.resources("AWS::ECR::Repository")
        assert push["Resource"] == {"Fn::GetAtt": [repository, "Arn"]}

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"tags": []}, "tags is []"),
            ({"tags": "latest"}, "tags is 'latest'"),
            ({"tags": ["a,b"]}, "tag is 'a,b'"),
            ({"folder": "/shop"}, "folder is '/shop'"),
            ({"folder": ""}, "folder is ''"),
            ({"folder": "../shop"}, "folder is '../shop'"),
            ({"name": "a b"}, "name is 'a b'"),
        ],
    )
    def test_what_the_action_would_fail_at_is_refused(self, options: dict[str, Any], words: str) -> None:
        repository = Delivery().repository()
        assert words in refused(lambda: EcrBuildAndPublish(repository, **options))
