import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stopwatt.energy import About, Scope
from stopwatt.errors import UsageError
from stopwatt.meters import recording as recordings
from stopwatt.meters.base import Gone
from stopwatt.meters.recording import MOST_ROWS, Recording, read_recording
from stopwatt.meters.replay import Player, Replay


def player(energy, times=None, *, loop=False, wraps=None, **others):
    """A player and the clock that it goes by."""
    now = [100.0]
    times = np.arange(len(energy), dtype=float) if times is None else np.array(times)
    channels = {"energy": np.array(energy, dtype=float), **{k: np.array(v, dtype=float) for k, v in others.items()}}
    about = About("replay", Scope.GPU, "replay", wraps_j=wraps)
    return Player(about, Recording(times, channels), loop=loop, clock=lambda: now[0]), now


def test_a_recording_plays_from_the_moment_it_is_opened():
    one, now = player([5, 6, 8], power=[1, 2, 3])
    assert (one.count(), one.state()) == (5, {"power": 1})
    now[0] += 1.5
    assert (one.count(), one.state()) == (6, {"power": 2})


def test_what_was_not_recorded_is_absent_and_a_counter_holds():
    one, now = player([5, np.nan, 8], power=[np.nan, np.nan, 3])
    now[0] += 1
    assert (one.count(), one.state()) == (5, {})


def test_a_counter_that_was_not_read_yet_says_nothing():
    one, _ = player([np.nan, 5])
    assert one.count() is None


def test_at_its_end_a_recording_falls_silent_with_the_reason():
    one, now = player([5, 6, 8])
    now[0] += 2.1
    with pytest.raises(Gone, match=r"ended after 2\.00 s"):
        one.count()


def test_in_a_loop_the_counter_goes_on():
    one, now = player([5, 6, 8], loop=True)
    now[0] += 2 * 3 + 1
    assert one.count() == 6 + 3 * 3


def test_in_a_loop_a_counter_that_wraps_wraps_where_it_did():
    one, now = player([8, 9, 1], loop=True, wraps=10)  # 3 J in all
    found = []
    for _ in range(5):
        found.append(one.count())
        now[0] += 1
    assert found == [8, 9, 1, 2, 4]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("time,joules\n0,1\n1,2\n", "line 1: unknown column 'joules'"),
        ("energy,power\n0,1\n1,2\n", "line 1: no column `time`"),
        ("time,temperature\n0,1\n1,2\n", "line 1: neither a column `energy` nor `power`"),
        ("time,power,power\n0,1,1\n", "line 1: the column 'power' is there twice"),
        ("time,power\n0,1\n2,1\n1,1\n", "line 4 goes back in time, or stands still, at 1 s"),
        ("time,power\n0,1\n0,1\n", "line 3 goes back in time, or stands still, at 0 s"),
        ("time,power\n0,1\n,1\n", "line 3 has no time"),
        ("time,power\n0,1\n1,much\n", "line 3 has a cell that is no number"),
        ("time,power\n0,1\n1,inf\n", "line 3 has a cell that is infinite"),
        ("time,power\n0,1\n1\n", "line 3 has 1 cells where the head has 2"),
        ("time,power\n0,1\n", "fewer than two rows"),
        ("time,power\n", "fewer than two rows"),
        ("time,power\n\n0,1\n\n\n2,1\n1,1\n", "line 7 goes back in time, or stands still, at 1 s"),
        ('time,power\n"0",1\n\n"0",1\n', "line 4 goes back in time, or stands still, at 0 s"),
        ("", "line 1: no column `time`"),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_line(tmp_path, text, fault):
    path = tmp_path / "recording.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recording(path)
    assert fault in caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "time,energy,power\n0,1,\n1,,5\n2,,\n3,4,7",
        "time,energy,power\r\n0,1,\r\n1,,5\r\n\r\n2,,\r\n3,4,7\r\n",
        "\ufefftime, energy, power\n 0, 1, \n1, ,5\n2,,\n3,4,7\n",
        '"time","energy","power"\n"0","1",""\n"1","","5"\n"2","",""\n"3","4","7"\n',
    ],
)
def test_empty_cells_spaces_quotes_and_line_ends_are_read_alike(tmp_path, text):
    path = tmp_path / "recording.csv"
    path.write_bytes(text.encode())
    found = read_recording(path)
    assert found.time_s.tolist() == [0, 1, 2, 3]
    assert np.array_equal(found.channels["energy"], [1, np.nan, np.nan, 4], equal_nan=True)
    assert np.array_equal(found.channels["power"], [np.nan, 5, np.nan, 7], equal_nan=True)


def test_a_usual_file_is_read_at_once_and_not_line_by_line(tmp_path, monkeypatch):
    def by_line(*_):
        raise AssertionError("a hundred thousand lines, one after the other")

    monkeypatch.setattr(recordings, "_by_line", by_line)
    path = tmp_path / "recording.csv"
    path.write_text("time,energy,power\n" + "".join(f"{k / 200},{k},\n" for k in range(100_000)))
    assert read_recording(path).channels["energy"].sum() == 100_000 * 99_999 / 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_more_rows_than_a_meter_has_time_for_are_refused_with_a_command_that_thins_them(tmp_path, monkeypatch, suffix):
    pd = pytest.importorskip("pandas")
    monkeypatch.setattr(recordings, "MOST_ROWS", 40)
    path = tmp_path / f"it's long{suffix}"
    rows = pd.DataFrame({"time": np.arange(100.0), "energy": np.arange(100.0)})
    rows.to_csv(path, index=False) if suffix == ".csv" else rows.to_parquet(path)
    with pytest.raises(UsageError, match="has 100 rows, and 40 are read at most") as caught:
        read_recording(path)
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # `python` is the one that runs this
    command = caught.value.now.partition("row: ")[2]
    subprocess.run(["/bin/sh", "-c", command], check=True, env=os.environ | {"PATH": here})
    assert read_recording(tmp_path / f"it's long.thin{suffix}").channels["energy"].tolist() == list(range(0, 100, 3))


def test_as_many_rows_as_are_allowed_are_read(tmp_path):
    path = tmp_path / "recording.csv"
    path.write_text("time,power\n" + "".join(f"{k},1\n" for k in range(MOST_ROWS)))
    assert read_recording(path).time_s.size == MOST_ROWS


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_recording(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for other in (tmp_path / "pipe.csv", tmp_path):
        with pytest.raises(UsageError, match="is no regular file"):
            read_recording(other)
    (tmp_path / "noise.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UsageError, match="is no text"):
        read_recording(tmp_path / "noise.csv")
    (tmp_path / "cell.csv").write_text("time,power\n0,1\n" + "1" * 200_000 + ",2\n")
    with pytest.raises(UsageError, match="is no table"):
        read_recording(tmp_path / "cell.csv")


def test_a_parquet_file_is_read_like_a_csv_file(tmp_path, recording):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    whole = read_recording(recording(seconds=1.0))
    table = pa.table({"time": whole.time_s + 7, "energy": whole.channels["energy"], "power": whole.channels["power"]})
    parquet.write_table(table, tmp_path / "same.parquet")
    same = read_recording(tmp_path / "same.parquet")
    assert np.allclose(same.time_s, whole.time_s)
    assert np.array_equal(same.channels["energy"], whole.channels["energy"])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UsageError, match="cannot read"):
        read_recording(tmp_path / "broken.parquet")


@pytest.mark.parametrize(("device", "scope"), [("cpu", Scope.PACKAGE), ("cuda:1", Scope.GPU), ("", Scope.GPU)])
def test_a_recording_is_of_the_device_that_is_measured(recording, device, scope):
    (one,) = Replay(str(recording(seconds=1.0))).find(device)
    assert one.about.scope is scope


def test_options_say_what_a_recording_is_of(recording):
    (one,) = Replay(f"{recording(seconds=1.0)}?loop&scope=dram&wraps=50&poll=0.001").find("cpu")
    assert (one.about.scope, one.about.wraps_j, one.about.poll_s) == (Scope.DRAM, 50, 0.001)


def test_a_file_with_a_question_mark_in_its_name_is_found_with_options_and_without(recording):
    path = recording(seconds=1.0, name="is it?.csv")
    for argument in (str(path), f"{path}?loop"):
        (one,) = Replay(argument).find("cpu")
        assert one.about.identity == "is it?.csv"


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "file.csv?speed=2",
        "file.csv?scope=moon",
        "file.csv?wraps=x",
        *(f"file.csv?{name}={value}" for name in ("wraps", "poll") for value in ("0", "-1", "nan", "inf")),
    ],
)
def test_an_argument_that_means_nothing_is_refused(argument):
    with pytest.raises(UsageError):
        Replay(argument)
