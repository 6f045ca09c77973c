"""`stopwatt.protocol`: two stages in one run, what it returns, and how it goes on after an interruption."""

import json
import zlib
from collections import Counter

import numpy as np
import pytest

import stopwatt
from stopwatt.ablating import foresee_protocol, run_protocol
from stopwatt.errors import ExitCode, StopwattError, UsageError
from stopwatt.records import Measurement, Samples, Status, Trouble, Unavailable
from stopwatt.running import Silent
from stopwatt.store import Access, RunStatus, open_store
from stopwatt.sweeping.plan import Request
from stopwatt.sweeping.rounds import Finished
from stopwatt.sweeping.stages import RULES, Question
from stopwatt.ways import sample_name

REFERENCE_NS = 1_000_000.0
PLANTED = {"sync=none": 0.25, "inputs=zeros": 0.8, "warmup=none": 3.0}
"""Ratios of what ways report to what the reference reports; 1 for the others."""
LEVELS = {
    "warmup": ["none"], "sync": ["none", "end"], "timer": ["time", "benchmark"], "inputs": ["zeros"], "gc": ["running"],
}  # fmt: skip


class PlantedRounds:
    """Rounds that take no time and say exactly what is planted, with a little noise that depends on the round alone."""

    fails = ""
    unavailable = "timer=benchmark"

    def __init__(self, timeout_s, listen):
        self.turn = None

    def capacity(self):
        return 1

    def start(self, turn):
        self.turn = turn

    def finished(self):
        return Finished(self.turn, self.measurement(), 0.0)

    def interrupt(self):
        pass

    def close(self):
        pass

    def measurement(self):
        turn, fails = self.turn, type(self).fails
        if fails:
            status, what = Status(fails), "it went wrong"
            return Measurement(turn.cell, turn.round, status, trouble=Trouble(what, now="mend it"))
        cold, warm = turn.cell.protocol.ablation.of_round(turn.round)
        noise = np.random.default_rng(zlib.crc32(f"{turn.key} {turn.round}".encode()))
        samples = {"latency": Samples(np.full(100, REFERENCE_NS), "ns")}
        readings = {}
        for way in (*([cold] if cold else []), *warm):
            if self.unavailable in way.label:
                readings[sample_name(way)] = Unavailable("torch is not installed")
                continue
            ratio = np.prod([planted for label, planted in PLANTED.items() if label in way.label.split()])
            told = REFERENCE_NS * ratio * np.exp(noise.normal(0, 0.001, 2))
            for part, values, unit in (("", told, "ns"), ("reference", [REFERENCE_NS] * 2, "ns"), ("calls", [100, 100], "calls")):  # fmt: skip  # noqa: E501
                samples[sample_name(way, part)] = Samples(np.array(values), unit)
        return Measurement(turn.cell, turn.round, Status.OK, samples=samples, readings=readings, phases={"round": 2.0})


@pytest.fixture(autouse=True)
def _planted(monkeypatch):
    monkeypatch.setattr("stopwatt.sweeping.execute.LocalRounds", PlantedRounds)


@pytest.fixture
def store(tmp_path):
    """Path of a results database of the test's own."""
    return str(tmp_path / "results.db")


@pytest.fixture
def protocol(store):
    """Call `stopwatt.protocol` on the synthetic workload."""

    def go(**arguments):
        given = {"levels": LEVELS, "threads": 1, "store": store, "allow": True} | arguments
        return stopwatt.protocol("synthetic", **given)

    return go


def cells_of(store, run):
    """Rounds by cell, and the ways of each cell, in the order of their first rounds."""
    with open_store(store, access=Access.READ) as database:
        found = list(database.measurements())
        assert {one for one, _ in database.with_runs()} == {run.id}
    ways = {one.cell.key: tuple(way.label for way in one.cell.protocol.ablation.ways) for one in found}
    return Counter((one.cell.key, one.round) for one in found), list(ways.values())


def test_single_changes_come_first_and_pairs_follow_where_both_parts_matter(protocol, store):
    result = protocol()
    counts, (first, second) = cells_of(store, result.run)
    assert set(counts.values()) == {1}
    assert len(counts) == 5 * 1 + 5 * sum("warmup=none" in way for way in second)
    assert set(first) == {
        "warmup=none", "sync=none", "sync=end", "timer=time", "timer=benchmark", "inputs=zeros", "gc=running",
    }  # fmt: skip
    assert {"sync=none inputs=zeros", "warmup=none inputs=zeros"} <= set(second)
    assert "sync=end timer=time" in second  # of the classic table
    assert not [way for way in second if "gc" in way or "benchmark" in way]


def test_the_result_says_what_was_planted(protocol):
    (study,) = protocol().studies
    effects = {effect.way.label: effect for effect in study.effects}
    for label, ratio in PLANTED.items():
        assert effects[label].ratio.value == pytest.approx(ratio, rel=0.01)
    assert effects["gc=running"].ratio.verdict == "equivalent"
    assert effects["timer=benchmark"].why == "torch is not installed"
    together = {effect.way.label: effect.ratio.value for effect in study.combined}
    assert together["sync=none inputs=zeros"] == pytest.approx(0.2, rel=0.01)


def test_it_is_printed_as_a_table_as_json_and_as_a_data_frame(protocol, capsys):
    result = protocol(levels=None, factors=["sync", "timer", "idle"], interactions="all")
    result.table()
    printed = capsys.readouterr().out
    for part in ("sync=none", "too short", "timer=events reads the clock", "3 combinations", result.run.id[:8]):
        assert part in printed
    document = json.loads(result.to_json())
    assert document["run"] == result.run.id
    (study,) = document["studies"]
    assert study["effects"][0]["way"] == "sync=none"
    assert {one["way"] for one in document["left_out"]} >= {"timer=events", "sync=end idle=1 ms"}
    frame = result.to_pandas().set_index("way")
    assert frame.ratio["sync=none"] == pytest.approx(0.25, rel=0.01)
    result.raise_for_status()


def test_named_ways_and_full_factorials_have_one_stage(protocol, store):
    result = protocol(levels=None, ways=["sync=none inputs=zeros", "warmup=none"], repeats=3)
    counts, (ways,) = cells_of(store, result.run)
    assert ways == ("sync=none inputs=zeros", "warmup=none")
    assert len(counts) == 3
    full = protocol(levels={"sync": ["none"], "inputs": ["zeros", "one"]}, full=True, repeats=3)
    assert {effect.way.label for effect in full.studies[0].combined} == {
        "sync=none inputs=zeros", "sync=none inputs=one",
    }  # fmt: skip


def test_without_interactions_there_is_one_stage(protocol):
    assert protocol(interactions="none", repeats=3).studies[0].combined == ()


class Impatient(Silent):
    """Stops everything after so many rounds, as a second Ctrl-C does."""

    def __init__(self, rounds):
        self.left = rounds

    def saved(self, measurement, done, failed, left_s):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def asked():
    return Request(("synthetic",), backends=("eager",), threads=1, protocol=RULES, baseline=False)


def start(store, watcher=None):
    return run_protocol(asked(), Question(levels=LEVELS, repeats=3), store=store, watcher=watcher, allow=True)


def test_wherever_it_was_stopped_the_same_request_goes_on_in_the_same_run_with_the_same_ways(store, tmp_path):
    whole = start(str(tmp_path / "undisturbed.db"))
    rounds, ways = cells_of(str(tmp_path / "undisturbed.db"), whole.run)
    for stops in range(1, len(rounds)):
        with pytest.raises(KeyboardInterrupt):
            start(store, Impatient(1))
        with open_store(store, access=Access.READ) as database:
            (run,) = database.runs()
            assert (run.status, run.rounds) == (RunStatus.INTERRUPTED, stops)
    result = start(store)
    assert result.run.id == run.id
    assert cells_of(store, result.run) == (rounds, ways)
    assert [effect.ratio for effect in result.studies[0].effects] == [
        effect.ratio for effect in whole.studies[0].effects
    ]


def test_what_the_second_stage_finds_does_not_change_what_it_measures(store, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        start(store, Impatient(3 + 4))
    monkeypatch.setitem(PLANTED, "sync=none", 1.0)  # from now on it seems to do nothing
    result = start(store)
    counts, (_, second) = cells_of(store, result.run)
    assert "sync=none inputs=zeros" in second
    assert set(counts.values()) == {1}


def test_a_finished_request_is_measured_anew_in_another_run(store):
    assert start(store).run.id != start(store).run.id


@pytest.mark.parametrize(
    ("status", "code"),
    [("failed", ExitCode.PARTLY_FAILED), ("unsupported", ExitCode.PARTLY_FAILED), ("timeout", ExitCode.TIMEOUT)],
)
def test_a_workload_that_fails_is_shown_as_bench_shows_it_and_tried_no_further(
    protocol, monkeypatch, capsys, status, code
):
    monkeypatch.setattr(PlantedRounds, "fails", status)
    result = protocol()
    assert (len(result.rows), result.rows[0].rounds_failed) == (1, 1)
    result.table()
    printed = capsys.readouterr().out
    assert "synthetic" in printed
    assert "it went wrong" in printed
    with pytest.raises(StopwattError, match="1 of 1 round") as caught:
        result.raise_for_status()
    assert caught.value.exit_code == code
    assert "it went wrong" in caught.value.when


def test_a_dry_run_rests_on_the_rounds_that_were_measured_and_counts_what_is_left(store):
    question = Question(levels=LEVELS, repeats=3)
    before = foresee_protocol(asked(), question, store=store)
    assert (before.first.left, before.first.time.likely, before.done) == (3, None, 0)
    with pytest.raises(KeyboardInterrupt):
        start(store, Impatient(2))
    between = foresee_protocol(asked(), question, store=store)
    assert (between.first.left, between.first.time.likely, between.done) == (1, 2.0, 2)
    document = json.loads(between.to_json())
    assert document["rounds"] == 3
    assert document["rounds_done"] == 2
    assert [stage["rounds"] for stage in document["then"]] == [
        3 * sum("warmup" in way for way in stage["ways"]) for stage in document["then"]
    ]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"factors": "tymer"}, "unknown factor 'tymer'"),
        ({"levels": {"timer": ["events"]}}, "reads the clock of a GPU"),
        ({"levels": {"idle": [None]}}, "cannot be None"),
        ({"levels": ["timer"]}, "levels cannot be"),
        ({"ways": "sync=none timer=events", "levels": None}, "reads the clock of a GPU"),
        ({"interactions": "some"}, "unknown choice of interactions"),
        ({"levels": None, "full": True}, "ways here, which is too many"),
        ({"repeats": 0}, "out of range"),
        ({"repeats": "3"}, "repeats cannot be '3'"),
        ({"batch": [1, 2]}, "batch cannot be"),
        ({"backend": "auto"}, "one setup at a time"),
        ({"timeout_s": -1.0}, "out of range"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_stored(protocol, tmp_path, arguments, what):
    with pytest.raises(UsageError, match=what):
        protocol(**arguments)
    assert list(tmp_path.iterdir()) == []
