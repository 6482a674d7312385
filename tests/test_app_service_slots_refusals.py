"""What AppServiceSlots refuses at synth: each sentence says what was given, what is allowed, and what to change."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    AppServiceSlots,
    Capacity,
    ErrorComparison,
    Ingress,
    LatencyComparison,
    MetricComparison,
    Plan,
    Preview,
    ServiceRules,
    Slot,
    Step,
    WarmUp,
    WebApp,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.swap.rendering import OWN_NAMES
from bluegreen_constructs.slot_checks import is_pinned
from tests.blue_green_service import rules_of, shared_listener
from tests.canary_service import new_stack
from tests.slots_application import INGRESS, application, cluster_in, pinned, secret, two_slots, web_app


def refused(said: str, stack: cdk.Stack | None = None, **options: object) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        application(stack, **options)
    assert not str(caught.value).endswith(".")


class TestPlan:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"cpu": 300}, "Plan cpu is 300: Fargate has 256, 512"),
            ({"cpu": 256, "memory_mib": 4096}, "Plan memory_mib is 4096 with cpu 256: Fargate allows 512, 1024, 2048"),
            ({"gpus": 1}, "Plan gpus is 1: Fargate has no GPUs, give capacity=Capacity.ec2"),
            ({"gpus": 1, "capacity": Capacity.spot(50)}, "Fargate has no GPUs"),
            ({"gpus": -1}, "Plan gpus is -1: give 0 or more"),
            ({"tasks": 0}, "Plan tasks is 0: give 1 or more"),
            ({"cpu_percent": 0}, "Plan cpu_percent is 0: give more than 0"),
            ({"cpu_percent": 101}, "at most 100"),
            ({"requests_per_target": 0}, "Plan requests_per_target is 0: give 1 or more"),
        ],
    )
    def test_a_plan_that_no_task_could_run_on(self, options: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Plan(**options)

    def test_any_size_is_good_on_instances(self) -> None:
        assert Plan(cpu=300, memory_mib=700, gpus=4, capacity=Capacity.ec2("gpus")).placed.on_ec2


class TestWebApp:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"port": 0}, "port is 0"),
            ({"name": "my app"}, "WebApp name is 'my app'"),
            ({"name": ""}, "WebApp name is ''"),
            ({"stop_timeout": timedelta(seconds=121)}, "at most 120 s"),
        ],
    )
    def test_an_application_that_ecs_would_refuse(self, options: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            web_app(**options)

    def test_a_setting_that_is_plain_and_secret(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="names KEY in both environment and secrets"):
            web_app(environment={"KEY": "1"}, secrets={"KEY": pinned(stack, "key")})


class TestSlot:
    @pytest.mark.parametrize(
        "name",
        ["", "Staging", "1st", "-a", "a-", "a--b", "a_b", "a.b", "a b", "x" * 20, "production\n", "stäging", "a/b"],
    )
    def test_a_name_that_no_host_or_cookie_could_have(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match="give lower-case letters, digits and single hyphens, up to 19"):
            Slot(name)

    def test_the_name_by_which_clients_choose_production(self) -> None:
        with pytest.raises(ConfigurationError, match="by which clients choose production: give another name"):
            Slot("self")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"name": "production", "auto_swap": True}, "production has auto_swap, and swaps with nobody"),
            ({"name": "qa", "tasks": 0}, "slot qa has tasks 0: give 1 or more"),
            ({"name": "qa", "tasks": 3, "max_tasks": 2}, "slot qa has max_tasks 2: give at least its tasks, 3"),
        ],
    )
    def test_what_no_slot_can_be(self, options: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Slot(**options)

    def test_a_setting_that_is_plain_and_secret(self) -> None:
        with pytest.raises(ConfigurationError, match="slot qa names KEY in both environment and secrets"):
            Slot("qa", environment={"KEY": "1"}, secrets={"KEY": pinned(new_stack(), "key")})


class TestOptions:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: WarmUp("ready"), "WarmUp path is 'ready': start it with /"),
            (lambda: WarmUp("/a b"), "escape spaces"),
            (lambda: WarmUp(statuses=(200, 399)), "a redirect or an error is no warm answer"),
            (lambda: WarmUp(statuses=(299, 200)), "give the first and the last"),
            (lambda: WarmUp(statuses=(200,)), "give the first and the last"),  # type: ignore[arg-type]
            (lambda: WarmUp(in_a_row=0), "WarmUp in_a_row is 0: give 1 to 100"),
            (lambda: WarmUp(attempts=0), "WarmUp attempts is 0: give 1 to 100"),
            (
                lambda: WarmUp(timeout=timedelta(seconds=91)),
                "give 1 s to 90 s for one attempt, and attempts= for longer",
            ),
            (lambda: WarmUp(timeout=timedelta()), "WarmUp timeout is 0 s"),
            (lambda: Preview(ttl=timedelta()), "Preview ttl is 0 s: give 1 min to 7 days"),
            (lambda: Preview(ttl=timedelta(days=8)), "Preview ttl is 192 h"),
        ],
    )
    def test_a_wait_that_would_not_wait_or_not_end(self, make: Callable[[], object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()


class TestSlotsTogether:
    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ([], "has the slots none: give Slot.'production'. first"),
            (["staging"], "has the slots staging: give Slot.'production'. first"),
            (["staging", "production"], "give Slot.'production'. first"),
            (["production"], "has 1 slots: give production and 1 to 5 more"),
            (["production", *"bcdefg"], "has 7 slots"),
            (["production", "qa", "qa"], "has the slot qa twice"),
            (["production", "production"], "has the slot production twice"),
        ],
    )
    def test_production_first_and_once_and_each_by_its_own_name(self, names: list[str], said: str) -> None:
        refused(said, slots=[Slot(name) for name in names])

    def test_what_is_no_slot(self) -> None:
        refused("give Slot.…. for each", slots=["production", "staging"])

    @pytest.mark.parametrize(
        ("slots", "ingress", "said"),
        [
            (two_slots(), Ingress(plain_http=True), "slot staging without a host, and production's is not given"),
            (two_slots(), Ingress(host="*.example.com", plain_http=True), r"production's is \*.example.com"),
            (two_slots(host="www.example.com"), INGRESS, "slot staging at www.example.com, where production is"),
            (two_slots(host="WWW.example.com"), INGRESS, "where production is"),
            (two_slots(host="*.example.com"), INGRESS, "give one name, no wildcard"),
            (two_slots(host="https://x.example.com"), INGRESS, "give a name without scheme"),
            (
                [*two_slots(host="x.example.com"), Slot("qa", host="x.example.com")],
                INGRESS,
                "slot qa at x.example.com, where staging is",
            ),
            (
                [*two_slots(host="www-qa.example.com"), Slot("qa")],
                INGRESS,
                "slot qa at www-qa.example.com, where staging",
            ),
            (
                [Slot("production", host="x.example.com"), Slot("staging")],
                INGRESS,
                "a host for production, x.example.com: give it to the ingress",
            ),
        ],
    )
    def test_hosts_that_two_slots_would_answer_or_none(self, slots: list[Slot], ingress: Ingress, said: str) -> None:
        refused(said, slots=slots, ingress=ingress)

    @pytest.mark.parametrize(
        ("plan", "slots", "said"),
        [
            (Plan(), two_slots(max_tasks=4), "2 to 4 tasks, but nothing says when: give the plan"),
            (Plan(tasks=5, cpu_percent=60), two_slots(max_tasks=4), "max_tasks 4, below the plan's tasks 5"),
            (Plan(cpu_percent=60), two_slots(), "no slot says how many: give a slot max_tasks"),
        ],
    )
    def test_numbers_of_tasks_that_could_not_be(self, plan: Plan, slots: list[Slot], said: str) -> None:
        refused(said, plan=plan, slots=slots)


class TestSettings:
    def test_a_sticky_name_that_a_slot_does_not_set_itself(self) -> None:
        slots = [Slot("production", environment={"DB": "1"}), Slot("staging")]
        refused("sticky DB and slot staging does not set it: give it a value there", slots=slots, sticky=["DB"])

    def test_a_sticky_name_that_only_the_application_sets(self) -> None:
        slots = [Slot("production", environment={"DB": "1"}), Slot("staging")]
        refused("slot staging does not set it", slots=slots, sticky=["DB"], app=web_app(environment={"DB": "0"}))

    def test_sticky_names_in_one_text(self) -> None:
        refused("give a list of names", sticky="DB")

    @pytest.mark.parametrize("name", OWN_NAMES)
    def test_what_only_the_engine_says(self, name: str) -> None:
        refused(f"names {name} in the app: the engine sets it", app=web_app(environment={name: "1"}))
        refused(f"names {name} in slot staging", slots=two_slots(environment={name: "1"}))
        both = [Slot("production", environment={name: "1"}), Slot("staging", environment={name: "2"})]
        refused(f"names {name} in sticky", slots=both, sticky=[name])

    def test_a_setting_that_differs_and_is_not_sticky_is_the_releases_own(self) -> None:
        slots = [Slot("production", environment={"MODEL": "1"}), Slot("staging", environment={"MODEL": "2"})]
        assert application(slots=slots).target == "Serving/Web"

    def test_a_secret_without_a_version_with_the_remedy(self) -> None:
        stack = new_stack()
        moving = ecs.Secret.from_secrets_manager(secret(stack, "db"))
        for options in ({"slots": two_slots(secrets={"DB": moving})}, {"app": web_app(secrets={"DB": moving})}):
            refused(
                "two tasks of one release could read two values: give ecs.Secret.from_secrets_manager_version",
                stack,
                id=f"Web{len(stack.node.children)}",
                **options,
            )

    def test_secrets_that_are_not_of_secrets_manager_or_at_a_stage_move_too(self) -> None:
        stack = new_stack()
        parameter = ssm.StringParameter.from_secure_string_parameter_attributes(stack, "P", parameter_name="/db")
        stage = ecs.Secret.from_secrets_manager_version(
            secret(stack, "db"), ecs.SecretVersionInfo(version_stage="AWSCURRENT")
        )
        for moving in (
            ecs.Secret.from_ssm_parameter(parameter),
            stage,
            ecs.Secret.from_secrets_manager(secret(stack, "db"), "password"),
        ):
            assert not is_pinned(moving.arn)

    def test_secrets_of_this_app_of_another_and_of_one_field_are_pinned_alike(self) -> None:
        stack = new_stack()
        version = ecs.SecretVersionInfo(version_id="v1")
        made = secretsmanager.Secret(stack, "Made")
        named = secretsmanager.Secret.from_secret_name_v2(stack, "Named", "db")
        for one in (made, named, secret(stack, "db")):
            assert is_pinned(ecs.Secret.from_secrets_manager_version(one, version).arn)
            assert is_pinned(ecs.Secret.from_secrets_manager_version(one, version, "password").arn)


class TestPlace:
    def test_a_priority_without_room_for_the_rules_before_it(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=40, host="www.example.com")
        refused("take the 40 priorities before it: give 41 or more", stack, ingress=ingress)

    def test_a_priority_that_another_application_has(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        application(stack, ingress=Ingress(listener=listener, priority=100, host="one.example.com"))
        other = Ingress(listener=listener, priority=100, host="two.example.com")
        with pytest.raises(ConfigurationError, match="has on the same listener"):
            application(stack, "Other", ingress=other)

    def test_rules_of_two_sides(self) -> None:
        stack = new_stack()
        rules = ServiceRules(*rules_of(stack))
        refused("slots have rules of their own: give a listener and a priority", stack, ingress=Ingress(rules=rules))

    def test_a_listener_that_authenticates(self) -> None:
        stack = new_stack()
        balancer = elbv2.ApplicationLoadBalancer(stack, "Alb", vpc=cluster_in(stack).vpc)
        listener = balancer.add_listener(
            "Https",
            port=443,
            certificates=[elbv2.ListenerCertificate.from_arn("arn:aws:acm:eu-west-1:123456789012:certificate/1")],
            default_action=elbv2.ListenerAction.authenticate_oidc(
                authorization_endpoint="https://id.example.com/a",
                client_id="id",
                client_secret=cdk.SecretValue.unsafe_plain_text("secret"),
                issuer="https://id.example.com",
                token_endpoint="https://id.example.com/t",
                user_info_endpoint="https://id.example.com/u",
                next=elbv2.ListenerAction.fixed_response(404),
            ),
        )
        ingress = Ingress(listener=listener, priority=100, host="www.example.com")
        refused("on a listener that authenticates users by default", stack, ingress=ingress)

    def test_two_applications_whose_families_would_be_one(self) -> None:
        stack = new_stack()
        application(stack, "Web-One")
        inner = cdk.Stack.of(application(stack, "Web", ingress=Ingress(host="b.example.com", plain_http=True)))
        scope = inner.node.find_child("Web")
        with pytest.raises(
            ConfigurationError, match="family Serving-Web-One-production-settings, as Serving/Web-One has"
        ):
            AppServiceSlots(
                scope,  # type: ignore[arg-type]
                "One",
                cluster=cluster_in(stack),
                plan=Plan(),
                app=web_app(),
                slots=two_slots(),
                ingress=Ingress(host="c.example.com", plain_http=True),
            )

    def test_a_family_longer_than_ecs_takes(self) -> None:
        refused("and ECS takes 255: use shorter construct ids", id="W" * 230)

    def test_a_place_too_deep_for_a_parameters_name(self) -> None:
        stack = new_stack()
        scope: Construct = stack
        for _ in range(11):
            scope = Construct(scope, "N")
        with pytest.raises(ConfigurationError, match="13 levels deep, and its parameter's name takes 12"):
            AppServiceSlots(
                scope, "Web", cluster=cluster_in(stack), plan=Plan(), app=web_app(), slots=two_slots(), ingress=INGRESS
            )


class TestJudges:
    def test_built_in_alarms_over_more_than_two_sides(self) -> None:
        slots = [*two_slots(), Slot("qa")]
        refused(
            "3 slots and AlarmThresholds, whose alarms watch two sides", slots=slots, guardrails=[AlarmThresholds()]
        )

    @pytest.mark.parametrize("guardrail", [ErrorComparison(), LatencyComparison(slo=timedelta(seconds=1))])
    def test_a_comparison_that_would_never_have_two_sides_to_compare(self, guardrail: ErrorComparison) -> None:
        refused(f"has {type(guardrail).__name__} and no canary, so that both sides never serve", guardrails=[guardrail])
        application(guardrails=[guardrail], canary=Step(10, timedelta(minutes=5)))

    def test_counts_that_are_published_by_sides_of_other_names(self) -> None:
        own = MetricComparison(namespace="Own", bad="Bad", total="All")
        refused(
            "MetricComparison, whose metrics are published by side blue and green",
            guardrails=[own],
            canary=Step(10, timedelta(minutes=5)),
        )

    def test_a_canary_of_everybody(self) -> None:
        refused("a canary of 100 percent: give less than 100", canary=Step(100, timedelta(minutes=5)))

    def test_a_slot_that_is_not_there(self) -> None:
        made = application()
        with pytest.raises(ConfigurationError, match="there is no slot 'qa': give one of production, staging"):
            made.task_role("qa")
        with pytest.raises(ConfigurationError, match="there is no slot 'qa'"):
            made.slot_url("qa")


def test_a_web_app_of_any_image_is_one() -> None:
    assert WebApp(ecs.ContainerImage.from_registry("nginx"), 80).name == "app"
