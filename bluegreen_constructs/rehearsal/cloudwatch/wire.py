"""CloudWatch's three wire protocols: a request of any of them as one structure, an answer in the form each needs.

A current boto3 speaks smithy-rpc-v2-cbor, older SDKs JSON or the query protocol (form parameters in, XML out). Inside
the rehearsal a request is always nested dicts and lists under the API's own member names, and an instant in an answer
is a `datetime`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from ...engine.errors import ConfigurationError


def nested(parameters: Mapping[str, object]) -> dict[str, object]:
    """The structure that query-protocol parameters like `MetricData.member.1.Dimensions.member.2.Name` spell.

    A parameter may be a string or a list of strings, of which the first counts. All values stay strings. List members
    come in the order of their numbers; members without a value between them do not exist.
    """
    root: dict[str, object] = {}
    for name, given in parameters.items():
        value = given[0] if isinstance(given, list) and given else given
        _place(root, name, value)
    listed = _as_lists(root)
    return listed if isinstance(listed, dict) else {}


def _place(root: dict[str, object], name: str, value: object) -> None:
    node = root
    steps = name.split(".")
    for step in steps[:-1]:
        child = node.setdefault(step, {})
        if not isinstance(child, dict):
            raise ConfigurationError(f"the parameter {name!r} contradicts another one of the request")
        node = child
    node[steps[-1]] = value


def _as_lists(node: object) -> object:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        numbered = sorted(node["member"].items(), key=lambda item: int(item[0]) if item[0].isdigit() else 0)
        return [_as_lists(value) for _, value in numbered]
    return {key: _as_lists(value) for key, value in node.items()}


def instant(value: object, *, name: str) -> float | None:
    """A request's timestamp as seconds since the epoch; None when it is absent.

    Takes what the protocols send: a datetime (without a zone it is UTC), epoch seconds, or ISO 8601 text.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    try:
        return float(str(value))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(f"{name} was given as {value!r}; give a timestamp") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def moment(at: float) -> datetime:
    """An instant for an answer."""
    return datetime.fromtimestamp(at, UTC)


def with_instants(answer: object, encode: Callable[[datetime], object]) -> object:
    """An answer with each datetime encoded as a protocol wants it, and without members that are None."""
    if isinstance(answer, datetime):
        return encode(answer)
    if isinstance(answer, Mapping):
        return {key: with_instants(value, encode) for key, value in answer.items() if value is not None}
    if isinstance(answer, list | tuple):
        return [with_instants(value, encode) for value in answer]
    return answer


def as_xml(answer: Mapping[str, object], *, maps: Iterable[str] = ("ExtendedStatistics",)) -> str:
    """An answer as the inside of a query-protocol result; `maps` names the members that are maps, not structures."""
    named_maps = frozenset(maps)
    return "".join(_element(name, value, named_maps) for name, value in answer.items() if value is not None)


def _element(name: str, value: object, maps: frozenset[str]) -> str:
    if isinstance(value, Mapping) and name in maps:
        inner = "".join(
            f"<entry><key>{escape(str(key))}</key><value>{_text(item)}</value></entry>" for key, item in value.items()
        )
    elif isinstance(value, Mapping):
        inner = as_xml(value, maps=maps)
    elif isinstance(value, list | tuple):
        inner = "".join(_element("member", item, maps) for item in value)
    else:
        inner = _text(value)
    return f"<{name}>{inner}</{name}>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return escape(str(value))
