"""ecs-adopt and ecs-leave: a service of CDK's own patterns becomes a canary, and a service of the pattern again."""

import time
from dataclasses import dataclass
from typing import ClassVar

from ...engine.errors import RehearsalError
from ..adopted_stack import AdoptedStack
from ..application import adopted_service, checkout
from ..outcome import Outcome
from ..session import Session
from .adoption_seen import SeenAdoption, SeenLeaving
from .traffic_conditions import Watched

ADOPTED_RELEASE, GREEN_RELEASE, LEFT_RELEASE = "2.0.0", "2.0.1", "3.0.0"
BROKEN_RELEASE = "2.4.0-crash"  # its tasks end at once
_CALM_SECONDS = 1.0  # real: load before and after, so that both ends are seen


@dataclass(frozen=True)
class Adopt:
    """A running service is taken over where it stands."""

    name: ClassVar[str] = "ecs-adopt"
    about: ClassVar[str] = (
        "a running ApplicationLoadBalancedFargateService becomes a canary, at the second try: everything keeps its "
        "name, and no request is lost"
    )

    def play(self, session: Session) -> Outcome:
        """Deploy the construct beside the pattern, then a release that cannot start, then a good one, under load."""
        stack = _stack(session, self.name)
        application, before = stack.application, stack.look()
        if before.rules:
            raise RehearsalError(f"stack {stack.name} has listener rules already: play {self.name} on the bare pattern")
        live = application.live_release
        stack.prepare(("rolling", live), ("bluegreen", BROKEN_RELEASE), ("bluegreen", ADOPTED_RELEASE))
        with application.load(self.name, rule=stack.default_rule()) as load:
            started = time.time()
            time.sleep(_CALM_SECONDS)
            rolling = stack.deploy("rolling", live)
            broken = stack.deploy("bluegreen", BROKEN_RELEASE)
            stack.wait_for_silence()
            canary = stack.deploy("bluegreen", ADOPTED_RELEASE)
            weights = stack.weights(stack.sides(), started)
            time.sleep(_CALM_SECONDS)
            stopped = time.time()
            result = load.stop()
            records = tuple(load.records())
        watched = Watched(session.rate_per_second, started, stopped, records, result)
        return SeenAdoption(live, ADOPTED_RELEASE, before, rolling, broken, canary, weights, watched).outcome(self.name)


@dataclass(frozen=True)
class Leave:
    """The way back, from the side where it would lose requests and from the other one."""

    name: ClassVar[str] = "ecs-leave"
    about: ClassVar[str] = (
        "an adopted service goes back to the bare pattern: refused while green is live, done after one more release, "
        "and no request is lost"
    )

    def play(self, session: Session) -> Outcome:
        """Try to leave while green is live, roll out one more release, and leave; adopts first if nothing is."""
        stack = _stack(session, self.name)
        _bring_to_green(stack)
        application, before = stack.application, stack.look()
        live = application.live_release
        stack.prepare(("rolling", live), *((stage, LEFT_RELEASE) for stage in ("bluegreen", "rolling", "pattern")))
        with application.load(self.name, rule=stack.default_rule()) as load:
            started = time.time()
            time.sleep(_CALM_SECONDS)
            refused = stack.deploy("rolling", live)
            stack.wait_for_silence()
            canary = stack.deploy("bluegreen", LEFT_RELEASE)
            service = stack.sides()
            rolling = stack.deploy("rolling", LEFT_RELEASE)
            weights = stack.weights(service, started)
            pattern = stack.deploy("pattern", LEFT_RELEASE)
            time.sleep(_CALM_SECONDS)
            stopped = time.time()
            result = load.stop()
            records = tuple(load.records())
        watched = Watched(session.rate_per_second, started, stopped, records, result)
        seen = SeenLeaving(live, LEFT_RELEASE, before, refused, canary, rolling, pattern, weights, watched)
        return seen.outcome(self.name)


def _stack(session: Session, scenario: str) -> AdoptedStack:
    return AdoptedStack(session.application(adopted_service(checkout(session.checkout))), scenario)


def _bring_to_green(stack: AdoptedStack) -> None:
    """Adopt the service unless it is, and have green live: a release more when blue is."""
    if not stack.look().weights:
        stack.prepare(("rolling", stack.application.live_release), ("bluegreen", ADOPTED_RELEASE))
        stack.deploy("rolling", stack.application.live_release).result.require_success()
        stack.wait_for_silence()
        stack.deploy("bluegreen", ADOPTED_RELEASE).result.require_success()
    if not stack.look().weights.get("green"):
        stack.deploy("bluegreen", GREEN_RELEASE).result.require_success()
