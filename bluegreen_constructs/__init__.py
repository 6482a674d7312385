"""AWS CDK constructs that ship a new version without losing a request and go back in one call.

The names are resolved on first use: importing this package must start neither Node nor boto3, because the `bluegreen`
command and the Lambda functions import it too.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .adoption import Adopted as Adopted
    from .app_service_slots import AppServiceSlots as AppServiceSlots
    from .argo_chart import ArgoChart as ArgoChart
    from .canary_alb import CanaryAlb as CanaryAlb
    from .candidate_route import CandidateRoute as CandidateRoute
    from .cluster_analysis import CloudWatchAnalysis as CloudWatchAnalysis
    from .cluster_analysis import CloudWatchMetric as CloudWatchMetric
    from .cluster_analysis import JobAnalysis as JobAnalysis
    from .cluster_side import ClusterSide as ClusterSide
    from .cluster_switch import ClusterSwitch as ClusterSwitch
    from .code_deploy import CodeDeploy as CodeDeploy
    from .code_deploy import MinimumHealthy as MinimumHealthy
    from .container import Container as Container
    from .ec2_blue_green_fleet import Ec2BlueGreenFleet as Ec2BlueGreenFleet
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
    from .existing_cluster import ExistingCluster as ExistingCluster
    from .fleet_instances import FleetInstances as FleetInstances
    from .fleet_instances import Spot as Spot
    from .guardrail_alarms import AlarmThresholds as AlarmThresholds
    from .hooks import Approval as Approval
    from .hooks import LambdaHook as LambdaHook
    from .ingress import Ingress as Ingress
    from .ingress import ServiceRules as ServiceRules
    from .planning.expected_traffic import ExpectedTraffic as ExpectedTraffic
    from .pods import ExistingDeployment as ExistingDeployment
    from .pods import Pods as Pods
    from .region_side import RegionSide as RegionSide
    from .region_switch import RegionSwitch as RegionSwitch
    from .release_artefact import Artefact as Artefact
    from .release_marks import AcceptedRelease as AcceptedRelease
    from .release_marks import Hotfix as Hotfix
    from .rollout_engine import RolloutEngine as RolloutEngine
    from .rollout_limits import RolloutLimits as RolloutLimits
    from .rule_owner import RuleOwner as RuleOwner
    from .scaling import Scaling as Scaling
    from .scaling import ScheduledScaling as ScheduledScaling
    from .service_plan import Plan as Plan
    from .slot import Slot as Slot
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
    "Adopted": "adoption",
    "AlarmGuardrail": "engine.guardrails",
    "AlarmThresholds": "guardrail_alarms",
    "AllAtOnce": "engine.strategy",
    "AppServiceSlots": "app_service_slots",
    "Approval": "hooks",
    "ArgoChart": "argo_chart",
    "Artefact": "release_artefact",
    "AutoMode": "eks_capacity",
    "Canary": "engine.strategy",
    "CanaryAlb": "canary_alb",
    "CandidateRoute": "candidate_route",
    "Capacity": "tasks",
    "CloudWatchAnalysis": "cluster_analysis",
    "CloudWatchMetric": "cluster_analysis",
    "ClusterSide": "cluster_side",
    "ClusterSwitch": "cluster_switch",
    "CodeDeploy": "code_deploy",
    "Container": "container",
    "Ec2BlueGreenFleet": "ec2_blue_green_fleet",
    "EcsBlueGreenService": "ecs_blue_green_service",
    "EksCluster": "eks_cluster",
    "EksRollouts": "eks_rollouts",
    "ErrorComparison": "engine.comparison",
    "Exact": "engine.comparators",
    "ExistingCluster": "existing_cluster",
    "ExistingDeployment": "pods",
    "ExpectedTraffic": "planning.expected_traffic",
    "FleetInstances": "fleet_instances",
    "Hotfix": "release_marks",
    "HttpSmokeTest": "engine.smoke_test",
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
    "Plan": "service_plan",
    "Pods": "pods",
    "Preview": "swap_options",
    "RegionSide": "region_side",
    "RegionSwitch": "region_switch",
    "ReplayRequest": "engine.replay",
    "ReplayRequests": "engine.replay",
    "RolloutEngine": "rollout_engine",
    "RolloutLimits": "rollout_limits",
    "RuleOwner": "rule_owner",
    "Scaling": "scaling",
    "ScheduledScaling": "scaling",
    "Score": "engine.comparators",
    "ServiceConnect": "tasks",
    "ServiceRules": "ingress",
    "Slot": "slot",
    "Split": "engine.strategy",
    "Spot": "fleet_instances",
    "Step": "engine.strategy",
    "Steps": "engine.strategy",
    "Targets": "targets",
    "Tasks": "tasks",
    "TestTraffic": "test_traffic",
    "Tolerance": "engine.comparators",
    "TrafficRule": "traffic_rule",
    "WarmPool": "engine.warm_pool",
    "WarmUp": "swap_options",
    "WebApp": "web_app",
}

__all__ = [
    "AbsoluteFloor",
    "AcceptedRelease",
    "Adopted",
    "AlarmGuardrail",
    "AlarmThresholds",
    "AllAtOnce",
    "AppServiceSlots",
    "Approval",
    "ArgoChart",
    "Artefact",
    "AutoMode",
    "Canary",
    "CanaryAlb",
    "CandidateRoute",
    "Capacity",
    "CloudWatchAnalysis",
    "CloudWatchMetric",
    "ClusterSide",
    "ClusterSwitch",
    "CodeDeploy",
    "Container",
    "Ec2BlueGreenFleet",
    "EcsBlueGreenService",
    "EksCluster",
    "EksRollouts",
    "ErrorComparison",
    "Exact",
    "ExistingCluster",
    "ExistingDeployment",
    "ExpectedTraffic",
    "FleetInstances",
    "Hotfix",
    "HttpSmokeTest",
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
    "Plan",
    "Pods",
    "Preview",
    "RegionSide",
    "RegionSwitch",
    "ReplayRequest",
    "ReplayRequests",
    "RolloutEngine",
    "RolloutLimits",
    "RuleOwner",
    "Scaling",
    "ScheduledScaling",
    "Score",
    "ServiceConnect",
    "ServiceRules",
    "Slot",
    "Split",
    "Spot",
    "Step",
    "Steps",
    "Targets",
    "Tasks",
    "TestTraffic",
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
