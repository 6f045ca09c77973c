import numpy as np
import pytest

from stopwatt.energy import About, Scope
from stopwatt.errors import UsageError
from stopwatt.meters.base import Gone
from stopwatt.meters.replay import Player, Recording, Replay, read_recording


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
        ("", "line 1: no column `time`"),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_line(tmp_path, text, fault):
    path = tmp_path / "recording.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recording(path)
    assert fault in caught.value.what


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_recording(tmp_path / "none.csv")
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
