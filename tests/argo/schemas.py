"""Manifests against the schemas of an API server: custom kinds by their CRDs, core kinds by Kubernetes 1.36.

The OpenAPI schemas of the CRDs become JSON Schema draft 7 as an API server reads them: what a schema does not name is
unknown, except where it keeps unknown fields. The load balancer's kinds are in `load_balancer_kinds.py`.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from bluegreen_constructs.argo.manifest import Manifest
from tests.argo.load_balancer_kinds import LOAD_BALANCER_KINDS

VERSION = "1.36"
_CRDS = Path(__file__).parent / "crds"
_INNER = ("properties", "items", "additionalProperties", "not", "allOf", "anyOf", "oneOf")
_DROPPED = ("default", "description", "example", "format", "nullable")
_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_OBJECT_KEYS = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}


def violations(manifest: Manifest) -> tuple[str, ...]:
    """What an API server's schemas refuse in a manifest, sorted by path.

    The pod template of a Rollout is judged as a Pod as well: a CRD knows its fields, but not all their rules. Raises
    LookupError for a kind that nobody has a schema for.
    """
    version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
    validator = _validators().get((version, kind))
    if validator is None:
        return _core(manifest)
    found = [
        f"{'.'.join(str(key) for key in error.absolute_path) or 'manifest'}: {error.message}"
        for error in sorted(
            validator.iter_errors(manifest), key=lambda error: [str(key) for key in error.absolute_path]
        )
    ]
    return (*found, *(f"spec.template: {sentence}" for pod in _pods(manifest) for sentence in _core(pod)))


def draft7(schema: dict[str, Any], *, root: bool = False) -> dict[str, Any]:
    """An OpenAPI schema of a CRD as JSON Schema draft 7 that knows no unknown fields."""
    converted = {
        key: value
        for key, value in schema.items()
        if not key.startswith("x-kubernetes-") and key not in (*_DROPPED, *_INNER)
    }
    if schema.get(_INT_OR_STRING):
        converted["type"] = ["integer", "string"]
    elif schema.get("nullable") and "type" in schema:
        converted["type"] = [schema["type"], "null"]
    for key in ("not", "allOf", "anyOf", "oneOf"):
        # They narrow the object around them, and name only some of its fields: they are never closed.
        if key in schema and not schema.get(_INT_OR_STRING):
            converted[key] = _without_extensions(schema[key])
    if "items" in schema:
        converted["items"] = draft7(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        converted["additionalProperties"] = draft7(schema["additionalProperties"])
    elif "additionalProperties" in schema:
        converted["additionalProperties"] = schema["additionalProperties"]
    if "properties" in schema:
        converted["properties"] = {name: draft7(inner) for name, inner in schema["properties"].items()}
        if root or schema.get(_EMBEDDED):
            converted["properties"] |= _OBJECT_KEYS
        if "additionalProperties" not in schema and not schema.get(_PRESERVE):
            converted["additionalProperties"] = False
    return converted


def _without_extensions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_extensions(inner) for key, inner in value.items() if not key.startswith("x-kubernetes-")}
    return [_without_extensions(inner) for inner in value] if isinstance(value, list) else value


def _whole(_: Any, value: Any) -> bool:
    # JSON Schema takes 1.0 for an integer; an API server does not take it for an int32.
    return isinstance(value, int) and not isinstance(value, bool)


_CHECKER = jsonschema.Draft7Validator.TYPE_CHECKER.redefine("integer", _whole)
_Draft7 = jsonschema.validators.extend(jsonschema.Draft7Validator, type_checker=_CHECKER)


@cache
def _validators() -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for path in sorted(_CRDS.glob("*.json.gz")):
        crd = json.loads(gzip.decompress(path.read_bytes()))
        for version in crd["versions"]:
            schema = draft7(version["schema"], root=True)
            found[f"{crd['group']}/{version['name']}", crd["kind"]] = _Draft7(schema)
    return found | {identity: _Draft7(schema) for identity, schema in LOAD_BALANCER_KINDS.items()}


def _pods(manifest: Manifest) -> list[Manifest]:
    spec = manifest.get("spec")
    template = spec.get("template") if manifest.get("kind") == "Rollout" and isinstance(spec, dict) else None
    if not isinstance(template, dict):
        return []
    return [{"metadata": {"name": "pod"}, **template, "apiVersion": "v1", "kind": "Pod"}]


def _core(manifest: Manifest) -> tuple[str, ...]:
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        raise LookupError(f"no schema of {manifest.get('apiVersion')} {error.kind} is known in {VERSION}") from None
    except kubernetes_validate.ValidationError as error:
        return (f"{'.'.join(str(key) for key in error.path) or 'manifest'}: {error.message}",)
    return ()
