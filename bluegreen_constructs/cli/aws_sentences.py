"""What AWS and its SDK say when a command cannot work at all, as one sentence that says what to do."""

import re

_SENTENCES: tuple[tuple[str, str], ...] = (
    (
        r"expired ?token|requestexpired|token .*(is|has) expired|session .*expired|sso.*(expired|invalid)|sso token",
        "the AWS credentials have expired: sign in again (such as with aws sso login), and repeat the command",
    ),
    (
        r"unable to locate credentials|nocredentials|no credentials|credentials? .*(missing|not found)",
        "there are no AWS credentials: set AWS_PROFILE, or sign in (such as with aws sso login)",
    ),
    (r"must specify a region|noregion", "no AWS region is chosen: set AWS_REGION, or a profile that has one"),
    (
        r"invalidclienttokenid|unrecognizedclient|signaturedoesnotmatch|security token .* is invalid",
        "AWS does not know these credentials: choose another AWS_PROFILE, or sign in again",
    ),
    (
        r"could not connect|connect timeout|read timeout|connection was closed|failed to connect|proxy|ssl validation",
        "AWS cannot be reached: check the network, the proxy and AWS_REGION",
    ),
)


def in_words(said: str) -> str:
    """`said` by AWS or boto3, as a sentence for whoever typed the command; their own words where there is no better."""
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return sentence
    one_line = " ".join(said.split())
    return f"{one_line[:1].lower()}{one_line[1:].rstrip('.')}" if one_line else "AWS failed without a word"
