"""AWS CDK constructs that ship a new version without losing a request and go back in one call.

The names are resolved on first use: importing this package must start neither Node nor boto3, because the `bluegreen`
command and the Lambda functions import it too.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .account_roles import AccountRoles as AccountRoles
    from .adoption import Adopted as Adopted
    from .app_assembly import AppAssembly as AppAssembly
    from .app_service_slots import AppServiceSlots as AppServiceSlots
    from .argo_chart import ArgoChart as ArgoChart
    from .argo_image_update import ArgoImageUpdate as ArgoImageUpdate
    from .artefact_store import ArtefactStore as ArtefactStore
    from .blue_green_pipeline import BlueGreenPipeline as BlueGreenPipeline
    from .blue_green_pipeline import ExecutionMode as ExecutionMode
    from .bootstrap_image import BootstrapImage as BootstrapImage
    from .build_machine import BuildMachine as BuildMachine
    from .canary_alb import CanaryAlb as CanaryAlb
    from .candidate_route import CandidateRoute as CandidateRoute
    from .cluster_analysis import CloudWatchAnalysis as CloudWatchAnalysis
    from .cluster_analysis import CloudWatchMetric as CloudWatchMetric
    from .cluster_analysis import JobAnalysis as JobAnalysis
    from .cluster_side import ClusterSide as ClusterSide
    from .cluster_switch import ClusterSwitch as ClusterSwitch
    from .code_build_image import CodeBuildImage as CodeBuildImage
    from .code_commit_source import CodeCommitSource as CodeCommitSource
    from .code_deploy import CodeDeploy as CodeDeploy
    from .code_deploy import MinimumHealthy as MinimumHealthy
    from .code_deploy_deploys import CodeDeployEcsDeploy as CodeDeployEcsDeploy
    from .code_deploy_deploys import CodeDeployServerDeploy as CodeDeployServerDeploy
    from .code_deploy_deploys import CommittedFiles as CommittedFiles
    from .connection_source import ConnectionSource as ConnectionSource
    from .container import Container as Container
    from .delivery_repository import DeliveryRepository as DeliveryRepository
    from .delivery_stage import DeliveryStage as DeliveryStage
    from .delivery_stage import DeployWindow as DeployWindow
    from .delivery_stage import StageApproval as StageApproval
    from .delivery_stage import Together as Together
    from .deployment_roles import DeploymentRoles as DeploymentRoles
    from .ec2_blue_green_fleet import Ec2BlueGreenFleet as Ec2BlueGreenFleet
    from .ecr_publish import EcrBuildAndPublish as EcrBuildAndPublish
    from .ecr_push import EcrPush as EcrPush
    from .ecs_blue_green_service import EcsBlueGreenService as EcsBlueGreenService
    from .eks_capacity import AutoMode as AutoMode
    from .eks_capacity import LoadBalancing as LoadBalancing
    from .eks_capacity import NodeGroup as NodeGroup
    from .eks_cluster import EksCluster as EksCluster
    from .eks_rollouts import EksRollouts as EksRollouts
    from .engine.absolute_floor import AbsoluteFloor as AbsoluteFloor
    from .engine.comparators import Exact as Exact
    from .engine.comparators import Score as Score
    from .engine.comparators import Tolerance as Tolerance
    from .engine.comparison import ErrorComparison as ErrorComparison
    from .engine.guardrails import AlarmGuardrail as AlarmGuardrail
    from .engine.guardrails import LatencyComparison as LatencyComparison
    from .engine.guardrails import MetricComparison as MetricComparison
    from .engine.migration import MigrationTask as MigrationTask
    from .engine.replay import ReplayRequest as ReplayRequest
    from .engine.replay import ReplayRequests as ReplayRequests
    from .engine.smoke_test import HttpSmokeTest as HttpSmokeTest
    from .engine.strategy import AllAtOnce as AllAtOnce
    from .engine.strategy import Canary as Canary
    from .engine.strategy import Linear as Linear
    from .engine.strategy import Split as Split
    from .engine.strategy import Step as Step
    from .engine.strategy import Steps as Steps
    from .engine.warm_pool import WarmPool as WarmPool
    from .engine_rollout import EngineRollout as EngineRollout
    from .existing_cluster import ExistingCluster as ExistingCluster
    from .fleet_deploy import FleetDeploy as FleetDeploy
    from .fleet_instances import FleetInstances as FleetInstances
    from .fleet_instances import Spot as Spot
    from .generated_files import GeneratedFiles as GeneratedFiles
    from .guardrail_alarms import AlarmThresholds as AlarmThresholds
    from .hooks import Approval as Approval
    from .hooks import LambdaHook as LambdaHook
    from .image_repository import ImageRepository as ImageRepository
    from .image_scan_gate import ImageScan as ImageScan
    from .ingress import Ingress as Ingress
    from .ingress import ServiceRules as ServiceRules
    from .pipeline_files import PipelineFiles as PipelineFiles
    from .pipeline_notifications import Notifications as Notifications
    from .pipeline_notifications import SlackChannel as SlackChannel
    from .pipeline_notifications import TeamsChannel as TeamsChannel
    from .planning.expected_traffic import ExpectedTraffic as ExpectedTraffic
    from .pods import ExistingDeployment as ExistingDeployment
    from .pods import Pods as Pods
    from .region_side import RegionSide as RegionSide
    from .region_switch import RegionSwitch as RegionSwitch
    from .release_artefact import Artefact as Artefact
    from .release_image import ReleaseImage as ReleaseImage
    from .release_marks import AcceptedRelease as AcceptedRelease
    from .release_marks import Hotfix as Hotfix
    from .repository_lifecycle import ImageLifecycle as ImageLifecycle
    from .rollout_engine import RolloutEngine as RolloutEngine
    from .rollout_limits import RolloutLimits as RolloutLimits
    from .rule_owner import RuleOwner as RuleOwner
    from .s3_source import S3Source as S3Source
    from .scaling import Scaling as Scaling
    from .scaling import ScheduledScaling as ScheduledScaling
    from .service_plan import Plan as Plan
    from .slot import Slot as Slot
    from .slot_swap import SlotSwap as SlotSwap
    from .stack_deploy import StackDeploy as StackDeploy
    from .stage_bake import AlarmOf as AlarmOf
    from .stage_bake import StageBake as StageBake
    from .swap_options import Preview as Preview
    from .swap_options import WarmUp as WarmUp
    from .targets import Targets as Targets
    from .tasks import Capacity as Capacity
    from .tasks import ServiceConnect as ServiceConnect
    from .tasks import Tasks as Tasks
    from .test_traffic import TestTraffic as TestTraffic
    from .traffic_rule import TrafficRule as TrafficRule
    from .web_app import WebApp as WebApp

_HOMES = {
    "AbsoluteFloor": "engine.absolute_floor",
    "AcceptedRelease": "release_marks",
    "AccountRoles": "account_roles",
    "Adopted": "adoption",
    "AlarmGuardrail": "engine.guardrails",
    "AlarmOf": "stage_bake",
    "AlarmThresholds": "guardrail_alarms",
    "AllAtOnce": "engine.strategy",
    "AppAssembly": "app_assembly",
    "AppServiceSlots": "app_service_slots",
    "Approval": "hooks",
    "ArgoChart": "argo_chart",
    "ArgoImageUpdate": "argo_image_update",
    "Artefact": "release_artefact",
    "ArtefactStore": "artefact_store",
    "AutoMode": "eks_capacity",
    "BlueGreenPipeline": "blue_green_pipeline",
    "BootstrapImage": "bootstrap_image",
    "BuildMachine": "build_machine",
    "Canary": "engine.strategy",
    "CanaryAlb": "canary_alb",
    "CandidateRoute": "candidate_route",
    "Capacity": "tasks",
    "CloudWatchAnalysis": "cluster_analysis",
    "CloudWatchMetric": "cluster_analysis",
    "ClusterSide": "cluster_side",
    "ClusterSwitch": "cluster_switch",
    "CodeBuildImage": "code_build_image",
    "CodeCommitSource": "code_commit_source",
    "CodeDeploy": "code_deploy",
    "CodeDeployEcsDeploy": "code_deploy_deploys",
    "CodeDeployServerDeploy": "code_deploy_deploys",
    "CommittedFiles": "code_deploy_deploys",
    "ConnectionSource": "connection_source",
    "Container": "container",
    "DeliveryRepository": "delivery_repository",
    "DeliveryStage": "delivery_stage",
    "DeployWindow": "delivery_stage",
    "DeploymentRoles": "deployment_roles",
    "Ec2BlueGreenFleet": "ec2_blue_green_fleet",
    "EcrBuildAndPublish": "ecr_publish",
    "EcrPush": "ecr_push",
    "EcsBlueGreenService": "ecs_blue_green_service",
    "EksCluster": "eks_cluster",
    "EksRollouts": "eks_rollouts",
    "EngineRollout": "engine_rollout",
    "ErrorComparison": "engine.comparison",
    "Exact": "engine.comparators",
    "ExecutionMode": "blue_green_pipeline",
    "ExistingCluster": "existing_cluster",
    "ExistingDeployment": "pods",
    "ExpectedTraffic": "planning.expected_traffic",
    "FleetDeploy": "fleet_deploy",
    "FleetInstances": "fleet_instances",
    "GeneratedFiles": "generated_files",
    "Hotfix": "release_marks",
    "HttpSmokeTest": "engine.smoke_test",
    "ImageLifecycle": "repository_lifecycle",
    "ImageRepository": "image_repository",
    "ImageScan": "image_scan_gate",
    "Ingress": "ingress",
    "JobAnalysis": "cluster_analysis",
    "LambdaHook": "hooks",
    "LatencyComparison": "engine.guardrails",
    "Linear": "engine.strategy",
    "LoadBalancing": "eks_capacity",
    "MetricComparison": "engine.guardrails",
    "MigrationTask": "engine.migration",
    "MinimumHealthy": "code_deploy",
    "NodeGroup": "eks_capacity",
    "Notifications": "pipeline_notifications",
    "PipelineFiles": "pipeline_files",
    "Plan": "service_plan",
    "Pods": "pods",
    "Preview": "swap_options",
    "RegionSide": "region_side",
    "RegionSwitch": "region_switch",
    "ReleaseImage": "release_image",
    "ReplayRequest": "engine.replay",
    "ReplayRequests": "engine.replay",
    "RolloutEngine": "rollout_engine",
    "RolloutLimits": "rollout_limits",
    "RuleOwner": "rule_owner",
    "S3Source": "s3_source",
    "Scaling": "scaling",
    "ScheduledScaling": "scaling",
    "Score": "engine.comparators",
    "ServiceConnect": "tasks",
    "ServiceRules": "ingress",
    "SlackChannel": "pipeline_notifications",
    "Slot": "slot",
    "SlotSwap": "slot_swap",
    "Split": "engine.strategy",
    "Spot": "fleet_instances",
    "StackDeploy": "stack_deploy",
    "StageApproval": "delivery_stage",
    "StageBake": "stage_bake",
    "Step": "engine.strategy",
    "Steps": "engine.strategy",
    "Targets": "targets",
    "Tasks": "tasks",
    "TeamsChannel": "pipeline_notifications",
    "TestTraffic": "test_traffic",
    "Together": "delivery_stage",
    "Tolerance": "engine.comparators",
    "TrafficRule": "traffic_rule",
    "WarmPool": "engine.warm_pool",
    "WarmUp": "swap_options",
    "WebApp": "web_app",
}

__all__ = [
    "AbsoluteFloor",
    "AcceptedRelease",
    "AccountRoles",
    "Adopted",
    "AlarmGuardrail",
    "AlarmOf",
    "AlarmThresholds",
    "AllAtOnce",
    "AppAssembly",
    "AppServiceSlots",
    "Approval",
    "ArgoChart",
    "ArgoImageUpdate",
    "Artefact",
    "ArtefactStore",
    "AutoMode",
    "BlueGreenPipeline",
    "BootstrapImage",
    "BuildMachine",
    "Canary",
    "CanaryAlb",
    "CandidateRoute",
    "Capacity",
    "CloudWatchAnalysis",
    "CloudWatchMetric",
    "ClusterSide",
    "ClusterSwitch",
    "CodeBuildImage",
    "CodeCommitSource",
    "CodeDeploy",
    "CodeDeployEcsDeploy",
    "CodeDeployServerDeploy",
    "CommittedFiles",
    "ConnectionSource",
    "Container",
    "DeliveryRepository",
    "DeliveryStage",
    "DeployWindow",
    "DeploymentRoles",
    "Ec2BlueGreenFleet",
    "EcrBuildAndPublish",
    "EcrPush",
    "EcsBlueGreenService",
    "EksCluster",
    "EksRollouts",
    "EngineRollout",
    "ErrorComparison",
    "Exact",
    "ExecutionMode",
    "ExistingCluster",
    "ExistingDeployment",
    "ExpectedTraffic",
    "FleetDeploy",
    "FleetInstances",
    "GeneratedFiles",
    "Hotfix",
    "HttpSmokeTest",
    "ImageLifecycle",
    "ImageRepository",
    "ImageScan",
    "Ingress",
    "JobAnalysis",
    "LambdaHook",
    "LatencyComparison",
    "Linear",
    "LoadBalancing",
    "MetricComparison",
    "MigrationTask",
    "MinimumHealthy",
    "NodeGroup",
    "Notifications",
    "PipelineFiles",
    "Plan",
    "Pods",
    "Preview",
    "RegionSide",
    "RegionSwitch",
    "ReleaseImage",
    "ReplayRequest",
    "ReplayRequests",
    "RolloutEngine",
    "RolloutLimits",
    "RuleOwner",
    "S3Source",
    "Scaling",
    "ScheduledScaling",
    "Score",
    "ServiceConnect",
    "ServiceRules",
    "SlackChannel",
    "Slot",
    "SlotSwap",
    "Split",
    "Spot",
    "StackDeploy",
    "StageApproval",
    "StageBake",
    "Step",
    "Steps",
    "Targets",
    "Tasks",
    "TeamsChannel",
    "TestTraffic",
    "Together",
    "Tolerance",
    "TrafficRule",
    "WarmPool",
    "WarmUp",
    "WebApp",
]


def __getattr__(name: str) -> object:
    """The public name, imported from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
