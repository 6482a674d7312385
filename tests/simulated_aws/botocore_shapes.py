"""Compares simulated calls with botocore's own description of AWS: no argument and no answer may have another shape.

It takes a hundred microseconds a call, so the tests of the simulation switch it on, and long runs do without.
"""

from functools import lru_cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from .client import Answer, NotSimulatedError, SimulatedClient

_VALIDATOR = ParamValidator()


@lru_cache(maxsize=32)
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


@lru_cache(maxsize=128)
def _operation(service: str, operation: str) -> OperationModel:
    return _service(service).operation_model(operation)


def check_shapes(service: str, operation: str, arguments: Answer, answer: Answer | None) -> None:
    """For `SimulatedAws.shape_check`: raises NotSimulatedError for what botocore would not send, or not answer."""
    model = _operation(service, operation)
    if answer is None:
        report = _VALIDATOR.validate(arguments, model.input_shape)
        what = "is called with what botocore does not send"
    else:
        if model.output_shape is None:
            return
        stream = model.output_shape.serialization.get("payload") if model.has_streaming_output else None
        shown = {name: value for name, value in answer.items() if name != stream}
        report = _VALIDATOR.validate(shown, model.output_shape)
        what = "answers what AWS does not answer"
    found = report.generate_report().splitlines()
    if answer is not None:
        # Limits of length are for what is sent; AWS itself answers an empty list of tags.
        found = [line for line in found if not line.startswith("Invalid length")]
    if found:
        raise NotSimulatedError(f"{service}.{operation} {what}: {'; '.join(found)}")


def check_errors(client: SimulatedClient) -> None:
    """Every error class of the client is one that botocore makes for that code."""
    known = {shape.error_code: shape.name for shape in _service(client.service).error_shapes}
    for code, name in client.exceptions.class_by_code.items():
        if known.get(code) != name:
            raise NotSimulatedError(f"{client.service} has no error {code} of class {name}")
