"""Real boto3 clients whose answers are set: each request is checked against AWS's service model, and remembered."""

from collections import defaultdict
from functools import cache

import boto3
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

# What IAM calls a service, and an operation, where it is not what boto3 calls it.
_PREFIXES = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}
_ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction", "s3:HeadObject": "s3:GetObject"}

_free: dict[str, list] = defaultdict(list)  # clients that a test is done with; making one costs more than a test

TIMED_OUT = ReadTimeoutError(endpoint_url="https://aws.example.com")


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def _client(service: str) -> object:
    return _free[service].pop() if _free[service] else _session().client(service)


class StubbedClient:
    """One client; `actions` are the IAM actions of the calls it got, `asked` their operations and arguments."""

    def __init__(self, service: str) -> None:
        self.client = _client(service)
        self.actions: list[str] = []
        self.asked: list[tuple[str, dict]] = []
        self.client.meta.events.register_first("before-parameter-build", self._remember)
        self._service = service
        self._prefix = _PREFIXES.get(service, service)
        self.stub = Stubber(self.client)
        self.stub.activate()

    def _remember(self, model: object, params: dict, **_: object) -> None:
        self.asked.append((model.name, dict(params)))
        action = f"{self._prefix}:{model.name}"
        self.actions.append(_ACTIONS.get(action, action))

    def answers(self, operation: str, answer: dict | None = None, asked: dict | None = None) -> None:
        """The next call must be this operation (with these arguments, when given) and is answered so."""
        self.stub.add_response(operation, answer or {}, asked)

    def fails(self, operation: str, code: str, message: str = "in the words of AWS") -> None:
        """The next call must be this operation and is refused."""
        self.stub.add_client_error(operation, code, message)

    def done(self) -> None:
        """All that was set has been asked for, and the client is free for another test."""
        self.stub.assert_no_pending_responses()
        self.stub.deactivate()
        self.client.meta.events.unregister("before-parameter-build", self._remember)
        _free[self._service].append(self.client)


class SilentClient:
    """A client whose every call times out; `exceptions` are a real one's."""

    def __init__(self, service: str) -> None:
        client = _client(service)
        self.exceptions = client.exceptions
        _free[service].append(client)

    def __getattr__(self, _: str) -> object:
        def call(**_: object) -> None:
            raise TIMED_OUT

        return call
