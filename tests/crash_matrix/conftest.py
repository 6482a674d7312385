"""Plays quickly, and hands over how much was played: `tests/conftest.py` says it in one line."""

from collections.abc import Iterator
from functools import lru_cache

import pytest

from bluegreen_constructs.engine.aws import dynamodb_store
from bluegreen_constructs.engine.rollout_codec import rollout_from_json
from tests.crash_matrix.plays import SIZE


@pytest.fixture(scope="module", autouse=True)
def _states_are_read_once() -> Iterator[None]:
    """The same play has the same states up to its fault, and reading them is a third of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamodb_store, "rollout_from_json", lru_cache(maxsize=8192)(rollout_from_json))
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """To the terminal's process, which is another one when the tests run on several cores."""
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        session.config.played = dict(SIZE)
    else:
        output["played"] = dict(SIZE)
