"""What a release says that the sides run: an image of a container, a launch template version, an AMI, or its name."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.release import Release

AMI = "ami-0123456789abcdef0"


@pytest.mark.parametrize(
    ("release", "named", "version"),
    [
        (Release("7"), False, "7"),
        (Release("1.4.2", version="7"), False, "7"),
        (Release("1.4.2", version="7"), True, "7"),
        (Release("1.4.2", image="registry/model:1.4.2", version="7"), False, "7"),
        (Release("7", image="registry/model:7"), False, "7"),
        (Release("1.4.2", image=AMI), False, ""),
        (Release("1.4.2", image="ami-01234567"), False, ""),
        (Release("7", image=AMI), False, ""),
        (Release("1.4.2", image="resolve:ssm:/golden/web:3"), False, ""),
        (Release("1.4.2", image="resolve:ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/golden:3"), True, ""),
        (Release("1.4.2"), True, ""),
        (Release("20261105"), True, ""),
        (Release("1.4.2", image=AMI), True, ""),
    ],
)
def test_a_fleet_runs_a_version_that_is_given_or_one_that_is_made(release: Release, named: bool, version: str) -> None:
    assert release.template_version("web", named=named) == version


@pytest.mark.parametrize(
    ("release", "named", "sentence"),
    [
        (
            Release("1.4.2"),
            False,
            r"1\.4\.2 names no launch template version, which web runs: give its number with --version, or an image",
        ),
        (Release("1.4.2", image="registry/model:1.4.2"), False, r"release 1\.4\.2 names no launch template version"),
        (Release("1.4.2", image="ami-web"), False, r"the image of release 1\.4\.2 is ami-web, and web runs AMIs"),
        (Release("7", image="resolve:ssm:/golden"), False, r"without its version moves under a rollout"),
        (Release("1.4.2", image="resolve:ssm:/golden:latest"), True, r"give ami-… or resolve:ssm:NAME:VERSION"),
        (Release("1.4.2", image="registry/model:1.4.2"), True, r"is registry/model:1\.4\.2, and web runs AMIs"),
    ],
)
def test_what_no_fleet_can_run_is_refused_with_what_it_can(release: Release, named: bool, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        release.template_version("web", named=named)


@pytest.mark.parametrize("image", [AMI, "resolve:ssm:/golden:3"])
def test_a_version_with_another_image_than_its_own_is_refused(image: str) -> None:
    with pytest.raises(ConfigurationError, match=f"release 1.4.2 has launch template version 7 and the image {image}"):
        Release("1.4.2", image=image, version="7")
