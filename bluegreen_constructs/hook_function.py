"""The function of a hook: what it may do, how it reaches an internal load balancer, where it leaves its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge
from .engine.aws.handler_needs import NEEDS
from .engine.aws.resource_kinds import Kind
from .engine.environment import TABLE
from .engine_function import EngineFunction
from .function_network import join_network


@dataclass(frozen=True)
class HookHistory:
    """Where a hook's result goes besides its log: the history of `target` in the engine's table."""

    target: str
    table_name: str
    table_arn: str


class HookFunction(EngineFunction):
    """A function that runs `engine.handlers.<module>`, with no more rights than its handler declares."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        module: str,
        description: str,
        timeout_seconds: int,
        history: HookHistory | None = None,
    ) -> None:
        """Make the function; with a `history` it may read and add to that target's, and to no other's."""
        super().__init__(
            scope,
            id,
            handler=f"engine.handlers.{module}.handler",
            description=description,
            timeout_seconds=timeout_seconds,
            environment=None if history is None else {TABLE: history.table_name},
        )
        self._module = module
        if history is not None:
            keys = [f"history#{history.target}", f"state#{history.target}"]
            reads = ["dynamodb:GetItem", "dynamodb:Query"]
            self._record("ReadHistory", reads, history, keys)
            self._record("AddToHistory", ["dynamodb:PutItem"], history, keys[:1])

    def _record(self, sid: str, actions: Sequence[str], history: HookHistory, keys: Sequence[str]) -> None:
        # Without the second condition, a request without keys would fulfil the first.
        condition: dict[str, Mapping[str, object]] = {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": list(keys)},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        self.allow(sid, actions, [history.table_arn], condition)

    def allow_kind(
        self,
        kind: Kind,
        resources: Sequence[str],
        *,
        condition: Mapping[str, Mapping[str, object]] | None = None,
        because: str = "",
    ) -> None:
        """Let it do what its handler needs on `kind`, on `resources`; `because` is the reason of a wildcard in them."""
        actions = {action for declared in NEEDS[self._module] for action, kinds in declared.items() if kind in kinds}
        sid = "On" + "".join(word.capitalize() for word in kind.split())
        self.allow(sid, sorted(actions), list(resources), condition)
        for arn in resources:
            if "*" in arn:
                acknowledge(self.role, wildcard_finding(self, arn), because)

    def move_into(self, vpc: ec2.IVpc, subnet_ids: Sequence[str], *, name: str) -> ec2.Connections:
        """Put it into the VPC, behind a security group of its own; what it may connect to is for the caller to say."""
        group = ec2.SecurityGroup(self, "SecurityGroup", vpc=vpc, description=name, allow_all_outbound=False)
        join_network(self, group, subnet_ids)
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda creates the network interfaces of a function in a VPC with the function's role, and the interfaces "
            "have no ARN before; leaving the function outside the VPC was considered and cannot reach an internal "
            "load balancer",
        )
        return ec2.Connections(security_groups=[group])
