"""The task definition of each slot, which holds its settings: the engine renders from it, and it never runs."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from .account_arns import arn_here
from .engine.aws.resource_kinds import Kind
from .engine.errors import ConfigurationError
from .service_plan import Plan
from .service_tasks import task_definition_for
from .slot import Slot
from .web_app import WebApp


class SlotDefinitions:
    """A slot's image is the first release's; its settings, roles and log group are what stays with it."""

    def __init__(
        self,
        homes: Mapping[str, Construct],
        *,
        app: WebApp,
        plan: Plan,
        slots: Sequence[Slot],
        sticky: Sequence[str],
        families: Mapping[str, str],
        role_parameter: str,
    ) -> None:
        """Make the definitions. homes, families: where and in which family, by slot.

        role_parameter: the name of the parameter that says which side is active; each task may read it.
        """
        self.by_slot = {
            slot.name: _definition(homes[slot.name], app=app, plan=plan, slot=slot, family=families[slot.name])
            for slot in slots
        }
        _share_travelling(self.by_slot, slots, sticky)
        for definition in self.by_slot.values():
            definition.add_to_task_role_policy(
                iam.PolicyStatement(
                    actions=["ssm:GetParameter"], resources=[arn_here("ssm", f"parameter{role_parameter}")]
                )
            )

    @property
    def roles(self) -> list[iam.IRole]:
        """The task roles and the execution roles, each once."""
        found: dict[str, iam.IRole] = {}
        for definition in self.by_slot.values():
            for role in (definition.task_role, definition.execution_role):
                if role is not None:
                    found[role.role_arn] = role
        return list(found.values())

    @property
    def resources(self) -> Mapping[Kind, Sequence[str]]:
        """What the engine passes on."""
        return {"task role": [role.role_arn for role in self.roles]}

    def of(self, slot: str) -> ecs.TaskDefinition:
        """A slot's definition. Raises ConfigurationError for a slot that is not there."""
        if slot not in self.by_slot:
            raise ConfigurationError(f"there is no slot {slot!r}: give one of {', '.join(self.by_slot)}")
        return self.by_slot[slot]


def _definition(scope: Construct, *, app: WebApp, plan: Plan, slot: Slot, family: str) -> ecs.TaskDefinition:
    definition = task_definition_for(
        scope,
        app.name,
        app.container(plan, slot.environment, slot.secrets),
        plan.placed,
        family=family,
        task_role=slot.task_role,
        stream_prefix=slot.name,
    )
    # An image of a public registry needs no execution role, the log driver does.
    definition.obtain_execution_role()
    registered = definition.node.default_child
    if isinstance(registered, ecs.CfnTaskDefinition):
        # A revision that CloudFormation replaces stays active, for the engine may be rendering from it.
        registered.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        registered.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
    return definition


def _share_travelling(
    definitions: Mapping[str, ecs.TaskDefinition], slots: Sequence[Slot], sticky: Sequence[str]
) -> None:
    """A secret that travels is read, after a swap, by the other slot's role; a sticky one by its own slot's alone."""
    for slot in slots:
        for name, secret in slot.secrets.items():
            if name in sticky:
                continue
            for other, definition in definitions.items():
                if other != slot.name:
                    secret.grant_read(definition.obtain_execution_role())
