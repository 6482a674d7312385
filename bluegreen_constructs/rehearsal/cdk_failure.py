"""Why a command of the CDK CLI failed, in one line out of the pages that it says. Pure."""

import re
from collections.abc import Sequence

# How an application of this repository, or any that follows it, says that it was asked for something impossible.
_REFUSAL = "refused: "
_SUBPROCESS = re.compile(r": Subprocess exited with error \d+$")
# "❌  Stack failed to deploy", or its reason on the next line: "‣ DeploymentError: Resource updates failed:"
_FAILED = re.compile(r"^(?:❌\s+|‣\s+)")
_NOT_THE_REASON = re.compile(r"^(?:Source Location:|\s*CloudTrail delivery|❌)")
_NODE_ERROR = re.compile(r"^\w*Error(?: \[\w+\])?: ")
_LONGEST = 400


def reason_in(stdout: str, stderr: str) -> str:
    """The application's refusal, else its exception, else what the CLI says of its own failure, else the last line."""
    lines = [line.rstrip() for line in (*stdout.splitlines(), *stderr.splitlines())]
    refusals = [line.removeprefix(_REFUSAL) for line in lines if line.startswith(_REFUSAL)]
    if refusals:
        return refusals[-1]
    reason = _of_the_application(stderr.splitlines()) or _of_the_cli(lines) or _of_node(lines) or _last(lines)
    return reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}…"


def _of_the_application(lines: Sequence[str]) -> str:
    """The exception that ended the application: what stands between the traceback's frames and the CLI's remark."""
    ends = [number for number, line in enumerate(lines) if _SUBPROCESS.search(line)]
    if not ends:
        return ""
    said = lines[: ends[-1]]
    frames = [number for number, line in enumerate(said) if line.startswith(" ")]
    return _one_line(said[frames[-1] + 1 :] if frames else said[-1:])


def _of_the_cli(lines: Sequence[str]) -> str:
    """The last failure it marks, with the lines that belong to it."""
    marks = [number for number, line in enumerate(lines) if _FAILED.match(line)]
    if not marks:
        return ""
    paragraph = [_FAILED.sub("", lines[marks[-1]])]
    for line in lines[marks[-1] + 1 :]:
        if not line.strip() or _NOT_THE_REASON.match(line):
            break
        paragraph.append(line)
    return _one_line(paragraph)


def _of_node(lines: Sequence[str]) -> str:
    """The exception that the CLI itself did not catch; Node shows it above its stack, and signs with its version."""
    if not _last(lines).startswith("Node.js v"):
        return ""
    return next((line for line in reversed(lines) if _NODE_ERROR.match(line)), "")


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _one_line(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split()).rstrip(".")
