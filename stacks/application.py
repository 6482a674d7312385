"""The application of one environment: its stacks, and what holds for every resource in them."""

import re

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks

from bluegreen_constructs.engine.errors import ConfigurationError

from .canary_stack import CanaryStack
from .eks_stack import EksStack
from .environments import Environment, chosen
from .fleet_stack import FleetStack
from .network_stack import NetworkStack
from .service_stack import ServiceStack
from .slots_stack import SlotsStack

UNNAMED_RELEASE = "no-release-given"
_RELEASE = re.compile(r"(sha256:[0-9a-f]{64})|([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


def build(app: cdk.App, *, environment: object, release: object) -> None:
    """Make the stacks of the named environment at the given release.

    Without a release the templates can be read and compared, and name an image that does not exist: a default would
    take an environment back to that release whenever somebody forgot to name one.

    Raises ConfigurationError for a name that is no environment, or a release that is no image tag or digest.
    """
    place = chosen(environment)
    version = _checked_release(UNNAMED_RELEASE if release is None else release)
    if place.qualifier is not None:
        app.node.set_context("@aws-cdk/core:bootstrapQualifier", place.qualifier)
    env = cdk.Environment(account=place.account, region=place.region)
    network = NetworkStack(app, f"BlueGreenNetwork-{place.name}", environment=place, env=env)
    service = ServiceStack(
        app, f"BlueGreenService-{place.name}", environment=place, network=network, release=version, env=env
    )
    canary = CanaryStack(app, f"BlueGreenCanary-{place.name}", environment=place, network=network, env=env)
    slots = SlotsStack(app, f"BlueGreenSlots-{place.name}", environment=place, network=network, env=env)
    fleet = FleetStack(app, f"BlueGreenFleet-{place.name}", environment=place, network=network, env=env)
    stacks: list[cdk.Stack] = [network, service, canary, slots, fleet]
    if place.kubernetes is not None:
        eks = EksStack(
            app,
            f"BlueGreenEks-{place.name}",
            environment=place,
            settings=place.kubernetes,
            network=network,
            release=version,
            env=env,
        )
        stacks.append(eks)
    if release is None:
        cdk.Annotations.of(service).add_warning_v2(
            "bluegreen:release", "no release is given, so the template names no image that exists: add -c release=1.4.2"
        )
    for stack in stacks:
        _apply_account_rules(stack, place)
    for key, value in place.tags.items():
        cdk.Tags.of(app).add(key, value)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def _checked_release(release: object) -> str:
    if isinstance(release, str) and _RELEASE.fullmatch(release):
        return release
    raise ConfigurationError(
        f"the release is {release!r}: give the image's tag or its sha256 digest, with -c release=1.4.2"
    )


def _apply_account_rules(stack: cdk.Stack, place: Environment) -> None:
    """What strict accounts ask of every role."""
    if place.permissions_boundary is not None:
        boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "PermissionsBoundary", place.permissions_boundary)
        iam.PermissionsBoundary.of(stack).apply(boundary)
    if place.role_path is not None:
        # A walk over the finished tree instead of an Aspect: one call back into Python per resource would cost more
        # than all the rest of a synth.
        for node in stack.node.find_all():
            if isinstance(node, cdk.CfnResource) and node.cfn_resource_type == "AWS::IAM::Role":
                node.add_property_override("Path", place.role_path)
