"""What a deployment's driver sees and does, in the emulator: rules, tasks, alarms and hooks, by real calls."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from .alarm_states import AlarmClient, AlarmStates
from .deployment_run import CallHook, Tasks
from .hook_visits import CALL_BACK_DELAY, HookAnswer, HookVisit
from .load_balancer_calls import LoadBalancerCalls
from .revision import Revision
from .service_deployments import Deployment, Milestone
from .service_scheduler import ServiceScheduler


class Body(Protocol):
    """A streamed answer."""

    def read(self) -> bytes: ...


class LambdaClient(Protocol):
    """The method of boto3's lambda client that is used."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Mapping[str, object]: ...  # noqa: N803


class DeploymentWorld:
    """The outside of all drivers of one emulator."""

    def __init__(
        self,
        scheduler: ServiceScheduler,
        balancers: LoadBalancerCalls,
        functions: LambdaClient,
        alarms: AlarmClient,
        *,
        check_tasks: Callable[[Revision], None],
        changed: Callable[[Deployment, Milestone], None],
        awaits: Callable[[Deployment, HookVisit], None] = lambda *_: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scheduler = scheduler
        self._balancers = balancers
        self._functions = functions
        self._alarms = AlarmStates(alarms, sleep)
        self._check_tasks = check_tasks
        self._changed = changed
        self._awaits = awaits

    def prepare(self, deployment: Deployment) -> Revision:
        """Choose the groups of the target revision: those that do not serve.

        With a source revision they are the other sides of its groups; the first release of a service stands behind
        whichever group the production rule does not name with a weight, which for the usual 100/0 rule is the
        alternate one (as seen in the field: green=100 and blue=0 after the first deployment).
        """
        self._check_tasks(deployment.target)
        groups = tuple(self._group_for(deployment, n) for n in range(len(deployment.target.ingresses)))
        return replace(deployment.target, groups=groups)

    def _group_for(self, deployment: Deployment, number: int) -> str:
        ingress, source = deployment.target.ingresses[number], deployment.source
        live = source.groups[number] if source is not None and number < len(source.groups) else ""
        if not ingress.production_rule:
            return ingress.group
        if not deployment.run.plan.shifts_traffic:
            return live or ingress.group
        is_known = live in {ingress.group, ingress.alternate}
        if deployment.strays and is_known:  # a superseded deployment may have left weights on both: reconciled next
            return ingress.other(live)
        serving = self._balancers.serving_group(ingress)
        # ECS goes by what it deployed last; that somebody else moved the weights since it does not notice
        # (aws/containers-roadmap#2853).
        return ingress.other(live if is_known else serving)

    def shift_production(self, deployment: Deployment, percent: float) -> None:
        """ModifyRule on the production rule of every load balancer."""
        for group, ingress in zip(deployment.target.groups, deployment.target.ingresses, strict=True):
            if ingress.production_rule:
                shares = {group: percent, ingress.other(group): 100.0 - percent}
                self._balancers.shift(ingress.production_rule, shares)

    def shift_test(self, deployment: Deployment, percent: float) -> None:
        """ModifyRule on the test rules."""
        for group, ingress in zip(deployment.target.groups, deployment.target.ingresses, strict=True):
            if ingress.test_rule:
                self._balancers.shift(ingress.test_rule, {group: percent, ingress.other(group): 100.0 - percent})

    def run_tasks(self, revision: Revision) -> None:
        """Hand the revision to the scheduler."""
        self._scheduler.run(revision)

    def replace_tasks(self, revision: Revision) -> None:
        """Hand the revision to the scheduler in the place of all others of its service."""
        self._scheduler.replace(revision)

    def scale_in(self, revision: Revision) -> None:
        """Let the scheduler drain the revision."""
        self._scheduler.scale_in(revision.arn)

    def look(self, revision: Revision) -> Tasks:
        """The scheduler's count."""
        return self._scheduler.look(revision.arn)

    def failed_tasks(self, revision: Revision, *, in_a_row: bool) -> int:
        """The scheduler's count of failures."""
        return self._scheduler.failures(revision.arn, in_a_row=in_a_row)

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        """As `AlarmStates` has it."""
        return self._alarms.ringing(names)

    def ask_hook(self, deployment: Deployment, call: CallHook) -> None:
        """Invoke in a thread of its own: a hook may take 15 minutes, and alarms are watched meanwhile."""
        threading.Thread(
            target=lambda: deployment.answer(call.id, self._invoke(deployment, call)), daemon=True, name=call.id
        ).start()

    def awaits(self, deployment: Deployment, hook: HookVisit) -> None:
        """Pass it on."""
        self._awaits(deployment, hook)

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """Pass it on."""
        self._changed(deployment, milestone)

    def _invoke(self, deployment: Deployment, call: CallHook) -> HookAnswer:
        payload = json.dumps(hook_payload(deployment, call)).encode()
        try:
            answer = self._functions.invoke(FunctionName=call.hook.function_arn, Payload=payload)
            body = answer.get("Payload")
            content = body.read() if hasattr(body, "read") else b""
        except Exception as error:  # noqa: BLE001  # whatever it was: a thread that ends in silence leaves the hook open
            return HookAnswer(
                None, problem=f"ECS was unable to invoke hook target {call.hook.function_arn} due to {error}"
            )
        return hook_answer(call.hook.function_arn, content, failed=bool(answer.get("FunctionError")))


def hook_payload(deployment: Deployment, call: CallHook) -> dict[str, object]:
    """What a Lambda hook is called with, as AWS's own launch post shows it.

    Weights are percents by revision ARN, present in the stage that shifts them (`deployment-lifecycle-hooks`).
    """

    def shares(percent: float | None) -> dict[str, float]:
        if percent is None:
            return {}
        source = {deployment.source.arn: 100 - percent} if deployment.source else {}
        whole = {deployment.target.arn: percent, **source}
        return {arn: int(share) if float(share).is_integer() else share for arn, share in whole.items()}

    payload: dict[str, object] = {
        "executionDetails": {
            "serviceArn": deployment.service_arn,
            "targetServiceRevisionArn": deployment.target.arn,
            "testTrafficWeights": shares(call.test),
            "productionTrafficWeights": shares(call.production),
        },
        "executionId": call.id,
        "lifecycleStage": str(call.stage),
        "resourceArn": deployment.arn,
    }
    if call.details is not None:
        payload["hookDetails"] = dict(call.details)
    return payload


def hook_answer(function_arn: str, content: bytes, *, failed: bool) -> HookAnswer:
    """What a function's answer means; anything but a known hookStatus fails the stage."""
    unparsed = f"ECS was unable to parse the response from {function_arn} due to "
    if failed:
        return HookAnswer(None, problem=unparsed + "HookStatus must not be null")
    try:
        answer = json.loads(content or b"null")
    except ValueError:
        answer = None
    status = answer.get("hookStatus") if isinstance(answer, dict) else None
    if status not in {"SUCCEEDED", "FAILED", "IN_PROGRESS"}:
        return HookAnswer(None, problem=unparsed + "HookStatus must not be null")
    delay, details = answer.get("callBackDelay"), answer.get("hookDetails")
    return HookAnswer(
        status,
        delay=float(delay) if isinstance(delay, int | float) and delay >= 0 else CALL_BACK_DELAY,
        details=details if isinstance(details, dict) else None,
    )
