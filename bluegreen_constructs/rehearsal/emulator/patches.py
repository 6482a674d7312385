"""The overlay's patches: each names what it replaces, and a name that is not there stops the start."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from ...engine.errors import RehearsalError

EMULATOR_VERSION = "1.5.33"
_REMEDY = "install the pinned emulator: pip install 'bluegreen-constructs[rehearsal]'"


def assert_emulator_version() -> None:
    """Refuse any ministack but the one whose private names the overlay was written for (RehearsalError)."""
    try:
        installed = version("ministack")
    except PackageNotFoundError:
        raise RehearsalError("the rehearsal needs the extra: pip install 'bluegreen-constructs[rehearsal]'") from None
    if installed != EMULATOR_VERSION:
        raise RehearsalError(
            f"ministack {installed} is installed, the rehearsal's overlay is written for {EMULATOR_VERSION}; {_REMEDY}"
        )


@dataclass
class Patches:
    """What the overlay replaced inside the emulator, in order."""

    replaced: list[str] = field(default_factory=list)

    def original(self, module: ModuleType, name: str) -> object:
        """What the emulator has under `name`; raises RehearsalError when it is not there."""
        try:
            return getattr(module, name)
        except AttributeError:
            raise RehearsalError(
                f"the emulator has no {module.__name__}.{name}, which the rehearsal's overlay relies on; {_REMEDY}"
            ) from None

    def replace(
        self, module: ModuleType, name: str, replacement: object, *, written_for: Sequence[str] | None = None
    ) -> object:
        """Put `replacement` in the place of `module.name` and return what was there.

        `written_for` are the parameter names of the function that the overlay was written for. Without it, a plain
        function is compared with its replacement by the number of parameters. A difference stops the start: the
        emulator has changed under the overlay.
        """
        original = self.original(module, name)
        expected, found = _expected(replacement, written_for), _parameters(original)
        if expected is not None and found is not None and not _agree(expected, found, by_name=written_for is not None):
            raise RehearsalError(
                f"the emulator's {module.__name__}.{name} takes ({', '.join(found)}), the rehearsal's overlay was "
                f"written for ({', '.join(expected)}); {_REMEDY}"
            )
        setattr(module, name, replacement)
        self.replaced.append(f"{module.__name__}.{name}")
        return original

    def resource_type(
        self, name: str, handlers: Mapping[str, Callable[..., object] | bool], *, is_there: bool
    ) -> Mapping[str, object]:
        """Give a CloudFormation type its handlers and return what it had; `is_there`: the emulator should know it.

        The handlers are ministack's: `create(logical_id, props, stack_name) -> (physical_id, attributes)`,
        `update(physical_id, before, after, stack_name[, logical_id])` and `delete(physical_id, props)`.
        """
        from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

        table = self.original(provisioners, "_RESOURCE_HANDLERS")
        if not isinstance(table, dict) or (name in table) is not is_there:
            state = "lacks" if is_there else "has its own handler for"
            raise RehearsalError(f"the emulator {state} {name}, unlike the one the overlay was written for; {_REMEDY}")
        before = table.get(name, {})
        table[name] = dict(handlers)
        self.replaced.append(name)
        return dict(before)


def _expected(replacement: object, written_for: Sequence[str] | None) -> Sequence[str] | None:
    return written_for if written_for is not None else _parameters(replacement)


def _parameters(thing: object) -> list[str] | None:
    """Names of a plain function's parameters; None for anything that takes any arguments or is no function."""
    if not inspect.isfunction(thing):
        return None
    parameters = inspect.signature(thing).parameters.values()
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters]


def _agree(expected: Sequence[str], found: Sequence[str], *, by_name: bool) -> bool:
    return list(expected) == list(found) if by_name else len(expected) == len(found)
