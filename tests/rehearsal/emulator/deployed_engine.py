"""A stack with what a rollout engine is made of, deployed into an emulator: for the tests of what it relies on."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

Json = dict[str, Any]
STACK = "Engine"

WORKER = """
import boto3, json, os, time

class Refused(Exception):
    pass

def handler(event, context):
    state = event.get("state", event)
    if state.get("meet"):
        meet(**state["meet"])
    if state.get("refuse"):
        raise Refused(state["refuse"])
    if state.get("put_events"):
        boto3.client("events").put_events(Entries=state["put_events"])
    if state.get("put_metric"):
        boto3.client("cloudwatch").put_metric_data(**state["put_metric"])
    if state.get("grow"):
        return {"grown": "x" * state["grow"]}
    left = state.get("left", 1) - 1
    seen = [*state.get("seen", []), event.get("now")]
    return {**state, "left": left, "seen": seen, "done": left <= 0, "wait_seconds": state.get("wait_seconds", 60),
            **{name: event[name] for name in ("execution", "name", "started") if name in event}}

def meet(name, others):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    key = {"pk": "meet#" + name, "sk": "-"}
    table.update_item(Key=key, UpdateExpression="ADD here :one", ExpressionAttributeValues={":one": 1})
    deadline = time.time() + 8
    while table.get_item(Key=key, ConsistentRead=True)["Item"]["here"] < others:
        if time.time() > deadline:
            raise TimeoutError("nobody else came")
        time.sleep(0.05)
"""

LISTENER = """
import boto3, json, os

def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={
        "pk": {"S": "heard"}, "sk": {"S": event["id"]}, "event": {"S": json.dumps(event)}})
"""


def arn(name: str) -> Json:
    return {"Fn::GetAtt": [name, "Arn"]}


def function(code: str, **more: Any) -> Json:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.14",
            "Handler": "index.handler",
            "Role": arn("Role"),
            "Timeout": 20,
            "Code": {"ZipFile": code},
            "Environment": {"Variables": {"TABLE": {"Ref": "Table"}, "AWS_MAX_ATTEMPTS": "1"}},
            **more,
        },
    }


def invoke(function_arn: str) -> Json:
    """A state that invokes a function through the optimised integration."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": function_arn,
            "Payload": {
                "now.$": "$$.State.EnteredTime",
                "execution.$": "$$.Execution.Id",
                "name.$": "$$.Execution.Name",
                "started.$": "$$.Execution.StartTime",
                "state.$": "$",
            },
        },
        "ResultSelector": {"answer.$": "$.Payload"},
        "OutputPath": "$.answer",
    }


RETRY = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 2.0}]


def rollout(start_arn: str, tick_arn: str) -> Json:
    """The states of a rollout: one function starts, another is asked again and again; live is restored without them."""
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "RestoreLive"}]
    return {
        "StartAt": "Start",
        "States": {
            "Start": {
                **invoke(start_arn),
                "Catch": [{"ErrorEquals": ["Refused"], "ResultPath": "$.error", "Next": "Refuse"}],
                "Next": "Tick",
            },
            "Tick": {
                "Type": "Task",
                "Resource": tick_arn,
                "Parameters": {"now.$": "$$.State.EnteredTime", "state.$": "$"},
                "Retry": RETRY,
                "Catch": caught,
                "Next": "Done",
            },
            "Done": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "End"}],
                "Default": "Wait",
            },
            "Wait": {"Type": "Wait", "SecondsPath": "$.wait_seconds", "Next": "Tick"},
            "RestoreLive": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:elasticloadbalancingv2:modifyRule",
                "Parameters": {"RuleArn.$": "$.restore.RuleArn", "Actions.$": "$.restore.Actions"},
                "ResultPath": "$.restored",
                "Next": "MarkAborted",
            },
            "MarkAborted": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:elasticloadbalancingv2:addTags",
                "Parameters": {"ResourceArns.$": "$.mark.ResourceArns", "Tags.$": "$.mark.Tags"},
                "ResultPath": None,
                "Next": "Aborted",
            },
            "Aborted": {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
            "Refuse": {"Type": "Fail", "Error": "Refused", "CausePath": "$.error.Cause"},
            "End": {"Type": "Succeed"},
        },
    }


def joined(definition: Json) -> Json:
    """The definition as CDK writes it into a template: text around references, put together by Fn::Join."""
    text = json.dumps(definition)
    for name in ("Start", "Tick"):
        text = text.replace(f"<{name}>", f"\0{name}\0")
    pieces: list[Any] = text.split("\0")
    return {"Fn::Join": ["", [arn(piece) if piece in {"Start", "Tick"} else piece for piece in pieces]]}


ALARM_PATTERN = {
    "source": ["aws.cloudwatch"],
    "detail-type": ["CloudWatch Alarm State Change"],
    "detail": {"alarmName": [{"prefix": "Serving-"}], "state": {"value": ["ALARM"]}},
}
PUSH_PATTERN = {
    "source": ["aws.ecr"],
    "detail-type": ["ECR Image Action"],
    "detail": {
        "action-type": ["PUSH"],
        "result": ["SUCCESS"],
        "repository-name": ["model"],
        "image-tag": [{"prefix": "v"}],
    },
}
PUSH_INPUT = {
    "InputPathsMap": {"tag": "$.detail.image-tag", "digest": "$.detail.image-digest", "at": "$.time"},
    "InputTemplate": '{"release": {"name": <tag>, "digest": <digest>}, "at": <at>, "caller": "ecr"}',
}

RESOURCES: Json = {
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    },
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn("Key")},
        },
    },
    "Start": function(WORKER),
    "Tick": function(WORKER),
    "Alarm": function(LISTENER, DeadLetterConfig={"TargetArn": arn("DeadLetters")}, ReservedConcurrentExecutions=5),
    "AlarmRetries": {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {"FunctionName": {"Ref": "Alarm"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1},
    },
    "AlarmPermission": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Alarm"},
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": arn("AlarmRule"),
        },
    },
    "DeadLetters": {"Type": "AWS::SQS::Queue"},
    "Told": {"Type": "AWS::SNS::Topic"},
    "CandidateValue": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"GenerateSecretString": {"PasswordLength": 200, "ExcludePunctuation": True}},
    },
    "Log": {"Type": "AWS::Logs::LogGroup"},
    "Target": {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Name": "/bluegreen/targets/Serving/Model", "Value": '{"name": "Model"}'},
    },
    "LargeTarget": {
        "Type": "AWS::SSM::Parameter",
        "Properties": {
            "Type": "String",
            "Tier": "Advanced",
            "Name": "/bluegreen/targets/Serving/Large",
            "Value": json.dumps({"name": "Large", "steps": "x" * 5000}),
        },
    },
    "Rollout": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": arn("Role"),
            "StateMachineType": "STANDARD",
            "DefinitionString": joined(rollout("<Start>", "<Tick>")),
            "LoggingConfiguration": {
                "Level": "ERROR",
                "IncludeExecutionData": True,
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": arn("Log")}}],
            },
            "TracingConfiguration": {"Enabled": True},
        },
    },
    "Pushed": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": arn("Role"),
            "DefinitionString": {
                "Fn::Sub": [
                    '{"StartAt": "Take", "States": {"Take": {"Type": "Pass", "Comment": "${Name}", "End": true}}}',
                    {"Name": {"Ref": "AWS::Region"}},
                ]
            },
        },
    },
    "AlarmRule": {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventPattern": ALARM_PATTERN, "Targets": [{"Id": "Alarm", "Arn": arn("Alarm")}]},
    },
    "PushRule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": PUSH_PATTERN,
            "Targets": [{"Id": "P", "Arn": {"Ref": "Pushed"}, "RoleArn": arn("Role"), "InputTransformer": PUSH_INPUT}],
        },
    },
    "OwnRule": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["bluegreen.engine"], "detail": {"outcome": ["PROMOTED", "ROLLED_BACK"]}},
            "Targets": [{"Id": "Alarm", "Arn": arn("Alarm")}],
        },
    },
    "Repository": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "model"}},
    "Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": '{"widgets": []}'}},
}
OUTPUTS = {
    **{name: {"Value": {"Ref": name}} for name in RESOURCES if name not in {"AlarmPermission", "AlarmRetries"}},
    "TickArn": {"Value": arn("Tick")},
}


class Engine:
    """The deployed stack: what its resources are called, and clients for them."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.states = self.client("stepfunctions")
        self.dynamodb = self.client("dynamodb")
        self.functions = self.client("lambda")
        self.names: dict[str, str] = {}

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def deploy(self, resources: Json = RESOURCES) -> "Engine":
        stacks = self.client("cloudformation")
        body = json.dumps({"Resources": resources, "Outputs": OUTPUTS})
        if self.names:
            stacks.update_stack(StackName=STACK, TemplateBody=body)
        else:
            stacks.create_stack(StackName=STACK, TemplateBody=body)

        def described() -> Json:
            (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
            return stack

        until(lambda: not described()["StackStatus"].endswith("_IN_PROGRESS"))
        events = stacks.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]
        assert described()["StackStatus"] == ("UPDATE_COMPLETE" if self.names else "CREATE_COMPLETE"), reasons
        self.names = {output["OutputKey"]: output["OutputValue"] for output in described()["Outputs"]}
        return self

    def now(self) -> float:
        """The rehearsed time."""
        clock: Any = self.emulator.state()["clock"]
        return float(clock["now"])

    def machine(self, states: Json, **more: Any) -> str:
        """A state machine of its own, from its states; the first one starts."""
        definition = {"StartAt": next(iter(states)), "States": states, **more}
        name = f"own-{len(self.states.list_state_machines()['stateMachines'])}"
        return self.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/any"
        )["stateMachineArn"]

    def start(self, machine: str, given: Json | None = None, **more: Any) -> str:
        return self.states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}), **more)[
            "executionArn"
        ]

    def described(self, execution: str) -> Json:
        return self.states.describe_execution(executionArn=execution)

    def ended(self, execution: str) -> Json:
        until(lambda: self.described(execution)["status"] != "RUNNING")
        return self.described(execution)

    def run(self, machine: str, given: Json | None = None, **more: Any) -> Json:
        return self.ended(self.start(machine, given, **more))

    def output(self, execution: Json) -> Any:
        assert execution["status"] == "SUCCEEDED", (execution.get("error"), execution.get("cause"))
        return json.loads(execution["output"])

    def log_of(self, function: str) -> str:
        """All that a function has printed, its tracebacks too."""
        logs, group = self.client("logs"), f"/aws/lambda/{function}"
        return "\n".join(event["message"] for event in logs.filter_log_events(logGroupName=group)["events"])

    def events(self, execution: str) -> list[str]:
        """The types of the history, in order."""
        return [event["type"] for event in self.states.get_execution_history(executionArn=execution)["events"]]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)


def instant(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
