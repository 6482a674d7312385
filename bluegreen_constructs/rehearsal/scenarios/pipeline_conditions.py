"""Conditions on what a pipeline delivered, and what it did not. Pure."""

from collections.abc import Mapping, Sequence

from ..outcome import Condition
from ..pipeline.action_work import How
from ..pipeline.execution import ROLLBACK, SUCCEEDED
from .pipeline_seen import DeliverySeen, StageTraffic
from .traffic_conditions import all_on, in_share, load_was_whole, none_by, nothing_lost

_PARAMETER = "ImageDigest"


def started_by_its_push(seen: DeliverySeen) -> Condition:
    """One start, by the push that was to start it, and no other one."""
    found = [[(one.kind, one.value) for one in start] for start in seen.starts]
    return Condition(
        "the synthesised rule started the pipeline once, with the digest that was pushed",
        found == [[("IMAGE_DIGEST", seen.pushed.digest)]],
        "; ".join(", ".join(f"{kind} {value[:19]}" for kind, value in start) for start in found) or "no start",
    )


def stages_went(seen: DeliverySeen, wanted: Mapping[str, str]) -> Condition:
    """Whether just these stages were entered, and how they ended."""
    found = seen.execution.stages
    return Condition(
        f"the stages went: {_ended(wanted)}",
        list(found.items()) == list(wanted.items()),
        _ended(found) + (f" ({seen.execution.failure})" if seen.execution.failure else ""),
    )


def _ended(stages: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {status}" for name, status in stages.items())


def deployed_for_real(seen: DeliverySeen, *kinds: str) -> Condition:
    """A stub may stand for a build, and for nothing else."""
    runs = [run for run in seen.execution.runs if run.kind in kinds]
    stubs = [run.action for run in seen.execution.runs if run.how == How.STUB and not run.kind.startswith("Build by ")]
    return Condition(
        "the deploys were real calls of CloudFormation and Step Functions",
        {run.kind for run in runs} == set(kinds) and all(run.how == How.REAL for run in runs) and not stubs,
        ", ".join(f"{run.action} {run.how or 'failed'}" for run in runs) or "none ran",
    )


def was_asked(seen: DeliverySeen) -> Condition:
    """One question, which names what is to be shipped."""
    return Condition(
        "production was asked about once, by the digest",
        len(seen.asked) == 1 and seen.pushed.digest in seen.asked[0],
        "; ".join(seen.asked) or "nobody was asked",
    )


def failed_as(seen: DeliverySeen, says: str, reason: str) -> Condition:
    """Whether the action that failed says why."""
    return Condition(says, reason in seen.execution.failure, seen.execution.failure or "no action failed")


def rolled_back(seen: DeliverySeen, stage: str) -> Condition:
    """Whether a further execution ran the stage with what the most recent good one had."""
    found = seen.rollback
    given = "" if found is None else " ".join(str(dict(run.configuration)) for run in found.runs)
    return Condition(
        f"the stage {stage} was rolled back to the former release",
        found is not None
        and (found.kind, found.stages) == (ROLLBACK, {stage: SUCCEEDED})
        and bool(seen.former)
        and seen.former in given
        and seen.pushed.digest not in given,
        "no rollback"
        if found is None
        else f"execution {found.id[:8]} of {found.of[:8]}: {_ended(found.stages)} {found.failure}".rstrip(),
    )


def keeps(seen: DeliverySeen, digest: str) -> Condition:
    """Whether staging's stack holds that digest."""
    kept = seen.parameters.get(_PARAMETER, "")
    return Condition(
        "staging's stack keeps the digest as its parameter",
        bool(digest) and kept == f"@{digest}" and not seen.stack_status.endswith("_FAILED"),
        f"{kept or 'no parameter'}, {seen.stack_status}",
    )


def rule_went(stage: StageTraffic, wanted: tuple[float, ...]) -> Condition:
    """Whether the load balancer served just these shares of the release, in this order."""
    said = ", then ".join(f"{share:g} %" for share in wanted)
    return Condition(
        f"the rule gave the release {said}",
        stage.shares == wanted,
        " → ".join(f"{share:g} %" for share in stage.shares) or "no change of weights",
    )


def met_in_share(stage: StageTraffic) -> Condition:
    """While the release had a share, it answered that share."""
    looked = [in_share("", records, stage.candidate_side, share) for share, records in stage.spans()]
    return Condition(
        "at every step the release answered its share",
        bool(looked) and all(one.holds for one in looked),
        "; ".join(one.found for one in looked) or "it never had a share",
    )


def of(stage: StageTraffic, condition: Condition) -> Condition:
    """The same, said of a stage."""
    return Condition(f"{stage.name}: {condition.says}", condition.holds, condition.found)


def promoted(stage: StageTraffic, digest: str) -> Sequence[Condition]:
    """The release went live step by step, and nobody lost anything."""
    after = stage.afterwards()
    own = sum(record.release == digest for record in after)
    side = stage.candidate_side
    return [
        of(stage, one)
        for one in (
            rule_went(stage, stage.steps),
            none_by("before the first shift nobody met it", stage.before(), side, at_least=stage.watched.enough),
            met_in_share(stage),
            Condition(
                "after the last step every answer is the release's",
                len(after) >= stage.watched.enough and own == len(after),
                f"{own} of {len(after)}",
            ),
            all_on(side, stage.now),
            nothing_lost(stage.watched),
        )
    ]


def former_serves(stage: StageTraffic) -> Condition:
    """Once all traffic is back, the former release answers, and well."""
    after = stage.afterwards()
    own = sum(record.release == stage.live_release and not record.is_bad for record in after)
    return Condition(
        "once all traffic was back, every answer was the former release's and good",
        len(after) >= stage.watched.enough and own == len(after),
        f"{own} of {len(after)}",
    )


def nobody_else(stage: StageTraffic) -> Condition:
    """Who did not meet the release had good answers."""
    others = stage.of_others()
    bad = [record for record in others if record.is_bad]
    return Condition("nobody else suffered", bool(others) and not bad, f"{len(bad)} bad of {len(others)} other answers")


def loads_were_whole(seen: DeliverySeen) -> Sequence[Condition]:
    """A load that stopped or was late shows nothing, on either stage."""
    return [of(stage, load_was_whole(stage.watched)) for stage in (seen.staging, seen.prod)]
