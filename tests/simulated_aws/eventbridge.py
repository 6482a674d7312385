"""Amazon EventBridge: what was put onto the bus."""

import json
from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient

_MOST_ENTRIES = 10


class EventBridge(SimulatedClient):
    """The client. `sent` holds the entries, with their details parsed. rejects: refuse every entry of every call."""

    service = "events"
    failure = "InternalException"
    exceptions = Exceptions({"InternalException": "InternalException"})
    allowed: ClassVar = {"PutEvents": {"Entries"}}

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.sent: list[Answer] = []
        self.rejects = False

    def put_events(self, **arguments: object) -> Answer:
        return self._serve("PutEvents", arguments, self._put_events)

    def _put_events(self, arguments: Answer) -> Answer:
        entries = arguments["Entries"]
        if not 1 <= len(entries) <= _MOST_ENTRIES:
            raise self.error("PutEvents", "ValidationException", f"{len(entries)} entries: 1 to 10 are allowed")
        if self.rejects:
            refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "the bus is busy"}
            return {"FailedEntryCount": len(entries), "Entries": [refused for _ in entries]}
        answers = []
        for entry in entries:
            try:
                detail = json.loads(entry["Detail"])
            except ValueError:
                answers.append({"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."})
                continue
            self.sent.append({**entry, "Detail": detail})
            answers.append({"EventId": f"event-{len(self.sent)}"})
        return {"FailedEntryCount": sum("ErrorCode" in one for one in answers), "Entries": answers}
