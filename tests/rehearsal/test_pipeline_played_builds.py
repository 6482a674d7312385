"""The builds of a played pipeline: what the CDK CLI is asked for, and what is a stub."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.cdk_run import CdkResult
from bluegreen_constructs.rehearsal.pipeline.action_work import ActionFailedError, How, Work
from bluegreen_constructs.rehearsal.pipeline.approvals import Approvals
from bluegreen_constructs.rehearsal.pipeline.builds import Builds, Publication, Synthesis, build_specifications
from bluegreen_constructs.rehearsal.pipeline.sources import CheckoutSource
from bluegreen_constructs.rehearsal.pipeline.template_values import TemplateValues

SPECIFICATION = '{"phases": {"build": {"commands": ["make synth ENVIRONMENT=rehearsal-delivery"]}}}'


@dataclass
class Cli:
    """Notes what it is asked for, in which folder."""

    code: int = 0
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, folder: Path) -> Any:
        self.asked.append((str(folder),))
        return self

    def synth(self, output: Path, *arguments: str, app: str) -> CdkResult:
        output.mkdir()
        (output / "Shop.template.json").write_text("{}")
        return self._result("synth", *arguments, app)

    def start(self, verb: str, *arguments: str) -> Any:
        self._ended = self._result(verb, *arguments)
        return self

    def wait(self) -> CdkResult:
        return self._ended

    def _result(self, *asked: str) -> CdkResult:
        self.asked.append(asked)
        return CdkResult(asked, self.code, 1.0, "", "Error: it broke", Path("log"))


def work(action: str = "Synth", **given: Any) -> Work:
    return Work("e", "i", "Synth", action, {"ProjectName": "Project"}, **given)


def synthesis(cli: Cli, specification: str = SPECIFICATION) -> Synthesis:
    return Synthesis(cli, "python app.py", {"Project": specification})


def test_the_synthesis_is_of_the_environment_that_the_project_names(tmp_path: Path) -> None:
    cli = Cli()
    (tmp_path / "checkout").mkdir()
    (tmp_path / "Source").symlink_to(tmp_path / "checkout")
    given = work(inputs={"Source": tmp_path / "Source"}, outputs={"Assembly": tmp_path / "Assembly"})
    done = Builds({"Synth": synthesis(cli)}).run(given)
    assert done.how is How.REAL
    assert done.said == "cdk synth of rehearsal-delivery, 1 templates"
    assert cli.asked == [
        (str(tmp_path / "checkout"),),
        ("synth", "--context", "environment=rehearsal-delivery", "python app.py"),
    ]


def test_a_synthesis_that_fails_or_names_nothing_fails_the_action(tmp_path: Path) -> None:
    def given(name: str) -> Work:
        return work(inputs={"Source": tmp_path}, outputs={"Assembly": tmp_path / name})

    with pytest.raises(ActionFailedError, match=r"cdk synth ended with exit code 1: .*it broke"):
        synthesis(Cli(code=1))(given("one"))
    with pytest.raises(ActionFailedError, match="names no environment to synthesise"):
        synthesis(Cli(), "make synth")(given("two"))
    with pytest.raises(ActionFailedError, match="it has no commands"):
        Synthesis(Cli(), "python app.py", {})(given("three"))
    with pytest.raises(RehearsalError, match="has 0 output artefacts"):
        synthesis(Cli())(work(inputs={"Source": tmp_path}))


def test_the_publication_is_of_the_assembly_among_the_artefacts(tmp_path: Path) -> None:
    cli, assembly, other = Cli(), tmp_path / "Assembly", tmp_path / "Image"
    for folder in (assembly, other):
        folder.mkdir()
    (assembly / "manifest.json").write_text("{}")
    publication = Publication(cli, ("Service",))
    done = Builds({"Assets": publication}).run(work("Assets", inputs={"Image": other, "Assembly": assembly}))
    assert done.how is How.REAL
    assert cli.asked[-1][:2] == ("publish-assets", "Service")
    assert cli.asked[-1][-1] == str(assembly)
    with pytest.raises(ActionFailedError, match="has to be a cloud assembly, and 0 are"):
        publication(work("Assets", inputs={"Image": other}))
    with pytest.raises(ActionFailedError, match="cdk publish-assets ended with exit code 1"):
        Publication(Cli(code=1), ("Service",))(work("Assets", inputs={"Assembly": assembly}))


def test_every_other_build_is_a_stub_that_makes_nothing(tmp_path: Path) -> None:
    done = Builds().run(work("Tests"))
    assert (done.how, done.variables) == (How.STUB, {})
    assert done.said == "build stub: nothing of the project Project was run"
    with pytest.raises(RehearsalError, match="not covered: action Tests of stage Synth makes Report"):
        Builds().run(work("Tests", outputs={"Report": tmp_path}))


def test_the_projects_are_read_from_the_template() -> None:
    template = {
        "Resources": {"Synth1": {"Type": "AWS::CodeBuild::Project", "Properties": {"Source": {"BuildSpec": "x"}}}}
    }
    values = TemplateValues(template, account="1", region="eu-west-1", exports={})
    assert build_specifications(values) == {"Synth1": "x"}


def test_the_source_is_the_checkout_itself(tmp_path: Path) -> None:
    done = CheckoutSource(tmp_path).run(work(outputs={"Source": tmp_path / "Source"}))
    assert (tmp_path / "Source").resolve() == tmp_path
    assert done.how is How.PLAYED
    assert done.variables["CommitId"] == "0" * 40, "a folder that is nobody's repository has no commit"


def test_an_approval_is_what_the_scenario_answers() -> None:
    assert Approvals(lambda _: True).run(work()).how is How.PLAYED
    with pytest.raises(ActionFailedError, match="rejected by the reviewer"):
        Approvals(lambda _: False).run(work())
