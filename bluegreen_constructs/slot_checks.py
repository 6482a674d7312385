"""Refuses at synth what slots cannot be together: names, sticky settings, secrets that move, numbers of tasks."""

import re
from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct, IConstruct

from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail, LatencyComparison, MetricComparison
from .engine.slot_settings import PRODUCTION
from .engine.strategy import Step
from .engine.swap.rendering import OWN_NAMES
from .guardrail_alarms import AlarmThresholds
from .ingress import Ingress
from .known_listener import authenticates
from .service_plan import Plan
from .slot import Slot
from .web_app import WebApp

MOST_SLOTS = 6
"""Production and five more, as Azure's Standard plans have; the settings of more take more than a parameter holds."""

# A parameter's name has at most 15 levels, three of which are ours; a family's has 255 characters.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
_MOST_LEVELS = 12
_LONGEST_FAMILY = 255
_COMPARISONS = (ErrorComparison, LatencyComparison, MetricComparison)
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_families: "WeakKeyDictionary[IConstruct, dict[str, str]]" = WeakKeyDictionary()


def refuse_slots(path: str, slots: Sequence[Slot]) -> None:
    """Raise ConfigurationError for slots that are not production and one more, each with its own name."""
    if not all(isinstance(slot, Slot) for slot in slots):
        raise ConfigurationError(f"{path} has slots {slots!r}: give Slot(…) for each")
    names = [slot.name for slot in slots]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path} has the slot {', '.join(twice)} twice: give each its own name")
    if not names or names[0] != PRODUCTION:
        raise ConfigurationError(
            f"{path} has the slots {', '.join(names) or 'none'}: give Slot({PRODUCTION!r}) first, which users meet"
        )
    if not 2 <= len(names) <= MOST_SLOTS:
        raise ConfigurationError(
            f"{path} has {len(names)} slots: give {PRODUCTION} and 1 to {MOST_SLOTS - 1} more, there is nothing to "
            "swap with otherwise"
        )


def refuse_settings(path: str, app: WebApp, slots: Sequence[Slot], sticky: Sequence[str]) -> None:
    """Raise ConfigurationError for settings that a swap would lose, mix up, or read in two versions."""
    if isinstance(sticky, str):
        raise ConfigurationError(f"{path} has sticky {sticky!r}: give a list of names, such as [{sticky!r}]")
    for slot in slots:
        own = {*slot.environment, *slot.secrets}
        missing = [name for name in sticky if name not in own]
        if missing:
            raise ConfigurationError(
                f"{path} has sticky {', '.join(missing)} and slot {slot.name} does not set it: give it a value there, "
                "or a swap would leave that slot with another one's"
            )
    for who, names in [
        ("sticky", set(sticky)),
        ("the app", {*app.environment, *app.secrets}),
        *((f"slot {slot.name}", {*slot.environment, *slot.secrets}) for slot in slots),
    ]:
        own_names = sorted(names & set(OWN_NAMES))
        if own_names:
            raise ConfigurationError(
                f"{path} names {', '.join(own_names)} in {who}: the engine sets it in every task, leave it out"
            )
    _refuse_moving("the app", path, app.secrets)
    for slot in slots:
        _refuse_moving(f"slot {slot.name}", path, slot.secrets)


def refuse_tasks(path: str, plan: Plan, slots: Sequence[Slot]) -> None:
    """Raise ConfigurationError for a slot that could never have more tasks, or a plan that nothing scales by."""
    for slot in slots:
        least, most = slot.tasks or plan.tasks, slot.max_tasks
        if most is not None and most < least:
            raise ConfigurationError(
                f"{path} has slot {slot.name} with max_tasks {most}, below the plan's tasks {least}: give at least "
                f"{least}, or fewer tasks"
            )
        if most is not None and most > least and not plan.scales:
            raise ConfigurationError(
                f"{path} has slot {slot.name} with {least} to {most} tasks, but nothing says when: give the plan "
                "cpu_percent or requests_per_target"
            )
    if plan.scales and not any(slot.max_tasks for slot in slots):
        raise ConfigurationError(
            f"{path} has a plan that says when there are more tasks, and no slot says how many: give a slot max_tasks"
        )


def refuse_ingress(path: str, ingress: Ingress, canary: Step | None) -> None:
    """Raise ConfigurationError for a listener that slots cannot be on, and for a canary that is none."""
    if ingress.rules is not None:
        raise ConfigurationError(
            f"{path} was given rules of two sides, and slots have rules of their own: give a listener and a priority, "
            "or neither"
        )
    if ingress.listener is not None and authenticates(ingress.listener):
        raise ConfigurationError(
            f"{path} is on a listener that authenticates users by default, which its rules would not: authenticate in "
            "the application, or give another listener"
        )
    if canary is not None and canary.percent >= 100:
        raise ConfigurationError(f"{path} has a canary of {canary.percent:g} percent: give less than 100")


def refuse_guardrails(
    path: str, guardrails: Sequence[Guardrail | AlarmThresholds], slots: int, *, has_canary: bool
) -> None:
    """Raise ConfigurationError for what could never judge a swap.

    That are built-in alarms, which watch two sides, over more of them; a comparison without a canary, for after the
    flip the former side has no requests to compare with; and counts of one's own, published by blue and green.
    """
    compared = next((type(one).__name__ for one in guardrails if isinstance(one, _COMPARISONS)), None)
    if compared is not None and not has_canary:
        raise ConfigurationError(
            f"{path} has {compared} and no canary, so that both sides never serve at once: give canary=Step(10, "
            "timedelta(minutes=5)), or an AbsoluteFloor or AlarmGuardrail, which judge the bake as well"
        )
    if any(isinstance(one, MetricComparison) for one in guardrails):
        raise ConfigurationError(
            f"{path} has MetricComparison, whose metrics are published by side blue and green, and slots have other "
            "sides: give AlarmGuardrail with an alarm over your metric"
        )
    if slots > 2 and any(isinstance(one, AlarmThresholds) for one in guardrails):
        raise ConfigurationError(
            f"{path} has {slots} slots and AlarmThresholds, whose alarms watch two sides: give AlarmGuardrail with "
            "alarms of your own, or an AbsoluteFloor, which follows the sides of a swap"
        )


def refuse_names(scope: Construct, target: str, families: Sequence[str]) -> None:
    """Raise ConfigurationError for families that another application has, and for names that AWS does not take."""
    levels = target.count("/") + 1
    if levels > _MOST_LEVELS:
        raise ConfigurationError(
            f"{scope.node.path} is {levels} levels deep, and its parameter's name takes {_MOST_LEVELS}: nest it less "
            "deep"
        )
    known = _families.setdefault(scope.node.root, {})
    for family in families:
        if len(family) > _LONGEST_FAMILY:
            raise ConfigurationError(
                f"{scope.node.path} would have the task definition family {family}, of {len(family)} characters, and "
                f"ECS takes {_LONGEST_FAMILY}: use shorter construct ids"
            )
        holder = known.setdefault(family, scope.node.path)
        if holder != scope.node.path:
            raise ConfigurationError(
                f"{scope.node.path} would have the task definition family {family}, as {holder} has: give one of them "
                "another construct id"
            )


def _refuse_moving(who: str, path: str, secrets: Mapping[str, ecs.Secret]) -> None:
    for name, secret in secrets.items():
        if not is_pinned(secret.arn):
            raise ConfigurationError(
                f"{path} has the secret {name} of {who} at no version, and two tasks of one release could read two "
                "values: give ecs.Secret.from_secrets_manager_version(secret, "
                "ecs.SecretVersionInfo(version_id=...)), which a rotation then deploys"
            )


def is_pinned(value_from: str) -> bool:
    """Whether a task definition's `valueFrom` names a secret's version: `<ARN of 7 parts>:field:stage:version`.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    parts = _TOKEN.sub("T", cdk.Token.as_string(value_from)).split(":")
    further = parts[7:] if parts[0] == "arn" else parts[1:]
    return len(further) == 3 and bool(further[2])
