"""ImageLifecycle: what expires, that no release does whatever lies beside it, and what is refused."""

from datetime import timedelta
from fnmatch import fnmatchcase

import pytest
from aws_cdk import Duration
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.repository_lifecycle import ImageLifecycle
from tests.ecr_lifecycle import MOST_IMAGES, Image, expired

PULL_REQUESTS = ImageLifecycle(throw_away=["pr-"], releases=["v*", "main-*"])

TAGS = st.text("prv-main.0159", min_size=1, max_size=9)
ANY_PREFIX = st.text("prdev", min_size=1, max_size=4).map(lambda head: f"{head}-")
PREFIXES = st.lists(st.sampled_from(["pr-", "dev-"]) | ANY_PREFIX, unique=True, max_size=4)
ANY_PATTERN = st.text("vmain0*.-", min_size=1, max_size=5)
PATTERNS = st.lists(st.sampled_from(["v*", "main-*", "v1", "m*-3"]) | ANY_PATTERN, unique=True, max_size=4)


@st.composite
def lifecycles(draw: st.DrawFn) -> ImageLifecycle:
    """Any that is not refused."""
    days = st.integers(1, 400).map(lambda number: timedelta(days=number))
    while True:
        try:
            return ImageLifecycle(
                throw_away=draw(PREFIXES),
                releases=draw(PATTERNS),
                throw_away_after=draw(days),
                untagged_after=draw(st.none() | days),
            )
        except ConfigurationError:
            continue


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    """Images with tags, without, and lists of some of those before."""
    found: list[Image] = []
    for number in range(draw(st.integers(1, 8))):
        parts = frozenset(draw(st.sets(st.sampled_from([one.digest for one in found]))) if found else ())
        tags = frozenset(draw(st.sets(TAGS | st.sampled_from(["pr-1", "v1", "dev-2", "main-3"]), max_size=3)))
        found.append(Image(f"sha256:{number}", tags, draw(st.integers(0, 5000)), parts))
    return found


def release_tags(lifecycle: ImageLifecycle, image: Image) -> set[str]:
    """A tag is a release's when it is declared one or, where nothing is, when it is no throw-away tag."""
    declared = {tag for tag in image.tags if any(fnmatchcase(tag, pattern) for pattern in lifecycle.releases)}
    return declared if lifecycle.releases else set(image.tags)


@given(lifecycles(), repositories())
def test_no_release_ever_expires_nor_what_it_consists_of(lifecycle: ImageLifecycle, images: list[Image]):
    gone = expired(lifecycle.policy(), images, more=MOST_IMAGES)
    for image in images:
        if release_tags(lifecycle, image):
            assert image.digest not in gone
            assert not image.parts & gone


@given(lifecycles(), repositories())
def test_what_has_a_tag_that_is_no_throw_away_tag_alone_never_expires(lifecycle: ImageLifecycle, images: list[Image]):
    gone = expired(lifecycle.policy(), images, more=MOST_IMAGES)
    for image in images:
        if image.tags and not any(tag.startswith(tuple(lifecycle.throw_away)) for tag in image.tags):
            assert image.digest not in gone


def test_a_release_with_a_throw_away_tag_too_stays():
    both = Image("sha256:a", frozenset({"pr-12", "v1.4.2"}), age_days=3000)
    alone = Image("sha256:b", frozenset({"pr-13"}), age_days=15)
    young = Image("sha256:c", frozenset({"pr-14"}), age_days=14)
    assert expired(PULL_REQUESTS.policy(), [both, alone, young]) == {"sha256:b"}


def test_a_repository_that_is_full_of_releases_keeps_them_all():
    images = [Image(f"sha256:{age}", frozenset({f"v{age}"}), age) for age in range(3)]
    assert expired(PULL_REQUESTS.policy(), images, more=MOST_IMAGES) == set()


def test_without_the_rules_of_releases_it_would_go():
    """The model sees what the rules are for."""
    policy = PULL_REQUESTS.policy()
    policy["rules"] = [rule for rule in policy["rules"] if "tagPatternList" not in rule["selection"]]
    assert expired(policy, [Image("sha256:a", frozenset({"pr-12", "v1.4.2"}), age_days=3000)]) == {"sha256:a"}


def test_two_patterns_in_one_rule_would_keep_only_what_matches_both():
    """Amazon ECR reads several patterns as `and`: hence one rule each."""
    policy = PULL_REQUESTS.policy()
    policy["rules"][0]["selection"]["tagPatternList"] = ["v*", "main-*"]
    del policy["rules"][1]
    assert expired(policy, [Image("sha256:a", frozenset({"pr-12", "v1.4.2"}), age_days=3000)]) == {"sha256:a"}


def test_by_default_only_what_has_no_tag_expires_after_thirty_days():
    images = [
        Image("sha256:old", age_days=31),
        Image("sha256:young", age_days=30),
        Image("sha256:release", frozenset({"1.0.0"}), age_days=5000),
    ]
    assert expired(ImageLifecycle().policy(), images, more=MOST_IMAGES) == {"sha256:old"}


def test_the_platforms_of_a_release_stay_and_those_of_a_list_that_goes_go():
    images = [
        Image("sha256:arm", age_days=900),
        Image("sha256:intel", age_days=900),
        Image("sha256:lost", age_days=900),
        Image("sha256:list", frozenset({"v1"}), 900, frozenset({"sha256:arm", "sha256:intel"})),
    ]
    assert expired(PULL_REQUESTS.policy(), images) == {"sha256:lost"}


def test_a_release_whose_only_tag_moved_on_stays_only_when_nothing_without_a_tag_expires():
    """Why an ImageRepository refuses moving_tags otherwise."""
    live = Image("sha256:live", age_days=31)  # `latest` was its only tag, and is another image's by now
    assert expired(ImageLifecycle().policy(), [live]) == {"sha256:live"}
    kept = ImageLifecycle(throw_away=["pr-"], releases=["v*"], untagged_after=None)
    assert expired(kept.policy(), [live]) == set()


def test_nothing_expires_when_nothing_may():
    assert ImageLifecycle(untagged_after=None).policy() == {"rules": []}


def test_spans_of_the_cdk_are_taken_too():
    policy = ImageLifecycle(untagged_after=Duration.days(7)).policy()
    assert policy["rules"][0]["selection"]["countNumber"] == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"throw_away": "pr-"}, r"throw_away is 'pr-': give a list"),
        ({"releases": "v*"}, r"releases is 'v\*': give a list"),
        ({"throw_away": ["pr-*"], "releases": ["v*"]}, r"throw_away has 'pr-\*': give the beginning of a tag without"),
        ({"throw_away": [""], "releases": ["v*"]}, "throw_away has ''"),
        ({"throw_away": ["-pr"], "releases": ["v*"]}, "throw_away has '-pr'"),
        ({"throw_away": ["pr-", "pr-"], "releases": ["v*"]}, "give each once"),
        ({"throw_away": ["pr-"], "releases": ["v*", "v*"]}, "give each once"),
        ({"throw_away": ["pr-"]}, "has no releases: an image may have a throw-away tag and a release's"),
        ({"releases": ["v*"]}, "has no throw_away"),
        ({"throw_away": ["pr-"], "releases": ["a*b*c*d*e*"]}, "with up to 4"),
        ({"throw_away": ["pr-"], "releases": ["v 1"]}, "releases has 'v 1'"),
        ({"throw_away": ["pr-"], "releases": [""]}, "releases has ''"),
        ({"throw_away": ["pr-"], "releases": ["*"]}, r"throw_away 'pr-' may begin a tag of releases '\*'"),
        ({"throw_away": ["pr-"], "releases": ["pr-final-*"]}, "may begin a tag of releases"),
        ({"throw_away": ["v-dev-"], "releases": ["v*"]}, "throw_away 'v-dev-' may begin a tag of releases"),
        ({"throw_away": ["pr-"], "releases": ["pr-1"]}, "may begin a tag of releases"),
        ({"untagged_after": timedelta(hours=36)}, "untagged_after is 1 day, 12:00:00: give whole days"),
        ({"untagged_after": timedelta()}, "give whole days, at least one"),
        ({"throw_away_after": timedelta(hours=1)}, "throw_away_after is 1:00:00: give whole days"),
        (
            {"throw_away": [f"p{number}-" for number in range(49)], "releases": ["v*"]},
            "has 50 tags: a policy has at most 50 rules",
        ),
    ],
)
def test_what_could_expire_a_release_or_ecr_would_refuse_is_refused(options: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        ImageLifecycle(**options)


def test_a_release_without_any_wildcard_may_share_its_first_letters_with_nothing():
    assert ImageLifecycle(throw_away=["pr-"], releases=["p"]).policy()["rules"][0]["selection"]["tagPatternList"] == [
        "p"
    ]
