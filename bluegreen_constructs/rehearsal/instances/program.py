"""Which program an instance runs here: the release and the container entry that its tags name (pure).

User data is not run. An instance is what its tags say, `bluegreen:release` and `bluegreen:container`: its own, or for
one of a group those that the launch template's version gives to instances. Without the first the release is the number
of that version; without the second it runs the one container of the tasks file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.errors import RehearsalError
from ..ecs.deployment_plan import mapping, mappings
from ..ecs.task_processes import ProcessSpec
from ..ecs.tasks_file import TasksFile

RELEASE_TAG = "bluegreen:release"
CONTAINER_TAG = "bluegreen:container"
SIDE_TAG = "bluegreen:side"


@dataclass(frozen=True)
class Template:
    """One version of a launch template, as far as it matters here. `tags` are those of the instances."""

    id: str
    name: str
    version: int
    image_id: str = "ami-00000000"
    instance_type: str = "t3.micro"
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def release(self) -> str:
        """What the group's instances run."""
        return self.tags.get(RELEASE_TAG) or str(self.version)


def read_template(record: Mapping[str, object], version: str) -> Template | None:
    """The version of a launch template's record that a number, $Latest or $Default names; None when there is none."""
    number = {"$Latest": "LatestVersionNumber", "$Default": "DefaultVersionNumber", "": "DefaultVersionNumber"}
    wanted = str(record.get(number[version], 1)) if version in number else version
    for found in mappings(record.get("Versions")):
        if str(found.get("VersionNumber")) != wanted:
            continue
        data = mapping(found.get("LaunchTemplateData"))
        tags = {
            str(tag.get("Key")): str(tag.get("Value", ""))
            for specification in mappings(data.get("TagSpecifications") or data.get("TagSpecification"))
            if specification.get("ResourceType") == "instance"
            for tag in mappings(specification.get("Tags") or specification.get("Tag"))
        }
        return Template(
            id=str(record.get("LaunchTemplateId")),
            name=str(record.get("LaunchTemplateName")),
            version=int(wanted),
            image_id=str(data.get("ImageId") or Template.image_id),
            instance_type=str(data.get("InstanceType") or Template.instance_type),
            tags=tags,
        )
    return None


def program(tags: Mapping[str, str], release: str, tasks: TasksFile, *, address: str, port: int) -> ProcessSpec:
    """The process of an instance; RehearsalError when the tasks file does not say which."""
    name = tags.get(CONTAINER_TAG) or ""
    if not name and len(tasks.containers) == 1:
        name = next(iter(tasks.containers))
    known = tasks.containers.get(name)
    if known is None:
        where = tasks.path.name if tasks.path else "that was not given"
        raise RehearsalError(
            f"the tasks file {where} does not say what the instance runs; name one of its containers "
            f"({', '.join(sorted(tasks.containers)) or 'it has none'}) in the instance's tag {CONTAINER_TAG}"
        )
    return ProcessSpec(
        container=name,
        command=known.command,
        directory=Path(known.directory),
        environment={
            **known.environment,
            **tasks.releases.get(release, {}),
            "HOST": address,
            "PORT": str(port),
            "RELEASE": release,
            **({"BLUEGREEN_SIDE": tags[SIDE_TAG]} if SIDE_TAG in tags else {}),
        },
    )
