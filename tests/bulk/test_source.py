"""What DATA can be, and which images it means."""

import json
import os
from pathlib import Path

import pytest

from stopwatt.errors import UsageError
from stopwatt.images.folders import natural
from stopwatt.images.items import digest_of
from stopwatt.images.source import open_source


def files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names_of(source):
    return [item.name for item in source.items]


def listing(folder, text, name="list.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def annotations(folder, images, name="annotations.json", **more):
    path = folder / name
    path.write_text(json.dumps({"images": images, **more}))
    return str(path)


# --- folders ---


def test_a_folder_means_its_images_in_natural_order_those_of_folders_below_too(tmp_path):
    files(tmp_path, "b/2.jpg", "b/10.PNG", "b/1.jpeg", "a.webp", "notes.txt", "b.jpg", "b-c/1.jpg")
    source = open_source(str(tmp_path))
    assert names_of(source) == ["a.webp", "b/1.jpeg", "b/2.jpg", "b/10.PNG", "b-c/1.jpg", "b.jpg"]
    assert source.notes == ("left out: 1 file of another kind",)


def test_items_are_numbered_from_0_and_have_the_path_of_their_file(tmp_path):
    source = open_source(str(files(tmp_path, "a/1.jpg", "a/2.jpg")))
    for number, item in enumerate(source.items):
        assert (item.number, item.image_id, item.frame) == (number, number + 1, None)
        assert Path(item.path) == tmp_path / item.name
    assert source.items[-1] == source.items[1]
    assert source.items[:1] == [source.items[0]]
    with pytest.raises(IndexError):
        source.items[2]


def test_equal_names_in_two_folders_are_two_images(tmp_path):
    source = open_source(str(files(tmp_path, "left/1.jpg", "right/1.jpg")))
    assert names_of(source) == ["left/1.jpg", "right/1.jpg"]
    assert len({item.path for item in source.items}) == 2


def test_hidden_files_and_folders_are_left_out(tmp_path):
    source = open_source(str(files(tmp_path, "._1.jpg", ".thumbs/1.jpg", "1.jpg")))
    assert names_of(source) == ["1.jpg"]


AWKWARD = ["new\nline.jpg", "\U0001f600.jpg", "=cmd().jpg", "<script>.jpg", "x" * 250 + ".jpg", " a .jpg", "a\\b.jpg"]


def test_awkward_names_stay_what_they_are(tmp_path):
    source = open_source(str(files(tmp_path, *AWKWARD)))
    assert sorted(names_of(source)) == sorted(AWKWARD)
    assert all(Path(item.path).read_bytes() == b"x" for item in source.items)


def test_names_that_are_no_text_are_shown_as_text_and_still_found(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    Path(os.fsdecode(path)).write_bytes(b"x")
    (item,) = open_source(str(tmp_path)).items
    assert item.name == "caf\\xe9.jpg"
    assert Path(item.path).read_bytes() == b"x"


def test_links_in_a_circle_end(tmp_path):
    files(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "self").symlink_to(".")
    (tmp_path / "b" / "other").symlink_to("../a")
    assert names_of(open_source(str(tmp_path))) == ["a/1.jpg", "b/2.jpg"]


def test_a_file_keeps_its_own_name_though_a_link_to_its_folder_comes_first(tmp_path):
    files(tmp_path, "run7/1.jpg")
    (tmp_path / "latest").symlink_to("run7")
    assert names_of(open_source(str(tmp_path))) == ["run7/1.jpg"]


def test_a_linked_folder_elsewhere_is_gone_through(tmp_path):
    files(tmp_path, "elsewhere/1.jpg", "data/2.jpg")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    assert names_of(open_source(str(tmp_path / "data"))) == ["2.jpg", "link/1.jpg"]


def test_a_link_that_leads_nowhere_is_an_image_that_will_fail(tmp_path):
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    assert names_of(open_source(str(tmp_path))) == ["circle.jpg", "gone.jpg"]


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path, monkeypatch):
    files(tmp_path, "a.jpg", "closed/b.jpg")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    source = open_source(str(tmp_path))
    assert names_of(source) == ["a.jpg"]
    assert source.notes == ("left out: 1 folder without rights, such as closed",)


@pytest.mark.parametrize("names", [(), ("a.txt",), (".jpg",)])
def test_a_folder_without_images_is_refused(tmp_path, names):
    with pytest.raises(UsageError, match="there are no images in the folder"):
        open_source(str(files(tmp_path, *names)))


def test_natural_order_holds_for_any_number_of_digits():
    names = ["a9", "a10", "a0010", "a" + "9" * 30, "a1" + "0" * 30, "b1", "b1/2", "b1/10"]
    assert sorted(set(names), key=natural) == ["a9", "a0010", "a10", *names[3:]]


# --- patterns ---


def test_a_pattern_means_the_images_that_match(tmp_path):
    files(tmp_path, "a/1.jpg", "a/x.txt", "b/2.jpg", "b/deep/3.jpg", "c.jpg")
    assert names_of(open_source(f"{tmp_path}/*/*")) == ["a/1.jpg", "b/2.jpg"]
    assert names_of(open_source(f"{tmp_path}/b/**/*.jpg")) == ["2.jpg", "deep/3.jpg"]
    assert names_of(open_source(f"{tmp_path}/**")) == ["a/1.jpg", "b/2.jpg", "b/deep/3.jpg", "c.jpg"]
    assert names_of(open_source(f"{tmp_path}/[ac]*/?.jpg")) == ["a/1.jpg"]


def test_a_pattern_of_the_current_folder_works(tmp_path, monkeypatch):
    monkeypatch.chdir(files(tmp_path, "1.jpg", "2.png"))
    (item,) = open_source("*.jpg").items
    assert item.path == str(tmp_path / "1.jpg")


def test_a_pattern_does_not_follow_links_in_a_circle(tmp_path):
    files(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "up").symlink_to("..")
    assert names_of(open_source(f"{tmp_path}/**/*.jpg")) == ["a/1.jpg"]


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(tmp_path):
    files(tmp_path, "run[1]/1.jpg")
    assert names_of(open_source(f"{tmp_path}/run[1]")) == ["1.jpg"]


@pytest.mark.parametrize("pattern", ["*.jpg", "a**/*.jpg"])
def test_a_pattern_that_matches_nothing_or_cannot_is_refused(tmp_path, pattern):
    with pytest.raises(UsageError):
        open_source(f"{tmp_path}/{pattern}")


# --- lists ---


def test_a_list_names_files_beside_it_or_anywhere(tmp_path):
    files(tmp_path, "here/1.jpg", "there/2.jpg")
    source = open_source(listing(tmp_path / "here", f"1.jpg\n{tmp_path}/there/2.jpg\n../there/2.jpg\n"))
    assert [Path(item.path).resolve().name for item in source.items] == ["1.jpg", "2.jpg", "2.jpg"]
    assert names_of(source) == ["1.jpg", f"{tmp_path}/there/2.jpg", "../there/2.jpg"]


def test_a_list_keeps_its_order(tmp_path):
    assert names_of(open_source(listing(tmp_path, "b.jpg\na.jpg\nc.jpg"))) == ["b.jpg", "a.jpg", "c.jpg"]


def test_missing_files_of_a_list_are_images_that_will_fail(tmp_path):
    files(tmp_path, "1.jpg")
    assert names_of(open_source(listing(tmp_path, "1.jpg\ngone.jpg\n"))) == ["1.jpg", "gone.jpg"]


def test_a_list_none_of_whose_files_is_anywhere_says_where_they_were_looked_for(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg\n")
    (note,) = open_source(str(tmp_path / "list.txt")).notes
    assert note.startswith(f"none of the first files of the list is in {tmp_path} and {tmp_path / 'here'}; --images")


def test_a_file_that_a_list_names_twice_is_done_once_and_that_is_said(tmp_path):
    files(tmp_path, "1.jpg")
    source = open_source(listing(tmp_path, "1.jpg\n2.jpg\n./1.jpg\n1.jpg\na/../2.jpg\n3.jpg\n"))
    assert names_of(source) == ["1.jpg", "2.jpg", "3.jpg"]
    assert source.notes == ("3 lines named a file that was named before: each file is done once",)


def test_a_list_may_have_empty_lines_carriage_returns_and_a_byte_order_mark(tmp_path):
    text = b"\xef\xbb\xbf1.jpg\r\n\r\n  \n2 .jpg\r\n#3.jpg"
    assert names_of(open_source(listing(tmp_path, text))) == ["1.jpg", "2 .jpg", "#3.jpg"]


def test_a_list_with_zero_characters_may_name_files_with_line_ends(tmp_path):
    files(tmp_path, *AWKWARD)
    source = open_source(listing(tmp_path, "\0".join(AWKWARD) + "\0"))
    assert names_of(source) == AWKWARD
    assert all(Path(item.path).read_bytes() == b"x" for item in source.items)


def test_names_in_a_list_may_be_relative_to_the_current_folder(tmp_path, monkeypatch):
    files(tmp_path, "data/1.jpg", "lists/x")
    monkeypatch.chdir(tmp_path)
    (item,) = open_source(listing(tmp_path / "lists", "data/1.jpg\n")).items
    assert item.path == str(tmp_path / "data/1.jpg")


def test_names_in_a_list_may_be_relative_to_a_folder_that_is_named(tmp_path):
    files(tmp_path, "data/1.jpg", "1.jpg")
    (item,) = open_source(listing(tmp_path, "1.jpg"), images=tmp_path / "data").items
    assert item.path == str(tmp_path / "data/1.jpg")


@pytest.mark.parametrize("length", [1 << 20, (1 << 20) + 1, 3_000_000])
def test_lines_across_the_pieces_in_which_a_list_is_read_are_whole(tmp_path, length):
    names = [f"{'d' * 200}/{number}.jpg" for number in range(length // 200)]
    assert names_of(open_source(listing(tmp_path, "\n".join(names)))) == names


@pytest.mark.parametrize("text", [b"", b"\n\n", "a.jpg\n".encode("utf-16"), b"x" * 2_000_000])
def test_what_is_no_list_is_refused(tmp_path, text):
    with pytest.raises(UsageError):
        open_source(listing(tmp_path, text))


def test_a_list_of_a_million_lines_takes_little_memory(tmp_path):
    path = tmp_path / "list.txt"
    with path.open("w") as file:
        file.writelines(f"train/{number % 1000:03}/image_{number:07}.jpg\n" for number in range(1_000_000))
        file.write("train/000/image_0000000.jpg\n")
    before = resident()
    source = open_source(str(path))
    assert len(source.items) == 1_000_000
    assert resident() - before < 150e6  # as objects they would take more than twice that
    assert source.items[999_999].name == "train/999/image_0999999.jpg"


# --- annotations ---


def test_annotations_name_the_images_and_their_ids(tmp_path):
    files(tmp_path, "images/a.jpg", "images/b.jpg")
    images = [{"id": 42, "file_name": "b.jpg"}, {"id": 7, "file_name": "a.jpg", "width": 3, "height": 4}]
    notes = [{"id": 1, "image_id": 42, "bbox": [0, 0, 1, 1], "category_id": 1, "segmentation": [[0, 0, 1, 1]]}]
    path = annotations(tmp_path, images, annotations=notes, info={}, categories=[{"id": 1, "name": "x"}])
    source = open_source(path)
    assert [(item.name, item.image_id, item.number) for item in source.items] == [("b.jpg", 42, 0), ("a.jpg", 7, 1)]
    assert source.items[0].path == str(tmp_path / "images/b.jpg")
    assert source.annotations == Path(path)


def test_the_folder_of_the_images_may_be_named(tmp_path):
    files(tmp_path, "else/where/a.jpg", "notes/x")
    path = annotations(tmp_path / "notes", [{"id": 1, "file_name": "a.jpg"}])
    (item,) = open_source(path, images=tmp_path / "else/where").items
    assert Path(item.path).exists()
    with pytest.raises(UsageError, match="none of the first images") as refused:
        open_source(path)
    assert "--images" in refused.value.now


def test_two_annotated_images_of_one_file_are_done_once(tmp_path):
    files(tmp_path, "a.jpg", "b.jpg")
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}, {"id": 3, "file_name": "b.jpg"}]
    source = open_source(annotations(tmp_path, images))
    assert [(item.name, item.image_id) for item in source.items] == [("a.jpg", 1), ("b.jpg", 3)]
    assert source.notes == ("1 image named a file that was named before: each file is done once",)


@pytest.mark.parametrize(
    "document",
    [
        "", "[]", "3", '{"images": 3}', '{"annotations": []}', '{"images": []}', "[" * 100_000,
        '{"images": [{"id": 1}]}', '{"images": [{"file_name": "a.jpg"}]}', '{"images": [3]}',
        '{"images": [{"id": "1", "file_name": "a.jpg"}]}', '{"images": [{"id": true, "file_name": "a.jpg"}]}',
        '{"images": [{"id": 1, "file_name": 3}]}', '{"images": [{"id": 1, "file_name": ""}]}',
        '{"images": [{"id": 1, "file_name": "a\\u0000"}]}', '{"images": [{"id": 1, "file_name": "\\ud800"}]}',
        '{"images": [{"id": 1e3, "file_name": "a.jpg"}]}',
        '{"images": [{"id": 1%s, "file_name": "a.jpg"}]}' % ("0" * 30),
        '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]}',
    ],
)  # fmt: skip
def test_what_are_no_annotations_is_refused(tmp_path, document):
    files(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "x.json").write_text(document)
    with pytest.raises(UsageError):
        open_source(str(tmp_path / "x.json"))


# --- all ---


def test_one_image_is_data_too(tmp_path):
    assert names_of(open_source(str(files(tmp_path, "a b.JPG") / "a b.JPG"))) == ["a b.JPG"]


@pytest.mark.parametrize("data", ["nothing", "nothing.jpg", "x" * 300, "a\0b", "/dev/null", "data.csv", ""])
def test_what_is_no_data_is_refused_with_what_would_be(tmp_path, monkeypatch, data):
    monkeypatch.chdir(files(tmp_path, "data.csv"))
    with pytest.raises(UsageError) as refused:
        open_source(data)
    assert refused.value.now


@pytest.mark.parametrize("data", [".", "*.jpg", "1.jpg"])
def test_a_folder_of_images_that_nothing_needs_is_said_to_be_unused(tmp_path, data):
    files(tmp_path, "1.jpg")
    source = open_source(str(tmp_path / data), images=tmp_path)
    assert names_of(source) == ["1.jpg"]
    assert any("--images is not used" in note for note in source.notes)


def test_of_more_images_than_are_asked_for_the_first_are_taken(tmp_path):
    source = open_source(str(files(tmp_path, *(f"{number}.jpg" for number in range(20)))), limit=3)
    assert names_of(source) == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(open_source(str(tmp_path), limit=100).items) == 20


def test_the_digest_tells_data_apart_and_does_not_change_by_itself(tmp_path):
    one, other = files(tmp_path / "one", "1.jpg", "2.jpg"), files(tmp_path / "other", "1.jpg", "2.jpg")
    images = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}]
    sources = [
        open_source(str(one)),
        open_source(str(other)),
        open_source(str(one), limit=1),
        open_source(listing(one, "2.jpg\n1.jpg")),
        open_source(annotations(one, images, "a.json")),
        open_source(annotations(one, [{**images[0], "id": 3}, images[1]], "b.json")),
    ]
    digests = {digest_of(source.items) for source in sources}
    assert len(digests) == len(sources)
    assert digest_of(open_source(str(one)).items) == digest_of(sources[0].items)
