"""What runs behind a target group: targets that become healthy a while after they were asked for."""

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import SimulatedAws

NEVER = float("inf")
_IDLE_SHARE = 0.2


class Target:
    """One task, instance or address. `healthy_at` is when it passes its health checks."""

    __slots__ = ("healthy_at", "id", "is_lost", "release")

    def __init__(self, name: str, release: str, healthy_at: float) -> None:
        self.id = name
        self.release = release
        self.healthy_at = healthy_at
        self.is_lost = False


class Fleet:
    """The targets of one side.

    release: what new targets run. desired: how many are asked for. minimum: the bound that scaling in keeps.
    start_seconds: from asking for a target to its passing health checks. drain_seconds: how long one that goes shows
        as draining. capacity: how many targets AWS can place at all.
    replaces: whether a changed release replaces the running targets (ECS), or is for later ones only (Auto Scaling).
    scale_in_seconds: after so long with less than a fifth of the traffic, scaling takes it down to `minimum` (None:
        nothing scales it). before_change: called before anything changes, for traffic to catch up.
    reserve: the releases of what waits beside it (a warm pool), which comes first when the fleet grows; `returns`: what
        is let go waits there again. stale: what came out of it with another release than the fleet's.
    """

    def __init__(
        self,
        world: "SimulatedAws",
        name: str,
        *,
        release: str,
        desired: int = 0,
        minimum: int | None = None,
        replaces: bool = True,
        start_seconds: float = 40.0,
        drain_seconds: float = 20.0,
        capacity: int | None = None,
        scale_in_seconds: float | None = None,
    ) -> None:
        self._world = world
        self.name = name
        self.release = release
        self.desired = desired
        self.minimum = minimum
        self.replaces = replaces
        self.start_seconds = start_seconds
        self.drain_seconds = drain_seconds
        self.capacity = capacity
        self.scale_in_seconds = scale_in_seconds
        self.busy_until = world.now
        self.asked_at = world.now
        self.before_change: list[Callable[[], None]] = []
        self.reserve: list[str] = []
        self.returns = False
        self.stale: list[str] = []
        self._numbers = count(1)
        self.targets = [self._made(world.now) for _ in range(desired)]
        self._going: list[tuple[float, Target]] = []

    def healthy(self, now: float) -> int:
        """How many targets pass their health checks."""
        return sum(target.healthy_at <= now for target in self.targets)

    def releases(self, now: float) -> list[str]:
        """What each healthy target runs."""
        return [target.release for target in self.targets if target.healthy_at <= now]

    @property
    def current(self) -> list[Target]:
        """The targets that run what is asked for."""
        return [target for target in self.targets if target.release == self.release]

    @property
    def draining(self) -> list[Target]:
        """The targets that were taken out a moment ago."""
        return [target for until, target in self._going if until > self._world.now]

    @property
    def unplaced(self) -> int:
        """How many targets that are asked for do not even start, because AWS has no room for them."""
        wanted = self.current if self.replaces else self.targets
        return max(0, self.desired - len(wanted))

    def is_settled(self, now: float) -> bool:
        """Whether everything that is asked for is there and healthy, and nothing else is."""
        self.settle(now)
        if self.replaces and len(self.current) != len(self.targets):
            return False
        return len(self.targets) == self.desired == self.healthy(now)

    def ask(self, *, desired: int | None = None, release: str | None = None) -> None:
        """Ask for targets, or for another release."""
        self._change()
        if desired is not None:
            self.desired = desired
        if release is not None:
            self.release = release
        self.asked_at = self._world.now
        self._provide()
        self.settle(self._world.now)

    def put(self, release: str) -> None:
        """An operator puts a release onto all targets at once (FIXED)."""
        self._change()
        self.release = release
        for target in self.targets:
            target.release = release
            target.healthy_at = self._healthy_at()

    def lose(self, number: int) -> None:
        """So many of the targets fail their health checks from now on."""
        self._change()
        for target in [one for one in self.targets if one.healthy_at <= self._world.now][:number]:
            target.healthy_at = NEVER
            target.is_lost = True

    def recover(self) -> None:
        """The lost targets are healthy again."""
        self._change()
        for target in self.targets:
            if target.is_lost:
                target.is_lost, target.healthy_at = False, self._world.now

    def settle(self, now: float) -> None:
        """Do what became due: replaced targets go, an idle fleet is scaled in."""
        if self.replaces and sum(one.healthy_at <= now for one in self.current) >= self.desired:
            self._remove([target for target in self.targets if target.release != self.release], now)
        if now >= self._scales_in_at():
            self.desired = self.minimum
            self._provide()

    def next_change(self, now: float) -> float:
        """When something changes by itself, later than `now`."""
        due = self._scales_in_at()
        for target in self.targets:
            if now < target.healthy_at < due:
                due = target.healthy_at
        return due if due > now else NEVER

    def served(self, share: float, until: float) -> None:
        """Traffic tells which share of it came here."""
        if share >= _IDLE_SHARE:
            self.busy_until = until

    def _scales_in_at(self) -> float:
        if self.scale_in_seconds is None or self.minimum is None or self.desired <= self.minimum:
            return NEVER
        return max(self.busy_until, self.asked_at) + self.scale_in_seconds

    def _change(self) -> None:
        for tell in self.before_change:
            tell()
        self.settle(self._world.now)

    def _provide(self) -> None:
        now = self._world.now
        wanted = self.current if self.replaces else self.targets
        if self.desired < len(wanted):
            # The ones that are not healthy go first, then the youngest.
            order = sorted(wanted, key=lambda one: (one.healthy_at <= now, -one.healthy_at))
            leaving = order[: len(wanted) - self.desired]
            self.reserve += [target.release for target in leaving] if self.returns else []
            self._remove(leaving, now)
        room = NEVER if self.capacity is None else self.capacity - len(self.targets)
        for _ in range(int(min(self.desired - len(wanted), room)) if self.desired > len(wanted) else 0):
            self.targets.append(self._made(self._healthy_at()))
            if self.reserve:
                self.targets[-1].release = self.reserve.pop(0)
                self.stale += [one.release for one in self.targets[-1:] if one.release != self.release]

    def _healthy_at(self) -> float:
        return self._world.now + self.start_seconds if self._world.behaviour(self.release).starts else NEVER

    def _made(self, healthy_at: float) -> Target:
        return Target(f"{self.name}-{next(self._numbers)}", self.release, healthy_at)

    def _remove(self, targets: list[Target], now: float) -> None:
        if targets:
            self._going = [(until, one) for until, one in self._going if until > now]
            self._going += [(now + self.drain_seconds, target) for target in targets]
            self.targets = [target for target in self.targets if target not in targets]
