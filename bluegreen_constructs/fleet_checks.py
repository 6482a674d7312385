"""Refuses what a fleet cannot be: what would change a side without a rollout, or what CodeDeploy does not do."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk

from .code_deploy import CodeDeploy, MinimumHealthy
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail
from .fleet_instances import FleetInstances
from .scaling import Scaling

_AT_LAUNCH = "resolve:ssm:"


def refuse_fleet(path: str, instances: FleetInstances, scaling: Scaling) -> None:
    """Raise ConfigurationError for what would change or fill a side without a rollout."""
    if instances.artefact is not None and not instances.artefact.first:
        raise ConfigurationError(
            f"{path} has an Artefact without first: name the release that both sides start with, such as first='1.0.0'"
        )
    if scaling.schedules:
        raise ConfigurationError(
            f"{path} has Scaling schedules, which would start instances on the side that is out of use, too: scale on "
            "cpu_percent or requests_per_target"
        )
    if scaling.max is not None and instances.warm_pool is not None:
        most = instances.warm_pool.most_prepared
        if most is not None and most > scaling.max:
            raise ConfigurationError(
                f"{path} has a WarmPool with most_prepared {most} and Scaling max {scaling.max}: give at most "
                f"{scaling.max}, a side never has more"
            )


def refuse_moving_image(path: str, image_id: str) -> None:
    """Raise ConfigurationError for an image that each launch looks up: users would meet another without a rollout."""
    if cdk.Token.is_unresolved(image_id) or not image_id.startswith(_AT_LAUNCH):
        return
    if ":" not in image_id.removeprefix(_AT_LAUNCH):
        raise ConfigurationError(
            f"{path} has the image {image_id}, which each launch reads anew: name the parameter's version, such as "
            f"{image_id}:3, and ship another one with bluegreen start --image"
        )


def refuse_under_code_deploy(
    path: str, controller: CodeDeploy, instances: FleetInstances, scaling: Scaling, given: Mapping[str, object]
) -> None:
    """Raise ConfigurationError for what CodeDeploy does not do on EC2.

    given: what the fleet was given beside, by the argument's name.
    """
    named = [name for name, value in given.items() if value]
    if named:
        raise ConfigurationError(
            f"{path} has CodeDeploy together with {', '.join(named)}: on EC2 it moves traffic instance by instance, as "
            "CodeDeploy(configuration=...) says, and alarms judge: leave them out, or controller for the engine"
        )
    if controller.on_stack_update:
        raise ConfigurationError(
            f"{path} has CodeDeploy(on_stack_update=True): releases of EC2 instances are no part of a template, start "
            "a deployment with bluegreen start or a pipeline"
        )
    if instances.artefact is None:
        raise ConfigurationError(
            f"{path} has CodeDeploy without an artefact: give FleetInstances(artefact=Artefact(bucket)), where the "
            "revisions lie"
        )
    if instances.artefact.first:
        raise ConfigurationError(
            f"{path} has CodeDeploy and an Artefact with first {instances.artefact.first!r}: leave it out, CodeDeploy "
            "installs the first release as well"
        )
    if instances.warm_pool is not None:
        raise ConfigurationError(
            f"{path} has CodeDeploy and a warm pool: instances come out of it without a revision, leave one of them out"
        )
    if instances.spot is not None:
        raise ConfigurationError(
            f"{path} has CodeDeploy and Spot: the instance that takes a reclaimed one's place has no revision and no "
            "place in the target group, leave one of them out"
        )
    healthy = controller.configuration
    if isinstance(healthy, MinimumHealthy) and healthy.count is not None and healthy.count >= scaling.min:
        # https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html
        raise ConfigurationError(
            f"{path} has MinimumHealthy(count={healthy.count}) and {scaling.min} instances on a side: CodeDeploy would "
            f"have none to deploy to, give at most {scaling.min - 1}, or more instances"
        )
    if scaling.moves or scaling.max not in {None, scaling.min}:
        raise ConfigurationError(
            f"{path} has CodeDeploy and Scaling that moves: an instance that is started later has no revision and no "
            "place in the target group, give Scaling(min=...) alone, or leave controller out for the engine"
        )


def alarms_only(path: str, guardrails: Sequence[object]) -> list[AlarmGuardrail]:
    """The guardrails, all of them alarms; raises ConfigurationError for another one, which nobody would ask."""
    for one in guardrails:
        if not isinstance(one, AlarmGuardrail):
            raise ConfigurationError(
                f"{path} has CodeDeploy and the guardrail {type(one).__name__}: alarms alone judge its deployments, "
                "give AlarmGuardrail(alarm)"
            )
    return [one for one in guardrails if isinstance(one, AlarmGuardrail)]
