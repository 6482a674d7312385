"""What CloudFormation would hand to CDK's kubectl handler: the custom resources of a synthesised stack, in order."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CUSTOM_TYPE = "Custom::AWSCDK-EKS-"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/tests/0",
    "AWS::StackName": "tests",
    "AWS::URLSuffix": "amazonaws.com",
}

Json = dict[str, Any]


@dataclass(frozen=True)
class CustomResource:
    """One custom resource that the kubectl handler answers.

    properties: as the handler gets them. depth: how many others of its kind are there before it.
    """

    logical_id: str
    type: str
    properties: Json
    depth: int

    @property
    def kind(self) -> str:
        """KubernetesResource, HelmChart, KubernetesPatch or KubernetesObjectValue."""
        return self.type.removeprefix(CUSTOM_TYPE)

    @property
    def manifests(self) -> list[Json]:
        """What a KubernetesResource applies; nothing of any other kind."""
        return list(json.loads(self.properties["Manifest"])) if self.kind == "KubernetesResource" else []

    @property
    def namespaces(self) -> set[str]:
        """Where its objects are; of what is in none, nothing."""
        named = {one["metadata"].get("namespace") for one in self.manifests}
        named |= {self.properties.get(key) for key in ("ResourceNamespace", "ObjectNamespace")}
        return {name for name in named if isinstance(name, str)}


@dataclass(frozen=True)
class CloudAssembly:
    """One stack of a `cdk.out`."""

    folder: Path
    stack: str

    @property
    def resources(self) -> dict[str, Json]:
        """The stack's resources as synthesised."""
        template = json.loads((self.folder / f"{self.stack}.template.json").read_text(encoding="utf-8"))
        return dict(template["Resources"])

    def custom_resources(self) -> list[CustomResource]:
        """In the order of their creation: what others depend on comes first."""
        resources = self.resources
        ours = [name for name, resource in resources.items() if resource["Type"].startswith(CUSTOM_TYPE)]

        def depth(name: str) -> int:
            return sum(one in ours for one in _needed(name, resources, set()))

        return [
            CustomResource(
                name, resources[name]["Type"], _as_told(resources[name]["Properties"], resources), depth(name)
            )
            for name in sorted(ours, key=lambda name: (depth(name), name))
        ]

    def handler(self) -> Path:
        """The folder of the code that CDK runs in a function for these resources."""
        for resource in self.resources.values():
            of = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function" and "kubectl" in str(of.get("Description")):
                return self.folder / f"asset.{_asset(of['Code'])}"
        raise AssertionError(f"{self.stack} has no kubectl handler: give its cluster kubectl_provider_options")

    def unpack_tools(self, into: Path) -> tuple[Path, ...]:
        """kubectl and helm out of the layer that the function would have: the folders to be put on PATH."""
        for resource in self.resources.values():
            of = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::LayerVersion" and "kubectl" in str(of.get("Description")):
                with zipfile.ZipFile(self.folder / f"asset.{_asset(of['Content'])}.zip") as layer:
                    layer.extractall(into, ["kubectl/kubectl", "helm/helm"])
                for program in (into / "kubectl" / "kubectl", into / "helm" / "helm"):
                    program.chmod(0o755)
                return into / "kubectl", into / "helm"
        raise AssertionError(f"{self.stack} has no kubectl layer of its own to take kubectl and helm from")


def _asset(code: Json) -> str:
    return str(code["S3Key"]).split(".")[0]


def _needed(name: str, resources: dict[str, Json], seen: set[str]) -> set[str]:
    """Everything that CloudFormation makes before a resource: what it depends on and what it refers to."""
    resource = resources[name]
    depends_on = resource.get("DependsOn", [])
    direct = {depends_on} if isinstance(depends_on, str) else set(depends_on)
    for other in (direct | _referred(resource.get("Properties"))) & set(resources) - seen:
        seen.add(other)
        _needed(other, resources, seen)
    return seen


def _referred(value: object) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_referred, value))
    if not isinstance(value, dict):
        return set()
    if "Ref" in value:
        return {value["Ref"]}
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    return set().union(*map(_referred, value.values()))


def _as_told(properties: Json, resources: dict[str, Json]) -> Json:
    """CloudFormation resolves what is intrinsic and turns every other value that is no string into one."""
    return {name: _text(_resolved(value, resources)) for name, value in properties.items()}


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return {name: _text(of) for name, of in value.items()}
    if isinstance(value, list):
        return [_text(of) for of in value]
    return str(value)


def _resolved(value: Any, resources: dict[str, Json]) -> Any:
    if isinstance(value, list):
        return [_resolved(one, resources) for one in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return PSEUDO_PARAMETERS.get(value["Ref"], f"made-up-{value['Ref'].lower()}")
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        return f"arn:aws:made-up:eu-west-1:123456789012:{name}/{attribute}"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(map(str, _resolved(parts, resources)))
    unknown = [name for name in value if name.startswith("Fn::")]
    if unknown:
        raise AssertionError(f"nobody here resolves {unknown[0]}, add it to {Path(__file__).name}: {value}")
    return {name: _resolved(one, resources) for name, one in value.items()}
