"""The overlay on the emulator's EventBridge: rehearsed time, retried deliveries to functions, and ECR's push event.

Rules, patterns and input transformers are ministack's. Mended: an event's `time`, the ingestion time of input
transformers and schedules are rehearsed time (PutEvents' own Time is not looked at, as in ministack); a Lambda target
is invoked asynchronously, which means retries and the function's dead letter queue; PutImage is followed by the event
that ECR sends: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html. Of EventBridge's own
metrics there is MatchedEvents by RuleName:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias, cast

from ..clock import Clock
from .patches import Patches
from .world import World

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
_TICK_SECONDS = 15.0  # how often schedules are looked at, rehearsed
_SHORTEST_TICK_SECONDS = 0.1


def install(patches: Patches, world: World) -> None:
    """Mend EventBridge, and let ECR send its event."""
    from ministack.services import ecr, eventbridge, lambda_svc  # noqa: PLC0415  # an optional extra

    clock = world.clock
    patches.replace(eventbridge, "_now_ts", clock.now, written_for=[])
    patches.replace(eventbridge, "datetime", _rehearsed_datetime(clock))
    tick = max(_SHORTEST_TICK_SECONDS, clock.real_seconds(_TICK_SECONDS))
    patches.replace(eventbridge, "_SCHEDULER_TICK_INTERVAL", tick)

    find = cast(
        Callable[[str], tuple[dict[str, object] | None, dict[str, object] | None, str]],
        patches.original(lambda_svc, "_get_func_record_for_ref"),
    )
    record_of = cast(
        Callable[[dict[str, object], dict[str, object]], dict[str, object]],
        patches.original(lambda_svc, "_execution_record_for_config"),
    )
    invoke = cast(Callable[[dict[str, object], object], None], patches.original(lambda_svc, "invoke_async_with_retry"))

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        function, config, _ = find(arn)
        if function and config:
            invoke(record_of(function, config), event_of(payload))

    patches.replace(eventbridge, "_dispatch_to_lambda", dispatch_to_lambda, written_for=["arn", "payload"])
    _count_matches(patches, world)
    put_events = cast(Callable[..., object], patches.original(eventbridge, "_put_events"))
    put_image = cast(Callable[[Mapping[str, object]], Answer], patches.original(ecr, "_put_image"))

    def put_image_and_tell(data: Mapping[str, object]) -> Answer:
        answer = put_image(data)
        if answer[0] == 200:
            put_events({"Entries": [push_event(json.loads(answer[2])["image"])]}, allow_aws_source=True)
        return answer

    patches.replace(ecr, "_put_image", put_image_and_tell, written_for=["data"])


def _count_matches(patches: Patches, world: World) -> None:
    """An event that matches a rule is counted, once whatever the number of the rule's targets."""
    from ministack.services import eventbridge  # noqa: PLC0415  # an optional extra

    invoke = cast(Callable[..., object], patches.original(eventbridge, "_invoke_target"))
    targets = cast(Mapping[str, list[object]], patches.original(eventbridge, "_targets"))

    def invoke_and_count(target: object, event: object, rule: Mapping[str, object], view: object = None) -> object:
        is_first = any(of_rule and of_rule[0] is target for of_rule in targets.values())
        if world.metrics is not None and is_first and rule.get("EventPattern"):
            dimensions = {"RuleName": str(rule.get("Name"))}
            world.metrics.put("AWS/Events", "MatchedEvents", dimensions, [1.0], world.clock.now(), "Count")
        return invoke(target, event, rule, view)

    patches.replace(eventbridge, "_invoke_target", invoke_and_count, written_for=["target", "event", "rule", "view"])


def event_of(payload: str) -> object:
    """What a function gets of a target's input; text that is no JSON comes as a string."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def push_event(image: Mapping[str, object]) -> dict[str, object]:
    """The PutEvents entry of an image that was pushed, from PutImage's answer."""
    identity = image.get("imageId")
    named = identity if isinstance(identity, Mapping) else {}
    detail = {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": image.get("repositoryName"),
        "image-digest": named.get("imageDigest"),
        **({"image-tag": named["imageTag"]} if named.get("imageTag") else {}),
    }
    return {"Source": "aws.ecr", "DetailType": "ECR Image Action", "Detail": json.dumps(detail), "Resources": []}


def _rehearsed_datetime(clock: Clock) -> type[datetime]:
    """`datetime` whose now() is rehearsed."""

    class Rehearsed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Rehearsed":
            return cls.fromtimestamp(clock.now(), tz or UTC)

    return Rehearsed
