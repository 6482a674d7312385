"""What a swap will change is said before it, and is what the swap then does."""

import json
from dataclasses import replace

import pytest

from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.slot_settings import SlotsSettings
from bluegreen_constructs.engine.swap.difference import Change, End, SwapDifference, difference, ends_of
from bluegreen_constructs.engine.swap.record import SideRecord, SlotsRecord
from bluegreen_constructs.engine.swap.rendering import rendered
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots

SETTINGS = example_slots().slots
RECORD = SlotsRecord(
    "Web/App",
    "stack",
    {"production": "a", "staging": "b"},
    {"a": SideRecord("1.4.1", "arn:web-a:7"), "b": SideRecord("1.4.2", "arn:web-b:4")},
)
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}"


def template(slot: str, **changes: object) -> dict[str, object]:
    container = {
        "name": "app",
        "image": "registry/app:of-the-template",
        "environment": [{"name": "LOG", "value": "info"}, {"name": "DB_URL", "value": f"{slot}-db"}],
        "secrets": [{"name": "API_KEY", "valueFrom": SECRET.format("api")}],
        **changes,
    }
    return {
        "family": f"web-{slot}-settings",
        "taskRoleArn": f"arn:aws:iam::123456789012:role/{slot}",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "cpu": "256",
        "containerDefinitions": [container],
    }


def revision(slot: str, side: str, release: str, **changes: object) -> dict[str, object]:
    """What a side runs that was rendered for the slot from a release with these changes."""
    content = rendered(
        SETTINGS,
        slot=slot,
        side=SETTINGS.side(side),
        of_slot=template(slot),
        of_release=template(slot, **changes),
        release=release,
        image=f"registry/app:{release}",
    ).content
    # As DescribeTaskDefinition answers it, with what was not given.
    return {**content, "volumes": [], "placementConstraints": []}


def found(
    production: dict[str, object] | None = None,
    staging: dict[str, object] | None = None,
    *,
    of_production: dict[str, object] | None = None,
    of_staging: dict[str, object] | None = None,
    settings: SlotsSettings = SETTINGS,
    running: int | None = 4,
) -> SwapDifference:
    return difference(
        settings,
        RECORD,
        production=End(
            "production", of_production or template("production"), production or revision("production", "a", "1.4.1")
        ),
        slot=End("staging", of_staging or template("staging"), staging or revision("staging", "b", "1.4.2")),
        running=running,
    )


def test_release_image_and_side_are_exchanged() -> None:
    swap = found()
    assert (swap.production.slot, swap.slot.slot) == ("production", "staging")
    assert (swap.production.release, swap.slot.release) == (("1.4.1", "1.4.2"), ("1.4.2", "1.4.1"))
    assert swap.production.image == ("registry/app:1.4.1", "registry/app:1.4.2")
    assert (swap.production.side, swap.slot.side) == (("a", "b"), ("b", "a"))


def test_nothing_else_changes_between_two_releases_with_the_same_settings() -> None:
    swap = found()
    assert (swap.production.changes, swap.slot.changes) == ((), ())
    assert (swap.production.pending, swap.slot.pending) == ((), ())


def test_settings_that_travel_are_added_removed_and_changed() -> None:
    staging = revision(
        "staging",
        "b",
        "1.4.2",
        environment=[{"name": "LOG", "value": "debug"}, {"name": "NEW", "value": "yes"}],
        secrets=[],
    )
    swap = found(staging=staging)
    secret = f"secret {SECRET.format('api')}"
    assert swap.production.changes == (
        Change("API_KEY", secret, None),
        Change("LOG", "info", "debug"),
        Change("NEW", None, "yes"),
    )
    assert [one.kind for one in swap.production.changes] == ["removed", "changed", "added"]
    assert [one.kind for one in swap.slot.changes] == ["added", "changed", "removed"]


def test_how_it_is_started_travels_too() -> None:
    swap = found(staging=revision("staging", "b", "1.4.2", command=["serve", "--fast"]))
    assert swap.production.changes == (Change("command", None, '["serve", "--fast"]'),)


def test_what_stays_is_named_and_its_value_is_not_said() -> None:
    swap = found()
    assert (swap.production.stays, swap.slot.stays) == (("DB_URL",), ("DB_URL",))
    assert "production-db" not in json.dumps(swap.as_json())


def test_where_a_task_is_is_no_setting() -> None:
    swap = found(staging=revision("production", "b", "1.4.2"))
    assert swap.production.changes == ()


def test_roles_and_bounds_stay_with_the_slot() -> None:
    swap = found()
    assert swap.production.roles == (
        "arn:aws:iam::123456789012:role/production",
        "arn:aws:iam::123456789012:role/execution",
    )
    assert (swap.production.minimum, swap.production.maximum) == (4, 8)
    assert (swap.slot.minimum, swap.slot.maximum) == (1, 2)


@pytest.mark.parametrize(("running", "tasks"), [(6, 6), (0, 1), (None, None)])
def test_the_candidate_gets_as_many_tasks_as_live_runs(running: int | None, tasks: int | None) -> None:
    assert found(running=running).tasks == tasks


def test_what_has_changed_in_the_template_since_is_pending_and_applied_by_the_swap() -> None:
    changed = template("production", environment=[{"name": "DB_URL", "value": "new-db"}], memory=1024)
    changed |= {"cpu": "512", "taskRoleArn": "arn:aws:iam::123456789012:role/other"}
    swap = found(of_production=changed)
    assert swap.production.pending == ("cpu", "taskRoleArn", "app: memory", "app: DB_URL")
    assert swap.slot.pending == ()


def test_a_sticky_setting_that_became_a_secret_is_pending_once() -> None:
    changed = template(
        "staging",
        environment=[{"name": "LOG", "value": "info"}],
        secrets=[
            {"name": "API_KEY", "valueFrom": SECRET.format("api")},
            {"name": "DB_URL", "valueFrom": SECRET.format("db")},
        ],
    )
    assert found(of_staging=changed).slot.pending == ("app: DB_URL",)


def test_a_setting_of_the_template_that_travels_is_not_pending() -> None:
    changed = template("production", environment=[{"name": "LOG", "value": "all"}, *_sticky("production")])
    assert found(of_production=changed).production.pending == ()


def _sticky(slot: str) -> list[dict[str, str]]:
    return [{"name": "DB_URL", "value": f"{slot}-db"}]


def test_a_further_container_that_came_or_went_is_pending() -> None:
    sidecar = {"name": "proxy", "image": "proxy:1"}
    own = template("production")
    with_one = {**own, "containerDefinitions": [*own["containerDefinitions"], sidecar]}
    assert found(of_production=with_one).production.pending == ("proxy: added",)
    running = revision("production", "a", "1.4.1")
    running = {**running, "containerDefinitions": [*running["containerDefinitions"], sidecar]}
    assert found(production=running).production.pending == ("proxy: removed",)


def test_it_can_be_written_as_json() -> None:
    answer = json.loads(json.dumps(found(staging=revision("staging", "b", "1.4.2", secrets=[])).as_json()))
    assert (answer["target"], answer["candidate_tasks"]) == ("Web/App", 4)
    assert answer["production"] == {
        "slot": "production",
        "side": {"before": "a", "after": "b"},
        "release": {"before": "1.4.1", "after": "1.4.2"},
        "image": {"before": "registry/app:1.4.1", "after": "registry/app:1.4.2"},
        "settings": [
            {"name": "API_KEY", "change": "removed", "before": f"secret {SECRET.format('api')}", "after": None}
        ],
        "stays": ["DB_URL"],
        "roles": ["arn:aws:iam::123456789012:role/production", "arn:aws:iam::123456789012:role/execution"],
        "minimum": 4,
        "maximum": 8,
        "pending": [],
    }


def test_a_revision_without_the_container_and_settings_without_the_slot_are_refused() -> None:
    with pytest.raises(AwsError, match="no container 'app'"):
        found(staging={"containerDefinitions": [{"name": "web"}]})
    with pytest.raises(ConfigurationError, match="there is no slot staging"):
        found(settings=replace(SETTINGS, slots=SETTINGS.slots[:1]))


def test_the_ends_are_the_templates_and_what_runs() -> None:
    assert ends_of(RECORD, SETTINGS, "staging") == {
        "production": (SETTINGS.slot("production").definition, "arn:web-a:7"),
        "staging": (SETTINGS.slot("staging").definition, "arn:web-b:4"),
    }


def test_a_swap_does_what_was_said() -> None:
    world = InMemorySlotsWorld()
    world.begin("deploy", slot="staging", release="1.4.2", image="registry/app:1.4.2")
    world.run()
    said = _of(world)
    assert said.production.image == ("registry/app:first", "registry/app:1.4.2")
    world.begin("swap", slot="staging")
    world.run()
    back = _of(world)
    for before, after in ((said.production, back.production), (said.slot, back.slot)):
        assert after.release == before.release[::-1]
        assert after.image == before.image[::-1]
        assert after.side == before.side[::-1]
        assert after.pending == ()


def _of(world: InMemorySlotsWorld) -> SwapDifference:
    ends = {
        name: End(name, *(world.services.definition(arn).content for arn in arns))
        for name, arns in ends_of(world.record, world.slots, "staging").items()
    }
    return difference(world.slots, world.record, production=ends["production"], slot=ends["staging"])
