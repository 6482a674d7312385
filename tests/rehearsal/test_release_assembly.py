"""A release of any app is a copy of its assembly with another image tag: pure, over written files."""

import json
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.cloud_assembly import CloudAssembly
from bluegreen_constructs.rehearsal.release_assembly import retagged, write_release
from tests.rehearsal.written_assembly import IMAGE, shop, write_assembly

SUFFIX = {"Ref": "AWS::URLSuffix"}


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("shop", "shop:2"),
        ("shop:1.0.0", "shop:2"),
        ("localhost:5000/shop", "localhost:5000/shop:2"),
        ("localhost:5000/shop:1@sha256:abc", "localhost:5000/shop:2"),
        ("a.example.com/b/shop@sha256:abc", "a.example.com/b/shop:2"),
        (
            {"Fn::Sub": "1.dkr.ecr.eu.${AWS::URLSuffix}/assets:0a1b"},
            {"Fn::Sub": "1.dkr.ecr.eu.${AWS::URLSuffix}/assets:2"},
        ),
        (
            {"Fn::Join": ["", ["1.dkr.ecr.eu.", SUFFIX, "/shop:1.0.0"]]},
            {"Fn::Join": ["", ["1.dkr.ecr.eu.", SUFFIX, "/shop:2"]]},
        ),
        (
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}, ":1.0.0"]]},
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}, ":2"]]},
        ),
        (
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}, "@sha256:abc"]]},
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}, ":2"]]},
        ),
        (
            {"Fn::Join": ["", [SUFFIX, "/shop:", {"Ref": "Tag"}]]},
            {"Fn::Join": ["", [SUFFIX, "/shop:2"]]},
        ),
        (
            {"Fn::Join": ["", [SUFFIX, "/shop:", "1.0.0"]]},
            {"Fn::Join": ["", [SUFFIX, "/shop:2"]]},
        ),
        (
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}]]},
            {"Fn::Join": ["", [SUFFIX, "/", {"Ref": "Repository"}, ":2"]]},
        ),
    ],
)
def test_an_image_gets_the_tag_however_the_template_writes_it(image: object, wanted: object) -> None:
    assert retagged(image, "2") == wanted


@pytest.mark.parametrize("image", [{"Ref": "Image"}, {"Fn::ImportValue": "image"}, None, 7, {"Fn::Sub": ["x", {}]}])
def test_an_image_of_which_no_part_is_written_out_gets_none(image: object) -> None:
    assert retagged(image, "2") is None


def images(assembly: CloudAssembly, stack: str) -> list[object]:
    resources = json.loads((assembly.folder / f"{stack}.template.json").read_text(encoding="utf-8"))["Resources"]
    return [one["Image"] for one in resources["Tasks"]["Properties"]["ContainerDefinitions"]]


def test_only_the_image_of_that_service_changes_and_the_app_itself_does_not(tmp_path: Path) -> None:
    app = write_assembly(tmp_path / "app", {"Shop": shop(), "Other": shop()})
    shops = {one.stack.name: one for one in app.services()}
    made = write_release(app, tmp_path / "release", {shops["Shop"]: "2.0.0"})
    assert images(made, "Shop") == ["registry.example.com/shop:2.0.0", "helper:7"]
    assert images(made, "Other") == images(app, "Shop") == images(app, "Other") == [IMAGE, "helper:7"]
    assert [one.image_tag for one in made.services()] == ["2.0.0", "1.0.0"]


def test_a_changed_template_is_another_asset_or_the_cli_would_take_it_for_uploaded(tmp_path: Path) -> None:
    app = write_assembly(tmp_path / "app", {"Shop": shop(), "Other": shop("other:1")})
    made = write_release(app, tmp_path / "release", {app.services()[0]: "2.0.0"})

    def keys(folder: Path, stack: str) -> tuple[str, str]:
        (name,) = json.loads((folder / f"{stack}.assets.json").read_text(encoding="utf-8"))["files"]
        artifact = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"][stack]
        return name, artifact["properties"]["stackTemplateAssetObjectUrl"]

    before, after = keys(app.folder, "Shop"), keys(made.folder, "Shop")
    assert before[0] != after[0]
    assert after[1] == f"s3://bucket/{after[0]}.json"
    assert keys(app.folder, "Other") == keys(made.folder, "Other")


def test_images_that_docker_would_build_are_left_out(tmp_path: Path) -> None:
    image = {"Fn::Sub": "1.dkr.ecr.eu.${AWS::URLSuffix}/assets:0a1b"}
    app = write_assembly(tmp_path / "app", {"Shop": shop(image)}, Shop={"images": {"0a1b": {"source": {}}}})
    made = write_release(app, tmp_path / "release", {})
    assert json.loads((made.folder / "Shop.assets.json").read_text(encoding="utf-8"))["dockerImages"] == {}
    assert made.services()[0].image_tag == "0a1b"


def test_stacks_of_stages_are_found_and_released_in_their_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "app"
    write_assembly(folder / "assembly-Prod", {"ProdShop": shop()}, ProdShop={"displayName": "Prod/Shop"})
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"assembly-Prod": stage}}), encoding="utf-8")
    app = CloudAssembly.read(folder)
    assert [stack.name for stack in app.stacks] == ["Prod/Shop"]
    made = write_release(app, tmp_path / "release", {app.services()[0]: "2.0.0"})
    assert made.services()[0].image_tag == "2.0.0"
    assert app.services()[0].image_tag == "1.0.0"


def test_an_app_without_stacks_or_with_an_unreadable_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="the app has no stack"):
        write_assembly(tmp_path / "empty", {})
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"cannot be read: manifest\.json"):
        CloudAssembly.read(tmp_path)
