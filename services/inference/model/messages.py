"""The training data: support messages written from phrases, the same ones on every machine.

Messages are made to be confusable on purpose (a complaint about an invoice often mentions the parcel), so that the
held-out accuracy says something. Only `Random.random()` is drawn from: it is the one method of the generator whose
sequence Python promises to keep for a seed.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TOPICS = ("account", "billing", "delivery", "returns", "technical")

OPENINGS = (
    "",
    "hello",
    "hi there",
    "good morning",
    "dear team",
    "i need help please",
    "this is the second time i write",
    "can somebody look into this",
    "i am a customer since last year",
)

CLOSINGS = (
    "",
    "thanks",
    "thank you in advance",
    "please answer today",
    "i am not happy",
    "what can i do",
    "please fix this",
    "best regards",
)

PHRASES = {
    "account": (
        "i cannot sign in with my password",
        "the reset link for my password never arrived",
        "please change the email address of my profile",
        "my account was locked after three attempts",
        "how do i delete my account and my data",
        "the two factor code is not accepted",
        "i want to change my user name",
        "somebody else signed in to my profile",
        "my login says that the user does not exist",
        "please merge my two accounts",
        "i lost my phone and cannot confirm the code",
        "the invitation for a second user expired",
    ),
    "billing": (
        "my card was charged twice this month",
        "the invoice shows the wrong amount",
        "i was billed after i cancelled my subscription",
        "please send the invoice with our tax number",
        "the payment failed but the bank shows the charge",
        "why is the price higher than last month",
        "i want to pay by bank transfer and not by card",
        "the discount code is missing on the bill",
        "please explain this fee on my statement",
        "our purchase order number is missing on the invoice",
        "my subscription renewed without asking",
        "the total on the receipt is not what i paid",
    ),
    "delivery": (
        "my parcel has not arrived yet",
        "the tracking number shows no movement",
        "the courier left the package at the wrong address",
        "when will my order be shipped",
        "the delivery was promised for yesterday",
        "please send the parcel to my office",
        "only half of my order was in the box",
        "the package is stuck at customs",
        "the driver says that nobody was at home",
        "can i change the shipping address of my order",
        "the tracking page says delivered but there is no parcel",
        "i need express shipping for this order",
    ),
    "returns": (
        "i want to send the shoes back",
        "the item arrived broken and i want a refund",
        "how do i get a return label",
        "i returned the jacket but got no refund",
        "the size is wrong and i want to exchange it",
        "is the return free of charge",
        "you refused my return without a reason",
        "the lamp is damaged and i need a replacement",
        "how many days do i have to return an item",
        "please exchange the item for another colour",
        "my refund is smaller than the price of the item",
        "i sent the item back two weeks ago",
    ),
    "technical": (
        "the app crashes when i open the camera",
        "the page stays white after the update",
        "i see an error when i upload a file",
        "the search shows no results on my phone",
        "the website is very slow today",
        "the button does nothing when i click it",
        "the export stops with a timeout error",
        "notifications do not work since the update",
        "the app does not start on my tablet",
        "the picture upload fails with an error code",
        "the page does not load in my browser",
        "your api answers with error five hundred",
    ),
}

# A writer leaves words out, and every third one mentions something that belongs to another topic.
WORD_IS_LEFT_OUT = 0.2
MENTIONS_ANOTHER_TOPIC = 0.35


@dataclass(frozen=True)
class Message:
    """A support message and the topic it is about."""

    text: str
    topic: str


def messages(count: int, seed: int) -> list[Message]:
    """`count` different messages, topics in turn; the same for the same seed, everywhere."""
    generator = random.Random(seed)  # noqa: S311 - training data, not a secret
    found: dict[str, Message] = {}
    for topic in _in_turn():
        if len(found) == count:
            break
        text = _write(topic, generator)
        # A text is kept once, or held-out messages would be ones the model was trained on.
        if text:
            found.setdefault(text, Message(text, topic))
    return list(found.values())


def _in_turn() -> Iterator[str]:
    while True:
        yield from TOPICS


def _write(topic: str, generator: random.Random) -> str:
    parts = [_pick(OPENINGS, generator), _pick(PHRASES[topic], generator)]
    if generator.random() < MENTIONS_ANOTHER_TOPIC:
        other = _pick(TOPICS, generator)
        # Half of the other phrase: enough words to mislead, too few to be what the message is about.
        half = _pick(PHRASES[other], generator).split()
        parts.append("and " + " ".join(half[len(half) // 2 :]))
    parts.append(_pick(CLOSINGS, generator))
    words = [word for word in " ".join(parts).split() if generator.random() >= WORD_IS_LEFT_OUT]
    return " ".join(words)


def _pick(choices: Sequence[str], generator: random.Random) -> str:
    return choices[int(generator.random() * len(choices))]
