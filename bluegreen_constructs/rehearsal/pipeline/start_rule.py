"""What starts a pipeline: its synthesised EventBridge rule, made in the emulator with a queue in the pipeline's place.

The emulator's EventBridge matches the rule's own pattern and renders its own input transformer; what it would send to
StartPipelineExecution arrives in the queue.
https://docs.aws.amazon.com/codepipeline/latest/userguide/create-cwe-ecr-source.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from ...engine.errors import RehearsalError
from .action_work import SourceRevision
from .template_values import TemplateValues

_RULE = "AWS::Events::Rule"
_START = "codepipeline:StartPipelineExecution"
_SECONDS = 10  # real: how long an event may take to the queue


@dataclass(frozen=True)
class StartRule:
    """A rule that starts a pipeline: what it matches, and what it makes of the event."""

    name: str
    pattern: Mapping[str, object]
    transformer: Mapping[str, object] | None


def start_rules(values: TemplateValues, pipeline_arn: str) -> Sequence[StartRule]:
    """The rules of a template that start the pipeline.

    Raises RehearsalError for one whose role EventBridge could not start it with: nothing here enforces that later.
    """
    return [
        _rule(logical_id, properties, target, values, pipeline_arn)
        for logical_id, properties in values.resources(_RULE)
        for target in _items(properties.get("Targets"))
        if _is_pipeline(target.get("Arn"), values, pipeline_arn)
    ]


class RuleInEmulator:
    """A rule for as long as the block lasts."""

    def __init__(self, rule: StartRule, events: Any, sqs: Any) -> None:
        self._rule, self._events, self._sqs = rule, events, sqs
        self._queue = ""

    def __enter__(self) -> Self:
        name = f"starts-{self._rule.name}"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        target = {"Id": "Queue", "Arn": arn}
        if self._rule.transformer is not None:
            target["InputTransformer"] = dict(self._rule.transformer)
        self._events.put_rule(Name=name, EventPattern=json.dumps(self._rule.pattern))
        self._events.put_targets(Rule=name, Targets=[target])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        name = f"starts-{self._rule.name}"
        self._events.remove_targets(Rule=name, Ids=["Queue"])
        self._events.delete_rule(Name=name)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def starts(self, at_least: int = 1) -> list[tuple[SourceRevision, ...]]:
        """The starts that events have led to: waits for `at_least`, and takes what is there besides."""
        found: list[tuple[SourceRevision, ...]] = []
        for _ in range(_SECONDS):
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(revisions_of(message["Body"]))
            if len(found) >= at_least:
                return found
        raise RehearsalError(f"{len(found)} events have reached the rule {self._rule.name}, and {at_least} should have")


def revisions_of(body: str) -> tuple[SourceRevision, ...]:
    """The revisions in the input of StartPipelineExecution; none in an event that was passed on as it is."""
    content = json.loads(body)
    return tuple(
        SourceRevision(str(one["actionName"]), str(one["revisionType"]), str(one["revisionValue"]))
        for one in _items(content.get("sourceRevisions"))
    )


def _rule(
    logical_id: str,
    properties: Mapping[str, Any],
    target: Mapping[str, Any],
    values: TemplateValues,
    pipeline_arn: str,
) -> StartRule:
    role = values.text(target.get("RoleArn", ""), f"the role of the rule {logical_id}")
    if not _may_start(role, values, pipeline_arn):
        raise RehearsalError(f"the rule {logical_id} has the role {role or 'none'}, which may not start {pipeline_arn}")
    pattern = values.value(properties.get("EventPattern"), f"the pattern of the rule {logical_id}")
    transformer = values.value(target.get("InputTransformer"), f"the input transformer of the rule {logical_id}")
    if not isinstance(pattern, Mapping):
        raise RehearsalError(f"the rule {logical_id} matches no events")
    return StartRule(logical_id, pattern, transformer if isinstance(transformer, Mapping) else None)


def _is_pipeline(arn: object, values: TemplateValues, pipeline_arn: str) -> bool:
    try:
        return values.text(arn, "a rule's target") == pipeline_arn
    except RehearsalError:  # a function of the stack, a topic: whatever it is, it is not the pipeline
        return False


def _may_start(role: str, values: TemplateValues, pipeline_arn: str) -> bool:
    """Whether a role of the template trusts EventBridge, and has a statement that lets it start this pipeline."""
    for logical_id, properties in values.resources("AWS::IAM::Role"):
        if values.text({"Fn::GetAtt": [logical_id, "Arn"]}, "a role") != role:
            continue
        trusts = any(
            "events.amazonaws.com" in json.dumps(statement.get("Principal"))
            for statement in _items(properties.get("AssumeRolePolicyDocument", {}).get("Statement"))
        )
        documents = [policy["PolicyDocument"] for policy in _items(properties.get("Policies"))]
        documents += [
            policy["PolicyDocument"]
            for _, policy in values.resources("AWS::IAM::Policy")
            if {"Ref": logical_id} in policy.get("Roles", [])
        ]
        statements = [one for document in documents for one in _items(document.get("Statement"))]
        return trusts and any(_allows(statement, values, pipeline_arn) for statement in statements)
    return False


def _allows(statement: Mapping[str, Any], values: TemplateValues, pipeline_arn: str) -> bool:
    actions, resources = statement.get("Action"), statement.get("Resource")
    return (
        statement.get("Effect") == "Allow"
        and _START in (actions if isinstance(actions, list) else [actions])
        and any(
            _is_pipeline(resource, values, pipeline_arn)
            for resource in (resources if isinstance(resources, list) else [resources])
        )
    )


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
