"""Deployments that Amazon ECS runs: read as it says them, taken back, answered; in shapes checked by its own model."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws import ecs_deployments
from bluegreen_constructs.engine.aws.ecs_deployments import EcsDeployments
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import DeploymentGoneError
from bluegreen_constructs.engine.service_deployments import IN_FLIGHT, RevisionSeen, WaitingHook

BEGAN = datetime(2026, 11, 21, 12, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/serving/inference/d{}"
REVISION = "arn:aws:ecs:eu-west-1:123456789012:service-revision/serving/inference/{}"
FIRST, SECOND = ARN.format(1), ARN.format(2)
ACTIONS = {
    **ecs_deployments.READ_ACTIONS,
    **ecs_deployments.LIST_ACTIONS,
    **ecs_deployments.STOP_ACTIONS,
    **ecs_deployments.ANSWER_ACTIONS,
    **ecs_deployments.DEPLOY_ACTIONS,
}
LISTED = {"cluster": "serving", "service": "inference", "status": list(IN_FLIGHT)}


@pytest.fixture
def ecs() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ecs")
    yield stubbed
    assert set(stubbed.actions) <= set(ACTIONS)
    stubbed.done()


@pytest.fixture
def deployments(ecs: StubbedClient) -> EcsDeployments:
    return EcsDeployments(ecs.client, (BotoCoreError,))


def brief(arn: str, minute: int = 0, status: str = "IN_PROGRESS") -> dict:
    return {"serviceDeploymentArn": arn, "createdAt": BEGAN + timedelta(minutes=minute), "status": status}


def whole(arn: str = FIRST, **more: object) -> dict:
    return {
        **brief(arn),
        "statusReason": "",
        "lifecycleStage": "PRODUCTION_TRAFFIC_SHIFT",
        "sourceServiceRevisions": [{"arn": REVISION.format("s"), "requestedProductionTrafficWeight": 90.0}],
        "targetServiceRevision": {"arn": REVISION.format("t"), "requestedProductionTrafficWeight": 10.0},
        "alarms": {"status": "MONITORING", "alarmNames": ["A", "B"]},
        **more,
    }


def described(ecs: StubbedClient, *given: dict, arns: tuple[str, ...] = (FIRST,)) -> None:
    ecs.answers("describe_service_deployments", {"serviceDeployments": list(given)}, {"serviceDeploymentArns": [*arns]})


class TestDeployment:
    def test_it_is_read_in_the_words_of_ecs(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        described(ecs, whole())
        seen = deployments.deployment(FIRST)
        assert (seen.arn, seen.status, seen.stage) == (FIRST, "IN_PROGRESS", "PRODUCTION_TRAFFIC_SHIFT")
        assert (seen.source, seen.target, seen.weight) == (REVISION.format("s"), REVISION.format("t"), 10.0)
        assert (seen.created_at, seen.finished_at) == (BEGAN, None)
        assert (seen.alarms_status, seen.triggered, seen.waiting) == ("MONITORING", (), ())
        assert (seen.is_in_flight, seen.goes_back) == (True, False)

    def test_a_first_deployment_has_no_source_and_says_no_weight(
        self, ecs: StubbedClient, deployments: EcsDeployments
    ) -> None:
        target = {"arn": REVISION.format("t")}
        first = whole(sourceServiceRevisions=[], targetServiceRevision=target)
        del first["lifecycleStage"], first["alarms"]
        described(ecs, first)
        seen = deployments.deployment(FIRST)
        assert (seen.source, seen.weight, seen.stage, seen.alarms_status) == ("", None, "", "")

    def test_of_several_sources_it_is_the_one_with_the_traffic(
        self, ecs: StubbedClient, deployments: EcsDeployments
    ) -> None:
        stray, live = {"arn": "stray", "requestedProductionTrafficWeight": 10.0}, {"arn": "live"}
        live["requestedProductionTrafficWeight"] = 90.0
        described(ecs, whole(sourceServiceRevisions=[stray, live]))
        assert deployments.deployment(FIRST).source == "live"

    def test_one_that_went_back_says_why(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        alarms = {"status": "TRIGGERED", "alarmNames": ["A", "B"], "triggeredAlarmNames": ["B"]}
        ended = {"status": "ROLLBACK_SUCCESSFUL", "statusReason": "because alarm(s) B", "finishedAt": BEGAN}
        described(ecs, whole(alarms=alarms, **ended))
        seen = deployments.deployment(FIRST)
        assert (seen.triggered, seen.reason, seen.finished_at) == (("B",), "because alarm(s) B", BEGAN)
        assert not seen.is_in_flight

    def test_only_pauses_that_wait_are_waiting(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        def hook(identity: str, kind: str, status: str) -> dict:
            return {"hookId": identity, "targetType": kind, "status": status, "timeoutAction": "CONTINUE"}

        hooks = [
            hook("answered", "PAUSE", "SUCCEEDED"),
            hook("function", "AWS_LAMBDA", "IN_PROGRESS"),
            {**hook("waits", "PAUSE", "AWAITING_ACTION"), "expiresAt": BEGAN},
            {"hookId": "forever", "targetType": "PAUSE", "status": "AWAITING_ACTION"},
        ]
        described(ecs, whole(lifecycleHookDetails=hooks))
        waiting = deployments.deployment(FIRST).waiting
        assert waiting == (WaitingHook("waits", BEGAN, "CONTINUE"), WaitingHook("forever", None, "ROLLBACK"))

    def test_one_that_ecs_does_not_know_is_gone(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        failure = {"arn": FIRST, "reason": "MISSING"}
        ecs.answers("describe_service_deployments", {"serviceDeployments": [], "failures": [failure]})
        with pytest.raises(DeploymentGoneError, match="does not know the service deployment"):
            deployments.deployment(FIRST)

    @pytest.mark.parametrize("code", ["ServiceNotFoundException", "ClusterNotFoundException"])
    def test_one_of_a_service_that_is_gone_is_gone(
        self, ecs: StubbedClient, deployments: EcsDeployments, code: str
    ) -> None:
        ecs.fails("describe_service_deployments", code)
        with pytest.raises(DeploymentGoneError):
            deployments.deployment(FIRST)


class TestLists:
    def test_the_newest_one_is_in_flight(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        found = [brief(FIRST, 0, "STOP_REQUESTED"), brief(SECOND, 5)]
        ecs.answers("list_service_deployments", {"serviceDeployments": found}, LISTED)
        assert deployments.in_flight("serving", "inference") == SECOND

    def test_none_may_be_in_flight(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        ecs.answers("list_service_deployments", {"serviceDeployments": []}, LISTED)
        assert deployments.in_flight("serving", "inference") == ""

    def test_the_last_ones_are_listed_and_described_the_newest_first(
        self, ecs: StubbedClient, deployments: EcsDeployments
    ) -> None:
        asked = {"cluster": "serving", "service": "inference", "maxResults": 20}
        ecs.answers("list_service_deployments", {"serviceDeployments": [brief(FIRST), brief(SECOND, 5)]}, asked)
        later = {**whole(SECOND), "createdAt": BEGAN + timedelta(minutes=5)}
        described(ecs, whole(), later, arns=(SECOND, FIRST))
        assert [one.arn for one in deployments.latest("serving", "inference", 99)] == [SECOND, FIRST]

    def test_a_service_without_deployments_is_one_call(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        ecs.answers("list_service_deployments", {"serviceDeployments": []})
        assert list(deployments.latest("serving", "inference")) == []


class TestRevision:
    def test_it_says_its_task_definition_and_the_group_that_its_tasks_are_in(
        self, ecs: StubbedClient, deployments: EcsDeployments
    ) -> None:
        balancers = {"loadBalancers": [{"targetGroupArn": "arn:green", "productionListenerRule": "arn:rule"}]}
        revision = {"taskDefinition": "web:7", "loadBalancers": [{"targetGroupArn": "arn:blue"}]}
        answer = {"serviceRevisions": [{**revision, "resolvedConfiguration": balancers}]}
        ecs.answers("describe_service_revisions", answer, {"serviceRevisionArns": ["r"]})
        assert deployments.revision("r") == RevisionSeen("r", "web:7", "arn:green")

    def test_the_group_may_not_be_said_yet(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        revision = {"taskDefinition": "web:7", "loadBalancers": [{"targetGroupArn": "arn:blue"}]}
        ecs.answers("describe_service_revisions", {"serviceRevisions": [revision]})
        assert deployments.revision("r").group_arn == ""

    def test_one_that_is_not_known_is_refused(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        ecs.answers("describe_service_revisions", {"serviceRevisions": []})
        with pytest.raises(AwsError, match="does not know the service revision r"):
            deployments.revision("r")

    def test_a_release_is_named_by_its_task_definition(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        definition = {"family": "web", "revision": 7, "containerDefinitions": [{"name": "app", "image": "web:1.4.2"}]}
        for asked in ("web:7", "web:8"):
            answer = {"taskDefinition": {**definition, "revision": int(asked[-1])}}
            ecs.answers("describe_task_definition", answer, {"taskDefinition": asked})
        assert deployments.release("web:7", "app") == deployments.release("web:8", "app")


class TestOrders:
    def test_a_deployment_is_taken_back_by_one_call(self, ecs: StubbedClient, deployments: EcsDeployments) -> None:
        asked = {"serviceDeploymentArn": FIRST, "stopType": "ROLLBACK"}
        ecs.answers("stop_service_deployment", {"serviceDeploymentArn": FIRST}, asked)
        deployments.stop(FIRST)
        assert ecs.actions == list(ecs_deployments.STOP_ACTIONS)

    @pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"])
    def test_one_on_its_way_back_is_taken_back(
        self, ecs: StubbedClient, deployments: EcsDeployments, status: str
    ) -> None:
        ecs.fails("stop_service_deployment", "ConflictException")
        described(ecs, whole(status=status))
        deployments.stop(FIRST)

    @pytest.mark.parametrize("status", ["IN_PROGRESS", "SUCCESSFUL", "STOPPED"])
    def test_one_that_cannot_be_taken_back_is_refused_in_the_words_of_aws(
        self, ecs: StubbedClient, deployments: EcsDeployments, status: str
    ) -> None:
        ecs.fails("stop_service_deployment", "ConflictException")
        described(ecs, whole(status=status))
        with pytest.raises(AwsError, match="in the words of AWS"):
            deployments.stop(FIRST)

    @pytest.mark.parametrize(("go_on", "action"), [(True, "CONTINUE"), (False, "ROLLBACK")])
    def test_a_pause_is_answered(
        self, ecs: StubbedClient, deployments: EcsDeployments, go_on: bool, action: str
    ) -> None:
        asked = {"serviceDeploymentArn": FIRST, "hookId": "ecs-pause-1", "action": action}
        ecs.answers("continue_service_deployment", {"serviceDeploymentArn": FIRST}, asked)
        deployments.answer(FIRST, "ecs-pause-1", go_on=go_on)

    @pytest.mark.parametrize(("after", "answer"), [([brief(SECOND)], SECOND), ([brief(FIRST)], ""), ([], "")])
    def test_a_deployment_is_asked_for_and_known_once_ecs_lists_it(
        self, ecs: StubbedClient, deployments: EcsDeployments, after: list[dict], answer: str
    ) -> None:
        ecs.answers("list_service_deployments", {"serviceDeployments": [brief(FIRST)]}, LISTED)
        asked = {"cluster": "serving", "service": "inference", "taskDefinition": "web:7"}
        ecs.answers("update_service", {"service": {"serviceName": "inference"}}, asked)
        ecs.answers("list_service_deployments", {"serviceDeployments": after}, LISTED)
        assert deployments.deploy("serving", "inference", "web:7") == answer


CALLS: dict[str, Callable[[EcsDeployments], object]] = {
    "list_service_deployments": lambda one: one.in_flight("serving", "inference"),
    "describe_service_deployments": lambda one: one.deployment(FIRST),
    "describe_service_revisions": lambda one: one.revision("r"),
    "describe_task_definition": lambda one: one.release("web:7", "app"),
    "stop_service_deployment": lambda one: one.stop(FIRST),
    "continue_service_deployment": lambda one: one.answer(FIRST, "h", go_on=True),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("code", ["ThrottlingException", "ServerException", "AccessDeniedException"])
def test_whatever_aws_refuses_is_an_error_in_its_words(
    ecs: StubbedClient, deployments: EcsDeployments, operation: str, code: str
) -> None:
    ecs.fails(operation, code)
    with pytest.raises(AwsError, match="in the words of AWS") as refused:
        CALLS[operation](deployments)
    assert not isinstance(refused.value, DeploymentGoneError)


@pytest.mark.parametrize("operation", CALLS)
def test_a_time_out_is_an_error(operation: str) -> None:
    with pytest.raises(AwsError):
        CALLS[operation](EcsDeployments(SilentClient("ecs"), (BotoCoreError,)))


def test_what_the_judge_may_do_takes_back_and_neither_answers_nor_deploys() -> None:
    judge = {**ecs_deployments.READ_ACTIONS, **ecs_deployments.STOP_ACTIONS}
    assert not set(judge) & {*ecs_deployments.ANSWER_ACTIONS, *ecs_deployments.DEPLOY_ACTIONS}
