"""The batch that `--auto` chooses: by what the model does with a few, within memory, said, kept when a run goes on."""

import json

import pytest

from stopwatt.bulk import run
from stopwatt.bulk.asked import Executor
from stopwatt.bulk.judging import probing
from stopwatt.bulk.judging.batches import Tried, best, candidates, sentence, why_not
from stopwatt.bulk.keeping.identity import choose
from stopwatt.images.source import open_source

GIB = 1 << 30


def tried(*rates, noise=0.0, bytes_each=0):
    """Batches 1, 2, 4, ... with these rates."""
    return [
        Tried(1 << power, (rate * (1 - noise), rate, rate * (1 + noise)), bytes_each << power)
        for power, rate in enumerate(rates)
    ]


def test_any_model_is_tried_with_powers_of_two_that_the_run_has_images_for():
    assert candidates((), 100) == (1, 2, 4, 8, 16, 32, 64)
    assert candidates((), 10**6)[-1] == 256
    assert candidates((), 1) == (1,)


def test_a_pack_is_tried_with_its_own_batches():
    assert candidates((8, 1, 32), 1000) == (1, 8, 32)
    assert candidates((8, 1, 32), 20) == (1, 8)
    assert candidates((16,), 5) == (16,), "it has no other"


def test_the_best_is_the_smallest_that_no_larger_one_beats_by_more_than_noise():
    assert best(tried(10, 20, 30, 30.5, 30.4)).batch == 4
    assert best(tried(10, 10.2, 10.1)).batch == 1
    assert best(tried(10, 11, noise=0.01)).batch == 2
    assert best(tried(10, 11, noise=0.1)).batch == 1, "turns differ by as much"
    assert best(tried(10, 10.2, 10.4, 10.8)).batch == 8, "small steps add up"


def test_it_ends_when_two_in_a_row_brought_nothing():
    assert why_not(tried(10, 20), 4, 1, None) == ""
    assert why_not(tried(10, 20, 20), 8, 1, None) == ""
    assert why_not(tried(10, 20, 20, 19), 16, 1, None) == "larger ones bring no more"
    assert why_not(tried(10, 20, 20, 30), 16, 1, None) == ""


def test_it_ends_where_the_next_would_not_fit_beside_what_the_machine_needs():
    known = tried(10, 20, 40, bytes_each=GIB)
    assert why_not(known, 8, 1, 17 * GIB) == ""
    assert why_not(known, 8, 1, 15 * GIB) == "there is no memory for 8: it would take 8.00 GiB"
    assert why_not(known, 8, 2, 17 * GIB).startswith("there is no memory for 8")


def test_the_choice_is_said_with_what_it_brings():
    said = sentence(tried(10, 20, 30, 30.1, 30.2), "larger ones bring no more")
    assert said == (
        "auto: batch 4 of 1, 2, 4, 8, 16: 30.0 images/s of the model alone, 3.00 x those of batch 1; "
        "larger ones bring no more"
    )
    assert sentence(tried(10), "why") == "auto: batch 1 of 1: 10.0 images/s of the model alone; why"


@pytest.fixture
def quick(monkeypatch):
    """Short turns, and runs that are long enough to be tried."""
    monkeypatch.setattr(run, "FEW", 10)
    monkeypatch.setattr(probing, "TURN_S", 0.02)
    monkeypatch.setattr(probing, "candidates", lambda known, images: (1, 4))


def scores_in(folder):
    rows = json.loads((folder / "classes.json").read_text())
    return [(row["image_id"], one["category_id"], one["score"]) for row in rows for one in row["classes"]]


@pytest.mark.usefixtures("quick")
def test_auto_tries_batches_before_the_run_which_keeps_its_batch_and_finds_the_same(photos, bulk):
    data = photos(60, broken={3})
    _, plain, _ = bulk(data, out="plain", batch=8)
    record, folder, listener = bulk(data, out="chosen", batch=0, auto=True)
    (said,) = [one for one in listener.said if one.startswith("auto: batch")]
    assert said.startswith(f"auto: batch {record.layout.batch} of 1, 4: ")
    foreign = [one for one in listener.said if "code of its own" in one]
    assert foreign == listener.said[:1], "said once, before that code runs"
    for one, other in zip(scores_in(folder), scores_in(plain), strict=True):
        assert one[:2] == other[:2]
        assert one[2] == pytest.approx(other[2], abs=2e-6)
    journal = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(journal[:6]))
    again, _, listener = bulk(data, out="chosen", batch=0, auto=True)
    assert again.layout.batch == record.layout.batch
    assert not [one for one in listener.said if one.startswith("auto: batch")]


@pytest.mark.usefixtures("quick")
def test_a_batch_that_kills_the_model_ends_the_trying_and_not_the_run(photos, bulk):
    record, _, listener = bulk(photos(20), "small_batches_only", batch=0, auto=True)
    (said,) = [one for one in listener.said if one.startswith("auto: batch")]
    assert "batch 1 of 1: " in said
    assert said.endswith("; 4 cannot be used: killed by SIGKILL from outside")
    assert (record.layout.batch, record.done) == (1, 20)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "changes",
    [{"batch": 2, "auto": True}, {"batch": 0}, {"batch": 0, "auto": True, "executor": Executor.RAY}],
    ids=["asked for", "not automatic", "on other machines"],
)
def test_nothing_is_tried_where_there_is_nothing_to_choose(photos, asking, changes):
    asked = asking(photos(12), **changes)
    source = open_source(asked.data)
    chosen = choose(asked, 0)
    assert run._with_batch(chosen, asked, source, None) is chosen


def test_few_images_are_not_worth_it(photos, asking):
    asked = asking(photos(12), batch=0, auto=True)
    chosen = choose(asked, 0)
    assert run._with_batch(chosen, asked, open_source(asked.data), None) is chosen
