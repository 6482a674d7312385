"""A start that is unneeded when its release is live: it begins nothing then, and is judged as any other if not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from bluegreen_constructs.engine.already_live import ALREADY_LIVE
from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers.start import serve
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HeldError, RefusedError, ReleaseRecord
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.beginning import SlotsRequest
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.tick_answer import TickAnswer
from bluegreen_constructs.engine.weights import forward
from bluegreen_constructs.engine_state_machine import definition
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots
from tests.engine.rollout_world import BAD, MINUTE, NEXT, OPERATOR, RolloutWorld
from tests.engine.slots_world import world_with_release
from tests.played_state_machine import play
from tests.simulated_aws.behaviour import Behaviour
from tests.simulated_aws.faults import FIVE_KINDS, Fault
from tests.simulated_aws.invariants import Invariants
from tests.simulated_aws.one_target import OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.step_functions import Execution
from tests.simulated_aws.world import SimulatedAws

READS = {"DescribeRules", "DescribeTags", "DescribeTargetHealth"}
LATER = Release("1.5.0")


def unless_live(world: RolloutWorld, release: Release = NEXT, id: str = "again", **options: object) -> StartRequest:
    return replace(world.request(release, id=id, **options), is_unneeded_when_live=True)  # type: ignore[arg-type]


def promoted() -> RolloutWorld:
    world = RolloutWorld()
    world.start()
    world.finish()
    assert world.rollout.phase is Phase.PROMOTED
    return world


def taken_back() -> RolloutWorld:
    """The bad release 1.5.0 after 1.4.2 was live."""
    world = promoted()
    world.failing[LATER.name] = BAD
    world.start(world.request(LATER))
    world.finish()
    assert world.rollout.phase is Phase.ROLLED_BACK
    return world


def begins_nothing(world: RolloutWorld, request: StartRequest) -> None:
    """It is answered as promoted; nothing was taken, written or scaled, and the history says so."""
    there, tags, calls = world.rollout, dict(world.tags), len(world.watched_rules.calls)
    rules = {arn: actions for arn, (actions, _) in world.rules.rules.items()}
    fleets = dict(world.fleets.running)
    answer = world.start(request)
    assert answer == TickAnswer(world.target, request.rollout, done=True, outcome="PROMOTED", wait_seconds=1)
    assert world.rollout == there
    assert (dict(world.tags), {arn: actions for arn, (actions, _) in world.rules.rules.items()}) == (tags, rules)
    assert world.fleets.running == fleets
    assert set(world.watched_rules.calls_since(calls)) <= READS
    (said,) = [item for item in world.history(ALREADY_LIVE) if item.rollout == request.rollout]
    assert (said.release, said.caller) == (request.release.name, OPERATOR)


def begins_a_rollout(world: RolloutWorld, request: StartRequest) -> None:
    answer = world.start(request)
    assert (answer.done, world.rollout.id) == (False, request.rollout)
    assert world.history(ALREADY_LIVE) == []


def test_what_was_promoted_is_live_and_a_second_start_of_it_begins_nothing() -> None:
    world = promoted()
    begins_nothing(world, unless_live(world))
    begins_nothing(world, unless_live(world, id="and-again"))
    assert world.share_of("green") == 100


def test_what_a_rollback_left_is_live_and_a_start_of_it_begins_nothing() -> None:
    world = taken_back()
    begins_nothing(world, unless_live(world, NEXT, id="stage-rollback"))


def test_the_first_release_is_live_again_after_a_rollback() -> None:
    world = RolloutWorld()
    world.failing[NEXT.name] = BAD
    world.start()
    world.finish()
    begins_nothing(world, unless_live(world, Release("first")))


def test_what_is_live_and_still_drains_the_other_side_needs_no_rollout() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.PROMOTED)
    assert not world.rollout.is_tidied
    begins_nothing(world, unless_live(world))


def test_the_rollout_that_drains_goes_on_undisturbed() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.PROMOTED)
    answer = world.answer
    world.start(unless_live(world))
    world.answer = answer
    assert world.finish().is_tidied


def test_without_being_asked_for_it_a_start_of_what_is_live_is_a_rollout() -> None:
    world = promoted()
    begins_a_rollout(world, world.request(NEXT, id="again"))


def test_another_release_is_a_rollout_like_any_other() -> None:
    world = promoted()
    begins_a_rollout(world, unless_live(world, LATER))


def test_the_first_rollout_ever_has_no_record_that_could_say_what_is_live() -> None:
    world = RolloutWorld()
    begins_a_rollout(world, unless_live(world, Release("first")))


def test_a_release_that_is_on_its_way_is_not_live_and_its_second_start_is_held() -> None:
    for phase in (Phase.PREPARING, Phase.SHIFTING, Phase.BAKING):
        world = RolloutWorld()
        world.start()
        world.reach(phase)
        for release in (NEXT, Release("first")):
            with pytest.raises(HeldError, match=f"is {phase.value}"):
                world.start(unless_live(world, release))
        assert world.history(ALREADY_LIVE) == []


def give_rule(world: RolloutWorld, share: float) -> None:
    blue, green = world.settings.blue.group_arn, world.settings.green.group_arn
    world.rules.rules[world.settings.rule_arn] = ((forward(blue, green, share, None),), dict(world.tags))


def test_a_rule_that_leads_elsewhere_than_the_record_says_is_believed() -> None:
    """Somebody gave the former side everything by hand: what runs there is not what was promoted."""
    world = promoted()
    give_rule(world, 0)
    begins_a_rollout(world, unless_live(world))


def test_a_rule_that_splits_traffic_is_refused_as_ever() -> None:
    world = promoted()
    give_rule(world, 50)
    with pytest.raises(RefusedError, match="nobody can say which side is live"):
        world.start(unless_live(world))


@pytest.mark.parametrize("named", ["", "another-rollout"])
def test_a_rule_that_another_rollout_wrote_last_or_nobody_is_no_evidence(named: str) -> None:
    world = promoted()
    world.tags["bluegreen:rollout"] = named  # type: ignore[index]
    begins_a_rollout(world, unless_live(world))


def test_sides_that_the_stack_has_replaced_run_what_the_record_does_not_know() -> None:
    world = promoted()
    settings = world.settings
    other = settings.green.group_arn.replace("green", "other")
    replaced = replace(world.rollout, settings=replace(settings, green=replace(settings.green, group_arn=other)))
    world.store.states[world.target] = replaced
    begins_a_rollout(world, unless_live(world))


@pytest.mark.parametrize(
    ("asked", "is_live"),
    [
        (Release(NEXT.name, "registry/model@sha256:1"), True),
        (Release(NEXT.name), True),
        (Release(NEXT.name, "registry/model@sha256:2"), False),
    ],
)
def test_two_of_one_name_with_two_images_are_two_releases(asked: Release, is_live: bool) -> None:
    for name in (NEXT, LATER):  # live by its own promotion, or by the next one's rollback
        world = RolloutWorld()
        world.start(world.request(Release(NEXT.name, "registry/model@sha256:1")))
        world.finish()
        if name is LATER:
            world.failing[LATER.name] = BAD
            world.start(world.request(LATER))
            world.finish()
        (begins_nothing if is_live else begins_a_rollout)(world, unless_live(world, asked, id="again"))


def test_a_release_that_was_rejected_is_refused_although_it_is_live() -> None:
    world = promoted()
    rejected = ReleaseRecord(NEXT, "rejected", world.clock.now, "wrong prices", OPERATOR, "r")
    world.store.remember(world.target, rejected)
    with pytest.raises(RefusedError, match="was rejected"):
        world.start(unless_live(world))


def test_the_same_start_again_answers_the_same_and_is_told_once() -> None:
    world = promoted()
    request = unless_live(world)
    begins_nothing(world, request)
    begins_nothing(world, request)


def test_one_whose_history_could_not_be_written_is_tried_again() -> None:
    world = promoted()
    request = unless_live(world)

    def fails(*_: object) -> None:
        raise AwsError("throttled")

    world.store.record = fails  # type: ignore[method-assign]
    there = world.rollout
    with pytest.raises(AwsError):
        world.start(request)
    del world.store.record
    assert world.rollout == there
    begins_nothing(world, request)


@pytest.mark.parametrize("given", ["yes", 1, None])
def test_an_input_that_says_neither_true_nor_false_is_refused(given: object) -> None:
    event = {"target": "Serving/Model", "rollout": "one", "execution": "arn", "release": "1.4.2"}
    with pytest.raises(ConfigurationError, match=r"unless_live is .*: give true or false"):
        StartRequest.of({**event, "unless_live": given})
    assert StartRequest.of({**event, "unless_live": True}).is_unneeded_when_live
    assert not StartRequest.of(event).is_unneeded_when_live


# -- the state machine, in the simulated AWS ----------------------------------------------------------------------


class Target:
    """A target in the simulated AWS: `start` is an execution of the state machine, from its beginning to its end."""

    def __init__(self) -> None:
        self.world = SimulatedAws()
        self.world.release_is("3", Behaviour(errors=0.05))
        self.one = OneTarget(self.world, steps=(Step(10, 2 * MINUTE),), rate=2000)
        self.one.change(bake=2 * MINUTE, guardrails=(ErrorComparison(),))
        self.invariants = Invariants(self.one)
        self.machine = RealEngine(self.world).machine()

    def start(self, name: str, release: str, **options: object) -> Execution:
        request = {"target": self.one.name, "release": {"name": release}, **options}
        execution = self.machine.begin(name, request)
        self.machine.run()
        self.invariants.check_nothing_lost()
        self.invariants.check_end()
        return execution

    def writes(self) -> int:
        return sum(self.world.made[name] for name in _WRITES)


_WRITES = ("elbv2.ModifyRule", "elbv2.AddTags", "ecs.UpdateService")


def outcome(execution: Execution) -> str:
    return execution.output["outcome"] if execution.output else execution.error


def test_the_definition_ends_such_an_execution_at_once_and_well() -> None:
    """As CodePipeline's action of Step Functions sees it, with the handler that reads the input."""
    world = promoted()
    slots = swapped()
    invoked: list[str] = []

    def task(resource: str, parameters: dict) -> object:
        assert resource.endswith("lambda:invoke"), resource
        invoked.append(parameters["FunctionName"])
        beginning = Beginning(world.source, world.store, world.rules, world.executions)
        return {"Payload": serve(parameters["Payload"], beginning, slots.beginning)}

    machine = definition(start_arn="start", start_seconds=60, tick_arn="tick", tick_seconds=60)
    rollout = {"target": world.target, "release": {"name": NEXT.name}, "unless_live": True}
    slot = {"target": "Web/App", "slots": {"verb": "swap", "slot": "staging", "release": "2", "unless_live": True}}
    for given in (rollout, slot):
        ended = play(machine, given, task)
        assert (ended.status, ended.states[-3:]) == ("SUCCEEDED", ["Done", "Outcome", "Ended"])
    assert invoked == ["start", "start"]


def test_an_execution_whose_release_is_live_succeeds_and_writes_nothing() -> None:
    target = Target()
    target.start("r1", "2")
    before, weights = target.writes(), target.one.weights()
    assert before
    assert outcome(target.start("r2", "2", unless_live=True)) == "PROMOTED"
    assert (target.writes(), target.one.weights()) == (before, weights)


def test_a_stage_that_is_rolled_back_finds_the_release_that_the_engine_brought_back() -> None:
    target = Target()
    target.start("r1", "2")
    assert outcome(target.start("r2", "3", unless_live=True)) == "ROLLED_BACK"
    before = target.writes()
    assert outcome(target.start("r3", "2", unless_live=True)) == "PROMOTED"
    assert target.writes() == before
    assert outcome(target.start("r4", "4", unless_live=True)) == "PROMOTED"
    assert target.one.weights() == {"blue": 100, "green": 0}


@pytest.mark.parametrize("kind", FIVE_KINDS, ids=lambda kind: kind.value)
def test_a_fault_at_any_call_of_it_moves_nothing(kind: Fault) -> None:
    plain = Target()
    plain.start("r1", "2")
    first = len(plain.world.calls)
    plain.start("r2", "2", unless_live=True)
    for number in range(first, len(plain.world.calls)):
        target = Target()
        target.start("r1", "2")
        weights, before = target.one.weights(), target.writes()
        target.world.faults.at(number, kind)
        for attempt in range(3):  # what a pipeline's retry does
            again = partial(target.start, f"r2-{attempt}", "2", unless_live=True)
            if target.world.run("retry", again).error is None:
                break
        assert (target.one.weights(), target.writes()) == (weights, before)


# -- slots --------------------------------------------------------------------------------------------------------


def untouched(world: InMemorySlotsWorld, act: Callable[[], TickAnswer]) -> TickAnswer:
    """What `act` is answered; that it changed neither the record, a rule, nor a service."""
    record, rules, runs = world.record, dict(world.rules.rules), dict(world.services.runs)
    answer = act()
    assert (world.record, dict(world.rules.rules), dict(world.services.runs)) == (record, rules, runs)
    return answer


def swapped() -> InMemorySlotsWorld:
    world = world_with_release()
    world.begin("swap")
    world.run()
    assert (world.release_of("production"), world.release_of("staging")) == ("2", "first")
    return world


@pytest.mark.parametrize("verb", ["deploy", "swap"])
def test_a_release_that_production_runs_is_neither_deployed_nor_swapped(verb: str) -> None:
    world = swapped()
    answer = untouched(world, lambda: world.begin(verb, id="again", release="2", unless_live=True))
    assert answer == TickAnswer("Web/App", "again", done=True, outcome="DONE", wait_seconds=1)
    (said,) = [item for item in world.store.items["Web/App"] if item.event == ALREADY_LIVE]
    assert (said.rollout, said.release) == ("again", "2")
    assert f"nothing to {verb}" in said.reason


def test_a_pipelines_stage_goes_on_where_it_stopped_and_comes_back_where_it_was() -> None:
    """Deploy and swap, both of them again, and then the stage's rollback to the former release."""
    world = InMemorySlotsWorld()
    for release, live in (("2", "2"), ("2", "2"), ("first", "first"), ("3", "3")):
        for verb in ("deploy", "swap"):
            if not world.begin(verb, release=release, unless_live=True).done:
                world.run()
        assert world.release_of("production") == live
    assert world.release_of("staging") == "first"


def test_a_swap_that_went_back_left_the_former_release_live() -> None:
    world = world_with_release()
    world.begin("swap", release="2", unless_live=True)
    world.run(until=SwapPhase.BAKING)
    world.give("abort")
    world.run()
    assert world.release_of("production") == "first"
    for verb in ("deploy", "swap"):
        assert untouched(world, lambda verb=verb: world.begin(verb, id=verb, release="first", unless_live=True)).done  # type: ignore[misc]


@pytest.mark.parametrize("verb", ["deploy", "swap"])
def test_what_only_the_slot_runs_is_not_live(verb: str) -> None:
    world = world_with_release()
    assert not world.begin(verb, release="2", unless_live=True).done


def test_without_being_asked_for_it_a_deployment_of_what_is_live_is_one() -> None:
    assert not swapped().begin("deploy", release="2").done


def test_while_something_is_under_way_it_is_held_as_ever() -> None:
    world = world_with_release()
    world.begin("swap")
    with pytest.raises(HeldError):
        world.begin("swap", id="other", release="first", unless_live=True)


def test_with_split_traffic_or_a_rule_by_hand_nothing_is_taken_for_live() -> None:
    world = swapped()
    world.begin("traffic", shares={"staging": 10.0})
    world.run()
    with pytest.raises(RefusedError, match="production's traffic is split"):
        world.begin("swap", release="2", unless_live=True)
    world = swapped()
    other = world.slots.side("a").group_arn
    world.rules.rules[world.settings.rule_arn] = (
        ({"Type": "forward", "TargetGroupArn": other},),
        world.rules.rules[world.settings.rule_arn][1],
    )
    with pytest.raises(RefusedError, match="somebody wrote it by hand"):
        world.begin("deploy", release="2", unless_live=True)


def test_the_settings_of_another_slot_are_another_deployment() -> None:
    assert not swapped().begin("deploy", release="2", settings_from="production", unless_live=True).done


def test_a_slot_that_is_not_there_and_production_itself_are_refused_although_the_release_is_live() -> None:
    with pytest.raises(ConfigurationError, match="there is no slot qa"):
        swapped().begin("deploy", slot="qa", release="2", unless_live=True)
    with pytest.raises(RefusedError, match="production is never the candidate"):
        swapped().begin("deploy", slot="production", release="2", unless_live=True)


def test_a_swap_that_names_its_release_brings_no_other_one_to_production() -> None:
    world = world_with_release(example_slots())
    with pytest.raises(RefusedError, match="slot staging runs release 2, and the swap is of 3: deploy that one"):
        world.begin("swap", release="3", unless_live=True)
    assert not world.begin("swap", id="right", release="2", unless_live=True).done


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"verb": "swap", "slot": "staging", "unless_live": "yes", "release": "2"}, "give true or false"),
        (
            {"verb": "swap", "slot": "staging", "unless_live": True},
            "names none: give the release of a deploy or a swap",
        ),
        ({"verb": "traffic", "shares": {"staging": 5}, "unless_live": True, "release": "2"}, "asks for traffic unless"),
        ({"verb": "resolve", "unless_live": True, "release": "2"}, "asks for resolve unless"),
    ],
)
def test_an_input_that_makes_no_sense_is_refused(asked: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        SlotsRequest.of({"target": "Web/App", "rollout": "one", "execution": "arn", "slots": asked})


def test_what_an_abort_is_about_to_take_back_is_not_live() -> None:
    world = promoted()
    world.tags["bluegreen:aborted"] = world.rollout.id
    begins_a_rollout(world, unless_live(world))


def test_of_a_release_that_nobody_remembers_no_image_is_live() -> None:
    world = RolloutWorld()
    world.failing[NEXT.name] = BAD
    world.start()
    world.finish()
    begins_a_rollout(world, unless_live(world, Release("first", "registry/inference@sha256:" + "0" * 64)))


@pytest.mark.parametrize("asked", ["expedited", "irreversible", "quarantine", "end_quarantine"])
def test_a_pipeline_cannot_ask_for_what_people_decide(asked: str) -> None:
    event = {
        "target": "Serving/Model",
        "rollout": "pipeline-1624a1d1",
        "execution": "arn:aws:states:eu-west-1:123456789012:execution:Engine:pipeline-1624a1d1",
        "release": {"name": "1.4.2"},
        asked: True,
    }
    with pytest.raises(ConfigurationError, match=f"a pipeline asks for {asked}, which people do"):
        StartRequest.of(event)
    assert StartRequest.of({**event, "rollout": "1.4.2-20261122"}).release.name == "1.4.2"


def test_nor_accept_what_was_rejected() -> None:
    event = {
        "target": "Serving/Model",
        "rollout": "pipeline-1624a1d1",
        "execution": "x",
        "release": {"name": "1.4.2"},
        "accept_rejected": "a variable said so",
    }
    with pytest.raises(ConfigurationError, match="a pipeline asks for accept_rejected, which people do"):
        StartRequest.of(event)
