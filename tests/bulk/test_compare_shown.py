"""What people see of a comparison: the table, the document, the page."""

import json
import re
import shutil

import pytest

from stopwatt.bulk.shapes import ShapesAsked, write_shapes
from stopwatt.cli import main
from stopwatt.serving.coco import as_results, read_annotations
from stopwatt.serving.contract import Detection, Found


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Four drawn images, a result that finds everything, and one with a miss, a false alarm and a wrong class."""
    folder = tmp_path_factory.mktemp("shapes")
    write_shapes(folder, ShapesAsked(4, 160, 96, val=0), 1, lambda _: None)
    truth = read_annotations(folder / "annotations.json")
    right = {
        image: [Detection(one.x, one.y, one.width, one.height, 0.9, one.category) for one in objects]
        for image, objects in truth.objects.items()
    }
    first, second, *_ = sorted(right)
    wrong = dict(right)
    wrong[first] = [*right[first][1:], Detection(1, 1, 7, 5, 0.77, 3)]
    renamed = right[second][0]
    other = Detection(renamed.x, renamed.y, renamed.width, renamed.height, 0.9, renamed.category % 6 + 1)
    wrong[second] = [other, *right[second][1:]]
    for name, found in (("right", right), ("wrong", wrong)):
        listed = [result for image, ones in found.items() for result in as_results(Found(tuple(ones)), image)]
        (folder / f"{name}.json").write_text(json.dumps(listed))
    return folder


def said(capsys, *words, code=0):
    with pytest.raises(SystemExit) as left:
        main(["run", "compare", *map(str, words)])
    printed = capsys.readouterr()
    assert left.value.code == code, printed.err
    return printed.out + printed.err


def test_the_table_names_both_the_accuracy_and_the_images_that_differ(drawn, capsys):
    text = said(
        capsys, drawn / "right.json", drawn / "wrong.json", "--annotations", drawn / "annotations.json"
    )  # fmt: skip
    assert re.search(r"AP50\s+1\.000\s+0\.\d{3}\s+-0\.\d{3}", text)
    assert "images/000000.jpg" in text
    assert "1 only in A, 1 only in B" in text
    assert "1 of another class" in text
    assert max(map(len, text.splitlines())) <= 400  # the only long words are paths


def test_equal_results_say_so_and_show_no_image(drawn, capsys):
    text = said(capsys, drawn / "right.json", drawn / "right.json")
    assert "100 % of" in text
    assert "differ most" not in text


def test_the_document_has_every_figure_and_is_strict_json(drawn, capsys):
    text = said(capsys, drawn / "right.json", drawn / "wrong.json", "--data", drawn / "annotations.json", "--json")
    found = json.loads(text)
    assert found["schema"] == 1
    assert (found["a"]["only"], found["b"]["only"], found["renamed"]) == (1, 1, 1)
    assert found["a"]["accuracy"] is None
    assert [one["file_name"] for one in found["worst"]] == ["images/000000.jpg", "images/000001.jpg"]
    assert found["share_identical"] == pytest.approx(2 * found["identical"] / (found["a"]["detections"] * 2))


def test_less_than_what_is_asked_for_ends_with_code_one(drawn, capsys):
    words = (drawn / "right.json", drawn / "wrong.json", "--fail-below")
    assert "below 99.9" in said(capsys, *words, "99.9%", code=1)
    said(capsys, *words, "1%")


def test_the_page_shows_the_worst_images_side_by_side_and_fetches_nothing(drawn, tmp_path, capsys):
    page = tmp_path / "page.html"
    said(
        capsys, drawn / "right.json", drawn / "wrong.json", "--annotations", drawn / "annotations.json", "--html", page
    )  # fmt: skip
    text = page.read_text()
    assert text.count('<article class="panel">') == 2
    assert text.count("data:image/jpeg;base64,") == 4
    assert 'class="front only"' in text
    assert 'class="front renamed"' in text
    assert 'viewBox="0 0 160 96"' in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert "default-src &#39;none&#39;" in text


def test_names_from_outside_are_text_on_the_page(tmp_path, capsys):
    (tmp_path / "a.json").write_text("[]")
    found = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 0.9}]
    (tmp_path / "<b>&.json").write_text(json.dumps(found))
    said(capsys, tmp_path / "a.json", tmp_path / "<b>&.json", "--html", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text
    assert "the image was not found" in text


def test_an_image_that_is_gone_leaves_its_boxes_and_says_why(drawn, tmp_path, capsys):
    shutil.copytree(drawn / "images", tmp_path / "images")
    (tmp_path / "images" / "000000.jpg").unlink()
    page = tmp_path / "page.html"
    words = (drawn / "right.json", drawn / "wrong.json", "--data", drawn / "annotations.json")
    said(capsys, *words, "--images", tmp_path, "--html", page)
    text = page.read_text()
    assert "no picture: the file cannot be opened" in text
    assert 'class="front only"' in text
    assert text.count("data:image") == 2  # the other one is there


def test_figures_need_no_images(drawn, tmp_path, capsys):
    (tmp_path / "annotations.json").write_bytes((drawn / "annotations.json").read_bytes())  # nothing beside it
    text = said(capsys, drawn / "right.json", drawn / "wrong.json", "--annotations", tmp_path / "annotations.json")
    assert "AP50" in text


def test_a_page_is_not_written_over_unasked(drawn, tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text("mine")
    words = (drawn / "right.json", drawn / "wrong.json", "--html", page)
    assert "there already" in said(capsys, *words, code=2)
    assert page.read_text() == "mine"
    said(capsys, *words, "--force")


@pytest.mark.parametrize("wrong", [["--worst", "-1"], ["--iou", "0.1"], ["--fail-below", "140%"]])
def test_what_makes_no_sense_is_refused(drawn, capsys, wrong):
    assert "now:" in said(capsys, drawn / "right.json", drawn / "wrong.json", *wrong, code=2)
