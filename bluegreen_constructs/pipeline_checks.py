"""What a pipeline cannot be: refused in one sentence each, with what to do instead."""

from collections.abc import Sequence

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr

from .account_roles import AccountRoles
from .delivery_stage import DeliveryStage
from .ecr_push import EcrPush
from .engine.errors import ConfigurationError
from .pipeline_action import PipelineAction
from .pipeline_parts import ImageBuild, PipelineSource

_OWN_STAGES = ("Source", "Build", "Synth", "UpdatePipeline")


def refuse_sources(
    path: str,
    sources: Sequence[PipelineSource],
    build: ImageBuild | None,
    *,
    build_source: str | None,
    app_source: str | None,
) -> None:
    """Refuse sources that are none, of one name, not there, or that start the pipeline without an image or an end."""
    names = [one.name for one in sources]
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(f"{path} has the sources {', '.join(names) or 'none'}: give one or more, by own names")
    for what, name in (("build_source", build_source), ("app's source", app_source)):
        if name is not None and name not in names:
            raise ConfigurationError(f"{path} has the {what} {name}: give one of its sources, {', '.join(names)}")
    if build is None and build_source is not None:
        raise ConfigurationError(f"{path} has build_source and nothing to build: give build=, or leave it out")
    if build is not None and build_source is None and all(isinstance(one, EcrPush) for one in sources):
        raise ConfigurationError(
            f"{path} builds an image, and all of its sources are images: give it a source with the code, such as "
            "CodeCommitSource"
        )
    for one in sources:
        if isinstance(one, EcrPush):
            _refuse_pushes(path, one, sources, build)


def _refuse_pushes(path: str, push: EcrPush, sources: Sequence[PipelineSource], build: ImageBuild | None) -> None:
    if build is not None and build.repository.repository_arn == push.repository.repository_arn:
        raise ConfigurationError(
            f"{path} builds images into {push.repository.node.path}, whose pushes start it ({push.name}): it would "
            "start itself without end, give build= or that EcrPush, not both"
        )
    others = [one.name for one in sources if one is not push and one.starts_pipeline]
    if others and _is_immutable(push.repository):
        raise ConfigurationError(
            f"{path} is started by {others[0]}, too, and finds no image with the tag {push.tag} then, as the tags of "
            f"{push.repository.node.path} never move: give {others[0]} starts_pipeline=False, or "
            f"ImageRepository(moving_tags=[{push.tag!r}])"
        )


def _is_immutable(repository: ecr.IRepository) -> bool:
    """As far as it is known: of a repository that the app makes."""
    made = repository.node.default_child
    return isinstance(made, ecr.CfnRepository) and made.image_tag_mutability == ecr.TagMutability.IMMUTABLE.value


def refuse_self_mutation(path: str, sources: Sequence[PipelineSource], *, has_app: bool) -> None:
    """Refuse a pipeline that cannot update itself, or would lose what it was started with."""
    if not has_app:
        raise ConfigurationError(
            f"{path} is self_mutating and synthesises no app, of which its own template would come: give app=, or "
            "leave self_mutating out"
        )
    for one in sources:
        if isinstance(one, EcrPush) and one.starts_pipeline:
            raise ConfigurationError(
                f"{path} is self_mutating and started by pushes ({one.name}): CodePipeline starts it anew after a "
                "change of itself, without the digest that was pushed, so leave self_mutating out"
            )


def refuse_other_regions(path: str, regions: Sequence[str]) -> None:
    """Refuse to let a pipeline update itself that has buckets in other regions."""
    if regions:
        raise ConfigurationError(
            f"{path} is self_mutating and acts in {', '.join(regions)}, where its buckets are in stacks of their own "
            "that it would not update: leave self_mutating out, and deploy all of its stacks by cdk deploy"
        )


def refuse_stages(path: str, stages: Sequence[DeliveryStage]) -> None:
    """Refuse no stages, and two of one name."""
    if not stages:
        raise ConfigurationError(f"{path} has no stages: give one or more that deploy something")
    known = list(_OWN_STAGES)
    for stage in stages:
        for name in (stage.name, *([] if stage.approval is None else [f"Review{stage.name}"])):
            if name in known:
                raise ConfigurationError(f"{path} has two stages {name}: give this one another name")
            known.append(name)


def refuse_unnamed(path: str, accounts: Sequence[AccountRoles], role_name: str | None) -> None:
    """Refuse other accounts without the name that they trust, and one account twice."""
    if accounts and role_name is None:
        raise ConfigurationError(
            f"{path} deploys to account {accounts[0].account}, whose roles trust the pipeline's by its name: give "
            "role_name=, and DeploymentRoles(pipeline_role=...) the same"
        )
    given = [one.account for one in accounts]
    if len(set(given)) < len(given):
        raise ConfigurationError(f"{path} has two AccountRoles of one account: give one for each account")


class KnownVariables:
    """The namespaces of a pipeline's actions so far: an action can use what an earlier one has."""

    def __init__(self) -> None:
        """CodePipeline itself has one."""
        self._namespaces = ["codepipeline"]

    def look(self, stage: str, actions: Sequence[codepipeline.IAction]) -> None:
        """Refuse an action with a variable that nobody before it has; then its own are known."""
        made = [one for one in actions if isinstance(one, PipelineAction)]
        for action in sorted(made, key=lambda one: one.order):
            unknown = [one for one in action.namespaces_used if one not in self._namespaces]
            if unknown:
                raise ConfigurationError(
                    f"the action {action.name} in stage {stage} has a variable of {unknown[0]}, which no action before "
                    f"it has: give one of {', '.join(self._namespaces)}"
                )
            if action.namespace is not None:
                self._namespaces.append(action.namespace)
