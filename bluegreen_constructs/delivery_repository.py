"""DeliveryRepository: the code repository with the files that a pipeline deploys by, in AWS CodeCommit."""

import re
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_kms as kms
from constructs import Construct

from .engine.errors import ConfigurationError
from .hook_function import HookFunction
from .pipeline_files import PipelineFiles

# https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}(?<!\.git)")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,255}(?<!/)")
_PATH = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
# CloudFormation hands the files to the function with the event.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_CHARACTERS = 200_000
_FUNCTION_SECONDS = 150
_SERVICE_TIMEOUT_S = 300


class DeliveryRepository(Construct):
    """A repository that has its first commit when it is made: `taskdef.json` and `appspec.yaml`, say.

    From then on the files are yours: a later deployment of the stack commits nothing, whatever has become of the
    service; `bluegreen taskdef --check` and `bluegreen appspec --check` say what no longer fits. The repository stays
    when its stack is deleted.

    Example:
        ```python
        service = EcsBlueGreenService(self, "Inference", controller=CodeDeploy(), ...)
        delivery = DeliveryRepository(self, "Delivery", name="inference-delivery", files=PipelineFiles.of(service))
        CodeCommitSource(delivery.repository, branch=delivery.branch)
        ```
    """

    repository: codecommit.IRepository
    """The repository itself."""
    branch: str
    """The branch that the first commit is on."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        files: PipelineFiles | Mapping[str, str],
        branch: str = "main",
        description: str | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        """Make the repository.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            name: the repository's name in this account and region.
            files: of a service in the same stack, or texts by their paths; they may hold tokens of this stack.
            branch: which the first commit makes, and which is the default one then.
            description: shown beside the name (default: that the files of a pipeline lie here).
            encryption_key: of the repository (default: CodeCommit's own key).

        Raises:
            ConfigurationError: CodeCommit takes no such name, branch or path, there are no files, they are too large,
                or of a service in another stack.
        """
        super().__init__(scope, id)
        _refuse(name, branch)
        texts = self._texts(files)
        self.branch = branch
        made = codecommit.Repository(
            self,
            "Resource",
            repository_name=name,
            description=description or "The files that a pipeline deploys by",
            kms_key=encryption_key,
        )
        # A first creation that is rolled back leaves no name behind, which would be in the way of the next.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.repository = made
        function = HookFunction(
            self,
            "Function",
            module="repository_seed",
            description="Makes the first commit of a repository",
            timeout_seconds=_FUNCTION_SECONDS,
        )
        function.allow_kind("code repository", [made.repository_arn])
        cdk.CfnResource(
            self,
            "Seed",
            type="Custom::RepositorySeed",
            properties={
                "ServiceToken": function.arn,
                "ServiceTimeout": _SERVICE_TIMEOUT_S,
                "Repository": made.repository_name,
                "Branch": branch,
                "Files": [{"Path": path, "Text": text} for path, text in texts.items()],
            },
        )

    @staticmethod
    def existing(scope: Construct, id: str, name: str, *, branch: str = "main") -> "DeliveryRepository":
        """Take a repository that is there, by its name in this account and region; nothing is committed.

        Raises ConfigurationError for a name or branch that CodeCommit does not take.
        """
        return _ExistingRepository(scope, id, name, branch)

    def _texts(self, files: PipelineFiles | Mapping[str, str]) -> dict[str, str]:
        here = cdk.Stack.of(self)
        if isinstance(files, PipelineFiles):
            if files.stack is not here:
                raise ConfigurationError(
                    f"DeliveryRepository {self.node.path} has the files of a service in {files.stack.stack_name}, "
                    "whose roles only that stack knows: make the repository there"
                )
            files = files.by_name()
        if not files:
            raise ConfigurationError(
                f"DeliveryRepository {self.node.path} has no files: give PipelineFiles.of(service), or texts by their "
                "paths"
            )
        for path in files:
            if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
                raise ConfigurationError(
                    f"DeliveryRepository {self.node.path} has the path {path!r}: give one within the repository, such "
                    "as 'deploy/taskdef.json'"
                )
        size = sum(len(text) for text in files.values())
        if size > _MOST_CHARACTERS:
            raise ConfigurationError(
                f"DeliveryRepository {self.node.path} has files of {size} characters: seed at most {_MOST_CHARACTERS}, "
                "and commit the rest yourself"
            )
        return dict(files)


class _ExistingRepository(DeliveryRepository):
    """One that somebody else has made."""

    def __init__(self, scope: Construct, id: str, name: str, branch: str) -> None:
        Construct.__init__(self, scope, id)
        _refuse(name, branch)
        self.branch = branch
        self.repository = codecommit.Repository.from_repository_name(self, "Resource", name)


def _refuse(name: str, branch: str) -> None:
    if not cdk.Token.is_unresolved(name) and not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"DeliveryRepository name is {name!r}: give up to 100 letters, digits and ._- that do not end in .git"
        )
    if not _BRANCH.fullmatch(branch):
        raise ConfigurationError(f"DeliveryRepository branch is {branch!r}: give a branch's name, such as 'main'")
