"""Parameter Store: what constructs left there."""

from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient

_PAGE = 10


class ParameterStore(SimulatedClient):
    """The client. `values` is by the parameter's name. page: parameters in one answer of GetParametersByPath."""

    service = "ssm"
    failure = "InternalServerError"
    exceptions = Exceptions({"ParameterNotFound": "ParameterNotFound", "InternalServerError": "InternalServerError"})
    allowed: ClassVar = {
        "GetParameter": {"Name", "WithDecryption"},
        "GetParametersByPath": {"Path", "Recursive", "WithDecryption", "MaxResults", "NextToken"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.values: dict[str, str] = {}
        self.page = _PAGE

    # the client

    def get_parameter(self, **arguments: object) -> Answer:
        return self._serve("GetParameter", arguments, self._get_parameter)

    def get_parameters_by_path(self, **arguments: object) -> Answer:
        return self._serve("GetParametersByPath", arguments, self._get_parameters_by_path)

    def _get_parameter(self, arguments: Answer) -> Answer:
        name = arguments["Name"]
        if name not in self.values:
            raise self.error("GetParameter", "ParameterNotFound", "")
        return {"Parameter": self._described(name)}

    def _get_parameters_by_path(self, arguments: Answer) -> Answer:
        most = arguments.get("MaxResults", _PAGE)
        if not 1 <= most <= _PAGE:
            raise self.error("GetParametersByPath", "ValidationException", "MaxResults must be between 1 and 10")
        path = arguments["Path"].rstrip("/") + "/"
        below = sorted(name for name in self.values if name.startswith(path))
        if not arguments.get("Recursive"):
            below = [name for name in below if "/" not in name.removeprefix(path)]
        first = int(arguments.get("NextToken", 0))
        last = first + min(most, self.page)
        answer: Answer = {"Parameters": [self._described(name) for name in below[first:last]]}
        return answer | {"NextToken": str(last)} if len(below) > last else answer

    def _described(self, name: str) -> Answer:
        return {
            "Name": name,
            "Type": "String",
            "Value": self.values[name],
            "Version": 1,
            "LastModifiedDate": datetime.fromtimestamp(0, UTC),
            "ARN": f"arn:aws:ssm:us-east-1:123456789012:parameter{name}",
            "DataType": "text",
        }
