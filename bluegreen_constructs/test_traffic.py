"""TestTraffic: how the candidate is reached before it gets production traffic."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .engine.errors import ConfigurationError

DEFAULT_HEADER = "x-bluegreen-test"
# A load balancer that drops invalid headers drops every other name before it looks at any rule.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True)
class TestTraffic:
    """The test route: a header on the production listener (default), or a listener of its own.

    Make one with `TestTraffic.header()` or `TestTraffic.listener(...)`.
    """

    __test__: ClassVar[bool] = False  # the name starts with Test, but pytest has nothing to collect here

    header_name: str | None = DEFAULT_HEADER
    header_value: str | None = None
    port: int | None = None
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a route that no request could take, or that everybody could."""
        if self.header_name is None:
            self._check_listener()
        else:
            self._check_header(self.header_name)

    def _check_header(self, name: str) -> None:
        value = self.header_value
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigurationError(
                f"TestTraffic header name is {name!r}: use at most 40 letters, digits and hyphens, such as 'x-test'"
            )
        if name.lower() == "host":
            raise ConfigurationError("TestTraffic header name is 'host', which routing needs: use another header")
        if value is not None and (not value or len(value) > 128 or re.search(r"[*?\s]", value)):
            raise ConfigurationError(
                f"TestTraffic header value is {value!r}: use 1 to 128 characters without spaces, * or ?, "
                "which a listener rule reads as wildcards"
            )

    def _check_listener(self) -> None:
        if self.port is None or not 1 <= self.port <= 65535 or self.port in (80, 443):
            raise ConfigurationError(f"TestTraffic port is {self.port}: give a port of its own, such as 9443")
        if not self.sources:
            raise ConfigurationError(
                "TestTraffic.listener has no sources: name the CIDRs that may reach the candidate, such as '10.0.0.0/8'"
            )

    @staticmethod
    def header(name: str = DEFAULT_HEADER, value: str | None = None) -> "TestTraffic":
        """Requests with this header on the production listener reach the candidate; no further port is opened.

        value: what the header must be (default: generated at deploy from the stack's own random id, and shown in the
        stack's outputs). On an internet-facing load balancer a value of your own must have 16 characters or more, or
        anybody could reach a version that is not released yet.

        Raises ConfigurationError for a name that is no header name (at most 40 characters) or a reserved one.
        """
        return TestTraffic(header_name=name, header_value=value)

    @staticmethod
    def listener(port: int, *, sources: Sequence[str]) -> "TestTraffic":
        """Requests to `port` reach the candidate; only from `sources` (IPv4 CIDRs), because it is not released yet.

        Raises ConfigurationError for port 80 or 443 (production's), or without any source.
        """
        return TestTraffic(header_name=None, port=port, sources=tuple(sources))
