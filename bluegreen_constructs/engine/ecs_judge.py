"""The judge of the deployments that Amazon ECS runs: answers its hooks, and looks every minute at what is in flight.

Every call can be the last one before a crash, can come twice, and can run beside another. Therefore the state is saved
before it is acted on or answered by (I5), each save takes the place of exactly the state that was loaded (I3), and
what could not be done is asked again: a call that fails is never an answer that lets a step pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .counts import Counts, series_of
from .ecs_admission import ECS, admission, begun
from .ecs_hook import ADMISSION, NEXT_STEP, HookCall, HookReply
from .ecs_judgement import (
    closed,
    gone_back,
    is_alarming,
    is_to_be_stopped,
    minutes_wanted,
    obeyed,
    remembered,
    replied,
    with_minutes,
    with_share,
    with_stage,
    with_verdict,
)
from .errors import AwsError, BlueGreenError, ConfigurationError
from .lifecycle import Phase
from .ports import (
    Command,
    DeploymentGoneError,
    Events,
    HistoryItem,
    LostLockError,
    Metrics,
    RefusedError,
    ReleaseRecord,
    SettingsSource,
    Store,
    VerdictMetric,
    Watched,
    WeightedRules,
)
from .release import Release
from .rollout import Rollout
from .service_deployments import DeploymentSeen, RevisionSeen, ServiceDeployments
from .settings_codec import settings_from_dict, settings_from_json
from .spans import in_words
from .target_settings import AlarmName, Side, TargetSettings, other
from .telling import Teller
from .weights import share_of

TROUBLE_TIME = timedelta(hours=1)
"""For how long a hook waits for AWS to answer the judge's calls; then ECS goes back, as nobody watches the step."""
MISTAKE_TIME = timedelta(minutes=10)
"""For how long a hook waits when something is not as it was deployed to be, which seldom mends itself."""

_SOON_SECONDS = 15
_AT_ONCE_SECONDS = 5
# A call of a hook that is still on its way may yet begin a rollout: a function runs for 15 minutes at most.
_LATE_CALL = timedelta(hours=1)
_BACK = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK})


@dataclass(frozen=True, slots=True)
class JudgePorts:
    """The world of the judge."""

    source: SettingsSource
    store: Store
    rules: WeightedRules
    metrics: Metrics
    deployments: ServiceDeployments
    events: Events
    verdicts: VerdictMetric


@dataclass(frozen=True, slots=True)
class Judge:
    """Answers the hooks of deployments, and looks at those in flight."""

    ports: JudgePorts

    def answer(self, call: HookCall, now: datetime) -> HookReply:
        """What a hook is told. Never raises: an exception would be read as FAILED, and a guess would be no answer."""
        try:
            match call.stage:
                case "PRE_SCALE_UP":
                    return self._admitted(call, now)
                case "PRE_PRODUCTION_TRAFFIC_SHIFT":
                    return self._judged(call, now)
            raise ConfigurationError(f"the hook is asked at {call.stage}: ask it at {ADMISSION} and {NEXT_STEP} only")
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing was shown
            return self._troubled(call, error, now)

    def look(self, now: datetime) -> Sequence[str]:
        """Look at every deployment in flight; answers what went wrong, which the next look does again."""
        troubles: list[str] = []
        try:
            watched = self.ports.store.watched()
        except AwsError as error:
            return [f"nobody knows what is in flight: {error}"]
        for one in watched:
            try:
                self._look_at(one, now)
            except LostLockError:
                continue  # a hook was faster, and has seen as much
            except Exception as error:  # noqa: BLE001  # one target's trouble is not the next one's
                troubles.append(f"{one.target}: {type(error).__name__}: {error}")
        return troubles

    def _troubled(self, call: HookCall, error: Exception, now: datetime) -> HookReply:
        """Asked again, until it is too long that nobody could look."""
        since = call.troubled_since or now
        why = str(error) if isinstance(error, BlueGreenError) else f"{type(error).__name__}: {error}"
        limit = TROUBLE_TIME if isinstance(error, AwsError | LostLockError) else MISTAKE_TIME
        if now < since + limit:
            delay = _AT_ONCE_SECONDS if isinstance(error, LostLockError) else _SOON_SECONDS
            return HookReply("IN_PROGRESS", why, delay, since)
        reply = HookReply("FAILED", f"could not be judged for {in_words(limit)}: {why}")
        try:
            item = HistoryItem(now, "REFUSED", call.rollout, "", ECS, reply.reason)
            self.ports.store.record(call.target, item)
        except AwsError:
            return reply  # the table may be what did not answer
        return reply

    # Admission

    def _admitted(self, call: HookCall, now: datetime) -> HookReply:
        ports = self.ports
        former = ports.store.load(call.target)
        if former is not None and former.execution == call.deployment:
            former = self._told(former)
            is_back = former.phase in _BACK
            return HookReply("FAILED", former.why_back) if is_back else HookReply("SUCCEEDED", "it has begun already")
        seen = ports.deployments.deployment(call.deployment)
        if seen.goes_back or not seen.is_in_flight:
            return HookReply("FAILED", f"the deployment is {seen.status}")
        if not seen.source:
            return self._let_pass(call, seen, "", "the first deployment of the service has nothing to be compared with")
        settings = self._settings(call)
        source, target = ports.deployments.revision(seen.source), ports.deployments.revision(seen.target)
        leaves = ports.deployments.release(source.task_definition, settings.blue.container)
        name = leaves
        if target.task_definition != source.task_definition:
            name = ports.deployments.release(target.task_definition, settings.blue.container)
        served = _served(leaves, former, seen)
        if name == served:
            return self._let_pass(call, seen, name, "it is the release that is live, as when CloudFormation goes back")
        live = self._live(settings, source, target)
        if former is not None and not former.has_ended:
            self._make_way(former, seen, now)
            former = ports.store.load(call.target)
        known = ports.store.releases(call.target)
        states = ports.metrics.alarm_states(call.alarms) if call.alarms else {}
        admitted = admission(call, name, states, known)
        if admitted.refusal:
            item = HistoryItem(seen.created_at, "REFUSED", call.rollout, name, ECS, admitted.refusal)
            ports.store.record(call.target, item)
            return HookReply("FAILED", admitted.refusal)
        release = Release(name, version=_revision(target))
        if admitted.accepted:
            accepted = ReleaseRecord(release, "accepted", now, admitted.accepted, ECS, call.rollout)
            ports.store.remember(call.target, accepted)
        if leaves == served and all(one.release.name != leaves for one in known):
            why = f"was live as {name} came"
            was = ReleaseRecord(Release(leaves, version=_revision(source)), "promoted", now, why, ECS, "")
            ports.store.remember(call.target, was)
        rollout = begun(
            call,
            settings,
            seen,
            admitted,
            release=release,
            live=live,
            leaves=leaves,
            fence=1 if former is None else former.fence + 1,
            now=now,
        )
        ports.store.watch(Watched(call.target, call.deployment))  # before it begins, so that none is lost
        self._told(ports.store.begin(rollout, former))
        return HookReply("SUCCEEDED", rollout.reason or f"release {name} may be tried")

    def _settings(self, call: HookCall) -> TargetSettings:
        """Those that came with the deployment; without any, those of now."""
        given = call.details.get("settings")
        if given is None:
            return self.ports.source.of(call.target)
        settings = (
            settings_from_json(given) if isinstance(given, str) else settings_from_dict(given, "the hook's settings")
        )
        if settings.target != call.target:
            raise ConfigurationError(f"the hook of {call.target} has the settings of {settings.target}: give its own")
        return settings

    def _let_pass(self, call: HookCall, seen: DeploymentSeen, name: str, why: str) -> HookReply:
        item = HistoryItem(seen.created_at, "NOT_JUDGED", call.rollout, name, ECS, why)
        self.ports.store.record(call.target, item)
        return HookReply("SUCCEEDED", why)

    def _live(self, settings: TargetSettings, source: RevisionSeen, target: RevisionSeen) -> Side:
        """The side that the former release is on, by the revisions; by the live rule when they do not say it."""
        live, candidate = settings.side_of(source.group_arn), settings.side_of(target.group_arn)
        if live is not None:
            return live
        if candidate is not None:
            return other(candidate)
        share = share_of(self.ports.rules.actions(settings.rule_arn), settings.blue.group_arn, settings.green.group_arn)
        if share not in {0, 100}:
            raise RefusedError(
                f"nobody can say which side of {settings.target} is live: its revision is in target group "
                f"{source.group_arn or '(not said)'}, which is none of its two"
            )
        return "blue" if share == 0 else "green"

    def _make_way(self, former: Rollout, seen: DeploymentSeen, now: datetime) -> None:
        """Close the rollout that this deployment takes the place of: a service has one deployment at a time."""
        try:
            was: DeploymentSeen | None = self.ports.deployments.deployment(former.execution)
        except DeploymentGoneError:
            was = None
        why = ""
        if was is not None and was.is_in_flight:
            if was.created_at >= seen.created_at:
                raise AwsError(f"deployment {was.arn} is newer than {seen.arn}, and in flight: this call comes late")
            why = f"deployment {seen.arn} took its place"
        self._closed(self._told(former), was, now, why)

    # The hook before each step

    def _judged(self, call: HookCall, now: datetime) -> HookReply:
        ports = self.ports
        rollout = ports.store.load(call.target)
        if rollout is None or rollout.execution != call.deployment:
            reply = self._admitted(call, now)
            rollout = ports.store.load(call.target)
            if reply.status != "SUCCEEDED" or rollout is None or rollout.execution != call.deployment:
                return reply
        loaded = self._told(rollout)
        if loaded.has_ended or loaded.phase in _BACK:
            return HookReply("FAILED", loaded.why_back or f"the rollout is {loaded.phase.value}")
        share = self._share(loaded)
        commands = ports.store.commands(call.target)
        rollout = self._with_evidence(with_share(loaded, share, now), now)
        rollout, reply = replied(obeyed(rollout, commands, now), share, now)
        self._saved(rollout, over=loaded)
        self._answered(call.target, commands)
        return reply

    # The look of every minute

    def _look_at(self, one: Watched, now: datetime) -> None:
        rollout = self.ports.store.load(one.target)
        if rollout is None or rollout.execution != one.execution:
            self._forget(one, now)
            return
        rollout = self._told(rollout)
        if not rollout.has_ended:
            rollout, seen = self._looked(rollout, now)
            self._publish(rollout, seen, now)
        if rollout.has_ended:
            self.ports.verdicts.publish(rollout.target, now, unhealthy=False)
            self.ports.store.unwatch(one)

    def _looked(self, rollout: Rollout, now: datetime) -> tuple[Rollout, DeploymentSeen | None]:
        """What became of the deployment, and what is known of the candidate now; saved."""
        seen: DeploymentSeen | None = None
        try:
            try:
                seen = self.ports.deployments.deployment(rollout.execution)
            except DeploymentGoneError:
                if now < rollout.started_at + _LATE_CALL:
                    raise  # it was known when the rollout began: ECS has not told all its servers yet
                return self._closed(rollout, None, now), None
            if not seen.is_in_flight:
                return self._closed(rollout, seen, now), seen
            if seen.goes_back:
                return self._saved(gone_back(rollout, seen, now), over=rollout), seen
            if rollout.phase is Phase.ROLLING_BACK:
                return rollout, seen
            return self._advanced(rollout, seen, now), seen
        except AwsError:
            # What is known already goes on being said.
            self._publish(rollout, seen, now)
            raise

    def _advanced(self, loaded: Rollout, seen: DeploymentSeen, now: datetime) -> Rollout:
        commands = self.ports.store.commands(loaded.target)
        rollout = with_stage(loaded, seen.stage, now)
        if rollout.judged is not None:  # before the first step is let in, nobody has met the candidate
            rollout = self._with_evidence(with_share(rollout, self._share(rollout), now), now)
        saved = self._saved(obeyed(rollout, commands, now), over=loaded)
        self._answered(loaded.target, commands)
        return saved

    def _publish(self, rollout: Rollout, seen: DeploymentSeen | None, now: datetime) -> None:
        """Tell ECS by the metric that its alarm watches; and by a call where no alarm is watched, or none is heard."""
        if rollout.has_ended:
            return
        try:
            self.ports.verdicts.publish(rollout.target, now, unhealthy=is_alarming(rollout, seen))
        except AwsError:
            if seen is not None and is_alarming(rollout, seen):
                self.ports.deployments.stop(rollout.execution)
            raise
        if seen is not None and is_to_be_stopped(rollout, seen, now):
            self.ports.deployments.stop(rollout.execution)

    def _forget(self, one: Watched, now: datetime) -> None:
        """A deployment whose rollout never began, or whose place another took: until no call of it can come."""
        try:
            seen = self.ports.deployments.deployment(one.execution)
        except DeploymentGoneError:
            self.ports.store.unwatch(one)
            return
        ended = seen.finished_at or seen.created_at
        if not seen.is_in_flight and now >= ended + _LATE_CALL:
            self.ports.store.unwatch(one)

    # Both

    def _share(self, rollout: Rollout) -> float | None:
        actions = self.ports.rules.actions(rollout.settings.rule_arn)
        return share_of(actions, rollout.live_side.group_arn, rollout.candidate_side.group_arn)

    def _with_evidence(self, rollout: Rollout, now: datetime) -> Rollout:
        """What CloudWatch says. Its silence is no evidence, and no reason to give up either (I4)."""
        if rollout.phase not in {Phase.SHIFTING, Phase.BAKING} or not rollout.applied:
            return rollout
        alarms, unasked = {}, ""
        try:
            wanted = minutes_wanted(rollout, now)
            if wanted is not None:
                values = self.ports.metrics.minutes(series_of(rollout.settings), *wanted)
                rollout = with_minutes(rollout, Counts(rollout.settings, values), wanted[1])
            names = [one.alarm for one in rollout.settings.guardrails if isinstance(one, AlarmName)]
            alarms = dict(self.ports.metrics.alarm_states(names)) if names else {}
        except AwsError as error:
            unasked = f"could not be asked: {error}"
        return with_verdict(rollout, alarms, unasked, now)

    def _closed(self, rollout: Rollout, seen: DeploymentSeen | None, now: datetime, why: str = "") -> Rollout:
        return self._saved(closed(rollout, seen, now, why), over=rollout)

    def _answered(self, target: str, commands: Sequence[Command]) -> None:
        for command in commands:
            self.ports.store.done(target, command)

    def _saved(self, rollout: Rollout, *, over: Rollout) -> Rollout:
        """Save what changed since `over`, whose notes are told, and tell the rest.

        A release that is settled is remembered first: after a crash in between, it is remembered again.
        """
        if rollout == over:
            return rollout
        record = remembered(rollout)
        if record is not None and record != remembered(over):
            self.ports.store.remember(rollout.target, record)
        return self._told(self.ports.store.save(rollout))

    def _told(self, rollout: Rollout) -> Rollout:
        """Tell what is noted, and save that it is told; a crash in between tells it twice."""
        if not rollout.outbox:
            return rollout
        Teller(self.ports).tell(rollout)
        return self.ports.store.save(replace(rollout, outbox=()))


def _served(leaves: str, former: Rollout | None, seen: DeploymentSeen) -> str:
    """The release that is live as this deployment begins: `leaves`, unless that is only being tried.

    A candidate has most of the traffic in its bake, and is what ECS names as the source then. Being tried does not make
    it live; the one before it still is, such as CloudFormation goes back to when an update is cancelled.
    """
    if former is None or former.release.name != leaves:
        return leaves
    had_ended = former.phase is Phase.PROMOTED or (former.has_ended and former.phase_since < seen.created_at)
    return leaves if had_ended else former.leaves


def _revision(seen: RevisionSeen) -> str:
    """The task definition's number within its family, by which a rollback finds it again."""
    number = seen.task_definition.rpartition(":")[2]
    return number if number.isdigit() else ""
