"""The warm-up of a candidate's tasks: who is asked what, and when a task is warm. Pure.

A redirect is no warm answer: it is what a framework says before the application does, such as the one to https.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from .errors import ConfigurationError

LONGEST_SECONDS = 90.0
"""The longest that one invocation asks."""

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class WarmUpPlan:
    """What one invocation is asked with.

    targets: address and port of each task. host, scheme: as production's requests will say them. path: what is asked.
    least, most: the statuses of a warm answer. in_a_row: how many of them in a row. timeout_seconds: for all of it.
    """

    targets: Sequence[tuple[str, int]]
    path: str
    host: str = ""
    scheme: str = "https"
    least: int = 200
    most: int = 299
    in_a_row: int = 3
    timeout_seconds: float = LONGEST_SECONDS

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of a request by the load balancer, so that the application answers as it will answer users."""
        named = {"Host": self.host} if self.host else {}
        return {**named, "X-Forwarded-Proto": self.scheme, "User-Agent": "bluegreen-warm-up"}

    @staticmethod
    def from_details(details: Mapping[str, object]) -> "WarmUpPlan":
        """The plan in a hook's details. Raises ConfigurationError for what is none."""
        try:
            targets = [(str(one[0]), int(one[1])) for one in cast("Sequence[tuple[str, int]]", details["targets"])]
            plan = WarmUpPlan(
                targets=targets,
                path=str(details["path"]),
                host=str(details.get("host") or ""),
                scheme=str(details.get("scheme") or "https"),
                least=int(str(details.get("least", 200))),
                most=int(str(details.get("most", 299))),
                in_a_row=int(str(details.get("in_a_row", 3))),
                timeout_seconds=min(float(str(details.get("timeout_seconds", LONGEST_SECONDS))), LONGEST_SECONDS),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the warm-up cannot be read ({type(error).__name__}: {error}): give targets and path"
            ) from None
        if not plan.path.startswith("/") or any(one.isspace() for one in plan.path + plan.host):
            raise ConfigurationError(f"the warm-up asks for {plan.path!r} of {plan.host!r}: start the path with /")
        return plan


@dataclass(frozen=True, slots=True)
class WarmUpAnswer:
    """What a task answered. status: None when it gave no answer; body: the end of it, or why there is none."""

    status: int | None
    body: str = ""


@dataclass(frozen=True, slots=True)
class TaskWarmth:
    """How warm one task is: so many good answers in a row, and what the last bad one was."""

    target: tuple[str, int]
    streak: int = 0
    trouble: str = ""

    def after(self, answer: WarmUpAnswer, plan: WarmUpPlan) -> "TaskWarmth":
        """The warmth after one more answer."""
        if answer.status is not None and plan.least <= answer.status <= plan.most:
            return replace(self, streak=self.streak + 1)
        address, port = self.target
        said = "gave no answer" if answer.status is None else f"answered {answer.status}"
        text = " ".join(answer.body.split())[-_SHOWN:]
        return replace(self, streak=0, trouble=f"task {address}:{port} {said}{f': {text}' if text else ''}")

    def is_warm(self, plan: WarmUpPlan) -> bool:
        """Whether the answers were good often enough."""
        return self.streak >= plan.in_a_row

    def objection(self, plan: WarmUpPlan) -> str:
        """Why the task is not warm, in one sentence; empty when it is."""
        if self.is_warm(plan):
            return ""
        address, port = self.target
        return self.trouble or f"task {address}:{port} answered well {self.streak} times, not {plan.in_a_row}, in time"


def warm_up_failure(tasks: Sequence[TaskWarmth], plan: WarmUpPlan) -> str:
    """Why the candidate is not warm; empty when every task is. Without tasks nothing is: no data is no evidence."""
    if not tasks:
        return "there is no task to warm up"
    objections = [found for task in tasks if (found := task.objection(plan))]
    if len(objections) < 2:
        return "".join(objections)
    return f"{objections[0]} (and {len(objections) - 1} of {len(tasks)} tasks more are not warm)"
