"""A world with one target in it: a rule, two sides of any compute, traffic, a table, and the settings in place."""

import json
from collections.abc import Mapping
from dataclasses import replace

from bluegreen_constructs.engine.settings_codec import settings_to_dict
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import PARAMETER_PREFIX, Compute, Side, SideSettings, TargetSettings
from bluegreen_constructs.engine.warm_pool import WarmPool

from .elbv2 import Group
from .fleets import Fleet
from .step_functions import STATE_MACHINE_ARN
from .traffic import ApplicationMetric, Traffic
from .world import SimulatedAws

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
TABLE = "engine"
FIRST_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/model:1"
FIRST_VERSION = "1"
CLUSTER = "serving"
CONTAINER = "app"

SIDES: tuple[Side, Side] = ("blue", "green")


class OneTarget:
    """A target whose blue side is live, with `count` targets of release 1; green is empty (FIXED, LAMBDA: idle).

    In one world there can be several, each with its own `name`. `settings` is what lies in Parameter Store; change it
    with `configure`. The test rule leads to green, as its construct makes it.
    minimum: the lower bound that scaling keeps (None: nothing scales the sides). start_seconds, capacity,
    scale_in_seconds: see Fleet. has_test_rule: without it, a side that the live rule leaves out is in no use at all.
    named, warm_pool: see SideSettings; the pools of both sides hold release 1 at first.
    """

    def __init__(
        self,
        world: SimulatedAws,
        *,
        name: str = "Serving/Model",
        compute: Compute = Compute.ECS,
        count: int = 4,
        minimum: int | None = 2,
        rate: float = 50.0,
        steps: tuple[Step, ...] = (),
        sticky: int | None = None,
        start_seconds: float = 40.0,
        capacity: int | None = None,
        scale_in_seconds: float | None = None,
        has_test_rule: bool = True,
        reports_zeros: bool = False,
        application: ApplicationMetric | None = None,
        named: bool = False,
        warm_pool: WarmPool | None = None,
    ) -> None:
        self.world = world
        self.name = name
        self.needs = count
        self._key = name.replace("/", "-").lower()
        self._named, self._warm_pool = named, warm_pool
        self._scales = minimum is not None and compute is Compute.ECS
        is_scaled = compute in {Compute.ECS, Compute.AUTO_SCALING}
        self.groups: dict[Side, Group] = {}
        for side in SIDES:
            fleet = Fleet(
                world,
                f"{self._key}-{side}",
                release=FIRST_IMAGE if compute is Compute.ECS else FIRST_VERSION,
                desired=count if side == "blue" or not is_scaled else 0,
                minimum=(minimum if side == "blue" else 0) if minimum is not None and is_scaled else None,
                replaces=compute is not Compute.AUTO_SCALING,
                start_seconds=start_seconds,
                capacity=capacity if side == "green" else None,
                scale_in_seconds=scale_in_seconds if is_scaled else None,
            )
            is_checked = compute is not Compute.LAMBDA
            self.groups[side] = world.elbv2.add_group(self._group_arn(side), fleet, is_checked=is_checked)
            self._add_compute(side, compute, fleet, most=max(2 * count, 10))
        self.rule_arn = f"{ELB}:listener-rule/app/{self._key}/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
        self.test_rule_arn = f"{ELB}:listener-rule/app/{self._key}/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabef"
        listener = f"{ELB}:listener/app/{self._key}/50dc6c495c0c9188/f2f7dc8efc522ab2"
        self.rule = world.elbv2.add_rule(self.rule_arn, listener, 10, self._forward({"blue": 100, "green": 0}, sticky))
        if has_test_rule:
            world.elbv2.add_rule(self.test_rule_arn, listener, 5, self._forward({"green": 1}, None))
        load_balancer = f"app/{self._key}/50dc6c495c0c9188"
        metric_names = {side: group.arn.rpartition(":")[2] for side, group in self.groups.items()}
        self.traffic = Traffic(
            world,
            self.rule,
            load_balancer,
            {side: (metric_names[side], self.groups[side]) for side in SIDES},
            rate=rate,
            reports_zeros=reports_zeros,
            application=application,
        )
        if TABLE not in world.dynamodb.tables:
            world.dynamodb.add_table(TABLE)
        self.settings = TargetSettings(
            target=name,
            rule_arn=self.rule_arn,
            load_balancer=load_balancer,
            blue=self._side_settings("blue", compute, metric_names["blue"]),
            green=self._side_settings("green", compute, metric_names["green"]),
            steps=steps,
            stickiness_seconds=sticky,
            test_rule_arns=(self.test_rule_arn,) if has_test_rule else (),
        )
        self.configure(self.settings)

    def configure(self, settings: TargetSettings) -> None:
        """Put other settings in place, as a stack update does."""
        self.settings = settings
        value = {"settings": settings_to_dict(settings), "table": TABLE, "state_machine": STATE_MACHINE_ARN}
        self.world.ssm.values[PARAMETER_PREFIX + self.name] = json.dumps(value)

    def change(self, **fields: object) -> None:
        """Put settings in place that differ in these fields."""
        self.configure(replace(self.settings, **fields))

    def fleet(self, side: Side) -> Fleet:
        """What runs behind a side."""
        return self.groups[side].fleet

    def weights(self) -> dict[Side, int]:
        """What the rule says now, a side that it leaves out being 0."""
        weights = self.rule.weights
        return {side: weights.get(group.arn, 0) for side, group in self.groups.items()}

    def state(self) -> Mapping[str, Mapping[str, str]] | None:
        """The state item, beside the log."""
        return self.world.dynamodb.item(TABLE, f"state#{self.name}")

    def _group_arn(self, side: Side) -> str:
        return f"{ELB}:targetgroup/{self._key}-{side}/{'1' if side == 'blue' else '2':0<16}"

    def _forward(self, weights: Mapping[Side, int], sticky: int | None) -> list[dict[str, object]]:
        config: dict[str, object] = {
            "TargetGroups": [
                {"TargetGroupArn": self.groups[side].arn, "Weight": weight} for side, weight in weights.items()
            ]
        }
        if sticky is not None:
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
        return [{"Type": "forward", "ForwardConfig": config}]

    def _service(self, side: Side) -> str:
        return f"{self._key}-{side}"

    def _add_compute(self, side: Side, compute: Compute, fleet: Fleet, most: int) -> None:
        if compute is Compute.ECS:
            self.world.ecs.add_service(CLUSTER, self._service(side), CONTAINER, fleet)
            if self._scales:
                self.world.application_autoscaling.add_target(f"service/{CLUSTER}/{self._service(side)}", fleet, most)
        elif compute is Compute.AUTO_SCALING:
            self.world.autoscaling.add_group(self._service(side), fleet, most)
            if self._warm_pool is not None:
                group = self.world.autoscaling.groups[self._service(side)]
                group.pool = {"MinSize": self._warm_pool.minimum, "PoolState": self._warm_pool.state}
                fleet.returns = self._warm_pool.reuse

    def _side_settings(self, side: Side, compute: Compute, metric_name: str) -> SideSettings:
        is_ecs = compute is Compute.ECS
        return SideSettings(
            group_arn=self.groups[side].arn,
            metric_name=metric_name,
            compute=compute,
            cluster=CLUSTER if is_ecs else "",
            service=self._service(side) if is_ecs else "",
            container=CONTAINER if is_ecs else "",
            auto_scaling_group=self._service(side) if compute is Compute.AUTO_SCALING else "",
            scalable=self._scales,
            named=self._named,
            warm_pool=self._warm_pool,
        )
