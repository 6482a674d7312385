"""A deployment that AWS CodeDeploy is asked to make: refused while another one holds the target, and made once."""

from collections.abc import Callable

from ..engine.code_deployments import DeploymentHeldError
from ..engine.errors import AwsError
from ..engine.ports import HeldError
from .code_deploy_reading import id_in_flight, seen_of, told
from .code_deploy_target import CodeDeployTarget, code_deploy_of
from .operator_world import OperatorWorld, TargetEngine
from .spelled_times import iso

_CLOCKS = 60.0
"""Seconds by which this machine's clock may be ahead of AWS's."""


def created(
    world: OperatorWorld, engine: TargetEngine, group: str, description: str, create: Callable[[], str]
) -> CodeDeployTarget:
    """Have `create` begin a deployment of `group`, and answer it. Raises HeldError when another one was quicker."""
    where, deployments = code_deploy_of(engine.settings), world.code_deployments()
    began = world.now()
    try:
        id = create()  # noqa: A001
    except DeploymentHeldError as error:
        # A call that was not answered may have had its effect, and its repetition meets what it has made.
        id = deployments.in_flight(where.application, group)  # noqa: A001
        made = deployments.deployment(id) if id else None
        if made is None or made.description != description or (began - made.created_at).total_seconds() > _CLOCKS:
            refuse_held(world, engine)
            raise HeldError(f"CodeDeploy makes no deployment of {engine.target} now ({error}): try again") from error
    return seen_of(world, engine, deployments.deployment(id))


def refuse_held(world: OperatorWorld, engine: TargetEngine) -> None:
    """Raise HeldError while a deployment is in flight, by whichever group of the target."""
    id, _ = id_in_flight(world, engine)  # noqa: A001
    if not id:
        return
    what = f"deployment {id} has held {engine.target}"
    try:
        one = world.code_deployments().deployment(id)
        release = told(one.description)[0]
        of = f" of {release}" if release else ""
        what = f"deployment {id}{of} has held {engine.target} since {iso(one.created_at)} and is {one.status}"
    except AwsError:
        pass  # that it is held is known, and must not be hidden by what is not
    raise HeldError(f"{what}: wait for it, or end it with bluegreen abort {engine.target}")
