"""How a change of rules or targets reaches the load balancer's nodes: late, and not on all of them at once."""

from collections import deque
from dataclasses import dataclass
from random import Random

from ...engine.errors import ConfigurationError
from .model import RoutingTable


@dataclass(frozen=True)
class PropagationLag:
    """The rehearsed seconds between a change of the table and its effect, drawn anew for each node and change.

    AWS states no figure; 1 to 5 seconds is what operators report for ModifyRule, so it is the default. While the
    `nodes` differ, the table before and the table after both answer requests.
    """

    shortest: float = 1.0
    longest: float = 5.0
    nodes: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest:
            raise ConfigurationError(
                f"a propagation lag of {self.shortest} to {self.longest} seconds runs backwards; give 0 <= shortest <= "
                "longest"
            )
        if self.nodes < 1:
            raise ConfigurationError(f"a load balancer with {self.nodes} nodes answers nothing; give at least 1")


class Propagation:
    """Tables under way to the nodes. A node takes changes in order, each not before its own moment."""

    def __init__(self, lag: PropagationLag, random: Random) -> None:
        self._lag = lag
        self._random = random
        self._latest = RoutingTable()
        self._tables = [RoutingTable()] * lag.nodes
        self._under_way: list[deque[tuple[float, RoutingTable]]] = [deque() for _ in range(lag.nodes)]

    @property
    def latest(self) -> RoutingTable:
        """The table as last seen, whether or not any node has it."""
        return self._latest

    @property
    def tables(self) -> list[RoutingTable]:
        """What each node serves now."""
        return list(self._tables)

    @property
    def is_settled(self) -> bool:
        """Whether every node serves the latest table."""
        return not any(self._under_way)

    def any_node(self) -> RoutingTable:
        """The table of the node that happens to get the next request."""
        return self._tables[self._random.randrange(len(self._tables))]

    def see(self, table: RoutingTable, now: float) -> bool:
        """Send a changed table on its way; False when it is what was last seen."""
        if table == self._latest:
            return False
        self._latest = table
        for waiting in self._under_way:
            due = now + self._random.uniform(self._lag.shortest, self._lag.longest)
            waiting.append((max(due, waiting[-1][0]) if waiting else due, table))
        return True

    def advance(self, now: float) -> bool:
        """Let the nodes take what is due by `now`; whether any of them changed."""
        changed = False
        for node, waiting in enumerate(self._under_way):
            while waiting and waiting[0][0] <= now:
                self._tables[node] = waiting.popleft()[1]
                changed = True
        return changed
