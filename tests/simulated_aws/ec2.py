"""Amazon EC2: the default versions of launch templates."""

from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient


class Ec2(SimulatedClient):
    """The client. Any launch template that is named is there, with all the versions that are asked for."""

    service = "ec2"
    throttle = "RequestLimitExceeded"
    failure = "InternalError"
    exceptions = Exceptions({})
    allowed: ClassVar = {"ModifyLaunchTemplate": {"LaunchTemplateId", "DefaultVersion"}}

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.default_versions: dict[str, str] = {}

    def modify_launch_template(self, **arguments: object) -> Answer:
        return self._serve("ModifyLaunchTemplate", arguments, self._modify)

    def _modify(self, arguments: Answer) -> Answer:
        template, version = arguments["LaunchTemplateId"], arguments["DefaultVersion"]
        self.default_versions[template] = version
        return {"LaunchTemplate": {"LaunchTemplateId": template, "DefaultVersionNumber": int(version)}}
