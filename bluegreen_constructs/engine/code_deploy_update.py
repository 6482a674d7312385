"""A stack update that has a new task definition rolled out by CodeDeploy, and waits for its end; pure.

What it has done is read again from CodeDeploy at each look, by the deployment's description: an event that is delivered
twice, a call that had its effect without an answer, and a function that starts anew all find the same deployment.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from .code_deployments import (
    LONGEST_DESCRIPTION,
    CodeDeployments,
    CodeDeploymentSeen,
    DeploymentHeldError,
    DeploymentOverError,
)
from .errors import AwsError, ConfigurationError
from .spans import in_words

# CloudFormation waits an hour. What has not ended by then is taken back a little earlier, and the update told so.
LONGEST_UPDATE = timedelta(minutes=56)
# CodeDeploy makes the deployment that takes another one back a moment after that one has ended.
_ROLLBACK_BEGINS = timedelta(seconds=60)
_MOST_LOOKED_AT = 10
_MOST_FAILURES = 5
_SAYS = "bluegreen stack update"
_OVER = re.compile(r": (?P<brought>[^ ]+) over (?P<replaced>[^ ]+), of ")


class LiveTaskSets(Protocol):
    """Amazon ECS, for the task set that serves."""

    def task_definition(self, cluster: str, service: str) -> str:
        """The revision (its ARN) of the service's PRIMARY task set. One call: DescribeServices. Raises AwsError."""


class UpdateFailedError(AwsError):
    """The update cannot end well."""


@dataclass(frozen=True, slots=True)
class WantedDeployment:
    """What the custom resource's properties say; `former` is the task definition of those before (empty: unknown)."""

    application: str
    group: str
    cluster: str
    service: str
    task_definition: str
    app_spec: str
    former: str = ""

    @property
    def undoes(self) -> bool:
        """Whether the stack goes back: each edit registers a revision, so that only the way back has a lower number."""
        family, _, revision = self.task_definition.rpartition(":")
        former_family, _, former = self.former.rpartition(":")
        return family == former_family and revision.isdigit() and former.isdigit() and int(revision) < int(former)

    def bringing(self, task_definition: str) -> str:
        """The AppSpec with this task definition in the place of the wanted one."""
        return self.app_spec.replace(self.task_definition, task_definition)

    @staticmethod
    def of(properties: Mapping[str, object], former: Mapping[str, object]) -> "WantedDeployment":
        """Raises ConfigurationError for properties that the construct does not write."""
        names = ("Application", "DeploymentGroup", "Cluster", "Service", "TaskDefinition", "AppSpec")
        values = [properties.get(name) for name in names]
        for name, value in zip(names, values, strict=True):
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"the properties have no {name}: deploy the stack with this version again")
        application, group, cluster, service, task_definition, app_spec = map(str, values)
        before = str(former.get("TaskDefinition") or "")
        return WantedDeployment(application, group, cluster, service, task_definition, app_spec, before)


@dataclass(frozen=True, slots=True)
class Requester:
    """Which resource of which stack asks, and with which request."""

    stack_id: str
    logical_id: str
    request_id: str

    @property
    def _resource(self) -> str:
        return hashlib.sha256(f"{self.stack_id} {self.logical_id}".encode()).hexdigest()[:12]

    def describes(self, brings: str, live: str) -> str:
        """What a deployment of this request says about itself: in whose place it comes, too."""
        stack = self.stack_id.split("/")[1] if "/" in self.stack_id else self.stack_id
        said = f"{_SAYS} {self._resource} {self.request_id}: {_name(brings)} over {_name(live)}, of {stack}"
        return said[:LONGEST_DESCRIPTION]

    def made(self, seen: CodeDeploymentSeen) -> bool:
        """Whether the deployment is this request's."""
        return seen.description.startswith(f"{_SAYS} {self._resource} {self.request_id}")

    def made_before(self, seen: CodeDeploymentSeen) -> bool:
        """Whether it is one of another request of the same resource, such as of the update that is taken back."""
        return seen.description.startswith(f"{_SAYS} {self._resource} ") and not self.made(seen)


class StackUpdate:
    """One update: each `look` does what can be done now, and says in words when it has ended well."""

    def __init__(
        self,
        wanted: WantedDeployment,
        requester: Requester,
        *,
        deployments: CodeDeployments,
        live: LiveTaskSets,
        began: datetime,
        following: str = "",
    ) -> None:
        """Look after what is `wanted`, since `began`. following: the id of its deployment, if it is known."""
        self._wanted, self._requester = wanted, requester
        self._deployments, self._live = deployments, live
        self._began = began
        self._failures = 0
        self.following = following

    def look(self, now: datetime) -> str:
        """What was done, once it has ended well; empty while it has not.

        Raises UpdateFailedError when it ends otherwise.
        """
        try:
            done = self._follow(now) if self.following else self._begin(now)
        except UpdateFailedError:
            raise
        except AwsError as error:
            self._failures += 1
            # A deployment that is under way is not left alone because CodeDeploy does not answer.
            if not self.following and self._failures >= _MOST_FAILURES:
                raise UpdateFailedError(f"no deployment could be started: {error}") from error
            done = ""
        else:
            self._failures = 0
        if not done and now - self._began >= LONGEST_UPDATE:
            self._give_up()
        return done

    def _begin(self, now: datetime) -> str:
        wanted, requester = self._wanted, self._requester
        latest = self._deployments.latest(wanted.application, wanted.group, _MOST_LOOKED_AT)
        own = next((seen for seen in latest if requester.made(seen)), None)
        if own is not None:
            self.following = own.id
            return self._follow(now)
        in_flight = [seen for seen in latest if seen.is_in_flight]
        former = next((seen for seen in in_flight if requester.made_before(seen)), None)
        if former is not None:
            # The stack goes back, or on, and its former release with it: not to be promoted behind its back.
            self._stop(former.id)
            return ""
        if any(seen.is_rollback for seen in in_flight) or any(_goes_back_soon(seen, now) for seen in latest[:1]):
            return ""
        live = self._live.task_definition(wanted.cluster, wanted.service)
        if live == wanted.task_definition:
            return "the task definition is live already, nothing was deployed"
        if wanted.undoes and live != wanted.former:
            # CodeDeploy has taken the update's deployment back already; what is live now, somebody else has brought.
            return f"{_name(live)} is live, which the update did not bring: nothing was deployed"
        if wanted.undoes and in_flight:
            # A stack that cannot go back is stuck, and whoever deploys just now knows what is to be live.
            return f"deployment {in_flight[0].id} is under way, which is not this stack's: nothing was deployed"
        if in_flight:
            raise UpdateFailedError(
                f"deployment {in_flight[0].id} of {wanted.group} is {in_flight[0].status} since "
                f"{in_flight[0].created_at:%Y-%m-%d %H:%M} UTC: wait for its end or stop it, then deploy again"
            )
        brings = self._replaced(latest) if wanted.undoes else wanted.task_definition
        try:
            self.following = self._deployments.create(
                wanted.application, wanted.group, wanted.bringing(brings), requester.describes(brings, live)
            )
        except DeploymentHeldError:
            return ""  # the next look finds out whose is in the way
        return ""

    def _replaced(self, latest: Sequence[CodeDeploymentSeen]) -> str:
        """What the update that is undone took the place of; it need not be what the template says."""
        wanted = self._wanted
        for found in (_OVER.search(seen.description) for seen in latest if self._requester.made_before(seen)):
            if found is not None and found["brought"] == _name(wanted.former):
                return f"{wanted.task_definition.rpartition('/')[0]}/{found['replaced']}"
        return wanted.task_definition

    def _follow(self, now: datetime) -> str:
        seen = self._deployments.deployment(self.following)
        if seen.is_in_flight or _goes_back_soon(seen, now):
            return ""
        if seen.status == "Succeeded":
            return f"deployment {seen.id} succeeded"
        why = f"deployment {seen.id} is {seen.status}: {seen.error or 'CodeDeploy gives no reason'}"
        if not seen.rolled_back_by:
            raise UpdateFailedError(f"{why}; nothing takes it back (CodeDeploy rollback_on)")
        back = self._deployments.deployment(seen.rolled_back_by)
        if back.is_in_flight:
            return ""
        raise UpdateFailedError(f"{why}; {back.id} took it back and is {back.status}")

    def _give_up(self) -> None:
        lasted = in_words(LONGEST_UPDATE)
        if not self.following:
            raise UpdateFailedError(f"within {lasted} no deployment could be started: deploy again")
        try:
            self._stop(self.following)
        except AwsError as error:
            raise UpdateFailedError(
                f"deployment {self.following} did not end within {lasted}, and could not be stopped: {error}"
            ) from error
        raise UpdateFailedError(
            f"deployment {self.following} did not end within {lasted} of the hour that CloudFormation waits: it is "
            "taken back; deploy longer plans by a pipeline or `bluegreen start`"
        )

    def _stop(self, id: str) -> None:
        try:
            self._deployments.stop(id)
        except DeploymentOverError:
            return


def _name(task_definition: str) -> str:
    """`family:revision` of an ARN."""
    return task_definition.rpartition("/")[2]


def _goes_back_soon(seen: CodeDeploymentSeen, now: datetime) -> bool:
    """Whether CodeDeploy is about to take it back: it ended a moment ago, and nothing does so yet."""
    if seen.status not in {"Failed", "Stopped"} or seen.is_rollback or seen.rolled_back_by or not seen.goes_back_on:
        return False
    return seen.finished_at is not None and now - seen.finished_at < _ROLLBACK_BEGINS
