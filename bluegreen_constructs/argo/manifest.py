"""What a Kubernetes manifest is: plain JSON values."""

from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Manifest: TypeAlias = dict[str, Json]
