"""Users on both stages of a pipeline, and all that is known once they have gone."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from ...engine.target_settings import TargetSettings
from ..aws_apis import AwsApis
from ..deployed_service import DeployedService, weights_of
from ..deployed_target import release_on
from ..ecs.tasks_file import image_tag
from ..load import LoadProcess
from ..rollout_watch import rollouts_of, weights_since
from ..session import LoadMix
from .canary_stage import final_weights, live_side
from .pipeline_seen import DeliverySeen, StageTraffic
from .pipeline_stage import Delivered, PipelineStage
from .traffic_conditions import Watched

CALM_SECONDS = 2.0  # real: load before and after, so that both ends are seen


class Watching:
    """The users from the block's beginning until `seen`, and what was known before them."""

    def __init__(self, stage: PipelineStage, name: str, *, staging: float = 1.0, prod: float = 1.0) -> None:
        """`staging` and `prod` are parts of the session's rate."""
        self._stage = stage
        self._parts = {"staging": staging, "prod": prod}
        self._loads: Mapping[str, LoadProcess] = {
            "staging": stage.staging.load(f"{name}-staging", mix=LoadMix(staging)),
            "prod": stage.prod.load(f"{name}-prod", rule=stage.target.rule, mix=LoadMix(prod)),
        }
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        stage = self._stage
        stage.wait_until_quiet()
        self._known_rollouts = len(rollouts_of(stage.service, stage.session.state()))
        self._known_executions = set(stage.engine_executions())
        stage.reviewer.asked.clear()
        with ExitStack() as starting:
            for load in self._loads.values():
                starting.enter_context(load)
            self._started = time.time()
            time.sleep(CALM_SECONDS)
            self._ending = starting.pop_all()  # what interrupts this ends the loads that were begun
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.close()

    def seen(self, delivered: Delivered, *, former: str = "") -> DeliverySeen:
        """End the load, and say everything that is known then. former: the digest that staging kept before."""
        time.sleep(CALM_SECONDS)
        stage, stopped = self._stage, time.time()
        watched = {name: self._watched(name, stopped) for name in self._loads}
        state, stack = stage.session.state(), stage.stack()
        asked_for = stage.engine_executions().items()
        return DeliverySeen(
            pushed=delivered.pushed,
            starts=(*delivered.starts, *stage.rule.starts(at_least=0)),
            former=former,
            execution=delivered.execution,
            rollback=stage.pipeline.rollback_of(delivered.execution),
            asked=tuple(stage.reviewer.asked),
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", ())},
            stack_status=stack["StackStatus"],
            rollouts=tuple(rollouts_of(stage.service, state)[self._known_rollouts :]),
            engine={name: status for name, status in asked_for if name not in self._known_executions},
            staging=self._staging(state, watched["staging"]),
            prod=self._prod(state, watched["prod"]),
            speed=stage.session.speed,
        )

    def _watched(self, name: str, stopped: float) -> Watched:
        load = self._loads[name]
        result = load.stop()
        # Before that instant only one of the two loads may have been there.
        records = tuple(record for record in load.records() if record.scheduled >= self._started)
        rate = self._stage.session.rate_per_second * self._parts[name]
        return Watched(rate, self._started, stopped, records, result)

    def _staging(self, state: Mapping[str, Any], watched: Watched) -> StageTraffic:
        service, apis = self._stage.service, self._stage.session.apis
        now = weights_of(service.production_rule, apis)
        return StageTraffic(
            name="staging",
            steps=(rollouts_of(service, state)[-1].canary_percent, 100.0),
            live_side=_first(watched, "side"),
            live_release=_first(watched, "release"),
            weights=tuple(weights_since(service, service.production_rule, state, self._started)),
            now={service.side_of(group): weight for group, weight in now.items()},
            image=_image_of(service, apis),
            watched=watched,
        )

    def _prod(self, state: Mapping[str, Any], watched: Watched) -> StageTraffic:
        target, session = self._stage.target, self._stage.session
        return StageTraffic(
            name="production",
            steps=_steps(target.settings),
            live_side=_first(watched, "side"),
            live_release=_first(watched, "release"),
            weights=tuple(weights_since(target, target.rule, state, self._started)),
            now=final_weights(target, session),
            image=release_on(target, live_side(target, session), session.apis),
            watched=watched,
        )


def former_release(stage: PipelineStage, where: str, tag: str) -> str:
    """The digest that a stage of the pipeline can go back to; delivered there, with users, when there is none yet."""
    if not stage.delivered(where):
        with Watching(stage, f"pipeline-{tag}"):
            stage.deliver_first(where, tag)
        stage.wait_until_quiet()
    return stage.delivered(where)


def _first(watched: Watched, header: str) -> str:
    """What the first answers said, before any release was pushed."""
    answered: Sequence[str | None] = [getattr(record, header) for record in watched.records]
    return next((one for one in answered if one), "")


def _image_of(service: DeployedService, apis: AwsApis) -> str:
    """The release that Amazon ECS is told to run: an image's tag or digest."""
    (described,) = apis.ecs.describe_services(cluster=service.cluster, services=[service.service])["services"]
    definition = apis.ecs.describe_task_definition(taskDefinition=described["taskDefinition"])["taskDefinition"]
    return image_tag(definition["containerDefinitions"][0]["image"])


def _steps(settings: TargetSettings) -> tuple[float, ...]:
    return (*(step.percent for step in settings.steps), 100 - settings.hold_back, 100.0)
