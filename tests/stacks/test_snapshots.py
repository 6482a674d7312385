"""One snapshot per stack, as a tripwire: it says that a template changed, the other tests say what that means.

Update on purpose with `pytest tests/stacks/test_snapshots.py --snapshot-update` and read the diff.
"""

import re

from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from tests.stacks.conftest import synthesise

_HASH = re.compile(r"[0-9a-f]{64}")


def scrubbed(value: object) -> object:
    """A template without what changes by itself: asset hashes, and what the CDK adds about its own version."""
    if isinstance(value, dict):
        return {
            key: scrubbed(inner)
            for key, inner in value.items()
            if key not in {"Metadata", "Parameters", "Rules", "Conditions"} or "Resources" not in value
        }
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return _HASH.sub("<HASH>", value) if isinstance(value, str) else value


def test_the_network_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").network) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_service_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").service) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_canary_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").canary) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_slots_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").slots) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_fleet_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").fleet) == snapshot(extension_class=JSONSnapshotExtension)


def test_the_eks_stack_is_as_reviewed(snapshot: SnapshotAssertion) -> None:
    assert scrubbed(synthesise("prod").eks) == snapshot(extension_class=JSONSnapshotExtension)


def ids(template: dict, kind: str) -> set[str]:
    return {name for name, resource in template["Resources"].items() if resource["Type"] == kind}


def test_the_logical_ids_that_hold_state_or_name_a_target_never_change() -> None:
    """Renaming one of these replaces it: bucket, rules, groups, service, and the handler that owns the rules."""
    prod = synthesise("prod")
    assert ids(prod.network, "AWS::S3::Bucket") == {"AccessLogs8B620ECA"}
    service = prod.service
    assert ids(service, "AWS::ECS::Service") == {"InferenceB3CD4D8F"}
    assert ids(service, "AWS::ElasticLoadBalancingV2::LoadBalancer") == {"InferenceLoadBalancer24A7E56D"}
    assert ids(service, "Custom::TrafficRule") == {"InferenceRoutesProductionB3C8FBAC", "InferenceRoutesTest0F0D3081"}
    assert ids(service, "AWS::ElasticLoadBalancingV2::TargetGroup") == {
        "InferenceBlue53E6D6A9",
        "InferenceGreenCFF7A9A8",
    }
    assert "BlueGreenTrafficRuleHandler" in ids(service, "AWS::Lambda::Function")


def test_the_logical_ids_of_a_canary_that_hold_state_or_carry_traffic_never_change() -> None:
    """Besides: what a running rollout calls by name, and the parameter whose name is the target's."""
    canary = synthesise("prod").canary
    assert ids(canary, "AWS::ECS::Service") == {"BlueServiceB7B7CB91", "GreenServiceABD4BAC1"}
    assert ids(canary, "Custom::TrafficRule") == {
        "InferenceRoutesProductionB3C8FBAC",
        "InferenceRoutesCandidateHeader8DE03964",
    }
    groups = ids(canary, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert groups == {"InferenceBlueGroupCE762D9D", "InferenceGreenGroup60C74810"}
    assert ids(canary, "AWS::DynamoDB::Table") == {"BlueGreenRolloutTable"}
    assert ids(canary, "AWS::StepFunctions::StateMachine") == {"BlueGreenRolloutStateMachine"}
    functions = {"BlueGreenRolloutStart", "BlueGreenRolloutTick", "BlueGreenRolloutAlarm"}
    assert functions <= ids(canary, "AWS::Lambda::Function")
    (parameter,) = (one for one in canary["Resources"].values() if one["Type"] == "AWS::SSM::Parameter")
    assert parameter["Properties"]["Name"] == "/bluegreen/targets/BlueGreenCanary-prod/Inference"


def test_the_logical_ids_of_slots_that_hold_state_or_carry_traffic_never_change() -> None:
    """Besides: the handler that owns the record, and the names by which an operation calls the families and itself."""
    slots = synthesise("prod").slots
    assert ids(slots, "AWS::ECS::Service") == {"InferenceSideAServiceFE3F5D51", "InferenceSideBService4941AD2B"}
    assert ids(slots, "AWS::ElasticLoadBalancingV2::LoadBalancer") == {"InferenceLoadBalancer24A7E56D"}
    assert ids(slots, "AWS::ElasticLoadBalancingV2::TargetGroup") == {
        "InferenceSideAGroup85F3A18C",
        "InferenceSideBGroup81394DCD",
        "InferenceRoutesChoiceGroupEC1950F9",
    }
    assert ids(slots, "Custom::TrafficRule") == {
        "InferenceRoutesProduction8F676439",
        "InferenceRoutesstagingHost0B339409",
        "InferenceRoutesstagingCookie7D61BE02",
        "InferenceRoutesstagingHeader30512264",
    }
    assert ids(slots, "Custom::SlotSides") == {"InferenceSidesA7779AA2"}
    assert ids(slots, "AWS::DynamoDB::Table") == {"BlueGreenRolloutTable"}
    assert ids(slots, "AWS::StepFunctions::StateMachine") == {"BlueGreenRolloutStateMachine"}
    assert {"BlueGreenSlotsHandler", "BlueGreenTrafficRuleHandler"} <= ids(slots, "AWS::Lambda::Function")
    definitions = [
        one["Properties"] for one in slots["Resources"].values() if one["Type"] == "AWS::ECS::TaskDefinition"
    ]
    assert {one["Family"] for one in definitions} == {
        f"BlueGreenSlots-prod-Inference-{slot}-settings" for slot in ("production", "staging")
    }
    (parameter,) = (one for one in slots["Resources"].values() if one["Type"] == "AWS::SSM::Parameter")
    assert parameter["Properties"]["Name"] == "/bluegreen/targets/BlueGreenSlots-prod/Inference"


def test_the_logical_ids_of_a_fleet_that_hold_state_or_carry_traffic_never_change() -> None:
    fleet = synthesise("prod").fleet
    assert ids(fleet, "AWS::AutoScaling::AutoScalingGroup") == {
        "InferenceBlueInstancesGroupASG136FA56B",
        "InferenceGreenInstancesGroupASG6456A31A",
    }
    assert ids(fleet, "AWS::EC2::LaunchTemplate") == {
        "InferenceBlueInstancesTemplate98A937A1",
        "InferenceGreenInstancesTemplate25B58E48",
    }
    assert ids(fleet, "Custom::TrafficRule") == {
        "InferenceRoutesCandidateHeader8DE03964",
        "InferenceRoutesProductionB3C8FBAC",
    }
    assert ids(fleet, "AWS::ElasticLoadBalancingV2::TargetGroup") == {
        "InferenceBlueGroupCE762D9D",
        "InferenceGreenGroup60C74810",
    }
    assert ids(fleet, "AWS::DynamoDB::Table") == {"BlueGreenRolloutTable"}
    (parameter,) = (one for one in fleet["Resources"].values() if one["Type"] == "AWS::SSM::Parameter")
    assert parameter["Properties"]["Name"] == "/bluegreen/targets/BlueGreenFleet-prod/Inference"


def test_the_logical_ids_of_a_cluster_and_of_what_runs_in_it_never_change() -> None:
    """Renaming one of these replaces it: the cluster, its key, or a manifest, with the service that is in it."""
    eks = synthesise("prod").eks
    assert ids(eks, "AWS::EKS::Cluster") == {"ClusterC2E21B66"}
    assert ids(eks, "AWS::KMS::Key") == {"ClusterKeyB247D7DD"}
    assert ids(eks, "Custom::AWSCDK-EKS-HelmChart") == {"RolloutsControllerChart22BE52A1"}
    assert ids(eks, "Custom::AWSCDK-EKS-KubernetesResource") == {
        "ClusterIngressClass30984E61",
        "RolloutsNamespaceinference5097C9BA",
        "ArgoServiceInferenceInferenceAddressesB7CB9FD5",
        "ArgoServiceInferenceInferenceB7CB9FD5",
    }
