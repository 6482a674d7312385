"""Refuses what Argo Rollouts could not do with a service, or would do otherwise than the operator means."""

import re
from datetime import timedelta

from .argo.analysis_template import FIRST_MEASUREMENT_SECONDS, INTERVAL_SECONDS
from .argo_ingress import refuse_ingress
from .argo_service_plan import ServicePlan
from .cluster_analysis import CloudWatchAnalysis, JobAnalysis
from .engine.errors import ConfigurationError
from .engine.smoke_test import HttpSmokeTest
from .engine.spans import in_words
from .engine.strategy import Split, Step
from .guardrail_alarms import AlarmThresholds
from .hooks import Approval
from .pods import ExistingDeployment, Pods

DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_SHORTEST_JUDGED = timedelta(seconds=FIRST_MEASUREMENT_SECONDS + INTERVAL_SECONDS)
_WEB_METHODS = ("GET", "POST", "PUT")


def refuse_service(path: str, plan: ServicePlan) -> None:
    """Raise ConfigurationError for the first thing that cannot be as it was asked for."""
    if not DNS_LABEL.fullmatch(plan.namespace) or len(plan.namespace) > 63:
        raise ConfigurationError(
            f"{path} has the namespace {plan.namespace!r}: give a name of DNS, such as 'inference'"
        )
    if not isinstance(plan.pods, Pods | ExistingDeployment):
        raise ConfigurationError(
            f"{path} has pods of {type(plan.pods).__name__}: give Pods(…), or ExistingDeployment(…)"
        )
    _refuse_shape(path, plan)
    if plan.ingress is not None:
        refuse_ingress(path, plan.ingress)
    _refuse_guardrails(path, plan)
    _refuse_hooks(path, plan)
    _refuse_steps(path, plan)
    _refuse_scaling(path, plan)


def _refuse_shape(path: str, plan: ServicePlan) -> None:
    if plan.shape not in ("ping-pong", "blue-green"):
        raise ConfigurationError(
            f"{path} has the shape {plan.shape!r}: give 'ping-pong' or 'blue-green', or leave it out"
        )
    if plan.shape == "ping-pong" and plan.ingress is None:
        raise ConfigurationError(
            f"{path} has the shape ping-pong and no ingress: give ingress=, two Services take turns behind a load "
            "balancer"
        )
    if plan.shape == "blue-green" and plan.ingress is not None and not plan.accept_dropped_requests:
        raise ConfigurationError(
            f"{path} has the shape blue-green behind a load balancer, which drops requests: the Service changes its "
            "pods while the load balancer still sends to the former ones; leave shape out for ping-pong, which does "
            "not, or give accept_dropped_requests=True"
        )


def _refuse_steps(path: str, plan: ServicePlan) -> None:
    if isinstance(plan.strategy, Split):
        raise ConfigurationError(f"{path} has a Split: Argo Rollouts ends every rollout, give Canary, Linear or Steps")
    steps = plan.strategy.steps()
    if steps and plan.shape == "blue-green":
        raise ConfigurationError(
            f"{path} moves traffic in {len(steps)} steps and has the shape blue-green, which moves it at once: give "
            "AllAtOnce(), or ingress= without shape=, behind which weights can be set"
        )
    for step in (*steps, Step(100, plan.bake)):
        if step.percent != int(step.percent):
            raise ConfigurationError(
                f"{path} has a step of {step.percent:g} %: give whole percents, Argo knows no others"
            )
        if plan.guardrails and step.span < _SHORTEST_JUDGED:
            raise ConfigurationError(
                f"{path} bakes {step.percent:g} % for {in_words(step.span)} and has guardrails: give "
                f"{in_words(_SHORTEST_JUDGED)} or more, CloudWatch knows of a minute two minutes later"
            )
        if step.span % timedelta(minutes=1):
            raise ConfigurationError(f"{path} bakes {step.percent:g} % for {in_words(step.span)}: give whole minutes")
    planned = sum((step.span for step in steps), plan.bake)
    if plan.shape == "ping-pong" and plan.deadline <= planned:
        raise ConfigurationError(
            f"{path} has a deadline of {in_words(plan.deadline)} and bakes {in_words(planned)} in all: give a longer "
            "one"
        )
    if plan.keep < timedelta(seconds=30):
        raise ConfigurationError(
            f"{path} keeps what was replaced for {in_words(plan.keep)}: give 30 s or more, until then the load "
            "balancer may still send there"
        )


def _refuse_guardrails(path: str, plan: ServicePlan) -> None:
    thresholds = [one for one in plan.guardrails if isinstance(one, AlarmThresholds)]
    for one in plan.guardrails:
        if not isinstance(one, AlarmThresholds | CloudWatchAnalysis):
            raise ConfigurationError(
                f"{path} has the guardrail {type(one).__name__}, for which Argo Rollouts has no place: give "
                "AlarmThresholds(…), CloudWatchAnalysis(…), or a hook; comparisons with live are made by the engine, "
                "behind CanaryAlb, EcsBlueGreenService and ClusterSwitch"
            )
    if len(thresholds) > 1:
        raise ConfigurationError(f"{path} has {len(thresholds)} AlarmThresholds: give one")
    if thresholds and plan.shape == "blue-green":
        raise ConfigurationError(
            f"{path} has AlarmThresholds and the shape blue-green, in which no target group is the candidate's: give "
            "CloudWatchAnalysis(…) over metrics of the application"
        )


def _refuse_hooks(path: str, plan: ServicePlan) -> None:
    for hook in plan.hooks:
        if isinstance(hook, HttpSmokeTest):
            _refuse_smoke_test(path, hook)
        elif not isinstance(hook, JobAnalysis | Approval):
            raise ConfigurationError(
                f"{path} has the hook {type(hook).__name__}: give HttpSmokeTest, JobAnalysis or Approval"
            )
    if plan.shape == "ping-pong":
        return
    if any(isinstance(hook, Approval) and hook.stage == "BAKING" for hook in plan.hooks):
        raise ConfigurationError(
            f"{path} has an Approval in its bake and the shape blue-green, which has no place for one: leave stage out"
        )
    kinds = [isinstance(hook, Approval) for hook in plan.hooks]
    if kinds.count(True) > 1 or (any(kinds) and not kinds[-1]):
        raise ConfigurationError(
            f"{path} has the shape blue-green and an Approval before other hooks: give one, as the last hook, Argo "
            "asks for it when all the others are over"
        )


def _refuse_smoke_test(path: str, test: HttpSmokeTest) -> None:
    if test.method not in _WEB_METHODS:
        raise ConfigurationError(
            f"{path} has a smoke test by {test.method}: Argo Rollouts can {', '.join(_WEB_METHODS)}, give a "
            "JobAnalysis for others"
        )
    if test.statuses != (200,) or test.expects is not None:
        raise ConfigurationError(
            f"{path} has a smoke test of {test.path} that looks at the answer: Argo Rollouts takes any 2xx and does "
            "not look further, leave statuses and expects out, or give a JobAnalysis"
        )


def _refuse_scaling(path: str, plan: ServicePlan) -> None:
    scaling = plan.scaling
    if scaling.requests_per_target is not None or scaling.schedules:
        raise ConfigurationError(
            f"{path} scales on requests or schedules: give Scaling(min=…, max=…, cpu_percent=…), Kubernetes' "
            "autoscaler knows nothing else without more parts"
        )
    if isinstance(plan.pods, ExistingDeployment) and scaling != type(scaling)():
        raise ConfigurationError(
            f"{path} adopts a Deployment and has scaling: give ExistingDeployment(replicas=…), and an autoscaler of "
            "yours the Rollout to scale instead of the Deployment"
        )
