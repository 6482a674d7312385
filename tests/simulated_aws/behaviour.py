"""How a release behaves when it runs: whether it starts, how often it errs, is slow, or predicts badly."""

from dataclasses import dataclass

FAST_SECONDS = 0.05
SLOW_SECONDS = 5.0
"""How long a request takes: there are two kinds only, which is enough for counting what is over a bound."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Shares of the requests, from 0 to 1.

    errors: answered with a 5xx. connection_errors: no connection to the target. slow: taking SLOW_SECONDS. bad: what
    an application's own metric counts. starts: whether its targets ever pass a health check.
    """

    errors: float = 0.001
    connection_errors: float = 0.0
    slow: float = 0.02
    bad: float = 0.01
    starts: bool = True
