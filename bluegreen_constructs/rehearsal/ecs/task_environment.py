"""What a local process gets of this machine's environment: everything but the emulator's own settings."""

import os
from collections.abc import Mapping

# A task must not take them for its own, nor reach the network through our proxy.
_NOT_FOR_TASKS = frozenset({"GATEWAY_PORT", "BIND_HOST", "HTTP_PROXY", "HTTPS_PROXY"})


def task_environment(endpoint: str, region: str) -> Mapping[str, str]:
    """The environment of a task or instance; its SDK calls go to the emulator, as with a role of its own."""
    return {
        **{key: value for key, value in os.environ.items() if key.upper() not in _NOT_FOR_TASKS},
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "task",
        "AWS_SECRET_ACCESS_KEY": "task",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
