"""How a command ends when it does not end well: one sentence on standard error, and an exit code.

0 done, 1 failed, 2 wrong usage or a missing extra, 3 refused by a safety rule, 4 held by somebody else, 130
interrupted. Standard library only: it also says that the rest is not installed.
"""

import sys
from contextlib import suppress

FAILED = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def end_with(sentence: str, code: int) -> int:
    """Say why, and answer the exit code."""
    with suppress(OSError):  # nobody reads it
        print(f"bluegreen: {' '.join(sentence.split())}", file=sys.stderr)
    return code
