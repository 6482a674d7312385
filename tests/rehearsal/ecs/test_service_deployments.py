"""Drivers against an outside in memory, by a fake clock."""

import json
import math
import threading
from collections.abc import Mapping

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.deployment_run import CallHook, Request, Status, Tasks
from bluegreen_constructs.rehearsal.ecs.deployment_world import hook_answer, hook_payload
from bluegreen_constructs.rehearsal.ecs.hook_visits import CALL_BACK_DELAY, HookAnswer, HookVisit
from bluegreen_constructs.rehearsal.ecs.played_services import outcome_error
from bluegreen_constructs.rehearsal.ecs.revision import Revision
from bluegreen_constructs.rehearsal.ecs.service_deployments import (
    Deployment,
    DeploymentHistory,
    Driver,
    Milestone,
    new_deployment,
    stage_times,
)
from bluegreen_constructs.rehearsal.ecs.service_views import deployment_view, service_deployments_view

SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/c/web"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:smoke"
BALANCERS = [
    {
        "targetGroupArn": "arn:blue",
        "containerPort": 8080,
        "advancedConfiguration": {
            "alternateTargetGroupArn": "arn:green",
            "productionListenerRule": "arn:rule",
            "testListenerRule": "arn:test",
        },
    }
]
CANARY: Mapping[str, object] = {
    "strategy": "CANARY",
    "bakeTimeInMinutes": 10,
    "canaryConfiguration": {"canaryPercent": 10, "canaryBakeTimeInMinutes": 5},
    "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
}


def revision(number: int, group: str) -> Revision:
    configuration = {"taskDefinition": f"td:{number}", "loadBalancers": BALANCERS}
    return Revision(f"{SERVICE}/{number}", SERVICE, "cluster/c", configuration, (group,))


class Outside:
    """Does at once what the driver asks, and keeps a list of it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []
        self.up: set[str] = set()
        self.alarms_at: dict[float, str] = {}
        self.unreadable_from = math.inf
        self.refuses = ""
        self.comes_up = True
        self.answer = HookAnswer("SUCCEEDED")
        self.payloads: list[dict[str, object]] = []
        self.milestones: list[Milestone] = []
        self.awaited: list[str] = []
        self.requests_at: dict[float, Request] = {}

    def prepare(self, deployment: Deployment) -> Revision:
        if self.refuses:
            raise RehearsalError(self.refuses)
        return deployment.target

    def shift_production(self, deployment: Deployment, percent: float) -> None:
        self.done.append(f"production {percent:g}")

    def shift_test(self, deployment: Deployment, percent: float) -> None:
        self.done.append(f"test {percent:g}")

    def run_tasks(self, revision: Revision) -> None:
        self.done.append(f"run {revision.task_definition}")
        self.up.add(revision.arn)

    def replace_tasks(self, revision: Revision) -> None:
        self.done.append(f"replace by {revision.task_definition}")
        if self.comes_up or revision.task_definition == "td:1":
            self.up = {revision.arn}

    def scale_in(self, revision: Revision) -> None:
        self.done.append(f"scale in {revision.task_definition}")
        self.up.discard(revision.arn)

    def look(self, revision: Revision) -> Tasks:
        return Tasks(2, 2, 2) if revision.arn in self.up else Tasks(wanted=2 if self.up else 0)

    def failed_tasks(self, revision: Revision, *, in_a_row: bool) -> int:
        return 0

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        if self.now >= self.unreadable_from:
            raise RehearsalError("the alarms errors could not be read")
        return frozenset(name for at, name in self.alarms_at.items() if self.now >= at)

    def ask_hook(self, deployment: Deployment, call: CallHook) -> None:
        self.payloads.append(hook_payload(deployment, call))
        deployment.answer(call.id, self.answer)

    def awaits(self, deployment: Deployment, hook: HookVisit) -> None:
        self.awaited.append(str(hook.stage))
        deployment.answer(hook.id, HookAnswer("CONTINUE"))

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        self.milestones.append(milestone)

    def wait(self, deployment: Deployment, until: float) -> None:
        assert until > self.now, "a driver that waits for the past would never end"
        soon = min([until, *(at for at in (*self.alarms_at, *self.requests_at, self.unreadable_from) if at > self.now)])
        self.now = soon
        if soon in self.requests_at:
            deployment.ask(self.requests_at[soon], "")


def play(outside: Outside, configuration: Mapping[str, object] = CANARY, *, first: bool = False) -> Deployment:
    source = None if first else revision(1, "arn:blue")
    if source is not None:
        outside.up.add(source.arn)
    deployment = new_deployment(
        f"{SERVICE}/d1", target=revision(2, "arn:green"), source=source, strays=(), configuration=configuration, now=0.0
    )
    Driver(outside, now=lambda: outside.now, wall=lambda: 7.0, wait=outside.wait).play(deployment)
    return deployment


def test_a_good_canary_moves_traffic_in_steps_then_scales_the_former_live_side_in() -> None:
    outside = Outside()
    deployment = play(outside)
    assert deployment.run.status is Status.SUCCESSFUL
    assert outside.done == ["run td:2", "test 100", "production 10", "production 100", "scale in td:1"]
    assert deployment.finished_at == 900.0
    assert deployment.ended.is_set()


def test_each_pause_that_waits_is_told_once() -> None:
    stages = ["POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT"]
    pause = {"targetType": "PAUSE", "lifecycleStages": stages}
    outside = Outside()
    assert play(outside, {**CANARY, "lifecycleHooks": [pause]}).run.status is Status.SUCCESSFUL
    assert outside.awaited == [*stages, "PRE_PRODUCTION_TRAFFIC_SHIFT"], "before each of the two shifts"


def test_a_rolling_deployment_replaces_in_one_move_and_an_alarm_replaces_back() -> None:
    outside = Outside()
    assert play(outside, {"strategy": "ROLLING"}).run.status is Status.SUCCESSFUL
    assert outside.done == ["replace by td:2"]
    late = Outside()
    late.comes_up = False
    late.alarms_at = {60.0: "errors"}
    assert play(late, {"alarms": CANARY["alarms"]}).run.status is Status.ROLLBACK_SUCCESSFUL
    assert late.done == ["replace by td:2", "replace by td:1"]


def test_an_alarm_during_the_canary_takes_traffic_back_before_anything_is_scaled_in() -> None:
    outside = Outside()
    outside.alarms_at = {60.0: "errors"}
    deployment = play(outside)
    assert deployment.run.status is Status.ROLLBACK_SUCCESSFUL
    assert outside.done[-3:] == ["production 0", "test 0", "scale in td:2"]
    assert (deployment.rollback_at, deployment.finished_at) == (60.0, 60.0)


def test_alarms_that_cannot_be_read_take_traffic_back_and_say_so() -> None:
    outside = Outside()
    outside.unreadable_from = 60.0
    deployment = play(outside)
    assert deployment.run.status is Status.ROLLBACK_SUCCESSFUL
    assert deployment.run.reason == ("Service deployment rolled back because the alarms errors could not be read")
    assert outside.done[-3:] == ["production 0", "test 0", "scale in td:2"]


def test_alarms_that_cannot_be_read_at_the_start_let_nothing_begin() -> None:
    outside = Outside()
    outside.unreadable_from = 0.0
    deployment = play(outside)
    assert deployment.run.status is Status.ROLLBACK_SUCCESSFUL
    assert outside.done == ["scale in td:2"]


def test_a_configuration_that_ecs_refuses_changes_nothing() -> None:
    outside = Outside()
    outside.refuses = "of invalid networking configuration. One or more rules not found"
    deployment = play(outside)
    assert deployment.run.status is Status.ROLLBACK_SUCCESSFUL
    assert deployment.run.reason == (
        "Service deployment rolled back because of invalid networking configuration. One or more rules not found"
    )
    assert outside.done == ["scale in td:2"]


def test_a_rollback_request_is_carried_out_at_once() -> None:
    outside = Outside()
    outside.requests_at = {100.0: Request.ROLLBACK}
    deployment = play(outside)
    assert (deployment.run.status, deployment.finished_at) == (Status.ROLLBACK_SUCCESSFUL, 100.0)


def test_hooks_get_the_payload_that_aws_documents_and_their_details() -> None:
    outside = Outside()
    hooks = [{"hookTargetArn": FUNCTION, "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"], "hookDetails": {"path": "/"}}]
    deployment = play(outside, {**CANARY, "lifecycleHooks": hooks})
    first = outside.payloads[0]
    assert first["executionDetails"] == {
        "serviceArn": SERVICE,
        "targetServiceRevisionArn": deployment.target.arn,
        "testTrafficWeights": {},
        "productionTrafficWeights": {f"{SERVICE}/2": 10, f"{SERVICE}/1": 90},
    }
    assert (first["lifecycleStage"], first["hookDetails"]) == ("PRODUCTION_TRAFFIC_SHIFT", {"path": "/"})
    assert first["resourceArn"] == deployment.arn
    assert len({str(payload["executionId"]) for payload in outside.payloads}) == 2


@pytest.mark.parametrize(
    ("content", "status", "delay"),
    [
        (b'{"hookStatus": "SUCCEEDED"}', "SUCCEEDED", CALL_BACK_DELAY),
        (b'{"hookStatus": "IN_PROGRESS", "callBackDelay": 60}', "IN_PROGRESS", 60.0),
        (b'{"hookStatus": "MAYBE"}', None, CALL_BACK_DELAY),
        (b"null", None, CALL_BACK_DELAY),
        (b"oh no", None, CALL_BACK_DELAY),
        (b"", None, CALL_BACK_DELAY),
    ],
)
def test_anything_but_a_known_hook_status_is_no_answer(content: bytes, status: str | None, delay: float) -> None:
    answer = hook_answer(FUNCTION, content, failed=False)
    assert (answer.status, answer.delay) == (status, delay)
    assert bool(answer.problem) is (status is None)


def test_a_function_that_raised_is_no_answer_whatever_it_printed() -> None:
    assert hook_answer(FUNCTION, b'{"hookStatus": "SUCCEEDED"}', failed=True).status is None


def test_a_defect_of_the_rehearsal_ends_the_deployment_and_says_so() -> None:
    outside = Outside()

    def broken(revision: Revision) -> None:
        raise ZeroDivisionError("a defect")

    outside.run_tasks = broken  # type: ignore[method-assign]  # the defect
    deployment = new_deployment(
        f"{SERVICE}/d1", target=revision(2, "arn:green"), source=None, strays=(), configuration=CANARY, now=0.0
    )
    with pytest.raises(ZeroDivisionError):
        Driver(outside, now=lambda: 0.0, wall=lambda: 0.0, wait=outside.wait).play(deployment)
    assert deployment.ended.is_set()
    assert "a defect" in outcome_error(deployment)


@pytest.mark.parametrize(
    ("error", "said"),
    [(RuntimeError("no scheduler"), "RuntimeError: no scheduler"), (RehearsalError("it has not ended"), "it has not")],
)
def test_what_fails_before_a_deployment_begins_ends_it_with_the_reason(error: Exception, said: str) -> None:
    def look_back() -> None:
        raise error

    outside = Outside()
    deployment = new_deployment(
        f"{SERVICE}/d1", target=revision(2, "arn:green"), source=None, strays=(), configuration=CANARY, now=0.0
    )
    with pytest.raises(type(error)):
        Driver(outside, now=lambda: 0.0, wall=lambda: 0.0, wait=outside.wait).play(deployment, look_back)
    assert deployment.ended.is_set()
    assert f"the rehearsal failed: {said}" in outcome_error(deployment)


def test_the_first_deployments_error_names_the_missing_candidate_and_the_reason() -> None:
    outside = Outside()
    outside.refuses = "the tasks file tasks.toml names no command for container web"
    error = outcome_error(play(outside, first=True))
    assert error.startswith(
        "Resource handler returned message: \"Error occurred during operation 'No rollback candidate"
    )
    assert "names no command for container web" in error


def test_the_timeline_has_every_stage_with_both_times() -> None:
    outside = Outside()
    deployment = play(outside)
    times = stage_times(deployment)
    stages = [time["stage"] for time in times]
    assert stages[-3:] == ["BAKE_TIME", "CLEAN_UP", "CLEAN_UP"]
    assert (times[0]["what"], times[-1]["status"], times[0]["wall"]) == ("started", "SUCCESSFUL", 7.0)
    assert json.dumps(times)


def test_what_is_described_has_the_api_shape_and_leaves_out_what_has_no_value() -> None:
    outside = Outside()
    outside.alarms_at = {60.0: "errors"}
    deployment = play(outside)
    view = deployment_view(deployment, [])
    assert (view["status"], view["lifecycleStage"]) == ("ROLLBACK_SUCCESSFUL", "CLEAN_UP")
    assert view["alarms"] == {"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]}
    assert view["rollback"] == {
        "reason": "Service deployment rolled back because alarm(s) errors went into the ALARM state.",
        "startedAt": 60.0,
        "serviceRevisionArn": f"{SERVICE}/1",
    }
    assert "stoppedAt" not in view


def test_a_deployment_that_began_while_its_alarm_rang_shows_that_nobody_watches_it() -> None:
    outside = Outside()
    outside.alarms_at = {0.0: "errors"}
    deployment = play(outside)
    assert deployment.run.status is Status.SUCCESSFUL
    shown = deployment_view(deployment, [])["alarms"]
    assert shown == {"status": "DISABLED", "alarmNames": ["errors"], "triggeredAlarmNames": []}


def test_a_rolled_back_service_shows_its_source_as_the_one_primary_deployment() -> None:
    source = revision(1, "arn:blue")
    (shown,) = service_deployments_view(None, source, [], 2)
    assert (shown["status"], shown["rolloutState"], shown["taskDefinition"]) == ("PRIMARY", "COMPLETED", "td:1")


def test_the_live_revision_is_the_last_successful_target() -> None:
    history = DeploymentHistory()
    assert history.live(SERVICE) is None
    good, bad = Outside(), Outside()
    bad.alarms_at = {60.0: "errors"}
    first = play(good, first=True)
    history.add(first)
    second = play(bad)
    second.arn = f"{SERVICE}/d2"
    history.add(second)
    assert history.live(SERVICE) is first.target
    assert history.running(SERVICE) is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("deployment-")]
