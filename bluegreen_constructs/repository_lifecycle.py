"""ImageLifecycle: which images of a repository expire by themselves, and why a release is never one of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")
_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}")
_MOST_WILDCARDS = 4
_MOST_RULES = 50
# More images than a repository holds (100,000 by default): a rule that expires what is beyond never does.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
_NEVER = 999_999


@dataclass(frozen=True)
class ImageLifecycle:
    """What expires by itself; an image that was pushed with a tag of a release never does.

    Amazon ECR knows tags, ages and counts, and not what is deployed where; "the last 30 images" would take away a
    release that is live but old, and with it the way back. So releases stay, and cost storage: delete them by hand when
    nobody goes back to them any more. Two things expire:

    - Images without a tag. Where every tag is immutable none of them was ever tagged: a tag cannot move to another
      image, and whoever deletes the last one deletes the image. A tag that may move leaves a release without one, so an
      `ImageRepository` takes `moving_tags` only with `untagged_after=None`. Images that a tagged index of several
      platforms consists of are kept by Amazon ECR. A digest that is released without ever having had a tag does expire.
    - Images with a throw-away tag, such as those of pull requests. An image may have such a tag and a release's as
      well, when two builds come to the same; `releases` says which tags those are, and keeps it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html

    throw_away: the beginnings of tags, such as `pr-`; default: none. throw_away_after: so long after they were pushed
        (default 14 days).
    releases: the tags of releases, with `*` for anything: `v*`; needed with throw_away, and only then.
    untagged_after: how long after it was pushed an image without a tag expires (default 30 days; None: never).

    Raises ConfigurationError for tags that Amazon ECR has not, times that are no whole days, a throw-away tag that may
    be a release's, and for throw_away without releases.
    """

    throw_away: Sequence[str] = ()
    throw_away_after: Span = timedelta(days=14)
    releases: Sequence[str] = ()
    untagged_after: Span | None = timedelta(days=30)

    def __post_init__(self) -> None:
        """Refuse what Amazon ECR would refuse, and what could expire a release."""
        for name in ("throw_away", "releases"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise ConfigurationError(f"ImageLifecycle {name} is {given!r}: give a list, [{given!r}]")
            if len(set(given)) < len(given):
                raise ConfigurationError(f"ImageLifecycle {name} has {', '.join(given)}: give each once")
        for prefix in self.throw_away:
            if not _PREFIX.fullmatch(prefix):
                raise ConfigurationError(
                    f"ImageLifecycle throw_away has {prefix!r}: give the beginning of a tag without *, such as 'pr-'"
                )
        for pattern in self.releases:
            if not _PATTERN.fullmatch(pattern) or pattern.count("*") > _MOST_WILDCARDS:
                raise ConfigurationError(
                    f"ImageLifecycle releases has {pattern!r}: give tags with up to {_MOST_WILDCARDS} *, such as 'v*'"
                )
        if bool(self.throw_away) != bool(self.releases):
            missing = "releases" if self.throw_away else "throw_away"
            raise ConfigurationError(
                f"ImageLifecycle has no {missing}: an image may have a throw-away tag and a release's, so give both, "
                "throw_away=['pr-'] with releases=['v*']"
            )
        if len(self.throw_away) + len(self.releases) >= _MOST_RULES:
            raise ConfigurationError(
                f"ImageLifecycle has {len(self.throw_away) + len(self.releases)} tags: a policy has at most "
                f"{_MOST_RULES} rules, one for each and one for images without a tag, so give fewer"
            )
        self._refuse_overlaps()
        _days(self.throw_away_after, "throw_away_after")
        if self.untagged_after is not None:
            _days(self.untagged_after, "untagged_after")

    def _refuse_overlaps(self) -> None:
        for pattern in self.releases:
            known = pattern.split("*")[0]
            for prefix in self.throw_away:
                if known.startswith(prefix) or ("*" in pattern and prefix.startswith(known)):
                    raise ConfigurationError(
                        f"ImageLifecycle throw_away {prefix!r} may begin a tag of releases {pattern!r}: give releases "
                        "that begin otherwise"
                    )

    def policy(self) -> dict[str, list[dict[str, object]]]:
        """The policy as Amazon ECR takes it; without a rule when nothing expires.

        An image that a rule's tags match is expired by no rule after it, whether that rule expires it or not; so the
        rules of releases come first, each with one pattern, for an image has to match all that one rule has.
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
        """
        rules = [_tagged("tagPatternList", pattern, "keep releases", **_count(_NEVER)) for pattern in self.releases]
        after = _age(_days(self.throw_away_after, "throw_away_after"))
        rules += [_tagged("tagPrefixList", prefix, "expire what is thrown away", **after) for prefix in self.throw_away]
        if self.untagged_after is not None:
            age = _age(_days(self.untagged_after, "untagged_after"))
            rules.append({"description": "expire what never had a tag", "selection": {"tagStatus": "untagged", **age}})
        return {
            "rules": [
                {"rulePriority": number, **rule, "action": {"type": "expire"}}
                for number, rule in enumerate(rules, start=1)
            ]
        }


def _tagged(by: str, tag: str, description: str, **further: object) -> dict[str, object]:
    return {"description": f"{description} ({tag})", "selection": {"tagStatus": "tagged", by: [tag], **further}}


def _count(number: int) -> dict[str, object]:
    return {"countType": "imageCountMoreThan", "countNumber": number}


def _age(days: int) -> dict[str, object]:
    return {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}


def _days(given: Span, name: str) -> int:
    span = as_timedelta(given, f"ImageLifecycle {name}")
    if span < timedelta(days=1) or span % timedelta(days=1):
        raise ConfigurationError(f"ImageLifecycle {name} is {span}: give whole days, at least one")
    return span.days
