"""A stack update that has CodeDeploy deploy: once, waited for, answered; whatever fails, nothing is left behind."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.cloudformation import AnswerError
from bluegreen_constructs.engine.code_deploy_update import LONGEST_UPDATE, Requester
from bluegreen_constructs.engine.code_deployments import (
    CodeDeploymentSeen,
    DeploymentHeldError,
    DeploymentOverError,
    Progress,
)
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.handlers import code_deployment_resource
from bluegreen_constructs.engine.handlers.code_deployment_resource import LEAVE_SECONDS, UpdateWorld, serve

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Serving/0f0e0d0c"
FORMER, OLD, NEW = (f"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}" for number in (5, 6, 7))
LAMBDA_SECONDS = 900.0
BACK = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST")
PLAN = timedelta(minutes=20)


def properties(task_definition: str) -> dict[str, object]:
    return {
        "ServiceToken": "arn:function",
        "ServiceTimeout": "3600",
        "Application": "inference",
        "DeploymentGroup": "Inference",
        "Cluster": "apps",
        "Service": "web",
        "TaskDefinition": task_definition,
        "AppSpec": f'TaskDefinition: "{task_definition}"\n',
    }


def event(
    kind: str = "Update", *, to: str = NEW, was: str = OLD, request: str = "r-1", **more: object
) -> dict[str, object]:
    found: dict[str, object] = {
        "RequestType": kind,
        "StackId": STACK,
        "LogicalResourceId": "Deployment",
        "RequestId": request,
        "ResponseURL": "https://answers.example.com/1",
        "ResourceProperties": properties(to),
    }
    if kind == "Update":
        found["OldResourceProperties"] = properties(was)
    return {**found, **more}


@dataclass
class World:
    """CodeDeploy, Amazon ECS, Lambda and CloudFormation in memory: deployments take `takes`, and end as `ends`.

    faults: by the name of a call the errors that its next calls raise; one that is called "lost" is raised after the
    call had its effect.
    """

    live: str = OLD
    takes: timedelta = PLAN
    ends: str = "Succeeded"
    goes_back_on: tuple[str, ...] = BACK
    now: datetime = BEGAN
    faults: dict[str, list[AwsError]] = field(default_factory=dict)
    deployments: dict[str, CodeDeploymentSeen] = field(default_factory=dict)
    brings: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    answers: list[dict[str, object]] = field(default_factory=list)
    handed: list[dict[str, object]] = field(default_factory=list)
    invocations: int = 0
    calls: int = 0
    _left: float = LAMBDA_SECONDS

    # engine.code_deployments.CodeDeployments

    def in_flight(self, application: str, group: str) -> str:
        raise NotImplementedError

    def progress(self, id: str, cluster: str, service: str) -> Progress:
        raise NotImplementedError

    def proceed(self, id: str) -> None:
        raise NotImplementedError

    def latest(self, application: str, group: str, limit: int = 20) -> Sequence[CodeDeploymentSeen]:
        self._call("latest")
        assert (application, group) == ("inference", "Inference")
        return sorted(map(self._moved_on, list(self.deployments)), key=lambda seen: seen.created_at, reverse=True)[
            :limit
        ]

    def deployment(self, id: str) -> CodeDeploymentSeen:
        self._call("deployment")
        return self._moved_on(id)

    def create(self, application: str, group: str, app_spec: str, description: str) -> str:
        fault = self._fault("create")
        if fault is not None and "lost" not in str(fault):
            raise fault
        if any(self._moved_on(known).is_in_flight for known in list(self.deployments)):
            raise DeploymentHeldError("one is in flight")
        name = f"d-{len(self.deployments) + 1}"
        self.begin(name, brings=app_spec.split('"')[1], description=description)
        self.created.append(name)
        if fault is not None:
            raise fault
        return name

    def stop(self, id: str) -> None:
        self._call("stop")
        seen = self._moved_on(id)
        if not seen.is_in_flight:
            raise DeploymentOverError("it is over")
        self.stopped.append(id)
        self._end(id, "Stopped", "it was stopped")

    # engine.code_deploy_update.LiveTaskSets

    def task_definition(self, cluster: str, service: str) -> str:
        self._call("task_definition")
        for name in list(self.deployments):
            self._moved_on(name)
        return self.live

    # engine.code_deploy_hook.Again

    def again(self, event: Mapping[str, object]) -> None:
        self._call("again")
        self.handed.append(json.loads(json.dumps(event)))

    def begin(
        self, name: str, *, brings: str, description: str = "", creator: str = "user", rolls_back: str = ""
    ) -> None:
        """A deployment of whoever it is."""
        self.brings[name] = brings
        self.deployments[name] = CodeDeploymentSeen(
            name,
            "InProgress",
            self.now,
            description=description,
            creator=creator,
            rolls_back=rolls_back,
            goes_back_on=self.goes_back_on,
        )

    def _moved_on(self, id: str) -> CodeDeploymentSeen:
        seen = self.deployments[id]
        lasted = self.takes if not seen.is_rollback else timedelta(minutes=2)
        if seen.is_in_flight and self.now - seen.created_at >= lasted:
            status = "Succeeded" if seen.is_rollback else self.ends
            if status == "Succeeded":
                self.live = self.brings[id]
            self._end(id, status, "" if status == "Succeeded" else "the task set did not become healthy")
        return self.deployments[id]

    def _end(self, id: str, status: str, error: str) -> None:
        seen = replace(self.deployments[id], status=status, finished_at=self.now, error=error)
        if status in {"Failed", "Stopped"} and seen.goes_back_on:
            back = f"{id}-back"
            self.begin(back, brings=self.live, creator="codeDeployRollback", rolls_back=id)
            seen = replace(seen, rolled_back_by=back)
        self.deployments[id] = seen

    def _call(self, name: str) -> None:
        fault = self._fault(name)
        if fault is not None:
            raise fault

    def _fault(self, name: str) -> AwsError | None:
        self.calls += 1
        faults = self.faults.get(name, [])
        return faults.pop(0) if faults else None

    def _pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._left -= seconds
        assert self._left > 0, "Lambda has ended the invocation"

    def send(self, url: str, body: bytes) -> None:
        assert url == "https://answers.example.com/1"
        if self.faults.get("send"):
            self.faults["send"].pop(0)
            raise AnswerError("no answer got through")
        self.answers.append(json.loads(body))

    def deliver(self, given: Mapping[str, object]) -> None:
        """One invocation."""
        self.invocations += 1
        self._left = LAMBDA_SECONDS
        world = UpdateWorld(
            deployments=self,
            live=self,
            itself=self,
            send=self.send,
            seconds_left=lambda: self._left,
            pause=self._pass,
            now=lambda: self.now,
        )
        serve(dict(given), world)

    def run(self, given: Mapping[str, object] | None = None) -> dict[str, object]:
        """The event, and what the function hands on to itself, until it is answered: the answer."""
        before = len(self.answers)
        self.deliver(given or event())
        while self.handed:
            assert self.invocations < 16, "Lambda stops a function that calls itself so often"
            self.deliver(self.handed.pop(0))
        assert len(self.answers) == before + 1
        return self.answers[-1]


class TestCreateAndDelete:
    @pytest.mark.parametrize("kind", ["Create", "Delete"])
    def test_neither_does_anything(self, kind: str) -> None:
        world = World()
        answer = world.run(event(kind))
        assert answer["Status"] == "SUCCESS"
        assert world.calls == 0

    def test_also_with_properties_of_another_version(self) -> None:
        assert World().run(event("Delete", ResourceProperties={}))["Status"] == "SUCCESS"


class TestUpdate:
    def test_a_new_revision_is_deployed_and_waited_for(self) -> None:
        world = World()
        answer = world.run()
        assert (answer["Status"], world.live) == ("SUCCESS", NEW)
        assert answer["Reason"] == "deployment d-1 succeeded"
        assert PLAN <= world.now - BEGAN < PLAN + timedelta(minutes=1)

    def test_a_long_one_is_waited_for_in_further_invocations_and_made_once(self) -> None:
        world = World(takes=timedelta(minutes=50))
        assert world.run()["Status"] == "SUCCESS"
        assert world.created == ["d-1"]
        assert 3 < world.invocations < 8

    def test_the_same_revision_is_not_deployed_again_whatever_is_live(self) -> None:
        world = World(live="another")
        assert world.run(event(was=NEW))["Status"] == "SUCCESS"
        assert world.calls == 0

    def test_one_that_is_live_already_is_not_deployed(self) -> None:
        world = World(live=NEW)
        answer = world.run()
        assert (answer["Status"], world.created) == ("SUCCESS", [])
        assert "is live already" in str(answer["Reason"])

    def test_the_deployment_says_whose_it_is(self) -> None:
        world = World()
        world.run()
        description = world.deployments["d-1"].description
        assert description.startswith("bluegreen stack update ")
        assert description.endswith(" r-1: web:7 over web:6, of Serving")
        long = Requester(STACK.replace("Serving", "S" * 300), "Deployment", "r-1").describes(NEW, OLD)
        assert len(long) <= 256

    def test_the_physical_id_stays_so_that_nothing_is_replaced(self) -> None:
        world = World()
        given = event(PhysicalResourceId="physical")
        assert world.run(given)["PhysicalResourceId"] == "physical"


class TestFailure:
    def test_a_deployment_that_fails_fails_the_update_once_it_was_taken_back(self) -> None:
        world = World(ends="Failed")
        answer = world.run()
        assert (answer["Status"], world.live) == ("FAILED", OLD)
        assert answer["Reason"] == (
            "deployment d-1 is Failed: the task set did not become healthy; d-1-back took it back and is Succeeded"
        )
        assert world.deployments["d-1-back"].status == "Succeeded"

    def test_where_nothing_takes_it_back_it_says_so(self) -> None:
        world = World(ends="Failed", goes_back_on=())
        assert "nothing takes it back (CodeDeploy rollback_on)" in str(world.run()["Reason"])

    def test_the_rollback_that_begins_a_moment_later_is_waited_for(self) -> None:
        world = World(ends="Failed")
        world.begin("d-1", brings=NEW, description=Requester(STACK, "Deployment", "r-1").describes(NEW, OLD))
        ended = world.now + timedelta(seconds=30)
        world.deployments["d-1"] = replace(
            world.deployments["d-1"], status="Failed", finished_at=ended, error="no", created_at=BEGAN
        )
        world.now = ended
        answer = world.run()
        # It never began, and what was said of it is told after a minute.
        assert "nothing takes it back" in str(answer["Reason"])
        assert world.now - ended >= timedelta(seconds=60)

    def test_one_that_does_not_end_in_time_is_taken_back_before_cloudformations_hour_is_over(self) -> None:
        world = World(takes=timedelta(hours=3))
        answer = world.run()
        assert answer["Status"] == "FAILED"
        assert "did not end within 56 min of the hour that CloudFormation waits: it is taken back" in str(
            answer["Reason"]
        )
        assert world.stopped == ["d-1"]
        assert LONGEST_UPDATE <= world.now - BEGAN < timedelta(hours=1)

    def test_if_it_cannot_even_be_stopped_that_is_said(self) -> None:
        world = World(takes=timedelta(hours=3), faults={"stop": [AwsError("AccessDenied")]})
        assert "and could not be stopped: AccessDenied" in str(world.run()["Reason"])

    def test_a_deployment_of_somebody_elses_is_left_alone_and_named(self) -> None:
        world = World()
        world.begin("d-9", brings="pipeline's", description="from the pipeline")
        answer = world.run()
        assert answer["Status"] == "FAILED"
        assert (
            "deployment d-9 of Inference is InProgress since 2026-11-22 12:00 UTC: wait for its end or stop it"
            in str(answer["Reason"])
        )
        assert (world.created, world.stopped) == ([], [])

    def test_properties_of_another_version_are_refused(self) -> None:
        given = event()
        given["ResourceProperties"] = {"TaskDefinition": NEW}
        answer = World().run(given)
        assert answer["Status"] == "FAILED"
        assert "the properties have no Application" in str(answer["Reason"])


class TestGoingBack:
    """CloudFormation takes an update back by an update to the former properties."""

    def back(self, **more: object) -> dict[str, object]:
        return event(to=OLD, was=NEW, request="r-2", **more)

    def test_after_codedeploy_has_taken_its_deployment_back_there_is_nothing_to_do(self) -> None:
        world = World(ends="Failed")
        world.run()
        answer = world.run(self.back())
        assert (answer["Status"], world.created, world.stopped) == ("SUCCESS", ["d-1"], [])

    def test_a_release_that_is_live_is_taken_back_by_a_deployment(self) -> None:
        world = World()
        world.run()  # and then another resource of the stack fails
        answer = world.run(self.back())
        assert (answer["Status"], world.live) == ("SUCCESS", OLD)
        assert world.created == ["d-1", "d-2"]

    def test_a_deployment_that_is_still_under_way_is_stopped_and_not_promoted_behind_the_stacks_back(self) -> None:
        world = World(takes=timedelta(minutes=45))
        world.deliver(event())
        world.handed.clear()  # nobody goes on: CloudFormation has given up
        answer = world.run(self.back())
        assert (answer["Status"], world.live) == ("SUCCESS", OLD)
        assert world.stopped == ["d-1"]
        assert world.created == ["d-1"]

    def test_what_somebody_else_made_live_before_stays_live_when_codedeploy_took_the_update_back(self) -> None:
        world = World(live=FORMER, ends="Failed")  # an operator has rolled back what the template says
        assert world.run()["Status"] == "FAILED"
        answer = world.run(self.back())
        assert (answer["Status"], world.live, world.created) == ("SUCCESS", FORMER, ["d-1"])

    def test_what_was_live_before_the_update_comes_back_also_if_the_template_says_otherwise(self) -> None:
        world = World(live=FORMER)
        world.run()  # and then another resource of the stack fails
        assert world.live == NEW
        answer = world.run(self.back())
        assert (answer["Status"], world.live, world.created) == ("SUCCESS", FORMER, ["d-1", "d-2"])

    def test_without_a_word_of_what_was_live_before_it_is_what_the_template_says(self) -> None:
        world = World(live=FORMER)
        world.run(event(to=OLD, was=FORMER, request="r-0"))  # an update before, over another one
        world.live = NEW  # by a deployment that CodeDeploy lists no more
        answer = world.run(self.back())
        assert (answer["Status"], world.live) == ("SUCCESS", OLD)

    @pytest.mark.parametrize("live", [FORMER, NEW])
    def test_a_deployment_of_somebody_elses_does_not_keep_the_stack_from_going_back(self, live: str) -> None:
        world = World(live=live)
        world.begin("d-9", brings="web:8", description="by hand")
        answer = world.run(self.back())
        assert (answer["Status"], world.created, world.stopped) == ("SUCCESS", [], [])

    def test_a_rollback_that_is_under_way_is_waited_for(self) -> None:
        world = World()
        world.begin("d-5", brings=OLD, creator="codeDeployRollback", rolls_back="d-4")
        answer = world.run(self.back())
        assert answer["Status"] == "SUCCESS"
        assert world.deployments["d-5"].status == "Succeeded"
        assert world.created == []


class TestFaults:
    @pytest.mark.parametrize("call", ["latest", "task_definition", "create", "deployment"])
    @pytest.mark.parametrize("times", [1, 3])
    def test_a_call_that_fails_for_a_while_fails_nothing(self, call: str, times: int) -> None:
        world = World(faults={call: [AwsError("ThrottlingException")] * times})
        assert world.run()["Status"] == "SUCCESS"
        assert world.created == ["d-1"]

    def test_a_deployment_whose_id_got_lost_is_found_again_and_not_made_twice(self) -> None:
        world = World(faults={"create": [AwsError("the answer was lost")]})
        assert world.run()["Status"] == "SUCCESS"
        assert world.created == ["d-1"]

    @pytest.mark.parametrize("call", ["latest", "task_definition", "create"])
    def test_what_is_never_allowed_fails_the_update_soon(self, call: str) -> None:
        world = World(faults={call: [AwsError("AccessDenied")] * 100})
        answer = world.run()
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == "no deployment could be started: AccessDenied"
        assert world.now - BEGAN < timedelta(minutes=3)

    def test_a_deployment_that_is_under_way_is_not_left_alone_because_codedeploy_does_not_answer(self) -> None:
        world = World(faults={"deployment": [AwsError("InternalFailure")] * 70})
        assert world.run()["Status"] == "SUCCESS"

    def test_an_event_that_is_delivered_twice_deploys_once(self) -> None:
        world = World()
        world.run()
        assert world.run()["Status"] == "SUCCESS"
        assert world.created == ["d-1"]

    def test_two_deliveries_at_once_wait_for_one_deployment(self) -> None:
        world = World(takes=timedelta(minutes=30))
        world.deliver(event())
        world.deliver(event())
        while world.handed:
            world.deliver(world.handed.pop(0))
        assert [answer["Status"] for answer in world.answers] == ["SUCCESS", "SUCCESS"]
        assert world.created == ["d-1"]

    def test_a_second_delivery_of_one_that_failed_says_so_again_and_does_not_try_again(self) -> None:
        world = World(ends="Failed")
        first = world.run()
        assert world.run()["Reason"] == first["Reason"]
        assert world.created == ["d-1"]

    def test_a_function_that_cannot_call_itself_answers_while_it_can(self) -> None:
        world = World(takes=timedelta(minutes=50), faults={"again": [AwsError("TooManyRequestsException")]})
        answer = world.run()
        assert (answer["Status"], answer["Reason"]) == ("FAILED", "TooManyRequestsException")

    def test_an_answer_that_does_not_get_through_is_raised_and_given_again(self) -> None:
        world = World(faults={"send": [AwsError("lost")]})
        with pytest.raises(AnswerError):
            world.run()
        world.handed.clear()
        assert world.run()["Status"] == "SUCCESS"
        assert world.created == ["d-1"]

    def test_enough_of_lambdas_time_is_left_for_a_look_a_call_to_itself_and_the_answer(self) -> None:
        assert LEAVE_SECONDS < LAMBDA_SECONDS / 2


def test_lambdas_entry_point_answers_cloudformation(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(live=NEW)
    answers: list[bytes] = []
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "update")
    made: dict[str, Callable[..., object]] = {
        name: (lambda *_: world) for name in ("AwsCodeDeployments", "EcsLiveTaskSets", "OwnFunction")
    }
    for name, make in made.items():
        monkeypatch.setattr(code_deployment_resource, name, make)
    for name in ("code_deployments", "live_task_sets", "own_function"):
        monkeypatch.setattr(code_deployment_resource.clients, name, lambda: None)
    monkeypatch.setattr(code_deployment_resource, "put", lambda _, body: answers.append(body))

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    code_deployment_resource.handler(event(), Context())
    assert json.loads(answers[0])["Status"] == "SUCCESS"
