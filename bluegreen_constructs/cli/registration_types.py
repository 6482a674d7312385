"""Whether RegisterTaskDefinition would take a task definition, by botocore's model of the call."""

import json
from collections.abc import Iterator


def type_problems(text: str) -> Iterator[str]:
    """What has a wrong type, is missing, or is unknown, in a JSON object; nothing for what is none."""
    from botocore.session import get_session  # noqa: PLC0415  # it takes longer than --help may
    from botocore.validate import ParamValidator  # noqa: PLC0415

    try:
        content = json.loads(text)
    except ValueError:
        return
    if not isinstance(content, dict):
        return
    shape = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(content, shape)
    for line in str(report.generate_report()).splitlines():
        yield f"{line[:1].lower()}{line[1:].rstrip('.')}"
