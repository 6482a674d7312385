"""EcsBlueGreenService: who hears of a deployment, and where both sides are seen."""

import json
from collections.abc import Callable
from functools import cache

import pytest
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from bluegreen_constructs import EcsBlueGreenService
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import new_stack, only, resources, service, shared
from tests.judged_service import resolved


def topic(scope: EcsBlueGreenService) -> sns.ITopic:
    return sns.Topic(scope, "Topic")


@cache
def told() -> Template:
    """A service that tells a topic and has a dashboard; synthesised once."""
    stack = new_stack()
    made = service(stack)
    made.notify_on(sns.Topic(stack, "Topic"))
    made.add_dashboard()
    return Template.from_stack(stack)


@pytest.fixture
def full() -> Template:
    return told()


def patterns(found: Template) -> dict[str, dict]:
    """The events that are told, by the description's first word."""
    return {
        one["Properties"]["Description"].split()[0]: one["Properties"]["EventPattern"]
        for one in resources(found, "AWS::Events::Rule").values()
    }


class TestNotifications:
    def test_each_state_of_a_deployment_and_each_hook_that_waits_is_told(self, full: Template) -> None:
        (name,) = resources(full, "AWS::ECS::Service")
        assert patterns(full)["Each"] == {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change", "ECS Hook State Change"],
            "resources": [{"Ref": name}],  # of this service only
        }

    def test_what_is_judged_is_told_of_this_target_only(self, full: Template) -> None:
        assert patterns(full)["What"] == {"source": ["bluegreen"], "detail": {"target": ["Stack/Inference"]}}

    def test_both_go_to_the_topic_which_lets_eventbridge_in(self, full: Template) -> None:
        (name,) = resources(full, "AWS::SNS::Topic")
        for one in resources(full, "AWS::Events::Rule").values():
            assert [target["Arn"] for target in one["Properties"]["Targets"]] == [{"Ref": name}]
        policy = only(resources(full, "AWS::SNS::TopicPolicy"))["Properties"]
        statements = policy["PolicyDocument"]["Statement"]
        assert {str(one["Principal"]) for one in statements} == {str({"Service": "events.amazonaws.com"})}

    def test_nobody_is_told_unless_it_is_asked_for(self) -> None:
        found = Template.from_stack(_stack_of(service()))
        found.resource_count_is("AWS::Events::Rule", 0)
        found.resource_count_is("AWS::CloudWatch::Dashboard", 0)

    def test_a_second_topic_is_refused(self) -> None:
        made = service()
        made.notify_on(topic(made))
        with pytest.raises(ConfigurationError, match="notifies a topic already: call notify_on once"):
            made.notify_on(sns.Topic(made, "Other"))


class TestDashboard:
    def test_its_body_is_json_once_cloudformation_has_resolved_it(self, full: Template) -> None:
        body = widgets(full)
        assert body[0]["properties"]["markdown"].startswith("# Stack/Inference\n")
        assert [one["type"] for one in body] == ["text", *["metric"] * 6]

    def test_each_graph_has_both_sides(self, full: Template) -> None:
        for graph in widgets(full)[1:]:
            blue, green = graph["properties"]["metrics"]
            assert (blue[3].split("/")[1], green[3].split("/")[1]) == ("Blue", "Green")
            assert (blue[6]["label"], green[6]["label"]) == ("blue", "green")
            assert blue[5] == green[5] == "app/edge/50dc6c495c0c9188"
            assert graph["properties"]["region"] == "eu-west-1"

    def test_no_graph_lies_on_another(self, full: Template) -> None:
        taken = [
            (x, y)
            for one in widgets(full)
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) < 24

    def test_on_a_shared_listener_the_load_balancer_is_named_by_its_arn(self) -> None:
        stack = new_stack()
        service(stack, ingress=shared(stack)).add_dashboard()
        (_, graph, *_) = widgets(Template.from_stack(stack))
        assert graph["properties"]["metrics"][0][5] == "app/shared/50dc6c495c0c9188"

    def test_a_second_one_is_refused(self) -> None:
        made = service()
        made.add_dashboard()
        with pytest.raises(ConfigurationError, match="has a dashboard already: call add_dashboard once"):
            made.add_dashboard()


@pytest.mark.parametrize("ask", [lambda made: made.notify_on(topic(made)), lambda made: made.add_dashboard()])
def test_what_is_asked_for_later_changes_nothing_of_the_service(ask: Callable[[EcsBlueGreenService], object]) -> None:
    def the_service(asked: bool) -> dict:
        made = service()
        if asked:
            ask(made)
        return resources(Template.from_stack(_stack_of(made)), "AWS::ECS::Service")

    assert the_service(asked=True) == the_service(asked=False)


def widgets(found: Template) -> list[dict]:
    body = only(resources(found, "AWS::CloudWatch::Dashboard"))["Properties"]["DashboardBody"]
    parsed: list[dict] = json.loads(resolved(body))["widgets"]
    return parsed


def _stack_of(made: EcsBlueGreenService) -> object:
    return made.node.scope
