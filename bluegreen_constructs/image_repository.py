"""ImageRepository: where the images of a service's releases lie, in Amazon ECR."""

import json
import re
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IDependable

from .bootstrap_image import TAG as BOOTSTRAP_TAG
from .bootstrap_image import BootstrapBuild, BootstrapImage
from .engine.errors import ConfigurationError
from .repository_lifecycle import ImageLifecycle

# What the CDK takes: Amazon ECR also takes several hyphens and two underscores in a row.
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*")
_ACCOUNT = re.compile(r"\d{12}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


class ImageRepository(Construct):
    """A repository whose tags are never moved, whose images are scanned when they are pushed, and that keeps releases.

    No release expires by itself (`ImageLifecycle` says what does), and the repository stays when its stack is deleted:
    what runs in production would find no image for its next task.

    When it is made, an image with the tag `bootstrap` is pushed, so that a service can be deployed before there is a
    release; a `ReleaseImage` of this repository waits for it.

    Example:
        ```python
        repository = ImageRepository(self, "Images", name="inference", pulled_by=["210987654321"])
        Container(image=ReleaseImage(repository), port=8080)
        ```
    """

    repository: ecr.IRepository
    """The repository itself."""
    first_image: IDependable | None
    """What waits for it starts with an image in the repository (None: nobody pushes one)."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str | None = None,
        first_image: BootstrapImage | None = BootstrapImage(),  # noqa: B008 -- it is frozen
        lifecycle: ImageLifecycle = ImageLifecycle(),  # noqa: B008 -- it is frozen
        pulled_by: Sequence[str] = (),
        moving_tags: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Make the repository.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            name: its name; default: CloudFormation makes one. A repository that other accounts' stacks name needs one.
            first_image: what is pushed when it is made (default: a server that answers 200 on port 8080; None:
                nothing).
            lifecycle: which images expire (default: those without a tag, after 30 days).
            pulled_by: the numbers of other accounts that may pull; their own policies decide who does.
            moving_tags: exempt from immutability, such as `latest`, which a pipeline with two sources looks for when a
                commit starts it (default: no tag is ever moved). Nothing may run by such a tag. It leaves an image
                behind that may have no other and be live, so `lifecycle` has to keep images without one.
            encryption_key: of the images (default: a key of Amazon ECR's own). It cannot be changed afterwards.

        Raises:
            ConfigurationError: Amazon ECR takes no such name, there is no such account, or the lifecycle would expire
                what a moving tag has left.
        """
        super().__init__(scope, id)
        if name is not None and not cdk.Token.is_unresolved(name) and not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"ImageRepository name is {name!r}: give 2 to 256 lower-case letters, digits and single ._-/ between "
                "them, such as 'team/inference'"
            )
        if isinstance(pulled_by, str):
            raise ConfigurationError(f"ImageRepository pulled_by is {pulled_by!r}: give a list, ['{pulled_by}']")
        for account in pulled_by:
            if not _ACCOUNT.fullmatch(account):
                raise ConfigurationError(
                    f"ImageRepository pulled_by has {account!r}: give the twelve digits of an account"
                )
        for tag in moving_tags:
            if isinstance(moving_tags, str) or not _TAG.fullmatch(tag) or tag == BOOTSTRAP_TAG:
                raise ConfigurationError(
                    f"ImageRepository moving_tags is {moving_tags!r}: give a list of tags, without * and without "
                    f"{BOOTSTRAP_TAG!r}, such as ['latest']"
                )
        if moving_tags and lifecycle.untagged_after is not None:
            raise ConfigurationError(
                f"ImageRepository moving_tags is {moving_tags!r}: an image that was pushed with such a tag alone has "
                "none when the tag moves on, and would expire although it may be live, so give "
                "lifecycle=ImageLifecycle(untagged_after=None)"
            )
        made = ecr.Repository(
            self,
            "Resource",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION
            if moving_tags
            else ecr.TagMutability.IMMUTABLE,
            image_tag_mutability_exclusion_filters=[
                ecr.ImageTagMutabilityExclusionFilter.wildcard(tag) for tag in moving_tags
            ]
            or None,
            image_scan_on_push=True,
            encryption=None if encryption_key is None else ecr.RepositoryEncryption.KMS,
            encryption_key=encryption_key,
            # A name that a first creation leaves behind would be in the way of the next. An image that was pushed by
            # then is not deleted: Amazon ECR deletes no repository that has one, and somebody has to look.
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
            # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        resource = made.node.default_child
        policy = lifecycle.policy()
        if isinstance(resource, ecr.CfnRepository) and policy["rules"]:
            resource.lifecycle_policy = ecr.CfnRepository.LifecyclePolicyProperty(
                lifecycle_policy_text=json.dumps(policy)
            )
        if pulled_by:
            made.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="PullFromOtherAccounts",
                    principals=[iam.AccountPrincipal(account) for account in pulled_by],
                    actions=_PULL,
                )
            )
        self._complete(made, first_image)

    @staticmethod
    def existing(
        scope: Construct, id: str, repository: ecr.IRepository | str, *, first_image: BootstrapImage | None = None
    ) -> "ImageRepository":
        """Take a repository that is there, by its construct or its name in this account and region, as it is.

        Its tags, its lifecycle and its rights are whoever made it's business: a lifecycle that expires images with tags
        may take away a release. first_image: pushed unless there is one with the tag `bootstrap` (default: nothing is).
        """
        return _ExistingRepository(scope, id, repository, first_image)

    def _complete(self, repository: ecr.IRepository, first_image: BootstrapImage | None) -> None:
        self.repository = repository
        self.first_image = None
        if first_image is not None:
            self.first_image = BootstrapBuild(self, "FirstImage", image=first_image, repository=repository).resource


class _ExistingRepository(ImageRepository):
    """One that somebody else has made."""

    def __init__(
        self, scope: Construct, id: str, repository: ecr.IRepository | str, first_image: BootstrapImage | None
    ) -> None:
        Construct.__init__(self, scope, id)
        if isinstance(repository, str):
            if not cdk.Token.is_unresolved(repository) and not _NAME.fullmatch(repository):
                raise ConfigurationError(
                    f"ImageRepository.existing has {repository!r}: give the repository's name alone, such as "
                    "'team/inference', or its construct"
                )
            repository = ecr.Repository.from_repository_name(self, "Resource", repository)
        self._complete(repository, first_image)
