"""What a release of an ECS-run service is called: the same content the same name, other content another one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.ecs_release import is_named, release_name
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release

REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web"
DIGEST = "sha256:" + "0123456789abcdef" * 4
APP = {
    "name": "app",
    "image": f"{REPOSITORY}:1.4.2",
    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "command": ["serve", "--fast"],
    "mountPoints": [],
}
PROXY = {"name": "proxy", "image": "envoy:v1"}


def definition(*containers: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "family": "web",
        "revision": 7,
        "status": "ACTIVE",
        "registeredAt": datetime(2026, 11, 21, tzinfo=UTC),
        "registeredBy": "arn:aws:iam::123456789012:user/ada",
        "compatibilities": ["EC2", "FARGATE"],
        "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
        "cpu": "256",
        "containerDefinitions": list(containers or (APP, PROXY)),
        **more,
    }


def named(*containers: dict[str, object], **more: object) -> str:
    return release_name(definition(*containers, **more), "app")


def test_a_release_is_named_by_its_tag_and_its_content() -> None:
    tag, _, digits = named().rpartition(".")
    assert tag == "1.4.2"
    assert len(digits) == 8
    assert set(digits) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        (f"{REPOSITORY}@{DIGEST}", "sha256-0123456789ab"),
        (f"{REPOSITORY}:1.4.2@{DIGEST}", "sha256-0123456789ab"),
        ("registry.example.com:5000/web", "latest"),
        ("registry.example.com:5000/web:2", "2"),
        ("web", "latest"),
        (f"web:{'a' * 128}", "a" * 119),
    ],
)
def test_every_image_reference_gives_a_name_that_a_release_can_have(image: str, tag: str) -> None:
    name = named({**APP, "image": image})
    assert name.rpartition(".")[0] == tag
    assert Release(name).name == name


@given(st.text(max_size=140))
def test_no_image_gives_a_name_that_no_release_can_have(image: str) -> None:
    assert Release(named({**APP, "image": image}))


def test_the_same_content_has_the_same_name_in_every_revision() -> None:
    later = definition(
        taskDefinitionArn="arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12",
        revision=12,
        status="INACTIVE",
        registeredAt=datetime(2027, 1, 1, tzinfo=UTC),
        deregisteredAt=datetime(2027, 1, 2, tzinfo=UTC),
        registeredBy="arn:aws:iam::123456789012:user/bob",
    )
    assert release_name(later, "app") == named()


def test_what_has_no_order_for_ecs_has_none_in_the_name() -> None:
    turned = {**APP, "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}
    assert named(PROXY, turned) == named()


def test_what_is_empty_says_nothing() -> None:
    assert named({**APP, "secrets": [], "hostname": ""}, PROXY, volumes=[], ipcMode=None) == named()


@pytest.mark.parametrize(
    "change",
    [
        {"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]},
        {"command": ["--fast", "serve"]},
        {"cpu": 128},
        {"privileged": False},
    ],
)
def test_another_setting_is_another_release_of_the_same_tag(change: dict[str, object]) -> None:
    name = named({**APP, **change}, PROXY)
    assert name != named()
    assert name.startswith("1.4.2.")


def test_another_sidecar_is_another_release() -> None:
    assert named(APP, {**PROXY, "image": "envoy:v2"}) != named()


def test_a_release_whose_container_had_another_name_is_called_by_its_first_essential_one() -> None:
    name = release_name(definition({**PROXY, "essential": False}, APP), "web")
    assert name == release_name(definition({**PROXY, "essential": False}, APP), "app")
    assert name.startswith("1.4.2.")


def test_without_any_container_there_is_no_name() -> None:
    for nothing in ({}, definition({**APP, "essential": False})):
        with pytest.raises(AwsError, match="no container 'web', and none that is essential"):
            release_name(nothing, "web")


@pytest.mark.parametrize("given_name", ["1.4.2", "1.4.2.0a1b2c3d"])
def test_a_release_is_meant_by_its_tag_or_by_its_whole_name(given_name: str) -> None:
    assert is_named(given_name, "1.4.2.0a1b2c3d")


@pytest.mark.parametrize("given_name", [DIGEST, f"{REPOSITORY}@{DIGEST}"])
def test_a_release_is_meant_by_its_digest(given_name: str) -> None:
    assert is_named(given_name, "sha256-0123456789ab.0a1b2c3d")


@pytest.mark.parametrize("given_name", ["", "1.4", "1.4.3", "0a1b2c3d", "1.4.2.ffffffff", DIGEST, "1.4.2."])
def test_another_word_does_not_mean_it(given_name: str) -> None:
    assert not is_named(given_name, "1.4.2.0a1b2c3d")
