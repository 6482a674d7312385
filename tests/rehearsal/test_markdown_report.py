"""The summary for a pull request: a row a scenario, what failed, and nothing that Markdown would take for its own."""

from bluegreen_constructs.rehearsal.outcome import Condition, Outcome
from bluegreen_constructs.rehearsal.report import as_markdown, not_covered_as_markdown

HELD = Condition("it holds", holds=True, found="yes")
GOOD = Outcome("Shop/Web 1.1.0", (HELD, HELD), {"requests sent": 2014, "failed": 0, "AWS calls": 274})


def test_a_passed_scenario_is_one_row_with_its_main_figures() -> None:
    assert as_markdown([GOOD]) == (
        "### Rehearsal: PASS, 1 of 1 scenarios\n"
        "\n"
        "| scenario | result | conditions | figures |\n"
        "|---|---|---|---|\n"
        "| Shop/Web 1.1.0 | PASS | 2 of 2 | requests sent: 2014; failed: 0 |\n"
    )


def test_a_failed_one_lists_what_did_not_hold_and_fails_the_whole() -> None:
    broken = Condition("cdk deploy ends 0", holds=False, found="exit code 1")
    said = as_markdown([GOOD, Outcome("Shop/Web 1.2.0", (HELD, broken))])
    assert said.startswith("### Rehearsal: FAIL, 1 of 2 scenarios\n")
    assert "| Shop/Web 1.2.0 | \\*\\*FAIL\\*\\* |" not in said
    assert "| Shop/Web 1.2.0 | **FAIL** | 1 of 2 |  |" in said
    assert said.endswith("\n**Shop/Web 1.2.0** failed:\n\n- cdk deploy ends 0: exit code 1\n")


def test_nothing_played_is_no_pass() -> None:
    assert as_markdown([]).startswith("### Rehearsal: FAIL, 0 of 0 scenarios\n")


def test_what_others_wrote_cannot_break_the_table_or_call_somebody() -> None:
    broken = Condition("a | b", holds=False, found="<img src=x>\n@team `code`")
    said = as_markdown([Outcome("my_service|x", (broken,))])
    assert "| my\\_service\\|x | **FAIL** |" in said
    assert "- a \\| b: &lt;img src=x&gt; @\u200bteam \\`code\\`\n" in said


def test_what_is_not_covered_is_a_list_under_a_failure() -> None:
    said = not_covered_as_markdown(["More: Queue (AWS::Batch::JobQueue): no such type in the rehearsal"])
    assert said.startswith("### Rehearsal: FAIL, not started\n")
    assert said.endswith("\n- More: Queue (AWS::Batch::JobQueue): no such type in the rehearsal\n")
