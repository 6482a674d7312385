"""Which requests each rule of an application with slots asks for, and in which order they are tried. No construct."""

from collections.abc import Sequence
from dataclasses import dataclass

from .engine.errors import ConfigurationError
from .engine.slot_settings import PRODUCTION, ROUTING_NAME
from .ingress import Ingress
from .rule_conditions import RuleCondition
from .slot import Slot
from .slot_checks import MOST_SLOTS

_UNKNOWN = "${Token["
_OWN_PRIORITY = 1000  # on a listener that holds nothing else

# Before production's priority. Each kind has room for two slots more than there can be, so that no rule moves when one
# is added. A slot's host comes before the choices: who asks for it by name gets it, whatever cookie is left. The query
# comes before them as well: who has chosen can choose again.
_PINS, _HOSTS, _QUERY, _CHOICES = 40, 32, 24, 20
TAKES = _PINS


@dataclass(frozen=True)
class SlotPriorities:
    """The priorities of one application; lower goes first."""

    production: int

    @staticmethod
    def of(path: str, ingress: Ingress) -> "SlotPriorities":
        """Raises ConfigurationError for a shared listener's priority without room before it."""
        production = ingress.priority or _OWN_PRIORITY
        if production <= TAKES:
            raise ConfigurationError(
                f"{path} has priority {production}, and the rules of slots take the {TAKES} priorities before it: give "
                f"{TAKES + 1} or more"
            )
        return SlotPriorities(production)

    def pin(self, side: int) -> int:
        """Of the pin of a side, by its number."""
        return self.production - _PINS + side

    def host(self, slot: int) -> int:
        """Of the rule of a slot's own host."""
        return self.production - _HOSTS + slot

    @property
    def query(self) -> int:
        """Of the rule by which clients choose."""
        return self.production - _QUERY

    def choice(self, slot: int, way: int) -> int:
        """Of a rule that follows a choice; way: 0 for the cookie, 1 for the header."""
        return self.production - _CHOICES + 2 * slot + way


def production_conditions(ingress: Ingress) -> list[RuleCondition]:
    """What production asks for: its host, its paths, or everything."""
    return _asked(ingress.host, ingress.paths) or [RuleCondition.path_patterns(["/*"])]


def host_conditions(host: str, ingress: Ingress) -> list[RuleCondition]:
    """What a slot asks for by its own host."""
    return _asked(host, ingress.paths)


def choice_conditions(slot: str, ingress: Ingress) -> tuple[list[RuleCondition], list[RuleCondition]]:
    """What is production's but for the choice of this slot: by cookie, and by header.

    A cookie is one of several in one header, so that it takes an expression; it is whole, for a value with wildcards
    would find `x-slot-routing=blue` in `x-slot-routing=blue2` as well.
    """
    asked = _asked(ingress.host, ingress.paths)
    return (
        [*asked, RuleCondition.http_header_like("cookie", f"^(.*; ?)?{ROUTING_NAME}={slot}(;.*)?$")],
        [*asked, RuleCondition.http_header(ROUTING_NAME, [slot])],
    )


def query_conditions(ingress: Ingress) -> list[RuleCondition]:
    """What is production's, with a choice in the query."""
    return [*_asked(ingress.host, ingress.paths), RuleCondition.query_string(ROUTING_NAME, "*")]


def hosts_of(path: str, slots: Sequence[Slot], ingress: Ingress) -> dict[str, str]:
    """The own host of each slot but production, which has the ingress's.

    Raises ConfigurationError for a host that cannot be derived, is nobody's name, or is there twice.
    """
    found: dict[str, str] = {}
    taken = {} if ingress.host is None else {ingress.host.lower(): PRODUCTION}
    for slot in slots:
        if slot.name == PRODUCTION:
            if slot.host is not None:
                raise ConfigurationError(
                    f"{path} has a host for {PRODUCTION}, {slot.host}: give it to the ingress, Ingress(host=...)"
                )
            continue
        host = slot.host or _derived(path, slot.name, ingress.host)
        Ingress(host=host, internet_facing=False)  # refuses what is no host name
        if "*" in host:
            raise ConfigurationError(f"{path} has slot {slot.name} at {host}: give one name, no wildcard")
        other = taken.setdefault(host.lower(), slot.name)
        if other != slot.name:
            raise ConfigurationError(
                f"{path} has slot {slot.name} at {host}, where {other} is: give each slot a host of its own"
            )
        found[slot.name] = host
    return found


def _derived(path: str, slot: str, production: str | None) -> str:
    """As Azure names it: `app-staging.azurewebsites.net` beside `app.azurewebsites.net`."""
    if production is None or _UNKNOWN in production or "*" in production:
        raise ConfigurationError(
            f"{path} has slot {slot} without a host, and production's is {production or 'not given'}: give "
            f"Slot({slot!r}, host=...), or Ingress(host=...) that it can be derived from"
        )
    first, _, rest = production.partition(".")
    return f"{first}-{slot}.{rest}"


def _asked(host: str | None, paths: Sequence[str]) -> list[RuleCondition]:
    asked = [] if host is None else [RuleCondition.host_headers([host])]
    return [*asked, *([RuleCondition.path_patterns(list(paths))] if paths else [])]


# The last choice of the last slot comes before production.
assert _CHOICES > 2 * MOST_SLOTS - 1  # noqa: S101 -- a fact about this file
