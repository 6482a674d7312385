"""What operations on slots ask of the world, besides what every rollout asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..ports import Events, Hooks, Metrics, Store, WeightedRules
from ..slot_settings import SlotSide
from .record import SlotsRecord


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A side's ECS service as it is now.

    definition: the ARN of the revision that it is to run. newest: the newest active one of the side's family; what
    touches the service by its family name, as CloudFormation does, would run that one.
    desired, running: tasks. is_calm: one deployment, completed, with every task running. trouble: why it is not, in
    AWS's words (empty: it only takes time). has_failed: whether ECS has given its deployment up.
    """

    definition: str
    newest: str
    desired: int
    running: int
    is_calm: bool
    trouble: str = ""
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class DefinitionSeen:
    """A task definition: what RegisterTaskDefinition would take to make it again, and its tags."""

    arn: str
    content: Mapping[str, object]
    tags: Mapping[str, str]


class SlotServices(Protocol):
    """The sides' ECS services and task definitions. Any call may raise an `AwsError`; all can be repeated."""

    def seen(self, cluster: str, side: SlotSide) -> ServiceSeen:
        """The service now."""

    def definition(self, name: str) -> DefinitionSeen:
        """A revision by its ARN, or the newest active one by its family."""

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        """Register a revision, and answer its ARN. Once more is one more revision."""

    def retire(self, definition: str) -> None:
        """Make a revision inactive, so that no family's newest is one that nothing is to run."""

    def run(self, cluster: str, side: SlotSide, definition: str) -> None:
        """Have the service run this revision; the same again changes nothing."""

    def bound(self, cluster: str, side: SlotSide, minimum: int, maximum: int) -> None:
        """Keep the number of tasks between these."""


class GroupMembers(Protocol):
    """Who is behind a target group."""

    def addresses(self, group_arn: str) -> Sequence[tuple[str, int]]:
        """Address and port of each registered target that is not leaving."""


class Stacks(Protocol):
    """AWS CloudFormation."""

    def status(self, stack_id: str) -> str:
        """Such as UPDATE_COMPLETE or UPDATE_IN_PROGRESS."""


class ActiveSides(Protocol):
    """Where tasks that consume queues look which side is active."""

    def tell(self, parameter: str, side: str) -> None:
        """Say which side is active; the same again changes nothing."""


class SlotsStore(Protocol):
    """The records, in the engine's table."""

    def slots(self, target: str) -> SlotsRecord | None:
        """The record; a consistent read. None: the application's stack has not made it yet."""

    def put_slots(self, record: SlotsRecord, former: SlotsRecord | None) -> SlotsRecord:
        """Put the record in the place of exactly `former` (None: of nothing), and answer it with its next revision.

        Raises LostLockError when the item has moved on. A save that timed out and took effect is answered as done.
        """


class AllStores(Store, SlotsStore, Protocol):
    """The engine's table, records of slots among its items."""


@dataclass(frozen=True, slots=True)
class SlotsPorts:
    """The world of a turn."""

    rules: WeightedRules
    members: GroupMembers
    services: SlotServices
    metrics: Metrics
    hooks: Hooks
    events: Events
    store: AllStores
    stacks: Stacks
    active: ActiveSides
