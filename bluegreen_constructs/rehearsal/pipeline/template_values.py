"""The values of a template whose stack is not deployed: what the rehearsal knows of them, and a refusal of the rest."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...engine.errors import RehearsalError

# What `Ref` is of a resource, when that is a name that a template may give; without one it is the logical id here.
_NAMES = {
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodeCommit::Repository": "RepositoryName",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::S3::Bucket": "BucketName",
}
# What `Fn::GetAtt` Arn is of them, with the account, the region and the name.
_ARNS = {
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
}
_TOPIC = "AWS::SNS::Topic"
_LOWER_CASE = ("AWS::ECR::Repository", "AWS::S3::Bucket")


class TemplateValues:
    """Resolves intrinsic functions of one template, of which nothing is deployed.

    exports: what the deployed stacks export, by name. A resource of the template itself stands for its name: the one
    that the template gives it, or its logical id.
    """

    def __init__(
        self, template: Mapping[str, object], *, account: str, region: str, exports: Mapping[str, str]
    ) -> None:
        self._resources = _mapping(template.get("Resources"))
        self._account, self._region = account, region
        self._exports = exports
        self._pseudo = {
            "AWS::AccountId": account,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }

    def resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The template's resources of a type, unresolved: each one's logical id and properties."""
        for logical_id, resource in self._resources.items():
            if _mapping(resource).get("Type") == kind:
                yield logical_id, _mapping(_mapping(resource).get("Properties"))

    def text(self, value: object, where: str) -> str:
        """The text that a value stands for. Raises RehearsalError, which says `where`, for what is not known."""
        found = self.value(value, where)
        if isinstance(found, Mapping | list):
            raise RehearsalError(f"{where} is {found!r}, and not a text")
        return found if isinstance(found, str) else str(found).lower() if isinstance(found, bool) else str(found)

    def value(self, value: object, where: str) -> object:
        """The value with every intrinsic function in it resolved; raises as `text` does."""
        if isinstance(value, list):
            return [self.value(item, where) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) != 1 or not (name := str(next(iter(value)))).startswith(("Ref", "Fn::")):
            return {key: self.value(item, f"{where}.{key}") for key, item in value.items()}
        return self._function(name, value[name], where)

    def _function(self, name: str, given: object, where: str) -> object:
        found: object = None
        match name, given:
            case "Ref", str(reference):
                found = self._ref(reference, where)
            case "Fn::GetAtt", [str(resource), str(attribute)]:
                found = self._attribute(resource, attribute, where)
            case "Fn::Join", [str(separator), list(parts)]:
                found = separator.join(self.text(part, where) for part in parts)
            case "Fn::Sub", str(text):
                found = self._substituted(text, {}, where)
            case "Fn::Sub", [str(text), dict(values)]:
                found = self._substituted(text, values, where)
            case "Fn::Select", [index, items]:
                chosen = self.value(items, where)
                found = chosen[int(self.text(index, where))] if isinstance(chosen, list) else None
            case "Fn::Split", [str(separator), text]:
                found = self.text(text, where).split(separator)
            case "Fn::ImportValue", named:
                found = self._import(self.text(named, where), where)
        if found is not None:
            return found
        raise RehearsalError(f"{where} has {name} of {given!r}, which the rehearsal of a pipeline cannot resolve")

    def _ref(self, reference: str, where: str) -> str:
        if reference in self._pseudo:
            return self._pseudo[reference]
        kind = str(_mapping(self._resources.get(reference)).get("Type", ""))
        if kind == _TOPIC:
            return f"arn:aws:sns:{self._region}:{self._account}:{reference}"
        if kind not in _NAMES:
            said = f"a {kind} of a stack that is not deployed" if kind else "no resource of the template"
            raise RehearsalError(f"{where} refers to {reference}, {said}")
        properties = _mapping(_mapping(self._resources[reference]).get("Properties"))
        if _NAMES[kind] in properties:
            return self.text(properties[_NAMES[kind]], where)
        return reference.lower() if kind in _LOWER_CASE else reference

    def _attribute(self, resource: str, attribute: str, where: str) -> str:
        kind = str(_mapping(self._resources.get(resource)).get("Type", ""))
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(region=self._region, account=self._account, name=self._ref(resource, where))
        if attribute == "Name" and kind == "AWS::CodeCommit::Repository":
            return self._ref(resource, where)
        raise RehearsalError(f"{where} asks for {attribute} of {resource} ({kind or 'no resource of the template'})")

    def _substituted(self, text: str, values: Mapping[str, object], where: str) -> str:
        parts = text.split("${")
        said: list[str] = [parts[0]]
        for part in parts[1:]:
            name, _, rest = part.partition("}")
            if name.startswith("!"):
                said.append(f"${{{name[1:]}}}{rest}")
            elif name in values:
                said.append(self.text(values[name], where) + rest)
            elif "." in name:
                said.append(self._attribute(name.partition(".")[0], name.partition(".")[2], where) + rest)
            else:
                said.append(self._ref(name, where) + rest)
        return "".join(said)

    def _import(self, name: str, where: str) -> str:
        if name not in self._exports:
            raise RehearsalError(f"{where} imports {name}, which no deployed stack exports")
        return self._exports[name]


def exports_of(pages: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """The exports in the pages that ListExports answered."""
    found: dict[str, str] = {}
    for page in pages:
        exports = page.get("Exports")
        for one in exports if isinstance(exports, list) else ():
            found[str(one["Name"])] = str(one["Value"])
    return found


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
