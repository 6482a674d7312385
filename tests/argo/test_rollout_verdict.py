"""What a pipeline's build reads in a Rollout, and how it ends: by cases, and against an API server on loopback."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bluegreen_constructs.argo import rollout_verdict
from bluegreen_constructs.argo.rollout_verdict import NoAnswerError, Verdict, verdict, watch
from tests.eks.loopback_server import LoopbackServer

IMAGE, OTHER = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:" + "1" * 64, "app@sha256:" + "2" * 64
Json = dict


def pods(*images: str) -> Json:
    return {"spec": {"containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]}}


def rollout(
    phase: str | None = "Healthy",
    *,
    images: tuple[str, ...] = (IMAGE,),
    generation: int = 4,
    observed: str | None = "4",
    stable: str | None = "7d9f",
    current: str | None = "7d9f",
    **status: object,
) -> Json:
    """As the controller leaves one whose release was promoted, unless told otherwise."""
    said = {"phase": phase, "observedGeneration": observed, "stableRS": stable, "currentPodHash": current, **status}
    return {
        "metadata": {"name": "web", "namespace": "shop", "generation": generation},
        "spec": {"template": pods(*images)},
        "status": {name: value for name, value in said.items() if value is not None},
    }


def of_a_deployment(seen: str | None = "9", **options: object) -> Json:
    """One that took a Deployment over: it has no template of its own."""
    made = rollout(workloadObservedGeneration=seen, **options)  # type: ignore[arg-type]
    made["spec"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}}
    return made


def deployment(*images: str, generation: int = 9) -> Json:
    return {"metadata": {"generation": generation}, "spec": {"template": pods(*images)}}


class TestPromoted:
    def test_when_the_controller_has_seen_the_image_and_made_its_pods_the_stable_ones(self) -> None:
        assert verdict(rollout(), IMAGE) == Verdict("promoted", "Healthy")

    def test_when_it_is_the_image_of_one_container_of_several(self) -> None:
        assert verdict(rollout(images=("proxy:1", IMAGE)), IMAGE).outcome == "promoted"

    def test_when_the_deployment_that_was_taken_over_has_it(self) -> None:
        assert verdict(of_a_deployment(), IMAGE, deployment(IMAGE)).outcome == "promoted"


class TestNotYet:
    @pytest.mark.parametrize("observed", ["3", "5", None, ""])
    def test_what_is_said_of_another_generation_is_of_another_release(self, observed: str | None) -> None:
        for phase in ("Healthy", "Degraded"):
            found = verdict(rollout(phase, observed=observed, abort=True), IMAGE)
            assert found == Verdict("waiting", "the controller has not seen the Rollout as it is now")

    @pytest.mark.parametrize("seen", ["8", None])
    def test_what_is_said_of_another_generation_of_the_deployment_is_of_another_release(self, seen: str | None) -> None:
        found = verdict(of_a_deployment(seen), IMAGE, deployment(IMAGE))
        assert found == Verdict("waiting", "the controller has not seen the Deployment as it is now")

    @pytest.mark.parametrize(
        ("phase", "message"),
        [
            ("Progressing", "waiting for all steps to complete"),
            ("Progressing", "more replicas need to be updated"),
            ("Progressing", "active service cutover pending"),
            ("Paused", "CanaryPauseStep"),
            ("Paused", "BlueGreenPause"),
            ("Paused", "manually paused"),
        ],
    )
    def test_while_it_goes_on_or_waits_for_somebody(self, phase: str, message: str) -> None:
        found = verdict(rollout(phase, stable="5c4b", message=message), IMAGE)
        assert found == Verdict("waiting", f"{phase}: {message}")

    @pytest.mark.parametrize(("stable", "current"), [("5c4b", "7d9f"), (None, "7d9f"), ("", ""), (None, None)])
    def test_healthy_pods_of_which_others_are_the_stable_ones_are_no_promotion(
        self, stable: str | None, current: str | None
    ) -> None:
        assert verdict(rollout(stable=stable, current=current), IMAGE).outcome == "waiting"

    @pytest.mark.parametrize(
        "nothing",
        [
            {},
            {"metadata": {"generation": 1}},
            {"status": {"phase": "Healthy", "stableRS": "a", "currentPodHash": "a"}},
            {"metadata": {}, "status": {"observedGeneration": "None", "phase": "Healthy"}},
            {"metadata": None, "spec": [], "status": "Healthy"},
            {**rollout(observed="None"), "metadata": {}},
            {**rollout(), "spec": {}},
            {**rollout(), "spec": {"template": {"spec": {"containers": "app"}}}},
        ],
    )
    def test_what_is_not_there_is_no_evidence(self, nothing: Json) -> None:
        assert verdict(nothing, IMAGE).outcome == "waiting"

    def test_a_deployment_that_was_not_read_is_no_evidence(self) -> None:
        assert verdict(of_a_deployment(), IMAGE).outcome == "waiting"
        assert verdict(of_a_deployment(), IMAGE, {}).outcome == "waiting"

    @pytest.mark.parametrize("phase", ["Unknown", None, "healthy"])
    def test_a_phase_that_nobody_knows_is_none(self, phase: str | None) -> None:
        assert verdict(rollout(phase), IMAGE).outcome == "waiting"


class TestRefused:
    def test_when_it_was_aborted_with_the_words_of_argo(self) -> None:
        message = 'RolloutAborted: Rollout aborted update to revision 2: Metric "error-rate" assessed Failed'
        found = verdict(rollout("Degraded", stable="5c4b", abort=True, message=message), IMAGE)
        assert found == Verdict("refused", f"Degraded: {message}")

    def test_when_it_was_aborted_and_its_pods_are_still_going(self) -> None:
        assert verdict(rollout("Progressing", stable="5c4b", abort=True), IMAGE).outcome == "refused"

    def test_when_the_pods_were_not_ready_in_time(self) -> None:
        message = 'ProgressDeadlineExceeded: ReplicaSet "web-7d9f" has timed out progressing.'
        assert verdict(rollout("Degraded", stable="5c4b", message=message), IMAGE).words == f"Degraded: {message}"

    def test_when_the_controller_does_not_take_the_rollout(self) -> None:
        assert verdict(rollout("Degraded", message="InvalidSpec: no"), IMAGE).outcome == "refused"


class TestAnother:
    @pytest.mark.parametrize("phase", ["Healthy", "Degraded", "Progressing"])
    def test_image_is_neither_a_promotion_nor_a_refusal_of_this_one(self, phase: str) -> None:
        found = verdict(rollout(phase, images=(OTHER,), abort=phase == "Degraded"), IMAGE)
        assert found == Verdict("another", f"the pods are to run {OTHER}")

    def test_tag_of_the_same_repository_is_another_image(self) -> None:
        assert verdict(rollout(images=(IMAGE.split("@", maxsplit=1)[0],)), IMAGE).outcome == "another"
        assert verdict(rollout(images=(IMAGE + "0",)), IMAGE).outcome == "another"

    def test_image_in_the_deployment_is_what_counts(self) -> None:
        assert verdict(of_a_deployment(), IMAGE, deployment(OTHER)).outcome == "another"


PROMOTED, REFUSED = Verdict("promoted", "Healthy"), Verdict("refused", "Degraded: no")
WAITING, ANOTHER = Verdict("waiting", "Progressing"), Verdict("another", "the pods are to run x")
SILENCE = None


class Watched:
    """Looks that find this, one after another, and the last one for ever; by a clock that waits for nobody."""

    def __init__(self, *seen: Verdict | None) -> None:
        self.seen = list(seen)
        self.now = 100.0

    def look(self) -> Verdict:
        found = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if found is None:
            raise NoAnswerError("403 Forbidden")
        return found

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def ends(self, seconds: float = 3600) -> int:
        return watch(self.look, seconds, now=lambda: self.now, wait=self.wait)


class TestTheWatch:
    def test_ends_well_when_the_image_is_promoted(self) -> None:
        watched = Watched(WAITING, WAITING, PROMOTED)
        assert watched.ends() == 0
        assert watched.now == 120

    def test_ends_badly_when_it_is_refused_and_says_what_argo_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert Watched(WAITING, REFUSED).ends() == 1
        assert "Degraded: no" in capsys.readouterr().out

    def test_lets_a_refusal_pass_that_is_seen_once(self) -> None:
        assert Watched(REFUSED, WAITING, REFUSED, SILENCE, REFUSED, PROMOTED).ends() == 0

    def test_ends_badly_when_time_is_over(self, capsys: pytest.CaptureFixture[str]) -> None:
        watched = Watched(WAITING)
        assert watched.ends(600) == 1
        assert watched.now == 700
        assert "no verdict in 600 s: the Rollout goes on without the pipeline" in capsys.readouterr().out

    def test_a_promotion_at_the_last_look_counts(self) -> None:
        assert Watched(*[WAITING] * 60, PROMOTED).ends(600) == 0
        assert Watched(*[WAITING] * 61, PROMOTED).ends(600) == 1

    def test_outlives_a_cluster_that_is_silent_for_a_while(self) -> None:
        assert Watched(*[SILENCE] * 89, WAITING, *[SILENCE] * 89, PROMOTED).ends() == 0

    def test_never_takes_silence_for_an_answer(self, capsys: pytest.CaptureFixture[str]) -> None:
        watched = Watched(SILENCE)
        assert watched.ends() == 1
        assert watched.now == 100 + rollout_verdict.MOST_SILENCE
        said = capsys.readouterr().out
        assert "no answer: 403 Forbidden" in said
        assert "the cluster has not answered for 900 s: nothing is known of the image" in said

    def test_gives_whoever_writes_the_image_a_moment_and_no_more(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert Watched(*[ANOTHER] * 29, WAITING, *[ANOTHER] * 29, PROMOTED).ends() == 0
        watched = Watched(WAITING, ANOTHER)
        assert watched.ends() == 1
        assert watched.now == 100 + rollout_verdict.MOST_OF_ANOTHER
        assert "somebody has replaced the image" in capsys.readouterr().out

    def test_says_what_it_sees_when_it_changes_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        Watched(WAITING, WAITING, SILENCE, SILENCE, WAITING, PROMOTED).ends()
        said = [line.split("s  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
        assert said == ["Progressing", "no answer: 403 Forbidden", "Progressing", "Healthy"]


class PlayedApi:
    """An API server that gives `answers` in turn, the last one again and again, to who has a token that is good."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.asked: list[tuple[str, str]] = []
        self.refused: set[str] = set()
        self.lock = threading.Lock()
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers["Authorization"].removeprefix("Bearer ")
                with played.lock:
                    played.asked.append((self.path, token))
                    if token in played.refused:
                        status, body = 401, b"{}"
                    else:
                        status, body = played.answers.pop(0) if len(played.answers) > 1 else played.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = LoopbackServer(Handler, "api")

    def says(self, *answers: object) -> None:
        """A status, or an object."""
        self.answers = [(one, b"no") if isinstance(one, int) else (200, json.dumps(one).encode()) for one in answers]


@pytest.fixture
def api() -> Iterator[PlayedApi]:
    played = PlayedApi()
    played.server.start()
    yield played
    played.server.stop()


AWS = """#!/bin/sh
echo "$*" >> "$FOLDER/calls"
[ -e "$FOLDER/fails" ] && { echo "AccessDeniedException: no" >&2; exit 254; }
case "$1 $2" in
"eks describe-cluster") printf '{"cluster": {"endpoint": "%s/", "certificateAuthority": {}}}' "$URL" ;;
"eks get-token") printf '{"status": {"token": "token-%s"}}' "$(grep -c get-token "$FOLDER/calls")" ;;
esac
"""


class Build:
    """The file run as a build runs it, with an `aws` that knows the cluster, and looks that follow at once."""

    def __init__(self, api: PlayedApi, folder: Path) -> None:
        self.api, self.folder = api, folder
        program = folder / "aws"
        program.write_text(AWS, encoding="utf-8")
        program.chmod(0o755)

    def runs(self, seconds: float = 30, silence: float = 30) -> tuple[int, str]:
        text = Path(rollout_verdict.__file__).read_text(encoding="utf-8")
        text = text.replace("LOOK_EVERY = 10.0", "LOOK_EVERY = 0.05").replace("SILENCE = 900.0", f"SILENCE = {silence}")
        done = subprocess.run(
            [sys.executable, "-I", "-"],
            input=text,
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "FOLDER": str(self.folder),
                "URL": self.api.server.url,
                "BLUEGREEN_CLUSTER": "ours",
                "BLUEGREEN_NAMESPACE": "shop",
                "BLUEGREEN_ROLLOUT": "web",
                "BLUEGREEN_IMAGE": IMAGE,
                "BLUEGREEN_SECONDS": str(seconds),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def build(api: PlayedApi, tmp_path: Path) -> Build:
    return Build(api, tmp_path)


ROLLOUT_PATH = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web"
GOING_ON = rollout("Progressing", stable="5c4b", message="waiting for all steps to complete")


class TestTheBuild:
    def test_asks_the_one_rollout_until_it_is_promoted(self, api: PlayedApi, build: Build) -> None:
        api.says(rollout(observed="3"), GOING_ON, rollout())
        code, said = build.runs()
        assert code == 0, said
        assert api.asked == [(ROLLOUT_PATH, "token-1")] * 3
        assert build.calls() == [
            "eks describe-cluster --name ours --output json",
            "eks get-token --cluster-name ours --output json",
        ]
        assert said.splitlines()[0] == f"waiting for the verdict on {IMAGE}, of the Rollout web in shop"
        assert "Progressing: waiting for all steps to complete" in said

    def test_ends_with_argos_words_when_it_is_aborted(self, api: PlayedApi, build: Build) -> None:
        api.says(GOING_ON, rollout("Degraded", stable="5c4b", abort=True, message="RolloutAborted: error-rate"))
        code, said = build.runs()
        assert code == 1
        assert "Degraded: RolloutAborted: error-rate" in said
        assert said.splitlines()[-1] == "see kubectl argo rollouts get rollout web -n shop"

    def test_asks_for_the_deployment_that_was_taken_over(self, api: PlayedApi, build: Build) -> None:
        api.says(of_a_deployment(), deployment(IMAGE))
        assert build.runs()[0] == 0
        assert [path for path, _ in api.asked] == [ROLLOUT_PATH, "/apis/apps/v1/namespaces/shop/deployments/app"]

    def test_fetches_another_token_when_one_is_refused(self, api: PlayedApi, build: Build) -> None:
        api.refused = {"token-1", "token-2"}
        api.says(rollout())
        assert build.runs()[0] == 0
        assert [token for _, token in api.asked] == ["token-1", "token-2", "token-3"]

    @pytest.mark.parametrize("answer", [403, 404, 500, 503])
    def test_takes_an_error_for_no_answer(self, api: PlayedApi, build: Build, answer: int) -> None:
        api.says(answer, answer, rollout())
        code, said = build.runs()
        assert code == 0
        assert f"no answer: {ROLLOUT_PATH[1:]}: {answer} " in said

    def test_takes_what_is_no_json_for_no_answer(self, api: PlayedApi, build: Build) -> None:
        api.answers = [(200, b"<html>"), (200, b"[]"), (200, b""), (200, json.dumps(rollout()).encode())]
        assert build.runs()[0] == 0

    def test_ends_badly_when_the_cluster_never_answers(self, api: PlayedApi, build: Build) -> None:
        api.says(403)
        code, said = build.runs(silence=0.3)
        assert code == 1
        assert "nothing is known of the image" in said

    def test_ends_badly_when_aws_never_answers(self, api: PlayedApi, build: Build) -> None:
        (build.folder / "fails").touch()
        code, said = build.runs(silence=0.3)
        assert code == 1
        assert "no answer: aws eks describe-cluster: AccessDeniedException: no" in said
        assert not api.asked

    def test_ends_badly_when_there_is_no_server(self, api: PlayedApi, build: Build) -> None:
        api.server.stop()
        try:
            assert build.runs(silence=0.3)[0] == 1
        finally:
            api.server = LoopbackServer(BaseHTTPRequestHandler, "none")
            api.server.start()

    def test_ends_badly_when_time_is_over(self, api: PlayedApi, build: Build) -> None:
        api.says(GOING_ON)
        code, said = build.runs(seconds=0.3)
        assert code == 1
        assert "no verdict in 0 s" in said
