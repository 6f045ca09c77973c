"""How a run is laid out where nobody says."""

from pathlib import Path

import pytest

from stopwatt.bulk.asked import Asked, Model
from stopwatt.bulk.pipeline.layout import first_layout, fitting
from stopwatt.bulk.records import Layout

LARGE, TINY = 256 * 448 * 3, 8 * 8 * 3


def laid_out(cores, batch=8, **asked):
    layout = first_layout(Asked("photos", Model("model"), Path("out"), **asked), batch, cores)
    return layout.decoders, layout.workers, layout.threads


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, (1, 1, 1)), (2, (2, 1, 1)), (3, (1, 1, 2)), (4, (2, 1, 2)), (16, (8, 1, 8))]
)
def test_models_of_one_thread_share_cores_with_decoders_others_have_theirs_for_themselves(cores, expected):
    assert laid_out(cores) == expected


def test_several_workers_share_what_one_would_have():
    assert laid_out(16, workers=2) == (8, 2, 4)
    assert laid_out(2, workers=2) == (2, 2, 1)


def test_what_is_asked_for_stays_and_the_rest_follows_from_it():
    assert laid_out(16, decoders=4) == (4, 1, 12)
    assert laid_out(16, threads=4) == (12, 1, 4)
    assert laid_out(16, threads=1) == (16, 1, 1)


def test_without_a_queue_the_model_has_all_cores_in_its_turn():
    assert laid_out(16, queue=0) == (0, 1, 16)


def test_a_worker_on_a_gpu_leaves_two_cores_to_itself():
    assert laid_out(16, devices=("cuda:0", "cuda:1")) == (12, 2, 1)


def test_a_queue_holds_hundreds_of_tiny_images_but_of_large_ones_what_the_caches_hold():
    layout = Layout(2, 1, ("cpu",), batch=8, queue=32, threads=1)
    assert fitting(layout, TINY).queue == 256
    assert fitting(layout, LARGE).queue == 32
