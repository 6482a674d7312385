"""The name of a target: the stack's name and the path in the stack, which no other construct of the place has."""

import re
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from constructs import Construct

from .engine.errors import ConfigurationError

# What a parameter's name may hold after its prefix.
_TARGET = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
# Alarms are called after it, with up to 17 characters more (of 255), and a parameter, two of whose 15 levels are ours.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
# https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
_LONGEST = 238
_MOST_LEVELS = 13
_prefixes: "WeakKeyDictionary[cdk.Stack, tuple[str, str]]" = WeakKeyDictionary()
_paths: "WeakKeyDictionary[Construct, str]" = WeakKeyDictionary()


def target_name(
    construct: Construct, stack: cdk.Stack | None = None, place: tuple[Construct, str] | None = None
) -> str:
    """Such as `Serving/Model`; of a construct in a nested stack, the name of the outermost stack and the path there.

    place: scope and id of the construct, if they are known; a scope is asked once for its path.

    Raises ConfigurationError when it could not be a parameter's name.
    """
    own = stack or cdk.Stack.of(construct)
    if own not in _prefixes:
        outer = own
        while outer.nested_stack_parent is not None:
            outer = outer.nested_stack_parent
        _prefixes[own] = (outer.stack_name, outer.node.path)
    name, path = _prefixes[own]
    target = name + _path(construct, place).removeprefix(path)
    if not _TARGET.fullmatch(target):
        raise ConfigurationError(
            f"the target of {construct.node.path} would be {target!r}: use letters, digits, dots, hyphens and _ in the "
            "stack's name and in construct ids"
        )
    levels = target.count("/") + 1
    if len(target) > _LONGEST or levels > _MOST_LEVELS:
        raise ConfigurationError(
            f"the target of {construct.node.path} has {len(target)} characters in {levels} levels, and what is called "
            f"after it takes {_LONGEST} in {_MOST_LEVELS}: use shorter construct ids, or nest it less deep"
        )
    return target


def _path(construct: Construct, place: tuple[Construct, str] | None) -> str:
    if place is None:
        return str(construct.node.path)
    scope, own_id = place
    if scope not in _paths:
        _paths[scope] = scope.node.path
    return f"{_paths[scope]}/{own_id}"
