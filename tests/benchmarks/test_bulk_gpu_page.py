"""The page on bulk runs on GPUs: what is made of the runs."""

import json
from dataclasses import asdict

import bulk_gpu_page
from bulk_gpu_arms import BY_HAND, Arm, several
from result import Made


def run(arm, rate, *, busy=99.0, digest="a", bound="model"):
    """A run as the study keeps it."""
    return {
        "arm": asdict(arm),
        "images": 3000,
        "images_per_s": rate,
        "bottleneck": {"name": bound},
        "ceilings": {"reached": 0.97, "binding": "model"},
        "energy": {"gpu": {"joules_per_image": 2.5, "verdict": "measured"}},
        "gpus": [{"name": f"gpu-{place}", "utilisation": busy} for place in range(arm.devices)],
        "digest": digest,
    }


def written(tmp_path, runs, compared=None):
    made = Made("2026-01-02", {"gpu.name": "A GPU"}, {"torch": "2.0"})
    bulk_gpu_page.write(runs, compared or {}, {1: made}, tmp_path)
    json.loads((tmp_path / "bulk-gpu.json").read_text())
    return (tmp_path / "bulk-gpu.md").read_text()


def test_runs_are_set_beside_the_plain_one(tmp_path):
    arms = {Arm(3000): 100.0, Arm(3000, workers=2): 150.0, Arm(600, queue=False): 40.0}
    text = written(tmp_path, {arm.key: run(arm, rate) for arm, rate in arms.items()})
    assert "| eager bf16, batch 8, 2 processes | 150 | 1.50 x | 97 % (model) | 99 % | 2.5 |" in text
    assert "| eager bf16, batch 8, 1 process, no queue | 40.0 | 0.400 x | - |" in text
    assert "equal byte by byte in 1 of 1 setups that ran in several layouts (3 runs" in text
    assert text.index("| eager bf16, batch 8, 2 processes | 150 |") < text.index("| eager bf16, batch 8, 1 process |")


def test_an_idle_gpu_is_explained_by_what_the_run_named(tmp_path):
    idle = run(Arm(3000), 100.0, busy=60.0, bound="decode")
    text = written(tmp_path, {"one": idle, "two": run(Arm(3000, workers=2), 150.0, digest="b")})
    assert "in 1 of 2 runs with a queue on one GPU; of the others the run itself said that decode held it back" in text
    assert "equal byte by byte in 0 of 1 setups" in text


def test_one_process_for_all_gpus_is_set_beside_a_process_each(tmp_path):
    each, joined = Arm(12000, workers=4, devices=4), Arm(6000, workers=1, devices=4)
    runs = {Arm(3000).key: run(Arm(3000), 100.0), each.key: run(each, 380.0), joined.key: run(joined, 190.0)}
    text = written(tmp_path, runs)
    assert "4 GPUs with a process each do 3.80 x what one does." in text
    assert "One process for all 4 GPUs does 50 % of what 4 processes do (eager bf16, batch 8)." in text


def test_several_gpus_are_set_beside_one_of_the_same_machine_and_beside_commands_by_hand(tmp_path):
    each, hand = Arm(6000, workers=2, devices=2), Arm(6000, workers=BY_HAND, devices=2)
    runs = {Arm(3000).key: run(Arm(3000), 100.0), Arm(3000, turn=3).key: run(Arm(3000, turn=3), 90.0)}
    text = written(tmp_path, {**runs, each.key: run(each, 180.0), hand.key: run(hand, 200.0)})
    assert "2 GPUs with a process each do 2.00 x what one does." in text
    assert "One command with a process each does 90 % of what 2 commands by hand, one a GPU, do together." in text


def test_detections_are_set_beside_those_of_fp32_with_the_whole_name_of_the_setup(tmp_path):
    arm = Arm(4000, "eager+channels-last")
    said = {"images": 200, "matched": 150, "share_identical": 0.5, "least_iou": 0.75, "score_difference": None}
    text = written(tmp_path, {arm.key: run(arm, 100.0)}, {f"base {arm.key}": said})
    assert "| eager+channels-last bf16, batch 8, 1 process | 200 | 150 | 50 % | 0.75 | - |" in text


def test_what_did_not_run_is_shown_with_what_it_said(tmp_path):
    wrong = {"arm": asdict(Arm(4000, "aoti")), "images_per_s": None, "error": "note: so stopwatt: killed by SIGSEGV"}
    text = written(tmp_path, {"one": run(Arm(3000), 100.0), "two": wrong})
    assert "| aoti bf16, batch 8, 1 process | killed by SIGSEGV |" in text


def test_runs_have_names_of_their_own():
    arms = several(4)
    assert len({arm.key for arm in arms}) == len(arms)
