"""What an application with deployment slots is run with: its sides, its slots, and how a swap goes."""

from dataclasses import dataclass
from datetime import timedelta

from .errors import ConfigurationError
from .strategy import Step

PRODUCTION = "production"
"""The slot that users meet; every application has it."""

SELF = "self"
"""What self-selection calls production, as Azure's `x-ms-routing-name=self` does: no slot may be called so."""

ROUTING_NAME = "x-slot-routing"
"""The cookie, the header and the query parameter by which a client chooses a slot."""

SLOT_TAG = "bluegreen:slot"
RENDERING_TAG = "bluegreen:rendering"


@dataclass(frozen=True, slots=True)
class SlotSide:
    """One physical copy: its neutral name (`a`, `b`, …), target group, ECS service, and task-definition family."""

    name: str
    group_arn: str
    service: str
    family: str


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """One slot: what stays with it when releases move.

    definition: the ARN of the task definition that holds the slot's settings. CloudFormation owns it and nothing runs
        it: the engine renders a side's own revisions from it.
    host_rule_arn: the rule of the slot's own hostname (production has none: its rule is the live rule).
    choice_rule_arns: the rules by which a client chooses this slot, by cookie and by header.
    minimum, maximum: how many tasks the slot runs.
    auto_swap: whether a release that was deployed to it is swapped into production at once.
    """

    name: str
    definition: str
    host_rule_arn: str = ""
    choice_rule_arns: tuple[str, ...] = ()
    minimum: int = 1
    maximum: int = 1
    auto_swap: bool = False

    @property
    def rule_arns(self) -> tuple[str, ...]:
        """The rules that follow the slot, besides the live rule."""
        return (*((self.host_rule_arn,) if self.host_rule_arn else ()), *self.choice_rule_arns)


@dataclass(frozen=True, slots=True)
class WarmUpSettings:
    """How a candidate's tasks are warmed before they get production traffic.

    function_arn: what asks the tasks (empty: nobody, their health check is enough).
    path: what each task is asked. least, most: the statuses that count as warm.
    in_a_row: how many such answers in a row a task has to give. timeout: of one attempt. attempts: until it has failed.
    """

    function_arn: str = ""
    path: str = "/"
    least: int = 200
    most: int = 299
    in_a_row: int = 3
    timeout: timedelta = timedelta(seconds=90)
    attempts: int = 5


@dataclass(frozen=True, slots=True)
class SlotsSettings:
    """Everything about slots that `TargetSettings` has no word for.

    cluster, container: of every side's service, and the container in it that runs the release.
    sides, slots: as many of one as of the other; the first slot is production.
    sticky: the settings, by name, that stay with their slot.
    host: the production host (empty: every host). scheme: http or https, as the load balancer speaks it.
    stack: the ARN of the stack; nothing is swapped while it is updated.
    role_parameter: the parameter that says which side is active, for what consumes queues.
    warm_up: before the flip. preview_ttl: how long a swap with preview waits for `complete`; then it is cancelled.
    is_preview_open: whether a slot's own hostname goes on serving while its side has production's settings.
    canary: a share of the traffic for some time before the flip (None: the flip comes at once).
    activation_arn: the function that is told which side is active now (empty: none).
    """

    cluster: str
    container: str
    sides: tuple[SlotSide, ...]
    slots: tuple[SlotSettings, ...]
    sticky: tuple[str, ...] = ()
    host: str = ""
    scheme: str = "https"
    stack: str = ""
    role_parameter: str = ""
    warm_up: WarmUpSettings = WarmUpSettings()
    preview_ttl: timedelta = timedelta(hours=24)
    is_preview_open: bool = False
    canary: Step | None = None
    activation_arn: str = ""

    def side(self, name: str) -> SlotSide:
        """A side by its name; raises ConfigurationError for one that is not there."""
        found = next((side for side in self.sides if side.name == name), None)
        if found is None:
            raise ConfigurationError(f"there is no side {name}: deploy the stack again, which makes it")
        return found

    def slot(self, name: str) -> SlotSettings:
        """A slot by its name; raises ConfigurationError, with the slots there are, for one that is not there."""
        found = next((slot for slot in self.slots if slot.name == name), None)
        if found is None:
            known = ", ".join(slot.name for slot in self.slots)
            raise ConfigurationError(f"there is no slot {name}: give one of {known}")
        return found

    def side_of_group(self, group_arn: str) -> SlotSide | None:
        """The side whose target group this is; None for a foreign one."""
        return next((side for side in self.sides if side.group_arn == group_arn), None)
