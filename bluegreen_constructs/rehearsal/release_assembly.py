"""Another release of a synthesised app: a copy of it in which a container's image has another tag.

It works for every app, however it takes its release: nothing of the app is run again. What would need Docker is left
out of the copy: a task is a local process, so an image that the app would build is neither built nor pushed.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from .cloud_assembly import AssemblyStack, CloudAssembly, RolledOutService, items, mapping


def retagged(image: object, tag: str) -> object | None:
    """An image as a template has it, with this tag; None when no part of it that is written out can hold the tag.

    A digest goes. `Fn::Join` and `Fn::Sub` are what the CDK writes for a repository of the account, a `Ref` at the end
    is a tag that is a parameter.
    """
    if isinstance(image, str):
        return _retagged_text(image, tag)
    if not isinstance(image, dict):
        return None
    match image:
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _retagged_text(text, tag)}
        case {"Fn::Join": ["", [*parts, str(last)]]} if any(sign in last for sign in "/:@"):
            return {"Fn::Join": ["", [*parts, _retagged_text(last, tag)]]}
        case {"Fn::Join": ["", [*parts, str(before), _]]} if before.endswith(":"):
            return {"Fn::Join": ["", [*parts, before + tag]]}
        case {"Fn::Join": ["", [*parts, dict(last)]]}:  # a repository's name, and so its "latest"
            return {"Fn::Join": ["", [*parts, last, f":{tag}"]]}
    return None


def write_release(assembly: CloudAssembly, folder: Path, tags: Mapping[RolledOutService, str]) -> CloudAssembly:
    """Copy the app into `folder`, with the images of those services at those tags.

    A template's asset is named after its content, and the CLI takes one that is there already for the same: a changed
    template gets its own name.
    """
    shutil.copytree(assembly.folder, folder)
    copied = CloudAssembly.read(folder)
    by_artifact = {(stack.folder.relative_to(folder), stack.artifact): stack for stack in copied.stacks}
    for stack in copied.stacks:
        _leave_docker_out(stack)
    for stack in assembly.stacks:
        wanted = {service: tag for service, tag in tags.items() if service.stack == stack}
        if wanted:
            _retag(by_artifact[stack.folder.relative_to(assembly.folder), stack.artifact], wanted)
    return CloudAssembly.read(folder)


def _retagged_text(text: str, tag: str) -> str:
    name = text.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}:{tag}"


def _retag(stack: AssemblyStack, tags: Mapping[RolledOutService, str]) -> None:
    template = json.loads(stack.template.read_text(encoding="utf-8"))
    for service, tag in tags.items():
        definition = mapping(mapping(template["Resources"]).get(service.definition))
        for container in items(mapping(definition.get("Properties")).get("ContainerDefinitions")):
            if container.get("Name") == service.container and isinstance(container, dict):
                container["Image"] = retagged(container.get("Image"), tag)
    text = json.dumps(template, indent=1)
    stack.template.write_text(text, encoding="utf-8")
    assets = stack.folder / f"{stack.artifact}.assets.json"
    if not assets.exists():
        return
    for name, asset in mapping(json.loads(assets.read_text(encoding="utf-8")).get("files")).items():
        if mapping(mapping(asset).get("source")).get("path") == stack.template.name:
            _rename(name, hashlib.sha256(text.encode()).hexdigest(), assets, stack.folder / "manifest.json")


def _rename(before: str, after: str, *files: Path) -> None:
    for file in files:
        file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def _leave_docker_out(stack: AssemblyStack) -> None:
    assets = stack.folder / f"{stack.artifact}.assets.json"
    if assets.exists():
        content = json.loads(assets.read_text(encoding="utf-8"))
        if content.get("dockerImages"):
            assets.write_text(json.dumps({**content, "dockerImages": {}}), encoding="utf-8")
