"""Runs what a build runs, in bash, with an `aws`, a `docker` and a `sleep` that play the repository."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What a command line of AWS says on the way is played as far as the builds look: the words of an error, `--query` by
# the command line's own language, `text` and `json`.
_AWS = r"""
import json, os, sys
from pathlib import Path
import jmespath

world_file = Path(os.environ["WORLD"])
world = json.loads(world_file.read_text())
arguments = sys.argv[1:]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(["aws", *arguments]) + "\n")

def option(name, default=None):
    return arguments[arguments.index(name) + 1] if name in arguments else default

def fail(words):
    sys.stderr.write(f"\nAn error occurred ({words}) when calling the operation: {words}\n")
    sys.exit(254)

command = arguments[1]
if command == "get-login-password":
    answer = "password"
elif command == "describe-images":
    assert option("--repository-name") == "shop"
    if world.get("denied"):
        fail("AccessDeniedException")
    images = world["images"]
    wanted = option("--image-ids")
    if wanted:
        tag = wanted.removeprefix("imageTag=")
        found = [one for one in images if one["imageTags"] == [tag]]
        if not found:
            fail("ImageNotFoundException")
    else:
        assert option("--filter") == "tagStatus=TAGGED"
        found = images
    answer = {"imageDetails": found}
elif command == "describe-image-scan-findings":
    assert "--no-paginate" in arguments
    answers = world["scans"]
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    world_file.write_text(json.dumps(world))
    if isinstance(answer, str):
        fail(answer)
else:
    raise AssertionError(arguments)
query = option("--query")
if query:
    answer = jmespath.search(query, answer)
def text(value):
    return "None" if value is None else str(value)
if option("--output") == "text" or command == "get-login-password":
    print("\t".join(map(text, answer)) if isinstance(answer, list) else text(answer))
else:
    print(json.dumps(answer, indent=4))
"""
_DOCKER = r"""
import json, os, sys
from pathlib import Path

world_file = Path(os.environ["WORLD"])
world = json.loads(world_file.read_text())
arguments = sys.argv[1:]
if arguments[0] == "login":
    arguments.append("with " + sys.stdin.read().strip())
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(["docker", *arguments]) + "\n")
status = 1 if arguments[0] in world.get("failing", ()) else 0
if arguments[0] == "push" and (status == 0 or world.get("another_pushes")):
    tag = arguments[1].rpartition(":")[2]
    world["images"].append({"imageTags": [tag], "imageDigest": world["next"], "imagePushedAt": "2026-03-01"})
    world_file.write_text(json.dumps(world))
sys.exit(status)
"""
_SLEEP = r"""
import json, os, sys

with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(["sleep", *sys.argv[1:]]) + "\n")
"""


@dataclass
class Ran:
    """How a build ended: its status, what it printed, what it exported, and what it called."""

    status: int
    printed: str
    exported: str
    called: list[list[str]]

    def calls(self, program: str) -> list[list[str]]:
        return [one[1:] for one in self.called if one[0] == program]


@dataclass
class Builder:
    """A folder to build in, and programs that play what is outside of it."""

    folder: Path
    world: dict[str, Any] = field(default_factory=dict)

    def run(self, commands: Sequence[str], variables: Mapping[str, str]) -> Ran:
        """Each command after the other, in one shell, as CodeBuild does; the first that fails ends it."""
        programs = self.folder / "programs"
        programs.mkdir()
        for name, text in (("aws", _AWS), ("docker", _DOCKER), ("sleep", _SLEEP)):
            program = programs / name
            program.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
            program.chmod(0o755)
        world_file = self.folder / "world.json"
        world_file.write_text(json.dumps({"images": []} | self.world), encoding="utf-8")
        calls = self.folder / "calls"
        calls.touch()
        source = self.folder / "source"
        source.mkdir()
        steps = []
        for number, command in enumerate(commands):
            step = self.folder / f"step{number}"
            step.write_text(command, encoding="utf-8")
            steps.append(f'. "{step}" || exit')
        steps.append('env | grep "^IMAGE_DIGEST=" > ../exported || true')
        done = subprocess.run(
            ["bash", "-c", "\n".join(steps)],
            cwd=source,
            env={
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "WORLD": str(world_file),
                "CALLS": str(calls),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        exported = self.folder / "exported"
        return Ran(
            done.returncode,
            done.stdout + done.stderr,
            exported.read_text().strip() if exported.exists() else "",
            [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()],
        )

    def read(self, name: str) -> str:
        """A file that the build left."""
        return (self.folder / "source" / name).read_text(encoding="utf-8")
