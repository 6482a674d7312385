"""Which CloudWatch alarms ring now, read by real calls."""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ...engine.errors import RehearsalError
from .deployment_plan import mappings

_MAX_ALARMS = 100  # DescribeAlarms takes 100 names a call
_ALARM_TRIES = 5  # on top of the client's own
_ALARM_PAUSE = 0.5  # real seconds between them


class AlarmClient(Protocol):
    """The method of boto3's cloudwatch client that is used."""

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str) -> Mapping[str, object]: ...  # noqa: N803


class AlarmStates:
    """The alarms of one account. `sleep` takes real seconds."""

    def __init__(self, client: AlarmClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        """DescribeAlarms; an alarm that does not exist does not ring.

        Raises RehearsalError after some tries: alarms that cannot be read are no alarms that are silent.
        """
        found: set[str] = set()
        for start in range(0, len(names), _MAX_ALARMS):
            answer = self._page(names[start : start + _MAX_ALARMS])
            for kind in ("MetricAlarms", "CompositeAlarms"):
                # The state is looked at here too: a filter that the emulator ignored must not roll back.
                found.update(str(a["AlarmName"]) for a in mappings(answer.get(kind)) if a.get("StateValue") == "ALARM")
        return frozenset(found & set(names))

    def _page(self, names: tuple[str, ...]) -> Mapping[str, object]:
        """One page of DescribeAlarms. The deployment stands still meanwhile: it must not go on unwatched."""
        for tries in itertools.count(1):
            try:
                return self._client.describe_alarms(AlarmNames=list(names), StateValue="ALARM")
            except (ClientError, BotoCoreError) as error:
                if tries >= _ALARM_TRIES:
                    raise RehearsalError(
                        f"the alarms {', '.join(names)} could not be read {tries} times in a row: {error}"
                    ) from error
                self._sleep(_ALARM_PAUSE)
        raise AssertionError("counts without end")
