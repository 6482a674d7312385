"""AppServiceSlots: what it makes of a plan, an application and its slots, and what it tells the engine."""

import json
from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AlarmThresholds,
    Capacity,
    ErrorComparison,
    Ingress,
    Plan,
    Preview,
    Slot,
    Step,
    WarmUp,
)
from bluegreen_constructs.engine.slot_settings import SlotSettings, SlotsSettings
from bluegreen_constructs.engine.swap.wanted_slots import wanted_slots
from bluegreen_constructs.engine.target_settings import Compute, TargetSettings
from tests.blue_green_service import shared_listener
from tests.canary_service import flat, function, new_stack, parameter, resources, settings_in
from tests.slots_application import application, cluster_in, pinned, secret, template, two_slots, web_app


@cache
def three_slots() -> Template:
    """Production, and two slots that are called blue and green; everything on."""
    stack = new_stack()
    role = iam.Role(stack, "GreenRole", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    made = application(
        stack,
        app=web_app(environment={"LOG": "info", "STAGE": "unset"}),
        plan=Plan(cpu=512, memory_mib=1024, tasks=1, cpu_percent=60, requests_per_target=500, execute_command=True),
        slots=[
            Slot(
                "production",
                tasks=3,
                max_tasks=9,
                environment={"STAGE": "production"},
                secrets={"DB": pinned(stack, "prod-db")},
            ),
            Slot(
                "blue",
                environment={"STAGE": "blue"},
                secrets={"DB": pinned(stack, "blue-db"), "KEY": pinned(stack, "key")},
                auto_swap=True,
            ),
            Slot(
                "green",
                host="preview.example.com",
                environment={"STAGE": "green", "DB": "none"},
                task_role=role,
            ),
        ],
        sticky=["STAGE", "DB"],
        guardrails=[ErrorComparison()],
        canary=Step(5, timedelta(minutes=10)),
        preview=Preview(ttl=timedelta(hours=2), open=True),
        warm_up=WarmUp("/warm", statuses=(200, 204), in_a_row=5, timeout=timedelta(seconds=30), attempts=2),
        activation=function(stack, "Activation"),
        bake=timedelta(minutes=20),
    )
    return template(made)


@cache
def plain() -> Template:
    return template(application())


def settings() -> TargetSettings:
    return settings_in(three_slots())


def of_slots() -> SlotsSettings:
    found = settings().slots
    assert found is not None
    return found


def definition(slot: str) -> dict:
    """A slot's own task definition."""
    found = resources(three_slots(), "AWS::ECS::TaskDefinition").values()
    return next(one for one in found if one["Properties"]["Family"] == f"Serving-Web-{slot}-settings")


def container(slot: str) -> dict:
    (found,) = definition(slot)["Properties"]["ContainerDefinitions"]
    return found


def rule(id: str, of: Template | None = None) -> dict:
    (found,) = (
        one["Properties"]
        for name, one in resources(of or three_slots(), "Custom::TrafficRule").items()
        if name.startswith(f"WebRoutes{id}")
    )
    return found


def statements_on_role(role: str) -> str:
    policies = resources(three_slots(), "AWS::IAM::Policy").values()
    return json.dumps([one["Properties"] for one in policies if {"Ref": role} in one["Properties"]["Roles"]])


class TestInvariants:
    """What the design says of every template: nothing in it is what an operation changes."""

    def test_no_rule_of_cloudformation_but_the_pins_names_a_side(self) -> None:
        found = resources(three_slots(), "AWS::ElasticLoadBalancingV2::ListenerRule")
        groups = {
            name for name in resources(three_slots(), "AWS::ElasticLoadBalancingV2::TargetGroup") if "Side" in name
        }
        assert len(groups) == 3
        naming = {name: json.dumps(one["Properties"]["Actions"]) for name, one in found.items()}
        pins = {name for name, actions in naming.items() if any(group in actions for group in groups)}
        assert len(pins) == 3
        assert all("Pin" in name for name in pins)
        (choice,) = set(found) - pins
        assert "ChoiceGroup" in naming[choice]

    def test_no_rule_carries_a_weight(self) -> None:
        assert '"Weight"' not in json.dumps(three_slots().to_json())

    def test_no_service_says_how_many_tasks_or_which_revision(self) -> None:
        services = resources(three_slots(), "AWS::ECS::Service").values()
        assert sorted(one["Properties"]["TaskDefinition"] for one in services) == [
            "Serving-Web-a",
            "Serving-Web-b",
            "Serving-Web-c",
        ]
        assert all("DesiredCount" not in one["Properties"] for one in services)

    def test_no_scalable_target_is_in_the_template_for_its_bounds_follow_the_slot(self) -> None:
        three_slots().resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)

    def test_no_task_definition_is_in_the_family_of_a_side(self) -> None:
        families = {
            one["Properties"]["Family"] for one in resources(three_slots(), "AWS::ECS::TaskDefinition").values()
        }
        assert families == {f"Serving-Web-{slot}-settings" for slot in ("production", "blue", "green")}

    def test_the_role_parameter_is_told_and_not_templated(self) -> None:
        names = [one["Properties"]["Name"] for one in resources(three_slots(), "AWS::SSM::Parameter").values()]
        assert names == ["/bluegreen/targets/Serving/Web"]

    def test_the_template_is_the_same_whatever_was_swapped(self) -> None:
        """Nothing that a swap changes is an argument, so that two synths cannot differ by it."""
        once = json.dumps(plain().to_json())
        plain.cache_clear()
        assert json.dumps(plain().to_json()) == once

    def test_another_image_changes_nothing_that_runs(self) -> None:
        def made(image: str) -> dict[str, dict]:
            app = web_app(image=ecs.ContainerImage.from_registry(image))
            return template(application(app=app)).to_json()["Resources"]

        before, after = made("registry/inference:1.0.0"), made("registry/inference:2.0.0")
        changed = {one["Type"] for name, one in after.items() if before.get(name) != one}
        assert changed == {"AWS::ECS::TaskDefinition"}

    def test_a_slot_is_added_without_a_change_of_what_serves(self) -> None:
        before = plain().to_json()["Resources"]
        after = template(application(slots=[*two_slots(), Slot("qa")])).to_json()["Resources"]
        changed = {
            after[name]["Type"]
            for name, one in before.items()
            if one.get("Properties") != after[name].get("Properties")
        }
        # The rules get one more group that they may name, and are not moved; the function of choices one more name.
        assert changed == {
            "AWS::IAM::Role",
            "AWS::Lambda::Function",
            "AWS::SSM::Parameter",
            "Custom::SlotScaling",
            "Custom::SlotSides",
            "Custom::TrafficRule",
        }
        for name, one in before.items():
            if one["Type"] == "Custom::TrafficRule":
                own = {key for key in one["Properties"] if one["Properties"][key] != after[name]["Properties"][key]}
                assert own == {"Groups"}


class TestSlots:
    """A slot's settings, roles and logs."""

    def test_its_own_settings_come_before_the_applications(self) -> None:
        assert {one["Name"]: one["Value"] for one in container("blue")["Environment"]} == {
            "LOG": "info",
            "STAGE": "blue",
        }
        assert {one["Name"] for one in container("blue")["Secrets"]} == {"DB", "KEY"}

    def test_a_setting_may_be_plain_in_one_slot_and_secret_in_another(self) -> None:
        assert {"Name": "DB", "Value": "none"} in container("green")["Environment"]
        assert "Secrets" not in container("green")

    def test_a_replaced_revision_stays_for_the_engine_may_be_rendering_from_it(self) -> None:
        found = definition("blue")
        assert (found["UpdateReplacePolicy"], found["DeletionPolicy"]) == ("Retain", "Delete")

    def test_each_has_a_role_and_a_log_group_of_its_own(self) -> None:
        slots = ("production", "blue", "green")
        assert len({flat(definition(slot)["Properties"]["TaskRoleArn"]) for slot in slots}) == 3
        assert flat(definition("green")["Properties"]["TaskRoleArn"]).startswith("<GreenRole")
        logs = [container(slot)["LogConfiguration"]["Options"] for slot in slots]
        assert [one["awslogs-stream-prefix"] for one in logs] == list(slots)
        assert len({flat(one["awslogs-group"]) for one in logs}) == 3

    def test_every_task_may_look_which_side_is_active(self) -> None:
        arn = "parameter/bluegreen/slots/Serving/Web/active-side"
        for slot in ("production", "blue", "green"):
            role = definition(slot)["Properties"]["TaskRoleArn"]["Fn::GetAtt"][0]
            assert arn in statements_on_role(role)

    def test_a_secret_that_travels_is_read_by_every_slot_and_a_sticky_one_by_its_own(self) -> None:
        def readable(slot: str) -> set[str]:
            role = definition(slot)["Properties"]["ExecutionRoleArn"]["Fn::GetAtt"][0]
            return {name for name in ("prod-db", "blue-db", "key") if f"secret:{name}" in statements_on_role(role)}

        assert readable("production") == {"prod-db", "key"}
        assert readable("blue") == {"blue-db", "key"}
        assert readable("green") == {"key"}

    def test_a_task_of_the_plans_size_with_gpus_runs_on_instances(self) -> None:
        found = template(application(plan=Plan(cpu=4096, memory_mib=16000, gpus=1, capacity=Capacity.ec2("gpus"))))
        definitions = resources(found, "AWS::ECS::TaskDefinition").values()
        for one in definitions:
            (app,) = one["Properties"]["ContainerDefinitions"]
            assert app["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
        for service in resources(found, "AWS::ECS::Service").values():
            strategy = service["Properties"]["CapacityProviderStrategy"]
            assert strategy == [{"CapacityProvider": "gpus", "Weight": 1}]
            assert "LaunchType" not in service["Properties"]


class TestSides:
    """What carries the slots."""

    def test_all_services_are_alike(self) -> None:
        def common(service: dict) -> dict:
            own = ("TaskDefinition", "LoadBalancers")
            return {key: value for key, value in service["Properties"].items() if key not in own}

        first, *others = resources(three_slots(), "AWS::ECS::Service").values()
        assert all(common(one) == common(first) for one in others)
        assert common(first)["DeploymentConfiguration"] == {
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": False},
            "MaximumPercent": 200,
            "MinimumHealthyPercent": 100,
        }

    def test_a_service_waits_for_its_first_revision_its_pin_and_the_roles_policies(self) -> None:
        for name, service in resources(three_slots(), "AWS::ECS::Service").items():
            waits = service["DependsOn"]
            assert any(one.startswith("WebSides") for one in waits)
            assert any("Pin" in one and name[:8] == one[:8] for one in waits)
            assert sum("RoleDefaultPolicy" in one for one in waits) == 6

    def test_pins_need_a_value_that_nobody_can_guess(self) -> None:
        rules = resources(three_slots(), "AWS::ElasticLoadBalancingV2::ListenerRule").items()
        for name, one in rules:
            if "Pin" in name:
                (condition,) = one["Properties"]["Conditions"]
                assert condition["HttpHeaderConfig"]["HttpHeaderName"] == "x-slot-side"
                (value,) = condition["HttpHeaderConfig"]["Values"]
                assert "{{resolve:secretsmanager:" in flat(value)
                assert flat(value).endswith(f"}}}}-{name[7].lower()}")

    def test_the_first_revisions_are_registered_before_the_services_and_the_bounds_set_after(self) -> None:
        (sides,) = resources(three_slots(), "Custom::SlotSides").values()
        (scaling,) = resources(three_slots(), "Custom::SlotScaling").values()
        for one in (sides, scaling):
            assert one["Properties"]["ServiceToken"] == {"Fn::GetAtt": ["BlueGreenSlotsHandler", "Arn"]}
            assert one["Properties"]["ServiceTimeout"] == 300
        assert "Service" not in json.dumps(sides["Properties"]["Sides"])
        assert "SideAService" in json.dumps(scaling["Properties"]["Sides"])

    def test_the_handler_reads_what_the_construct_writes(self) -> None:
        def delivered(value: object) -> object:
            if isinstance(value, dict) and set(value) <= {"Ref", "Fn::GetAtt"}:
                return flat(value)
            if isinstance(value, dict):
                return {key: delivered(one) for key, one in value.items()}
            return [delivered(one) for one in value] if isinstance(value, list) else str(value)

        (sides,) = resources(three_slots(), "Custom::SlotSides").values()
        wanted = wanted_slots(delivered(sides["Properties"]))  # type: ignore[arg-type]
        assert wanted.initial_map == {"production": "a", "blue": "b", "green": "c"}
        assert wanted.target == settings().target
        own = of_slots()
        assert wanted.settings.sticky == own.sticky
        assert wanted.settings.container == own.container
        assert wanted.settings.role_parameter == own.role_parameter
        assert [one.family for one in wanted.settings.sides] == [one.family for one in own.sides]
        assert [one.definition for one in wanted.settings.slots] == [one.definition for one in own.slots]
        (scaling,) = resources(three_slots(), "Custom::SlotScaling").values()
        bounds = wanted_slots(delivered(scaling["Properties"])).settings  # type: ignore[arg-type]
        assert [(one.minimum, one.maximum) for one in bounds.slots] == [(3, 9), (1, 1), (1, 1)]
        assert [one.service for one in bounds.sides] == [one.service for one in own.sides]

    def test_each_side_scales_by_itself_once_its_bounds_are_registered(self) -> None:
        policies = resources(three_slots(), "AWS::ApplicationAutoScaling::ScalingPolicy").values()
        assert len(policies) == 6
        for one in policies:
            assert one["DependsOn"] == list(resources(three_slots(), "Custom::SlotScaling"))
            wanted = one["Properties"]["TargetTrackingScalingPolicyConfiguration"]
            assert "ScalingTargetId" not in one["Properties"]
            metric = wanted["PredefinedMetricSpecification"]
            assert wanted["TargetValue"] == (60 if metric["PredefinedMetricType"].startswith("ECS") else 500)
        assert resources(plain(), "AWS::ApplicationAutoScaling::ScalingPolicy") == {}

    def test_the_warm_up_reaches_the_tasks_and_nothing_else(self) -> None:
        (warm_up,) = (
            name
            for name, one in resources(three_slots(), "AWS::Lambda::Function").items()
            if one["Properties"]["Handler"] == "engine.handlers.warm_up.handler"
        )
        assert resources(three_slots(), "AWS::Lambda::Function")[warm_up]["Properties"]["Timeout"] == 110
        (group,) = (
            name
            for name, one in resources(three_slots(), "AWS::EC2::SecurityGroup").items()
            if one["Properties"]["GroupDescription"] == "the warm-up of slots"
        )
        egress = [
            one["Properties"]
            for one in resources(three_slots(), "AWS::EC2::SecurityGroupEgress").values()
            if one["Properties"]["GroupId"] == {"Fn::GetAtt": [group, "GroupId"]}
        ]
        (only,) = egress
        assert (only["FromPort"], only["ToPort"]) == (8080, 8080)
        ingress = resources(three_slots(), "AWS::EC2::SecurityGroupIngress").values()
        assert any(
            one["Properties"].get("SourceSecurityGroupId") == {"Fn::GetAtt": [group, "GroupId"]} for one in ingress
        )


class TestRoutes:
    """Which requests meet which slot."""

    def test_each_rule_may_name_every_side_and_begins_with_its_slots(self) -> None:
        sides = [flat(group) for group in rule("Production")["Groups"]]
        assert sides == [one.group_arn for one in of_slots().sides]
        for rule_id, number in (
            ("Production", 0),
            ("blueHost", 1),
            ("blueCookie", 1),
            ("blueHeader", 1),
            ("greenHost", 2),
        ):
            assert flat(rule(rule_id)["InitialGroup"]) == sides[number]

    def test_a_slots_host_is_like_azures_unless_it_says_another(self) -> None:
        def host(id: str) -> list[str]:
            (condition,) = rule(id)["Conditions"]
            return condition["HostHeaderConfig"]["Values"]

        assert host("Production") == ["www.example.com"]
        assert host("blueHost") == ["www-blue.example.com"]
        assert host("greenHost") == ["preview.example.com"]

    def test_a_client_chooses_by_cookie_or_header_on_productions_host(self) -> None:
        host, cookie = rule("blueCookie")["Conditions"]
        assert host["HostHeaderConfig"]["Values"] == ["www.example.com"]
        assert cookie["HttpHeaderConfig"] == {
            "HttpHeaderName": "cookie",
            "RegexValues": ["^(.*; ?)?x-slot-routing=blue(;.*)?$"],
        }
        _, header = rule("blueHeader")["Conditions"]
        assert header["HttpHeaderConfig"] == {"HttpHeaderName": "x-slot-routing", "Values": ["blue"]}

    def test_own_hosts_come_before_the_query_the_query_before_choices_choices_before_production(self) -> None:
        rules = resources(three_slots(), "AWS::ElasticLoadBalancingV2::ListenerRule")
        pins = [one["Properties"]["Priority"] for name, one in rules.items() if "Pin" in name]
        (query,) = [one["Properties"]["Priority"] for name, one in rules.items() if "Choice" in name]
        hosts = [rule(f"{slot}Host")["Priority"] for slot in ("blue", "green")]
        choices = [rule(f"{slot}{way}")["Priority"] for slot in ("blue", "green") for way in ("Cookie", "Header")]
        assert max(pins) < min(hosts) <= max(hosts) < query < min(choices)
        assert max(choices) < rule("Production")["Priority"] == 1000

    def test_without_a_host_production_takes_every_request_that_no_slot_takes(self) -> None:
        found = template(application(ingress=Ingress(plain_http=True), slots=two_slots(host="staging.example.com")))
        (everything,) = rule("Production", found)["Conditions"]
        assert everything["PathPatternConfig"]["Values"] == ["/*"]
        (cookie,) = rule("stagingCookie", found)["Conditions"]
        assert cookie["HttpHeaderConfig"]["HttpHeaderName"] == "cookie"

    def test_paths_hold_for_every_slot(self) -> None:
        found = template(application(ingress=Ingress(host="www.example.com", paths=("/v1/*",), plain_http=True)))
        for rule_id in ("Production", "stagingHost", "stagingCookie", "stagingHeader"):
            assert "/v1/*" in json.dumps(rule(rule_id, found)["Conditions"])

    def test_on_a_shared_listener_all_rules_are_before_the_given_priority(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=500, host="www.example.com")
        found = template(application(stack, ingress=ingress))
        given = [one["Properties"]["Priority"] for one in resources(found, "Custom::TrafficRule").values()]
        static = resources(found, "AWS::ElasticLoadBalancingV2::ListenerRule").values()
        assert max(given) == 500
        assert min([*given, *(one["Properties"]["Priority"] for one in static)]) == 460
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)

    def test_the_choice_is_a_function_that_the_load_balancer_of_this_account_may_ask(self) -> None:
        (choice,) = (
            one["Properties"]
            for one in resources(three_slots(), "AWS::Lambda::Function").values()
            if one["Properties"]["Handler"] == "engine.handlers.slot_choice.handler"
        )
        assert choice["Environment"]["Variables"] == {"BLUEGREEN_SLOTS": "production,blue,green"}
        (permission,) = (
            one["Properties"]
            for one in resources(three_slots(), "AWS::Lambda::Permission").values()
            if one["Properties"]["Principal"] == "elasticloadbalancing.amazonaws.com"
        )
        assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
        groups = resources(three_slots(), "AWS::ElasticLoadBalancingV2::TargetGroup")
        (group,) = [one for name, one in groups.items() if "ChoiceGroup" in name]
        assert group["Properties"]["TargetType"] == "lambda"
        assert group["DependsOn"]


class TestSettings:
    """What the engine reads from the parameter."""

    def test_the_slots_are_as_they_were_given(self) -> None:
        slots = of_slots().slots
        assert [(one.name, one.minimum, one.maximum, one.auto_swap) for one in slots] == [
            ("production", 3, 9, False),
            ("blue", 1, 1, True),
            ("green", 1, 1, False),
        ]
        assert slots[0].rule_arns == ()
        rules = {f"<{name}.RuleArn>" for name in resources(three_slots(), "Custom::TrafficRule")}
        following = [arn for slot in slots for arn in slot.rule_arns]
        assert {*following, settings().rule_arn} == rules
        assert len(set(following)) == 6

    def test_how_a_swap_goes(self) -> None:
        found = of_slots()
        assert found.sticky == ("STAGE", "DB")
        assert (found.host, found.scheme) == ("www.example.com", "http")
        assert found.warm_up.function_arn.startswith("<WebWarmUp")
        assert (found.warm_up.path, found.warm_up.least, found.warm_up.most) == ("/warm", 200, 204)
        assert (found.warm_up.in_a_row, found.warm_up.attempts) == (5, 2)
        assert found.warm_up.timeout == timedelta(seconds=30)
        assert (found.preview_ttl, found.is_preview_open) == (timedelta(hours=2), True)
        assert found.canary == Step(5, timedelta(minutes=10))
        assert found.activation_arn.startswith("<Activation")
        assert found.role_parameter == "/bluegreen/slots/Serving/Web/active-side"
        assert found.stack == "<AWS::StackId>"
        assert settings().bake == timedelta(minutes=20)

    def test_warm_up_asks_the_health_path_unless_it_is_told_another(self) -> None:
        found = settings_in(plain()).slots
        assert found is not None
        assert found.warm_up.path == "/ready"
        assert found.canary is None

    def test_blue_and_green_are_the_first_two_sides_whatever_slots_are_called(self) -> None:
        found = settings()
        assert found.controller == "slots"
        assert (found.blue.group_arn, found.green.group_arn) == tuple(one.group_arn for one in of_slots().sides[:2])
        assert found.blue.compute is Compute.ECS
        assert found.blue.scalable
        assert (found.blue.service, found.blue.container) == (of_slots().sides[0].service, "app")

    def test_built_in_alarms_watch_both_sides_of_two_slots(self) -> None:
        found = template(application(guardrails=[AlarmThresholds()]))
        assert len(settings_in(found).guardrails) == 3

    def test_the_settings_of_as_many_slots_as_there_may_be_fit_into_a_parameter(self) -> None:
        found = template(application(slots=[Slot("production"), *(Slot(f"s{number}") for number in range(5))]))
        assert len(json.dumps(parameter(found))) < 8192

    def test_the_engine_may_act_on_what_it_has_to_and_pass_only_the_slots_roles(self) -> None:
        tick = resources(three_slots(), "AWS::IAM::Role")
        (role,) = [one for name, one in tick.items() if "EngineTick" in name]
        text = json.dumps(role["Properties"]["Policies"])
        for one in of_slots().sides:
            assert one.service.strip("<>").partition(".")[0] in text
        for slot in of_slots().slots:
            for arn in slot.rule_arns:
                assert arn.strip("<>").partition(".")[0] in text
        for what in ("ecs:DeregisterTaskDefinition", "ssm:PutParameter", "task-definition/Serving-Web-a:*"):
            assert what in text
        assert "GreenRole" in text

    def test_a_slot_setting_is_read_back_as_it_was_written(self) -> None:
        assert isinstance(of_slots().slot("blue"), SlotSettings)


class TestFace:
    """What users of the construct see."""

    def test_urls_are_outputs_and_attributes(self) -> None:
        made = application()
        assert made.url == "http://www.example.com"
        assert made.slot_url("staging") == "http://www-staging.example.com"
        values = [one["Value"] for one in template(made).find_outputs("*").values()]
        assert {"Serving/Web", "http://www.example.com", "http://www-staging.example.com"} <= {
            one for one in values if isinstance(one, str)
        }

    def test_a_slots_role_can_be_granted_more(self) -> None:
        stack = new_stack()
        made = application(stack)
        secret(stack, "more").grant_read(made.task_role("staging"))
        assert "secret:more" in json.dumps(template(made).to_json())

    def test_the_handlers_rights_are_on_records_families_and_the_parameter(self) -> None:
        roles = resources(three_slots(), "AWS::IAM::Role")
        (role,) = [one for name, one in roles.items() if name.startswith("BlueGreenSlotsRole")]
        (policy,) = role["Properties"]["Policies"]
        by_sid = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
        assert by_sid["OnTable"]["Condition"]["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["slots#*"]}
        assert len(by_sid["OnTaskDefinition"]["Resource"]) == 3
        assert by_sid["OnTaskRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        actions = {action for one in by_sid.values() for action in one["Action"]}
        assert "ecs:UpdateService" not in actions
        assert "elasticloadbalancing:ModifyRule" not in actions

    def test_two_applications_of_a_stack_share_one_function(self) -> None:
        stack = new_stack()
        application(stack)
        other = application(stack, "Other", cluster=cluster_in(stack), ingress=_other_host())
        found = template(other)
        handlers = [one["Properties"]["Handler"] for one in resources(found, "AWS::Lambda::Function").values()]
        assert handlers.count("engine.handlers.slots_resource.handler") == 1
        found.resource_count_is("Custom::SlotSides", 2)

    def test_a_cluster_in_a_stage_with_a_stack_of_another_name_keeps_families_apart(self) -> None:
        stack = cdk.Stack(cdk.Stage(cdk.App(), "Prod"), "Serving", stack_name="serving-prod")
        made = application(stack)
        assert made.target == "serving-prod/Web"


def _other_host() -> Ingress:
    return Ingress(host="other.example.com", plain_http=True)


@pytest.mark.parametrize("name", ["blue", "green"])
def test_slots_may_be_called_blue_or_green(name: str) -> None:
    assert Slot(name).name == name
