"""The launch template actions that are answered in ministack's place: versions that are not there, tokens, pages.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html
"""

from collections.abc import Callable, Mapping
from typing import cast

from ministack.services import ec2

Params = dict[str, str]
Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[Params], Answer]
_Record = dict[str, object]
_MOST = 200  # AWS gives no more at once


class LaunchTemplateActions:
    """CreateLaunchTemplateVersion and DescribeLaunchTemplateVersions; `originals` are ministack's."""

    def __init__(self, originals: Mapping[str, Action]) -> None:
        self._originals = originals
        self._made: dict[str, tuple[Params, Answer]] = {}

    def actions(self) -> dict[str, Action]:
        """By name."""
        return {
            "CreateLaunchTemplateVersion": self.create_version,
            "DescribeLaunchTemplateVersions": self.describe_versions,
        }

    def create_version(self, params: Params) -> Answer:
        """The same token again makes nothing and answers the same; with another request it is refused."""
        token = str(ec2._p(params, "ClientToken"))
        if token and token in self._made:
            asked, answer = self._made[token]
            return (
                answer if asked == params else _error("IdempotentParameterMismatch", f"token {token} was used before")
            )
        record, source = _template(params), str(ec2._p(params, "SourceVersion"))
        if record is not None and source and not _found(record, source):
            return _no_version(source)
        answer = self._originals["CreateLaunchTemplateVersion"](params)
        if token and answer[0] < 400:
            self._made[token] = (dict(params), answer)
        return answer

    def describe_versions(self, params: Params) -> Answer:
        """Versions by number, $Latest and $Default, or a range of them, the newest first."""
        record = _template(params)
        wanted = [str(one) for one in ec2._parse_member_list(params, "LaunchTemplateVersion")]
        if record is None:
            return self._originals["DescribeLaunchTemplateVersions"](params)
        for version in wanted:
            if not _found(record, version):
                return _no_version(version)
        versions = _versions(record)
        if wanted:
            versions = [one for one in versions if any(one in _found(record, version) for version in wanted)]
        for name, is_within in (("MinVersion", int.__ge__), ("MaxVersion", int.__le__)):
            bound = str(ec2._p(params, name))
            versions = [one for one in versions if not bound or is_within(_number(one), int(bound))]
        versions.sort(key=_number, reverse=True)
        start = int(ec2._p(params, "NextToken") or 0)
        most = min(int(ec2._p(params, "MaxResults") or _MOST), _MOST)
        shown = "".join(ec2._lt_version_xml(one) for one in versions[start : start + most])
        more = f"<nextToken>{start + most}</nextToken>" if len(versions) > start + most else ""
        body = f"<launchTemplateVersionSet>{shown}</launchTemplateVersionSet>{more}"
        return cast(Answer, ec2._xml(200, "DescribeLaunchTemplateVersionsResponse", body))


def _template(params: Params) -> _Record | None:
    wanted = {str(ec2._p(params, "LaunchTemplateId")), str(ec2._p(params, "LaunchTemplateName"))} - {""}
    for record in ec2._launch_templates.values():
        if {record["LaunchTemplateId"], record["LaunchTemplateName"]} & wanted:
            return cast(_Record, record)
    return None


def _versions(record: _Record) -> list[_Record]:
    return list(cast("list[_Record]", record.get("Versions") or []))


def _number(version: _Record) -> int:
    return int(str(version["VersionNumber"]))


def _found(record: _Record, version: str) -> list[_Record]:
    named = {"$Latest": record.get("LatestVersionNumber"), "$Default": record.get("DefaultVersionNumber")}
    wanted = str(named.get(version, version))
    return [one for one in _versions(record) if str(one["VersionNumber"]) == wanted]


def _no_version(version: str) -> Answer:
    return _error("InvalidLaunchTemplateId.VersionNotFound", f"Could not find the specified version {version}")


def _error(code: str, message: str) -> Answer:
    return cast(Answer, ec2._error(code, message, 400))
