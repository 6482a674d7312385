"""The beginning of a rollout: who may begin one, on which side, with which release; then the lock and the tags."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .already_live import ALREADY_LIVE, is_live_already
from .lifecycle import Phase
from .numbered_release import require_own_number
from .observation import SOON
from .phases import QUIET_MINUTES
from .ports import (
    Command,
    Executions,
    HeldError,
    HistoryItem,
    LostLockError,
    RefusedError,
    ReleaseRecord,
    RuleSeen,
    SettingsSource,
    Store,
    WeightedRules,
)
from .rollout import Note, Rollout
from .rule_tags import RuleTags, tags_for
from .start_request import StartRequest
from .target_settings import Side, TargetSettings, other
from .telling import FIRST_RELEASE, history_item
from .tick_answer import TickAnswer, answer_of
from .weights import authentication_in, is_forward_only, share_of


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is needed to begin a rollout."""

    source: SettingsSource
    store: Store
    rules: WeightedRules
    executions: Executions

    def begin(self, request: StartRequest, now: datetime) -> TickAnswer:
        """Take the target's lock for a new rollout; the same request again answers the same.

        A request that is unneeded when its release is live, and it is, is answered as promoted and begins nothing.

        Raises HeldError while another rollout holds the target, RefusedError when a safety rule is against it,
        ConfigurationError for a target that does not exist, AwsError when a call fails (the request can be repeated).
        """
        try:
            return self._begun(request, now)
        except (HeldError, RefusedError) as error:
            item = HistoryItem(now, "REFUSED", request.rollout, request.release.name, request.caller, str(error))
            self.store.record(request.target, item)
            raise

    def _begun(self, request: StartRequest, now: datetime) -> TickAnswer:
        settings = self.source.of(request.target)
        if settings.controller == "ecs":
            raise RefusedError(
                f"Amazon ECS rolls out {request.target}, not the engine: change its image or its settings and run cdk "
                "deploy"
            )
        if settings.controller == "slots":
            raise RefusedError(
                f"{request.target} has slots and no rollout: deploy to one with bluegreen slots deploy, and swap it "
                "with bluegreen slots swap"
            )
        if settings.controller == "codedeploy":
            raise RefusedError(
                f"AWS CodeDeploy deploys {request.target}, not the engine: bluegreen start asks it for a deployment"
            )
        former = self.store.load(request.target)
        if former is not None and former.id == request.rollout:
            self._tag(former)
            return answer_of(former, timedelta(seconds=1))
        seen = self.rules.read(settings.rule_arn)
        known = self._known(request)
        if request.is_unneeded_when_live and is_live_already(request, settings, former, known, seen):
            return self._unneeded(request, now)
        unlock = self._require_free(former, request, seen, now)
        _require_welcome(request, known, "" if former is None else former.leaves)
        live = _live_side(settings, seen)
        leaves = _live_release(former, live)
        require_own_number(
            settings,
            request.release,
            other(live),
            known=known,
            is_live=request.release.name == leaves,
            is_expedited=request.is_expedited,
        )
        targets = self.rules.targets(settings.side(live).group_arn)
        rollout = Rollout(
            id=request.rollout,
            settings=settings,
            release=request.release,
            live=live,
            fence=max(RuleTags.of(seen.tags).fence, 0 if former is None else former.fence) + 1,
            started_at=now,
            phase_since=now,
            execution=request.execution,
            caller=request.caller,
            reason=request.reason,
            needs=(targets.healthy or targets.registered) if targets.is_checked else 0,
            is_expedited=request.is_expedited,
            is_irreversible=request.is_irreversible,
            is_quarantined=request.is_quarantined,
            leaves=leaves,
            quiet=QUIET_MINUTES if _is_vacant(former, request) else 0,
            minimums=_held_minimums(former, live),
            authentication=tuple(authentication_in(seen.actions)),
            outbox=(Note(now, "STARTED", request.reason or "no reason given", request.caller, Phase.PREPARING.value),),
        )
        if former is not None:  # nobody tells these after it is replaced
            for note in former.outbox:
                self.store.record(request.target, history_item(former, note))
        try:
            rollout = self.store.begin(rollout, former)
        except LostLockError:
            latest = self.store.load(request.target)
            if latest is None or latest.id != request.rollout:
                raise HeldError(_held(latest or rollout)) from None
            rollout = latest
        self._tag(rollout, seen)
        self._remember(request, rollout.candidate, former, now)
        self.store.record(rollout.target, history_item(rollout, rollout.outbox[0]))
        if unlock is not None:
            self.store.done(request.target, unlock)
        return answer_of(rollout, SOON if rollout.is_expedited else timedelta(seconds=1))

    def _unneeded(self, request: StartRequest, now: datetime) -> TickAnswer:
        """Nothing is begun: no lock is taken and no rule is written, and the execution ends as a promotion's does."""
        said = request.reason or "it has all traffic already"
        item = HistoryItem(now, ALREADY_LIVE, request.rollout, request.release.name, request.caller, said)
        self.store.record(request.target, item)
        return TickAnswer(request.target, request.rollout, done=True, outcome=Phase.PROMOTED.value, wait_seconds=1)

    def _tag(self, rollout: Rollout, seen: RuleSeen | None = None) -> None:
        """From here on an abort needs nothing but the rule, and workers of earlier rollouts are fenced off."""
        seen = self.rules.read(rollout.settings.rule_arn) if seen is None else seen
        tags = RuleTags.of(seen.tags)
        latest = self.store.load(rollout.target)
        is_ours = latest is not None and (latest.id, latest.fence) == (rollout.id, rollout.fence)
        if is_ours and not tags.tell(rollout) and tags.fence <= rollout.fence:
            has_other_actions = not is_forward_only(seen.actions)
            self.rules.tag(rollout.settings.rule_arn, tags_for(rollout, has_other_actions=has_other_actions))

    def _require_free(
        self, former: Rollout | None, request: StartRequest, seen: RuleSeen, now: datetime
    ) -> Command | None:
        """Refuse while somebody holds the target; answers the unlock that this start uses up."""
        is_way_back = _is_way_back(former, request)
        is_quarantine = former is not None and former.has_ended and former.is_quarantined and not is_way_back
        if former is not None and is_quarantine and not request.ends_quarantine:
            raise RefusedError(
                f"the {former.out_of_use} side keeps release {_kept(former)} in quarantine since {_when(former)}: look "
                "at it, then start with --end-quarantine"
            )
        if former is None or former.is_tidied or former.is_kept:
            return None
        # The side that a rollback goes to still runs what it is to run: there is nothing to wait for.
        # Once that side was seen without requests, its scaling down may be on its way, and must come first.
        if is_way_back and former.quiet < QUIET_MINUTES:
            return None
        if self.executions.is_running(former.execution):
            raise HeldError(_held(former))
        if former.has_ended:
            return None
        share = share_of(seen.actions, former.live_side.group_arn, former.candidate_side.group_arn)
        if RuleTags.of(seen.tags).is_aborted(former.id) and share == 0:
            item = history_item(former, Note(now, "ENDED", "closed by the next start: the rule says it was aborted"))
            self.store.record(former.target, item)
            return None
        unlocks = [one for one in self.store.commands(former.target) if one.verb == "unlock"]
        unlock = next((one for one in unlocks if one.rollout == former.id), None)
        if unlock is None:
            raise HeldError(_left_behind(former))
        if share not in {0, 100}:
            raise RefusedError(
                f"rollout {former.id} was unlocked while its rule still splits traffic: run bluegreen abort "
                f"{former.target} first"
            )
        item = history_item(former, Note(now, "UNLOCKED", unlock.reason, unlock.caller))
        self.store.record(former.target, item)
        return unlock

    def _known(self, request: StartRequest) -> ReleaseRecord | None:
        records = self.store.releases(request.target)
        return next((one for one in records if one.release.name == request.release.name), None)

    def _remember(self, request: StartRequest, candidate: Side, former: Rollout | None, now: datetime) -> None:
        """What the beginning settles: the acceptance of a rejected release, a promotion that is superseded."""
        if former is not None and former.phase is Phase.PROMOTED and not former.is_tidied:
            promoted = ReleaseRecord(
                former.release,
                "promoted",
                former.phase_since,
                former.reason,
                former.caller,
                former.id,
                former.candidate,
            )
            self.store.remember(request.target, promoted)
        if request.accept_rejected:
            accepted = ReleaseRecord(
                request.release, "accepted", now, request.accept_rejected, request.caller, request.rollout, candidate
            )
            self.store.remember(request.target, accepted)


def _live_side(settings: TargetSettings, seen: RuleSeen) -> Side:
    share = share_of(seen.actions, settings.blue.group_arn, settings.green.group_arn)
    if share == 0:
        return "blue"
    if share == 100:
        return "green"
    given = "forwards to other target groups" if share is None else f"gives green {share:g} % of the traffic"
    raise RefusedError(
        f"the live rule of {settings.target} {given}, so that nobody can say which side is live: give one side all of "
        "it, with bluegreen abort or by hand"
    )


def _require_welcome(request: StartRequest, known: ReleaseRecord | None, leaves: str) -> None:
    """Refuse a release that was rejected, until somebody accepts it with a reason; no other one is expedited."""
    if request.is_expedited and known is None and request.release.name != leaves:
        raise RefusedError(
            f"release {request.release.name} was never live here, and a way back is not judged: start it as a "
            "rollout of its own"
        )
    if known is None or known.status != "rejected":
        return
    if not request.accept_rejected:
        raise RefusedError(
            f"release {known.release.name} was rejected at {known.at:%Y-%m-%d %H:%M} UTC ({known.reason}): start "
            "another one, or accept it with --accept-rejected and a reason"
        )


def _live_release(former: Rollout | None, live: Side) -> str:
    """What the live side runs: by the rule, whatever became of the former rollout."""
    if former is None:
        return FIRST_RELEASE
    return former.leaves if live == former.live else former.release.name


def _is_vacant(former: Rollout | None, request: StartRequest) -> bool:
    """Whether the candidate side is known to be without requests, or runs already what it is to run (I8)."""
    was_left = former is not None and (former.is_left_running or former.is_quarantined)
    is_drained = former is None or former.is_kept or (former.is_tidied and not was_left)
    return is_drained or _is_way_back(former, request)


def _is_way_back(former: Rollout | None, request: StartRequest) -> bool:
    """Whether a rollback goes to the side that served until now, which still runs what it is to run."""
    if former is None or former.phase is not Phase.PROMOTED:
        return False
    return request.is_expedited and request.release.name == former.leaves


def _kept(former: Rollout) -> str:
    return former.leaves if former.phase is Phase.PROMOTED else former.release.name


def _held_minimums(former: Rollout | None, live: Side) -> dict[Side, int]:
    """What the former rollout still had to put back when it was superseded: it is this one's duty now."""
    if former is None or former.is_tidied or former.kept_until is not None:
        return {}
    minimum = next(iter(former.minimums.values()), None)
    return {} if minimum is None else {live: minimum}


def _held(holder: Rollout) -> str:
    what = "is still draining the side out of use" if holder.has_ended else f"is {holder.phase.value}"
    paused = f", paused: {holder.hold.reason}" if holder.hold else ""
    return (
        f"rollout {holder.id} of release {holder.release.name} {what}{paused} since {_when(holder)}, started by "
        f"{holder.caller}: wait for it (bluegreen watch {holder.target}), or bluegreen abort {holder.target}"
    )


def _left_behind(holder: Rollout) -> str:
    target = holder.target
    return (
        f"rollout {holder.id} of release {holder.release.name} is {holder.phase.value} since {_when(holder)} and its "
        f"execution is over: bluegreen abort {target} gives live all traffic and closes it; if the rule is right as it "
        f"is, bluegreen unlock {target} --reason …"
    )


def _when(holder: Rollout) -> str:
    return f"{holder.phase_since:%Y-%m-%d %H:%M} UTC"
