"""How many buffers take turns: always beyond the caches that a mode is to leave, and never beyond what may be taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.devices.cpu import core_cache, largest_cache
from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.caches import Caches
from stopwatt.measuring.operators.rotation import MOST_SETS, plan_rotation
from stopwatt.operators.replay import Mode

KIB, MIB, GIB = 2**10, 2**20, 2**30
CACHES = Caches(core=MIB, last=32 * MIB, room=4 * GIB)
SIZES = st.integers(1, 3 * GIB)


def plan(mode, size, caches=CACHES, most=2 * GIB):
    return plan_rotation(mode, size, caches, most)


def test_reuse_has_one_set():
    assert plan(Mode.REUSE, 5 * MIB).sets == 1
    assert plan(Mode.REUSE, 5 * MIB).footprint == 5 * MIB


@given(SIZES)
def test_between_two_uses_of_a_set_stream_reads_four_times_the_last_level_cache(size):
    try:
        found = plan(Mode.STREAM, size)
    except Unsupported:
        assert 2 * size > 2 * GIB
        return
    assert found.footprint == found.sets * size + found.rest
    assert 4 * CACHES.last <= found.footprint <= 2 * GIB
    assert 2 <= found.sets <= MOST_SETS


@given(SIZES)
def test_resident_is_beyond_the_caches_of_a_core_and_within_half_of_the_last(size):
    if size > CACHES.last // 2:
        with pytest.raises(Unsupported, match=r"larger than half of the last-level cache|may be taken"):
            plan(Mode.RESIDENT, size)
        return
    found = plan(Mode.RESIDENT, size)
    assert 4 * CACHES.core < found.footprint <= CACHES.last // 2


def test_resident_fills_half_of_the_last_cache_since_pages_are_found_more_slowly_when_there_are_many():
    assert plan(Mode.RESIDENT, 5 * MIB).sets == 3
    assert plan(Mode.RESIDENT, 9 * MIB).sets == 1


def test_small_sets_are_few_and_a_buffer_beside_them_is_the_rest():
    found = plan(Mode.STREAM, 64)
    assert found.sets == MOST_SETS
    assert found.rest == 128 * MIB - 64 * MOST_SETS


def test_where_a_cache_of_a_core_is_near_the_last_one_nothing_is_resident():
    with pytest.raises(Unsupported, match="no footprint is beyond"):
        plan(Mode.RESIDENT, 3 * MIB, Caches(core=2 * MIB, last=17 * MIB, room=GIB))


def test_on_a_gpu_nothing_is_resident_that_is_not_reused():
    with pytest.raises(Unsupported, match="share one cache"):
        plan(Mode.RESIDENT, MIB, Caches(core=0, last=50 * MIB, room=GIB))


@pytest.mark.parametrize("mode", [Mode.RESIDENT, Mode.STREAM])
def test_what_reads_nothing_has_nothing_that_takes_turns(mode):
    with pytest.raises(Unsupported, match="reads no memory"):
        plan(mode, 0)


def test_a_chain_without_weights_has_one_set():
    assert plan(Mode.CHAINED, 0).sets == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_what_does_not_fit_into_memory_is_refused_before_it_is_allocated(mode):
    with pytest.raises(Unsupported, match="may be taken"):
        plan(mode, GIB, most=GIB // 2)
    with pytest.raises(Unsupported, match="may be taken"):
        plan(mode, GIB, Caches(core=MIB, last=32 * MIB, room=GIB // 2))


def test_stream_that_does_not_fit_is_refused_with_what_it_needs():
    with pytest.raises(Unsupported, match=r"need 128 MiB here, and 64.0 MiB may be taken"):
        plan(Mode.STREAM, MIB, most=64 * MIB)


def test_caches_are_those_that_the_kernel_tells_of(tmp_path):
    for number, (level, size) in enumerate([("1", "48K"), ("1", "32K"), ("2", "2048K"), ("3", "36M")]):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        (folder / "level").write_text(f"{level}\n")
        (folder / "size").write_text(f"{size}\n")
    assert core_cache(tmp_path) == 2 * MIB
    assert largest_cache(tmp_path) == 36 * MIB


def test_a_kernel_that_tells_of_no_cache_leaves_what_is_usual(tmp_path):
    assert core_cache(tmp_path) == MIB
