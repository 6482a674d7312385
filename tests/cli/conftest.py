"""The operator that the tests of operators' verbs share."""

import pytest

from tests.cli.operated_world import OperatedWorld, Operator


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Model, on which nothing was rolled out yet."""
    return Operator(capsys, OperatedWorld())
