"""The folder of one run under `.rehearsal/`: its own while it runs, and kept for a few runs after."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..engine.errors import RehearsalError

KEPT_RUNS = 5
_LOCK = "running"


@contextmanager
def run_folder(root: Path) -> Iterator[Path]:
    """A new folder for the logs of one run; the oldest ones go, but never one whose run goes on.

    Raises RehearsalError when the checkout cannot be written.
    """
    runs = root / ".rehearsal"
    try:
        runs.mkdir(exist_ok=True)
        for old in sorted(path for path in runs.iterdir() if path.is_dir())[: -(KEPT_RUNS - 1)]:
            if not _is_running(old):
                shutil.rmtree(old, ignore_errors=True)
        folder = _new(runs)
        lock = (folder / _LOCK).open("w", encoding="utf-8")
    except OSError as error:
        raise RehearsalError(f"the folder {runs} cannot be written ({error.strerror}); make it writable") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder


def _is_running(folder: Path) -> bool:
    """Whether a run holds the folder's lock; the kernel lets go of it when the run ends, however it ends."""
    try:
        with (folder / _LOCK).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _new(runs: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(100):
        folder = runs / (stamp if number == 0 else f"{stamp}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise RehearsalError(f"{runs} has a hundred folders of this second; remove them")
