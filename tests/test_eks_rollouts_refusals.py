"""What EksRollouts refuses at synth, each in one sentence that says what to change."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from bluegreen_constructs import (
    AlarmThresholds,
    Approval,
    ArgoChart,
    Canary,
    CloudWatchAnalysis,
    CloudWatchMetric,
    EksRollouts,
    ErrorComparison,
    ExistingDeployment,
    HttpSmokeTest,
    Ingress,
    JobAnalysis,
    Scaling,
    ScheduledScaling,
    Split,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import new_stack
from tests.eks_services import behind_alb, inside, pods, rollouts

MINUTES = timedelta(minutes=1)
METRIC = CloudWatchMetric("Inference", "Failed")


@cache
def nothing_yet() -> EksRollouts:
    """One for all that is refused: nothing is made in it."""
    return rollouts(new_stack())


DEPLOYMENT = ExistingDeployment(name="web", labels={"app": "web"}, port=8080, replicas=2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strategy": Split(50)}, "has a Split: Argo Rollouts ends every rollout"),
        ({"strategy": Canary(0.5, 5 * MINUTES)}, "has a step of 0.5 %: give whole percents"),
        ({"strategy": Canary(10, 2 * MINUTES)}, "bakes 10 % for 2 min and has guardrails: give 3 min or more"),
        ({"bake": timedelta(seconds=200)}, "bakes 100 % for 200 s: give whole minutes"),
        ({"bake": 30 * MINUTES, "deadline": 30 * MINUTES}, "has a deadline of 30 min and bakes 30 min in all"),
        ({"keep": timedelta(seconds=5)}, "keeps what was replaced for 5 s: give 30 s or more"),
        (
            {"guardrails": [ErrorComparison()]},
            "has the guardrail ErrorComparison, for which Argo Rollouts has no place",
        ),
        ({"guardrails": [AlarmThresholds(), AlarmThresholds()]}, "has 2 AlarmThresholds: give one"),
        ({"hooks": ["smoke"]}, "has the hook str: give HttpSmokeTest, JobAnalysis or Approval"),
        ({"hooks": [HttpSmokeTest("/", method="DELETE")]}, "has a smoke test by DELETE: Argo Rollouts can GET"),
        ({"hooks": [HttpSmokeTest("/", expects="ok")]}, "that looks at the answer: Argo Rollouts takes any 2xx"),
        ({"hooks": [HttpSmokeTest("/", statuses=(204,))]}, "that looks at the answer: Argo Rollouts takes any 2xx"),
        ({"scaling": Scaling(min=2, max=4, requests_per_target=9)}, "scales on requests or schedules"),
        (
            {"scaling": Scaling(min=2, max=4, schedules=[ScheduledScaling("rate(1 day)", 3, 4)])},
            "scales on requests or schedules",
        ),
        ({"shape": "canary"}, "has the shape 'canary': give 'ping-pong' or 'blue-green'"),
        (
            {"shape": "blue-green", "guardrails": []},
            "has the shape blue-green behind a load balancer, which drops requests",
        ),
        ({"namespace": "Shop"}, "has the namespace 'Shop': give a name of DNS"),
        ({"pods": "app:1"}, r"has pods of str: give Pods\(…\)"),
        ({"pods": DEPLOYMENT, "scaling": Scaling(min=3)}, "adopts a Deployment and has scaling"),
        ({"ingress": Ingress(plain_http=True, grace=5 * MINUTES)}, r"has an Ingress with grace: leave it out"),
    ],
)
def test_behind_a_load_balancer(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        behind_alb(nothing_yet(), **options)  # type: ignore[arg-type]


def test_a_load_balancer_of_this_app() -> None:
    stack = new_stack()
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/ours/0123456789abcdef"
    ours = elbv2.ApplicationLoadBalancer.from_application_load_balancer_attributes(
        stack, "Ours", load_balancer_arn=arn, security_group_id="sg-0123456789abcdef0"
    )
    ingress = Ingress(load_balancer=ours, plain_http=True)
    with pytest.raises(ConfigurationError, match="has an Ingress with load_balancer: leave it out, the load balancer"):
        behind_alb(rollouts(stack), ingress=ingress)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strategy": Canary(10, 5 * MINUTES)}, "moves traffic in 1 steps and has the shape blue-green"),
        ({"guardrails": [AlarmThresholds()]}, "in which no target group is the candidate's"),
        ({"shape": "ping-pong"}, "has the shape ping-pong and no ingress"),
        ({"hooks": [Approval(stage="BAKING")]}, "has an Approval in its bake and the shape blue-green"),
        ({"hooks": [Approval(), HttpSmokeTest("/")]}, "an Approval before other hooks: give one, as the last hook"),
        ({"hooks": [Approval(), Approval()]}, "an Approval before other hooks: give one, as the last hook"),
    ],
)
def test_inside_the_cluster(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        inside(nothing_yet(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Web", "web_1", "-web", "1web", "", "w" * 54, 7])
def test_a_name_that_dns_does_not_know(name: object) -> None:
    with pytest.raises(ConfigurationError, match="give a name of DNS of at most 53"):
        inside(nothing_yet(), name=name)  # type: ignore[arg-type]


def test_a_name_that_is_taken() -> None:
    made = rollouts(new_stack())
    inside(made)
    with pytest.raises(ConfigurationError, match="has a service web in shop already"):
        inside(made)


def test_what_is_no_cluster() -> None:
    stack = new_stack()
    plain = eks.Cluster.from_cluster_attributes(stack, "Plain", cluster_name="ours")
    with pytest.raises(ConfigurationError, match=r"give EksCluster\(…\), or ExistingCluster"):
        EksRollouts(stack, "Rollouts", cluster=plain)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ArgoChart(version=">=2"), "give an exact one, such as '2.41.0'"),
        (lambda: ArgoChart(replicas=0), "give 1 or more"),
        (lambda: pods(image="a b"), "Pods image is 'a b'"),
        (lambda: pods(port=0), "Pods port is 0"),
        (lambda: pods(cpu="a lot"), "Pods cpu is 'a lot': give cores as Kubernetes writes them"),
        (lambda: pods(memory_mib=1), "Pods memory_mib is 1"),
        (lambda: pods(gpus=-1), "Pods gpus is -1"),
        (lambda: pods(user=0), "root may not run here"),
        (lambda: pods(command="python app.py"), "give a list of words"),
        (lambda: pods(health_path="ready"), "start it with /"),
        (lambda: pods(startup=timedelta()), "give from 1 s to 6 h"),
        (lambda: pods(stop_timeout=timedelta(hours=2)), "give at most 1 h"),
        (lambda: pods(environment={"A": "1"}, secrets={"A": "b/c"}), "has A in environment and in secrets"),
        (lambda: pods(environment={"A B": "1"}), "has the variable 'A B'"),
        (lambda: pods(environment={"A": 1}), "Pods environment A is 1: give a text, '1'"),
        (lambda: pods(secrets={"A": "b"}), "give a Kubernetes Secret and its key"),
        (
            lambda: ExistingDeployment(name="Web", labels={"a": "b"}, port=80, replicas=2),
            "ExistingDeployment name is 'Web'",
        ),
        (lambda: ExistingDeployment(name="web", labels={}, port=80, replicas=2), "has no labels"),
        (lambda: ExistingDeployment(name="web", labels={"a": "b"}, port=80, replicas=0), "give 1 or more"),
        (lambda: JobAnalysis(name="A", image="x"), "JobAnalysis name is 'A'"),
        (lambda: JobAnalysis(name="a", image=""), "has the image ''"),
        (lambda: JobAnalysis(name="a", image="x", command="ls"), "give a list of words"),
        (lambda: JobAnalysis(name="a", image="x", user=0), "not root"),
        (lambda: JobAnalysis(name="a", image="x", timeout=timedelta()), "give from 1 s to 24 h"),
        (lambda: JobAnalysis(name="a", image="x", stage="LATER"), "give TESTING or BAKING"),
        (lambda: CloudWatchMetric("", "x"), "CloudWatchMetric namespace is ''"),
        (lambda: CloudWatchAnalysis(name="a", metrics={}, expression="1", at_most=1), "has no metrics"),
        (lambda: CloudWatchAnalysis(name="a", metrics={"B": METRIC}, expression="B", at_most=1), "has the id 'B'"),
        (
            lambda: CloudWatchAnalysis(name="a", metrics={"judged": METRIC}, expression="judged", at_most=1),
            "but not 'judged'",
        ),
        (lambda: CloudWatchAnalysis(name="a", metrics={"b": METRIC}, expression="1", at_most=1), "name it there"),
        (lambda: CloudWatchAnalysis(name="a", metrics={"b": METRIC}, expression="b"), "has no bound"),
        (
            lambda: CloudWatchAnalysis(name="a", metrics={"b": METRIC}, expression="b", at_most=1, at_least=2),
            "give bounds that some value is between",
        ),
    ],
)
def test_values_that_could_not_be(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make()


def test_a_hook_named_like_a_part_of_the_service_is_found_by_the_last_look_at_the_manifests() -> None:
    with pytest.raises(ConfigurationError, match="would not roll these manifests out as meant"):
        behind_alb(hooks=[JobAnalysis(name="deadline", image="x:1")])
