"""An alarm as DescribeAlarms gives it: its configuration as it was put, and the state that evaluations give it."""

from collections.abc import Mapping, MutableMapping

from .alarm_definition import AlarmDefinition
from .alarm_events import StateSnapshot
from .alarms import Outcome
from .metric_queries import dimensions_of, flag, members, text

AlarmRecord = MutableMapping[str, object]

_ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")


def new_record(
    request: Mapping[str, object], definition: AlarmDefinition, *, arn: str, now: float
) -> dict[str, object]:
    """The record of a PutMetricAlarm request (or a template's properties), just created at the rehearsed `now`.

    Members that the request leaves out are left out, except those that CloudWatch gives a default.
    """
    initial = StateSnapshot.initial(now)
    record: dict[str, object] = {
        "AlarmName": definition.name,
        "AlarmArn": arn,
        "ActionsEnabled": flag(request.get("ActionsEnabled"), default=True),
        "EvaluationPeriods": definition.evaluation_periods,
        "Threshold": definition.threshold,
        "ComparisonOperator": definition.comparison,
        "TreatMissingData": definition.treat_missing_data.value,
        "AlarmConfigurationUpdatedTimestamp": round(now, 3),
        "StateValue": initial.value,
        "StateReason": initial.reason,
        "StateUpdatedTimestamp": round(now, 3),
        "StateTransitionedTimestamp": round(now, 3),
    }
    for action in _ACTIONS:
        given = request.get(action)
        record[action] = [text(arn) for arn in given] if isinstance(given, list) else []
    for member in ("AlarmDescription", "EvaluateLowSampleCountPercentile"):
        if request.get(member):
            record[member] = text(request[member])
    if request.get("DatapointsToAlarm"):
        record["DatapointsToAlarm"] = definition.datapoints_to_alarm
    return record | _watched(request, definition)


def _watched(request: Mapping[str, object], definition: AlarmDefinition) -> dict[str, object]:
    if members(request.get("Metrics")):
        return {"Metrics": [_query(query) for query in members(request["Metrics"])], "Dimensions": []}
    record: dict[str, object] = {
        member: text(request[member])
        for member in ("Namespace", "MetricName", "Statistic", "ExtendedStatistic", "Unit")
        if request.get(member)
    }
    return record | {"Period": definition.period, "Dimensions": _dimensions(request.get("Dimensions"))}


def _query(query: Mapping[str, object]) -> dict[str, object]:
    record: dict[str, object] = {
        member: text(query[member]) for member in ("Id", "Label", "Expression") if query.get(member)
    }
    record["ReturnData"] = flag(query.get("ReturnData"), default=True)
    if query.get("Period"):
        record["Period"] = int(text(query["Period"]))
    stat = query.get("MetricStat")
    if isinstance(stat, Mapping):
        metric = stat.get("Metric")
        identity = metric if isinstance(metric, Mapping) else {}
        record["MetricStat"] = {
            "Metric": {
                "Namespace": text(identity.get("Namespace")),
                "MetricName": text(identity.get("MetricName")),
                "Dimensions": _dimensions(identity.get("Dimensions")),
            },
            "Period": int(text(stat.get("Period")) or "60"),
            "Stat": text(stat.get("Stat")),
            **({"Unit": text(stat["Unit"])} if stat.get("Unit") else {}),
        }
    return record


def _dimensions(value: object) -> list[dict[str, str]]:
    return [{"Name": name, "Value": given} for name, given in dimensions_of(value).items()]


def keep_state(record: AlarmRecord, existing: Mapping[str, object] | None) -> None:
    """Give an updated alarm the state of the one it replaces ("its state is left unchanged", PutMetricAlarm)."""
    for member in _STATE:
        if existing is not None and member in existing:
            record[member] = existing[member]


def apply(record: AlarmRecord, outcome: Outcome, *, now: float) -> None:
    """Move an alarm to the state of an evaluation."""
    record.pop("EvaluationState", None)
    record["StateValue"] = outcome.state.value
    record["StateReason"] = outcome.reason
    record["StateReasonData"] = outcome.reason_data
    record["StateUpdatedTimestamp"] = record["StateTransitionedTimestamp"] = round(now, 3)


def snapshot(record: Mapping[str, object], *, now: float) -> StateSnapshot:
    """The state that an alarm has at the rehearsed `now`."""
    return StateSnapshot(
        text(record.get("StateValue")), text(record.get("StateReason")), now, text(record.get("StateReasonData"))
    )


def watches_metric(record: Mapping[str, object], request: Mapping[str, object]) -> bool:
    """Whether DescribeAlarmsForMetric gives this alarm: one on exactly that metric (and period, statistic, unit)."""
    if record.get("MetricName") != request.get("MetricName") or record.get("Namespace") != request.get("Namespace"):
        return False
    if dimensions_of(record.get("Dimensions")) != dimensions_of(request.get("Dimensions")):
        return False
    return all(
        not request.get(member) or text(request[member]) == text(record.get(member))
        for member in ("Period", "Statistic", "ExtendedStatistic", "Unit")
    )
