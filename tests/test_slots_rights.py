"""What operators of an application with slots may do besides: look at task definitions, and let slots swap again."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from bluegreen_constructs import RolloutEngine
from tests.canary_service import canary, new_stack, resources
from tests.slots_application import application

DEFINITION = "ecs:DescribeTaskDefinition"


def granted(verb: str, *, target: bool = False, late: bool = False, slots: bool = True) -> dict[str, list[dict]]:
    """The statements that a role gets by this verb, by action. late: the application is made after the grant."""
    stack = new_stack()
    engine = RolloutEngine.of(stack)
    role = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
    make = (lambda: application(stack)) if slots else (lambda: canary(stack))
    if not late:
        make()
    name = next(iter(engine._rules)) if target else None
    grant = getattr(engine, f"grant_{verb}")
    grant(role) if name is None else grant(role, name)
    if late:
        make()
    made = Template.from_stack(cdk.Stack.of(role))
    (role_id,) = (one for one in resources(made, "AWS::IAM::Role") if one.startswith("Operator"))
    found: dict[str, list[dict]] = {}
    for policy in resources(made, "AWS::IAM::Policy").values():
        if {"Ref": role_id} in policy["Properties"]["Roles"]:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                for action in actions if isinstance(actions, list) else [actions]:
                    found.setdefault(action, []).append(statement)
    return found


def written(found: dict[str, list[dict]]) -> list[str]:
    keys: list[str] = []
    for statement in found.get("dynamodb:PutItem", []):
        some = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}
        keys += some if isinstance(some, list) else [some]
    return keys


@pytest.mark.parametrize("verb", ["view", "start", "promote", "abort", "unlock"])
@pytest.mark.parametrize("late", [False, True])
def test_whoever_may_look_may_look_at_task_definitions(verb: str, late: bool) -> None:
    (statement,) = granted(verb, late=late)[DEFINITION]
    assert statement["Resource"] == "*"


@pytest.mark.parametrize("verb", ["view", "start", "promote", "abort", "unlock"])
def test_without_slots_nobody_may(verb: str) -> None:
    found = granted(verb, slots=False)
    assert DEFINITION not in found
    assert not any(key.startswith("slots#") for key in written(found))


@pytest.mark.parametrize("late", [False, True])
def test_whoever_may_promote_may_let_slots_swap_again(late: bool) -> None:
    keys = written(granted("promote", late=late))
    assert keys == ["promote#*", "pause#*", "resume#*", "slots#Serving/Web"]


@pytest.mark.parametrize(("verb", "keys"), [("view", []), ("start", []), ("unlock", ["unlock"])])
def test_nobody_else_writes_the_record(verb: str, keys: list[str]) -> None:
    assert written(granted(verb)) == [f"{key}#*" for key in keys]


def test_a_right_on_one_application_is_on_its_record_only() -> None:
    keys = written(granted("promote", target=True))
    assert keys == [f"{kind}#Serving/Web" for kind in ("promote", "pause", "resume", "slots")]
