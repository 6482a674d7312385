"""A release that is a launch template version: a number, which means another release on the other side."""

from .ports import RefusedError, ReleaseRecord
from .release import Release
from .target_settings import Compute, Side, TargetSettings, other


def require_own_number(
    settings: TargetSettings,
    release: Release,
    goes_to: Side,
    *,
    known: ReleaseRecord | None,
    is_live: bool,
    is_expedited: bool,
) -> None:
    """Refuse a release that an Auto Scaling side cannot run, or whose number was meant for the other side.

    Each side has a launch template of its own, and the engine makes versions of the one that gets a release: after a
    few of them a number is one release here and another one there. What an operator gives as a version is their word
    for a rollout that is judged. A way back is not judged, and a name that is taken for a number says no side.

    goes_to: the side that is to run it. known: what is remembered of the release (None: nothing). is_live: whether the
    live side runs it. is_expedited: whether it is a way back.

    Raises ConfigurationError for a release that says neither version, image, nor name; RefusedError for the other
    side's number. A record of an engine that kept no side goes on as it did.
    """
    side = settings.side(goes_to)
    if side.compute is not Compute.AUTO_SCALING:
        return
    number = release.template_version(side.auto_scaling_group, named=side.named)
    if not number or (release.version and not is_expedited):
        return
    of = None if known is None else known.side
    if of is None and is_live:
        of = other(goes_to)
    if of is None or of == goes_to:
        return
    way = "a way back is not judged" if is_expedited else "its name alone does not say whose it is"
    remedy = f"start it with --release {release.name} and, as --version, its number on {goes_to}"
    raise RefusedError(
        f"version {number} of release {release.name} is of {of}'s launch template, and the release goes to {goes_to}, "
        f"where {number} is another version: {way}, so {remedy}"
    )
