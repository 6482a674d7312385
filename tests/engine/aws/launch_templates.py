"""One launch template in memory, through the interface of a boto3 `ec2` client."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from botocore.exceptions import ClientError
from stubbed_client import SilentClient

TEMPLATE = "lt-0123456789abcdef0"


@dataclass
class LaunchTemplates:
    """The template's versions. forgets_tokens: a ClientToken is worth nothing, as it is after some days.

    hidden: versions that are there and that no description shows yet. doubles: a version that was asked for by two
        names is answered twice; AWS does not say which it does.
    """

    versions: list[dict] = field(default_factory=list)
    default: int = 1
    forgets_tokens: bool = False
    hidden: set[int] = field(default_factory=set)
    doubles: bool = False
    asked: list[tuple[str, dict]] = field(default_factory=list)
    _tokens: dict[str, tuple[dict, dict]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exceptions = SilentClient("ec2").exceptions
        if not self.versions:
            self.edit(ImageId="ami-00000001", UserData="boot")

    def edit(self, **data: object) -> int:
        """The stack's template was edited; answers the version's number."""
        return self._add(data, None)

    def number_of(self, description: str) -> list[str]:
        """The versions whose description begins so."""
        return [
            str(one["VersionNumber"])
            for one in self.versions
            if (one.get("VersionDescription") or "").startswith(description)
        ]

    def calls(self) -> list[str]:
        return [name for name, _ in self.asked]

    # the client

    def create_launch_template_version(self, **asked: object) -> dict:
        self.asked.append(("CreateLaunchTemplateVersion", asked))
        token = str(asked["ClientToken"])
        if token in self._tokens and not self.forgets_tokens:
            wanted, made = self._tokens[token]
            if wanted != asked:
                raise _error("IdempotentParameterMismatch", "CreateLaunchTemplateVersion")
            return {"LaunchTemplateVersion": made}
        source = self._one(str(asked["SourceVersion"]), "CreateLaunchTemplateVersion")
        data = {**source["LaunchTemplateData"], **asked["LaunchTemplateData"]}  # type: ignore[dict-item]
        self._add(data, str(asked["VersionDescription"]))
        self._tokens[token] = (asked, self.versions[-1])
        return {"LaunchTemplateVersion": self.versions[-1]}

    def describe_launch_template_versions(self, **asked: object) -> dict:
        self.asked.append(("DescribeLaunchTemplateVersions", asked))
        if "Versions" in asked:
            wanted: Sequence[str] = asked["Versions"]  # type: ignore[assignment]
            named = [self._one(name, "Describe") for name in wanted]
            found = named if self.doubles else {one["VersionNumber"]: one for one in named}.values()
            return {"LaunchTemplateVersions": [self._shown(one) for one in found]}
        later = [one for one in self._visible if one["VersionNumber"] >= int(str(asked["MinVersion"]))]
        return {"LaunchTemplateVersions": [self._shown(one) for one in reversed(later)]}

    def modify_launch_template(self, **asked: object) -> dict:
        self.asked.append(("ModifyLaunchTemplate", asked))
        self._one(str(asked["DefaultVersion"]), "ModifyLaunchTemplate")
        self.default = int(str(asked["DefaultVersion"]))
        return {}

    @property
    def _visible(self) -> list[dict]:
        return [one for one in self.versions if one["VersionNumber"] not in self.hidden]

    def _add(self, data: dict, description: str | None) -> int:
        number = 1 + max((one["VersionNumber"] for one in self.versions), default=0)
        described = {} if description is None else {"VersionDescription": description}
        self.versions.append({"VersionNumber": number, "LaunchTemplateData": data, **described})
        return number

    def _shown(self, version: dict) -> dict:
        return {**version, "DefaultVersion": version["VersionNumber"] == self.default}

    def _one(self, name: str, operation: str) -> dict:
        name = {"$Latest": str(self._visible[-1]["VersionNumber"]), "$Default": str(self.default)}.get(name, name)
        for one in self.versions:
            if str(one["VersionNumber"]) == name:
                return one
        raise _error("InvalidLaunchTemplateId.VersionNotFound", operation)


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "in the words of AWS"}}, operation)
