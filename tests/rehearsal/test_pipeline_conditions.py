"""The conditions of the pipeline's scenarios go red for what they are there to catch. Pure."""

from dataclasses import replace

import pytest

from bluegreen_constructs.rehearsal.pipeline.action_work import How, SourceRevision
from bluegreen_constructs.rehearsal.pipeline.execution import FAILED, SUCCEEDED
from bluegreen_constructs.rehearsal.scenarios import pipeline_bad, pipeline_bad_model, pipeline_good
from bluegreen_constructs.rehearsal.scenarios.pipeline_seen import DeliverySeen
from tests.rehearsal.canary_records import answered, spread, watched
from tests.rehearsal.pipeline_records import (
    ALL,
    BEGUN,
    FORMER,
    FURTHER,
    PUSHED,
    STAGED,
    STAGED_ALL,
    delivery,
    execution,
    lost,
    prod,
    red,
    released,
    rollback,
    rollout,
    staging,
    untouched,
    weights,
    went_back,
    with_record,
)

ALARM = "Service deployment rolled back because alarm(s) Service/ErrorRate went into the ALARM state."
STOPPED = {"Source": SUCCEEDED, "Synth": SUCCEEDED, "Staging": FAILED}
REFUSED = {**dict.fromkeys(("Source", "Synth", "Staging", "ReviewProd"), SUCCEEDED), "Prod": FAILED}


def bad(**changes: object) -> DeliverySeen:
    """A release that staging took back."""
    known: dict[str, object] = {
        "execution": execution(STOPPED, f"Service ended UPDATE_ROLLBACK_COMPLETE: Inference: {ALARM}"),
        "rollback": rollback("Staging"),
        "asked": (),
        "parameters": {"ImageDigest": f"@{FORMER}"},
        "stack_status": "UPDATE_ROLLBACK_COMPLETE",
        "rollouts": (rollout("ROLLBACK_SUCCESSFUL", ALARM),),
        "engine": {},
        "staging": went_back(staging(), STAGED, STAGED_ALL, status=500),
        "prod": untouched(prod()),
    }
    return delivery(**{**known, **changes})


def bad_model(**changes: object) -> DeliverySeen:
    """A release that production took back."""
    known: dict[str, object] = {
        "execution": execution(REFUSED, "the execution arn ended FAILED: NotPromoted Predictions"),
        "rollback": rollback("Prod"),
        "engine": {"pipeline-1": "FAILED", "pipeline-2": "SUCCEEDED"},
        "prod": went_back(prod(), BEGUN, FURTHER, is_wrong=True),
    }
    return delivery(**{**known, **changes})


def red_of_good(**changes: object) -> set[str]:
    return red(pipeline_good.judged(delivery(**changes)))


def red_of_bad(**changes: object) -> set[str]:
    return red(pipeline_bad.judged(bad(**changes)))


def red_of_model(**changes: object) -> set[str]:
    return red(pipeline_bad_model.judged(bad_model(**changes)))


def test_what_should_happen_passes() -> None:
    assert red_of_good() == set()
    assert red_of_bad() == set()
    assert red_of_model() == set()


def test_the_report_says_of_each_action_how_true_it_was() -> None:
    figures = pipeline_bad.judged(bad()).figures
    assert figures["Synth/Assets"] == "real, 1.0 s"
    assert figures["Staging/Deploy"] == "failed, 1.0 s"
    assert figures["rollback, Staging/Deploy"] == "real, 1.0 s"


@pytest.mark.parametrize("of", [red_of_good, red_of_bad, red_of_model])
def test_another_start_than_the_pushs_is_seen(of) -> None:
    says = "the synthesised rule started the pipeline once, with the digest that was pushed"
    own = SourceRevision("Image", "IMAGE_DIGEST", PUSHED)
    assert of(starts=()) == {says}
    assert of(starts=((own,), (own,))) == {says}, "the push of another image started it, too"
    assert of(starts=((),)) == {says}, "the start took whatever is newest"
    assert of(starts=((replace(own, value=FORMER),),)) == {says}


def test_a_stage_that_is_missing_or_failed_is_seen() -> None:
    says = "the stages went: Source Succeeded, Synth Succeeded, Staging Succeeded, ReviewProd Succeeded, Prod Succeeded"
    assert says in red_of_good(execution=execution({"Source": SUCCEEDED, "Synth": SUCCEEDED, "Staging": SUCCEEDED}))
    assert says in red_of_good(execution=execution(REFUSED, "no"))
    unasked = dict.fromkeys(("Source", "Synth", "Staging", "Prod"), SUCCEEDED)
    assert says in red_of_good(execution=execution(unasked))
    entered = {**STOPPED, "ReviewProd": SUCCEEDED}
    assert "the stages went: Source Succeeded, Synth Succeeded, Staging Failed" in red_of_bad(
        execution=execution(entered, "UPDATE_ROLLBACK_COMPLETE")
    )


def test_a_deploy_that_is_no_real_one_is_seen() -> None:
    says = "the deploys were real calls of CloudFormation and Step Functions"
    played = delivery().execution
    played.runs = [replace(one, how=How.PLAYED) if one.action == "Rollout" else one for one in played.runs]
    assert red_of_good(execution=played) == {says}
    stub = delivery().execution
    stub.runs = [replace(one, how=How.STUB) if one.action == "Approve" else one for one in stub.runs]
    assert red_of_good(execution=stub) == {says}
    built = delivery().execution
    built.runs = [replace(one, how=How.STUB) if one.action == "Assets" else one for one in built.runs]
    assert red_of_good(execution=built) == set(), "a build may be a stub, and its figure says so"


def test_a_question_that_is_missing_or_of_another_image_is_seen() -> None:
    says = "production was asked about once, by the digest"
    assert red_of_good(asked=()) == {says}
    assert red_of_good(asked=("ship it?",)) == {says}
    assert red_of_good(asked=(f"ship {PUSHED}?", f"ship {PUSHED}?")) == {says}


def test_a_digest_that_the_stack_does_not_keep_is_seen() -> None:
    says = "staging's stack keeps the digest as its parameter"
    assert red_of_good(parameters={}) == {says}
    assert red_of_good(parameters={"ImageDigest": f"@{FORMER}"}) == {says}
    assert red_of_bad(parameters={"ImageDigest": f"@{PUSHED}"}) == {says}
    assert red_of_bad(stack_status="UPDATE_ROLLBACK_FAILED") == {says}
    assert red_of_model(parameters={"ImageDigest": f"@{FORMER}"}) == {says}


def test_stages_that_run_different_images_are_seen() -> None:
    says = "both stages run the digest that was pushed"
    assert red_of_good(prod=replace(prod(), image="4.0.0")) == {says}
    assert red_of_good(staging=replace(staging(), image=FORMER)) == {says}


def test_a_rollout_that_the_engine_did_not_make_is_seen() -> None:
    says = "the engine made one rollout for the pipeline, and it succeeded"
    assert red_of_good(engine={}) == {says}
    assert red_of_good(engine={"by-hand": "SUCCEEDED"}) == {says}
    assert red_of_good(engine={"pipeline-1": "FAILED"}) == {says}


def test_production_before_staging_is_seen() -> None:
    says = "production met the release after all of staging did"
    early = with_record(prod(), answered(STAGED_ALL - 1, "candidate", side="blue", release=PUSHED))
    assert red_of_good(prod=early) == {says}


def test_a_stage_that_is_rolled_back_though_all_is_well_is_seen() -> None:
    assert red_of_good(rollback=rollback("Prod")) == {"no stage was rolled back"}


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_each_stages_traffic_is_looked_at(stage: str) -> None:
    traffic = {"staging": staging, "prod": prod}[stage]()
    name = traffic.name
    everything = "10 %, then 100 %" if stage == "staging" else "10 %, then 50 %, then 95 %, then 100 %"

    def found(changed) -> set[str]:
        return red_of_good(**{stage: changed})

    assert found(with_record(traffic, lost(40.0, "green", PUSHED))) == {
        f"{name}: no request failed and no stream broke"
    }
    early = answered(1.0, "candidate", release=FORMER)
    assert found(with_record(traffic, early)) == {f"{name}: before the first shift nobody met it"}
    late = answered(43.0, "live", side="green", release=FORMER)
    assert found(with_record(traffic, late)) == {f"{name}: after the last step every answer is the release's"}
    assert found(replace(traffic, now={"blue": 100, "green": 0})) == {
        f"{name}: 100 % of production traffic is on green"
    }
    once = weights((traffic.weights[0].wall, 100))
    assert f"{name}: the rule gave the release {everything}" in found(replace(traffic, weights=once))
    assert f"{name}: at every step the release answered its share" in found(
        replace(traffic, watched=watched(released(spread(0, 44, 0))))
    )
    short = [one for one in traffic.watched.records if one.scheduled < 40]
    assert found(replace(traffic, watched=watched(short))) == {f"{name}: the load was sent whole and on time"}


def test_a_rollout_that_ecs_did_not_take_back_is_seen() -> None:
    says = "Amazon ECS made one rollout in staging, and took it back by ErrorRate"
    assert red_of_bad(rollouts=()) == {says}
    assert red_of_bad(rollouts=(rollout(),)) == {says}
    other = replace(rollout("ROLLBACK_SUCCESSFUL", "by hand"), alarms=("Service/Latency",))
    assert red_of_bad(rollouts=(other,)) == {says}
    twice = (rollout("ROLLBACK_SUCCESSFUL", ALARM),) * 2
    assert red_of_bad(rollouts=twice) == {says}, "the rollback of the stage rolled out again"


def test_a_deploy_that_failed_for_another_reason_is_seen() -> None:
    failed = execution(STOPPED, "the artefact Assembly has no file Service.template.json")
    assert red_of_bad(execution=failed) == {"the deploy failed as the stack went back"}
    refused = execution(REFUSED, "the execution arn ended FAILED: HeldError another rollout")
    assert red_of_model(execution=refused) == {"the rollout failed as the engine took it back"}


@pytest.mark.parametrize(("of", "stage"), [(red_of_bad, "Staging"), (red_of_model, "Prod")])
def test_a_stage_that_does_not_go_back_is_seen(of, stage: str) -> None:
    says = f"the stage {stage} was rolled back to the former release"
    assert of(rollback=None) == {says}
    assert of(rollback=rollback(stage, FAILED)) == {says}
    assert of(rollback=rollback(stage, digest=PUSHED)) == {says}
    assert of(rollback=rollback("Source")) == {says}


def test_a_bad_release_in_production_is_seen_whatever_shows_it() -> None:
    says = "the release never reached production"
    stage = untouched(prod())
    assert red_of_bad(engine={"pipeline-1": "RUNNING"}) == {says}
    assert red_of_bad(asked=("ship it?",)) == {says}
    assert red_of_bad(prod=with_record(stage, answered(20.0, "live", release=PUSHED))) == {says}
    assert red_of_bad(prod=replace(stage, image=PUSHED)) == {says}
    assert red_of_bad(prod=replace(stage, weights=weights((20.0, 0)))) == {says}
    assert red_of_bad(prod=with_record(stage, lost(20.0))) == {"production: no request failed and no stream broke"}


def test_users_of_staging_who_suffered_longer_or_did_not_meet_it_are_seen() -> None:
    stage = bad().staging
    later = with_record(stage, lost(40.0))
    after = "staging: once all traffic was back, every answer was the former release's and good"
    assert red_of_bad(staging=later) == {"staging: nobody else suffered", after}
    healthy = went_back(staging(), STAGED, STAGED_ALL)
    assert red_of_bad(staging=healthy) == {"staging: users met the fault: it answers 5xx"}
    forth = replace(stage, weights=(*stage.weights, *weights((30.0, 10), (31.0, 0))))
    assert red_of_bad(staging=forth) == {"staging: the rule gave the release 10 %, then 0 %"}
    assert red_of_bad(staging=replace(stage, now={"blue": 90, "green": 10})) == {
        "staging: 100 % of production traffic is on blue"
    }


def test_a_rollback_in_production_that_moves_traffic_again_is_seen() -> None:
    stage = bad_model().prod
    once = "production: the rule gave the release a step's share or two, and then nothing, once"
    again = replace(stage, weights=(*stage.weights, *weights((30.0, 100), (31.0, 0))))
    assert red_of_model(prod=again) == {once}
    whole = replace(stage, weights=weights((BEGUN, 10), (ALL, 100)))
    assert once in red_of_model(prod=whole)
    assert red_of_model(engine={"pipeline-1": "FAILED"}) == {
        "the engine refused the release, and took the former one for live already"
    }
    assert red_of_model(engine={"pipeline-1": "FAILED", "pipeline-2": "FAILED"}) == {
        "the engine refused the release, and took the former one for live already"
    }
    assert red_of_model(prod=replace(stage, image=PUSHED)) == {"production runs the former release"}
    healthy = went_back(prod(), BEGUN, FURTHER)
    assert red_of_model(prod=healthy) == {"production: users met the fault: it answers wrongly"}
    hurt = with_record(stage, lost(12.0))
    assert red_of_model(prod=hurt) == {"production: nobody else suffered"}
