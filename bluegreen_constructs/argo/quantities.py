"""Amounts as Kubernetes writes them: `100m` of a processor, `128Mi` of memory."""

import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"([+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?|[+-]?\.[0-9]{1,20})(n|u|m|k|[KMGTPE]i|[MGTPE]|[eE][+-]?[0-9]{1,2})?"
)
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("MGTPE", 2)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def amount(text: str) -> Decimal | None:
    """The number that a quantity stands for; None if it is none (`128 MB`)."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    suffix = found[2] or ""
    if suffix[:1] in ("e", "E") and suffix not in ("E", "Ei"):
        return Decimal(found[1]) * Decimal(10) ** int(suffix[1:])
    return Decimal(found[1]) * _SUFFIXES.get(suffix, Decimal(1))
