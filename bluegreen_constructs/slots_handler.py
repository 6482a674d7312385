"""The custom resources of an application with slots: its sides' first revisions and its record, and its bounds."""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .engine.aws.handler_needs import NEEDS
from .engine.aws.resource_kinds import Kind
from .engine.environment import TABLE
from .engine_function import EngineFunction
from .rollout_engine import RolloutEngine

# As for TrafficRule: everything that the handler may do ends before CloudFormation gives up on it.
_SERVICE_TIMEOUT_S = 300
_EVENT_AGE_S = 120
_HANDLER_TIMEOUT_S = 150

_ID = "BlueGreenSlots"
_LOGICAL_ID = "BlueGreenSlotsHandler"
_PASSED = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
_OF_ECS = {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}}
_SCALING = "ecs.application-autoscaling.amazonaws.com"
_SCALING_ROLE = f"role/aws-service-role/{_SCALING}/AWSServiceRoleForApplicationAutoScaling_ECSService"
# Without the second condition, a request without keys would fulfil the first.
_RECORDS: dict[str, Mapping[str, object]] = {
    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["slots#*"]},
    "Null": {"dynamodb:LeadingKeys": "false"},
}


class SlotsHandler(EngineFunction):
    """The function behind the slots of a stack; it changes neither what runs nor where traffic goes."""

    def __init__(self, scope: Construct, engine: RolloutEngine) -> None:
        """Make it for the stack's engine, in whose table the records are."""
        super().__init__(
            scope,
            _ID,
            handler="engine.handlers.slots_resource.handler",
            description="Registers what the sides of slots run first, and keeps their record; never moves traffic",
            timeout_seconds=_HANDLER_TIMEOUT_S,
            environment={TABLE: engine.table.ref},
            logical_id=_LOGICAL_ID,
        )
        self._event_limits = lambda_.CfnEventInvokeConfig(
            self,
            "Events",
            function_name=self.resource.ref,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=_EVENT_AGE_S,
            maximum_retry_attempts=2,
        )
        self._allow("any", ["*"])
        self._allow("slot family", ["*"])
        self._allow("table", [engine.table.attr_arn], _RECORDS)
        engine.admit(self)
        scalable = arn_here("application-autoscaling", "scalable-target/*")
        self._allow("scalable target", [scalable], _OF_ECS)
        # The first scalable target of an account makes it.
        # https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
        role = f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}:{_SCALING_ROLE}"
        condition = {"StringEquals": {"iam:AWSServiceName": _SCALING}}
        self.allow("MakeScalingRole", ["iam:CreateServiceLinkedRole"], [role], condition)
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "describing, listing, registering and deregistering task definitions know no resource-level permissions; "
            "task definitions of the template were considered, and a stack update would then deploy them",
        )
        acknowledge(
            self.role,
            wildcard_finding(self, scalable),
            "a scalable target's ARN holds an id that only AWS knows, so a condition narrows it to ECS; naming the "
            "services was considered, and is not possible",
        )

    @classmethod
    def of(cls, scope: Construct) -> "SlotsHandler":
        """The function of `scope`'s stack; made when it is first asked for."""
        stack = cdk.Stack.of(scope)
        known = _handlers.get(stack)
        if known is None:
            known = _handlers[stack] = cls(stack, RolloutEngine.of(scope))
        return known

    def look_after(self, *, revisions: Sequence[str], roles: Sequence[str], parameter: str) -> None:
        """Let it register revisions of these families (ARNs) with these roles, and write the parameter (an ARN)."""
        self._allow("task definition", revisions)
        self._allow("task role", roles, _PASSED)
        self._allow("slot parameter", [parameter])
        for arn in revisions:
            acknowledge(
                self.role,
                wildcard_finding(self, arn),
                "a revision has no number before it is registered; all families was the alternative that was "
                "considered",
            )

    def custom_resource(
        self, scope: Construct, id: str, *, type: str, properties: Mapping[str, object]
    ) -> cdk.CfnResource:
        """A resource of `Custom::…` that this function makes."""
        known: dict[str, object] = {
            "ServiceToken": self.arn,
            "ServiceTimeout": _SERVICE_TIMEOUT_S,
            # Only named, so that the resource waits for what limits the handler's events.
            "EventLimits": self._event_limits.ref,
        }
        return cdk.CfnResource(scope, id, type=type, properties={**known, **properties})

    def _allow(
        self, kind: Kind, resources: Sequence[str], condition: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        needs = NEEDS["slots_resource"]
        actions = {action for declared in needs for action, kinds in declared.items() if kind in kinds}
        sid = "On" + "".join(word.capitalize() for word in kind.split())
        self.allow(sid, sorted(actions), resources, condition)


_handlers: "WeakKeyDictionary[cdk.Stack, SlotsHandler]" = WeakKeyDictionary()
