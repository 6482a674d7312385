"""What an ECS service that CodeDeploy deploys cannot have: refused in one sentence each, with what to do instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from .adoption import Adopted
from .code_deploy import CodeDeploy
from .code_deploy_plan import CodeDeployPlan
from .engine.code_deploy_hook import EVENT_LIMIT
from .engine.errors import ConfigurationError
from .engine.smoke_test import HttpSmokeTest
from .engine.spans import in_words
from .engine.strategy import Strategy
from .hooks import LambdaHook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .release_marks import ReleaseMark
from .rule_owner import RuleOwner
from .service_guardrails import ServiceGuardrails
from .service_hooks import ServiceHook
from .tasks import Tasks
from .test_traffic import TestTraffic

EVERYBODY = "0.0.0.0/0"
_INSTEAD: Mapping[str, str] = {
    "Approval": "use CodeDeploy(approval=...), for which a deployment waits before production traffic moves",
    "ReplayRequests": "Amazon ECS's own deployments can, leave controller out",
    "MigrationTask": "run the migration before the deployment, or leave controller out",
}


@dataclass(frozen=True)
class Others:
    """What the service was given beside its controller and its plan."""

    ingress: Ingress | None
    adopted: Adopted | None
    tasks: Tasks | None
    judging: ServiceGuardrails
    hooks: Sequence[ServiceHook]
    test_traffic: TestTraffic | None
    expected_traffic: ExpectedTraffic | None
    rule_owner: RuleOwner

    @staticmethod
    def refuse_marks(target: str, marks: Sequence[ReleaseMark]) -> None:
        """Raise ConfigurationError for a mark, which nobody would read."""
        if marks:
            raise ConfigurationError(
                f"{target} has the mark {type(marks[0]).__name__} and is deployed by CodeDeploy, where no judge reads "
                "it: leave it out"
            )


def checked_plan(
    target: str,
    controller: CodeDeploy,
    strategy: Strategy,
    bake: timedelta,
    others: Others,
) -> CodeDeployPlan:
    """The plan of a service that can be deployed so; raises ConfigurationError for one that cannot."""
    plan = CodeDeployPlan(target, controller, strategy, bake)
    _refuse_controller(target, controller)
    _refuse_judgement(target, others)
    _refuse_parts(target, others)
    _refuse_hooks(target, others)
    if others.ingress is not None:
        _refuse_routes(target, others.ingress, others)
        plan.refuse_in_stack_update(timedelta(seconds=others.ingress.grace_seconds))
    return plan


def _refuse_controller(target: str, controller: CodeDeploy) -> None:
    if controller.configuration is not None:
        raise ConfigurationError(
            f"{target} has CodeDeploy(configuration=...), which is about EC2 instances: leave it out, strategy says "
            "how the traffic of an ECS service moves"
        )
    if not controller.terminate:
        raise ConfigurationError(
            f"{target} has CodeDeploy(terminate=False), and of Amazon ECS the former tasks always end after the bake: "
            "leave it out, and give a longer bake (at most 48 h)"
        )


def _refuse_judgement(target: str, others: Others) -> None:
    if others.judging.counted:
        raise ConfigurationError(
            f"{target} has the guardrail {type(others.judging.counted[0]).__name__} and is deployed by CodeDeploy, "
            "which asks nobody between two steps: judge by alarms (AlarmThresholds, AlarmGuardrail), or leave "
            "controller out"
        )
    if others.expected_traffic is not None:
        raise ConfigurationError(
            f"{target} has expected_traffic and is deployed by CodeDeploy, where no comparison would be checked "
            "against it: leave it out"
        )


def _refuse_parts(target: str, others: Others) -> None:
    if others.adopted is not None:
        raise ConfigurationError(
            f"{target} has adopted and controller=CodeDeploy(...), and Amazon ECS changes no running service's "
            "controller to CodeDeploy: adopt it with Amazon ECS's own deployments, leave controller out"
        )
    if others.rule_owner is RuleOwner.CLOUDFORMATION:
        raise ConfigurationError(
            f"{target} has rule_owner=CLOUDFORMATION and is deployed by CodeDeploy, which moves the weights of the "
            "listeners' rules: leave rule_owner out, so that no stack update writes them back"
        )
    tasks = others.tasks
    if tasks is None:
        return
    if tasks.capacity is not None:
        raise ConfigurationError(
            f"{target} has Tasks(capacity=...) and is deployed by CodeDeploy, whose task sets would each need the "
            "strategy in the AppSpec: leave capacity out (Fargate on demand), or leave controller out"
        )
    if tasks.service_connect is not None:
        raise ConfigurationError(
            f"{target} has Tasks(service_connect=...), which Amazon ECS does not support of services that CodeDeploy "
            "deploys: leave it out, or leave controller out"
        )
    if tasks.circuit_breaker:
        raise ConfigurationError(
            f"{target} has Tasks(circuit_breaker=True), which Amazon ECS does not support of services that CodeDeploy "
            "deploys: leave it out, CodeDeploy fails a deployment whose tasks do not start"
        )


def _refuse_hooks(target: str, others: Others) -> None:
    for hook in others.hooks:
        instead = _INSTEAD.get(type(hook).__name__)
        if instead is not None:
            raise ConfigurationError(
                f"{target} has the hook {type(hook).__name__} and is deployed by CodeDeploy, which has no place "
                f"for it: {instead}"
            )
        if isinstance(hook, LambdaHook) and hook.wait > EVENT_LIMIT:
            raise ConfigurationError(
                f"{target} has a LambdaHook with timeout {in_words(hook.wait)} and is deployed by CodeDeploy, which "
                f"fails what is not reported within {in_words(EVENT_LIMIT)}: give a shorter timeout, or wait for a "
                "person by CodeDeploy(approval=...)"
            )
        is_testing = isinstance(hook, HttpSmokeTest) or (isinstance(hook, LambdaHook) and hook.stage == "TESTING")
        if is_testing and others.test_traffic is None:
            raise ConfigurationError(
                f"{target} has the hook {type(hook).__name__} before production traffic, and no test listener, without "
                "which CodeDeploy asks nobody then: give test_traffic=TestTraffic.listener(port, sources=[...])"
            )


def _refuse_routes(target: str, ingress: Ingress, others: Others) -> None:
    tests = others.test_traffic
    if tests is not None and tests.header_name is not None:
        raise ConfigurationError(
            f"{target} has a header for its test traffic, and CodeDeploy knows listeners only: give "
            "TestTraffic.listener(port, sources=[...]), or leave test_traffic out for no test route"
        )
    if ingress.rules is not None:
        raise ConfigurationError(
            f"{target} was given rules and is deployed by CodeDeploy, which looks for them on its listeners itself: "
            "give Ingress(listener=..., priority=...) instead"
        )
    if tests is None:
        return
    if ingress.listener is not None:
        raise ConfigurationError(
            f"{target} asks for a test listener on a listener that is shared: leave test_traffic out, or give "
            "Ingress(load_balancer=...), on which both listeners are made"
        )
    smoke = any(isinstance(hook, HttpSmokeTest) for hook in others.hooks)
    if smoke and ingress.internet_facing and EVERYBODY not in tests.sources:
        raise ConfigurationError(
            f"{target} has smoke tests, which come from Lambda's own addresses, and its internet-facing test listener "
            f"admits only {', '.join(tests.sources)}: use internet_facing=False, where the tests run inside the VPC, a "
            f"LambdaHook that has one of those addresses, or admit {EVERYBODY}"
        )
