"""EksRollouts: the controller and its rights, and services as Argo Rollouts is to roll them out."""

import json
import re
from datetime import timedelta

import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    Approval,
    ArgoChart,
    Canary,
    CloudWatchAnalysis,
    CloudWatchMetric,
    ExistingDeployment,
    HttpSmokeTest,
    Ingress,
    JobAnalysis,
    NodeGroup,
    Scaling,
    Step,
    Steps,
)
from bluegreen_constructs.argo.addresses import ServiceNames
from tests.canary_service import PLAIN, flat, new_stack, resources
from tests.eks_services import CHART, MANIFEST, behind_alb, inside, of_kind, pods, rollouts, spec, strategy

MINUTES = timedelta(minutes=1)


def chart_of(**options: object) -> dict:
    stack = new_stack()
    rollouts(stack, **options)  # type: ignore[arg-type]
    found = resources(Template.from_stack(stack), CHART).values()
    (chart,) = (one["Properties"] for one in found if one["Properties"]["Release"] == "argo-rollouts")
    return chart | {"Values": json.loads(flat(chart["Values"]))}


def test_the_chart_is_pinned_and_its_definitions_outlive_it() -> None:
    chart = chart_of()
    assert chart["Version"] == "2.41.0"
    assert (chart["Values"]["installCRDs"], chart["Values"]["keepCRDs"]) == (True, True)
    assert (chart["Wait"], chart["Timeout"]) == (True, "600s")


def test_the_dashboard_is_off_unless_asked_for() -> None:
    assert chart_of()["Values"]["dashboard"] == {"enabled": False}
    assert chart_of(dashboard=True)["Values"]["dashboard"] == {"enabled": True}


def test_the_controller_looks_at_target_groups_by_the_names_of_whoever_makes_them() -> None:
    with_controller = chart_of(capacity=NodeGroup())["Values"]["controller"]["extraArgs"]
    assert with_controller == ["--aws-verify-target-group"]
    assert chart_of()["Values"]["controller"]["extraArgs"] == [
        "--aws-verify-target-group",
        "--aws-target-group-binding-api-version=eks.amazonaws.com/v1",
        "--alb-tag-key-resource-id=ingress.eks.amazonaws.com/resource",
    ]


def test_the_controller_may_see_what_registers_pods() -> None:
    """Without, nothing completes: it looks whether a target group has the pods of the Service that it moved."""
    for capacity, group in ((None, "eks.amazonaws.com"), (NodeGroup(), "elbv2.k8s.aws")):
        (rule,) = chart_of(capacity=capacity)["Values"]["providerRBAC"]["additionalRules"]
        assert (rule["apiGroups"], rule["resources"]) == ([group], ["targetgroupbindings"])


def test_more_values_replace_one_value_and_leave_the_others() -> None:
    values = chart_of(chart=ArgoChart(values={"controller": {"replicas": 3}, "notifications": {}}))["Values"]
    assert values["controller"]["replicas"] == 3
    assert values["controller"]["extraArgs"]
    assert values["notifications"] == {}


def test_a_chart_in_ecr_is_named_by_its_repository() -> None:
    chart = chart_of(chart=ArgoChart(repository="oci://123456789012.dkr.ecr.eu-west-1.amazonaws.com/argo-rollouts"))
    assert chart["Repository"].startswith("oci://")


def test_the_role_is_associated_with_the_charts_service_account_before_the_chart() -> None:
    stack = new_stack()
    rollouts(stack)
    template = Template.from_stack(stack)
    ((association_id, association),) = resources(template, "AWS::EKS::PodIdentityAssociation").items()
    (chart,) = resources(template, CHART).values()
    values = json.loads(flat(chart["Properties"]["Values"]))
    assert association["Properties"]["ServiceAccount"] == values["serviceAccount"]["name"]
    assert association["Properties"]["Namespace"] == chart["Properties"]["Namespace"]
    assert association_id in chart["DependsOn"]


def test_the_controller_may_only_read() -> None:
    stack = new_stack()
    made = rollouts(stack)
    role_id = stack.get_logical_id(made.controller.role.node.default_child)  # type: ignore[arg-type]
    role = resources(Template.from_stack(stack), "AWS::IAM::Role")[role_id]["Properties"]
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert all(action.split(":")[1].startswith(("Get", "Describe")) for action in statement["Action"])
    principals = [one["Principal"] for one in role["AssumeRolePolicyDocument"]["Statement"]]
    assert principals == [{"Service": "pods.eks.amazonaws.com"}]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]


@pytest.mark.parametrize("capacity", [None, NodeGroup()], ids=["auto-mode", "node-group"])
def test_a_service_waits_for_the_chart_its_namespace_and_what_makes_load_balancers(capacity: NodeGroup | None) -> None:
    stack = new_stack()
    made = rollouts(stack, capacity)
    behind_alb(made)
    template = Template.from_stack(stack)
    manifests = {name: flat(one["Properties"]["Manifest"]) for name, one in resources(template, MANIFEST).items()}
    (service,) = (name for name, text in manifests.items() if '"Rollout"' in text)
    (namespace,) = (name for name, text in manifests.items() if '"Namespace"' in text)
    charts = resources(template, CHART)
    assert {namespace, *charts} <= set(resources(template, MANIFEST)[service]["DependsOn"])
    if capacity is None:
        (ingress_class,) = (name for name, text in manifests.items() if '"IngressClass"' in text)
        assert ingress_class in resources(template, MANIFEST)[service]["DependsOn"]


@pytest.mark.parametrize(
    ("capacity", "label"),
    [
        (None, "eks.amazonaws.com/pod-readiness-gate-inject"),
        (NodeGroup(), "elbv2.k8s.aws/pod-readiness-gate-inject"),
    ],
)
def test_a_namespace_is_made_once_and_has_its_pods_wait_for_their_target_group(
    capacity: NodeGroup | None, label: str
) -> None:
    stack = new_stack()
    made = rollouts(stack, capacity)
    behind_alb(made)
    inside(made, "api")
    texts = [flat(one["Properties"]["Manifest"]) for one in resources(Template.from_stack(stack), MANIFEST).values()]
    (namespace,) = (json.loads(text) for text in texts if '"Namespace"' in text)
    assert namespace[0]["metadata"] == {"name": "shop", "labels": {label: "enabled"}}


def test_kubernetes_own_namespaces_and_those_of_adopted_deployments_are_nobody_elses_to_delete() -> None:
    stack = new_stack()
    made = rollouts(stack)
    inside(made, namespace="default")
    inside(made, "old", pods=ExistingDeployment(name="old", labels={"app": "old"}, port=8080, replicas=2))
    texts = [flat(one["Properties"]["Manifest"]) for one in resources(Template.from_stack(stack), MANIFEST).values()]
    assert not any('"Namespace"' in text for text in texts)


def test_behind_a_load_balancer_the_candidate_is_of_full_size_and_tested_before_its_first_request() -> None:
    found = strategy(
        behind_alb(
            strategy=Steps([Step(5, 3 * MINUTES), Step(25, 10 * MINUTES)]),
            hooks=[HttpSmokeTest("/predict"), JobAnalysis(name="load", image="load:1"), Approval()],
            bake=15 * MINUTES,
        )
    )
    assert found["pingPong"] == {"pingService": "ping-web", "pongService": "pong-web"}
    assert [next(iter(step)) for step in found["steps"]] == [
        "setCanaryScale",
        "analysis",
        "analysis",
        "pause",
        "setWeight",
        "analysis",
        "setWeight",
        "analysis",
        "setWeight",
        "analysis",
    ]
    assert found["steps"][0] == {"setCanaryScale": {"weight": 100}}
    assert [step["setWeight"] for step in found["steps"] if "setWeight" in step] == [5, 25, 100]
    assert found["steps"][3] == {"pause": {}}


def test_a_bake_is_as_long_as_its_measurements_which_begin_when_cloudwatch_knows_something() -> None:
    service = behind_alb(strategy=Canary(percent=10, bake=5 * MINUTES), bake=3 * MINUTES)
    counts = [
        argument["value"]
        for step in strategy(service)["steps"]
        for argument in step.get("analysis", {}).get("args", [])
        if argument["name"] == "measurements"
    ]
    assert counts == ["4", "2"]  # the first after 2 minutes, then one a minute
    for metric in spec_of_template(service, "web-thresholds")["metrics"]:
        assert (metric["initialDelay"], metric["interval"]) == ("120s", "60s")


def spec_of_template(service: object, name: str) -> dict:
    return of_kind(service, "AnalysisTemplate")[name]["spec"]  # type: ignore[arg-type,return-value]


def test_without_guardrails_a_bake_is_a_pause() -> None:
    found = strategy(behind_alb(strategy=Canary(percent=10, bake=MINUTES), guardrails=[], bake=2 * MINUTES))
    assert found["steps"] == [
        {"setCanaryScale": {"weight": 100}},
        {"setWeight": 10},
        {"pause": {"duration": "60s"}},
        {"setWeight": 100},
        {"pause": {"duration": "120s"}},
    ]


def test_the_candidate_is_judged_by_its_own_target_group_whichever_that_is() -> None:
    """The controller knows the names of both, once; live's word says by them which one is the candidate's."""
    service = behind_alb()
    (given,) = (step["analysis"]["args"] for step in strategy(service)["steps"] if "analysis" in step)
    paths = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in given if "valueFrom" in one}
    assert paths == {
        "weight": "status.canary.weights.canary.weight",
        "load-balancer": "status.alb.loadBalancer.fullName",
        "group-a": "status.alb.canaryTargetGroup.fullName",
        "group-b": "status.alb.stableTargetGroup.fullName",
        "live": "status.canary.stablePingPong",
    }
    (metric,) = (m for m in spec_of_template(service, "web-thresholds")["metrics"] if m["name"] == "error-rate")
    queries = metric["provider"]["cloudWatch"]["metricDataQueries"]
    assert [query["id"] for query in queries if query["returnData"]] == ["judged_a", "judged_b"]
    for group in ("a", "b"):
        asked = [
            query["metricStat"]["metric"]
            for query in queries
            if query["id"].endswith(f"_{group}") and "metricStat" in query
        ]
        assert {one["metricName"] for one in asked} == {
            "RequestCount",
            "HTTPCode_Target_5XX_Count",
            "TargetConnectionErrorCount",
        }
        for one in asked:
            assert one["dimensions"] == [
                {"name": "TargetGroup", "value": f"targetgroup/{{{{args.group-{group}}}}}"},
                {"name": "LoadBalancer", "value": "app/{{args.load-balancer}}"},
            ]
    assert (
        "('{{args.group-a}}' matches '^k8s-[^-]*-{{args.live}}') ? result[1] : result[0]" in metric["failureCondition"]
    )


def test_a_group_is_told_by_the_beginning_of_its_name() -> None:
    """Of which the load balancer controller takes eight letters and digits of the Service's."""
    names = ServiceNames("inference")
    assert [re.sub("[^a-z0-9]", "", one)[:4] for one in (names.ping, names.pong)] == ["ping", "pong"]


def test_the_load_balancer_is_there_with_both_groups_before_the_controller_looks_at_it() -> None:
    """It looks once: what is not there then has no name for it, ever."""
    stack = new_stack()
    behind_alb(rollouts(stack))
    template = Template.from_stack(stack)
    manifests = {name: flat(one["Properties"]["Manifest"]) for name, one in resources(template, MANIFEST).items()}
    (addresses,) = (name for name, text in manifests.items() if '"Ingress"' in text)
    (rollout,) = (name for name, text in manifests.items() if '"Rollout"' in text)
    assert '"Service"' in manifests[addresses]
    assert '"Service"' not in manifests[rollout]
    ((patch, action),) = resources(template, "Custom::AWSCDK-EKS-KubernetesPatch").items()
    ((value, waited),) = resources(template, "Custom::AWSCDK-EKS-KubernetesObjectValue").items()
    assert addresses in action["DependsOn"]
    assert patch in waited["DependsOn"]
    assert value in resources(template, MANIFEST)[rollout]["DependsOn"]
    (written,) = json.loads(action["Properties"]["ApplyPatchJson"])["metadata"]["annotations"].values()
    groups = json.loads(written)["ForwardConfig"]["TargetGroups"]
    assert [(one["ServiceName"], one["Weight"]) for one in groups] == [("ping-web", 100), ("pong-web", 0)]
    assert waited["Properties"]["JsonPath"] == ".status.loadBalancer.ingress[0].hostname"


def test_a_step_in_which_nothing_was_measured_goes_back() -> None:
    """I4: no data is no evidence. And I9: nothing is inconclusive, as Argo's holds have no end."""
    metrics = {one["name"]: one for one in spec_of_template(behind_alb(), "web-thresholds")["metrics"]}
    traffic = metrics.pop("traffic")
    assert traffic["successCondition"].endswith("? result[1] : result[0]).Values, {# > 0})")
    assert "failureCondition" not in traffic
    assert (traffic["count"], traffic["failureLimit"]) == ("{{args.measurements}}", "{{args.may-be-empty}}")
    for metric in metrics.values():
        bad, good = metric["failureCondition"], metric["successCondition"]
        assert bad.removesuffix(">= 2") == good.removesuffix("< 2"), "what is neither would be inconclusive"
        assert metric["failureLimit"] == 0


def test_a_step_whose_weight_could_not_be_set_is_not_judged_by_lives_own_metrics() -> None:
    """Argo passes over it when live is short of pods, and knows the group of the release before as the candidate's."""
    service = behind_alb(strategy=Canary(percent=10, bake=5 * MINUTES))
    (traffic,) = (m for m in spec_of_template(service, "web-thresholds")["metrics"] if m["name"] == "traffic")
    assert traffic["successCondition"].startswith("{{args.weight}} == {{args.expected-weight}} && ")
    expected = [
        argument["value"]
        for step in strategy(service)["steps"]
        for argument in step.get("analysis", {}).get("args", [])
        if argument["name"] == "expected-weight"
    ]
    assert expected == ["10", "100"]


def test_thresholds_left_out_are_not_measured() -> None:
    service = behind_alb(guardrails=[AlarmThresholds(p95_latency=None, unhealthy_targets=None)])
    assert [one["name"] for one in spec_of_template(service, "web-thresholds")["metrics"]] == ["traffic", "error-rate"]


def test_metrics_of_the_application_are_judged_by_their_bounds_and_by_side() -> None:
    analysis = CloudWatchAnalysis(
        name="predictions",
        metrics={
            "bad": CloudWatchMetric("Inference", "Failed", candidate_dimension="Release"),
            "total": CloudWatchMetric("Inference", "Predictions", candidate_dimension="Release"),
        },
        expression="100 * bad / total",
        at_most=2,
        at_least=0,
    )
    service = behind_alb(guardrails=[analysis])
    seen, metric = spec_of_template(service, "web-predictions")["metrics"]
    assert (seen["successCondition"], seen["failureLimit"]) == ("len(result[0].Values) > 0", "{{args.may-be-empty}}")
    assert metric["failureCondition"] == "count(result[0].Values, {# > 2 || # < 0}) >= 2"
    assert metric["provider"]["cloudWatch"]["metricDataQueries"][0]["expression"] == "100 * bad / total"
    (given,) = (step["analysis"]["args"] for step in strategy(service)["steps"] if "analysis" in step)
    assert {"name": "candidate-hash", "valueFrom": {"podTemplateHashValue": "Latest"}} in given


def test_a_rollout_that_is_never_over_is_aborted() -> None:
    """I9: Argo's pauses have no end of their own."""
    service = behind_alb(hooks=[Approval()], deadline=timedelta(hours=2))
    assert strategy(service)["analysis"] == {"templates": [{"templateName": "web-deadline"}]}
    (metric,) = spec_of_template(service, "web-deadline")["metrics"]
    assert (metric["initialDelay"], metric["count"], metric["consecutiveErrorLimit"]) == ("7200s", 1, 0)
    assert metric["provider"]["web"]["url"].endswith(".invalid")


def test_the_candidate_has_an_address_of_its_own() -> None:
    service = behind_alb(hooks=[HttpSmokeTest("/predict", method="POST", body="{}")])
    candidate = of_kind(service, "Service")["web-candidate"]["spec"]
    assert candidate["selector"] == {"app.kubernetes.io/name": "web", "bluegreen-role": "candidate"}  # type: ignore[index,call-overload]
    found = strategy(service)
    assert found["canaryMetadata"] == {"labels": {"bluegreen-role": "candidate"}}
    assert found["stableMetadata"] == {"labels": {"bluegreen-role": "live"}}
    (metric,) = spec_of_template(service, "web-smoke-test-1")["metrics"]
    assert metric["provider"]["web"] == {
        "url": "http://web-candidate.shop.svc.cluster.local:80/predict",
        "timeoutSeconds": 10,
        "method": "POST",
        "body": "{}",
        "headers": [{"key": "content-type", "value": "application/json"}],
    }


def test_a_job_is_told_where_the_candidate_is_and_ends() -> None:
    service = behind_alb(hooks=[JobAnalysis(name="load", image="load:1", timeout=90 * timedelta(seconds=1))])
    (metric,) = spec_of_template(service, "web-load")["metrics"]
    job = metric["provider"]["job"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (0, 90)
    (container,) = job["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "CANDIDATE_URL", "value": "http://web-candidate.shop.svc.cluster.local:80"}]


def test_hooks_of_the_bake_are_asked_after_it() -> None:
    found = strategy(
        behind_alb(hooks=[Approval(stage="BAKING"), JobAnalysis(name="late", image="x:1", stage="BAKING")])
    )
    assert found["steps"][-2:] == [{"pause": {}}, {"analysis": {"templates": [{"templateName": "web-late"}]}}]


def test_inside_the_cluster_all_traffic_moves_by_one_selector_after_the_tests() -> None:
    found = strategy(
        inside(hooks=[JobAnalysis(name="load", image="load:1"), JobAnalysis(name="late", image="x:1", stage="BAKING")])
    )
    assert (found["activeService"], found["previewService"]) == ("web", "web-candidate")
    assert found["autoPromotionEnabled"] is True
    assert found["prePromotionAnalysis"] == {"templates": [{"templateName": "web-load"}]}
    assert found["postPromotionAnalysis"] == {"templates": [{"templateName": "web-bake"}, {"templateName": "web-late"}]}


def test_inside_the_cluster_the_bake_is_as_long_as_production_is_asked() -> None:
    """A blueGreen has no other place for it: without an analysis it is promoted for good at once."""
    service = inside(bake=5 * MINUTES)
    assert strategy(service)["postPromotionAnalysis"] == {"templates": [{"templateName": "web-bake"}]}
    (metric,) = spec_of_template(service, "web-bake")["metrics"]
    assert (metric["interval"], metric["count"], metric["consecutiveErrorLimit"]) == ("60s", 6, 3)
    assert metric["provider"]["web"]["url"] == "http://web.shop.svc.cluster.local:80/ready"
    assert "postPromotionAnalysis" not in strategy(inside(bake=timedelta()))


def test_an_approval_inside_the_cluster_is_a_promotion_by_hand() -> None:
    assert strategy(inside(hooks=[Approval()]))["autoPromotionEnabled"] is False


def test_what_was_replaced_stays_for_a_while() -> None:
    found = strategy(behind_alb(keep=20 * MINUTES))
    assert (found["scaleDownDelaySeconds"], found["abortScaleDownDelaySeconds"]) == (1200, 1200)
    # Here the controller's own checks ask for a delay as long as the bake.
    assert strategy(inside(keep=20 * MINUTES))["scaleDownDelaySeconds"] == 1800


def test_a_refused_candidate_inside_the_cluster_does_not_wait_to_be_taken_untested() -> None:
    """While it waits to be scaled down, a retry would give it all traffic at once, with no test and no bake."""
    assert strategy(inside())["abortScaleDownDelaySeconds"] == 1


def test_a_release_that_does_not_become_ready_is_aborted() -> None:
    found = spec(behind_alb(pods=pods(startup=10 * MINUTES)), "Rollout")
    assert (found["progressDeadlineSeconds"], found["progressDeadlineAbort"]) == (900, True)
    (container,) = found["template"]["spec"]["containers"]
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] == 600


@pytest.mark.parametrize(("bake", "job"), [(30 * MINUTES, 5 * MINUTES), (5 * MINUTES, 30 * MINUTES)])
def test_inside_the_cluster_a_bake_and_a_test_are_no_lack_of_progress(bake: timedelta, job: timedelta) -> None:
    """A blueGreen's deadline goes on while its analyses run."""
    service = inside(bake=bake, hooks=[JobAnalysis(name="load", image="load:1", timeout=job)])
    assert spec(service, "Rollout")["progressDeadlineSeconds"] == 300 + 300 + 1800


def test_a_pod_outlasts_its_deregistration() -> None:
    service = behind_alb(ingress=Ingress(plain_http=True, drain=timedelta(seconds=60)))
    (ingress,) = of_kind(service, "Ingress").values()
    attributes = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/target-group-attributes"]  # type: ignore[index,call-overload]
    assert attributes == "deregistration_delay.timeout_seconds=60"
    pod = spec(service, "Rollout")["template"]["spec"]
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep > 60
    assert pod["terminationGracePeriodSeconds"] > sleep + 30


def test_pods_are_kept_apart_and_not_all_evicted_at_once() -> None:
    service = inside()
    pod = spec(service, "Rollout")["template"]["spec"]
    (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert [one["topologyKey"] for one in pod["topologySpreadConstraints"]] == ["topology.kubernetes.io/zone"]
    budget = spec(service, "PodDisruptionBudget")
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "web"}}}


def test_pods_have_no_privileges() -> None:
    pod = spec(inside(), "Rollout")["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_an_autoscaler_alone_says_how_many_pods_there_are() -> None:
    """A number in the manifest would take every update back to it, and leaving it out later scales to one pod first."""
    service = inside(scaling=Scaling(min=3, max=9, cpu_percent=60))
    assert "replicas" not in spec(service, "Rollout")
    found = spec(service, "HorizontalPodAutoscaler")
    assert (found["minReplicas"], found["maxReplicas"]) == (3, 9)
    assert found["scaleTargetRef"] == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}
    fixed = inside(scaling=Scaling(min=3))
    assert "replicas" not in spec(fixed, "Rollout")
    held = spec(fixed, "HorizontalPodAutoscaler")
    assert (held["minReplicas"], held["maxReplicas"]) == (3, 3)


def test_inside_the_cluster_users_meet_live_alone() -> None:
    """By its own name: half of the pods are the candidate's while it is tested."""
    selector = of_kind(behind_alb(), "Service")["web"]["spec"]["selector"]  # type: ignore[index,call-overload]
    assert selector == {"app.kubernetes.io/name": "web", "bluegreen-role": "live"}


def test_a_namespace_stays_and_so_does_what_was_adopted() -> None:
    stack = new_stack()
    made = rollouts(stack)
    inside(made)
    inside(made, "old", pods=ExistingDeployment(name="old", labels={"app": "old"}, port=8080, replicas=2))
    found = resources(Template.from_stack(stack), MANIFEST).values()
    kept = {flat(one["Properties"]["Manifest"]): one["DeletionPolicy"] for one in found}
    assert {policy for text, policy in kept.items() if '"Namespace"' in text or "workloadRef" in text} == {"Retain"}
    assert {policy for text, policy in kept.items() if '"template"' in text and '"Rollout"' in text} == {"Delete"}


def test_a_service_whose_construct_is_moved_keeps_its_logical_id() -> None:
    """A new one would be applied, and then the old one deleted: the same objects, with all their traffic."""
    found = []
    for moved in (False, True):
        stack = new_stack()
        made = rollouts(stack)
        behind_alb(made, scope=Construct(stack, "Elsewhere") if moved else None)
        found.append(
            {name for name in Template.from_stack(stack).to_json()["Resources"] if name.startswith("ArgoService")}
        )
    assert found[0] == found[1]
    assert len(found[0]) == 4


def test_environment_and_secrets_reach_the_container() -> None:
    found = spec(
        inside(pods=pods(environment={"LOG": "info"}, secrets={"KEY": "inference/api-key"}, gpus=1)), "Rollout"
    )
    (container,) = found["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": "LOG", "value": "info"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "inference", "key": "api-key"}}},
    ]
    assert container["resources"]["limits"] == {"memory": "512Mi", "nvidia.com/gpu": "1"}


def test_the_load_balancer_is_made_as_the_ingress_says() -> None:
    stack = new_stack()
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    service = behind_alb(
        rollouts(stack),
        ingress=Ingress(
            certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", arn),
            host="predict.example.com",
            paths=("/predict", "/v2/*"),
            sources=("192.0.2.0/24",),
        ),
    )
    (ingress,) = of_kind(service, "Ingress").values()
    annotations = ingress["metadata"]["annotations"]  # type: ignore[index,call-overload]
    found = {name.removeprefix("alb.ingress.kubernetes.io/"): value for name, value in annotations.items()}  # type: ignore[union-attr]
    assert found["scheme"] == "internet-facing"
    assert found["certificate-arn"] == arn
    assert found["ssl-redirect"] == "443"
    assert found["inbound-cidrs"] == "192.0.2.0/24"
    assert found["healthcheck-path"] == "/ready"
    assert not any(name.startswith("actions.") for name in found), "the controller of Argo Rollouts writes that one"
    (rule,) = ingress["spec"]["rules"]  # type: ignore[index,call-overload]
    assert rule["host"] == "predict.example.com"
    assert [(one["path"], one["pathType"]) for one in rule["http"]["paths"]] == [
        ("/predict", "Prefix"),
        ("/v2/*", "ImplementationSpecific"),
    ]
    assert {one["backend"]["service"]["port"]["name"] for one in rule["http"]["paths"]} == {"use-annotation"}


def test_access_logs_are_let_into_their_bucket() -> None:
    """The load balancer is the cluster's: nobody else writes the policy without which it could not be made."""
    stack = new_stack()
    made = rollouts(stack)
    bucket = s3.Bucket(stack, "Logs")
    service = behind_alb(made, ingress=Ingress(plain_http=True, access_logs=bucket))
    (ingress,) = of_kind(service, "Ingress").values()
    attributes = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/load-balancer-attributes"]  # type: ignore[index,call-overload]
    assert attributes.endswith(f"access_logs.s3.enabled=true,access_logs.s3.bucket={bucket.bucket_name}")  # type: ignore[union-attr]
    template = Template.from_stack(stack)
    ((policy_id, policy),) = resources(template, "AWS::S3::BucketPolicy").items()
    assert [one for one in resources(template, MANIFEST).values() if policy_id in one["DependsOn"]]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert (statement["Effect"], statement["Action"]) == ("Allow", "s3:PutObject")


def test_a_deployment_is_taken_over_once_all_pods_beside_it_are_ready() -> None:
    deployment = ExistingDeployment(name="web", labels={"app": "web"}, port=8080, replicas=4)
    service = inside(pods=deployment)
    found = spec(service, "Rollout")
    assert found["workloadRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "scaleDown": "progressively",
    }
    assert found["replicas"] == 4
    assert "template" not in found
    for one in of_kind(service, "Service").values():
        assert one["spec"]["selector"] == {"app": "web"}  # type: ignore[index,call-overload]
        assert one["spec"]["ports"][0]["targetPort"] == 8080  # type: ignore[index,call-overload]


def test_dropped_requests_can_be_accepted() -> None:
    service = behind_alb(shape="blue-green", accept_dropped_requests=True, guardrails=[])
    assert strategy(service)["activeService"] == "web"
    (rule,) = of_kind(service, "Ingress")["web"]["spec"]["rules"]  # type: ignore[index,call-overload]
    assert rule["http"]["paths"][0]["backend"]["service"]["port"] == {"name": "http"}


def test_no_template_carries_a_weight_or_which_side_is_live() -> None:
    """I2: what the controller writes into Services, Ingress and Rollout is in no manifest of ours."""
    service = behind_alb(ingress=PLAIN)
    text = json.dumps(service.manifests)
    assert "rollouts-pod-template-hash" not in text.replace('"matchLabelKeys": ["rollouts-pod-template-hash"]', "")
    assert "actions." not in text
    assert "status" not in {key for one in service.manifests for key in one}
