"""`bluegreen rollback` of what Amazon ECS rolls out deploys a release again that was live before."""

import pytest

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import ReleaseRecord
from bluegreen_constructs.engine.release import Release
from tests.cli.deployed_services import BEGAN, ECS_TARGET, DeployedServices
from tests.cli.operated_world import OPERATOR, Operator

FAMILY = "arn:aws:ecs:eu-west-1:123456789012:task-definition/Inference"
TEMPLATE = (
    "note: the template still names the release that it was deployed with, and the next cdk deploy that changes the "
    "service brings that again: before it, give the container the image of {release}"
)


def shipped(services: DeployedServices) -> None:
    """1.8, 1.9 and 2.0 were promoted, then 2.1 went back; 1.9 had been deployed a second time by a settings change."""
    services.brought("d1", "1.8.aaaa1111")
    services.brought("d2", "1.9.bbbb2222")
    services.brought("d3", "2.0.cccc3333")
    services.brought("d4", "2.0.cccc3333")
    services.brought("d5", "2.1.dddd4444", "ROLLBACK_SUCCESSFUL")


def deployed(services: DeployedServices) -> str:
    """The task definition that the last deployment brings."""
    return services.definitions[services.seen[0].target]


@pytest.mark.parametrize("judged", ["ecs", "unjudged"])
def test_the_last_release_before_the_live_one_is_deployed_again(request: pytest.FixtureRequest, judged: str) -> None:
    operator: Operator = request.getfixturevalue(judged)
    shipped(operator.world.services)
    assert operator.types("rollback") == 0
    assert deployed(operator.world.services) == f"{FAMILY}:2"
    said, note = operator.out.splitlines()
    assert said == (
        "deployment d6 takes Serving/Inference back from 2.0.cccc3333 to 1.9.bbbb2222, with all steps and hooks; watch "
        "it with bluegreen watch Serving/Inference"
    )
    assert note == TEMPLATE.format(release="1.9.bbbb2222")


@pytest.mark.parametrize("named", ["1.8.aaaa1111", "1.8", "Inference:1", f"{FAMILY}:1"])
def test_another_release_is_named_by_itself_its_tag_or_its_task_definition(ecs: Operator, named: str) -> None:
    shipped(ecs.world.services)
    assert ecs.types("rollback", "--to", named) == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:1"


def test_json_is_the_deployment_with_what_it_leaves(ecs: Operator) -> None:
    shipped(ecs.world.services)
    result = ecs.reads("rollback", "--reason", "wrong prices")
    assert (result["rollout"], result["release"], result["from"]) == ("d6", "1.9.bbbb2222", "2.0.cccc3333")
    assert [f"note: {note}" for note in result["notes"]] == [TEMPLATE.format(release="1.9.bbbb2222")]


def test_who_went_back_and_why_is_in_the_history(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.types("rollback", "--reason", "wrong prices")
    (item,) = (item for item in ecs.reads("history")["items"] if item["event"] == "STARTED")
    assert (item["caller"], item["rollout"], item["release"]) == (OPERATOR, "d6", "1.9.bbbb2222")
    assert item["reason"] == "rollback from 2.0.cccc3333: wrong prices"


@pytest.mark.parametrize(("status", "code"), [("SUCCESSFUL", 0), ("ROLLBACK_SUCCESSFUL", 1)])
def test_waiting_ends_as_the_deployment_ends(ecs: Operator, status: str, code: int) -> None:
    shipped(ecs.world.services)
    ecs.world.on_wait = [lambda: ecs.world.services.becomes(status=status)]
    assert ecs.types("rollback", "--wait") == code
    assert ecs.out.splitlines()[0].startswith(f"deployment d6: {status}")
    assert TEMPLATE.format(release="1.9.bbbb2222") in ecs.out


def test_a_deployment_that_ecs_shows_later_is_waited_for(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.world.services.is_slow = True
    assert ecs.types("rollback") == 0
    assert ecs.out.startswith("deployment d6 takes Serving/Inference back")


def test_a_deployment_that_ecs_does_not_show_within_a_minute_is_a_failure(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.world.services.deploy = lambda cluster, service, task_definition: ""
    assert ecs.is_refused(1, "rollback") == (
        "a deployment was asked for, and Amazon ECS has shown none within 60 s: see bluegreen status Serving/Inference"
    )
    assert ecs.world.waited == 60


def test_a_deployment_in_flight_is_gone_back_from_by_an_abort(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.world.services.brought("d6", "2.2", "IN_PROGRESS", stage="BAKE_TIME")
    assert ecs.is_refused(3, "rollback") == (
        "deployment d6 of 2.2 is in flight on Serving/Inference (BAKE_TIME): bluegreen abort Serving/Inference goes "
        "back from it"
    )
    assert "UpdateService" not in ecs.world.services.calls


def test_without_a_former_release_there_is_none_to_go_back_to(ecs: Operator) -> None:
    ecs.world.services.brought("d1", "2.0")
    ecs.world.services.brought("d2", "2.0")
    ecs.world.services.brought("d3", "2.1", "ROLLBACK_SUCCESSFUL")
    assert ecs.is_refused(3, "rollback") == (
        "no release of Serving/Inference was live before 2.0: there is none to go back to"
    )


def test_without_a_success_there_is_nothing_to_go_back_to(ecs: Operator) -> None:
    ecs.world.services.brought("d1", "2.0", "STOPPED")
    assert ecs.is_refused(3, "rollback") == (
        "no deployment of Serving/Inference has succeeded: there is no release to go back to"
    )


def test_a_release_whose_task_definition_is_gone_is_none_to_go_back_to(ecs: Operator) -> None:
    shipped(ecs.world.services)
    read = ecs.world.services.release

    def release(task_definition: str, container: str) -> str:
        if task_definition.endswith(":2"):
            raise AwsError("Unable to describe task definition.")
        return read(task_definition, container)

    ecs.world.services.release = release
    assert ecs.types("rollback") == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:1"
    assert "note: what Amazon ECS could no longer read, such as a deleted task definition, was passed over" in ecs.out


def test_a_live_release_that_cannot_be_read_is_no_ground_to_go_back_from(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.world.services.fails["DescribeServiceRevisions"] = AwsError("Throttling")
    assert ecs.is_refused(1, "rollback") == (
        "what is live on Serving/Inference cannot be read, so what was live before it is not known"
    )
    assert "UpdateService" not in ecs.world.services.calls


def test_a_second_rollback_does_not_bring_back_what_the_first_one_left(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.types("rollback")
    ecs.world.services.becomes(status="SUCCESSFUL")
    assert ecs.types("rollback") == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:1"
    ecs.world.services.becomes(status="SUCCESSFUL")
    assert "there is none to go back to" in ecs.is_refused(3, "rollback")
    assert ecs.types("rollback", "--to", "2.0") == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:4"


def rejected(operator: Operator, release: str) -> None:
    record = ReleaseRecord(Release(release), "rejected", BEGAN, "20 of 100 fail", "", "d9")
    operator.world.store.remember(ECS_TARGET, record)


def test_a_release_that_was_rejected_since_is_passed_over(ecs: Operator) -> None:
    shipped(ecs.world.services)
    rejected(ecs, "1.9.bbbb2222")
    assert ecs.is_refused(3, "rollback", "--to", "1.9") == (
        "1.9.bbbb2222 is rejected since 2026-01-05T08:50:00Z (20 of 100 fail); there are: 1.8.aaaa1111; the judge "
        "takes it again only from a template that accepts it with a reason"
    )
    assert ecs.types("rollback") == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:1"


def test_a_table_that_does_not_answer_does_not_stop_the_way_back(ecs: Operator) -> None:
    shipped(ecs.world.services)
    ecs.world.store.is_down = True
    assert ecs.types("rollback") == 0
    assert deployed(ecs.world.services) == f"{FAMILY}:2"
    assert "note: the history could not be written" in ecs.out


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("2.0", "2.0 is live on Serving/Inference already; there are: 1.9.bbbb2222, 1.8.aaaa1111"),
        (
            "2.1.dddd4444",
            (
                "2.1.dddd4444 is no release that Serving/Inference has had in its last deployments; there are: "
                "1.9.bbbb2222, 1.8.aaaa1111"
            ),
        ),
    ],
)
def test_what_cannot_be_gone_back_to_is_refused_with_what_can(ecs: Operator, named: str, said: str) -> None:
    shipped(ecs.world.services)
    assert ecs.is_refused(3, "rollback", "--to", named) == said
    assert "UpdateService" not in ecs.world.services.calls
