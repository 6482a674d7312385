"""Good manifests with one thing changed, so that a test reads as what it changes."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest

from bluegreen_constructs.argo.lint import findings
from bluegreen_constructs.argo.manifest import Json, Manifest


class _Removed:
    def __repr__(self) -> str:
        return "removed"


REMOVED: Any = _Removed()
"""As a value: take the key, or the item of a list, away."""


def edited(manifests: Sequence[Manifest], edits: dict[str, Any]) -> list[Manifest]:
    """The manifests after edits such as `{"Rollout web: spec.replicas": 3}`; an object alone as key replaces it "
    "whole."""
    answer = deepcopy(list(manifests))
    for place, value in edits.items():
        identity, _, path = place.partition(": ")
        kind, name = identity.split(" ")
        index = next(i for i, m in enumerate(answer) if (m["kind"], m["metadata"]["name"]) == (kind, name))  # type: ignore[call-overload,index]
        if not path:
            answer[index : index + 1] = [] if value is REMOVED else [value]
            continue
        here: Any = answer[index]
        *way, last = [int(key) if key.isdecimal() else key.replace("|", ".") for key in path.split(".")]
        for key in way:
            here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
        if value is REMOVED:
            del here[last]
        elif isinstance(here, list) and last == len(here):
            here.append(deepcopy(value))
        else:
            here[last] = deepcopy(value)
    return answer


Case = tuple[Callable[[], list[Manifest]], dict[str, Any], str]


def name_of(case: object) -> str:
    """The name of a parametrised case."""
    return str(case) if isinstance(case, dict | str) else getattr(case, "__name__", "")


def refuses(good: Callable[[], list[Manifest]], edits: dict[str, Any], sentence: str) -> None:
    """Assert that the edited manifests have one finding, which contains the sentence."""
    found = findings(edited(good(), edits))
    assert len(found) == 1, found
    assert sentence in found[0]
    assert not found[0].endswith(".")


def accepts(good: Callable[[], list[Manifest]], edits: dict[str, Any]) -> None:
    """Assert that the edited manifests have no finding."""
    assert findings(edited(good(), edits)) == ()


def cases(*given: Case) -> pytest.MarkDecorator:
    """Parametrise a test with what is edited and what is said of it."""
    return pytest.mark.parametrize(("good", "edits", "sentence"), given, ids=[name_of(case[1]) for case in given])


def harmless(*given: tuple[Callable[[], list[Manifest]], dict[str, Any]]) -> pytest.MarkDecorator:
    """Parametrise a test with edits of which nothing is said."""
    return pytest.mark.parametrize(("good", "edits"), given, ids=[name_of(case[1]) for case in given])


STEPS = "Rollout web: spec.strategy.canary.steps"
CANARY = "Rollout web: spec.strategy.canary"
BLUE_GREEN = "Rollout web: spec.strategy.blueGreen"
POD = "Rollout web: spec.template.spec"
METRIC = "AnalysisTemplate web-errors: spec.metrics.0"
ONE_STEP: list[Json] = [{"setWeight": 100}]
