"""A service in a cluster, deployed by its stack, and a build that waits for Argo's verdict on exactly that image."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.assertions import Template

from bluegreen_constructs import EksRollouts, ExistingCluster, ExistingDeployment, LoadBalancing
from bluegreen_constructs.argo import rollout_verdict
from bluegreen_constructs.argo_image_update import ArgoImageUpdate
from bluegreen_constructs.argo_service import ArgoService
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.release_image import ReleaseImage
from bluegreen_constructs.stack_deploy import StackDeploy
from tests.canary_service import ENV, new_stack
from tests.eks_services import MANIFEST, behind_alb, inside, pods, rollouts
from tests.stage_place import Json, StagePlace, actions, build_spec, listed, project, rights, stage_place

DEADLINE = timedelta(hours=4)
READY = timedelta(minutes=10)
"""What pods may take to be ready, and the nodes before."""


def released(stack: cdk.Stack) -> str:
    return ReleaseImage(ecr.Repository.from_repository_name(stack, f"App{len(stack.node.children)}", "app")).reference(
        stack
    )


def served(of: EksRollouts, **options: object) -> ArgoService:
    """A service behind a load balancer that runs its stack's release."""
    given = {"pods": pods(image=released(cdk.Stack.of(of)))} if "pods" not in options else {}
    return behind_alb(of, **{"deadline": DEADLINE, **given, **options})


def apart(**options: object) -> tuple[StagePlace, ArgoService]:
    """The service in a stack of its own, as it is deployed by a pipeline that is in another one."""
    app = cdk.App()
    service = served(rollouts(new_stack(app=app)), **options)
    return stage_place(new_stack("Delivery", app)), service


@cache
def made() -> tuple[Template, Template]:
    """The pipeline's template, and the service's."""
    given, service = apart()
    update = ArgoImageUpdate(cdk.Stack.of(service), service=service)
    return given.add(*update.make(given.place, 1)), Template.from_stack(cdk.Stack.of(service))


def manifests(of: Template) -> list[Json]:
    return [
        one
        for found in of.find_resources(MANIFEST).values()
        for one in json.loads(_text(found["Properties"]["Manifest"]))
    ]


def _text(value: Any) -> str:
    match value:
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_text, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case str():
            return value
    return "other"


def only(of: Template, kind: str) -> Json:
    (found,) = of.find_resources(kind).values()
    return found["Properties"]


class TestTheActions:
    def test_first_the_stack_is_deployed_and_then_the_verdict_is_waited_for(self) -> None:
        found = actions(made()[0])
        assert {name: one["RunOrder"] for name, one in found.items()} == {
            "Serving.Prepare": 1,
            "Serving.Deploy": 2,
            "shop-web.Verdict": 3,
        }
        changed = json.loads(found["Serving.Prepare"]["Configuration"]["ParameterOverrides"])
        assert changed == {"ImageDigest": "@#{Image.ImageDigest}"}
        assert found["shop-web.Verdict"]["ActionTypeId"]["Provider"] == "CodeBuild"

    def test_the_image_that_is_waited_for_is_the_one_that_the_pods_get(self) -> None:
        variables = actions(made()[0])["shop-web.Verdict"]["Configuration"]["EnvironmentVariables"]
        (waited_for,) = json.loads(_text(variables))
        (rollout,) = [one for one in manifests(made()[1]) if one["kind"] == "Rollout"]
        (container,) = rollout["spec"]["template"]["spec"]["containers"]
        assert waited_for["name"] == "BLUEGREEN_IMAGE"
        assert waited_for["value"] == container["image"].replace("<ImageDigest>", "@#{Image.ImageDigest}")

    def test_it_is_a_deploy_of_the_stack_that_a_reviewer_sees_the_changes_of(self) -> None:
        _, service = apart()
        update = ArgoImageUpdate(cdk.Stack.of(service), service=service)
        assert isinstance(update, StackDeploy)
        assert update.stacks() == (cdk.Stack.of(service),)


class TestTheBuild:
    def test_waits_as_long_as_a_rollout_may_take(self) -> None:
        variables = {one["Name"]: one["Value"] for one in project(made()[0])["Environment"]["EnvironmentVariables"]}
        assert variables["BLUEGREEN_SECONDS"] == str(round((DEADLINE + READY + timedelta(minutes=5)).total_seconds()))
        assert (variables["BLUEGREEN_NAMESPACE"], variables["BLUEGREEN_ROLLOUT"]) == ("shop", "web")
        assert project(made()[0])["TimeoutInMinutes"] == (DEADLINE + READY) / timedelta(minutes=1) + 10

    def test_runs_the_program_as_it_is_in_the_package(self, tmp_path: Path) -> None:
        """By bash and Python, as the build does; there is no cluster, which is no verdict."""
        (command,) = build_spec(made()[0])["phases"]["build"]["commands"]
        assert Path(rollout_verdict.__file__).read_text(encoding="utf-8") in command
        programs = {"aws": 'echo "$@" > "$FOLDER/called"; exit 254', "python3": f'exec {sys.executable} "$@"'}
        for name, does in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        done = subprocess.run(
            ["bash", "-c", command.replace("SILENCE = 900.0", "SILENCE = 0.0")],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "FOLDER": str(tmp_path),
                **{f"BLUEGREEN_{name}": name.lower() for name in ("CLUSTER", "NAMESPACE", "ROLLOUT", "IMAGE")},
                "BLUEGREEN_SECONDS": "60",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert done.stdout.startswith("waiting for the verdict on image, of the Rollout rollout in namespace")
        assert (tmp_path / "called").read_text(encoding="utf-8") == (
            "eks describe-cluster --name cluster --output json\n"
        )

    def test_runs_in_the_private_subnets_where_the_cluster_lets_it_in(self) -> None:
        template = made()[0]
        (group,) = template.find_resources("AWS::EC2::SecurityGroup")
        assert project(template)["VpcConfig"] == {
            "VpcId": "vpc-1",
            "Subnets": ["subnet-private-a", "subnet-private-b"],
            "SecurityGroupIds": [{"Fn::GetAtt": [group, "GroupId"]}],
        }
        own = only(template, "AWS::EC2::SecurityGroup")
        assert "SecurityGroupIngress" not in own
        assert [(one["CidrIp"], one["FromPort"], one["ToPort"]) for one in own["SecurityGroupEgress"]] == [
            ("0.0.0.0/0", 443, 443)
        ]
        way = only(template, "AWS::EC2::SecurityGroupIngress")
        assert (way["FromPort"], way["ToPort"], way["IpProtocol"]) == (443, 443, "tcp")
        assert way["SourceSecurityGroupId"] == {"Fn::GetAtt": [group, "GroupId"]}
        assert "ClusterSecurityGroupId" in json.dumps(way["GroupId"])
        assert not made()[1].find_resources("AWS::EC2::SecurityGroupIngress")

    def test_may_describe_the_cluster_and_join_the_network_and_nothing_else(self) -> None:
        found = {action: one for one in rights(made()[0]) for action in listed(one["Action"])}
        assert set(found) == {
            "eks:DescribeCluster",
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        }
        assert found["eks:DescribeCluster"]["Resource"] == "<other>"  # the one of the service's stack
        used = found["ec2:CreateNetworkInterfacePermission"]
        assert used["Resource"].endswith(":network-interface/*")
        assert used["Condition"]["StringEquals"] == {"ec2:AuthorizedService": "codebuild.amazonaws.com"}
        assert [one.rpartition(":")[2] for one in used["Condition"]["ArnEquals"]["ec2:Subnet"]] == [
            "subnet/subnet-private-a",
            "subnet/subnet-private-b",
        ]


class TestHowLongARolloutMayTake:
    def test_behind_a_load_balancer_the_deadline_after_the_time_that_pods_have(self) -> None:
        slow = behind_alb(pods=pods(startup=timedelta(minutes=20)), deadline=timedelta(hours=1))
        assert slow.longest_rollout == timedelta(hours=1, minutes=25)

    def test_inside_of_the_cluster_the_bake_is_a_part_of_the_time_that_pods_have(self) -> None:
        baked = inside(bake=timedelta(minutes=30), deadline=timedelta(hours=1))
        assert baked.longest_rollout == timedelta(hours=1, minutes=40)


class TestWhatItMaySee:
    def test_the_builds_role_is_of_a_group_in_the_cluster_and_of_no_policy_there(self) -> None:
        entry = only(made()[0], "AWS::EKS::AccessEntry")
        assert entry["KubernetesGroups"] == ["bluegreen:watchers:shop:web"]
        assert "AccessPolicies" not in entry
        assert entry["PrincipalArn"] == project(made()[0])["ServiceRole"]

    def test_the_group_may_get_the_one_rollout(self) -> None:
        found = manifests(made()[1])
        (role,) = [one for one in found if one["kind"] == "Role"]
        assert role["metadata"] == {"name": "web-watchers", "namespace": "shop"}
        assert role["rules"] == [
            {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "resourceNames": ["web"], "verbs": ["get"]}
        ]
        (binding,) = [one for one in found if one["kind"] == "RoleBinding"]
        assert binding["metadata"]["namespace"] == "shop"
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert [(one["kind"], one["name"]) for one in binding["subjects"]] == [("Group", "bluegreen:watchers:shop:web")]

    def test_of_a_deployment_that_was_taken_over_it_may_get_that_one_too(self) -> None:
        stack = new_stack()
        of = rollouts(stack)
        released(stack)
        given = ExistingDeployment(name="app", labels={"app": "app"}, port=8080, replicas=2)
        service = inside(of, pods=given, deadline=DEADLINE)
        delivery = stage_place(stack)
        template = delivery.add(*ArgoImageUpdate(stack, service=service).make(delivery.place, 1))
        (role,) = [one for one in manifests(template) if one["kind"] == "Role"]
        assert [(one["resources"], one["resourceNames"], one["verbs"]) for one in role["rules"]] == [
            (["rollouts"], ["web"], ["get"]),
            (["deployments"], ["app"], ["get"]),
        ]

    def test_two_stages_share_the_right_and_have_builds_of_their_own(self) -> None:
        given, service = apart()
        update = ArgoImageUpdate(cdk.Stack.of(service), service=service)
        again = stage_place(new_stack("Again", given.stack.node.root))  # type: ignore[arg-type]
        for one in (again, given):
            one.pipeline.add_stage(stage_name="Prod", actions=list(update.make(one.place, 1)))
        for one in (again, given):
            (entry,) = Template.from_stack(one.stack).find_resources("AWS::EKS::AccessEntry").values()
            assert entry["Properties"]["KubernetesGroups"] == ["bluegreen:watchers:shop:web"]
        assert len([one for one in manifests(Template.from_stack(cdk.Stack.of(service))) if one["kind"] == "Role"]) == 1


class TestRefusals:
    def refused(self, said: str, given: StagePlace, **options: Any) -> None:
        with pytest.raises(ConfigurationError, match=said):
            ArgoImageUpdate(**options).make(given.place, 1)

    def test_a_rollout_that_is_longer_than_codepipeline_waits(self) -> None:
        given, service = apart(deadline=timedelta(hours=24))
        self.refused(
            r"a rollout of web may take 1460 min \(its deadline and the time for its pods 1450 min, the build's start "
            r"10 min\), and CodePipeline waits 8 h for an action of CodeBuild: give EksRollouts.add_service\(deadline=",
            given,
            stack=cdk.Stack.of(service),
            service=service,
        )

    def test_a_rollout_that_is_just_as_long_as_codepipeline_waits_is_none(self) -> None:
        given, service = apart(deadline=timedelta(hours=7, minutes=40))
        assert ArgoImageUpdate(cdk.Stack.of(service), service=service).make(given.place, 1)

    def test_a_service_of_another_stack(self) -> None:
        given, service = apart()
        self.refused(
            r"ArgoImageUpdate\(web\) in stage Prod deploys the stack Delivery, and the service is of Serving: give",
            given,
            stack=given.stack,
            service=service,
        )

    def test_a_stack_that_keeps_no_release(self) -> None:
        given, service = apart(pods=pods(image="registry.example/app:1"))
        self.refused(
            r"the stack Serving keeps no release, give Pods\(image=ReleaseImage\(repository\).reference\(stack\)\)",
            given,
            stack=cdk.Stack.of(service),
            service=service,
        )

    def test_a_pipeline_without_an_image_and_without_an_app(self) -> None:
        app = cdk.App()
        service = served(rollouts(new_stack(app=app)))
        for name, options, said in (
            ("One", {"has_image": False}, r"ArgoImageUpdate\(web\) in stage Prod ships an image"),
            ("Other", {"has_assembly": False}, r"StackDeploy\(Serving\) in stage Prod deploys a template"),
        ):
            given = stage_place(new_stack(name, app), **options)
            self.refused(said, given, stack=cdk.Stack.of(service), service=service)

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            (
                {"region": "us-east-1"},
                "is in region eu-west-1, and the pipeline in us-east-1, where all that it starts",
            ),
            ({"account": "210987654321"}, "is in account 123456789012, and the pipeline in 210987654321"),
        ],
    )
    def test_a_cluster_elsewhere(self, place: Mapping[str, str], said: str) -> None:
        app = cdk.App()
        service = served(rollouts(new_stack(app=app)))
        env = cdk.Environment(**{"account": ENV.account, "region": ENV.region, **place})
        given = stage_place(cdk.Stack(app, "Delivery", env=env))
        self.refused(said, given, stack=cdk.Stack.of(service), service=service)

    def test_a_cluster_whose_vpc_nobody_knows(self) -> None:
        stack = new_stack()
        known = {
            "cluster_name": "ours",
            "cluster_security_group_id": "sg-0123456789abcdef0",
            "kubectl_provider": eks.KubectlProvider.from_kubectl_provider_attributes(
                stack, "Provider", service_token="arn:aws:lambda:eu-west-1:123456789012:function:kubectl"
            ),
        }
        imported = eks.Cluster.from_cluster_attributes(stack, "Ours", **known)
        ours = ExistingCluster(imported, "1.36", LoadBalancing.CONTROLLER)
        service = served(EksRollouts(stack, "Rollouts", cluster=ours))
        given = stage_place(stack)
        self.refused(
            "waits in the cluster's VPC, which is not known: give vpc=, with private",
            given,
            stack=stack,
            service=service,
        )
        public = ec2.Vpc.from_vpc_attributes(
            stack, "Public", vpc_id="vpc-2", availability_zones=["eu-west-1a"], public_subnet_ids=["subnet-1"]
        )
        options = {"stack": stack, "service": service, "vpc": public}
        self.refused("which has no private subnets: give vpc=, with private ones", given, **options)
        vpc = ec2.Vpc.from_vpc_attributes(
            stack, "Told", vpc_id="vpc-3", availability_zones=["eu-west-1a"], private_subnet_ids=["subnet-2"]
        )
        template = given.add(*ArgoImageUpdate(stack, service=service, vpc=vpc).make(given.place, 1))
        assert project(template)["VpcConfig"]["Subnets"] == ["subnet-2"]
        assert only(template, "AWS::EC2::SecurityGroupIngress")["GroupId"] == "sg-0123456789abcdef0"
