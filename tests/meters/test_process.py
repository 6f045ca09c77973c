import os
import time

import pytest

from stopwatt.energy import CHANNELS
from stopwatt.meters.lineage import Lineage
from stopwatt.meters.process import Kernel, Process
from stopwatt.records import Unavailable

SYS = "sys/devices/system/cpu"
MACHINE = {
    "proc/stat": "cpu 0\ncpu0 100 0 100 9 9 0 0 7 0 0\ncpu1 100 0 0 9 9 0 0 3 0 0\ncpu2 500 0 0 9 9 0 0 9 0 0",
    "proc/self/status": "Cpus_allowed_list:\t0-1",
    "proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    "proc/self/cgroup": "0::/",
    "sys/fs/cgroup/cpu.stat": "nr_throttled 4\nthrottled_usec 250000",
    f"{SYS}/cpu0/cpufreq/scaling_cur_freq": "3000000",
    f"{SYS}/cpu1/cpufreq/scaling_cur_freq": "2000000",
    f"{SYS}/cpu0/thermal_throttle/package_throttle_count": "5",
    f"{SYS}/cpu1/thermal_throttle/package_throttle_count": "5",
    f"{SYS}/cpu0/topology/physical_package_id": "0",
    f"{SYS}/cpu1/topology/physical_package_id": "0",
    "sys/class/hwmon/hwmon0/name": "coretemp",
    "sys/class/hwmon/hwmon0/temp1_input": "54000",
}


def stat(parent, *, major=0, of_children=0, times=(0, 0, 0, 0), pages=0):
    """Columns of proc_pid_stat(5), from the state on."""
    columns = ["S", parent, *[0] * 7, major, of_children, *times, *[0] * 6, pages, 0]
    return "7 (a ) name) " + " ".join(map(str, columns))


def test_the_kernels_counters_are_read_in_base_units(build):
    (one,) = Process(build(MACHINE)).find("cpu")
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert one.count() is None
    found = one.state()
    assert found == {
        "busy": pytest.approx(300 * tick), "steal": pytest.approx(10 * tick), "throttled_count": 4, "throttled": 0.25,
        "cpu_clock": 2500, "temperature": 54, "heat_throttles": 5,
    }  # fmt: skip
    assert set(found) <= set(CHANNELS)


def test_what_a_machine_does_not_tell_is_absent(build):
    host = build({"proc/stat": "cpu 0 0 0 0", "proc/self/status": "Cpus_allowed_list:\t0"})
    assert Process(host).find()[0].state() == {}


def test_without_proc_there_is_no_instrument(build):
    assert isinstance(Process(build({})).find(), Unavailable)


def test_the_peak_of_memory_is_the_kernels_mark_of_the_largest_process_also_of_one_that_has_ended(build):
    files = {
        **MACHINE,
        "proc/10/stat": stat(1, pages=2), "proc/10/task/10/status": "VmHWM:\t     900 kB",
        "proc/11/stat": stat(10, pages=2), "proc/11/task/11/status": "VmHWM:\t    5000 kB",
    }  # fmt: skip
    one = Kernel(build(files), own=13)
    one.follow(10)
    assert one.state()["resident_peak"] == 5000 * 1024
    build({"proc/11/task/11/status": "Name:\tover"})
    assert one.state()["resident_peak"] == 5000 * 1024


def test_a_process_is_counted_with_its_descendants_and_without_the_sampler(build):
    host = build({
        **MACHINE,
        "proc/10/stat": stat(1, times=(100, 0, 0, 0), pages=2, major=1),
        "proc/11/stat": stat(10, times=(0, 100, 50, 50), pages=1, of_children=3),
        "proc/12/stat": stat(11, times=(100, 0, 0, 0)),
        "proc/13/stat": stat(10, times=(9000, 0, 0, 0)),
        "proc/99/stat": stat(1, times=(9000, 0, 0, 0)),
    })  # fmt: skip
    one = Kernel(host, own=13)
    assert "own" not in one.state(), "nobody is followed"
    assert "resident_peak" not in one.state()
    one.follow(10)
    found = one.state()
    assert found["own"] == pytest.approx(400 / os.sysconf("SC_CLK_TCK"))
    assert (found["major_faults"], found["resident"]) == (4, 3 * os.sysconf("SC_PAGE_SIZE"))


def test_descendants_that_come_at_the_beginning_or_together_are_found_at_once(build):
    one = Kernel(build({**MACHINE, "proc/10/stat": stat(1, times=(100, 0, 0, 0))}), own=13)
    one.follow(10)
    for count in range(1, 25):  # one new child at each reading, longer than the first readings last
        found = one.state()
        assert found["own"] == pytest.approx(100 * count / os.sysconf("SC_CLK_TCK"))
        build({f"proc/{100 + count}/stat": stat(10, times=(100, 0, 0, 0))})


def test_descendants_are_those_that_threads_have_started(build):
    threads = {
        "proc/10/task/10/children": "11", "proc/10/task/20/children": "12 13", "proc/11/task/11/children": "",
        "proc/12/task/12/children": "14", "proc/14/task/14/children": "", "proc/13/task/13/children": "15",
    }  # fmt: skip
    everybody = {f"proc/{pid}/stat": stat(1) for pid in (10, 11, 12, 13, 14, 15, 99)}
    assert sorted(Lineage(build({**threads, **everybody}), 10, without=13).look()) == [10, 11, 12, 14]


def test_switches_of_threads_that_ended_stay_counted(build):
    host = build({"proc/10/stat": stat(1)})
    status = {thread: host.root / f"proc/10/task/{thread}/status" for thread in (10, 20)}
    for thread, path in status.items():
        path.parent.mkdir(parents=True)
        path.write_text(f"nonvoluntary_ctxt_switches:\t{thread}\n")
    lineage = Lineage(host, 10)
    assert lineage.used().switches == 30
    status[20].unlink()
    status[20].parent.rmdir()
    status[10].write_text("nonvoluntary_ctxt_switches:\t13\n")
    assert lineage.used().switches == 33


def test_a_process_that_has_ended_is_absent_not_zero(build):
    one = Kernel(build(MACHINE), own=1)
    one.follow(4_000_000)
    assert "own" not in one.state()


def test_own_time_of_this_process_grows_with_its_work():
    lineage = Lineage(Process()._host, os.getpid())
    before = lineage.used()
    begin = time.process_time()
    while time.process_time() - begin < 0.1:
        pass
    assert lineage.used().own_s - before.own_s > 0.05
    assert before.resident > 2**20


def test_of_many_cpus_only_some_clocks_are_read(build):
    clocks = {f"{SYS}/cpu{n}/cpufreq/scaling_cur_freq": "1000000" for n in range(64)}
    one = Kernel(build({**clocks, "proc/self/status": "Cpus_allowed_list:\t0-63"}), own=1)
    assert one.state() == {"cpu_clock": 1000}
    assert "the clock is the mean of 16 of 64 CPUs" in one.about.quirks
