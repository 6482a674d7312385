"""The `bluegreen` command's first step: is what it needs installed?"""

import importlib.util
import sys

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command line; without its extra, one sentence and exit code 2."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        sys.exit(_refusal("the bluegreen command needs the extra: pip install 'bluegreen-constructs[cli]'"))
    from .commands import run  # noqa: PLC0415  # needs the extra

    sys.exit(run())


def _refusal(sentence: str) -> int:
    print(f"bluegreen: {sentence}", file=sys.stderr)
    return 2
