"""All manifests of one service, in the order in which they are applied: what a Rollout names is there before it."""

from collections.abc import Mapping
from datetime import timedelta

from .argo.addresses import ServiceNames, ingress, service, to_port
from .argo.availability import autoscaler, disruption_budget
from .argo.lint_ingress import ALB_DOWNTIME_ACCEPTED
from .argo.manifest import Manifest
from .argo.pod_template import pod_template
from .argo.rollout import SLACK_SECONDS, rollout
from .argo.strategy import blue_green, ping_pong
from .argo_ingress import annotations
from .argo_judges import Judging
from .argo_service_plan import ServicePlan
from .cluster_analysis import JobAnalysis
from .pods import Pods

_APP_LABEL = "app.kubernetes.io/name"


def service_manifests(plan: ServicePlan) -> tuple[Manifest, ...]:
    """Services, AnalysisTemplates, disruption budget, autoscaler, Ingress, Rollout."""
    names, labels = ServiceNames(plan.name), _labels(plan)
    judging = Judging(
        names,
        plan.namespace,
        guardrails=plan.guardrails,
        hooks=plan.hooks,
        deadline=plan.deadline,
        bake=plan.bake,
        health_path=plan.pods.health_path,
    )
    return (
        *_services(plan, names, labels),
        *judging.templates(is_canary=_is_canary(plan)),
        disruption_budget(plan.name, plan.namespace, labels),
        *_autoscaler(plan),
        *_ingress(plan),
        _rollout(plan, labels, _strategy(plan, names, judging)),
    )


def longest_rollout(plan: ServicePlan) -> timedelta:
    """Pods that are not ready in time are aborted; what is ready has the deadline, where it says so, or a bake."""
    return timedelta(seconds=_progress_seconds(plan)) + plan.deadline


def _services(plan: ServicePlan, names: ServiceNames, labels: Mapping[str, str]) -> list[Manifest]:
    selectors = {names.name: labels, names.candidate: labels}
    if _is_canary(plan):
        # The controller tells ping from pong; the addresses of both roles know their pods by the label that they get.
        selectors = {
            names.name: {**labels, **names.live_label},
            names.candidate: {**labels, **names.candidate_label},
            names.ping: labels,
            names.pong: labels,
        }
    made = [service(name, plan.namespace, selector) for name, selector in selectors.items()]
    return made if isinstance(plan.pods, Pods) else [to_port(one, plan.pods.port) for one in made]


def _autoscaler(plan: ServicePlan) -> list[Manifest]:
    """Always one for pods of our own, also where nothing scales.

    A number in the Rollout would take every update back to it; and once it is left out, because an autoscaler comes,
    the service is scaled to the default of one pod first.
    """
    if not isinstance(plan.pods, Pods):
        return []
    least, most = plan.scaling.min, plan.scaling.max or plan.scaling.min
    return [autoscaler(plan.name, plan.namespace, least=least, most=most, cpu_percent=plan.scaling.cpu_percent or 80)]


def _ingress(plan: ServicePlan) -> list[Manifest]:
    given = plan.ingress
    if given is None:
        return []
    asked = plan.pods.health_path if given.health_path == "/" else given.health_path
    made = ingress(
        plan.name,
        plan.namespace,
        annotations=annotations(given, health_path=asked),
        host=given.host,
        paths=given.paths,
        port="use-annotation" if _is_canary(plan) else "http",
    )
    return [made]


def _strategy(plan: ServicePlan, names: ServiceNames, judging: Judging) -> Manifest:
    judges = judging.judges(is_canary=_is_canary(plan))
    if not _is_canary(plan):
        # The delay counts from the switch on, and going back within the bake needs the former pods.
        keep = round((plan.bake + plan.keep).total_seconds())
        return blue_green(names, bake=plan.bake, judges=judges, keep_seconds=keep)
    keep = round(plan.keep.total_seconds())
    return ping_pong(names, steps=plan.strategy.steps(), bake=plan.bake, judges=judges, keep_seconds=keep)


def _rollout(plan: ServicePlan, labels: Mapping[str, str], strategy: Manifest) -> Manifest:
    pods, drain = plan.pods, 0 if plan.ingress is None else plan.ingress.drain_seconds
    return rollout(
        plan.name,
        plan.namespace,
        labels=labels,
        strategy=strategy,
        progress_seconds=_progress_seconds(plan),
        replicas=None if isinstance(pods, Pods) else pods.replicas,
        template=pod_template(pods, labels, drain_seconds=drain) if isinstance(pods, Pods) else None,
        deployment=None if isinstance(pods, Pods) else pods.name,
        annotations={ALB_DOWNTIME_ACCEPTED: "accepted"} if plan.accept_dropped_requests else {},
    )


def _progress_seconds(plan: ServicePlan) -> int:
    """How long nothing may happen. A blueGreen's analyses count as nothing: the deadline goes on while they run."""
    startup = plan.pods.startup_seconds if isinstance(plan.pods, Pods) else SLACK_SECONDS
    tests = [hook.timeout_seconds for hook in plan.hooks if isinstance(hook, JobAnalysis)]
    measured = 0 if _is_canary(plan) else max(round(plan.bake.total_seconds()), *map(round, tests), 0)
    return startup + SLACK_SECONDS + measured


def _labels(plan: ServicePlan) -> Mapping[str, str]:
    return {_APP_LABEL: plan.name} if isinstance(plan.pods, Pods) else dict(plan.pods.labels)


def _is_canary(plan: ServicePlan) -> bool:
    return plan.shape == "ping-pong"
