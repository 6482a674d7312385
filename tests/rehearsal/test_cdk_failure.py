"""Why a command of the CDK CLI failed, in one line out of what the real one (2.1148.1) said."""

import pytest

from bluegreen_constructs.rehearsal.cdk_failure import reason_in

SUBPROCESS = "/checkout/.venv/bin/python app.py: Subprocess exited with error 1"
REFUSED = f"refused: environment is 'x': choose from dev, prod, rehearsal\n{SUBPROCESS}"
RAISED = f"""Traceback (most recent call last):
  File "/checkout/app.py", line 2, in <module>
    raise ValueError("boo\\nsecond line")
ValueError: boo
second line
{SUBPROCESS}"""
RAISED_IN_THE_LIBRARY = f"""jsii.errors.JavaScriptError:
  Error: There is already a Construct with name 'S' in App
      at Node.addChild (/tmp/jsii-kernel/node_modules/constructs/lib/construct.js:466:19)

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/checkout/app.py", line 4, in <module>
    cdk.Stack(app, "S")
RuntimeError: There is already a Construct with name 'S' in App
{SUBPROCESS}"""
NO_SUCH_FILE = "python: can't open file '/checkout/nofile.py': [Errno 2] No such file or directory\n" + SUBPROCESS
DEPLOY_FAILED = """Failed resources:
SharedIngress | 11:47:20 AM | UPDATE_FAILED | AWS::ElasticLoadBalancingV2::ListenerRule | Collision Resource
❌  SharedIngress failed to deploy
‣ DeploymentError: Resource updates failed:
SharedIngress/Collision  (AWS::ElasticLoadBalancingV2::ListenerRule Collision)
  Resource handler returned message: "Priority '20' is currently in use (Service: ElasticLoadBalancingV2, Status Code:
  400)"
Source Location: ...jsii runtime, node internals...
                 (no user code in 10 frames, use --stack-trace-limit to capture more)

   CloudTrail delivery can lag up to 15 minutes behind the failure; re-run `cdk diagnose` in a few minutes."""


CRASHED = """/toolchain/node_modules/aws-cdk/lib/index.js:18
    throw err = [e6], e6;
    ^

Error: ENOENT: no such file or directory, lstat '/tmp/gone'
    at Object.realpathSync (node:fs:2848:29) {
  errno: -2
}

Node.js v24.19.0"""


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (REFUSED, "environment is 'x': choose from dev, prod, rehearsal"),
        (RAISED, "ValueError: boo second line"),
        (RAISED_IN_THE_LIBRARY, "RuntimeError: There is already a Construct with name 'S' in App"),
        (NO_SUCH_FILE, "python: can't open file '/checkout/nofile.py': [Errno 2] No such file or directory"),
        (
            DEPLOY_FAILED,
            (
                "DeploymentError: Resource updates failed: SharedIngress/Collision "
                "(AWS::ElasticLoadBalancingV2::ListenerRule Collision) Resource handler returned message: "
                "\"Priority '20' "
                'is currently in use (Service: ElasticLoadBalancingV2, Status Code: 400)"'
            ),
        ),
        (CRASHED, "Error: ENOENT: no such file or directory, lstat '/tmp/gone'"),
        ("❌  Stack failed: something", "Stack failed: something"),
        ("connect ECONNREFUSED 127.0.0.1:4566\n\n", "connect ECONNREFUSED 127.0.0.1:4566"),
        ("", "it said nothing"),
    ],
    ids=[
        "refused",
        "raised",
        "raised in the library",
        "no such file",
        "deploy failed",
        "crashed",
        "one line",
        "other",
        "silent",
    ],
)
def test_the_reason_of_a_failure_is_one_line_in_the_words_of_who_failed(stderr: str, reason: str) -> None:
    assert reason_in("", stderr) == reason
    assert reason_in("what was said before\n", stderr) == (reason if stderr else "what was said before")


def test_a_refusal_goes_before_whatever_follows_it() -> None:
    assert reason_in("", f"{REFUSED}\n{DEPLOY_FAILED}") == "environment is 'x': choose from dev, prod, rehearsal"


def test_an_endless_reason_is_cut() -> None:
    assert len(reason_in("", "x" * 5000)) < 500
