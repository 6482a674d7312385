"""AppServiceSlots: Azure App Service deployment slots on Amazon ECS; a swap is one write of one listener rule."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .account_arns import arn_here
from .canary_guardrails import asked_of_the_engine
from .engine.aws.resource_kinds import Kind
from .engine.guardrails import Guardrail
from .engine.slot_settings import PRODUCTION, SlotSettings, SlotsSettings
from .engine.spans import Span, as_timedelta
from .engine.strategy import Step
from .engine.target_settings import TargetSettings
from .guardrail_alarms import AlarmThresholds, SideMetrics
from .ingress import Ingress
from .rollout_engine import RolloutEngine
from .service_network import task_security_group, tcp
from .service_plan import Plan
from .slot import Slot
from .slot_checks import refuse_guardrails, refuse_ingress, refuse_names, refuse_settings, refuse_slots, refuse_tasks
from .slot_definitions import SlotDefinitions
from .slot_routes import SlotRoutes
from .slot_sides import SIDE_NAMES, ServiceTerms, SlotSideResources, family_arns, side_resources
from .slot_warm_up import warm_up_settings
from .slots_handler import SlotsHandler
from .subnet_choice import network_of
from .swap_options import Preview, WarmUp
from .target_name import target_name
from .web_app import WebApp

DEFAULT_BAKE = timedelta(minutes=15)


class AppServiceSlots(Construct):
    """An application with deployment slots, as Azure App Service has them, on one load balancer and one ECS cluster.

    Each slot has its own host name and settings. `bluegreen slots deploy STACK/ID staging --release 1.4.2` puts a
    release onto a slot; `bluegreen slots swap STACK/ID staging` gives it production's settings, warms it, and then
    exchanges both by one write of one rule; the former production stays as it was until the bake is over, so that
    going back is one write as well. Settings named `sticky` stay with their slot, all others travel with the release.

    No stack update moves traffic or deploys anything: the template knows neither which side serves a slot, nor what a
    side runs, nor how many tasks. `app.image` counts once, when a side is made.

    cluster: where the tasks run. plan: their size, their number and what they are placed on.
    app: the application. slots: production first, then the others, such as `Slot("staging")`.
    ingress: how requests reach it: a load balancer of its own, or a listener and a priority; the rules of slots take
        the 40 priorities before that one. `grace` is how long a new task may fail its health check.
    sticky: the settings, by name, that stay with their slot; every slot has to set each of them.
    bake: how long going back stays one call after a swap (default 15 minutes); then the slot gets its own settings
        back.
    warm_up: what a candidate's tasks are asked before (default: `WarmUp(path=ingress.health_path)`).
    guardrails: what must stay true in the canary and in the bake (default: nothing): an `AbsoluteFloor`, an
        `AlarmGuardrail`, with two slots also `AlarmThresholds`; and with a canary, in it alone, comparisons with live.
    canary: a share of the traffic for some time before the flip (default: the flip comes at once). It goes on only when
        every guardrail says HEALTHY; what is not shown to be within 30 minutes more goes back.
    preview: what holds while a swap with preview waits (default: `Preview()`).
    activation: a function that is told which side is active now, such as one that moves queue consumers (default:
        none).

    Clients choose a slot by `?x-slot-routing=staging` on production's host, which sets a cookie, or by the header of
    that name; `?x-slot-routing=self` brings them back to production.

    Raises ConfigurationError at synth for what ECS, ELB or a swap would fail at later.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        plan: Plan,
        app: WebApp,
        slots: Sequence[Slot],
        ingress: Ingress,
        sticky: Sequence[str] = (),
        bake: Span = DEFAULT_BAKE,
        warm_up: WarmUp | None = None,
        guardrails: Sequence[Guardrail | AlarmThresholds] = (),
        canary: Step | None = None,
        preview: Preview | None = None,
        activation: lambda_.IFunction | None = None,
    ) -> None:
        """Make the slots and the sides behind them, and let the stack's engine run their operations."""
        super().__init__(scope, id)
        self.target = target_name(self)
        path = self.node.path
        refuse_slots(path, slots)
        refuse_settings(path, app, slots, sticky)
        refuse_tasks(path, plan, slots)
        refuse_ingress(path, ingress, canary)
        refuse_guardrails(path, guardrails, len(slots), has_canary=canary is not None)
        baked = as_timedelta(bake, "bake")
        self._slots, self._sticky, self._plan, self._app = tuple(slots), tuple(sticky), plan, app
        self._cluster = cluster
        self._parameter = f"/bluegreen/slots/{self.target}/active-side"
        self.engine = RolloutEngine.of(self)
        self._network = network_of(cluster.vpc, plan.subnets)
        self._routes = SlotRoutes(self, "Routes", vpc=cluster.vpc, ingress=ingress, slots=self._slots)
        self.load_balancer, self.listener = self._routes.load_balancer, self._routes.listener
        self.security_group: ec2.ISecurityGroup = task_security_group(
            self, vpc=cluster.vpc, port=app.port, listener=self.listener
        )
        self.connections = ec2.Connections(security_groups=[self.security_group], default_port=tcp(app.port))
        self._make_definitions()
        self._make_sides(ingress)
        live = self._routes.make_rules(self._sides)
        self.live_rule_arn = live.reference.to_string()
        self._routes.offer_choice()
        warming = warm_up_settings(
            self,
            warm_up or WarmUp(path=ingress.health_path),
            vpc=cluster.vpc,
            subnet_ids=self._network.subnet_ids,
            tasks=self.security_group,
            port=app.port,
        )
        preview = preview or Preview()
        engine_slots = SlotsSettings(
            cluster=cluster.cluster_name,
            container=app.name,
            sides=tuple(side.settings for side in self._sides),
            slots=tuple(self._slot_settings(slot) for slot in self._slots),
            sticky=self._sticky,
            host=ingress.host or "",
            scheme=self._routes.address.scheme,
            stack=cdk.Stack.of(self).stack_id,
            role_parameter=self._parameter,
            warm_up=warming,
            preview_ttl=preview.span,
            is_preview_open=preview.open,
            canary=canary,
            activation_arn="" if activation is None else activation.function_arn,
        )
        settings = self._settings(engine_slots, guardrails, baked, ingress.grace_seconds)
        functions = [warming.function_arn, *([] if activation is None else [activation.function_arn])]
        self.engine.run(self, settings, self._acted_on(functions))
        self._outputs()

    @property
    def url(self) -> str | None:
        """Where users reach production: its host, else the load balancer's own name; None when neither is known."""
        return self._routes.url(PRODUCTION)

    def slot_url(self, slot: str) -> str | None:
        """Where a slot is reached by its own host. Raises ConfigurationError for a slot that is not there."""
        self._definitions.of(slot)
        return self._routes.url(slot)

    def task_role(self, slot: str) -> iam.IRole:
        """What a slot's tasks may do, to grant it more. Raises ConfigurationError for a slot that is not there."""
        return self._definitions.of(slot).task_role

    def _settings(
        self,
        slots: SlotsSettings,
        guardrails: Sequence[Guardrail | AlarmThresholds],
        bake: timedelta,
        grace_seconds: int,
    ) -> TargetSettings:
        """What the engine runs operations with; built-in alarms are made on the way, over the first two sides."""
        routes, cluster = self._routes, self._cluster.cluster_name
        load_balancer = routes.address.load_balancer_full_name
        blue, green = (side.as_side(cluster, self._app.name) for side in self._sides[:2])
        metrics = SideMetrics(
            load_balancer=load_balancer,
            blue=self._sides[0].metric_name,
            green=self._sides[1].metric_name,
            shares_load_balancer=routes.shares_load_balancer,
        )
        return TargetSettings(
            target=self.target,
            rule_arn=self.live_rule_arn,
            load_balancer=load_balancer,
            blue=blue,
            green=green,
            guardrails=asked_of_the_engine(self, guardrails, metrics, target=self.target, grace_seconds=grace_seconds),
            bake=bake,
            shares_load_balancer=routes.shares_load_balancer,
            controller="slots",
            slots=slots,
        )

    def _make_definitions(self) -> None:
        prefix = self.target.replace("/", "-").replace(".", "-")
        families = {slot.name: f"{prefix}-{slot.name}-settings" for slot in self._slots}
        self._side_families = [f"{prefix}-{name}" for name in SIDE_NAMES[: len(self._slots)]]
        refuse_names(self, self.target, [*families.values(), *self._side_families])
        self._homes = {slot.name: Construct(self, f"Slot-{slot.name}") for slot in self._slots}
        self._definitions = SlotDefinitions(
            self._homes,
            app=self._app,
            plan=self._plan,
            slots=self._slots,
            sticky=self._sticky,
            families=families,
            role_parameter=self._parameter,
        )

    def _make_sides(self, ingress: Ingress) -> None:
        """Groups and pins, then what registers the first revisions, then the services, then their bounds."""
        self._sides = [
            SlotSideResources(self, name, family=family, vpc_id=self._cluster.vpc.vpc_id, ingress=ingress)
            for name, family in zip(SIDE_NAMES, self._side_families, strict=False)
        ]
        pins = self._routes.pin(self._sides)
        handler = SlotsHandler.of(self)
        handler.look_after(
            revisions=[family_arns(family) for family in self._side_families],
            roles=self._definitions.resources["task role"],
            parameter=self._parameter_arn,
        )
        first = handler.custom_resource(
            self,
            "Sides",
            type="Custom::SlotSides",
            properties={
                "Target": self.target,
                "Container": self._app.name,
                "Sticky": list(self._sticky),
                "RoleParameter": self._parameter,
                "Sides": [{"Name": side.name, "Family": side.family} for side in self._sides],
                "Slots": [
                    {"Name": slot.name, "Definition": self._definitions.of(slot.name).task_definition_arn}
                    for slot in self._slots
                ],
            },
        )
        # Its revisions name the roles, whose policies have to be there before the first task.
        waits_for = [first, *self._definitions.roles, *([] if self._plan.capacity is None else [self._cluster])]
        for side, pinned in zip(self._sides, pins, strict=True):
            side.make_service(
                ServiceTerms(
                    cluster=self._cluster,
                    network=self._network,
                    security_group_id=self.security_group.security_group_id,
                    plan=self._plan,
                    app=self._app,
                    grace_seconds=ingress.grace_seconds,
                    waits_for=[*waits_for, pinned],
                )
            )
        bounds = handler.custom_resource(self, "Scaling", type="Custom::SlotScaling", properties=self._bounds())
        for side in self._sides:
            side.scale(
                self._plan,
                cluster_name=self._cluster.cluster_name,
                load_balancer=self._routes.address.load_balancer_full_name,
                bounds=bounds,
            )

    def _bounds(self) -> Mapping[str, object]:
        return {
            "Target": self.target,
            "Cluster": self._cluster.cluster_name,
            "Sides": [{"Name": side.name, "Service": side.service.attr_name} for side in self._sides],
            "Slots": [
                {"Name": slot.name, "Minimum": least, "Maximum": most}
                for slot in self._slots
                for least, most in [self._tasks(slot)]
            ],
        }

    def _tasks(self, slot: Slot) -> tuple[int, int]:
        least = slot.tasks or self._plan.tasks
        return least, slot.max_tasks or least

    def _slot_settings(self, slot: Slot) -> SlotSettings:
        rules, (least, most) = self._routes.rules_of(slot.name), self._tasks(slot)
        return SlotSettings(
            name=slot.name,
            definition=self._definitions.of(slot.name).task_definition_arn,
            host_rule_arn=rules.host,
            choice_rule_arns=rules.choices,
            minimum=least,
            maximum=most,
            auto_swap=slot.auto_swap,
        )

    @property
    def _parameter_arn(self) -> str:
        return arn_here("ssm", f"parameter{self._parameter}")

    def _acted_on(self, functions: Sequence[str]) -> Mapping[Kind, Sequence[str]]:
        return {
            **side_resources(self._sides),
            **self._definitions.resources,
            "hook function": functions,
            "slot parameter": [self._parameter_arn],
            "stack": [cdk.Stack.of(self).stack_id],
        }

    def _outputs(self) -> None:
        cdk.CfnOutput(self, "Target", value=self.target, description="the name for the bluegreen command")
        what = "the live rule, for bluegreen abort --rule when Parameter Store does not answer: keep it outside AWS"
        cdk.CfnOutput(self, "LiveRule", value=self.live_rule_arn, description=what)
        if self._routes.address.dns_name is not None:
            what = "the load balancer's own name"
            cdk.CfnOutput(self, "DnsName", value=self._routes.address.dns_name, description=what)
        if self.url is not None:
            cdk.CfnOutput(self, "Url", value=self.url, description="where users reach production")
        for slot, home in self._homes.items():
            url = self._routes.url(slot)
            if slot != PRODUCTION and url is not None:
                cdk.CfnOutput(home, "Url", value=url, description=f"where slot {slot} is reached")
