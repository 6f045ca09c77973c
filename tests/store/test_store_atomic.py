"""An output file is there completely or not at all, and never where somebody else put a trap."""

import errno
import os
import stat

import pytest

from stopwatt.errors import StoreError, UsageError
from stopwatt.store.atomic import replacing


def write(path, content=b"new", *, overwrite=False):
    with replacing(path, overwrite=overwrite) as file:
        file.write(content)


def names(folder):
    return sorted(found.name for found in folder.iterdir())


def test_the_file_holds_what_was_written_and_nothing_is_left_beside_it(tmp_path):
    write(tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == b"new"
    assert names(tmp_path) == ["out.json"]


def test_the_rights_follow_the_users_mask(tmp_path):
    before = os.umask(0o027)
    write(tmp_path / "out.json")
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.json").stat().st_mode) == 0o640


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path):
    (tmp_path / "out.json").write_bytes(b"old")
    with pytest.raises(UsageError, match="there already") as refused:
        write(tmp_path / "out.json")
    assert "--force" in refused.value.now
    assert (tmp_path / "out.json").read_bytes() == b"old"
    write(tmp_path / "out.json", overwrite=True)
    assert (tmp_path / "out.json").read_bytes() == b"new"


def write_while(path, happens, *, overwrite=False):
    """Something happens when half of the file is written."""
    with replacing(path, overwrite=overwrite) as file:
        file.write(b"half")
        happens()


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "out.json"
    with pytest.raises(UsageError, match="there already"):
        write_while(path, lambda: path.write_bytes(b"somebody else's"))
    assert path.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["out.json"]


def test_nothing_appears_before_the_file_is_complete_nor_after_a_failure(tmp_path):
    def fail():
        assert not (tmp_path / "out.json").exists()
        raise KeyError

    with pytest.raises(KeyError):
        write_while(tmp_path / "out.json", fail)
    assert names(tmp_path) == []


def test_a_failure_keeps_the_old_file(tmp_path):
    def fail():
        raise KeyError

    (tmp_path / "out.json").write_bytes(b"old")
    with pytest.raises(KeyError):
        write_while(tmp_path / "out.json", fail, overwrite=True)
    assert (tmp_path / "out.json").read_bytes() == b"old"
    assert names(tmp_path) == ["out.json"]


def test_a_temporary_file_that_was_made_a_link_before_is_not_followed(tmp_path, monkeypatch):
    tokens = iter(["foreseen", "another"])
    monkeypatch.setattr("stopwatt.store.atomic.secrets.token_hex", lambda _: next(tokens))
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    trap = tmp_path / ".stopwatt-foreseen.tmp"
    trap.symlink_to(victim)
    write(tmp_path / "out.json")
    assert victim.read_bytes() == b"precious"
    assert trap.is_symlink()
    assert (tmp_path / "out.json").read_bytes() == b"new"


def test_a_dangling_link_in_the_way_makes_no_file_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr("stopwatt.store.atomic.secrets.token_hex", lambda _: "always the same")
    (tmp_path / ".stopwatt-always the same.tmp").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="every name is taken"):
        write(tmp_path / "out.json")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_that_is_a_link_is_never_followed(tmp_path, overwrite):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "out.json").symlink_to(victim)
    if overwrite:
        write(tmp_path / "out.json", overwrite=True)
        assert not (tmp_path / "out.json").is_symlink()
    else:
        with pytest.raises(UsageError):
            write(tmp_path / "out.json")
    assert victim.read_bytes() == b"precious"


def test_a_folder_or_a_missing_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        write(tmp_path, overwrite=True)
    with pytest.raises(UsageError, match="folder is not there"):
        write(tmp_path / "nowhere" / "out.json")


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path, monkeypatch, call):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"stopwatt.store.atomic.os.{call}", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write(tmp_path / "out.json")
    monkeypatch.undo()
    assert names(tmp_path) == []


def test_a_file_system_without_hard_links_gets_its_file_all_the_same(tmp_path, monkeypatch):
    def refused(*args):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("pathlib.Path.hardlink_to", refused)
    write(tmp_path / "out.json")
    assert names(tmp_path) == ["out.json"]


def test_the_longest_file_name_can_be_written(tmp_path):
    write(tmp_path / ("x" * 250 + ".json"))
    assert names(tmp_path) == ["x" * 250 + ".json"]
