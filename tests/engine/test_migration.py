"""Migrations: what is declared of them, what is refused at synth, and which live release a contract may meet."""

import json
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.migration import MOST_DETAILS, MigrationTask, names_of, refuse_unfit

UPGRADE = ("alembic", "upgrade", "head")
EXPAND = MigrationTask(UPGRADE, "expand")
CONTRACT = MigrationTask(["drop-column"], "contract", after=("1.4.0", "1.4.1"), name="drop topic")
DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    "migration",
    [
        EXPAND,
        CONTRACT,
        MigrationTask(
            UPGRADE, "expand", timeout=timedelta(hours=2), environment={"A": "b"}, cpu=1024, memory_mib=4096, name="x"
        ),
    ],
)
def test_what_the_construct_writes_is_what_the_handler_reads(migration: MigrationTask) -> None:
    assert MigrationTask.from_details(json.loads(json.dumps(migration.to_details()))) == migration


class TestRefusedAtSynth:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"command": "alembic upgrade head", "kind": "expand"}, r"give a list of words, such as \['alembic'"),
            ({"command": [], "kind": "expand"}, "give a list of words"),
            ({"command": [1], "kind": "expand"}, "give a list of words"),
            ({"command": UPGRADE, "kind": "alter"}, "'expand' when live goes on .* or 'contract' when it takes away"),
            ({"command": UPGRADE, "kind": "expand", "after": "1.4.0"}, "expands and has after=1.4.0: leave it out"),
            ({"command": UPGRADE, "kind": "expand", "name": ""}, "at most 64 letters"),
            ({"command": UPGRADE, "kind": "expand", "name": "a#b"}, "at most 64 letters"),
            ({"command": UPGRADE, "kind": "expand", "timeout": timedelta(0)}, "more than zero and at most 23 h"),
            ({"command": UPGRADE, "kind": "expand", "timeout": timedelta(hours=24)}, "timeout is 24 h"),
            ({"command": UPGRADE, "kind": "expand", "cpu": 0}, "whole numbers above 0"),
            ({"command": UPGRADE, "kind": "expand", "memory_mib": True}, "whole numbers above 0"),
        ],
    )
    def test_what_could_not_be_run(self, arguments: dict, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            MigrationTask(**arguments)

    @pytest.mark.parametrize("after", [(), "", [""]])
    def test_a_contract_that_does_not_say_which_release_stopped_using_what_it_takes_away(self, after: object) -> None:
        with pytest.raises(ConfigurationError) as refused:
            MigrationTask(["drop-column"], "contract", after=after)
        assert str(refused.value) == (
            "MigrationTask 'migration' contracts while live still serves, and Amazon ECS has no hook after the bake: "
            "ship a release first that no longer needs the former shape (with an expand migration if it needs one), "
            "and contract with the next one, with after='<that release>'"
        )

    def test_two_migrations_with_one_name(self) -> None:
        refuse_unfit([EXPAND, CONTRACT])
        with pytest.raises(ConfigurationError, match="two migrations have the name 'migration'"):
            refuse_unfit([EXPAND, CONTRACT, MigrationTask(["other"], "expand")])

    def test_no_migration(self) -> None:
        with pytest.raises(ConfigurationError, match="there are no migrations to run"):
            refuse_unfit([])

    def test_more_text_than_a_hook_carries(self) -> None:
        with pytest.raises(ConfigurationError, match="put long commands into a script in the image"):
            refuse_unfit([MigrationTask(["sh", "-c", "x" * MOST_DETAILS], "expand")])


class TestLive:
    @pytest.mark.parametrize("live", [None, (), ("1.0.0",), ("1.4.0", DIGEST)])
    def test_an_expand_migration_may_be_run_whatever_is_live(self, live: tuple[str, ...] | None) -> None:
        assert EXPAND.refusal(live) == ""

    @pytest.mark.parametrize("live", [None, ("1.4.0",), ("1.4.1", DIGEST, "repository:1.4.1")])
    def test_a_contract_may_be_run_when_live_is_a_release_that_is_named_or_there_is_none(
        self, live: tuple[str, ...] | None
    ) -> None:
        assert CONTRACT.refusal(live) == ""

    def test_a_digest_names_a_release_as_well(self) -> None:
        pinned = MigrationTask(["drop-column"], "contract", after=DIGEST)
        assert pinned.refusal(names_of("repository:1.4.0", DIGEST)) == ""

    def test_a_contract_is_refused_while_any_other_release_is_live(self) -> None:
        assert CONTRACT.refusal(("1.3.9", DIGEST)) == (
            "it contracts after 1.4.0 or 1.4.1, and live is 1.3.9, which may still need what it takes away: ship 1.4.0 "
            "or 1.4.1 first; or, if live does not need it either, name live in after=; if it was run long ago, take it "
            "out of the hooks"
        )

    def test_a_contract_is_refused_when_nobody_knows_what_is_live(self) -> None:
        assert "live is not known" in CONTRACT.refusal(())


@pytest.mark.parametrize(
    ("image", "digest", "names"),
    [
        ("123.dkr.ecr.eu-west-1.amazonaws.com/web:1.4.0", DIGEST, ("1.4.0", DIGEST)),
        (f"registry:5000/web@{DIGEST}", "", (DIGEST,)),
        (f"web:1.4.0@{DIGEST}", DIGEST, ("1.4.0", DIGEST)),
        ("registry:5000/web", "", ()),
        ("web", "", ()),
    ],
)
def test_a_release_is_called_by_its_tag_its_digest_or_the_whole_reference(
    image: str, digest: str, names: tuple[str, ...]
) -> None:
    assert names_of(image, digest) == (*names, image)
