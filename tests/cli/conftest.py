"""The operator that the tests of operators' verbs share."""

import boto3
import pytest

from tests.cli.operated_world import OperatedWorld, Operator


@pytest.fixture(autouse=True)
def _own_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command chooses the region of the process's boto3 session; the next test is another process."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Model, on which nothing was rolled out yet."""
    return Operator(capsys, OperatedWorld())
