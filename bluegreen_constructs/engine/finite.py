"""Numbers that one can reckon with, among whatever a user or a store may give."""

from typing import TypeGuard

_TOO_LARGE = 1e300  # close to the end of what a float holds; whole numbers go on beyond it


def is_finite(value: object) -> TypeGuard[float]:
    """Whether `value` is a number, neither True nor False, and not NaN, infinite or too large for a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -_TOO_LARGE < value < _TOO_LARGE
