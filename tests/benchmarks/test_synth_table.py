"""The tables of a synth's cost: what is counted, what is compared, and the figures that are held."""

import json
from collections import Counter
from pathlib import Path

import aws_cdk as cdk
import jsii
import pytest
from constructs import IConstruct

from benchmarks.synth import command, cpu, hand_written, one_call
from benchmarks.synth.cpu import HAND_WRITTEN, JAVASCRIPT, ONE_CALL, VARIANTS, Cell, CpuSeconds, measure_cpu
from benchmarks.synth.javascript import unpack_cdk
from benchmarks.synth.jsii_calls import Call, calls_of_services, counted_calls, counted_synth
from benchmarks.synth.surroundings import MakeService, Surroundings, make_app
from benchmarks.synth.tables import MOST_CALLS, frequent_calls
from bluegreen_constructs.engine.errors import BlueGreenError

PAGE = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
TABLES = PAGE[PAGE.index(command.BEGIN) : PAGE.index(command.END)]


def topics(into: Surroundings, id: str) -> None:
    """Two resources in three calls, and two calls more for the first in a stack."""
    if not hasattr(into.stack, "has_topics"):
        into.stack.has_topics = True  # type: ignore[attr-defined]
        cdk.Stack.of(cdk.CfnResource(into.stack, "Shared", type="AWS::SNS::Topic"))
    topic = cdk.CfnResource(into.stack, id, type="AWS::SNS::Topic")
    cdk.CfnResource(into.stack, f"{id}Policy", type="AWS::SNS::TopicPolicy", properties={"Topics": [topic.ref]})


def template(make: MakeService) -> dict[str, dict[str, dict[str, object]]]:
    return make_app(1, make).synth().get_stack_by_name("Stack0").template


def kinds(make: MakeService) -> Counter[object]:
    return Counter(resource["Type"] for resource in template(make)["Resources"].values())


# The counter


def test_every_call_is_counted_once_under_its_kind_and_member() -> None:
    with counted_calls() as calls:
        app = cdk.App()
        stack = cdk.Stack(app, "Stack")
        topic = cdk.CfnResource(stack, "Topic", type="AWS::SNS::Topic")
        assert topic.ref != topic.logical_id
        topic.add_metadata("why", {"because": 1})
        cdk.Stack.of(topic)
        cdk.Aws.REGION  # noqa: B018 -- reading it is the call
        cdk.CfnOutput(stack, "Name", value="plain").description = "said"
    assert calls == {
        Call("create", "App"): 1,
        Call("create", "Stack"): 1,
        Call("create", "CfnResource"): 1,
        Call("get", "CfnResource.ref"): 1,
        Call("get", "CfnResource.logicalId"): 1,
        Call("invoke", "CfnResource.addMetadata"): 1,
        Call("static invoke", "Stack.of"): 1,
        Call("static get", "Aws.REGION"): 1,
        Call("create", "CfnOutput"): 1,
        Call("set", "CfnOutput.description"): 1,
    }


def test_a_call_back_into_python_during_synth_is_counted() -> None:
    @jsii.implements(cdk.IAspect)
    class Visitor:
        def visit(self, node: IConstruct) -> None:
            pass

    app = cdk.App()
    cdk.Aspects.of(cdk.Stack(app, "Stack")).add(Visitor())
    with counted_calls() as calls:
        app.synth()
    assert {call.kind: times for call, times in calls.items()} == {"invoke": 1, "answer a callback": 1}


def test_nothing_is_counted_after_the_block_even_if_it_raised() -> None:
    with pytest.raises(ZeroDivisionError), counted_calls() as calls:
        raise ZeroDivisionError
    cdk.App()
    assert not calls


def test_one_service_more_costs_what_it_makes_itself_and_the_first_also_what_all_share() -> None:
    counted = calls_of_services(topics)
    assert counted.further == {Call("create", "CfnResource"): 2, Call("get", "CfnResource.ref"): 1}
    assert counted.first - counted.further == {Call("create", "CfnResource"): 1, Call("static invoke", "Stack.of"): 1}
    assert (counted.resources_of_first, counted.resources_of_further) == (3, 2)


def test_ten_services_share_a_stack() -> None:
    stacks = make_app(11, topics).synth().stacks
    assert [len(stack.template["Resources"]) for stack in stacks] == [21, 3]


# The services


def test_one_service_more_takes_at_most_55_calls_and_none_of_them_from_javascript() -> None:
    counted = calls_of_services(one_call.make_service)
    assert not [call for call in counted.further if call.kind == "answer a callback"]
    assert counted.further.total() <= MOST_CALLS, "\n" + frequent_calls(None)


def test_calls_are_the_same_in_every_run() -> None:
    assert counted_synth(2, one_call.make_service) == counted_synth(2, one_call.make_service)


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::CloudWatch::Alarm",
        "AWS::ECS::Service",
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::Logs::LogGroup",
    ],
)
def test_what_is_written_by_hand_has_no_more_of_a_kind_than_the_one_call(kind: str) -> None:
    assert 0 < kinds(hand_written.make_service)[kind] <= kinds(one_call.make_service)[kind]


def test_what_is_written_by_hand_has_both_rules_and_the_same_deployment() -> None:
    ours, theirs = template(one_call.make_service), template(hand_written.make_service)
    assert kinds(hand_written.make_service)["AWS::ElasticLoadBalancingV2::ListenerRule"] == 2
    assert len(theirs["Outputs"]) <= len(ours["Outputs"])
    deployments = []
    for resources in (ours["Resources"], theirs["Resources"]):
        (service,) = (one for one in resources.values() if one["Type"] == "AWS::ECS::Service")
        properties = service["Properties"]
        assert isinstance(properties, dict)
        deployment = properties["DeploymentConfiguration"]
        deployments.append({**deployment, "LifecycleHooks": [], "Alarms": len(deployment["Alarms"]["AlarmNames"])})
    assert deployments[0] == deployments[1]


def test_the_alarms_written_by_hand_ask_what_the_built_in_ones_ask() -> None:
    written = json.dumps(template(one_call.make_service))
    for expression in (hand_written.ERROR_RATE, hand_written.LATENCY, hand_written.UNHEALTHY):
        assert expression in written


# Processes


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_cdk(tmp_path_factory.mktemp("cdk"))


def test_javascript_and_python_give_the_same_template(modules: Path, tmp_path: Path) -> None:
    output = tmp_path / "cdk.out"
    cpu.synthesise(Cell(JAVASCRIPT, 1), output, modules)
    written = json.loads((output / "Stack0.template.json").read_text(encoding="utf-8"))
    assert written == template(hand_written.make_service)


def test_a_synth_that_fails_is_said_in_one_line(modules: Path, tmp_path: Path) -> None:
    with pytest.raises(BlueGreenError, match=r"the synth of no_such_app failed: .*No module named") as raised:
        cpu.synthesise(Cell("no_such_app", 1), tmp_path / "cdk.out", modules)
    assert "\n" not in str(raised.value)


def test_a_small_measurement_has_seconds_for_every_variant(modules: Path) -> None:
    seconds = measure_cpu((1,), 1, modules, warm_up=False)
    assert set(seconds.runs) == {Cell(variant, 1) for variant in VARIANTS}
    for (runs,) in (seconds.runs[Cell(variant, 1)] for variant in VARIANTS):
        assert 0.05 < runs < 60
    # Python starts a Node that does what the JavaScript app does, so both processes are in the figure.
    assert seconds.ratio(HAND_WRITTEN, JAVASCRIPT, 1) > 1


def test_the_middle_run_counts_and_the_spread_is_shown() -> None:
    seconds = CpuSeconds({Cell(ONE_CALL, 1): [1.0, 9.0, 1.2], Cell(HAND_WRITTEN, 1): [2.0, 2.4, 2.6]})
    assert seconds.text(ONE_CALL, 1) == "1.20 s (1.00 to 9.00)"
    assert seconds.ratio(ONE_CALL, HAND_WRITTEN, 1) == 0.5


# The page


def test_the_page_was_written_by_a_whole_run() -> None:
    assert "of what Python by hand takes, 100 services" in TABLES
    assert "the median of 9 runs" in TABLES
    assert "**missed**" not in TABLES


@pytest.mark.parametrize("little", ["--quick", "--calls"])
def test_a_part_of_it_is_not_written(little: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        command.run([little, "--write"])
    assert ending.value.code == 2
    assert "too little to be written" in capsys.readouterr().err
