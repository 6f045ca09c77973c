"""What a driver makes of its nodes: with pipelines of real processes, on a cluster that is played."""

import json
from collections import Counter

import pytest
from light_run import Unmetered
from nearby import Nearby, Together

from stopwatt.bulk.asked import Executor
from stopwatt.bulk.cluster import admission, fleet, joined, member, outpost
from stopwatt.bulk.cluster.words import Question, Sample
from stopwatt.errors import EnvironmentUnfit, StopwattError


@pytest.fixture
def spread(bulk, monkeypatch):
    """`(data, nearby, model="detector", **changes)`: a run on such a cluster, as `alone` was."""
    made = []

    def run(data, nearby, model="detector", **changes):
        made.append(nearby)
        monkeypatch.setattr(outpost, "Ticker", Unmetered)
        monkeypatch.setattr(outpost, "code_digest", lambda: "as it is")  # somebody may edit a file while a test runs
        monkeypatch.setattr(admission, "code_digest", lambda: "as it is")
        monkeypatch.setattr(joined, "Joined", nearby)
        usual = {"executor": Executor.RAY, "decoders": 1, "batch": 3, "per_image": True}
        return bulk(data, model, **usual | changes)

    yield run
    for nearby in made:
        nearby.close()


def numbers_in(folder):
    return Counter(json.loads(line)["number"] for line in (folder / "journal.jsonl").read_bytes().splitlines()[1:])


@pytest.mark.parametrize("layout", [{}, {"queue": 0, "workers": 2}], ids=["queue", "no queue"])
def test_results_do_not_depend_on_how_many_nodes_there_are(alone, spread, results, layout):
    data, files = alone
    record, there, _ = spread(data, Nearby("abc" if not layout else "ab"), **layout)
    assert results(there) == files
    assert (record.done, record.failed, record.restarts) == (298, {"not-an-image": 2}, 0)
    assert sum(node.images for node in record.nodes) == 300


def test_what_a_lost_node_had_is_done_by_others_and_another_outpost_is_started(alone, spread, results, monkeypatch):
    monkeypatch.setattr(fleet, "Shares", Together)
    data, files = alone
    cluster = Nearby("ab", lives={"a": [0], "b": [1]})
    record, there, listener = spread(data, cluster)
    assert numbers_in(there) == dict.fromkeys(range(300), 1)
    assert results(there) == files
    assert "a was lost: somebody pulled the plug; " in "\n".join(listener.said)
    assert cluster.started == {"a": 2, "b": 2}
    assert {node.name for node in record.nodes if node.lost} == {"a", "b"}
    assert record.restarts == 2
    assert any("a was lost: somebody pulled the plug" in note for note in record.notes)


def test_without_any_node_left_the_run_ends_and_goes_on_elsewhere(alone, bulk, spread, results, tmp_path, monkeypatch):  # noqa: PLR0917  (fixtures)
    monkeypatch.setattr(member, "MOST_STARTS", 2)
    data, files = alone
    cluster = Nearby("a", lives={"a": [1, 0]})
    with pytest.raises(EnvironmentUnfit, match="no node of the cluster is left") as ended:
        spread(data, cluster)
    assert cluster.started == {"a": 2}
    done = len(numbers_in(tmp_path / "out"))
    assert ended.value.when == f"{done} of 300 images are done"
    assert 0 < done < 300
    record, there, _ = bulk(data, "detector", batch=3, per_image=True)
    assert record.resumed == done
    assert results(there) == files


def test_a_node_that_joins_later_is_taken_when_another_is_lost(alone, spread, monkeypatch):
    monkeypatch.setattr(member, "MOST_STARTS", 1)
    record, _, _ = spread(alone[0], Nearby(["a", "late"], lives={"a": [0]}))
    assert [node.images > 0 for node in record.nodes if node.name == "late"] == [True]
    assert record.done == 298


class Other(outpost.Outpost):
    def code(self):
        return "another"


class Blind(outpost.Outpost):
    def look(self, question):
        return super().look(Question("", (Sample("/nowhere/1.jpg", 1, ""),), "", ""))


@pytest.mark.parametrize(
    ("kind", "what", "now"),
    [
        (Other, "a node has another stopwatt than the driver", "install the same stopwatt"),
        (Blind, "a node does not see the images that the driver sees: No such file", "a shared file system"),
    ],
)
def test_a_node_that_cannot_take_part_ends_a_run_that_begins(photos, spread, kind, what, now):
    with pytest.raises(StopwattError, match=what) as refused:
        spread(photos(8), Nearby("ab", outposts={"b": kind}))
    assert "b" in refused.value.when
    assert now in refused.value.now


def test_a_node_that_cannot_take_part_is_said_in_a_run_that_goes_on(alone, spread, monkeypatch):
    monkeypatch.setattr(member, "MOST_STARTS", 1)
    monkeypatch.setattr(fleet, "Shares", Together)
    cluster = Nearby(["a", "b", "late"], lives={"a": [0]}, outposts={"late": Other})
    record, _, listener = spread(alone[0], cluster, "unhurried")  # b is still at work when late is asked
    assert record.done == 298
    assert "late was lost: a node has another stopwatt than the driver" in "\n".join(listener.said)
    assert cluster.started["late"] == 1
    assert "late" not in [node.name for node in record.nodes]


def test_a_model_that_no_node_can_load_ends_the_run_with_its_reason(photos, spread):
    with pytest.raises(StopwattError, match="ValueError: no weights"):
        spread(photos(8), Nearby("ab"), "unloadable")


def test_a_model_that_fails_on_everything_ends_the_run_early(photos, spread):
    with pytest.raises(StopwattError, match="the model failed on all of the first"):
        spread(photos(300), Nearby("ab"), "wrong")


def test_a_node_whose_images_all_fail_goes_on_where_others_have_results(photos, bulk, spread):
    data = photos(240, marked=set(range(40, 240)))
    record, _, _ = spread(data, Nearby("ab"), "raising", batch=1)
    assert (record.done, record.failed) == (40, {"model-failed": 200})
