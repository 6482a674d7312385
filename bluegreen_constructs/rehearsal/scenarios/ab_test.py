"""ab-test: half of the users stay on a variant until somebody decides, and the report says what it has shown."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...engine.settings_codec import settings_to_dict
from ...engine.strategy import Split
from ...engine.target_settings import TargetSettings
from ..load import GoldenCase
from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import LoadMix, Session
from .canary_conditions import (
    answered_its_shares,
    by_operator_and_tick,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_seen import CanarySeen
from .canary_stage import Stage, on_stage
from .candidate_traffic import live_serves
from .sticky_clients import StickyClient, all_ask
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "3.0.0-bold"
PERCENT = 50.0
STICKINESS_SECONDS = 6 * 3600
CLIENTS = 16
LOOKS = 4
MINUTES = 4
# Messages that the model is unsure about. The variant is unsure about the last two of them only: by what it is made of,
# it asks back two times where live asks back seven times.
_UNCLEAR = (
    "please help me with my order",
    "refund for the broken delivery",
    "my password for the invoice page",
    "the page shows the wrong address",
    "I have a question about the app and my card",
    "hello",
    "good morning",
)
TRUE_RATIO = 2 / 7
_CONFIDENCE = 99


@dataclass(frozen=True)
class Experiment:
    """What was seen of the test while it ran, and after its end.

    actions: the live rule's forward action during the test. report: `bluegreen report`. stayed: who answered each
    client's requests during the test. afterwards: who answered the clients after the abort.
    """

    actions: Mapping[str, Any]
    report: CommandResult
    stayed: tuple[tuple[str, ...], ...]
    aborted: CommandResult
    afterwards: Mapping[str, int]


@dataclass(frozen=True)
class AbTest:
    """The target's settings are exchanged for those of a sticky Split while it plays, by the codec of the construct."""

    name: ClassVar[str] = "ab-test"
    about: ClassVar[str] = (
        "an A/B test: users stay on their variant, the report shows the effect, an abort ends it for all"
    )

    def play(self, session: Session) -> Outcome:
        """Run the test for some minutes, read the report, and abort it."""
        unclear = tuple(GoldenCase({"text": text}) for text in _UNCLEAR)
        with on_stage(session, self.name, mix=LoadMix(further=unclear)) as stage, _split(stage):
            stage.start(RELEASE)
            stage.wait_for_share(PERCENT)
            actions = stage.forward_action()
            address = stage.application.address(stage.target.rule)
            clients = [StickyClient(address) for _ in range(CLIENTS)]
            for _ in range(LOOKS):
                all_ask(clients)
            stayed = tuple(tuple(client.sides) for client in clients)
            stage.wait(
                lambda: (stage.state().get("ab") or {}).get("intervals", 0) >= MINUTES or stage.is_over(),
                f"{MINUTES} minutes of the test",
            )
            report = stage.bluegreen("report", "--confidence", str(_CONFIDENCE))
            aborted = stage.bluegreen("abort", "--reason", "the variant is not wanted")
            stage.wait_for_share(0)
            afterwards = all_ask(clients)
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self.name, seen, Experiment(actions, report, stayed, aborted, afterwards))


@contextmanager
def _split(stage: Stage) -> Iterator[None]:
    """The target's settings in Parameter Store are those of a sticky Split, until the block ends."""
    ssm, name = stage.session.apis.ssm, stage.target.parameter
    deployed = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    exchanged = {**json.loads(deployed), "settings": settings_to_dict(sticky_split(stage.target.settings))}
    ssm.put_parameter(Name=name, Value=json.dumps(exchanged), Type="String", Overwrite=True)
    try:
        yield
    finally:
        ssm.put_parameter(Name=name, Value=deployed, Type="String", Overwrite=True)


def sticky_split(settings: TargetSettings) -> TargetSettings:
    """The settings that CanaryAlb writes with `strategy=Split(50), stickiness=timedelta(hours=6)`."""
    return replace(settings, steps=Split(PERCENT).steps(), split=PERCENT, stickiness_seconds=STICKINESS_SECONDS)


def judged(name: str, seen: CanarySeen, test: Experiment) -> Outcome:
    """Judge what was seen."""
    sticky = test.actions.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
    firsts = Counter(client[0] for client in test.stayed if client)
    moved = [client for client in test.stayed if len(set(client)) != 1]
    interval = test.report.answer.get("interval") or {}
    low, high = interval.get("low") or 0.0, interval.get("high") or float("inf")
    figures = seen.figures()
    figures |= {
        "bluegreen report, effect": _rounded(test.report.answer.get("effect_ratio")),
        f"bluegreen report, {_CONFIDENCE} % interval": f"{low:.3g} to {high:.3g}",
        "bluegreen report, verdict": test.report.answer.get("verdict"),
        "bluegreen report, minutes": test.report.answer.get("minutes"),
    }
    return Outcome(
        name,
        (
            rule_went(seen, (PERCENT, 0.0)),
            nobody_before(seen),
            answered_its_shares(seen),
            Condition(
                "the rule kept clients on their side",
                sticky.get("Enabled") is True and sticky.get("DurationSeconds") == STICKINESS_SECONDS,
                json.dumps(dict(sticky)) or "no stickiness",
            ),
            Condition(
                "every client stayed where it was first, and both sides had some",
                set(firsts) == {"blue", "green"} and not moved and all(len(one) == LOOKS for one in test.stayed),
                f"{dict(firsts)}, {len(moved)} of {len(test.stayed)} clients met another side",
            ),
            Condition(
                "the report finds that the variant asks back less often",
                test.report.exit_code == 0 and test.report.answer.get("verdict") == "CANDIDATE_LOWER",
                f"{test.report.answer.get('verdict') or test.report.said}",
            ),
            Condition(
                "its interval holds the true ratio, and not 1",
                low < TRUE_RATIO < high < 1,
                f"{low:.3g} to {high:.3g}, the true ratio is {TRUE_RATIO:.3g}",
            ),
            _counted(seen, test.report.answer),
            Condition(
                "bluegreen abort ends it",
                test.aborted.exit_code == 0 and test.aborted.answer.get("state") == "RESTORED",
                f"exit code {test.aborted.exit_code}, {test.aborted.answer.get('state') or test.aborted.said}",
            ),
            Condition(
                "the rule then names live alone, so that no cookie leads to the variant any more",
                dict(seen.final_weights).keys() == {seen.live_side},
                ", ".join(f"{side} {weight}" for side, weight in seen.final_weights.items()) or "no weights",
            ),
            Condition(
                "and every client is answered by live",
                dict(test.afterwards) == {seen.live_side: CLIENTS},
                ", ".join(f"{count} by {side}" for side, count in test.afterwards.items()) or "nobody asked",
            ),
            live_serves(seen),
            by_operator_and_tick(seen),
            is_scaled_in(seen, seen.candidate_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _counted(seen: CanarySeen, report: Mapping[str, Any]) -> Condition:
    """The report counts requests that were sent: no more of a side than users had answers of it."""
    counted = {
        report.get(role, {}).get("side"): report.get(role, {}).get("requests", 0) for role in ("live", "candidate")
    }
    met = Counter(record.side for record in seen.watched.records)
    return Condition(
        "it counts both sides' requests, and no more than there were",
        set(counted) == {"blue", "green"} and all(0 < counted[side] <= met[side] + CLIENTS * LOOKS for side in counted),
        ", ".join(f"{count} of {met[side]} by {side}" for side, count in counted.items()),
    )


def _rounded(ratio: object) -> str | None:
    return f"{ratio:.3g} times live's rate" if isinstance(ratio, int | float) else None
