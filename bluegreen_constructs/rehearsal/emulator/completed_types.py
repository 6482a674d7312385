"""Template properties that the emulator's own handlers leave out, set up through its APIs after each create and update.

Tables: expiry and point-in-time recovery. Functions: the dead letter queue and the reserved concurrency. Secrets: the
kinds of characters that a generated one leaves out. Networks: their range of addresses, which a template may ask for.
"""

import string
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TypeAlias, cast

from .patches import Patches
from .world import World

Properties: TypeAlias = Mapping[str, object]
Answer: TypeAlias = tuple[int, object, bytes]
# What a resource's new properties change against the ones it had, called with its name; an error answer fails it.
SetUp: TypeAlias = Callable[[str, Properties, Properties], list[Answer]]
_Made: TypeAlias = tuple[str, dict[str, str]]
_Handlers: TypeAlias = dict[str, Callable[..., object] | bool]


def install(patches: Patches, world: World) -> None:
    """Complete the handlers of tables, functions and networks, and the secrets that are generated."""
    del world
    from ministack.services import dynamodb, lambda_svc  # noqa: PLC0415  # an optional extra

    _complete(patches, "AWS::DynamoDB::Table", _tables(patches, dynamodb))
    _complete(patches, "AWS::Lambda::Function", _functions(patches, lambda_svc))
    _leave_characters_out(patches)
    _tell_the_range(patches)


def _tell_the_range(patches: Patches) -> None:
    """A network's CidrBlock as an attribute: a load balancer inside it is open to just those addresses.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html
    """
    from ministack.services import ec2  # noqa: PLC0415  # an optional extra
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

    table = cast("dict[str, _Handlers]", patches.original(provisioners, "_RESOURCE_HANDLERS"))
    known = cast("Mapping[str, Mapping[str, str]]", patches.original(ec2, "_vpcs"))
    before = table["AWS::EC2::VPC"]

    def telling(made_by: Callable[..., _Made]) -> Callable[..., _Made]:
        def made(*arguments: object, **named: object) -> _Made:
            physical_id, attributes = made_by(*arguments, **named)
            return physical_id, {**attributes, "CidrBlock": known[physical_id]["CidrBlock"]}

        return made

    told = {name: telling(cast("Callable[..., _Made]", before[name])) for name in ("create", "update")}
    patches.resource_type("AWS::EC2::VPC", {**before, **told}, is_there=True)


def _leave_characters_out(patches: Patches) -> None:
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

    generated = cast("Callable[[Properties], str]", patches.original(provisioners, "_sm_secret_string"))

    def secret_string(props: Properties) -> str:
        given = props.get("GenerateSecretString")
        if not isinstance(given, Mapping):
            return generated(props)
        return generated({**props, "GenerateSecretString": {**given, "ExcludeCharacters": left_out(given)}})

    patches.replace(provisioners, "_sm_secret_string", secret_string, written_for=["props"])


def _complete(patches: Patches, resource_type: str, set_up: SetUp) -> None:
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

    table = cast("dict[str, _Handlers]", patches.original(provisioners, "_RESOURCE_HANDLERS"))
    before = table[resource_type]
    create = cast("Callable[..., _Made]", before["create"])
    update = cast("Callable[..., _Made]", before["update"])

    def checked(made: _Made, wanted: Properties, had: Properties) -> _Made:
        for status, _, body in set_up(made[0], wanted, had):
            if status >= 400:
                raise ValueError(f"{resource_type} {made[0]}: {body.decode()}")
        return made

    def create_all(logical_id: str, props: Properties, stack_name: str) -> _Made:
        return checked(create(logical_id, props, stack_name), props, {})

    def update_all(
        physical_id: str, old_props: Properties, new_props: Properties, stack_name: str, logical_id: str | None = None
    ) -> _Made:
        made = update(physical_id, old_props, new_props, stack_name, logical_id)
        return checked(made, new_props, old_props if made[0] == physical_id else {})

    handlers: _Handlers = {**before, "create": create_all, "update": update_all, "update_with_logical_id": True}
    patches.resource_type(resource_type, handlers, is_there=True)


def _tables(patches: Patches, dynamodb: ModuleType) -> SetUp:
    set_expiry = cast("Callable[[object], Answer]", patches.original(dynamodb, "_update_ttl"))
    set_recovery = cast("Callable[[object], Answer]", patches.original(dynamodb, "_update_continuous_backups"))

    def set_up(name: str, wanted: Properties, had: Properties) -> list[Answer]:
        requests = ((set_expiry, expiry(wanted, had)), (set_recovery, recovery(wanted, had)))
        return [call({"TableName": name, **request}) for call, request in requests if request is not None]

    return set_up


def _functions(patches: Patches, lambda_svc: ModuleType) -> SetUp:
    configure = cast("Callable[[str, object], Answer]", patches.original(lambda_svc, "_update_config"))
    reserve = cast("Callable[[str, object], Answer]", patches.original(lambda_svc, "_put_function_concurrency"))
    release = cast("Callable[[str], Answer]", patches.original(lambda_svc, "_delete_function_concurrency"))

    def set_up(name: str, wanted: Properties, had: Properties) -> list[Answer]:
        answers = []
        if _changes("DeadLetterConfig", wanted, had):
            answers.append(configure(name, {"DeadLetterConfig": wanted.get("DeadLetterConfig") or {"TargetArn": ""}}))
        if _changes("ReservedConcurrentExecutions", wanted, had):
            reserved = wanted.get("ReservedConcurrentExecutions")
            request = {"ReservedConcurrentExecutions": int(str(reserved))} if reserved is not None else None
            answers.append(release(name) if request is None else reserve(name, request))
        return answers

    return set_up


_KINDS_OF_CHARACTERS = {
    "ExcludePunctuation": string.punctuation,
    "ExcludeNumbers": string.digits,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeLowercase": string.ascii_lowercase,
}


def left_out(generate: Properties) -> str:
    """All characters that a generated secret must not have; the emulator knows only those that are spelled out.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-secretsmanager-secret-generatesecretstring.html
    """
    kinds = (characters for name, characters in _KINDS_OF_CHARACTERS.items() if _is_true(generate.get(name)))
    return str(generate.get("ExcludeCharacters", "")) + "".join(kinds)


def _changes(name: str, wanted: Properties, had: Properties) -> bool:
    return wanted.get(name) != had.get(name)


def expiry(wanted: Properties, had: Properties) -> dict[str, object] | None:
    """The UpdateTimeToLive request that a table's properties call for; None when nothing is to change."""
    given, before = wanted.get("TimeToLiveSpecification"), had.get("TimeToLiveSpecification")
    if given == before:
        return None
    if isinstance(given, Mapping):
        return {"TimeToLiveSpecification": {**given, "Enabled": _is_true(given.get("Enabled"))}}
    name = before.get("AttributeName") if isinstance(before, Mapping) else None
    return {"TimeToLiveSpecification": {"AttributeName": name, "Enabled": False}}


def recovery(wanted: Properties, had: Properties) -> dict[str, object] | None:
    """The UpdateContinuousBackups request that a table's properties call for; None when nothing is to change."""
    on, was_on = (_recovers(properties) for properties in (wanted, had))
    return None if on == was_on else {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": on}}


def _recovers(properties: Properties) -> bool:
    given = properties.get("PointInTimeRecoverySpecification")
    return isinstance(given, Mapping) and _is_true(given.get("PointInTimeRecoveryEnabled"))


def _is_true(value: object) -> bool:
    """Templates hold booleans or their text."""
    return str(value).lower() == "true"
