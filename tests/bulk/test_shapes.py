"""The data set that stopwatt draws itself."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stopwatt.bulk.scene import KINDS, scene
from stopwatt.bulk.shapes import ShapesAsked, write_shapes
from stopwatt.cli import main
from stopwatt.errors import UsageError
from stopwatt.serving.coco import read_annotations


def nobody(_):
    """Nobody is told."""


def draw(folder, images=6, threads=1, **more):
    return write_shapes(folder, ShapesAsked(images, 160, 96, **more), threads, nobody)


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@settings(max_examples=30, deadline=None)
@given(st.integers(64, 400), st.integers(64, 400), st.integers(0, 2**40))
def test_every_box_lies_in_the_picture_and_holds_what_is_seen_of_its_shape(width, height, seed):
    drawn = scene(width, height, (seed,))
    assert drawn.pixels.shape == (height, width, 3)
    assert drawn.pixels.dtype == np.uint8
    assert 1 <= len(drawn.shapes) <= 12
    for one in drawn.shapes:
        assert 0 <= one.x < one.x + one.width <= width
        assert 0 <= one.y < one.y + one.height <= height
        assert 0 < one.area <= one.width * one.height
        assert 0 <= one.kind < len(KINDS)


def test_equal_seeds_give_equal_files_whatever_draws_them(tmp_path):
    draw(tmp_path / "one", threads=1)
    draw(tmp_path / "two", threads=3)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_another_seed_gives_other_pictures_and_more_images_change_none(tmp_path):
    draw(tmp_path / "few", images=2)
    draw(tmp_path / "many", images=4)
    draw(tmp_path / "other", images=2, seed=1)
    few, many, other = (content(tmp_path / name) for name in ("few", "many", "other"))
    assert few["images/000001.jpg"] == many["images/000001.jpg"]
    assert few["images/000001.jpg"] != other["images/000001.jpg"]


def test_the_two_parts_are_the_whole_and_share_no_image(tmp_path):
    written = draw(tmp_path, images=20, val=0.25)
    whole, train, val = (read_annotations(tmp_path / name) for name in ("annotations.json", "train.json", "val.json"))
    assert (written.train, written.val) == (len(train.images), len(val.images)) == (15, 5)
    assert {one.id for one in train.images} | {one.id for one in val.images} == {one.id for one in whole.images}
    assert sum(map(len, train.objects.values())) + sum(map(len, val.objects.values())) == written.shapes
    assert {name: whole.objects[name] for name in val.objects} == val.objects
    assert list(whole.categories.values()) == list(KINDS)


def test_annotations_name_files_that_are_there_and_of_the_size_they_say(tmp_path):
    draw(tmp_path)
    for one in read_annotations(tmp_path / "annotations.json").images:
        with Image.open(tmp_path / one.file_name) as picture:
            assert (picture.format, picture.size) == ("JPEG", (one.width, one.height))


def test_a_shape_differs_from_the_noise_around_it(tmp_path):
    """The middle of a disc that nothing hides has another colour than the picture's mean around its box."""
    differences = []
    for number in range(40):
        drawn = scene(320, 180, (5, number))
        for one in drawn.shapes:
            full = one.area > 0.7 * one.width * one.height
            inside = one.x > 4 and one.y > 4 and one.x + one.width < 316 and one.y + one.height < 176
            if KINDS[one.kind] == "disc" and full and inside:
                middle = drawn.pixels[one.y + one.height // 2, one.x + one.width // 2].astype(int)
                around = drawn.pixels[[one.y - 3, one.y + one.height + 2], one.x].astype(int).mean(axis=0)
                differences.append(abs(middle - around).max())
    assert len(differences) > 10
    assert np.median(differences) > 40


def test_shapes_hide_parts_of_each_other_somewhere():
    boxes = [scene(200, 200, (9, number)).shapes for number in range(20)]
    overlapping = [
        (a, b)
        for shapes in boxes
        for place, a in enumerate(shapes)
        for b in shapes[:place]
        if a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
    ]
    assert overlapping


def test_all_kinds_appear_about_equally_often():
    counts = np.bincount([one.kind for number in range(200) for one in scene(96, 64, (3, number)).shapes], minlength=6)
    assert counts.min() > 0.7 * counts.mean()


@pytest.mark.parametrize(
    "asked", [{"images": 0}, {"width": 63}, {"height": 5000}, {"val": 1.0}, {"seed": -1}, {"images": 10**7}]
)
def test_what_cannot_be_drawn_is_refused(asked):
    with pytest.raises(UsageError):
        ShapesAsked(**asked)


def test_a_folder_with_something_in_it_is_left_alone_unless_it_may_be_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        draw(tmp_path)
    write_shapes(tmp_path, ShapesAsked(2, 96, 64), 1, nobody, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert len(json.loads((tmp_path / "annotations.json").read_text())["images"]) == 2


@pytest.mark.parametrize("place", ["taken", "taken/below", "made"])
def test_a_file_in_the_place_of_the_folder_is_said(tmp_path, place):
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "images").write_text("mine")
    with pytest.raises(UsageError, match="the data set needs a folder"):
        write_shapes(tmp_path / place, ShapesAsked(1, 64, 64), 1, lambda _: None)
    assert (tmp_path / "taken").read_text() == (tmp_path / "made" / "images").read_text() == "mine"


def test_who_waits_is_told_of_every_picture(tmp_path):
    told = []
    write_shapes(tmp_path, ShapesAsked(5, 96, 64), 2, told.append)
    assert told[-1] == 5
    assert told == sorted(told)


def test_the_verb_draws_and_says_what(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["data", "shapes", str(tmp_path / "set"), "--images", "3", "--size", "96x64", "--json"])
    assert left.value.code == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["images"], said["train"] + said["val"], said["width"]) == (3, 3, 96)
    assert len(list((tmp_path / "set" / "images").iterdir())) == 3


@pytest.mark.parametrize("wrong", [["--size", "96"], ["--size", "axb"], ["--threads", "-1"], ["--images", "0"]])
def test_the_verb_refuses_what_makes_no_sense(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as left:
        main(["data", "shapes", str(tmp_path / "set"), *wrong])
    assert left.value.code == 2
    assert "now:" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
