"""The engine's own adapters and handlers on a simulated AWS: what Lambda composes, with other clients."""

from datetime import UTC, datetime
from itertools import count

from bluegreen_constructs.engine.abort import AbortOutcome, abort
from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.aws.cloudwatch_metrics import CloudWatchMetrics
from bluegreen_constructs.engine.aws.dynamodb_store import DynamoDbStore
from bluegreen_constructs.engine.aws.ecs_fleet import EcsFleet
from bluegreen_constructs.engine.aws.eventbridge_events import EventBridgeEvents
from bluegreen_constructs.engine.aws.executions import StepFunctionsExecutions
from bluegreen_constructs.engine.aws.fleets import ComputeFleets
from bluegreen_constructs.engine.aws.lambda_hooks import LambdaHooks
from bluegreen_constructs.engine.aws.parameter_settings import ParameterSettings
from bluegreen_constructs.engine.aws.slot_services import EcsSlotServices
from bluegreen_constructs.engine.aws.weighted_rules import AlbWeightedRules
from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.handlers import alarm, start, tick
from bluegreen_constructs.engine.ports import Ports
from bluegreen_constructs.engine.swap.beginning import SlotsBeginning
from bluegreen_constructs.engine.swap.ports import SlotsPorts
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing_slots import InMemoryActiveSides, InMemoryStacks

from .client import Answer, SimulatedClient
from .one_target import TABLE
from .sdk_retries import RetryingClient
from .state_machine import StateMachine
from .step_functions import STATE_MACHINE_ARN
from .world import TRANSPORT_ERRORS, SimulatedAws


class RealEngine:
    """The handlers as callables of an event, and the abort of the command line.

    sdk_tries: how often botocore makes a call that may be tried again (1: every fault reaches the adapters, which is
    harder for them). Weights and hooks are one try always, as `clients` has it.
    """

    def __init__(self, world: SimulatedAws, *, sdk_tries: int = 1) -> None:
        def patient(client: SimulatedClient) -> SimulatedClient | RetryingClient:
            return client if sdk_tries == 1 else RetryingClient(client, sdk_tries)

        writes = count()
        self._world = world
        self.rules = AlbWeightedRules(patient(world.elbv2), world.elbv2, TRANSPORT_ERRORS, seconds=lambda: world.now)
        table = patient(world.dynamodb)
        self.store = DynamoDbStore(table, TABLE, TRANSPORT_ERRORS, new_write=lambda: str(next(writes)))
        states = patient(world.stepfunctions)
        self.executions = StepFunctionsExecutions(states, STATE_MACHINE_ARN, TRANSPORT_ERRORS)
        self.ports = Ports(
            rules=self.rules,
            metrics=CloudWatchMetrics(patient(world.cloudwatch), TRANSPORT_ERRORS),
            fleets=ComputeFleets(
                ecs=EcsFleet(patient(world.ecs), patient(world.application_autoscaling), TRANSPORT_ERRORS),
                auto_scaling=AutoScalingFleet(patient(world.autoscaling), patient(world.ec2), TRANSPORT_ERRORS),
            ),
            hooks=LambdaHooks(world.lambda_functions, TRANSPORT_ERRORS),
            events=EventBridgeEvents(patient(world.events)),
            store=self.store,
        )
        self.source = ParameterSettings(patient(world.ssm), TRANSPORT_ERRORS)
        # No target here has slots; the handlers look whether one has.
        self.of_slots = SlotsPorts(
            rules=self.rules,
            members=self.rules,
            services=EcsSlotServices(world.ecs, world.application_autoscaling, TRANSPORT_ERRORS),
            metrics=self.ports.metrics,
            hooks=self.ports.hooks,
            events=self.ports.events,
            store=self.store,
            stacks=InMemoryStacks(),
            active=InMemoryActiveSides(),
        )

    def start(self, event: Answer) -> Answer:
        """The start handler."""
        beginning = Beginning(self.source, self.store, self.rules, self.executions)
        of_slots = SlotsBeginning(self.source, self.store, self.rules, InMemoryStacks(), self.executions)
        return start.serve(event, beginning, of_slots)

    def tick(self, event: Answer) -> Answer:
        """The tick handler."""
        return tick.serve(event, self.ports, self.of_slots)

    def alarm(self, event: Answer) -> Answer:
        """The alarm handler."""
        return alarm.serve(event, alarm.AlarmPorts(self.rules, self.store, self.executions))

    def abort(self, settings: TargetSettings, reason: str = "test") -> AbortOutcome:
        """`bluegreen abort`, in the process that runs now."""
        now = datetime.fromtimestamp(self._world.now, UTC)
        return abort(
            self.rules,
            settings,
            caller="operator",
            reason=reason,
            now=now,
            store=self.store,
            executions=self.executions,
        )

    def machine(self) -> StateMachine:
        """The state machine with these handlers."""
        return StateMachine(self._world, self.start, self.tick, others={"alarm": self.alarm})
