"""What a test reads from, and now and then writes to, the API server: JSON over HTTPS, nothing in between."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
GROUPS = {
    "analysisruns": "apis/argoproj.io/v1alpha1",
    "analysistemplates": "apis/argoproj.io/v1alpha1",
    "rollouts": "apis/argoproj.io/v1alpha1",
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "jobs": "apis/batch/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "customresourcedefinitions": "apis/apiextensions.k8s.io/v1",
    "targetgroupbindings": "apis/eks.amazonaws.com/v1",
}
"""Where each kind lives; what is not named here is of the core group."""


@dataclass(frozen=True)
class ClusterApi:
    """One API server, and the bearer token of somebody."""

    url: str
    token: str

    def get(self, namespace: str, plural: str, name: str) -> Json | None:
        """One object, or None."""
        return self._call("GET", f"{_folder(namespace, plural)}/{name}")

    def list(self, namespace: str, plural: str) -> list[Json]:
        """All objects of a kind in a namespace, or in all for an empty one; none where the kind is unknown."""
        return list((self._call("GET", _folder(namespace, plural)) or {}).get("items", ()))

    def patch(self, namespace: str, plural: str, name: str, patch: Json, *, of: str = "") -> None:
        """A merge patch, of a subresource if one is named."""
        self._call("PATCH", f"{_folder(namespace, plural)}/{name}{of and '/'}{of}", patch)

    def create(self, namespace: str, plural: str, manifest: Json) -> None:
        """Create an object."""
        self._call("POST", _folder(namespace, plural), manifest)

    def is_ready(self) -> bool:
        """Does the server say so?"""
        try:
            with self._open("GET", "readyz", None) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _call(self, method: str, path: str, body: Json | None = None) -> Json | None:
        try:
            with self._open(method, path, body) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:600]}") from error

    def _open(self, method: str, path: str, body: Json | None) -> Any:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind, "Accept": "application/json"},
        )
        return urllib.request.urlopen(request, timeout=20, context=_UNVERIFIED)


_UNVERIFIED = ssl._create_unverified_context()  # its certificate is of its own making, on loopback


def _folder(namespace: str, plural: str) -> str:
    group = GROUPS.get(plural, "api/v1")
    return f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"
