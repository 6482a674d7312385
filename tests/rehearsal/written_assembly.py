"""A synthesised app as files, for the tests that read, copy and refuse assemblies: no CDK, no Node."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bluegreen_constructs.rehearsal.cloud_assembly import CloudAssembly

IMAGE = "registry.example.com/shop:1.0.0"
ADVANCED = {"AlternateTargetGroupArn": {"Ref": "Green"}, "ProductionListenerRule": "rule"}
Resources = Mapping[str, object]


def definition(*containers: Mapping[str, object]) -> dict[str, object]:
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": list(containers)}}


def service(container: str = "Web", *, path: str | None = "Shop/Web/Resource") -> dict[str, object]:
    return {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "TaskDefinition": {"Ref": "Tasks"},
            "LoadBalancers": [{"ContainerName": container, "AdvancedConfiguration": ADVANCED}],
        },
        **({"Metadata": {"aws:cdk:path": path}} if path else {}),
    }


def shop(image: object = IMAGE) -> dict[str, object]:
    """A service whose task has a helper that it can do without."""
    helper = {"Name": "Helper", "Image": "helper:7", "Essential": False}
    return {"Tasks": definition({"Name": "Web", "Image": image}, helper), "Service": service()}


def write_assembly(folder: Path, stacks: Mapping[str, Resources], **details: Mapping[str, object]) -> CloudAssembly:
    """An assembly with those resources by stack; `details` are an artifact's and, under `images`, Docker's assets."""
    artifacts: dict[str, object] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, resources in stacks.items():
        given = dict(details.get(name, {}))
        images = given.pop("images", {})
        text = json.dumps({"Resources": resources})
        key = hashlib.sha256(text.encode()).hexdigest()
        (folder / f"{name}.template.json").write_text(text, encoding="utf-8")
        files = {
            key: {
                "source": {"path": f"{name}.template.json"},
                "destinations": {"here": {"objectKey": f"{key}.json"}},
            }
        }
        (folder / f"{name}.assets.json").write_text(
            json.dumps({"files": files, "dockerImages": images}), encoding="utf-8"
        )
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {
                "templateFile": f"{name}.template.json",
                "stackTemplateAssetObjectUrl": f"s3://bucket/{key}.json",
                "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
            },
            **given,
        }
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    return CloudAssembly.read(folder)
