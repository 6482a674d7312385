"""The application of one environment: its stacks, and what holds for every resource in them."""

import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks

from bluegreen_constructs.engine.errors import ConfigurationError

from .deliveries import DELIVERIES
from .environment_stacks import EnvironmentStacks
from .environments import Environment, chosen
from .pipeline_stack import PipelineStack

UNNAMED_RELEASE = "no-release-given"
_QUALIFIER = "@aws-cdk/core:bootstrapQualifier"
_RELEASE = re.compile(r"(sha256:[0-9a-f]{64})|([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


def build(app: cdk.App, *, environment: object, release: object) -> None:
    """Make the stacks of the named environment at the given release, or those of a delivery with its pipeline.

    Without a release the templates of an environment can be read and compared, and name an image that does not exist: a
    default would take an environment back to that release whenever somebody forgot to name one. In a delivery the
    stacks keep their release themselves, and the pipeline gives it.

    Raises ConfigurationError for a name that is neither, or a release that is no image tag or digest.
    """
    if isinstance(environment, str) and environment in DELIVERIES:
        _deliver(app, environment, release)
    else:
        place = chosen(environment, DELIVERIES)
        _choose_bootstrap(app, [place])
        version = _checked_release(UNNAMED_RELEASE if release is None else release)
        stacks = _stacks_of(app, place, version)
        if release is None:
            cdk.Annotations.of(stacks.service).add_warning_v2(
                "bluegreen:release",
                "no release is given, so the template names no image that exists: add -c release=1.4.2",
            )
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def _deliver(app: cdk.App, environment: str, release: object) -> None:
    delivery = DELIVERIES[environment]
    if release is not None:
        raise ConfigurationError(
            f"the delivery {delivery.name} is synthesised with the release {release}, and its stacks keep theirs: "
            "leave -c release out"
        )
    names = dict.fromkeys(stop.environment for stop in delivery.stops)
    places = [chosen(name) for name in names]
    _choose_bootstrap(app, places)
    stacks = {place.name: _stacks_of(app, place, None) for place in places}
    home = places[-1]
    pipeline = PipelineStack(
        app,
        f"BlueGreenPipeline-{delivery.name}",
        environment=environment,
        delivery=delivery,
        environments=stacks,
        env=cdk.Environment(account=home.account, region=home.region),
        protected=home.protected,
    )
    _apply_account_rules(pipeline, home)
    _tag(pipeline, home)


def _choose_bootstrap(app: cdk.App, places: Sequence[Environment]) -> None:
    """Have every stack, the pipeline's too, use the environments' bootstrap; before any is made, or CDK refuses.

    Raises ConfigurationError for environments with different ones: an app has one.
    """
    default = app.node.try_get_context(_QUALIFIER) or cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
    qualifiers = {place.name: place.qualifier or default for place in places}
    first, *others = dict.fromkeys(qualifiers.values())
    if others:
        listed = ", ".join(f"{name} {qualifier}" for name, qualifier in qualifiers.items())
        raise ConfigurationError(
            f"the environments of one delivery have bootstraps with different qualifiers ({listed}): give them the "
            "same qualifier, or a delivery each"
        )
    if first != default:
        app.node.set_context(_QUALIFIER, first)


def _stacks_of(app: cdk.App, place: Environment, release: str | None) -> EnvironmentStacks:
    stacks = EnvironmentStacks.of(app, place, release=release)
    for stack in stacks.all():
        _apply_account_rules(stack, place)
        _tag(stack, place)
    return stacks


def _tag(stack: cdk.Stack, place: Environment) -> None:
    for key, value in place.tags.items():
        cdk.Tags.of(stack).add(key, value)


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
