"""The function that warms a candidate's tasks: inside the VPC, allowed to reach them and nothing else."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .engine.slot_settings import WarmUpSettings
from .hook_function import HookFunction
from .service_network import tcp
from .swap_options import WarmUp

# One attempt asks for 90 s at most; what is left is for its last answers.
_SECONDS = 110


def warm_up_settings(
    scope: Construct,
    warm_up: WarmUp,
    *,
    vpc: ec2.IVpc,
    subnet_ids: Sequence[str],
    tasks: ec2.ISecurityGroup,
    port: int,
) -> WarmUpSettings:
    """Make the function, and let it in where the tasks are; what the engine is to ask it with."""
    function = HookFunction(
        scope,
        "WarmUp",
        module="warm_up",
        description="Asks a candidate's tasks until they are warm, before they get production traffic",
        timeout_seconds=_SECONDS,
    )
    connections = function.move_into(vpc, subnet_ids, name="the warm-up of slots")
    connections.allow_to(tasks, tcp(port), "warm-up")
    least, most = warm_up.statuses
    return WarmUpSettings(
        function_arn=function.arn,
        path=warm_up.path,
        least=least,
        most=most,
        in_a_row=warm_up.in_a_row,
        timeout=warm_up.span,
        attempts=warm_up.attempts,
    )
