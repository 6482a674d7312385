"""The ECS lifecycle hook that sends the smoke tests to the candidate by the test route."""

import http.client
import json
import logging
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TypedDict

from ..smoke_test import HttpSmokeTest, SmokeTestPlan

logger = logging.getLogger(__name__)

# A listener rule's new weights take a moment to reach every node of the load balancer. ECS calls a hook again after
# the delay it asks for, so the first call only asks for one, and the tests never meet the live side by mistake.
SETTLE_SECONDS = 15


class HookAnswer(TypedDict, total=False):
    """What Amazon ECS reads from a lifecycle hook.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
    """

    hookStatus: str
    callBackDelay: int
    hookDetails: Mapping[str, object]


def handler(event: Mapping[str, object], _context: object) -> HookAnswer:
    """Answer SUCCEEDED when every check passes, FAILED at the first that does not (ECS then rolls back)."""
    details = event.get("hookDetails")
    if isinstance(details, str):  # CloudFormation takes them as text, and ECS may hand them on as it got them
        details = json.loads(details)
    if not isinstance(details, Mapping):
        logger.error("the hook has no details, so there is nothing to test", extra={"event": dict(event)})
        return {"hookStatus": "FAILED"}
    if not details.get("settled"):
        return {
            "hookStatus": "IN_PROGRESS",
            "callBackDelay": SETTLE_SECONDS,
            "hookDetails": {**details, "settled": True},
        }
    plan = SmokeTestPlan.from_details(details)
    for check in plan.checks:
        failure = _send(plan, check)
        if failure is not None:
            logger.error("smoke test failed: %s", failure)
            return {"hookStatus": "FAILED"}
        logger.info("smoke test passed: %s %s", check.method, check.path)
    return {"hookStatus": "SUCCEEDED"}


def _send(plan: SmokeTestPlan, check: HttpSmokeTest) -> str | None:
    """Send one check and say why it fails; None when it passes."""
    # The route goes last: a check that set its header would leave the test route and meet the live side.
    route = {name.lower() for name in plan.headers}
    headers = {name: value for name, value in check.headers.items() if name.lower() not in route} | dict(plan.headers)
    body = None if check.body is None else check.body.encode()
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["content-type"] = "application/json"
    if plan.host:
        headers["Host"] = plan.host
    request = urllib.request.Request(  # noqa: S310 -- the URL is built at synth from the load balancer's own name
        plan.url + check.path, data=body, headers=headers, method=check.method
    )
    try:
        with _opener(plan.host).open(request, timeout=check.timeout_seconds) as answer:
            return check.failure(answer.status, answer.read(1_000_000).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return check.failure(error.code, error.read(10_000).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return f"{check.method} {check.path} got no answer from {plan.url}: {error}"


class _KeepRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is the answer, not a hint: following one could leave the test route."""

    def redirect_request(self, *_: object) -> None:
        return None


class _NamedHttps(urllib.request.HTTPSHandler):
    """HTTPS to the load balancer's own name with the certificate checked for the service's host name.

    The service's DNS record may not exist yet at the first deployment, but the listener's certificate is for it.
    """

    def __init__(self, host: str) -> None:
        super().__init__(context=ssl.create_default_context())
        self._host = host

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(address: str, **options: float) -> http.client.HTTPSConnection:
            return _connection_named(self._host, address, options.get("timeout", 10.0))

        return self.do_open(connection, req)  # type: ignore[arg-type] # typeshed wants a class; a factory is called alike


def _connection_named(host: str, address: str, timeout: float) -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    wrap = context.wrap_socket

    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            http.client.HTTPConnection.connect(self)
            self.sock = wrap(self.sock, server_hostname=host)

    return Connection(address, timeout=timeout, context=context)


def _opener(host: str | None) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_KeepRedirects(), *([_NamedHttps(host)] if host else []))
