"""Amazon EC2: launch templates and their versions."""

from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient

_TAG = "bluegreen:release"


class Ec2(SimulatedClient):
    """The client. Versions are numbered in the order in which they were made; none is ever deleted.

    How a version behaves is how the release behaves that its instances' tag names (`world.release_is`).

    doubles: whether a version that was asked for by two names is answered twice; AWS does not say which it does.
    """

    service = "ec2"
    throttle = "RequestLimitExceeded"
    failure = "InternalError"
    exceptions = Exceptions({})
    allowed: ClassVar = {
        "CreateLaunchTemplateVersion": {
            "LaunchTemplateId",
            "SourceVersion",
            "VersionDescription",
            "ClientToken",
            "LaunchTemplateData",
        },
        "DescribeLaunchTemplateVersions": {
            "LaunchTemplateId",
            "Versions",
            "MinVersion",
            "MaxResults",
        },
        "ModifyLaunchTemplate": {"LaunchTemplateId", "DefaultVersion"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.templates: dict[str, list[Answer]] = {}
        self.default_versions: dict[str, str] = {}
        self.doubles = False
        self._tokens: dict[str, tuple[Answer, Answer]] = {}

    def add_template(self, template: str, versions: int) -> None:
        """Make a template that a stack has edited until it had so many versions; the first is its default."""
        self.templates[template] = []
        self.default_versions[template] = "1"
        for number in range(1, versions + 1):
            self.edit(template, UserData=f"edit {number}")

    def edit(self, template: str, **data: object) -> int:
        """A stack update makes another version of the template; answers its number."""
        versions = self.templates[template]
        versions.append({"LaunchTemplateId": template, "VersionNumber": len(versions) + 1, "LaunchTemplateData": data})
        return len(versions)

    # the client

    def create_launch_template_version(self, **arguments: object) -> Answer:
        return self._serve("CreateLaunchTemplateVersion", arguments, self._create)

    def describe_launch_template_versions(self, **arguments: object) -> Answer:
        return self._serve("DescribeLaunchTemplateVersions", arguments, self._describe)

    def modify_launch_template(self, **arguments: object) -> Answer:
        return self._serve("ModifyLaunchTemplate", arguments, self._modify)

    def _create(self, arguments: Answer) -> Answer:
        operation = "CreateLaunchTemplateVersion"
        # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
        token = arguments["ClientToken"]
        if token in self._tokens:
            asked, made = self._tokens[token]
            if asked != arguments:
                raise self.error(operation, "IdempotentParameterMismatch", "The token was used for another request")
            return {"LaunchTemplateVersion": self._shown(made)}
        template = arguments["LaunchTemplateId"]
        source = self.require(operation, template, arguments["SourceVersion"])
        data = {**source["LaunchTemplateData"], **arguments["LaunchTemplateData"]}
        self.edit(template, **data)
        made = self.templates[template][-1]
        made["VersionDescription"] = arguments["VersionDescription"]
        self._tokens[token] = (dict(arguments), made)
        for specification in data.get("TagSpecifications", []):
            tags = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
            if specification["ResourceType"] == "instance" and _TAG in tags:
                self._world.release_is(str(made["VersionNumber"]), self._world.behaviour(tags[_TAG]))
        return {"LaunchTemplateVersion": self._shown(made)}

    def _describe(self, arguments: Answer) -> Answer:
        operation, template = "DescribeLaunchTemplateVersions", arguments["LaunchTemplateId"]
        if "Versions" in arguments:
            named = [self.require(operation, template, version) for version in arguments["Versions"]]
            if self.doubles:
                return {"LaunchTemplateVersions": [self._shown(one) for one in named]}
            found = {one["VersionNumber"]: one for one in named}
        else:
            later = self.templates[template][int(arguments["MinVersion"]) - 1 :]
            found = {one["VersionNumber"]: one for one in later}
            if len(found) > arguments["MaxResults"]:
                raise NotSimulatedError("the simulated ec2 answers one page")
        return {"LaunchTemplateVersions": [self._shown(found[number]) for number in sorted(found, reverse=True)]}

    def _modify(self, arguments: Answer) -> Answer:
        template, version = arguments["LaunchTemplateId"], arguments["DefaultVersion"]
        self.require("ModifyLaunchTemplate", template, version)
        self.default_versions[template] = version
        return {"LaunchTemplate": {"LaunchTemplateId": template, "DefaultVersionNumber": int(version)}}

    def require(self, operation: str, template: str, version: str) -> Answer:
        """The version; raises what AWS answers when it is not there."""
        versions = self.templates.get(template)
        if versions is None:
            raise self.error(operation, "InvalidLaunchTemplateId.NotFound", "The launch template does not exist")
        number = {"$Latest": str(len(versions)), "$Default": self.default_versions[template]}.get(version, version)
        if not number.isdigit() or not 1 <= int(number) <= len(versions):
            raise self.error(operation, "InvalidLaunchTemplateId.VersionNotFound", f"Could not find version {version}")
        return versions[int(number) - 1]

    def _shown(self, version: Answer) -> Answer:
        default = self.default_versions[version["LaunchTemplateId"]]
        return {**version, "DefaultVersion": str(version["VersionNumber"]) == default}
