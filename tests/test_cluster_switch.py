"""ClusterSwitch: what it makes for two clusters, and how the engine moves traffic between them."""

import json
from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from bluegreen_constructs import Ingress, Split, Step, Steps, Targets
from bluegreen_constructs.cluster_targets import CLUSTER_TAG
from bluegreen_constructs.eks_capacity import LoadBalancing
from bluegreen_constructs.eks_cluster import EksCluster
from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import FleetSeen, RefusedError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rule_settings import settings_of
from bluegreen_constructs.engine.target_settings import Compute
from bluegreen_constructs.existing_cluster import ExistingCluster
from bluegreen_constructs.testing import InMemoryWorld
from tests.blue_green_service import shared
from tests.canary_service import canary, flat, new_stack, resources, rules_by_priority, settings_in, vpc_in
from tests.switched_clusters import GROUP, MANIFEST, bindings, existing, imported, side, switch

MINUTES = timedelta(minutes=1)
INGRESS, EGRESS = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"


@cache
def plain() -> Template:
    return template()


def template(stack: cdk.Stack | None = None, **options: object) -> Template:
    return Template.from_stack(cdk.Stack.of(switch(stack, **options)))


def groups_by_cluster(of: Template) -> dict[str, tuple[str, dict]]:
    """The target group that each cluster's binding names: its logical id, and it."""
    named = {cluster: one["spec"]["targetGroupARN"].strip("<>") for cluster, one in bindings(of).items()}
    return {cluster: (name, resources(of, GROUP)[name]["Properties"]) for cluster, name in named.items()}


class TestInvariants:
    def test_no_template_names_a_live_weight_or_how_many_pods_run(self) -> None:
        text = json.dumps(plain().to_json())
        for what in ('"Weight"', "AWS::ElasticLoadBalancingV2::ListenerRule", "replicas", '"DesiredCount"'):
            assert what not in text

    def test_the_template_is_the_same_at_each_synth(self) -> None:
        assert template().to_json() == plain().to_json()

    def test_an_update_that_takes_the_pods_off_one_side_wants_the_other_one_to_serve(self) -> None:
        """I8; the rule is updated, and refuses, before CloudFormation deletes what the update leaves out."""
        both = settings_in(plain())
        for options, left in (({"blue": None}, both.green), ({"green": None}, both.blue)):
            assert must_serve(template(**options)) == left.group_arn

    def test_the_rules_handler_understands_what_is_wanted_of_it(self) -> None:
        stack = new_stack()
        *_, live = rules_by_priority(template(stack, blue=None, ingress=shared(stack)))
        wanted = settings_of({**live, **{name: flat(live[name]) for name in ("Blue", "Green", "MustServe")}})
        assert wanted.must_serve == wanted.green == flat(live["Green"])

    def test_with_two_clusters_an_update_does_not_ask_which_one_serves(self) -> None:
        assert must_serve(plain()) is None

    def test_an_update_does_not_replace_a_target_group_for_a_changed_port(self) -> None:
        stack = new_stack()
        changed = template(stack, blue=side(existing(stack, "old"), pod_port=9000, port="http"))
        assert resources(changed, GROUP) == resources(plain(), GROUP)


def must_serve(of: Template) -> str | None:
    *tests, live = rules_by_priority(of)
    assert not [rule for rule in tests if "MustServe" in rule]
    return f"<{live['MustServe']['Ref']}>" if "MustServe" in live else None


class TestTargetGroups:
    def test_each_cluster_has_one_of_its_own(self) -> None:
        found = groups_by_cluster(plain())
        assert set(found) == {"old", "new"}
        assert len({name for name, _ in found.values()}) == 2

    def test_hold_addresses_in_the_clusters_network(self) -> None:
        for _, group in groups_by_cluster(plain()).values():
            assert (group["TargetType"], group["Protocol"], group["VpcId"]) == ("ip", "HTTP", "vpc-1")

    def test_are_checked_and_drained_as_those_of_a_canary(self) -> None:
        """Read from a canary with addresses, so that both stay alike."""
        ingress = Ingress(plain_http=True, health_path="/ready", drain=timedelta(seconds=75))
        stack = new_stack()
        sides = {
            name: Targets.of([address], port=80) for name, address in (("blue", "10.0.0.1"), ("green", "10.0.0.2"))
        }
        canary(stack, **sides, ingress=ingress, vpc=vpc_in(stack))
        (expected, _) = resources(Template.from_stack(stack), GROUP).values()
        del expected["Properties"]["Targets"]
        for _, group in groups_by_cluster(template(ingress=ingress)).values():
            assert {key: value for key, value in group.items() if key != "Tags"} == expected["Properties"]

    def test_say_of_which_cluster_they_are_so_that_auto_mode_may_register_pods_with_them(self) -> None:
        for cluster, (_, group) in groups_by_cluster(plain()).items():
            assert group["Tags"] == [{"Key": CLUSTER_TAG, "Value": cluster}]

    def test_of_a_cluster_with_the_load_balancer_controller_have_no_such_tag(self) -> None:
        stack = new_stack()
        found = template(stack, blue=side(existing(stack, "old", LoadBalancing.CONTROLLER)))
        groups = groups_by_cluster(found)
        assert "Tags" not in groups["old"][1]
        assert "Tags" in groups["new"][1]

    def test_a_side_without_a_cluster_is_an_empty_group(self) -> None:
        found = template(green=None)
        assert set(bindings(found)) == {"old"}
        assert len(resources(found, GROUP)) == 2
        assert sum("Tags" in one["Properties"] for one in resources(found, GROUP).values()) == 1
        assert {one["Properties"]["GroupId"] for one in resources(found, INGRESS).values()} == {"sg-old"}

    def test_is_the_same_group_when_the_cluster_has_gone_and_another_one_comes(self) -> None:
        """The live rule names it, and an update must not exchange it there."""
        stack = new_stack()
        for other in (template(green=None), template(stack, green=side(existing(stack, "newer")))):
            assert set(resources(other, GROUP)) == set(resources(plain(), GROUP))


class TestBindings:
    def test_name_the_service_its_port_and_addresses_as_targets(self) -> None:
        stack = new_stack()
        found = bindings(
            template(stack, green=side(existing(stack, "new"), namespace="cart", service="api", port="http"))
        )
        assert found["old"]["metadata"]["namespace"] == "shop"
        assert found["old"]["spec"]["serviceRef"] == {"name": "web", "port": 80}
        assert found["new"]["metadata"]["namespace"] == "cart"
        assert found["new"]["spec"]["serviceRef"] == {"name": "api", "port": "http"}
        assert {one["spec"]["targetType"] for one in found.values()} == {"ip"}

    def test_are_of_the_api_that_the_cluster_has(self) -> None:
        stack = new_stack()
        found = bindings(template(stack, blue=side(existing(stack, "old", LoadBalancing.CONTROLLER))))
        assert {cluster: one["apiVersion"] for cluster, one in found.items()} == {
            "old": "elbv2.k8s.aws/v1beta1",
            "new": "eks.amazonaws.com/v1",
        }

    def test_say_only_what_both_apis_know(self) -> None:
        """Auto Mode's refuses networking rules for a given group, and no binding here needs any."""
        for one in bindings(plain()).values():
            assert set(one["spec"]) == {"targetGroupARN", "targetType", "serviceRef"}

    def test_have_names_that_a_pods_readiness_condition_can_end_with(self) -> None:
        stack = new_stack("AStackWithALongName" * 3)
        for one in (*bindings(plain()).values(), *bindings(template(stack, id="ASwitchWithALongName" * 3)).values()):
            name = one["metadata"]["name"]
            assert len(name) <= 63
            assert name.replace("-", "").isalnum()
            assert name == name.lower()

    def test_wait_for_the_rules_and_the_groups_and_go_before_them(self) -> None:
        """A target that no rule leads to is not checked, and its pod would not get ready."""
        rules = set(resources(plain(), "Custom::TrafficRule"))
        found = [one for one in resources(plain(), MANIFEST).values() if "TargetGroupBinding" in json.dumps(one)]
        assert len(found) == 2
        for one in found:
            assert rules <= set(one["DependsOn"])
            assert any(f'"Ref": "{group}"' in json.dumps(one["Properties"]) for group in resources(plain(), GROUP))

    def test_wait_for_what_makes_load_balancers_in_the_cluster(self) -> None:
        stack = new_stack()
        controller = cdk.CfnResource(stack, "Controller", type="Custom::Chart")
        cluster = ExistingCluster(imported(stack, "old"), "1.36", LoadBalancing.CONTROLLER, controller)
        found = template(stack, blue=side(cluster))
        waiting = [one for one in resources(found, MANIFEST).values() if "Controller" in one["DependsOn"]]
        assert [one["Properties"]["ClusterName"] for one in waiting] == ["old"]

    def test_wait_for_what_their_side_names(self) -> None:
        """Such as the manifest with the namespace, which nothing else of the switch has to wait for."""
        stack = new_stack()
        namespace = cdk.CfnResource(stack, "Namespace", type="Custom::Namespace")
        found = template(stack, green=side(existing(stack, "new"), after=[namespace])).to_json()["Resources"]
        waiting = [one for one in found.values() if "Namespace" in one.get("DependsOn", [])]
        assert [one["Properties"]["ClusterName"] for one in waiting] == ["new"]

    def test_another_cluster_on_a_side_is_no_other_resource(self) -> None:
        """CloudFormation then refuses the changed function: two controllers in one group would empty each other's."""
        stack = new_stack()
        changed = resources(template(stack, green=side(existing(stack, "newer"))), MANIFEST)
        before = resources(plain(), MANIFEST)
        assert set(changed) == set(before)
        tokens = [{one["Properties"]["ServiceToken"] for one in found.values()} for found in (before, changed)]
        assert tokens[0] != tokens[1]


class TestNetwork:
    def test_the_load_balancer_reaches_the_pods_of_each_cluster_on_their_port(self) -> None:
        stack = new_stack()
        found = template(stack, green=side(existing(stack, "new"), pod_port=9000))
        assert {("sg-old", 8080), ("sg-new", 9000)} == {
            (one["Properties"]["GroupId"], one["Properties"]["FromPort"]) for one in resources(found, INGRESS).values()
        }
        assert {("sg-old", 8080), ("sg-new", 9000)} == {
            (one["Properties"]["DestinationSecurityGroupId"], one["Properties"]["FromPort"])
            for one in resources(found, EGRESS).values()
        }

    def test_nothing_else_may_reach_the_pods(self) -> None:
        (balancer,) = resources(plain(), "AWS::EC2::SecurityGroup")
        for one in resources(plain(), INGRESS).values():
            assert one["Properties"]["SourceSecurityGroupId"] == {"Fn::GetAtt": [balancer, "GroupId"]}
            assert one["Properties"]["ToPort"] == one["Properties"]["FromPort"]

    def test_on_a_shared_listener_the_rules_are_those_of_its_security_group(self) -> None:
        stack = new_stack()
        found = template(stack, ingress=shared(stack))
        assert {one["Properties"]["SourceSecurityGroupId"] for one in resources(found, INGRESS).values()} == {"sg-1"}
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)

    def test_the_network_of_clusters_that_do_not_say_theirs_is_given(self) -> None:
        stack = new_stack()
        sides = {name: side(existing(stack, name, vpc=None)) for name in ("blue", "green")}
        found = template(stack, **sides, vpc=vpc_in(stack))
        assert {one["Properties"]["VpcId"] for one in resources(found, GROUP).values()} == {"vpc-1"}

    def test_clusters_of_another_stack_keep_to_it(self) -> None:
        """What the switch adds is in the switch's stack: the clusters' stack depends on nothing of it."""
        app = cdk.App()
        platform, serving = new_stack("Platform", app), new_stack("Serving", app)
        sides = {name: side(existing(platform, name)) for name in ("blue", "green")}
        switch(serving, **sides)
        found = Template.from_stack(serving)
        assert len(resources(found, INGRESS)) == len(resources(found, EGRESS)) == 2
        assert set(bindings(found)) == {"blue", "green"}
        assert platform.dependencies == []


class TestSettings:
    def test_the_engine_scales_neither_side(self) -> None:
        settings = settings_in(plain())
        assert settings.blue.compute is settings.green.compute is Compute.FIXED
        assert not settings.blue.can_be_scaled

    def test_blue_and_green_are_the_groups_of_their_clusters(self) -> None:
        settings, groups = settings_in(plain()), groups_by_cluster(plain())
        assert settings.blue.group_arn == f"<{groups['old'][0]}>"
        assert settings.green.group_arn == f"<{groups['new'][0]}>"
        assert settings.green.metric_name == f"<{groups['new'][0]}.TargetGroupFullName>"

    def test_blue_is_live_at_first_and_tests_go_to_green(self) -> None:
        test, live = rules_by_priority(plain())
        assert (test["InitialCandidateWeight"], live["InitialCandidateWeight"]) == (100, 0)

    def test_the_plan_is_passed_on(self) -> None:
        settings = settings_in(template(strategy=Split(20), stickiness=timedelta(days=1), bake=5 * MINUTES))
        assert (settings.split, settings.stickiness_seconds, settings.bake) == (20, 86_400, 5 * MINUTES)


class TestConstruct:
    def test_has_what_a_canary_has(self) -> None:
        stack = new_stack()
        made = switch(stack)
        assert made.target == "Serving/Web"
        assert made.blue.target_group_arn != made.green.target_group_arn
        assert (made.live_rule.blue, made.live_rule.green) == (made.blue, made.green)
        assert len(made.candidate_rules) == 1
        assert made.load_balancer is not None
        assert made.url is not None
        assert made.url.startswith("http://")
        assert made.listener.listener_arn == made.live_rule.listener.listener_arn
        made.add_dashboard()
        outputs = {key[:-8] for key in Template.from_stack(stack).to_json()["Outputs"]}
        assert outputs == {"WebTarget", "WebLiveRule", "WebDnsName", "WebUrl", "WebCandidateValue"}

    def test_two_switches_share_the_stacks_engine(self) -> None:
        stack = new_stack()
        first = switch(stack)
        second = switch(stack, "Cart", **{name: side(existing(stack, f"{name}2")) for name in ("blue", "green")})
        assert first.engine is second.engine

    def test_clusters_known_by_their_names_are_bound_and_reached(self) -> None:
        stack = new_stack()
        known = {"vpc": vpc_in(stack), "version": "1.36", "load_balancing": LoadBalancing.CONTROLLER}
        sides = {
            side_name: side(ExistingCluster.named(stack, name, security_group_id=f"sg-{name}", **known))  # type: ignore[arg-type]
            for side_name, name in (("blue", "old"), ("green", "new"))
        }
        found = template(stack, **sides)
        assert set(bindings(found)) == {"old", "new"}
        assert {one["Properties"]["GroupId"] for one in resources(found, INGRESS).values()} == {"sg-old", "sg-new"}

    def test_a_cluster_of_this_app_says_its_security_group_and_name_by_reference(self) -> None:
        stack = new_stack()
        found = template(stack, blue=side(EksCluster(stack, "Cluster", vpc=vpc_in(stack))))
        (cluster_id,) = resources(found, "AWS::EKS::Cluster")
        tags = [one["Properties"]["Tags"] for one in resources(found, GROUP).values()]
        assert [{"Key": CLUSTER_TAG, "Value": {"Ref": cluster_id}}] in tags
        into = [one["Properties"]["GroupId"] for one in resources(found, INGRESS).values()]
        assert {"Fn::GetAtt": [cluster_id, "ClusterSecurityGroupId"]} in into
        assert bindings(found).keys() == {f"<{cluster_id}>", "new"}


def world(*, pods: int, idle: int) -> InMemoryWorld:
    """The engine on what the switch told it: live has `pods` healthy pods, the other cluster `idle`."""
    made = InMemoryWorld(
        settings_in(template(strategy=Steps([Step(10, 10 * MINUTES), Step(50, 10 * MINUTES)]))), targets=pods
    )
    green = made.settings.green.group_arn
    made.rules.healthy[green] = idle
    made.fleets.running[green] = FleetSeen(0, None, is_settled=True, release="k8s-1.37")  # for the played traffic only
    return made


class TestRollouts:
    """Whole ones, in memory, with the settings of the template."""

    def test_a_cluster_that_does_as_well_as_live_gets_all_traffic(self) -> None:
        moved = world(pods=4, idle=4)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=12 * 60)
        assert (moved.rollout.phase, moved.share) == (Phase.PROMOTED, 100)
        assert moved.fleets.calls == []

    def test_a_cluster_that_fails_more_often_gives_it_back(self) -> None:
        moved = world(pods=4, idle=4)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=12 * 60, failing={"k8s-1.37": 0.2})
        assert (moved.rollout.phase, moved.share) == (Phase.ROLLED_BACK, 0)
        assert moved.fleets.calls == []
        with pytest.raises(RefusedError, match="was rejected"):
            moved.begin(Release("k8s-1.37"), id="again")

    @pytest.mark.parametrize("idle", [0, 3])
    def test_a_cluster_with_fewer_healthy_pods_than_live_gets_none(self, idle: int) -> None:
        moved = world(pods=4, idle=idle)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=60)
        assert (moved.rollout.phase, moved.share) == (Phase.ROLLED_BACK, 0)
        said = [item.reason for item in moved.store.history(moved.settings.target)]
        assert any(f"{idle} of 4 healthy targets after 20 min" in reason for reason in said)

    def test_pods_may_come_while_the_rollout_waits_for_them(self) -> None:
        moved = world(pods=4, idle=0)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=10)
        assert moved.rollout.phase is Phase.PREPARING
        moved.rules.healthy[moved.settings.green.group_arn] = 5
        moved.run(minutes=12 * 60)
        assert (moved.rollout.phase, moved.share) == (Phase.PROMOTED, 100)

    def test_an_abort_in_the_middle_is_three_calls(self) -> None:
        moved = world(pods=4, idle=4)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=15)
        assert moved.share == 50
        moved.rules.calls.clear()
        done = abort(
            moved.rules,
            moved.settings,
            caller="sam",
            reason="",
            now=moved.clock.now,
            store=moved.store,
            executions=moved.executions,
        )
        assert (done.state, done.calls, moved.share) == ("RESTORED", 3, 0)
        assert [name for name, _ in moved.rules.calls[:3]] == ["DescribeTags", "DescribeTargetHealth", "ModifyRule"]

    def test_an_abort_does_not_go_back_to_a_cluster_that_was_scaled_in(self) -> None:
        """Why the numbers of pods have to be held on both sides: nobody here brings them back."""
        moved = world(pods=4, idle=4)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=15)
        blue = moved.settings.blue.group_arn
        moved.rules.healthy[blue] = 2
        done = abort(
            moved.rules,
            moved.settings,
            caller="sam",
            reason="",
            now=moved.clock.now,
            store=moved.store,
            executions=moved.executions,
        )
        assert (done.state, moved.share) == ("NOT_WARM", 50)
        moved.rules.healthy[blue] = 4
        moved.run(minutes=2)
        assert (moved.rollout.phase, moved.share) == (Phase.ROLLED_BACK, 0)

    def test_the_way_back_after_days_is_one_rollout_that_nobody_judges(self) -> None:
        moved = world(pods=4, idle=4)
        moved.begin(Release("k8s-1.37"))
        moved.run(minutes=12 * 60)
        moved.clock.forward(timedelta(days=3))
        moved.begin(Release(moved.rollout.leaves), id="back", is_expedited=True)
        moved.run(minutes=30)
        assert (moved.rollout.phase, moved.share) == (Phase.PROMOTED, 0)
