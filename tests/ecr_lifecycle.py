"""A model of how Amazon ECR evaluates a lifecycle policy, after its page, without what ECR does about storage classes.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MOST_IMAGES = 100_000
"""Of a repository.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""


@dataclass(frozen=True)
class Image:
    """One image: its tags, how many days ago it was pushed, and of how many manifest lists it is a part."""

    digest: str
    tags: frozenset[str] = frozenset()
    age_days: int = 0
    parts: frozenset[str] = frozenset()


def expired(policy: Mapping[str, Sequence[Mapping]], images: Sequence[Image], more: int = 0) -> set[str]:
    """The digests that one evaluation expires.

    more: as many younger images are there that every rule matches: what a rule counts may be anything.
    """
    rules = sorted(policy["rules"], key=lambda rule: rule["rulePriority"])
    _check(rules)
    # "An image that matches the tagging requirements of a rule cannot be expired by a rule with a lower priority."
    first = {
        image.digest: next((rule for rule in rules if _selects(rule["selection"], image)), None) for image in images
    }
    # "Rules can never mark images that are marked by higher priority rules, but can still identify them."
    marked = {
        image.digest
        for image in images
        for rule in [first[image.digest]]
        if rule is not None and _expires(rule["selection"], image, images, more)
    }
    # "If an image is referenced by a manifest list, it cannot be expired [...] without the manifest list being deleted
    # [...] first."
    kept_lists = [image for image in images if image.digest not in marked]
    held = {part for image in kept_lists for part in image.parts}
    return marked - held


def _check(rules: Sequence[Mapping]) -> None:
    """What Amazon ECR refuses."""
    priorities = [rule["rulePriority"] for rule in rules]
    assert len(set(priorities)) == len(priorities)
    assert len(rules) <= 50
    assert sum(rule["selection"]["tagStatus"] == "untagged" for rule in rules) <= 1
    for rule in rules:
        selection = rule["selection"]
        assert rule["action"] == {"type": "expire"}
        assert selection["countNumber"] >= 1
        lists = [selection[key] for key in ("tagPrefixList", "tagPatternList") if key in selection]
        assert len(lists) == (selection["tagStatus"] == "tagged")
        for patterns in lists:
            assert patterns
            assert all(pattern.count("*") <= 4 for pattern in patterns)
        assert ("countUnit" in selection) == (selection["countType"] == "sinceImagePushed")


def _selects(selection: Mapping, image: Image) -> bool:
    match selection["tagStatus"]:
        case "untagged":
            return not image.tags
        case "any":
            return True
    # "If you specify multiple tags, only the images with all specified tags are selected."
    patterns = selection.get("tagPatternList") or [f"{prefix}*" for prefix in selection["tagPrefixList"]]
    return all(any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in patterns)


def _expires(selection: Mapping, image: Image, images: Sequence[Image], more: int) -> bool:
    if selection["countType"] == "sinceImagePushed":
        return image.age_days > selection["countNumber"]
    younger = [one for one in images if _selects(selection, one) and one.age_days < image.age_days]
    return len(younger) + more >= selection["countNumber"]
