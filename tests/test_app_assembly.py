"""AppAssembly: the app is synthesised once, without any right, and its assets are published with the bootstrap's."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3_assets as assets

from bluegreen_constructs.app_assembly import AppAssembly, MadeAssembly
from bluegreen_constructs.asset_publication import PUBLISHER, bootstrap_qualifier
from bluegreen_constructs.build_machine import BuildMachine
from bluegreen_constructs.code_commit_source import CodeCommitSource
from bluegreen_constructs.pipeline_parts import ImageReference
from bluegreen_constructs.rehearsal import cdk_cli
from tests.delivery_pipeline import ACCOUNT, REGION, Delivery, allowed, commands_of, refused

# What publishes is AWS's; here is only told what it was asked.
PLAYED_LIBRARY = """
class DefaultAwsClient {}
class AssetPublishing {
  constructor(manifest, options) { Object.assign(this, { manifest, ...options }); }
  async publish() {
    if (!(this.aws instanceof DefaultAwsClient)) throw new Error("no client");
    const message = `with the library's client: ${this.manifest}`;
    this.progressListener.onPublishEvent("start", { percentComplete: 0, message });
    if (this.manifest === process.env.FAILS) throw new Error("no such bucket");
  }
}
module.exports = { AssetManifest: { fromPath: (path) => path }, AssetPublishing, DefaultAwsClient };
"""
OTHER = cdk.Environment(account="210987654321", region="us-east-1")


def service(app: cdk.App, name: str = "Service", env: cdk.Environment | None = None) -> cdk.Stack:
    return cdk.Stack(app, name, env=env or cdk.Environment(account=ACCOUNT, region=REGION))


def assembled(
    *names: str, env: cdk.Environment | None = None, ships: bool = True, **options: Any
) -> tuple[Delivery, MadeAssembly]:
    """A pipeline that synthesises its app, and deploys stacks of these names."""
    app = cdk.App()
    return delivering(app, [service(app, name, env) for name in names], ships=ships, **options)


def delivering(
    app: cdk.App, stacks: list[cdk.Stack], *, ships: bool = True, **options: Any
) -> tuple[Delivery, MadeAssembly]:
    delivery = Delivery(app)
    code = codecommit.Repository(delivery.stack, "Git", repository_name="shop")
    (source,) = delivery.source(CodeCommitSource(code))
    image = ImageReference(ecr.Repository.from_repository_name(delivery.stack, "Shop", "shop"), "#{Image.ImageDigest}")
    made = AppAssembly(**options).make(delivery.place("App"), source.artifact, image if ships else None, stacks)
    delivery.stage("Synth", made.actions)
    return delivery, made


def project(delivery: Delivery, name: str) -> dict[str, Any]:
    return delivery.only("AWS::CodeBuild::Project", f"App{name}")


def manifests_of(delivery: Delivery) -> list[str]:
    """What the publication is told to publish."""
    (command,) = commands_of(project(delivery, "Assets"))
    (line,) = [one for one in command.splitlines() if " node - " in one]
    return shlex.split(line.partition(" node - ")[2].partition("<<")[0])


class TestSynthesis:
    def test_the_source_becomes_the_assembly(self) -> None:
        delivery, made = assembled()
        action = delivery.action("Synth")
        assert action["InputArtifacts"] == [{"Name": "Source"}]
        assert action["OutputArtifacts"] == [{"Name": "Assembly"}]
        assert made.artifact.artifact_name == "Assembly"
        spec = json.loads(project(delivery, "Synth")["Source"]["BuildSpec"])
        assert spec["artifacts"] == {"files": ["**/*"], "base-directory": "cdk.out"}
        assert spec["phases"]["install"]["commands"] == ["pip install -r requirements.txt"]
        assert set(spec["phases"]["install"]["runtime-versions"]) == {"nodejs", "python"}

    def test_the_command_line_of_the_cdk_is_the_one_that_the_rehearsal_asks_for(self) -> None:
        delivery, _ = assembled()
        (command,) = commands_of(project(delivery, "Synth"))
        assert command.endswith(" synth --quiet")
        (package,) = [word for word in command.split() if "@" in word]
        assert package in Path(cdk_cli.__file__).read_text(encoding="utf-8")

    def test_the_app_is_told_the_release(self) -> None:
        delivery, _ = assembled()
        assert json.loads(delivery.action("Synth")["Configuration"]["EnvironmentVariables"]) == [
            {"name": "BLUEGREEN_RELEASE", "value": "#{Image.ImageDigest}", "type": "PLAINTEXT"}
        ]

    def test_a_pipeline_without_an_image_tells_none(self) -> None:
        delivery, _ = assembled(ships=False)
        assert "EnvironmentVariables" not in delivery.action("Synth")["Configuration"]

    def test_it_runs_what_was_given_where_it_was_given(self) -> None:
        delivery, _ = assembled(
            install=["npm ci"],
            commands=["npm run build", "npm run synth"],
            output="dist/assembly",
            environment={"STAGE": "all"},
            machine=BuildMachine(size="MEDIUM"),
        )
        made = project(delivery, "Synth")
        assert commands_of(made, "install") == ["npm ci"]
        assert commands_of(made) == ["npm run build", "npm run synth"]
        assert json.loads(made["Source"]["BuildSpec"])["artifacts"]["base-directory"] == "dist/assembly"
        assert made["Environment"]["EnvironmentVariables"] == [{"Name": "STAGE", "Value": "all"}]
        assert made["Environment"]["ComputeType"] == "BUILD_GENERAL1_MEDIUM"

    def test_it_has_no_right_in_any_account(self) -> None:
        delivery, _ = assembled("Service")
        found = {one.split(":")[0] for one in allowed(delivery.statements("AppSynthRole"))}
        assert found == {"kms", "logs", "s3"}
        assert project(delivery, "Synth")["Environment"]["PrivilegedMode"] is False


class TestPublication:
    def test_without_stacks_nothing_is_published(self) -> None:
        delivery, made = assembled()
        assert len(made.actions) == 1
        assert len(delivery.resources("AWS::CodeBuild::Project")) == 1

    def test_it_publishes_what_the_stacks_name_after_the_synthesis(self) -> None:
        delivery, _ = assembled("Service", "Network")
        action = delivery.action("Assets")
        assert action["RunOrder"] == 2
        assert action["InputArtifacts"] == [{"Name": "Assembly"}]
        assert manifests_of(delivery) == ["Network.assets.json", "Service.assets.json"]

    def test_what_publishes_is_of_exact_versions_and_runs_nothing_when_installed(self) -> None:
        delivery, _ = assembled("Service")
        _, install = commands_of(project(delivery, "Assets"), "install")
        words = shlex.split(install)
        packages = [word for word in words if "@" in word]
        assert packages
        for package in packages:
            assert re.fullmatch(r"@aws-cdk/[a-z-]+@\d+\.\d+\.\d+", package)
        assert "--ignore-scripts" in words

    def test_what_publishes_knows_the_schema_of_this_cdks_assemblies(self, tmp_path: Path) -> None:
        """A newer CDK writes a newer schema, which an older publisher refuses: both are raised together."""
        app = cdk.App(outdir=str(tmp_path))
        service(app)
        app.synth()
        written = json.loads((tmp_path / "Service.assets.json").read_text(encoding="utf-8"))["version"]
        (known,) = [one for one in PUBLISHER if "cloud-assembly-schema@" in one]
        assert int(known.rpartition("@")[2].split(".")[0]) >= int(written.split(".")[0])

    def test_the_files_that_it_names_are_in_the_assembly(self, tmp_path: Path) -> None:
        app = cdk.App(outdir=str(tmp_path))
        staged = cdk.Stack(cdk.Stage(app, "Prod"), "Service", env=OTHER)
        single = service(app)
        for stack in (staged, single):
            assets.Asset(stack, "File", path=__file__)
        delivery, _ = delivering(app, [staged, single])
        manifests = manifests_of(delivery)
        app.synth()
        assert len(manifests) == 2
        for manifest in manifests:
            found = json.loads((tmp_path / manifest).read_text(encoding="utf-8"))
            assert len(found["files"]) == 2  # the template, and the file

    def test_it_may_take_on_the_roles_that_the_manifests_name_and_no_other(self, tmp_path: Path) -> None:
        app = cdk.App(outdir=str(tmp_path))
        stacks = [service(app), service(app, "Second"), service(app, "Far", OTHER)]
        delivery, _ = delivering(app, stacks)
        (takes_on,) = [one for one in delivery.statements("AppAssetsRole") if one["Action"] == "sts:AssumeRole"]
        granted = {one["Fn::Sub"].partition(":iam::")[2] for one in takes_on["Resource"]}
        app.synth()
        named = {
            place["assumeRoleArn"].partition(":iam::")[2]
            for stack in stacks
            for one in json.loads((tmp_path / f"{stack.stack_name}.assets.json").read_text())["files"].values()
            for place in one["destinations"].values()
        }
        assert granted == named
        assert len(granted) == 2

    @pytest.mark.parametrize("fails", [False, True])
    def test_the_program_publishes_one_after_the_other_and_fails_with_the_first(
        self, tmp_path: Path, fails: bool
    ) -> None:
        delivery, _ = assembled("Network", "Service")
        library = tmp_path / "node_modules" / "@aws-cdk" / "cdk-assets-lib"
        library.mkdir(parents=True)
        (library / "index.js").write_text(PLAYED_LIBRARY, encoding="utf-8")
        (command,) = commands_of(project(delivery, "Assets"))
        done = subprocess.run(
            ["bash", "-c", command],
            env={
                "PATH": f"{Path(os.environ['JSII_NODE']).parent}{os.pathsep}{os.environ['PATH']}",
                "PUBLISHER": str(tmp_path),
                "FAILS": "Network.assets.json" if fails else "",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == (1 if fails else 0), done.stderr
        told = [
            "0% with the library's client: Network.assets.json",
            "0% with the library's client: Service.assets.json",
        ]
        assert done.stdout.splitlines() == told[: 1 if fails else 2]
        assert ("no such bucket" in done.stderr) is fails

    def test_images_of_the_app_are_published_when_it_has_some(self) -> None:
        delivery, _ = assembled("Service", publishes_images=True)
        (takes_on,) = [one for one in delivery.statements("AppAssetsRole") if one["Action"] == "sts:AssumeRole"]
        text = json.dumps(takes_on["Resource"])
        assert "file-publishing-role" in text
        assert "image-publishing-role" in text
        assert project(delivery, "Assets")["Environment"]["PrivilegedMode"] is True

    def test_without_images_the_build_is_not_privileged(self) -> None:
        delivery, _ = assembled("Service")
        assert project(delivery, "Assets")["Environment"]["PrivilegedMode"] is False

    @staticmethod
    def publishing_roles(app: cdk.App, stacks: list[cdk.Stack]) -> list[str]:
        delivery, _ = delivering(app, stacks)
        (takes_on,) = [one for one in delivery.statements("AppAssetsRole") if one["Action"] == "sts:AssumeRole"]
        roles = takes_on["Resource"]
        return [one["Fn::Sub"].partition(":role/")[2] for one in (roles if isinstance(roles, list) else [roles])]

    def test_the_qualifier_is_that_of_each_stacks_own_bootstrap(self) -> None:
        app = cdk.App()
        env = cdk.Environment(account=ACCOUNT, region=REGION)
        theirs = cdk.Stack(app, "Theirs", env=env, synthesizer=cdk.DefaultStackSynthesizer(qualifier="shop"))
        assert self.publishing_roles(app, [service(app), theirs]) == [
            f"cdk-hnb659fds-file-publishing-role-{ACCOUNT}-{REGION}",
            f"cdk-shop-file-publishing-role-{ACCOUNT}-{REGION}",
        ]

    def test_asking_for_the_qualifier_leaves_nothing_in_the_stack(self) -> None:
        app = cdk.App()
        stack = cdk.Stack(app, "Theirs", synthesizer=cdk.DefaultStackSynthesizer(qualifier="shop"))
        cdk.CfnResource(stack, "One", type="AWS::SNS::Topic")
        assert bootstrap_qualifier(stack) == bootstrap_qualifier(stack) == "shop"
        assert [one.node.id for one in stack.node.children] == ["One"]
        told = app.synth().get_stack_by_name("Theirs").template
        assert list(told["Resources"]) == ["One"]
        assert told["Parameters"]["BootstrapVersion"]["Default"] == "/cdk-bootstrap/shop/version"

    @pytest.mark.parametrize("make", [cdk.LegacyStackSynthesizer, cdk.DefaultStackSynthesizer])
    def test_a_synthesizer_that_names_none_has_the_cdks(self, make: type[cdk.StackSynthesizer]) -> None:
        assert bootstrap_qualifier(cdk.Stack(cdk.App(), "Theirs", synthesizer=make())) == "hnb659fds"

    def test_one_synthesizer_of_two_stacks_is_asked_in_each(self) -> None:
        app = cdk.App()
        shared = cdk.DefaultStackSynthesizer(qualifier="shop")
        stacks = [cdk.Stack(app, name, synthesizer=shared) for name in ("First", "Second")]
        assert [bootstrap_qualifier(stack) for stack in stacks] == ["shop", "shop"]
        app.synth()

    def test_the_qualifier_of_the_whole_app_is_that_of_its_stacks(self) -> None:
        app = cdk.App(context={"@aws-cdk/core:bootstrapQualifier": "team1"})
        assert self.publishing_roles(app, [service(app), service(app, "Second")]) == [
            f"cdk-team1-file-publishing-role-{ACCOUNT}-{REGION}"
        ]

    def test_stacks_of_no_known_place_are_published_where_the_pipeline_is(self) -> None:
        app = cdk.App()
        delivery, _ = delivering(app, [cdk.Stack(app, "Anywhere")])
        (takes_on,) = [one for one in delivery.statements("AppAssetsRole") if one["Action"] == "sts:AssumeRole"]
        (role,) = takes_on["Resource"]
        assert role["Fn::Sub"].startswith("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/")
        assert role["Fn::Sub"].endswith("-${AWS::AccountId}-${AWS::Region}")

    def test_the_actions_only_start_these_builds_and_the_publication_leaves_no_artefact(self) -> None:
        delivery, _ = assembled("Service")
        starts = allowed(delivery.statements("AppRole"))
        assert starts == {"codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"}
        assert "s3:PutObject" not in allowed(delivery.statements("AppAssetsRole"))


class TestRefusals:
    def test_a_stack_of_another_app_is_refused(self) -> None:
        message = refused(lambda: delivering(cdk.App(), [service(cdk.App(), "Foreign")]))
        assert "stack Foreign is of another app than the pipeline Delivery" in message

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"source": "a b"}, "source name is 'a b'"),
            ({"install": "pip install ."}, "install is 'pip install .'"),
            ({"commands": []}, "no commands"),
            ({"commands": "cdk synth"}, "commands is 'cdk synth'"),
            ({"commands": [""]}, "commands is ['']"),
            ({"output": "/tmp/out"}, "output is '/tmp/out'"),
            ({"output": ""}, "output is ''"),
            ({"output": "../out"}, "output is '../out'"),
            ({"environment": {"A B": "c"}}, "environment has 'A B'"),
            ({"environment": {"BLUEGREEN_RELEASE": "c"}}, "environment has 'BLUEGREEN_RELEASE'"),
        ],
    )
    def test_what_a_build_would_fail_at_is_refused(self, options: dict[str, Any], words: str) -> None:
        assert words in refused(lambda: AppAssembly(**options))
