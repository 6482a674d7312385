"""What a side runs: a release's image and the settings that travel with it, on what stays with the slot. Pure.

Everything that is not named here comes from the slot's own task definition: roles, CPU and memory, volumes, logs,
further containers. So a role never travels, whatever a release says.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ..errors import AwsError
from ..slot_settings import PRODUCTION, RENDERING_TAG, SLOT_TAG, SlotSide, SlotsSettings

Content = Mapping[str, object]

SLOT, RELEASE, ROLE, SIDE, ROLE_PARAMETER = "SLOT", "RELEASE", "SLOT_ROLE", "SLOT_SIDE", "SLOT_ROLE_PARAMETER"
OWN_NAMES = (SLOT, RELEASE, ROLE, SIDE, ROLE_PARAMETER)
"""The environment variables that say where a task is; never a release's own."""
ACTIVE, CANDIDATE, STANDBY = "active", "candidate", "standby"

# What runs, and how it is started, is the release; the rest of the container is the slot's.
_TRAVELS = ("image", "command", "entryPoint", "workingDirectory")
_STREAM = "awslogs-stream-prefix"
_NOT_IN_A_STREAM = re.compile(r"[:*]")
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Rendering:
    """A revision to be: what to register, with which tags, and what identifies it."""

    content: Content
    tags: Mapping[str, str]
    digest: str


def rendered(
    settings: SlotsSettings,
    *,
    slot: str,
    side: SlotSide,
    of_slot: Content,
    of_release: Content,
    release: str,
    image: str = "",
    role: str = "",
) -> Rendering:
    """The revision of `side` that serves `slot` with a release.

    of_slot: the content of the slot's own task definition. of_release: the content of any revision that runs the
    release. image: instead of that revision's (default: the same). role: what `SLOT_ROLE` says (default: `candidate`
    for production, `standby` for every other slot).

    Raises AwsError when one of both has no such container.
    """
    own, travelling = _container(of_slot, settings.container), _container(of_release, settings.container)
    container = {key: value for key, value in own.items() if key not in _TRAVELS}
    container |= {key: travelling[key] for key in _TRAVELS if key in travelling}
    if image:
        container["image"] = image
    stays = {*settings.sticky, *OWN_NAMES}
    says = {
        SLOT: slot,
        RELEASE: release,
        ROLE: role or (CANDIDATE if slot == PRODUCTION else STANDBY),
        SIDE: side.name,
        ROLE_PARAMETER: settings.role_parameter,
    }
    secrets = _overlaid(own, travelling, "secrets", stays)
    values = {**_overlaid(own, travelling, "environment", stays), **_named(says)}
    container["environment"] = [one for name, one in values.items() if name not in secrets]
    container["secrets"] = list(secrets.values())
    container["logConfiguration"] = _logging(own, release)
    content = {
        **of_slot,
        "family": side.family,
        "containerDefinitions": [
            {key: value for key, value in container.items() if value not in (None, [], {})}
            if one.get("name") == settings.container
            else one
            for one in _containers(of_slot)
        ],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:_DIGITS]
    return Rendering(content, {SLOT_TAG: slot, RENDERING_TAG: digest}, digest)


def image_of(content: Content, container: str) -> str:
    """The image of the container that runs the release. Raises AwsError when there is no such container."""
    return str(_container(content, container).get("image", ""))


def travelling_settings(content: Content, settings: SlotsSettings) -> dict[str, str]:
    """The settings that travel with the release, by name: values, and for secrets where they are read from."""
    container = _container(content, settings.container)
    stays = {*settings.sticky, *OWN_NAMES}
    return {name: value for name, value in _settings_in(container).items() if name not in stays}


def sticky_settings(content: Content, settings: SlotsSettings) -> dict[str, str]:
    """The settings that stay with the slot, by name."""
    found = _settings_in(_container(content, settings.container))
    return {name: found[name] for name in settings.sticky if name in found}


def _settings_in(container: Content) -> dict[str, str]:
    plain = {name: str(one.get("value", "")) for name, one in _by_name(container, "environment").items()}
    secret = {name: f"secret {one.get('valueFrom', '')}" for name, one in _by_name(container, "secrets").items()}
    return {**plain, **secret}


def _overlaid(own: Content, travelling: Content, kind: str, stays: set[str]) -> dict[str, Content]:
    """The release's settings and the slot's sticky ones, each list in one order whatever ECS answered."""
    merged = {name: one for name, one in _by_name(travelling, kind).items() if name not in stays}
    merged |= {name: one for name, one in _by_name(own, kind).items() if name in stays}
    return dict(sorted(merged.items()))


def _named(values: Mapping[str, str]) -> dict[str, Content]:
    return {name: {"name": name, "value": value} for name, value in values.items() if value}


def _by_name(container: Content, kind: str) -> dict[str, Content]:
    return {str(one["name"]): one for one in cast("Sequence[Content]", container.get(kind) or [])}


def _logging(own: Content, release: str) -> Content | None:
    """The slot's log group; the stream's name says slot and release, also for an application that says neither."""
    found = cast("Content | None", own.get("logConfiguration"))
    options = cast("Mapping[str, str]", (found or {}).get("options") or {})
    if found is None or _STREAM not in options:
        return found
    prefix = f"{options[_STREAM]}/{_NOT_IN_A_STREAM.sub('-', release)}"
    return {**found, "options": {**options, _STREAM: prefix}}


def _containers(content: Content) -> Sequence[Content]:
    return cast("Sequence[Content]", content.get("containerDefinitions") or [])


def _container(content: Content, name: str) -> Content:
    for container in _containers(content):
        if container.get("name") == name:
            return container
    names = ", ".join(str(one.get("name")) for one in _containers(content))
    raise AwsError(f"a task definition has no container {name!r}, only {names}: name the one that runs the release")
