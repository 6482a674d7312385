"""An incident that a rehearsal makes: while a file exists, a share of all requests fails, whatever the release."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from .faults import Spread


@dataclass
class Incident:
    """Something that all releases depend on, and that is down while `file` (None: never) exists.

    The file holds the share of requests that fails, such as 0.5; what is no share from 0 to 1 counts as none.
    """

    file: Path | None
    _spread: Spread | None = None

    def strikes(self) -> bool:
        """Whether this request is one that fails."""
        if self.file is None:
            return False
        try:
            share = Fraction(self.file.read_text(encoding="ascii").strip())
        except (OSError, ValueError, ZeroDivisionError):
            self._spread = None
            return False
        if not 0 <= share <= 1:
            return False
        if self._spread is None or self._spread.share != share:
            self._spread = Spread(share)
        return self._spread.strikes()
