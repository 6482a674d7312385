"""A fleet's instances and registered targets as AWS describes them, in shapes checked by its models."""

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.fleet_sides import IAM_ACTIONS, AwsFleetSides
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.fleet_sides import InstanceSeen

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/fleet/0123456789abcdef"
ASKED = {"Filters": [{"Name": "tag:bluegreen:fleet", "Values": ["A/Fleet"]}]}


@pytest.fixture
def elbv2() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("elbv2")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def ec2() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ec2")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def sides(elbv2: StubbedClient, ec2: StubbedClient) -> AwsFleetSides:
    return AwsFleetSides(elbv2.client, ec2.client, (BotoCoreError,))


def target(id: str, state: str, **more: object) -> dict[str, object]:
    return {"Target": {"Id": id, "Port": 8080}, "HealthCheckPort": "8080", "TargetHealth": {"State": state, **more}}


def instance(id: str, state: str = "running", **tags: str) -> dict[str, object]:
    named = {"bluegreen:fleet": "A/Fleet", "team": "ml"} | {f"bluegreen:{key}": value for key, value in tags.items()}
    return {
        "InstanceId": id,
        "State": {"Code": 16, "Name": state},
        "Tags": [{"Key": key, "Value": value} for key, value in named.items()],
    }


def test_every_registered_target_has_its_state(elbv2: StubbedClient, sides: AwsFleetSides) -> None:
    leaving = target("i-2", "draining", Reason="Target.DeregistrationInProgress", Description="in progress")
    answer = {"TargetHealthDescriptions": [target("i-1", "healthy"), leaving]}
    elbv2.answers("describe_target_health", answer, {"TargetGroupArn": GROUP})
    assert sides.registered(GROUP) == {"i-1": "healthy", "i-2": "draining"}


def test_a_group_without_targets_is_empty(elbv2: StubbedClient, sides: AwsFleetSides) -> None:
    elbv2.answers("describe_target_health", {"TargetHealthDescriptions": []})
    assert sides.registered(GROUP) == {}


def test_instances_are_found_by_their_fleet_on_every_page(ec2: StubbedClient, sides: AwsFleetSides) -> None:
    first = [{"Instances": [instance("i-1", side="blue"), instance("i-2", "terminated", side="green")]}]
    ec2.answers("describe_instances", {"Reservations": first, "NextToken": "next"}, ASKED)
    second = [{"Instances": [instance("i-3", "pending", side="green")]}, {"Instances": [instance("i-4")]}]
    ec2.answers("describe_instances", {"Reservations": second}, {**ASKED, "NextToken": "next"})
    assert sides.instances("A/Fleet") == [
        InstanceSeen("i-1", "blue"),
        InstanceSeen("i-2", "green", is_running=False),
        InstanceSeen("i-3", "green", is_running=False),
        InstanceSeen("i-4", ""),
    ]


def test_what_a_wildcard_in_the_name_finds_besides_is_left_out(ec2: StubbedClient, sides: AwsFleetSides) -> None:
    found = [{"Instances": [instance("i-1", side="blue", fleet="A/Fleet2")]}]
    asked = {"Filters": [{"Name": "tag:bluegreen:fleet", "Values": ["A/Fl*"]}]}
    ec2.answers("describe_instances", {"Reservations": found}, asked)
    assert sides.instances("A/Fl*") == []


def test_what_aws_refuses_is_said_in_its_words(elbv2: StubbedClient, ec2: StubbedClient, sides: AwsFleetSides) -> None:
    elbv2.fails("describe_target_health", "TargetGroupNotFound")
    with pytest.raises(AwsError, match="in the words of AWS"):
        sides.registered(GROUP)
    ec2.fails("describe_instances", "UnauthorizedOperation")
    with pytest.raises(AwsError, match="in the words of AWS"):
        sides.instances("A/Fleet")


def test_no_answer_is_an_aws_error() -> None:
    silent = AwsFleetSides(SilentClient("elbv2"), SilentClient("ec2"), (BotoCoreError,))
    with pytest.raises(AwsError):
        silent.registered(GROUP)
    with pytest.raises(AwsError):
        silent.instances("A/Fleet")


@pytest.mark.parametrize("action", sorted(IAM_ACTIONS))
def test_every_action_is_an_operation_that_its_service_has(action: str) -> None:
    service, operation = action.split(":")
    model = botocore.session.get_session().get_service_model({"elasticloadbalancing": "elbv2"}.get(service, service))
    assert operation in model.operation_names
