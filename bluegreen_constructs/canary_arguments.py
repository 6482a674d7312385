"""Refuses what is no argument of a CanaryAlb at all: another type, or text that is no address."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from .candidate_route import CandidateRoute
from .engine.errors import ConfigurationError
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .rollout_limits import RolloutLimits
from .targets import Targets
from .test_traffic import TestTraffic


def refuse_arguments(
    path: str,
    *,
    blue: object,
    green: object,
    ingress: object,
    limits: object,
    traffic: object,
    routes: object,
    guardrails: object,
    hooks: object,
) -> None:
    """Raise ConfigurationError for the first argument of another type; before anything is made of them."""
    _refuse(path, "blue", blue, Targets, "Targets.of(…) or Targets.adopted(…)")
    _refuse(path, "green", green, Targets, "Targets.of(…) or Targets.adopted(…)")
    _refuse(path, "ingress", ingress, Ingress, "Ingress(…)")
    if limits is not None:
        _refuse(path, "limits", limits, RolloutLimits, "RolloutLimits(…), or leave it out")
    if traffic is not None:
        _refuse(path, "expected_traffic", traffic, ExpectedTraffic, "ExpectedTraffic(…), or leave it out")
    _refuse_list(path, "guardrails", guardrails, "[ErrorComparison()]")
    _refuse_list(path, "hooks", hooks, '[HttpSmokeTest("/ready")]')
    wanted = "CandidateRoute.header(), TestTraffic.listener(…), a list of such, or [] for none"
    listed = isinstance(routes, Sequence) and not isinstance(routes, str)
    for one in routes if listed else [] if routes is None else [routes]:  # type: ignore[attr-defined] # listed says so
        _refuse(path, "test_traffic", one, CandidateRoute | TestTraffic, wanted)
    if isinstance(ingress, Ingress):
        _refuse_list(path, "Ingress sources", ingress.sources, '("10.0.0.0/8",)')
        for source in ingress.sources:
            _refuse_cidr(path, source)


def _refuse(path: str, name: str, given: object, kind: object, wanted: str) -> None:
    if not isinstance(given, kind):  # type: ignore[arg-type] # a class, or a union of classes
        raise ConfigurationError(f"{path} has the {name} {_shown(given)}: give {wanted}")


def _refuse_list(path: str, name: str, given: object, example: str) -> None:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigurationError(f"{path} has the {name} {_shown(given)}: give a list, such as {example}")


def _refuse_cidr(path: str, source: object) -> None:
    try:
        IPv4Network(str(source), strict=False)
    except ValueError:
        raise ConfigurationError(
            f"{path} has the Ingress source {source!r}: give IPv4 CIDRs, such as '10.0.0.0/8' or '192.0.2.7/32'"
        ) from None


def _shown(given: object) -> str:
    return repr(given) if isinstance(given, str | int | float) or given is None else type(given).__name__
