"""What UpdateService and CreateService refuse for a service with the deployment controller CODE_DEPLOY.

"Only the desired count, deployment configuration, health check grace period, task placement constraints and
strategies, enable ECS managed tags option, and propagate tags can be updated using this API. If the network
configuration, platform version, task definition, or load balancer need to be updated, create a new CodeDeploy
deployment": https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html

The sentence is ECS's own (https://github.com/fabfuel/ecs-deploy/issues/175). CloudFormation sends every property of a
service that changes (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1529); here one that
says what the service has already is no update.
"""

from collections.abc import Mapping

from ...engine.errors import ConfigurationError
from .deployment_plan import truth
from .revision import ingresses

_ELSEWHERE = "on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
# In the order in which they are looked at: the task definition is what everybody meets first.
_CONTROLLED = {
    "taskDefinition": "task definition",
    "networkConfiguration": "network parameters",
    "platformVersion": "platform version",
    "loadBalancers": "load balancers",
    "capacityProviderStrategy": "capacity provider strategy",
    "serviceRegistries": "service registries",
    "serviceConnectConfiguration": "Service Connect configuration",
    "volumeConfigurations": "volume configurations",
}
CONTROLLED_PARAMETERS = frozenset(_CONTROLLED)


def check_update(service: Mapping[str, object], request: Mapping[str, object]) -> None:
    """Refuse an update of what CodeDeploy controls; ConfigurationError in ECS's words.

    The request's task definition is an ARN by now: a family stands for its newest active revision.
    """
    for name, words in _CONTROLLED.items():
        if name in request and (request[name] or None) != (service.get(name) or None):
            raise ConfigurationError(f"Unable to update {words} {_ELSEWHERE}")
    if truth(request.get("forceNewDeployment")):
        raise ConfigurationError(f"Cannot force a new deployment {_ELSEWHERE}")


def check_creation(service: Mapping[str, object]) -> None:
    """Refuse a service that CodeDeploy could never deploy; ConfigurationError.

    It "is required to use either an Application Load Balancer or Network Load Balancer", and exactly one:
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    """
    found = ingresses(service)
    if len(found) != 1:
        raise ConfigurationError(
            "A service with a CODE_DEPLOY deployment controller must have exactly one load balancer with a "
            f"target group; {len(found)} were given."
        )
    if found[0].alternate:
        raise ConfigurationError(
            "advancedConfiguration is not supported for services with a CODE_DEPLOY deployment controller."
        )
