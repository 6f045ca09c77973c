"""The file of a pack: sealed, written whole or not at all, read with distrust."""

import errno
import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stopwatt import wire
from stopwatt.errors import EnvironmentUnfit, StoreError, UnsafeFile, UsageError, WorkloadError
from stopwatt.packing import archive, seal
from stopwatt.packing.manifest import FORMAT, File

NAMES = st.lists(st.sampled_from(["a", "model.onnx", "x y", "ü", "0"]), min_size=1, max_size=3).map("/".join)


@given(content=st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=4), number=st.uuids())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_packed_is_what_is_read(small, content, number):
    assume(not any(other.startswith(f"{name}/") for name in content for other in content))
    manifest, folder, identity = archive.read(small(f"{number}.swpack", content))
    assert {name: (folder / name).read_bytes() for name in manifest.files} == content
    assert len(identity) == seal.DIGITS


def test_equal_packs_are_equal_byte_for_byte(small):
    assert small("one.swpack").read_bytes() == small("other.swpack").read_bytes()


def test_a_flipped_bit_in_any_byte_breaks_the_seal(small):
    whole = small().read_bytes()
    assert seal.broken(io.BytesIO(whole), len(whole)) == ""
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        assert seal.broken(io.BytesIO(changed), len(whole))


def test_a_flipped_bit_is_damage_wherever_it_is(small):
    path = small()
    whole = path.read_bytes()
    for place in (*range(0, len(whole), 23), len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        with pytest.raises(WorkloadError, match="damaged"):
            archive.read(path)


def test_a_pack_cut_short_or_grown_is_found(small):
    path = small()
    whole = path.read_bytes()
    for content in (*(whole[:length] for length in range(0, len(whole), 97)), whole + b"\0", b"\0" + whole, b""):
        path.write_bytes(content)
        with pytest.raises(WorkloadError, match="damaged"):
            archive.read(path)


def test_a_file_that_is_none_is_a_usage_error(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.swpack"):
        with pytest.raises(UsageError, match="no such pack"):
            archive.read(path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../escape", "leads out"),
        ("batch1/../../escape", "leads out"),
        ("/etc/escape", "no plain name"),
        ("C:/escape", "leads out"),
        ("a\\b", "no plain name"),
        ("a//b", "no plain name"),
        ("folder/", "no plain name"),
    ],
)
def test_a_member_that_reaches_outside_is_refused_and_nothing_is_written(forged, name, why):
    member = zipfile.ZipInfo("x")
    member.filename = name
    path = forged([(archive.MANIFEST, "{}"), (member, b"")])
    with pytest.raises(UnsafeFile, match=why):
        archive.read(path)


def test_a_link_a_double_and_a_packed_member_are_refused(forged):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UnsafeFile, match="not a plain file"):
        archive.read(forged([(archive.MANIFEST, "{}"), (link, "/etc/passwd")]))
    with pytest.warns(UserWarning, match="Duplicate"):
        double = forged([(archive.MANIFEST, "{}"), ("a", b"1"), ("a", b"2")])
    with pytest.raises(UnsafeFile, match="twice"):
        archive.read(double)
    with pytest.raises(UnsafeFile, match="not stored as it is"):
        archive.read(forged([(archive.MANIFEST, "{}"), ("bomb", bytes(10**6))], zipfile.ZIP_DEFLATED))


def test_an_archive_without_a_manifest_first_is_no_pack(forged):
    with pytest.raises(WorkloadError, match="does not begin with manifest"):
        archive.read(forged([("a", b"1"), (archive.MANIFEST, "{}")]))


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"format": "one"}', '{"format": 1}', "[" * 100_000])
def test_a_manifest_that_is_none_is_damage(forged, text):
    with pytest.raises(WorkloadError, match="manifest cannot be read"):
        archive.read(forged([(archive.MANIFEST, text)]))


def test_what_is_wrong_in_a_manifest_is_named_with_its_place(forged, manifest_of):
    document = wire.to_document(manifest_of({}))
    document["setup"]["precision"] = "fp7"
    with pytest.raises(WorkloadError, match=r"cannot be read: setup\.precision: Input should be"):
        archive.read(forged([(archive.MANIFEST, json.dumps(document))]))


def test_a_pack_of_a_newer_stopwatt_is_refused_with_the_remedy(forged, manifest_of):
    document = wire.to_document(manifest_of({})) | {"format": FORMAT + 1, "from_the_future": True}
    with pytest.raises(EnvironmentUnfit, match=f"has format {FORMAT + 1}") as refusal:
        archive.read(forged([(archive.MANIFEST, json.dumps(document))]))
    assert "pip install --upgrade stopwatt" in refusal.value.now


def test_a_file_that_the_manifest_does_not_name_is_damage(forged, manifest_of):
    manifest = wire.to_json(manifest_of({"a": File(1, "0" * 64)}))
    with pytest.raises(WorkloadError, match="not those that its manifest names"):
        archive.read(forged([(archive.MANIFEST, manifest), ("a", b"1"), ("b", b"2")]))


def test_a_file_of_another_content_is_named(forged, manifest_of):
    manifest = wire.to_json(manifest_of({"a": File(1, "0" * 64)}))
    with pytest.raises(WorkloadError, match="a is not what was packed"):
        archive.read(forged([(archive.MANIFEST, manifest), ("a", b"1")]))


def test_a_copy_in_the_cache_that_was_changed_is_laid_out_again(small):
    path = small()
    _, folder, _ = archive.read(path)
    changed = folder / "batch1/model.onnx"
    whole = changed.read_bytes()
    changed.write_bytes(whole[:-1] + b"!")
    (folder / "added").touch()
    _, again, _ = archive.read(path)
    assert (again, changed.read_bytes()) == (folder, whole)
    assert not (folder / "added").exists()


def test_a_full_disk_leaves_neither_half_a_pack_nor_the_old_one_changed(small, tmp_path, monkeypatch):
    path = small()
    before, names = path.read_bytes(), set(tmp_path.glob("*swpack"))
    room = [2000]

    def write(self, data, real=seal.Sealing.write):
        room[0] -= len(data)
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, data)

    monkeypatch.setattr(seal.Sealing, "write", write)
    with pytest.raises(StoreError, match="No space left"):
        small(content={"batch1/model.onnx": b"other" * 1000})
    assert path.read_bytes() == before
    assert {one for one in tmp_path.iterdir() if one.is_file()} == names


def test_a_full_cache_is_said_with_the_remedy(small, monkeypatch):
    path = small()

    def no_room(self, *args, real=Path.open):
        if args == ("xb",):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, *args)

    monkeypatch.setattr(Path, "open", no_room)
    monkeypatch.setenv("STOPWATT_CACHE", str(path.parent / "empty"))
    with pytest.raises(EnvironmentUnfit, match="cannot be laid out") as refusal:
        archive.read(path)
    assert "STOPWATT_CACHE" in refusal.value.now


def test_a_name_that_is_taken_is_kept_unless_forced(small, manifest_of, tmp_path):
    path = small()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="there already"):
        archive.write(path, manifest_of({}), tmp_path, overwrite=False)
    assert path.read_bytes() == before
