"""A stage's build that runs the command `bluegreen` on one target."""

import re
from collections.abc import Mapping, Sequence

from .account_arns import arn_here
from .build_machine import BuildMachine
from .build_project import BuildProject, Commands
from .code_build_image import LANGUAGES, refuse_commands
from .deploy_place import DeployPlace
from .engine.errors import ConfigurationError
from .engine.target_settings import PARAMETER_PREFIX

INSTALL = ("pip install -r requirements.txt",)
"""The source's own requirements name the version of `bluegreen-constructs[cli]`, so that nothing here chooses one."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


def bluegreen_build(
    place: DeployPlace,
    id: str,
    *,
    target: str,
    description: str,
    install: Sequence[str],
    machine: BuildMachine,
    commands: Sequence[str],
    statements: Sequence[Mapping[str, object]],
    files: Sequence[str] = (),
) -> BuildProject:
    """The project; it may read the target's settings, and what `statements` say.

    The settings are one parameter. The command lists all of them only to say which targets there are when there is none
    of the name, and that it may not.
    """
    settings = {"Action": "ssm:GetParameter", "Resource": arn_here("ssm", f"parameter{PARAMETER_PREFIX}{target}")}
    return BuildProject(
        place.scope,
        f"{id}-{in_letters(target)}",
        description=description,
        machine=machine,
        commands=Commands(install=install, build=commands, languages={"python": LANGUAGES["python"]}, files=files),
        variables={},
        statements=[settings, *statements],
    )


def refuse_install(what: str, install: Sequence[str]) -> None:
    """Raise ConfigurationError for what installs nothing."""
    refuse_commands(f"{what} install", install)
    if not install:
        raise ConfigurationError(
            f"{what} has no install: give what installs the command, such as 'pip install -r requirements.txt'"
        )


def in_letters(name: str) -> str:
    """A name in the letters that CodePipeline takes for actions and artefacts."""
    return _NO_NAME.sub("-", name)
