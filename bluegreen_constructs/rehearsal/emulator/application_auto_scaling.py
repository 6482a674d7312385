"""Application Auto Scaling, which the emulator does not have.

Targets and policies are kept, and the bounds hold: a registered ECS service gets at least MinCapacity tasks and at
most MaxCapacity. Policies scale nothing here. The API answers RegisterScalableTarget, DescribeScalableTargets and
DeregisterScalableTarget, over the same records as the CloudFormation types.
"""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence

import boto3
from botocore.exceptions import ClientError

from .world import EmulatorConfig

Properties = Mapping[str, object]
Handler = Callable[..., object]
Answer = tuple[int, dict[str, str], bytes]
TARGET_PREFIX = "AnyScaleFrontendService"
_SHOWN = ("ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity", "RoleARN")
_SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


class ApplicationAutoScaling:
    """What the templates registered, by physical id; shown in the state, so that a test can see what was made."""

    def __init__(self, config: EmulatorConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._records: dict[str, dict[str, object]] = {}

    def describe(self) -> Mapping[str, object]:
        """The registered targets and policies with their properties."""
        with self._lock:
            return {"registered": dict(self._records)}

    def types(self) -> dict[str, tuple[dict[str, Handler | bool], Sequence[str]]]:
        """By type: its handlers, and the properties whose change replaces it."""
        return {
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalabletarget.html
            "AWS::ApplicationAutoScaling::ScalableTarget": (
                {"create": self._register_target, "update": self._update, "delete": self._forget},
                ("ResourceId", "ScalableDimension", "ServiceNamespace"),
            ),
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-applicationautoscaling-scalingpolicy.html
            "AWS::ApplicationAutoScaling::ScalingPolicy": (
                {"create": self._put_policy, "update": self._update, "delete": self._forget},
                ("PolicyName", "ResourceId", "ScalableDimension", "ScalingTargetId", "ServiceNamespace"),
            ),
        }

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, object]
    ) -> Answer:
        """One API call; on a thread of its own, for registering calls ECS through the gateway."""
        del method, path, query_params
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        answers: dict[str, Callable[[Properties], Answer]] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._show,
            "DeregisterScalableTarget": self._deregister,
        }
        if action not in answers:
            return _error("UnknownOperationException", f"{action} is not covered by the rehearsal")
        return await asyncio.to_thread(answers[action], json.loads(body or b"{}"))

    def _register(self, request: Properties) -> Answer:
        """Absent members of a target that is registered already stay as they are.

        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
        """
        target = _target_id(request)
        with self._lock:
            wanted = {**self._records.get(target, {}), **request}
        missing = [name for name in ("MinCapacity", "MaxCapacity") if wanted.get(name) is None]
        if missing:
            return _error("ValidationException", f"{missing[0]} is required to register a new scalable target")
        lowest, highest = int(str(wanted["MinCapacity"])), int(str(wanted["MaxCapacity"]))
        if lowest > highest:
            return _error("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        self._keep_within(wanted, lowest, highest)
        self._keep(target, wanted)
        return _json({"ScalableTargetARN": self._target_arn(target)})

    def _show(self, request: Properties) -> Answer:
        with self._lock:
            records = {key: dict(record) for key, record in self._records.items() if not key.startswith("arn:")}
        asked = request.get("ResourceIds")
        resources = {str(name) for name in asked} if isinstance(asked, list) else set()
        shown = [
            {
                **{name: record[name] for name in _SHOWN if record.get(name) is not None},
                "MinCapacity": int(str(record["MinCapacity"])),
                "MaxCapacity": int(str(record["MaxCapacity"])),
                "ScalableTargetARN": self._target_arn(key),
                "SuspendedState": record.get("SuspendedState") or dict.fromkeys(_SUSPENDABLE, False),
            }
            for key, record in records.items()
            if record.get("ServiceNamespace") == request.get("ServiceNamespace")
            and (not resources or record.get("ResourceId") in resources)
            and request.get("ScalableDimension") in {None, record.get("ScalableDimension")}
        ]
        return _json({"ScalableTargets": shown})

    def _deregister(self, request: Properties) -> Answer:
        with self._lock:
            found = self._records.pop(_target_id(request), None)
        if found is None:
            return _error("ObjectNotFoundException", f"No scalable target found for {_target_id(request)}")
        return _json({})

    def _target_arn(self, target: str) -> str:
        where = f"arn:aws:application-autoscaling:{self._config.region}:{self._config.account}:scalable-target"
        return f"{where}/{uuid.uuid5(uuid.NAMESPACE_URL, target).hex}"

    def _register_target(self, logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
        del logical_id, stack_name
        lowest, highest = int(str(properties["MinCapacity"])), int(str(properties["MaxCapacity"]))
        if lowest > highest:
            raise ValueError(f"MinCapacity {lowest} is more than MaxCapacity {highest} (ValidationException)")
        target = _target_id(properties)
        self._keep_within(properties, lowest, highest)
        return self._keep(target, properties), {"Id": target}

    def _put_policy(self, logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
        del logical_id, stack_name
        target = str(properties.get("ScalingTargetId", ""))
        resource, _, namespace = target.partition("|")[0], "", target.rpartition("|")[2]
        where = f"arn:aws:autoscaling:{self._config.region}:{self._config.account}:scalingPolicy"
        resource = resource or str(properties.get("ResourceId"))
        namespace = namespace or str(properties.get("ServiceNamespace"))
        policy = f"{where}:{uuid.uuid4()}:resource/{namespace}/{resource}:policyName/{properties['PolicyName']}"
        return self._keep(policy, properties), {"Arn": policy}

    def _update(
        self, physical_id: str, before: Properties, after: Properties, stack_name: str
    ) -> tuple[str, dict[str, str]]:
        del before, stack_name
        if "MinCapacity" in after:
            self._keep_within(after, int(str(after["MinCapacity"])), int(str(after["MaxCapacity"])))
        attribute = "Arn" if physical_id.startswith("arn:") else "Id"
        return self._keep(physical_id, after), {attribute: physical_id}

    def _keep_within(self, properties: Properties, lowest: int, highest: int) -> None:
        """Bring the service's count within the bounds, as registering does when it lies outside.

        https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
        """
        if properties.get("ServiceNamespace") != "ecs":
            return
        _, cluster, service = str(properties["ResourceId"]).split("/")
        client = boto3.client(
            "ecs",
            endpoint_url=self._config.endpoint,
            region_name=self._config.region,
            aws_access_key_id="application-autoscaling",
            aws_secret_access_key="played",  # noqa: S106  # no secret: the emulator takes any
        )
        try:
            (described,) = client.describe_services(cluster=cluster, services=[service])["services"]
        except (ClientError, ValueError):
            return  # no such service: nothing to bring within bounds
        count = int(described["desiredCount"])
        wanted = min(max(count, lowest), highest)
        if wanted != count:
            client.update_service(cluster=cluster, service=service, desiredCount=wanted)

    def _keep(self, physical_id: str, properties: Properties) -> str:
        with self._lock:
            self._records[physical_id] = dict(properties)
        return physical_id

    def _forget(self, physical_id: str, properties: Properties) -> None:
        del properties
        with self._lock:
            self._records.pop(physical_id, None)


def _target_id(properties: Properties) -> str:
    """AWS's own form of the id: service/CLUSTER/SERVICE|ecs:service:DesiredCount|ecs."""
    return "|".join(str(properties.get(name)) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _json(body: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _error(code: str, message: str) -> Answer:
    return _json({"__type": code, "message": message}, 400)
