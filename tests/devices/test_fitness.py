from dataclasses import replace

import pytest

from stopwatt.devices.fitness import REFUSES, judge, usable_threads
from stopwatt.devices.usage import Usage
from stopwatt.records import Severity

GOOD = {
    "cpu.logical": 8, "cpu.allowed": 8, "cpu.load": 0.1, "cpu.governor": "performance", "cpu.clock_source": "tsc",
    "memory.total": 100, "memory.available": 60, "memory.stalled": 0.0, "power.source": "mains",
}  # fmt: skip
GOOD_GPU = {**GOOD, "gpu.others": 0, "gpu.other_names": "none", "gpu.slowdown": "none", "gpu.driver": "580"}
CALM = Usage(
    seconds=10.0, cpus=8, busy_s=9.9, steal_s=0.0, own_s=9.8,
    throttled_count=0, throttled_s=0.0, involuntary_switches=3, major_faults=0, minor_faults=0,
)  # fmt: skip


def kinds(judgement):
    return [note.kind for note in judgement.notes]


def test_a_good_machine_gives_no_finding_before_or_after():
    assert judge(GOOD, threads=8) == judge(GOOD, GOOD, usage=CALM, threads=8)
    assert judge(GOOD, threads=8).fit
    assert kinds(judge(GOOD, threads=8)) == []


def test_a_machine_that_tells_nothing_gives_no_finding():
    unknown = Usage(1.0, 0, None, None, 0.5, None, None, 0, 0, 0)
    assert judge({}, {}, usage=unknown, threads=4).notes == ()


def test_a_quota_smaller_than_the_threads_refuses_and_names_the_threads_that_fit():
    judgement = judge({**GOOD, "cpu.quota": 2.5}, threads=4)
    assert not judgement.fit
    assert "2.5 cores" in judgement.failures[0].what
    assert judgement.failures[0].now == "--threads 2"


def test_a_quota_below_one_core_cannot_be_mended_with_threads():
    judgement = judge({**GOOD, "cpu.quota": 0.5}, threads=1)
    assert "--threads" not in judgement.failures[0].now
    assert "--cpus 1" in judgement.failures[0].now


def test_a_quota_that_is_large_enough_is_no_finding():
    assert judge({**GOOD, "cpu.quota": 2.0}, threads=2).fit


def test_what_refuses_becomes_a_note_when_it_is_allowed():
    judgement = judge({**GOOD, "cpu.quota": 1.0}, threads=4, allow=True)
    assert judgement.fit
    assert kinds(judgement) == ["cpu-quota"]


def test_after_a_round_nothing_refuses():
    judgement = judge({**GOOD, "cpu.quota": 1.0}, {**GOOD, "cpu.quota": 1.0}, usage=CALM, threads=4)
    assert judgement.fit
    assert kinds(judgement) == ["cpu-quota"]


def test_another_process_on_the_gpu_refuses_and_is_named():
    judgement = judge({**GOOD_GPU, "gpu.others": 1, "gpu.other_names": "pid 7 train (3.0 GiB)"}, device="cuda:0")
    assert "pid 7 train" in judgement.failures[0].what


def test_another_process_that_comes_during_the_round_is_a_note():
    judgement = judge(GOOD_GPU, {**GOOD_GPU, "gpu.others": 1}, device="cuda")
    assert judgement.fit
    assert kinds(judgement) == ["foreign-gpu-process"]


def test_the_gpu_does_not_matter_to_a_round_on_the_cpu():
    assert judge({**GOOD_GPU, "gpu.others": 3, "gpu.slowdown": "hardware thermal slowdown"}).notes == ()


def test_a_gpu_that_cannot_be_watched_is_noted():
    assert kinds(judge(GOOD, device="cuda")) == ["gpu-unwatched"]


def test_heat_of_the_gpu_is_a_warning_and_its_power_cap_is_information():
    hot = judge(GOOD_GPU, {**GOOD_GPU, "gpu.slowdown": "hardware thermal slowdown"}, device="cuda").notes[0]
    capped = judge(GOOD_GPU, {**GOOD_GPU, "gpu.slowdown": "power cap"}, device="cuda").notes[0]
    assert (hot.kind, hot.severity) == ("gpu-slowdown", Severity.WARNING)
    assert (capped.kind, capped.severity) == ("gpu-slowdown", Severity.INFO)


def test_more_threads_than_cores_are_noted_with_the_number_that_fits():
    judgement = judge({**GOOD, "cpu.allowed": 2}, threads=6)
    assert kinds(judgement) == ["too-many-threads"]
    assert judgement.notes[0].now == "--threads 2"


@pytest.mark.parametrize(
    ("load", "threads", "noted"), [(0.4, 8, False), (0.6, 8, True), (6.0, 2, False), (7.0, 2, True)]
)
def test_a_load_matters_where_it_leaves_too_few_cores(load, threads, noted):
    assert ("load" in kinds(judge({**GOOD, "cpu.load": load}, threads=threads))) is noted


def test_after_a_round_the_load_average_is_not_judged_for_it_contains_the_round():
    assert kinds(judge({**GOOD, "cpu.load": 8.0}, GOOD, usage=CALM, threads=8)) == []


def test_other_processes_that_took_cores_from_the_round_are_noted():
    judgement = judge(GOOD, GOOD, usage=replace(CALM, busy_s=25.0))
    assert kinds(judgement) == ["foreign-cpu"]
    assert "1.5 of the 8 cores" in judgement.notes[0].text


def test_a_round_too_short_for_the_kernels_ticks_accuses_nobody():
    short = replace(CALM, seconds=0.02, busy_s=0.05, own_s=0.02)
    assert kinds(judge(GOOD, GOOD, usage=short)) == []


@pytest.mark.parametrize(
    ("usage", "kind"),
    [
        (replace(CALM, steal_s=1.0), "steal"),
        (replace(CALM, throttled_count=5, throttled_s=0.4), "cpu-throttled"),
        (replace(CALM, major_faults=2), "page-faults"),
    ],
)
def test_what_disturbed_the_trials_is_noted(usage, kind):
    assert kinds(judge(GOOD, GOOD, usage=usage)) == [kind]


@pytest.mark.parametrize(
    ("fact", "value", "kind", "severity"),
    [
        ("cpu.governor", "powersave", "governor", Severity.WARNING),
        ("cpu.governor", "schedutil", "governor", Severity.INFO),
        ("cpu.clock_source", "hpet", "slow-clock", Severity.WARNING),
        ("memory.stalled", 12.0, "memory-pressure", Severity.WARNING),
        ("memory.available", 2, "memory-pressure", Severity.WARNING),
        ("power.source", "battery", "battery", Severity.WARNING),
    ],
)
def test_each_bad_fact_is_noted(fact, value, kind, severity):
    (note,) = judge({**GOOD, fact: value}).notes
    assert (note.kind, note.severity) == (kind, severity)


def test_powersave_of_a_driver_that_sets_clocks_itself_is_information():
    (note,) = judge({**GOOD, "cpu.governor": "powersave", "cpu.scaling_driver": "intel_pstate"}).notes
    assert note.severity is Severity.INFO


def test_throttling_for_heat_is_the_growth_of_the_counter():
    before, after = {**GOOD, "cpu.thermal_throttles": 7}, {**GOOD, "cpu.thermal_throttles": 9}
    assert kinds(judge(before)) == []
    assert kinds(judge(before, before)) == []
    assert "2 times" in judge(before, after).notes[0].text


def test_a_machine_that_changes_during_the_round_is_noted():
    judgement = judge(GOOD, {**GOOD, "cpu.governor": "powersave", "cpu.scaling_driver": "intel_pstate"})
    assert "environment-changed" in kinds(judgement)
    assert "governor: performance / powersave" in judgement.notes[-1].text


def test_every_finding_says_what_to_do():
    bad = {
        "cpu.logical": 2, "cpu.allowed": 2, "cpu.load": 9.0, "cpu.quota": 0.5, "cpu.governor": "powersave",
        "cpu.clock_source": "hpet", "memory.stalled": 50.0, "power.source": "battery",
        "gpu.others": 1, "gpu.other_names": "pid 7", "gpu.slowdown": "power brake", "cpu.thermal_throttles": 1,
    }  # fmt: skip
    usage = Usage(10.0, 2, 20.0, 5.0, 1.0, 3, 0.5, 9, 9, 9)
    after = {**bad, "cpu.thermal_throttles": 2}
    judgements = [judge(bad, threads=4, device="cuda"), judge(bad, after, usage=usage, threads=4, device="cuda")]
    for judgement in judgements:
        assert all(trouble.now for trouble in judgement.failures)
        assert all(note.now and note.text for note in judgement.notes)
    assert len(judgements[0].failures) == len(REFUSES)


@pytest.mark.parametrize(
    ("facts", "threads"),
    [
        ({"cpu.allowed": 4}, 4),
        ({"cpu.allowed": 4, "cpu.quota": 2.9}, 2),
        ({"cpu.allowed": 4, "cpu.quota": 0.5}, 1),
        ({}, 1),
    ],
)
def test_the_default_number_of_threads_fits_the_machine(facts, threads):
    assert usable_threads(facts) == threads
