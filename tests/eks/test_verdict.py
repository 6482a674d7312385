"""A pipeline's build waits for the controller's verdict with the rights that it has, and ends as the release ended."""

import base64
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bluegreen_constructs.argo import rollout_verdict
from bluegreen_constructs.argo.watchers import watchers, watchers_group
from tests.eks.application import FIRST
from tests.eks.deployed import Deployed
from tests.eks.loopback_server import LoopbackServer
from tests.eks.test_adoption import FIRST as ADOPTED
from tests.eks.test_adoption import SECOND as AFTERWARDS
from tests.eks.test_adoption import _deployment

_AWS = """#!/bin/sh
case "$1 $2" in
  "eks describe-cluster") cat "$FOLDER/cluster.json" ;;
  "eks get-token") cat "$FOLDER/token.json" ;;
  *) echo "aws $*: not played here" >&2; exit 2;;
esac
"""


class AsMember:
    """The real API server, asked by a member of one group: what EKS makes of a role by its access entry."""

    def __init__(self, deployed: Deployed, group: str) -> None:
        api, unverified = deployed.plane.api, ssl._create_unverified_context()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {
                    "Authorization": f"Bearer {api.token}",
                    "Impersonate-User": "arn:aws:sts::123456789012:assumed-role/Build/session",
                    "Impersonate-Group": group,
                }
                asked = urllib.request.Request(f"{api.url}{self.path}", headers=headers)
                try:
                    with urllib.request.urlopen(asked, timeout=20, context=unverified) as answer:
                        status, body = answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    status, body = error.code, error.read()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = LoopbackServer(Handler, "member")


class Build:
    """The program as a build runs it; it looks every fifth of a second, so as to miss nothing in between."""

    def __init__(self, folder: Path, service: str) -> None:
        self.folder, self.service = folder, service
        (folder / "aws").write_text(_AWS, encoding="utf-8")
        (folder / "aws").chmod(0o755)

    def knows(self, url: str, token: str = "of-the-build", certificate: bytes = b"") -> None:
        authority = {"data": base64.b64encode(certificate).decode()}
        cluster = {"cluster": {"endpoint": url, "certificateAuthority": authority}}
        (self.folder / "cluster.json").write_text(json.dumps(cluster), encoding="utf-8")
        (self.folder / "token.json").write_text(json.dumps({"status": {"token": token}}), encoding="utf-8")

    def waits_for(self, image: str, seconds: float = 120, *, silence: float = 900) -> tuple[int, str]:
        text = Path(rollout_verdict.__file__).read_text(encoding="utf-8")
        text = text.replace("LOOK_EVERY = 10.0", "LOOK_EVERY = 0.2").replace("SILENCE = 900.0", f"SILENCE = {silence}")
        done = subprocess.run(
            [sys.executable, "-I", "-"],
            input=text,
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "FOLDER": str(self.folder),
                "BLUEGREEN_CLUSTER": "ours",
                "BLUEGREEN_NAMESPACE": self.service,
                "BLUEGREEN_ROLLOUT": self.service,
                "BLUEGREEN_IMAGE": image,
                "BLUEGREEN_SECONDS": str(seconds),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def build(deployed: Deployed, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Build]:
    """Of the service that the test names, with what the service's stack lets its watchers see."""
    service = request.param
    adopted = "inference" if service == "watched-adopted" else None
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": watchers(service, service, adopted)})
    if adopted is not None and deployed.plane.api.get("", "namespaces", service) is None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": service}}
        deployed.plane.api.create("", "namespaces", namespace)
    kubectl = [deployed.handler.kubectl, "--kubeconfig", deployed.plane.kubeconfig, "apply", "-f", "-"]
    subprocess.run(kubectl, input=given, text=True, check=True, capture_output=True)
    member = AsMember(deployed, watchers_group(service, service))
    made = Build(tmp_path, service)
    made.knows(member.server.url)
    member.server.start()
    yield made
    member.server.stop()


of = pytest.mark.parametrize


@of("build", ["watched", "watched-outside"], indirect=True)
def test_a_good_release_ends_well_and_the_release_is_live_by_then(deployed: Deployed, build: Build) -> None:
    rollout = deployed.rollout(build.service)
    rollout.wait_for_release(deployed.releases.image(build.service, FIRST))
    image = deployed.update(build.service, "2")
    code, said = build.waits_for(image)
    assert code == 0, said
    assert rollout.live_image() == image


@of("build", ["watched", "watched-outside"], indirect=True)
def test_a_bad_release_ends_badly_with_argos_words_and_the_former_one_ends_well_again(
    deployed: Deployed, build: Build
) -> None:
    """What a stage does that is rolled back: it deploys what was live, and waits for that."""
    rollout, former = deployed.rollout(build.service), deployed.releases.image(build.service, "2")
    rollout.wait_for_release(former)
    bad = deployed.update(build.service, "bad")
    code, said = build.waits_for(bad)
    assert code == 1
    assert "Degraded: RolloutAborted: Rollout aborted update to revision" in said
    assert rollout.live_image() == former
    assert build.waits_for(bad)[0] == 1, "a stage that is retried meets the abort of its first attempt"
    deployed.update(build.service, "2")
    code, said = build.waits_for(former)
    assert code == 0, said
    assert "Degraded" not in said


@of("build", ["watched-adopted"], indirect=True)
def test_of_a_deployment_that_was_taken_over_its_template_counts(deployed: Deployed, build: Build) -> None:
    api, rollout = deployed.plane.api, deployed.rollout(build.service)
    api.create(build.service, "deployments", _deployment(ADOPTED))
    deployed.adopt(build.service)
    code, said = build.waits_for(ADOPTED)
    assert code == 0, said
    template = {"spec": {"template": _deployment(AFTERWARDS)["spec"]["template"]}}
    api.patch(build.service, "deployments", "inference", template)
    code, said = build.waits_for(AFTERWARDS)
    assert code == 0, said
    assert rollout.live_image() == AFTERWARDS


@of("build", ["watched"], indirect=True)
def test_another_services_watcher_learns_nothing(deployed: Deployed, build: Build, tmp_path: Path) -> None:
    other = Build(tmp_path, "watched-outside")
    code, said = other.waits_for(deployed.releases.image("watched-outside", "2"), silence=1)
    assert code == 1
    assert "403 Forbidden" in said
    assert "nothing is known of the image" in said


@of("build", ["watched"], indirect=True)
def test_the_servers_certificate_is_checked_with_the_clusters_authority(deployed: Deployed, build: Build) -> None:
    plane = deployed.plane
    image = deployed.rollout("watched").live_image()
    authority = (plane.kubeconfig.parent / "certificates" / "apiserver.crt").read_bytes()
    build.knows(plane.api.url, plane.api.token, authority)
    code, said = build.waits_for(image)
    assert code == 0, said
    build.knows(plane.api.url, plane.api.token, _authority_of_nobody(build.folder))
    code, said = build.waits_for(image, silence=1)
    assert code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in said


def _authority_of_nobody(folder: Path) -> bytes:
    made = folder / "nobody.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "1"]
    subprocess.run([*command, "-keyout", folder / "nobody.key", "-out", made], check=True, capture_output=True)
    return made.read_bytes()
