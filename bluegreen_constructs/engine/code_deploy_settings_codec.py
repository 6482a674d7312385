"""CodeDeploy in a target's settings, as JSON and back; the rules of the format are those of `settings_codec`."""

from .code_deploy_settings import PLATFORMS, CodeDeploySettings, EventHook
from .stored_fields import StoredFields, without_defaults

Json = dict[str, object]

_DEFAULTS: Json = {
    "platform": "ECS",
    "family": "",
    "port": 0,
    "hooks": [],
    "bucket": "",
    "prefix": "",
    "other_group": "",
    "definition": "",
    "size": 0,
    "size_alarm": "",
}


def encode_code_deploy(settings: CodeDeploySettings) -> Json:
    """`settings` as JSON values, without what is the default."""
    values: Json = {
        "application": settings.application,
        "group": settings.group,
        "platform": settings.platform,
        "family": settings.family,
        "port": settings.port,
        "hooks": [{"event": hook.event, "function": hook.function} for hook in settings.hooks],
        "bucket": settings.bucket,
        "prefix": settings.prefix,
        "other_group": settings.other_group,
        "definition": settings.definition,
        "size": settings.size,
        "size_alarm": settings.size_alarm,
    }
    return without_defaults(values, _DEFAULTS)


def decode_code_deploy(stored: StoredFields) -> CodeDeploySettings:
    """Raises ConfigurationError, with its place, for what no construct can have written."""
    fields = stored.with_defaults(_DEFAULTS)
    return CodeDeploySettings(
        application=fields.text("application"),
        group=fields.text("group"),
        platform=fields.word("platform", PLATFORMS),
        family=fields.text("family"),
        port=fields.count("port"),
        hooks=tuple(EventHook(one.text("event"), one.text("function")) for one in fields.objects("hooks")),
        bucket=fields.text("bucket"),
        prefix=fields.text("prefix"),
        other_group=fields.text("other_group"),
        definition=fields.text("definition"),
        size=fields.count("size"),
        size_alarm=fields.text("size_alarm"),
    )
