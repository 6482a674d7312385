"""The simulated AWS: one clock, a log of every call, faults at any of them, and the services."""

from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from .application_autoscaling import ApplicationAutoScaling
from .autoscaling import AutoScaling
from .behaviour import Behaviour
from .client import Answer, SimulatedClient
from .cloudwatch import CloudWatch
from .dynamodb import DynamoDb
from .ec2 import Ec2
from .ecs import Ecs
from .elbv2 import Elbv2
from .eventbridge import EventBridge
from .faults import Fault, FaultPlan, KilledError
from .lambda_functions import LambdaFunctions
from .parameter_store import ParameterStore
from .step_functions import StepFunctions

TRANSPORT_ERRORS: tuple[type[Exception], ...] = (BotoCoreError,)
"""What the clients raise when no answer comes, as the adapters want to be told."""

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Disturbances:
    """How far AWS is from ideal; as given here, not at all. All is drawn by the world's seed.

    propagation: shortest and longest seconds until a write of a rule is what the load balancer's nodes do.
    stale_reads: for how many seconds after a write DescribeRules, DescribeTags, DescribeServices and reads of the table
        that are not consistent may still answer as before it.
    throttling: the share of ELB's calls that are throttled.
    seconds_per_call: how far the clock moves with each call.
    """

    propagation: tuple[float, float] = (0.0, 0.0)
    stale_reads: float = 0.0
    throttling: float = 0.0
    seconds_per_call: float = 0.0


@dataclass(slots=True, eq=False)
class Process:
    """Something that makes calls, from its start to its end. A service of AWS (`is_mortal` False) is never killed.

    until: when it is killed at the latest, as Lambda kills what takes longer than its time-out.
    """

    name: str
    is_mortal: bool = True
    until: float = float("inf")
    is_dead: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """One call: who made it when, what befell it, whether it took effect, and the code of AWS's refusal."""

    number: int
    at: float
    process: Process
    service: str
    operation: str
    arguments: Answer
    fault: Fault | None = None
    has_effect: bool = False
    error: str = ""

    def __str__(self) -> str:
        """One line of a log."""
        ending = self.fault.value if self.fault else self.error or "ok"
        return f"#{self.number} {self.process.name}: {self.service}.{self.operation} ({ending})"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: with an answer, or with an error (a KilledError among them)."""

    answer: object = None
    error: BaseException | None = None


class SimulatedAws:
    """A whole AWS for the engine: see `one_target` for one with a target in it, `state_machine` for what drives it.

    The attributes elbv2, cloudwatch, dynamodb, ecs, application_autoscaling, autoscaling, ec2, lambda_functions,
    events, stepfunctions and ssm are the clients; `client("lambda")` answers them by boto3's names. `watchers` are
    called with each call that took effect, and with its answer. `made` counts the calls of each operation.
    keeps: how many calls the log holds at most (None: all of them).
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        disturbances: Disturbances | None = None,
        start: float = START,
        keeps: int | None = None,
    ) -> None:
        self.now = start
        self.random = Random(seed)
        self.disturbances = disturbances or Disturbances()
        self.faults = FaultPlan(self.random, self.disturbances.throttling)
        self.calls: list[Call] | deque[Call] = [] if keeps is None else deque(maxlen=keeps)
        self.made: Counter[str] = Counter()
        self.number = 0
        self.watchers: list[Callable[[Call, Answer], None]] = []
        self.shape_check: Callable[[str, str, Answer, Answer | None], None] | None = None
        self.process = Process("test", is_mortal=False)
        self._interrupts: dict[int, Callable[[], object]] = {}
        self._behaviours: dict[str, Behaviour] = {}
        self.elbv2 = Elbv2(self)
        self.cloudwatch = CloudWatch(self)
        self.dynamodb = DynamoDb(self)
        self.ecs = Ecs(self)
        self.application_autoscaling = ApplicationAutoScaling(self)
        self.autoscaling = AutoScaling(self)
        self.ec2 = Ec2(self)
        self.lambda_functions = LambdaFunctions(self)
        self.events = EventBridge(self)
        self.stepfunctions = StepFunctions(self)
        self.ssm = ParameterStore(self)

    # the clock

    def advance(self, seconds: float) -> None:
        """Let time pass. Fleets and traffic catch up when somebody looks at them."""
        self.now += seconds

    def iso(self, at: float | None = None) -> str:
        """A time (default: now) as Step Functions writes it."""
        return (
            datetime.fromtimestamp(self.now if at is None else at, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )

    # releases

    def release_is(self, release: str, behaviour: Behaviour) -> None:
        """Say how a release behaves, by image, tag, digest or version; any other release is healthy."""
        self._behaviours[release] = behaviour

    def behaviour(self, release: str) -> Behaviour:
        """How a release behaves, by its whole name or by what follows the repository in it."""
        found = self._behaviours.get(release)
        if found is None:
            separator = "@" if "@" in release else ":"
            found = self._behaviours[release] = self._behaviours.get(release.rpartition(separator)[2]) or Behaviour()
        return found

    # processes

    def run(
        self, name: str, action: Callable[[], object], *, is_mortal: bool = True, seconds: float = float("inf")
    ) -> Ending:
        """Run `action` as a process of its own; what it raises is its ending. May be called inside another process.

        seconds: how long it may take; its next call after that kills it.
        """
        outer, self.process = self.process, Process(name, is_mortal, self.now + seconds)
        try:
            return Ending(action())
        except KilledError as error:
            return Ending(error=error)
        except Exception as error:  # noqa: BLE001 - a process may fail in any way, and its caller decides
            return Ending(error=error)
        finally:
            self.process = outer

    def interrupt(self, number: int, action: Callable[[], object]) -> None:
        """Run `action` right before the call that would get this number, while whoever makes it waits.

        That is how two workers meet: the one that is interrupted goes on with what it knew before. The calls that
        `action` makes take the numbers from here on.
        """
        self._interrupts[number] = action

    # calls

    @property
    def clients(self) -> list[SimulatedClient]:
        """All clients."""
        return [one for one in vars(self).values() if isinstance(one, SimulatedClient)]

    def client(self, service: str) -> SimulatedClient:
        """The client with boto3's name."""
        return next(client for client in self.clients if client.service == service)

    def serve(
        self, client: SimulatedClient, operation: str, arguments: Answer, run: Callable[[Answer], Answer]
    ) -> Answer:
        """One call of the process that runs now."""
        process = self.process
        if process.is_dead:
            raise KilledError
        if self._interrupts:
            action = self._interrupts.pop(self.number, None)
            if action is not None:
                action()
        if self.now > process.until:
            process.is_dead = True
            raise KilledError
        number = self.number
        self.number += 1
        self.made[f"{client.service}.{operation}"] += 1
        call = Call(number, self.now, process, client.service, operation, arguments)
        self.calls.append(call)
        self.now += self.disturbances.seconds_per_call
        fault = self.faults.met_by(number, client.service, operation)
        if fault is None:
            return self._effect(call, run)
        return self._faulty(call, fault, client, run)

    def _effect(self, call: Call, run: Callable[[Answer], Answer]) -> Answer:
        if self.shape_check:
            self.shape_check(call.service, call.operation, call.arguments, None)
        try:
            answer = run(call.arguments)
        except ClientError as error:
            call.error = error.response["Error"]["Code"]
            raise
        call.has_effect = True
        if self.shape_check:
            self.shape_check(call.service, call.operation, call.arguments, answer)
        for watch in self.watchers:
            watch(call, answer)
        return answer

    def _faulty(self, call: Call, fault: Fault, client: SimulatedClient, run: Callable[[Answer], Answer]) -> Answer:
        if not call.process.is_mortal:
            # AWS's own services do not die in the middle: at worst they do not know whether a call took effect.
            fault = _SURVIVED.get(fault, fault)
        call.fault = fault
        if fault in _WITH_EFFECT:
            with suppress(ClientError):  # what AWS refused, the caller does not learn either
                self._effect(call, run)
        match fault:
            case Fault.KILL_BEFORE | Fault.KILL_AFTER:
                call.process.is_dead = True
                raise KilledError
            case Fault.THROTTLE:
                raise client.error(call.operation, client.throttle, "Rate exceeded")
            case Fault.SERVER_ERROR:
                raise client.error(call.operation, client.failure, "the service failed", 500)
        raise ReadTimeoutError(endpoint_url=f"https://{call.service}.us-east-1.amazonaws.com/")


_WITH_EFFECT = frozenset({Fault.KILL_AFTER, Fault.TIMEOUT_WITH_EFFECT})
_SURVIVED = {Fault.KILL_BEFORE: Fault.SERVER_ERROR, Fault.KILL_AFTER: Fault.TIMEOUT_WITH_EFFECT}
