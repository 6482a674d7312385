"""BootstrapImage: what a service runs until its first release, and the build that pushes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_logs as logs
from constructs import Construct

from .account_arns import foreign_place
from .acknowledgements import acknowledge_all
from .engine.errors import ConfigurationError
from .hook_function import HookFunction
from .service_role import service_role

TAG = "bootstrap"
"""The tag of the image; a push of it is no release."""
_SERVER = Path(__file__).with_name("bootstrap_server.py")
# Newest of Amazon Linux that aws-cdk-lib offers, with Docker and the AWS CLI.
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
_BUILT_IN = "aws/codebuild/amazonlinux-x86_64-standard:6.0"
# CodeBuild takes 5 minutes and more of either; together less than the function waits, which is as long as one may.
# https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
_QUEUED_MINUTES = 5
_BUILD_MINUTES = 5
_FUNCTION_SECONDS = 900
_SERVICE_TIMEOUT_S = 1000
_LOG_RETENTION_DAYS = 30
# The answers are a part of the build's specification, which is a part of the template.
_MOST_CHARACTERS = 10_000
_PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]


@dataclass(frozen=True)
class BootstrapImage:
    """A small server that answers 200 to every GET, so that a service can be deployed before there is a release.

    It answers 503 to all else, and says in a header, `X-Bootstrap`, that it is no release. It listens on the port that
    the environment variable PORT names.

    The smoke tests of a service are run at its first deployment too: give `answers` that they pass with.

    port: where it listens without PORT (default 8080); the service's container port, from 1024, for it is no root.
    architecture: of the processors that the service runs on (default amd64).
    answers: what is answered on certain paths, by the path, whatever the method (default: nothing special).
    base: an image with `python3`, of which it is made; the build has to reach it (default: Docker's official one, from
        Amazon ECR Public).

    Raises ConfigurationError for a port that needs root, an unknown architecture, a path that is none, too much to
    answer, or a base that is no image's name.
    """

    port: int = 8080
    architecture: Literal["amd64", "arm64"] = "amd64"
    answers: Mapping[str, str] = field(default_factory=dict)
    base: str = "public.ecr.aws/docker/library/python:3.13-alpine"

    def __post_init__(self) -> None:
        """Refuse what the build would fail with, or the service."""
        if not 1024 <= self.port <= 65535:
            raise ConfigurationError(f"BootstrapImage port is {self.port}: give one from 1024 to 65535")
        if self.architecture not in ("amd64", "arm64"):
            raise ConfigurationError(f"BootstrapImage architecture is {self.architecture!r}: give 'amd64' or 'arm64'")
        for path in self.answers:
            if not path.startswith("/") or "?" in path:
                raise ConfigurationError(
                    f"BootstrapImage answers on {path!r}: give paths that begin with / and have no query, as '/predict'"
                )
        if len(self._answers) > _MOST_CHARACTERS:
            raise ConfigurationError(
                f"BootstrapImage answers have {len(self._answers)} characters: give at most {_MOST_CHARACTERS}"
            )
        if not self.base or any(one.isspace() for one in self.base):
            raise ConfigurationError(f"BootstrapImage base is {self.base!r}: give an image that has python3")

    @property
    def dockerfile(self) -> str:
        """How it is made: nothing runs in the build, so that any machine can build for any architecture."""
        return f"""FROM {self.base}
COPY server.py answers.json /
USER 10001:10001
ENV PORT={self.port}
EXPOSE {self.port}
ENTRYPOINT ["python3", "-u", "/server.py", "/answers.json"]
CMD []
"""

    @property
    def _answers(self) -> str:
        # One line, so that none of it can be taken for the end of the file.
        return json.dumps(dict(self.answers))

    def commands(self) -> list[str]:
        """What the build runs, with REPOSITORY, NAME and TAG in its environment.

        It looks before it pushes, and again when the push fails: the tag of an immutable repository is pushed once, and
        another build may have been faster.
        """
        there = 'aws ecr describe-images --repository-name "$NAME" --image-ids "imageTag=$TAG"'
        built = f'docker build --platform linux/{self.architecture} --tag "$REPOSITORY:$TAG" .'
        login = 'aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"'
        return [
            _file("server.py", _SERVER.read_text(encoding="utf-8")),
            _file("answers.json", f"{self._answers}\n"),
            _file("Dockerfile", self.dockerfile),
            # Unauthenticated, Amazon ECR Public answers a few pulls a second from one address.
            f"for wait in 5 10 20 0; do {built} && break || sleep $wait; done",
            'docker image inspect "$REPOSITORY:$TAG" > built.json',
            login,
            f'{there} || docker push "$REPOSITORY:$TAG" || {there}',
        ]


class BootstrapBuild(Construct):
    """Pushes the image when it is made, unless the repository has one with the tag; never again, and never away."""

    def __init__(self, scope: Construct, id: str, *, image: BootstrapImage, repository: ecr.IRepository) -> None:
        """Make the build, what starts it, and the resource that waits for its end.

        Raises ConfigurationError for a repository that is known to be elsewhere.
        """
        super().__init__(scope, id)
        elsewhere = foreign_place(self, repository.repository_arn, repository.env)
        if elsewhere is not None:
            raise ConfigurationError(
                f"the repository of {scope.node.path} is in {elsewhere}: push its first image there, and leave "
                "first_image out here"
            )
        project = _project(self, image, repository)
        function = HookFunction(
            self,
            "Function",
            module="bootstrap_image",
            description="Has a repository's first image pushed, and waits for the end",
            timeout_seconds=_FUNCTION_SECONDS,
        )
        function.allow_kind("image repository", [repository.repository_arn])
        function.allow_kind("build project", [project.attr_arn])
        self.resource = cdk.CfnResource(
            self,
            "Resource",
            type="Custom::BootstrapImage",
            properties={
                "ServiceToken": function.arn,
                "ServiceTimeout": _SERVICE_TIMEOUT_S,
                "Repository": repository.repository_name,
                "Tag": TAG,
                "Project": project.ref,
            },
        )


def _project(scope: Construct, image: BootstrapImage, repository: ecr.IRepository) -> codebuild.CfnProject:
    log_group = logs.CfnLogGroup(scope, "Logs", retention_in_days=_LOG_RETENTION_DAYS)
    log_group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
    role = service_role(
        scope,
        "Role",
        services="codebuild.amazonaws.com",
        description="Pushes the first image of a repository",
        policy="Push",
        statements=[
            _statement("Push", _PUSH, [repository.repository_arn]),
            _statement("LogIn", ["ecr:GetAuthorizationToken"], ["*"]),
            _statement("WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.attr_arn]),
        ],
    )
    acknowledge_all(
        role,
        {
            "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken takes no resource, and what the build "
            "pushes to is named; a password from elsewhere was considered and would have to be kept"
        },
    )
    environment = {"REPOSITORY": repository.repository_uri, "NAME": repository.repository_name, "TAG": TAG}
    project = codebuild.CfnProject(
        scope,
        "Project",
        description="Pushes the first image of a repository, once",
        service_role=role.attr_arn,
        source=codebuild.CfnProject.SourceProperty(
            type="NO_SOURCE",
            build_spec=cdk.Stack.of(scope).to_json_string(
                {"version": 0.2, "phases": {"build": {"commands": image.commands()}}}
            ),
        ),
        artifacts=codebuild.CfnProject.ArtifactsProperty(type="NO_ARTIFACTS"),
        environment=codebuild.CfnProject.EnvironmentProperty(
            type="LINUX_CONTAINER",
            image=_BUILT_IN,
            compute_type="BUILD_GENERAL1_SMALL",
            privileged_mode=True,
            environment_variables=[
                codebuild.CfnProject.EnvironmentVariableProperty(name=name, value=value)
                for name, value in {**environment, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}.items()
            ],
        ),
        logs_config=codebuild.CfnProject.LogsConfigProperty(
            cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                status="ENABLED", group_name=log_group.ref
            )
        ),
        queued_timeout_in_minutes=_QUEUED_MINUTES,
        timeout_in_minutes=_BUILD_MINUTES,
        cache=codebuild.CfnProject.ProjectCacheProperty(type="NO_CACHE"),
    )
    acknowledge_all(
        project,
        {
            "AwsSolutions-CB3": "Docker needs it; the build runs no code but ours, once, and may push to one "
            "repository; a builder without a daemon was considered, and CodeBuild's images have none",
            "AwsSolutions-CB4": "the build has no artefacts that a key could encrypt; a key was considered and would "
            "only cost",
        },
    )
    return project


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, object]:
    return {"Sid": sid, "Action": list(actions), "Resource": list(resources)}


def _file(name: str, text: str) -> str:
    return f"cat > {name} << 'END_OF_FILE'\n{text}END_OF_FILE"
