"""The folders of runs: a few are kept, and none is taken from a run that goes on."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.run_folder import KEPT_RUNS, run_folder


def test_only_the_last_runs_are_kept(tmp_path: Path) -> None:
    for _ in range(KEPT_RUNS + 3):
        with run_folder(tmp_path) as folder:
            (folder / "emulator.log").write_text("log")
    assert len(list((tmp_path / ".rehearsal").iterdir())) == KEPT_RUNS
    assert folder.exists()


def test_a_run_that_goes_on_keeps_its_folder_however_many_start_after_it(tmp_path: Path) -> None:
    with ExitStack() as still_running:
        log = still_running.enter_context(run_folder(tmp_path)) / "emulator.log"
        log.write_text("log")
        for _ in range(KEPT_RUNS + 3):
            with run_folder(tmp_path):
                pass
        assert log.exists()
    with run_folder(tmp_path):
        pass
    assert not log.exists()


def test_two_runs_of_one_second_have_two_folders(tmp_path: Path) -> None:
    with run_folder(tmp_path) as one, run_folder(tmp_path) as other:
        assert one != other


def test_a_checkout_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".rehearsal").write_text("a file")
    with pytest.raises(RehearsalError, match="cannot be written"), run_folder(tmp_path):
        pass
