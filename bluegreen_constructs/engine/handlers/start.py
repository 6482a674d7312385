"""The state machine's first state: begin the rollout that an execution asks for, or refuse it."""

import os
from collections.abc import Mapping

from ..aws import clients
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.executions import StepFunctionsExecutions
from ..aws.parameter_settings import ParameterSettings
from ..aws.weighted_rules import AlbWeightedRules
from ..beginning import Beginning, StartRequest
from ..environment import Environment
from ..invocation import answered, instant


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point. A refusal is raised: its class and its sentence become the execution's error and cause."""
    place = Environment.of(os.environ)
    beginning = Beginning(
        source=ParameterSettings(clients.ssm(), clients.TRANSPORT_ERRORS),
        store=DynamoDbStore(clients.dynamodb(), place.table, clients.TRANSPORT_ERRORS),
        rules=AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), clients.TRANSPORT_ERRORS),
        executions=StepFunctionsExecutions(clients.step_functions(), place.state_machine_arn, clients.TRANSPORT_ERRORS),
    )
    return serve(event, beginning)


def serve(event: Mapping[str, object], beginning: Beginning) -> Mapping[str, object]:
    """Begin it, and answer as the state machine reads it."""
    return answered(beginning.begin(StartRequest.of(event), instant(event)))
