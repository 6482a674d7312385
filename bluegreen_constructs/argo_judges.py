"""What judges a candidate in a cluster: our guardrails and hooks as Argo's AnalysisTemplates."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

from .argo.addresses import PORT, ServiceNames
from .argo.analysis_template import (
    THRESHOLD_ARGUMENTS,
    bake_metric,
    cloud_watch_arguments,
    cloud_watch_metrics,
    deadline_metric,
    job_metric,
    smoke_test_metric,
    template,
    threshold_metrics,
)
from .argo.manifest import Manifest
from .argo.strategy import Judges
from .cluster_analysis import CloudWatchAnalysis, JobAnalysis
from .engine.smoke_test import HttpSmokeTest
from .engine.spans import as_timedelta
from .guardrail_alarms import AlarmThresholds
from .hooks import Approval

ClusterGuardrail: TypeAlias = AlarmThresholds | CloudWatchAnalysis
ClusterHook: TypeAlias = HttpSmokeTest | JobAnalysis | Approval
Guardrails: TypeAlias = Sequence[ClusterGuardrail]
Tests: TypeAlias = Sequence[ClusterHook]


class Judging:
    """The templates of one service, and when each of them is asked."""

    def __init__(
        self,
        names: ServiceNames,
        namespace: str,
        *,
        guardrails: Guardrails,
        hooks: Tests,
        deadline: timedelta,
        bake: timedelta,
        health_path: str,
    ) -> None:
        """Write them. health_path: where production answers when it is well."""
        self._name, self._namespace = names.name, namespace
        live, address = (f"http://{one}.{namespace}.svc.cluster.local:{PORT}" for one in (names.name, names.candidate))
        self._during = [self._guardrail(one) for one in guardrails]
        self._asked = [(_stage(hook), self._hook(hook, number, address)) for number, hook in enumerate(hooks, 1)]
        self._deadline = self._template("deadline", [deadline_metric(round(deadline.total_seconds()))])

        self._bake = None
        minutes = bake // timedelta(minutes=1)
        if minutes:
            self._bake = self._template("bake", [bake_metric(f"{live}{health_path}", minutes)])

    def templates(self, *, is_canary: bool) -> list[Manifest]:
        """All of them; only a canary has a place for the deadline, and needs none for the bake."""
        asked = [made for _, made in self._asked if made is not None]
        last = self._deadline if is_canary else self._bake
        return [*self._during, *asked, *([] if last is None else [last])]

    def judges(self, *, is_canary: bool) -> Judges:
        """When each is asked."""
        return Judges(
            before=[made for stage, made in self._asked if stage == "TESTING"],
            during=self._during,
            after=[made for stage, made in self._asked if stage == "BAKING"],
            deadline=self._deadline if is_canary else None,
            bake=None if is_canary else self._bake,
        )

    def _guardrail(self, guardrail: ClusterGuardrail) -> Manifest:
        if isinstance(guardrail, CloudWatchAnalysis):
            return self._template(guardrail.name, cloud_watch_metrics(guardrail), cloud_watch_arguments(guardrail))
        latency = guardrail.p95_latency
        metrics = threshold_metrics(
            error_rate_percent=guardrail.error_rate_percent,
            p95_seconds=None if latency is None else as_timedelta(latency, "p95_latency").total_seconds(),
            unhealthy_targets=guardrail.unhealthy_targets,
            requests_floor=guardrail.requests_floor,
        )
        return self._template("thresholds", metrics, THRESHOLD_ARGUMENTS)

    def _hook(self, hook: ClusterHook, number: int, address: str) -> Manifest | None:
        if isinstance(hook, Approval):
            return None
        if isinstance(hook, JobAnalysis):
            return self._template(hook.name, [job_metric(hook, address)])
        name = f"smoke-test-{number}"
        return self._template(name, [smoke_test_metric(name, hook, address)])

    def _template(self, name: str, metrics: Sequence[Manifest], arguments: Sequence[str] = ()) -> Manifest:
        return template(f"{self._name}-{name}", self._namespace, metrics, arguments)


def _stage(hook: ClusterHook) -> str:
    return "TESTING" if isinstance(hook, HttpSmokeTest) else hook.stage
