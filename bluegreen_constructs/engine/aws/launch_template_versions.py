"""The versions of an Auto Scaling side's launch template, and those that the engine makes for a release."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from ..errors import AwsError
from ..release import Release
from .client_calls import AwsClient, Calls, entries, entry, number
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
IAM_ACTIONS: Actions = {
    "ec2:CreateLaunchTemplateVersion": ("launch template",),
    "ec2:DescribeLaunchTemplateVersions": ("any",),
    "ec2:ModifyLaunchTemplate": ("launch template",),
    # Whoever uses a version whose image is a parameter has to be able to read it.
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/using-systems-manager-parameters.html
    "ssm:GetParameters": ("image parameter",),
}

RELEASE_TAG = "bluegreen:release"
"""The tag by which an instance knows its release; in the instance metadata, where the template allows tags there."""

_MADE = re.compile(r"bluegreen (?P<name>\S+) from (?P<source>[0-9]+) [0-9a-f]{32}")
_PAGE = 200  # the most that AWS gives at once


class LaunchTemplateClient(AwsClient, Protocol):
    """The calls of a boto3 `ec2` client that are used here."""

    def create_launch_template_version(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_launch_template_versions(self, **arguments: object) -> Mapping[str, object]: ...

    def modify_launch_template(self, **arguments: object) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class ReleaseVersion:
    """Which version is a release's now.

    number: None while it is still to be made. source: the version that it is made from. is_default: whether it is the
    template's default version.
    """

    number: str | None
    source: int
    is_default: bool = False


class LaunchTemplateVersions:
    """The versions of launch templates, by the template's id."""

    def __init__(self, client: LaunchTemplateClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use the client; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def find(self, template: str, release: Release) -> ReleaseVersion:
        """The version of a release, looked for among those that were made since the template's last edit.

        The source is the latest version that the engine has not made: what the stack's template has changed since is
        shipped with the release, and nothing of a release before. The version's description says both, so that it is
        found again by whoever looks, and a release that was made from another source is another version. Of twins the
        first one counts.
        """
        # One version with both names may be answered once or twice: AWS does not say.
        edges = self._described({"LaunchTemplateId": template, "Versions": ["$Latest", "$Default"]})
        latest = max(edges, key=lambda one: number(one, "VersionNumber"), default={})
        made = _MADE.fullmatch(str(latest.get("VersionDescription")))
        since = int(made["source"]) if made else number(latest, "VersionNumber")
        # Whether MinVersion counts itself is not documented; both are right here.
        later = self._described({"LaunchTemplateId": template, "MinVersion": str(since)}) if made else []
        source = max([since, *(number(one, "VersionNumber") for one in later if not _is_made(one))])
        wanted = _description(release, source)
        found = sorted(number(one, "VersionNumber") for one in later if one.get("VersionDescription") == wanted)
        default = {number(one, "VersionNumber") for one in edges if one.get("DefaultVersion")}
        return ReleaseVersion(str(found[0]), source, found[0] in default) if found else ReleaseVersion(None, source)

    def ensure(self, template: str, release: Release) -> ReleaseVersion:
        """The version of a release, made if it is not there yet.

        Two workers at once, and one that asks again after a time-out, send the same token, for which AWS makes one
        version. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html

        Raises AwsError when the source is gone, and for what AWS refuses.
        """
        found = self.find(template, release)
        if found.number is not None:
            return found
        description = _description(release, found.source)
        wanted = {
            "LaunchTemplateId": template,
            "SourceVersion": str(found.source),
            "VersionDescription": description,
            "ClientToken": sha256(f"{template} {description}".encode()).hexdigest(),
            "LaunchTemplateData": self._changed(template, found.source, release),
        }
        answer = self._calls.make(self._client.create_launch_template_version, wanted)
        made = number(entry(answer, "LaunchTemplateVersion"), "VersionNumber")
        return ReleaseVersion(str(made), found.source)

    def make_default(self, template: str, version: str) -> None:
        """Let the template's default version be this one; it is again when it is already."""
        wanted = {"LaunchTemplateId": template, "DefaultVersion": version}
        self._calls.make(self._client.modify_launch_template, wanted)

    def in_words(self, template: str, versions: Iterable[str]) -> list[str]:
        """The versions, each with the release that it was made for, as in `12 (1.4.2)`.

        Their numbers alone when AWS does not say more: a name is no reason to fail.
        """
        numbers = sorted(versions)
        try:
            described = self._described({"LaunchTemplateId": template, "Versions": numbers})
        except AwsError:
            return numbers
        made = {str(one.get("VersionNumber")): _MADE.fullmatch(str(one.get("VersionDescription"))) for one in described}
        return [f"{one} ({found['name']})" if (found := made.get(one)) else one for one in numbers]

    def _changed(self, template: str, source: int, release: Release) -> dict[str, object]:
        """What the release's version has otherwise than its source.

        A list that is given takes the place of the source's, so the other tags are given again; and so are the block
        devices, when there are snapshots among them: those are not taken over by themselves.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
        """
        (described, *_) = self._described({"LaunchTemplateId": template, "Versions": [str(source)]}) or [{}]
        data = entry(described, "LaunchTemplateData")
        changed: dict[str, object] = {"TagSpecifications": _tagged(entries(data, "TagSpecifications"), release.name)}
        if release.image:
            changed["ImageId"] = release.image
        devices = entries(data, "BlockDeviceMappings")
        if any(entry(device, "Ebs").get("SnapshotId") for device in devices):
            changed["BlockDeviceMappings"] = devices
        return changed

    def _described(self, wanted: Mapping[str, object]) -> list[Mapping[str, object]]:
        found: list[Mapping[str, object]] = []
        more: Mapping[str, object] = {} if "Versions" in wanted else {"MaxResults": _PAGE}
        while True:
            answer = self._calls.make(self._client.describe_launch_template_versions, {**wanted, **more})
            found += entries(answer, "LaunchTemplateVersions")
            if not answer.get("NextToken"):
                return found
            more = {**more, "NextToken": answer["NextToken"]}


def _description(release: Release, source: int) -> str:
    """What a made version is known by: the same for the same release from the same source, and for nothing else."""
    digest = sha256(json.dumps([release.name, release.image]).encode()).hexdigest()
    return f"bluegreen {release.name} from {source} {digest[:32]}"


def _is_made(version: Mapping[str, object]) -> bool:
    return _MADE.fullmatch(str(version.get("VersionDescription"))) is not None


def _tagged(specifications: list[Mapping[str, object]], name: str) -> list[Mapping[str, object]]:
    """The tags of everything that is launched, with the release's name on the instances and wherever it was before."""
    tag = {"Key": RELEASE_TAG, "Value": name}
    tagged: list[Mapping[str, object]] = []
    for one in specifications:
        tags = entries(one, "Tags")
        others = [other for other in tags if other.get("Key") != RELEASE_TAG]
        if one.get("ResourceType") == "instance" or len(others) < len(tags):
            tagged.append({**one, "Tags": [*others, tag]})
        else:
            tagged.append(one)
    if not any(one.get("ResourceType") == "instance" for one in specifications):
        tagged.append({"ResourceType": "instance", "Tags": [tag]})
    return tagged
