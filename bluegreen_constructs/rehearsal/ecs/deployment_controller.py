"""Who deploys a service: ECS itself, AWS CodeDeploy, or somebody else (API reference of DeploymentController)."""

from collections.abc import Mapping

from .deployment_plan import mapping

ECS, CODE_DEPLOY = "ECS", "CODE_DEPLOY"


def controller(service: Mapping[str, object]) -> str:
    """The deployment controller of a service's record, or of a CreateService request."""
    return str(mapping(service.get("deploymentController")).get("type") or ECS)


def is_played(service: Mapping[str, object]) -> bool:
    """Whether a service has a deployment controller that is played: not EXTERNAL."""
    return controller(service) in {ECS, CODE_DEPLOY}


def has_task_sets(service: Mapping[str, object]) -> bool:
    """Whether AWS CodeDeploy deploys a service."""
    return controller(service) == CODE_DEPLOY
