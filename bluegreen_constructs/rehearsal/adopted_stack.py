"""The stack of the adopted example in the emulated account: deployed stage by stage, and looked at between them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.errors import RehearsalError
from .cdk_run import CdkResult
from .deployed_service import DeployedService, services_in, weights_of
from .leftovers import Owned, still_there
from .rollout_watch import Rollout, Weights, rollouts_of, weights_since
from .session import DeployedApplication, wait_until

_DEPLOY_LIMIT_SECONDS = 300.0
_QUIET_LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class StackLook:
    """The stack at one moment, as CloudFormation, Amazon ECS and Elastic Load Balancing show it.

    resources: type and physical id, by logical id. service: its ARN. address: the load balancer's DNS name. rules: the
    ARNs of the listener's rules besides the default one. weights: of the production rule, by side; none without one.
    watched_by: what of its deployment configuration decides a deployment: alarms, hooks, an enabled circuit breaker.
    """

    wall: float
    status: str
    resources: Mapping[str, tuple[str, str]]
    service: str
    strategy: str
    address: str
    rules: tuple[str, ...]
    weights: Mapping[str, int]
    watched_by: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One `cdk deploy` of a stage: what `cdk diff` said before it, how it ended, and the stack after it.

    template: the logical ids of the stage's template. rollouts: the service deployments that it started. left: what is
    no part of the stack any more, and exists nevertheless.
    """

    began: float
    diff: str
    template: frozenset[str]
    result: CdkResult
    after: StackLook
    rollouts: tuple[Rollout, ...]
    left: tuple[str, ...]

    @property
    def said(self) -> str:
        """All that the command said."""
        return f"{self.result.stdout}\n{self.result.stderr}"


@dataclass(frozen=True)
class AdoptedStack:
    """The example's stack; `scenario` names the folders of its assemblies."""

    application: DeployedApplication
    scenario: str

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.application.about.service_stack

    def prepare(self, *steps: tuple[str, str]) -> None:
        """Synthesise stages and releases, all at once, so that the load runs no longer than it has to."""
        application = self.application
        runs = [
            application.cdk.start_synth(
                self._assembly(stage, release),
                *application.context(release, {"stage": stage}),
                app=application.about.command,
            )
            for stage, release in steps
        ]
        for run in runs:
            run.wait().require_success()

    def deploy(self, stage: str, release: str) -> Step:
        """`cdk diff` the stage, and `cdk deploy` it to its end, whatever that is."""
        application = self.application
        session = application.session
        assembly = self._assembly(stage, release)
        if not assembly.exists():
            self.prepare((stage, release))
        session.say(f"cdk diff: stage {stage}, release {release}")
        diff = application.cdk.diff(self.name, app=assembly).require_success()
        before, known = self.look(), len(self._rollouts())
        session.say(f"cdk deploy: stage {stage}, release {release}")
        began = time.time()
        with application.cdk.start_deploy(self.name, app=assembly) as run:
            result = run.wait(_DEPLOY_LIMIT_SECONDS)
        if result.succeeded:
            application.live_release = release
        after = self.look()
        gone = [Owned(*one) for one in before.resources.values() if one not in after.resources.values()]
        return Step(
            began=began,
            diff=diff.stdout + diff.stderr,
            template=_logical_ids(assembly / f"{self.name}.template.json"),
            result=result,
            after=after,
            rollouts=tuple(self._rollouts()[known:]),
            # A task definition's former revisions stay on purpose: they are what a release goes back to.
            left=tuple(still_there((one for one in gone if one.kind != "AWS::ECS::TaskDefinition"), session.apis)),
        )

    def look(self) -> StackLook:
        """The stack now."""
        apis = self.application.session.apis
        described = apis.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        resources = {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"]) for one in described}
        arn = _only(resources, "AWS::ECS::Service")
        (service,) = apis.ecs.describe_services(cluster=arn.split("/")[-2], services=[arn])["services"]
        balancer = _only(resources, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        (found,) = apis.elbv2.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
        sides = self.sides()
        weights = {} if sides is None else weights_of(sides.production_rule, apis)
        configuration = service["deploymentConfiguration"]
        return StackLook(
            wall=time.time(),
            status=self.application.stack_status(),
            resources=resources,
            service=str(service["serviceArn"]),
            strategy=str(configuration.get("strategy", "ROLLING")),
            address=str(found["DNSName"]),
            rules=tuple(str(one["RuleArn"]) for one in self._rules(resources) if not one["IsDefault"]),
            weights={} if sides is None else {sides.side_of(group): weight for group, weight in weights.items()},
            watched_by=_watched_by(configuration),
        )

    def sides(self) -> DeployedService | None:
        """The service's sides and rules; None while it has no two sides."""
        return next(services_in(self.name, self.application.session.apis), None)

    def weights(self, service: DeployedService | None, since: float) -> tuple[Weights, ...]:
        """How the production rule's weights settled on the load balancer since a wall-clock moment."""
        if service is None:
            return ()
        state = self.application.session.state()
        return tuple(weights_since(service, service.production_rule, state, since))

    def default_rule(self) -> str:
        """The ARN of the listener's default rule, which is there in every stage."""
        resources = self.look().resources
        return next(str(one["RuleArn"]) for one in self._rules(resources) if one["IsDefault"])

    def wait_for_silence(self) -> None:
        """Wait until no alarm of the stack is in ALARM: Amazon ECS watches none that is when a deployment starts."""
        session = self.application.session
        names = [name for kind, name in self.look().resources.values() if kind == "AWS::CloudWatch::Alarm"]

        def is_silent() -> bool:
            alarms = session.apis.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
            return all(alarm["StateValue"] != "ALARM" for alarm in alarms)

        wait_until(is_silent, limit_seconds=_QUIET_LIMIT_SECONDS, session=session, what="all alarms falling silent")

    def _assembly(self, stage: str, release: str) -> Path:
        return self.application.session.work_dir / "assembly" / f"{self.scenario}-{stage}-{release}"

    def _rollouts(self) -> list[Rollout]:
        arn = self.look().service
        # A service without two sides has no rules to name.
        named = DeployedService(arn.split("/")[-2], arn.split("/")[-1], "", "", {})
        return rollouts_of(named, self.application.session.state())

    def _rules(self, resources: Mapping[str, tuple[str, str]]) -> list[dict[str, object]]:
        listener = _only(resources, "AWS::ElasticLoadBalancingV2::Listener")
        return list(self.application.session.apis.elbv2.describe_rules(ListenerArn=listener)["Rules"])


def _watched_by(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    breaker = configuration.get("deploymentCircuitBreaker", {}).get("enable")
    return (
        *configuration.get("alarms", {}).get("alarmNames", ()),
        *(str(hook["hookTargetArn"]) for hook in configuration.get("lifecycleHooks", ())),
        *(("circuit breaker",) if breaker else ()),
    )


def _only(resources: Mapping[str, tuple[str, str]], kind: str) -> str:
    found = [name for one, name in resources.values() if one == kind]
    if len(found) != 1:
        raise RehearsalError(f"the stack holds {len(found)} resources of type {kind}, expected is one")
    return found[0]


def _logical_ids(template: Path) -> frozenset[str]:
    return frozenset(json.loads(template.read_text(encoding="utf-8"))["Resources"])
