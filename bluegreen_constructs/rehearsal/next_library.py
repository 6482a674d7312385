"""The next version of the library under an example: every function has new code, and every resource another tag."""

import shutil
from pathlib import Path

from ..engine.errors import RehearsalError

TAG = ("team", "ranking")
_CHANGED = Path("bluegreen_constructs") / "engine" / "swap" / "turn.py"
_MAKES_APP = "app = cdk.App()\n"


def next_library(root: Path, example: Path, folder: Path) -> Path:
    """A copy of an example with the next version of the library beside it; answers its `app.py`.

    Raises RehearsalError when the example does not make its app as it did.
    """
    ignored = shutil.ignore_patterns("__pycache__", "rehearsal", "cli", "simulation")
    shutil.copytree(root / "bluegreen_constructs", folder / "bluegreen_constructs", ignore=ignored)
    changed = folder / _CHANGED
    changed.write_text(f"{changed.read_text(encoding='utf-8')}\n# the next version\n", encoding="utf-8")
    text = (root / example).read_text(encoding="utf-8")
    if text.count(_MAKES_APP) != 1:
        raise RehearsalError(f"{example} does not make its app with {_MAKES_APP.strip()!r}: it cannot be tagged anew")
    key, value = TAG
    app = folder / "app.py"
    app.write_text(
        text.replace(_MAKES_APP, f'{_MAKES_APP}cdk.Tags.of(app).add("{key}", "{value}")\n'), encoding="utf-8"
    )
    return app
