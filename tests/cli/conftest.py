"""The operator that the tests of operators' verbs share."""

import boto3
import pytest

from tests.cli.code_deployed import code_deploy_settings, server_settings
from tests.cli.deployed_services import ecs_settings
from tests.cli.operated_world import OperatedWorld, Operator
from tests.cli.slots_world import OperatedSlots


@pytest.fixture(autouse=True)
def _own_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command chooses the region of the process's boto3 session; the next test is another process."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Model, on which nothing was rolled out yet."""
    return Operator(capsys, OperatedWorld())


@pytest.fixture
def ecs(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Inference, which Amazon ECS rolls out and the judge judges."""
    return Operator(capsys, OperatedWorld(ecs_settings()))


@pytest.fixture
def unjudged(capsys: pytest.CaptureFixture[str]) -> Operator:
    """The same where CloudWatch alarms alone judge, and so there is no table."""
    return Operator(capsys, OperatedWorld(ecs_settings(is_judged=False)))


@pytest.fixture
def deployed(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Inference, which AWS CodeDeploy deploys, and its first revision."""
    return Operator(capsys, OperatedWorld(code_deploy_settings()))


@pytest.fixture
def on_instances(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Serving/Inference, on whose instances AWS CodeDeploy deployed nothing yet."""
    return Operator(capsys, OperatedWorld(server_settings()))


@pytest.fixture
def slots(capsys: pytest.CaptureFixture[str]) -> Operator:
    """An operator with one target, Web/App, which has the slots production and staging, both with release `first`."""
    return Operator(capsys, OperatedSlots())
