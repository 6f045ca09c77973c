from stopwatt.analyse.best import best_per_batch
from stopwatt.analyse.summary import summarise
from stopwatt.records import Status, Trouble

GROUP = ("mlp(hidden=8)", 1)


def keys_of(rows, *backends):
    keys = {row.cell.setup.backend: row.cell.key for row in rows}
    return tuple(keys[backend] for backend in backends)


def test_a_decided_winner_stands_alone(rounds):
    rows = summarise(rounds([4.0, 4.1, 4.2]) + rounds([2.0, 2.051, 2.1], backend="compile"))

    best = best_per_batch(rows)[GROUP]

    assert best.keys == keys_of(rows, "compile")
    assert best.decided
    assert best.contenders == 2


def test_rows_that_cannot_be_told_apart_are_tied_with_the_lowest_first(rounds):
    rows = summarise(
        rounds([4.0, 4.1, 4.2])
        + rounds([2.01, 2.05, 2.12], backend="compile")
        + rounds([2.0, 2.06, 2.1], backend="onnxruntime")
    )

    best = best_per_batch(rows)[GROUP]

    assert best.keys == keys_of(rows, "onnxruntime", "compile")
    assert not best.decided


def test_a_difference_within_the_margin_is_a_tie_however_certain(rounds):
    rows = summarise(rounds([4.0, 4.1, 4.2]) + rounds([4.04, 4.1411, 4.242], backend="compile"))

    assert len(best_per_batch(rows)[GROUP].keys) == 2
    assert len(best_per_batch(rows, margin=0.001)[GROUP].keys) == 1


def test_a_far_row_with_a_hopeless_interval_is_undecided_but_nobodys_equal(rounds):
    rows = summarise(rounds([4.0, 4.1, 4.2]) + rounds([5.0, 90.0, 4000.0], backend="compile"))

    best = best_per_batch(rows)[GROUP]

    assert best.keys == keys_of(rows, "eager")
    assert best.undecided == 1
    assert not best.decided


def test_each_workload_and_batch_has_its_own_best(rounds):
    rows = summarise(
        rounds([4.0, 4.1, 4.2], batch=8) + rounds([2.0, 2.051, 2.1]) + rounds([1.0, 1.1, 1.2], workload="lstm")
    )

    found = best_per_batch(rows)

    assert set(found) == {("mlp(hidden=8)", 8), ("mlp(hidden=8)", 1), ("lstm(hidden=8)", 1)}
    assert all(best.contenders == 1 and len(best.keys) == 1 and not best.decided for best in found.values())


def test_failed_rows_do_not_take_part(rounds, measurement):
    wrong = measurement(0, [1, 2], backend="aoti", status=Status.INVALID, trouble=Trouble("wrong answers"))
    rows = summarise([*rounds([4.0, 4.1, 4.2]), *rounds([2.0, 2.051, 2.1], backend="compile"), wrong])

    assert best_per_batch(rows)[GROUP].keys == keys_of(rows, "compile")


def test_too_few_rounds_decide_nothing(rounds):
    rows = summarise(rounds([4.0, 4.1]) + rounds([2.0, 2.1], backend="compile"))

    best = best_per_batch(rows)[GROUP]

    assert best.keys == ()
    assert best.why == "not compared: no interval: needs 3 rounds (has 2)"


def test_nothing_but_failures_has_no_best(measurement):
    rows = summarise([measurement(0, status=Status.CRASHED)])

    assert best_per_batch(rows)[GROUP].why == "no row has a latency"
