import time

import pytest
from machines import LAPTOP

from stopwatt.devices.usage import CpuUsage

STAT = "cpu  999 0 0 0 0 0 0 0 0 0\n" + "\n".join(f"cpu{n} {{}} 0 50 900 7 0 0 {{}} 0 0" for n in range(4))


def stat(busy: int, steal: int) -> str:
    return STAT.format(*(busy, steal) * 4)


def test_the_difference_of_two_snapshots_counts_the_allowed_cores_only(build):
    before = CpuUsage.read(build({**LAPTOP, "proc/stat": stat(100, 10)}))
    usage = CpuUsage.read(build({"proc/stat": stat(200, 30)})).since(before)
    assert usage.cpus == 3
    assert usage.busy_s == pytest.approx(3.0)  # 3 of 4 cores, 100 ticks of 10 ms each
    assert usage.steal_s == pytest.approx(0.6)


def test_throttling_between_two_snapshots_is_a_difference(build):
    before = CpuUsage.read(build(LAPTOP))
    counters = "nr_throttled 9\nthrottled_usec 750000"
    usage = CpuUsage.read(build({"sys/fs/cgroup/user.slice/cpu.stat": counters})).since(before)
    assert (usage.throttled_count, usage.throttled_s) == (5, 0.5)


def test_what_is_not_counted_is_absent_and_not_zero(build):
    host = build({})
    facts = CpuUsage.read(host).since(CpuUsage.read(host)).facts()
    assert "round.foreign_cores" not in facts
    assert "round.throttled_count" not in facts
    assert "round.steal_share" not in facts
    assert facts["round.major_faults"] == 0


def test_a_sandbox_that_shows_only_zeros_counts_nothing(build):
    zeros = "\n".join(f"cpu{n} 0 0 0 0 0 0 0 0 0 0" for n in range(4))
    assert CpuUsage.read(build({**LAPTOP, "proc/stat": zeros})).busy_s is None


def test_own_work_is_seen_and_is_not_foreign():
    before = CpuUsage.read()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    usage = CpuUsage.read().since(before)
    assert usage.own_s >= 0.1
    if usage.foreign_cores is not None:
        assert usage.foreign_cores <= usage.cpus + usage.resolution_cores
