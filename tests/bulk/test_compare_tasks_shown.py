"""What people see of compared classes, vectors and raw outputs: the table, the document, the page."""

import json

import numpy as np
import pytest
from PIL import Image

from stopwatt.cli import main

NAMES = {1: "cat", 2: "dog"}
ODD = "dog/<script>alert(1)<.jpg"


@pytest.fixture
def photos(tmp_path):
    """Three images in folders of their classes, one with a name that means something in HTML."""
    for number, name in enumerate(("cat/1.jpg", "dog/2\n.jpg", ODD)):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((40, 60, 3), 60 * (number + 1), np.uint8)
        path.write_bytes(b"")
        Image.fromarray(pixels).save(path.parent / "made.png")
        (path.parent / "made.png").rename(path)
    return tmp_path / "photos"


@pytest.fixture
def classified(tmp_path, photos):
    """`(name, scores of cat)`: the results of a run on these images."""

    def make(name, scores):
        names = ("cat/1.jpg", ODD, "dog/2\n.jpg")
        rows = [
            {"image_id": number, "file_name": file, "classes": [
                {"category_id": 1, "label": "cat", "score": score},
                {"category_id": 2, "label": "dog", "score": round(1 - score, 6)}]}
            for number, (file, score) in enumerate(zip(names, scores, strict=True), 1)
        ]  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        (folder / "classes.json").write_text(json.dumps(rows))
        contract = {"task": "classify", "preprocess": {"height": 8, "width": 8}, "decoding": "logits"}
        (folder / "contract.json").write_text(json.dumps(contract | {"labels": ["cat", "dog"]}))
        return folder

    return make


def said(capsys, *words, code=0):
    with pytest.raises(SystemExit) as left:
        main(["run", "compare", *map(str, words)])
    printed = capsys.readouterr()
    assert left.value.code == code, printed.err
    return printed.out + printed.err


def test_the_table_says_how_often_both_agree_and_how_often_each_is_right(classified, capsys):
    text = said(capsys, classified("a", (0.9, 0.2, 0.3)), classified("b", (0.9, 0.7, 0.25)))
    assert "67 % of 3 images have the same best class in both; 33 % all scores within 0.001 as well" in text
    assert [line.split() for line in text.splitlines() if line.startswith("top-1")] == [
        ["top-1", "1.000", "0.667", "-0.333"]
    ]
    assert "labels: the folders of the images" in text
    assert "truly dog" in " ".join(text.split())


def test_a_name_with_a_line_end_stays_on_its_line(classified, capsys):
    text = said(capsys, classified("a", (0.9, 0.2, 0.3)), classified("b", (0.9, 0.2, 0.35)))
    assert "dog/2 .jpg" in text


def test_the_page_shows_the_images_with_the_classes_of_both(classified, photos, tmp_path, capsys):
    page = tmp_path / "page.html"
    sides = classified("a", (0.9, 0.2, 0.3)), classified("b", (0.9, 0.7, 0.3))
    said(capsys, *sides, "--data", photos, "--html", page)
    text = page.read_text()
    assert text.count('<article class="panel">') == 1
    assert text.count("data:image/jpeg;base64,") == 1
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;.jpg" in text
    assert '<tr class="marked"><th scope="row">dog</th>' in text
    assert '<td class="n best">0.800</td>' in text


def test_less_than_what_is_asked_for_ends_with_code_one(classified, capsys):
    sides = classified("a", (0.9, 0.2, 0.3)), classified("b", (0.9, 0.2, 0.35))
    assert "67 % of the images are identical, which is below 99" in said(capsys, *sides, "--fail-below", "99%", code=1)
    said(capsys, *sides, "--fail-below", "99%", "--score", "1")  # only the best classes count then


@pytest.mark.parametrize("option", ["--iou", "--tolerance", "--annotations"])
def test_an_option_that_says_nothing_about_classes_is_refused(classified, capsys, option):
    one = classified("a", (0.9, 0.2, 0.3))
    assert f"{option} says nothing about results of the task classify" in said(capsys, one, one, option, "1", code=2)


@pytest.fixture
def vectors(tmp_path):
    """`(name, *vectors)`: the embeddings of a run."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def make(name, *rows):
        folder = tmp_path / name
        folder.mkdir()
        flat = pa.array(np.concatenate([np.array(row, np.float32) for row in rows]))
        columns = {
            "image_id": list(range(1, len(rows) + 1)),
            "file_name": [f"{number}.jpg" for number in range(len(rows))],
            "embedding": pa.FixedSizeListArray.from_arrays(flat, len(rows[0])),
        }
        parquet.write_table(pa.table(columns), folder / "embeddings.parquet")
        return folder

    return make


def test_vectors_are_compared_in_figures_and_on_a_page_without_pictures(vectors, tmp_path, capsys):
    page = tmp_path / "page.html"
    sides = vectors("a", (3, 4), (1, 0)), vectors("b", (3, 4), (1, 0.1))
    text = said(capsys, *sides, "--html", page)
    assert "50 % of 2 images are identical (values within 0.001 of the largest)" in text
    assert "cosine similarity: median 0.9975186, least 0.9950372" in text
    assert "the image was not found" in page.read_text()
    assert "cosine similarity" in page.read_text()


def test_the_document_of_what_cannot_be_compared_is_strict_json(vectors, capsys):
    text = said(capsys, vectors("a", (0, 0)), vectors("b", (1, 0)), "--json")
    (worst,) = json.loads(text)["worst"]
    assert (worst["cosine"], worst["file_name"]) == (None, "0.jpg")
    assert "0 in A" in worst["why"]
