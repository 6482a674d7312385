"""Who may look at one Rollout: a Role and its binding, in the Rollout's namespace."""

from .manifest import Json, Manifest

_API = "rbac.authorization.k8s.io"


def watchers_group(name: str, namespace: str) -> str:
    """The group of those who may. By this name the pipeline's stack and the service's know each other."""
    return f"bluegreen:watchers:{namespace}:{name}"


def watchers(name: str, namespace: str, deployment: str | None = None) -> tuple[Manifest, ...]:
    """They may get the Rollout, and the Deployment that it took over, by their names, and nothing else."""
    rules: list[Json] = [_may_get("argoproj.io", "rollouts", name)]
    if deployment is not None:
        rules.append(_may_get("apps", "deployments", deployment))
    own = f"{name}-watchers"
    metadata: Json = {"name": own, "namespace": namespace}
    subject: Json = {"apiGroup": _API, "kind": "Group", "name": watchers_group(name, namespace)}
    return (
        {"apiVersion": f"{_API}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_API}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _API, "kind": "Role", "name": own},
            "subjects": [subject],
        },
    )


def _may_get(group: str, resource: str, name: str) -> dict[str, Json]:
    return {"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": ["get"]}
