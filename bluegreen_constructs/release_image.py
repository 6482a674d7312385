"""ReleaseImage: an image whose digest is a parameter of the stack, so that the release is kept in the stack."""

import re
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from .engine.errors import ConfigurationError
from .image_repository import ImageRepository

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
_NAME = re.compile(r"[A-Za-z0-9]{1,255}")
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = "sha256:[0-9a-f]{64}"
_made: "WeakKeyDictionary[cdk.CfnParameter, tuple[object, str]]" = WeakKeyDictionary()
"""Of which image, and with which first tag, each parameter is."""
_names: "WeakKeyDictionary[cdk.CfnParameter, str]" = WeakKeyDictionary()
_VARIABLE = re.compile(r"#\{[A-Za-z0-9@_-]+\.[A-Za-z0-9@_-]+\}")  # of CodePipeline


class ReleaseImage(ecs.EcrImage):
    """The release of a repository's image that a stack runs: `repository@sha256:...`, with the digest as a parameter.

    A pipeline releases by giving the parameter another value; the template stays as it is, and so does `cdk diff`. A
    `cdk deploy` by hand keeps the value that the stack has, for the CDK asks CloudFormation for the previous one; with
    `--no-previous-parameters` it would go back to `first`, so never give that.

    Until the first release the parameter holds its default, the tag `first`: `ImageRepository` pushes such an image.
    Services of one stack that run the same image share the parameter, each bears it as its own.

    In an ECS service it is the container's image, and the execution role may pull it. Elsewhere, as in
    `Pods(image=...)`, give `reference(self)`; the nodes have to be able to pull it.

    Example:
        ```python
        Container(image=ReleaseImage(repository), port=8080)
        ```
    """

    def __init__(
        self,
        repository: ImageRepository | ecr.IRepository,
        *,
        parameter: str = "ImageDigest",
        first: str = "bootstrap",
    ) -> None:
        """Name the image.

        Args:
            repository: an `ImageRepository`, whose first image is waited for, or any other repository in Amazon ECR.
            parameter: the name of the stack's parameter; a stack with images of two repositories has two.
            first: the tag that is run until the first release.

        Raises:
            ConfigurationError: CloudFormation has no such parameter names, or registries no such tags.
        """
        if not _NAME.fullmatch(parameter):
            raise ConfigurationError(
                f"ReleaseImage parameter is {parameter!r}: give letters and digits, such as 'ImageDigest'"
            )
        if not _TAG.fullmatch(first):
            raise ConfigurationError(
                f"ReleaseImage first is {first!r}: give the tag alone, in letters, digits, dots, hyphens and _"
            )
        found = repository.repository if isinstance(repository, ImageRepository) else repository
        super().__init__(found, first)
        self.repository: ecr.IRepository = found
        """Where the image lies."""
        self.parameter = parameter
        """The name of the stack's parameter."""
        self._first = first
        self._pushed = repository.first_image if isinstance(repository, ImageRepository) else None

    def bind(self, scope: Construct, container_definition: ecs.ContainerDefinition) -> ecs.ContainerImageConfig:
        """Called by the CDK when a task definition gets the container."""
        definition = container_definition.task_definition
        self.repository.grant_pull(definition.obtain_execution_role())
        if self._pushed is not None:
            definition.node.add_dependency(self._pushed)
        return ecs.ContainerImageConfig(image_name=self.reference(scope))

    def reference(self, scope: Construct) -> str:
        """The image as the stack of `scope` runs it, for what is not an ECS container (a token)."""
        return f"{self.repository.repository_uri}{self._value(scope).value_as_string}"

    @staticmethod
    def value(digest: str) -> str:
        """What the parameter is set to for a release; `digest` may be a variable of CodePipeline.

        Raises:
            ConfigurationError: the digest is none.
        """
        known = cdk.Token.is_unresolved(digest) or _VARIABLE.fullmatch(digest) or re.fullmatch(_DIGEST, digest)
        if not known:
            raise ConfigurationError(
                f"the release's digest is {digest!r}: give sha256: and 64 hexadecimal digits, or a variable such as "
                "'#{Image.ImageDigest}'"
            )
        return f"@{digest}"

    def _value(self, scope: Construct) -> cdk.CfnParameter:
        """The parameter, of the stack that people and pipelines deploy: a nested one is given it by its parent."""
        stack = cdk.Stack.of(scope)
        while stack.nested_stack_parent is not None:
            stack = stack.nested_stack_parent
        uri = stack.resolve(self.repository.repository_uri)
        found = stack.node.try_find_child(self.parameter)
        if found is None:
            made = cdk.CfnParameter(
                stack,
                self.parameter,
                type="String",
                default=f":{self._first}",
                allowed_pattern=f":{re.escape(self._first)}|@{_DIGEST}",
                constraint_description=f"give @sha256: and 64 hexadecimal digits, or :{self._first} before any release",
                description=f"the release that this stack runs of an image; :{self._first} before the first",
            )
            _made[made] = (uri, self._first)
            name = self.repository.repository_name
            _names[made] = "" if cdk.Token.is_unresolved(name) else name
            return made
        if not isinstance(found, cdk.CfnParameter) or _made.get(found) != (uri, self._first):
            raise ConfigurationError(
                f"ReleaseImage parameter {self.parameter} of stack {stack.node.path} is something else already: give "
                "another name with parameter=, one for each repository and first tag"
            )
        return found


def release_parameters(stack: cdk.Stack) -> dict[str, str]:
    """The stack's parameters that hold a release, each with its repository's name as far as it is known at synth."""
    return {
        child.node.id: _names.get(child, "")
        for child in stack.node.children
        if isinstance(child, cdk.CfnParameter) and _made.get(child)
    }
