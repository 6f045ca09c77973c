"""Two results of a classifier for the same images, and the labels that somebody gave them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.bulk.comparing.classes import compare_classes, compared_classes, top_accuracy
from stopwatt.bulk.comparing.rankings import Classified, Scored
from stopwatt.bulk.comparing.results import Head
from stopwatt.errors import UsageError
from stopwatt.images.labels import Labels, labels_of
from stopwatt.serving.contract import Task

NAMES = {1: "cat", 2: "dog", 3: "bird"}


def ranking(**scores):
    numbers = {name: number for number, name in NAMES.items()}
    return tuple(sorted((Scored(numbers[name], score, name) for name, score in scores.items()),
                        key=lambda one: -one.score))  # fmt: skip


def classified(rankings, failed=()):
    head = Head("run", Task.CLASSIFY, None, failed=frozenset(failed), labels=NAMES)
    return Classified(head, {image: f"{image}.jpg" for image in rankings}, rankings)


def sides(a, b, labels=None, score=1e-3, most=12):
    return compared_classes(classified(a), classified(b), labels or Labels(), score, most)


def classes_file(path, rows, labels=()):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([
        {"image_id": image, "file_name": name, "classes": [
            {"category_id": number, "label": label, "score": score} for number, label, score in classes]}
        for image, name, classes in rows
    ]))  # fmt: skip
    if labels:
        contract = {"task": "classify", "preprocess": {"height": 8, "width": 8}, "decoding": "logits"}
        (path.parent / "contract.json").write_text(json.dumps(contract | {"labels": labels}))
    return path


def test_equal_results_are_identical_in_everything():
    ones = {1: ranking(cat=0.7, dog=0.3), 2: ranking(bird=1.0)}
    found = sides(ones, ones)
    assert (found.images, found.identical, found.same_best, found.tied) == (2, 2, 2, 0)
    assert (found.share, found.overlap, found.score_difference, found.worst) == (1.0, 1.0, 0.0, ())


def test_another_best_class_and_another_score_are_told_apart():
    a = {1: ranking(cat=0.7, dog=0.3), 2: ranking(cat=0.6, dog=0.4), 3: ranking(cat=0.9, dog=0.1)}
    b = {1: ranking(dog=0.8, cat=0.2), 2: ranking(cat=0.7, dog=0.3), 3: ranking(cat=0.9, dog=0.1)}
    found = sides(a, b)
    assert (found.same_best, found.identical, found.tied) == (2, 1, 0)
    assert found.score_difference == pytest.approx(0.5)
    assert [one.image_id for one in found.worst] == [1, 2]
    assert [one.image_id for one in sides(a, b, most=1).worst] == [1]


def test_two_classes_that_are_as_good_as_equal_in_both_are_a_tie():
    found = sides({1: ranking(cat=0.5002, dog=0.4998)}, {1: ranking(dog=0.5001, cat=0.4999)})
    assert (found.same_best, found.tied, found.identical) == (0, 1, 0)
    assert sides({1: ranking(cat=0.6, dog=0.4)}, {1: ranking(dog=0.5001, cat=0.4999)}).tied == 0


def test_a_class_that_only_one_lists_counts_by_how_far_it_lies_above_the_last_of_the_other():
    found = sides({1: ranking(cat=0.6, dog=0.25)}, {1: ranking(cat=0.6, bird=0.2)})
    assert found.score_difference == pytest.approx(0.05)  # dog: 0.25 against at most 0.2; bird: nothing is certain
    assert found.overlap == pytest.approx(0.5)


def test_images_that_only_one_has_are_counted_and_not_compared():
    found = sides({1: ranking(cat=1.0), 2: ranking(cat=1.0)}, {1: ranking(cat=1.0), 3: ranking(dog=1.0)})
    assert (found.images, found.a.images, found.a.only, found.b.only) == (1, 2, 1, 1)
    assert sides({1: ranking(cat=1.0)}, {2: ranking(cat=1.0)}).share is None


def test_accuracy_counts_labelled_images_with_a_result_only():
    found = {1: ranking(cat=0.7, dog=0.3), 2: ranking(cat=0.6, dog=0.4), 3: ranking(cat=1.0)}
    score = top_accuracy(found, Labels({1: "cat", 2: "dog", 9: "bird"}))
    assert (score.images, score.top1, score.top5) == (2, 0.5, 1.0)
    assert top_accuracy(found, Labels({1: "2"})).top1 == 0  # the number of the class dog
    assert top_accuracy(found, Labels()) is None


scores = st.dictionaries(st.sampled_from(sorted(NAMES.values())), st.integers(1, 1000).map(lambda x: x / 1000))
by_image = st.dictionaries(st.integers(1, 4), scores.map(lambda one: ranking(**one)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(by_image, by_image)
def test_no_side_is_preferred_and_no_more_is_identical_than_has_the_same_best_class(a, b):
    one, other = sides(a, b), sides(b, a)
    assert (one.identical, one.same_best, one.tied) == (other.identical, other.same_best, other.tied)
    assert (one.overlap, one.score_difference) == (other.overlap, other.score_difference)
    assert one.identical <= one.same_best <= one.images
    assert one.images - one.identical == len(sides(a, b, most=100).worst)


def test_folders_of_runs_are_read_and_their_images_folders_are_labels_where_they_are_classes(tmp_path):
    rows = [(4, "x/cat/1.jpg", [(1, "cat", 0.9)]), (7, "x/dog/1.jpg", [(1, "cat", 0.8)])]
    for name in ("a", "b"):
        classes_file(tmp_path / name / "classes.json", rows, ["cat", "dog"])
    found = compare_classes(tmp_path / "a", tmp_path / "b")
    assert (found.share, found.a.accuracy.top1) == (1.0, 0.5)
    assert found.labels == "the folders of the images"


def test_folders_that_are_no_classes_are_no_labels_unless_somebody_says_so(tmp_path):
    names = {1: "left/1.jpg", 2: "cat/2.jpg"}
    assert labels_of(None, names, NAMES.values()).of == {}
    assert labels_of("folders", {2: "cat/2.jpg", 3: "3.jpg"}, NAMES.values()).of == {2: "cat"}
    with pytest.raises(UsageError, match="'left' is no class of the model"):
        labels_of("folders", names, NAMES.values())


def test_labels_are_read_from_a_table_of_files(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text('file,label\n./a/1.jpg,cat\n"odd, name.jpg",dog\na/9.jpg,bird\n')
    found = labels_of(str(table), {1: "a/1.jpg", 2: "odd, name.jpg", 3: "other.jpg"}, NAMES.values())
    assert found.of == {1: "cat", 2: "dog"}
    assert found.source == str(table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.jpg,cat\n", "line 1"),
        ("file,label\n1.jpg\n", "line 2"),
        ("file,label\n1.jpg,cat\n./1.jpg,dog\n", "two labels"),
        ("file,label\nelse.jpg,cat\n", "none of the images has a label"),
        ("file,label\n1.jpg,whale\n", "'whale' is no class"),
        ('file,label\n"1.jpg,cat\n', "no CSV"),
        ("file,label\n\xff.jpg,cat\n", "no CSV in UTF-8"),
    ],
)
def test_tables_that_label_nothing_are_refused_with_their_line(tmp_path, text, said):
    table = tmp_path / "labels.csv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as refusal:
        labels_of(str(table), {1: "1.jpg"}, NAMES.values())
    assert said in f"{refusal.value.what} {refusal.value.when}"


def test_a_name_with_control_characters_is_harmless_in_an_error(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text('file,label\n1.jpg,"\x1b[2J<script>"\n')
    with pytest.raises(UsageError) as refusal:
        labels_of(str(table), {1: "1.jpg"}, NAMES.values())
    assert "\x1b" not in refusal.value.what


@pytest.mark.parametrize(
    "text", ['[{"classes": []}]', '{"classes": 1}', '[{"image_id": "x", "file_name": "", "classes": []}]',
             '[{"image_id": 1, "file_name": "", "classes": [{"category_id": 1}]}]',
             '[{"image_id": 1, "file_name": "", "classes": [{"category_id": 1, "score": NaN}]}]', '[{"classes": ['],
)  # fmt: skip
def test_what_is_no_file_of_classes_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UsageError, match="no classes of images"):
        compare_classes(tmp_path / "a.json", tmp_path / "a.json")


def test_an_image_that_is_there_twice_is_refused(tmp_path):
    rows = [(1, "1.jpg", [(1, "cat", 0.9)])] * 2
    path = classes_file(tmp_path / "a.json", rows)
    with pytest.raises(UsageError, match="image 1, as one before"):
        compare_classes(path, path)


def test_results_of_two_tasks_are_refused(tmp_path):
    path = classes_file(tmp_path / "a.json", [(1, "1.jpg", [(1, "cat", 0.9)])])
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(UsageError, match="two tasks cannot be compared: classify and detect"):
        compare_classes(path, tmp_path / "b.json")
