"""Refuses what a fleet cannot be: what would change a side without a rollout, or what CodeDeploy does not do."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import aws_cdk as cdk
import jsii
from constructs import IValidation

from .code_deploy import CodeDeploy, MinimumHealthy
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail
from .engine.spans import Span, as_timedelta, in_words
from .fleet_instances import FleetInstances
from .ingress import Ingress
from .rollout_limits import RolloutLimits
from .scaling import Scaling

_AT_LAUNCH = "resolve:ssm:"
# A label instead of the version can be moved to another one.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html
_VERSION = re.compile(r":[1-9][0-9]*$")


@jsii.implements(IValidation)
class WholeUserData:
    """Asked by CDK when it synthesises the app: commands may have been added to the user data since."""

    def __init__(self, instances: FleetInstances) -> None:
        """Look at the user data of these."""
        self._instances = instances

    def validate(self) -> list[str]:
        """What is wrong with it by then."""
        try:
            self._instances.refuse_interrupted()
        except ConfigurationError as error:
            return [str(error)]
        return []


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


def refuse_grace(path: str, ingress: Ingress, limits: RolloutLimits) -> None:
    """Raise ConfigurationError for a grace in which a rollout is over: no failing instance would be replaced in it."""
    grace, prepare = timedelta(seconds=ingress.grace_seconds), limits.span("prepare")
    if grace >= prepare:
        raise ConfigurationError(
            f"{path} has Ingress grace {in_words(grace)} and RolloutLimits prepare {in_words(prepare)}: the rollout "
            "would end before the first instance that fails is replaced, give RolloutLimits(prepare=…) more than "
            f"{in_words(grace)}, or a shorter grace"
        )


def refuse_moving_image(path: str, image_id: str) -> None:
    """Raise ConfigurationError for an image that each launch looks up: users would meet another without a rollout.

    A parameter's name, or ARN, needs its version; a label is none. A token is accepted unseen.
    """
    if cdk.Token.is_unresolved(image_id) or not image_id.startswith(_AT_LAUNCH):
        return
    if not _VERSION.search(image_id):
        raise ConfigurationError(
            f"{path} has the image {image_id}, which each launch reads anew: name the parameter's version by its "
            "number, with :3 at the end, and ship another one with bluegreen start --image"
        )


def refuse_under_code_deploy(
    path: str,
    controller: CodeDeploy,
    *,
    instances: FleetInstances,
    ingress: Ingress,
    scaling: Scaling,
    given: Mapping[str, object],
) -> None:
    """Raise ConfigurationError for what CodeDeploy does not do on EC2.

    ingress: as it was given. given: what the fleet was given beside, by the argument's name.
    """
    named = [name for name, value in given.items() if value]
    if named:
        raise ConfigurationError(
            f"{path} has CodeDeploy together with {', '.join(named)}: on EC2 it moves traffic instance by instance, as "
            "CodeDeploy(configuration=...) says, and alarms judge: leave them out, or controller for the engine"
        )
    if ingress.grace is not None:
        raise ConfigurationError(
            f"{path} has CodeDeploy and Ingress(grace={in_words(timedelta(seconds=ingress.grace_seconds))}), for which "
            "no instance is spared, because none is replaced when it fails the load balancer's check: leave it out, "
            "and give ValidateService in the AppSpec the time that a start takes"
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
    if instances.artefact.packages:
        raise ConfigurationError(
            f"{path} has CodeDeploy and an Artefact with packages: leave them out, and install what a revision needs "
            "in a script of its AppSpec, at BeforeInstall"
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
    _refuse_minimum(path, controller, scaling.min)
    if scaling.moves or scaling.max not in {None, scaling.min}:
        raise ConfigurationError(
            f"{path} has CodeDeploy and Scaling that moves: an instance that is started later has no revision and no "
            "place in the target group, give Scaling(min=...) alone, or leave controller out for the engine"
        )


def _refuse_minimum(path: str, controller: CodeDeploy, size: int) -> None:
    """Raise ConfigurationError for a minimum of healthy instances that is no less than all of them.

    Then each deployment would fail at once. A percent of them is rounded up. `"OneAtATime"` is no minimum: of a single
    instance, the deployment to it decides.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html
    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
    """
    wanted = controller.configuration
    if isinstance(wanted, MinimumHealthy):
        percent = wanted.percent
        said = f"MinimumHealthy(count={wanted.count})" if percent is None else f"MinimumHealthy(percent={percent})"
        needed = (wanted.count or 0) if percent is None else _rounded_up(percent, size)
    elif wanted == "HalfAtATime":
        said, percent, needed = "configuration 'HalfAtATime'", 50, _rounded_up(50, size)
    else:
        return
    if needed < size:
        return
    if percent is not None:
        said = f"{said}, which of {size} instance{'s' * (size > 1)} is {needed}, rounded up"
    # The most percent that leave one out; of one instance there are none.
    most = f"at most {size - 1}" if percent is None else f"at most {min(99, 100 * (size - 1) // size)} percent"
    instead = f"give {most}, or more instances" if size > 1 else "leave it out (OneAtATime), or give more instances"
    raise ConfigurationError(
        f"{path} has {said}, and {size} on a side: CodeDeploy would have none to deploy to, {instead}"
    )


def _rounded_up(percent: int, size: int) -> int:
    return -(-percent * size // 100)


def bake_under_code_deploy(path: str, controller: CodeDeploy, bake: Span | None, default: timedelta) -> timedelta:
    """How long the former instances are kept; `bake`: what was given (None: nothing was).

    Of instances that stay for good CodeDeploy waits for nothing, and the deployment ends with the last shift.
    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BlueInstanceTerminationOption.html

    Raises ConfigurationError for a bake that would not be one.
    """
    given = default if bake is None else as_timedelta(bake, "bake")
    if controller.terminate:
        return given
    if bake is not None and given:
        raise ConfigurationError(
            f"{path} has bake {in_words(given)} and CodeDeploy(terminate=False), with which the former instances stay "
            "for good and a deployment ends when the traffic has moved: leave bake out, and go back with bluegreen "
            "rollback, or leave terminate out"
        )
    return timedelta()


def alarms_only(path: str, guardrails: Sequence[object]) -> list[AlarmGuardrail]:
    """The guardrails, all of them alarms; raises ConfigurationError for another one, which nobody would ask."""
    for one in guardrails:
        if not isinstance(one, AlarmGuardrail):
            raise ConfigurationError(
                f"{path} has CodeDeploy and the guardrail {type(one).__name__}: alarms alone judge its deployments, "
                "give AlarmGuardrail(alarm)"
            )
    return [one for one in guardrails if isinstance(one, AlarmGuardrail)]
