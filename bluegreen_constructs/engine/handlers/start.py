"""The state machine's first state: begin what an execution asks for, a rollout or an operation on slots, or refuse."""

import os
from collections.abc import Mapping

from ..aws import clients
from ..aws.cloudformation_stacks import CloudFormationStacks
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.executions import StepFunctionsExecutions
from ..aws.parameter_settings import ParameterSettings
from ..aws.weighted_rules import AlbWeightedRules
from ..beginning import Beginning
from ..environment import Environment
from ..invocation import answered, instant
from ..start_request import StartRequest
from ..swap.beginning import SlotsBeginning, SlotsRequest


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point. A refusal is raised: its class and its sentence become the execution's error and cause."""
    place = Environment.of(os.environ)
    errors = clients.TRANSPORT_ERRORS
    source = ParameterSettings(clients.ssm(), errors)
    store = DynamoDbStore(clients.dynamodb(), place.table, errors)
    rules = AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), errors)
    executions = StepFunctionsExecutions(clients.step_functions(), place.state_machine_arn, errors)
    return serve(
        event,
        Beginning(source=source, store=store, rules=rules, executions=executions),
        SlotsBeginning(
            source=source,
            store=store,
            rules=rules,
            stacks=CloudFormationStacks(clients.cloudformation(), errors),
            executions=executions,
        ),
    )


def serve(event: Mapping[str, object], beginning: Beginning, of_slots: SlotsBeginning) -> Mapping[str, object]:
    """Begin it, and answer as the state machine reads it."""
    if "slots" in event:
        return answered(of_slots.begin(SlotsRequest.of(event), instant(event)))
    return answered(beginning.begin(StartRequest.of(event), instant(event)))
