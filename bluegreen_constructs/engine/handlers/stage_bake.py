"""Lambda entry point of a stage's bake: CodePipeline asks, alarms are looked at, CodePipeline is told."""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..aws import clients
from ..aws.alarms_of_regions import AlarmsOfRegions
from ..aws.pipeline_jobs import PipelineJobs
from ..errors import ConfigurationError
from ..present_time import present
from ..stage_bake import SETTINGS, BakedAlarms, BakeSettings, BakeTurn, job_of, judged
from .traffic_rule import LambdaContext

logger = logging.getLogger(__name__)

_MARGIN_SECONDS = 15


@dataclass(frozen=True, slots=True)
class BakeWorld:
    """What a bake needs: its settings as the environment has them, the alarms, CodePipeline, and the time."""

    variable: str
    alarms: BakedAlarms
    jobs: PipelineJobs
    now: datetime


def handler(event: Mapping[str, object], context: LambdaContext) -> None:
    """Lambda's entry point. The event is never logged: it holds credentials for the pipeline's artefacts."""
    errors = clients.TRANSPORT_ERRORS

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() / 1000 > 2 * clients.SECONDS_PER_CALL + _MARGIN_SECONDS

    world = BakeWorld(
        variable=os.environ.get(SETTINGS, ""),
        alarms=AlarmsOfRegions(clients.alarms_in, errors, has_time),
        jobs=PipelineJobs(clients.pipeline_jobs(), errors),
        now=present(os.environ, time.time()),
    )
    serve(event, world)


def serve(event: Mapping[str, object], world: BakeWorld) -> None:
    """Look once, and tell CodePipeline whether the bake goes on, was good, or has failed.

    Raises ConfigurationError for an event of nobody's, AwsError when CodePipeline could not be told: Lambda then
    delivers the event again, and a job that was answered meanwhile keeps its answer.
    """
    job = job_of(event)
    try:
        settings = BakeSettings.from_text(world.variable)
        turn = BakeTurn.of(event, world.now)
    except ConfigurationError as error:
        world.jobs.failed(job, str(error))
        return
    seen = world.alarms.since(settings.alarms, turn.began)
    turn = turn.having_seen(seen)
    verdict = judged(settings, turn.began, world.now, seen, turn.waits)
    logger.info("%s: %s", verdict.outcome, verdict.summary, extra={"job": job})
    match verdict.outcome:
        case "failed":
            world.jobs.failed(job, verdict.summary)
        case "good":
            world.jobs.good(job, verdict.summary)
        case _:
            world.jobs.again(job, turn.token, verdict.summary, verdict.percent)
