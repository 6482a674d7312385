"""The conditions of ecs-adopt and ecs-leave go red for what they are there to catch. Pure: made-up records."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.adopted_stack import StackLook, Step
from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.rollout_watch import Milestone, Rollout, Weights
from bluegreen_constructs.rehearsal.scenarios.adoption_seen import REFUSAL, SeenAdoption, SeenLeaving
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched

RATE = 60.0
END = 60.0
PATTERN = {
    "Cluster": ("AWS::ECS::Cluster", "cluster-1"),
    "LoadBalancer": ("AWS::ElasticLoadBalancingV2::LoadBalancer", "balancer-1"),
    "Group": ("AWS::ElasticLoadBalancingV2::TargetGroup", "group-1"),
    "Definition": ("AWS::ECS::TaskDefinition", "definition:1"),
    "Service": ("AWS::ECS::Service", "service-1"),
}
BROUGHT = {
    "Rule": ("Custom::TrafficRule", "rule-1"),
    "Green": ("AWS::ElasticLoadBalancingV2::TargetGroup", "group-2"),
    "Alarm": ("AWS::CloudWatch::Alarm", "alarm-1"),
    "Handler": ("AWS::Lambda::Function", "handler-1"),
}
ADDS = "\n".join(f"[+] {kind} {name}" for name, (kind, _) in BROUGHT.items())
REMOVES = ADDS.replace("[+]", "[-]")
SERVICE_CHANGED = "[~] AWS::ECS::Service Service may be replaced"
KEPT_REVISIONS = "[~] AWS::ECS::TaskDefinition Definition"
RULE_CHANGED = "[~] Custom::TrafficRule Rule may be replaced"
KEPT = "cluster, load balancer, DNS name, service and all logical ids are as they were"


def look(*, brought: bool, **changes: object) -> StackLook:
    known = {
        "wall": 0.0,
        "status": "UPDATE_COMPLETE",
        "resources": PATTERN | BROUGHT if brought else PATTERN,
        "service": "service-1",
        "strategy": "ROLLING",
        "address": "balancer.example.com",
        "rules": ("rule-1", "rule-2") if brought else (),
        "weights": {},
        "watched_by": (),
    }
    return StackLook(**{**known, **changes})


def step(began: float, diff: Iterable[str], after: StackLook, **changes: object) -> Step:
    done = CdkResult(("deploy",), 0, 1.0, "", "", Path("log"))
    known = {
        "began": began,
        "diff": "\n".join(diff),
        "template": frozenset(after.resources),
        "result": done,
        "after": after,
        "rollouts": (),
        "left": (),
    }
    return Step(**{**known, **changes})


def rollout(side: str, **changes: object) -> Rollout:
    milestone = Milestone(at=0.0, wall=1.0, status="SUCCESSFUL", stage="STAGE", production=0.0)
    known = {"watches_alarms": True, "canary_percent": 10.0, "milestones": (milestone,), "alarms": ()}
    return Rollout(**{"arn": "arn", "side": side, "status": "SUCCESSFUL", "reason": "", **known, **changes})


def canary_step(began: float, ended: float, side: str) -> Step:
    other = "green" if side == "blue" else "blue"
    after = look(brought=True, wall=ended, strategy="CANARY", weights={side: 100, other: 0}, watched_by=("alarm-1",))
    return step(began, [SERVICE_CHANGED, RULE_CHANGED, KEPT_REVISIONS], after, rollouts=(rollout(side),))


def answers(start: float, end: float, release: str, side: str, *, one_in: int = 1, live: str = "") -> list[LoadRecord]:
    """A span's load; every `one_in`-th answer is the release's, the others are those of the live one."""
    return [
        LoadRecord(
            scheduled=start + n / RATE,
            late=0.0,
            latency=0.01,
            kind=Kind.PREDICT,
            status=200,
            side=side if n % one_in == 0 else "other",
            release=release if n % one_in == 0 else live,
        )
        for n in range(round((end - start) * RATE))
    ]


def watched(records: Iterable[LoadRecord]) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(RATE, 0.0, END, everything, LoadResult.from_records(everything))


def weights(*changes: tuple[float, int, int]) -> tuple[Weights, ...]:
    return tuple(Weights(wall, {"blue": blue, "green": green}) for wall, blue, green in changes)


ROLLING = step(2.0, [ADDS, SERVICE_CHANGED, KEPT_REVISIONS], look(brought=True, wall=8.0))
CANARY = canary_step(14.0, 50.0, "green")
BROKEN = step(
    9.0,
    [SERVICE_CHANGED, RULE_CHANGED, KEPT_REVISIONS],
    look(brought=True, wall=13.0, status="UPDATE_ROLLBACK_COMPLETE"),
    result=CdkResult(("deploy",), 1, 1.0, "", "circuit breaker", Path("log")),
    rollouts=(rollout("green", status="ROLLBACK_SUCCESSFUL"), rollout("")),
)
ADOPTING = [
    *answers(0, 20, "live", ""),
    *answers(20, 35, "next", "green", one_in=10, live="live"),
    *answers(35, END, "next", "green"),
]


def adoption(records: Iterable[LoadRecord] = ADOPTING, **changes: object) -> SeenAdoption:
    known = {
        "live_release": "live",
        "release": "next",
        "before": look(brought=False),
        "rolling": ROLLING,
        "broken": BROKEN,
        "canary": CANARY,
        "weights": weights((20.0, 90, 10), (35.0, 0, 100)),
        "watched": watched(records),
    }
    return SeenAdoption(**{**known, **changes})


ON_GREEN = look(brought=True, strategy="CANARY", weights={"blue": 0, "green": 100}, watched_by=("alarm-1",))
REFUSED = step(
    2.0,
    [SERVICE_CHANGED, RULE_CHANGED],
    replace(ON_GREEN, wall=5.0, status="UPDATE_ROLLBACK_COMPLETE"),
    result=CdkResult(("deploy",), 1, 1.0, "", f"rule arn gives traffic to green, wants blue {REFUSAL}", Path("log")),
)
LAST = canary_step(6.0, 40.0, "blue")
BACK = step(41.0, [SERVICE_CHANGED, RULE_CHANGED], look(brought=True, wall=48.0), rollouts=(rollout(""),))
BARE = step(50.0, [REMOVES, SERVICE_CHANGED, KEPT_REVISIONS], look(brought=False, wall=55.0))
LEAVING = [
    *answers(0, 15, "live", "green"),
    *answers(15, 30, "next", "blue", one_in=10, live="live"),
    *answers(30, END, "next", "blue"),
]


def leaving(records: Iterable[LoadRecord] = LEAVING, **changes: object) -> SeenLeaving:
    known = {
        "live_release": "live",
        "release": "next",
        "before": ON_GREEN,
        "refused": REFUSED,
        "canary": LAST,
        "rolling": BACK,
        "pattern": BARE,
        "weights": weights((15.0, 10, 90), (30.0, 100, 0)),
        "watched": watched(records),
    }
    return SeenLeaving(**{**known, **changes})


def red(seen: SeenAdoption | SeenLeaving) -> set[str]:
    return {condition.says for condition in seen.outcome("scenario").conditions if not condition.holds}


def failed(of: Step) -> Step:
    return replace(of, result=replace(of.result, exit_code=1))


def after(of: Step, **changes: object) -> Step:
    return replace(of, after=replace(of.after, **changes))


def test_what_should_happen_passes() -> None:
    assert red(adoption()) == set()
    assert red(leaving()) == set()


class TestBoth:
    @pytest.mark.parametrize(
        "harm", [{"status": 503}, {"status": None, "error": "Reset"}, {"is_broken": True}, {"is_wrong": True}]
    )
    def test_one_lost_or_wrong_answer_is_enough(self, harm: Mapping[str, object]) -> None:
        for seen, records in ((adoption, ADOPTING), (leaving, LEAVING)):
            lost = replace(records[100], **harm)
            assert "no request failed and no stream broke" in red(seen([*records[:100], lost, *records[101:]]))

    def test_a_load_that_stopped_early_shows_nothing(self) -> None:
        for seen, records in ((adoption, ADOPTING), (leaving, LEAVING)):
            assert "the load was sent whole and on time" in red(seen(records[:-180]))

    @pytest.mark.parametrize(
        "changed",
        [
            {"resources": PATTERN | BROUGHT | {"Cluster": ("AWS::ECS::Cluster", "cluster-2")}},
            {"resources": {name: one for name, one in (PATTERN | BROUGHT).items() if name != "LoadBalancer"}},
            {"resources": {name: one for name, one in (PATTERN | BROUGHT).items() if name != "Definition"}},
            {"service": "service-2"},
            {"address": "another.example.com"},
        ],
    )
    def test_a_resource_that_is_another_one_or_gone_is_seen(self, changed: Mapping[str, object]) -> None:
        assert KEPT in red(adoption(canary=after(CANARY, **changed)))
        assert KEPT in red(leaving(pattern=replace(after(BARE, **changed), template=frozenset(PATTERN))))

    def test_a_new_revision_of_the_task_definition_is_none_of_them(self) -> None:
        resources = PATTERN | BROUGHT | {"Definition": ("AWS::ECS::TaskDefinition", "definition:2")}
        assert red(adoption(canary=after(CANARY, resources=resources))) == set()

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"status": "ROLLBACK_SUCCESSFUL"}, "the one deployment, watched by its alarms"),
            ({"watches_alarms": False}, "the one deployment, watched by its alarms"),
            ({"side": ""}, "the one deployment, watched by its alarms"),
            ({"canary_percent": 50.0}, "the rule gave it a share, then everything"),
        ],
    )
    def test_a_release_that_went_otherwise_is_seen(self, change: Mapping[str, object], said: str) -> None:
        for seen, canary in ((adoption, CANARY), (leaving, LAST)):
            other = replace(canary, rollouts=(replace(canary.rollouts[0], **change),))
            assert any(says.startswith(said) for says in red(seen(canary=other)))

    @pytest.mark.parametrize("count", [0, 2])
    def test_none_or_two_deployments_fail(self, count: int) -> None:
        for seen, canary in ((adoption, CANARY), (leaving, LAST)):
            assert "the release starts one deployment" in red(
                seen(canary=replace(canary, rollouts=(rollout("x"),) * count))
            )

    def test_a_share_that_only_the_rule_knew_of_is_seen(self) -> None:
        for seen, records, start, end in ((adoption, ADOPTING, 20, 35), (leaving, LEAVING, 15, 30)):
            stayed = [
                replace(one, side="other", release="live") if start <= one.scheduled < end else one for one in records
            ]
            assert "then it answered its share" in red(seen(stayed))

    def test_a_user_who_met_the_release_too_early_or_the_former_one_too_late_is_seen(self) -> None:
        for seen, records, side in ((adoption, ADOPTING, "green"), (leaving, LEAVING, "blue")):
            early = [replace(one, side=side) if 14.2 <= one.scheduled < 14.3 else one for one in records]
            late = [replace(one, release="live") if 38.0 <= one.scheduled < 38.1 else one for one in records]
            assert "nobody met it before" in red(seen(early))
            assert "then everybody met it" in red(seen(late))

    def test_weights_that_end_elsewhere_are_seen(self) -> None:
        half = {"blue": 50, "green": 50}
        assert "100 % of production traffic is on green" in red(adoption(canary=after(CANARY, weights=half)))
        assert "100 % of production traffic is on blue" in red(leaving(canary=after(LAST, weights=half)))


class TestAdopting:
    @pytest.mark.parametrize(
        "line",
        [
            "[~] AWS::ElasticLoadBalancingV2::Listener Listener",
            "[-] AWS::EC2::SecurityGroup Gone destroy",
            "[~] AWS::ECS::Service Service replace",
        ],
    )
    def test_a_first_step_that_touches_more_is_seen(self, line: str) -> None:
        more = replace(ROLLING, diff=f"{ROLLING.diff}\n{line}")
        assert "the first cdk diff adds resources, and changes the service alone" in red(adoption(rolling=more))

    def test_a_first_step_that_adds_nothing_shows_nothing(self) -> None:
        assert "the first cdk diff adds resources, and changes the service alone" in red(
            adoption(rolling=replace(ROLLING, diff=SERVICE_CHANGED))
        )

    @pytest.mark.parametrize("line", ["[~] AWS::ElasticLoadBalancingV2::Listener Listener", ADDS, REMOVES])
    def test_a_second_step_that_touches_more_is_seen(self, line: str) -> None:
        more = replace(CANARY, diff=f"{CANARY.diff}\n{line}")
        assert "the second one changes the service, its release and what its rule is held to" in red(
            adoption(canary=more)
        )

    @pytest.mark.parametrize(
        "rolling",
        [
            replace(ROLLING, rollouts=(rollout(""),)),
            after(ROLLING, strategy="CANARY"),
            after(ROLLING, watched_by=("alarm-1",)),
        ],
    )
    def test_a_first_step_that_deploys_or_changes_how_is_seen(self, rolling: Step) -> None:
        assert "which starts no deployment of the service" in red(adoption(rolling=rolling))

    def test_a_step_that_failed_is_seen(self) -> None:
        assert "the first deployment ends 0 with the stack updated" in red(adoption(rolling=failed(ROLLING)))
        assert "the second try ends 0 with the stack updated" in red(adoption(canary=failed(CANARY)))

    @pytest.mark.parametrize(
        "changes",
        [
            {"broken": replace(BROKEN, result=replace(BROKEN.result, exit_code=0))},
            {"broken": after(BROKEN, status="UPDATE_ROLLBACK_FAILED")},
            {"broken": after(BROKEN, weights={"blue": 90, "green": 10})},
            {"broken": replace(BROKEN, rollouts=())},
            {"broken": replace(BROKEN, rollouts=(rollout("green"),))},
            {"broken": replace(BROKEN, rollouts=(rollout("", status="ROLLBACK_SUCCESSFUL"),))},
            {"records": [replace(one, release="x") if 10 <= one.scheduled < 10.1 else one for one in ADOPTING]},
            {"records": [one for one in ADOPTING if not 9 <= one.scheduled < 13]},
        ],
    )
    def test_a_failed_first_release_that_ends_otherwise_is_seen(self, changes: dict[str, object]) -> None:
        says = "a first release that cannot start is taken back, and nobody meets it"
        assert says in red(adoption(**changes))


class TestLeaving:
    def test_a_beginning_on_blue_shows_nothing(self) -> None:
        on_blue = replace(ON_GREEN, weights={"blue": 100, "green": 0})
        assert "100 % of production traffic is on green" in red(leaving(before=on_blue))

    @pytest.mark.parametrize(
        "refused",
        [
            replace(REFUSED, result=replace(REFUSED.result, exit_code=0)),
            replace(REFUSED, result=replace(REFUSED.result, stderr="AccessDenied")),
            after(REFUSED, status="UPDATE_ROLLBACK_FAILED"),
        ],
    )
    def test_another_end_or_another_reason_than_the_refusal_is_seen(self, refused: Step) -> None:
        assert "while green is live, the way back is refused with the way out" in red(leaving(refused=refused))

    @pytest.mark.parametrize(
        "changes",
        [
            {"refused": replace(REFUSED, rollouts=(rollout(""),))},
            {"refused": after(REFUSED, strategy="ROLLING")},
            {"refused": after(REFUSED, weights={"blue": 100, "green": 0})},
            {"weights": weights((3.0, 100, 0), (3.5, 0, 100), (15.0, 10, 90), (30.0, 100, 0))},
            {"records": [replace(one, release="x") if 3 <= one.scheduled < 3.1 else one for one in LEAVING]},
            {"records": [one for one in LEAVING if not 2 <= one.scheduled < 5]},
        ],
    )
    def test_a_refusal_that_came_too_late_is_seen(self, changes: dict[str, object]) -> None:
        says = "before the service is touched: no deployment, no weight moved, all answers by the live release"
        assert says in red(leaving(**changes))

    @pytest.mark.parametrize(
        "changes",
        [
            {"rolling": after(BACK, strategy="CANARY")},
            {"rolling": replace(BACK, rollouts=(rollout("", status="ROLLBACK_SUCCESSFUL"),))},
            {"rolling": replace(BACK, rollouts=())},
            {"weights": weights((15.0, 10, 90), (30.0, 100, 0), (45.0, 0, 100))},
        ],
    )
    def test_a_way_back_that_moved_traffic_or_did_not_end_is_seen(self, changes: dict[str, object]) -> None:
        assert "which replaces the tasks in their own group and moves no weight" in red(leaving(**changes))

    def test_a_way_back_that_touches_more_is_seen(self) -> None:
        more = replace(BACK, diff=f"{BACK.diff}\n[~] AWS::ElasticLoadBalancingV2::Listener Listener")
        assert "then cdk diff changes the service and what its rule is held to" in red(leaving(rolling=more))

    @pytest.mark.parametrize("diff", [BARE.diff.replace(REMOVES, ""), f"{BARE.diff}\n[~] AWS::ECS::Cluster Cluster"])
    def test_a_last_step_that_removes_nothing_or_touches_more_is_seen(self, diff: str) -> None:
        assert "the last cdk diff takes away what the construct brought, and changes the service alone" in red(
            leaving(pattern=replace(BARE, diff=diff))
        )

    @pytest.mark.parametrize(
        "pattern",
        [
            after(BARE, rules=("rule-1",)),
            after(BARE, resources=PATTERN | {"Green": BROUGHT["Green"]}),
            after(BARE, resources=PATTERN | {"Alarm": BROUGHT["Alarm"]}),
            after(BARE, resources=PATTERN | {"More": ("AWS::Logs::LogGroup", "logs")}),
            after(BARE, watched_by=("alarm-1",)),
            replace(BARE, left=("AWS::ElasticLoadBalancingV2::TargetGroup group-2",)),
        ],
    )
    def test_anything_that_stayed_behind_is_seen(self, pattern: Step) -> None:
        says = "the stack is the bare pattern's: no rule, one target group, nothing that the construct had brought"
        assert says in red(leaving(pattern=pattern))

    def test_a_step_that_failed_is_seen(self) -> None:
        assert "one more release ends 0 with the stack updated" in red(leaving(canary=failed(LAST)))
        assert "the deployment back to rolling ends 0 with the stack updated" in red(leaving(rolling=failed(BACK)))
        assert "the removal of the construct ends 0 with the stack updated" in red(leaving(pattern=failed(BARE)))
