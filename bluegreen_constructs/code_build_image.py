"""CodeBuildImage: a build by AWS CodeBuild that tests a source, makes its image and pushes it once."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr

from .build_machine import BuildMachine
from .build_project import BuildProject, Commands, strict_script
from .engine.errors import ConfigurationError
from .image_scan_gate import IMAGE_DETAIL, WRITE_IMAGE_DETAIL, ImageScan
from .pipeline_parts import ImageReference, MadeBuild, PipelinePlace
from .source_start import refuse_elsewhere, refuse_name

EXECUTION_TAG = "#{codepipeline.PipelineExecutionId}"
_TAG = re.compile(r"(?:[A-Za-z0-9_.-]|#\{[A-Za-z0-9@_-]+\.[A-Za-z0-9@_-]+\})+")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# As each build's language versions; AWS's images know others.
# https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
LANGUAGES = {"nodejs": "22", "python": "3.12"}
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")

# The tag is looked for first and last: an execution that is retried after the push, and two that push the same tag at
# once, ship the image that is there, where a second push of an immutable tag would fail. Attestations are off because
# they make an index of the image, which ECR does not scan.
# https://github.com/moby/buildkit/issues/3499
_BUILD = r"""look() {
  aws ecr describe-images --repository-name "$REPOSITORY_NAME" --image-ids "imageTag=$IMAGE_TAG" \
    --query 'imageDetails[0].imageDigest' --output text > "$NOTES/digest" 2> "$NOTES/answer"
}
if look; then
  echo "$IMAGE_TAG is in the repository already"
else
  grep -q ImageNotFoundException "$NOTES/answer" || { cat "$NOTES/answer"; exit 1; }
  aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}"
  cache=()
  if [ "$USES_CACHE" = yes ]; then
    newest=$(aws ecr describe-images --repository-name "$REPOSITORY_NAME" --filter tagStatus=TAGGED \
      --query 'max_by(imageDetails, &imagePushedAt).imageDigest' --output json)
    cache=(--build-arg BUILDKIT_INLINE_CACHE=1)
    [ "$newest" = null ] || cache+=(--cache-from "$REPOSITORY_URI@$(tr -d '"' <<< "$newest")")
  fi
  DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build "${cache[@]}" BUILD_ARGUMENTS \
    --file "$DOCKERFILE" --tag "$REPOSITORY_URI:$IMAGE_TAG" "$CONTEXT"
  docker push "$REPOSITORY_URI:$IMAGE_TAG" || echo "the push failed: looking whether another build has pushed the tag"
  look || { cat "$NOTES/answer"; exit 1; }
fi"""
# A variable of another shell is none of the build's.
_EXPORT = 'IMAGE_DIGEST=$(cat "$NOTES/digest") && export IMAGE_DIGEST'


@dataclass(frozen=True)
class CodeBuildImage:
    """Runs the tests, builds the image, pushes it with one tag, and looks at what ECR's scan found in it.

    repository: where the image goes, with immutable tags or not.
    dockerfile, context: of the source, as `docker build` takes them. build_args: of the Dockerfile; not for secrets.
    tests: commands that have to succeed first. They run in a build of their own, without Docker and without any right
        on the repository.
    scan: what may be found (None: nothing is looked at).
    cache: whether unchanged layers are taken from the newest image of the repository, and from the machine's own
        cache, instead of being built again.
    tag: what the image is tagged with, once. The execution's id, or '#{Source.CommitId}' to build a commit once
        however often it is shipped.
    base_images: repositories that the Dockerfile's FROM names.

    The cache lies inside the images (BuildKit's inline cache), so it works with immutable tags: a cache of its own
    would need a tag that moves, or a second repository whose content gets into every release and that somebody has to
    guard as well as the releases. It holds the layers of the last stage of a Dockerfile only.

    Later actions know the image by its digest, `#{Build.IMAGE_DIGEST}` by the build's name; the artefact holds
    `imageDetail.json`.

    Raises ConfigurationError for what is no tag, command or argument, and for a tag without a variable; when the
    pipeline is made, for a repository of another account or region.
    """

    repository: ecr.IRepository
    dockerfile: str = "Dockerfile"
    context: str = "."
    _: KW_ONLY
    tests: Sequence[str] = ()
    scan: ImageScan | None = field(default_factory=ImageScan)
    cache: bool = True
    tag: str = EXECUTION_TAG
    build_args: Mapping[str, str] = field(default_factory=dict)
    base_images: Sequence[ecr.IRepository] = ()
    machine: BuildMachine = field(default_factory=BuildMachine)
    name: str = "Build"

    def __post_init__(self) -> None:
        """Refuse what a build would fail at."""
        refuse_name("CodeBuildImage", self.name)
        refuse_tag("CodeBuildImage", self.tag)
        if "#{" not in self.tag:
            raise ConfigurationError(
                f"CodeBuildImage tag is {self.tag!r}, the same in each execution, and what has its tag already is not "
                f"built again: give one with a variable of CodePipeline, such as {EXECUTION_TAG!r}"
            )
        refuse_commands("CodeBuildImage tests", self.tests)
        for what in ("dockerfile", "context"):
            path = getattr(self, what)
            if not path or path.startswith(("/", "-")) or ".." in path.split("/"):
                raise ConfigurationError(
                    f"CodeBuildImage {what} is {path!r}: give a path within the source, such as 'services/shop'"
                )
        for argument in self.build_args:
            if not _ARGUMENT.fullmatch(argument):
                raise ConfigurationError(f"CodeBuildImage build_args has {argument!r}: give names of ARGs")

    def make(self, place: PipelinePlace, source: codepipeline.Artifact) -> MadeBuild:
        """The actions: the tests, the build, the scan."""
        arn, env = self.repository.repository_arn, self.repository.env
        refuse_elsewhere(place.scope, "CodeBuildImage", "repository", arn, env)
        role = place.roles.make(place.scope, "Role", f"Starts the builds of the pipeline's {self.name}")
        actions: list[codepipeline.IAction] = []
        if self.tests:
            tests = BuildProject(
                place.scope,
                "Tests",
                description="Tests the source before an image is made of it",
                machine=self.machine,
                commands=Commands(build=self.tests, languages=LANGUAGES),
                variables={},
            )
            actions.append(tests.action("Test", role, order=1, inputs=[source]))
        detail = codepipeline.Artifact(f"{self.name}Image")
        actions.append(
            self._project(place).action(
                self.name,
                role,
                order=len(actions) + 1,
                inputs=[source],
                outputs=[detail],
                variables={"IMAGE_TAG": self.tag},
                namespace=self.name,
            )
        )
        image = ImageReference(self.repository, f"#{{{self.name}.IMAGE_DIGEST}}", detail)
        if self.scan is not None:
            actions.append(
                self.scan.gate(
                    place.scope, self.repository, role, order=len(actions) + 1, digest=image.digest, source=source
                )
            )
        return MadeBuild(actions, image)

    def _project(self, place: PipelinePlace) -> BuildProject:
        arguments = " ".join(f"--build-arg {shlex.quote(f'{name}={value}')}" for name, value in self.build_args.items())
        made = BuildProject(
            place.scope,
            "Image",
            description="Builds the image and pushes it",
            machine=self.machine,
            commands=Commands(
                build=[
                    "NOTES=$(mktemp -d) && export NOTES",
                    strict_script(_BUILD.replace("BUILD_ARGUMENTS", arguments)),
                    _EXPORT,
                    WRITE_IMAGE_DETAIL,
                ],
                exports=["IMAGE_DIGEST"],
                files=[IMAGE_DETAIL],
            ),
            variables={
                "REPOSITORY_NAME": self.repository.repository_name,
                "REPOSITORY_URI": self.repository.repository_uri,
                "DOCKERFILE": self.dockerfile,
                "CONTEXT": self.context,
                "USES_CACHE": "yes" if self.cache else "no",
            },
            statements=[
                {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                {"Action": ["ecr:DescribeImages", *_PULL, *_PUSH], "Resource": self.repository.repository_arn},
                *({"Action": list(_PULL), "Resource": one.repository_arn} for one in self.base_images),
            ],
            is_privileged=True,
            local_caches=["LOCAL_DOCKER_LAYER_CACHE"] if self.cache else (),
        )
        made.acknowledge({"AwsSolutions-IAM5[Resource::*]": LOGIN_REASON})
        made.acknowledge_privileges(
            "Docker runs in privileged builds alone; a builder without Docker was considered, and reads other "
            "Dockerfiles. The tests, which run a change's own code, have a build that is not privileged"
        )
        return made


LOGIN_REASON = (
    "ecr:GetAuthorizationToken takes no resource, and by itself allows to pull and push nothing; a pull without login "
    "was considered, and ECR has none"
)


def refuse_tag(kind: str, tag: str) -> None:
    """Raise ConfigurationError for a tag that ECR does not take; variables of CodePipeline may stand in it."""
    if not _TAG.fullmatch(tag) or tag[0] in ".-":
        raise ConfigurationError(
            f"{kind} tag is {tag!r}: give letters, digits, dots, hyphens, _ and variables of CodePipeline, such as "
            f"{EXECUTION_TAG!r}"
        )


def refuse_commands(what: str, commands: Sequence[str]) -> None:
    """Raise ConfigurationError for what is no list of commands."""
    if isinstance(commands, str) or not all(isinstance(one, str) and one.strip() for one in commands):
        raise ConfigurationError(f"{what} is {commands!r}: give a list of commands, none of them empty")
