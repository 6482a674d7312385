"""Which build of the tasks file an image by digest is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.pushed_images import PushedImages
from bluegreen_constructs.rehearsal.ecs.task_processes import task_spec
from bluegreen_constructs.rehearsal.ecs.tasks_file import TasksFile

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
BAD, GOOD, UNTAGGED = ("sha256:" + letter * 64 for letter in "abc")


class RepositoryNotFoundException(Exception):  # noqa: N818  # boto3's name
    pass


class Registry:
    """One repository, `shop`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe_images(self, *, repositoryName: str) -> Mapping[str, Sequence[Mapping[str, object]]]:  # noqa: N803
        self.asked.append(repositoryName)
        if repositoryName != "team/shop":
            raise RepositoryNotFoundException(repositoryName)
        images = [
            {"imageDigest": GOOD, "imageTags": ["2.0.0"]},
            {"imageDigest": BAD, "imageTags": ["2.1.0-errors", "newest"]},
            {"imageDigest": UNTAGGED},
        ]
        return {"imageDetails": images}


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        (f"{HOST}/team/shop@{GOOD}", "2.0.0"),
        (f"{HOST}/team/shop@{BAD}", "2.1.0-errors"),
        (f"{HOST}/team/shop@{UNTAGGED}", UNTAGGED),
        (f"{HOST}/team/shop:2.0.0", "2.0.0"),
        (f"{HOST}/team/shop:2.0.0@{BAD}", "2.0.0"),
        (f"{HOST}/team/shop", "latest"),
        (f"{HOST}/other@{GOOD}", GOOD),
        (f"shop@{GOOD}", GOOD),
    ],
)
def test_a_digest_is_the_build_that_was_pushed_as_it(image: str, tag: str) -> None:
    assert PushedImages(Registry()).tag_of(image) == tag


def test_the_registry_is_asked_about_digests_alone() -> None:
    registry = Registry()
    PushedImages(registry).tag_of(f"{HOST}/team/shop:2.0.0")
    assert registry.asked == []


def test_a_digest_that_was_never_pushed_is_refused_as_ecs_does() -> None:
    with pytest.raises(RehearsalError, match=r"CannotPullContainerError: failed to resolve ref .*: not found"):
        PushedImages(Registry()).tag_of(f"{HOST}/team/shop@sha256:{'d' * 64}")


def test_another_failure_of_the_registry_is_none_of_the_images() -> None:
    class Broken(Registry):
        def describe_images(self, *, repositoryName: str) -> Mapping[str, Sequence[Mapping[str, object]]]:  # noqa: N803
            raise TimeoutError(repositoryName)

    with pytest.raises(TimeoutError):
        PushedImages(Broken()).tag_of(f"{HOST}/team/shop@{GOOD}")


def test_a_task_by_digest_has_its_builds_faults_and_says_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[containers.app]\ncommand = ["{python}"]\n[releases."2.1.0-errors".environment]\nFAULTS = "error_rate=0.2"\n'
    )
    definition = {"containerDefinitions": [{"name": "app", "image": f"{HOST}/team/shop@{BAD}"}]}
    found = task_spec(
        definition,
        TasksFile.read(path),
        address="127.20.1.1",
        side="",
        secrets={},
        tag_of=PushedImages(Registry()).tag_of,
    )
    assert found.processes[0].environment == {"FAULTS": "error_rate=0.2", "HOST": "127.20.1.1", "RELEASE": BAD}
