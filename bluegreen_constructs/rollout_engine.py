"""RolloutEngine: the functions, the table and the state machine that run the rollouts of a stack's targets."""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from .account_arns import arn_here
from .acknowledgements import acknowledge
from .engine.aws.resource_kinds import Kind
from .engine.environment import STATE_MACHINE_ARN, TABLE
from .engine.errors import ConfigurationError
from .engine.target_settings import PARAMETER_PREFIX, AlarmName, TargetSettings
from .engine_alarms import EngineAlarms
from .engine_function import EngineFunction
from .engine_permissions import EnginePermissions
from .engine_state_machine import definition
from .function_network import join_network
from .policy_length import refuse_long_policies
from .rollout_rights import Allowed, EngineParts, Right, of_slots, on_rules, statements
from .rollout_table import rollout_table
from .rollout_triggers import abort_on_alarms, start_on_pushes
from .settings_parameter import settings_parameter
from .subnet_choice import selected_subnets

_ID = "BlueGreenRolloutEngine"
# Logical ids are frozen: a running rollout calls these functions and this table by the names that follow from them, and
# an engine that moves in the construct tree must not lose its memory.
_TABLE_ID = "BlueGreenRolloutTable"
STATE_MACHINE_ID = "BlueGreenRolloutStateMachine"

# One call of an adapter ends within 45 s with all its retries; a tick may ask a hook besides, for 120 s.
_START_SECONDS, _TICK_SECONDS, _ALARM_SECONDS = 120, 300, 120
_MEMORY_MIB = 512
_LOG_RETENTION_DAYS = 90
# Log deliveries know no resource-level permissions: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_LOG_DELIVERY = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
]
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
_USE_KEY = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]
_PARAMETERS = f"parameter{PARAMETER_PREFIX}*"


class RolloutEngine(Construct):
    """What runs the rollouts of a stack: one for all its targets; a construct that needs it makes it.

    Make it yourself, before the first target, to say how it runs:

        RolloutEngine(self, "Engine", vpc=vpc, encryption_key=key, notify=on_call)

    vpc, subnets: where its functions run (default: in no VPC). They call Elastic Load Balancing, CloudWatch, DynamoDB,
        Amazon ECS, Auto Scaling, Lambda, EventBridge, Step Functions and Systems Manager: the subnets need a way there.
    encryption_key: encrypts the table and the logs (default: keys that AWS owns). The policy of a key that is imported
        must let CloudWatch Logs use it.
    notify: a topic that hears of the engine's own failures (default: the alarms go off and tell nobody).
    removal_policy: what becomes of the table when the stack goes; it holds 400 days of history, and what
        `bluegreen rollback` can go back to (default: it stays, unless its very creation fails).

    Each target's settings lie in the parameter `/bluegreen/targets/<stack>/<path in the stack>`; they hold no
    credentials. One stack is good for about eight targets of ECS services, five of Auto Scaling groups, or 25 of
    ready target groups: a role's policies take 10,240 characters, and one target more is refused.

    Raises ConfigurationError for a second engine in a stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        encryption_key: kms.IKey | None = None,
        notify: sns.ITopic | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    ) -> None:
        """Make the engine."""
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        if stack in _ENGINES:
            raise ConfigurationError(
                f"{self.node.path} is the second engine of its stack after {_ENGINES[stack].node.path}: make the "
                "RolloutEngine before the first construct that needs it, or take it from RolloutEngine.of(self)"
            )
        _ENGINES[stack] = self
        self._encryption_key = encryption_key
        self._rules: dict[str, tuple[str, ...]] = {}  # of each target, the live rule first
        self._settings: dict[str, TargetSettings] = {}
        self._may_abort_all: list[iam.IGrantable] = []
        self._of_all: list[tuple[Right, iam.IGrantable]] = []
        self._with_slots: list[str] = []
        self._logs: list[logs.CfnLogGroup] = []
        self.table = rollout_table(
            self, logical_id=_TABLE_ID, removal_policy=removal_policy, encryption_key=encryption_key
        )
        variables = {TABLE: self.table.ref}
        self._functions = {
            "start": self._function("Start", "Begins a rollout, or refuses it", _START_SECONDS, variables),
            "tick": self._function("Tick", "Takes a rollout's next step", _TICK_SECONDS, variables),
        }
        self._role = self._state_machine_role()
        self.state_machine = self._state_machine()
        variables[STATE_MACHINE_ARN] = self.state_machine.ref
        self._functions["alarm"] = self._function(
            "Alarm", "Aborts a rollout when a guardrail's alarm goes off", _ALARM_SECONDS, variables
        )
        self.alarms = EngineAlarms(
            self,
            "Alarms",
            state_machine_arn=self.state_machine.ref,
            tick=self._functions["tick"],
            alarm=self._functions["alarm"],
            actions=[] if notify is None else [notify.topic_arn],
        )
        self._permissions = EnginePermissions(self, "Permissions", functions=self._functions)
        self._parts = EngineParts(
            table=self.table.attr_arn,
            state_machine=self.state_machine.ref,
            executions=arn_here("states", f"execution:{self.state_machine.attr_name}:*"),
            parameters=[arn_here("ssm", _PARAMETERS)],
        )
        self._allow_its_own()
        if encryption_key is not None:
            self._encrypt(encryption_key)
        if vpc is not None:
            self._join(vpc, subnets)

    @classmethod
    def of(cls, scope: Construct) -> "RolloutEngine":
        """The engine of `scope`'s stack; made with its defaults if there is none."""
        stack = cdk.Stack.of(scope)
        return _ENGINES.get(stack) or cls(stack, _ID)

    def run(self, scope: Construct, settings: TargetSettings, resources: Mapping[Kind, Sequence[str]]) -> None:
        """Run the rollouts of a target; called by constructs.

        scope: the target's construct, in which its parameter and the rule for its alarms are made.
        resources: what the engine has to act on besides the target's rules, as ARNs by kind.

        Raises ConfigurationError for a target that is there already, settings that no parameter holds, or one target
        more than the policies of a role can name.
        """
        target, rules = settings.target, (settings.rule_arn, *settings.test_rule_arns)
        if settings.slots is not None:
            rules += tuple(arn for slot in settings.slots.slots for arn in slot.rule_arns)
        if target in self._rules:
            raise ConfigurationError(f"there are two targets {target}: give one of them another construct id")
        self._rules[target], self._settings[target] = rules, settings
        self._permissions.allow("rule", rules)
        for kind, arns in resources.items():
            self._permissions.allow(kind, arns)
        self._role.policies = self._state_machine_policies()
        for role in (self._role, *(function.role for function in self._functions.values())):
            refuse_long_policies(role, targets=len(self._rules))
        for grantee in self._may_abort_all:
            _add(grantee, [on_rules(rules)])
        if settings.slots is not None:
            self._with_slots.append(target)
            for right, grantee in self._of_all:
                _add(grantee, of_slots(right, self._parts, target))
        settings_parameter(scope, settings, table=self.table.ref, state_machine_arn=self.state_machine.ref)
        alarms = [guardrail.alarm for guardrail in settings.guardrails if isinstance(guardrail, AlarmName)]
        if alarms:
            abort_on_alarms(
                scope,
                target=target,
                rule_arn=settings.rule_arn,
                alarm_names=alarms,
                function_arn=self._functions["alarm"].arn,
                dead_letters_arn=self.alarms.queue.attr_arn,
            )

    def settings_of(self, target: str) -> TargetSettings:
        """What a target's rollouts are run with. Raises ConfigurationError for one that this engine does not run."""
        return self._settings[self._known(target)]

    def admit(self, function: EngineFunction) -> None:
        """Let a function of a construct use the key that the table is encrypted with; its statements are its own."""
        if self._encryption_key is not None:
            function.allow("UseKey", _USE_KEY, [self._encryption_key.key_arn])

    def start_on_push(self, scope: Construct, target: str, repository: ecr.IRepository, tag_pattern: str) -> None:
        """Start a rollout of `target` for every image that is pushed to `repository` with such a tag."""
        start_on_pushes(
            scope,
            target=target,
            repository=repository,
            tag_pattern=tag_pattern,
            state_machine_arn=self.state_machine.ref,
            dead_letters_arn=self.alarms.queue.attr_arn,
        )

    def grant_view(self, grantee: iam.IGrantable, target: str | None = None) -> None:
        """May look: `status`, `watch`, `history`, `explain`, `report`, of slots `diff`, too.

        target: only this one (default: all).
        """
        self._grant("view", grantee, target)

    def grant_start(self, grantee: iam.IGrantable) -> None:
        """May look, and `start` and `rollback` any target of this stack: IAM cannot tell executions apart by input.

        Of slots: `deploy`, `swap`, `preview`, `traffic`, `clone` and `resolve`.
        """
        self._grant("start", grantee, None)

    def grant_promote(self, grantee: iam.IGrantable, target: str | None = None) -> None:
        """May look, and `promote`, `pause` and `resume`; of slots `complete`, `end-bake` and `resume`.

        target: only this one (default: all).
        """
        self._grant("promote", grantee, target)

    def grant_abort(self, grantee: iam.IGrantable, target: str | None = None) -> None:
        """May look, and `abort`: give live all traffic, whatever else is down; of slots `cancel` and `rollback`, too.

        target: only this one (default: all).

        An abort starts an execution that tidies up, so whoever may abort may also start, by the AWS API.
        """
        self._grant("abort", grantee, target)
        if target is None:
            self._may_abort_all.append(grantee)
        for name in self._rules if target is None else [self._known(target)]:
            _add(grantee, [on_rules(self._rules[name])])

    def grant_unlock(self, grantee: iam.IGrantable, target: str | None = None) -> None:
        """May look, and `unlock` what a lost rollout holds. target: only this one (default: all)."""
        self._grant("unlock", grantee, target)

    def _grant(self, right: Right, grantee: iam.IGrantable, target: str | None) -> None:
        _add(grantee, statements(right, self._parts, None if target is None else self._known(target)))
        if target is None:
            self._of_all.append((right, grantee))
        for name in self._with_slots:
            if target in {None, name}:
                _add(grantee, of_slots(right, self._parts, name))
        if self._encryption_key is not None:
            _add(grantee, [Allowed(_USE_KEY, [self._encryption_key.key_arn], {})])

    def _known(self, target: str) -> str:
        if target not in self._rules:
            known = ", ".join(sorted(self._rules)) or "there is none yet"
            raise ConfigurationError(f"{self.node.path} runs no target {target!r}: give one of {known}")
        return target

    def _function(
        self, name: str, description: str, timeout_seconds: int, variables: Mapping[str, str]
    ) -> EngineFunction:
        return EngineFunction(
            self,
            name,
            handler=f"engine.handlers.{name.lower()}.handler",
            description=description,
            timeout_seconds=timeout_seconds,
            memory_mib=_MEMORY_MIB,
            environment=variables,
            logical_id=f"BlueGreenRollout{name}",
        )

    def _state_machine(self) -> stepfunctions.CfnStateMachine:
        start, tick = self._functions["start"], self._functions["tick"]
        # Under any other prefix the account's one resource policy for log deliveries, of 5,120 characters, grows with
        # every state machine until no further one can be made.
        # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
        log_group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{cdk.Aws.STACK_NAME}-BlueGreenRollouts",
            retention_in_days=_LOG_RETENTION_DAYS,
        )
        log_group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self._logs.append(log_group)
        machine = stepfunctions.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=self._role.attr_arn,
            definition_string=cdk.Stack.of(self).to_json_string(
                definition(
                    start_arn=start.arn,
                    start_seconds=_START_SECONDS,
                    tick_arn=tick.arn,
                    tick_seconds=_TICK_SECONDS,
                    partition=cdk.Aws.PARTITION,
                )
            ),
            logging_configuration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": log_group.attr_arn}}],
            },
        )
        machine.override_logical_id(STATE_MACHINE_ID)
        acknowledge(
            machine,
            "AwsSolutions-SF2",
            "each tick is one short invocation whose reasons are in the rollout's history; X-Ray was considered, and "
            "would need a permission on all resources to show nothing more",
        )
        return machine

    def _state_machine_role(self) -> iam.CfnRole:
        role = iam.CfnRole(
            self,
            "Role",
            description="Calls the rollout engine's functions, and gives live all traffic when they keep failing",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
                ],
            },
            policies=self._state_machine_policies(),
        )
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "log deliveries know no resource-level permissions; a state machine without logs was considered, and would "
            "leave nothing to read when the engine fails",
        )
        return role

    def _state_machine_policies(self) -> list[cdk.IResolvable | iam.CfnRole.PolicyProperty]:
        allowed = [
            Allowed(["lambda:InvokeFunction"], [self._functions[name].arn for name in ("start", "tick")], {}),
            Allowed(_LOG_DELIVERY, ["*"], {}),
        ]
        rules = [rule for of_target in self._rules.values() for rule in of_target]
        if rules:
            allowed.append(on_rules(rules))
        document = {"Version": "2012-10-17", "Statement": [one.as_json() for one in allowed]}
        return [iam.CfnRole.PolicyProperty(policy_name="Rollouts", policy_document=document)]

    def _allow_its_own(self) -> None:
        """What needs no target: the engine's own parts, and what is on all resources."""
        self._permissions.allow("any", ["*"])
        self._permissions.allow("table", [self._parts.table])
        self._permissions.allow("parameter", self._parts.parameters)
        self._permissions.allow("event bus", [arn_here("events", "event-bus/default")])
        self._permissions.allow("state machine", [self._parts.state_machine])
        self._permissions.allow("execution", [self._parts.executions])

    def _encrypt(self, key: kms.IKey) -> None:
        service = f"logs.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        for function in self._functions.values():
            function.allow("UseKey", _USE_KEY, [key.key_arn])
            log_group = function.node.find_child("Logs")
            if isinstance(log_group, logs.CfnLogGroup):
                self._logs.append(log_group)
        for log_group in self._logs:
            log_group.kms_key_id = key.key_arn
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],  # in a key's own policy, this key
                conditions={
                    "ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn_here("logs", "log-group:*")},
                },
            )
        )

    def _join(self, vpc: ec2.IVpc, subnets: ec2.SubnetSelection | None) -> None:
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="the rollout engine", allow_all_outbound=False
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS")
        selected = selected_subnets(vpc, subnets)
        for function in self._functions.values():
            join_network(function, group, selected.subnet_ids)


# Each stack's engine, by whatever id it was made.
_ENGINES: "WeakKeyDictionary[cdk.Stack, RolloutEngine]" = WeakKeyDictionary()


def _add(grantee: iam.IGrantable, allowed: Sequence[Allowed]) -> None:
    for one in allowed:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=list(one.actions), resources=list(one.resources), conditions=one.condition or None
            )
        )
