"""CodePipeline's variables: `#{namespace.key}` in a configuration, and what it stands for.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
"""

import re
from collections.abc import Mapping

from .action_work import ActionFailedError

_VARIABLE = re.compile(r"#\{([A-Za-z0-9@_-]+)\.([A-Za-z0-9@_-]+)\}")

Variables = Mapping[str, Mapping[str, str]]


def substituted(configuration: Mapping[str, str], variables: Variables) -> dict[str, str]:
    """The configuration with its variables' values.

    Raises ActionFailedError for a variable that no action before has given: the action fails then.
    """

    def known(found: re.Match[str]) -> str:
        namespace, key = found.groups()
        try:
            return variables[namespace][key]
        except KeyError:
            raise ActionFailedError(f"nothing before has given the variable {found[0]}") from None

    return {key: _VARIABLE.sub(known, value) for key, value in configuration.items()}
