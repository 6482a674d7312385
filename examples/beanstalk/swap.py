"""LEGACY: swap the names (CNAMEs) of two Elastic Beanstalk environments, if both are fit for it.

    python swap.py ENVIRONMENT OTHER

Elastic Beanstalk swaps whatever it is told to, also a broken environment. This refuses unless both are Ready (nothing
is being deployed) and Green (they answer). Going back is the same command again.
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.CNAMESwap.html
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import boto3


class Beanstalk(Protocol):
    """The calls of a boto3 `elasticbeanstalk` client that are used here."""

    def describe_environments(self, **arguments: object) -> Mapping[str, object]: ...

    def swap_environment_cnames(self, **arguments: object) -> Mapping[str, object]: ...


def swap(client: Beanstalk, one: str, other: str) -> list[str]:
    """Swap the names, and say what was done, a line each. Raises ValueError, before any change, when it must not be."""
    if one == other:
        raise ValueError(f"{one} is given twice: give two environments")
    answer = client.describe_environments(EnvironmentNames=[one, other], IncludeDeleted=False)
    found = {str(each["EnvironmentName"]): each for each in cast("Sequence[Mapping[str, str]]", answer["Environments"])}
    for name in (one, other):
        if name not in found:
            raise ValueError(f"there is no environment {name} here: give its name, and check the region")
        status, health = found[name].get("Status"), found[name].get("Health")
        if status != "Ready":
            raise ValueError(f"{name} is {status}: wait until it is Ready, nothing else can be swapped")
        if health != "Green":
            raise ValueError(f"{name} is {health}: its users would meet that, mend it first (Green is needed)")
    if found[one].get("ApplicationName") != found[other].get("ApplicationName"):
        raise ValueError(f"{one} and {other} are of different applications: give two of one")
    client.swap_environment_cnames(SourceEnvironmentName=one, DestinationEnvironmentName=other)
    names = {name: found[name].get("CNAME", "its name") for name in (one, other)}
    patience = (
        "resolvers remember the former addresses for the time to live, some for longer: keep both running, and look at "
        "the requests of the former one before you change it"
    )
    return [f"{names[one]} goes to {other} now", f"{names[other]} goes to {one} now", patience]


def main(arguments: Sequence[str]) -> int:
    """The command; 0 when it was done, 2 for wrong arguments, 3 for a refusal."""
    if len(arguments) != 2:
        print("give two environments: python swap.py shop-blue shop-green", file=sys.stderr)
        return 2
    try:
        said = swap(boto3.client("elasticbeanstalk"), *arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 3
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
