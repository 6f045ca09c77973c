"""How attention comes down to blocks of keys, and what its law finds again."""

from dataclasses import replace

import numpy as np
import pytest
from planted_attention import SPECS, decoding, planted_s, rows

from stopwatt.predicting.attending import PLANNED, blocks_of, without_phase
from stopwatt.predicting.ceilings import ceilings_of
from stopwatt.predicting.model import ground_of


def blocks(**sizes):
    table = rows(**sizes)
    return blocks_of(table, ceilings_of(table, SPECS))


def test_the_keys_of_a_single_query_are_split_until_all_multiprocessors_have_some():
    found = blocks(batch=np.array([1.0, 16.0, 66.0, 132.0]), kv_len=65536.0, head_dim=128.0)
    np.testing.assert_array_equal(found.splits, [32, 8, 2, 1])
    np.testing.assert_array_equal(found.longest, 512 / found.splits)


def test_batches_that_are_too_large_to_plan_are_not_split():
    found = blocks(batch=np.array([PLANNED, PLANNED + 1.0]), kv_len=4096.0, head_dim=128.0)
    assert found.partial_s[0] > 0
    assert found.partial_s[1] == found.planned[1] == 0


def test_heads_that_share_keys_are_packed_where_queries_alone_leave_a_tile_empty():
    found = blocks(heads=8.0, kv_heads=1.0, head_dim=128.0, q_len=np.array([16.0, 128.0]), kv_len=128.0)
    np.testing.assert_allclose(found.tiles, [1, 8])


def test_a_causal_tile_sees_half_of_the_keys_and_a_window_no_more_than_it_has():
    sizes = {"head_dim": 128.0, "q_len": 4096.0, "kv_len": 4096.0}
    full, causal = blocks(**sizes), blocks(**sizes, causal=1.0)
    window = blocks(**sizes, causal=1.0, window=128.0)
    assert full.blocks[0] == 32
    assert causal.blocks[0] == pytest.approx(16.5)
    assert 1.9 < window.blocks[0] < 2
    assert (window.cut[0], causal.cut[0]) == (1, 0)


def test_kinds_say_which_cache_but_not_which_phase():
    kinds = np.array(["context", "generation", "context float8_e4m3fn cache", "generation float8_e4m3fn cache"])
    assert list(without_phase(kinds)) == ["", "", "float8_e4m3fn cache", "float8_e4m3fn cache"]


def test_the_law_holds_beyond_the_rows_that_it_was_found_from():
    table = decoding(300)
    noise = np.exp(0.02 * np.random.default_rng(1).standard_normal(300))
    ground = ground_of(replace(table, time_s=planted_s(table) * noise), SPECS, 0)
    larger = decoding(600, seed=2, longest=19)
    larger = larger.take(larger.flops > table.flops.max())
    _, said = ground.features(larger, SPECS)
    assert len(larger) >= 20
    assert np.abs(said / planted_s(larger) - 1).mean() < 0.05


def test_a_head_size_without_rows_has_the_parameters_of_the_others():
    table = decoding(300)
    ground = ground_of(replace(table, time_s=planted_s(table)), SPECS, 0)
    other = decoding(100, seed=3)
    other = replace(other, dims={**other.dims, "head_dim": np.full(100, 96.0)})
    _, said = ground.features(other, SPECS)
    assert np.median(np.abs(said / planted_s(other) - 1)) < 0.1
