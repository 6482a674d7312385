"""What a side runs: the release travels, the slot stays, and a role never travels."""

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slots_in_memory import slot_content

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.slot_settings import RENDERING_TAG, SLOT_TAG, SlotSettings, SlotSide, SlotsSettings
from bluegreen_constructs.engine.swap.rendering import (
    OWN_NAMES,
    Rendering,
    image_of,
    rendered,
    sticky_settings,
    travelling_settings,
)

SIDE = SlotSide("b", "group-b", "service-b", "Serving-Web-b")
SETTINGS = SlotsSettings(
    cluster="cluster",
    container="app",
    sides=(SlotSide("a", "group-a", "service-a", "Serving-Web-a"), SIDE),
    slots=(SlotSettings("production", "arn"), SlotSettings("staging", "arn")),
    sticky=("STAGE", "DB_URL"),
    role_parameter="/active",
)


def container(content: object) -> dict:
    return content["containerDefinitions"][0]  # type: ignore[index]


def settings_of(rendering: Rendering) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(rendering.content)["environment"]}


def with_app(content: dict, **changes: object) -> dict:
    found = copy.deepcopy(content)
    container(found).update(changes)
    return found


OF_PRODUCTION = with_app(
    slot_content("production", "registry/inference:1.0.0"),
    secrets=[{"name": "DB_URL", "valueFrom": "arn:production-db"}, {"name": "TOKEN", "valueFrom": "arn:token:1"}],
)
OF_RELEASE = with_app(
    slot_content("staging", "registry/inference:2.0.0"),
    command=["serve", "--new"],
    secrets=[{"name": "DB_URL", "valueFrom": "arn:staging-db"}, {"name": "TOKEN", "valueFrom": "arn:token:2"}],
)


def swap(**options: object) -> Rendering:
    arguments: dict = {"slot": "production", "side": SIDE, "of_slot": OF_PRODUCTION, "of_release": OF_RELEASE}
    return rendered(SETTINGS, release="2.0.0", **{**arguments, **options})


class TestWhatTravels:
    """The release."""

    def test_image_command_and_the_settings_that_are_not_sticky(self) -> None:
        found = swap()
        assert container(found.content)["image"] == "registry/inference:2.0.0"
        assert container(found.content)["command"] == ["serve", "--new"]
        assert settings_of(found)["MODEL"] == "of staging"

    def test_another_image_may_be_given(self) -> None:
        assert container(swap(image="registry/inference:3.0.0").content)["image"] == "registry/inference:3.0.0"

    def test_a_command_that_the_release_does_not_have_is_not_the_slots(self) -> None:
        found = swap(of_slot=with_app(OF_PRODUCTION, command=["old"]), of_release=slot_content("staging"))
        assert "command" not in container(found.content)

    def test_a_secret_travels_as_well(self) -> None:
        assert {"name": "TOKEN", "valueFrom": "arn:token:2"} in container(swap().content)["secrets"]


class TestWhatStays:
    """The slot."""

    def test_sticky_settings_are_the_slots(self) -> None:
        found = swap()
        assert settings_of(found)["STAGE"] == "production"
        assert {"name": "DB_URL", "valueFrom": "arn:production-db"} in container(found.content)["secrets"]
        assert "arn:staging-db" not in str(found.content)

    @pytest.mark.parametrize("what", ["taskRoleArn", "executionRoleArn", "cpu", "memory", "networkMode"])
    def test_roles_and_size_never_travel(self, what: str) -> None:
        of_release = {**OF_RELEASE, what: "another"}
        assert swap(of_release=of_release).content[what] == OF_PRODUCTION[what]

    def test_the_log_group_is_the_slots_and_the_stream_says_the_release(self) -> None:
        options = container(swap().content)["logConfiguration"]["options"]
        assert options == {"awslogs-group": "production-logs", "awslogs-stream-prefix": "production/2.0.0"}

    def test_a_digest_is_written_so_that_a_stream_may_be_called_so(self) -> None:
        found = rendered(
            SETTINGS,
            slot="production",
            side=SIDE,
            of_slot=OF_PRODUCTION,
            of_release=OF_RELEASE,
            release="sha256:0a1b",
        )
        options = container(found.content)["logConfiguration"]["options"]
        assert options["awslogs-stream-prefix"] == "production/sha256-0a1b"

    def test_further_containers_are_the_slots(self) -> None:
        agent = {"name": "agent", "image": "agent:1"}
        of_slot = {**OF_PRODUCTION, "containerDefinitions": [*OF_PRODUCTION["containerDefinitions"], agent]}
        assert swap(of_slot=of_slot).content["containerDefinitions"][1] == agent

    def test_a_sticky_name_that_the_slot_does_not_set_is_not_taken_from_the_release(self) -> None:
        found = swap(of_slot=with_app(OF_PRODUCTION, environment=[]))
        assert "STAGE" not in settings_of(found)

    def test_a_sticky_setting_may_be_plain_in_one_slot_and_secret_in_another(self) -> None:
        plain = [{"name": "STAGE", "value": "production"}, {"name": "DB_URL", "value": "sqlite://"}]
        found = swap(of_slot=with_app(OF_PRODUCTION, environment=plain, secrets=[]))
        assert settings_of(found)["DB_URL"] == "sqlite://"
        assert "DB_URL" not in str(container(found.content).get("secrets"))


class TestWhoAmI:
    """What the engine says to each task."""

    def test_a_candidate_of_production_is_not_active_yet(self) -> None:
        assert settings_of(swap())["SLOT_ROLE"] == "candidate"
        assert settings_of(swap(slot="staging"))["SLOT_ROLE"] == "standby"
        assert settings_of(swap(role="active"))["SLOT_ROLE"] == "active"

    def test_no_release_can_say_it_is_somewhere_else(self) -> None:
        lies = [{"name": name, "value": "a lie"} for name in OWN_NAMES]
        found = swap(
            of_release=with_app(OF_RELEASE, environment=lies), of_slot=with_app(OF_PRODUCTION, environment=lies)
        )
        assert "a lie" not in settings_of(found).values()

    def test_the_revision_is_in_the_sides_family_and_tells_what_it_is(self) -> None:
        found = swap()
        assert found.content["family"] == "Serving-Web-b"
        assert found.tags == {SLOT_TAG: "production", RENDERING_TAG: found.digest}


class TestDigest:
    """What identifies a rendering."""

    def test_the_order_in_which_ecs_answers_does_not_matter(self) -> None:
        turned = with_app(OF_RELEASE, environment=container(OF_RELEASE)["environment"][::-1])
        assert swap(of_release=turned).digest == swap().digest

    @pytest.mark.parametrize(
        "options",
        [
            {"slot": "staging"},
            {"side": replace(SIDE, family="Serving-Web-a")},
            {"image": "other"},
            {"role": "active"},
            {"of_slot": {**OF_PRODUCTION, "taskRoleArn": "another"}},
        ],
    )
    def test_whatever_runs_otherwise_has_another_one(self, options: dict) -> None:
        assert swap(**options).digest != swap().digest

    def test_a_setting_that_stays_behind_makes_no_difference(self) -> None:
        changed = [{"name": "STAGE", "value": "elsewhere"}, {"name": "MODEL", "value": "of staging"}]
        assert swap(of_release=with_app(OF_RELEASE, environment=changed)).digest == swap().digest

    names = st.sampled_from(["STAGE", "DB_URL", "A", "B", "C", "SLOT"])
    environments = st.dictionaries(names, st.text(max_size=3), max_size=5)

    @given(environments, environments)
    def test_there_and_back_again_is_the_same(self, production: dict[str, str], staging: dict[str, str]) -> None:
        """A swap and its way back lead to the revision that was: nothing of one slot stays with the other."""

        def content(slot: str, environment: dict[str, str]) -> dict:
            return with_app(
                slot_content(slot), environment=[{"name": name, "value": value} for name, value in environment.items()]
            )

        def render(slot: str, release: object) -> Rendering:
            own = {"production": content("production", production), "staging": content("staging", staging)}[slot]
            return rendered(SETTINGS, slot=slot, side=SIDE, of_slot=own, of_release=release, release="2.0.0")  # type: ignore[arg-type]

        first = render("staging", content("staging", staging))
        assert render("staging", render("production", first.content).content) == first


def test_settings_are_listed_by_whether_they_travel() -> None:
    assert travelling_settings(OF_RELEASE, SETTINGS) == {"MODEL": "of staging", "TOKEN": "secret arn:token:2"}
    assert sticky_settings(OF_RELEASE, SETTINGS) == {"STAGE": "staging", "DB_URL": "secret arn:staging-db"}
    assert image_of(OF_RELEASE, "app") == "registry/inference:2.0.0"


def test_a_definition_without_the_container_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(AwsError, match="no container 'app', only web: name the one"):
        swap(of_release=with_app(OF_RELEASE, name="web"))
