"""The next version of the engine, made from this one: its state has a later schema and says more."""

import re
import shutil
from pathlib import Path

from ..engine.errors import RehearsalError

FURTHER_KEY = "rehearsed_upgrade"
SIGNALLED = "FailsLate"  # the logical id of the resource that takes the signal
_SIGNAL_SECONDS = 120  # an update that nobody signals fails as well, and too late to hide it
_CODEC = Path("bluegreen_constructs") / "engine" / "rollout_codec.py"
_SCHEMA = re.compile(r"^SCHEMA = (\d+)$", re.MULTILINE)
_READS = re.compile(r'^(\s+)"reads": (\d+),$', re.MULTILINE)
# The failing update waits for a signal after the functions were updated: meanwhile they run.
_APP = '''"""The checkout's application with the next engine; with Fails=yes its update fails when it is told."""

import aws_cdk as cdk

from stacks.application import build

app = cdk.App()
context = app.node.try_get_context
build(app, environment=context("environment"), release=context("release"))
stack = app.node.find_child(context("stack"))
fails = cdk.CfnParameter(stack, "Fails", default="no", allowed_values=["no", "yes"])
condition = cdk.CfnCondition(stack, "DoesFail", expression=cdk.Fn.condition_equals(fails.value_as_string, "yes"))
wait = cdk.CfnWaitCondition(stack, "{signalled}")
wait.cfn_options.creation_policy = cdk.CfnCreationPolicy(
    resource_signal=cdk.CfnResourceSignal(count=1, timeout="PT{seconds}S")
)
wait.cfn_options.condition = condition
for part in stack.node.find_all():
    if isinstance(part, cdk.CfnResource) and part.cfn_resource_type == "AWS::Lambda::Function":
        wait.add_dependency(part)
app.synth()
'''


def next_checkout(root: Path, folder: Path) -> Path:
    """A copy of the checkout's application with the next engine; answers its `app.py`.

    The application takes the name of the engine's stack as the context value `stack`. An update of that stack with the
    parameter Fails=yes replaces the engine's code, and then waits for a SignalResource of SIGNALLED to fail it.

    Raises RehearsalError when the engine's state is not written as it was.
    """
    ignored = shutil.ignore_patterns("__pycache__", "rehearsal", "cli", "simulation")
    for part in ("bluegreen_constructs", "stacks"):
        shutil.copytree(root / part, folder / part, ignore=ignored)
    golden = Path("services") / "inference" / "golden.json"
    (folder / golden).parent.mkdir(parents=True)
    shutil.copy(root / golden, folder / golden)
    codec = folder / _CODEC
    codec.write_text(_next_codec(codec.read_text(encoding="utf-8")), encoding="utf-8")
    app = folder / "app.py"
    app.write_text(_APP.replace("{signalled}", SIGNALLED).replace("{seconds}", str(_SIGNAL_SECONDS)), encoding="utf-8")
    return app


def _next_codec(text: str) -> str:
    """The codec one schema later, writing one more key, and still to be read by whoever reads this one."""
    text, schemas = _SCHEMA.subn(lambda found: f"SCHEMA = {int(found[1]) + 1}", text)
    text, keys = _READS.subn(rf'\1"reads": \2,\n\1"{FURTHER_KEY}": {{"by": "the next engine"}},', text)
    if (schemas, keys) != (1, 1):
        raise RehearsalError(f"{_CODEC} does not write its schema as it did: the next engine cannot be made of it")
    return text
