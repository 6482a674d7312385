"""ClusterSwitch and ClusterSide: what they refuse at synth, in one sentence that says what to change."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks

from bluegreen_constructs import AllAtOnce, ErrorComparison, Ingress, RolloutLimits, Targets
from bluegreen_constructs.cluster_side import ClusterSide
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import PLAIN, new_stack
from tests.switched_clusters import existing, side, switch


def refused(make: Callable[[], object]) -> str:
    """The refusal: one sentence, lower case, without a final period, that says what to do."""
    with pytest.raises(ConfigurationError) as raised:
        make()
    message = str(raised.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert ": " in message
    assert "give" in message
    return message


class TestSide:
    @pytest.mark.parametrize("name", ["", "Shop", "shop_1", "-shop", "shop-", "a" * 64, "shop.eu", None])
    def test_a_namespace_that_is_no_dns_label_is_refused(self, name: object) -> None:
        assert f"namespace is {name!r}" in refused(lambda: side(existing(new_stack(), "old"), namespace=name))

    @pytest.mark.parametrize("name", ["", "Web", "1web", "web-", "a" * 64, 7])
    def test_a_service_that_could_not_be_called_so_is_refused(self, name: object) -> None:
        assert f"service is {name!r}" in refused(lambda: side(existing(new_stack(), "old"), service=name))

    @pytest.mark.parametrize("port", [0, 65_536, -1, True, "80", "", "Http", 8.5, None])
    def test_a_service_port_that_is_none_is_refused(self, port: object) -> None:
        assert f"port is {port!r}" in refused(lambda: side(existing(new_stack(), "old"), port=port))

    @pytest.mark.parametrize("port", [0, 65_536, True, "http", None])
    def test_a_pod_port_that_is_none_is_refused(self, port: object) -> None:
        assert f"pod_port is {port!r}" in refused(lambda: side(existing(new_stack(), "old"), pod_port=port))

    @pytest.mark.parametrize("port", [1, 65_535, "http", "web-2"])
    def test_ports_by_number_and_by_name_are_taken(self, port: object) -> None:
        assert side(existing(new_stack(), "old"), port=port).port == port

    def test_a_cluster_of_another_kind_is_refused(self) -> None:
        cluster = eks.Cluster.from_cluster_attributes(new_stack(), "Plain", cluster_name="plain")
        message = refused(lambda: ClusterSide(cluster, namespace="shop", service="web", pod_port=80))  # type: ignore[arg-type]
        assert "ExistingCluster.named(…)" in message


class TestSides:
    def test_what_is_no_side_is_refused(self) -> None:
        stack = new_stack()
        message = refused(lambda: switch(stack, blue=Targets.of(["10.0.0.1"], port=80)))
        assert message.startswith("Serving/Web has the blue Targets: ")

    def test_no_cluster_at_all_is_refused(self) -> None:
        assert "no cluster on either side" in refused(lambda: switch(blue=None, green=None))

    def test_one_cluster_as_both_is_refused(self) -> None:
        stack = new_stack()
        cluster = existing(stack, "one")
        message = refused(lambda: switch(stack, blue=side(cluster), green=side(cluster, service="api")))
        assert "has Serving/one as blue and as green" in message
        assert "EksRollouts" in message

    def test_one_cluster_that_was_imported_twice_is_refused(self) -> None:
        stack = new_stack()
        sides = {name: side(existing(stack, name, cluster_name="one")) for name in ("blue", "green")}
        assert "as blue and as green" in refused(lambda: switch(stack, **sides))

    def test_clusters_of_two_networks_are_refused(self) -> None:
        stack = new_stack()
        other = ec2.Vpc.from_vpc_attributes(stack, "Other", vpc_id="vpc-2", availability_zones=["eu-west-1a"])
        message = refused(lambda: switch(stack, green=side(existing(stack, "new", vpc=other))))
        assert "has blue in Serving/Vpc and green in Serving/Other: give clusters of one VPC" in message

    def test_networks_of_this_app_are_told_apart_by_what_they_are(self) -> None:
        stack = new_stack()
        one, other = ec2.Vpc(stack, "One"), ec2.Vpc(stack, "Two")
        sides = {
            "blue": side(existing(stack, "old", vpc=one)),
            "green": side(existing(stack, "new", vpc=other)),
        }
        assert "give clusters of one VPC" in refused(lambda: switch(stack, **sides))

    def test_a_network_that_is_given_has_to_be_the_clusters(self) -> None:
        stack = new_stack()
        other = ec2.Vpc.from_vpc_attributes(stack, "Other", vpc_id="vpc-2", availability_zones=["eu-west-1a"])
        assert "blue in Serving/Vpc and vpc in Serving/Other" in refused(lambda: switch(stack, vpc=other))

    def test_a_network_that_is_known_at_deploy_only_is_believed(self) -> None:
        stack = new_stack()
        imported = ec2.Vpc.from_vpc_attributes(
            stack, "Other", vpc_id=cdk.Fn.import_value("Vpc"), availability_zones=["eu-west-1a"]
        )
        switch(stack, green=side(existing(stack, "new", vpc=imported)))

    def test_clusters_whose_network_nobody_says_are_refused(self) -> None:
        stack = new_stack()
        sides = {name: side(existing(stack, name, vpc=None)) for name in ("blue", "green")}
        assert "does not know its VPC: give vpc=" in refused(lambda: switch(stack, **sides))

    @pytest.mark.parametrize(
        ("env", "place"),
        [
            (cdk.Environment(account="123456789012", region="us-east-1"), "region us-east-1"),
            (cdk.Environment(account="210987654321", region="eu-west-1"), "account 210987654321"),
        ],
    )
    def test_a_cluster_of_another_region_or_account_is_refused(self, env: cdk.Environment, place: str) -> None:
        app = cdk.App()
        stack, far = new_stack(app=app), cdk.Stack(app, "Far", env=env)
        message = refused(lambda: switch(stack, green=side(existing(far, "far"))))
        assert f"has the green cluster in {place}" in message
        assert "only DNS leads to several" in message

    def test_a_cluster_whose_pods_have_ipv6_addresses_is_refused(self) -> None:
        stack = new_stack()
        message = refused(lambda: switch(stack, green=side(existing(stack, "six", ip_family=eks.IpFamily.IP_V6))))
        assert "the green cluster Serving/six, whose pods have IPv6 addresses" in message

    def test_a_cluster_without_a_known_security_group_is_refused(self) -> None:
        stack = new_stack()
        message = refused(lambda: switch(stack, blue=side(existing(stack, "old", cluster_security_group_id=None))))
        assert "Serving/old does not know its cluster security group" in message


class TestWhatACanaryRefuses:
    """The same values, refused in the same words."""

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"ingress": "https"}, "has the ingress str: give Ingress"),
            ({"guardrails": []}, "has no guardrails"),
            ({"guardrails": ErrorComparison()}, "guardrails ErrorComparison"),
            ({"limits": 5}, "the limits 5"),
            ({"strategy": "fast"}, "has the strategy 'fast'"),
            ({"strategy": AllAtOnce(), "limits": RolloutLimits(hold_back=0)}, "never sees a minute"),
            ({"stickiness": timedelta(hours=1), "test_traffic": []}, "no rule would name the side that is out of use"),
            ({"test_traffic": "header"}, "the test_traffic 'header'"),
            ({"ingress": Ingress(plain_http=True, sources=("everybody",))}, "the Ingress source 'everybody'"),
        ],
    )
    def test_is_refused_here(self, options: dict[str, object], said: str) -> None:
        assert said in refused(lambda: switch(**options))

    def test_a_second_dashboard_is_refused(self) -> None:
        made = switch(ingress=PLAIN)
        made.add_dashboard()
        with pytest.raises(ConfigurationError, match="has a dashboard already"):
            made.add_dashboard()
