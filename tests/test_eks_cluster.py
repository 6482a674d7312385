"""EksCluster: private, logged and encrypted, which cdk-nag does not look at in this module of the CDK."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer

from bluegreen_constructs import AutoMode, EksCluster, ExistingCluster, LoadBalancing, NodeGroup
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import new_stack, resources, vpc_in
from tests.eks_services import CHART, MANIFEST, cluster


def only(template: Template, kind: str) -> dict:
    (found,) = resources(template, kind).values()
    return found


@pytest.fixture(scope="module", params=[AutoMode(), NodeGroup()], ids=["auto-mode", "node-group"])
def template(request: pytest.FixtureRequest) -> Template:
    stack = new_stack()
    cluster(stack, request.param)
    return Template.from_stack(stack)


def test_its_api_server_answers_inside_the_vpc_only(template: Template) -> None:
    network = only(template, "AWS::EKS::Cluster")["Properties"]["ResourcesVpcConfig"]
    assert (network["EndpointPrivateAccess"], network["EndpointPublicAccess"]) == (True, False)


def test_it_writes_all_five_kinds_of_logs(template: Template) -> None:
    logging = only(template, "AWS::EKS::Cluster")["Properties"]["Logging"]["ClusterLogging"]["EnabledTypes"]
    assert {one["Type"] for one in logging} == {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def test_its_secrets_are_encrypted_by_a_key_that_turns(template: Template) -> None:
    (encryption,) = only(template, "AWS::EKS::Cluster")["Properties"]["EncryptionConfig"]
    ((key_id, key),) = resources(template, "AWS::KMS::Key").items()
    assert encryption == {"Resources": ["secrets"], "Provider": {"KeyArn": {"Fn::GetAtt": [key_id, "Arn"]}}}
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "Retain"


def test_who_may_use_it_is_said_by_access_entries_alone(template: Template) -> None:
    assert only(template, "AWS::EKS::Cluster")["Properties"]["AccessConfig"] == {"AuthenticationMode": "API"}


def test_it_needs_no_nested_stack_and_no_state_machine(template: Template) -> None:
    assert resources(template, "AWS::CloudFormation::Stack") == {}
    assert resources(template, "AWS::StepFunctions::StateMachine") == {}


def test_it_measures_the_cpu_that_autoscalers_ask_for(template: Template) -> None:
    addons = resources(template, "AWS::EKS::Addon").values()
    assert "metrics-server" in [one["Properties"]["AddonName"] for one in addons]


def test_auto_mode_gets_the_ingress_class_that_it_does_not_bring() -> None:
    stack = new_stack()
    cluster(stack)
    template = Template.from_stack(stack)
    (made,) = (json.loads(one["Properties"]["Manifest"]) for one in resources(template, MANIFEST).values())
    assert [one["kind"] for one in made] == ["IngressClassParams", "IngressClass"]
    assert made[1]["spec"]["controller"] == "eks.amazonaws.com/alb"
    assert resources(template, CHART) == {}


def test_node_groups_get_the_controller_the_agent_and_updates_that_heed_disruption_budgets() -> None:
    stack = new_stack()
    made = cluster(stack, NodeGroup(types=["m7g.large", "m6g.large"], min=3, max=9))
    template = Template.from_stack(stack)
    nodes = only(template, "AWS::EKS::Nodegroup")["Properties"]
    assert nodes["AmiType"] == "AL2023_ARM_64_STANDARD"
    assert nodes["ForceUpdateEnabled"] is False
    assert nodes["ScalingConfig"] == {"MinSize": 3, "DesiredSize": 3, "MaxSize": 9}
    addons = resources(template, "AWS::EKS::Addon")
    (agent,) = (name for name, one in addons.items() if one["Properties"]["AddonName"] == "eks-pod-identity-agent")
    chart = only(template, CHART)
    assert chart["Properties"]["Chart"] == "aws-load-balancer-controller"
    assert {*resources(template, "AWS::EKS::Nodegroup"), agent} <= set(chart["DependsOn"])
    assert made.load_balancing is LoadBalancing.CONTROLLER


def test_the_controllers_role_comes_without_the_deprecated_provider() -> None:
    stack = new_stack()
    cluster(stack, NodeGroup())
    assert len(resources(Template.from_stack(stack), "AWS::IAM::OIDCProvider")) == 1


def test_admins_get_an_access_entry_each() -> None:
    stack = new_stack()
    roles = [iam.Role.from_role_name(stack, name, name) for name in ("Platform", "OnCall")]
    cluster(stack, admins=roles)
    entries = resources(Template.from_stack(stack), "AWS::EKS::AccessEntry").values()
    named = json.dumps([entry["Properties"]["PrincipalArn"] for entry in entries])
    assert "role/Platform" in named
    assert "role/OnCall" in named


@pytest.mark.parametrize("version", ["1.36.1", "36", "latest", "1.29", 1.36])
def test_a_version_that_is_none_is_refused(version: object) -> None:
    with pytest.raises(ConfigurationError, match=r"has the version .*: give a minor version from 1\.30 on"):
        cluster(new_stack(), version=version)


def test_a_version_without_its_kubectl_is_refused_with_the_package_to_install() -> None:
    with pytest.raises(
        ConfigurationError, match=r"pip install aws-cdk.lambda-layer-kubectl-v31, or give kubectl_layer="
    ):
        cluster(new_stack(), version="1.31")


def test_a_kubectl_two_versions_away_is_refused() -> None:
    stack = new_stack()
    layer = KubectlV36Layer(stack, "Layer")
    with pytest.raises(ConfigurationError, match=r"has version 1\.34 and kubectl 1\.36: kubectl must be at most one"):
        cluster(stack, version="1.34", kubectl_layer=layer)


def test_a_kubectl_one_version_away_is_taken() -> None:
    stack = new_stack()
    assert cluster(stack, version="1.35", kubectl_layer=KubectlV36Layer(stack, "Layer")).version == "1.35"


def test_a_vpc_without_private_subnets_is_refused() -> None:
    stack = new_stack()
    public = ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)
    vpc = ec2.Vpc(stack, "Open", subnet_configuration=[public])
    with pytest.raises(ConfigurationError, match="has a VPC without private subnets"):
        EksCluster(stack, "Cluster", vpc=vpc)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AutoMode([]), "give some of system, general-purpose"),
        (lambda: AutoMode(["gpu"]), "give some of system, general-purpose"),
        (lambda: NodeGroup(types=[]), "give a list"),
        (lambda: NodeGroup(types="m7i.large"), "give a list"),
        (lambda: NodeGroup(min=0), "from 0 to 6 nodes"),
        (lambda: NodeGroup(min=4, max=3), "from 4 to 3 nodes"),
        (lambda: NodeGroup(disk_gib=8), "give 20 or more"),
    ],
)
def test_capacity_that_cannot_be_is_refused(make: object, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make()  # type: ignore[operator]


def test_types_of_two_architectures_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="give types of one architecture"):
        cluster(new_stack(), NodeGroup(types=["m7i.large", "m7g.large"]))


def existing(stack: cdk.Stack, version: str = "1.36", mode: LoadBalancing = LoadBalancing.AUTO_MODE) -> ExistingCluster:
    return ExistingCluster.named(
        stack,
        "ours",
        vpc=vpc_in(stack),
        security_group_id="sg-0123456789abcdef0",
        version=version,
        load_balancing=mode,
        kubectl_layer=KubectlV36Layer(stack, "Layer"),
    )


def test_an_existing_cluster_lets_in_who_applies_its_manifests_before_the_first_one() -> None:
    stack = new_stack()
    ours = existing(stack, mode=LoadBalancing.CONTROLLER)
    ours.add_manifest(stack, "Mine", [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}])
    template = Template.from_stack(stack)
    ((entry_id, entry),) = resources(template, "AWS::EKS::AccessEntry").items()
    assert entry["Properties"]["ClusterName"] == "ours"
    assert "AmazonEKSClusterAdminPolicy" in json.dumps(entry["Properties"]["AccessPolicies"])
    (mine,) = resources(template, MANIFEST).values()
    assert mine["DependsOn"] == [entry_id]
    assert mine["Properties"]["ClusterName"] == "ours"


def test_the_ingress_class_of_an_existing_cluster_is_left_alone() -> None:
    """Its parameters may say more than ours, and every load balancer of the class follows them."""
    stack = new_stack()
    existing(stack)
    assert resources(Template.from_stack(stack), MANIFEST) == {}


def test_an_existing_cluster_without_kubectl_is_refused() -> None:
    unknown = eks.Cluster.from_cluster_attributes(new_stack(), "Imported", cluster_name="ours")
    with pytest.raises(ConfigurationError, match="has no kubectl provider, so nothing can be applied to it"):
        ExistingCluster(unknown, "1.36", LoadBalancing.CONTROLLER)


def test_an_existing_cluster_with_another_kubectl_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"has version 1\.33 and kubectl 1\.36"):
        existing(new_stack(), "1.33")


def test_manifests_are_never_pruned_and_may_be_there_already() -> None:
    """kubectl's pruning forgets custom resources, and a first attempt may have died after its Services."""
    stack = new_stack()
    made = cluster(stack)
    made.add_manifest(stack, "Mine", [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}}])
    for one in resources(Template.from_stack(stack), MANIFEST).values():
        assert one["Properties"]["Overwrite"] is True
        assert "PruneLabel" not in one["Properties"]
