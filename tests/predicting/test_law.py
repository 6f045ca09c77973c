"""The law of products: what few tiles take, and what a few rows tell of it."""

from dataclasses import replace

import numpy as np
from planted_products import SPECS, products

from stopwatt.predicting.ceilings import ceilings_of
from stopwatt.predicting.fitting import fit_law, groups_of
from stopwatt.predicting.law import NAMES, ROOFLINE, USUAL, seconds_of, terms_of


def seconds(m, n, k, **parameters):
    """By the law, with these parameters and else the usual ones."""
    count = np.size(k)
    table = products(count)
    dims = {name: np.broadcast_to(np.float64(one), count).copy() for name, one in (("m", m), ("n", n), ("k", k))}
    bytes_ = 2 * (dims["m"] * dims["k"] + dims["n"] * dims["k"])
    flops = 2 * dims["m"] * dims["n"] * dims["k"]
    table = replace(table, dims=dims | {"batch": np.ones(count)}, flops=flops, read_bytes=bytes_)
    chosen = np.array(list((dict(zip(NAMES, USUAL, strict=True)) | parameters).values()))
    return seconds_of(chosen, terms_of(table, ceilings_of(table, SPECS)))


def test_a_product_of_one_tile_takes_as_long_as_its_sums_until_they_are_cut():
    taken = seconds(8, 64, np.array([512.0, 1024.0, 2048.0, 16384.0]), floor=np.log(1e-8), step=np.log(5e-9))
    assert 1.3 < taken[1] / taken[0] <= 2.05
    assert taken[3] / taken[2] < 4  # eight times the sums


def test_what_is_done_row_by_row_comes_on_top():
    plain, narrowed = (seconds(4096, 64, np.array([64.0]), row=np.log(one)) for one in (1e-13, 1e-6))
    assert 0.9 * 4096 / 100 * 1e-6 < narrowed[0] - plain[0] <= 4096 / 100 * 1e-6


def fitted(table):
    names = groups_of(table, np.array(["planted"] * len(table)))
    return fit_law(ROOFLINE, terms_of(table, ceilings_of(table, SPECS)), names, table.time_s, 0)


def test_a_group_of_few_rows_stays_near_the_others():
    table = products(203)
    table = replace(table, kind=np.array(["linear"] * 200 + ["bmm"] * 3))
    law = fitted(table)
    assert law.groups[0].split("|")[2] == "bmm"
    lone = fitted(table.take(np.arange(200, 203)))
    test = products(300, seed=5)
    terms = terms_of(test, ceilings_of(test, SPECS))

    def error(one):
        names = groups_of(replace(test, kind=np.array(["bmm"] * 300)), np.array(["planted"] * 300))
        return np.abs(np.log(one.seconds(ROOFLINE, terms, names) / test.time_s)).mean()

    assert error(law) < error(lone)


def test_an_unknown_device_has_the_parameters_of_those_that_are_known():
    table = products(150)
    law = fitted(table)
    terms = terms_of(table, ceilings_of(table, SPECS))
    known = groups_of(table, np.array(["planted"] * 150))
    other = np.char.replace(known, "planted|bfloat16", "third|bfloat16")
    np.testing.assert_allclose(law.seconds(ROOFLINE, terms, other), law.seconds(ROOFLINE, terms, known))
