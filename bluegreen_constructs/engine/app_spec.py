"""AppSpec files: what AWS CodeDeploy is told of a deployment, written so that it takes them; pure.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-example.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .code_deploy_settings import CodeDeploySettings
from .errors import ConfigurationError

TASK_DEFINITION = "<TASK_DEFINITION>"
"""What CodePipeline's action CodeDeployToECS replaces by the revision that it has registered.

https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-ecs-ecr-codedeploy.html
"""
# https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
ECS_EVENTS = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
"""The lifecycle events of an ECS deployment at which a function may be asked, in their order."""
SERVER_EVENTS = ("ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService")
"""Those of a deployment to instances at which the scripts of `server_app_spec` run, in their order."""
LONGEST_EVENT = 3600
"""Seconds that all scripts of one event may take together."""

_NAMED = re.compile(r"""["']?TaskDefinition["']?\s*:\s*["']?([^"'\s,}]+)""")
_PATH = re.compile(r"/[A-Za-z0-9._/-]*")


def ecs_app_spec(settings: CodeDeploySettings, container: str, task_definition: str = TASK_DEFINITION) -> str:
    """The AppSpec of an ECS deployment as YAML; its hooks are in the order in which CodeDeploy runs them.

    Args:
        settings: the platform ECS; its `hooks` are the functions, by name or ARN, at most one for each event.
        container: the container that the load balancer reaches, at `settings.port`.
        task_definition: the revision's ARN; default: CodePipeline's placeholder.

    Raises ConfigurationError for what CodeDeploy would refuse.
    """
    if settings.platform != "ECS":
        raise ConfigurationError(
            f"the platform of {settings.application} is {settings.platform}: its AppSpec lies in the revision; write "
            "one with bluegreen appspec --platform server"
        )
    if not container or not 1 <= settings.port <= 65535:
        raise ConfigurationError(
            f"the AppSpec's container is {container!r} at port {settings.port}: give the name of a container and a "
            "port from 1 to 65535"
        )
    if not task_definition or re.search(r"[\s\"']", task_definition):
        raise ConfigurationError(
            f"the AppSpec's task definition is {task_definition!r}: give the ARN of a revision, or {TASK_DEFINITION}"
        )
    named = task_definition if task_definition == TASK_DEFINITION else json.dumps(task_definition)
    lines = [
        "version: 0.0",
        "Resources:",
        "  - TargetService:",
        "      Type: AWS::ECS::Service",
        "      Properties:",
        f"        TaskDefinition: {named}",
        "        LoadBalancerInfo:",
        f"          ContainerName: {json.dumps(container)}",
        f"          ContainerPort: {settings.port}",
    ]
    functions = _functions(settings)
    if functions:
        lines.append("Hooks:")
        lines.extend(f"  - {event}: {json.dumps(functions[event])}" for event in ECS_EVENTS if event in functions)
    return "\n".join(lines) + "\n"


def task_definition_in(app_spec: str) -> str:
    """The task definition that an AppSpec, YAML or JSON, names; empty when it names none."""
    found = _NAMED.search(app_spec)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Script:
    """A script of a revision: where it lies in it, how many seconds it may take, who runs it (default: root)."""

    location: str
    seconds: int = 300
    user: str = "root"


def server_app_spec(
    files: Mapping[str, str], scripts: Mapping[str, Sequence[Script]] = MappingProxyType({}), system: str = "linux"
) -> str:
    """The AppSpec of a deployment to EC2 instances or on-premises servers as YAML, for the root of a revision.

    Files that are there already are replaced (`file_exists_behavior: OVERWRITE`): what an earlier deployment that
    failed, or the image of the machine, has left would make every later one fail.

    Args:
        files: what is copied where: from a place in the revision, such as `/services`, to a whole path.
        scripts: by lifecycle event, of `SERVER_EVENTS`.
        system: `linux`.

    Raises ConfigurationError for what CodeDeploy would refuse.
    """
    if system != "linux":
        raise ConfigurationError(f"the AppSpec's system is {system!r}: give linux, which the scripts are written for")
    for source, destination in files.items():
        if not _PATH.fullmatch(source) or not _PATH.fullmatch(destination):
            raise ConfigurationError(
                f"the AppSpec copies {source!r} to {destination!r}: give two paths that begin with a slash, in "
                "letters, digits and ._-/"
            )
    unknown = [event for event in scripts if event not in SERVER_EVENTS]
    if unknown:
        raise ConfigurationError(f"the AppSpec has scripts at {unknown[0]!r}: give one of {', '.join(SERVER_EVENTS)}")
    lines = ["version: 0.0", f"os: {system}", "files:"]
    for source, destination in files.items():
        lines += [f"  - source: {source}", f"    destination: {destination}"]
    lines.append("file_exists_behavior: OVERWRITE")
    if scripts:
        lines.append("hooks:")
        for event in SERVER_EVENTS:
            lines.extend(_of_event(event, scripts.get(event, ())))
    return "\n".join(lines) + "\n"


def _functions(settings: CodeDeploySettings) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for hook in settings.hooks:
        if hook.event not in ECS_EVENTS:
            raise ConfigurationError(f"the AppSpec has a hook at {hook.event!r}: give one of {', '.join(ECS_EVENTS)}")
        if hook.event in found:
            raise ConfigurationError(
                f"the AppSpec has two hooks at {hook.event}, {found[hook.event]} and {hook.function}: CodeDeploy asks "
                "one function for each event, so give one that asks both"
            )
        found[hook.event] = hook.function
    return found


def _of_event(event: str, scripts: Sequence[Script]) -> list[str]:
    total = sum(script.seconds for script in scripts)
    if total > LONGEST_EVENT or any(script.seconds < 1 for script in scripts):
        raise ConfigurationError(
            f"the AppSpec's scripts at {event} may take {total} s: give each at least 1 s, and all of an event at most "
            f"{LONGEST_EVENT} s"
        )
    lines = [f"  {event}:"] if scripts else []
    for script in scripts:
        lines.append(f"    - location: {script.location}")
        lines += [f"      timeout: {script.seconds}", f"      runas: {script.user}"]
    return lines
