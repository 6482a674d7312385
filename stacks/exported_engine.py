"""What a pipeline's stack reads of a stack's engine, exported whether or not a pipeline is synthesised with it."""

import aws_cdk as cdk

from bluegreen_constructs import RolloutEngine


def export_engine(stack: cdk.Stack, engine: RolloutEngine) -> None:
    """Export the state machine that a pipeline starts rollouts with.

    The CDK would add the exports only when the pipeline's stack is in the same synthesis: an environment that is
    deployed by itself would then take away what the pipeline imports.
    """
    stack.export_value(engine.state_machine.ref)
